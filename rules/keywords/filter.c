/* threshold, detection_filter, tag: how often, and what else is logged. */
#include "rules/keywords/keywords.h"

static const struct { const char *name; enum filter_track track; } tracks[] = {
    { "by_src", TRACK_SRC }, { "by_dst", TRACK_DST }, { "by_both", TRACK_BOTH },
    { "by_rule", TRACK_RULE }, { "by_flow", TRACK_FLOW },
};
static const struct { const char *name; enum filter_kind kind; } kinds[] = {
    { "limit", FILTER_LIMIT }, { "threshold", FILTER_THRESHOLD }, { "both", FILTER_BOTH },
    { "backoff", FILTER_BACKOFF },
};

static bool take_pair(struct draft *d, struct slice key, struct slice value,
                      struct rule_filter *f)
{
    uint32_t *number = slice_is_nocase(key, "count") ? &f->count
                       : slice_is_nocase(key, "seconds") ? &f->seconds
                       : slice_is_nocase(key, "multiplier") ? &f->multiplier : NULL;
    uint64_t n;

    if (number != NULL) {
        if (!number_parse(value, UINT32_MAX, &n) || n == 0) {
            return draft_error_at(d, value.bytes, NULL, "%.*s is a number above zero",
                                  (int) key.size, (const char *) key.bytes);
        }
        *number = (uint32_t) n;
        return true;
    }
    for (size_t i = 0; slice_is_nocase(key, "type") && i < sizeof kinds / sizeof *kinds; i++) {
        if (slice_is_nocase(value, kinds[i].name)) {
            f->kind = kinds[i].kind;
            return true;
        }
    }
    for (size_t i = 0; slice_is_nocase(key, "track") && i < sizeof tracks / sizeof *tracks;
         i++) {
        if (slice_is_nocase(value, tracks[i].name)) {
            f->track = tracks[i].track;
            return true;
        }
    }
    if (slice_is_nocase(key, "type") || slice_is_nocase(key, "track")) {
        return draft_error_at(d, value.bytes, slice_is_nocase(key, "type")
                                              ? "limit, threshold, both or backoff"
                                              : "by_src, by_dst, by_both, by_rule or by_flow",
                              "unknown value \"%.*s\" of \"%.*s\"", (int) value.size,
                              (const char *) value.bytes, (int) key.size,
                              (const char *) key.bytes);
    }
    return draft_error_at(d, key.bytes, "type limit, track by_src, count 1, seconds 60",
                          "unknown option \"%.*s\"", (int) key.size,
                          (const char *) key.bytes);
}

static bool parse_filter(struct draft *d, const struct keyword *row, struct slice v)
{
    bool is_detection = row->argument == FILTER_DETECTION;
    struct rule_filter f = { .kind = is_detection ? FILTER_DETECTION : FILTER_NONE,
                             .track = TRACK_NONE, .multiplier = 10 };
    struct slice part;

    while (slice_next(&v, ',', &part)) {
        struct slice key = slice_word(&part);
        if (!take_pair(d, key, part, &f)) {
            return false;
        }
    }
    bool has_time = f.seconds > 0 || f.kind == FILTER_BACKOFF;
    if (f.kind == FILTER_NONE || f.track == TRACK_NONE || f.count == 0 || !has_time) {
        return draft_error(d, is_detection ? "track by_src, count 5, seconds 60"
                                           : "type limit, track by_src, count 1, seconds 60",
                           "%s lacks a part", row->name);
    }
    for (size_t i = 0; i < d->n_filters; i++) {
        if (d->filters[i].kind != FILTER_NONE) {
            return draft_error(d, NULL, "a rule has one threshold or detection_filter");
        }
    }
    *draft_add_filter(d, f.kind) = f;
    if (is_detection) {
        draft_add_test(d, TEST_DETECTION_FILTER)->negated = false;
    }
    return true;
}

static bool parse_tag(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const units[] = { "seconds", "packets", "bytes", NULL };
    struct slice scope = { 0 }, part;
    uint64_t count = 0;
    int unit = -1;
    enum rule_side side = SIDE_EITHER;

    slice_next(&v, ',', &scope);
    bool is_host = slice_is_nocase(scope, "host");
    if (!is_host && !slice_is_nocase(scope, "session")) {
        return draft_error_at(d, scope.bytes, "tag:session,5,packets", "a tag is of the "
                              "session or of a host");
    }
    while (slice_next(&v, ',', &part)) {
        if (number_parse(part, UINT32_MAX, &count)) {
            continue;
        }
        if (word_index(part, units) >= 0) {
            unit = word_index(part, units);
        } else if (is_host && (slice_is_nocase(part, "src") || slice_is_nocase(part, "dst"))) {
            side = slice_is_nocase(part, "src") ? SIDE_SRC : SIDE_DST;
        } else {
            return draft_error_at(d, part.bytes, "tag:host,10,seconds,src",
                                  "unknown option of a tag");
        }
    }
    if ((count == 0) != (unit < 0) || (is_host && side == SIDE_EITHER)) {
        return draft_error(d, "tag:host,10,seconds,src", "the tag lacks a part");
    }
    struct rule_do *act = draft_add_do(d, DO_TAG);
    act->value = count;
    act->unit = (uint8_t) (unit < 0 ? 0 : unit);
    act->side = side;
    return true;
}

static const struct keyword rows[] = {
    { "threshold", KEYWORD_VALUE, parse_filter, FILTER_THRESHOLD,
      "How often it alerts: type limit, track by_src, count 1, seconds 60" },
    { "detection_filter", KEYWORD_VALUE, parse_filter, FILTER_DETECTION,
      "From how many matches on it alerts" },
    { "tag", KEYWORD_VALUE, parse_tag, 0, "Log packets that follow" },
};
FAMILY(filter_keywords, rows);
