/* Rules on conversations: streams, flows, transactions, bits, filters, order. */
#include "detect_world.h"

#include <unistd.h>

#define expect(told, sids) assert_string_equal(told, sids)

/* ---- Streams ---- */

/* Feeds 'bytes' cut in two; 'all' is given the alerts of both pieces. */
static void feed_in_two(struct world *w, enum direction dir, const char *bytes, size_t size,
                        size_t cut, char *all, size_t all_size)
{
    size_t n = (size_t) snprintf(all, all_size, "%s ",
                                 world_segment(w, dir, bytes, cut, true));

    assert_true(n < all_size);
    snprintf(all + n, all_size - n, "%s",
             world_segment(w, dir, bytes + cut, size - cut, true));
}

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
    w->stream_at[TO_SERVER] += 10;
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

/* ---- Bits and numbers ---- */

static void flowbits_are_set_before_they_are_asked_for(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"reads\"; flowbits:isset,a; content:\"two\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"sets\"; content:\"one\"; flowbits:set,a; "
        "flowbits:noalert; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"not\"; flowbits:isnotset,a; content:\"two\"; sid:3;)\n"
        "alert tcp any any -> any any (msg:\"unsets\"; content:\"off\"; "
        "flowbits:unset,a; sid:4;)\n");
    const char *names[4];

    (void) state;
    expect(world_tcp(w, TO_SERVER, "two"), "3s");
    expect(world_tcp(w, TO_SERVER, "one"), "");
    assert_int_equal(detect_flowbits(w->worker, &w->flow, names, 4), 1);
    assert_string_equal(names[0], "a");
    expect(world_tcp(w, TO_SERVER, "two"), "1s");
    expect(world_tcp(w, TO_SERVER, "off"), "4s");
    expect(world_tcp(w, TO_SERVER, "two"), "3s");
    world_end_flow(w);
    world_flow(w, IP_PROTO_TCP, 80);
    expect(world_tcp(w, TO_SERVER, "one two"), "1s");   /* In one packet: writers first. */
    world_free(w);
}

static void flowints_count(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"new\"; content:\"x\"; flowint:n,notset; "
        "flowint:n,=,0; noalert; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"count\"; content:\"x\"; flowint:n,isset; "
        "flowint:n,+,1; noalert; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"three\"; content:\"y\"; flowint:n,isset; "
        "flowint:n,>,2; sid:3;)\n");

    (void) state;
    for (unsigned i = 0; i < 3; i++) {
        expect(world_tcp(w, TO_SERVER, "y"), "");
        world_tcp(w, TO_SERVER, "x");
    }
    world_tcp(w, TO_SERVER, "x");
    expect(world_tcp(w, TO_SERVER, "y"), "3s");
    world_free(w);
}

static void flowints_are_compared_with_each_other(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"a\"; content:\"x\"; flowint:a,+,1; noalert; "
        "sid:1;)\n"
        "alert udp any any -> any any (msg:\"b\"; content:\"y\"; flowint:b,+,1; noalert; "
        "sid:2;)\n"
        "alert udp any any -> any any (msg:\"more\"; content:\"z\"; flowint:a,>,b; sid:3;)\n"
        "alert udp any any -> any any (msg:\"as many\"; content:\"z\"; flowint:a,==,b; "
        "sid:4;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "");
    expect(world_udp(w, TO_SERVER, "z"), "");   /* There is no b yet. */
    expect(world_udp(w, TO_SERVER, "y"), "");
    expect(world_udp(w, TO_SERVER, "z"), "4");
    expect(world_udp(w, TO_SERVER, "x"), "");
    expect(world_udp(w, TO_SERVER, "z"), "3");
    world_free(w);
}

