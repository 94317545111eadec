/* A few literals looked up in any bytes, 32 places at a time; the technique is known as Teddy.
 *
 * Of each literal the four bytes that say most stand for it, its window.  Literals are put into
 * eight buckets; for each byte of the window two tables of sixteen entries tell by a nibble
 * which buckets may have it there, and a byte shuffle asks a table about 32 bytes at once.
 * Where a bucket passes all eight questions, and a hash of the four bytes is that of a window,
 * its literals are compared.
 *
 * Against a Hyperscan database of as many literals it saves what a call costs before its first
 * byte, more than the scan of most payloads. */
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/detect/patterns_private.h"
#include "sensor/detect/search.h"

#define WINDOW 4u
#define BUCKETS 8u
#define N_HASHES 4096u
#define ALL_FREQUENCIES 2000u
#define PASS_COST 8             /* Of a bucket that passes, in comparisons of a literal. */
#define STEP 32u                /* Bytes looked at together. */

struct member {
    struct literal_bytes bytes; /* From where its window begins. */
    unsigned id;
    uint8_t before, behind;     /* Bytes in front of its window, and from there to its end. */
    struct literal literal;
};

struct teddy {
    uint64_t hashes[N_HASHES / 64];             /* Bit hash_of(window): there is such a one. */
    unsigned short_buckets;     /* Those with windows too short for a hash. */
    uint8_t low[WINDOW][16], high[WINDOW][16];  /* Buckets that a nibble lets pass. */
    uint32_t firsts[BUCKETS + 1];               /* Where the members of a bucket begin. */
    struct member members[];
};

/* Of the first bytes at hand, whatever their case. */
static unsigned hash_of(uint64_t bytes)
{
    return ((uint32_t) bytes & 0xdfdfdfdfu) * 0x9e3779b1u >> 20;
}

/* ---- Making ---- */

/* How often a byte is met in traffic, in parts of ALL_FREQUENCIES; a guess that decides nothing
 * but speed. */
static unsigned frequency(uint8_t c)
{
    if (c == 0) {
        return 200;
    }
    if (c == 0xff || c == ' ') {
        return 40;
    }
    if (c >= 'a' && c <= 'z') {
        return 16;
    }
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c < 8 ? 10 : 4;
}

static double window_cost(const struct literal *l, size_t at)
{
    double cost = 1;

    for (size_t i = at; i < at + WINDOW && i < l->size; i++) {
        uint8_t c = l->bytes[i], other = literal_other_case(l, i);

        cost *= frequency(c) + (other != c ? frequency(other) : 0);
    }
    return cost;
}

static uint8_t choose_window(const struct literal *l)
{
    size_t best = 0;

    for (size_t at = 1; at + WINDOW <= l->size; at++) {
        if (window_cost(l, at) < window_cost(l, best)) {
            best = at;
        }
    }
    return (uint8_t) best;
}

static struct member make_member(const struct literal *l, unsigned id)
{
    struct member m = { .id = id, .before = choose_window(l), .literal = *l };

    m.behind = (uint8_t) (l->size - m.before);
    m.bytes = literal_bytes_from(l, m.before);
    return m;
}

/* Which nibbles the members of one bucket have. */
struct nibbles {
    uint16_t low[WINDOW], high[WINDOW];
};

static void add_nibbles(struct nibbles *n, const struct member *m)
{
    for (size_t i = 0; i < WINDOW; i++) {
        if (i >= m->behind) {
            n->low[i] = n->high[i] = 0xffff;
            continue;
        }
        uint8_t c = m->literal.bytes[m->before + i];
        uint8_t other = literal_other_case(&m->literal, m->before + i);

        n->low[i] |= (uint16_t) (1u << (c & 15) | 1u << (other & 15));
        n->high[i] |= (uint16_t) (1u << (c >> 4) | 1u << (other >> 4));
    }
}

/* How often bytes of these nibbles are met. */
static double part_of_traffic(uint16_t low, uint16_t high)
{
    unsigned sum = 0;

    for (unsigned h = high; h != 0; h &= h - 1) {
        for (unsigned l = low; l != 0; l &= l - 1) {
            sum += frequency((uint8_t) (__builtin_ctz(h) << 4 | __builtin_ctz(l)));
        }
    }
    return sum / (double) ALL_FREQUENCIES;
}

