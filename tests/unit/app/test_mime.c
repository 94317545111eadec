/* MIME: messages as they come in SMTP, and what is found in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/smtp/smtp.h"
#include "tests/unit/app/talks.h"

static const struct talk_kind smtp = { .event_type = "smtp", .server_port = 25 };

#define HELLO S("220 mx.example.com ESMTP\r\n"), C("EHLO me\r\n"), S("250 ok\r\n"), \
    C("DATA\r\n"), S("354 go\r\n")
#define MESSAGE(text) { HELLO, C(text ".\r\n") }
/* One part with a file in it, and a multipart with one part. */
#define FIELDS "From: f@x\r\n"
#define MULTI FIELDS "Content-Type: multipart/mixed; boundary=\"BB\"\r\n\r\npreamble\r\n"
#define PART(fields, text) "--BB\r\n" fields "\r\n" text "\r\n"
#define END "--BB--\r\nhttp://epilogue/ x\r\n"
#define FILE_A "Content-Disposition: attachment; filename=a.txt\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define ENCODED(coding, text) MESSAGE(MULTI PART(FILE_A coding, text) END)
#define NAMED(value) \
    MESSAGE(MULTI PART("Content-Disposition: attachment; " value "\r\n", "x") END)
#define TYPED(value) MESSAGE(MULTI PART("Content-Type: " value "\r\n", "http://u/ x") END)
/* The kept bytes of the first file, and its name. */
#define HAS(text) "[0] done: " text "\n"
#define HAS_NAME(text) "\"attachment\":[" text "]"

