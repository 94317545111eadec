/* "requires: version >= 7.0.3 < 8 | >= 8.0.1, keyword x, feature y": a rule for other
 * releases or engines is left out without an error, whatever else it holds, so this is
 * looked at before anything else of the rule. */
#include "rules/lang/lang_private.h"

struct version { unsigned parts[3]; };

static bool parse_version(struct slice s, struct version *v)
{
    struct slice part;
    uint64_t n;

    *v = (struct version) { { 0, 0, 0 } };
    const uint8_t *dash = memchr(s.bytes, '-', s.size);
    if (dash != NULL) {
        s.size = (size_t) (dash - s.bytes);     /* "8.0.0-dev" is taken as 8.0.0. */
    }
    for (size_t i = 0; slice_next(&s, '.', &part); i++) {
        if (i == 3 || !number_parse(part, 1000000, &n)) {
            return false;
        }
        v->parts[i] = (unsigned) n;
    }
    return true;
}

static int compare_versions(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < 3; i++) {
        if (a->parts[i] != b->parts[i]) {
            return a->parts[i] < b->parts[i] ? -1 : 1;
        }
    }
    return 0;
}

/* One operator and version off the front of '*s'. */
static bool take_bound(struct slice *s, bool *holds)
{
    static const struct version ours
        = { { RULES_DIALECT_MAJOR, RULES_DIALECT_MINOR, RULES_DIALECT_PATCH } };
    struct version wanted;
    size_t n = 0;

    while (n < s->size && memchr("<>=", s->bytes[n], 3) != NULL) {
        n++;
    }
    struct slice op = slice_of(s->bytes, n);
    *s = slice_of(s->bytes + n, s->size - n);
    struct slice word = slice_word(s);
    if (word.size == 0 || !parse_version(word, &wanted)) {
        return false;
    }
    int order = compare_versions(&ours, &wanted);
    if (slice_is(op, ">=")) {
        *holds = order >= 0;
    } else if (slice_is(op, ">")) {
        *holds = order > 0;
    } else if (slice_is(op, "<")) {
        *holds = order < 0;
    } else if (slice_is(op, "<=")) {
        *holds = order <= 0;
    } else {
        return false;
    }
    return true;
}

static enum requires_result check_version(struct slice s)
{
    enum requires_result result = REQUIRES_UNMET;
    struct slice either;

    if (slice_trim(s).size == 0) {
        return REQUIRES_WRONG;
    }
    while (slice_next(&s, '|', &either)) {
        bool all = true, holds = false;
        do {
            if (!take_bound(&either, &holds)) {
                return REQUIRES_WRONG;
            }
            all = all && holds;
        } while (either.size > 0);
        if (all) {
            result = REQUIRES_MET;
        }
    }
    return result;
}

static enum requires_result check_one(const struct set_builder *b, struct slice part)
{
    struct slice kind = slice_word(&part);

    if (slice_is(kind, "version")) {
        return check_version(part);
    }
    if (slice_is(kind, "keyword")) {
        const struct keyword *row = builder_keyword(b, part);
        return row != NULL && (row->flags & KEYWORD_LATER) == 0 ? REQUIRES_MET
                                                                : REQUIRES_UNMET;
    }
    /* Features are named by other engines' builds; a kind that we do not know may be of a
     * later release: neither is met here. */
    return REQUIRES_UNMET;
}

enum requires_result requires_check(struct set_builder *b, const struct rule_tokens *t)
{
    enum requires_result result = REQUIRES_MET;

    for (size_t i = 0; i < t->n_options; i++) {
        struct slice rest = t->options[i].value, part;
        if (!slice_is(t->options[i].key, "requires")) {
            continue;
        }
        if (rest.size == 0) {
            result = REQUIRES_WRONG;
        }
        while (slice_next(&rest, ',', &part)) {
            enum requires_result one = check_one(b, part);
            result = one > result ? one : result;
        }
        if (result == REQUIRES_WRONG) {
            builder_report(b, DIAG_ERROR,
                           (size_t) (t->options[i].key.bytes
                                     - (const uint8_t *) b->line->text),
                           "for example: requires: version >= 8.0.0, keyword xbits",
                           "requires is malformed");
            return result;
        }
    }
    return result;
}
