/* Time as nanoseconds in 64 bits.  Detection takes its time from packets; these are for
 * the rest: progress, timeouts of connections, live capture. */
#ifndef CIVICSHIELD_BASE_CLOCK_H
#define CIVICSHIELD_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

static inline uint64_t clock_read_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t) ts.tv_sec * NS_PER_SEC + (uint64_t) ts.tv_nsec;
}

static inline uint64_t clock_wall_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

static inline uint64_t clock_monotonic_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* RFC 3339 in UTC: "2026-01-31T23:59:59.123456Z" with 'digits' (3, 6 or 9) of fraction.
 * 'out' has room for CLOCK_TEXT_SIZE bytes; returns the length without the NUL. */
#define CLOCK_TEXT_SIZE 40
size_t clock_format_utc(uint64_t wall_ns, int digits, const char *suffix, char *out);

#endif
