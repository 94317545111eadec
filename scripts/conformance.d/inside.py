#!/usr/bin/env python3
"""How many cases pass, and how many of those that need no protocol of a later issue?

    inside.py RESULTS.json OUT.txt

RESULTS.json is what run_cases.py --json wrote; OUT.txt names the cases left aside, one a
line as "case  protocol", with '#' before remarks.  A case that is named there and passes is
told, so that the list gets shorter; one that does not exist is an error (exit status 2).
"""
import json
import pathlib
import sys


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())["cases"]
    lines = (line.split("#")[0].split() for line in
             pathlib.Path(sys.argv[2]).read_text().splitlines())
    out = {words[0]: " ".join(words[1:]) for words in lines if words}
    unknown = sorted(set(out) - set(results))
    if unknown:
        print(f"{sys.argv[2]}: no such case: {' '.join(unknown)}", file=sys.stderr)
        return 2
    passed = {name for name, case in results.items() if case["result"] == "passed"}
    inside = set(results) - set(out)
    print(f"{len(passed)} of {len(results)} cases pass ({len(passed) / len(results):.1%});"
          f" without the {len(out)} of {sys.argv[2]}: {len(passed & inside)} of {len(inside)}"
          f" ({len(passed & inside) / len(inside):.1%})")
    for name in sorted(inside - passed):
        print(f"fails, not in the list: {name}: {results[name]['why']}")
    if passed & set(out):
        print(f"pass though listed: {' '.join(sorted(passed & set(out)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
