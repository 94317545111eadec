"""What the pages tell the reader to type: fenced blocks, in order.

    ```sh                 run, must succeed
    ```sh status=2        run, must end with that status
    ```sh background      started, and stopped with SIGTERM after the last page: must end with 0
    ```sh elsewhere       not run here (needs root, hardware or another test): its syntax is checked
    ```yaml NAME          written to that file first; likewise ```suricata NAME
    ```text               behind a run block: each line must occur in what that printed
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```(\w+)[ ]*([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TIMEOUT = 240


class Block:
    def __init__(self, page, line, kind, words, text):
        self.where = "%s:%d" % (page, line)
        self.kind, self.words, self.text = kind, words.split(), text

    def status(self):
        return next((int(w[7:]) for w in self.words if w.startswith("status=")), 0)


def blocks_of(path):
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(TOP))
    return [Block(name, text.count("\n", 0, m.start()) + 1, *m.groups()) for m in BLOCK.finditer(text)]


class Desk:
    """A folder that looks like the top of the tree; what the pages write stays in it.

    Ports of the pages are replaced by those of 'ports', {page's: ours}."""

    def __init__(self, folder, build, ports):
        self.folder, self.ports, self.background = pathlib.Path(folder), ports, []
        for name in ("scripts", "pcaps", "rules", "docs"):
            (self.folder / name).symlink_to(TOP / name)
        (self.folder / "build").symlink_to(build)
        shutil.copy(TOP / "pcaps" / "http-attack.pcap", self.folder / "capture.pcap")

    def with_ports(self, text):
        for theirs, ours in self.ports.items():
            text = re.sub(r"(?<=[: ])%d\b" % theirs, str(ours), text)
        return text

    def run(self, block):
        """(None or what went wrong, output)"""
        if "elsewhere" in block.words:
            done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
            return (None if done.returncode == 0 else done.stderr), ""
        if "background" in block.words:
            self.start(block)
            return None, ""
        try:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.with_ports(block.text)], cwd=self.folder,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired as late:
            return "no end within %d s" % TIMEOUT, str(late.output)
        wrong = None if done.returncode == block.status() else "status %d" % done.returncode
        return wrong, done.stdout

    def start(self, block):
        log = open(self.folder / ("background-%d.log" % len(self.background)), "w+", encoding="utf-8")
        process = subprocess.Popen(["bash", "-c", "exec " + self.with_ports(block.text).strip()], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.background.append((block, process, log))

    def stop(self):
        """[(block, what went wrong or None, output)] of everything that was left running."""
        found = []
        for block, process, log in reversed(self.background):
            wrong = None
            if process.poll() is not None:
                wrong = "ended by itself with status %d" % process.returncode
            else:
                process.send_signal(signal.SIGTERM)
                try:
                    status = process.wait(60)
                    wrong = None if status == 0 else "ended with status %d" % status
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    wrong = "did not stop"
            log.seek(0)
            found.append((block, wrong, log.read()))
            log.close()
        self.background = []
        return found


def run_pages(paths, desk, report):
    """Runs all blocks; report(name, what went wrong or None, output) once each."""
    output = None
    for path in paths:
        for block in blocks_of(path):
            if block.kind in ("yaml", "suricata") and block.words:
                (desk.folder / block.words[0]).write_text(desk.with_ports(block.text), encoding="utf-8")
                output = None
            elif block.kind == "sh":
                wrong, output = desk.run(block)
                first = next((l for l in block.text.splitlines() if l.strip()), "")
                report("%s: %s" % (block.where, first[:70]), wrong, output)
                if "background" in block.words or "elsewhere" in block.words:
                    output = None
            elif block.kind == "text" and output is not None:
                missing = [l for l in block.text.splitlines() if l.strip() and l.strip() not in output]
                report("%s: its output" % block.where,
                       "not printed: " + " | ".join(missing) if missing else None, output)
                output = None


def environment():
    """No proxy for loopback."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = "127.0.0.1,localhost," + os.environ.get(name, "")
