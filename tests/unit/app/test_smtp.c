/* SMTP: what client and server say, and the mails that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/smtp/smtp.h"
#include "tests/unit/app/talks.h"

static const struct talk_kind smtp = { .event_type = "smtp", .server_port = 25 };

#define WELCOME S("220 mx.example.com ESMTP\r\n")
#define EHLO C("EHLO me.example\r\n")
#define OK S("250 ok\r\n")
#define FEATURES S("250-mx\r\n250-PIPELINING\r\n250 HELP\r\n")
#define MAIL C("MAIL FROM:<a@x>\r\n")
#define MESSAGE "From: f@x\r\nTo: t@x\r\nSubject: s\r\n\r\nbody\r\n"
#define QUEUED S("250 queued\r\n")
/* The session up to a mail's sender, in four turns less. */
#define BEGIN S("220 mx.example.com ESMTP\r\n"), C("EHLO me.example\r\n"), S("250 ok\r\n")
#define SENDER C("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n"), S("250 ok\r\n250 ok\r\n")
#define ENVELOPE "\"mail_from\":\"<a@x>\",\"rcpt_to\":[\"<b@x>\"]"
#define EMAIL "\"from\":\"f@x\",\"to\":[\"t@x\"]"
#define BODY_MD5 "\"body_md5\":\"89dd3590116a70b579661a2d8593bb2f\""

