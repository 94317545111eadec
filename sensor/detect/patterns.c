#include "sensor/detect/patterns_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/detect/search.h"

#define SHORT_SIZE 3u           /* Literals of up to this many bytes are short, ... */
#define MIN_SPLIT 200u          /* ... and live apart in sets larger than this. */
#define MAX_PLACE 65535u        /* Places further behind are looked for everywhere. */
#define MAX_PLACES 32u          /* So many cost what a call of Hyperscan costs. */

enum tier { TIER_LONG, TIER_SHORT, TIER_PLACED, N_TIERS };

struct added {
    struct literal literal;
    uint8_t tier;               /* enum tier; of all equal literals the same. */
    uint32_t rule;
    uint64_t min_end, max_end;
};

/* What a match of a pattern means for one rule. */
struct meaning {
    uint32_t rule;
    uint32_t min_end, max_end;  /* Saturated; max_end UINT32_MAX: no limit. */
};

struct patterns {
    struct added *added;        /* Until compiled. */
    size_t n_added, cap_added;
    struct teddy *few;          /* Of TIER_LONG, if they are few; or NULL. */
    hs_database_t *databases[TIER_PLACED];       /* Or NULL; borrowed from the store. */
    struct places *places;      /* Or NULL. */
    unsigned n_patterns;
    uint32_t *firsts;           /* n_patterns + 1: where a pattern's meanings begin. */
    struct meaning *meanings;
    size_t max_size;
};

struct patterns *patterns_create(void)
{
    return xcalloc(1, sizeof(struct patterns));
}

void patterns_destroy(struct patterns *p)
{
    if (p != NULL) {
        free(p->added);
        free(p->firsts);
        free(p->meanings);
        teddy_destroy(p->few);
        places_destroy(p->places);
        free(p);
    }
}

/* Where the only place of a literal that ends within these limits begins. */
static uint32_t place_of(size_t size, uint64_t min_end, uint64_t max_end)
{
    bool is_fixed = max_end == size || max_end == min_end;

    return is_fixed && max_end >= size && max_end - size <= MAX_PLACE
               ? (uint32_t) (max_end - size) : NO_PLACE;
}

void patterns_add(struct patterns *p, struct slice literal, bool nocase, uint32_t rule,
                  uint64_t min_end, uint64_t max_end)
{
    p->added = xgrow(p->added, p->n_added, &p->cap_added, sizeof *p->added);
    struct added *a = &p->added[p->n_added++];

    memset(a, 0, sizeof *a);
    a->literal.size = (uint8_t) literal.size;
    a->literal.nocase = nocase;
    a->literal.place = place_of(literal.size, min_end, max_end);
    for (size_t i = 0; i < literal.size; i++) {
        a->literal.bytes[i] = nocase ? search_lower(literal.bytes[i]) : literal.bytes[i];
    }
    a->rule = rule;
    a->min_end = min_end;
    a->max_end = max_end;
}

size_t patterns_max_size(const struct patterns *p)
{
    return p->max_size;
}

/* By tier, then by content, so that equal ones stand together. */
static int compare_added(const void *left, const void *right)
{
    const struct added *a = left, *b = right;

    if (a->tier != b->tier) {
        return a->tier < b->tier ? -1 : 1;
    }
    int order = memcmp(&a->literal, &b->literal, sizeof a->literal);

    return order != 0 ? order : (a->rule > b->rule) - (a->rule < b->rule);
}

static bool same_literal(const struct added *a, const struct added *b)
{
    return memcmp(&a->literal, &b->literal, sizeof a->literal) == 0;
}

static uint32_t saturate(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
}

/* Each place of a set is asked at each scan: only the first ones have an index. */
static void limit_places(struct patterns *p)
{
    uint64_t taken[(MAX_PLACE + 1) / 64] = { 0 };
    uint32_t n = 0, end = 0;

    for (size_t i = 0; i < p->n_added; i++) {
        uint32_t place = p->added[i].literal.place;

        if (place != NO_PLACE) {
            taken[place / 64] |= 1ull << place % 64;
        }
    }
    for (; end <= MAX_PLACE && n < MAX_PLACES; end++) {
        n += taken[end / 64] >> end % 64 & 1;
    }
    for (size_t i = 0; i < p->n_added; i++) {
        if (p->added[i].literal.place >= end) {
            p->added[i].literal.place = NO_PLACE;
        }
    }
}

/* A scan of its own has its price: short literals live apart in large sets only. */
static void assign_tiers(struct patterns *p)
{
    size_t n_far = 0;

    for (size_t i = 0; i < p->n_added; i++) {
        const struct literal *l = &p->added[i].literal;
        bool is_new = i == 0 || !same_literal(&p->added[i], &p->added[i - 1]);

        n_far += is_new && l->place == NO_PLACE;
    }
    for (size_t i = 0; i < p->n_added; i++) {
        const struct literal *l = &p->added[i].literal;

        p->added[i].tier = l->place != NO_PLACE                           ? TIER_PLACED
                           : l->size <= SHORT_SIZE && n_far >= MIN_SPLIT ? TIER_SHORT
                                                                         : TIER_LONG;
    }
}

/* Sorts, makes equal literals one; returns the literals, owned by the caller. */
static struct literal *merge_equal(struct patterns *p, size_t n_of_tier[N_TIERS])
{
    struct literal *literals = xmalloc(p->n_added * sizeof *literals);

