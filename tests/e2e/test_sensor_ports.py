"""Live capture through DPDK devices: every frame that was sent is in the ledger."""
import os
import re
import signal
import subprocess
import time

import pytest

from support import captures, sensor

RULE = 'alert http any any -> any any (msg:"page"; http.uri; content:"index"; sid:1;)\n'


def packets(name):
    return len(captures.frames(sensor.PCAPS / name))


def small(*more):
    """Few buffers: a test needs little memory."""
    return ["--set", "capture.port.buffers=4096", "--set", "capture.port.descriptors=512", *more]


def run_for(seconds, *arguments, prefix=()):
    live = sensor.Live(*arguments, prefix=prefix)
    time.sleep(seconds)
    assert live.process.poll() is None, live.wait()[1]
    status, err = live.stop()
    assert status == 0, err
    return err


def test_net_pcap_gives_what_the_file_gives(tmp_path):
    rules = tmp_path / "x.rules"
    rules.write_text(RULE)
    capture = sensor.PCAPS / "http-browse.pcap"
    err = run_for(3, "-S", rules, "-l", tmp_path / "port", "--eal", "--vdev=net_pcap0,rx_pcap=%s" % capture,
                  *small())
    assert sensor.ledger(err)["read"] == packets("http-browse.pcap")
    assert sensor.run("-r", capture, "-S", rules, "-l", tmp_path / "file").returncode == 0
    for kind in ("alert", "http"):
        port, file = (len(sensor.events(tmp_path / where, kind)) for where in ("port", "file"))
        assert port == file > 0


def test_net_null_is_counted(tmp_path):
    figures = sensor.ledger(run_for(2, "--eal", "--vdev=net_null0", "-i", "net_null0", "-l", tmp_path,
                                    *small()))
    assert figures["read"] == figures["decoded"] > 1000


def test_net_ring_opens_and_is_idle(tmp_path):
    figures = sensor.ledger(run_for(1.5, "--eal", "--vdev=net_ring0", "-i", "net_ring0", "-l", tmp_path,
                                    *small()))
    assert figures["read"] == figures["lost"] == 0


def test_the_users_own_arguments_for_eal_are_kept(tmp_path):
    err = run_for(1.5, "--eal", "--no-huge --no-pci -m 128 --file-prefix=own-%d --vdev=net_null0,size=200"
                  % os.getpid(), "-l", tmp_path, *small())
    assert sensor.ledger(err)["read"] > 1000


def test_a_filter_on_a_port_counts_what_it_drops(tmp_path):
    capture = sensor.PCAPS / "dns-ask.pcap"
    figures = sensor.ledger(run_for(2, "--eal", "--vdev=net_pcap0,rx_pcap=%s" % capture, "-l", tmp_path,
                                    *small(), "udp", "port", "53"))
    udp = sum(content[23] == 17 for _, _, content in captures.frames(capture))
    assert (figures["read"], figures["decoded"]) == (packets("dns-ask.pcap"), udp)
    assert figures["filtered"] == figures["read"] - udp > 0


def test_wrong_arguments_for_eal_are_status_2(tmp_path):
    done = sensor.run("--eal", "--vdev=net_nonsense0", "-l", tmp_path)
    assert done.returncode == 2 and "DPDK" in done.stderr
    done = sensor.run("-i", "net_null0", "--eal", "--vdev=net_null0", "-l", tmp_path, "--set",
                      "capture.port.buffers=4096", "port", "hugo")
    assert done.returncode == 2 and "hugo" in done.stderr


def test_several_workers_share_one_queue(tmp_path):
    capture = sensor.PCAPS / "http-browse.pcap"
    err = run_for(3, "-w", "3", "-l", tmp_path, "--eal", "--vdev=net_pcap0,rx_pcap=%s" % capture, *small())
    assert sensor.ledger(err)["decoded"] == packets("http-browse.pcap")
    assert sensor.events(tmp_path, "http")


def test_an_unknown_port_is_named(tmp_path):
    done = sensor.run("-i", "nosuch0", "-l", tmp_path, *small())
    assert done.returncode == 2
    assert 'no port or interface is named "nosuch0"' in done.stderr


@pytest.fixture
def veth():
    """A pair of Linux interfaces in a network namespace: (namespace, sender, receiver)."""
    if os.geteuid() != 0:
        pytest.fail("network namespaces need root")
    name = "cs-e2e-%d" % os.getpid()
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        inside = ["ip", "netns", "exec", name]
        subprocess.run(inside + ["ip", "link", "add", "tx0", "type", "veth", "peer", "name", "rx0"],
                       check=True)
        for interface in ("tx0", "rx0"):
            subprocess.run(inside + ["sysctl", "-q", "-w", "net.ipv6.conf.%s.disable_ipv6=1" % interface],
                           check=True)
            subprocess.run(inside + ["ip", "link", "set", interface, "up"], check=True)
        yield inside, "tx0", "rx0"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def replay(inside, interface, capture, loops, rate):
    done = subprocess.run(inside + ["tcpreplay", "-i", interface, "--loop", str(loops), *rate, str(capture)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    return int(re.search(r"Successful packets:\s+(\d+)", done.stdout).group(1))


def wait_for_sniffing(inside, interface):
    """Until the driver's packet socket is bound to the interface."""
    link = subprocess.check_output(inside + ["ip", "-o", "link", "show", interface], text=True)
    index = link.split(":")[0]

    def bound():
        sockets = subprocess.check_output(inside + ["cat", "/proc/net/packet"], text=True).splitlines()[1:]
        return any(line.split()[4] == index for line in sockets)
    sensor.wait_until(bound, 20, "a packet socket on " + interface)
    time.sleep(0.5)


def test_a_linux_interface_gives_the_same_alerts_and_loses_nothing(tmp_path, veth):
    inside, sender, receiver = veth
    rules = tmp_path / "x.rules"
    rules.write_text(RULE)
    capture = sensor.PCAPS / "http-browse.pcap"
    live = sensor.Live("-i", receiver, "-S", rules, "-l", tmp_path, prefix=inside)
    wait_for_sniffing(inside, receiver)
    sent = replay(inside, sender, capture, 1, ["--pps=1000"])
    time.sleep(1)
    status, err = live.stop()
    assert status == 0, err
    figures = sensor.ledger(err)
    assert figures["read"] == sent == packets("http-browse.pcap") and figures["lost"] == 0
    assert sensor.run("-r", capture, "-S", rules, "-l", tmp_path / "file").returncode == 0
    for kind in ("alert", "http"):
        port, file = (len(sensor.events(where, kind)) for where in (tmp_path, tmp_path / "file"))
        assert port == file > 0
    assert {e["in_iface"] for e in sensor.events(tmp_path, "http")} == {receiver}


def test_drops_that_the_driver_hides_are_counted(tmp_path, veth):
    """A ring far too small for the load: sent = read + lost, though the driver reports none."""
    inside, sender, receiver = veth
    live = sensor.Live("-i", receiver, "-l", tmp_path, "--set", "capture.af-packet.frames=512",
                       "--set", "capture.af-packet.block-size=64kb", prefix=inside)
    wait_for_sniffing(inside, receiver)
    live.process.send_signal(signal.SIGSTOP)               # Held while the load comes: the ring overflows.
    sent = replay(inside, sender, sensor.PCAPS / "http-browse.pcap", 100, ["--topspeed"])
    live.process.send_signal(signal.SIGCONT)
    time.sleep(1)
    status, err = live.stop()
    assert status == 0, err
    figures = sensor.ledger(err)
    assert figures["lost"] > 0
    assert figures["read"] + figures["lost"] == sent
