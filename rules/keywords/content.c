/* content and what changes it; bsize, isdataat, absent, prefilter, entropy. */
#include <ctype.h>
#include <stdlib.h>

#include "common/base/strbuf.h"
#include "rules/keywords/keywords.h"

/* The furthest that distances and windows may reach. */
#define REACH_MAX (1024 * 1024)

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The bytes between two bars: pairs of digits, blanks between pairs. */
static bool parse_hex(struct draft *d, struct slice v, size_t *at, struct strbuf *out)
{
    size_t i = *at + 1;

    while (i < v.size && v.bytes[i] != '|') {
        if (v.bytes[i] == ' ') {
            i++;
            continue;
        }
        int high = hex_value(v.bytes[i]);
        int low = i + 1 < v.size ? hex_value(v.bytes[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return draft_error_at(d, v.bytes + i, "between bars stand pairs of hexadecimal "
                                  "digits: |0d 0a|", "this is no pair of digits");
        }
        strbuf_putc(out, (char) (high << 4 | low));
        i += 2;
    }
    if (i == v.size) {
        return draft_error_at(d, v.bytes + *at, NULL, "a bar is not closed");
    }
    *at = i + 1;
    return true;
}

static bool parse_pattern(struct draft *d, struct slice v, struct strbuf *out)
{
    for (size_t i = 0; i < v.size;) {
        if (v.bytes[i] == '|') {
            if (!parse_hex(d, v, &i, out)) {
                return false;
            }
        } else if (v.bytes[i] == '\\') {
            if (i + 1 == v.size || memchr("\\;:\"", v.bytes[i + 1], 4) == NULL) {
                return draft_error_at(d, v.bytes + i, "a backslash is written \\\\",
                                      "a backslash in front of nothing that it escapes");
            }
            strbuf_putc(out, (char) v.bytes[i + 1]);
            i += 2;
        } else if (v.bytes[i] == '"') {
            return draft_error_at(d, v.bytes + i, "write it as \\\" or |22|",
                                  "a quote within the content");
        } else {
            strbuf_putc(out, (char) v.bytes[i++]);
        }
    }
    return true;
}

static bool parse_content(struct draft *d, const struct keyword *row, struct slice v)
{
    struct strbuf bytes = STRBUF_EMPTY;
    bool ok = parse_pattern(d, v, &bytes);

    if (ok && (bytes.size == 0 || bytes.size > UINT16_MAX)) {
        ok = draft_error(d, NULL, "a content has 1 to 65535 bytes");
    }
    if (ok) {
        struct rule_op *op = draft_add_op(d, OP_CONTENT);
        op->content.pattern = slice_of(draft_text(d, strbuf_slice(&bytes)), bytes.size);
    }
    strbuf_fini(&bytes);
    return ok;
}

static bool parse_uricontent(struct draft *d, const struct keyword *row, struct slice v)
{
    return parse_content(d, row, v) && draft_move_content(d, BUFFER_HTTP_URI);
}

static bool parse_nocase(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);

    if (op == NULL) {
        return false;
    }
    if (op->content.nocase) {
        return draft_error(d, NULL, "nocase twice for one content");
    }
    uint8_t *lower = draft_alloc(d, op->content.pattern.size + 1);
    for (size_t i = 0; i < op->content.pattern.size; i++) {
        lower[i] = (uint8_t) tolower(op->content.pattern.bytes[i]);
    }
    op->content.pattern.bytes = lower;
    op->content.nocase = true;
    return true;
}

static bool clash(struct draft *d, const struct keyword *row, const char *why)
{
    return draft_error(d, NULL, "%s: %s", row->name, why);
}

