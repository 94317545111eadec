#include "common/base/clock.h"

#include "common/base/digits.h"

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

static char *put_time(char *at, unsigned second)
{
    at = digits_pair(at, second / 3600);
    *at++ = ':';
    at = digits_pair(at, second / 60 % 60);
    *at++ = ':';
    return digits_pair(at, second % 60);
}

/* The first 'n' digits of nine: 3, 6 or 9. */
static char *put_fraction(char *at, unsigned ns, int n)
{
    *at++ = (char) ('0' + ns / 100000000);
    at = digits_pair(at, ns / 1000000 % 100);
    if (n >= 6) {
        at = digits_pair(at, ns / 10000 % 100);
        *at++ = (char) ('0' + ns / 1000 % 10);
    }
    if (n == 9) {
        *at++ = (char) ('0' + ns / 100 % 10);
        at = digits_pair(at, ns % 100);
    }
    return at;
}

size_t clock_format_utc(uint64_t wall_ns, int digits, const char *suffix, char *out)
{
    uint64_t seconds = wall_ns / NS_PER_SEC;
    unsigned year, month, day;
    char *at = out;

    date_of_day(seconds / 86400, &year, &month, &day);
    at = digits_pair(at, year / 100);
    at = digits_pair(at, year % 100);
    *at++ = '-';
    at = digits_pair(at, month);
    *at++ = '-';
    at = digits_pair(at, day);
    *at++ = 'T';
    at = put_time(at, (unsigned) (seconds % 86400));
    *at++ = '.';
    at = put_fraction(at, (unsigned) (wall_ns % NS_PER_SEC), digits);
    while (*suffix != '\0' && at < out + CLOCK_TEXT_SIZE - 1) {
        *at++ = *suffix++;
    }
    *at = '\0';
    return (size_t) (at - out);
}
