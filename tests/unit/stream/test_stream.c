/* Reassembly: what comes out, in which order, and what happens at the limits. */
#include "tests/unit/stream/stream_world.h"

#define C 1000u                 /* First data byte of the client and of the server. */
#define S 5000u

static struct world *new_established(void)
{
    struct stream_conf conf = world_conf();
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    return w;
}

static void in_order_payload_is_handed_on_at_once_where_nobody_waits(void **state)
{
    struct world *w = new_established();
    const char *text = "GET / HTTP/1.1\r\n";

    assert_true(world_send(w, TO_SERVER, TCP_ACK | TCP_PSH, C, S, text));
    assert_received(w, TO_SERVER, text);
    assert_true(w->result.has_stream);
    assert_int_equal(stream_bytes_seen(&w->flow, TO_SERVER), strlen(text) + 1);
    world_free(w);
}

static void out_of_order_payload_waits_for_what_comes_before(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "def");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    assert_true(w->result.has_stream);
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    assert_received(w, TO_SERVER, "abcdefghi");
    assert_int_equal(w->got[TO_SERVER].n_gaps, 0);
    world_free(w);
}

static void retransmission_is_handed_on_once(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    assert_true(world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef"));
    assert_true(w->result.retransmission);
    assert_false(world_has_event(w, "pkt_retransmission"));
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 6, "");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    assert_true(world_has_event(w, "pkt_spurious_retransmission"));
    assert_true(world_has_event(w, "est_pkt_before_last_ack"));
    /* Its tail is new. */
    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "defghi");
    assert_false(w->result.retransmission);
    assert_received(w, TO_SERVER, "abcdefghi");
    world_free(w);
}

static void gap_is_declared_when_sent_past_and_acknowledged(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    world_send(w, TO_SERVER, TCP_ACK, C + 5, S, "fgh");
    assert_received(w, TO_SERVER, "abc");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 3, "");
    assert_received(w, TO_SERVER, "abc");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 8, "");
    assert_true(world_has_event(w, "reassembly_seq_gap"));
    assert_received(w, TO_SERVER, "abc??fgh");
    assert_int_equal(stream_counters(w->engine)->gap_bytes, 2);
    world_free(w);
}

static void acknowledgement_captured_before_its_data_makes_no_gap(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_CLIENT, TCP_ACK, S, C + 3, "");
    assert_int_equal(w->got[TO_SERVER].n_calls, 0);
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    assert_received(w, TO_SERVER, "abc");
    assert_int_equal(w->got[TO_SERVER].n_gaps, 0);
    /* Acknowledged, never seen, and its sender goes on behind it: lost. */
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 6, "");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    assert_received(w, TO_SERVER, "abc???ghi");
    world_free(w);
}

static void gap_waits_for_data_behind_it(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_CLIENT, TCP_ACK, S, C + 4, "");
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "");
    assert_received(w, TO_SERVER, "");
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "ef");
    assert_received(w, TO_SERVER, "????ef");
    assert_int_equal(w->got[TO_SERVER].n_ends, 0);
    world_free(w);
}

static void end_of_the_flow_hands_on_what_is_kept(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C + 2, S, "cd");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "gh");
    world_end(w);
    assert_received(w, TO_SERVER, "??cd??gh");
    assert_int_equal(w->got[TO_SERVER].n_ends, 1);
    assert_int_equal(w->got[TO_CLIENT].n_ends, 1);
    assert_null(w->flow.stream);
    world_free(w);
}

static void kept_bytes_stand_unless_the_new_segment_begins_before_them(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "EFGH");
    /* Begins behind: the first stands, only "I" is new. */
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghI");
    assert_true(world_has_event(w, "reassembly_overlap_different_data"));
    /* Begins before: it replaces. */
    world_send(w, TO_SERVER, TCP_ACK, C + 2, S, "cdef");
    assert_true(world_has_event(w, "reassembly_overlap_different_data"));
    /* The same bytes: no event. */
    world_send(w, TO_SERVER, TCP_ACK, C + 2, S, "cd");
    assert_false(world_has_event(w, "reassembly_overlap_different_data"));
    assert_true(w->result.retransmission);
    world_send(w, TO_SERVER, TCP_ACK, C, S, "ab");
    assert_received(w, TO_SERVER, "abcdefGHI");
    assert_int_equal(stream_counters(w->engine)->overlaps_different, 2);
    world_free(w);
}

