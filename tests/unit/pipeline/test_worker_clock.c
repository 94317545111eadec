/* What a worker makes of a clock that is set back: only its table and its decoder are
 * there. */
#include "tests/unit/flow/packets.h"

#include "sensor/pipeline/worker.h"

#define YEAR SECONDS(365 * 86400)

static struct flow *feed(struct worker *w, uint16_t port, uint64_t time_ns)
{
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", port, "10.0.0.2", 2, time_ns);
    enum direction dir;

    return flow_table_packet(w->flows, &p, &dir);
}

static void open_worker(struct worker *w, bool is_live)
{
    struct flow_conf flow = conf_of(false);
    struct decode_conf decode;

    decode_conf_defaults(&decode);
    *w = (struct worker) { .is_live = is_live };
    w->decoder = decoder_create(&decode);
    w->flows = flow_table_create(&flow, hash_seed_fixed(), NULL, NULL);
    assert_non_null(w->flows);
}

static uint64_t timed_out(const struct worker *w)
{
    return flow_table_counters(w->flows)->ended[FLOW_END_TIMEOUT];
}

static void a_live_clock_set_back_by_a_year_stops_no_timeouts(void **state)
{
    struct worker w;

    (void) state;
    open_worker(&w, true);
    feed(&w, 1, START + YEAR);
    worker_expire(&w, START + YEAR);
    feed(&w, 2, START);
    worker_expire(&w, START);
    feed(&w, 3, START + SECONDS(20));
    worker_expire(&w, START + SECONDS(20));
    assert_int_equal(timed_out(&w), 0);
    /* UDP without an answer ends after 30 seconds and the second that moves are apart. */
    worker_expire(&w, START + SECONDS(32));
    assert_int_equal(timed_out(&w), 2);
    worker_expire(&w, START + SECONDS(52));
    assert_int_equal(timed_out(&w), 3);
    assert_int_equal(flow_table_counters(w.flows)->active, 0);
    flow_table_destroy(w.flows);
    decoder_destroy(w.decoder);
}

/* Frames of several queues are a little out of order, and older files come after newer. */
static void time_that_goes_back_otherwise_changes_nothing(void **state)
{
    static const struct {
        bool is_live;
        uint64_t back_ns;
    } rows[] = { { true, SECONDS(5) }, { false, YEAR } };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct worker w;
        open_worker(&w, rows[i].is_live);
        feed(&w, 1, START + YEAR);
        worker_expire(&w, START + YEAR);
        worker_expire(&w, START + YEAR - rows[i].back_ns);
        assert_int_equal(w.expired_ns, START + YEAR);
        worker_expire(&w, START + YEAR + SECONDS(30));
        assert_int_equal(timed_out(&w), 0);
        worker_expire(&w, START + YEAR + SECONDS(31));
        assert_int_equal(timed_out(&w), 1);
        flow_table_destroy(w.flows);
        decoder_destroy(w.decoder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_clock_set_back_by_a_year_stops_no_timeouts),
        cmocka_unit_test(time_that_goes_back_otherwise_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
