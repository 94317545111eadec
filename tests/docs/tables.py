#!/usr/bin/env python3
"""The tables of docs/ that say what the sources say: fields of events, keywords of rules.

    tables.py --write    puts them into docs/, between the lines that name them
    tables.py --check    names those that are not what the sources say; status 1 if any

A table stands in a page between '<!-- table: NAME -->' and '<!-- end of table -->'.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "common" / "wire"))
sys.path.insert(0, str(TOP / "tests" / "docs"))

import describe  # noqa: E402  (needs the path above)

DESCRIPTION = describe.Description(TOP / "common" / "wire" / "events.toml")
TYPES = {"u64": "long", "i64": "long", "bool": "boolean", "flag": "boolean", "time": "date", "text": "keyword",
         "hex": "keyword", "base64": "binary", "json": "flattened", "ip": "ip", "mac": "keyword", "texts": "keyword",
         "u64s": "long", "macs": "keyword", "base64s": "binary", "objects": "flattened"}


def source(path):
    return (TOP / path).read_text(encoding="utf-8")


# ---- Events ----

def es_type(kind, es):
    return {"keyword_long": "keyword"}.get(es, es) or TYPES.get(kind, "flattened")


def field_rows(fields, eve_prefix, ecs_prefix):
    """(field of the document, type, path in EVE), with the members of objects."""
    for f in fields:
        eve = eve_prefix + f.eve
        if f.kind == "object" and f.es != "flattened":
            yield from field_rows(DESCRIPTION.objects[f.object].fields, eve + ".", ecs_prefix + f.eve + ".")
            continue
        ecs = f.ecs if f.ecs is not None else ecs_prefix + f.eve
        if f.kind in ("type", "identity") or ecs == "":
            continue
        if f.kind == "objects" and f.es != "flattened":
            for member in DESCRIPTION.objects[f.object].fields:
                name = member.ecs if member.ecs is not None else member.eve
                if name:
                    yield f"{ecs}.{name}", es_type(member.kind, member.es), f"{eve}[].{member.eve}"
            continue
        yield ecs, es_type(f.kind, f.es), eve if f.eve else ""


def field_table():
    rows = {}
    for ecs, kind, eve in field_rows(DESCRIPTION.event.fields, "", "civicshield."):
        rows.setdefault(ecs, (kind, []))[1].append(eve)
    for c in DESCRIPTION.computed:
        rows.setdefault(c["ecs"], (es_type(c["kind"], c.get("es")), []))
    lines = ["| field of the document | type | in EVE |", "|---|---|---|"]
    for ecs in sorted(rows, key=lambda name: (name.startswith("civicshield."), name)):
        kind, eve = rows[ecs]
        lines.append("| `%s` | %s | %s |" % (ecs, kind, ", ".join("`%s`" % e for e in eve if e)))
    return lines


def type_table():
    lines = ["| `event_type` in EVE | `event.dataset` | `event.kind` | shed last: 9, first: 1 |", "|---|---|---|---|"]
    for t in DESCRIPTION.types:
        lines.append("| `%s` | `civicshield.%s` | %s | %d |" % (t["name"], t["name"], t["kind"], t["priority"]))
    return lines


# ---- Rules ----

FAMILIES = [("meta", "About the rule"), ("content", "Contents"), ("pcre", "Expressions"), ("bytes", "Numbers in data"),
            ("flow", "Flow"), ("bits", "Bits and counters"), ("filter", "How often"), ("header", "Headers"),
            ("app", "Protocol"), ("frame", "Frames"), ("event", "Malformed input"), ("file", "Files"), ("dataset", "Sets"),
            ("transform", "Transforms, before the contents of a buffer")]


def rows_of(family):
    text = source("rules/keywords/%s.c" % family)
    table = text[text.index("static const struct keyword rows[]"):]
    for name, help_text in re.findall(r'\{ "([^"]+)",[^"}]*?((?:"(?:[^"\\]|\\.)*"\s*)+)\}', table):
        yield name, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', help_text)).replace('\\"', '"')


def keyword_table():
    lines = ["| keyword | |", "|---|---|"]
    for family, title in FAMILIES:
        lines.append("| **%s** | |" % title)
        for name, help_text in rows_of(family):
            lines.append("| `%s` | %s |" % (name, help_text.replace("|", "\\|")))
    return lines


def number_table():
    text = source("rules/lang/plan.h")
    table = text[text.index("#define RULE_FIELDS(X)"):text.index("enum rule_field {")]
    names = []
    for name, older in re.findall(r'X\(\w+, "([^"]+)", ("[^"]+"|NULL), \d+\)', table):
        names.append("`%s`" % name if older == "NULL" else "`%s` (`%s`)" % (name, older.strip('"')))
    return wrapped(names)


def buffer_rows():
    """(name, older name or None, protocol, is it the older name that stands behind its content)"""
    text = source("rules/lang/buffers.h")
    table = text[text.index("#define RULE_BUFFERS(X)"):text.index("enum buffer_id {")].replace("\\\n", " ")
    for name, older, protocol, flags in re.findall(r'X\(\w+, "([^"]+)", ("[^"]+"|NULL), (\w+),\s*([^)]*)\)', table):
        yield name, None if older == "NULL" else older.strip('"'), protocol.lower(), "MODIFIER" in flags


def has_parser(protocol):
    return protocol == "unknown" or bool(
        re.search(r"\b%s(_tcp|_udp)?_parser\b" % protocol, source("sensor/app/registry.c")))


def buffer_table():
    lines = ["| buffer | older name | of |", "|---|---|---|"]
    for name, older, protocol, is_modifier in buffer_rows():
        if has_parser(protocol):
            shown = "" if older is None else "`%s`%s" % (older, ", behind its content" if is_modifier else "")
            lines.append("| `%s` | %s | %s |" % (name, shown, "any" if protocol == "unknown" else protocol))
    return lines


def frame_table():
    text = source("rules/lang/frames.h")
    table = text[text.index("#define RULE_FRAMES(X)"):text.index("enum frame_id {")]
    frames = {}
    for protocol, name in re.findall(r'X\(\w+, (\w+), "([^"]+)"\)', table):
        frames.setdefault(protocol.lower(), []).append("`%s`" % name)
    lines = ["| protocol | frames | |", "|---|---|---|"]
    for protocol, names in frames.items():
        opens = has_frames(protocol)
        lines.append("| `%s` | %s | %s |" % (protocol, ", ".join(names), "" if opens else "not yet: loads, matches nothing"))
    return lines


def has_frames(protocol):
    """Does a parser open frames of the protocol?"""
    word = re.compile(r"\bFRAME_%s" % protocol.upper())
    folder = TOP / "sensor" / "app"
    return any(word.search(p.read_text(encoding="utf-8")) for p in folder.glob("*/*.c"))


def hook_table():
    text = source("rules/lang/hooks.h")
    hooks = {}
    for protocol, name in re.findall(r'X\((\w+), \w+, \d+, "([^"]+)"\)', text):
        hooks.setdefault(protocol.lower(), []).append("`%s`" % name)
    lines = ["| protocol | hooks besides |", "|---|---|"]
    for protocol, names in hooks.items():
        lines.append("| `%s` | %s |" % (protocol, ", ".join(names)))
    return lines


def wrapped(names, width=96):
    lines, line = [], ""
    for i, name in enumerate(names):
        word = name + ("," if i + 1 < len(names) else ".")
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = line + " " + word if line else word
    return lines + [line] if line else lines


def without_parser_table():
    return wrapped(["`%s`" % n for n, _, protocol, _ in buffer_rows() if not has_parser(protocol)])


def later_table():
    text = source("rules/keywords/later.c")
    return wrapped(["`%s`" % n for n in re.findall(r'X\("([^"]+)"\)', text)])


TABLES = {"event types": type_table, "event fields": field_table, "keywords": keyword_table,
          "number keywords": number_table, "buffers": buffer_table, "buffers without a parser": without_parser_table,
          "frames": frame_table, "hooks": hook_table, "keywords to come": later_table}
PLACE = re.compile(r"(<!-- table: ([^>]+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def with_tables(text):
    return PLACE.sub(lambda m: m.group(1) + "\n".join(TABLES[m.group(2)]()) + "\n" + m.group(4), text)


def stale():
    """(page, table) of each table that is not what the sources say."""
    found = []
    for page in sorted((TOP / "docs").glob("*.md")):
        for place in PLACE.finditer(page.read_text(encoding="utf-8")):
            if place.group(3) != "\n".join(TABLES[place.group(2)]()) + "\n":
                found.append((page.name, place.group(2)))
    return found


def main():
    if sys.argv[1:] == ["--write"]:
        for page in sorted((TOP / "docs").glob("*.md")):
            text = page.read_text(encoding="utf-8")
            if with_tables(text) != text:
                page.write_text(with_tables(text), encoding="utf-8")
        return 0
    if sys.argv[1:] == ["--check"]:
        for page, table in stale():
            print("docs/%s: table \"%s\" is stale: tests/docs/tables.py --write" % (page, table))
        return 1 if stale() else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
