/* TLS: what rules ask for, how it is recognized, its limits. */
#include "tests/unit/app/tls_talks.h"

#include "tests/unit/app/certificate.h"

#define S20200701 (1593561600ull * 1000000000u)         /* While the certificate is valid. */
#define S20220701 (1656633600ull * 1000000000u)         /* After. */

/* ---- What rules ask ---- */

static void assert_view(const struct conversation *c, enum direction dir, enum buffer_id id,
                        unsigned index, const char *text)
{
    struct app_view v = app_tx_buffer(tx_at(c, 0), dir, id, index);

    if (text == NULL) {
        assert_true(v.state == APP_VIEW_ABSENT || v.state == APP_VIEW_NOT_YET);
        return;
    }
    assert_int_equal(v.state, APP_VIEW_DONE);
    assert_int_equal(v.bytes.size, strlen(text));
    assert_memory_equal(v.bytes.bytes, text, strlen(text));
}

/* Bytes of the server's random. */
#define R7 "\x22\x22\x22\x22\x22\x22\x22"
#define R28 R7 R7 R7 R7

static void rules_get_what_they_ask_for(void **state)
{
    static const struct {
        enum direction dir;
        enum buffer_id id;
        unsigned index;
        const char *text;
    } views[] = {
        { TO_SERVER, BUFFER_TLS_SNI, 0, "www.example.test" },
        { TO_CLIENT, BUFFER_TLS_SNI, 0, NULL },
        { TO_SERVER, BUFFER_TLS_ALPN, 0, "h2" }, { TO_SERVER, BUFFER_TLS_ALPN, 1, "http/1.1" },
        { TO_SERVER, BUFFER_TLS_ALPN, 2, NULL }, { TO_CLIENT, BUFFER_TLS_ALPN, 0, "h2" },
        { TO_SERVER, BUFFER_TLS_RANDOM_TIME, 0, "\x11\x11\x11\x11" },
        { TO_CLIENT, BUFFER_TLS_RANDOM_TIME, 0, "\"\"\"\"" },
        { TO_CLIENT, BUFFER_TLS_RANDOM, 0, R28 "\x22\x22\x22\x22" },
        { TO_CLIENT, BUFFER_TLS_RANDOM_BYTES, 0, R28 },
        { TO_CLIENT, BUFFER_TLS_CERT_SUBJECT, 0,
          "C=AT, O=Example, OU=Unit, CN=www.example.test" },
        { TO_SERVER, BUFFER_TLS_CERT_SUBJECT, 0, NULL },
        { TO_CLIENT, BUFFER_TLS_CERT_ISSUER, 0,
          "C=AT, O=Example, OU=Unit, CN=www.example.test" },
        { TO_CLIENT, BUFFER_TLS_CERT_SERIAL, 0, "00:9F:00:C0:FF:EE:01" },
        { TO_CLIENT, BUFFER_TLS_CERT_FINGERPRINT, 0,
          "5b:8f:1a:ce:a8:07:64:b6:5e:26:1c:e9:f4:79:d8:35:b0:4f:f1:30" },
        { TO_CLIENT, BUFFER_TLS_SUBJECTALTNAME, 1, "example.test" },
        { TO_CLIENT, BUFFER_TLS_SUBJECTALTNAME, 6, NULL },
        { TO_CLIENT, BUFFER_TLS_CERTS, 2, NULL },
        { TO_CLIENT, BUFFER_JA3S_STRING, 0, "771,49199,16" },
        { TO_SERVER, BUFFER_JA3_STRING, 0, "771,49199-47,0-16-10-13,29," },
        { TO_CLIENT, BUFFER_JA3_STRING, 0, NULL },
        { TO_SERVER, BUFFER_HTTP_URI, 0, NULL },
    };
    struct talk *t = new_talk();
    struct conversation c;

    start(&c);
    handshake_12(t);
    feed_turn(&c, &t->turns[0], 0);
    /* What the server has not said yet may still come. */
    assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_TLS_CERT_ISSUER, 0).state,
                     APP_VIEW_NOT_YET);
    assert_view(&c, TO_SERVER, BUFFER_TLS_SNI, 0, "www.example.test");
    for (size_t i = 1; i < t->n; i++) {
        feed_turn(&c, &t->turns[i], 0);
    }
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        assert_view(&c, views[i].dir, views[i].id, views[i].index, views[i].text);
    }
    struct app_view der = app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_TLS_CERTS, 1);
    assert_int_equal(der.bytes.size, sizeof certificate);
    assert_memory_equal(der.bytes.bytes, certificate, sizeof certificate);
    stop(&c);
}