static bool parse_offset(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);
    struct op_content *c = op != NULL ? &op->content : NULL;
    bool is_depth = row->argument == 1;

    if (c == NULL) {
        return false;
    }
    if (is_depth ? c->has_depth : c->has_offset) {
        return clash(d, row, "twice for one content");
    }
    if (c->has_distance || c->has_within) {
        return clash(d, row, "a content is either relative or has a place of its own");
    }
    if (c->starts_with) {
        return clash(d, row, "startswith says where the content stands");
    }
    if (!draft_number(d, v, 0, UINT16_MAX, is_depth ? &c->depth : &c->offset)) {
        return false;
    }
    if (is_depth && !c->depth.is_var && c->depth.value < (int64_t) c->pattern.size) {
        return clash(d, row, "smaller than the content, so the rule can never match");
    }
    if (c->is_fast_only || (c->is_fast && op->negated)) {
        return clash(d, row, "does not go with this content's fast_pattern");
    }
    c->has_depth = c->has_depth || is_depth;
    c->has_offset = c->has_offset || !is_depth;
    return true;
}

static bool parse_distance(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);
    struct op_content *c = op != NULL ? &op->content : NULL;
    bool is_within = row->argument == 1;

    if (c == NULL) {
        return false;
    }
    if (is_within ? c->has_within : c->has_distance) {
        return clash(d, row, "twice for one content");
    }
    if (c->has_depth || c->has_offset || c->starts_with) {
        return clash(d, row, "a content is either relative or has a place of its own");
    }
    if (!draft_number(d, v, -REACH_MAX, REACH_MAX, is_within ? &c->within : &c->distance)) {
        return false;
    }
    if (is_within && !c->within.is_var && c->within.value < (int64_t) c->pattern.size) {
        return clash(d, row, "smaller than the content, so the rule can never match");
    }
    if (c->is_fast_only || (c->is_fast && op->negated)) {
        return clash(d, row, "does not go with this content's fast_pattern");
    }
    c->has_within = c->has_within || is_within;
    c->has_distance = c->has_distance || !is_within;
    op->relative = true;
    return true;
}

static bool parse_startswith(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);

    if (op == NULL) {
        return false;
    }
    struct op_content *c = &op->content;
    if (c->starts_with) {
        return clash(d, row, "twice for one content");
    }
    if (c->has_depth || c->has_offset || c->has_distance || c->has_within) {
        return clash(d, row, "another keyword says where the content stands");
    }
    c->starts_with = true;
    return true;
}

static bool parse_endswith(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);

    if (op == NULL) {
        return false;
    }
    if (op->content.ends_with) {
        return clash(d, row, "twice for one content");
    }
    op->content.ends_with = true;
    return true;
}

/* Matching is on bytes as they came anyway. */
static bool parse_rawbytes(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_last_content(d) != NULL;
}

static bool parse_fast_range(struct draft *d, struct op_content *c, struct slice v)
{
    struct slice part;
    uint64_t offset, size;

    if (!slice_next(&v, ',', &part) || !number_parse(part, UINT16_MAX, &offset)
        || !number_parse(slice_trim(v), UINT16_MAX, &size) || size == 0) {
        return draft_error_at(d, v.bytes, "fast_pattern:only or fast_pattern:offset,length",
                              "fast_pattern is malformed");
    }
    if (offset + size > c->pattern.size) {
        return draft_error_at(d, v.bytes, NULL, "this part is not within the content");
    }
    c->fast_offset = (uint16_t) offset;
    c->fast_size = (uint16_t) size;
    return true;
}

static bool parse_fast_pattern(struct draft *d, const struct keyword *row, struct slice v)
{
    struct rule_op *op = draft_last_content(d);

    if (op == NULL) {
        return false;
    }
    struct op_content *c = &op->content;
    bool is_placed = c->has_distance || c->has_within || c->has_offset || c->has_depth;
    if (d->has_fast && !d->rule->is_both_sides) {
        return draft_error(d, NULL, "a rule has one fast_pattern");
    }
    if (d->buffers[d->content_buffer].id == BUFFER_BASE64_DATA) {
        return draft_error(d, NULL, "base64_data has no fast_pattern");
    }
    if (op->negated && is_placed) {
        return draft_error(d, NULL, "a negated content with a place is no fast_pattern");
    }
    if (slice_is(v, "only")) {
        if (op->negated || is_placed) {
            return draft_error(d, NULL, "fast_pattern:only is for contents without a place");
        }
        c->is_fast_only = true;
    } else if (v.size > 0 && !parse_fast_range(d, c, v)) {
        return false;
    }
    c->is_fast = true;
    d->has_fast = true;
    return true;
}

