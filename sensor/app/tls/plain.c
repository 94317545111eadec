/* Certificates like nearly all are (RFC 5280, section 4.1), in DER, read in place.  Only what
 * is sure to be what OpenSSL makes of it is accepted; anything else may be sound or not. */
#include "common/wire/json.h"
#include "sensor/app/der.h"
#include "sensor/app/tls/certificate.h"

enum {
    BOOLEAN = 0x01, NULL_TAG = 0x05, UTF8_STRING = 0x0c, PRINTABLE_STRING = 0x13,
    T61_STRING = 0x14, IA5_STRING = 0x16, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, SET = 0x31,
    /* Kinds of alternative names. */
    EMAIL = 0x81, DNS = 0x82, URI = 0x86, ADDRESS = 0x87,
};

/* ---- Elements ---- */

/* The next element's content; its tag and size are right, and it is not empty. */
static struct slice take(struct cursor *c, unsigned tag)
{
    struct slice content = der_slice(c, tag);

    c->bad |= content.size == 0;
    return content;
}

/* No byte but the last of a number ends it, and none begins with zeros. */
static struct slice take_oid(struct cursor *c)
{
    struct slice oid = take(c, DER_OID);
    bool is_begin = true;

    for (size_t i = 0; i < oid.size; i++) {
        c->bad |= is_begin && oid.bytes[i] == 0x80;
        is_begin = (oid.bytes[i] & 0x80) == 0;
    }
    c->bad |= !is_begin;
    return oid;
}

static void skip_bits(struct cursor *c)
{
    struct slice bits = take(c, DER_BIT_STRING);

    c->bad |= c->bad || bits.bytes[0] != 0;
}

/* AlgorithmIdentifier: an OID, and parameters that are none, another OID or a sequence. */
static void skip_algorithm(struct cursor *c)
{
    struct cursor in = der_expect(c, DER_SEQUENCE);
    unsigned tag;

    (void) take_oid(&in);
    tag = der_peek(&in);
    if (tag == DER_OID) {
        (void) take_oid(&in);
    } else if (tag == DER_SEQUENCE) {
        (void) der_expect(&in, DER_SEQUENCE);
    } else if (tag == NULL_TAG) {
        struct slice none = der_slice(&in, NULL_TAG);
        in.bad |= none.size != 0;
    }
    c->bad |= in.bad || cursor_left(&in) != 0;
}

/* A number above zero in as few bytes as it needs; of 127 bytes at most. */
static struct slice take_number(struct cursor *c)
{
    struct slice n = take(c, DER_INTEGER);

    if (c->bad || n.size > 127 || (n.bytes[0] & 0x80) != 0
        || (n.size > 1 && n.bytes[0] == 0 && (n.bytes[1] & 0x80) == 0)) {
        c->bad = true;
    }
    return n;
}

/* ---- Dates ---- */

static int two_digits(struct cursor *c)
{
    unsigned high = cursor_u8(c) - (unsigned) '0', low = cursor_u8(c) - (unsigned) '0';

    c->bad |= high > 9 || low > 9;
    return (int) (high * 10 + low);
}

/* YYMMDDHHMMSSZ, or with four digits for the year. */
static struct certificate_date take_date(struct cursor *c)
{
    unsigned tag;
    struct cursor in = der_next(c, &tag);
    struct certificate_date d = { .is_date = true };
    int century = tag == GENERALIZED_TIME ? two_digits(&in) : -1;

    d.year = two_digits(&in);
    d.year += century >= 0 ? century * 100 : d.year < 50 ? 2000 : 1900;
    d.month = two_digits(&in);
    d.day = two_digits(&in);
    d.hour = two_digits(&in);
    d.minute = two_digits(&in);
    d.second = two_digits(&in);
    if ((tag != GENERALIZED_TIME && tag != UTC_TIME) || cursor_u8(&in) != 'Z' || in.bad
        || cursor_left(&in) != 0 || d.month < 1 || d.month > 12 || d.day < 1
        || d.hour > 23 || d.minute > 59 || d.second > 59) {
        c->bad = true;
    }
    /* The last days of months hang on the month: 30, or less in February. */
    c->bad |= d.day > (d.month == 2 ? 28 : 30)
              && !(d.day == 31 && (d.month + (d.month > 7)) % 2 == 1);
    return d;
}

/* ---- Names ---- */

/* What an attribute is called, most often by two letters. */
static bool put_attribute(struct certificate_name *t, struct slice oid)
{
    static const struct {
        uint8_t last;                   /* Of 2.5.4, the attributes of X.520. */
        char name[3];
    } names[] = { { 3, "CN" }, { 6, "C" }, { 7, "L" }, { 8, "ST" }, { 10, "O" }, { 11, "OU" } };

    if (oid.size == 3 && memcmp(oid.bytes, "\x55\x04", 2) == 0) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (oid.bytes[2] == names[i].last) {
                certificate_name_put(t, names[i].name, strlen(names[i].name));
                return true;
            }
        }
    }
    /* Tag and size stand before it. */
    return oid.size < 0x80
           && certificate_name_put_oid(t, slice_of(oid.bytes - 2, oid.size + 2));
}

static bool is_ascii(struct slice text)
{
    uint8_t all = 0;

    for (size_t i = 0; i < text.size; i++) {
        all |= text.bytes[i];
    }
    return all < 0x80;
}

