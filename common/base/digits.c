#include "common/base/digits.h"

const char digit_pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

char *digits_u64(char *at, uint64_t value)
{
    char digits[DIGITS_U64];
    char *first = digits + sizeof digits;

    if (value < 10) {
        *at++ = (char) ('0' + value);
        return at;
    }
    while (value >= 10) {
        first -= 2;
        digits_pair(first, (unsigned) (value % 100));
        value /= 100;
    }
    if (value != 0) {
        *--first = (char) ('0' + value);
    }
    return mempcpy(at, first, (size_t) (digits + sizeof digits - first));
}
