/* The ring between a worker and the uplink. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/transport/outbox.h"

#define SIZE (64u << 10)

static void check_outbox(const struct outbox *o)
{
    uint64_t head = atomic_load(&o->head), tail = atomic_load(&o->tail);

    assert_true(tail <= o->cursor);
    assert_true(o->cursor <= head);
    assert_true(o->cursor <= o->sent_end);
    assert_true(head - tail <= o->size);
}

/* A record whose content can be told from its number. */
static enum outbox_result put(struct outbox *o, uint64_t number, size_t size, uint64_t share)
{
    static uint8_t bytes[TRANSPORT_MAX_RECORD + 1];
    struct outbox_record record = { number, (unsigned) (number % 10), bytes, size };
    enum outbox_result result;

    memset(bytes, (int) (number * 7), size);
    result = outbox_put(o, &record, share);
    check_outbox(o);
    return result;
}

static void expect(struct outbox *o, uint64_t number, size_t size)
{
    struct outbox_record record;

    assert_true(outbox_peek(o, &record));
    assert_int_equal(record.number, number);
    assert_int_equal(record.priority, number % 10);
    assert_int_equal(record.size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(record.bytes[i], (uint8_t) (number * 7));
    }
    outbox_advance(o);
    check_outbox(o);
}

static void records_come_out_as_they_went_in(void **state)
{
    struct outbox o;
    struct outbox_record record;

    outbox_init(&o, SIZE);
    assert_false(outbox_peek(&o, &record));
    for (uint64_t i = 1; i <= 20; i++) {
        assert_int_equal(put(&o, i, (size_t) (i * 13 % 50), SIZE), OUTBOX_PUT);
    }
    for (uint64_t i = 1; i <= 20; i++) {
        expect(&o, i, (size_t) (i * 13 % 50));
    }
    assert_false(outbox_peek(&o, &record));
    assert_false(outbox_is_empty(&o));
    assert_true(outbox_acknowledge(&o, 20));
    assert_true(outbox_is_empty(&o));
    assert_int_equal(o.n_acked, 20);
    outbox_fini(&o);
}

static void records_wrap_around_for_a_long_time(void **state)
{
    struct outbox o;
    uint64_t sent = 0, acked = 0;

    outbox_init(&o, SIZE);
    for (uint64_t i = 1; i <= 20000; i++) {
        size_t size = (size_t) (i * 2654435761u % 5000);

        while (put(&o, i, size, SIZE) == OUTBOX_FULL) {
            while (sent < i - 1) {
                sent++;
                expect(&o, sent, (size_t) (sent * 2654435761u % 5000));
            }
            acked += (sent - acked + 1) / 2;
            assert_true(outbox_acknowledge(&o, acked));
            check_outbox(&o);
            assert_int_equal(o.n_acked, acked);
        }
    }
    outbox_fini(&o);
}

static void a_full_ring_refuses_and_takes_again_after_an_acknowledgement(void **state)
{
    struct outbox o;
    uint64_t n = 0;

    outbox_init(&o, SIZE);
    while (put(&o, n + 1, 1000, SIZE) == OUTBOX_PUT) {
        n++;
    }
    assert_in_range(n, 50, 65);
    expect(&o, 1, 1000);
    outbox_acknowledge(&o, 1);
    assert_int_equal(put(&o, n + 1, 1000, SIZE), OUTBOX_PUT);
    assert_int_equal(put(&o, n + 2, 1000, SIZE), OUTBOX_FULL);
    outbox_fini(&o);
}

static void lower_priorities_find_less_room(void **state)
{
    struct outbox o;
    uint64_t n = 0, shares[3];

    outbox_init(&o, SIZE);
    shares[0] = outbox_share(&o, 2);
    shares[1] = outbox_share(&o, 3);
    shares[2] = outbox_share(&o, 9);
    assert_int_equal(shares[0], SIZE / 2);
    assert_int_equal(shares[2], SIZE);
    for (int i = 0; i < 3; i++) {
        uint64_t before = n;

        while (put(&o, n + 1, 1000, shares[i]) == OUTBOX_PUT) {
            n++;
        }
        assert_true(n > before);
        assert_true(atomic_load(&o.head) <= shares[i]);
    }
    outbox_fini(&o);
}

