/* TLS: conversations in, one transaction with its EVE form and what rules ask for out. */
#include "tests/unit/app/handshakes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sensor/app/tls/tls.h"
#include "tests/unit/app/certificate.h"

#define S20200701 (1593561600ull * 1000000000u)         /* While the certificate is valid. */
#define S20220701 (1656633600ull * 1000000000u)         /* After. */
#define CLIENT TO_SERVER                                /* Who speaks, in a talk. */
#define SERVER TO_CLIENT

static const struct hello client_12 = {
    .version = 0x0303, .random = 0x11, .ciphers = CODES(0xc02f, 0x2f),
    .extensions = CODES(0, 16, 10, 13), .groups = CODES(29), .signatures = CODES(0x0403),
    .sni = "www.example.test", .alpn = "\2h2\10http/1.1",
};
static const struct hello server_12 = {
    .version = 0x0303, .random = 0x22, .session_id = 32, .ciphers = CODES(0xc02f),
    .extensions = CODES(16), .alpn = "\2h2",
};
static const struct hello client_13 = {
    .version = 0x0303, .random = 0x11, .session_id = 32, .ciphers = CODES(0x1301),
    .extensions = CODES(0, 43), .versions = CODES(0x0304), .sni = "www.example.test",
};
static const struct hello server_13 = {
    .version = 0x0303, .random = 0x22, .session_id = 32, .ciphers = CODES(0x1301),
    .extensions = CODES(43), .versions = CODES(0x0304),
};

static struct talk *new_talk(void)
{
    static struct talk talk;

    talk.size = talk.n = 0;
    return &talk;
}

/* ---- Whole handshakes ---- */

static void handshake_12(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate, 2);
    say_message(t, SERVER, 12, "key", 3);
    say_message(t, SERVER, 14, "", 0);
    say_message(t, CLIENT, 16, "key", 3);
    CCS(t, CLIENT);
    FINISHED(t, CLIENT);
    CCS(t, SERVER);
    FINISHED(t, SERVER);
    DATA(t, CLIENT);
}

static void client_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate, 1);
    say_message(t, SERVER, 13, "request", 7);
    say_message(t, SERVER, 14, "", 0);
    say_certificates(t, CLIENT, certificate, sizeof certificate, 1);
    say_message(t, CLIENT, 16, "key", 3);
}

static void resumption(struct talk *t)
{
    struct hello client = client_12;

    client.session_id = 32;
    say_hello(t, CLIENT, &client);
    say_hello(t, SERVER, &server_12);
    CCS(t, SERVER);
}

static void gap_is_no_resumption(struct talk *t)
{
    resumption(t);
    t->turns[2].gap = 1000;
}

static void gap_before_certificate(struct talk *t)
{
    handshake_12(t);
    t->turns[2].gap = 77;
    t->turns[3].gap = 77;
}

static void handshake_13(struct talk *t)
{
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server_13);
    CCS(t, SERVER);
    DATA(t, SERVER);
    CCS(t, CLIENT);
    DATA(t, CLIENT);
}

static void retry_13(struct talk *t)
{
    static const uint8_t mark[] = {
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
        0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
        0xc8, 0xa8, 0x33, 0x9c,
    };
    struct hello retry = server_13;

    retry.extensions = (struct codes) CODES(43, 51);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &retry);
    memcpy((uint8_t *) (uintptr_t) t->turns[1].bytes + 11, mark, 32);
    CCS(t, CLIENT);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server_13);
    DATA(t, SERVER);
}

static void second_hello(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, CLIENT, &client_12);
}

static void hello_alone(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
}

/* Each record holds three bytes of the message. */
static void fragmented_hello(struct talk *t)
{
    struct talk *whole = calloc(1, sizeof *whole);

    say_hello(whole, CLIENT, &client_12);
    begin_turn(t, CLIENT);
    for (size_t at = 5; at < whole->size; at += 3) {
        size_t record = begin_record(t, 22);
        add(t, whole->bytes + at, at + 3 < whole->size ? 3 : whole->size - at);
        close_size(t, record, 2);
    }
    end_turn(t);
    free(whole);
}

