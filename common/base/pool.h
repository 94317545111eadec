/* Fixed-size objects for the packet path.  A pool takes memory in slabs until its budget
 * is used up, then pool_get() returns NULL and counts it; what is put back is handed out
 * again first.  One owner thread, no locks. */
#ifndef CIVICSHIELD_BASE_POOL_H
#define CIVICSHIELD_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_slab;
struct pool_free;

struct pool {
    struct pool_slab *slabs;    /* Owned. */
    struct pool_free *free;     /* Objects that were put back. */
    uint8_t *fresh;             /* Objects of the newest slab that nobody has had: nothing
                                 * touches their memory before. */
    size_t n_fresh;
    size_t object_size;         /* Rounded up to 16 bytes. */
    size_t in_use, max;         /* Objects.  Invariant: in_use <= max. */
    size_t n_made;              /* Objects in all slabs. */
    uint64_t n_refused;         /* pool_get() calls that found the pool full. */
};

/* At most 'budget' bytes of objects of 'object_size' bytes (at least one object). */
void pool_init(struct pool *, size_t object_size, size_t budget);
void pool_fini(struct pool *);
/* An object, contents undefined; NULL when the budget is used up or memory is gone. */
void *pool_get(struct pool *);
void pool_put(struct pool *, void *object);

#endif
