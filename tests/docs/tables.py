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

FAMILIES = [("meta", "About the rule"), ("content", "Contents"), ("buffers", "Buffers"), ("pcre", "Expressions"),
            ("bytes", "Numbers in data"), ("number", "Numbers of packet, flow and transaction"), ("flow", "Flow"),
            ("bits", "Bits and counters"), ("filter", "How often"), ("header", "Headers"), ("app", "Protocol"),
            ("dcerpc", "Interfaces of DCE RPC"), ("frame", "Frames"), ("event", "Malformed input"), ("file", "Files"),
            ("dataset", "Sets"), ("transform", "Transforms, before the contents of a buffer"), ("later", "Refused")]
DECIDES, LIMITS, REFUSED = "decides", "has limits", "refused"
STRING = r'"(?:[^"\\]|\\.)*"'


def joined(literals):
    """What adjacent C strings say."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"')


def family_rows(family):
    """(keyword, state, what it says, limits or why not) of rows that are written out."""
    text = source("rules/keywords/%s.c" % family)
    table = text[text.index("static const struct keyword rows[]"):]
    for name, rest in re.findall(r'\{ "([^"]+)",((?:[^"{}]|%s)*)\}' % STRING, table):
        texts = [joined(t) for t in re.findall(r'%s(?:\s+%s)*' % (STRING, STRING), rest)]
        if re.search(r"\bparse_gone\b", rest):
            yield name, REFUSED, "", texts[0]
        elif len(texts) > 1:
            yield name, LIMITS, texts[0], texts[1]
        else:
            yield name, DECIDES, texts[0], ""


def buffer_rows():
    """(name, older name or None, protocol, is it the older name that stands behind its content)"""
    text = source("rules/lang/buffers.h")
    table = text[text.index("#define RULE_BUFFERS(X)"):text.index("enum buffer_id {")].replace("\\\n", " ")
    for name, older, protocol, flags in re.findall(r'X\(\w+, "([^"]+)", ("[^"]+"|NULL), (\w+),\s*([^)]*)\)', table):
        yield name, None if older == "NULL" else older.strip('"'), protocol.lower(), flags


def has_parser(protocol):
    return protocol == "unknown" or bool(
        re.search(r"\b%s(_tcp|_udp)?_parser\b" % protocol, source("sensor/app/registry.c")))


def buffer_keyword_rows():
    for name, older, protocol, flags in buffer_rows():
        what = "What follows looks into it" + ("" if protocol == "unknown" else ", of %s" % protocol)
        state, note = (DECIDES, "") if has_parser(protocol) else (LIMITS, "Empty: %s has no parser yet" % protocol)
        if "BUFFER_VALUED" not in flags:
            yield name, state, what, note
        if older is not None:
            yield older, state, "Older name of `%s`%s" % (
                name, ", behind its content" if "MODIFIER" in flags else ""), note


def number_keyword_rows():
    text = source("rules/lang/plan.h")
    table = text[text.index("#define RULE_FIELDS(X)"):text.index("enum rule_field {")]
    for name, older in re.findall(r'X\(\w+, "([^"]+)", ("[^"]+"|NULL), \d+\)', table):
        yield name, DECIDES, "A number: 5, !5, <5, >=5, 3-7", ""
        if older != "NULL":
            yield older.strip('"'), DECIDES, "Older name of `%s`" % name, ""


def later_keyword_rows():
    for name, why in re.findall(r'X\("([^"]+)", "([^"]+)"\)', source("rules/keywords/later.c")):
        yield name, REFUSED, "", why


MADE_ROWS = {"buffers": buffer_keyword_rows, "number": number_keyword_rows, "later": later_keyword_rows}


def keyword_rows(family):
    """All keywords of a family, as the registry (rules/keywords/table.c) has them."""
    if family in MADE_ROWS:
        yield from MADE_ROWS[family]()
    yield from family_rows(family)


def keyword_table():
    lines = ["| keyword | state | what it says | limits, or why not |", "|---|---|---|---|"]
    for family, title in FAMILIES:
        lines.append("| **%s** | | | |" % title)
        for row in keyword_rows(family):
            lines.append("| `%s` | %s | %s | %s |" % tuple(cell.replace("|", "\\|") for cell in row))
    return lines


def keywords(*states):
    return {row[0] for family, _ in FAMILIES for row in keyword_rows(family) if row[1] in states}


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


TABLES = {"event types": type_table, "event fields": field_table, "keywords": keyword_table,
          "frames": frame_table, "hooks": hook_table}
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
