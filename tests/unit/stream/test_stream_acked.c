/* Data that waits for its acknowledgement, and raw bytes for rules. */
#include "tests/unit/stream/stream_world.h"

#define C 1000u                 /* First data byte of the client and of the server. */
#define S 5000u

static struct world *new_waiting(void)
{
    struct stream_conf conf = world_conf();

    conf.wait_for_ack = true;
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    return w;
}

static void payload_waits_until_its_receiver_has_it(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    assert_true(w->result.has_stream);
    /* Its sender's next packet changes nothing. */
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 4, "");
    assert_received(w, TO_SERVER, "abcd");
    /* Data acknowledges as well. */
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 9, "answer");
    assert_received(w, TO_SERVER, "abcdefghi");
    assert_int_equal(w->got[TO_CLIENT].n_calls, 0);
    world_end(w);
    assert_received(w, TO_CLIENT, "answer");
    world_free(w);
}

static void what_was_not_acknowledged_may_still_be_replaced(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C + 2, S, "XXXX");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    assert_true(world_has_event(w, "reassembly_overlap_different_data"));
    /* The very same range: whatever it holds, the first stands and nothing is said. */
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "good");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "evil");
    assert_int_equal(w->packet.n_stream_events, 0);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 10, "");
    assert_received(w, TO_SERVER, "abcdefgood");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "evil");
    assert_true(world_has_event(w, "pkt_spurious_retransmission"));
    assert_received(w, TO_SERVER, "abcdefgood");
    world_free(w);
}

static void segment_acknowledged_in_part_is_replaced_behind_that_part(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 3, "");
    assert_received(w, TO_SERVER, "abc");
    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "DEFGHI");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 9, "");
    assert_received(w, TO_SERVER, "abcdefGHI");
    world_free(w);
}

static void end_comes_when_both_sides_have_closed(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK | TCP_FIN, C, S, "ask");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 4, "tell");
    assert_received(w, TO_SERVER, "ask");
    assert_int_equal(w->got[TO_SERVER].n_ends, 0);
    world_send(w, TO_CLIENT, TCP_ACK | TCP_FIN, S + 4, C + 4, "");
    assert_int_equal(w->got[TO_CLIENT].n_calls, 0);
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S + 5, "");
    assert_received(w, TO_CLIENT, "tell");
    assert_int_equal(w->got[TO_SERVER].n_ends, 1);
    assert_int_equal(w->got[TO_CLIENT].n_ends, 1);
    world_free(w);
}

static void reset_proves_only_what_its_sender_sent(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C, S, "ask");
    world_send(w, TO_CLIENT, TCP_ACK, S, C, "tell");
    world_send(w, TO_CLIENT, TCP_RST | TCP_ACK, S + 4, C, "");
    assert_received(w, TO_CLIENT, "tell");
    assert_int_equal(w->got[TO_CLIENT].n_ends, 1);
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    world_end(w);
    assert_received(w, TO_SERVER, "ask");
    assert_int_equal(w->got[TO_SERVER].n_ends, 1);
    world_free(w);
}

static void end_of_the_flow_hands_on_what_nobody_acknowledged(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C, S, "ab");
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "ef");
    world_end(w);
    assert_received(w, TO_SERVER, "ab??ef");
    assert_int_equal(w->got[TO_SERVER].n_ends, 1);
    world_free(w);
}

static void one_sided_session_waits_for_nobody(void **state)
{
    struct stream_conf conf = world_conf();

    (void) state;
    conf.wait_for_ack = conf.async_oneside = true;
    struct world *w = world_new(&conf);
    world_send(w, TO_SERVER, TCP_SYN, C - 1, 0, "");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "one side");
    assert_received(w, TO_SERVER, "one side");
    world_free(w);
}

/* ---- Limits ---- */

