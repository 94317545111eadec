"""The collector's side: the ECS writer over the unpacked message, and the mappings."""

import hashlib
import json

from describe import DescriptionError

ES_TYPES = {"u64": "long", "i64": "long", "bool": "boolean", "flag": "boolean",
            "time": "date", "text": "keyword", "hex": "keyword", "base64": "binary",
            "json": "flattened", "ip": "ip", "mac": "keyword", "texts": "keyword",
            "u64s": "long", "base64s": "binary", "macs": "keyword"}
# No type here belongs to X-Pack, and all of them are in 7.17.
ES_MAPPINGS = {
    "keyword": {"type": "keyword", "ignore_above": 1024},
    "keyword_long": {"type": "keyword", "ignore_above": 8191},
    "text": {"type": "text", "norms": False},
    "date": {"type": "date"},
    "flattened": {"type": "flattened", "ignore_above": 1024},
    "long": {"type": "long"}, "boolean": {"type": "boolean"}, "ip": {"type": "ip"},
    "binary": {"type": "binary"},
}


class Leaf:
    """One path of the document: where its value comes from, first present wins."""

    def __init__(self, path, mapping):
        self.path, self.mapping, self.sources = path, mapping, []


def presence(f, x):
    """C expressions that must hold for field f at x (a pointer and an arrow)."""
    if f.kind == "object":
        return [f"{x}{f.name} != NULL"]
    if f.kind in ("texts", "u64s", "macs", "base64s", "objects"):
        return [f"{x}n_{f.name} != 0"]
    guards = [f"{x}has_{f.name}"]
    if f.kind == "flag":
        guards.append(f"{x}{f.name}")
    if f.kind == "ip":
        guards.append(f"is_ip(&{x}{f.name})")
    if f.kind == "mac":
        guards.append(f"{x}{f.name}.len == 6")
    if f.kind == "json":
        check = "is_json_texts" if f.es == "keyword" else "is_json"
        guards.append(f"{check}(&{x}{f.name})")
    return guards


def statements(f, x, is_plain):
    """Writes the value; the EVE form of addresses and times when 'is_plain'."""
    expr = f"{x}{f.name}"
    number = {"keyword": "put_number_text", "keyword_long": "put_number_text"}.get(
        f.es, "put_number")
    each = {"texts": f"json_text(b, bytes_of(&{expr}[i]));",
            "base64s": f"json_base64(b, bytes_of(&{expr}[i]));",
            "u64s": f"{number}(b, {expr}[i]);",
            "macs": f"put_mac(b, &{expr}[i]);"}.get(f.kind)
    if f.kind == "objects":
        form = "plain" if is_plain or f.es == "flattened" else "ecs"
        each = f"{form}_{f.object}({expr}[i], b);"
    if each is not None:
        return ["strbuf_putc(b, '[');", f"for (size_t i = 0; i < {x}n_{f.name}; i++) {{",
                f"    {each}", "    strbuf_putc(b, ',');", "}", "json_close(b, ']');"]
    form = "plain" if is_plain or f.es == "flattened" else "ecs"
    return [{
        "u64": f"{number}(b, {expr});",
        "i64": f"strbuf_i64(b, {expr});",
        "bool": f"json_bool(b, {expr} != 0);",
        "flag": "JSON_LITERAL(b, \"true\");",
        "time": f"json_time_utc(b, {expr});",
        "text": f"json_text(b, bytes_of(&{expr}));",
        "hex": f"json_hex(b, bytes_of(&{expr}));",
        "base64": f"json_base64(b, bytes_of(&{expr}));",
        "json": f"strbuf_put(b, {expr}.data, {expr}.len);",
        "ip": f"put_ip(b, &{expr});",
        "mac": f"put_mac(b, &{expr});",
        "object": f"{form}_{f.object}({expr}, b);",
    }[f.kind]]


def es_of(d, f):
    if f.kind == "objects" and f.es != "flattened":
        element = d.objects[f.object]
        return {"properties": properties(element_leaves(d, element, False))}
    name = f.es or ES_TYPES.get(f.kind, "flattened")
    if name not in ES_MAPPINGS:
        raise DescriptionError(f"{f.where}: no mapping type {name}")
    mapping = dict(ES_MAPPINGS[name])
    if name == "date" and f.kind == "text":
        mapping["ignore_malformed"] = True      # A certificate may say anything.
    return mapping


