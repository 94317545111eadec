"""The live path: frames through DPDK ports, beside dpdk-testpmd that only receives them."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import captures
import growth
import process
import tables
from builds import FEED, build
from compare import NDPI_OFF
from engines import fair_settings, sensor_path
from machine import say

LOOP_PACKETS = 4000             # Of the capture that net_pcap gives again and again; one buffer each.
BUFFERS = 16384
MEMORY_MB = 512                 # Without huge pages a buffer takes a page of 4 KiB at worst.
SECONDS = 6
QUICK_SECONDS = 3
ATTEMPTS = 4                    # Each twice as long: a busy machine may not even have started by then.
DEVICES = {"net_null": "net_null0", "net_pcap, the same again": "net_pcap0,rx_pcap=%s,infinite_rx=1"}


def eal_words(device):
    return ["--no-huge", "--no-pci", "-m", str(MEMORY_MB), "--file-prefix=bench-%d-%d" % (os.getpid(), time.time_ns()),
            "--log-level=4", "--vdev=" + device]


def run_for(command, seconds):
    """What a program prints that is stopped by SIGINT after a while."""
    child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        child.wait(seconds)             # Ends early only when something is wrong.
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGINT)
    try:
        return child.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0]


def ask(bench, command, find, what):
    """What 'find' makes of the text that a program prints, which may need more time than it got."""
    for attempt in range(ATTEMPTS):
        shown = run_for(command(), bench.live_seconds << attempt)
        told = find(shown)
        if told:
            return told, shown
    sys.exit("bench: %s received nothing: %s" % (what, shown[-2000:]))


def testpmd_rate(bench, device):
    """Packets/s as dpdk-testpmd reports them each second, without the first."""
    def command():
        return ["taskset", "-c", bench.core, "dpdk-testpmd"] + eal_words(device) + [
            "--lcores", "(0-1)@(%d)" % bench.core, "--", "--forward-mode=rxonly", "--auto-start", "--stats-period=1",
            "--nb-cores=1", "--no-lsc-interrupt", "--total-num-mbufs=%d" % BUFFERS]

    def rates(shown):
        return [rate for rate in map(int, re.findall(r"Rx-pps:\s+(\d+)", shown)[1:]) if rate]

    return tables.median(ask(bench, command, rates, "dpdk-testpmd")[0])


def sensor_rate(bench, device, rules, options):
    """Packets/s by the sensor's own ledger, which must say that none was lost."""
    def command():
        return ["taskset", "-c", bench.core, sensor_path(), "-k", "none", "-l", process.empty(bench.work / "out"), "-S",
                rules, "-i", device.split(",")[0], "--eal", " ".join(eal_words(device)),
                "--set", "capture.port.buffers=%d" % BUFFERS, "--set", "detect.cache=%s" % growth.sensor(bench).cache
                ] + fair_settings(sensor_path()) + options

    def rate(shown):
        found = re.search(r"^(\d+) packets/s", shown, re.MULTILINE)
        return int(found.group(1)) if found else 0

    told, shown = ask(bench, command, rate, "the sensor")
    lost = re.search(r"^lost .*", shown, re.MULTILINE)
    return told, lost.group(0) if lost else ""


def feed_rate(bench, capture, rules, options):
    """The whole capture once through a ring, as fast as the sensor empties it."""
    there = sorted(os.sched_getaffinity(0))
    other = next((core for core in there if core != bench.core), bench.core)
    out = process.empty(bench.work / "out")
    command = ["taskset", "-c", bench.core, build(FEED), other, capture, "-q", "-k", "none", "-l", out,
               "-S", rules, "-i", "net_ring0", "--eal", " ".join(eal_words("net_ring0")),
               "--set", "detect.cache=%s" % growth.sensor(bench).cache] + fair_settings(sensor_path()) + options
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode != 0:
        sys.exit("bench: civicshield-feed ended with status %d: %s" % (done.returncode, done.stderr[-2000:]))
    told = json.loads(done.stdout.splitlines()[-1])
    return told["frames"] / told["seconds"], "%d lost" % told["lost"] if told["lost"] else ""


def measure(bench):
    bench.live_seconds = QUICK_SECONDS if bench.quick else SECONDS
    capture = bench.capture()
    loop = captures.generate(bench.cache / ("pcaps-%d.pcap" % LOOP_PACKETS), "repeat", "--total", LOOP_PACKETS)
    many = growth.all_rules(bench)
    settings = [("no rules", growth.no_rules(bench), []), ("no rules, without nDPI", growth.no_rules(bench), NDPI_OFF),
                ("%s rules" % format(len(bench.rules()), ","), many, [])]
    devices = {name: device % loop if "%s" in device else device for name, device in DEVICES.items()}
    has_testpmd = shutil.which("dpdk-testpmd") is not None
    if not has_testpmd:
        say("live: no dpdk-testpmd (scripts/deps test): without its figures")
    cases = {}
    for name, device in devices.items():
        if has_testpmd:
            cases[name, "dpdk-testpmd, rxonly"] = lambda device=device: (testpmd_rate(bench, device), "")
        for title, rules, options in settings if name != "net_null" else settings[:1]:
            cases[name, "civicshield, " + title] = lambda device=device, rules=rules, options=options: sensor_rate(
                bench, device, rules, options)
    for title, rules, options in settings:
        cases["net_ring, the capture once", "civicshield, " + title] = lambda rules=rules, options=options: feed_rate(
            bench, capture, rules, options)
    process.run(growth.sensor(bench).command(loop, many, bench.work / "out"), bench.work / "out", bench.core)
    found = growth.in_turn(bench, "live", {" | ".join(key): case for key, case in cases.items()}, lambda case: case())
    return {"testpmd": has_testpmd, "rows": [
        {"port": key.split(" | ")[0], "program": key.split(" | ")[1], "rates": [rate for rate, _ in told],
         "lost": sorted({lost for _, lost in told if lost})} for key, told in found.items()]}


def render(data):
    rows = [[r["port"], r["program"], tables.spread(r["rates"]), "; ".join(r["lost"]) or "none"] for r in data["rows"]]
    return ("Ports without huge pages, one queue, one worker. `net_null` gives frames of 64 zero bytes. `net_pcap` with "
            "`infinite_rx` gives the same %s packets again and again, so that from the second time on sessions are "
            "retransmissions: little work. `net_ring` is filled by a thread on another core with the frames of the "
            "benchmark capture, once, as fast as the worker takes them: the figure for real traffic.\n\n"
            % format(LOOP_PACKETS, ",")
            + ("" if data["testpmd"] else "dpdk-testpmd was not installed.\n\n")
            + tables.table(["port", "program", "packets/s", "lost"], rows))


def plots(data):
    return {}
