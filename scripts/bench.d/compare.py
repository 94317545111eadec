"""This sensor beside a peer: same capture, rules, core and outputs, in turn."""
import captures
import process
import rulesets
import tables
from engines import Peer, Sensor
from machine import say

NDPI_OFF = ["--set", "flow.ndpi.enabled=no"]


def measure_load(bench, engine, rules, first):
    """Seconds and memory of a run on one packet with an empty cache, then with a filled one."""
    process.empty(engine.cache)
    engine.cache.chmod(0o700)
    out = bench.work / "out"
    return {kind: process.run(engine.command(first, rules, out), out, bench.core) for kind in ("cold", "warm")}


def measure_engines(bench, name, engines, rules, capture):
    """A setting: every engine in turn, as often as there are runs."""
    out = bench.work / "out"
    first = captures.write_first_packet(capture, bench.work / "first.pcap")
    figures = {e.name: {"cold": [], "cold_mb": [], "warm": [], "seconds": [], "user": [], "system": [], "peak_mb": [],
                        "alerts": []} for e in engines}
    for i in range(bench.runs):
        for engine in engines:
            say("compare, %s: run %d of %d: %s" % (name, i + 1, bench.runs, engine.name))
            load = measure_load(bench, engine, rules, first)
            run = process.run(engine.command(capture, rules, out), out, bench.core)
            f = figures[engine.name]
            f["cold"].append(load["cold"].seconds)
            f["cold_mb"].append(load["cold"].peak_mb)
            f["warm"].append(load["warm"].seconds)
            f["seconds"].append(process.less_loading(run.seconds, load["warm"].seconds))
            f["user"].append(max(run.user - load["warm"].user, 0))
            f["system"].append(max(run.system - load["warm"].system, 0))
            f["peak_mb"].append(run.peak_mb)
            f["alerts"].append(run.alerts)
    return {"name": name, "engines": figures}


def measure(bench):
    capture = bench.capture()
    packets, size = captures.measure(capture)
    rules = bench.rules()
    none = rulesets.write(bench.work / "none.rules", [])
    many = rulesets.write(bench.work / "all.rules", rules)
    peer = [Peer(bench.peer, bench.work / "peer-cache")] if bench.peer else []
    ours = bench.work / "cache"
    settings = [
        measure_engines(bench, "no rules", [Sensor("civicshield", cache=ours),
                                            Sensor("civicshield without nDPI", NDPI_OFF, ours)] + peer,
                        none, capture),
        measure_engines(bench, "%s rules" % format(len(rules), ","), [Sensor("civicshield", cache=ours)] + peer,
                        many, capture)]
    return {"packets": packets, "bytes": size, "settings": settings}


def row(name, f, packets, size):
    rates = [packets / s for s in f["seconds"]]
    cpu = [packets / max(u + s, 1e-6) for u, s in zip(f["user"], f["system"])]
    return [name, tables.spread(rates), "{:.3f}".format(tables.median(rates) * size / packets * 8e-9),
            tables.spread(f["user"], "{:.2f}"), tables.spread(f["system"], "{:.2f}"), tables.spread(cpu),
            tables.spread(f["peak_mb"]), tables.spread(f["alerts"])]


def load_row(name, f):
    return [name, tables.spread(f["cold"], "{:.2f}"), tables.spread(f["warm"], "{:.2f}"), tables.spread(f["cold_mb"])]


def ratios(setting, packets):
    """A line for each of our engines: how many times the peer's figures, by medians."""
    peer = setting["engines"].get("peer")
    for name, f in setting["engines"].items() if peer else ():
        if name != "peer":
            cpu = [[u + s for u, s in zip(e["user"], e["system"])] for e in (f, peer)]
            yield [name, setting["name"]] + ["{:.2f}".format(tables.ratio(theirs, ours)) for ours, theirs in (
                (f["seconds"], peer["seconds"]), (cpu[0] if tables.median(cpu[0]) else [1e-6], cpu[1]),
                (f["cold"], peer["cold"]), (f["warm"], peer["warm"]), (f["peak_mb"], peer["peak_mb"]))]


def render(data):
    packets, size = data["packets"], data["bytes"]
    text = ("%s packets, %.1f MB on the wire. User and system seconds are those of the packets, "
            "loading taken off; so is the time in packets/s.\n" % (format(packets, ","), size / 1e6))
    found = [r for setting in data["settings"] for r in ratios(setting, packets)]
    if found:
        text += "\nTimes the peer's, by medians (of times and memory, the peer's by ours):\n\n" + tables.table(
            ["engine", "setting", "packets/s", "packets per CPU second", "cold load", "warm load", "peak memory"], found)
    for setting in data["settings"]:
        text += "\n%s:\n\n" % setting["name"].capitalize()
        text += tables.table(["engine", "packets/s", "Gbit/s", "user s", "system s", "packets per CPU second", "peak MB",
                              "alerts"], [row(n, f, packets, size) for n, f in setting["engines"].items()])
        text += "\n" + tables.table(["engine", "load s, cold", "load s, warm", "peak MB, cold"],
                                    [load_row(n, f) for n, f in setting["engines"].items()])
    return text


def plots(data):
    return {}
