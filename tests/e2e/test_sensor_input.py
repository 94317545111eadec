"""Where a replay's packets come from: files, folders, standard input, whole or not."""
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

import pytest

from support import captures, sensor

BROWSE = sensor.PCAPS / "http-browse.pcap"
DNS = sensor.PCAPS / "dns-ask.pcap"


def replayed(tmp_path, name, capture, *arguments):
    """The events of a capture, as sorted texts without the run's identity."""
    done = sensor.run("-r", capture, "-l", tmp_path / name, *arguments)
    assert done.returncode == 0, done.stderr
    found = sorted(sensor.same(e) for e in sensor.events(tmp_path / name))
    assert found and sensor.ledger(done.stderr)["lines"] == len(found)
    return found


def test_eve_goes_to_standard_output_and_capture_comes_from_standard_input(tmp_path):
    with open(DNS, "rb") as capture:
        done = sensor.run("-q", "-r", "-", "--eve", "-", stdin=capture)
    assert done.returncode == 0 and not done.stderr
    found = sorted(sensor.same(json.loads(line)) for line in done.stdout.splitlines())
    assert found == replayed(tmp_path, "file", DNS)


def test_a_pipe_is_read_to_its_end(tmp_path):
    with subprocess.Popen(["cat", BROWSE], stdout=subprocess.PIPE) as cat:
        done = sensor.run("-r", "-", "-l", tmp_path / "pipe", stdin=cat.stdout)
    assert done.returncode == 0, done.stderr
    assert sorted(sensor.same(e) for e in sensor.events(tmp_path / "pipe")) == \
        replayed(tmp_path, "file", BROWSE)


