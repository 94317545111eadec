/* Base64 (RFC 4648, RFC 2045 section 6.8) and quoted-printable (RFC 2045 section 6.7), in
 * pieces of any size.
 *
 * What mail programs would read is decoded: bytes outside base64's alphabet are skipped,
 * padding in the middle ends a group and not the data, hex digits may be small.  What the
 * standard forbids and hides something is told. */
#include "sensor/app/mime/mime_private.h"

enum { PAD = 64, SKIP = 65 };

/* Values of base64's letters; a table, since every byte of every attachment comes here. */
static const uint8_t base64_values[256] = {
#define S8 SKIP, SKIP, SKIP, SKIP, SKIP, SKIP, SKIP, SKIP
    S8, S8, S8, S8, S8,
    SKIP, SKIP, SKIP, 62, SKIP, SKIP, SKIP, 63,                 /* ( ) * + , - . / */
    52, 53, 54, 55, 56, 57, 58, 59,                             /* 0 to 7 */
    60, 61, SKIP, SKIP, SKIP, PAD, SKIP, SKIP,                  /* 8 9 : ; < = > ? */
    SKIP, 0, 1, 2, 3, 4, 5, 6,                                  /* @ A to G */
    7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, SKIP, SKIP, SKIP, SKIP, SKIP,                   /* X Y Z [ \ ] ^ _ */
    SKIP, 26, 27, 28, 29, 30, 31, 32,                           /* ` a to g */
    33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, SKIP, SKIP, SKIP, SKIP, SKIP,                   /* x y z { | } ~ */
    S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8, S8,
#undef S8
};

/* A group of 'n' letters, two to four, as bytes. */
static size_t put_group(const uint8_t *v, unsigned n, uint8_t *out)
{
    if (n < 2) {
        return 0;
    }
    out[0] = (uint8_t) (v[0] << 2 | v[1] >> 4);
    if (n > 2) {
        out[1] = (uint8_t) (v[1] << 4 | v[2] >> 2);
    }
    if (n > 3) {
        out[2] = (uint8_t) (v[2] << 6 | v[3]);
    }
    return n - 1;
}

/* Letters in front of the first padding. */
static unsigned count_letters(const struct mime_base64 *b)
{
    unsigned n = 0;

    while (n < b->n && b->quad[n] != PAD) {
        n++;
    }
    return n;
}

/* Groups of four letters from the front of 'in', as nearly all of base64 is; returns how
 * many bytes of it were taken. */
static size_t put_groups(struct slice in, uint8_t *out)
{
    size_t i = 0;

    for (; in.size - i >= 4; i += 4, out += 3) {
        uint8_t a = base64_values[in.bytes[i]], b = base64_values[in.bytes[i + 1]];
        uint8_t c = base64_values[in.bytes[i + 2]], d = base64_values[in.bytes[i + 3]];
        if (((a | b | c | d) & 0xc0) != 0) {
            break;
        }
        out[0] = (uint8_t) (a << 2 | b >> 4);
        out[1] = (uint8_t) (b << 4 | c >> 2);
        out[2] = (uint8_t) (c << 6 | d);
    }
    return i;
}

size_t mime_base64_step(struct mime_base64 *b, struct slice in, uint8_t *out, bool *is_bad)
{
    size_t n_out = 0;

    for (size_t i = 0; i < in.size; i++) {
        if (b->n == 0) {
            size_t n = put_groups(slice_from(in, i), out + n_out);
            i += n;
            n_out += n / 4 * 3;
            if (i == in.size) {
                break;
            }
        }
        uint8_t value = base64_values[in.bytes[i]];
        if (value == SKIP) {
            continue;
        }
        bool is_padded = b->n != 0 && b->quad[b->n - 1] == PAD;
        if ((value == PAD && b->n < 2) || (value != PAD && is_padded)) {
            /* Padding that pads nothing, or too little of it: a new group begins. */
            *is_bad = true;
            n_out += put_group(b->quad, count_letters(b), out + n_out);
            b->n = 0;
            if (value == PAD) {
                continue;
            }
        }
        b->quad[b->n++] = value;
        if (b->n == 4) {
            n_out += put_group(b->quad, count_letters(b), out + n_out);
            b->n = 0;
        }
    }
    return n_out;
}

size_t mime_base64_end(struct mime_base64 *b, uint8_t *out)
{
    size_t n = put_group(b->quad, count_letters(b), out);

    b->n = 0;
    return n;
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* A '=' was no escape: it stands for itself, and so does what follows it unless that is a
 * '=' again.  Returns how many bytes were put out. */
static size_t put_literal(struct mime_qp *q, uint8_t *out)
{
    unsigned n = q->n, i = 0;

    do {
        out[i] = q->held[i];
        i++;
    } while (i < n && q->held[i] != '=');
    q->n = n - i;
    memmove(q->held, q->held + i, q->n);
    return i;
}

/* What was held since a '=' now has its third byte; returns how many bytes came of it. */
static size_t put_escape(struct mime_qp *q, uint8_t *out, bool *is_bad)
{
    int high = hex_value(q->held[1]), low = hex_value(q->held[2]);

    if (high < 0 || low < 0) {
        *is_bad = true;
        return put_literal(q, out);
    }
    *is_bad |= q->held[1] >= 'a' || q->held[2] >= 'a';
    out[0] = (uint8_t) (high << 4 | low);
    q->n = 0;
    return 1;
}

/* The line ends while a '=' is open: a soft break, also when blanks were put behind it on
 * the way, or something cut short. */
static size_t end_line(struct mime_qp *q, uint8_t *out, bool *is_soft, bool *is_bad)
{
    size_t n_out = 0;

    *is_soft = q->n == 1 || (q->n == 2 && mime_is_blank(q->held[1]));
    *is_bad |= q->n > 1;
    while (!*is_soft && q->n != 0) {
        n_out += put_literal(q, out + n_out);
    }
    q->n = 0;
    return n_out;
}

size_t mime_qp_step(struct mime_qp *q, struct slice in, bool is_end, uint8_t *out,
                    bool *is_soft, bool *is_bad)
{
    size_t n_out = 0, i = 0;

    *is_soft = false;
    while (i < in.size) {
        if (q->n == 0) {
            const uint8_t *at = memchr(in.bytes + i, '=', in.size - i);
            size_t n = at != NULL ? (size_t) (at - in.bytes) - i : in.size - i;
            memcpy(out + n_out, in.bytes + i, n);
            n_out += n;
            i += n;
            if (at != NULL) {
                q->held[q->n++] = in.bytes[i++];
            }
            continue;
        }
        q->held[q->n++] = in.bytes[i++];
        if (q->n == 3 && mime_is_blank(q->held[1]) && mime_is_blank(q->held[2])) {
            q->n = 2;                           /* Any number of blanks is one. */
        } else if (q->n == 3) {
            n_out += put_escape(q, out + n_out, is_bad);
        }
    }
    if (is_end) {
        n_out += end_line(q, out + n_out, is_soft, is_bad);
    }
    return n_out;
}
