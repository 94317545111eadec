/* JA3, JA3S (MD5 of the hello's numbers in decimal, without GREASE) and JA4 (sorted, so
 * that a client that shuffles its extensions keeps its name). */
#include "sensor/app/digest.h"
#include "sensor/app/tls/tls_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char hex_digits[] = "0123456789abcdef";

/* Text of a known largest size in the arena. */
struct text {
    char *at;
    size_t size, cap;
};

static bool begin(struct text *t, struct arena *arena, size_t cap)
{
    *t = (struct text) { .at = arena_alloc(arena, cap), .cap = cap };
    return t->at != NULL;
}

static void put(struct text *t, const char *bytes, size_t size)
{
    if (size <= t->cap - t->size) {
        memcpy(t->at + t->size, bytes, size);
        t->size += size;
    }
}

static void put_number(struct text *t, unsigned value, char separator)
{
    char digits[16];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char) ('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (separator != '\0') {
        digits[--at] = separator;
    }
    put(t, digits + at, sizeof digits - at);
}

static void put_hex16(struct text *t, uint16_t value, char separator)
{
    char digits[5] = { separator, hex_digits[value >> 12], hex_digits[value >> 8 & 15],
                       hex_digits[value >> 4 & 15], hex_digits[value & 15] };

    put(t, digits + (separator == '\0'), separator == '\0' ? 4 : 5);
}

static void put_codes(struct text *t, struct tls_codes codes)
{
    char separator = '\0';

    for (size_t i = 0; i < tls_codes_count(codes); i++) {
        uint16_t code = tls_codes_at(codes, i);
        if (!tls_is_grease(code)) {
            put_number(t, code, separator);
            separator = '-';
        }
    }
}

static void put_extensions(struct text *t, const struct tls_hello *h)
{
    char separator = '\0';

    for (size_t i = 0; i < h->n_extensions; i++) {
        if (!tls_is_grease(h->extensions[i])) {
            put_number(t, h->extensions[i], separator);
            separator = '-';
        }
    }
}

/* The first 'n' bytes of a digest in hex, in the arena. */
static struct slice digest(struct tls_tx *tx, enum app_digest kind, struct text t,
                           size_t n)
{
    uint8_t sum[APP_DIGEST_MAX];
    char hex[2 * APP_DIGEST_MAX];

    if (app_digest(tx->tx.session->engine, kind, t.at, t.size, sum) < n) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = hex_digits[sum[i] >> 4];
        hex[2 * i + 1] = hex_digits[sum[i] & 15];
    }
    return arena_copy(&tx->tx.arena, hex, 2 * n);
}

void tls_make_ja3(struct tls_tx *tx)
{
    const struct tls_hello *h = &tx->sides[TO_SERVER].hello;
    size_t n = tls_codes_count(h->ciphers) + h->n_extensions + tls_codes_count(h->groups)
               + h->formats.size;
    char separator = '\0';
    struct text t;

    if (!begin(&t, &tx->tx.arena, 16 + n * 6)) {
        return;
    }
    put_number(&t, h->version, '\0');
    put(&t, ",", 1);
    put_codes(&t, h->ciphers);
    put(&t, ",", 1);
    put_extensions(&t, h);
    put(&t, ",", 1);
    put_codes(&t, h->groups);
    put(&t, ",", 1);
    for (size_t i = 0; i < h->formats.size; i++) {
        put_number(&t, h->formats.bytes[i], separator);
        separator = '-';
    }
    tx->ja3 = slice_of(t.at, t.size);
    tx->ja3_hash = digest(tx, APP_MD5, t, 16);
}

void tls_make_ja3s(struct tls_tx *tx)
{
    const struct tls_hello *h = &tx->sides[TO_CLIENT].hello;
    struct text t;

    if (!begin(&t, &tx->tx.arena, 24 + h->n_extensions * 6)) {
        return;
    }
    put_number(&t, h->version, '\0');
    put_number(&t, h->cipher, ',');
    put(&t, ",", 1);
    put_extensions(&t, h);
    tx->ja3s = slice_of(t.at, t.size);
    tx->ja3s_hash = digest(tx, APP_MD5, t, 16);
}

/* ---- JA4 ---- */

#define JA4_HASH_BYTES 6
static const char no_hash[] = "000000000000";

static int compare_codes(const void *a, const void *b)
{
    const uint16_t *x = a, *y = b;

    return (int) *x - (int) *y;
}

