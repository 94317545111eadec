/* Rules about frames, about both sides of a transaction, and about its progress. */
#include "detect_world.h"

#include "common/base/strbuf.h"

#define expect(told, sids) assert_string_equal(told, sids)

static const char request[] = "GET /login HTTP/1.1\r\nHost: h.example\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";

/* Feeds a text in pieces of 'step' bytes; 'all' gets every alert. */
static void feed(struct world *w, enum direction dir, const char *text, size_t step,
                 struct strbuf *all)
{
    size_t size = strlen(text);

    for (size_t at = 0; at < size; at += step) {
        const char *told = world_segment(w, dir, text + at, step < size - at ? step : size - at,
                                         true);
        if (told[0] != '\0') {
            strbuf_printf(all, "%s ", told);
        }
    }
}

/* What a request and its response raise, however they are cut. */
static void expect_of_exchange(const char *rules, const char *sids)
{
    for (size_t step = 1; step < sizeof request + 2; step++) {
        struct world *w = world_new(rules);
        struct strbuf all = STRBUF_EMPTY;

        feed(w, TO_SERVER, request, step, &all);
        feed(w, TO_CLIENT, response, step, &all);
        if (strcmp(strbuf_cstr(&all), sids) != 0) {
            fail_msg("in pieces of %zu: \"%s\"", step, strbuf_cstr(&all));
        }
        strbuf_fini(&all);
        world_free(w);
    }
}

static void frames_are_looked_at_whole_and_once(void **state)
{
    expect_of_exchange("alert http any any -> any any (frame:http1.request; "
                       "content:\"GET /login\"; startswith; bsize:40; sid:1;)\n"
                       "alert http1 any any -> any any (frame:response; content:\"secret\"; "
                       "endswith; sid:2;)\n"
                       "alert http1 any any -> any any (frame:request; content:!\"POST\"; "
                       "sid:3;)\n"
                       "alert http1 any any -> any any (flow:to_client; frame:request; "
                       "content:\"GET\"; sid:4;)\n"
                       "alert tcp any any -> any 81 (frame:http1.request; content:\"GET\"; "
                       "sid:5;)\n",
                       "1t 3t 2t ");
}

static void transforms_are_of_the_whole_frame(void **state)
{
    expect_of_exchange("alert http1 any any -> any any (frame:request; strip_whitespace; "
                       "content:\"GET/loginHTTP/1.1Host\"; startswith; sid:1;)\n"
                       "alert http1 any any -> any any (frame:response; to_uppercase; "
                       "pcre:\"/SECRET$/\"; sid:2;)\n",
                       "1t 2t ");
}

static void a_stream_is_a_frame(void **state)
{
    struct world *w = world_new("alert http1 any any -> any any (frame:stream; "
                                "content:\"example\"; sid:1;)\n"
                                "alert tcp any any -> any any (frame:smtp.stream; "
                                "content:\"example\"; sid:2;)\n");

    expect(world_tcp(w, TO_SERVER, request), "1s");
    world_free(w);
}

static void a_datagram_is_a_frame(void **state)
{
    static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\2de\0\0\1\0\1";
    struct world *w = world_new("alert dns any any -> any any (frame:pdu; content:\"|02|de\"; "
                                "offset:14; depth:3; sid:1;)\n"
                                "alert udp any any -> any any (frame:dns.pdu; bsize:>22; "
                                "sid:2;)\n"
                                "alert tcp any any -> any any (frame:dns.pdu; content:\"de\"; "
                                "sid:3;)\n");

    world_flow(w, IP_PROTO_UDP, 53);
    for (int i = 0; i < 3; i++) {
        expect(world_udp_bytes(w, TO_SERVER, query, sizeof query - 1), "1t");
        assert_int_equal(w->flow.app->n_frames, 1);     /* Output has yet to see it. */
        LIST_ENTRY(list_front(&w->flow.app->frames), struct app_frame, node)->is_logged = true;
        app_release(w->apps, &w->flow);
    }
    world_free(w);
}

