/* Many literals looked up at once: what makes rules candidates.
 *
 * A pattern set is filled at load and then compiled.  Literals that may stand in one place only
 * go to an index by place, if there are few places; of the rest a few go to tables for a vector
 * search, many to a Hyperscan database, with short ones, which match often and cheaply and would
 * slow a large one down, in a second.  Equal literals are one pattern with the list of the rules
 * that it stands for.  Databases are in block mode: streams and growing buffers are scanned piece
 * by piece with an overlap of max_size - 1 bytes, which for literals finds the same as streaming
 * mode and keeps no state per flow. */
#ifndef CIVICSHIELD_DETECT_PATTERNS_H
#define CIVICSHIELD_DETECT_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/base/slice.h"

#define PATTERNS_MAX_LITERAL 24u        /* Longer contents go in by a piece of this size. */

struct patterns;
struct patterns_store;          /* Compiled databases, shared by equal sets, and the cache. */
struct patterns_scratch;        /* One per worker. */

/* ---- Making ---- */

/* 'cache' is a folder, made if missing, "auto", "no" or NULL; see database_cache_open(). */
struct patterns_store *patterns_store_create(const char *cache, struct diag *);
void patterns_store_destroy(struct patterns_store *);   /* After all its sets. */
/* How many databases were compiled, and how many came from the cache. */
void patterns_store_stats(const struct patterns_store *, size_t *compiled, size_t *cached);

struct patterns *patterns_create(void);
void patterns_destroy(struct patterns *);
/* Copies 'literal' (1 to PATTERNS_MAX_LITERAL bytes).  A match makes 'rule' a candidate if
 * it ends at min_end to max_end bytes from the start of the stream or buffer. */
void patterns_add(struct patterns *, struct slice literal, bool nocase, uint32_t rule,
                  uint64_t min_end, uint64_t max_end);
/* Compiles, or takes from the store.  False after reporting. */
bool patterns_compile(struct patterns *, struct patterns_store *, struct diag *);
/* Longest literal; 0: the set is empty. */
size_t patterns_max_size(const struct patterns *);

/* ---- Scanning ---- */

/* For all sets of the store. NULL when memory is gone. */
struct patterns_scratch *patterns_scratch_create(const struct patterns_store *);
void patterns_scratch_destroy(struct patterns_scratch *);

/* Rules found so far, each once, in no order. */
struct candidates {
    uint32_t *rules;            /* Room for as many as there are rules. */
    uint32_t n;
    uint32_t *marks;            /* By rule: 'round' when it is in. */
    uint32_t round;
    size_t n_rules;
};
void candidates_init(struct candidates *, size_t n_rules);
void candidates_fini(struct candidates *);
void candidates_clear(struct candidates *);
static inline void candidates_add(struct candidates *c, uint32_t rule)
{
    if (c->marks[rule] != c->round) {
        c->marks[rule] = c->round;
        c->rules[c->n++] = rule;
    }
}
/* Puts them in order of their numbers: the order of evaluation. */
void candidates_sort(struct candidates *);

/* Scans 'bytes', whose first byte is number 'base' of the stream or buffer.  Matches that
 * end within the first 'overlap' bytes were reported before and are left out.  'is_chunk': a
 * literal may stand where its rule wants it counted from behind the overlap as well. */
void patterns_scan(const struct patterns *, struct patterns_scratch *, struct slice bytes,
                   size_t overlap, uint64_t base, bool is_chunk, struct candidates *);

#endif
