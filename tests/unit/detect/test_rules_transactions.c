/* Rules on transactions. */
#include "exchange.h"

#define expect(told, sids) assert_string_equal(told, sids)

/* ---- Transactions ---- */

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
    struct world *w = world_new_acked(
        "alert http any any -> any any (msg:\"each packet\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"once\"; app-layer-protocol:http; sid:2;)\n"
        "alert tls any any -> any any (msg:\"other\"; sid:3;)\n");

    (void) state;
    /* A segment does not tell its own protocol: the one does that acknowledges it. */
    expect(world_tcp(w, TO_SERVER, request), "");
    expect(world_tcp(w, TO_CLIENT, response), "1");
    expect(world_segment(w, TO_SERVER, "", 0, true), "1 2");
    expect(world_segment(w, TO_SERVER, "", 0, true), "1");
    expect(world_segment(w, TO_CLIENT, "", 0, true), "1 2");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_buffers_are_inspected),
        cmocka_unit_test(transactions_alert_once_wherever_segments_are_cut),
        cmocka_unit_test(bodies_grow_piece_by_piece),
        cmocka_unit_test(each_transaction_is_inspected_on_its_own),
        cmocka_unit_test(transactions_are_released_once_they_are_inspected),
        cmocka_unit_test(dns_names_are_inspected),
        cmocka_unit_test(rules_about_the_protocol_alone),
        cmocka_unit_test(rules_about_the_protocols_of_both_sides_wait_for_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