static void what_is_too_large_is_told_from_what_finds_no_room(void **state)
{
    struct outbox o;

    outbox_init(&o, 16u << 20);
    assert_int_equal(put(&o, 1, TRANSPORT_MAX_RECORD + 1, o.size), OUTBOX_TOO_LARGE);
    assert_int_equal(put(&o, 1, TRANSPORT_MAX_RECORD, o.size), OUTBOX_PUT);
    outbox_fini(&o);
    outbox_init(&o, SIZE);
    assert_int_equal(put(&o, 1, SIZE / 4, SIZE), OUTBOX_TOO_LARGE);
    assert_int_equal(put(&o, 1, SIZE / 4 - 16, SIZE), OUTBOX_PUT);
    outbox_fini(&o);
}

static void after_a_rewind_only_the_unacknowledged_comes_again(void **state)
{
    struct outbox o;

    outbox_init(&o, SIZE);
    for (uint64_t i = 1; i <= 10; i++) {
        put(&o, i * 3, 10, SIZE);               /* Numbers with holes. */
    }
    for (uint64_t i = 1; i <= 8; i++) {
        expect(&o, i * 3, 10);
    }
    assert_true(outbox_acknowledge(&o, 10));    /* Between 9 and 12. */
    assert_false(outbox_acknowledge(&o, 11));
    outbox_rewind(&o);
    for (uint64_t i = 4; i <= 10; i++) {
        expect(&o, i * 3, 10);
    }
    assert_int_equal(o.n_sent, 10);
    assert_int_equal(o.n_resent, 5);
    assert_int_equal(o.n_acked, 3);
    outbox_fini(&o);
}

static void what_the_collector_already_has_is_never_sent(void **state)
{
    struct outbox o;
    struct outbox_record record;

    outbox_init(&o, SIZE);
    assert_false(outbox_acknowledge(&o, 5));    /* From the welcome, before any record. */
    for (uint64_t i = 1; i <= 7; i++) {
        put(&o, i, 10, SIZE);
    }
    expect(&o, 6, 10);
    expect(&o, 7, 10);
    assert_false(outbox_peek(&o, &record));
    assert_int_equal(o.n_acked, 5);
    assert_int_equal(o.n_sent, 2);
    outbox_fini(&o);
}

#define N_THREADED 200000

static void *produce(void *state)
{
    for (uint64_t i = 1; i <= N_THREADED; i++) {
        uint64_t content = i;
        struct outbox_record record = { i, 0, (const uint8_t *) &content, sizeof content };

        while (outbox_put(state, &record, SIZE) == OUTBOX_FULL) {
            sched_yield();
        }
    }
    return NULL;
}

static void two_threads_see_every_record_whole_and_in_order(void **state)
{
    struct outbox o;
    pthread_t thread;

    outbox_init(&o, SIZE);
    assert_int_equal(pthread_create(&thread, NULL, produce, &o), 0);
    for (uint64_t i = 1; i <= N_THREADED;) {
        struct outbox_record record;
        uint64_t content;

        if (!outbox_peek(&o, &record)) {
            sched_yield();
            continue;
        }
        memcpy(&content, record.bytes, sizeof content);
        assert_int_equal(record.number, i);
        assert_int_equal(content, i);
        outbox_advance(&o);
        if (i % 100 == 0) {
            outbox_acknowledge(&o, i);
        }
        i++;
    }
    pthread_join(thread, NULL);
    outbox_acknowledge(&o, N_THREADED);
    assert_true(outbox_is_empty(&o));
    outbox_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_as_they_went_in),
        cmocka_unit_test(records_wrap_around_for_a_long_time),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again_after_an_acknowledgement),
        cmocka_unit_test(lower_priorities_find_less_room),
        cmocka_unit_test(what_is_too_large_is_told_from_what_finds_no_room),
        cmocka_unit_test(after_a_rewind_only_the_unacknowledged_comes_again),
        cmocka_unit_test(what_the_collector_already_has_is_never_sent),
        cmocka_unit_test(two_threads_see_every_record_whole_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