def add(leaves, path, mapping, guards, lines):
    leaf = leaves.setdefault(path, Leaf(path, mapping))
    if leaf.mapping != mapping:
        raise DescriptionError(f"{path}: two mappings")
    leaf.sources.append((guards, lines))


def element_leaves(d, o, is_plain):
    """The leaves of an object within a list."""
    leaves = {}
    for f in o.fields:
        path = f.eve if is_plain or f.ecs is None else f.ecs
        if path != "":
            add(leaves, path, None if is_plain else es_of(d, f), presence(f, "m->"),
                statements(f, "m->", is_plain))
    return leaves


def walk(d, o, x, guards, prefix, leaves):
    for f in o.fields:
        if f.kind in ("type", "identity") or (f.ecs is None and f.eve == ""):
            continue
        path = f"{prefix}.{f.eve}" if f.ecs is None else f.ecs
        if f.kind == "object" and f.es != "flattened":
            walk(d, d.objects[f.object], f"{x}{f.name}->", guards + presence(f, x), path, leaves)
        elif path != "":
            add(leaves, path, es_of(d, f), guards + presence(f, x), statements(f, x, False))


def document_leaves(d):
    leaves = {}
    timestamp = next(f for f in d.event.fields if f.ecs == "@timestamp")
    add(leaves, "@timestamp", es_of(d, timestamp), presence(timestamp, "m->"),
        statements(timestamp, "m->", False))
    for c in d.computed:
        es = c.get("es") or {"u64": "long", "time": "date", "text": "keyword"}[c["kind"]]
        name, number = c["name"], "put_number_text" if c.get("es") == "keyword" else "put_number"
        guards, lines = {
            "text": ([f"x->{name}.bytes != NULL"], [f"json_text(b, x->{name});"]),
            "u64": ([f"x->has_{name}"], [f"{number}(b, x->{name});"]),
            "time": ([f"x->has_{name}"], [f"json_time_utc(b, x->{name});"]),
            "json": ([f"ecs_has_{name}(m)"], [f"ecs_put_{name}(m, b);"]),
        }[c["kind"]]
        add(leaves, c["ecs"], dict(ES_MAPPINGS[es]), guards, lines)
    seen = leaves.pop("@timestamp")
    rest = {}
    walk(d, d.event, "m->", [], "civicshield", rest)
    for path, leaf in rest.items():
        if path in leaves:
            raise DescriptionError(f"{path}: computed, and a field as well")
        leaves[path] = leaf
    return {"@timestamp": seen, **leaves}


def tree_of(leaves):
    tree = {}
    for path, leaf in leaves.items():
        at = tree
        parts = path.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if isinstance(at, Leaf):
                raise DescriptionError(f"{path}: stands below another field")
        if parts[-1] in at:
            raise DescriptionError(f"{path}: is an object as well")
        at[parts[-1]] = leaf
    return tree


def emit_tree(tree, prefix, pad):
    lines = []
    for key, node in tree.items():
        name = (prefix + key).replace(".", "_").replace("@", "")
        if not isinstance(node, Leaf):
            lines += [f"{pad}{{", f"{pad}    size_t mark_{name} = b->size;",
                      f'{pad}    JSON_LITERAL(b, "\\"{key}\\":{{");',
                      f"{pad}    size_t start_{name} = b->size;"]
            lines += emit_tree(node, prefix + key + ".", pad + "    ")
            lines += [f"{pad}    json_close_group(b, mark_{name}, start_{name});", f"{pad}}}"]
            continue
        word = "if"
        for guards, body in node.sources:
            lines += [f"{pad}{word} ({' && '.join(guards)}) {{",
                      f'{pad}    JSON_LITERAL(b, "\\"{key}\\":");']
            lines += [f"{pad}    {line}" for line in body + ["strbuf_putc(b, ',');"]]
            word = "} else if"
        lines += [f"{pad}}}"]
    return lines


def element_writer(d, o, is_plain):
    form = "plain" if is_plain else "ecs"
    return (f"static void {form}_{o.name}(const {o.c_message} *m, struct strbuf *b)\n{{\n"
            "    strbuf_putc(b, '{');\n"
            + "\n".join(emit_tree(tree_of(element_leaves(d, o, is_plain)), "", "    "))
            + "\n    json_close(b, '}');\n}\n")