static void put_sorted(struct text *t, uint16_t *codes, size_t n)
{
    qsort(codes, n, sizeof *codes, compare_codes);
    for (size_t i = 0; i < n; i++) {
        put_hex16(t, codes[i], i == 0 ? '\0' : ',');
    }
}

static const char *ja4_version(const struct tls_hello *h)
{
    uint16_t highest = 0;

    for (size_t i = 0; i < tls_codes_count(h->versions); i++) {
        uint16_t v = tls_codes_at(h->versions, i);
        highest = !tls_is_grease(v) && v > highest ? v : highest;
    }
    switch (highest != 0 ? highest : h->version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

/* First and last letter of the first protocol; of one that is not in letters and digits
 * the first and last hex digit. */
static void ja4_alpn(const struct tls_hello *h, char out[2])
{
    struct slice name = h->n_alpns > 0 ? h->alpns[0] : slice_of(NULL, 0);

    if (name.size == 0) {
        out[0] = out[1] = '0';
        return;
    }
    uint8_t first = name.bytes[0], last = name.bytes[name.size - 1];
    bool is_plain = first < 128 && last < 128 && isalnum(first) && isalnum(last);
    out[0] = is_plain ? (char) first : hex_digits[first >> 4];
    out[1] = is_plain ? (char) last : hex_digits[last & 15];
}

static size_t collect_ciphers(const struct tls_hello *h, uint16_t *codes)
{
    size_t n = 0;

    for (size_t i = 0; i < tls_codes_count(h->ciphers); i++) {
        if (!tls_is_grease(tls_codes_at(h->ciphers, i))) {
            codes[n++] = tls_codes_at(h->ciphers, i);
        }
    }
    return n;
}

/* All of them are counted; host name and protocols are not hashed. */
static size_t collect_extensions(const struct tls_hello *h, uint16_t *codes, size_t *n_all)
{
    size_t n = 0;

    *n_all = 0;
    for (size_t i = 0; i < h->n_extensions; i++) {
        if (!tls_is_grease(h->extensions[i])) {
            ++*n_all;
            if (h->extensions[i] != 0 && h->extensions[i] != 16) {
                codes[n++] = h->extensions[i];
            }
        }
    }
    return n;
}

static void put_hash(struct text *out, struct tls_tx *tx, const struct text *t)
{
    struct slice sum = digest(tx, APP_SHA256, *t, JA4_HASH_BYTES);

    put(out, t->size > 0 && sum.bytes != NULL ? (const char *) sum.bytes : no_hash, 12);
}

void tls_make_ja4(struct tls_tx *tx)
{
    const struct tls_hello *h = &tx->sides[TO_SERVER].hello;
    struct arena *arena = &tx->tx.arena;
    size_t most = tls_codes_count(h->ciphers) + h->n_extensions
                  + tls_codes_count(h->signatures);
    uint16_t *codes = arena_alloc(arena, (most + 1) * sizeof *codes);
    struct text out, list, tail;
    char prefix[16], alpn[2];
    size_t n_all;

    if (codes == NULL || !begin(&out, arena, 40) || !begin(&list, arena, most * 5 + 8)
        || !begin(&tail, arena, most * 5 + 8)) {
        return;
    }
    size_t n_ciphers = collect_ciphers(h, codes);
    put_sorted(&list, codes, n_ciphers);
    size_t n = collect_extensions(h, codes, &n_all);
    put_sorted(&tail, codes, n);
    /* The FoxIO paper leaves the underscore out where there are none; rules are written with
     * what Suricata makes, which has it. */
    if (tls_codes_count(h->signatures) == 0 && tail.size > 0) {
        put(&tail, "_", 1);
    }
    char separator = '_';
    for (size_t i = 0; i < tls_codes_count(h->signatures); i++) {
        if (!tls_is_grease(tls_codes_at(h->signatures, i))) {
            put_hex16(&tail, tls_codes_at(h->signatures, i), separator);
            separator = ',';
        }
    }
    ja4_alpn(h, alpn);
    int size = snprintf(prefix, sizeof prefix, "t%s%c%02u%02u%c%c", ja4_version(h),
                        h->has_sni ? 'd' : 'i', n_ciphers < 99 ? (unsigned) n_ciphers : 99u,
                        n_all < 99 ? (unsigned) n_all : 99u, alpn[0], alpn[1]);
    put(&out, prefix, (size_t) size);
    put(&out, "_", 1);
    put_hash(&out, tx, &list);
    put(&out, "_", 1);
    put_hash(&out, tx, &tail);
    tx->ja4 = slice_of(out.at, out.size);
}
