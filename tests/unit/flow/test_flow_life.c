/* How flows end: timeouts, expiry, eviction, a new handshake, the end of the run. */
#include "tests/unit/flow/table.h"

static void each_state_has_its_timeout(void **state)
{
    static const struct {
        uint8_t proto;
        enum flow_state flow_state;
        unsigned seconds;
    } cases[] = {
        { IP_PROTO_TCP, FLOW_NEW, 60 },    { IP_PROTO_TCP, FLOW_ESTABLISHED, 600 },
        { IP_PROTO_TCP, FLOW_CLOSED, 60 }, { IP_PROTO_TCP, FLOW_BYPASSED, 600 },
        { IP_PROTO_UDP, FLOW_NEW, 30 },    { IP_PROTO_UDP, FLOW_ESTABLISHED, 300 },
        { IP_PROTO_ICMP, FLOW_NEW, 30 },   { IP_PROTO_ICMP, FLOW_ESTABLISHED, 300 },
        { IP_PROTO_SCTP, FLOW_NEW, 30 },   { IP_PROTO_SCTP, FLOW_ESTABLISHED, 300 },
    };
    struct flow_conf conf = conf_of(false);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* One nanosecond before its timeout the flow goes on, at its timeout it does not;
         * nobody calls flow_table_expire(). */
        for (uint64_t early = 0; early < 2; early++) {
            struct ends ends = { 0 };
            struct flow_table *t = make_table(&conf, &ends);
            struct packet p = packet_of(cases[i].proto, "10.0.0.1", 1, "10.0.0.2", 2,
                                        START);
            struct flow *f = feed(t, p, NULL);
            uint64_t id = f->id;

            f->state = cases[i].flow_state;     /* As a later room would. */
            p.time_ns += SECONDS(cases[i].seconds) - early;
            f = feed(t, p, NULL);
            assert_int_equal(ends.n, early ? 0 : 1);
            assert_int_equal(f->id == id, early);
            assert_int_equal(f->sides[TO_SERVER].packets, early ? 2 : 1);
            if (ends.n == 1) {
                assert_int_equal(ends.ends[0].reason, FLOW_END_TIMEOUT);
                assert_int_equal(ends.ends[0].id, id);
            }
            check_table(t);
            flow_table_destroy(t);
        }
        /* flow_table_expire() comes within a second after it, and not before. */
        struct ends ends = { 0 };
        struct flow_table *t = make_table(&conf, &ends);
        struct flow *f = feed(t, packet_of(cases[i].proto, "10.0.0.1", 1, "10.0.0.2", 2,
                                           START), NULL);
        f->state = cases[i].flow_state;
        uint64_t due = START + SECONDS(cases[i].seconds);
        assert_int_equal(flow_table_expire(t, due - 1, 10), 0);
        assert_int_equal(flow_table_expire(t, due + SECONDS(1), 10), 1);
        assert_int_equal(ends.ends[0].reason, FLOW_END_TIMEOUT);
        check_table(t);
        flow_table_destroy(t);
    }
}

/* Where the two disagree: a capture's clock that was set back, and one frame that is dated
 * far ahead.  UDP without an answer ends after 30 s. */
