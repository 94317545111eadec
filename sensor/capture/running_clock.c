#include "sensor/capture/running_clock.h"

static bool is_far_behind(uint64_t time_ns, uint64_t of_ns)
{
    return time_ns < of_ns && of_ns - time_ns > RUNNING_CLOCK_NEAR_NS;
}

static void advance(struct running_clock *c, uint64_t ns)
{
    uint64_t step = ns < RUNNING_CLOCK_MAX_STEP_NS ? ns : RUNNING_CLOCK_MAX_STEP_NS;

    c->now_ns += step < UINT64_MAX - c->now_ns ? step : UINT64_MAX - c->now_ns;
}

/* A timestamp of the clock that is followed. */
static void follow(struct running_clock *c, uint64_t time_ns)
{
    if (time_ns > c->newest_ns) {
        advance(c, time_ns - c->newest_ns);
        c->newest_ns = time_ns;
    }
    c->has_behind = false;
}

static void count_behind(struct running_clock *c, uint64_t time_ns)
{
    if (!c->has_behind || is_far_behind(time_ns, c->behind_last_ns)) {
        c->has_behind = true;
        c->behind_first_ns = c->behind_last_ns = time_ns;
    } else if (time_ns > c->behind_last_ns) {
        c->behind_last_ns = time_ns;
    }
    if (c->behind_last_ns - c->behind_first_ns >= RUNNING_CLOCK_PATIENCE_NS) {
        /* From here on.  What they have gone on for is not made up for: flows that spoke a
         * moment ago would seem to have been idle all that time. */
        c->newest_ns = c->behind_last_ns;
        c->has_behind = false;
    }
}

uint64_t running_clock_frame(struct running_clock *c, uint64_t time_ns)
{
    if (!c->is_started) {
        c->is_started = true;
        c->newest_ns = time_ns;
    }
    if (is_far_behind(c->newest_ns, time_ns)) {
        c->is_waiting = true;
        c->ahead_ns = time_ns;
    } else if (is_far_behind(time_ns, c->newest_ns)) {
        count_behind(c, time_ns);
    } else {
        follow(c, time_ns);
    }
    return c->now_ns;
}

uint64_t running_clock_settle(struct running_clock *c, uint64_t next_ns)
{
    uint64_t sure_ns = next_ns < c->ahead_ns ? next_ns : c->ahead_ns;

    if (c->is_waiting && sure_ns > c->newest_ns) {
        follow(c, sure_ns);
    }
    c->is_waiting = false;
    return c->now_ns;
}