/* All messages of the server in one record. */
static void messages_in_one_record(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    begin_turn(t, SERVER);
    size_t record = begin_record(t, 22);
    add_hello(t, SERVER, &server_12);
    size_t message = begin_message(t, 11), list = open_size(t, 3);
    add_number(t, sizeof certificate, 3);
    add(t, certificate, sizeof certificate);
    close_size(t, list, 3);
    close_size(t, message, 3);
    close_size(t, begin_message(t, 14), 3);
    close_size(t, record, 2);
    end_turn(t);
}

static void sslv2_hello(struct talk *t)
{
    begin_turn(t, CLIENT);
    add(t, "\x80\x2e\1\3\1\0\x15\0\0\0\x10" "123456789012345678901challenge......", 48);
    end_turn(t);
}

static void sslv2_then_tls(struct talk *t)
{
    struct hello server = server_12;

    server.version = 0x0301;
    sslv2_hello(t);
    say_hello(t, SERVER, &server);
    say_certificates(t, SERVER, certificate, sizeof certificate, 1);
    say_message(t, SERVER, 14, "", 0);
}

static void sslv2_both(struct talk *t)
{
    sslv2_hello(t);
    begin_turn(t, SERVER);
    add(t, "\x80\x0b\4\0\1\0\2\0\0\0\0\0\0", 13);
    end_turn(t);
}

static void unknown_message(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_message(t, CLIENT, 99, "what", 4);
}

static void long_message(struct talk *t)
{
    uint8_t chunk[16000] = { 0xff };

    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 22, "\x0b\2\x71\0", 4);       /* 160000 bytes */
    for (int i = 0; i < 10; i++) {
        say_record(t, SERVER, 22, chunk, sizeof chunk);
    }
    say_hello(t, SERVER, &server_13);
}

static void cut_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_certificates(t, SERVER, certificate, sizeof certificate - 200, 1);
    say_message(t, SERVER, 14, "", 0);
}

static void chain_that_lies(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_message(t, SERVER, 11, "\0\0\x0a\0\0\x03" "abc\0\0\x63" "de", 14);
}

static void no_certificate(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_hello(t, SERVER, &server_12);
    say_message(t, SERVER, 11, "\0\0\0", 3);
    say_message(t, SERVER, 14, "", 0);
}

static void heartbleed(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\1\x40\0", 3);
    say_record(t, SERVER, 24, "\2\0\x20" "0123456789012345678901234567890123456789", 43);
}

static void heartbeats_in_order(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\1\0\4ping" "................", 23);
    say_record(t, SERVER, 24, "\2\0\4ping" "................", 23);
}

static void heartbeat_of_no_kind(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, CLIENT, 24, "\7\0\1x", 4);
}

static void alerts(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 21, "\2\x28", 2);
}

static void alert_of_no_kind(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_record(t, SERVER, 21, "\2", 1);
}

static void say_bytes(struct talk *t, enum direction dir, const void *bytes, size_t size)
{
    begin_turn(t, dir);
    add(t, bytes, size);
    end_turn(t);
}

static void garbage_behind_hello(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "GET / HTTP/1.1\r\n\r\n", 18);
}

static void record_of_another_version(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "\x16\x05\0\0\1x", 6);
}

static void record_too_long(struct talk *t)
{
    say_hello(t, CLIENT, &client_12);
    say_bytes(t, CLIENT, "\x16\3\3\xff\xff", 5);
}

/* The name's own size is one more than there is. */
static void name_too_long(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(0),
                       .sni = "abc" };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 4]++;
}

static void name_of_another_type(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(0),
                       .sni = "abc" };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 6] = 7;
}

static void two_names(struct talk *t)
{
    struct hello h = client_12;

    h.extensions = (struct codes) CODES(0, 0);
    say_hello(t, CLIENT, &h);
}

static void hello_of_wrong_sizes(struct talk *t)
{
    struct hello h = { .version = 0x0303, .ciphers = CODES(47), .extensions = CODES(5) };

    say_hello(t, CLIENT, &h);
    t->bytes[t->size - 1] = 9;
}

static void draft_14(struct talk *t)
{
    struct hello client = client_13;

    client.version = 0x0304;
    say_hello(t, CLIENT, &client);
    /* Version, random, cipher, extensions. */
    say_message(t, SERVER, 2, "\3\4" "0123456789abcdef0123456789abcdef" "\xc0\x2b\0\4\0\x28\0\0",
                42);
}