def test_a_named_pipe_is_read_to_its_end(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', BROWSE, pipe]):
        assert replayed(tmp_path, "named", pipe) == replayed(tmp_path, "file", BROWSE)


@pytest.mark.parametrize("workers", [1, 3])
def test_events_of_a_pipe_do_not_wait_for_the_packets_that_follow(tmp_path, workers):
    """As from a program that captures: what has come is looked at, also where it is one packet
    now and then."""
    content, frames = BROWSE.read_bytes(), captures.frames(BROWSE)
    with subprocess.Popen([sensor.SENSOR, "-q", "-r", "-", "-l", tmp_path, "-w", str(workers)],
                          stdin=subprocess.PIPE) as process:
        at = 24
        process.stdin.write(content[:at])
        for _, _, frame in frames:
            process.stdin.write(content[at:at + 16 + len(frame)])
            process.stdin.flush()
            at += 16 + len(frame)
            time.sleep(0.01)
        sensor.wait_until(lambda: len(sensor.events(tmp_path, "http")) >= 5)
        assert process.poll() is None and not sensor.events(tmp_path, "flow")
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert sensor.events(tmp_path, "flow")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_signal_ends_a_run_whose_pipe_is_silent(tmp_path, workers):
    """A pipe's writer may be idle for hours, a stop is wanted at once."""
    content = BROWSE.read_bytes()
    with subprocess.Popen([sensor.SENSOR, "-r", "-", "-l", tmp_path, "-w", str(workers)],
                          stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(content[:-10])
        process.stdin.flush()
        sensor.wait_until((tmp_path / "eve.json").exists)
        time.sleep(1)
        process.terminate()
        status = process.wait(timeout=10)
        err = process.stderr.read().decode()
    assert status == 0, err
    assert sensor.ledger(err)["decoded"] == len(captures.frames(BROWSE)) - 1
    assert sensor.events(tmp_path, "flow") and sensor.events(tmp_path, "http")


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    (folder / "a.pcap").symlink_to("/proc/self/mem")    # Reading it fails, for root as well.
    shutil.copy(DNS, folder / "z.pcap")
    done = sensor.run("-r", folder, "-l", tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("not whole") == 1 and "a.pcap" in done.stderr
    assert sensor.events(tmp_path, "dns")


def test_a_link_that_is_not_decoded_is_told_of(tmp_path):
    content = bytearray(DNS.read_bytes())
    content[20:24] = (127).to_bytes(4, "little")        # 802.11 with a radiotap header
    (tmp_path / "air.pcap").write_bytes(content)
    done = sensor.run("-r", tmp_path / "air.pcap", "-l", tmp_path)
    assert done.returncode == 0
    assert "level=warn" in done.stderr and "air.pcap" in done.stderr and "link_type=127" in done.stderr
    assert sensor.ledger(done.stderr)["decoded"] == len(captures.frames(DNS))
    assert "level=warn" not in sensor.run("-r", DNS, "-l", tmp_path / "wire").stderr


def test_pcapng_and_nanoseconds_give_the_same(tmp_path):
    frames = captures.frames(BROWSE)
    captures.pcapng(tmp_path / "x.pcapng", frames)
    captures.pcap(tmp_path / "x.pcap", frames)
    expected = replayed(tmp_path, "own", BROWSE)
    assert replayed(tmp_path, "ng", tmp_path / "x.pcapng") == expected
    assert replayed(tmp_path, "ns", tmp_path / "x.pcap") == expected


def test_a_folder_is_read_whole(tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    names = ("dns-ask.pcap", "http-ipv6.pcap")
    for name in names:
        shutil.copy(sensor.PCAPS / name, folder)
    (folder / ".hidden").write_text("no capture")
    single = []
    for name in names:
        replayed(tmp_path, name, sensor.PCAPS / name)
        single += sensor.events(tmp_path / name)
    replayed(tmp_path, "all", folder)
    # Packets are numbered through the whole run.
    assert sorted(sensor.same(e, "pcap_cnt") for e in sensor.events(tmp_path / "all")) == \
        sorted(sensor.same(e, "pcap_cnt") for e in single)
    (tmp_path / "empty").mkdir()
    done = sensor.run("-r", tmp_path / "empty")
    assert done.returncode == 2 and "holds no files" in done.stderr


def test_a_filter_narrows_and_its_drops_are_in_the_ledger(tmp_path):
    whole = sensor.ledger(sensor.run("-r", DNS, "-l", tmp_path / "all").stderr)
    done = sensor.run("-r", DNS, "-l", tmp_path / "udp", "udp", "and", "port", "53")
    assert done.returncode == 0
    assert {e["proto"] for e in sensor.events(tmp_path / "udp", "flow")} == {"UDP"}
    figures = sensor.ledger(done.stderr)
    udp = sum(content[23] == 17 for _, _, content in captures.frames(DNS))
    assert figures["read"] == whole["read"] == len(captures.frames(DNS))
    assert figures["decoded"] == udp and figures["filtered"] == figures["read"] - udp > 0
    assert replayed(tmp_path, "text", DNS, "udp and port 53") == \
        replayed(tmp_path, "words", DNS, "udp", "and", "port", "53")


def cut(tmp_path, drop):
    path = tmp_path / ("short-%d.pcap" % drop)
    path.write_bytes(BROWSE.read_bytes()[:-drop])
    return path


def test_a_capture_cut_short_gives_what_is_whole_and_status_1(tmp_path):
    frames = captures.frames(BROWSE)
    last = len(frames[-1][2])
    for drop, whole in ((1, 1), (last, 1), (last + 5, 1), (last + 16 + 3, 2)):
        done = sensor.run("-r", cut(tmp_path, drop), "-l", tmp_path / str(drop))
        assert done.returncode == 1, done.stderr
        assert "level=warn" in done.stderr and "not whole" in done.stderr
        assert "short-%d.pcap" % drop in done.stderr
        assert sensor.ledger(done.stderr)["decoded"] == len(frames) - whole
        assert len(sensor.events(tmp_path / str(drop), "http")) >= 5


def test_a_cut_capture_among_others_does_not_stop_them(tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    cut(folder, 7)
    (folder / "a-text").write_text("this is no capture\n" * 10)
    shutil.copy(DNS, folder / "z.pcap")
    done = sensor.run("-r", folder, "-l", tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("not whole") == 2 and "a-text" in done.stderr
    assert sensor.events(tmp_path, "dns") and sensor.events(tmp_path, "http")


@pytest.mark.parametrize("content", [b"", b"\xd4\xc3", b"this is no capture at all, only text\n"])
def test_what_is_no_capture_is_status_2(tmp_path, content):
    path = tmp_path / "odd.pcap"
    path.write_bytes(content)
    done = sensor.run("-r", path, "-l", tmp_path / "out")
    assert done.returncode == 2
    assert "odd.pcap: error: " in done.stderr and "pcap or pcapng" in done.stderr


def test_an_ordinary_user_replays():
    if os.geteuid() != 0:
        pytest.fail("this test changes the user and needs root")
    nobody = pwd.getpwnam("nobody")
    home = pathlib.Path(tempfile.mkdtemp())
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
