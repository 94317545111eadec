/* Numbers of the language: reading them, and comparing as a plan says. */
#include "rules/lang/keyword.h"

static int digit_of(uint8_t c, unsigned base)
{
    int d = c >= '0' && c <= '9' ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

    return d >= 0 && (unsigned) d < base ? d : -1;
}

bool number_parse(struct slice s, uint64_t max, uint64_t *out)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (s.size > 2 && s.bytes[0] == '0' && (s.bytes[1] | 0x20) == 'x') {
        base = 16;
        s.bytes += 2;
        s.size -= 2;
    }
    if (s.size == 0) {
        return false;
    }
    for (size_t i = 0; i < s.size; i++) {
        int d = digit_of(s.bytes[i], base);
        if (d < 0 || value > (UINT64_MAX - (unsigned) d) / base) {
            return false;
        }
        value = value * base + (unsigned) d;
    }
    *out = value;
    return value <= max;
}

bool number_parse_signed(struct slice s, int64_t min, int64_t max, int64_t *out)
{
    bool is_negative = s.size > 0 && s.bytes[0] == '-';
    uint64_t value;

    if (s.size > 0 && (s.bytes[0] == '-' || s.bytes[0] == '+')) {
        s.bytes++;
        s.size--;
    }
    if (!number_parse(s, INT64_MAX, &value)) {
        return false;
    }
    *out = is_negative ? -(int64_t) value : (int64_t) value;
    return *out >= min && *out <= max;
}

static bool parse_with_unit(struct slice s, uint64_t max, bool units, uint64_t *out)
{
    static const struct { const char *name; unsigned shift; } table[] = {
        { "kib", 10 }, { "mib", 20 }, { "gib", 30 }, { "kb", 10 }, { "mb", 20 }, { "gb", 30 },
    };

    s = slice_trim(s);
    for (size_t i = 0; units && i < sizeof table / sizeof *table; i++) {
        size_t len = strlen(table[i].name);
        if (s.size > len
            && slice_is_nocase(slice_of(s.bytes + s.size - len, len), table[i].name)) {
            struct slice digits = slice_trim(slice_of(s.bytes, s.size - len));
            if (!number_parse(digits, max >> table[i].shift, out)) {
                return false;
            }
            *out <<= table[i].shift;
            return true;
        }
    }
    return number_parse(s, max, out);
}

/* "a-b" or "a<>b"; false when 's' is no range. */
static bool split_range(struct slice s, struct slice *low, struct slice *high)
{
    for (size_t i = 1; i + 1 < s.size; i++) {
        if (s.bytes[i] == '-') {
            *low = slice_of(s.bytes, i);
            *high = slice_of(s.bytes + i + 1, s.size - i - 1);
            return true;
        }
        if (s.bytes[i] == '<' && s.bytes[i + 1] == '>') {
            *low = slice_of(s.bytes, i);
            *high = slice_of(s.bytes + i + 2, s.size - i - 2);
            return true;
        }
    }
    return false;
}

static bool parse_mask(struct slice s, uint64_t max, struct number_test *out)
{
    const uint8_t *equals = memchr(s.bytes, '=', s.size);

    if (equals == NULL) {
        out->cmp = CMP_BITS_ANY;
        return number_parse(slice_trim(s), max, &out->a);
    }
    size_t n = (size_t) (equals - s.bytes);
    struct slice value = slice_of(equals + 1, s.size - n - 1);
    out->cmp = CMP_BITS_EQ;
    if (n > 0 && s.bytes[n - 1] == '!') {
        out->cmp = CMP_BITS_NE;
        n--;
    }
    return number_parse(slice_trim(slice_of(s.bytes, n)), max, &out->b)
           && number_parse(slice_trim(value), max, &out->a);
}

bool number_parse_test(struct slice s, uint64_t max, bool units, struct number_test *out)
{
    static const struct { const char *text; enum number_cmp cmp; } signs[] = {
        { "<=", CMP_LE }, { ">=", CMP_GE }, { "!=", CMP_NE }, { "<", CMP_LT },
        { ">", CMP_GT }, { "=", CMP_EQ },
    };
    struct slice low, high;

    *out = (struct number_test) { .cmp = CMP_EQ };
    s = slice_trim(s);
    if (s.size > 1 && s.bytes[0] == '&') {
        return parse_mask(slice_from(s, 1), max, out);
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t len = strlen(signs[i].text);
        if (s.size > len && memcmp(s.bytes, signs[i].text, len) == 0) {
            out->cmp = signs[i].cmp;
            return parse_with_unit(slice_from(s, len), max, units,
                                   &out->a);
        }
    }
    bool is_negated = s.size > 1 && s.bytes[0] == '!';
    if (is_negated) {
        s = slice_trim(slice_from(s, 1));
    }
    if (split_range(s, &low, &high)) {
        out->cmp = is_negated ? CMP_NOT_RANGE : CMP_RANGE;
        return parse_with_unit(low, max, units, &out->a)
               && parse_with_unit(high, max, units, &out->b) && out->a < out->b;
    }
    out->cmp = is_negated ? CMP_NE : CMP_EQ;
    return parse_with_unit(s, max, units, &out->a);
}

bool number_matches(enum number_cmp cmp, uint64_t value, uint64_t a, uint64_t b)
{
    switch (cmp) {
    case CMP_EQ: return value == a;
    case CMP_NE: return value != a;
    case CMP_LT: return value < a;
    case CMP_LE: return value <= a;
    case CMP_GT: return value > a;
    case CMP_GE: return value >= a;
    case CMP_RANGE: return a < value && value < b;
    case CMP_NOT_RANGE: return !(a < value && value < b);
    case CMP_RANGE_INCLUSIVE: return a <= value && value <= b;
    case CMP_BITS_ALL: return (value & a) == a;
    case CMP_BITS_ANY: return (value & a) != 0;
    case CMP_BITS_NONE: return (value & a) == 0;
    case CMP_BITS_EQ: return (value & b) == a;
    case CMP_BITS_NE: return (value & b) != a;
    }
    return false;
}