static void in_order_segment_over_kept_ones_is_compared_with_them(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C + 2, S, "XX");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcdef");
    assert_true(world_has_event(w, "reassembly_overlap_different_data"));
    assert_received(w, TO_SERVER, "abcdef");
    world_free(w);
}

static void segment_that_spans_others_fills_the_holes_between_them(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "d");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "g");
    world_send(w, TO_SERVER, TCP_ACK, C + 1, S, "bcdefghi");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "a");
    assert_received(w, TO_SERVER, "abcdefghi");
    world_free(w);
}

static void depth_ends_a_direction_exactly_there(void **state)
{
    struct stream_conf conf = world_conf();
    conf.depth = 8;
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abcde");
    assert_int_equal(w->got[TO_SERVER].n_depths, 0);
    world_send(w, TO_SERVER, TCP_ACK, C + 5, S, "fghijk");
    assert_true(world_has_event(w, "reassembly_depth_reached"));
    assert_true(w->result.has_stream);
    assert_received(w, TO_SERVER, "abcdefgh");
    assert_int_equal(w->got[TO_SERVER].n_depths, 1);
    world_send(w, TO_SERVER, TCP_ACK, C + 11, S, "lmn");
    assert_true(w->result.is_valid);
    assert_false(w->result.has_stream);
    assert_int_equal(stream_bytes_seen(&w->flow, TO_SERVER), 15);
    /* The other direction has a depth of its own, reached to the byte. */
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 14, "12345678");
    assert_received(w, TO_CLIENT, "12345678");
    assert_int_equal(w->got[TO_CLIENT].n_depths, 1);
    world_free(w);
}

static void gap_beyond_the_depth_reaches_it(void **state)
{
    struct stream_conf conf = world_conf();
    conf.depth = 8;
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    world_send(w, TO_SERVER, TCP_ACK, C + 10, S, "xyz");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 13, "");
    assert_int_equal(w->got[TO_SERVER].n_depths, 1);
    assert_int_equal(w->flow.stream->memory, 0);
    world_free(w);
}

static void stopped_direction_gets_no_more_calls(void **state)
{
    struct world *w = new_established();

    w->stop_at_first = true;
    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "def");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    assert_received(w, TO_SERVER, "abc");
    assert_int_equal(w->flow.stream->sides[TO_SERVER].ahead_bytes, 0);
    world_send(w, TO_SERVER, TCP_ACK | TCP_FIN, C + 9, S, "jkl");
    world_end(w);
    assert_int_equal(w->got[TO_SERVER].n_calls, 1);
    world_free(w);
}

static void flow_memory_limit_refuses_and_the_rest_becomes_a_gap(void **state)
{
    struct stream_conf conf = world_conf();
    conf.flow_memory = 2 * STREAM_SMALL_SEGMENT;
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    world_send(w, TO_SERVER, TCP_ACK, C + 1, S, "b");
    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "d");
    world_send(w, TO_CLIENT, TCP_ACK, S, C, "");
    world_send(w, TO_SERVER, TCP_ACK, C + 5, S, "f");
    assert_true(world_has_event(w, "reassembly_insert_limit"));
    assert_false(w->result.has_stream);
    assert_int_equal(stream_counters(w->engine)->segments_refused, 1);
    world_send(w, TO_SERVER, TCP_ACK, C, S, "a");
    assert_received(w, TO_SERVER, "ab");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 6, "");
    assert_received(w, TO_SERVER, "ab?d");
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "g");
    assert_received(w, TO_SERVER, "ab?d??g");
    world_free(w);
}

static void total_memory_limit_is_kept(void **state)
{
    struct stream_conf conf = world_conf();
    conf.memory = STREAM_SMALL_SEGMENT;
    struct world *w = world_new(&conf);

    world_handshake(w, C - 1, S - 1);
    world_send(w, TO_CLIENT, TCP_ACK, S, C, "");
    world_send(w, TO_SERVER, TCP_ACK, C + 1, S, "b");
    world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "d");
    assert_true(world_has_event(w, "reassembly_insert_memcap"));
    assert_int_equal(stream_counters(w->engine)->memory, STREAM_SMALL_SEGMENT);
    world_free(w);
}

static void number_of_kept_segments_is_bounded(void **state)
{
    struct world *w = new_established();

    for (uint32_t i = 0; i < STREAM_MAX_SEGMENTS + 10; i++) {
        world_send(w, TO_CLIENT, TCP_ACK, S, C, "");
        world_send(w, TO_SERVER, TCP_ACK, C + 1 + 2 * i, S, "x");
    }
    assert_int_equal(w->flow.stream->sides[TO_SERVER].n_segments, STREAM_MAX_SEGMENTS);
    assert_int_equal(stream_counters(w->engine)->segments_refused, 10);
    world_free(w);
}

