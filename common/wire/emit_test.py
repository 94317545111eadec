"""For tests: fills an event from a seed, and compares it with the unpacked message."""


def fill_field(f):
    value = {
        "u64": "draw(s)", "i64": "(int64_t) draw(s)", "bool": "draw(s) % 2 == 0",
        "flag": "draw(s) % 2 == 0", "time": "draw(s) % 4000000000000000000u",
        "text": "draw_text(s, a)", "hex": "draw_text(s, a)", "base64": "draw_text(s, a)",
        "json": "draw_json(s, a)", "ip": "draw_ip(s)", "mac": "draw_bytes(s, a, 6)",
    }.get(f.kind)
    if f.kind == "json" and f.es == "keyword":
        value = "slice_text(\"[\\\"a\\\",\\\"b\\\"]\")"
    lines = []
    if f.kind == "type":
        lines = ["e->type = types[draw(s) % (sizeof types / sizeof types[0])];"]
    elif f.kind == "identity":
        lines = ["e->id = (struct event_id) { .sensor = slice_text(\"probe-1\"),"
                 " .epoch = draw(s), .worker = draw(s) % 64, .number = draw(s) };"]
    elif f.kind == "object":
        lines = [f"struct event_{f.object} *{f.name} = arena_alloc(a, sizeof *{f.name});",
                 f"fill_{f.object}({f.name}, s, a);", f"e->{f.name} = {f.name};"]
    elif value is not None:
        lines = [f"e->{f.name} = {value};"] + ([f"e->has_{f.name} = true;"] if f.optional else [])
    else:
        item = {"texts": "struct slice", "base64s": "struct slice", "u64s": "uint64_t"}.get(
            f.kind, f"struct event_{f.object}")
        each = {"texts": "draw_text(s, a)", "base64s": "draw_text(s, a)", "u64s": "draw(s)"}
        if f.kind == "macs":
            lines = [f"e->n_{f.name} = 1 + draw(s) % 3;",
                     f"e->{f.name} = draw_bytes(s, a, 6 * e->n_{f.name});"]
        else:
            put = (f"fill_{f.object}(&{f.name}[i], s, a);" if f.kind == "objects"
                   else f"{f.name}[i] = {each[f.kind]};")
            lines = [f"e->n_{f.name} = 1 + draw(s) % 3;",
                     f"{item} *{f.name} = arena_alloc(a, e->n_{f.name} * sizeof *{f.name});",
                     f"for (size_t i = 0; i < e->n_{f.name}; i++) {{", f"    {put}", "}",
                     f"e->{f.name} = {f.name};"]
    if f.kind not in ("type", "identity") and not (
            f.kind in ("u64", "i64", "bool", "time") and not f.optional):
        lines = ["if (is_there(s)) {"] + ["    " + line for line in lines] + ["}"]
    return ["    " + line for line in lines]


def match_field(f):
    e, m = f"e->{f.name}", f"m->{f.name}"
    there = {"text": f"{e}.bytes != NULL", "hex": f"{e}.bytes != NULL",
             "base64": f"{e}.bytes != NULL", "json": f"{e}.bytes != NULL",
             "ip": f"{e}.version != 0", "mac": f"{e} != NULL", "flag": e}.get(f.kind, "true")
    if f.optional:
        there = f"e->has_{f.name}"
    same = {"u64": f"{e} == {m}", "i64": f"{e} == {m}", "time": f"{e} == {m}",
            "bool": f"{e} == (m->{f.name} != 0)", "flag": f"{m} != 0",
            "type": f"(uint32_t) {e} == {m}",
            "text": f"same(&{m}, {e})", "hex": f"same(&{m}, {e})",
            "base64": f"same(&{m}, {e})", "json": f"same(&{m}, {e})",
            "ip": f"same(&{m}, slice_of({e}.bytes, {e}.version == 4 ? 4 : 16))",
            "mac": f"same(&{m}, slice_of({e}, 6))"}.get(f.kind)
    if f.kind == "identity":
        test = (f"{m} != NULL && same(&{m}->sensor, {e}.sensor) && {m}->epoch == {e}.epoch"
                f" && {m}->worker == {e}.worker && {m}->number == {e}.number")
    elif f.kind == "object":
        test = f"({e} != NULL) == ({m} != NULL) && ({e} == NULL || match_{f.object}({e}, {m}, bad))"
    elif same is not None:
        test = f"(({there}) == (m->has_{f.name} != 0)) && (!({there}) || {same})"
    else:
        item = {"texts": f"same(&{m}[i], {e}[i])", "base64s": f"same(&{m}[i], {e}[i])",
                "u64s": f"{m}[i] == {e}[i]", "macs": f"same(&{m}[i], slice_of({e} + 6 * i, 6))",
                "objects": f"match_{f.object}(&{e}[i], {m}[i], bad)"}[f.kind]
        return [f"    if (e->n_{f.name} != m->n_{f.name}) {{",
                f"        return differ(bad, \"{f.where}\");", "    }",
                f"    for (size_t i = 0; i < e->n_{f.name}; i++) {{", f"        if (!({item})) {{",
                f"            return differ(bad, \"{f.where}\");", "        }", "    }"]
    return [f"    if (!({test})) {{", f"        return differ(bad, \"{f.where}\");", "    }"]


