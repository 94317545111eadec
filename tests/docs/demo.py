"""Tests scripts/demo: what it ends with, and that it leaves nothing behind."""
import os
import pathlib
import re
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DEMO = str(TOP / "scripts" / "demo")


def processes(build):
    """Command lines of processes that work in a folder of a demo."""
    mark, found = str(build / "demo.").encode(), []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if mark in line:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def remains(build, folders_before):
    """None, or what a demo left behind."""
    deadline = time.monotonic() + 10
    while processes(build) and time.monotonic() < deadline:
        time.sleep(0.2)
    if processes(build):
        return "still running: " + "; ".join(processes(build))
    left = {str(p) for p in build.glob("demo.*")} - folders_before
    return "left behind: " + ", ".join(sorted(left)) if left else None


def run(build, *arguments, timeout=600, **environment):
    done = subprocess.run([DEMO, *arguments], env=dict(os.environ, BUILD_FOLDER=str(build), **environment),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False)
    return done.returncode, done.stdout


def check_whole(build, before):
    status, output = run(build)
    counts = re.search(r"(\d+) found; the sensor has sent (\d+)", output)
    if status != 0 or counts is None or counts[1] != counts[2]:
        return "status %d" % status, output
    for word in ("civicshield.http", "civicshield.dns", "civicshield.alert", "CS WEB path traversal", "curl -s"):
        if word not in output:
            return "it does not show " + word, output
    return remains(build, before), output


def check_nothing_found(build, before, url):
    status, output = run(build, str(TOP / "pcaps" / "ping.pcap"), ELASTICSEARCH_URL=url,
                         ELASTICSEARCH_USER="nobody", CIVICSHIELD_ELASTICSEARCH_PASSWORD="none")
    if status != 1 or "no alerts were found" not in output:
        return "status %d" % status, output
    for folder in {str(p) for p in build.glob("demo.*")} - before:    # It keeps its logs then.
        subprocess.run(["rm", "-rf", folder], check=True)
    return remains(build, before), output


def check_keep_and_stop(build, before, url):
    status, output = run(build, "--keep", ELASTICSEARCH_URL=url)
    folder = re.search(r"scripts/demo --stop (\S+)", output)
    if status != 0 or folder is None:
        return "status %d" % status, output
    kept = processes(build)
    status, stopped = run(build, "--stop", folder[1])
    if not any("civicshield-collector" in line for line in kept):
        return "nothing was kept running", output
    return "status %d" % status if status != 0 else remains(build, before), output + stopped


def check_interrupted(build, before, mark, number):
    """Told to stop when it prints 'mark'."""
    process = subprocess.Popen([DEMO], env=dict(os.environ, BUILD_FOLDER=str(build)), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    output = ""
    for line in process.stdout:
        output += line
        if mark in line:
            time.sleep(1)
            process.send_signal(number)
            break
    output += process.stdout.read()
    status = process.wait(60)
    if status != 128 + number:
        return "status %d" % status, output
    for folder in {str(p) for p in build.glob("demo.*")} - before:
        subprocess.run(["rm", "-rf", folder], check=True)
    return remains(build, before), output


def check(build, url, report):
    before = {str(p) for p in build.glob("demo.*")}
    report("demo shows alerts and protocol events and leaves nothing", *check_whole(build, before))
    report("demo fails when there is no alert", *check_nothing_found(build, before, url))
    report("demo --keep keeps, --stop stops", *check_keep_and_stop(build, before, url))
    report("an interrupt at the start of Elasticsearch leaves nothing",
           *check_interrupted(build, before, "starting Elasticsearch", signal.SIGINT))
    report("a termination at the start of the collector leaves nothing",
           *check_interrupted(build, before, "starting the collector", signal.SIGTERM))
    status, output = run(build, "--nosuch")
    report("demo refuses an unknown option", None if status == 2 and "--help" in output else "status %d" % status,
           output)
