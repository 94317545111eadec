/* What a worker waits for, and by which clock: only its table and its decoder are there. */
#include "tests/unit/flow/packets.h"

#include "sensor/pipeline/worker.h"

#define YEAR SECONDS(365 * 86400)

static void feed(struct worker *w, uint16_t port, uint64_t time_ns, uint64_t clock_ns)
{
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", port, "10.0.0.2", 2, time_ns);
    enum direction dir;

    p.clock_ns = clock_ns;
    assert_non_null(flow_table_packet(w->flows, &p, &dir));
}

static void open_worker(struct worker *w)
{
    struct flow_conf flow = conf_of(false);
    struct decode_conf decode;

    flow.memory = 8u << 20;
    decode_conf_defaults(&decode);
    *w = (struct worker) { 0 };
    w->decoder = decoder_create(&decode);
    w->flows = flow_table_create(&flow, hash_seed_fixed(), NULL, NULL);
    assert_non_null(w->flows);
}

static uint64_t timed_out(const struct worker *w)
{
    return flow_table_counters(w->flows)->ended[FLOW_END_TIMEOUT];
}

/* The wall clock of a live sensor, or that of a capture. */
static void packet_time_set_back_by_a_year_stops_no_timeouts(void **state)
{
    struct worker w;

    (void) state;
    open_worker(&w);
    feed(&w, 1, START + YEAR, SECONDS(1));
    worker_expire(&w, SECONDS(1));
    feed(&w, 2, START, SECONDS(2));
    worker_expire(&w, SECONDS(2));
    feed(&w, 3, START + SECONDS(20), SECONDS(22));
    worker_expire(&w, SECONDS(22));
    assert_int_equal(timed_out(&w), 0);
    /* UDP without an answer ends after 30 seconds and the second that moves are apart. */
    worker_expire(&w, SECONDS(33));
    assert_int_equal(timed_out(&w), 2);
    worker_expire(&w, SECONDS(53));
    assert_int_equal(timed_out(&w), 3);
    assert_int_equal(flow_table_counters(w.flows)->active, 0);
    flow_table_destroy(w.flows);
    decoder_destroy(w.decoder);
}

static void timeouts_are_looked_at_four_times_a_second(void **state)
{
    struct worker w;

    (void) state;
    open_worker(&w);
    worker_expire(&w, SECONDS(1));
    assert_int_equal(w.expired_ns, SECONDS(1));
    worker_expire(&w, SECONDS(1) + NS_PER_SEC / 4 - 1);
    worker_expire(&w, 0);
    assert_int_equal(w.expired_ns, SECONDS(1));
    worker_expire(&w, SECONDS(1) + NS_PER_SEC / 4);
    assert_int_equal(w.expired_ns, SECONDS(1) + NS_PER_SEC / 4);
    worker_expire(&w, UINT64_MAX);
    assert_int_equal(w.expired_ns, UINT64_MAX);
    flow_table_destroy(w.flows);
    decoder_destroy(w.decoder);
}

/* More flows at once than one look ends: the next burst goes on, and none is waited for. */
static void a_mass_of_timeouts_goes_on_behind_the_next_burst(void **state)
{
    enum { N = 10000 };
    struct worker w;

    (void) state;
    open_worker(&w);
    for (uint16_t port = 0; port < N; port++) {
        feed(&w, port, START, SECONDS(1));
    }
    worker_expire(&w, SECONDS(100));
    uint64_t n = timed_out(&w);
    assert_true(n > 0 && n < N);
    worker_expire(&w, SECONDS(100) + 1);
    assert_int_equal(timed_out(&w), 2 * n);
    while (timed_out(&w) < N) {
        n = timed_out(&w);
        worker_expire(&w, SECONDS(100) + 1);
        assert_true(timed_out(&w) > n);
    }
    feed(&w, 1, START + SECONDS(100), SECONDS(100) + 2);
    worker_expire(&w, SECONDS(100) + 3);
    assert_int_equal(w.expired_ns, SECONDS(100) + 1);
    flow_table_destroy(w.flows);
    decoder_destroy(w.decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_time_set_back_by_a_year_stops_no_timeouts),
        cmocka_unit_test(timeouts_are_looked_at_four_times_a_second),
        cmocka_unit_test(a_mass_of_timeouts_goes_on_behind_the_next_burst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
