#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/pipeline/share.h"

static struct frame frame_of(const uint8_t *bytes, uint32_t size, uint64_t number)
{
    return (struct frame) { .bytes = bytes, .size = size, .wire_size = size,
                            .number = number, .link_type = LINK_ETHERNET };
}

/* Takes all that is there without waiting long; the number of frames. */
static size_t take_all(struct share *s, uint64_t *next)
{
    struct share_pack *pack;
    bool timed_out;
    size_t n = 0;

    while ((pack = share_take(s, 0, 1000, &timed_out)) != NULL) {
        for (size_t i = 0; i < pack->n; i++) {
            assert_int_equal(pack->frames[i].number, (*next)++);
            assert_int_equal(pack->frames[i].bytes[0], pack->frames[i].number % 256);
        }
        n += pack->n;
        share_give_back(s, 0, pack);
    }
    return n;
}

/* A reader of a port flushes after every look at it, which may bring one frame.  A worker
 * that is busy for that long must find them all. */
static void frames_in_ones_do_not_use_up_the_packs(void **state)
{
    struct share *s = share_create(1, true);
    uint64_t next = 0;

    (void) state;
    for (uint64_t i = 0; i < 1000; i++) {
        const uint8_t bytes[60] = { (uint8_t) i };
        struct frame frame = frame_of(bytes, sizeof bytes, i);
        share_frame(s, &frame);
        share_flush(s);
    }
    assert_int_equal(share_dropped(s), 0);
    size_t n = take_all(s, &next);
    share_flush(s);
    n += take_all(s, &next);
    assert_int_equal(n, 1000);
    share_end(s);
    share_destroy(s);
}

static void what_no_pack_holds_is_counted_live(void **state)
{
    static const uint8_t bytes[60];
    struct share *s = share_create(1, true);
    struct frame frame = frame_of(bytes, sizeof bytes, 0);
    struct share_pack *pack;
    bool timed_out;
    size_t n = 0;

    (void) state;
    for (unsigned i = 0; i < 10000; i++) {
        share_frame(s, &frame);
    }
    share_end(s);
    while ((pack = share_take(s, 0, 0, &timed_out)) != NULL) {
        n += pack->n;
        share_give_back(s, 0, pack);
    }
    assert_true(n >= SHARE_PACK_FRAMES);
    assert_int_equal(n + share_dropped(s), 10000);
    share_destroy(s);
}

static void what_waits_is_handed_over_at_the_end(void **state)
{
    static const uint8_t bytes[60];
    struct share *s = share_create(1, true);
    struct frame frame = frame_of(bytes, sizeof bytes, 0);
    uint64_t next = 0;

    (void) state;
    share_frame(s, &frame);
    share_flush(s);
    frame.number = 256;
    share_frame(s, &frame);
    share_flush(s);             /* The first still waits. */
    share_end(s);
    struct share_pack *pack;
    bool timed_out;
    for (; (pack = share_take(s, 0, 0, &timed_out)) != NULL; next += pack->n) {
        share_give_back(s, 0, pack);
    }
    assert_false(timed_out);
    assert_int_equal(next, 2);
    share_destroy(s);
}

struct reader {
    struct share *share;
    unsigned n;
};

static void *read_frames(void *argument)
{
    const struct reader *r = argument;

    for (unsigned i = 0; i < r->n; i++) {
        const uint8_t bytes[60] = { (uint8_t) i };
        struct frame frame = frame_of(bytes, sizeof bytes, i);
        share_frame(r->share, &frame);
        if (i % 7 == 0) {
            share_flush(r->share);
        }
    }
    share_end(r->share);
    return NULL;
}

static void a_replay_drops_nothing_and_keeps_the_order(void **state)
{
    struct reader reader = { share_create(1, false), 50000 };
    struct share_pack *pack;
    pthread_t thread;
    bool timed_out;
    uint64_t next = 0;

    (void) state;
    assert_int_equal(pthread_create(&thread, NULL, read_frames, &reader), 0);
    while ((pack = share_take(reader.share, 0, 0, &timed_out)) != NULL) {
        for (size_t i = 0; i < pack->n; i++) {
            assert_int_equal(pack->frames[i].number, next++);
        }
        share_give_back(reader.share, 0, pack);
    }
    pthread_join(thread, NULL);
    assert_int_equal(next, reader.n);
    assert_int_equal(share_dropped(reader.share), 0);
    share_destroy(reader.share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_in_ones_do_not_use_up_the_packs),
        cmocka_unit_test(what_no_pack_holds_is_counted_live),
        cmocka_unit_test(what_waits_is_handed_over_at_the_end),
        cmocka_unit_test(a_replay_drops_nothing_and_keeps_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
