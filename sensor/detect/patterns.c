#include "sensor/detect/patterns_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/detect/search.h"

#define SHORT_SIZE 3u           /* Literals of up to this many bytes are short, ... */
#define MIN_SPLIT 200u          /* ... and live apart in sets larger than this. */

struct added {
    struct literal literal;
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
    size_t n_added, cap_added, n_total;
    hs_database_t *databases[2];        /* Borrowed from the store. */
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
        free(p);
    }
}

void patterns_add(struct patterns *p, struct slice literal, bool nocase, uint32_t rule,
                  uint64_t min_end, uint64_t max_end)
{
    p->added = xgrow(p->added, p->n_added, &p->cap_added, sizeof *p->added);
    struct added *a = &p->added[p->n_added++];

    memset(a, 0, sizeof *a);
    a->literal.size = (uint8_t) literal.size;
    a->literal.nocase = nocase;
    for (size_t i = 0; i < literal.size; i++) {
        a->literal.bytes[i] = nocase ? search_lower(literal.bytes[i]) : literal.bytes[i];
    }
    a->rule = rule;
    a->min_end = min_end;
    a->max_end = max_end;
    p->n_total++;
}

size_t patterns_count(const struct patterns *p)
{
    return p->n_total;
}

size_t patterns_max_size(const struct patterns *p)
{
    return p->max_size;
}

/* Short ones first, then by content, so that equal ones stand together. */
static int compare_added(const void *left, const void *right)
{
    const struct added *a = left, *b = right;
    int is_long = (a->literal.size > SHORT_SIZE) - (b->literal.size > SHORT_SIZE);

    if (is_long != 0) {
        return is_long;
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

/* Sorts, makes equal literals one; returns the literals, owned by the caller. */
static struct literal *merge_equal(struct patterns *p, unsigned *n_short)
{
    struct literal *literals = xmalloc(p->n_added * sizeof *literals);

    qsort(p->added, p->n_added, sizeof *p->added, compare_added);
    p->firsts = xmalloc((p->n_added + 1) * sizeof *p->firsts);
    p->meanings = xmalloc(p->n_added * sizeof *p->meanings);
    *n_short = 0;
    for (size_t i = 0; i < p->n_added; i++) {
        const struct added *a = &p->added[i];

        if (i == 0 || !same_literal(a, a - 1)) {
            p->firsts[p->n_patterns] = (uint32_t) i;
            literals[p->n_patterns++] = a->literal;
            *n_short += a->literal.size <= SHORT_SIZE;
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
    unsigned n_short;
    bool ok = true;

    if (p->n_added == 0) {
        return true;
    }
    struct literal *literals = merge_equal(p, &n_short);

    if (p->n_patterns < MIN_SPLIT) {
        n_short = 0;            /* One database for all. */
    }
    if (n_short > 0) {
        p->databases[1] = patterns_store_get(store, literals, n_short, 0, diag);
        ok = p->databases[1] != NULL;
    }
    if (ok && p->n_patterns > n_short) {
        p->databases[0] = patterns_store_get(store, literals + n_short,
                                             p->n_patterns - n_short, n_short, diag);
        ok = p->databases[0] != NULL;
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

/* hs_scan() takes 32 bits; no buffer of ours is that large. */
void patterns_scan(const struct patterns *p, struct patterns_scratch *scratch,
                   struct slice bytes, size_t overlap, uint64_t base, bool is_chunk,
                   struct candidates *found)
{
    struct scan scan = { p, found, base, overlap, is_chunk };

    if (bytes.size <= overlap || bytes.size > UINT32_MAX) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (p->databases[i] != NULL) {
            hs_scan(p->databases[i], (const char *) bytes.bytes, (unsigned) bytes.size, 0,
                    scratch->hs, on_match, &scan);
        }
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