static void a_frame_that_does_not_end_is_looked_at_as_it_grows(void **state)
{
    struct world *w = world_new("alert http1 any any -> any any (frame:response; "
                                "content:\"secret\"; sid:1;)\n"
                                "alert http1 any any -> any any (frame:response; "
                                "content:\"last\"; endswith; sid:2;)\n");
    char block[1001];

    memset(block, 'x', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    world_tcp(w, TO_SERVER, request);
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 40009\r\n\r\n"), "");
    for (int i = 0; i < 30; i++) {
        expect(world_tcp(w, TO_CLIENT, block), "");
    }
    expect(world_tcp(w, TO_CLIENT, "secret"), "1t");
    expect(world_tcp(w, TO_CLIENT, "secret"), "");
    for (int i = 0; i < 9; i++) {
        expect(world_tcp(w, TO_CLIENT, block), "");
    }
    expect(world_tcp(w, TO_CLIENT, "xxxxxxx"), "");
    expect(world_tcp(w, TO_CLIENT, block), "");
    world_free(w);
}

static void both_sides_of_a_transaction_are_asked(void **state)
{
    expect_of_exchange("alert http any any => any any (http.uri; content:\"/login\"; "
                       "http.stat_code; content:\"200\"; sid:1;)\n"
                       "alert http any any => any any (http.uri; content:\"/login\"; "
                       "http.stat_code; content:\"404\"; sid:2;)\n"
                       "alert http any any => any any (http.uri; content:\"/other\"; "
                       "http.stat_code; content:\"200\"; sid:3;)\n"
                       "alert http any any => any any (http.uri; content:!\"/other\"; "
                       "http.stat_code; content:!\"404\"; sid:4;)\n"
                       "alert http any any => any any (urilen:6; http.method; content:\"GET\"; "
                       "file.data: to_client; content:\"secret\"; sid:5;)\n"
                       "alert http any any => any 81 (http.uri; content:\"/login\"; "
                       "http.stat_code; content:\"200\"; sid:6;)\n",
                       "1t 4t 5t ");
}

static void each_transaction_has_its_own_two_sides(void **state)
{
    struct world *w = world_new("alert http any any => any any (http.uri; content:\"/a\"; "
                                "http.stat_code; content:\"200\"; sid:1;)\n");

    expect(world_tcp(w, TO_SERVER, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "");
    expect(world_tcp(w, TO_SERVER, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "");
    expect(world_tcp(w, TO_SERVER, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"), "");
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "1t");
    world_free(w);
}

/* An answer that is over before its request is. */
/* The answer's packet has passed when the request is whole. */
static void an_early_answer_is_not_looked_at_again(void **state)
{
    struct world *w = world_new("alert http any any => any any (http.request_body; "
                                "content:\"late\"; http.stat_code; content:\"200\"; sid:1;)\n");

    expect(world_tcp(w, TO_SERVER, "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nand "), "");
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "");
    world_tcp(w, TO_SERVER, "late");
    expect(w->sids, "");
    world_free(w);
}

static void hooks_wait_for_their_state(void **state)
{
    struct world *w = world_new(
        "alert http1:request_line any any -> any any (http.method; content:\"POST\"; sid:1;)\n"
        "alert http1:request_body any any -> any any (sid:2;)\n"
        "alert http1:request_complete any any -> any any (sid:3;)\n"
        "alert http1:response_started any any -> any any (sid:4;)\n"
        "alert http1:response_complete any any -> any any (flow:to_client; sid:5;)\n"
        "alert dns:request_complete any any -> any any (sid:6;)\n");

    expect(world_tcp(w, TO_SERVER, "POST / HTTP/1.1\r\n"), "1t");
    expect(world_tcp(w, TO_SERVER, "Content-Length: 4\r\n"), "");
    expect(world_tcp(w, TO_SERVER, "\r\n"), "2t");
    expect(world_tcp(w, TO_SERVER, "body"), "3t");
    expect(world_tcp(w, TO_CLIENT, "HTTP/1.1 200 OK\r\n"), "4t");
    expect(world_tcp(w, TO_CLIENT, "Content-Length: 0\r\n\r\n"), "5t");
    world_free(w);
}

static void hooks_of_packets_name_the_first_of_each_side(void **state)
{
    struct world *w = world_new("alert tcp:flow_start any any -> any any (sid:1;)\n"
                                "alert ip:flow_start any any -> any any (flow:to_server; "
                                "sid:2;)\n"
                                "alert tcp:all any any -> any any (sid:3;)\n");

    w->flow.sides[TO_SERVER].packets = 1;
    expect(world_segment(w, TO_SERVER, "", 0, false), "1 2 3");
    w->flow.sides[TO_CLIENT].packets = 1;
    expect(world_segment(w, TO_CLIENT, "", 0, false), "1 3");
    w->flow.sides[TO_SERVER].packets = 2;
    expect(world_segment(w, TO_SERVER, "", 0, false), "3");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_looked_at_whole_and_once),
        cmocka_unit_test(transforms_are_of_the_whole_frame),
        cmocka_unit_test(a_stream_is_a_frame),
        cmocka_unit_test(a_datagram_is_a_frame),
        cmocka_unit_test(a_frame_that_does_not_end_is_looked_at_as_it_grows),
        cmocka_unit_test(both_sides_of_a_transaction_are_asked),
        cmocka_unit_test(each_transaction_has_its_own_two_sides),
        cmocka_unit_test(an_early_answer_is_not_looked_at_again),
        cmocka_unit_test(hooks_wait_for_their_state),
        cmocka_unit_test(hooks_of_packets_name_the_first_of_each_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
