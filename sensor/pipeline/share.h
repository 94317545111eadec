/* Shares frames out to several workers, by outer address pair, so that both directions of a
 * flow, its fragments and its related ICMP meet one worker.
 *
 * No thread is there for reading: the worker that has nothing to do reads a burst, keeps its
 * own frames of it, and copies the others into packs on their workers' lanes.  So whoever has
 * the lighter share does more of the reading, and the worker that read last is never further
 * from reading again than its part of one burst.  Within a lane frames have the order of the
 * source: a worker reads only when its lane is empty, and one at a time.
 *
 * One lock for everything, taken a few times a burst, not a frame.  In replay nobody reads
 * while a lane has no free pack; live a frame that finds none is dropped and counted. */
#ifndef CIVICSHIELD_PIPELINE_SHARE_H
#define CIVICSHIELD_PIPELINE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/model/packet.h"

/* A burst that is shared out at once holds no more than a pack. */
#define SHARE_PACK_FRAMES 256
#define SHARE_PACK_BYTES (1u << 20)

struct share_pack {
    struct share_pack *next;
    size_t n, used;
    struct frame frames[SHARE_PACK_FRAMES];
    uint8_t bytes[SHARE_PACK_BYTES];
};

enum share_turn {
    SHARE_RUN,                  /* The frames of '*pack', then share_give_back(). */
    SHARE_READ,                 /* The source, then share_reading_done(). */
    SHARE_REST,                 /* Nothing came in time. */
    SHARE_END,                  /* Nothing any more. */
};

struct share;

struct share *share_create(unsigned n_workers, bool may_drop);
void share_destroy(struct share *);

/* What 'worker' is to do next, after sleeping for it; 'timeout_ns' > 0 bounds the sleep. */
enum share_turn share_next(struct share *, unsigned worker, uint64_t timeout_ns,
                           struct share_pack **pack);
void share_give_back(struct share *, unsigned worker, struct share_pack *);

/* For the worker whose turn it is to read: shares 'n' frames out, SHARE_PACK_FRAMES at most,
 * and puts those of its own into 'own', as they are, where there is room for 'n'; it runs
 * them before anything else.  Returns their number. */
size_t share_frames(struct share *, unsigned worker, const struct frame *frames, size_t n,
                    struct frame *own);
/* Another may read from now on, or, if it 'is_end', nobody: then the workers get what is left
 * on their lanes, and SHARE_END. */
void share_reading_done(struct share *, bool is_end);

/* Frames dropped because a worker had no free pack; when nobody reads. */
uint64_t share_dropped(const struct share *);

#endif