static void draft_18(struct talk *t)
{
    say_hello(t, CLIENT, &client_13);
    say_message(t, SERVER, 2, "\x7f\x12" "0123456789abcdef0123456789abcdef" "\x13\1\0\4\0\x28\0\0",
                42);
}

static void draft_28(struct talk *t)
{
    struct hello server = server_13;

    server.versions = (struct codes) CODES(0x7f1c);
    say_hello(t, CLIENT, &client_13);
    say_hello(t, SERVER, &server);
}

#define SUBJECT "\"subject\":\"C=AT, O=Example, OU=Unit, CN=www.example.test\""
#define ISSUER "\"issuerdn\":\"C=AT, O=Example, OU=Unit, CN=www.example.test\""
static const struct row {
    const char *name;
    void (*write)(struct talk *);
    bool is_logged;             /* Before the flow ends. */
    const char *parts[5];       /* Of the event when it ended; '!' in front: not in it. */
    const char *events;         /* All of them, in order, each with a blank behind. */
} rows[] = {
    { "TLS 1.2", handshake_12, true,
      { SUBJECT "," ISSUER ",\"subjectaltname\":[\"www.example.test\",\"example.test\","
        "\"192.0.2.7\",\"2001:db8::7\",\"a@example.test\","
        "\"http://u.example.test/\"],\"serial\":\"00:9F:00:C0:FF:EE:01\","
        "\"fingerprint\":\"5b:8f:1a:ce:a8:07:64:b6:5e:26:1c:e9:f4:79:d8:35:b0:4f:f1:30\","
        "\"sni\":\"www.example.test\",\"version\":\"TLS 1.2\","
        "\"notbefore\":\"2020-01-01T00:00:00\",\"notafter\":\"2021-01-01T12:00:00\",\"ja3\":",
        "\"client_alpns\":[\"h2\",\"http/1.1\"],\"server_alpns\":[\"h2\"]",
        "!session_resumed", "!\"client\":", "!from_proto" }, "" },
    { "a client's certificate", client_certificate, true,
      { SUBJECT, "\"client\":{" SUBJECT "," ISSUER ",\"fingerprint\":\"5b:8f" }, "" },
    { "a session taken up again", resumption, true,
      { "\"session_resumed\":true", "!subject" }, "" },
    { "a gap where the certificate may have been", gap_is_no_resumption, false,
      { "!session_resumed" }, "" },
    { "gaps between records", gap_before_certificate, true, { SUBJECT }, "" },
    { "TLS 1.3", handshake_13, true,
      { "\"sni\":\"www.example.test\",\"version\":\"TLS 1.3\"", "!subject",
        "!session_resumed" }, "" },
    { "TLS 1.3 with a retry", retry_13, true,
      { "\"version\":\"TLS 1.3\"", "\"string\":\"771,4865,43\"" }, "" },
    { "two hellos", second_hello, false, { "\"version\":\"TLS 1.2\"" },
      "multiple_sni_extensions " },
    { "a hello alone", hello_alone, false, { "\"version\":\"TLS 1.2\"", "!ja3s" }, "" },
    { "a hello in many records", fragmented_hello, false,
      { "\"sni\":\"www.example.test\"" }, "" },
    { "messages in one record", messages_in_one_record, true, { SUBJECT }, "" },
    { "an SSLv2 hello", sslv2_hello, false, { "\"tls\":{\"version\":\"TLSv1\"}" }, "" },
    { "an SSLv2 hello, and TLS", sslv2_then_tls, true,
      { SUBJECT, "\"version\":\"TLSv1\"", "!\"ja3\"" }, "" },
    { "SSLv2", sslv2_both, true, { "\"tls\":{\"version\":\"SSLv2\"}" }, "" },
    { "a message of no type", unknown_message, false, { "\"sni\":" },
      "invalid_handshake_message " },
    { "a message too long to keep", long_message, true, { "\"version\":\"TLS 1.3\"" },
      "handshake_invalid_length " },
    { "a certificate cut short", cut_certificate, true,
      { "\"fingerprint\":", "!subject" }, "invalid_certificate certificate_invalid_der " },
    { "a chain that lies", chain_that_lies, false, { "\"fingerprint\":" },
      "invalid_certificate certificate_invalid_length certificate_invalid_der " },
    { "an empty chain", no_certificate, false, { "!subject" }, "" },
    { "heartbeats for more than was sent", heartbleed, false, { "\"sni\":" },
      "heartbeat_message overflow_heartbeat_message dataleak_heartbeat_mismatch " },
    { "heartbeats in order", heartbeats_in_order, false, { "\"sni\":" },
      "heartbeat_message " },
    { "a heartbeat of no kind", heartbeat_of_no_kind, false, { "\"sni\":" },
      "heartbeat_message invalid_heartbeat_message " },
    { "an alert", alerts, false, { "\"sni\":" }, "" },
    { "an alert of no kind", alert_of_no_kind, false, { "\"sni\":" },
      "invalid_alert_message " },
    { "garbage behind a hello", garbage_behind_hello, true, { "\"sni\":" },
      "invalid_tls_header invalid_record_type " },
    { "a record of another version", record_of_another_version, true, { "\"sni\":" },
      "invalid_tls_header invalid_record_version " },
    { "a record too long", record_too_long, true, { "\"sni\":" },
      "invalid_tls_header invalid_record_length " },
    { "a name too long", name_too_long, false, { "!sni" }, "invalid_sni_length " },
    { "a name of another type", name_of_another_type, false, { "!sni" },
      "invalid_sni_type " },
    { "two names in a hello", two_names, false, { "\"sni\":\"www.example.test\"" },
      "multiple_sni_extensions " },
    { "a hello of wrong sizes", hello_of_wrong_sizes, false, { NULL },
      "invalid_handshake_message " },
    { "an early draft of TLS 1.3", draft_14, true,
      { "\"version\":\"TLS 1.3 draft-<16\"", "\"string\":\"772,", "\"string\":\"772,49195,40\"" },
      "" },
    { "draft 18 of TLS 1.3", draft_18, true, { "\"version\":\"TLS 1.3 draft-18\"" }, "" },
    { "draft 28 of TLS 1.3", draft_28, true, { "\"version\":\"TLS 1.3 draft-28\"" }, "" },
};
#define N_ROWS (sizeof rows / sizeof *rows)

