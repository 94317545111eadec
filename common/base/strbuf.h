/* A growing byte buffer.  Growth uses the aborting allocator; in the packet path a buffer
 * is made large at start and reused by strbuf_clear(), so that it settles at its largest
 * size and grows no more. */
#ifndef CIVICSHIELD_BASE_STRBUF_H
#define CIVICSHIELD_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/slice.h"

struct strbuf {
    char *text;                 /* Owned; NULL while cap is 0.  Not NUL-terminated. */
    size_t size, cap;           /* Bytes.  Invariant: size <= cap. */
};

#define STRBUF_EMPTY { NULL, 0, 0 }

void strbuf_init(struct strbuf *, size_t cap);
void strbuf_fini(struct strbuf *);
/* Makes room for 'more' bytes behind the end; returns where they go. */
char *strbuf_reserve_slow(struct strbuf *, size_t more);
void strbuf_printf(struct strbuf *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *, const char *format, va_list);
/* Terminates the text with a NUL that does not count as size; returns the text. */
const char *strbuf_cstr(struct strbuf *);
/* Decimal digits of 'value'. */
void strbuf_u64(struct strbuf *, uint64_t value);
void strbuf_i64(struct strbuf *, int64_t value);
/* Lower-case hex of 'size' bytes. */
void strbuf_hex(struct strbuf *, const uint8_t *bytes, size_t size);
/* RFC 4648 section 4, with padding. */
void strbuf_base64(struct strbuf *, const uint8_t *bytes, size_t size);

static inline void strbuf_clear(struct strbuf *b)
{
    b->size = 0;
}

static inline char *strbuf_reserve(struct strbuf *b, size_t more)
{
    return b->cap - b->size >= more ? b->text + b->size : strbuf_reserve_slow(b, more);
}

static inline void strbuf_put(struct strbuf *b, const void *bytes, size_t size)
{
    if (size != 0) {
        memcpy(strbuf_reserve(b, size), bytes, size);
        b->size += size;
    }
}

static inline void strbuf_puts(struct strbuf *b, const char *text)
{
    strbuf_put(b, text, strlen(text));
}

static inline void strbuf_putc(struct strbuf *b, char c)
{
    *strbuf_reserve(b, 1) = c;
    b->size++;
}

static inline struct slice strbuf_slice(const struct strbuf *b)
{
    return slice_of(b->text, b->size);
}

#endif
