"""The sensor as its users meet it: options, errors, exit statuses, files."""
import gzip
import json
import os
import pathlib
import pwd
import shutil
import signal
import stat
import subprocess
import time

import pytest

from support import sensor

GOOD = 'alert http any any -> any any (msg:"page"; http.uri; content:"index"; sid:1;)\n'
BAD = 'alert tcp any any -> any any (msg:"odd"; contnet:"x"; sid:2;)\n'


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "x.rules"
    path.write_text(GOOD)
    return path


def test_replays_without_configuration_or_collector(tmp_path, rules):
    done = sensor.run("-r", sensor.PCAPS / "http-browse.pcap", "-S", rules, "-l", tmp_path / "deep" )
    assert done.returncode == 0, done.stderr
    alerts = sensor.events(tmp_path / "deep", "alert")
    assert {a["alert"]["signature_id"] for a in alerts} == {1}
    assert len(sensor.events(tmp_path / "deep", "http")) >= 5
    assert "NOT balance" not in done.stderr


def test_help_and_version_go_to_standard_output():
    for word in ("--help", "--version"):
        done = sensor.run(word)
        assert done.returncode == 0 and "civicshield-sensor" in done.stdout and not done.stderr


@pytest.mark.parametrize("arguments", [[], ["--nonsense"], ["-r", "x", "-i", "eth0"], ["-r", "x", "-k", "some"],
                                       ["-r", "x", "--speed", "0"]])
