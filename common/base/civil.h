/* Dates of the Gregorian calendar in UTC as seconds since 1970, without the time zone of
 * this machine and the lock of the C library's functions. */
#ifndef CIVICSHIELD_BASE_CIVIL_H
#define CIVICSHIELD_BASE_CIVIL_H

#include <stdint.h>

/* Year 0 to 9999, month 1 to 12, day 1 to 31; negative before 1970. */
static inline int64_t civil_seconds(int year, int month, int day, int hour, int minute,
                                    int second)
{
    /* The year begins in March: the leap day is its last, and the months before any month
     * have a number of days that is a straight line rounded down. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;

    return days * 86400 + hour * 3600 + minute * 60 + second;
}

#endif
