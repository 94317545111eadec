/* The engine: recognition, sessions, the life of transactions and limits. */
#include "tests/unit/app/conversation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sensor/app/lookup.h"

static const struct turn get = C("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
static const struct turn ok = S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

static void http_is_recognized_on_any_port(void **state)
{
    struct conversation c;

    start(&c);
    c.flow.key.dport = 4711;
    feed_turn(&c, &get, 0);
    assert_int_equal(c.flow.app_proto, APP_HTTP1);
    assert_int_equal(c.flow.app_proto_side[TO_SERVER], APP_HTTP1);
    assert_int_equal(c.flow.app_proto_side[TO_CLIENT], APP_UNKNOWN);
    feed_turn(&c, &ok, 0);
    assert_int_equal(c.flow.app_proto_side[TO_CLIENT], APP_HTTP1);
    assert_int_equal(c.flow.app->proto_events, 0);
    stop(&c);
}

struct first_data {
    const char *name;
    struct turn turns[3];
    enum app_proto proto;
    const char *event;
};

#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
static void recognition_tells_what_is_odd(void **state)
{
    static const struct first_data rows[] = {
        { "neither side", { C("\x01\x02garbage"), S("\x03more") }, APP_FAILED, NULL },
        { "one side yet", { C("\x01\x02garbage") }, APP_UNKNOWN, NULL },
        { "the client alone", { C("GET / HTTP/1.1\r\n\r\n"), S("\x01\x02garbage") }, APP_HTTP1,
          "applayer_detect_protocol_only_one_direction" },
        { "the server alone", { C("\x01\x02garbage"), S("HTTP/1.1 200 OK\r\n\r\n") },
          APP_HTTP1, "applayer_detect_protocol_only_one_direction" },
        { "the server first", { S("HTTP/1.1 200 OK\r\n\r\n") }, APP_HTTP1,
          "applayer_wrong_direction_first_data" },
        { "SIP is not HTTP", { C("OPTIONS sip:a@b SIP/2.0\r\n"), S("SIP/2.0 200 OK\r\n") },
          APP_SIP, NULL },
        { "RTSP is not HTTP", { C("OPTIONS rtsp://a RTSP/1.0\r\n"), S("RTSP/1.0 200 OK\r\n") },
          APP_FAILED, NULL },
        { "an HTTP client at an SSH server", { C("GET / HTTP/1.1\r\n\r\n"),
                                               S("SSH-2.0-x\r\n") },
          APP_HTTP1, "applayer_mismatch_protocol_both_directions" },
        { "a method that nobody knows", { C("FROB / HTTP/1.1\r\n") }, APP_HTTP1, NULL },
        { "HTTP/2", { C("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), S("\0\0\0\4\0\0\0\0\0") }, APP_HTTP2,
          NULL },
        { "SSH", { S("SSH-2.0-server\r\n"), C("SSH-2.0-client\r\n") }, APP_SSH, NULL },
        { "SMTP", { S("220 mail.example ready\r\n"), C("EHLO a\r\n") }, APP_SMTP, NULL },
        { "SMTP by its server", { S("220 a ESMTP b\r\n") }, APP_SMTP, NULL },
        { "FTP", { S("220 welcome\r\n"), C("USER anonymous\r\n") }, APP_FTP, NULL },
        { "FTP by its server", { S("220 (vsFTPd 3.0)\r\n") }, APP_FTP, NULL },
        { "IRC is not FTP", { C("USER a b c :d\r\n"), S(":x NOTICE\r\n") }, APP_FAILED, NULL },
        { "POP3", { S("+OK ready\r\n"), C("USER a\r\n") }, APP_POP3, NULL },
        { "IMAP", { S("* OK ready\r\n"), C("a1 LOGIN x y\r\n") }, APP_IMAP, NULL },
        { "SMB", { C("\0\0\0\x54\xff" "SMBr" ZEROS), S("\0\0\0\x54\xfe" "SMB@" ZEROS) },
          APP_SMB, NULL },
        { "DCERPC", { C("\5\0\x0b\3\x10\0\0\0\x48\0\0\0\1\0\0\0"),
                      S("\5\0\x0c\3\x10\0\0\0\x3c\0\0\0\1\0\0\0") }, APP_DCERPC, NULL },
        { "MQTT", { C("\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"), S("\x20\2\0\0") }, APP_MQTT, NULL },
        { "RDP", { C("\3\0\0\x0b\6\xe0\0\0\0\0\0"), S("\3\0\0\x0b\6\xd0\0\0\0\0\0") },
          APP_RDP, NULL },
        { "RFB", { S("RFB 003.008\n"), C("RFB 003.008\n") }, APP_RFB, NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 0; step < 2; step++) {
            struct conversation c;
            start(&c);
            for (size_t k = 0; k < 3; k++) {
                feed_turn(&c, &rows[i].turns[k], step);
            }
            if (c.flow.app_proto != rows[i].proto
                || (c.flow.app->proto_events != 0) != (rows[i].event != NULL)
                || (rows[i].event != NULL
                    && !app_session_has_event(c.flow.app, rows[i].event))) {
                fail_msg("%s: %s, events %jx", rows[i].name, app_proto_name(c.flow.app_proto),
                         (uintmax_t) c.flow.app->proto_events);
            }
            stop(&c);
        }
    }
}

static struct flow probe_datagram(uint16_t port, const char *bytes, size_t size)
{
    struct conversation c;
    uint8_t *copy = malloc(size + 1);
    struct packet packet = { .bytes = copy, .size = (uint32_t) size, .payload = 0,
                             .payload_size = (uint32_t) size };

    memcpy(copy, bytes, size);
    start(&c);
    c.flow.key.ip_proto = IP_PROTO_UDP;
    c.flow.key.dport = port;
    app_datagram(c.engine, &c.flow, &packet, TO_SERVER);
    struct flow flow = c.flow;
    stop(&c);
    free(copy);
    return flow;
}

static void datagrams_are_recognized(void **state)
{
    static const struct { uint16_t port; const char *bytes; size_t size; enum app_proto proto; }
    rows[] = {
        { 5060, "INVITE sip:a@b SIP/2.0\r\n", 24, APP_SIP },
        { 161, "\x30\x26\2\1\1\4\6public\xa0\x19\2\1\1\2\1\0\2\1\0\x30\x0e\x30\x0c\6\x08"
               "\x2b\6\1\2\1\1\1\0\5\0", 40, APP_SNMP },
        { 69, "\0\1file\0octet\0", 13, APP_TFTP },
        { 123, "\x23\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 48, APP_NTP },
        { 443, "\xc3\0\0\0\1\10abcdefgh\0\0\0\0\0\0", 20, APP_QUIC },
        { 500, "12345678\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x1c", 28, APP_IKE },
        { 4711, "garbage", 7, APP_UNKNOWN },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flow flow = probe_datagram(rows[i].port, rows[i].bytes, rows[i].size);
        assert_int_equal(flow.app_proto, rows[i].proto);
        for (size_t n = 1; n < rows[i].size; n++) {
            probe_datagram(rows[i].port, rows[i].bytes, n);
        }
    }
}

static void a_side_that_alone_sends_much_ends_recognition(void **state)
{
    struct conversation c;
    char junk[1000];
    struct turn t = { TO_SERVER, junk, sizeof junk, 0 };

    memset(junk, 1, sizeof junk);
    start(&c);
    for (int i = 0; i < 200; i++) {
        feed_turn(&c, &t, 0);
    }
    assert_int_equal(c.flow.app_proto, APP_FAILED);
    assert_true(app_session_has_event(c.flow.app, "applayer_proto_detection_skipped"));
    stop(&c);
}

static void what_nobody_knew_is_parsed_once_the_other_side_tells(void **state)
{
    struct conversation c;
    struct turn odd = C("\x01\x02 HTTP/1.1\r\nHost: h\r\n\r\n");

    start(&c);
    feed_turn(&c, &odd, 0);
    assert_int_equal(c.flow.app_proto_side[TO_SERVER], APP_FAILED);
    assert_null(tx_at(&c, 0));
    feed_turn(&c, &ok, 0);
    assert_int_equal(c.flow.app_proto, APP_HTTP1);
    struct app_view host = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_HTTP_HOST, 0);
    assert_true(slice_is(host.bytes, "h"));
    assert_null(tx_at(&c, 1));
    stop(&c);
}

static void a_request_cut_within_its_headers_has_the_whole_lines_alone(void **state)
{
    struct conversation c;
    struct turn cut = C("GET /a HTTP/1.1\r\nHost: h\r\nAccept: x\r\nUser-Agent: ");

    start(&c);
    feed_turn(&c, &cut, 0);
    feed_end(&c);
    const struct app_tx *tx = tx_at(&c, 0);
    assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_ACCEPT, 0).bytes, "x"));
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_USER_AGENT, 0).state,
                     APP_VIEW_ABSENT);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_HOST, 0).state, APP_VIEW_ABSENT);
    assert_false(app_tx_has_event(tx, "missing_host_header"));
    stop(&c);
}

