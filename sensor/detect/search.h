/* Finding one short pattern in a buffer: what confirms a candidate.  Pure functions. */
#ifndef CIVICSHIELD_DETECT_SEARCH_H
#define CIVICSHIELD_DETECT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEARCH_NONE SIZE_MAX

/* Offset of the first place where 'needle' stands in 'hay', or SEARCH_NONE.  With 'nocase'
 * ASCII letters of 'hay' are compared without case and 'needle' is in lower case.  An
 * empty needle is found at 0. */
size_t search_find(const uint8_t *hay, size_t hay_size, const uint8_t *needle, size_t size,
                   bool nocase);
/* Do 'size' bytes agree?  'needle' in lower case when 'nocase'. */
bool search_equal(const uint8_t *hay, const uint8_t *needle, size_t size, bool nocase);

static inline uint8_t search_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t) (c | 0x20) : c;
}

#endif
