#include "common/base/pool.h"

#include <stdlib.h>

#include "common/base/alloc.h"

#define SLAB_SIZE (256u * 1024u)
#define CACHE_LINE 64u
/* Of one pool, so much is on huge pages at most.  Each is cleared whole when it is touched first,
 * which costs a guest whose host takes free memory back some five times what small pages cost. */
#define HUGE_MAX (64u * 1024u * 1024u)

struct pool_slab {
    struct pool_slab *next;
    _Alignas(CACHE_LINE) uint8_t bytes[];
};

struct pool_free {
    struct pool_free *next;
};

void pool_init(struct pool *p, size_t object_size, size_t budget)
{
    size_t size = (object_size + 15) & ~(size_t) 15;

    *p = (struct pool) { .object_size = size ? size : 16 };
    p->max = budget / p->object_size ? budget / p->object_size : 1;
}

void pool_fini(struct pool *p)
{
    while (p->slabs != NULL) {
        struct pool_slab *next = p->slabs->next;
        free(p->slabs);
        p->slabs = next;
    }
    p->free = NULL;
    p->in_use = p->n_made = p->n_fresh = 0;
}

/* A slab for at most '*n' objects, which says how many it has room for: a huge page once the
 * pool has grown to one.  Objects whose size is a multiple of a cache line begin at one. */
static struct pool_slab *make_slab(const struct pool *p, size_t *n)
{
    size_t n_huge = (ALLOC_HUGE_PAGE - sizeof(struct pool_slab)) / p->object_size;
    size_t n_small = p->object_size < SLAB_SIZE ? SLAB_SIZE / p->object_size : 1;
    size_t size = p->n_made * p->object_size;
    struct pool_slab *slab;

    if (size >= ALLOC_HUGE_PAGE && size < HUGE_MAX && n_huge != 0 && n_huge <= *n) {
        slab = aligned_alloc(ALLOC_HUGE_PAGE, ALLOC_HUGE_PAGE);
        if (slab != NULL) {
            alloc_advise_huge(slab, ALLOC_HUGE_PAGE);
            *n = n_huge;
            return slab;
        }                       /* Less may still be had. */
    }
    *n = n_small < *n ? n_small : *n;
    size = sizeof *slab + *n * p->object_size;
    return aligned_alloc(CACHE_LINE, (size + CACHE_LINE - 1) & ~(size_t) (CACHE_LINE - 1));
}

/* Adds one slab; false when the budget or the memory is used up. */
static bool add_slab(struct pool *p)
{
    size_t n = p->max - p->n_made;
    struct pool_slab *slab = n != 0 ? make_slab(p, &n) : NULL;

    if (slab == NULL) {
        return false;
    }
    slab->next = p->slabs;
    p->slabs = slab;
    p->fresh = slab->bytes;
    p->n_fresh = n;
    p->n_made += n;
    return true;
}

void *pool_get(struct pool *p)
{
    struct pool_free *f = p->free;

    if (f != NULL) {
        p->free = f->next;
        __builtin_prefetch(p->free, 1);         /* The next that is asked for. */
    } else if (p->n_fresh != 0 || add_slab(p)) {
        f = (struct pool_free *) (void *) p->fresh;
        p->fresh += p->object_size;
        p->n_fresh--;
    } else {
        p->n_refused++;
        return NULL;
    }
    p->in_use++;
    return f;
}

void pool_put(struct pool *p, void *object)
{
    struct pool_free *f = object;

    f->next = p->free;
    p->free = f;
    p->in_use--;
}