static const char *eve_of(const struct app_tx *tx)
{
    static struct strbuf eve;
    struct arena scratch;
    struct event event = { .type = EVENT_TLS };

    arena_init(&scratch, 4096, 16u << 20);
    app_tx_fill(tx, TO_SERVER, &event, &scratch);
    assert_non_null(event.tls);
    strbuf_clear(&eve);
    event_write_eve(&event, &eve);
    arena_fini(&scratch);
    return strbuf_cstr(&eve);
}

static void assert_events(const struct row *row, const struct app_tx *tx)
{
    char events[1024] = "";
    size_t size = 0;

    for (unsigned bit = 0; app_event_name(tx->parser, bit) != NULL; bit++) {
        if ((tx->events >> bit & 1) != 0) {
            size += (size_t) snprintf(events + size, sizeof events - size, "%s ",
                                      app_event_name(tx->parser, bit));
            assert_true(app_tx_has_event(tx, app_event_name(tx->parser, bit)));
        }
    }
    if (strcmp(events, row->events) != 0) {
        fail_msg("%s: events \"%s\"", row->name, events);
    }
}

static void conversations_become_events(void **state)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        struct talk *t = new_talk();
        struct conversation c;

        start(&c);
        rows[i].write(t);
        feed_talk(&c, t, 0);
        struct app_tx *tx = tx_at(&c, 0);
        assert_int_equal(c.flow.app_proto, APP_TLS);
        assert_non_null(tx);
        if (app_tx_is_loggable(tx, TO_SERVER) != rows[i].is_logged) {
            fail_msg("%s: %slogged", rows[i].name, rows[i].is_logged ? "not " : "");
        }
        assert_events(&rows[i], tx);
        feed_end(&c);
        assert_null(tx_at(&c, 1));
        if (app_tx_is_loggable(tx, TO_SERVER) != (rows[i].parts[0] != NULL)) {
            fail_msg("%s: wrongly logged at its end, or not", rows[i].name);
        }
        const char *eve = eve_of(tx);
        for (size_t k = 0; k < 5 && rows[i].parts[k] != NULL; k++) {
            bool is_not = rows[i].parts[k][0] == '!';
            if ((strstr(eve, rows[i].parts[k] + is_not) != NULL) == is_not) {
                fail_msg("%s: %s\nin: %s", rows[i].name, rows[i].parts[k], eve);
            }
        }
        stop(&c);
    }
}

