/* Bump allocation: many small things that die together (a transaction, a rule set, one
 * event's scratch).  Memory is zeroed and 8-byte aligned.
 *
 * An arena has a limit in bytes; past it arena_alloc() returns NULL, so a packet that
 * makes a transaction grow gets "full", which the caller counts.  arena_reset() keeps the
 * first block, so a reused scratch arena allocates nothing once it has settled.
 * Not thread-safe: one owner. */
#ifndef CIVICSHIELD_BASE_ARENA_H
#define CIVICSHIELD_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* Newest first; owned. */
    size_t block_size;          /* Of a regular block; a larger request has its own. */
    size_t used, limit;         /* Bytes handed out, and the most that may be. */
};

void arena_init(struct arena *, size_t block_size, size_t limit);
void arena_fini(struct arena *);
void arena_reset(struct arena *);
/* Zeroed memory, or NULL when the limit would be passed or memory is gone. */
void *arena_alloc(struct arena *, size_t size);
/* A copy of 'bytes'; an empty slice with bytes == NULL if there is no room. */
struct slice arena_copy(struct arena *, const void *bytes, size_t size);
/* As arena_copy() with a NUL behind it; NULL if there is no room. */
char *arena_strndup(struct arena *, const void *text, size_t size);
char *arena_strdup(struct arena *, const char *text);
char *arena_printf(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