static const struct talk_case talks[] = {
    { "one mail",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"), C(MESSAGE ".\r\n"), QUEUED,
        C("QUIT\r\n"), S("221 bye\r\n") },
      { "proto smtp/smtp/smtp", "tx 0 done 11", "!tx 1", "!  event ",
        "\"smtp\":{\"helo\":\"me.example\"," ENVELOPE "}", EMAIL, BODY_MD5,
        "\"status\":\"PARSE_DONE\"", "\"subject_md5\":\"03c7c0ace395d80182db07ae2c30f034\"",
        "loggable 1" } },
    { "two mails",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"), C(MESSAGE ".\r\n"), QUEUED,
        C("MAIL FROM:<c@x> SIZE=9\r\n"), OK, C("DATA\r\n") },
      { "tx 1 done", "!tx 2", EMAIL, "\"mail_from\":\"<c@x>\"}",
        "\"email\":{\"status\":\"PARSE_DONE\"}" } },
    { "commands in small letters, with blanks, without brackets",
      { WELCOME, C("helo   me  you\r\n"), OK, C("mail from:  a@x size=1\r\n"), OK,
        C("rcpt to:b@x\r\nRCPT TO:\r\n"), OK, OK },
      { "\"helo\":\"me\",\"mail_from\":\"a@x\",\"rcpt_to\":[\"b@x\",\"\"]", "!  event " } },
    { "names that are known by their first letters",
      { WELCOME, C("HELOX me\r\n"), OK, SENDER, C("DATAX\r\n"), S("354 go\r\n"),
        C(MESSAGE ".\r\n"), QUEUED },
      { "\"helo\":\"me\"", EMAIL, "!  event " } },
    { "a server that is silent at first",
      { C("EHLO me.example\r\n"), S("220 mx\r\n"), OK },
      { "event no_server_welcome_message", "event invalid_reply" } },
    { "a server that begins with something else",
      { EHLO, OK, MAIL, OK },
      { "proto smtp/smtp/failed", "event no_server_welcome_message" } },
    { "replies of several lines",
      { S("220-mx.example.com\r\n220-ESMTP\r\n220 hi\r\n"), EHLO, FEATURES, SENDER,
        C("DATA\r\n"), S("354-go\r\n354 on\r\n"), C(MESSAGE ".\r\n"), QUEUED },
      { EMAIL, "!  event " } },
    { "a reply with a code that nobody knows",
      { BEGIN, C("NOOP\r\n"), S("999 x\r\n"), SENDER, C("DATA\r\n"), S("354 go\r\n"),
        C(MESSAGE ".\r\n"), QUEUED },
      { "event invalid_reply", "failed 0", EMAIL } },
    { "lines of the server that are no replies",
      { BEGIN, C("NOOP\r\n"), S("huh\r\n"), S("\r\n"), C("NOOP\r\n"), S("25\r\n") },
      { "event invalid_reply", "failed 0" } },
    { "a second greeting", { BEGIN, C("EHLO other\r\n"), S("250 ok\r\n"), SENDER },
      { "event duplicate_fields", "\"helo\":\"me.example\"," ENVELOPE, "!tx 1" } },
    { "a second sender", { BEGIN, SENDER, C("MAIL FROM:<c@x>\r\n"), OK },
      { "event duplicate_fields", ENVELOPE, "!<c@x>" } },
    { "RSET", { BEGIN, SENDER, C("RSET\r\n"), OK, MAIL, OK },
      { "tx 0 done 11", ENVELOPE, "tx 1 done 11", "\"mail_from\":\"<a@x>\"}", "!  event " } },
    { "RSET that is refused", { BEGIN, SENDER, C("RSET\r\n"), S("500 no\r\n"), SENDER },
      { "event duplicate_fields", "!tx 1" } },
    { "RSET behind a mail begins none",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"), C(MESSAGE ".\r\n"), QUEUED,
        C("RSET\r\nQUIT\r\n"), S("250 ok\r\n221 bye\r\n") },
      { "tx 0 done 11", "!tx 1", "!  event " } },
    { "a mail behind RSET in one piece is another",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"),
        C(MESSAGE ".\r\nRSET\r\nMAIL FROM:<c@x>\r\n"),
        S("250 queued\r\n250 ok\r\n250 ok\r\n"), C("RCPT TO:<d@x>\r\n"), OK },
      { "tx 1 done", "!tx 2", "\"mail_from\":\"<c@x>\",\"rcpt_to\":[\"<d@x>\"]", "!  event " } },
    { "EHLO within a mail begins anew",
      { BEGIN, SENDER, C("EHLO me.example\r\n"), FEATURES, C("MAIL FROM:<c@x>\r\n"), OK },
      { "event duplicate_fields", ENVELOPE "}", "tx 1 done", "\"mail_from\":\"<c@x>\"}" } },
    { "EHLO that is refused does not",
      { BEGIN, SENDER, C("EHLO\r\n"), S("501 no\r\n"), C("RCPT TO:<d@x>\r\n"), OK },
      { "event duplicate_fields", "\"rcpt_to\":[\"<b@x>\",\"<d@x>\"]", "!tx 1" } },
    { "DATA that is refused, and again",
      { BEGIN, SENDER, C("DATA\r\n"), S("554 no\r\n"), C("DATA\r\n"), S("354 go\r\n"),
        C(MESSAGE ".\r\n"), QUEUED },
      { "event data_command_rejected", "event unparsable_content", EMAIL } },
    { "DATA that is refused, EHLO, and a mail",
      { BEGIN, C("DATA\r\n"), S("503 no\r\n"), C("EHLO x\r\n"), OK, SENDER },
      { "event data_command_rejected", "!unparsable", "tx 1 done", ENVELOPE } },
    { "all in one piece, as the server allows",
      { WELCOME, EHLO, FEATURES,
        C("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n" MESSAGE ".\r\nMAIL FROM:<c@x>\r\n"),
        S("250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n250 ok\r\n") },
      { "event invalid_pipelined_sequence", ENVELOPE, EMAIL, "tx 1 done",
        "\"mail_from\":\"<c@x>\"}", "!rejected" } },
    { "a message that nobody asked for is commands",
      { BEGIN, C("MAIL FROM:<a@x>\r\nDATA\r\n" MESSAGE ".\r\n"), S("250 ok\r\n354 go\r\n") },
      { "event invalid_pipelined_sequence", "\"email\":{\"status\":\"PARSE_DONE\"}" } },
    { "lines that begin with dots",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"),
        C("Content-Disposition: x; filename=d\r\n\r\n..a\r\n...b\r\n.c\r\n. \r\n.\r\n"),
        QUEUED },
      { "[0] done: .a\\x0d\\x0a..b\\x0d\\x0ac\\x0d\\x0a \n", "size 13",
        /* The MD5 of the wire, not of the text. */
        "\"body_md5\":\"7a0c4fc2ee7019f313fc32d2e5eb5106\"" } },
    { "lines that end in LF",
      { BEGIN, SENDER, C("DATA\n"), S("354 go\n"),
        C("From: f@x\nTo: t@x\n\nhttp://u.org/ x\n.\nNOOP\n") },
      { EMAIL, "\"url\":[\"u.org/\"]", "tx 1 done" } },
    { "a mail that is cut short",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"),
        C("From: f@x\r\nTo: t@x\r\nContent-Type: a/b; name=n\r\n\r\nabc\r\nde") },
      { EMAIL, "!body_md5", "size 7 state 2", "tx 0 done 11" } },
    { "chunks",
      { BEGIN, SENDER, C("BDAT 5\r\nFrom:"), OK,
        C("BDAT 35 LAST\r\n f@x\r\nTo: t@x\r\nSubject: s\r\n\r\nbody\r\nMAIL FROM:<c@x>\r\n"),
        OK, OK },
      { EMAIL, BODY_MD5, ENVELOPE, "tx 1 done", "\"mail_from\":\"<c@x>\"}", "!  event " } },
    { "a last chunk that is empty",
      { BEGIN, SENDER, C("BDAT 6\r\nA: b\r\n"), OK, C("BDAT 0 LAST\r\n"), OK, MAIL },
      { "tx 0 done 11", "tx 1 done", "!  event " } },
    { "chunks that are none",
      { BEGIN, SENDER, C("BDAT\r\nBDAT x\r\nBDAT 5x\r\nBDAT 5 FIRST\r\nBDAT -1\r\n"
                         "BDAT 99999999999\r\nRCPT TO:<d@x>\r\n") },
      { "event invalid_bdat", "\"rcpt_to\":[\"<b@x>\",\"<d@x>\"]" } },
    { "a chunk that is refused",
      { BEGIN, SENDER, C("BDAT 900\r\n"), S("503 no\r\n"), C("RCPT TO:<d@x>\r\n") },
      { "\"rcpt_to\":[\"<b@x>\",\"<d@x>\"]" } },
    { "TLS that is refused", { BEGIN, C("STARTTLS\r\n"), S("454 no\r\n"), SENDER },
      { "event tls_rejected", ENVELOPE } },
    { "TLS",
      { BEGIN, C("STARTTLS\r\n"), S("220 go\r\n"), C("\x16\3\1\0\4\1\0\0\0") },
      { "proto tls/tls/", "events 0 ", "tx 0 done 11", "\"helo\":\"me.example\"" } },
    { "no TLS where it was to be",
      { BEGIN, C("STARTTLS\r\n"), S("220 go\r\n"), C("GET / HTTP/1.1\r\n\r\n") },
      { "proto http1/http1/", "events 30 " } },
    { "nothing where TLS was to be", { BEGIN, C("STARTTLS\r\n"), S("220 go\r\n") },
      { "proto failed/", "events 30 " } },
    { "a gap in a message",
      { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"),
        C("From: f@x\r\nTo: t@x\r\nContent-Type: a/b; name=n\r\n\r\nabc\r\nde"),
        GAP(TO_SERVER, 10), C("f\r\ng\r\n.\r\n") },
      { EMAIL, "size 21 state 2 gaps 1", "tx 0 done 11", "!body_md5" } },
    { "a gap between commands",
      { BEGIN, C("MAIL FROM:<a@x>\r\nRCPT"), GAP(TO_SERVER, 9), C("x>\r\nRCPT TO:<c@x>\r\n"),
        S("250 ok\r\n250 ok\r\n250 ok\r\n"), C("DATA\r\n"), S("354 go\r\n"),
        C(MESSAGE ".\r\n") },
      { "\"rcpt_to\":[\"<c@x>\"]", EMAIL, "!  event " } },
    { "a gap where DATA was answered",
      { BEGIN, SENDER, C("DATA\r\n"), GAP(TO_CLIENT, 8), C(MESSAGE ".\r\n"), QUEUED },
      { EMAIL, BODY_MD5 } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &smtp);
    }
}

