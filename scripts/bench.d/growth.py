"""What the growth curves share: points that are measured in turn, and the rate of an engine."""
import captures
import process
import rulesets
import tables
from engines import Peer, Sensor
from machine import say


def sensor(bench, name="civicshield", options=()):
    cache = bench.work / "cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    return Sensor(name, options, cache)


def peers(bench):
    """The peer, where there is one, as a list."""
    cache = bench.work / "peer-cache"
    cache.mkdir(exist_ok=True)
    return [Peer(bench.peer, cache)] if bench.peer else []


def no_rules(bench):
    return rulesets.write(bench.work / "none.rules", [])


def all_rules(bench):
    return rulesets.write(bench.work / "all.rules", bench.rules())


class Loads:
    """What loading costs an engine with its cache filled: measured once for each rule file."""

    def __init__(self, bench):
        self.bench, self.known = bench, {}

    def of(self, engine, rules, capture):
        key = engine.name, str(rules)
        if key not in self.known:
            out = self.bench.work / "out"
            first = captures.write_first_packet(capture, self.bench.work / "first.pcap")
            command = engine.command(first, rules, out)
            process.run(command, out, self.bench.core)          # Fills the cache.
            self.known[key] = min((process.run(command, out, self.bench.core) for _ in range(self.bench.runs)),
                                  key=lambda run: run.seconds)
        return self.known[key]


def rate(bench, loads, engine, capture, rules, packets):
    """(packets/s with loading taken off, the run)"""
    load = loads.of(engine, rules, capture)
    out = bench.work / "out"
    run = process.run(engine.command(capture, rules, out), out, bench.core)
    return packets / process.less_loading(run.seconds, load.seconds), run


def rate_of_cpu(packets, run, load):
    """Packets per CPU second with loading taken off: what other programs take of the core counts less."""
    return packets / process.less_loading(run.user + run.system, load.user + load.system)


def in_turn(bench, part, cases, measure_case):
    """Runs measure_case(case) for every case (name -> case) as often as there are runs, all cases in
    each round; returns name -> list of what it gave."""
    found = {name: [] for name in cases}
    for i in range(bench.runs):
        for name, case in cases.items():
            say("%s: run %d of %d: %s" % (part, i + 1, bench.runs, name))
            found[name].append(measure_case(case))
    return found


def rate_table(first_head, names, points):
    """A row for each point: 'points' is [(text, {name: [rates]})]."""
    rows = [[text] + [tables.spread(rates[name]) if name in rates else "" for name in names]
            for text, rates in points]
    return tables.table([first_head] + ["%s, packets/s" % name for name in names], rows)