static void at_a_limit_what_is_in_order_goes_on_at_once(void **state)
{
    struct stream_conf conf = world_conf();
    struct stream_raw raw;

    (void) state;
    conf.wait_for_ack = true;
    conf.flow_memory = STREAM_SMALL_SEGMENT;
    struct world *w = world_new(&conf);
    world_handshake(w, C - 1, S - 1);
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    world_packet(w, TO_SERVER, TCP_ACK, C + 3, S, "def", 3);
    stream_packet(w->engine, &w->flow, TO_SERVER, &w->packet);
    assert_received(w, TO_SERVER, "abcdef");
    assert_int_equal(stream_counters(w->engine)->segments_early, 1);
    assert_int_equal(stream_counters(w->engine)->segments_refused, 0);
    /* Rules see it with this packet or never. */
    assert_true(stream_raw_is_due(&w->flow, TO_SERVER));
    assert_true(stream_raw_next(&w->flow, TO_SERVER, 100, &raw));
    assert_int_equal(raw.size, 6);
    assert_memory_equal(raw.bytes, "abcdef", 6);
    stream_settle(&w->flow, TO_SERVER);
    assert_true(stream_check(&w->flow));
    assert_false(stream_raw_is_due(&w->flow, TO_SERVER));
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    world_send(w, TO_SERVER, TCP_ACK, C + 9, S, "jkl");
    world_end(w);
    assert_received(w, TO_SERVER, "abcdefghijkl");
    world_free(w);
}

static void no_limit_loses_what_is_in_order(void **state)
{
    static uint8_t text[40000];
    uint32_t seed = 5;

    (void) state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t) (i * 31 >> 3);
    }
    for (unsigned round = 0; round < 200; round++) {
        struct stream_conf conf = world_conf();
        uint32_t at = 0, acked = 0, isn = round % 3 == 0 ? 0xfffffff0u : 77;

        conf.wait_for_ack = true;
        conf.flow_memory = (round % 7 + 1) * 1024;
        conf.memory = round % 5 == 0 ? 4096 : 1u << 20;
        struct world *w = world_new(&conf);
        world_handshake(w, isn, S - 1);
        while (at < sizeof text) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t n = 1 + (seed >> 8) % 1460;
            n = n < sizeof text - at ? n : (uint32_t) sizeof text - at;
            world_packet(w, TO_SERVER, TCP_ACK, isn + 1 + at, S, text + at, n);
            assert_true(world_feed(w, TO_SERVER));
            at += n;
            if ((seed >> 20) % 3 == 0) {
                acked = acked + (seed >> 22) % (at - acked + 1);
                world_send(w, TO_CLIENT, TCP_ACK, S, isn + 1 + acked, "");
            }
        }
        world_end(w);
        assert_int_equal(w->got[TO_SERVER].size, sizeof text);
        assert_memory_equal(w->got[TO_SERVER].bytes, text, sizeof text);
        world_free(w);
    }
}

static void small_segments_share_what_one_holds(void **state)
{
    struct world *w = new_waiting();

    (void) state;
    for (uint32_t i = 0; i < 200; i++) {
        world_send(w, TO_SERVER, TCP_ACK, C + i, S, "k");
        world_send(w, TO_CLIENT, TCP_ACK, S, C + i + 1, "");
    }
    assert_int_equal(w->got[TO_SERVER].size, 200);
    assert_int_equal(w->flow.stream->sides[TO_SERVER].n_segments, 1);
    world_free(w);
}

/* ---- Raw bytes ---- */

static void send_and_ack(struct world *w, uint32_t at, const char *text)
{
    world_send(w, TO_SERVER, TCP_ACK, C + at, S, text);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + at + (uint32_t) strlen(text), "");
}