/* What a bucket costs: how often it passes, times how many literals are compared then. */
static double bucket_cost(const struct member *members, size_t n)
{
    struct nibbles nibbles = { 0 };
    double cost = (double) n + PASS_COST;

    for (size_t i = 0; i < n; i++) {
        add_nibbles(&nibbles, &members[i]);
    }
    for (size_t i = 0; i < WINDOW; i++) {
        cost *= part_of_traffic(nibbles.low[i], nibbles.high[i]);
    }
    return cost;
}

/* Short ones first, then by what stands in the window, high nibbles first: neighbours look
 * alike. */
static int compare_members(const void *left, const void *right)
{
    const struct member *a = left, *b = right;

    if ((a->behind < WINDOW) != (b->behind < WINDOW)) {
        return a->behind < WINDOW ? -1 : 1;
    }
    for (unsigned shift = 0; shift < 2; shift++) {
        for (size_t i = 0; i < WINDOW; i++) {
            int x = (int) (a->bytes.value >> 8 * i >> (4 - 4 * shift) & 15);
            int y = (int) (b->bytes.value >> 8 * i >> (4 - 4 * shift) & 15);

            if (x != y) {
                return x - y;
            }
        }
    }
    return (a->id > b->id) - (a->id < b->id);
}

/* A bucket while they are made: members 'first' to next->first - 1, which cost 'alone'; with
 * those of the next bucket they would cost 'joined'. */
struct bucket {
    uint32_t first;
    double alone, joined;
};

static void price(const struct member *members, struct bucket *b, size_t i, size_t n)
{
    b[i].alone = bucket_cost(members + b[i].first, b[i + 1].first - b[i].first);
    if (i + 1 < n) {
        b[i].joined = bucket_cost(members + b[i].first, b[i + 2].first - b[i].first);
    }
}

/* Each literal begins as a bucket of its own; those two neighbours become one that cost least
 * together, until there are few enough.  Returns how many; one more says where they end. */
static size_t make_buckets(const struct member *members, size_t n, struct bucket *b)
{
    size_t n_buckets = n;

    for (size_t i = 0; i <= n; i++) {
        b[i].first = (uint32_t) i;
    }
    for (size_t i = 0; i < n && n > BUCKETS; i++) {
        price(members, b, i, n);
    }
    while (n_buckets > BUCKETS) {
        size_t best = 0;
        double least = INFINITY;

        for (size_t i = 0; i + 1 < n_buckets; i++) {
            double cost = b[i].joined - b[i].alone - b[i + 1].alone;

            if (cost < least) {
                least = cost;
                best = i;
            }
        }
        memmove(&b[best + 1], &b[best + 2], (n_buckets - best - 1) * sizeof *b);
        n_buckets--;
        price(members, b, best, n_buckets);
        if (best > 0) {
            price(members, b, best - 1, n_buckets);
        }
    }
    return n_buckets;
}

static void fill_tables(struct teddy *t, unsigned bucket)
{
    struct nibbles nibbles = { 0 };

    for (uint32_t i = t->firsts[bucket]; i < t->firsts[bucket + 1]; i++) {
        const struct member *m = &t->members[i];
        unsigned hash = hash_of(m->bytes.value);

        add_nibbles(&nibbles, m);
        t->hashes[hash / 64] |= 1ull << hash % 64;
        t->short_buckets |= (m->behind < WINDOW ? 1u : 0) << bucket;
    }
    for (size_t i = 0; i < WINDOW; i++) {
        for (unsigned nibble = 0; nibble < 16; nibble++) {
            t->low[i][nibble] |= (uint8_t) ((nibbles.low[i] >> nibble & 1) << bucket);
            t->high[i][nibble] |= (uint8_t) ((nibbles.high[i] >> nibble & 1) << bucket);
        }
    }
}

struct teddy *teddy_create(const struct literal *literals, size_t n, unsigned first_id)
{
    if (n == 0 || n > TEDDY_MAX_LITERALS || !__builtin_cpu_supports("avx2")) {
        return NULL;
    }
    struct teddy *t = xcalloc(1, sizeof *t + n * sizeof t->members[0]);
    struct bucket buckets[TEDDY_MAX_LITERALS + 1];

    for (size_t i = 0; i < n; i++) {
        t->members[i] = make_member(&literals[i], first_id + (unsigned) i);
    }
    qsort(t->members, n, sizeof t->members[0], compare_members);
    size_t n_buckets = make_buckets(t->members, n, buckets);

