/* What the clock of capture files makes of timestamps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/capture/running_clock.h"

#define START 1700000000
#define YEAR (365 * 86400)
#define MAX_FRAMES 12

/* Seconds of frames, then what the clock says to each; both end with the row's number. */
struct row {
    const char *name;
    unsigned n;
    int64_t times[MAX_FRAMES];
    uint64_t clock[MAX_FRAMES];
};

static const struct row rows[] = {
    { "it begins at 0 and goes as the frames go",
      4, { 0, 1, 5, 15 }, { 0, 1, 5, 15 } },
    { "a little out of order",
      5, { 0, 5, 3, 6, 5 }, { 0, 5, 5, 6, 6 } },
    { "frames far apart, each farther than the last",
      5, { 0, 60, 3600, 7200, 7201 }, { 0, 60, 3600, 7200, 7201 } },
    { "a gap at the end counts",
      3, { 0, 1, 3600 }, { 0, 1, 3600 } },
    { "one frame dated far ahead is passed over",
      5, { 0, 1, YEAR, 2, 40 }, { 0, 1, 2, 2, 40 } },
    { "two that are dated ahead each on its own",
      6, { 0, 1, YEAR, 2, 2 * YEAR, 3 }, { 0, 1, 2, 2, 3, 3 } },
    { "one behind the other, the nearer one is the clock",
      5, { 0, 1, YEAR, 500, 501 }, { 0, 1, 500, 500, 501 } },
    { "behind a gap, the first two in disorder",
      5, { 0, 1, 3617, 3600, 3620 }, { 0, 1, 3600, 3600, 3620 } },
    { "a gap longer than any timeout",
      3, { 0, YEAR, YEAR + 1 }, { 0, 11 * 86400, 11 * 86400 + 1 } },
    { "the clock is set back by a day: it stands, then follows",
      7, { 100000, 100001, 10000, 10300, 10599, 10600, 10605 }, { 0, 1, 1, 1, 1, 1, 6 } },
    { "set back once more before it is followed",
      7, { 100000, 10000, 10500, 2000, 2500, 2600, 2607 }, { 0, 0, 0, 0, 0, 0, 7 } },
    { "set back by less than its patience: it waits until it is there again",
      5, { 1000, 900, 980, 995, 1002 }, { 0, 0, 0, 0, 2 } },
    { "two clocks in one capture: the one ahead is followed",
      8, { 100000, 10000, 100005, 10005, 100010, 10010, 100011, 10011 },
      { 0, 0, 5, 5, 10, 10, 11, 11 } },
    { "the same, and that one alone rests for longer than its patience",
      6, { 100000, 10000, 10300, 10600, 10610, 100605 }, { 0, 0, 0, 0, 10, 90005 } },
    { "the first frame is the stray",
      5, { 100000, 0, 300, 600, 607 }, { 0, 0, 0, 0, 7 } },
};

/* As capture reads: a frame is given its time when the next is known. */
static void run(const uint64_t *times_ns, unsigned n, uint64_t *clock_ns)
{
    struct running_clock c = { 0 };

    for (unsigned i = 0; i < n; i++) {
        clock_ns[i] = running_clock_frame(&c, times_ns[i]);
        if (c.is_waiting) {
            clock_ns[i] = running_clock_settle(&c, i + 1 < n ? times_ns[i + 1] : UINT64_MAX);
        }
        assert_false(c.is_waiting);
        assert_true(i == 0 || clock_ns[i] >= clock_ns[i - 1]);
    }
}

static void it_follows_what_is_not_a_stray(void **state)
{
    (void) state;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        uint64_t times_ns[MAX_FRAMES], clock_ns[MAX_FRAMES];

        for (unsigned i = 0; i < rows[k].n; i++) {
            times_ns[i] = (uint64_t) (START + rows[k].times[i]) * NS_PER_SEC;
        }
        run(times_ns, rows[k].n, clock_ns);
        for (unsigned i = 0; i < rows[k].n; i++) {
            if (clock_ns[i] != rows[k].clock[i] * NS_PER_SEC) {
                fail_msg("%s: frame %u: %llu ns", rows[k].name, i,
                         (unsigned long long) clock_ns[i]);
            }
        }
    }
}

static void no_timestamp_makes_it_wrap(void **state)
{
    uint64_t times_ns[6] = { 0, UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 1 }, clock_ns[6];
    struct running_clock c = { .now_ns = UINT64_MAX - 5, .is_started = true };

    (void) state;
    run(times_ns, 6, clock_ns);
    assert_int_equal(clock_ns[5], RUNNING_CLOCK_MAX_STEP_NS);
    assert_int_equal(running_clock_frame(&c, 4), UINT64_MAX - 1);
    assert_int_equal(running_clock_frame(&c, 9), UINT64_MAX);
    assert_int_equal(running_clock_frame(&c, 20), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_what_is_not_a_stray),
        cmocka_unit_test(no_timestamp_makes_it_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
