#include "sensor/detect/ber.h"

#include "common/base/cursor.h"

/* Elements looked at in one payload, and how deep one may stand in another: nothing sound
 * has more, and what an attacker may cost us ends there. */
#define MAX_ELEMENTS 256u
#define MAX_DEPTH 32u

#define TAG_BIT_STRING 3u
#define TAG_REAL 9u

struct element {
    unsigned tag;               /* The number; of a high one 31. */
    bool is_universal, is_constructed, is_indefinite;
    size_t size;                /* 0 where it is indefinite. */
};

/* Reads tag and length (X.690, 8.1.2 and 8.1.3). */
static bool read_header(struct cursor *c, struct element *e)
{
    uint8_t first = cursor_u8(c);

    e->tag = first & 0x1fu;
    e->is_universal = first >> 6 == 0;
    e->is_constructed = (first & 0x20) != 0;
    for (unsigned i = 0; e->tag == 31 && i < 5 && (cursor_u8(c) & 0x80) != 0; i++) {
        if (i == 4) {
            return false;
        }
    }
    uint8_t length = cursor_u8(c);
    e->is_indefinite = length == 0x80;
    e->size = length < 0x80 ? length : 0;
    if (length > 0x84) {
        return false;           /* More than any packet has. */
    }
    for (unsigned i = 0x80; length >= 0x80 && i < length; i++) {
        e->size = e->size << 8 | cursor_u8(c);
    }
    return !c->bad && e->size <= cursor_left(c)
           && (!e->is_indefinite || e->is_constructed);
}

static bool is_faulty(const struct element *e, struct slice content,
                      const struct op_asn1 *asn1)
{
    if (asn1->has_oversize && e->size > asn1->oversize) {
        return true;
    }
    if (!e->is_universal || e->is_constructed || content.size == 0) {
        return false;
    }
    if (asn1->bitstring_overflow && e->tag == TAG_BIT_STRING
        && content.bytes[0] > e->size * 8) {
        return true;
    }
    /* The first byte's upper bits are 0 where the number is written in decimal. */
    return asn1->double_overflow && e->tag == TAG_REAL && (content.bytes[0] & 0xc0) == 0
           && e->size > 256;
}

bool ber_has_fault(struct slice bytes, const struct op_asn1 *asn1)
{
    struct cursor parents[MAX_DEPTH];
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    unsigned depth = 0;

    for (unsigned n = 0; n < MAX_ELEMENTS; n++) {
        struct element e;

        while (cursor_left(&c) == 0 && depth > 0) {
            c = parents[--depth];
        }
        if (cursor_left(&c) == 0 || !read_header(&c, &e)) {
            return false;
        }
        if (is_faulty(&e, slice_of(c.at, e.size), asn1)) {
            return true;
        }
        if (e.is_indefinite) {
            continue;           /* Its elements stand here; an empty one ends them. */
        }
        struct cursor content = cursor_sub(&c, e.size);
        if (e.is_constructed && depth < MAX_DEPTH) {
            parents[depth++] = c;
            c = content;
        }
    }
    return false;
}
