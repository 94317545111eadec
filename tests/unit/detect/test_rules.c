/* Rules on streams and packets. */
#include "detect_world.h"

#define expect(told, sids) assert_string_equal(told, sids)

/* ---- Streams ---- */

static void a_pattern_split_over_segments_is_found_wherever_the_split_is(void **state)
{
    static const char text[] = "GET /xx evil-pattern-of-some-length and more, end";

    (void) state;
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct world *w = world_new(
            "alert tcp any any -> any any (msg:\"one\"; "
            "content:\"evil-pattern-of-some-length\"; sid:1;)\n"
            "alert tcp any any -> any any (msg:\"two\"; content:\"evil\"; "
            "content:\"more\"; distance:0; sid:2;)\n"
            "alert tcp any any -> any any (msg:\"three\"; content:\"nothing\"; sid:3;)\n");
        char all[64] = "";

        world_flow(w, IP_PROTO_TCP, 4444);
        feed_in_two(w, TO_SERVER, text, sizeof text - 1, cut, all, sizeof all);
        /* Each once, in whichever of the two packets completes it. */
        if (strstr(all, "1s") == NULL || strstr(all, "2s") == NULL
            || strstr(strstr(all, "1s") + 1, "1s") != NULL
            || strstr(strstr(all, "2s") + 1, "2s") != NULL || strstr(all, "3") != NULL) {
            fail_msg("cut at %zu: \"%s\"", cut, all);
        }
        world_free(w);
    }
}

static void a_stream_fed_byte_by_byte_finds_the_same(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"x\"; content:\"abc\"; sid:1;)\n");
    uint64_t random = 3;
    char text[400];
    unsigned n_found = 0, n_there = 0;

    (void) state;
    world_flow(w, IP_PROTO_TCP, 4444);
    for (size_t i = 0; i < sizeof text; i++) {
        random = hash_mix(random + i);
        text[i] = "abc"[random % 3];
    }
    for (size_t i = 0; i + 3 <= sizeof text; i++) {
        n_there += memcmp(text + i, "abc", 3) == 0;
    }
    for (size_t i = 0; i < sizeof text; i++) {
        n_found += strcmp(world_segment(w, TO_SERVER, text + i, 1, true), "1s") == 0;
    }
    assert_true(n_there > 5);
    assert_int_equal(n_found, n_there);
    world_free(w);
}

static void offsets_in_a_stream_count_from_its_start(void **state)
{
    struct world *w = world_new(
        "alert tcp-stream any any -> any any (msg:\"x\"; content:\"abc\"; depth:3; sid:1;)\n"
        "alert tcp-stream any any -> any any (msg:\"x\"; content:\"abc\"; offset:6; "
        "depth:3; sid:2;)\n"
        "alert tcp-stream any any -> any any (msg:\"x\"; content:\"abc\"; offset:7; sid:3;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abc"), "1s");
    expect(world_tcp(w, TO_SERVER, "abc"), "");
    expect(world_tcp(w, TO_SERVER, "abc"), "2s");
    expect(world_tcp(w, TO_SERVER, "abc"), "3s");
    world_free(w);
}

static void nothing_is_found_across_a_gap(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"x\"; content:\"abcdef\"; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abc"), "");
    w->seq[TO_SERVER] += 10;
    /* Nobody is seen to send it again. */
    world_segment(w, TO_CLIENT, "", 0, true);
    expect(world_tcp(w, TO_SERVER, "def"), "");
    expect(world_tcp(w, TO_SERVER, "abcdef"), "1s");
    world_free(w);
}

static void a_packet_without_a_session_is_looked_at_itself(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"x\"; content:\"abc\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"x\"; flow:established; content:\"abc\"; sid:2;)\n");

    (void) state;
    w->flow.state = FLOW_NEW;
    w->flow.tcp_state = TCP_STATE_NONE;
    expect(world_segment(w, TO_SERVER, "xabcx", 5, false), "1");
    world_free(w);
}

static void payload_is_not_looked_at_behind_the_packet_that_ended_it(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (content:\"key\"; sid:1;)\n"
        "alert tcp-pkt any any -> any any (content:\"key\"; sid:2;)\n"
        "alert ip any any -> any any (ip_proto:6; dsize:>0; sid:3;)\n"
        "alert ssh any any -> any any (ssh.software; content:\"b\"; sid:4;)\n");
    static const char newkeys[] = "SSH-2.0-b\r\n\0\0\0\5\0\x15key";

    (void) state;
    world_flow(w, IP_PROTO_TCP, 22);
    expect(world_segment(w, TO_SERVER, newkeys, sizeof newkeys - 1, true), "1s 2 3 4t");
    expect(world_segment(w, TO_SERVER, "key", 3, true), "1s 2 3");
    expect(world_segment(w, TO_CLIENT, newkeys, sizeof newkeys - 1, true), "1s 2 3 4t");
    expect(world_segment(w, TO_SERVER, "key", 3, true), "3");
    expect(world_segment(w, TO_CLIENT, "key", 3, true), "3");
    world_free(w);
}

