"""The rules that are measured with: enabled ones alone, each on one line, in files of their own."""
import glob
import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def join_lines(text):
    """Rules may go on behind a backslash at the end of a line."""
    return text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines()


def enabled(pattern=None):
    """Enabled rules of the files that 'pattern' names; by default those of RULES_DATA, or those
    that ship."""
    if pattern is None:
        data = os.environ.get("RULES_DATA", str(TOP.parent / "shared" / "rules-et"))
        pattern = data + "/*.rules"
        if not glob.glob(pattern):
            pattern = shipped()
    rules = []
    for path in sorted(glob.glob(pattern)):
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="surrogateescape")
        rules += [line for line in join_lines(text) if line.strip() and not line.lstrip().startswith("#")]
    return rules


def shipped():
    return str(TOP / "rules" / "sets" / "*.rules")


def sample(rules, n):
    """'n' of them, evenly spread; always the same."""
    return rules if n >= len(rules) else [rules[i * len(rules) // n] for i in range(n)]


def write(path, rules):
    path.write_text("".join(rule + "\n" for rule in rules), encoding="utf-8", errors="surrogateescape")
    return path
