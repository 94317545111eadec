#include "sensor/detect/search.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool search_equal(const uint8_t *hay, const uint8_t *needle, size_t size, bool nocase)
{
    if (!nocase) {
        return memcmp(hay, needle, size) == 0;
    }
    for (size_t i = 0; i < size; i++) {
        if (search_lower(hay[i]) != needle[i]) {
            return false;
        }
    }
    return true;
}

static uint8_t upper_of(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t) (c & ~0x20) : c;
}

#ifdef __SSE2__
/* Which of the 16 bytes at 'at' are 'low' or 'up'?  One bit each. */
static inline __m128i either(const uint8_t *at, __m128i low, __m128i up)
{
    __m128i block = _mm_loadu_si128((const __m128i *) (const void *) at);

    return _mm_or_si128(_mm_cmpeq_epi8(block, low), _mm_cmpeq_epi8(block, up));
}

/* Looks at 16 places at once and compares only where first and last byte both fit. */
static size_t find_block(const uint8_t *hay, size_t hay_size, const uint8_t *needle,
                         size_t size, bool nocase, size_t *done)
{
    uint8_t first = needle[0], last = needle[size - 1];
    __m128i first_low = _mm_set1_epi8((char) first);
    __m128i last_low = _mm_set1_epi8((char) last);
    __m128i first_up = nocase ? _mm_set1_epi8((char) upper_of(first)) : first_low;
    __m128i last_up = nocase ? _mm_set1_epi8((char) upper_of(last)) : last_low;
    size_t at = 0;

    for (; hay_size >= size + 15 && at <= hay_size - size - 15; at += 16) {
        unsigned places = (unsigned) _mm_movemask_epi8(
            _mm_and_si128(either(hay + at, first_low, first_up),
                          either(hay + at + size - 1, last_low, last_up)));

        while (places != 0) {
            size_t place = at + (size_t) __builtin_ctz(places);

            if (search_equal(hay + place, needle, size, nocase)) {
                return place;
            }
            places &= places - 1;
        }
    }
    *done = at;
    return SEARCH_NONE;
}
#endif

size_t search_find(const uint8_t *hay, size_t hay_size, const uint8_t *needle, size_t size,
                   bool nocase)
{
    size_t at = 0;

    if (size == 0) {
        return 0;
    }
    if (hay_size < size) {
        return SEARCH_NONE;
    }
#ifdef __SSE2__
    size_t found = find_block(hay, hay_size, needle, size, nocase, &at);

    if (found != SEARCH_NONE) {
        return found;
    }
#endif
    uint8_t low = needle[0], up = nocase ? upper_of(low) : low;

    for (; at <= hay_size - size; at++) {
        if ((hay[at] == low || hay[at] == up)
            && search_equal(hay + at, needle, size, nocase)) {
            return at;
        }
    }
    return SEARCH_NONE;
}