static void sessions_are_bounded(void **state)
{
    struct stream_conf conf = world_conf();
    conf.max_sessions = 1;
    struct world *w = world_new(&conf);
    struct flow other = { 0 };

    world_handshake(w, C - 1, S - 1);
    world_packet(w, TO_SERVER, TCP_SYN, 1, 0, NULL, 0);
    assert_false(stream_packet(w->engine, &other, TO_SERVER, &w->packet).is_valid);
    assert_null(other.stream);
    assert_int_equal(stream_counters(w->engine)->sessions_refused, 1);
    world_free(w);
}

static void large_payload_is_kept_in_several_pieces(void **state)
{
    struct world *w = new_established();
    static uint8_t bytes[9000];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t) (i * 7);
    }
    world_packet(w, TO_SERVER, TCP_ACK, C + 1, S, bytes + 1, sizeof bytes - 1);
    world_feed(w, TO_SERVER);
    assert_true(w->flow.stream->sides[TO_SERVER].n_segments > 1);
    world_packet(w, TO_SERVER, TCP_ACK, C, S, bytes, 1);
    world_feed(w, TO_SERVER);
    assert_int_equal(w->got[TO_SERVER].size, sizeof bytes);
    assert_memory_equal(w->got[TO_SERVER].bytes, bytes, sizeof bytes);
    world_free(w);
}

static void payload_cut_by_the_capture_becomes_a_gap(void **state)
{
    struct world *w = new_established();
    struct frame frame = { .size = 54 + 3, .wire_size = 54 + 6 };

    world_packet(w, TO_SERVER, TCP_ACK, C, S, "abc", 3);
    w->packet.is_truncated = true;
    w->packet.frame = &frame;
    world_feed(w, TO_SERVER);
    world_send(w, TO_SERVER, TCP_ACK, C + 6, S, "ghi");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 9, "");
    assert_received(w, TO_SERVER, "abc???ghi");
    world_free(w);
}

static void window_probe_byte_counts_only_when_it_is_acknowledged(void **state)
{
    struct world *w = new_established();

    world_send(w, TO_SERVER, TCP_ACK, C, S, "abc");
    world_packet(w, TO_CLIENT, TCP_ACK, S, C + 3, NULL, 0);
    w->packet.tcp.window = 0;
    world_feed(w, TO_CLIENT);
    /* The edge is where the first window put it: fill up to there. */
    w->flow.stream->sides[TO_SERVER].right_edge = C + 3;
    assert_true(world_send(w, TO_SERVER, TCP_ACK, C + 3, S, "d"));
    assert_received(w, TO_SERVER, "abc");
    world_send(w, TO_CLIENT, TCP_ACK, S, C + 4, "");
    assert_true(world_has_event(w, "est_ack_zwp_data"));
    assert_received(w, TO_SERVER, "abcd");
    world_send(w, TO_SERVER, TCP_ACK, C + 4, S, "ef");
    assert_received(w, TO_SERVER, "abcdef");
    world_free(w);
}

/* ---- Property: any order, any split, any overlap gives the same bytes ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

#define N_PIECES 6

static void send_piece(struct world *w, uint32_t first, const uint8_t *text, uint32_t from,
                       uint32_t to)
{
    world_packet(w, TO_SERVER, TCP_ACK, first + from, S, text + from, to - from);
    assert_true(world_feed(w, TO_SERVER));
}

/* All orders of six pieces whose borders, overlaps and duplicates come from 'seed'. */
static void send_permutation(struct world *w, uint32_t first, const uint8_t *text,
                             uint32_t size, unsigned order, uint32_t *seed)
{
    uint32_t border[N_PIECES + 1] = { 0 };
    unsigned left[N_PIECES], n = N_PIECES;

    for (unsigned i = 1; i < N_PIECES; i++) {
        border[i] = border[i - 1] + 1 + next_random(seed) % (size / N_PIECES - 1);
    }
    border[N_PIECES] = size;
    for (unsigned i = 0; i < N_PIECES; i++) {
        left[i] = i;
    }
    while (n > 0) {
        unsigned pick = order % n;
        unsigned i = left[pick];
        uint32_t from = border[i], to = border[i + 1];

        order /= n;
        memmove(left + pick, left + pick + 1, (n - pick - 1) * sizeof *left);
        n--;
        if (next_random(seed) % 3 == 0) {
            from -= next_random(seed) % (from + 1);
        }
        if (next_random(seed) % 3 == 0) {
            to += next_random(seed) % (size - to + 1);
        }
        send_piece(w, first, text, from, to);
        if (next_random(seed) % 4 == 0) {
            send_piece(w, first, text, from, to);
        }
    }
}

