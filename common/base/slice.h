/* Borrowed bytes: a pointer and a size, never NUL-terminated, never owned. */
#ifndef CIVICSHIELD_BASE_SLICE_H
#define CIVICSHIELD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct slice {
    const uint8_t *bytes;       /* May be NULL when size is 0. */
    size_t size;
};

static inline struct slice slice_of(const void *bytes, size_t size)
{
    return (struct slice) { .bytes = bytes, .size = size };
}

static inline struct slice slice_text(const char *text)
{
    return slice_of(text, text != NULL ? strlen(text) : 0);
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* What is behind the first 'n' bytes, of which there are as many.  Of no bytes at NULL it is
 * that again: C has no arithmetic on NULL. */
static inline struct slice slice_from(struct slice s, size_t n)
{
    return n == 0 ? s : slice_of(s.bytes + n, s.size - n);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

/* As slice_is(), ASCII letters compared without case. */
static inline bool slice_is_nocase(struct slice a, const char *text)
{
    return a.size == strlen(text)
           && (a.size == 0 || strncasecmp((const char *) a.bytes, text, a.size) == 0);
}

#endif