static void directions_are_kept_apart(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any 80 (msg:\"x\"; content:\"abc\"; sid:1;)\n"
        "alert tcp any 80 -> any any (msg:\"x\"; content:\"abc\"; sid:2;)\n"
        "alert tcp any any <> any 80 (msg:\"x\"; content:\"abc\"; sid:3;)\n"
        "alert tcp any any -> any any (msg:\"x\"; flow:to_client; content:\"abc\"; sid:4;)\n"
        "alert tcp any any -> any [81:90,!85] (msg:\"x\"; content:\"abc\"; sid:5;)\n"
        "alert tcp $HOME_NET any -> any any (msg:\"x\"; content:\"abc\"; sid:6;)\n"
        "alert tcp 93.184.216.34 any -> any any (msg:\"x\"; content:\"abc\"; sid:7;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abc"), "1s 3s 6s");
    expect(world_tcp(w, TO_CLIENT, "abc"), "2s 3s 4s 7s");
    world_end_flow(w);
    world_flow(w, IP_PROTO_TCP, 84);
    expect(world_tcp(w, TO_SERVER, "abc"), "5s 6s");
    world_end_flow(w);
    world_flow(w, IP_PROTO_TCP, 85);
    expect(world_tcp(w, TO_SERVER, "abc"), "6s");
    world_free(w);
}

/* ---- Packets ---- */

static void header_rules_match_each_packet_and_address_rules_each_direction(void **state)
{
    struct world *w = world_new(
        "alert ip any any -> any any (msg:\"ip only\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"flags\"; flags:A; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"dsize\"; dsize:>3; sid:3;)\n"
        "alert tcp any any -> any any (msg:\"ttl\"; ttl:<64; sid:4;)\n"
        "alert ip [93.184.216.0/24,10.9.9.9] any -> any any (msg:\"listed\"; sid:5;)\n"
        "alert udp any any -> any any (msg:\"udp\"; sid:6;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abcd"), "1 2 3");
    expect(world_tcp(w, TO_SERVER, "a"), "2");
    expect(world_tcp(w, TO_CLIENT, "a"), "1 2 5");
    expect(world_tcp(w, TO_CLIENT, "a"), "2");
    world_free(w);
}

static void flow_state_is_asked_for(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"x\"; flow:established; dsize:>0; sid:1;)\n"
        "alert udp any any -> any any (msg:\"x\"; flow:not_established; dsize:>0; sid:2;)\n"
        "alert udp any any -> any any (msg:\"x\"; flow:stateless; dsize:>0; sid:3;)\n"
        "alert udp any any -> any any (msg:\"x\"; flow:to_server,established; dsize:>0; sid:4;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    w->flow.state = FLOW_NEW;
    expect(world_udp(w, TO_SERVER, "x"), "2 3");
    w->flow.state = FLOW_ESTABLISHED;
    expect(world_udp(w, TO_CLIENT, "x"), "1 3");
    expect(world_udp(w, TO_SERVER, "x"), "1 3 4");
    world_free(w);
}

static void rules_about_events_see_packets_that_have_them(void **state)
{
    struct world *w = world_new(
        "alert pkthdr any any -> any any (msg:\"x\"; decode-event:ipv4.trunc_pkt; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"x\"; stream-event:est_invalid_ack; sid:2;)\n");
    struct stream_result result = { .is_valid = true };

    (void) state;
    expect(world_tcp(w, TO_SERVER, "x"), "");
    world_packet(w, TO_SERVER, "x", 1);
    w->packet.n_events = 1;
    w->packet.events[0] = (uint16_t) decode_event_by_name("ipv4.trunc_pkt", 14);
    w->packet.is_invalid = true;
    detect_begin(w->worker, &w->packet, NULL, TO_SERVER, &result);
    detect_run(w->worker);
    expect(world_told(w), "1");
    world_packet(w, TO_SERVER, "x", 1);
    w->packet.n_stream_events = 1;
    w->packet.stream_events[0] = STREAM_EVENT_EST_INVALID_ACK;
    detect_begin(w->worker, &w->packet, &w->flow, TO_SERVER, &result);
    detect_run(w->worker);
    expect(world_told(w), "2");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_split_over_segments_is_found_wherever_the_split_is),
        cmocka_unit_test(a_stream_fed_byte_by_byte_finds_the_same),
        cmocka_unit_test(offsets_in_a_stream_count_from_its_start),
        cmocka_unit_test(nothing_is_found_across_a_gap),
        cmocka_unit_test(a_packet_without_a_session_is_looked_at_itself),
        cmocka_unit_test(payload_is_not_looked_at_behind_the_packet_that_ended_it),
        cmocka_unit_test(directions_are_kept_apart),
        cmocka_unit_test(header_rules_match_each_packet_and_address_rules_each_direction),
        cmocka_unit_test(flow_state_is_asked_for),
        cmocka_unit_test(rules_about_events_see_packets_that_have_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