static void every_order_of_segments_gives_the_same_bytes(void **state)
{
    static const uint32_t isns[] = { 0, 999, 0x7fffffe0u, 0xffffffffu, 0xffffffd0u };
    uint8_t text[96];
    uint32_t seed = 1;

    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t) ('A' + i % 50);
    }
    for (unsigned order = 0; order < 720; order++) {
        struct stream_conf conf = world_conf();
        struct world *w = world_new(&conf);
        uint32_t isn = isns[order % (sizeof isns / sizeof *isns)];

        world_handshake(w, isn, S - 1);
        send_permutation(w, isn + 1, text, sizeof text, order, &seed);
        assert_int_equal(w->got[TO_SERVER].size, sizeof text);
        assert_memory_equal(w->got[TO_SERVER].bytes, text, sizeof text);
        assert_int_equal(stream_counters(w->engine)->overlaps_different, 0);
        world_free(w);
    }
}

static void lost_segments_become_gaps_of_their_size(void **state)
{
    uint32_t seed = 7;

    for (unsigned round = 0; round < 500; round++) {
        struct stream_conf conf = world_conf();
        struct world *w = world_new(&conf);
        uint32_t isn = next_random(&seed) << 8 | 0xf0;
        uint8_t text[200], expected[201];
        uint32_t at = 0, known = 0;

        world_handshake(w, isn, S - 1);
        memset(text, 'x', sizeof text);
        memset(expected, '?', sizeof expected);
        while (at < sizeof text) {
            uint32_t n = 1 + next_random(&seed) % 20;
            n = at + n > sizeof text ? (uint32_t) sizeof text - at : n;
            if (next_random(&seed) % 4 != 0) {
                send_piece(w, isn + 1, text, at, at + n);
                memset(expected + at, 'x', n);
                known = at + n;
            }
            at += n;
            if (next_random(&seed) % 3 == 0) {
                world_send(w, TO_CLIENT, TCP_ACK, S, isn + 1 + at, "");
            }
        }
        world_send(w, TO_CLIENT, TCP_ACK, S, isn + 1 + at, "");
        assert_true(w->got[TO_SERVER].size >= known);
        world_send(w, TO_SERVER, TCP_ACK, isn + 1 + at, S, "!");
        expected[sizeof text] = '!';
        assert_int_equal(w->got[TO_SERVER].size, sizeof expected);
        assert_memory_equal(w->got[TO_SERVER].bytes, expected, sizeof expected);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_payload_is_handed_on_at_once_where_nobody_waits),
        cmocka_unit_test(out_of_order_payload_waits_for_what_comes_before),
        cmocka_unit_test(retransmission_is_handed_on_once),
        cmocka_unit_test(gap_is_declared_when_sent_past_and_acknowledged),
        cmocka_unit_test(acknowledgement_captured_before_its_data_makes_no_gap),
        cmocka_unit_test(gap_waits_for_data_behind_it),
        cmocka_unit_test(end_of_the_flow_hands_on_what_is_kept),
        cmocka_unit_test(kept_bytes_stand_unless_the_new_segment_begins_before_them),
        cmocka_unit_test(in_order_segment_over_kept_ones_is_compared_with_them),
        cmocka_unit_test(segment_that_spans_others_fills_the_holes_between_them),
        cmocka_unit_test(depth_ends_a_direction_exactly_there),
        cmocka_unit_test(gap_beyond_the_depth_reaches_it),
        cmocka_unit_test(stopped_direction_gets_no_more_calls),
        cmocka_unit_test(flow_memory_limit_refuses_and_the_rest_becomes_a_gap),
        cmocka_unit_test(total_memory_limit_is_kept),
        cmocka_unit_test(number_of_kept_segments_is_bounded),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(large_payload_is_kept_in_several_pieces),
        cmocka_unit_test(payload_cut_by_the_capture_becomes_a_gap),
        cmocka_unit_test(window_probe_byte_counts_only_when_it_is_acknowledged),
        cmocka_unit_test(every_order_of_segments_gives_the_same_bytes),
        cmocka_unit_test(lost_segments_become_gaps_of_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
