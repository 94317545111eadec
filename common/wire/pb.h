/* Writes the protobuf wire format (protobuf.dev/programming-guides/encoding) into a
 * strbuf.  For the generated encoder alone; tags are constants there, so the keys fold
 * into single bytes. */
#ifndef CIVICSHIELD_WIRE_PB_H
#define CIVICSHIELD_WIRE_PB_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/strbuf.h"

enum pb_wire_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_LENGTH = 2 };

#define PB_MAX_VARINT 10        /* Bytes of the longest 64-bit varint. */

/* Writes 'value' at 'out', which has room for PB_MAX_VARINT bytes; returns its size. */
static inline size_t pb_varint_at(char *out, uint64_t value)
{
    size_t n = 0;

    while (value >= 0x80) {
        out[n++] = (char) (value | 0x80);
        value >>= 7;
    }
    out[n++] = (char) value;
    return n;
}

static inline void pb_varint(struct strbuf *b, uint64_t value)
{
    b->size += pb_varint_at(strbuf_reserve(b, PB_MAX_VARINT), value);
}

static inline void pb_key(struct strbuf *b, uint32_t tag, enum pb_wire_type type)
{
    pb_varint(b, (uint64_t) tag << 3 | type);
}

static inline void pb_u64(struct strbuf *b, uint32_t tag, uint64_t value)
{
    pb_key(b, tag, PB_VARINT);
    pb_varint(b, value);
}

/* "sint64": zigzag. */
static inline void pb_i64(struct strbuf *b, uint32_t tag, int64_t value)
{
    pb_u64(b, tag, (uint64_t) value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static inline void pb_fixed64(struct strbuf *b, uint32_t tag, uint64_t value)
{
    char bytes[8];

    for (int i = 0; i < 8; i++) {
        bytes[i] = (char) (value >> (8 * i));
    }
    pb_key(b, tag, PB_FIXED64);
    strbuf_put(b, bytes, sizeof bytes);
}

static inline void pb_bytes(struct strbuf *b, uint32_t tag, const void *bytes, size_t size)
{
    pb_key(b, tag, PB_LENGTH);
    pb_varint(b, size);
    strbuf_put(b, bytes, size);
}

/* Begins a message (or packed list) within; returns what pb_close() wants.  One byte is
 * kept free for its size; a larger one moves the content, which is still in the cache. */
static inline size_t pb_open(struct strbuf *b, uint32_t tag)
{
    pb_key(b, tag, PB_LENGTH);
    strbuf_putc(b, 0);
    return b->size;
}

static inline void pb_close(struct strbuf *b, size_t start)
{
    char bytes[PB_MAX_VARINT];
    size_t size = b->size - start, n = pb_varint_at(bytes, size);

    if (n > 1) {
        strbuf_reserve(b, n - 1);
        memmove(b->text + start + n - 1, b->text + start, size);
        b->size += n - 1;
    }
    memcpy(b->text + start - 1, bytes, n);
}

#endif