static void xbits_span_flows_and_expire(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"sets\"; content:\"one\"; "
        "xbits:set,b,track ip_src,expire 10; noalert; sid:1;)\n"
        "alert udp any any -> any any (msg:\"reads\"; content:\"two\"; "
        "xbits:isset,b,track ip_src; sid:2;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    world_udp(w, TO_SERVER, "one");
    world_end_flow(w);
    world_flow(w, IP_PROTO_UDP, 6000);
    expect(world_udp(w, TO_SERVER, "two"), "2");
    expect(world_udp(w, TO_CLIENT, "two"), "");
    w->now_ns += 11ull * 1000000000;
    expect(world_udp(w, TO_SERVER, "two"), "");
    world_free(w);
}

/* ---- Filters ---- */

/* One packet a second; in which of 12 was there an alert? */
static void check_filter(const char *filter, const char *expected)
{
    char *rule = NULL, got[16] = "";

    assert_true(asprintf(&rule, "alert udp any any -> any any (msg:\"x\"; "
                                "content:\"x\"; %s sid:1;)\n",
                         filter) > 0);
    struct world *w = world_new(rule);

    world_flow(w, IP_PROTO_UDP, 5000);
    for (unsigned i = 0; i < 12; i++) {
        got[i] = strcmp(world_udp(w, TO_SERVER, "x"), "1") == 0 ? '!' : '.';
        w->now_ns += 1000000000ull - 1000000;
    }
    if (strcmp(got, expected) != 0) {
        fail_msg("%s: %s, expected %s", filter, got, expected);
    }
    world_free(w);
    free(rule);
}

static void filters_thin_alerts_out(void **state)
{
    (void) state;
    check_filter("", "!!!!!!!!!!!!");
    check_filter("threshold:type limit,track by_src,count 2,seconds 60;", "!!..........");
    check_filter("threshold:type limit,track by_src,count 1,seconds 4;", "!....!....!.");
    check_filter("threshold:type threshold,track by_src,count 3,seconds 60;", "..!..!..!..!");
    check_filter("threshold:type both,track by_src,count 3,seconds 60;", "..!.........");
    check_filter("threshold:type both,track by_dst,count 3,seconds 4;", "..!....!....");
    check_filter("detection_filter:track by_src,count 3,seconds 60;", "...!!!!!!!!!");
    check_filter("threshold:type limit,track by_rule,count 1,seconds 60;", "!...........");
    check_filter("threshold:type limit,track by_flow,count 1,seconds 60;", "!...........");
}

/* ---- Order and limits ---- */

static void pass_comes_first_and_lets_the_flow_go(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"x\"; content:\"abc\"; sid:1;)\n"
        "pass tcp any any -> any any (msg:\"p\"; content:\"let me\"; sid:2;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abc"), "1s");
    expect(world_tcp(w, TO_SERVER, "abc let me"), "");
    expect(world_tcp(w, TO_SERVER, "abc"), "");
    world_free(w);
}

static void alerts_come_in_order_of_action_and_priority(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"x\"; content:\"x\"; priority:3; sid:1;)\n"
        "alert udp any any -> any any (msg:\"x\"; content:\"x\"; priority:1; sid:2;)\n"
        "drop udp any any -> any any (msg:\"x\"; content:\"x\"; priority:4; sid:3;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "3 2 1");
    world_free(w);
}

static void a_packet_has_a_limited_number_of_alerts(void **state)
{
    char rules[20 * 100] = "";
    size_t size = 0;

    (void) state;
    for (unsigned i = 1; i <= 18; i++) {
        size += (size_t) snprintf(rules + size, sizeof rules - size,
                                  "alert udp any any -> any any (msg:\"x\"; content:\"x\"; "
                                  "sid:%u;)\n", i);
    }
    struct world *w = world_new(rules);

    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
    assert_int_equal(detect_counters(w->worker)->over_limit, 3);
    world_free(w);
}

/* ---- Transactions ---- */

static const char request[] = "GET /index.html?q=evil HTTP/1.1\r\nHost: www.Example.com\r\n"
                              "User-Agent: test/1\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n"
                               "Content-Type: text/plain\r\n\r\nhello world";