/* "prefilter" asks the same of a content as fast_pattern does; other keywords are cheap
 * enough without it. */
static bool parse_prefilter(struct draft *d, const struct keyword *row, struct slice v)
{
    bool has_content = d->content_buffer >= 0;

    return !has_content || d->has_fast || parse_fast_pattern(d, row, slice_of(NULL, 0));
}

static bool need_sticky(struct draft *d, const struct keyword *row)
{
    return d->sticky >= 0 || d->is_lost
           || draft_error(d, "for example: http.uri; bsize:10;",
                          "\"%s\" stands behind a sticky buffer", row->name);
}

static bool parse_bsize(struct draft *d, const struct keyword *row, struct slice v)
{
    struct number_test t;

    if (!need_sticky(d, row)) {
        return false;
    }
    if (!number_parse_test(v, UINT64_MAX, false, &t)) {
        return draft_error_at(d, v.bytes, "bsize:10, bsize:>10 or bsize:5<>10",
                              "bsize is malformed");
    }
    struct rule_op *op = draft_add_op(d, OP_BSIZE);
    op->bsize = (struct op_bsize) { t.cmp, t.a, t.b };
    return true;
}

static bool is_one(struct rule_number n)
{
    return !n.is_var && n.value == 1;
}

/* The content that the operation just added is, or NULL. */
static struct rule_op *content_before(const struct draft *d)
{
    if (d->last_buffer < 0) {
        return NULL;
    }
    const struct draft_buffer *b = &d->buffers[d->last_buffer];

    return b->n_ops != 0 && b->ops[b->n_ops - 1].kind == OP_CONTENT ? &b->ops[b->n_ops - 1]
                                                                    : NULL;
}

/* "isdataat:!1,relative" behind a content says that the buffer ends with it, also where the
 * content is negated: then the buffer may have it elsewhere. */
static bool parse_isdataat(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice part, number = { 0 };
    struct op_isdataat at = { 0 };

    slice_next(&v, ',', &number);
    while (slice_next(&v, ',', &part)) {
        if (slice_is_nocase(part, "relative")) {
            at.relative = true;
        } else if (!slice_is_nocase(part, "rawbytes")) {
            return draft_error_at(d, part.bytes, "isdataat:10,relative",
                                  "unknown option \"%.*s\"", (int) part.size,
                                  (const char *) part.bytes);
        }
    }
    if (!draft_number(d, number, 0, UINT16_MAX, &at.at)) {
        return false;
    }
    struct rule_op *content = at.relative && d->negated && is_one(at.at) ? content_before(d) : NULL;
    if (content != NULL) {
        content->content.ends_with = true;
        return true;
    }
    struct rule_op *op = draft_add_op_to(d, draft_relative_buffer(d, at.relative),
                                         OP_ISDATAAT);
    op->isdataat = at;
    op->relative = at.relative;
    return true;
}

static bool parse_absent(struct draft *d, const struct keyword *row, struct slice v)
{
    if (!need_sticky(d, row) || d->is_lost) {
        return false;
    }
    if (v.size > 0 && !slice_is(v, "or_else")) {
        return draft_error_at(d, v.bytes, NULL, "absent stands alone or as absent:or_else");
    }
    draft_buffer(d)->absent = v.size > 0 ? BUFFER_ABSENT_OR_ELSE : BUFFER_ABSENT;
    return true;
}

/* A number with or without a fraction, up to eight: bits of a byte. */
static bool parse_bits(struct slice v, double *out)
{
    char text[32], *end;

    if (v.size == 0 || v.size >= sizeof text || !isdigit(v.bytes[0])) {
        return false;
    }
    memcpy(text, v.bytes, v.size);
    text[v.size] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= 8;
}

