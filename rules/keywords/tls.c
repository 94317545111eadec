/* Numbers of a TLS handshake that are written as names and dates. */
#include "common/base/civil.h"
#include "rules/keywords/keywords.h"

/* Versions by name, "tls1.2,tls1.3"; several: any of them. */
bool tls_parse_version(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { const char *name; uint16_t value; } names[] = {
        { "sslv2", 2 }, { "sslv3", 0x300 }, { "ssl3", 0x300 }, { "tls1.0", 0x301 },
        { "tls1.1", 0x302 }, { "tls1.2", 0x303 }, { "tls1.3", 0x304 }, { "1.0", 0x301 },
        { "1.1", 0x302 }, { "1.2", 0x303 }, { "1.3", 0x304 },
    };
    uint32_t values[8];
    size_t n = 0;
    struct slice part;
    bool negated = false;

    if (!draft_need_app(d, APP_TLS)) {
        return false;
    }
    while (slice_next(&v, ',', &part)) {
        size_t i = 0, count = sizeof names / sizeof *names;
        bool has_sign = part.size > 0 && part.bytes[0] == '!';
        part = slice_trim(slice_from(part, has_sign));
        while (i < count && !slice_is_nocase(part, names[i].name)) {
            i++;
        }
        if (i == count || n == 8 || (n > 0 && has_sign != negated)) {
            return draft_error_at(d, part.bytes, "sslv2, sslv3, tls1.0 ... tls1.3, all or "
                                  "none with '!'", "unknown or mixed TLS versions");
        }
        negated = has_sign;
        values[n++] = names[i].value;
    }
    struct rule_test *t = number_add(d, row, CMP_EQ, values[0], 0);
    t->negated = negated;
    t->n_names = n - 1;
    t->names = draft_alloc(d, n * sizeof *t->names);
    memcpy(t->names, values + 1, (n - 1) * sizeof *values);
    return true;
}

/* "client_hello|server_hello", each with '!' or not. */
bool tls_parse_state(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const states[] = { "client_hello", "server_hello", "client_keyx",
                                          "server_keyx", "unknown", NULL };
    struct slice part;
    uint64_t wanted = 0, unwanted = 0;

    if (!draft_need_app(d, APP_TLS)) {
        return false;
    }
    while (slice_next(&v, memchr(v.bytes, '|', v.size) != NULL ? '|' : ',', &part)) {
        bool negated = part.size > 0 && part.bytes[0] == '!';
        part = slice_trim(slice_from(part, negated));
        int state = word_index(part, states);
        if (state < 0) {
            return draft_error_at(d, part.bytes, "client_hello, server_hello, client_keyx, "
                                  "server_keyx or unknown", "unknown TLS state");
        }
        *(negated ? &unwanted : &wanted) |= 1ull << state;
    }
    if (wanted != 0) {
        number_add(d, row, CMP_BITS_ANY, wanted, 0);
    }
    if (unwanted != 0) {
        number_add(d, row, CMP_BITS_NONE, unwanted, 0);
    }
    return true;
}

/* Takes 'size' digits off 'v'; false if they are not there, or say less than 'min' or more
 * than 'max'. */
static bool take_digits(struct slice *v, size_t size, int min, int max, int *out)
{
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        if (v->size <= i || v->bytes[i] < '0' || v->bytes[i] > '9') {
            return false;
        }
        *out = *out * 10 + (v->bytes[i] - '0');
    }
    *v = slice_of(v->bytes + size, v->size - size);
    return *out >= min && *out <= max;
}

/* "2015-10", "2015-10-22", "2015-10-22T23", "...T23:59", "...T23:59:59", a blank for the
 * T; what is left out is the earliest. */
static bool read_date(struct slice v, uint64_t *seconds)
{
    static const struct { const char *before; size_t size; int min, max; } parts[] = {
        { "", 4, 1970, 9999 }, { "-", 2, 1, 12 }, { "-", 2, 1, 31 }, { "T ", 2, 0, 23 },
        { ":", 2, 0, 59 }, { ":", 2, 0, 59 },
    };
    int values[6] = { 1970, 1, 1, 0, 0, 0 };
    size_t n = 0;

    v = slice_trim(v);
    for (; n < 6 && v.size > 0; n++) {
        if (n > 0) {
            if (strchr(parts[n].before, v.bytes[0]) == NULL || v.bytes[0] == '\0') {
                return false;
            }
            v = slice_from(v, 1);
        }
        if (!take_digits(&v, parts[n].size, parts[n].min, parts[n].max, &values[n])) {
            return false;
        }
    }
    *seconds = (uint64_t) civil_seconds(values[0], values[1], values[2], values[3],
                                        values[4], values[5]);
    return n >= 2 && v.size == 0;
}

/* A date, "<" or ">" with a date, or "from<>to". */
bool tls_parse_date(struct draft *d, const struct keyword *row, struct slice v)
{
    const uint8_t *between = memmem(v.bytes, v.size, "<>", 2);
    enum number_cmp cmp = CMP_EQ;
    uint64_t a = 0, b = 0;
    bool ok;

    if (!draft_need_app(d, APP_TLS)) {
        return false;
    }
    if (between != NULL && between != v.bytes) {
        size_t n = (size_t) (between - v.bytes);
        cmp = CMP_RANGE;
        ok = read_date(slice_of(v.bytes, n), &a)
             && read_date(slice_of(between + 2, v.size - n - 2), &b) && a < b;
    } else {
        bool has_sign = v.size > 0 && (v.bytes[0] == '<' || v.bytes[0] == '>');
        cmp = !has_sign ? CMP_EQ : v.bytes[0] == '<' ? CMP_LT : CMP_GT;
        ok = read_date(slice_from(v, has_sign), &a);
    }
    if (!ok) {
        return draft_error_at(d, v.bytes, "for example <2015-10, >2015-10-22T23:59:59, "
                              "2015-10-01<>2015-10-22", "\"%.*s\" is no date for %s",
                              (int) v.size, (const char *) v.bytes, row->name);
    }
    number_add(d, row, cmp, a, b);
    return true;
}

/* Without a value: the field is 1 where it holds. */
bool tls_parse_validity(struct draft *d, const struct keyword *row, struct slice v)
{
    (void) v;
    if (!draft_need_app(d, APP_TLS)) {
        return false;
    }
    number_add(d, row, CMP_EQ, 1, 0);
    return true;
}
