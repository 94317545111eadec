#include "sensor/app/lossy.h"

#include "common/wire/json.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* The lowest and highest second byte that may follow 'first' (Unicode, table 3-7). */
static void second_range(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
}

/* Bytes of the character at 's', or of the part of one that is to be replaced as a whole. */
static size_t measure(struct slice s, bool *is_valid)
{
    uint8_t first = s.bytes[0], low, high;
    size_t size = first < 0x80                    ? 1
                  : first >= 0xc2 && first <= 0xdf ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;

    *is_valid = size == 1;
    if (size <= 1) {
        return 1;
    }
    second_range(first, &low, &high);
    for (size_t i = 1; i < size; i++) {
        if (i == s.size || s.bytes[i] < low || s.bytes[i] > high) {
            return i;
        }
        low = 0x80;
        high = 0xbf;
    }
    *is_valid = true;
    return size;
}

struct slice app_lossy(struct slice text, struct arena *arena)
{
    if (text.size == 0 || utf8_is_valid(text)) {
        return text;
    }
    uint8_t *out = arena_alloc(arena, text.size * (sizeof REPLACEMENT - 1));
    size_t n = 0;

    while (out != NULL && text.size != 0) {
        bool is_valid;
        size_t size = measure(text, &is_valid);
        size_t put = is_valid ? size : sizeof REPLACEMENT - 1;

        memcpy(out + n, is_valid ? (const void *) text.bytes : REPLACEMENT, put);
        n += put;
        text = slice_from(text, size);
    }
    return slice_of(out, n);
}