static void assert_number(const struct conversation *c, enum direction dir,
                          enum rule_field field, int64_t expected)
{
    uint64_t value = 0;
    bool has = app_tx_number(tx_at(c, 0), dir, field, 0, &value);

    assert_int_equal(has, expected >= 0);
    if (has) {
        assert_int_equal(value, expected);
    }
    assert_false(app_tx_number(tx_at(c, 0), dir, field, 1, &value));
}

static void numbers_are_of_the_side_that_said_them(void **state)
{
    static const struct {
        void (*write)(struct talk *);
        uint64_t now_ns;
        enum direction dir;
        enum rule_field field;
        int64_t value;          /* Negative: none. */
    } numbers[] = {
        { handshake_12, S20200701, TO_SERVER, FIELD_TLS_VERSION, 0x0303 },
        { handshake_13, S20200701, TO_SERVER, FIELD_TLS_VERSION, 0x0303 },
        { handshake_13, S20200701, TO_CLIENT, FIELD_TLS_VERSION, 0x0304 },
        { draft_14, S20200701, TO_CLIENT, FIELD_TLS_VERSION, 0x0304 },
        { draft_28, S20200701, TO_CLIENT, FIELD_TLS_VERSION, 0x0304 },
        { sslv2_then_tls, S20200701, TO_SERVER, FIELD_TLS_VERSION, 0x0002 },
        { sslv2_then_tls, S20200701, TO_CLIENT, FIELD_TLS_VERSION, 0x0301 },
        { hello_alone, S20200701, TO_CLIENT, FIELD_TLS_VERSION, -1 },
        { hello_alone, S20200701, TO_CLIENT, FIELD_SSL_STATE, 1 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_SSL_STATE, 15 },
        { unknown_message, S20200701, TO_SERVER, FIELD_SSL_STATE, 17 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_TLS_CERT_CHAIN_LEN, 2 },
        { handshake_12, S20200701, TO_SERVER, FIELD_TLS_CERT_CHAIN_LEN, -1 },
        { client_certificate, S20200701, TO_SERVER, FIELD_TLS_CERT_CHAIN_LEN, 1 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_TLS_CERT_NOTBEFORE, 1577836800 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_TLS_CERT_NOTAFTER, 1609502400 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_TLS_CERT_VALID, 1 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_TLS_CERT_EXPIRED, 0 },
        { handshake_12, S20220701, TO_CLIENT, FIELD_TLS_CERT_VALID, 0 },
        { handshake_12, S20220701, TO_CLIENT, FIELD_TLS_CERT_EXPIRED, 1 },
        { handshake_12, 1, TO_CLIENT, FIELD_TLS_CERT_VALID, 0 },
        { handshake_12, 1, TO_CLIENT, FIELD_TLS_CERT_EXPIRED, 0 },
        { cut_certificate, S20220701, TO_CLIENT, FIELD_TLS_CERT_EXPIRED, -1 },
        { hello_alone, S20220701, TO_CLIENT, FIELD_TLS_CERT_VALID, -1 },
        { handshake_12, S20200701, TO_CLIENT, FIELD_HTTP_URILEN, -1 },
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct talk *t = new_talk();
        struct conversation c;

        start(&c);
        c.now_ns = numbers[i].now_ns;
        numbers[i].write(t);
        feed_talk(&c, t, 0);
        assert_number(&c, numbers[i].dir, numbers[i].field, numbers[i].value);
        stop(&c);
    }
}

/* ---- Recognition, limits ---- */

