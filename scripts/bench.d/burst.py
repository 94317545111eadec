"""Growth with the size of a burst: the product's worker over a capture in memory."""
import re

import growth
import plots as svg
import stages
import tables
from builds import TOP
from engines import fair_settings, sensor_path

BURSTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
QUICK_BURSTS = (1, 64)


def measure(bench):
    capture = bench.capture()
    options = fair_settings(sensor_path()) + ["-l", bench.work / "out"]
    cache = growth.sensor(bench).cache
    settings = [("no rules", growth.no_rules(bench)),
                ("%s rules" % format(len(bench.rules()), ","), growth.all_rules(bench))]
    cases = {"%s, bursts of %d" % (title, n): (rules, n) for title, rules in settings
             for n in (QUICK_BURSTS if bench.quick else BURSTS)}

    def one(case):
        rules, n = case
        told = stages.run("worker@%d" % n, capture, bench.core,
                          options + ["-S", rules, "--set", "detect.cache=%s" % cache])
        return told["frames"] / max(told["cpu"], 1e-6)

    found = growth.in_turn(bench, "burst", cases, one)
    points = [{"setting": name.split(", bursts")[0], "burst": n, "rates": found[name]}
              for name, (_, n) in cases.items()]
    header = (TOP / "sensor" / "capture" / "capture.h").read_text(encoding="utf-8")
    return {"product": int(re.search(r"#define CAPTURE_BURST (\d+)", header).group(1)), "points": points}


def by_setting(data):
    series = {}
    for p in data["points"]:
        series.setdefault(p["setting"], []).append((p["burst"], p["rates"]))
    return series


def render(data):
    series = by_setting(data)
    bursts = sorted({p["burst"] for p in data["points"]})
    points = [(str(n), {name: dict(line)[n] for name, line in series.items()}) for n in bursts]
    return ("The product's worker over the capture held in memory; frames of a burst are copied together, run one by "
            "one, then timeouts are looked at. Packets per second of CPU. The product reads bursts of at most %d.\n\n"
            % data["product"] + growth.rate_table("frames in a burst", list(series), points))


def plots(data):
    return {"burst": svg.lines("Packets per CPU second by size of a burst", "frames in a burst", "packets/s",
                               by_setting(data), log_x=True)}
