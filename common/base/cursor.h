/* The one way to read bytes from outside.
 *
 * A cursor walks over a borrowed buffer.  Its error is sticky: once a read asked for more
 * than remains, 'bad' is set, every later read returns 0 or NULL, and a decoder can read
 * straight down and check once.  Lengths are compared with what remains; a pointer is
 * never advanced before the check.  A nested length gets a cursor of its own by
 * cursor_sub(), so that an inner element cannot outrun its parent.
 *
 * Invariant: at <= end. */
#ifndef CIVICSHIELD_BASE_CURSOR_H
#define CIVICSHIELD_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/slice.h"

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    return (struct cursor) { .at = at, .end = at != NULL ? at + size : at, .bad = false };
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t) (c->end - c->at);
}

/* The next 'n' bytes, or NULL if fewer remain. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->bad || cursor_left(c) < n) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    if (n != 0) {               /* Nothing may be added to NULL, not even 0. */
        c->at += n;
    }
    return bytes;
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
    return cursor_take(c, n) != NULL || n == 0;
}

/* A cursor over the next 'n' bytes; bad, and empty, if fewer remain. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    const uint8_t *bytes = cursor_take(c, n);
    struct cursor sub = cursor_of(bytes, bytes != NULL ? n : 0);

    sub.bad = c->bad;
    return sub;
}

/* The next 'n' bytes as a slice; empty if fewer remain. */
static inline struct slice cursor_slice(struct cursor *c, size_t n)
{
    const uint8_t *bytes = cursor_take(c, n);
    return slice_of(bytes, bytes != NULL ? n : 0);
}

/* All that remains. */
static inline struct slice cursor_rest(struct cursor *c)
{
    return cursor_slice(c, c->bad ? 0 : cursor_left(c));
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 1);
    return b != NULL ? b[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);
    return b != NULL ? (uint16_t) ((unsigned) b[0] << 8 | b[1]) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 3);
    return b != NULL ? (uint32_t) b[0] << 16 | (uint32_t) b[1] << 8 | b[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);
    return b != NULL ? (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16
                           | (uint32_t) b[2] << 8 | b[3]
                     : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    uint64_t high = cursor_be32(c);
    return high << 32 | cursor_be32(c);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);
    return b != NULL ? (uint16_t) ((unsigned) b[1] << 8 | b[0]) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);
    return b != NULL ? (uint32_t) b[3] << 24 | (uint32_t) b[2] << 16
                           | (uint32_t) b[1] << 8 | b[0]
                     : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    uint64_t low = cursor_le32(c);
    return (uint64_t) cursor_le32(c) << 32 | low;
}

#endif