static void a_transaction_lives_until_all_are_done_with_it(void **state)
{
    struct conversation c;

    start(&c);
    feed_turn(&c, &get, 0);
    feed_turn(&c, &get, 0);
    feed_turn(&c, &ok, 0);
    struct app_tx *tx = tx_at(&c, 0);
    tx->is_inspected[TO_SERVER] = tx->is_inspected[TO_CLIENT] = true;
    app_release(c.engine, &c.flow);
    assert_ptr_equal(tx_at(&c, 0), tx);
    tx->is_logged = true;
    tx = tx_at(&c, 1);
    tx->is_inspected[TO_SERVER] = tx->is_inspected[TO_CLIENT] = tx->is_logged = true;
    app_release(c.engine, &c.flow);
    assert_int_equal(c.n_ended, 1);
    assert_int_equal(tx_at(&c, 0)->id, 1);      /* Its response is still to come. */
    feed_turn(&c, &ok, 0);
    app_release(c.engine, &c.flow);
    assert_int_equal(c.n_ended, 2);
    assert_null(tx_at(&c, 0));
    assert_int_equal(c.flow.app->n_open, 0);
    stop(&c);
}

static unsigned count_moved(const struct app_session *s)
{
    unsigned n = 0;

    for (struct app_tx *tx = app_tx_first_moved(s); tx != NULL; tx = app_tx_next_moved(s, tx)) {
        n++;
    }
    return n;
}