    p->firsts = xmalloc((p->n_added + 1) * sizeof *p->firsts);
    p->meanings = xmalloc(p->n_added * sizeof *p->meanings);
    memset(n_of_tier, 0, N_TIERS * sizeof *n_of_tier);
    for (size_t i = 0; i < p->n_added; i++) {
        const struct added *a = &p->added[i];

        if (i == 0 || !same_literal(a, a - 1)) {
            p->firsts[p->n_patterns] = (uint32_t) i;
            literals[p->n_patterns++] = a->literal;
            n_of_tier[a->tier]++;
        }
        if (a->literal.size > p->max_size) {
            p->max_size = a->literal.size;
        }
        p->meanings[i] = (struct meaning) { a->rule, saturate(a->min_end),
                                            saturate(a->max_end) };
    }
    p->firsts[p->n_patterns] = (uint32_t) p->n_added;
    return literals;
}

bool patterns_compile(struct patterns *p, struct patterns_store *store, struct diag *diag)
{
    size_t n_of_tier[N_TIERS] = { 0 }, first = 0;
    bool ok = true;

    if (p->n_added == 0) {
        return true;
    }
    limit_places(p);
    qsort(p->added, p->n_added, sizeof *p->added, compare_added);
    assign_tiers(p);
    qsort(p->added, p->n_added, sizeof *p->added, compare_added);
    struct literal *literals = merge_equal(p, n_of_tier);

    p->few = teddy_create(literals, n_of_tier[TIER_LONG], 0);
    for (unsigned tier = 0; tier < TIER_PLACED && ok; tier++) {
        bool is_found = tier == TIER_LONG && p->few != NULL;

        if (n_of_tier[tier] > 0 && !is_found) {
            p->databases[tier] = patterns_store_get(store, literals + first, n_of_tier[tier],
                                                    (unsigned) first, diag);
            ok = p->databases[tier] != NULL;
        }
        first += n_of_tier[tier];
    }
    if (ok && n_of_tier[TIER_PLACED] > 0) {
        p->places = places_create(literals + first, n_of_tier[TIER_PLACED], (unsigned) first);
    }
    free(literals);
    free(p->added);
    p->added = NULL;
    p->n_added = p->cap_added = 0;
    return ok;
}

struct scan {
    const struct patterns *patterns;
    struct candidates *found;
    uint64_t base;
    size_t overlap;
    bool is_chunk;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to,
                    unsigned flags, void *context)
{
    const struct scan *s = context;
    const struct patterns *p = s->patterns;

    (void) from;
    (void) flags;
    if (to <= s->overlap) {
        return 0;
    }
    uint32_t end = saturate(to + s->base);
    uint32_t chunk_end = s->is_chunk ? saturate(to - s->overlap) : end;

    for (uint32_t i = p->firsts[id]; i < p->firsts[id + 1]; i++) {
        const struct meaning *m = &p->meanings[i];

        if ((end >= m->min_end && end <= m->max_end)
            || (chunk_end >= m->min_end && chunk_end <= m->max_end)) {
            candidates_add(s->found, m->rule);
        }
    }
    return 0;
}

static void on_literal(void *context, unsigned id, size_t end)
{
    on_match(id, 0, end, 0, context);
}

/* Places count from the start of the whole, and from that of a chunk. */
static void find_placed(const struct patterns *p, struct scan *scan, struct slice bytes)
{
    if (scan->base <= MAX_PLACE) {
        places_find(p->places, bytes, -(int64_t) scan->base, on_literal, scan);
    }
    if (scan->is_chunk && scan->base + scan->overlap > 0) {
        places_find(p->places, bytes, (int64_t) scan->overlap, on_literal, scan);
    }
}

/* hs_scan() takes 32 bits; no buffer of ours is that large. */
void patterns_scan(const struct patterns *p, struct patterns_scratch *scratch,
                   struct slice bytes, size_t overlap, uint64_t base, bool is_chunk,
                   struct candidates *found)
{
    struct scan scan = { p, found, base, overlap, is_chunk };

    if (bytes.size <= overlap || bytes.size > UINT32_MAX) {
        return;
    }
    if (p->few != NULL) {
        teddy_find(p->few, bytes, on_literal, &scan);
    }
    for (unsigned tier = 0; tier < TIER_PLACED; tier++) {
        if (p->databases[tier] != NULL) {
            hs_scan(p->databases[tier], (const char *) bytes.bytes, (unsigned) bytes.size, 0,
                    scratch->hs, on_match, &scan);
        }
    }
    if (p->places != NULL) {
        find_placed(p, &scan, bytes);
    }
}

void candidates_init(struct candidates *c, size_t n_rules)
{
    c->rules = xcalloc(n_rules + 1, sizeof *c->rules);
    c->marks = xcalloc(n_rules + 1, sizeof *c->marks);
    c->n = 0;
    c->round = 1;
    c->n_rules = n_rules;
}

void candidates_fini(struct candidates *c)
{
    free(c->rules);
    free(c->marks);
}

void candidates_clear(struct candidates *c)
{
    c->n = 0;
    if (++c->round == 0) {
        memset(c->marks, 0, (c->n_rules + 1) * sizeof *c->marks);
        c->round = 1;
    }
}

static int compare_rules(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;

    return (a > b) - (a < b);
}

void candidates_sort(struct candidates *c)
{
    if (c->n > 32) {
        qsort(c->rules, c->n, sizeof *c->rules, compare_rules);
        return;
    }
    for (uint32_t i = 1; i < c->n; i++) {
        uint32_t rule = c->rules[i], at = i;

        for (; at > 0 && c->rules[at - 1] > rule; at--) {
            c->rules[at] = c->rules[at - 1];
        }
        c->rules[at] = rule;
    }
}