/* A line of 'size' letters behind 'command' in both directions' limits. */
static void feed_long(struct conversation *c, enum direction dir, const char *command,
                      size_t size)
{
    struct strbuf line = STRBUF_EMPTY;

    strbuf_puts(&line, command);
    while (line.size < size) {
        strbuf_putc(&line, 'x');
    }
    strbuf_puts(&line, "\r\n");
    feed_piece(c, dir, line.text, line.size, 0, false);
    strbuf_fini(&line);
}

static bool has(const struct conversation *c, const char *event)
{
    return app_tx_has_event(tx_at(c, 0), event);
}

static void a_line_is_cut_at_its_limit(void **state)
{
    static const struct { size_t size; bool is_cut; } lines[] = {
        { 600, false }, { 4093, false }, { 4094, true }, { 4096, true }, { 9000, true },
    };
    struct turn hello = S("220 mx.example.com ESMTP\r\n"), mail = MAIL;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (int dir = 0; dir < N_DIRECTIONS; dir++) {
            struct conversation c;
            start(&c);
            c.flow.key.dport = 25;
            feed_turn(&c, &hello, 0);
            feed_long(&c, TO_SERVER, "EHLO ", dir == TO_SERVER ? lines[i].size : 10);
            feed_long(&c, TO_CLIENT, "250 ", dir == TO_CLIENT ? lines[i].size : 10);
            feed_turn(&c, &mail, 0);
            assert_int_equal(has(&c, "truncated_line"), lines[i].is_cut);
            struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_SERVER,
                                              BUFFER_SMTP_MAIL_FROM, 0);
            assert_true(slice_is(v.bytes, "<a@x>"));
            stop(&c);
        }
    }
}