static void of_many_transactions_those_that_rest_cost_nothing(void **state)
{
    struct conversation c;

    start(&c);
    for (int i = 0; i < 100; i++) {
        feed_turn(&c, &get, 0);
    }
    assert_int_equal(count_moved(c.flow.app), 100);
    app_release(c.engine, &c.flow);
    assert_int_equal(count_moved(c.flow.app), 0);
    feed_turn(&c, &get, 0);
    feed_turn(&c, &ok, 0);
    assert_int_equal(count_moved(c.flow.app), 2);
    struct app_tx *tx = app_tx_first_moved(c.flow.app);
    tx->is_watched = true;
    app_release(c.engine, &c.flow);
    assert_ptr_equal(app_tx_first_moved(c.flow.app), tx);
    tx->is_watched = false;
    app_flow_finish(c.engine, &c.flow);
    assert_int_equal(count_moved(c.flow.app), 101);
    for (tx = app_tx_first(c.flow.app); tx != NULL; tx = app_tx_next(c.flow.app, tx)) {
        tx->is_inspected[TO_SERVER] = tx->is_inspected[TO_CLIENT] = tx->is_logged = true;
    }
    app_release(c.engine, &c.flow);
    assert_int_equal(c.n_ended, 101);
    assert_int_equal(c.flow.app->n_open, 0);
    stop(&c);
}

static void the_end_of_a_flow_closes_what_is_open(void **state)
{
    struct conversation c;

    start(&c);
    feed_turn(&c, &get, 0);
    app_flow_finish(c.engine, &c.flow);
    assert_true(tx_at(&c, 0)->is_done[TO_CLIENT]);
    feed_turn(&c, &get, 0);
    assert_null(tx_at(&c, 1));
    app_flow_end(c.engine, &c.flow);
    assert_null(c.flow.app);
    assert_int_equal(c.n_ended, 1);
    stop(&c);
}

static void transactions_are_limited(void **state)
{
    struct conversation c;

    start(&c);
    c.conf.max_transactions = 3;
    for (int i = 0; i < 10; i++) {
        feed_turn(&c, &get, 0);
    }
    assert_int_equal(c.flow.app->n_open, 3);
    assert_true(c.flow.app->is_failed);
    assert_int_equal(app_counters(c.engine)->txs_refused, 1);
    stop(&c);
}

static void memory_is_limited(void **state)
{
    struct turn post = C("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
    char data[1000];
    struct turn t = { TO_SERVER, data, sizeof data, 0 };
    struct conversation c;

    memset(data, 'x', sizeof data);
    start(&c);
    c.conf.http_request_body_limit = 0;         /* As much as there is. */
    c.conf.session_memory = 64 * 1024;
    feed_turn(&c, &post, 0);
    for (int i = 0; i < 1000; i++) {
        feed_turn(&c, &t, 0);
        assert_true(c.flow.app->memory <= c.conf.session_memory + 4096);
    }
    struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_FILE_DATA, 0);
    assert_int_equal(v.state, APP_VIEW_DONE);
    assert_true(v.bytes.size != 0);
    stop(&c);
}

