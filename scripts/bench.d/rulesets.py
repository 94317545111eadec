"""The rules that are measured with: enabled ones alone, each on one line, in files of their own."""
import glob
import os
import pathlib
import random

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


def synthetic(n):
    """Rules of every usual kind with words that no capture has; always the same."""
    kinds = ("http any any -> any any (%s http.uri; content:\"/%s\";",
             "http any any -> any any (%s http.user_agent; content:\"%s\"; nocase;",
             "dns any any -> any any (%s dns.query; content:\"%s\"; nocase;",
             "tls any any -> any any (%s tls.sni; content:\"%s\";",
             "tcp any any -> any any (%s content:\"%s\";",
             "http any any -> any any (%s flow:established,to_client; file.data; content:\"%s\";",
             "tcp any any -> any 80 (%s flow:established,to_server; content:\"%s\"; nocase;",
             "udp any any -> any 53 (%s content:\"%s\";")
    choose = random.Random(1)
    rules = []
    for i in range(n):
        word = "".join(choose.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(4 + i % 9))
        rules.append("alert " + kinds[i % len(kinds)] % ('msg:"rule %d";' % i, word) + " sid:%d;)" % (900000 + i))
    return rules
