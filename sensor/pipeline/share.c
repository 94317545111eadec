#include "sensor/pipeline/share.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "sensor/decode/decode.h"

/* Packs of one worker: enough that one with a heavy burst of its own keeps the others going. */
#define PACKS_PER_WORKER 8

/* Under the lock, all of it, but for 'filling' while frames are shared out. */
struct lane {
    struct share_pack *full_head, *full_tail, *empty;
    struct share_pack *filling;         /* NULL, or at least a frame is in it. */
};

struct share {
    unsigned n_lanes;
    bool may_drop;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_reading;            /* A worker has the turn to read ... */
    bool is_sharing;            /* ... and is sharing out: 'filling' is its alone. */
    bool is_ended;
    uint64_t dropped;           /* By who reads. */
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
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (unsigned i = 0; i < n_workers; i++) {
        for (unsigned k = 0; k < PACKS_PER_WORKER; k++) {
            struct share_pack *pack = xmalloc(sizeof *pack);
            pack->next = s->lanes[i].empty;
            s->lanes[i].empty = pack;
        }
    }
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
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->lanes);
    free(s);
}

/* ---- A worker's turn; all under the lock ---- */

/* A pack to run: with nothing else to do, also one that is not full. */
static struct share_pack *take_pack(const struct share *s, struct lane *lane)
{
    struct share_pack *pack = lane->full_head;

    if (pack != NULL) {
        lane->full_head = pack->next;
    } else if (!s->is_sharing) {
        pack = lane->filling;
        lane->filling = NULL;
    }
    return pack;
}

/* A burst takes one free pack of each lane at most. */
static bool may_read(const struct share *s)
{
    bool has_room = true;

    for (unsigned i = 0; i < s->n_lanes && !s->may_drop; i++) {
        has_room &= s->lanes[i].empty != NULL;
    }
    return !s->is_reading && has_room;
}

/* False when the time is up: 'until' is NULL for one without end. */
static bool sleep_until(struct share *s, const struct timespec *until)
{
    int err = until != NULL ? pthread_cond_timedwait(&s->changed, &s->lock, until)
                            : pthread_cond_wait(&s->changed, &s->lock);

    return err == 0;
}

static enum share_turn find_turn(struct share *s, struct lane *lane, struct share_pack **pack)
{
    *pack = take_pack(s, lane);
    if (*pack != NULL) {
        return SHARE_RUN;
    }
    if (s->is_ended) {
        return SHARE_END;
    }
    if (may_read(s)) {
        s->is_reading = true;
        return SHARE_READ;
    }
    return SHARE_REST;
}

enum share_turn share_next(struct share *s, unsigned worker, uint64_t timeout_ns,
                           struct share_pack **pack)
{
    struct lane *lane = &s->lanes[worker];
    struct timespec until;
    enum share_turn turn;

    if (timeout_ns != 0) {
        uint64_t at = clock_monotonic_ns() + timeout_ns;
        until.tv_sec = (time_t) (at / NS_PER_SEC);
        until.tv_nsec = (long) (at % NS_PER_SEC);
    }
    pthread_mutex_lock(&s->lock);
    do {
        turn = find_turn(s, lane, pack);
    } while (turn == SHARE_REST && sleep_until(s, timeout_ns != 0 ? &until : NULL));
    pthread_mutex_unlock(&s->lock);
    return turn;
}

void share_give_back(struct share *s, unsigned worker, struct share_pack *pack)
{
    struct lane *lane = &s->lanes[worker];

    pthread_mutex_lock(&s->lock);
    pack->next = lane->empty;
    lane->empty = pack;
    if (pack->next == NULL) {           /* Somebody may have waited for one to read. */
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- Sharing out ---- */

/* Under the lock. */
static void hand_over(struct share *s, struct lane *lane)
{
    struct share_pack *pack = lane->filling;

    lane->filling = NULL;
    pack->next = NULL;
    if (lane->full_head == NULL) {
        lane->full_head = pack;
        pthread_cond_broadcast(&s->changed);
    } else {
        lane->full_tail->next = pack;
    }
    lane->full_tail = pack;
}

/* The pack to which a frame goes, another one if that is full; NULL if there is none. */
static struct share_pack *choose_pack(struct share *s, struct lane *lane, uint32_t size)
{
    struct share_pack *pack = lane->filling;

    if (pack != NULL && pack->n < SHARE_PACK_FRAMES && size <= SHARE_PACK_BYTES - pack->used) {
        return pack;
    }
    pthread_mutex_lock(&s->lock);
    if (pack != NULL) {
        hand_over(s, lane);
    }
    pack = lane->empty;
    if (pack != NULL) {
        lane->empty = pack->next;
        pack->n = pack->used = 0;
    }
    lane->filling = pack;
    pthread_mutex_unlock(&s->lock);
    return pack;
}

static void add_frame(struct share *s, struct lane *lane, const struct frame *frame)
{
    struct share_pack *pack = choose_pack(s, lane, frame->size);

    if (pack == NULL) {
        s->dropped++;
        return;
    }
    struct frame *copy = &pack->frames[pack->n++];
    *copy = *frame;
    copy->handle = NULL;
    copy->bytes = memcpy(pack->bytes + pack->used, frame->bytes, frame->size);
    pack->used += frame->size;
}

size_t share_frames(struct share *s, unsigned worker, const struct frame *frames, size_t n,
                    struct frame *own)
{
    size_t n_own = 0;

    pthread_mutex_lock(&s->lock);
    s->is_sharing = true;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        unsigned to = decode_address_pair_hash(&frames[i]) % s->n_lanes;
        if (to == worker) {
            own[n_own++] = frames[i];
        } else {
            add_frame(s, &s->lanes[to], &frames[i]);
        }
    }
    pthread_mutex_lock(&s->lock);
    s->is_sharing = false;
    /* Who has something to do gets the rest when that is done: each pack that is handed over,
     * however little is in it, leaves one less to fill. */
    for (unsigned i = 0; i < s->n_lanes; i++) {
        if (s->lanes[i].filling != NULL && s->lanes[i].full_head == NULL) {
            hand_over(s, &s->lanes[i]);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return n_own;
}

void share_reading_done(struct share *s, bool is_end)
{
    pthread_mutex_lock(&s->lock);
    s->is_reading = false;
    s->is_ended = is_end;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

uint64_t share_dropped(const struct share *s)
{
    return s->dropped;
}
