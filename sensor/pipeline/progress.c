#include "sensor/pipeline/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"

#define EVERY_NS (NS_PER_SEC / 2)

void progress_begin(struct progress *p, bool quiet)
{
    *p = (struct progress) { .is_shown = !quiet && isatty(STDERR_FILENO) == 1,
                             .began_ns = clock_monotonic_ns() };
    p->shown_ns = p->began_ns;
}

bool progress_is_due(const struct progress *p)
{
    return p->is_shown && clock_monotonic_ns() - p->shown_ns >= EVERY_NS;
}

void progress_show(struct progress *p, const struct capture_stats *stats)
{
    uint64_t now = clock_monotonic_ns();
    double seconds = (double) (now - p->shown_ns) / (double) NS_PER_SEC;
    double rate = (double) (stats->frames - p->frames_before) / seconds;
    double done = stats->file_bytes_total != 0
                      ? (double) stats->file_bytes_read / (double) stats->file_bytes_total
                      : 0;

    p->rate = p->frames_before == 0 ? rate : 0.7 * p->rate + 0.3 * rate;
    p->frames_before = stats->frames;
    p->shown_ns = now;
    fprintf(stderr, "\r%12" PRIu64 " packets  %9.0f/s", stats->frames, p->rate);
    if (done > 0 && done <= 1) {
        double elapsed = (double) (now - p->began_ns) / (double) NS_PER_SEC;
        uint64_t left = (uint64_t) (elapsed / done - elapsed + 0.5);
        fprintf(stderr, "  %3.0f%%  %" PRIu64 ":%02" PRIu64 " left ", done * 100, left / 60,
                left % 60);
    }
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->is_shown && p->frames_before != 0) {
        fputs("\r\033[K", stderr);
    }
}