/* "4", "= 4", "!= 4", "< 4", ">= 4", "4-5", "!4-5". */
static bool parse_entropy_value(struct slice v, struct op_entropy *e)
{
    static const struct { const char *sign; enum number_cmp cmp; } signs[] = {
        { "<=", CMP_LE }, { ">=", CMP_GE }, { "!=", CMP_NE }, { "<", CMP_LT },
        { ">", CMP_GT }, { "=", CMP_EQ }, { "!", CMP_NE },
    };
    const uint8_t *dash;

    e->cmp = CMP_EQ;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t n = strlen(signs[i].sign);
        if (v.size > n && memcmp(v.bytes, signs[i].sign, n) == 0) {
            e->cmp = signs[i].cmp;
            v = slice_trim(slice_from(v, n));
            break;
        }
    }
    dash = memchr(v.bytes, '-', v.size);
    if (dash == NULL) {
        return parse_bits(v, &e->a);
    }
    size_t n = (size_t) (dash - v.bytes);
    bool is_range = e->cmp == CMP_EQ || e->cmp == CMP_NE;

    e->cmp = e->cmp == CMP_EQ ? CMP_RANGE : CMP_NOT_RANGE;
    return is_range && parse_bits(slice_trim(slice_of(v.bytes, n)), &e->a)
           && parse_bits(slice_trim(slice_of(dash + 1, v.size - n - 1)), &e->b)
           && e->a < e->b;
}

static bool parse_entropy(struct draft *d, const struct keyword *row, struct slice v)
{
    struct op_entropy e = { 0 };
    struct slice part;
    bool has_value = false;

    while (slice_next(&v, ',', &part)) {
        struct slice rest = part, word = slice_word(&rest);
        bool is_bytes = slice_is_nocase(word, "bytes");
        uint64_t n = 0;

        if ((is_bytes || slice_is_nocase(word, "offset"))
            && number_parse(rest, UINT16_MAX, &n)) {
            *(is_bytes ? &e.n_bytes : &e.offset) = (uint32_t) n;
        } else if (slice_is_nocase(word, "value") && parse_entropy_value(rest, &e)) {
            has_value = true;
        } else {
            return draft_error_at(d, part.bytes, "entropy:offset 10, value >= 6.5",
                                  "unknown option or malformed value");
        }
    }
    if (!has_value) {
        return draft_error(d, "entropy:offset 10, value >= 6.5", "entropy without a value");
    }
    draft_add_op(d, OP_ENTROPY)->entropy = e;
    return true;
}

static const struct keyword rows[] = {
    { "content", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_MUST_QUOTE, parse_content, 0,
      "Bytes to look for, in quotes; |0d 0a| is hexadecimal" },
    { "uricontent", KEYWORD_VALUE | KEYWORD_NEGATES | KEYWORD_MUST_QUOTE, parse_uricontent, 0,
      "Bytes to look for in http.uri" },
    { "nocase", KEYWORD_BARE, parse_nocase, 0, "Letters match in either case" },
    { "offset", KEYWORD_VALUE, parse_offset, 0, "Where the search starts" },
    { "depth", KEYWORD_VALUE, parse_offset, 1, "How many bytes are searched" },
    { "distance", KEYWORD_VALUE, parse_distance, 0, "Bytes between this and the last match" },
    { "within", KEYWORD_VALUE, parse_distance, 1, "The match ends that near to the last" },
    { "startswith", KEYWORD_BARE, parse_startswith, 0, "The buffer starts with it" },
    { "endswith", KEYWORD_BARE, parse_endswith, 0, "The buffer ends with it" },
    { "rawbytes", KEYWORD_BARE, parse_rawbytes, 0, "Bytes as they came",
      "Changes nothing: payload is as it came, buffers are as their parser makes them" },
    { "fast_pattern", 0, parse_fast_pattern, 0, "The rule is found by this content" },
    { "prefilter", KEYWORD_BARE, parse_prefilter, 0, "The rule is found by this",
      "Behind a content as fast_pattern; behind anything else it changes nothing" },
    { "bsize", KEYWORD_VALUE, parse_bsize, 0, "How large the buffer is" },
    { "isdataat", KEYWORD_VALUE | KEYWORD_NEGATES, parse_isdataat, 0,
      "There are that many bytes (from the last match)" },
    { "absent", 0, parse_absent, 0, "The buffer is not there" },
    { "entropy", KEYWORD_VALUE, parse_entropy, 0, "How random the buffer is, in bits" },
};
FAMILY(content_keywords, rows);
