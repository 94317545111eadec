#include "sensor/output/file_ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

struct file_ring {
    uint8_t *bytes;
    size_t size;                                /* A power of two. */
    _Alignas(CACHE_LINE) _Atomic uint64_t put;  /* The putting thread's. */
    _Alignas(CACHE_LINE) _Atomic uint64_t taken;        /* The taking thread's. */
};

struct file_ring *file_ring_create(size_t size)
{
    struct file_ring *r = aligned_alloc(CACHE_LINE, sizeof *r);
    size_t rounded = 4096;

    while (rounded < size && rounded <= SIZE_MAX / 4) {
        rounded *= 2;
    }
    if (r != NULL) {
        memset(r, 0, sizeof *r);
        r->size = rounded;
        r->bytes = malloc(rounded);
    }
    if (r != NULL && r->bytes == NULL) {
        free(r);
        r = NULL;
    }
    return r;
}

void file_ring_destroy(struct file_ring *r)
{
    if (r != NULL) {
        free(r->bytes);
        free(r);
    }
}

static void copy_in(struct file_ring *r, uint64_t at, const void *bytes, size_t size)
{
    size_t start = (size_t) at & (r->size - 1), first = r->size - start;

    first = size < first ? size : first;
    if (first != 0) {
        memcpy(r->bytes + start, bytes, first);
    }
    if (size > first) {
        memcpy(r->bytes, (const uint8_t *) bytes + first, size - first);
    }
}

bool file_ring_put(struct file_ring *r, const struct file_message *m, const void *bytes,
                   size_t reserve)
{
    uint64_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_acquire);
    uint64_t room = r->size - (put - taken);

    if (room < sizeof *m || room - sizeof *m < m->size
        || room - sizeof *m - m->size < reserve) {
        return false;
    }
    copy_in(r, put, m, sizeof *m);
    copy_in(r, put + sizeof *m, bytes, (size_t) m->size);
    atomic_store_explicit(&r->put, put + sizeof *m + m->size, memory_order_release);
    return true;
}

static void parts_of(const struct file_ring *r, uint64_t at, size_t size,
                     struct file_part parts[2])
{
    size_t start = (size_t) at & (r->size - 1), first = r->size - start;

    first = size < first ? size : first;
    parts[0] = (struct file_part) { r->bytes + start, first };
    parts[1] = (struct file_part) { r->bytes, size - first };
}

bool file_ring_peek(const struct file_ring *r, struct file_message *m,
                    struct file_part parts[2])
{
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&r->put, memory_order_acquire);

    if (put == taken) {
        return false;
    }
    parts_of(r, taken, sizeof *m, parts);
    memcpy(m, parts[0].bytes, parts[0].size);
    memcpy((uint8_t *) m + parts[0].size, parts[1].bytes, parts[1].size);
    parts_of(r, taken + sizeof *m, (size_t) m->size, parts);
    return true;
}

void file_ring_drop(struct file_ring *r, const struct file_message *m)
{
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);

    atomic_store_explicit(&r->taken, taken + sizeof *m + m->size, memory_order_release);
}
