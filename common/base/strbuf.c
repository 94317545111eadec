#include "common/base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/digits.h"

void strbuf_init(struct strbuf *b, size_t cap)
{
    b->text = cap ? xmalloc(cap) : NULL;
    b->size = 0;
    b->cap = cap;
}

void strbuf_fini(struct strbuf *b)
{
    free(b->text);
    *b = (struct strbuf) STRBUF_EMPTY;
}

char *strbuf_reserve_slow(struct strbuf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 64;

    while (cap - b->size < more) {
        cap *= 2;
    }
    b->text = xrealloc(b->text, cap);
    b->cap = cap;
    return b->text + b->size;
}

void strbuf_vprintf(struct strbuf *b, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    size_t room = b->cap - b->size;
    int len = vsnprintf(room ? b->text + b->size : NULL, room, format, args);
    if (len > 0 && (size_t) len >= room) {
        strbuf_reserve(b, (size_t) len + 1);
        vsnprintf(b->text + b->size, (size_t) len + 1, format, again);
    }
    va_end(again);
    b->size += len > 0 ? (size_t) len : 0;
}

void strbuf_printf(struct strbuf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_vprintf(b, format, args);
    va_end(args);
}

const char *strbuf_cstr(struct strbuf *b)
{
    *strbuf_reserve(b, 1) = '\0';
    return b->text;
}

void strbuf_u64(struct strbuf *b, uint64_t value)
{
    char *at = strbuf_reserve(b, DIGITS_U64);

    b->size += (size_t) (digits_u64(at, value) - at);
}

void strbuf_i64(struct strbuf *b, int64_t value)
{
    if (value < 0) {
        strbuf_putc(b, '-');
    }
    strbuf_u64(b, value < 0 ? 0 - (uint64_t) value : (uint64_t) value);
}

void strbuf_hex(struct strbuf *b, const uint8_t *bytes, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    char *at = strbuf_reserve(b, size * 2);

    for (size_t i = 0; i < size; i++) {
        *at++ = hex[bytes[i] >> 4];
        *at++ = hex[bytes[i] & 15];
    }
    b->size += size * 2;
}

void strbuf_base64(struct strbuf *b, const uint8_t *bytes, size_t size)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = strbuf_reserve(b, (size + 2) / 3 * 4);
    char *start = at;

    while (size >= 3) {
        uint32_t v = (uint32_t) bytes[0] << 16 | (uint32_t) bytes[1] << 8 | bytes[2];
        *at++ = letters[v >> 18];
        *at++ = letters[v >> 12 & 63];
        *at++ = letters[v >> 6 & 63];
        *at++ = letters[v & 63];
        bytes += 3;
        size -= 3;
    }
    if (size != 0) {
        uint32_t v = (uint32_t) bytes[0] << 16
                     | (size == 2 ? (uint32_t) bytes[1] << 8 : 0);
        *at++ = letters[v >> 18];
        *at++ = letters[v >> 12 & 63];
        *at++ = size == 2 ? letters[v >> 6 & 63] : '=';
        *at++ = '=';
    }
    b->size += (size_t) (at - start);
}
