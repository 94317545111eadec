#include "sensor/app/text.h"

#include <string.h>

#define MAX_PREFIX 6

static const char digits[] = "0123456789abcdef";

size_t app_put_number(char *to, uint32_t value, unsigned base)
{
    char text[APP_NUMBER_MAX];
    size_t at = sizeof text;

    do {
        text[--at] = digits[base == 16 ? value % 16 : value % 10];
        value = base == 16 ? value / 16 : value / 10;
    } while (value != 0);
    memcpy(to, text + at, sizeof text - at);
    return sizeof text - at;
}

struct slice app_number_text(const char *prefix, uint32_t value, unsigned base,
                             struct arena *arena)
{
    char text[MAX_PREFIX + APP_NUMBER_MAX];
    size_t size = strnlen(prefix, MAX_PREFIX);

    memcpy(text, prefix, size);
    size += app_put_number(text + size, value, base);
    return arena_copy(arena, text, size);
}

struct slice app_uuid_text(const uint8_t uuid[16], struct arena *arena)
{
    char text[36];
    size_t at = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[uuid[i] >> 4];
        text[at++] = digits[uuid[i] & 15];
    }
    return arena_copy(arena, text, sizeof text);
}
