/* Short texts that events have by the thousand; printf takes ten times as long. */
#ifndef CIVICSHIELD_APP_TEXT_H
#define CIVICSHIELD_APP_TEXT_H

#include "common/base/arena.h"

#define APP_NUMBER_MAX 10               /* Digits of the largest number. */

/* Writes a number in base 10 or 16 (small letters), without an end; returns its digits. */
size_t app_put_number(char *to, uint32_t value, unsigned base);
/* 'prefix' (of 6 characters at most) and a number. */
struct slice app_number_text(const char *prefix, uint32_t value, unsigned base,
                             struct arena *);
/* "12345678-90ab-cdef-1234-567890abcdef", the bytes in the order given. */
struct slice app_uuid_text(const uint8_t uuid[16], struct arena *);

#endif