static const struct talk_case talks[] = {
    { "fields", MESSAGE("From: \"A, B\" <a@x>\r\nTo: c@x, \"d, e\" <f@x>,\r\n g@x\r\n"
                        "CC: h@x\r\nTo: second@x\r\nSubject: one\r\n two\r\n\tthree \r\n"
                        "X-Mailer:\r\n  m\r\nDate:now\r\nReceived: r1\r\nReceived: r2\r\n"
                        "Message-ID : <1@x>\r\nno colon\r\n: no name\r\n\r\nx\r\n"),
      { "\"from\":\"\\\"A, B\\\" <a@x>\"", "\"to\":[\"c@x\",\"\\\"d, e\\\" <f@x>\",\"g@x\"]",
        "\"cc\":[\"h@x\"]", "\"subject\":\"onetwothree \"", "\"x_mailer\":\"m\"",
        "\"date\":\"now\"", "\"received\":[\"r1\",\"r2\"]", "\"message_id\":\"<1@x>\"",
        "!  event ", "!second" } },
    { "no fields", MESSAGE("\r\nFrom: f@x\r\nhttp://u/ x\r\n"),
      { "\"email\":{\"status\":\"PARSE_DONE\",\"url\":[\"u/\"]", "!from" } },
    { "no body", MESSAGE("From: f@x\r\n"), { "\"email\":{\"status\":\"PARSE_DONE\"}" } },
    { "an empty body", MESSAGE("From: f@x\r\n\r\n"), { "\"from\"", "!body_md5" } },
    { "URLs",
      MESSAGE("A: b\r\n\r\nhttp://one/?a=b&c#d HTTP://Two<x https://no/ xhttp://three\r\n"
              "\"http://four\" 'http://five' [http://six] http:// ftp://no/ http://\r\n"),
      { "\"url\":[\"six\",\"five\",\"four\",\"three\",\"Two\",\"one/?a=b&c#d\"]" } },
    { "a file by its disposition", ENCODED("", "hello\r\nworld"),
      { HAS("hello\\x0d\\x0aworld"), HAS_NAME("\"a.txt\""), "size 12 state 1", "!epilogue",
        "!preamble", "!  event " } },
    { "an empty file", MESSAGE(MULTI "--BB\r\n" FILE_A "\r\n" END),
      { "size 0 state 1", HAS_NAME("\"a.txt\"") } },
    { "empty lines of a file", ENCODED("", "\r\na\r\n\r\n"),
      { HAS("\\x0d\\x0aa\\x0d\\x0a\\x0d\\x0a") } },
    { "a message that is a file",
      MESSAGE(FIELDS "Content-Type: a/b; name=\"n.bin\"\r\n" BASE64 "\r\naGVs\r\nbG8=\r\n"),
      { HAS("hello"), HAS_NAME("\"n.bin\""), "size 5 state 1" } },
    { "a file without its end", MESSAGE(MULTI "--BB\r\n" FILE_A "\r\nabc\r\n"),
      { HAS("abc"), "state 1" } },
    { "the name of the type goes first",
      MESSAGE(MULTI PART("Content-Type: a/b; name=n\r\n" FILE_A, "x") END),
      { HAS_NAME("\"n\"") } },
    { "an empty name is none",
      MESSAGE(MULTI PART("Content-Type: a/b; name=\"\"\r\n" FILE_A, "x") END),
      { HAS_NAME("\"\",\"a.txt\""), "size 1 state 1" } },
    /* Parts within parts. */
    { "multiparts within one another",
      MESSAGE(MULTI "--BB\r\nContent-Type: multipart/alternative; boundary=CC\r\n\r\n"
              "--CC\r\n\r\nhttp://u/ x\r\n--CC\r\nContent-Type: a/b; name=n\r\n\r\none\r\n"
              "--CC--\r\nhttp://no/ \r\n" PART(FILE_A, "two") END),
      { HAS("one"), "[1] done: two\n", HAS_NAME("\"n\",\"a.txt\""), "\"url\":[\"u/\"]" } },
    { "an inner multipart without its end",
      MESSAGE(MULTI "--BB\r\nContent-Type: multipart/x; boundary=CC\r\n\r\n"
              "--CC\r\nContent-Type: a/b; name=n\r\n\r\none\r\n" PART(FILE_A, "two") END),
      { HAS("one"), "[1] done: two\n" } },
    { "a boundary that begins as another does",
      MESSAGE(MULTI "--BB\r\nContent-Type: multipart/x; boundary=B\r\n\r\n"
              "--B\r\nContent-Type: a/b; name=n\r\n\r\none\r\n" PART(FILE_A, "two") END),
      { HAS("one"), "[1] done: two\n" } },
    { "boundaries with something behind them",
      MESSAGE(MULTI "--BB \r\n" FILE_A "\r\none\r\n--BBx\r\n" FILE_A "\r\ntwo\r\n--BB--x\r\n"),
      { HAS("one"), "[1] done: two\n", "!size 3 state 2" } },
    { "lines that are no boundaries", ENCODED("", " --BB\r\n--B\r\n-BB\r\nx--BB"),
      { HAS(" --BB\\x0d\\x0a--B\\x0d\\x0a-BB\\x0d\\x0ax--BB") } },
    { "parts behind the end", MESSAGE(MULTI END PART(FILE_A, "late") END), { HAS("late") } },
    { "a part without a body", MESSAGE(MULTI "--BB\r\n" FILE_A PART("", "http://u/ x") END),
      { HAS_NAME("\"a.txt\""), "\"url\":[\"u/\"]", "!size" } },
    { "a coding ends with its part",
      MESSAGE(MULTI PART(FILE_A BASE64, "YQ==") PART(FILE_A, "YQ==") END),
      { HAS("a"), "[1] done: YQ==\n" } },
    { "a message within a message",
      MESSAGE(MULTI PART("Content-Type: message/rfc822; name=m\r\n",
                         "Subject: inner\r\nContent-Type: a/b; name=n\r\n\r\nhttp://u/ x")
              END),
      { HAS("http://u/ x"), HAS_NAME("\"m\",\"n\""), "!inner", "\"from\":\"f@x\"",
        "\"url\":[\"u/\"]" } },
    { "a message that is one, whatever it says of its coding",
      MESSAGE(FIELDS "Content-Type: message/rfc822\r\n" BASE64 FILE_A
              "\r\n" FILE_A "\r\nplain\r\n"),
      { HAS("plain"), "!  event " } },
    { "types", TYPED("TEXT/Html ; charset=x"), { "\"url\":[\"u/\"]" } },
    { "types whose text nobody shows", TYPED("application/zip"), { "!url", "!size" } },
    { "types whose text is a file's", TYPED("application/zip; name=z"),
      { "\"url\":[\"u/\"]", HAS("http://u/ x") } },
    { "types without a type", TYPED(""), { "!url" } },
    /* Names. */
    { "a name in quotes", NAMED("filename=\"a; \\\"b\\\" c\"; size=1"),
      { HAS_NAME("\"a; \\\\\\\"b\\\\\\\" c\"") } },
    { "a name with blanks", NAMED("FileName = a b ; size=1"), { HAS_NAME("\"a b\"") } },
    { "a name without its last quote", NAMED("filename=\"a b"), { HAS_NAME("\"\\\"a b\"") } },
    { "the last name counts", NAMED("filename=a; filename=b;"), { HAS_NAME("\"b\"") } },
    { "a name on a line of its own", NAMED("\r\n\tfilename=a"), { HAS_NAME("\"a\"") } },
    { "other parameters", NAMED("xfilename=a; filenamex=b; filename; ;="), { HAS_NAME("\"\"") } },
    { "a name in sections", NAMED("filename*1=b; filename*0=\"a\"; filename*3=d"),
      { HAS_NAME("\"ab\"") } },
    { "a plain name goes before sections", NAMED("filename*0=a; filename*1=b; filename=c"),
      { HAS_NAME("\"c\"") } },
    { "a name with its charset", NAMED("filename*=utf-8'en'%e2%82%AC%2"),
      { HAS_NAME("\"\xe2\x82\xac%2\"") } },
    { "sections with a charset", NAMED("filename*0*=utf-8''%41; filename*1=%42; filename*2*=%43"),
      { HAS_NAME("\"A%42C\"") } },
    { "sections that are none", NAMED("filename*x=a; filename*999=b; filename*1=c"),
      { "!attachment", "!size" } },
    { "encoded words are left as they are", NAMED("filename=\"=?utf-8?B?YQ==?=\""),
      { HAS_NAME("\"=?utf-8?B?YQ==?=\"") } },
    /* Codings. */
    { "base64", ENCODED(BASE64, "aGVsb\r\nG8gd29y \tbGQ="), { HAS("hello world"), "!  event " } },
    { "base64 in capitals, with more behind it",
      ENCODED("Content-Transfer-Encoding: BASE64 ; x\r\n", "YWFh"), { HAS("aaa") } },
    { "base64 without padding", ENCODED(BASE64, "YWFhYQ"), { HAS("aaaa"), "!  event " } },
    { "base64 with one letter too many", ENCODED(BASE64, "YWFhY"), { HAS("aaa"), "!  event " } },
    { "base64 with junk", ENCODED(BASE64, "Y!W-F_h\x80"), { HAS("aaa"), "!  event " } },
    { "base64 that ends within", ENCODED(BASE64, "YQ==YWE=YWFh"), { HAS("aaaaaa"), "!  event " } },
    { "base64 with padding alone", ENCODED(BASE64, "YWFh\r\n=\r\nYWFh"),
      { HAS("aaaaaa"), "event mime_invalid_base64" } },
    { "base64 with too little padding", ENCODED(BASE64, "YQ=YWFh"),
      { HAS("aaaa"), "event mime_invalid_base64" } },
    { "quoted-printable", ENCODED(QP, "a=3Db=\r\nc =C3=BC \r\n_=20\r\n"),
      { HAS("a=bc \\xc3\\xbc \\x0d\\x0a_ \\x0d\\x0a"), "!  event " } },
    { "quoted-printable whose last line has an end", ENCODED(QP, "a"), { HAS("a\\x0d\\x0a") } },
    { "quoted-printable with small digits", ENCODED(QP, "=c3=bC="),
      { HAS("\\xc3\\xbc"), "event mime_invalid_qp" } },
    { "quoted-printable with blanks behind a break", ENCODED(QP, "a= \t \r\nb="),
      { HAS("ab"), "event mime_invalid_qp" } },
    { "quoted-printable that is none", ENCODED(QP, "a=b =XY ==41 =4\r\n=4="),
      { HAS("a=b =XY =A =4\\x0d\\x0a=4"), "event mime_invalid_qp" } },
    { "URLs across encoded lines",
      MESSAGE(MULTI PART(BASE64, "aHR0cDovL2Eu\r\nYi9jICBodHRwOi8vZA==") PART(QP,
              "http:/=\r\n/e=2Ff") END),
      { "\"url\":[\"e/f\",\"d\",\"a.b/c\"]" } },
    /* Limits. */
    { "a field's name", MESSAGE("N123456789012345678901234567890123456789012345678901234567890"
                                "123456789012345: x\r\n\r\n"), { "event mime_long_header_name" } },
    { "a line of base64 of 77 letters",
      ENCODED(BASE64, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
                      "YWFhYWFhY"), { "event mime_long_enc_line" } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &smtp);
    }
}

