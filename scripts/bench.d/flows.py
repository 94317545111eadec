"""Growth with the number of flows alive: generated sessions, the same packets for each."""
import captures
import growth
import plots as svg
import process
import stages
import tables
from engines import FAIR_TYPES, fair_settings, sensor_path
from machine import say

FLOWS = (1000, 10000, 100000, 1000000, 2000000)
QUICK_FLOWS = (100, 400)
PACKETS_EACH = 7
LEAST_PACKETS = 700000          # Fewer flows come again until there are so many packets.
# Key, its default, and what is given for each flow that is alive where that is more: above what any
# was seen to need, since a limit that is reached would make the sensor do less.
MIB = 1 << 20
LIMITS = (("flow.memory", 128 * MIB, 512), ("flow.ndpi.memory", 256 * MIB, 2560), ("stream.memory", 256 * MIB, 1024),
          ("app.memory", 256 * MIB, 2048), ("detect.memory", 256 * MIB, 4096), ("stream.max-sessions", 262144, 1))


def raised(n):
    return {key: each * n for key, default, each in LIMITS if each * n > default}


def measure_point(bench, engine_options, rules, n):
    """Rates, peak memory, and what the rooms hold, with 'n' flows alive."""
    total = 0 if bench.quick else LEAST_PACKETS
    capture = captures.generate(bench.cache / ("flows-%d.pcap" % n), "flows", "--flows", n, "--packets", PACKETS_EACH,
                                "--total", total)
    packets, _ = captures.measure(capture)
    limits = [word for key, value in raised(n).items() for word in ("--set", "%s=%d" % (key, value))]
    engine = growth.sensor(bench, "civicshield-%d" % n, engine_options + limits)
    loads = growth.Loads(bench)
    found = growth.in_turn(bench, "flows", {"%d flows" % n: engine},
                           lambda e: growth.rate(bench, loads, e, capture, rules, packets))["%d flows" % n]
    load = loads.of(engine, rules, capture)
    say("flows: what the rooms hold of %d flows" % n)
    told = stages.run("worker", capture, bench.core,
                      ["-S", rules, "-l", bench.work / "out", "--set", "detect.cache=%s" % engine.cache]
                      + fair_settings(sensor_path()) + limits)
    capture.unlink()
    return {"flows": n, "packets": packets, "rates": [pace for pace, _ in found],
            "cpu_rates": [growth.rate_of_cpu(packets, run, load) for _, run in found],
            "peak_mb": [run.peak_mb for _, run in found], "empty_mb": load.peak_mb, "raised": raised(n),
            "made": told["flows"], "expected": packets // PACKETS_EACH, "refused": told["refused"],
            "events": told["events"] - told["alerts"],
            "rooms": {room: told[room + "_memory"] for room in ("flow", "stream", "app")}}


def measure(bench):
    rules = growth.all_rules(bench)
    points = [measure_point(bench, [], rules, n) for n in (QUICK_FLOWS if bench.quick else FLOWS)]
    process.empty(bench.work / "out")
    return {"rules": len(bench.rules()), "types": sorted(FAIR_TYPES), "points": points}


def per_flow(point):
    return [max(mb - point["empty_mb"], 0) * MIB / point["flows"] for mb in point["peak_mb"]]


def render(data):
    rows, notes = [], []
    for p in data["points"]:
        rows.append([format(p["flows"], ","), format(p["packets"], ","), tables.spread(p["rates"]),
                     tables.spread(p["cpu_rates"]), tables.spread(p["peak_mb"]), tables.spread(per_flow(p))]
                    + ["{:,.0f}".format(p["rooms"][room] / p["flows"]) for room in ("flow", "stream", "app")])
        if p["raised"]:
            notes.append("%s flows: %s" % (format(p["flows"], ","), ", ".join(
                "`%s` %s" % (key, format(value, ",") if key.endswith("sessions") else "%d MB" % (value // MIB))
                for key, value in p["raised"].items())))
        # Of each session an http event and a flow event.
        if p["made"] != p["expected"] or p["refused"] or p["events"] != 2 * p["expected"]:
            notes.append("%s flows: a limit was reached all the same: %s made of %s, %s events, %s refusals"
                         % tuple(format(p[key], ",") for key in ("flows", "made", "expected", "events", "refused")))
    text = ("Sessions of %d packets, all alive at once (handshake of all, then of each a question, its answer and two "
            "acknowledgements; none ends), %s rules, nDPI and EVE (%s) on. Bytes of a flow: peak memory less that of a "
            "run on one packet; behind it what the rooms count when all is read: flow table with nDPI, streams, "
            "parsers.\n\n" % (PACKETS_EACH, format(data["rules"], ","), ", ".join(data["types"])))
    text += tables.table(["flows alive", "packets", "packets/s", "packets per CPU second", "peak MB", "bytes of a flow",
                          "flow and nDPI", "stream", "app"], rows)
    if notes:
        text += "\nLimits that were raised:\n\n" + "".join("- %s\n" % note for note in notes)
    return text


def plots(data):
    points = data["points"]
    return {"flows-packets": svg.lines("Packets/s by flows alive", "flows alive", "packets/s",
                                       {"civicshield": [(p["flows"], p["rates"]) for p in points]}, log_x=True),
            "flows-memory": svg.lines("Peak memory by flows alive", "flows alive", "MB",
                                      {"civicshield": [(p["flows"], p["peak_mb"]) for p in points]}, log_x=True,
                                      log_y=True)}
