"""Growth with the number of rules: a deterministic sample of the enabled ones."""
import captures
import growth
import plots as svg
import rulesets
import tables

COUNTS = (100, 1000, 5000, 15000)
QUICK_COUNTS = (5, 10)


def measure(bench):
    capture, rules = bench.capture(), bench.rules()
    packets, _ = captures.measure(capture)
    counts = sorted({min(n, len(rules)) for n in (QUICK_COUNTS if bench.quick else COUNTS)})
    files = {n: rulesets.write(bench.work / ("%d.rules" % n), rulesets.sample(rules, n)) for n in counts}
    loads = growth.Loads(bench)
    cases = {"%s, %d rules" % (e.name, n): (e, n) for n in counts
             for e in [growth.sensor(bench)] + growth.peers(bench)}

    def one(case):
        engine, n = case
        pace, run = growth.rate(bench, loads, engine, capture, files[n], packets)
        load = loads.of(engine, files[n], capture)
        return pace, run.peak_mb, load.seconds, growth.rate_of_cpu(packets, run, load)

    found = growth.in_turn(bench, "rules", cases, one)
    points = [{"rules": n, "engine": e.name, "rates": [r[0] for r in found[name]],
               "cpu_rates": [r[3] for r in found[name]], "peak_mb": [r[1] for r in found[name]],
               "load": found[name][0][2]} for name, (e, n) in cases.items()]
    return {"packets": packets, "points": points}


def render(data):
    rows = [[format(p["rules"], ","), p["engine"], tables.spread(p["rates"]), tables.spread(p["cpu_rates"]),
             tables.spread(p["peak_mb"]), "%.2f" % p["load"]] for p in data["points"]]
    return ("%s packets; the rules are spread evenly over all enabled ones.\n\n" % format(data["packets"], ",")
            + tables.table(["rules", "engine", "packets/s", "packets per CPU second", "peak MB", "load s, warm"], rows))


def plots(data):
    series = {}
    for p in data["points"]:
        series.setdefault(p["engine"], []).append((p["rules"], p["rates"]))
    return {"rules": svg.lines("Packets/s by number of rules", "enabled rules", "packets/s", series, log_x=True)}
