"""Runs civicshield-sensor in tests."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("CIVICSHIELD_BUILD", TOP / "build-test"))
SENSOR = BUILD / "sensor" / "civicshield-sensor"
PCAPS = TOP / "pcaps"


def run(*arguments, stdin=None, timeout=120, cwd=None, env=None):
    """Runs to the end; returns the finished process with text output."""
    return subprocess.run([str(SENSOR), *map(str, arguments)], stdin=stdin or subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          timeout=timeout, cwd=cwd, check=False, env=env)


def events(folder, kind=None):
    """The records of a folder's eve.json, of one event type or all."""
    path = pathlib.Path(folder)
    path = path / "eve.json" if path.is_dir() else path
    with open(path, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines if line.strip()]
    return [e for e in found if kind in (None, e["event_type"])]


class Live:
    """A sensor that runs until it is told to stop."""

    def __init__(self, *arguments, prefix=(), env=None):
        self.process = subprocess.Popen([*prefix, str(SENSOR), *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace", env=env)

    def stop(self, number=signal.SIGTERM, timeout=60):
        """(exit status, standard error)"""
        self.process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout=60):
        try:
            _, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, err = self.process.communicate()
            raise AssertionError("the sensor did not stop: " + err)
        return self.process.returncode, err


def ledger(err):
    """The figures of a summary: what became of frames, what was lost before, the events."""
    lines = {line.split()[0]: line for line in err.splitlines() if line.split()}
    figures = dict(zip(("read", "decoded", "filtered", "busy"), numbers(lines["frames"])))
    figures["lost"] = sum(numbers(lines.get("lost", "")))
    figures["made"], figures["lines"] = numbers(lines["events"])[:2]
    figures.update(zip(("offered", "acknowledged", "held", "shed"), numbers(lines.get("collector", ""))))
    assert "NOT balance" not in err
    return figures


def numbers(line):
    return [int(n) for n in re.findall(r"\d+", line)]


def same(event, *without):
    """An event as text without what hangs on the run: its identity, and nDPI's word, which may
    depend on the order of flows."""
    masked = ("civicshield", "ndpi", *without)
    return json.dumps({k: v for k, v in event.items() if k not in masked}, sort_keys=True)


def wait_until(condition, seconds=30, what="the condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("%s did not come about within %d s" % (what, seconds))
