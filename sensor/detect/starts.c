/* Literals that may only stand at the very start of what is looked at: an index by their first
 * bytes finds them for a few instructions, where a scan would cost hundreds. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "sensor/detect/patterns_private.h"
#include "sensor/detect/search.h"

#define N_PAIRS 65536u

struct starts {
    uint64_t pairs[N_PAIRS / 64];       /* Bit first << 8 | second: a literal begins so. */
    uint32_t firsts[257];       /* By first byte in lower case: where its literals begin. */
    struct start {
        struct literal literal;
        unsigned id;
    } all[];                    /* In that order. */
};

static uint8_t upper_of(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t) (c - 0x20) : c;
}

static void mark_pair(struct starts *s, uint8_t first, uint8_t second)
{
    unsigned pair = (unsigned) first << 8 | second;

    s->pairs[pair / 64] |= 1ull << pair % 64;
}

/* All pairs of bytes that a literal may begin with; of one byte: any that follows it. */
static void mark(struct starts *s, const struct literal *l)
{
    uint8_t firsts[2] = { l->bytes[0], l->nocase ? upper_of(l->bytes[0]) : l->bytes[0] };

    for (unsigned i = 0; i < 2; i++) {
        if (l->size > 1) {
            mark_pair(s, firsts[i], l->bytes[1]);
            mark_pair(s, firsts[i], l->nocase ? upper_of(l->bytes[1]) : l->bytes[1]);
            continue;
        }
        for (unsigned second = 0; second < 256; second++) {
            mark_pair(s, firsts[i], (uint8_t) second);
        }
    }
}

struct starts *starts_create(const struct literal *literals, size_t n, unsigned first_id)
{
    struct starts *s = xcalloc(1, sizeof *s + n * sizeof s->all[0]);
    uint32_t at = 0;

    for (unsigned first = 0; first < 256; first++) {
        s->firsts[first] = at;
        for (size_t i = 0; i < n; i++) {
            if (search_lower(literals[i].bytes[0]) == first) {
                s->all[at++] = (struct start) { literals[i], first_id + (unsigned) i };
                mark(s, &literals[i]);
            }
        }
    }
    s->firsts[256] = at;
    return s;
}

void starts_destroy(struct starts *s)
{
    free(s);
}

void starts_find(const struct starts *s, struct slice bytes, start_callback *callback,
                 void *context)
{
    if (bytes.size == 0) {
        return;
    }
    unsigned second = bytes.size > 1 ? bytes.bytes[1] : 0;
    unsigned pair = (unsigned) bytes.bytes[0] << 8 | second, first = search_lower(bytes.bytes[0]);

    if ((s->pairs[pair / 64] >> pair % 64 & 1) == 0) {
        return;
    }
    for (uint32_t i = s->firsts[first]; i < s->firsts[first + 1]; i++) {
        const struct literal *l = &s->all[i].literal;

        if (l->size <= bytes.size && search_equal(bytes.bytes, l->bytes, l->size, l->nocase)) {
            callback(context, s->all[i].id, l->size);
        }
    }
}
