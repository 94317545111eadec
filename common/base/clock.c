#include "common/base/clock.h"

#include <stdio.h>

/* Civil date of a day number since 1970-01-01, by 400-year eras of 146,097 days that
 * begin on 1 March, so that the leap day is the last of its year. */
static void date_of_day(uint64_t day, unsigned *year, unsigned *month, unsigned *mday)
{
    uint64_t z = day + 719468;
    uint64_t era = z / 146097;
    unsigned doe = (unsigned) (z % 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;

    *mday = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (unsigned) (yoe + era * 400) + (*month <= 2);
}

static char *put_digits(char *at, unsigned value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        at[i] = (char) ('0' + value % 10);
        value /= 10;
    }
    return at + n;
}

size_t clock_format_utc(uint64_t wall_ns, int digits, const char *suffix, char *out)
{
    uint64_t seconds = wall_ns / NS_PER_SEC;
    unsigned ns = (unsigned) (wall_ns % NS_PER_SEC), second = (unsigned) (seconds % 86400);
    unsigned year, month, day;
    char *at = out;

    date_of_day(seconds / 86400, &year, &month, &day);
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, second / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second % 60, 2);
    *at++ = '.';
    at = put_digits(at, digits == 9 ? ns : digits == 6 ? ns / 1000 : ns / 1000000,
                    digits == 9 ? 9 : digits == 6 ? 6 : 3);
    while (*suffix != '\0' && at < out + CLOCK_TEXT_SIZE - 1) {
        *at++ = *suffix++;
    }
    *at = '\0';
    return (size_t) (at - out);
}