static void http_buffers_are_inspected(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"uri\"; http.uri; content:\"q=evil\"; sid:1;)\n"
        "alert http any any -> any any (msg:\"two\"; http.method; content:\"GET\"; "
        "http.host; content:\"example\"; sid:2;)\n"
        "alert http any any -> any any (msg:\"no\"; http.method; content:\"POST\"; "
        "http.uri; content:\"evil\"; sid:3;)\n"
        "alert http any any -> any any (msg:\"dot\"; http.host; dotprefix; "
        "content:\".www.example.com\"; endswith; sid:4;)\n"
        "alert http any any -> any any (msg:\"urilen\"; urilen:18; sid:5;)\n"
        "alert http any any -> any any (msg:\"not\"; http.uri; content:!\"good\"; sid:6;)\n"
        "alert http any any -> any any (msg:\"body\"; flow:to_client; file.data; "
        "content:\"world\"; sid:7;)\n"
        "alert http any any -> any any (msg:\"stat\"; http.stat_code; content:\"200\"; sid:8;)\n"
        "alert http any any -> any any (msg:\"response\"; http.response_body; "
        "content:\"hello\"; depth:5; sid:9;)\n"
        "alert http any any -> any any (msg:\"payload too\"; http.uri; "
        "content:\"evil\"; pkt_data; content:\"test/1\"; sid:10;)\n"
        "alert http any any -> any any (msg:\"bsize\"; http.uri; bsize:18; "
        "content:\"/\"; startswith; sid:11;)\n"
        "alert http any any -> any any (msg:\"md5\"; http.method; to_md5; "
        "content:\"|7528035a93ee69cedb1dbddb2f0bfcc8|\"; sid:12;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, request), "1t 2t 4t 5t 6t 10t 11t 12t");
    expect(world_tcp(w, TO_CLIENT, response), "7t 8t 9t");
    world_free(w);
}

static void transactions_alert_once_wherever_segments_are_cut(void **state)
{
    (void) state;
    for (size_t cut = 1; cut < sizeof request - 1; cut++) {
        struct world *w = world_new(
            "alert http any any -> any any (msg:\"uri\"; http.uri; content:\"q=evil\"; sid:1;)\n"
            "alert http any any -> any any (msg:\"both\"; http.uri; content:\"evil\"; "
            "http.user_agent; content:\"test\"; sid:2;)\n"
            "alert http any any -> any any (msg:\"no\"; http.uri; content:\"evil\"; "
            "http.user_agent; content:!\"test\"; sid:3;)\n");
        char all[64] = "";

        feed_in_two(w, TO_SERVER, request, sizeof request - 1, cut, all, sizeof all);
        const char *one = strstr(all, "1t"), *two = strstr(all, "2t");

        if (one == NULL || two == NULL || strstr(one + 1, "1t") != NULL
            || strstr(two + 1, "2t") != NULL || strstr(all, "3t") != NULL) {
            fail_msg("cut at %zu: \"%s\"", cut, all);
        }
        world_free(w);
    }
}

static void bodies_grow_piece_by_piece(void **state)
{
    (void) state;
    for (size_t cut = 1; cut < sizeof response - 1; cut++) {
        struct world *w = world_new(
            "alert http any any -> any any (msg:\"body\"; flow:to_client; file.data; "
            "content:\"lo wor\"; sid:1;)\n"
            "alert http any any -> any any (msg:\"not\"; flow:to_client; file.data; "
            "content:\"hell\"; content:!\"world\"; sid:2;)\n"
            "alert http any any -> any any (msg:\"end\"; flow:to_client; "
            "http.response_body; content:\"rld\"; endswith; sid:3;)\n");
        char all[64] = "";

        world_tcp(w, TO_SERVER, request);
        feed_in_two(w, TO_CLIENT, response, sizeof response - 1, cut, all, sizeof all);
        if (strstr(all, "1t") == NULL || strstr(all, "3t") == NULL || strstr(all, "2t") != NULL) {
            fail_msg("cut at %zu: \"%s\"", cut, all);
        }
        world_free(w);
    }
}

