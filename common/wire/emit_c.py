"""The sensor's side: C structs, EVE writer, protobuf schema and encoder."""

C_TYPES = {"u64": "uint64_t", "i64": "int64_t", "bool": "bool", "flag": "bool",
           "time": "uint64_t", "text": "struct slice", "hex": "struct slice",
           "base64": "struct slice", "json": "struct slice", "ip": "struct ip_addr",
           "type": "enum event_type", "identity": "struct event_id"}
LIST_TYPES = {"texts": "struct slice", "base64s": "struct slice", "u64s": "uint64_t",
              "macs": "uint8_t"}
PROTO_TYPES = {"u64": "uint64", "i64": "sint64", "bool": "bool", "flag": "bool",
               "time": "fixed64", "text": "bytes", "hex": "bytes", "base64": "bytes",
               "json": "bytes", "ip": "bytes", "mac": "bytes", "type": "uint32",
               "identity": "EventId", "texts": "bytes", "base64s": "bytes",
               "u64s": "uint64", "macs": "bytes"}


def member(f):
    if f.kind in C_TYPES:
        text = f"    {C_TYPES[f.kind]} {f.name};"
    elif f.kind == "mac":
        text = f"    const uint8_t *{f.name};           /* 6 bytes, or NULL. */"
    elif f.kind == "object":
        text = f"    const struct event_{f.object} *{f.name};"
    else:
        item = f"struct event_{f.object}" if f.kind == "objects" else LIST_TYPES[f.kind]
        note = "                /* 6 bytes each. */" if f.kind == "macs" else ""
        text = f"    const {item} *{f.name};{note}\n    size_t n_{f.name};"
    return text + (f"\n    bool has_{f.name};" if f.optional else "")


def header(d):
    types = "\n".join(f"    X({t['name'].upper()}, {t['value']}, \"{t['name']}\", "
                      f"{t['priority']}) \\" for t in d.types)
    structs = "\n\n".join(f"/* {o.doc} */\nstruct {o.struct} {{\n"
                          + "\n".join(member(f) for f in o.fields) + "\n};"
                          for o in d.all_objects())
    return f"""/* Generated from common/wire/events.toml; do not edit.
 *
 * An event as a worker fills it, with borrowed strings: zero the struct, set what is
 * there.  A number is written whenever its object is there; one with a has_ member only
 * if that is set.  Text is absent when 'bytes' is NULL (a size of 0 is an empty text), an
 * address when its version is 0, a list when its count is 0, an object when its pointer
 * is NULL.  Everything pointed at must live until the last writer has returned.  Writers
 * are pure: any thread, no state. */
#ifndef CIVICSHIELD_WIRE_EVENT_H
#define CIVICSHIELD_WIRE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/ip.h"
#include "common/base/slice.h"
#include "common/base/strbuf.h"

/* Changes with every change of meaning; additions alone keep it. */
#define EVENT_SCHEMA_VERSION {d.version}

/* X(identifier, value on the wire, EVE name, priority: a full spool sheds the lowest) */
#define EVENT_TYPES(X) \\
{types}

enum event_type {{
    EVENT_NONE = 0,
#define X(id, value, name, priority) EVENT_##id = value,
    EVENT_TYPES(X)
#undef X
}};

/* The EVE name; "unknown" for no type. */
const char *event_type_name(enum event_type);
/* EVENT_NONE if there is no such name. */
enum event_type event_type_by_name(const char *name);
unsigned event_type_priority(enum event_type);

/* An event's identity: unique, and the same in EVE, on the wire and in the index. */
struct event_id {{
    struct slice sensor;
    uint64_t epoch;             /* One run; in replay a hash of what goes in. */
    uint64_t worker, number;    /* Each worker numbers its own events from 1. */
}};

/* "sensor-epoch-worker-number", the epoch as 16 hex digits. */
void event_id_write(const struct event_id *, struct strbuf *);

{structs}

/* One line of EVE JSON without the newline, appended to 'out'. */
void event_write_eve(const struct event *, struct strbuf *out);
/* The same event as message civicshield.wire.v1.Event, appended to 'out'. */
void event_encode(const struct event *, struct strbuf *out);

#endif
""".replace("\\\n\nenum", "\n\nenum")


# Kinds whose text has a longest form, and that form's size: what is written of them goes at
# 'at', into room that was made before.
ROOM = {"u64": 20, "i64": 20, "bool": 5, "flag": 4, "time": 42, "ip": 48, "mac": 19}


def put_value(kind, expr):
    """Writes a value of such a kind, that is known to be there, as EVE has it."""
    return {
        "u64": f"at = json_put_u64(at, {expr});",
        "i64": f"at = json_put_i64(at, {expr});",
        "bool": f"at = json_put_bool(at, {expr});",
        "flag": 'at = JSON_PUT(at, "true");',
        "time": f"at = json_put_time_eve(at, {expr});",
        "ip": f"at = json_put_ip(at, &{expr}, true);",
        "mac": f"at = json_put_mac(at, {expr});",
    }[kind]