static void a_flow_is_idle_by_the_running_clock_or_by_its_own_time(void **state)
{
    static const struct {
        const char *name;
        int64_t clock_s, time_s;        /* Of the second packet, since the first. */
        bool is_over;
    } cases[] = {
        { "both within", 29, 29, false },
        { "both past", 30, 30, true },
        { "set back, and the clock went on", 30, -7200, true },
        { "set back, and the clock did not", 29, -7200, false },
        { "late frame of an idle flow", 30, 1, true },
        { "own time past a clock that stands", 0, 30, true },
    };
    struct flow_conf conf = conf_of(false);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* Whether or not flow_table_expire() comes in between. */
        for (unsigned sweeps = 0; sweeps < 2; sweeps++) {
            struct ends ends = { 0 };
            struct flow_table *t = make_table(&conf, &ends);
            struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 1, "10.0.0.2", 2, START);
            uint64_t clock = SECONDS(5), id = feed_at(t, p, clock, NULL)->id;

            clock += SECONDS(cases[i].clock_s);
            p.time_ns += (uint64_t) cases[i].time_s * NS_PER_SEC;
            if (sweeps != 0) {
                flow_table_expire(t, clock, 10);
            }
            struct flow *f = feed_at(t, p, clock, NULL);
            if ((f->id != id) != cases[i].is_over) {
                fail_msg("%s", cases[i].name);
            }
            assert_int_equal(ends.n, cases[i].is_over);
            assert_int_equal(f->first_ns, cases[i].is_over ? p.time_ns : START);
            check_table(t);
            flow_table_destroy(t);
        }
    }
}

static void expiry_keeps_to_its_budget_and_to_the_idle(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct ends ends = { 0 };
    struct flow_table *t = make_table(&conf, &ends);
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 0, "10.0.0.2", 2, START);

    (void) state;
    for (uint16_t i = 0; i < 10; i++) {
        p.sport = i;
        p.time_ns = START + SECONDS(i);
        feed(t, p, NULL);
    }
    p.sport = 0;                /* The first one speaks again. */
    p.time_ns = START + SECONDS(20);
    feed(t, p, NULL);
    assert_int_equal(flow_table_expire(t, START + SECONDS(45), 4), 4);
    check_table(t);
    assert_int_equal(flow_table_expire(t, START + SECONDS(45), 100), 5);
    check_table(t);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(ends.ends[i].first_ns, START + SECONDS(i + 1));
    }
    assert_int_equal(t->counters.active, 1);
    /* Time that goes back harms nothing. */
    assert_int_equal(flow_table_expire(t, START, 100), 0);
    p.time_ns = START + SECONDS(3);
    assert_non_null(feed(t, p, NULL));
    check_table(t);
    flow_table_destroy(t);
}

static void a_new_handshake_ends_a_closed_session(void **state)
{
    static const struct {
        const char *name;
        enum flow_state flow_state;
        enum tcp_state tcp_state;
        uint8_t flags;
        uint32_t seq;
        bool is_reuse;
    } cases[] = {
        { "open session", FLOW_ESTABLISHED, TCP_STATE_ESTABLISHED, TCP_SYN, 9, false },
        { "closed session", FLOW_CLOSED, TCP_STATE_CLOSED, TCP_SYN, 9, true },
        { "reset session", FLOW_CLOSED, TCP_STATE_NONE, TCP_SYN, 9, true },
        { "time wait", FLOW_ESTABLISHED, TCP_STATE_TIME_WAIT, TCP_SYN, 9, true },
        { "last ack", FLOW_ESTABLISHED, TCP_STATE_LAST_ACK, TCP_SYN | TCP_ECE, 9, true },
        { "first FIN only", FLOW_ESTABLISHED, TCP_STATE_FIN_WAIT1, TCP_SYN, 9, false },
        { "same SYN", FLOW_CLOSED, TCP_STATE_CLOSED, TCP_SYN, 1, false },
        { "SYN and ACK", FLOW_CLOSED, TCP_STATE_CLOSED, TCP_SYN | TCP_ACK, 9, false },
        { "ACK", FLOW_CLOSED, TCP_STATE_CLOSED, TCP_ACK, 9, false },
    };
    struct flow_conf conf = conf_of(false);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ends ends = { 0 };
        struct flow_table *t = make_table(&conf, &ends);
        struct packet p = tcp_of("10.0.0.1", 1, "10.0.0.2", 2, TCP_SYN, 1, START);
        struct flow *f = feed(t, p, NULL);
        uint64_t id = f->id;

        f->state = cases[i].flow_state;
        f->tcp_state = cases[i].tcp_state;
        p.tcp.flags = cases[i].flags;
        p.tcp.seq = cases[i].seq;
        f = feed(t, p, NULL);   /* At the same time stamp: the id differs all the same. */
        assert_int_equal(ends.n, cases[i].is_reuse);
        assert_int_equal(f->id == id, !cases[i].is_reuse);
        if (cases[i].is_reuse) {
            assert_int_equal(ends.ends[0].reason, FLOW_END_TCP_REUSE);
            assert_int_equal(f->state, FLOW_NEW);
        }
        check_table(t);
        flow_table_destroy(t);
    }
}

