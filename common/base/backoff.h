/* Waiting times between tries: doubled from try to try up to a maximum, and spread by
 * chance over the half to the whole of it, so that many clients of one server that came
 * back do not knock all at once.  One owner, no lock. */
#ifndef CIVICSHIELD_BASE_BACKOFF_H
#define CIVICSHIELD_BASE_BACKOFF_H

#include <stdint.h>

#include "common/base/hash.h"

struct backoff {
    uint32_t min_ms, max_ms;    /* Fixed. */
    uint32_t next_ms;           /* Upper bound of the next wait. */
    uint64_t n;                 /* Waits so far: what chance is drawn from, with the seed. */
    struct hash_seed seed;
};

static inline void backoff_init(struct backoff *b, uint32_t min_ms, uint32_t max_ms,
                                struct hash_seed seed)
{
    *b = (struct backoff) { min_ms, max_ms, min_ms, 0, seed };
}

/* Milliseconds to wait before the next try: from half of the bound to all of it. */
static inline uint32_t backoff_next(struct backoff *b)
{
    uint32_t bound = b->next_ms;
    uint64_t chance = hash_bytes(b->seed, &b->n, sizeof b->n);

    b->n++;
    b->next_ms = bound > b->max_ms / 2 ? b->max_ms : bound * 2;
    return bound - (uint32_t) (chance % (bound / 2 + 1));
}

/* After a success. */
static inline void backoff_reset(struct backoff *b)
{
    b->next_ms = b->min_ms;
}

#endif