/* ---- The same in pieces ---- */

static char *written_in_pieces(const struct talk *t, size_t step)
{
    struct conversation c;
    struct strbuf out = { 0 };

    start(&c);
    feed_talk(&c, t, step);
    feed_end(&c);
    write_session(&out, &c);
    if (tx_at(&c, 0) != NULL) {
        strbuf_puts(&out, eve_of(tx_at(&c, 0)));
    }
    stop(&c);
    char *text = strdup(strbuf_cstr(&out));
    strbuf_fini(&out);
    return text;
}

static void pieces_of_any_size_make_no_difference(void **state)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64 };

    for (size_t i = 0; i < N_ROWS; i++) {
        struct talk *t = new_talk();
        rows[i].write(t);
        char *whole = written_in_pieces(t, 0);
        for (size_t k = 0; k < 5; k++) {
            char *cut = written_in_pieces(t, steps[k]);
            if (strcmp(whole, cut) != 0) {
                fail_msg("%s by %zu:\n%s\nwhole:\n%s", rows[i].name, steps[k], cut, whole);
            }
            free(cut);
        }
        free(whole);
    }
}

/* Every turn cut in two, at every place; of long talks at every seventh. */
static size_t stride_of(const struct talk *t)
{
    return t->size < 400 ? 1 : 7;
}

static void a_cut_anywhere_makes_no_difference(void **state)
{
    static struct talk cut;

    for (size_t i = 0; i < N_ROWS; i++) {
        struct talk *t = new_talk();
        rows[i].write(t);
        if (t->size > 3000) {
            continue;
        }
        char *whole = written_in_pieces(t, 0);
        for (size_t turn = 0; turn < t->n; turn++) {
            for (size_t at = 1; at < t->turns[turn].size; at += stride_of(t)) {
                cut.n = 0;
                for (size_t k = 0; k < t->n; k++) {
                    cut.turns[cut.n++] = t->turns[k];
                    if (k == turn) {
                        cut.turns[cut.n] = t->turns[k];
                        cut.turns[cut.n - 1].size = at;
                        cut.turns[cut.n].bytes += at;
                        cut.turns[cut.n].size -= at;
                        cut.turns[cut.n++].gap = 0;
                    }
                }
                char *text = written_in_pieces(&cut, 0);
                if (strcmp(whole, text) != 0) {
                    fail_msg("%s, turn %zu at %zu:\n%s\nwhole:\n%s", rows[i].name, turn, at,
                             text, whole);
                }
                free(text);
            }
        }
        free(whole);
    }
}

static void every_prefix_is_read_within_its_bounds(void **state)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        struct talk *t = new_talk();
        rows[i].write(t);
        for (size_t turn = 0; turn < t->n && t->size < 3000; turn++) {
            size_t size = t->turns[turn].size;
            size_t n = t->n;
            t->n = turn + 1;
            for (size_t at = 0; at < size; at += stride_of(t)) {
                t->turns[turn].size = at;
                free(written_in_pieces(t, 0));
            }
            t->turns[turn].size = size;
            t->n = n;
        }
    }
}

/* The sizes around it are right, so that the certificate's reader sees each prefix. */
static void a_certificate_cut_anywhere_is_read_within_its_bounds(void **state)
{
    for (size_t size = 1; size < sizeof certificate; size++) {
        struct talk *t = new_talk();
        struct conversation c;

        start(&c);
        say_hello(t, CLIENT, &client_12);
        say_hello(t, SERVER, &server_12);
        say_certificates(t, SERVER, certificate, size, 1);
        feed_talk(&c, t, 0);
        assert_true(app_tx_has_event(tx_at(&c, 0), "certificate_invalid_der"));
        assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_TLS_CERT_SUBJECT, 0)
                             .state, APP_VIEW_ABSENT);
        stop(&c);
    }
}

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
        cmocka_unit_test(conversations_become_events),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(a_cut_anywhere_makes_no_difference),
        cmocka_unit_test(every_prefix_is_read_within_its_bounds),
        cmocka_unit_test(a_certificate_cut_anywhere_is_read_within_its_bounds),
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