/* ---- Messages that are too long for a table ---- */

static void open_message(struct conversation *c)
{
    struct turn turns[] = { HELLO };

    c->flow.key.dport = 25;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        feed_turn(c, &turns[i], 0);
    }
}

/* Feeds text in pieces of 'step' bytes, 0: whole. */
static void feed_text(struct conversation *c, const struct strbuf *text, size_t step)
{
    struct turn turn = { TO_SERVER, text->text, text->size, 0 };

    feed_turn(c, &turn, step);
}

static bool has(const struct conversation *c, const char *event)
{
    return app_tx_has_event(tx_at(c, 0), event);
}

static struct slice buffer_of(const struct conversation *c, enum buffer_id id, unsigned index)
{
    return app_tx_buffer(tx_at(c, 0), TO_SERVER, id, index).bytes;
}

static void put_many(struct strbuf *text, const char *what, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        strbuf_puts(text, what);
    }
}

static void long_lines_are_told_and_nothing_of_files_is_lost(void **state)
{
    static const struct { size_t size; bool is_long; } lines[] = {
        { 998, false }, { 999, true }, { 4095, true }, { 4096, true }, { 4097, true },
        { 70000, true },
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (size_t step = 0; step < 5000; step = step == 0 ? 1400 : step * 3) {
            struct strbuf text = STRBUF_EMPTY;
            struct conversation c;
            start(&c);
            open_message(&c);
            strbuf_puts(&text, MULTI "--BB\r\n" FILE_A "\r\n");
            put_many(&text, "x", lines[i].size);
            strbuf_puts(&text, "\r\n" END ".\r\n");
            feed_text(&c, &text, step);
            const struct app_tx *tx = tx_at(&c, 0);
            const struct app_file *f = LIST_ENTRY(list_front(&tx->files), struct app_file, node);
            assert_int_equal(f->size, lines[i].size);
            assert_int_equal(f->state, FILE_CLOSED);
            assert_int_equal(has(&c, "mime_long_line"), lines[i].is_long);
            assert_null(tx->repeats);
            stop(&c);
            strbuf_fini(&text);
        }
    }
}