    for (size_t i = 0; i <= BUCKETS; i++) {
        t->firsts[i] = buckets[i < n_buckets ? i : n_buckets].first;
    }
    for (unsigned i = 0; i < n_buckets; i++) {
        fill_tables(t, i);
    }
    return t;
}

void teddy_destroy(struct teddy *t)
{
    free(t);
}

/* ---- Looking ---- */

struct search {
    const struct teddy *teddy;
    struct slice bytes;
    literal_callback *callback;
    void *context;
};

static void compare_member(const struct search *s, const struct member *m, size_t at)
{
    const struct literal *l = &m->literal;

    if (at >= m->before && s->bytes.size - at >= m->behind
        && search_equal(s->bytes.bytes + at - m->before, l->bytes, l->size, l->nocase)) {
        s->callback(s->context, m->id, at + m->behind);
    }
}

/* The windows of 'buckets' may stand at 'at'. */
static void compare_buckets(const struct search *s, unsigned buckets, size_t at)
{
    const struct teddy *t = s->teddy;
    uint64_t value = 0;
    bool is_whole = s->bytes.size - at >= sizeof value;

    if (is_whole) {
        memcpy(&value, s->bytes.bytes + at, sizeof value);
        unsigned hash = hash_of(value);

        if ((t->hashes[hash / 64] >> hash % 64 & 1) == 0) {
            buckets &= t->short_buckets;
        }
    }
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned bucket = (unsigned) __builtin_ctz(buckets);

        for (uint32_t i = t->firsts[bucket]; i < t->firsts[bucket + 1]; i++) {
            const struct member *m = &t->members[i];

            if (!is_whole || (value & m->bytes.mask) == m->bytes.value) {
                compare_member(s, m, at);
            }
        }
    }
}

#define AVX2 __attribute__((target("avx2")))

struct tables {
    __m256i low[WINDOW], high[WINDOW];
};

AVX2 static __m256i load_table(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) table));
}

/* For each of 32 places the buckets whose window may begin there; reads WINDOW - 1 bytes more. */
AVX2 static inline __m256i pass(const struct tables *t, const uint8_t *bytes)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i result = _mm256_set1_epi8(-1);

    for (size_t i = 0; i < WINDOW; i++) {
        __m256i b = _mm256_loadu_si256((const __m256i *) (bytes + i));
        __m256i low = _mm256_and_si256(b, nibble);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(b, 4), nibble);

        result = _mm256_and_si256(result, _mm256_shuffle_epi8(t->low[i], low));
        result = _mm256_and_si256(result, _mm256_shuffle_epi8(t->high[i], high));
    }
    return result;
}

AVX2 static void compare_places(const struct search *s, __m256i passed, size_t at)
{
    uint8_t buckets[STEP];
    __m256i none = _mm256_cmpeq_epi8(passed, _mm256_setzero_si256());
    uint32_t places = ~(uint32_t) _mm256_movemask_epi8(none);

    _mm256_storeu_si256((__m256i *) buckets, passed);
    for (; places != 0; places &= places - 1) {
        unsigned place = (unsigned) __builtin_ctz(places);

        if (at + place < s->bytes.size) {
            compare_buckets(s, buckets[place], at + place);
        }
    }
}

AVX2 void teddy_find(const struct teddy *teddy, struct slice bytes, literal_callback *callback,
                     void *context)
{
    struct search search = { teddy, bytes, callback, context };
    uint8_t rest[2 * STEP + WINDOW] = { 0 };
    struct tables t;
    size_t at = 0;

    for (size_t i = 0; i < WINDOW; i++) {
        t.low[i] = load_table(teddy->low[i]);
        t.high[i] = load_table(teddy->high[i]);
    }
    for (; bytes.size - at >= STEP + WINDOW - 1; at += STEP) {
        __m256i passed = pass(&t, bytes.bytes + at);

        if (!_mm256_testz_si256(passed, passed)) {
            compare_places(&search, passed, at);
        }
    }
    /* Behind the end zeros stand for what is not asked about of short literals. */
    memcpy(rest, bytes.bytes + at, bytes.size - at);
    for (size_t i = 0; at + i < bytes.size; i += STEP) {
        __m256i passed = pass(&t, rest + i);

        if (!_mm256_testz_si256(passed, passed)) {
            compare_places(&search, passed, at + i);
        }
    }
}
