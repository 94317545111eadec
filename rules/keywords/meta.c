/* What a rule says about itself: message, numbers, class, references, metadata. */
#include <stdlib.h>

#include "common/base/strbuf.h"
#include "rules/keywords/keywords.h"

/* Takes the backslashes off "\;", "\"", "\:" and "\\". */
static struct slice unescape(struct draft *d, struct slice v)
{
    uint8_t *out = draft_alloc(d, v.size + 1);
    size_t n = 0;

    for (size_t i = 0; i < v.size; i++) {
        bool escapes = v.bytes[i] == '\\' && i + 1 < v.size
                       && memchr("\\;:\"", v.bytes[i + 1], 4) != NULL;
        out[n++] = v.bytes[i += escapes];
    }
    return slice_of(out, n);
}

static bool parse_msg(struct draft *d, const struct keyword *row, struct slice v)
{
    for (size_t i = 0; i < v.size; i++) {
        if (v.bytes[i] == '\\') {
            i++;
        } else if (v.bytes[i] == '"') {
            return draft_error_at(d, v.bytes + i, "write it as \\\"",
                                  "a quote within the message");
        }
    }
    d->rule->msg = (const char *) unescape(d, v).bytes;
    return true;
}

static bool parse_id(struct draft *d, const struct keyword *row, struct slice v)
{
    uint32_t *const out[] = { &d->rule->sid, &d->rule->rev, &d->rule->gid };
    uint64_t n;

    if (!number_parse(v, UINT32_MAX, &n) || (row->argument == 0 && n == 0)) {
        return draft_error_at(d, v.bytes, NULL, "%s is a number from %d to 4294967295",
                              row->name, row->argument == 0);
    }
    *out[row->argument] = (uint32_t) n;
    return true;
}

static bool parse_priority(struct draft *d, const struct keyword *row, struct slice v)
{
    uint64_t n;

    if (!number_parse(v, 255, &n) || n == 0) {
        return draft_error_at(d, v.bytes, NULL, "a priority is 1 (most severe) to 255");
    }
    d->rule->priority = (int) n;
    d->has_priority = true;
    return true;
}

static bool parse_classtype(struct draft *d, const struct keyword *row, struct slice v)
{
    int priority = 3;

    d->rule->classtype = draft_share(d, v);
    if (!draft_find_class(d, v, &d->rule->category, &priority)) {
        draft_warn(d, "unknown classtype \"%.*s\": priority %d", (int) v.size,
                   (const char *) v.bytes, priority);
    }
    if (!d->has_priority) {
        d->rule->priority = priority;
    }
    return true;
}

/* ---- JSON ---- */

static void put_json(struct strbuf *out, struct slice s)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        if (s.bytes[i] == '"' || s.bytes[i] == '\\') {
            strbuf_putc(out, '\\');
            strbuf_putc(out, (char) s.bytes[i]);
        } else if (s.bytes[i] < 0x20) {
            strbuf_printf(out, "\\u%04x", s.bytes[i]);
        } else {
            strbuf_putc(out, (char) s.bytes[i]);
        }
    }
    strbuf_putc(out, '"');
}

/* The text of a JSON array or object that 'old' (or NULL) was, with its end taken off and
 * a comma where something stands in it. */
static void reopen_json(struct strbuf *out, const char *old, char open)
{
    if (old == NULL) {
        strbuf_putc(out, open);
    } else {
        strbuf_put(out, old, strlen(old) - 1);
        strbuf_puts(out, strlen(old) > 2 ? "," : "");
    }
}

static bool parse_reference(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice kind;
    struct strbuf out = STRBUF_EMPTY, text = STRBUF_EMPTY;

    if (!slice_next(&v, ',', &kind) || slice_trim(v).size == 0) {
        return draft_error_at(d, kind.bytes, "for example: reference:url,example.org/page",
                              "a reference is a type, a comma and a text");
    }
    const char *prefix = draft_reference_prefix(d, kind);
    prefix = prefix != NULL ? prefix : "";
    v = slice_trim(v);
    bool has_scheme = v.size > 8 && (memcmp(v.bytes, "http://", 7) == 0
                                     || memcmp(v.bytes, "https://", 8) == 0);
    strbuf_puts(&text, has_scheme ? "" : prefix);
    strbuf_put(&text, v.bytes, v.size);
    reopen_json(&out, d->rule->references_json, '[');
    put_json(&out, strbuf_slice(&text));
    strbuf_putc(&out, ']');
    d->rule->references_json = draft_text(d, strbuf_slice(&out));
    strbuf_fini(&out);
    strbuf_fini(&text);
    return true;
}