static void a_boundary_is_found_behind_a_line_without_measure(void **state)
{
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    open_message(&c);
    strbuf_puts(&text, MULTI "--BB\r\n" FILE_A QP "\r\n");
    put_many(&text, "=41", 10000);
    strbuf_puts(&text, "=\r\n" PART(FILE_A, "next") END ".\r\n");
    feed_text(&c, &text, 1000);
    assert_int_equal(buffer_of(&c, BUFFER_FILE_DATA, 0).size, 10000);
    assert_true(slice_is(buffer_of(&c, BUFFER_FILE_DATA, 1), "next"));
    stop(&c);
    strbuf_fini(&text);
}

static void a_field_is_cut_at_its_limit_and_the_next_is_read(void **state)
{
    for (size_t step = 0; step < 9000; step = step == 0 ? 1 : step * 5) {
        struct strbuf text = STRBUF_EMPTY;
        struct conversation c;
        start(&c);
        open_message(&c);
        strbuf_puts(&text, "Subject: ");
        put_many(&text, "s", 6000);
        strbuf_puts(&text, "\r\nFrom: f@x\r\n\r\nbody\r\n.\r\n");
        feed_text(&c, &text, step);
        assert_int_equal(buffer_of(&c, BUFFER_EMAIL_SUBJECT, 0).size, MIME_LINE_MAX - 9);
        assert_true(slice_is(buffer_of(&c, BUFFER_EMAIL_FROM, 0), "f@x"));
        assert_true(has(&c, "truncated_line"));
        assert_true(has(&c, "mime_long_header_value"));
        stop(&c);
        strbuf_fini(&text);
    }
}

