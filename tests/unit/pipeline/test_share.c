#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "sensor/decode/decode.h"
#include "sensor/pipeline/share.h"

#define N_PAIRS 16
#define FRAME_SIZE 60
#define BURST 64
#define TICK_NS (10 * NS_PER_MS)        /* Nothing hangs on its length. */

/* Frame 'number', an IPv4 packet of one of N_PAIRS address pairs, into FRAME_SIZE bytes. */
static struct frame make_frame(uint8_t *bytes, uint64_t number)
{
    memset(bytes, 0, FRAME_SIZE);
    bytes[12] = 0x08;
    bytes[14] = 0x45;
    bytes[26] = bytes[30] = 10;
    bytes[29] = (uint8_t) (number * 7 % N_PAIRS);
    memcpy(bytes + 40, &number, sizeof number);
    return (struct frame) { .bytes = bytes, .size = FRAME_SIZE, .wire_size = FRAME_SIZE,
                            .number = number, .link_type = LINK_ETHERNET };
}

/* Frames from 'number' on. */
struct burst {
    struct frame frames[BURST];
    uint8_t bytes[BURST][FRAME_SIZE];
};

static void make_burst(struct burst *b, uint64_t number, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        b->frames[i] = make_frame(b->bytes[i], number + i);
    }
}

/* The first number from 'number' on whose frame is 'worker's of 'n_workers'. */
static uint64_t number_of(unsigned worker, unsigned n_workers, uint64_t number)
{
    uint8_t bytes[FRAME_SIZE];
    struct frame f = make_frame(bytes, number);

    while (decode_address_pair_hash(&f) % n_workers != worker) {
        f = make_frame(bytes, ++number);
    }
    return number;
}

static void check_frame(const struct frame *f)
{
    assert_memory_equal(f->bytes + 40, &f->number, sizeof f->number);
}

/* Shares one frame, which is worker 1's of two, out as worker 0, whose turn it is to read. */
static void share_one(struct share *s, uint64_t *next)
{
    struct burst b;
    struct frame own[1];

    *next = number_of(1, 2, *next);
    make_burst(&b, (*next)++, 1);
    assert_int_equal(share_frames(s, 0, b.frames, 1, own), 0);
}

/* Takes all that is there for worker 1, in rising order; the number of frames. */
static size_t take_all(struct share *s)
{
    struct share_pack *pack;
    uint64_t last = 0;
    size_t n = 0;

    while (share_next(s, 1, 1, &pack) == SHARE_RUN) {
        for (size_t i = 0; i < pack->n; i++) {
            assert_true(pack->frames[i].number > last);
            last = pack->frames[i].number;
            check_frame(&pack->frames[i]);
        }
        n += pack->n;
        share_give_back(s, 1, pack);
    }
    return n;
}

static void own_frames_are_not_copied_and_the_others_go_their_way(void **state)
{
    struct share *s = share_create(2, false);
    struct share_pack *pack;
    struct frame own[BURST];
    struct burst b;

    (void) state;
    make_burst(&b, 1, BURST);
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    size_t n = share_frames(s, 0, b.frames, BURST, own);
    assert_in_range(n, 1, BURST - 1);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(own[i].bytes, b.bytes[own[i].number - 1]);
    }
    assert_int_equal(take_all(s), BURST - n);
    share_reading_done(s, false);
    share_destroy(s);
}

static void one_worker_reads_at_a_time(void **state)
{
    struct share *s = share_create(2, false);
    struct share_pack *pack;

    (void) state;
    assert_int_equal(share_next(s, 1, 0, &pack), SHARE_READ);
    assert_int_equal(share_next(s, 0, 1, &pack), SHARE_REST);
    share_reading_done(s, false);
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    assert_int_equal(share_next(s, 1, 1, &pack), SHARE_REST);
    share_reading_done(s, true);
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_END);
    assert_int_equal(share_next(s, 1, 0, &pack), SHARE_END);
    share_destroy(s);
}

/* What has been read before goes first, also if no pack was full. */
static void a_worker_reads_only_when_its_lane_is_empty(void **state)
{
    struct share *s = share_create(2, false);
    struct share_pack *first, *pack;
    uint64_t next = 1;

    (void) state;
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    share_one(s, &next);
    assert_int_equal(share_next(s, 1, 0, &first), SHARE_RUN);
    share_one(s, &next);
    share_one(s, &next);
    share_reading_done(s, false);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(share_next(s, 1, 0, &pack), SHARE_RUN);
        assert_int_equal(pack->n, 1);
        share_give_back(s, 1, pack);
    }
    share_give_back(s, 1, first);
    assert_int_equal(share_next(s, 1, 0, &pack), SHARE_READ);
    share_destroy(s);
}

/* The one that reads may rest in it, or wait for the time of the next frame. */
static void a_source_that_rests_keeps_no_frame_back(void **state)
{
    struct share *s = share_create(2, false);
    struct share_pack *pack;
    uint64_t next = 1;

    (void) state;
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    share_one(s, &next);
    share_one(s, &next);        /* Waits behind the first, ... */
    assert_int_equal(take_all(s), 2);   /* ... but not for what is not read yet. */
    share_destroy(s);
}

