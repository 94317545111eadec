/* A worker: every stage of one thread, and the order in which a packet passes them. */
#ifndef CIVICSHIELD_PIPELINE_WORKER_H
#define CIVICSHIELD_PIPELINE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/app/app.h"
#include "sensor/decode/decode.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow_table.h"
#include "sensor/output/filestore.h"
#include "sensor/output/output.h"
#include "sensor/pipeline/settings.h"
#include "sensor/stream/stream.h"

/* Frames that are decoded before the one that passes the stages, so that the memory of
 * their flows is on its way: a power of two. */
#define WORKER_AHEAD 8

/* A frame's packets. */
struct worker_decoded {
    size_t n;
    struct packet packets[DECODE_MAX_PACKETS];
};

struct worker {
    unsigned number;
    struct decoder *decoder;
    struct flow_table *flows;
    struct stream_engine *streams;
    struct app_engine *apps;
    struct detect_worker *detect;
    struct output_worker *output;
    uint64_t now_ns;                    /* Running time of the newest frame so far. */
    uint64_t expired_ns;                /* When timeouts were last looked at, ... */
    bool is_expiring;                   /* ... and did not come to their end. */
    bool has_flow_ended;                /* Within the packet at hand. */
    _Atomic uint64_t frames_done;       /* For progress. */
    struct worker_decoded decoded[WORKER_AHEAD];        /* Of frame i: i % WORKER_AHEAD. */
};

/* What the workers of a run share, all of it immutable but 'hosts', 'output', 'files'. */
struct worker_shared {
    const struct settings *settings;
    const struct detect_engine *engine;
    struct host_table *hosts;
    struct output *output;
    struct file_store *files;           /* NULL: none are kept. */
    struct hash_seed seed;
};

/* False with a message in 'diag' when something is not to be had. */
bool worker_init(struct worker *, unsigned number, const struct worker_shared *,
                 struct diag *);
/* Frees; flows that are left end without being inspected or logged. */
void worker_fini(struct worker *);

/* The doors between which scripts/bench-gate counts instructions: never part of a caller. */
#define WORKER_DOOR __attribute__((noinline))

/* Frames through every stage, one after the other. */
WORKER_DOOR void worker_frames(struct worker *, const struct frame *frames, size_t n);
/* Ends what timed out by 'now_ns' of the running clock (struct frame's 'clock_ns'; live, that
 * is clock_monotonic_ns()); called about once a burst, cheap when nothing did.  'now_ns' may
 * be ahead of the newest frame. */
WORKER_DOOR void worker_expire(struct worker *, uint64_t now_ns);
/* The end of the run at 'now_ns': every flow ends, is inspected to the end and logged. */
WORKER_DOOR void worker_finish(struct worker *, uint64_t now_ns);

#endif