def used_forms(d):
    """Which element writers are called: (object name, is_plain)."""
    used = set()

    def visit(o, in_list, is_plain):
        for f in o.fields:
            if f.object is None:
                continue
            inner = d.objects[f.object]
            if f.kind == "objects" or in_list or f.es == "flattened":
                plain = is_plain or f.es == "flattened"
                used.add((f.object, plain))
                visit(inner, True, plain)
            else:
                visit(inner, False, False)

    visit(d.event, False, False)
    return used


def ecs_source(d):
    used = used_forms(d)
    elements = [element_writer(d, o, plain) for o in d.all_objects() for plain in (True, False)
                if (o.name, plain) in used]
    tree = tree_of(document_leaves(d))
    message = d.event.c_message
    tops, calls = [], []
    for key, node in tree.items():
        name = "put_top_" + key.strip("@")
        tops.append(f"static void {name}(const {message} *m, const struct ecs_derived *x, "
                    f"struct strbuf *b)\n{{\n" + "\n".join(emit_tree({key: node}, "", "    "))
                    + "\n}\n")
        calls.append(f"    {name}(m, &x, b);")
    return ("""/* Generated from common/wire/events.toml; do not edit. */
#include "common/wire/ecs_private.h"
#include "common/wire/json.h"

""" + "\n".join(elements) + "\n" + "\n".join(tops) + f"""
void event_write_ecs(const {message} *m, struct strbuf *b)
{{
    struct ecs_derived x;

    ecs_derive(m, &x);
    strbuf_putc(b, '{{');
""" + "\n".join(calls) + """
    json_close(b, '}');
}
""")


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def derived_header(d):
    kinds = {"text": "struct slice {0};", "u64": "uint64_t {0};\n    bool has_{0};",
             "time": "uint64_t {0};\n    bool has_{0};"}
    members = "\n".join("    " + kinds[c["kind"]].format(c["name"])
                        for c in d.computed if c["kind"] != "json")
    functions = "\n".join(
        f"bool ecs_has_{c['name']}(const {d.event.c_message} *);\n"
        f"void ecs_put_{c['name']}(const {d.event.c_message} *, struct strbuf *);"
        for c in d.computed if c["kind"] == "json")
    types = " \\\n".join(
        f"    X({t['value']}, \"{t['name']}\", \"{t['kind']}\", "
        f"{c_string(json.dumps(t['category'], separators=(',', ':')))}, "
        f"{c_string(json.dumps(t['types'], separators=(',', ':')))})" for t in d.types)
    return f"""/* Generated from common/wire/events.toml; do not edit. */
#ifndef CIVICSHIELD_WIRE_EVENT_DERIVED_H
#define CIVICSHIELD_WIRE_EVENT_DERIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/slice.h"
#include "common/base/strbuf.h"
#include "common/wire/civicshield_event.pb-c.h"

/* X(value on the wire, name, event.kind, event.category, event.type) */
#define ECS_TYPES(X) \\
{types}

/* What the document wants and no field holds as it stands (ecs.c fills it). */
struct ecs_derived {{
{members}
    /* What some of the slices point at. */
    char transport[16], source_mac_text[20], destination_mac_text[20], sha1_text[40];
    char id_text[192];
}};

{functions}

#endif
"""


def properties(leaves):
    def convert(tree):
        return {key: node.mapping if isinstance(node, Leaf) else {"properties": convert(node)}
                for key, node in sorted(tree.items())}
    return convert(tree_of(leaves))


def mappings(d):
    """Two component templates: the fields of ECS, and ours below 'civicshield'."""
    everything = properties(document_leaves(d))
    own = {"civicshield": everything.pop("civicshield")}
    templates = {}
    for name, fields in (("civicshield-ecs", everything), ("civicshield-events", own)):
        body = {"dynamic": False, "date_detection": False, "properties": fields}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        templates[name] = {"version": d.mappings_version,
                           "_meta": {"ecs": "8.11.0", "digest": digest[:16]},
                           "template": {"mappings": body}}
    return {"version": d.mappings_version, "component_templates": templates}


def mappings_json(d):
    return json.dumps(mappings(d), indent=1) + "\n"


def mappings_source(d):
    text = json.dumps(mappings(d), separators=(",", ":"))
    pieces = [text[i:i + 80] for i in range(0, len(text), 80)]
    return ("/* Generated from common/wire/events.toml; do not edit. */\n"
            "#include \"common/wire/wire.h\"\n\n"
            f"const unsigned wire_mappings_version = {d.mappings_version};\n\n"
            "const char wire_mappings_json[] =\n"
            + "\n".join("    " + c_string(p) for p in pieces) + ";\n")
