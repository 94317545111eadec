/* Decimal digits, two at a time, for text that is written for each event. */
#ifndef CIVICSHIELD_BASE_DIGITS_H
#define CIVICSHIELD_BASE_DIGITS_H

#include <stdint.h>
#include <string.h>

/* "00" to "99". */
extern const char digit_pairs[201];

#define DIGITS_U64 20           /* Of the largest number of 64 bits. */

/* Two digits of 'value', which is below 100, at 'at'; returns where they end. */
static inline char *digits_pair(char *at, unsigned value)
{
    memcpy(at, digit_pairs + 2 * value, 2);
    return at + 2;
}

/* The digits of 'value', at most DIGITS_U64, at 'at'; returns where they end. */
char *digits_u64(char *at, uint64_t value);

#endif