def append_value(kind, expr):
    """The same for the other kinds, behind the buffer's size."""
    return {
        "hex": f"json_hex(b, {expr});",
        "base64": f"json_base64(b, {expr});",
        "json": f"strbuf_put(b, {expr}.bytes, {expr}.size);",
        "type": f"json_name(b, event_type_name({expr}));",
        "identity": f"eve_identity(&{expr}, b);",
    }[kind]


def presence(f):
    if f.optional:
        return f"e->has_{f.name}"
    if f.kind in ("u64", "i64", "bool", "time", "type", "identity"):
        return None
    if f.kind == "flag":
        return f"e->{f.name}"
    if f.kind in ("text", "hex", "base64", "json"):
        return f"e->{f.name}.bytes != NULL"
    if f.kind == "ip":
        return f"e->{f.name}.version != 0"
    if f.kind in ("mac", "object"):
        return f"e->{f.name} != NULL"
    return f"e->n_{f.name} != 0"


def eve_list(f, expr):
    each = {"texts": f"json_text(b, {expr}[i]);",
            "base64s": f"json_base64(b, {expr}[i]);",
            "u64s": f"strbuf_u64(b, {expr}[i]);",
            "macs": f"json_mac(b, {expr} + 6 * i);",
            "objects": f"eve_{f.object}(&{expr}[i], b);"}[f.kind]
    return ["strbuf_putc(b, '[');", f"for (size_t i = 0; i < e->n_{f.name}; i++) {{",
            "    " + each, "    strbuf_putc(b, ',');", "}", "json_close(b, ']');"]


def eve_field(f, key, pad):
    """The statements of one field; each member is written with a comma behind it."""
    lines = [f'at = JSON_PUT(at, "\\"{key}\\":");']
    expr = f"e->{f.name}"
    if f.kind in ROOM:
        lines += [put_value(f.kind, expr)]
    elif f.kind == "text":
        lines += [f"at = json_put_text(b, at, {expr}, ROOM);"]
    else:
        lines += ["b->size = (size_t) (at - b->text);"]
        if f.kind == "object":
            lines += [f"eve_{f.object}({expr}, b);"]
        elif f.kind.endswith("s"):
            lines += eve_list(f, expr)
        else:
            lines += [append_value(f.kind, expr)]
        lines += ["at = strbuf_reserve(b, ROOM);"]
    lines += ["*at++ = ',';"]
    guard = presence(f)
    if guard is not None:
        lines = [f"if ({guard}) {{"] + ["    " + line for line in lines] + ["}"]
    return [pad + line for line in lines]


def eve_tree(fields, prefix, pad):
    """Fields in order; those with a common first part of their path share one object,
    which stands where the first of them stands and vanishes when it stays empty."""
    lines, done = [], set()
    for f in fields:
        rest = f.eve[len(prefix):]
        if f.eve == "" or f.eve in done:
            continue
        if "." not in rest:
            lines += eve_field(f, rest, pad)
            continue
        group = rest.split(".")[0]
        inner = [g for g in fields if g.eve.startswith(f"{prefix}{group}.")]
        done |= {g.eve for g in inner}
        here = (prefix + group).replace(".", "_")
        lines += [f"{pad}{{", f"{pad}    size_t mark_{here} = (size_t) (at - b->text);",
                  f'{pad}    at = JSON_PUT(at, "\\"{group}\\":{{");',
                  f"{pad}    size_t start_{here} = (size_t) (at - b->text);"]
        lines += eve_tree(inner, f"{prefix}{group}.", pad + "    ")
        lines += [f"{pad}    at = json_put_close_group(b, at, mark_{here}, start_{here});",
                  f"{pad}}}"]
    return lines


def eve_room(o):
    """Bytes for all of an object but the values that make their own room: its braces, each
    key with quotes, colon and comma, each group with its braces (counted for each field)."""
    return 2 + sum(sum(len(part) + 5 for part in f.eve.split(".")) + ROOM.get(f.kind, 0)
                   for f in o.fields if f.eve != "")


def eve_source(d):
    functions = []
    for o in d.all_objects():
        static = "void event_write_eve" if o.name == "event" else f"static void eve_{o.name}"
        functions.append(f"{static}(const struct {o.struct} *e, struct strbuf *b)\n{{\n"
                         f"    enum {{ ROOM = {eve_room(o)} }};\n"
                         "    char *at = strbuf_reserve(b, ROOM);\n\n"
                         "    *at++ = '{';\n"
                         + "\n".join(eve_tree(o.fields, "", "    "))
                         + "\n    at = json_put_close(at, '}');\n"
                         "    b->size = (size_t) (at - b->text);\n}\n")
    return """/* Generated from common/wire/events.toml; do not edit.
 *
 * 'at' runs ahead of the buffer's size.  A function makes ROOM for all of its object but the
 * values that make their own; behind each of those it makes ROOM anew. */
#include "common/wire/event.h"
#include "common/wire/json.h"

static void eve_identity(const struct event_id *id, struct strbuf *b)
{
    JSON_LITERAL(b, "{\\"id\\":");
    json_event_id(b, id->sensor, id->epoch, id->worker, id->number);
    strbuf_putc(b, '}');
}

""" + "\n".join(functions)


