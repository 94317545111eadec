"""A run from its first packet to its end: signals, files, and that it can be repeated."""
import collections
import os
import pty
import re
import signal
import subprocess
import time

from support import captures, sensor

ATTACK = sensor.PCAPS / "http-attack.pcap"
RULES = """
alert http any any -> any any (msg:"get"; http.method; content:"GET"; sid:1;)
alert dns any any -> any any (msg:"name"; dns.query; content:"."; sid:2;)
alert tls any any -> any any (msg:"hello"; tls.sni; content:"."; sid:3;)
alert tcp any any -> any any (msg:"syn"; flags:S; sid:4;)
alert icmp any any -> any any (msg:"ping"; itype:8; sid:5;)
"""


def slowly(seconds, capture=ATTACK):
    """The --speed at which a capture takes that long."""
    return "%g" % (captures.duration(capture) / seconds)


def identities(events):
    return [e["civicshield"]["id"] for e in events]


# ---- The same again ----

def test_two_runs_are_byte_identical_and_workers_change_nothing(tmp_path):
    """All captures that we have; rules that keep state across flows are left out."""
    rules = tmp_path / "x.rules"
    rules.write_text(RULES)
    found = {}
    for name, workers in (("one", 1), ("again", 1), ("two", 2), ("four", 4), ("four again", 4)):
        for capture in sorted(sensor.PCAPS.glob("*.pcap")):
            out = tmp_path / name / capture.stem
            done = sensor.run("-q", "-r", capture, "-S", rules, "-w", workers, "-l", out)
            assert done.returncode == 0, done.stderr
            found.setdefault(capture.stem, {})[name] = (out / "eve.json").read_bytes(), sensor.events(out)
    assert len(found) > 10
    for capture, runs in found.items():
        assert runs["one"][0] == runs["again"][0], capture
        sets = {name: collections.Counter(map(sensor.same, events)) for name, (_, events) in runs.items()}
        assert sets["one"] == sets["two"] == sets["four"] == sets["four again"], capture
        for _, events in runs.values():
            assert events and len(set(identities(events))) == len(events), capture
    alerts = {e["alert"]["signature_id"] for runs in found.values() for e in runs["four"][1]
              if e["event_type"] == "alert"}
    assert alerts == {1, 2, 3, 4, 5}


def test_a_folder_gives_the_same_with_any_number_of_workers(tmp_path):
    done = sensor.run("-r", sensor.PCAPS, "-w", 1, "-l", tmp_path / "refused")
    assert done.returncode == 1, "pcaps/ holds a README and a script, which are no captures"
    folder = tmp_path / "captures"
    folder.mkdir()
    for capture in sensor.PCAPS.glob("*.pcap"):
        (folder / capture.name).symlink_to(capture)
    sets = []
    for workers in (1, 4):
        done = sensor.run("-r", folder, "-w", workers, "-l", tmp_path / str(workers))
        assert done.returncode == 0, done.stderr
        sets.append(collections.Counter(map(sensor.same, sensor.events(tmp_path / str(workers)))))
        assert sensor.ledger(done.stderr)["busy"] == 0
    assert sets[0] == sets[1]


# ---- Signals ----

def test_hangup_opens_the_file_anew(tmp_path):
    """As logrotate does it: move, signal, and the rest goes to a new file, nothing lost."""
    eve, old = tmp_path / "eve.json", tmp_path / "eve.json.1"
    for workers in (1, 3):
        live = sensor.Live("-r", ATTACK, "--speed", slowly(3), "-l", tmp_path, "-w", workers)
        sensor.wait_until(lambda: eve.exists() and eve.stat().st_size, what="an event in eve.json")
        eve.rename(old)
        live.process.send_signal(signal.SIGHUP)
        sensor.wait_until(eve.exists, 2, "a new eve.json")
        size = old.stat().st_size
        assert live.process.poll() is None, "it ended before: the test shows nothing"
        status, err = live.wait()
        assert status == 0, err
        assert old.stat().st_size == size, "it wrote into the old file"
        before, after = sensor.events(old), sensor.events(tmp_path)
        assert before and after
        assert len(before) + len(after) == sensor.ledger(err)["lines"]
        assert len(set(identities(before + after))) == len(before + after)
        done = sensor.run("-q", "-r", ATTACK, "-l", tmp_path / "whole")
        assert collections.Counter(map(sensor.same, before + after)) == \
            collections.Counter(map(sensor.same, sensor.events(tmp_path / "whole")))
        assert done.returncode == 0
        eve.unlink()
        (tmp_path / "whole" / "eve.json").unlink()


def test_a_stop_ends_the_run_in_order(tmp_path):
    for number in (signal.SIGTERM, signal.SIGINT):
        for workers in (1, 3):
            live = sensor.Live("-r", ATTACK, "--speed", slowly(60), "-l", tmp_path, "-w", workers)
            sensor.wait_until(lambda: sensor.events(tmp_path) if (tmp_path / "eve.json").exists() else 0,
                              what="an event")
            start = time.monotonic()
            status, err = live.stop(number)
            assert time.monotonic() - start < 5
            assert status == 0, err
            figures = sensor.ledger(err)
            assert 0 < figures["read"] and figures["lines"] == len(sensor.events(tmp_path))
            assert sensor.events(tmp_path, "flow"), "open flows are told of at the end"
            (tmp_path / "eve.json").unlink()


# ---- What it writes ----

def test_a_full_disk_is_status_1_and_said_once():
    done = sensor.run("-r", sensor.PCAPS / "http-browse.pcap", "--eve", "/dev/full")
    assert done.returncode == 1
    assert done.stderr.count("No space left") == 1


def test_a_reader_that_goes_away_is_status_1(tmp_path):
    with subprocess.Popen([str(sensor.SENSOR), "-r", sensor.PCAPS / "http-browse.pcap", "--eve", "-"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) == 1
    assert "Broken pipe" in err


def test_a_terminal_sees_progress_and_a_file_does_not(tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen([str(sensor.SENSOR), "-r", ATTACK, "--speed", slowly(4), "-l", tmp_path],
                          stdin=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        try:
            while True:
                text += os.read(ours, 4096)
        except OSError:                 # The other end is closed: the program has ended.
            pass
        finally:
            os.close(ours)
        assert process.wait(60) == 0
    assert re.search(r"\r +\d+ packets +\d+/s +\d+%  \d+:[0-5]\d left", text.decode()), text
    done = sensor.run("-r", ATTACK, "--speed", slowly(2), "-l", tmp_path)
    assert done.returncode == 0 and "\r" not in done.stderr and " left " not in done.stderr.split("frames")[0]
