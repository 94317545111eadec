#!/usr/bin/env python3
"""Replays: captures in, expected events out.

    tests/replay/run.py --sensor build/sensor/civicshield-sensor [--update] [NAME...]

Each folder of tests/replay/cases is a case: `case.json` names the capture (of pcaps/ or of
the case's folder), more arguments and the files that are stored; `test.rules` may be there,
`expected.json` holds one event a line.  Events are compared as a multiset, without what a run's own identity or the
library's version decides (MASKED below).  --update writes what came out; the difference is
reviewed as code is.

Besides: each rule that ships fires on one capture and not on another
(rules/sets/proofs.json); every capture, and each that made.py makes, gives byte-identical
events twice, and the same set with four workers.  The last line is 'N passed, N failed'.
"""
import argparse
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import made

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PCAPS = TOP / "pcaps"
CASES = TOP / "tests" / "replay" / "cases"
SETS = TOP / "rules" / "sets"
# The worker and number of an event's identity hang on the number of workers, its epoch on
# the build; nDPI's object is the library's word, tested in tests/unit/flow.
MASKED = ("civicshield", "ndpi")


def stored_files(folder):
    """Names below a store of files; those whose content is not what they are named for, marked."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        wrong = path.suffix != ".json" and hashlib.sha256(path.read_bytes()).hexdigest() != path.name
        found.append(str(path.relative_to(folder)) + (" (another content)" if wrong else ""))
    return found


def run_sensor(sensor, capture, arguments, stored=None):
    """(exit status, eve.json as text, standard error); 'stored' gets what file-store has kept."""
    with tempfile.TemporaryDirectory() as out:
        command = [str(sensor), "-r", str(capture), "-l", out] + arguments
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False)
        eve = pathlib.Path(out) / "eve.json"
        text = eve.read_text(encoding="utf-8") if eve.exists() else ""
        if stored is not None:
            stored += stored_files(pathlib.Path(out) / "filestore")
        return done.returncode, text, done.stderr.decode("utf-8", "replace")


def events_of(text):
    return [json.loads(line) for line in text.split("\n") if line]


def masked(event):
    return json.dumps({k: v for k, v in event.items() if k not in MASKED}, sort_keys=True)


def difference(want, got):
    """Lines that say what is missing and what is extra, a few of each."""
    missing = collections.Counter(want) - collections.Counter(got)
    extra = collections.Counter(got) - collections.Counter(want)
    lines = ["missing: " + e[:400] for e in list(missing.elements())[:5]]
    lines += ["extra:   " + e[:400] for e in list(extra.elements())[:5]]
    return lines


class Results:
    def __init__(self):
        self.passed = self.failed = 0

    def take(self, name, problems):
        if problems:
            self.failed += 1
            print("FAILED %s" % name)
            for line in problems:
                print("    " + line)
        else:
            self.passed += 1


def run_case(folder, opt):
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    capture = folder / case["capture"]
    if not capture.exists():
        capture = PCAPS / case["capture"]
    arguments = list(case.get("arguments", []))
    if (folder / "test.rules").exists():
        arguments += ["-S", str(folder / "test.rules")]
    stored = []
    status, text, err = run_sensor(opt.sensor, capture, arguments, stored)
    if status != case.get("status", 0):
        return ["exit status %d: %s" % (status, err[-2000:])]
    if stored != case.get("stored", []):
        return ["stored: %s" % stored]
    got = [masked(e) for e in events_of(text)]
    expected = folder / "expected.json"
    if opt.update:
        expected.write_text("".join(e + "\n" for e in got), encoding="utf-8")
        return []
    want = [json.dumps(json.loads(line), sort_keys=True)
            for line in expected.read_text(encoding="utf-8").split("\n") if line]
    return difference(want, got)


def shipped():
    arguments = []
    for path in sorted(SETS.glob("*.rules")):
        arguments += ["-s", str(path)]
    return arguments + ["--set", "classification-file=%s" % (SETS / "classification.config")]


def fired(opt, capture, cache):
    if capture not in cache:
        status, text, err = run_sensor(opt.sensor, PCAPS / capture, shipped() + ["--strict"])
        cache[capture] = (status, err, {e["alert"]["signature_id"] for e in events_of(text)
                                        if e["event_type"] == "alert"})
    return cache[capture]


def check_rule(sid, proof, opt, cache):
    problems = []
    for capture, wanted in ((proof["fires"], True), (proof["silent"], False)):
        status, err, sids = fired(opt, capture, cache)
        if status != 0:
            problems.append("%s: exit status %d: %s" % (capture, status, err[-2000:]))
        elif (sid in sids) != wanted:
            problems.append("%s: %s" % (capture, "silent" if wanted else "fired"))
    return problems


def sids_that_ship():
    sids = set()
    for path in SETS.glob("*.rules"):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line and not line.startswith("#"):
                sids.add(int(line.split("sid:")[1].split(";")[0]))
    return sids


def check_repeatable(capture, opt):
    first, second = (run_sensor(opt.sensor, capture, shipped()) for _ in range(2))
    if first[0] != 0:
        return ["exit status %d: %s" % (first[0], first[2][-2000:])]
    if first[1] != second[1]:
        return ["two runs differ"]
    many = run_sensor(opt.sensor, capture, shipped() + ["-w", "4"])
    if many[0] != 0:
        return ["four workers: exit status %d: %s" % (many[0], many[2][-2000:])]
    return difference([masked(e) for e in events_of(first[1])],
                      [masked(e) for e in events_of(many[1])])


def main():
    cli = argparse.ArgumentParser(description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--sensor", required=True)
    cli.add_argument("--update", action="store_true")
    cli.add_argument("names", nargs="*")
    opt = cli.parse_args()
    opt.sensor = pathlib.Path(opt.sensor).resolve()
    results, cache = Results(), {}
    cases = sorted(p.parent for p in CASES.glob("*/case.json"))
    for folder in cases:
        if not opt.names or folder.name in opt.names:
            results.take("case " + folder.name, run_case(folder, opt))
    if not opt.names:
        proofs = {int(k): v for k, v in
                  json.loads((SETS / "proofs.json").read_text(encoding="utf-8")).items()}
        for sid in sorted(sids_that_ship() | set(proofs)):
            results.take("rule %d" % sid, check_rule(sid, proofs[sid], opt, cache)
                         if sid in proofs else ["no captures in proofs.json"])
        for capture in sorted(PCAPS.glob("*.pcap")):
            results.take("twice " + capture.name, check_repeatable(capture, opt))
        with tempfile.TemporaryDirectory() as folder:
            for name, make in made.CAPTURES.items():
                capture = pathlib.Path(folder) / (name + ".pcap")
                made.pcap(capture, make())
                results.take("made " + name, check_repeatable(capture, opt))
    print("%d passed, %d failed" % (results.passed, results.failed))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
