/* The running clock of capture files: how much time has passed, made of timestamps that
 * come as they come.  Everything that waits (idle flows, fragments) waits by it, so it must
 * go on when a capture's own clock is set back, and no single timestamp may move it far.
 *
 * It follows the timestamps: as far as the newest goes ahead, so far it goes on.  A frame
 * that is dated more than RUNNING_CLOCK_NEAR_NS ahead may be a stray: it counts as far as the
 * next frame goes along with it.  Frames that are dated more than
 * that behind are older ones that come late (two clocks in one capture, files in another
 * order): the clock stands meanwhile.  When they have themselves gone on for
 * RUNNING_CLOCK_PATIENCE_NS and none has come that is near the newest, the capture's clock
 * was set back, and they are followed from then on.
 *
 * What comes out hangs on the sequence of timestamps alone.  Not thread-safe. */
#ifndef CIVICSHIELD_CAPTURE_RUNNING_CLOCK_H
#define CIVICSHIELD_CAPTURE_RUNNING_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/clock.h"

#define RUNNING_CLOCK_NEAR_NS (10 * NS_PER_SEC)
/* As long as the longest idle timeout that is set unless one says otherwise. */
#define RUNNING_CLOCK_PATIENCE_NS (600 * NS_PER_SEC)
/* More than the longest timeout that can be set: a longer gap says no more than this one,
 * and would bring the clock nearer to its end. */
#define RUNNING_CLOCK_MAX_STEP_NS (11 * 86400 * NS_PER_SEC)

/* All zero before the first frame. */
struct running_clock {
    uint64_t now_ns;            /* Since the first frame; never goes back. */
    uint64_t newest_ns;         /* Timestamp that is followed. */
    uint64_t ahead_ns;          /* Of the last frame, which is far ahead, if ... */
    bool is_waiting;            /* ... the next one is to say whether it counts. */
    bool is_started, has_behind;
    uint64_t behind_first_ns, behind_last_ns;   /* Of the frames far behind. */
};

/* The time that has run when a frame of 'time_ns' is read; if the clock is waiting then,
 * running_clock_settle() has the last word on it, and must be called before the next. */
uint64_t running_clock_frame(struct running_clock *, uint64_t time_ns);
/* The same for a frame that the clock is waiting for, now that the next is known to be of
 * 'next_ns'; UINT64_MAX: there is none, so it counts whole. */
uint64_t running_clock_settle(struct running_clock *, uint64_t next_ns);

#endif