static void a_tunnel_is_recognized_anew(void **state)
{
    const struct turn ask = C("CONNECT h:22 HTTP/1.1\r\nHost: h:22\r\n\r\n"),
                      granted = S("HTTP/1.1 200 OK\r\n\r\n\x01\x02\x03"),
                      garbage = C("\x01\x02\x03");
    struct conversation c;

    start(&c);
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &granted, 0);
    assert_int_equal(c.flow.app->first_proto, APP_HTTP1);
    assert_null(c.flow.app->parser);
    assert_true(tx_at(&c, 0)->is_done[TO_CLIENT]);
    assert_true(slice_is(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_HTTP_STAT_CODE, 0).bytes,
                         "200"));
    assert_int_equal(c.flow.app->first_id, 1);
    feed_turn(&c, &garbage, 0);
    assert_true(c.flow.app->is_recognized);
    assert_int_equal(c.flow.app_proto, APP_HTTP1);
    stop(&c);
}

static void tunnels_in_tunnels_end_somewhere(void **state)
{
    const struct turn ask = C("CONNECT h:22 HTTP/1.1\r\nHost: h:22\r\n\r\n"),
                      granted = S("HTTP/1.1 200 OK\r\n\r\n");
    struct conversation c;

    start(&c);
    for (int i = 0; i < 100; i++) {
        feed_turn(&c, &ask, 0);
    }
    for (int i = 0; i < 100; i++) {
        feed_turn(&c, &granted, 0);
    }
    assert_true(c.flow.app->is_failed);
    assert_true(c.flow.app->n_txs < 10);
    stop(&c);
}

static void a_rule_for_http_fits_both_versions(void **state)
{
    assert_true(app_proto_fits(APP_HTTP, APP_HTTP1));
    assert_true(app_proto_fits(APP_HTTP, APP_HTTP2));
    assert_true(app_proto_fits(APP_HTTP1, APP_HTTP1));
    assert_false(app_proto_fits(APP_HTTP2, APP_HTTP1));
    assert_false(app_proto_fits(APP_TLS, APP_HTTP1));
    assert_true(app_proto_fits(APP_DNS, APP_DOH2));
}

static unsigned number_of(const struct app_lookup_node *nodes, const struct app_lookup_node *n)
{
    return n != NULL ? (unsigned) (n - nodes) : 99;
}

static void a_lookup_keeps_the_order_of_equal_keys(void **state)
{
    struct app_lookup_node nodes[300] = { 0 };
    struct app_lookup l;

    app_lookup_init(&l);
    for (unsigned i = 0; i < 300; i++) {        /* 100 keys, three times each. */
        app_lookup_put(&l, &nodes[i], i % 100);
    }
    assert_int_equal(number_of(nodes, app_lookup_first(&l, 64)), 64);
    assert_int_equal(number_of(nodes, app_lookup_next(&l, &nodes[64])), 164);
    assert_int_equal(number_of(nodes, app_lookup_last(&l, 64)), 264);
    assert_int_equal(number_of(nodes, app_lookup_before(&l, &nodes[264])), 164);
    assert_null(app_lookup_next(&l, &nodes[264]));
    assert_null(app_lookup_before(&l, &nodes[64]));
    app_lookup_remove(&nodes[64]);
    app_lookup_remove(&nodes[64]);
    assert_int_equal(number_of(nodes, app_lookup_first(&l, 64)), 164);
    app_lookup_put(&l, &nodes[164], 64);        /* Moves behind the other. */
    assert_int_equal(number_of(nodes, app_lookup_first(&l, 64)), 264);
    app_lookup_put(&l, &nodes[264], 0);
    app_lookup_remove(&nodes[164]);
    assert_null(app_lookup_first(&l, 64));
    assert_null(app_lookup_last(&l, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_is_recognized_on_any_port),
        cmocka_unit_test(recognition_tells_what_is_odd),
        cmocka_unit_test(datagrams_are_recognized),
        cmocka_unit_test(a_side_that_alone_sends_much_ends_recognition),
        cmocka_unit_test(what_nobody_knew_is_parsed_once_the_other_side_tells),
        cmocka_unit_test(a_request_cut_within_its_headers_has_the_whole_lines_alone),
        cmocka_unit_test(a_transaction_lives_until_all_are_done_with_it),
        cmocka_unit_test(of_many_transactions_those_that_rest_cost_nothing),
        cmocka_unit_test(the_end_of_a_flow_closes_what_is_open),
        cmocka_unit_test(transactions_are_limited),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(a_tunnel_is_recognized_anew),
        cmocka_unit_test(tunnels_in_tunnels_end_somewhere),
        cmocka_unit_test(a_rule_for_http_fits_both_versions),
        cmocka_unit_test(a_lookup_keeps_the_order_of_equal_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