def test_wrong_usage_is_status_2(arguments):
    done = sensor.run(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr or "error:" in done.stderr


def test_eve_goes_to_standard_output_and_capture_comes_from_standard_input():
    with open(sensor.PCAPS / "dns-ask.pcap", "rb") as capture:
        done = sensor.run("-q", "-r", "-", "--eve", "-", stdin=capture)
    assert done.returncode == 0
    kinds = {json.loads(line)["event_type"] for line in done.stdout.splitlines()}
    assert {"dns", "flow"} <= kinds


def test_a_folder_is_read_whole(tmp_path):
    captures = tmp_path / "captures"
    captures.mkdir()
    for name in ("dns-ask", "http-ipv6"):
        shutil.copy(sensor.PCAPS / (name + ".pcap"), captures)
    done = sensor.run("-r", captures, "-l", tmp_path)
    assert done.returncode == 0
    assert sensor.events(tmp_path, "dns") and sensor.events(tmp_path, "http")


def test_a_filter_narrows_and_its_drops_are_in_the_ledger(tmp_path):
    done = sensor.run("-r", sensor.PCAPS / "dns-ask.pcap", "-l", tmp_path, "udp", "and", "port", "53")
    assert done.returncode == 0
    assert {e["proto"] for e in sensor.events(tmp_path, "flow")} == {"UDP"}
    line = next(l for l in done.stderr.splitlines() if l.startswith("frames"))
    read, decoded, filtered = (int(line.split()[i]) for i in (1, 4, 7))
    assert read == decoded + filtered and filtered > 0


@pytest.mark.parametrize("text, line, column, expected", [
    ("workers: many\n", 1, 10, "whole number"),
    ("wrokers: 2\n", 1, 10, 'did you mean "workers"'),
    ("stream:\n  depth: [1]\n", 2, 10, "size"),
    ("workers: 2\n\tx: 1\n", 2, 1, "YAML"),
])
def test_a_wrong_configuration_is_named_with_its_place(tmp_path, text, line, column, expected):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    done = sensor.run("-c", path, "-r", sensor.PCAPS / "ping.pcap")
    assert done.returncode == 2
    assert "%s:%d:%d: error:" % (path, line, column) in done.stderr
    assert expected in done.stderr


def test_a_wrong_filter_and_a_missing_capture_are_status_2(tmp_path):
    assert sensor.run("-r", sensor.PCAPS / "ping.pcap", "port", "hugo").returncode == 2
    done = sensor.run("-r", tmp_path / "none.pcap")
    assert done.returncode == 2 and "none.pcap: error: cannot be read" in done.stderr


def test_a_wrong_rule_is_reported_and_the_good_ones_run(tmp_path):
    rules = tmp_path / "x.rules"
    rules.write_text(BAD + GOOD)
    capture = sensor.PCAPS / "http-browse.pcap"
    done = sensor.run("-r", capture, "-S", rules, "-l", tmp_path)
    assert done.returncode == 0
    assert "x.rules:1:" in done.stderr and 'did you mean "content"' in done.stderr
    assert sensor.events(tmp_path, "alert")
    assert sensor.run("-T", "-S", rules).returncode == 2
    assert sensor.run("-r", capture, "-S", rules, "--strict").returncode == 2
    rules.write_text(GOOD)
    assert sensor.run("-T", "-S", rules).returncode == 0


def test_a_capture_cut_short_gives_what_is_whole_and_status_1(tmp_path):
    whole = (sensor.PCAPS / "http-browse.pcap").read_bytes()
    short = tmp_path / "short.pcap"
    short.write_bytes(whole[:-30])
    done = sensor.run("-r", short, "-l", tmp_path)
    assert done.returncode == 1
    assert "not whole" in done.stderr
    assert sensor.events(tmp_path, "http")


def test_an_ordinary_user_replays(tmp_path):
    nobody = pwd.getpwnam("nobody")
    if os.geteuid() != 0:
        pytest.fail("this test changes the user and needs root")
    home = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        program = home / "sensor"
        shutil.copy(sensor.SENSOR, program)
        shutil.copy(sensor.PCAPS / "ping.pcap", home)
        home.chmod(0o777)
        done = subprocess.run([program, "-r", home / "ping.pcap", "-l", home / "out"], user=nobody.pw_uid,
                              group=nobody.pw_gid, extra_groups=[], stderr=subprocess.PIPE, text=True,
                              env={"PATH": os.environ["PATH"]}, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert sensor.events(home / "out", "flow")
    finally:
        shutil.rmtree(home)


def test_hangup_opens_the_file_anew(tmp_path):
    """As logrotate does it: move, signal, and the rest goes to a new file."""
    live = sensor.Live("-q", "-r", sensor.PCAPS / "http-attack.pcap", "--speed", "0.5", "-l", tmp_path,
                       "--set", "outputs.types.anomaly=no")
    eve = tmp_path / "eve.json"
    sensor.wait_until(eve.exists, what="eve.json")
    eve.rename(tmp_path / "eve.json.1")
    live.process.send_signal(signal.SIGHUP)
    status, err = live.wait()
    assert status == 0, err
    before = sensor.events(tmp_path / "eve.json.1") if (tmp_path / "eve.json.1").stat().st_size else []
    after = sensor.events(tmp_path)
    assert after
    numbers = [e["civicshield"]["id"] for e in before + after]
    assert len(set(numbers)) == len(numbers)
    assert {e["event_type"] for e in before + after} >= {"http", "flow"}


def test_a_stop_ends_the_run_in_order(tmp_path):
    live = sensor.Live("-r", sensor.PCAPS / "http-attack.pcap", "--speed", "0.001", "-l", tmp_path)
    sensor.wait_until((tmp_path / "eve.json").exists, what="eve.json")
    time.sleep(0.3)
    status, err = live.stop()
    assert status == 0, err
    assert "frames" in err and "NOT balance" not in err


def test_a_full_disk_is_status_1_and_said_once(tmp_path):
    done = sensor.run("-r", sensor.PCAPS / "http-browse.pcap", "--eve", "/dev/full")
    assert done.returncode == 1
    assert done.stderr.count("No space left") == 1


def test_the_defaults_can_be_printed_and_read_back(tmp_path):
    done = sensor.run("--dump-config")
    assert done.returncode == 0
    path = tmp_path / "all.yaml"
    path.write_text(done.stdout)
    assert sensor.run("-T", "-c", path).returncode == 0