static void a_server_that_never_replies_sensibly_is_given_up(void **state)
{
    struct conversation c;
    struct turn hello = S("220 mx.example.com ESMTP\r\n"), ehlo = EHLO, junk = S("junk\r\n");

    start(&c);
    c.flow.key.dport = 25;
    feed_turn(&c, &hello, 0);
    feed_turn(&c, &ehlo, 0);
    for (int i = 0; i < SMTP_MAX_INVALID; i++) {
        assert_false(c.flow.app->is_failed);
        feed_turn(&c, &junk, 0);
    }
    assert_true(c.flow.app->is_failed);
    stop(&c);
}

/* Each time is told, as rule authors' counters have it. */
static void events_that_come_again_are_counted(void **state)
{
    struct conversation c;
    struct turn begin[] = { BEGIN, SENDER }, again = C("MAIL FROM:<b@x>\r\n");

    start(&c);
    c.flow.key.dport = 25;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
        feed_turn(&c, &begin[i], 0);
    }
    for (int i = 0; i < 300; i++) {
        feed_turn(&c, &again, 0);
    }
    const struct app_tx *tx = tx_at(&c, 0);
    assert_true((tx->events >> SMTP_EVENT_DUPLICATE_FIELDS & 1) != 0);
    assert_int_equal(tx->repeats[SMTP_EVENT_DUPLICATE_FIELDS], 255);
    stop(&c);
}

/* Commands without answers, far more than are remembered; then all answers. */
static void unanswered_commands_do_not_grow(void **state)
{
    struct conversation c;
    struct turn begin[] = { BEGIN }, noop = C("NOOP\r\n"), data = C("DATA\r\n"), ok = OK,
                go = S("354 go\r\n"), message = C(MESSAGE ".\r\n");

    start(&c);
    c.flow.key.dport = 25;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
        feed_turn(&c, &begin[i], 0);
    }
    uint64_t before = c.flow.app->memory;
    for (int i = 0; i < 1000; i++) {
        feed_turn(&c, &noop, 0);
    }
    assert_int_equal(c.flow.app->memory, before);
    for (int i = 0; i < 1000; i++) {
        feed_turn(&c, &ok, 0);
    }
    feed_turn(&c, &data, 0);
    feed_turn(&c, &go, 0);
    feed_turn(&c, &message, 0);
    struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_EMAIL_FROM, 0);
    assert_true(slice_is(v.bytes, "f@x"));
    stop(&c);
}