def header(d):
    return f"""/* Generated from common/wire/events.toml; do not edit. */
#ifndef CIVICSHIELD_EVENT_SAMPLE_H
#define CIVICSHIELD_EVENT_SAMPLE_H

#include "common/base/arena.h"
#include "common/wire/event.h"
#include "common/wire/wire.h"

/* Every field from the seed; an absent one now and then, unless the seed is 0. */
void event_sample_fill(struct event *, struct arena *, uint64_t seed);
/* Is the message what the event was encoded to?  Else '*bad' names the first field. */
bool event_sample_matches(const struct event *, const {d.event.c_message} *,
                          const char **bad);

#endif
"""


def source(d):
    types = ", ".join(f"EVENT_{t['name'].upper()}" for t in d.types)
    fills = "\n".join(
        f"static void fill_{o.name}(struct {o.struct} *e, struct seed *s, struct arena *a)\n{{\n"
        + "\n".join(line for f in o.fields for line in fill_field(f)) + "\n}\n"
        for o in d.all_objects())
    matches = "\n".join(
        f"static bool match_{o.name}(const struct {o.struct} *e, const {o.c_message} *m,\n"
        f"    const char **bad)\n{{\n"
        + "\n".join(line for f in o.fields for line in match_field(f))
        + "\n    return true;\n}\n" for o in d.all_objects())
    return f"""/* Generated from common/wire/events.toml; do not edit. */
#include "common/base/hash.h"
#include "event_sample.h"

struct seed {{
    uint64_t state;
    bool is_full;               /* Every field is there. */
}};

static const enum event_type types[] = {{ {types} }};

static uint64_t draw(struct seed *s)
{{
    uint64_t value = hash_mix(++s->state);

    return value >> value % 64;
}}

static bool is_there(struct seed *s)
{{
    return s->is_full || draw(s) % 3 != 0;
}}

static const uint8_t *draw_bytes(struct seed *s, struct arena *a, size_t size)
{{
    uint8_t *bytes = arena_alloc(a, size + 1);

    for (size_t i = 0; i < size; i++) {{
        bytes[i] = (uint8_t) hash_mix(++s->state);
    }}
    return bytes;
}}

/* Bytes from the network: now any, now plain, now long enough to cost two length bytes. */
static struct slice draw_text(struct seed *s, struct arena *a)
{{
    static const char plain[] = "GET /index.html?a=\\"b\\"\\\\ HTTP/1.1\\r\\n\\t\\x01\\xc3\\xa4";
    size_t size = draw(s) % (draw(s) % 8 == 0 ? 300 : 20);

    if (draw(s) % 2 == 0) {{
        return slice_of(plain, draw(s) % sizeof plain);
    }}
    return slice_of(draw_bytes(s, a, size), size);
}}

static struct slice draw_json(struct seed *s, struct arena *a)
{{
    return slice_text(arena_printf(a, "{{\\"key\\":%u}}", (unsigned) (draw(s) % 1000)));
}}

static struct ip_addr draw_ip(struct seed *s)
{{
    struct ip_addr ip = {{ .version = draw(s) % 2 == 0 ? 4 : 6 }};

    for (size_t i = 0; i < (ip.version == 4 ? 4 : 16); i++) {{
        ip.bytes[i] = (uint8_t) draw(s);
    }}
    return ip;
}}

static bool same(const ProtobufCBinaryData *data, struct slice bytes)
{{
    return slice_equal(slice_of(data->data, data->len), bytes);
}}

static bool differ(const char **bad, const char *field)
{{
    *bad = field;
    return false;
}}

{fills}
{matches}
void event_sample_fill(struct event *e, struct arena *a, uint64_t seed)
{{
    struct seed s = {{ .state = seed << 32, .is_full = seed == 0 }};

    memset(e, 0, sizeof *e);
    fill_event(e, &s, a);
}}

bool event_sample_matches(const struct event *e, const {d.event.c_message} *m,
                          const char **bad)
{{
    return match_event(e, m, bad);
}}
"""
