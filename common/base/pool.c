#include "common/base/pool.h"

#include <stdlib.h>

#define SLAB_TARGET (256u * 1024u)

struct pool_slab {
    struct pool_slab *next;
    _Alignas(16) uint8_t bytes[];
};

struct pool_free {
    struct pool_free *next;
};

void pool_init(struct pool *p, size_t object_size, size_t budget)
{
    size_t size = (object_size + 15) & ~(size_t) 15;

    *p = (struct pool) { .object_size = size ? size : 16 };
    p->max = budget / p->object_size ? budget / p->object_size : 1;
    p->n_slab = SLAB_TARGET / p->object_size ? SLAB_TARGET / p->object_size : 1;
}

void pool_fini(struct pool *p)
{
    while (p->slabs != NULL) {
        struct pool_slab *next = p->slabs->next;
        free(p->slabs);
        p->slabs = next;
    }
    p->free = NULL;
    p->in_use = p->n_made = 0;
}

/* Adds one slab to the free list; false when the budget or the memory is used up. */
static int add_slab(struct pool *p)
{
    size_t n = p->max - p->n_made < p->n_slab ? p->max - p->n_made : p->n_slab;

    if (n == 0) {
        return 0;
    }
    struct pool_slab *slab = malloc(sizeof *slab + n * p->object_size);
    if (slab == NULL) {
        return 0;
    }
    slab->next = p->slabs;
    p->slabs = slab;
    /* Pushed from the last to the first, so that they are handed out in address order. */
    for (size_t i = n; i-- > 0;) {
        struct pool_free *f = (struct pool_free *) (void *) (slab->bytes + i * p->object_size);
        f->next = p->free;
        p->free = f;
    }
    p->n_made += n;
    return 1;
}

void *pool_get(struct pool *p)
{
    if (p->free == NULL && !add_slab(p)) {
        p->n_refused++;
        return NULL;
    }
    struct pool_free *f = p->free;
    p->free = f->next;
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