static void recipients_are_bounded(void **state)
{
    struct conversation c;
    struct turn begin[] = { BEGIN, SENDER }, rcpt = C("RCPT TO:<b@x>\r\n");

    start(&c);
    c.flow.key.dport = 25;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
        feed_turn(&c, &begin[i], 0);
    }
    for (int i = 0; i < 3000; i++) {
        feed_turn(&c, &rcpt, 0);
    }
    assert_int_equal(smtp_tx_of(tx_at(&c, 0))->n_recipients, SMTP_MAX_RECIPIENTS);
    stop(&c);
}

static void what_begins_a_session_is_recognized_on_any_port(void **state)
{
    static const struct {
        struct turn turn;
        uint16_t port;
        enum app_proto proto;
    } cases[] = {
        { C("EHLO x\r\n"), 2525, APP_SMTP }, { C("helo x\r\n"), 80, APP_SMTP },
        { C("QUIT\r\n"), 1, APP_SMTP }, { C("NOOP\r\n"), 2525, APP_UNKNOWN },
        { C("XYZ\r\n"), 2525, APP_FAILED }, { C("XYZ\r\n"), 25, APP_UNKNOWN },
        { S("220 mx.example.com hello\r\n"), 25, APP_SMTP },
        { S("220 mx.example.com hello\r\n"), 2525, APP_UNKNOWN },
        { S("220 mx.example.com ESMTP\r\n"), 2525, APP_SMTP },
        { S("220-mx.example.com\r\n"), 25, APP_SMTP },
        { S("220 1.2.3.4 hello\r\n"), 25, APP_UNKNOWN },
        { S("220 mx..com hello\r\n"), 25, APP_UNKNOWN },
        { S("220 mx hello\r\n"), 25, APP_UNKNOWN },
        { S("220x\r\n"), 25, APP_FAILED }, { S("421 mx.example.com ESMTP\r\n"), 25, APP_UNKNOWN },
        { S("220 FTP ready\r\n"), 21, APP_FTP },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 0; step < 2; step++) {
            struct conversation c;
            start(&c);
            c.flow.key.dport = cases[i].port;
            feed_turn(&c, &cases[i].turn, step);
            enum app_proto got = cases[i].proto == APP_FAILED
                                     ? c.flow.app_proto_side[cases[i].turn.dir]
                                     : c.flow.app_proto;
            if (got != cases[i].proto) {
                fail_msg("%s on %u: %s", cases[i].turn.bytes, cases[i].port,
                         app_proto_name(got));
            }
            stop(&c);
        }
    }
}

