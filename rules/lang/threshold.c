/* threshold.config: filters from outside the rules.
 *
 *     suppress gen_id 1, sig_id 2404000, track by_src, ip [10.0.0.0/8,192.0.2.1]
 *     threshold gen_id 1, sig_id 2404000, type limit, track by_src, count 1, seconds 60
 *     event_filter ...                    (another name of threshold)
 *     rate_filter gen_id 1, sig_id 1, track by_rule, count 10, seconds 60, \
 *         new_action drop, timeout 30
 *
 * gen_id 0 and sig_id 0 mean all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/lang/lang_private.h"

struct entry {
    enum { ENTRY_SUPPRESS, ENTRY_THRESHOLD, ENTRY_RATE } kind;
    uint64_t gid, sid;
    struct rule_filter filter;
};

static bool parse_track(struct slice v, enum filter_track *out)
{
    static const struct { const char *name; enum filter_track track; } tracks[] = {
        { "by_src", TRACK_SRC }, { "by_dst", TRACK_DST }, { "by_both", TRACK_BOTH },
        { "by_either", TRACK_BOTH }, { "by_rule", TRACK_RULE }, { "by_flow", TRACK_FLOW },
    };

    for (size_t i = 0; i < sizeof tracks / sizeof *tracks; i++) {
        if (slice_is_nocase(v, tracks[i].name)) {
            *out = tracks[i].track;
            return true;
        }
    }
    return false;
}

static bool parse_type(struct slice v, enum filter_kind *out)
{
    *out = slice_is_nocase(v, "limit") ? FILTER_LIMIT
           : slice_is_nocase(v, "threshold") ? FILTER_THRESHOLD
           : slice_is_nocase(v, "both") ? FILTER_BOTH
           : slice_is_nocase(v, "backoff") ? FILTER_BACKOFF : FILTER_NONE;
    return *out != FILTER_NONE;
}

static bool parse_action(struct slice v, enum rule_action *out)
{
    *out = slice_is_nocase(v, "drop") ? RULE_DROP : slice_is_nocase(v, "pass") ? RULE_PASS
           : slice_is_nocase(v, "reject") ? RULE_REJECT : RULE_ALERT;
    return *out != RULE_ALERT || slice_is_nocase(v, "alert");
}

static bool parse_u32(struct slice v, uint32_t *out)
{
    uint64_t n;

    if (!number_parse(v, UINT32_MAX, &n)) {
        return false;
    }
    *out = (uint32_t) n;
    return true;
}

static bool parse_addresses(struct set_builder *b, struct slice v, struct entry *e)
{
    struct token_error error = { 0 };
    struct expr *expr = expr_parse(v, b->arena, &error);

    if (expr != NULL) {
        e->filter.addresses = address_set_make(expr, v, &b->conf->addresses, b->arena,
                                               &b->sets, &error);
    }
    return e->filter.addresses != NULL;
}

static bool parse_pair(struct set_builder *b, struct slice key, struct slice v,
                       struct entry *e)
{
    struct rule_filter *f = &e->filter;

    return slice_is(key, "gen_id") ? number_parse(v, UINT32_MAX, &e->gid)
           : slice_is(key, "sig_id") ? number_parse(v, UINT32_MAX, &e->sid)
           : slice_is(key, "track") ? parse_track(v, &f->track)
           : slice_is(key, "type") ? parse_type(v, &f->kind)
           : slice_is(key, "count") ? parse_u32(v, &f->count)
           : slice_is(key, "seconds") ? parse_u32(v, &f->seconds)
           : slice_is(key, "timeout") ? parse_u32(v, &f->timeout)
           : slice_is(key, "multiplier") ? parse_u32(v, &f->multiplier)
           : slice_is(key, "new_action") ? parse_action(v, &f->new_action)
           : slice_is(key, "ip") && parse_addresses(b, v, e);
}

/* As slice_next() by commas, but a list in brackets is one part. */
static bool next_part(struct slice *rest, struct slice *part)
{
    size_t depth = 0, n = 0;

    while (n < rest->size && (depth > 0 || rest->bytes[n] != ',')) {
        depth += rest->bytes[n] == '[';
        depth -= rest->bytes[n] == ']' && depth > 0;
        n++;
    }
    *part = slice_trim(slice_of(rest->bytes, n));
    bool found = rest->size > 0;
    n += n < rest->size;
    rest->bytes += n;
    rest->size -= n;
    return found;
}