/* An attribute: its type and a text. */
static void take_attribute(struct cursor *c, struct certificate_name *t)
{
    struct cursor in = der_expect(c, DER_SEQUENCE);
    struct slice oid = take_oid(&in);
    unsigned tag;
    struct cursor value = der_next(&in, &tag);
    struct slice text = cursor_rest(&value);

    if (in.bad || cursor_left(&in) != 0 || !put_attribute(t, oid)) {
        c->bad = true;
        return;
    }
    if (tag == UTF8_STRING) {
        c->bad |= text.size != 0 && !is_ascii(text) && !utf8_is_valid(text);
    } else {
        c->bad |= (tag != PRINTABLE_STRING && tag != IA5_STRING && tag != T61_STRING)
                  || !is_ascii(text);
    }
    certificate_name_put(t, "=", 1);
    if (text.size != 0) {
        certificate_name_put(t, text.bytes, text.size);
    }
}

static struct slice take_name(struct cursor *c, struct arena *arena)
{
    struct cursor in = der_expect(c, DER_SEQUENCE);
    struct certificate_name t;

    t.size = 0;
    while (!in.bad && cursor_left(&in) != 0) {
        struct cursor set = der_expect(&in, SET);
        for (bool is_first = true; !set.bad && cursor_left(&set) != 0; is_first = false) {
            if (t.size != 0) {
                certificate_name_put(&t, is_first ? ", " : " + ", is_first ? 2 : 3);
            }
            take_attribute(&set, &t);
        }
        in.bad |= set.bad;
    }
    c->bad |= in.bad;
    return t.size > 0 ? arena_copy(arena, t.bytes, t.size) : slice_text("");
}

/* ---- Extensions ---- */

static size_t count_elements(struct cursor c)
{
    size_t n = 0;
    unsigned tag;

    for (; !c.bad && cursor_left(&c) != 0; n++) {
        (void) der_next(&c, &tag);
    }
    return n;
}

/* GeneralNames: those that are text or addresses. */
static bool read_names(struct arena *arena, struct slice extension,
                       struct certificate_body *out)
{
    struct cursor c = cursor_of(extension.bytes, extension.size);
    struct cursor in = der_expect(&c, DER_SEQUENCE);
    size_t n = count_elements(in);

    if (in.bad || cursor_left(&c) != 0) {
        return false;
    }
    out->has_too_many_names = n > TLS_MAX_NAMES;
    n = n < TLS_MAX_NAMES ? n : TLS_MAX_NAMES;
    out->names = arena_alloc(arena, n * sizeof *out->names);
    while (!in.bad && cursor_left(&in) != 0) {
        unsigned tag;
        struct cursor name = der_next(&in, &tag);
        struct slice text = cursor_rest(&name);
        if (tag != EMAIL && tag != DNS && tag != URI && tag != ADDRESS) {
            return false;
        }
        if (n == 0 || out->names == NULL) {
            continue;
        }
        n--;
        if (tag == ADDRESS && text.size != 0) {
            text = certificate_address(arena, text.bytes, text.size);
        }
        if (text.size != 0) {
            out->names[out->n_names++] = text;
        }
    }
    return !in.bad;
}

/* Extension: OID, whether it is critical, and its own bytes. */
static bool read_extensions(struct arena *arena, struct cursor *c,
                            struct certificate_body *out)
{
    struct cursor outer = der_expect(c, DER_CONTEXT(3));
    struct cursor in = der_expect(&outer, DER_SEQUENCE);
    bool has_names = false;

    while (!in.bad && cursor_left(&in) != 0) {
        struct cursor extension = der_expect(&in, DER_SEQUENCE);
        struct slice oid = take_oid(&extension);
        if (der_peek(&extension) == BOOLEAN) {
            struct slice flag = take(&extension, BOOLEAN);
            extension.bad |= flag.size != 1;
        }
        struct slice value = der_slice(&extension, DER_OCTETS);
        if (extension.bad || cursor_left(&extension) != 0) {
            return false;
        }
        if (oid.size == 3 && memcmp(oid.bytes, "\x55\x1d\x11", 3) == 0) {
            if (has_names || !read_names(arena, value, out)) {
                return false;
            }
            has_names = true;
        }
    }
    return !in.bad && cursor_left(&outer) == 0 && !outer.bad;
}

/* ---- The whole ---- */

bool certificate_read_plain(struct arena *arena, struct slice der,
                            struct certificate_body *out)
{
    struct cursor c = cursor_of(der.bytes, der.size);
    struct cursor outer = der_expect(&c, DER_SEQUENCE);
    struct cursor body = der_expect(&outer, DER_SEQUENCE);

    *out = (struct certificate_body) { .version = 0 };
    skip_algorithm(&outer);
    skip_bits(&outer);
    if (outer.bad || cursor_left(&outer) != 0) {
        return false;
    }
    if (der_peek(&body) == DER_CONTEXT(0)) {
        struct cursor version = der_expect(&body, DER_CONTEXT(0));
        struct slice number = take_number(&version);
        body.bad |= version.bad || cursor_left(&version) != 0 || number.size != 1;
        out->version = body.bad ? 0 : number.bytes[0];
    }
    out->serial = take_number(&body);
    skip_algorithm(&body);
    out->issuer = take_name(&body, arena);
    struct cursor dates = der_expect(&body, DER_SEQUENCE);
    out->begins = take_date(&dates);
    out->ends = take_date(&dates);
    out->subject = take_name(&body, arena);
    struct cursor key = der_expect(&body, DER_SEQUENCE);
    skip_algorithm(&key);
    skip_bits(&key);
    if (body.bad || dates.bad || key.bad || cursor_left(&dates) != 0
        || cursor_left(&key) != 0) {
        return false;
    }
    return cursor_left(&body) == 0
           || (read_extensions(arena, &body, out) && !body.bad && cursor_left(&body) == 0);
}
