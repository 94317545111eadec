#include "sensor/pipeline/share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "sensor/decode/decode.h"

/* Packs of one worker: enough that reader and worker need not wait for each other. */
#define PACKS_PER_WORKER 8

struct lane {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct share_pack *full_head, *full_tail, *empty;   /* Under the lock. */
    bool is_ended;                                      /* Under the lock. */
    struct share_pack *filling;                         /* The reader's. */
};

struct share {
    unsigned n_lanes;
    bool may_drop;
    _Atomic uint64_t dropped;
    struct lane *lanes;
};

struct share *share_create(unsigned n_workers, bool may_drop)
{
    struct share *s = xcalloc(1, sizeof *s);
    pthread_condattr_t attributes;

    s->n_lanes = n_workers;
    s->may_drop = may_drop;
    s->lanes = xcalloc(n_workers, sizeof *s->lanes);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (unsigned i = 0; i < n_workers; i++) {
        struct lane *lane = &s->lanes[i];
        pthread_mutex_init(&lane->lock, NULL);
        pthread_cond_init(&lane->changed, &attributes);
        for (unsigned k = 0; k < PACKS_PER_WORKER; k++) {
            struct share_pack *pack = xmalloc(sizeof *pack);
            pack->next = lane->empty;
            lane->empty = pack;
        }
    }
    pthread_condattr_destroy(&attributes);
    return s;
}

static void free_packs(struct share_pack *pack)
{
    while (pack != NULL) {
        struct share_pack *next = pack->next;
        free(pack);
        pack = next;
    }
}

void share_destroy(struct share *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->n_lanes; i++) {
        free_packs(s->lanes[i].full_head);
        free_packs(s->lanes[i].empty);
        free(s->lanes[i].filling);
        pthread_cond_destroy(&s->lanes[i].changed);
        pthread_mutex_destroy(&s->lanes[i].lock);
    }
    free(s->lanes);
    free(s);
}

static void hand_over(struct lane *lane)
{
    struct share_pack *pack = lane->filling;

    lane->filling = NULL;
    pack->next = NULL;
    pthread_mutex_lock(&lane->lock);
    if (lane->full_head == NULL) {
        lane->full_head = pack;
    } else {
        lane->full_tail->next = pack;
    }
    lane->full_tail = pack;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

/* An empty pack to fill; NULL when there is none and frames may be dropped. */
static struct share_pack *take_empty(const struct share *s, struct lane *lane)
{
    struct share_pack *pack;

    pthread_mutex_lock(&lane->lock);
    while (lane->empty == NULL && !s->may_drop) {
        pthread_cond_wait(&lane->changed, &lane->lock);
    }
    pack = lane->empty;
    if (pack != NULL) {
        lane->empty = pack->next;
        pack->n = pack->used = 0;
    }
    pthread_mutex_unlock(&lane->lock);
    return pack;
}

void share_frame(struct share *s, const struct frame *frame)
{
    struct lane *lane = &s->lanes[decode_address_pair_hash(frame) % s->n_lanes];
    struct share_pack *pack = lane->filling;

    if (pack != NULL
        && (pack->n == SHARE_PACK_FRAMES || frame->size > SHARE_PACK_BYTES - pack->used)) {
        hand_over(lane);
        pack = NULL;
    }
    if (pack == NULL) {
        pack = lane->filling = take_empty(s, lane);
        if (pack == NULL) {
            s->dropped++;
            return;
        }
    }
    struct frame *copy = &pack->frames[pack->n++];
    *copy = *frame;
    copy->handle = NULL;
    copy->bytes = pack->bytes + pack->used;
    memcpy(pack->bytes + pack->used, frame->bytes, frame->size);
    pack->used += frame->size;
}

/* Whether the worker has not even begun with what it was given last: then a pack that is
 * not full had better wait for more frames, since each that is handed over, however little
 * is in it, leaves one less to fill. */
static bool is_behind(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool result = lane->full_head != NULL;
    pthread_mutex_unlock(&lane->lock);
    return result;
}

void share_flush(struct share *s)
{
    for (unsigned i = 0; i < s->n_lanes; i++) {
        struct lane *lane = &s->lanes[i];

        if (lane->filling != NULL && !(s->may_drop && is_behind(lane))) {
            hand_over(lane);
        }
    }
}

void share_end(struct share *s)
{
    for (unsigned i = 0; i < s->n_lanes; i++) {
        if (s->lanes[i].filling != NULL) {
            hand_over(&s->lanes[i]);
        }
        pthread_mutex_lock(&s->lanes[i].lock);
        s->lanes[i].is_ended = true;
        pthread_cond_broadcast(&s->lanes[i].changed);
        pthread_mutex_unlock(&s->lanes[i].lock);
    }
}

struct share_pack *share_take(struct share *s, unsigned worker, uint64_t timeout_ns,
                              bool *timed_out)
{
    struct lane *lane = &s->lanes[worker];
    struct timespec until;
    struct share_pack *pack;
    int err = 0;

    if (timeout_ns != 0) {
        uint64_t at = clock_monotonic_ns() + timeout_ns;
        until.tv_sec = (time_t) (at / NS_PER_SEC);
        until.tv_nsec = (long) (at % NS_PER_SEC);
    }
    pthread_mutex_lock(&lane->lock);
    while (lane->full_head == NULL && !lane->is_ended && err == 0) {
        err = timeout_ns != 0
                  ? pthread_cond_timedwait(&lane->changed, &lane->lock, &until)
                  : pthread_cond_wait(&lane->changed, &lane->lock);
    }
    pack = lane->full_head;
    if (pack != NULL) {
        lane->full_head = pack->next;
    }
    *timed_out = pack == NULL && !lane->is_ended;
    pthread_mutex_unlock(&lane->lock);
    return pack;
}

void share_give_back(struct share *s, unsigned worker, struct share_pack *pack)
{
    struct lane *lane = &s->lanes[worker];

    pthread_mutex_lock(&lane->lock);
    pack->next = lane->empty;
    lane->empty = pack;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

uint64_t share_dropped(const struct share *s)
{
    return s->dropped;
}
