/* Shares frames out from one reading thread to several workers, by outer address pair, so
 * that both directions of a flow, its fragments and its related ICMP meet one worker.
 *
 * Frames are copied into packs, a pack is handed over when it is full or when the reader
 * says so.  One lock a pack, none a frame.  In replay the reader waits for a free pack;
 * live it drops the frame and counts it. */
#ifndef CIVICSHIELD_PIPELINE_SHARE_H
#define CIVICSHIELD_PIPELINE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/model/packet.h"

#define SHARE_PACK_FRAMES 256
#define SHARE_PACK_BYTES (512u * 1024u)     /* At least one frame of the largest size. */

struct share_pack {
    struct share_pack *next;
    size_t n, used;
    struct frame frames[SHARE_PACK_FRAMES];
    uint8_t bytes[SHARE_PACK_BYTES];
};

struct share;

struct share *share_create(unsigned n_workers, bool may_drop);
void share_destroy(struct share *);

/* Reader's side. */
void share_frame(struct share *, const struct frame *);
/* Hands over what is there, full or not; live only where the worker has nothing to do yet:
 * to be called again, so that it gets the rest in its turn. */
void share_flush(struct share *);
/* Nothing follows: workers get what is left, then NULL. */
void share_end(struct share *);

/* Worker's side: the next pack, after sleeping for it; NULL at the end.  'timeout_ns' > 0
 * bounds the sleep: then '*timed_out' tells a NULL that is no end. */
struct share_pack *share_take(struct share *, unsigned worker, uint64_t timeout_ns,
                              bool *timed_out);
void share_give_back(struct share *, unsigned worker, struct share_pack *);

/* Frames dropped because a worker had no free pack. */
uint64_t share_dropped(const struct share *);

#endif
