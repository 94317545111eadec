"""Growth with the number of workers, beside independent processes of one worker each."""
import os

import captures
import growth
import plots as svg
import process
import tables
from machine import say


def run_many(bench, engine, capture, rules, cores, n):
    """Seconds until the last of 'n' processes, each on a core of its own, is done."""
    outs = [process.empty(bench.work / ("out-%d" % i)) for i in range(n)]
    children = [process.start(engine.command(capture, rules, out), cores[i % len(cores)])
                for i, out in enumerate(outs)]
    return max(process.finish(child, out).seconds for child, out in zip(children, outs))


def measure_rules(bench, title, rules, capture, packets, cores):
    loads = growth.Loads(bench)
    together = ",".join(map(str, cores))
    one = growth.sensor(bench)
    loaded = loads.of(one, rules, capture).seconds
    found = {"one worker": [], "two workers": [], "two processes": []}
    for i in range(bench.runs):
        say("workers: run %d of %d: %s" % (i + 1, bench.runs, title))
        out = bench.work / "out"
        for name, options, where in (("one worker", [], cores[0]), ("two workers", ["-w", "2"], together)):
            engine = growth.sensor(bench, name, options)
            seconds = process.run(engine.command(capture, rules, out), out, where).seconds
            found[name].append(packets / process.less_loading(seconds, loaded))
        seconds = run_many(bench, one, capture, rules, cores, 2)
        found["two processes"].append(2 * packets / process.less_loading(seconds, loaded))
    return {"title": title, "rates": found}


def measure(bench):
    capture = bench.capture()
    packets, _ = captures.measure(capture)
    there = sorted(os.sched_getaffinity(0))
    cores = ([bench.core] + [c for c in there if c != bench.core])[:2]
    rules = growth.all_rules(bench)
    settings = [measure_rules(bench, "no rules", growth.no_rules(bench), capture, packets, cores),
                measure_rules(bench, "%s rules" % format(len(bench.rules()), ","), rules, capture, packets, cores)]
    return {"packets": packets, "cores": cores, "settings": settings}


def render(data):
    rows = []
    for setting in data["settings"]:
        one = tables.median(setting["rates"]["one worker"])
        for name, rates in setting["rates"].items():
            rows.append([setting["title"], name, tables.spread(rates), "%.2f" % (tables.median(rates) / one)])
    return ("Two workers share one capture, which they read in turn and share out; two processes read it each for "
            "itself, so their rate is that of both together. Cores %s.\n\n" % ", ".join(map(str, data["cores"]))
            + tables.table(["setting", "", "packets/s", "times one worker"], rows))


def plots(data):
    series = {}
    for setting in data["settings"]:
        rates = setting["rates"]
        series["workers, " + setting["title"]] = [(1, rates["one worker"]), (2, rates["two workers"])]
        series["processes, " + setting["title"]] = [(1, rates["one worker"]), (2, rates["two processes"])]
    return {"workers": svg.lines("Packets/s by workers and by processes", "workers, or processes of one", "packets/s",
                                 series)}