struct pair {
    struct slice key, value;
};

/* Pairs with one key become one array, in order of first appearance. */
static void write_pairs(const struct pair *pairs, size_t n, struct strbuf *out)
{
    for (size_t i = 0, n_written = 0; i < n; i++) {
        bool is_first = true;
        for (size_t k = 0; k < i; k++) {
            is_first = is_first && !slice_equal(pairs[k].key, pairs[i].key);
        }
        if (!is_first) {
            continue;
        }
        strbuf_puts(out, n_written++ > 0 ? "," : "");
        put_json(out, pairs[i].key);
        strbuf_puts(out, ":[");
        for (size_t k = i, n_values = 0; k < n; k++) {
            if (slice_equal(pairs[k].key, pairs[i].key)) {
                strbuf_puts(out, n_values++ > 0 ? "," : "");
                put_json(out, pairs[k].value);
            }
        }
        strbuf_putc(out, ']');
    }
}

static bool parse_metadata(struct draft *d, const struct keyword *row, struct slice v)
{
    struct pair *pairs = NULL;
    size_t n = 0, cap = 0;
    struct slice part;
    struct strbuf out = STRBUF_EMPTY;

    while (slice_next(&v, ',', &part)) {
        struct slice key = slice_word(&part);
        if (key.size > 0 && part.size > 0) {
            pairs = xgrow(pairs, n, &cap, sizeof *pairs);
            pairs[n++] = (struct pair) { key, part };
        }
    }
    if (n > 0) {
        reopen_json(&out, d->rule->metadata_json, '{');
        write_pairs(pairs, n, &out);
        strbuf_putc(&out, '}');
        d->rule->metadata_json = draft_share(d, strbuf_slice(&out));
    }
    strbuf_fini(&out);
    free(pairs);
    return true;
}

static bool parse_target(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const sides[] = { "src_ip", "dest_ip", NULL };
    int side = word_index(v, sides);

    if (side < 0) {
        return draft_error_at(d, v.bytes, NULL, "target is src_ip or dest_ip");
    }
    d->rule->target = side == 0 ? SIDE_SRC : SIDE_DST;
    return true;
}

static bool parse_noalert(struct draft *d, const struct keyword *row, struct slice v)
{
    d->rule->no_alert = row->argument == 0;
    d->rule->also_alert = row->argument == 1;
    return true;
}

/* What it asks for was checked before the rule was looked at. */
static bool parse_requires(struct draft *d, const struct keyword *row, struct slice v)
{
    return true;
}

static const struct keyword rows[] = {
    { "msg", KEYWORD_VALUE | KEYWORD_MUST_QUOTE | KEYWORD_ONCE, parse_msg, 0,
      "What the alert says" },
    { "sid", KEYWORD_VALUE | KEYWORD_ONCE, parse_id, 0, "The rule's number" },
    { "rev", KEYWORD_VALUE | KEYWORD_ONCE, parse_id, 1, "The rule's revision" },
    { "gid", KEYWORD_VALUE | KEYWORD_ONCE, parse_id, 2, "The group of the rule's number" },
    { "priority", KEYWORD_VALUE | KEYWORD_ONCE, parse_priority, 0, "1 is the most severe" },
    { "classtype", KEYWORD_VALUE | KEYWORD_QUOTES | KEYWORD_ONCE, parse_classtype, 0,
      "A class of classification.config, which gives the priority" },
    { "reference", KEYWORD_VALUE, parse_reference, 0, "Where more is told: type,text" },
    { "metadata", KEYWORD_VALUE, parse_metadata, 0, "Pairs of key and value" },
    { "target", KEYWORD_VALUE, parse_target, 0,
      "The side that is attacked: src_ip or dest_ip" },
    { "noalert", KEYWORD_BARE, parse_noalert, 0, "Match without an alert" },
    { "alert", KEYWORD_BARE, parse_noalert, 1, "Alert also where another action is taken" },
    { "requires", KEYWORD_VALUE, parse_requires, 0,
      "Leave the rule out where a version, keyword or feature is missing" },
};
FAMILY(meta_keywords, rows);
