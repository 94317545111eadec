/* Literals that may stand in one place only, most of them at the very start: an index by place
 * and first bytes finds them for a few instructions, where a scan would cost hundreds. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/detect/patterns_private.h"
#include "sensor/detect/search.h"

#define PAIR_BITS 4096u

/* The literals of one place. */
struct place {
    uint32_t at;
    uint64_t pairs[PAIR_BITS / 64];     /* Bit pair_of(first two bytes): one may begin so. */
    uint32_t firsts[257];       /* By first byte in lower case: where its literals begin. */
};

struct placed {
    struct literal_bytes bytes; /* Its first ones. */
    struct literal literal;
    unsigned id;
};

struct places {
    size_t n;
    struct place *places;
    struct placed *all;         /* By place, then by first byte. */
};

static unsigned pair_of(uint8_t first, uint8_t second)
{
    return ((unsigned) first << 4 ^ second) % PAIR_BITS;
}

static void mark_pair(struct place *p, uint8_t first, uint8_t second)
{
    unsigned pair = pair_of(first, second);

    p->pairs[pair / 64] |= 1ull << pair % 64;
}

/* All pairs of bytes that a literal may begin with; of one byte: any that follows it. */
static void mark(struct place *p, const struct literal *l)
{
    uint8_t firsts[2] = { l->bytes[0], literal_other_case(l, 0) };

    for (unsigned i = 0; i < 2; i++) {
        if (l->size > 1) {
            mark_pair(p, firsts[i], l->bytes[1]);
            mark_pair(p, firsts[i], literal_other_case(l, 1));
            continue;
        }
        for (unsigned second = 0; second < 256; second++) {
            mark_pair(p, firsts[i], (uint8_t) second);
        }
    }
}

static void fill_place(struct places *s, struct place *p, const struct literal *literals,
                       size_t n, unsigned first_id, uint32_t *at)
{
    for (unsigned first = 0; first < 256; first++) {
        p->firsts[first] = *at;
        for (size_t i = 0; i < n; i++) {
            if (literals[i].place == p->at && search_lower(literals[i].bytes[0]) == first) {
                s->all[(*at)++] = (struct placed) {
                    literal_bytes_from(&literals[i], 0), literals[i], first_id + (unsigned) i };
                mark(p, &literals[i]);
            }
        }
    }
    p->firsts[256] = *at;
}

struct places *places_create(const struct literal *literals, size_t n, unsigned first_id)
{
    struct places *s = xcalloc(1, sizeof *s);
    size_t cap = 0;
    uint32_t at = 0;

    s->all = xcalloc(n + 1, sizeof *s->all);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < s->n && s->places[k].at != literals[i].place) {
            k++;
        }
        if (k == s->n) {
            s->places = xgrow(s->places, s->n, &cap, sizeof *s->places);
            memset(&s->places[s->n], 0, sizeof s->places[s->n]);
            s->places[s->n].at = literals[i].place;
            fill_place(s, &s->places[s->n++], literals, n, first_id, &at);
        }
    }
    return s;
}

void places_destroy(struct places *s)
{
    if (s != NULL) {
        free(s->places);
        free(s->all);
        free(s);
    }
}

static void find_at(const struct places *s, const struct place *p, struct slice bytes,
                    size_t at, literal_callback *callback, void *context)
{
    const uint8_t *begin = bytes.bytes + at;
    size_t left = bytes.size - at;
    unsigned pair = pair_of(begin[0], left > 1 ? begin[1] : 0);
    unsigned first = search_lower(begin[0]);
    uint64_t value = 0;

    if ((p->pairs[pair / 64] >> pair % 64 & 1) == 0) {
        return;
    }
    memcpy(&value, begin, left < sizeof value ? left : sizeof value);
    for (uint32_t i = p->firsts[first]; i < p->firsts[first + 1]; i++) {
        const struct placed *m = &s->all[i];
        const struct literal *l = &m->literal;

        if ((value & m->bytes.mask) == m->bytes.value && l->size <= left
            && search_equal(begin, l->bytes, l->size, l->nocase)) {
            callback(context, m->id, at + l->size);
        }
    }
}

void places_find(const struct places *s, struct slice bytes, int64_t origin,
                 literal_callback *callback, void *context)
{
    for (size_t i = 0; i < s->n; i++) {
        int64_t at = origin + s->places[i].at;

        if (at >= 0 && (uint64_t) at < bytes.size) {
            find_at(s, &s->places[i], bytes, (size_t) at, callback, context);
        }
    }
}
