"""The limits: how fast the capture goes through the sensor as far as each stage, and through what
the stages are built on alone."""
import sys

import captures
import rulesets
import stages
import tables
from compare import NDPI_OFF
from engines import fair_settings, sensor_path
from machine import say

NO_OUTPUT = "no output"
# Name, stage of the program, rules?, options; each has the one before it in it but where 'over' names
# another.  Parsers, rules and output are the product's own worker, set by configuration alone.
STEPS = [
    ("libpcap, read only", "pcap", False, [], None),
    ("capture", "read", False, [], None),
    ("+ decode", "decode", False, [], "capture"),
    ("+ flow", "flow", False, [], "+ decode"),
    ("+ classification (nDPI)", "classify", False, [], "+ flow"),
    ("+ reassembly", "stream", False, [], "+ classification (nDPI)"),
    ("+ parsers", "worker", False, [NO_OUTPUT], "+ reassembly"),
    ("+ output: all without rules", "worker", False, [], "+ parsers"),
    ("+ match", "worker", True, [NO_OUTPUT], "+ parsers"),
    ("+ output: all with rules", "worker", True, [], "+ match"),
    ("without nDPI: + reassembly", "stream", False, NDPI_OFF, "+ flow"),
    ("without nDPI: + parsers", "worker", False, NDPI_OFF + [NO_OUTPUT], "without nDPI: + reassembly"),
    ("without nDPI: + output", "worker", False, NDPI_OFF, "without nDPI: + parsers"),
    ("Hyperscan alone", "hyperscan", True, [], "+ decode"),
]


def settings(bench, fair, options):
    """The program's options: the outputs of 'compare' into a file, or none at all."""
    given = [word for word in options if word != NO_OUTPUT]
    if NO_OUTPUT not in options:
        return fair + given + ["-l", bench.work / "out"]
    types = sorted({word.split("=")[0] for word in fair if word.startswith("outputs.types.")}
                   | {"outputs.types.%s" % t for t in ("alert", "flow", "http", "dns", "tls")})
    return given + [word for name in types for word in ("--set", name + "=no")]


def check_walk(told):
    """The program's own walk must meet the same packets and flows as the product's worker."""
    whole = told["+ output: all without rules"]
    if told["+ decode"]["packets"] != whole["packets"] or told["+ reassembly"]["flows"] != whole["flows"]:
        sys.exit("bench: tests/bench/walk.c does not follow sensor/pipeline/worker.c: %s and %s, but %s"
                 % (told["+ decode"], told["+ reassembly"], whole))


def measure(bench):
    capture = bench.capture()
    fair = fair_settings(sensor_path())
    none = rulesets.write(bench.work / "none.rules", [])
    rules = bench.rules()
    many = rulesets.write(bench.work / "all.rules", rules)
    cache = bench.work / "cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    figures = {step[0]: {"cpu": [], "over": step[4]} for step in STEPS}
    for i in range(bench.runs):
        for name, stage, has_rules, options, _ in STEPS:
            say("limits: run %d of %d: %s" % (i + 1, bench.runs, name))
            told = stages.run(stage, capture, bench.core, settings(bench, fair, options)
                              + ["-S", many if has_rules else none, "--set", "detect.cache=%s" % cache])
            figures[name]["cpu"].append(max(told["cpu"], 1e-6))
            figures[name]["told"] = told
    check_walk({name: f["told"] for name, f in figures.items()})
    packets, size = captures.measure(capture)
    return {"packets": packets, "bytes": size, "rules": len(rules), "steps": figures}


# What the whole is made of, and what each could at best be: another step, or None where the room is
# built on nothing that could be measured apart.
WHOLE = (("capture", "libpcap, read only"), ("+ decode", None), ("+ flow", None), ("+ classification (nDPI)", None),
         ("+ reassembly", None), ("+ parsers", None), ("+ match", "Hyperscan alone"),
         ("+ output: all with rules", None))


def own(data, name):
    """Nanoseconds a packet that a step adds to the one that it is built on."""
    step = data["steps"][name]
    under = tables.median(data["steps"][step["over"]]["cpu"]) if step["over"] else 0
    return (tables.median(step["cpu"]) - under) / data["packets"] * 1e9


def what_is_left(data):
    whole = sum(own(data, name) for name, _ in WHOLE)
    rows = []
    for name, limit in WHOLE:
        mine = own(data, name)
        rows.append([name.replace(": all with rules", ""), "{:,.0f}".format(mine), "%.0f%%" % (mine / whole * 100),
                     "%s: %s" % (limit, "{:,.0f}".format(own(data, limit))) if limit else ""])
    return tables.table(["of the whole with rules", "ns a packet", "share", "its limit, ns a packet"], rows)


def render(data):
    packets, size = data["packets"], data["bytes"]
    rows = []
    for name, f in data["steps"].items():
        cpu = tables.median(f["cpu"])
        rows.append([name, tables.spread([packets / s for s in f["cpu"]]), "{:.2f}".format(size * 8e-9 / cpu),
                     "{:,.0f}".format(cpu / packets * 1e9), "{:,.0f}".format(own(data, name))])
    scan = data["steps"]["Hyperscan alone"]
    told = scan["told"]
    seconds = max(own(data, "Hyperscan alone") * packets * 1e-9, 1e-6)
    return ("%s packets, %.1f MB on the wire; CPU time of the frames alone, %s rules where there are any. "
            "The last column is what a stage adds to the one that it is built on.\n\n"
            % (format(packets, ","), size / 1e6, format(data["rules"], ","))
            + tables.table(["as far as", "packets/s", "Gbit/s", "ns a packet", "of which its own"], rows)
            + "\n" + what_is_left(data) + "\nHyperscan alone: one database of the literal by which each rule is found (%s different ones), in "
              "block mode over every payload (%s of %.1f MB): %.2f Gbit/s of payload, %s matches.\n"
            % (format(told["patterns"], ","), format(told["payloads"], ","), told["payload_bytes"] / 1e6,
               told["payload_bytes"] * 8e-9 / seconds, format(told["matches"], ",")))


def plots(data):
    return {}