/* Each to be logged when its message is answered, or when no answer can come any more. */
static void a_mail_is_complete_with_the_answer_to_its_message(void **state)
{
#define SENT BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"), C(MESSAGE ".\r\n")
    static const struct {
        const char *name;
        struct turn turns[12];
        size_t n_before;            /* Of these, after which it is not complete yet. */
    } cases[] = {
        { "an answer", { SENT, S("250 ok\r\n") }, 8 },
        { "a refusal", { SENT, S("554 no\r\n") }, 8 },
        { "an answer of two lines", { SENT, S("250-a\r\n"), S("250 b\r\n") }, 9 },
        { "what is no answer", { SENT, S("what?\r\n") }, 8 },
        { "the next mail, and then the answer",
          { SENT, C("MAIL FROM:<z@x>\r\n"), S("250 ok\r\n") }, 9 },
        { "bytes that are missing", { SENT, { .dir = TO_CLIENT, .gap = 9 }, S("x\r\n") }, 8 },
        { "the answer to the last of two chunks",
          { BEGIN, SENDER, C("BDAT 6\r\nA: b\r\nBDAT 3 LAST\r\n\r\nx"), S("250 1\r\n"),
            S("250 2\r\n") }, 7 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conversation c;
        start(&c);
        c.flow.key.dport = 25;
        for (size_t n = 0; n < 12 && (cases[i].turns[n].size != 0 || cases[i].turns[n].gap != 0);
             n++) {
            if (n == cases[i].n_before
                && (!tx_at(&c, 0)->is_done[TO_SERVER]
                    || app_tx_is_loggable(tx_at(&c, 0), TO_SERVER))) {
                fail_msg("%s: not complete after %zu turns", cases[i].name, n);
            }
            feed_turn(&c, &cases[i].turns[n], 0);
        }
        if (!app_tx_is_loggable(tx_at(&c, 0), TO_SERVER)) {
            fail_msg("%s: complete in the end", cases[i].name);
        }
        stop(&c);
    }
}

static void mails_that_nobody_answers_are_complete_after_some(void **state)
{
    struct conversation c;
    struct turn begin[] = { BEGIN, C("MAIL FROM:<a@x>\r\n"), FEATURES };
    struct turn mail = C("MAIL FROM:<a@x>\r\nBDAT 3 LAST\r\n\r\nx");

    start(&c);
    c.flow.key.dport = 25;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
        feed_turn(&c, &begin[i], 0);
    }
    for (unsigned i = 0; i < SMTP_MAX_UNANSWERED; i++) {
        feed_turn(&c, &mail, 0);
    }
    assert_false(app_tx_is_loggable(tx_at(&c, 0), TO_SERVER));
    feed_turn(&c, &mail, 0);
    for (unsigned i = 0; i <= SMTP_MAX_UNANSWERED; i++) {
        assert_true(app_tx_is_loggable(tx_at(&c, i), TO_SERVER));
    }
    stop(&c);
}

static void a_field_is_not_there_before_all_fields_are(void **state)
{
    struct conversation c;
    struct turn begin[] = { BEGIN, SENDER, C("DATA\r\n"), S("354 go\r\n"),
                            C("Subject: s\r\n") };
    struct turn end = C("\r\n"), dot = C(".\r\n"), queued = QUEUED;

    start(&c);
    c.flow.key.dport = 25;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
        feed_turn(&c, &begin[i], 0);
    }
    const struct app_tx *tx = tx_at(&c, 0);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_SMTP_RCPT_TO, 0).state, APP_VIEW_DONE);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_SMTP_RCPT_TO, 1).state,
                     APP_VIEW_NOT_YET);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_EMAIL_SUBJECT, 0).state,
                     APP_VIEW_NOT_YET);
    feed_turn(&c, &end, 0);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_EMAIL_SUBJECT, 0).state, APP_VIEW_DONE);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_EMAIL_CC, 0).state, APP_VIEW_ABSENT);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_EMAIL_URL, 0).state, APP_VIEW_NOT_YET);
    assert_false(app_tx_is_loggable(tx, TO_SERVER));
    feed_turn(&c, &dot, 0);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_EMAIL_URL, 0).state, APP_VIEW_ABSENT);
    feed_turn(&c, &queued, 0);
    assert_true(app_tx_is_loggable(tx, TO_SERVER));
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
        cmocka_unit_test(a_line_is_cut_at_its_limit),
        cmocka_unit_test(a_server_that_never_replies_sensibly_is_given_up),
        cmocka_unit_test(events_that_come_again_are_counted),
        cmocka_unit_test(unanswered_commands_do_not_grow),
        cmocka_unit_test(recipients_are_bounded),
        cmocka_unit_test(what_begins_a_session_is_recognized_on_any_port),
        cmocka_unit_test(a_mail_is_complete_with_the_answer_to_its_message),
        cmocka_unit_test(mails_that_nobody_answers_are_complete_after_some),
        cmocka_unit_test(a_field_is_not_there_before_all_fields_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