static void rules_wait_for_a_chunk_a_message_or_the_end(void **state)
{
    struct world *w = new_waiting();
    char text[1001];
    struct stream_raw raw;

    (void) state;
    memset(text, 'x', 1000);
    text[1000] = '\0';
    send_and_ack(w, 0, text);
    send_and_ack(w, 1000, text);
    assert_false(stream_raw_is_due(&w->flow, TO_SERVER));
    send_and_ack(w, 2000, text);
    assert_true(stream_raw_is_due(&w->flow, TO_SERVER));
    assert_true(stream_raw_next(&w->flow, TO_SERVER, 500, &raw));
    assert_int_equal(raw.offset, 0);
    assert_int_equal(raw.size, 3000);
    assert_int_equal(raw.n_old, 0);
    assert_false(stream_raw_next(&w->flow, TO_SERVER, 500, &raw));
    send_and_ack(w, 3000, "message");
    assert_false(stream_raw_is_due(&w->flow, TO_SERVER));
    stream_raw_trigger(&w->flow, TO_SERVER);
    assert_true(stream_raw_is_due(&w->flow, TO_SERVER));
    assert_true(stream_raw_next(&w->flow, TO_SERVER, 3, &raw));
    assert_int_equal(raw.n_old, 3);
    assert_int_equal(raw.offset, 2997);
    assert_memory_equal(raw.bytes, "xxxmessage", 10);
    assert_false(stream_raw_next(&w->flow, TO_SERVER, 3, &raw));
    /* Nothing new, nothing due; what is left comes with the close. */
    stream_raw_trigger(&w->flow, TO_SERVER);
    assert_false(stream_raw_is_due(&w->flow, TO_SERVER));
    send_and_ack(w, 3007, "rest");
    world_send(w, TO_SERVER, TCP_ACK | TCP_FIN, C + 3011, S, "");
    assert_true(stream_raw_is_due(&w->flow, TO_SERVER));
    world_free(w);
}

static void raw_runs_do_not_cross_a_gap(void **state)
{
    struct world *w = new_waiting();
    struct stream_raw raw;
    uint8_t copy[64];

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "good");
    world_send(w, TO_SERVER, TCP_ACK, C + 10, S, "data");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 14, "");
    assert_received(w, TO_SERVER, "????good??data");
    stream_raw_trigger(&w->flow, TO_SERVER);
    assert_true(stream_raw_next(&w->flow, TO_SERVER, 100, &raw));
    assert_int_equal(raw.offset, 4);
    assert_memory_equal(raw.bytes, "good", raw.size);
    assert_true(stream_raw_next(&w->flow, TO_SERVER, 100, &raw));
    assert_int_equal(raw.offset, 10);
    assert_int_equal(raw.n_old, 0);
    assert_memory_equal(raw.bytes, "data", raw.size);
    assert_false(stream_raw_next(&w->flow, TO_SERVER, 100, &raw));
    static const char told[] = "[4 bytes missing]good[2 bytes missing]data";
    assert_int_equal(stream_copy(&w->flow, TO_SERVER, copy, sizeof copy), sizeof told - 1);
    assert_memory_equal(copy, told, sizeof told - 1);
    assert_int_equal(stream_copy(&w->flow, TO_SERVER, copy, 20), 20);
    assert_memory_equal(copy, told, 20);
    world_free(w);
}

static void what_is_not_acknowledged_is_not_told(void **state)
{
    struct world *w = new_waiting();
    uint8_t copy[64];

    (void) state;
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    assert_int_equal(stream_copy(&w->flow, TO_SERVER, copy, sizeof copy), 0);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 4, "");
    assert_int_equal(stream_copy(&w->flow, TO_SERVER, copy, sizeof copy), 4);
    assert_memory_equal(copy, "abcd", 4);
    world_free(w);
}

static void window_is_what_was_handed_on_last(void **state)
{
    struct world *w = new_waiting();
    struct stream_raw raw;

    (void) state;
    stream_raw_window(&w->flow, TO_SERVER, 100, &raw);
    assert_int_equal(raw.size, 0);
    send_and_ack(w, 0, "abc");
    send_and_ack(w, 3, "def");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "not yet");
    stream_raw_window(&w->flow, TO_SERVER, 4, &raw);
    assert_int_equal(raw.offset, 2);
    assert_int_equal(raw.size, 4);
    assert_memory_equal(raw.bytes, "cdef", 4);
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 9, "");
    stream_raw_window(&w->flow, TO_SERVER, 100, &raw);
    assert_int_equal(raw.size, 9);
    assert_memory_equal(raw.bytes, "abcdefnot", 9);
    world_free(w);
}

