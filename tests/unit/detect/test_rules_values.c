/* Rules that take values out of buffers: operations, transforms, datasets. */
#include "exchange.h"

#include <unistd.h>

#define expect(told, sids) assert_string_equal(told, sids)

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
        cmocka_unit_test(relative_operations_look_where_a_moved_content_looked),
        cmocka_unit_test(base64_of_a_growing_body_is_decoded_again),
        cmocka_unit_test(entropy_is_compared_and_kept_for_the_flow),
        cmocka_unit_test(ftpbounce_sees_an_address_that_is_not_the_senders),
        cmocka_unit_test(transforms_decompress),
        cmocka_unit_test(json_datasets_tell_what_they_know),
        cmocka_unit_test(a_value_that_leaves_its_json_dataset_is_told_once),
        cmocka_unit_test(transformed_addresses_are_remembered_each_in_its_dataset),
        cmocka_unit_test(datasets_of_ipv6_addresses_are_sets_of_addresses),
        cmocka_unit_test(a_flow_without_logging_logs_no_later_transaction_either),
        cmocka_unit_test(an_expression_of_a_transform_has_a_limit),
        cmocka_unit_test(datasets_remember),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
