/* The line that tells a person how far a replay is; only where standard error is a
 * terminal. */
#ifndef CIVICSHIELD_PIPELINE_PROGRESS_H
#define CIVICSHIELD_PIPELINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sensor/capture/capture.h"

struct progress {
    bool is_shown;
    uint64_t began_ns, shown_ns, frames_before;
    double rate;                /* Frames a second, smoothed. */
};

void progress_begin(struct progress *, bool quiet);
bool progress_is_due(const struct progress *);
void progress_show(struct progress *, const struct capture_stats *);
/* Clears the line. */
void progress_end(struct progress *);

#endif
