/* dcerpc.iface and dcerpc.opnum: of which interface a call is, and which of its operations.
 * They hold for calls over TCP, over UDP, and in named pipes of SMB. */
#include <stdio.h>

#include "rules/keywords/keywords.h"

#define MAX_RANGES 64u

static bool malformed(struct draft *d, struct slice v)
{
    return draft_error_at(d, v.bytes, "367abb81-9844-35f1-ad32-98f038001003,>1,any_frag",
                          "\"%.*s\" is no interface", (int) v.size, (const char *) v.bytes);
}

static int digit_of(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f'
                                                ? (c | 0x20) - 'a' + 10 : -1;
}

/* 32 digits, with hyphens where they belong or without. */
static bool parse_uuid(struct slice v, uint32_t words[4])
{
    size_t n = 0;

    for (size_t i = 0; i < v.size; i++) {
        int digit = digit_of(v.bytes[i]);

        if (v.bytes[i] == '-' && v.size == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
            continue;
        }
        if (digit < 0 || n == 32) {
            return false;
        }
        words[n / 8] = words[n / 8] << 4 | (uint32_t) digit;
        n++;
    }
    return n == 32;
}

static bool parse_iface(struct draft *d, const struct keyword *row, struct slice v)
{
    struct slice uuid, version = { 0 }, last = { 0 };
    struct number_test number = { .cmp = CMP_EQ };
    uint32_t words[4] = { 0 };
    uint16_t flag = 0;
    struct slice rest = v;

    if (!draft_need_app(d, APP_DCERPC)) {
        return false;
    }
    if (!slice_next(&rest, ',', &uuid) || !parse_uuid(uuid, words)) {
        return malformed(d, v);
    }
    if (slice_next(&rest, ',', &version) && !slice_is(version, "any_frag")) {
        if (!number_parse_test(version, UINT16_MAX, false, &number)) {
            return malformed(d, v);
        }
        flag |= DCE_IFACE_VERSION;
        (void) slice_next(&rest, ',', &last);
    } else {
        last = version;
    }
    if (last.size != 0) {
        if (!slice_is(last, "any_frag")) {
            return malformed(d, v);
        }
        flag |= DCE_IFACE_ANY_FRAG;
    }
    if (rest.size != 0) {
        return malformed(d, v);
    }
    struct rule_test *t = draft_add_test(d, TEST_DCE_IFACE);
    t->cmp = number.cmp;
    t->a = number.a;
    t->b = number.b;
    t->flag = flag;
    t->n_names = 4;
    t->names = draft_alloc(d, sizeof words);
    memcpy(t->names, words, sizeof words);
    return true;
}

/* "5" or "5-9", both ends included. */
static bool parse_range(struct slice part, uint32_t *low, uint32_t *high)
{
    struct slice first, rest = part;
    uint64_t a, b;

    if (!slice_next(&rest, '-', &first) || !number_parse(first, UINT32_MAX, &a)) {
        return false;
    }
    b = a;
    if (rest.size != 0 && !number_parse(slice_trim(rest), UINT32_MAX, &b)) {
        return false;
    }
    *low = (uint32_t) a;
    *high = (uint32_t) b;
    return a <= b;
}

/* "15", "2-5,9", or a number as other keywords have it: ">4". */
bool dcerpc_parse_opnum(struct draft *d, const struct keyword *row, struct slice v)
{
    uint32_t limits[2 * MAX_RANGES];
    struct slice part, rest = v;
    struct number_test number;
    size_t n = 0;

    if (!draft_need_app(d, APP_DCERPC)) {
        return false;
    }
    while (n < MAX_RANGES && slice_next(&rest, ',', &part)
           && parse_range(part, &limits[2 * n], &limits[2 * n + 1])) {
        n++;
        part = slice_of(NULL, 0);
    }
    if (n != 0 && part.size == 0 && rest.size == 0) {
        struct rule_test *t = number_add(d, row, CMP_RANGE_INCLUSIVE, limits[0], limits[1]);
        t->n_names = 2 * (n - 1);
        t->names = draft_alloc(d, 2 * n * sizeof *limits);
        memcpy(t->names, limits + 2, t->n_names * sizeof *limits);
        return true;
    }
    if (!number_parse_test(v, UINT16_MAX, false, &number)) {
        return draft_error_at(d, v.bytes, "for example 15, or 2-5,9, or >4",
                              "\"%.*s\" is no operation of DCE RPC", (int) v.size,
                              (const char *) v.bytes);
    }
    number_add(d, row, number.cmp, number.a, number.b);
    return true;
}

static const struct keyword rows[] = {
    { "dcerpc.iface", KEYWORD_VALUE, parse_iface, 0,
      "The interface that a call of DCE RPC is of" },
    { "dce_iface", KEYWORD_VALUE, parse_iface, 0, "Older name of dcerpc.iface" },
};
FAMILY(dcerpc_keywords, rows);