static void tls_is_known_by_its_first_record(void **state)
{
    static const struct {
        enum direction dir;
        const char *bytes;
        size_t size;
        enum app_probe answer;
    } probes[] = {
        { TO_SERVER, "\x16\3\1\0\x20\1", 6, APP_PROBE_YES },
        { TO_SERVER, "\x16\3\1\0\x20", 5, APP_PROBE_MORE },
        { TO_SERVER, "\x16", 1, APP_PROBE_MORE },
        { TO_SERVER, "", 0, APP_PROBE_NO },
        { TO_SERVER, "\x16\3\0\0\0", 5, APP_PROBE_YES },
        { TO_SERVER, "\x17\3\3\0\0", 5, APP_PROBE_NO },
        { TO_SERVER, "\x16\3\1\0\x20\x63", 6, APP_PROBE_NO },
        { TO_SERVER, "\x16\4", 2, APP_PROBE_NO },
        { TO_SERVER, "\x16\3\x05", 3, APP_PROBE_NO },
        { TO_SERVER, "\x16\3\3\xff\xff", 5, APP_PROBE_NO },
        { TO_SERVER, "\x19\3\3\0\1", 5, APP_PROBE_NO },
        { TO_CLIENT, "\x16\3\3\0\x20\2", 6, APP_PROBE_YES },
        { TO_CLIENT, "\x15\3\3\0\2\2", 6, APP_PROBE_YES },
        { TO_CLIENT, "\x15\3\3\0\3\2", 6, APP_PROBE_NO },
        { TO_CLIENT, "\x14\3\3\0\1\1", 6, APP_PROBE_YES },
        { TO_CLIENT, "\x14\3\3\0\1\2", 6, APP_PROBE_NO },
        { TO_CLIENT, "\x17\3\3\0\x20\xaa", 6, APP_PROBE_YES },
        { TO_SERVER, "\x80\x2e\1\3\1\0\x15\0\0\0\x10", 11, APP_PROBE_YES },
        { TO_SERVER, "\x80\x2e\1\3\1\0\x15\0\0\0\x11", 11, APP_PROBE_NO },
        { TO_SERVER, "\x80\x2e\1", 3, APP_PROBE_MORE },
        { TO_SERVER, "\x80\x2e\2", 3, APP_PROBE_NO },
        { TO_CLIENT, "\x80\x2e\1\3\1\0\x15\0\0\0\x10", 11, APP_PROBE_NO },
        { TO_SERVER, "GET / HTTP/1.1", 14, APP_PROBE_NO },
    };

    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        struct slice bytes = slice_of(probes[i].bytes, probes[i].size);
        if (tls_parser.probe(probes[i].dir, bytes, 443, 40000) != probes[i].answer) {
            fail_msg("probe %zu", i);
        }
    }
}

static void many_records_in_a_piece_are_told(void **state)
{
    struct talk *t = new_talk();
    struct conversation c;

    start(&c);
    say_hello(t, CLIENT, &client_12);
    begin_turn(t, CLIENT);
    for (int i = 0; i < 256; i++) {
        close_size(t, begin_record(t, 22), 2);
    }
    end_turn(t);
    feed_talk(&c, t, 0);
    assert_true(app_tx_has_event(tx_at(&c, 0), "too_many_records_in_packet"));
    stop(&c);
}

/* The session's memory ends somewhere in the handshake: what fits is there, the rest is
 * not, and nothing is lost for ever. */
static void no_memory_is_no_crash(void **state)
{
    for (uint64_t memory = 1; memory < 40000; memory += 997) {
        struct talk *t = new_talk();
        struct conversation c;

        start(&c);
        c.conf.session_memory = memory;
        handshake_12(t);
        feed_talk(&c, t, 100);
        feed_end(&c);
        if (tx_at(&c, 0) != NULL) {
            eve_of(tx_at(&c, 0));
        }
        stop(&c);
    }
}

static void a_finished_handshake_is_released(void **state)
{
    struct talk *t = new_talk();
    struct conversation c;

    start(&c);
    handshake_12(t);
    feed_talk(&c, t, 0);
    struct app_tx *tx = tx_at(&c, 0);
    assert_true(tx->is_done[0] && tx->is_done[1] && c.flow.app->is_finished);
    tx->is_inspected[0] = tx->is_inspected[1] = tx->is_logged = true;
    app_release(c.engine, &c.flow);
    assert_null(tx_at(&c, 0));
    assert_int_equal(c.n_ended, 1);
    feed_talk(&c, t, 0);                /* Data goes on and on. */
    assert_null(tx_at(&c, 0));
    stop(&c);
}

static void tls_in_a_tunnel_says_what_was_before(void **state)
{
    static const struct turn tunnel[] = {
        C("CONNECT www.example.test:443 HTTP/1.1\r\nHost: www.example.test\r\n\r\n\n"),
        S("HTTP/1.1 200 OK\r\n\r\n"),
    };
    struct talk *t = new_talk();
    struct conversation c;

    start(&c);
    handshake_12(t);
    feed_turn(&c, &tunnel[0], 0);
    feed_turn(&c, &tunnel[1], 0);
    feed_talk(&c, t, 0);
    assert_int_equal(c.flow.app_proto, APP_TLS);
    assert_non_null(tx_at(&c, 1));
    assert_non_null(strstr(eve_of(tx_at(&c, 1)), "\"from_proto\":\"http\""));
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_get_what_they_ask_for),
        cmocka_unit_test(numbers_are_of_the_side_that_said_them),
        cmocka_unit_test(tls_is_known_by_its_first_record),
        cmocka_unit_test(many_records_in_a_piece_are_told),
        cmocka_unit_test(no_memory_is_no_crash),
        cmocka_unit_test(a_finished_handshake_is_released),
        cmocka_unit_test(tls_in_a_tunnel_says_what_was_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