static void fields_without_end_stay_within_their_limit(void **state)
{
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    open_message(&c);
    strbuf_puts(&text, "Subject: s\r\n");
    put_many(&text, " more and more of the subject\r\n", 30000);
    put_many(&text, "Received: r\r\n", 5000);
    strbuf_puts(&text, "\r\n.\r\n");
    feed_text(&c, &text, 1460);
    const struct app_tx *tx = tx_at(&c, 0);
    assert_true(tx->is_done[TO_SERVER]);
    assert_true(c.flow.app->memory < 2 * c.conf.smtp_header_limit + 65536);
    assert_true(buffer_of(&c, BUFFER_EMAIL_SUBJECT, 0).size <= c.conf.smtp_header_limit);
    stop(&c);
    strbuf_fini(&text);
}

static void long_names_and_boundaries_are_told(void **state)
{
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    open_message(&c);
    strbuf_puts(&text, "Content-Type: multipart/mixed; boundary=");
    put_many(&text, "B", 300);
    strbuf_puts(&text, "\r\n\r\n--");
    put_many(&text, "B", 300);
    strbuf_puts(&text, "\r\nContent-Disposition: attachment; filename=");
    put_many(&text, "f", 300);
    strbuf_puts(&text, "\r\n\r\nabc\r\n.\r\n");
    feed_text(&c, &text, 0);
    assert_true(has(&c, "mime_long_boundary"));
    assert_true(has(&c, "mime_long_filename"));
    assert_int_equal(buffer_of(&c, BUFFER_FILE_NAME, 0).size, MIME_FILE_NAME_MAX);
    assert_true(slice_is(buffer_of(&c, BUFFER_FILE_DATA, 0), "abc"));
    stop(&c);
    strbuf_fini(&text);
}

/* Multiparts in multiparts, more than are taken apart; messages in messages as well. */
static void nesting_has_an_end(void **state)
{
    static const char *const kinds[] = {
        "Content-Type: multipart/mixed; boundary=B%04d\r\n\r\n--B%04d\r\n",
        "Content-Type: message/rfc822; x=%d%d\r\n\r\n",
    };

    for (size_t kind = 0; kind < 2; kind++) {
        struct strbuf text = STRBUF_EMPTY;
        struct conversation c;
        start(&c);
        open_message(&c);
        for (int i = 0; i < 2000; i++) {
            strbuf_printf(&text, kinds[kind], i, i);
        }
        strbuf_puts(&text, FILE_A "\r\nabc\r\n.\r\n");
        feed_text(&c, &text, 0);
        assert_true(tx_at(&c, 0)->is_done[TO_SERVER]);
        assert_true(list_is_empty(&tx_at(&c, 0)->files));
        stop(&c);
        strbuf_fini(&text);
    }
}

static void attachments_and_urls_are_bounded(void **state)
{
    const struct slice *list;
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    open_message(&c);
    strbuf_puts(&text, MULTI);
    put_many(&text, PART(FILE_A, "http://u/ x"), 400);
    strbuf_puts(&text, END ".\r\n");
    feed_text(&c, &text, 0);
    const struct mime_message *m = smtp_tx_of(tx_at(&c, 0))->mime;
    assert_int_equal(mime_attachments(m, &list), MIME_MAX_ATTACHMENTS);
    assert_int_equal(mime_urls(m, &list), MIME_MAX_URLS);
    stop(&c);
    strbuf_fini(&text);
}

static void rules_see_the_beginning_of_a_file_and_its_hash_is_of_all(void **state)
{
    struct strbuf text = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    c.conf.smtp_file_limit = 1000;
    c.conf.file_md5 = true;
    open_message(&c);
    strbuf_puts(&text, MULTI "--BB\r\n" FILE_A BASE64 "\r\n");
    put_many(&text, "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\r\n", 100);
    strbuf_puts(&text, END ".\r\n");
    feed_text(&c, &text, 100);
    const struct app_tx *tx = tx_at(&c, 0);
    const struct app_file *f = LIST_ENTRY(list_front(&tx->files), struct app_file, node);
    assert_int_equal(f->data.size, 1000);
    assert_int_equal(f->size, 4500);
    assert_true(f->has_md5);
    stop(&c);
    strbuf_fini(&text);
}