static void each_transaction_is_inspected_on_its_own(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"uri\"; http.uri; content:\"evil\"; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, request), "1t");
    expect(world_tcp(w, TO_CLIENT, response), "");
    expect(world_tcp(w, TO_SERVER, request), "1t");
    expect(world_tcp(w, TO_CLIENT, response), "");
    expect(world_tcp(w, TO_SERVER, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    world_free(w);
}

static void transactions_are_released_once_they_are_inspected(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"uri\"; http.uri; content:\"evil\"; sid:1;)\n");

    (void) state;
    world_tcp(w, TO_SERVER, request);
    world_tcp(w, TO_CLIENT, response);
    for (struct app_tx *tx = app_tx_first(w->flow.app); tx != NULL;
         tx = app_tx_next(w->flow.app, tx)) {
        assert_true(tx->is_inspected[TO_SERVER]);
        assert_true(tx->is_inspected[TO_CLIENT]);
    }
    world_free(w);
}

static void dns_names_are_inspected(void **state)
{
    static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                   "\x04" "evil\x07" "example\x03" "com\x00\x00\x01\x00\x01";
    struct world *w = world_new(
        "alert dns any any -> any any (msg:\"query\"; dns.query; "
        "content:\"evil.example\"; nocase; sid:1;)\n"
        "alert dns any any -> any any (msg:\"dot\"; dns.query; dotprefix; "
        "content:\".example.com\"; endswith; sid:2;)\n"
        "alert dns any any -> any any (msg:\"no\"; dns.query; content:\"good\"; sid:3;)\n"
        "alert dns any any -> any any (msg:\"opcode\"; dns.opcode:0; sid:4;)\n"
        "alert udp any any -> any 53 (msg:\"raw\"; content:\"|04|evil\"; sid:5;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 53);
    expect(world_udp_bytes(w, TO_SERVER, query, sizeof query - 1), "1t 2t 4t 5");
    world_free(w);
}

static void rules_about_the_protocol_alone(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"each packet\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"once\"; app-layer-protocol:http; sid:2;)\n"
        "alert tls any any -> any any (msg:\"other\"; sid:3;)\n");

    (void) state;
    /* A segment does not tell its own protocol, only that of what follows. */
    expect(world_tcp(w, TO_SERVER, request), "");
    expect(world_tcp(w, TO_CLIENT, response), "1 2");
    expect(world_segment(w, TO_SERVER, "", 0, true), "1 2");
    expect(world_segment(w, TO_SERVER, "", 0, true), "1");
    world_free(w);
}

static void rules_about_the_protocols_of_both_sides_wait_for_them(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (flow:to_client; app-layer-protocol:http,to_server; "
        "app-layer-protocol:http,to_client; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, request), "");
    expect(world_segment(w, TO_CLIENT, "", 0, true), "");
    expect(world_tcp(w, TO_CLIENT, response), "1");
    expect(world_segment(w, TO_CLIENT, "", 0, true), "");
    world_free(w);
}

/* ---- Tags, passes, bypass ---- */

static void tags_tell_the_packets_that_follow(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (content:\"tag me\"; tag:session,3,packets; sid:1;)\n"
        "alert tcp any any -> any any (content:\"host\"; tag:host,2,packets,src; sid:2;)\n");
    static const bool after_first[] = { true, true, false };
    static const bool after_second[] = { true, false };

    (void) state;
    expect(world_tcp(w, TO_SERVER, "nothing"), "");
    assert_false(detect_packet_is_tagged(w->worker));
    expect(world_tcp(w, TO_SERVER, "tag me"), "1s");
    assert_false(detect_packet_is_tagged(w->worker));
    for (size_t i = 0; i < 3; i++) {
        world_segment(w, TO_CLIENT, "", 0, true);
        assert_int_equal(detect_packet_is_tagged(w->worker), after_first[i]);
    }
    expect(world_tcp(w, TO_SERVER, "host"), "2s");
    for (size_t i = 0; i < 2; i++) {
        world_segment(w, TO_CLIENT, "", 0, true);
        assert_int_equal(detect_packet_is_tagged(w->worker), after_second[i]);
    }
    world_free(w);
}

static void a_pass_with_alert_is_told_and_still_passes(void **state)
{
    struct world *w = world_new(
        "pass tcp any any -> any any (content:\"let go\"; alert; sid:1;)\n"
        "alert tcp any any -> any any (content:\"go\"; sid:2;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "let go"), "1s");
    assert_true(detect_flow_is_passed(&w->flow));
    expect(world_tcp(w, TO_SERVER, "go on"), "");
    world_free(w);
}

static void a_rule_bypasses_its_flow(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (content:\"enough\"; bypass; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "enough"), "1s");
    assert_true(w->flow.is_bypassed);
    expect(world_tcp(w, TO_SERVER, "enough"), "");
    world_free(w);
}

/* ---- Operations that find their buffer, and what they leave ---- */

static void relative_operations_look_where_a_moved_content_looked(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (content:\"/ind\"; http_uri; isdataat:!20,relative; "
        "sid:1;)\n"
        "alert http any any -> any any (content:\"/ind\"; http_uri; isdataat:20,relative; "
        "sid:2;)\n"
        "alert http any any -> any any (urilen:20<>200,raw; sid:3;)\n"
        "alert http any any -> any any (content:\"q=\"; http_uri; base64_decode:relative; "
        "base64_data; content:\"secret\"; sid:4;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "GET /index?q=c2VjcmV0 HTTP/1.1\r\nHost: a\r\n\r\n"),
           "1t 4t");
    world_free(w);
}

static void base64_of_a_growing_body_is_decoded_again(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (http.request_body; content:\"k=\"; "
        "base64_decode:relative; base64_data; content:\"secret\"; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
                     "k=c2Vj"), "");
    expect(world_tcp(w, TO_SERVER, "cmV0"), "1t");
    world_free(w);
}

static void entropy_is_compared_and_kept_for_the_flow(void **state)
{
    struct world *w = world_new(
        "alert tcp-pkt any any -> any any (entropy:value > 1.9; sid:1;)\n"
        "alert tcp-pkt any any -> any any (entropy:offset 4, bytes 2, value = 1; sid:2;)\n"
        "alert tcp-pkt any any -> any any (entropy:value 3-4; sid:3;)\n");
    char text[128];

    (void) state;
    assert_int_equal(detect_entropy(&w->flow, text, sizeof text), 0);
    expect(world_segment(w, TO_SERVER, "abcdab", 6, false), "1 2");
    size_t n = detect_entropy(&w->flow, text, sizeof text);
    assert_int_equal(strncmp(text, "{\"content\":1.9", 14), 0);
    assert_int_equal(text[n - 1], '}');
    assert_int_equal(detect_entropy(&w->flow, text, 10), 0);
    world_free(w);
}

static void ftpbounce_sees_an_address_that_is_not_the_senders(void **state)
{
    struct world *w = world_new("alert tcp-pkt any any -> any any (ftpbounce; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "PORT 192,168,1,2,4,1\r\n"), "");
    expect(world_tcp(w, TO_SERVER, "port 10,0,0,1,4,1\r\n"), "1");
    expect(world_tcp(w, TO_SERVER, "PORT 10,0,0,"), "");
    expect(world_tcp(w, TO_SERVER, "PORT 10,0,0,999,4,1\r\n"), "");
    expect(world_tcp(w, TO_SERVER, "PORTS 10,0,0,1,4,1\r\n"), "");
    world_free(w);
}

static void transforms_decompress(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (http.uri; content:\"v=\"; from_base64:offset 4; "
        "gunzip:max-size 5; content:\"hello\"; startswith; endswith; sid:1;)\n"
        "alert http any any -> any any (http.uri; content:\"v=\"; from_base64:offset 4; "
        "gunzip; content:\"hello world\"; sid:2;)\n"
        "alert http any any -> any any (http.uri; content:\"v=\"; from_base64:offset 4; "
        "zlib_deflate; content:\"hello\"; sid:3;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER,
                     "GET /?v=H4sIAAAAAAACA8tIzcnJVyjPL8pJAQCFEUoNCwAAAA== HTTP/1.1\r\n"
                     "Host: a\r\n\r\n"),
           "1t 2t");
    world_free(w);
}

/* ---- Datasets ---- */

static void json_datasets_tell_what_they_know(void **state)
{
    char path[] = "test-dataset-XXXXXX", rules[512];
    const struct detect_alert *alerts;
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    (void) state;
    fputs("{\"bad\":[{\"host\":{\"name\":\"www.example.com\"},\"year\":2005},"
          "{\"host\":{\"name\":\"www.example.com\"},\"year\":2006},{\"year\":1}]}", f);
    fclose(f);
    snprintf(rules, sizeof rules,
             "alert http any any -> any any (http.host; dataset:isset,bad,type string,load %s,"
             "format json,value_key host.name,array_key bad,context_key who,remove_key; "
             "sid:1;)\n", path);
    struct world *w = world_new(rules);

    expect(world_tcp(w, TO_SERVER, request), "1t");
    assert_int_equal(detect_alerts(w->worker, &alerts), 1);
    assert_true(slice_equal(alerts[0].context,
                            slice_text("{\"who\":{\"host\":{},\"year\":2005}}")));
    world_free(w);
    unlink(path);
}

/* What the alert tells is of the value as it was found, not as it was left. */
static void a_value_that_leaves_its_json_dataset_is_told_once(void **state)
{
    char path[] = "test-dataset-XXXXXX", rules[512];
    const struct detect_alert *alerts;
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    (void) state;
    fputs("{\"host\":\"www.example.com\",\"year\":2005}\n", f);
    fclose(f);
    snprintf(rules, sizeof rules,
             "alert http any any -> any any (http.host; dataset:isset,bad,type string,load %s,"
             "format ndjson,value_key host,context_key who,remove_key; dataset:unset,bad; "
             "sid:1;)\n", path);
    struct world *w = world_new(rules);

    expect(world_tcp(w, TO_SERVER, request), "1t");
    assert_int_equal(detect_alerts(w->worker, &alerts), 1);
    assert_true(slice_equal(alerts[0].context, slice_text("{\"who\":{\"year\":2005}}")));
    world_tcp(w, TO_CLIENT, response);
    expect(world_tcp(w, TO_SERVER, request), "");
    world_free(w);
    unlink(path);
}

static void transformed_addresses_are_remembered_each_in_its_dataset(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"sets\"; content:\"one\"; "
        "ip.src; to_md5; dataset:set,clients,type md5; "
        "ip.dst; to_md5; dataset:set,servers,type md5; sid:1;)\n"
        "alert udp any any -> any any (msg:\"reads\"; content:\"two\"; "
        "ip.src; to_md5; dataset:isset,clients; sid:2;)\n"
        "alert udp any any -> any any (msg:\"reads\"; content:\"two\"; "
        "ip.dst; to_md5; dataset:isset,servers; sid:3;)\n"
        "alert udp any any -> any any (msg:\"reads\"; content:\"two\"; "
        "ip.dst; to_md5; dataset:isset,clients; sid:4;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "one"), "1");
    expect(world_udp(w, TO_SERVER, "two"), "2 3");
    world_free(w);
}

static void datasets_of_ipv6_addresses_are_sets_of_addresses(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"new\"; ip.src; dataset:set,seen,type ipv6; "
        "sid:1;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "one"), "1");
    expect(world_udp(w, TO_SERVER, "one"), "");
    world_free(w);
}

static void a_flow_without_logging_logs_no_later_transaction_either(void **state)
{
    struct world *w = world_new(
        "config http any any -> any any (http.uri; content:\"/quiet\"; "
        "config:logging disable, type tx, scope flow; sid:1;)\n");
    unsigned n = 0;

    (void) state;
    world_tcp(w, TO_SERVER, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_false(app_tx_first(w->flow.app)->is_logged);
    world_tcp(w, TO_SERVER, "GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n");
    world_tcp(w, TO_SERVER, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    for (struct app_tx *tx = app_tx_first(w->flow.app); tx != NULL;
         tx = app_tx_next(w->flow.app, tx)) {
        assert_true(tx->is_logged);
        n++;
    }
    assert_int_equal(n, 3);
    world_free(w);
}

/* The first branch is tried in some ten thousand ways before the second would match. */
static void an_expression_of_a_transform_has_a_limit(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"slow\"; http.uri; "
        "pcrexform:\"^/(?:(?:a|aa)+b|a+)(z)\"; content:\"z\"; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "GET /aaaz HTTP/1.1\r\nHost: a\r\n\r\n"), "1t");
    expect(world_tcp(w, TO_SERVER,
                     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaz HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    world_free(w);
}

static void datasets_remember(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (msg:\"first time\"; http.host; "
        "dataset:set,seen,type string,memcap 1mb,hashsize 64; sid:1;)\n"
        "alert http any any -> any any (msg:\"known\"; http.uri; content:\"check\"; "
        "http.host; dataset:isset,seen; sid:2;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, request), "1t");
    expect(world_tcp(w, TO_CLIENT, response), "");
    expect(world_tcp(w, TO_SERVER, request), "");
    expect(world_tcp(w, TO_CLIENT, response), "");
    expect(world_tcp(w, TO_SERVER, "GET /check HTTP/1.1\r\nHost: www.example.com\r\n\r\n"), "2t");
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
        cmocka_unit_test(flowbits_are_set_before_they_are_asked_for),
        cmocka_unit_test(flowints_count),
        cmocka_unit_test(flowints_are_compared_with_each_other),
        cmocka_unit_test(xbits_span_flows_and_expire),
        cmocka_unit_test(filters_thin_alerts_out),
        cmocka_unit_test(pass_comes_first_and_lets_the_flow_go),
        cmocka_unit_test(alerts_come_in_order_of_action_and_priority),
        cmocka_unit_test(a_packet_has_a_limited_number_of_alerts),
        cmocka_unit_test(http_buffers_are_inspected),
        cmocka_unit_test(transactions_alert_once_wherever_segments_are_cut),
        cmocka_unit_test(bodies_grow_piece_by_piece),
        cmocka_unit_test(each_transaction_is_inspected_on_its_own),
        cmocka_unit_test(transactions_are_released_once_they_are_inspected),
        cmocka_unit_test(dns_names_are_inspected),
        cmocka_unit_test(rules_about_the_protocol_alone),
        cmocka_unit_test(datasets_of_ipv6_addresses_are_sets_of_addresses),
        cmocka_unit_test(a_flow_without_logging_logs_no_later_transaction_either),
        cmocka_unit_test(an_expression_of_a_transform_has_a_limit),
        cmocka_unit_test(datasets_remember),
        cmocka_unit_test(rules_about_the_protocols_of_both_sides_wait_for_them),
        cmocka_unit_test(tags_tell_the_packets_that_follow),
        cmocka_unit_test(a_pass_with_alert_is_told_and_still_passes),
        cmocka_unit_test(a_rule_bypasses_its_flow),
        cmocka_unit_test(relative_operations_look_where_a_moved_content_looked),
        cmocka_unit_test(base64_of_a_growing_body_is_decoded_again),
        cmocka_unit_test(entropy_is_compared_and_kept_for_the_flow),
        cmocka_unit_test(ftpbounce_sees_an_address_that_is_not_the_senders),
        cmocka_unit_test(transforms_decompress),
        cmocka_unit_test(json_datasets_tell_what_they_know),
        cmocka_unit_test(a_value_that_leaves_its_json_dataset_is_told_once),
        cmocka_unit_test(transformed_addresses_are_remembered_each_in_its_dataset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
