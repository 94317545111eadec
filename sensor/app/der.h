/* Elements of BER and DER (X.690) out of untrusted bytes: tags of one byte and definite
 * lengths, which is what SNMP, Kerberos and certificates have.  As with a cursor, the error
 * is sticky: read down, then look at 'bad' once. */
#ifndef CIVICSHIELD_APP_DER_H
#define CIVICSHIELD_APP_DER_H

#include "common/base/cursor.h"

enum der_tag {
    DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTETS = 0x04, DER_OID = 0x06,
    DER_GENERAL_STRING = 0x1b, DER_SEQUENCE = 0x30,
};
/* Constructed tags of the application and of a context, by number below 31. */
#define DER_APPLICATION(n) (0x60u | (n))
#define DER_CONTEXT(n) (0xa0u | (n))

/* The next element: its tag, and a cursor over its content, bad if there is none that is
 * sound and whole; then 'c' is bad as well. */
static inline struct cursor der_next(struct cursor *c, unsigned *tag)
{
    uint8_t first = cursor_u8(c);
    size_t size = cursor_u8(c);

    *tag = first;
    if (size > 0x84 || size == 0x80 || (first & 0x1f) == 0x1f) {
        c->bad = true;
    } else if (size > 0x80) {
        unsigned n = (unsigned) size - 0x80;
        for (size = 0; n > 0; n--) {
            size = size << 8 | cursor_u8(c);
        }
    }
    return cursor_sub(c, size);
}

/* As above for an element that must have this tag. */
static inline struct cursor der_expect(struct cursor *c, unsigned tag)
{
    unsigned found = 0;
    struct cursor content = der_next(c, &found);

    if (found != tag) {
        c->bad = content.bad = true;
    }
    return content;
}

/* The tag of the next element; 0 where there is none. */
static inline unsigned der_peek(const struct cursor *c)
{
    return !c->bad && cursor_left(c) > 0 ? c->at[0] : 0;
}

/* An INTEGER of at most eight bytes. */
static inline int64_t der_integer(struct cursor *c)
{
    struct cursor body = der_expect(c, DER_INTEGER);
    size_t n = cursor_left(&body);
    uint64_t value = n > 0 && body.at != NULL && (body.at[0] & 0x80) != 0 ? UINT64_MAX : 0;

    if (body.bad || n == 0 || n > 8) {
        c->bad = true;
        return 0;
    }
    for (; n > 0; n--) {
        value = value << 8 | cursor_u8(&body);
    }
    return (int64_t) value;
}

/* The content of an element of this tag. */
static inline struct slice der_slice(struct cursor *c, unsigned tag)
{
    struct cursor body = der_expect(c, tag);

    return cursor_rest(&body);
}

#endif