static void a_full_table_evicts_the_flow_idle_for_longest(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct ends ends = { 0 };

    (void) state;
    conf.memory = 4096;
    struct flow_table *t = make_table(&conf, &ends);
    size_t max = t->pool.max;
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 0, "10.0.0.2", 2, START);
    assert_in_range(max, 4, 20);
    for (uint16_t i = 0; i < max; i++) {
        p.sport = i;
        p.ip_proto = i % 2 != 0 ? IP_PROTO_UDP : IP_PROTO_TCP;
        p.time_ns = START + SECONDS(i);
        feed(t, p, NULL);
    }
    p.sport = 0;                /* The oldest, again: then the second is the one to go. */
    p.ip_proto = IP_PROTO_TCP;
    p.time_ns += SECONDS(2);
    feed(t, p, NULL);
    assert_int_equal(ends.n, 0);
    p.sport = 1000;
    assert_non_null(feed(t, p, NULL));
    assert_int_equal(ends.n, 1);
    assert_int_equal(ends.ends[0].reason, FLOW_END_EVICTED);
    assert_int_equal(ends.ends[0].first_ns, START + SECONDS(1));
    assert_int_equal(t->counters.active, max);
    check_table(t);
    /* What has timed out goes before what is alive, with its own reason. */
    p.sport = 1001;
    p.time_ns = START + SECONDS(3 + 31);
    assert_non_null(feed(t, p, NULL));
    assert_int_equal(ends.ends[1].reason, FLOW_END_TIMEOUT);
    assert_int_equal(ends.ends[1].first_ns, START + SECONDS(3));
    check_table(t);
    flow_table_destroy(t);
}

static void all_flows_end_in_order_of_their_first_packets(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct ends ends = { 0 };
    struct flow_table *t = make_table(&conf, &ends);
    struct packet p = packet_of(IP_PROTO_UDP, "10.0.0.1", 0, "10.0.0.2", 2, START);

    (void) state;
    for (uint16_t i = 0; i < 20; i++) {
        p.sport = i;
        p.ip_proto = i % 3 != 0 ? IP_PROTO_UDP : IP_PROTO_TCP;
        p.time_ns = START + SECONDS(i * 7 % 20);
        feed(t, p, NULL);
    }
    /* The run ended 40 s after it began: UDP flows older than 10 s have timed out. */
    flow_table_expire(t, START + SECONDS(40), 0);
    flow_table_end_all(t);
    assert_int_equal(ends.n, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(ends.ends[i].first_ns, START + SECONDS(i));
        bool is_udp = (i * 3 % 20) % 3 != 0;    /* 3 is the inverse of 7 modulo 20. */
        assert_int_equal(ends.ends[i].reason, is_udp && i <= 10 ? FLOW_END_TIMEOUT
                                                                : FLOW_END_SHUTDOWN);
    }
    check_table(t);
    flow_table_destroy(t);
    assert_int_equal(ends.n, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_timeout),
        cmocka_unit_test(a_flow_is_idle_by_the_running_clock_or_by_its_own_time),
        cmocka_unit_test(expiry_keeps_to_its_budget_and_to_the_idle),
        cmocka_unit_test(a_new_handshake_ends_a_closed_session),
        cmocka_unit_test(a_full_table_evicts_the_flow_idle_for_longest),
        cmocka_unit_test(all_flows_end_in_order_of_their_first_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