/* A look at a port may bring one frame.  A worker that is busy meanwhile finds them all. */
static void frames_in_ones_do_not_use_up_the_packs(void **state)
{
    struct share *s = share_create(2, true);
    struct share_pack *pack;
    uint64_t next = 1;

    (void) state;
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    for (unsigned i = 0; i < 1000; i++) {
        share_one(s, &next);
    }
    share_reading_done(s, false);
    assert_int_equal(share_dropped(s), 0);
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    assert_int_equal(take_all(s), 1000);
    share_destroy(s);
}

static void what_no_pack_holds_is_counted_live(void **state)
{
    struct share *s = share_create(2, true);
    struct share_pack *pack;
    uint64_t next = 1;

    (void) state;
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
        share_one(s, &next);
        share_reading_done(s, i == 9999);
    }
    size_t n = take_all(s);
    assert_true(n >= SHARE_PACK_FRAMES);
    assert_int_equal(n + share_dropped(s), 10000);
    share_destroy(s);
}

static void nobody_reads_a_replay_while_a_lane_has_no_room(void **state)
{
    struct share *s = share_create(2, false);
    struct share_pack *pack;
    uint64_t next = 1;
    size_t n = 0;

    (void) state;
    for (; share_next(s, 0, 1, &pack) == SHARE_READ; n++) {
        share_one(s, &next);
        share_reading_done(s, false);
    }
    assert_true(n > SHARE_PACK_FRAMES);
    assert_int_equal(share_next(s, 1, 0, &pack), SHARE_RUN);
    n -= pack->n;
    share_give_back(s, 1, pack);
    assert_int_equal(share_next(s, 0, 0, &pack), SHARE_READ);
    share_reading_done(s, true);
    assert_int_equal(take_all(s), n);
    assert_int_equal(share_dropped(s), 0);
    share_destroy(s);
}

/* ---- With threads ---- */

#define N_WORKERS 4
#define N_FRAMES 200000

struct run {
    struct share *share;
    uint64_t next;              /* Of who reads. */
};

struct thread {
    struct run *run;
    unsigned number;
    pthread_t thread;
    uint64_t n, last;
    bool is_ordered, is_whole;
};

static void run_frames(struct thread *t, const struct frame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        t->is_ordered &= frames[i].number > t->last;
        t->last = frames[i].number;
        t->is_whole &= decode_address_pair_hash(&frames[i]) % N_WORKERS == t->number
                       && memcmp(frames[i].bytes + 40, &t->last, sizeof t->last) == 0;
    }
    t->n += n;
}

static void read_burst(struct thread *t)
{
    struct run *run = t->run;
    struct frame own[BURST];
    struct burst b;
    size_t n = 1 + run->next % BURST;

    if (run->next >= N_FRAMES) {
        share_reading_done(run->share, true);
        return;
    }
    make_burst(&b, run->next + 1, n);
    run->next += n;
    n = share_frames(run->share, t->number, b.frames, n, own);
    share_reading_done(run->share, false);
    run_frames(t, own, n);
}

static void *run_thread(void *argument)
{
    struct thread *t = argument;
    struct share_pack *pack;
    enum share_turn turn;

    /* Half of them look up now and then, as where a source may rest. */
    while ((turn = share_next(t->run->share, t->number, t->number % 2 * TICK_NS, &pack))
           != SHARE_END) {
        if (turn == SHARE_RUN) {
            run_frames(t, pack->frames, pack->n);
            share_give_back(t->run->share, t->number, pack);
        } else if (turn == SHARE_READ) {
            read_burst(t);
        }
    }
    return NULL;
}

static void workers_that_read_in_turn_get_everything_in_order(void **state)
{
    struct run run = { .share = share_create(N_WORKERS, false) };
    struct thread threads[N_WORKERS];
    uint64_t n = 0;

    (void) state;
    for (unsigned i = 0; i < N_WORKERS; i++) {
        threads[i] = (struct thread) { .run = &run, .number = i, .is_ordered = true,
                                       .is_whole = true };
        assert_int_equal(pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]), 0);
    }
    for (unsigned i = 0; i < N_WORKERS; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_true(threads[i].is_ordered);
        assert_true(threads[i].is_whole);
        n += threads[i].n;
    }
    assert_int_equal(n, run.next);
    assert_int_equal(share_dropped(run.share), 0);
    share_destroy(run.share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_frames_are_not_copied_and_the_others_go_their_way),
        cmocka_unit_test(one_worker_reads_at_a_time),
        cmocka_unit_test(a_worker_reads_only_when_its_lane_is_empty),
        cmocka_unit_test(a_source_that_rests_keeps_no_frame_back),
        cmocka_unit_test(frames_in_ones_do_not_use_up_the_packs),
        cmocka_unit_test(what_no_pack_holds_is_counted_live),
        cmocka_unit_test(nobody_reads_a_replay_while_a_lane_has_no_room),
        cmocka_unit_test(workers_that_read_in_turn_get_everything_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
