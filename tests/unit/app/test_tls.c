/* TLS: conversations in, one transaction with its EVE form out, however they are cut. */
#include "tests/unit/app/tls_talks.h"

#include "tests/unit/app/certificate.h"

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
    { "a session taken up again, and no more", resumption, false, { "\"session_resumed\":true" },
      "" },
    { "a session taken up again", resumption_with_data, true,
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
    { "a message too long to keep", long_message, false, { "\"version\":\"TLS 1.3\"" },
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
    { "an early draft of TLS 1.3", draft_14, false,
      { "\"version\":\"TLS 1.3 draft-<16\"", "\"string\":\"772,", "\"string\":\"772,49195,40\"" },
      "" },
    { "draft 18 of TLS 1.3", draft_18, false, { "\"version\":\"TLS 1.3 draft-18\"" }, "" },
    { "draft 28 of TLS 1.3", draft_28, false, { "\"version\":\"TLS 1.3 draft-28\"" }, "" },
};
#define N_ROWS (sizeof rows / sizeof *rows)

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_become_events),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(a_cut_anywhere_makes_no_difference),
        cmocka_unit_test(every_prefix_is_read_within_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