def proto(d):
    messages = ["message EventId {\n    optional bytes sensor = 1;\n"
                "    optional fixed64 epoch = 2;\n    optional uint64 worker = 3;\n"
                "    optional uint64 number = 4;\n}\n"]
    for o in d.all_objects():
        rows = []
        for f in o.fields:
            label = "repeated" if f.kind.endswith("s") else "optional"
            kind = PROTO_TYPES.get(f.kind) or d.objects[f.object].message
            packed = " [packed = true]" if f.kind == "u64s" else ""
            rows.append(f"    {label} {kind} {f.name} = {f.tag}{packed};")
        messages.append(f"// {o.doc}\nmessage {o.message} {{\n" + "\n".join(rows) + "\n}\n")
    return ("// Generated from common/wire/events.toml; do not edit.\n"
            "syntax = \"proto2\";\n\npackage civicshield.wire.v1;\n\n" + "\n".join(messages))


def encode_field(f, pad):
    expr, tag = f"e->{f.name}", f.tag
    one = {
        "u64": f"pb_u64(b, {tag}, {expr});",
        "i64": f"pb_i64(b, {tag}, {expr});",
        "bool": f"pb_u64(b, {tag}, {expr});",
        "flag": f"pb_u64(b, {tag}, 1);",
        "time": f"pb_fixed64(b, {tag}, {expr});",
        "type": f"pb_u64(b, {tag}, (uint64_t) {expr});",
        "ip": f"pb_bytes(b, {tag}, {expr}.bytes, {expr}.version == 4 ? 4 : 16);",
        "mac": f"pb_bytes(b, {tag}, {expr}, 6);",
    }.get(f.kind)
    if f.kind in ("text", "hex", "base64", "json"):
        one = f"pb_bytes(b, {tag}, {expr}.bytes, {expr}.size);"
    if f.kind == "identity":
        lines = [f"at = pb_open(b, {tag});", f"encode_identity(&{expr}, b);", "pb_close(b, at);"]
    elif f.kind == "object":
        lines = [f"at = pb_open(b, {tag});", f"encode_{f.object}({expr}, b);", "pb_close(b, at);"]
    elif f.kind == "u64s":
        lines = [f"at = pb_open(b, {tag});", f"for (size_t i = 0; i < e->n_{f.name}; i++) {{",
                 f"    pb_varint(b, {expr}[i]);", "}", "pb_close(b, at);"]
    elif f.kind == "objects":
        lines = [f"for (size_t i = 0; i < e->n_{f.name}; i++) {{", f"    at = pb_open(b, {tag});",
                 f"    encode_{f.object}(&{expr}[i], b);", "    pb_close(b, at);", "}"]
    elif one is not None:
        lines = [one]
    else:
        what = (f"{expr} + 6 * i, 6" if f.kind == "macs"
                else f"{expr}[i].bytes, {expr}[i].size")
        lines = [f"for (size_t i = 0; i < e->n_{f.name}; i++) {{",
                 f"    pb_bytes(b, {tag}, {what});", "}"]
    guard = presence(f)
    if guard is not None and not lines[0].startswith("for"):
        lines = [f"if ({guard}) {{"] + ["    " + line for line in lines] + ["}"]
    return [pad + line for line in lines]


def encode_source(d):
    functions = []
    for o in d.all_objects():
        head = "void event_encode" if o.name == "event" else f"static void encode_{o.name}"
        nested = any(f.kind in ("object", "objects", "u64s", "identity") for f in o.fields)
        body = [line for f in o.fields for line in encode_field(f, "    ")]
        functions.append(f"{head}(const struct {o.struct} *e, struct strbuf *b)\n{{\n"
                         + ("    size_t at;\n\n" if nested else "")
                         + "\n".join(body) + "\n}\n")
    return """/* Generated from common/wire/events.toml; do not edit. */
#include "common/wire/event.h"
#include "common/wire/pb.h"

static void encode_identity(const struct event_id *id, struct strbuf *b)
{
    pb_bytes(b, 1, id->sensor.bytes, id->sensor.size);
    pb_fixed64(b, 2, id->epoch);
    pb_u64(b, 3, id->worker);
    pb_u64(b, 4, id->number);
}

""" + "\n".join(functions)