/* Whatever the packets, each byte that was handed on is shown once, in order, and right. */
static void every_byte_is_shown_once(void **state)
{
    static uint8_t text[30000];
    uint32_t seed = 11;

    (void) state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t) (i * 2654435761u >> 13);
    }
    for (unsigned round = 0; round < 100; round++) {
        struct stream_conf conf = world_conf();
        uint32_t at = 0, isn = round % 2 == 0 ? 0xffffff00u : 5;
        uint64_t shown = 0;
        struct stream_raw raw;

        conf.wait_for_ack = round % 3 != 0;
        conf.chunk_size[TO_SERVER] = round % 4 * 700;
        struct world *w = world_new(&conf);
        world_handshake(w, isn, S - 1);
        while (shown < sizeof text) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t n = (seed >> 8) % 1460;
            n = n < sizeof text - at ? n : (uint32_t) sizeof text - at;
            world_packet(w, TO_SERVER, TCP_ACK, isn + 1 + at, S, text + at, n);
            stream_packet(w->engine, &w->flow, TO_SERVER, &w->packet);
            at += n;
            if (at == sizeof text) {
                stream_raw_trigger(&w->flow, TO_SERVER);
            }
            while (stream_raw_is_due(&w->flow, TO_SERVER)
                   && stream_raw_next(&w->flow, TO_SERVER, seed >> 20, &raw)) {
                assert_int_equal(raw.offset + raw.n_old, shown);
                assert_true(raw.n_old <= seed >> 20);
                assert_memory_equal(raw.bytes, text + raw.offset, raw.size);
                shown = raw.offset + raw.size;
            }
            stream_settle(&w->flow, TO_SERVER);
            assert_true(stream_check(&w->flow));
            world_send(w, TO_CLIENT, TCP_ACK, S, isn + 1 + at, "");
        }
        assert_true(w->flow.stream->memory <= 4 * STREAM_BEHIND + conf.chunk_size[TO_SERVER] * 4);
        world_free(w);
    }
}

static void without_rules_nothing_stays_behind_what_was_skipped(void **state)
{
    static uint8_t text[3000];

    (void) state;
    for (unsigned forgets = 0; forgets < 2; forgets++) {
        struct stream_conf conf = world_conf();

        conf.wait_for_ack = true;
        struct world *w = world_new(&conf);
        if (forgets) {
            stream_engine_forget_shown(w->engine);
        }
        world_handshake(w, C - 1, S - 1);
        world_packet(w, TO_SERVER, TCP_ACK, C, S, text, sizeof text);
        world_feed(w, TO_SERVER);
        assert_true(w->flow.stream->memory >= sizeof text);     /* Not acknowledged yet. */
        world_send(w, TO_CLIENT, TCP_ACK, S, C + sizeof text, "");
        stream_raw_skip(&w->flow, TO_SERVER);
        stream_settle(&w->flow, TO_SERVER);
        assert_true(stream_check(&w->flow));
        assert_int_equal(w->flow.stream->memory == 0, forgets);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_waits_until_its_receiver_has_it),
        cmocka_unit_test(what_was_not_acknowledged_may_still_be_replaced),
        cmocka_unit_test(segment_acknowledged_in_part_is_replaced_behind_that_part),
        cmocka_unit_test(end_comes_when_both_sides_have_closed),
        cmocka_unit_test(reset_proves_only_what_its_sender_sent),
        cmocka_unit_test(end_of_the_flow_hands_on_what_nobody_acknowledged),
        cmocka_unit_test(one_sided_session_waits_for_nobody),
        cmocka_unit_test(at_a_limit_what_is_in_order_goes_on_at_once),
        cmocka_unit_test(no_limit_loses_what_is_in_order),
        cmocka_unit_test(small_segments_share_what_one_holds),
        cmocka_unit_test(rules_wait_for_a_chunk_a_message_or_the_end),
        cmocka_unit_test(without_rules_nothing_stays_behind_what_was_skipped),
        cmocka_unit_test(raw_runs_do_not_cross_a_gap),
        cmocka_unit_test(what_is_not_acknowledged_is_not_told),
        cmocka_unit_test(window_is_what_was_handed_on_last),
        cmocka_unit_test(every_byte_is_shown_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