/* With too little memory a message is looked at as far as it goes; nothing is lost. */
static void short_memory_is_survived(void **state)
{
    struct strbuf text = STRBUF_EMPTY;

    strbuf_puts(&text, MULTI "--BB\r\n" FILE_A "\r\n");
    put_many(&text, "http://some/url and a line of text\r\n", 2000);
    strbuf_puts(&text, END ".\r\n");
    for (uint64_t memory = 20000; memory < 200000; memory += 9000) {
        struct conversation c;
        start(&c);
        c.conf.session_memory = memory;
        open_message(&c);
        feed_text(&c, &text, 333);
        stop(&c);
    }
    strbuf_fini(&text);
}

static void what_is_switched_off_is_not_looked_for(void **state)
{
    struct conversation c;
    struct turn turn = C(FIELDS "\r\nhttp://u/ x\r\n.\r\n");

    start(&c);
    c.conf.smtp_extract_urls = c.conf.smtp_body_md5 = false;
    open_message(&c);
    feed_turn(&c, &turn, 0);
    uint8_t md5[16];
    const struct slice *list;
    assert_false(mime_body_md5(smtp_tx_of(tx_at(&c, 0))->mime, md5));
    assert_int_equal(mime_urls(smtp_tx_of(tx_at(&c, 0))->mime, &list), 0);
    stop(&c);
    start(&c);
    c.conf.smtp_decode_mime = false;
    open_message(&c);
    feed_turn(&c, &turn, 0);
    assert_null(smtp_tx_of(tx_at(&c, 0))->mime);
    assert_true(tx_at(&c, 0)->is_done[TO_SERVER]);
    stop(&c);
}

static void encoded_words_in_names_are_decoded_when_that_is_wanted(void **state)
{
    static const struct { const char *name, *text; } cases[] = {
        { "=?utf-8?B?YS50eHQ=?=", "a.txt" }, { "=?x?q?a=2E_b?=", "a. b" },
        { "a =?x?Q?b?= =?x?Q?c?= d", "a bc d" }, { "=?x?Q?b=5Fc?=", "b_c" },
        { "=?x?Z?b?=", "=?x?Z?b?=" }, { "=?x?Q?b", "=?x?Q?b" }, { "=?\?\?\?\?=", "=?\?\?\?\?=" },
        { "plain", "plain" }, { "=?x?B?!!!?=.exe", ".exe" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf text = STRBUF_EMPTY;
        struct conversation c;
        start(&c);
        c.conf.smtp_decode_names = true;
        open_message(&c);
        strbuf_printf(&text, "Content-Type: a/b; name=\"%s\"\r\n\r\nx\r\n.\r\n",
                      cases[i].name);
        feed_text(&c, &text, 0);
        struct slice name = buffer_of(&c, BUFFER_FILE_NAME, 0);
        if (!slice_is(name, cases[i].text)) {
            fail_msg("%s: %.*s", cases[i].name, (int) name.size, (const char *) name.bytes);
        }
        stop(&c);
        strbuf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
        cmocka_unit_test(long_lines_are_told_and_nothing_of_files_is_lost),
        cmocka_unit_test(a_boundary_is_found_behind_a_line_without_measure),
        cmocka_unit_test(a_field_is_cut_at_its_limit_and_the_next_is_read),
        cmocka_unit_test(fields_without_end_stay_within_their_limit),
        cmocka_unit_test(long_names_and_boundaries_are_told),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(attachments_and_urls_are_bounded),
        cmocka_unit_test(rules_see_the_beginning_of_a_file_and_its_hash_is_of_all),
        cmocka_unit_test(short_memory_is_survived),
        cmocka_unit_test(what_is_switched_off_is_not_looked_for),
        cmocka_unit_test(encoded_words_in_names_are_decoded_when_that_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
