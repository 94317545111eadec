/* Of the two files about patterns. */
#ifndef CIVICSHIELD_DETECT_PATTERNS_PRIVATE_H
#define CIVICSHIELD_DETECT_PATTERNS_PRIVATE_H

#include <hs.h>

#include "sensor/detect/patterns.h"

/* A literal as Hyperscan gets it. */
struct literal {
    uint8_t size;
    bool nocase;
    uint8_t bytes[PATTERNS_MAX_LITERAL];
};

struct patterns_scratch {
    hs_scratch_t *hs;           /* Enough for every database of a store; may be NULL. */
};

/* The database of 'n' literals, whose ids are first_id, first_id + 1, ...: one made before
 * from the same literals, from the cache, or compiled.  Owned by the store.  NULL after
 * reporting. */
hs_database_t *patterns_store_get(struct patterns_store *, const struct literal *literals,
                                  size_t n, unsigned first_id, struct diag *);

#endif