static bool parse_entry(struct set_builder *b, struct slice line, struct entry *e)
{
    struct slice part, kind = slice_word(&line);

    *e = (struct entry) { .gid = UINT64_MAX, .sid = UINT64_MAX,
                          .filter = { .track = TRACK_NONE } };
    if (slice_is(kind, "suppress")) {
        e->kind = ENTRY_SUPPRESS;
        e->filter.kind = FILTER_SUPPRESS;
    } else if (slice_is(kind, "threshold") || slice_is(kind, "event_filter")) {
        e->kind = ENTRY_THRESHOLD;
    } else if (slice_is(kind, "rate_filter")) {
        e->kind = ENTRY_RATE;
        e->filter.kind = FILTER_RATE;
    } else {
        return false;
    }
    while (next_part(&line, &part)) {
        struct slice key = slice_word(&part);
        if (!parse_pair(b, key, part, e)) {
            return false;
        }
    }
    bool has_rate = e->filter.count > 0 && e->filter.seconds > 0
                    && e->filter.track != TRACK_NONE;
    return e->gid != UINT64_MAX && e->sid != UINT64_MAX && e->filter.kind != FILTER_NONE
           && (e->kind == ENTRY_SUPPRESS
                   ? e->filter.addresses != NULL || e->filter.track == TRACK_NONE
                   : has_rate || e->filter.kind == FILTER_BACKOFF);
}

static bool has_own_filter(const struct rule *r)
{
    for (size_t i = 0; i < r->n_filters; i++) {
        enum filter_kind k = r->filters[i].kind;
        if (k == FILTER_LIMIT || k == FILTER_THRESHOLD || k == FILTER_BOTH
            || k == FILTER_BACKOFF) {
            return true;
        }
    }
    return false;
}

/* A threshold for all rules gives way to a rule's own; one for this rule replaces it. */
static void apply_to_rule(struct set_builder *b, struct rule *r, const struct entry *e)
{
    struct rule_filter *filters;
    size_t n = 0;

    if (e->kind == ENTRY_THRESHOLD && e->sid == 0 && has_own_filter(r)) {
        return;
    }
    filters = builder_alloc(b, (r->n_filters + 1) * sizeof *filters);
    for (size_t i = 0; i < r->n_filters; i++) {
        enum filter_kind k = r->filters[i].kind;
        bool is_old = e->kind == ENTRY_THRESHOLD
                      && (k == FILTER_LIMIT || k == FILTER_THRESHOLD || k == FILTER_BOTH);
        if (!is_old) {
            filters[n++] = r->filters[i];
        }
    }
    filters[n++] = e->filter;
    r->filters = filters;
    r->n_filters = n;
}

static void apply_entry(struct set_builder *b, const struct entry *e)
{
    bool found = false;

    if (e->gid != 0 && e->sid != 0) {
        /* The usual case, and files have thousands of these. */
        const uint32_t key[2] = { (uint32_t) e->gid, (uint32_t) e->sid };
        const uint32_t *index = intern_find(&b->sids, slice_of(key, sizeof key));
        found = index != NULL && b->rules[*index] != NULL;
        if (found) {
            apply_to_rule(b, b->rules[*index], e);
        }
    }
    for (size_t i = 0; (e->gid == 0 || e->sid == 0) && i < b->set->n_rules; i++) {
        struct rule *r = b->rules[i];
        if (r != NULL && (e->gid == 0 || r->gid == e->gid) && (e->sid == 0 || r->sid == e->sid)) {
            apply_to_rule(b, r, e);
            found = true;
        }
    }
    if (!found && e->sid != 0) {
        builder_report(b, DIAG_WARNING, 0, NULL, "there is no rule gen_id %llu, sig_id %llu",
                       (unsigned long long) e->gid, (unsigned long long) e->sid);
    }
}

void threshold_read(struct set_builder *b, const char *path)
{
    FILE *f = fopen(path, "re");
    char *buffer = NULL;
    size_t cap = 0;
    struct rule_line line = { 0 };
    struct strbuf joined = STRBUF_EMPTY;
    unsigned number = 0;

    b->file = builder_strndup(b, path, strlen(path));
    if (f == NULL) {
        builder_report(b, DIAG_ERROR, 0, NULL, "cannot read it: %s", strerror(errno));
        return;
    }
    b->line = &line;
    while (getline(&buffer, &cap, f) >= 0) {
        struct slice s = slice_trim(slice_of(buffer, strcspn(buffer, "\r\n")));
        number++;
        line.first_line = joined.size == 0 ? number : line.first_line;
        if (joined.size == 0 && (s.size == 0 || s.bytes[0] == '#')) {
            continue;
        }
        if (s.size > 0 && s.bytes[s.size - 1] == '\\') {
            strbuf_put(&joined, s.bytes, s.size - 1);
            strbuf_putc(&joined, ' ');
            continue;
        }
        strbuf_put(&joined, s.bytes, s.size);
        struct entry e;
        const char *text = builder_strndup(b, joined.text, joined.size);
        if (parse_entry(b, slice_of(text, joined.size), &e)) {
            apply_entry(b, &e);
        } else {
            builder_report(b, DIAG_ERROR, 0, "for example: suppress gen_id 1, sig_id 2404000, "
                           "track by_src, ip 10.0.0.1", "this line is malformed");
        }
        strbuf_clear(&joined);
    }
    if (ferror(f)) {
        b->line = NULL;
        builder_report(b, DIAG_ERROR, 0, NULL, "cannot read it: %s", strerror(errno));
    }
    strbuf_fini(&joined);
    free(buffer);
    fclose(f);
    b->line = NULL;
    b->file = NULL;
}
