/* HTTP/1 conversations.  Each row is fed whole, in single bytes and in sevens, which must
 * come to the same; then cut short at every byte, for the sanitizer. */
#include "tests/unit/app/conversation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MAX_TURNS 8
#define MAX_WANTS 10

/* What a buffer must hold; text NULL: it must be absent. */
struct want {
    unsigned tx;
    enum direction dir;
    enum buffer_id id;
    unsigned index;
    const char *text;
};

struct row {
    const char *name;
    struct turn turns[MAX_TURNS];
    struct want wants[MAX_WANTS];
    unsigned n_txs;
    const char *events[3];      /* Of the first transaction. */
};

#define TS(tx, id, text) { tx, TO_SERVER, BUFFER_##id, 0, text }
#define TC(tx, id, text) { tx, TO_CLIENT, BUFFER_##id, 0, text }

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK_LEN(n) "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct row rows[] = {
    { .name = "a request and its response",
      .turns = { C("GET /x%2e/../a//b?q=%41+b#f HTTP/1.1\r\nHost: Ex.org:8080\r\n"
                   "User-Agent: ua\r\nCookie: c=1\r\nReferer: r\r\nAccept: */*\r\n"
                   "Accept-Encoding: gzip\r\nAccept-Language: de\r\n"
                   "Connection: close\r\n\r\n"),
                 S("HTTP/1.1 404 Not Found\r\nServer: s\r\nLocation: l\r\n"
                   "Set-Cookie: d=2\r\nContent-Type: text/html\r\n"
                   "Content-Length: 3\r\n\r\nabc") },
      .wants = { TS(0, HTTP_URI, "/a/b?q=A+b#f"),
                 TS(0, HTTP_URI_RAW, "/x%2e/../a//b?q=%41+b#f"),
                 TS(0, HTTP_HOST, "ex.org"), TS(0, HTTP_HOST_RAW, "Ex.org:8080"),
                 TS(0, HTTP_COOKIE, "c=1"), TC(0, HTTP_COOKIE, "d=2"),
                 TC(0, HTTP_STAT_CODE, "404"), TC(0, HTTP_STAT_MSG, "Not Found"),
                 TC(0, HTTP_RESPONSE_BODY, "abc"), TC(0, FILE_NAME, "/a/b") },
      .n_txs = 1, .events = { "request_server_port_tcp_port_mismatch" } },
    { .name = "the buffers of headers",
      .turns = { C("GET / HTTP/1.1\r\nHost:  h \r\nCookie: c\r\nX: 1\r\nx: 2\r\n\r\n"),
                 S("HTTP/1.0 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n") },
      .wants = { TS(0, HTTP_HEADER, "Host: h\r\nX: 1, 2\r\n"),
                 TS(0, HTTP_HEADER_RAW, "Host:  h \r\nCookie: c\r\nX: 1\r\nx: 2\r\n\r\n"),
                 TS(0, HTTP_HEADER_NAMES, "\r\nHost\r\nCookie\r\nX\r\n\r\n"),
                 TS(0, HTTP_START,
                    "GET / HTTP/1.1\r\nHost: h\r\nCookie: c\r\nX: 1, 2\r\n\r\n"),
                 TS(0, HTTP_REQUEST_LINE, "GET / HTTP/1.1"),
                 TC(0, HTTP_RESPONSE_LINE, "HTTP/1.0 200 OK"),
                 TC(0, HTTP_PROTOCOL, "HTTP/1.0"), TC(0, HTTP_CONTENT_LEN, "0"),
                 { 0, TO_SERVER, BUFFER_HTTP_REQUEST_HEADER, 2, "X: 1, 2" },
                 TC(0, HTTP_RESPONSE_BODY, NULL) },
      .n_txs = 1 },
    { .name = "pipelined requests",
      .turns = { C("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: h\r\n\r\n"
                   "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"),
                 S(OK_LEN(1) "1" OK_LEN(9) "HTTP/1.1 304 Not Modified\r\n"
                   "Content-Length: 7\r\n\r\n") },
      .wants = { TS(0, HTTP_URI, "/1"), TC(0, FILE_DATA, "1"), TS(1, HTTP_URI, "/2"),
                 TC(1, HTTP_STAT_CODE, "200"), TC(1, FILE_DATA, NULL),
                 TS(2, HTTP_URI, "/3"), TC(2, HTTP_STAT_CODE, "304") },
      .n_txs = 3 },
    { .name = "chunks with extensions and a trailer",
      .turns = { C(GET), S(CHUNKED "3;x=y\r\nabc\r\n00002 \r\nde\r\n0\r\nT: u\r\n\r\n"
                           OK_LEN(1)) },
      .wants = { TC(0, HTTP_RESPONSE_BODY, "abcde"), TC(0, HTTP_HEADER,
                 "Transfer-Encoding: chunked\r\n") },
      .n_txs = 2, .events = { "response_chunk_extension" } },
    { .name = "a body announced as chunked that is not",
      .turns = { C(GET), S(CHUNKED "xyz is no size\r\nbody") },
      .wants = { TC(0, HTTP_RESPONSE_BODY, "xyz is no size\r\nbody") },
      .n_txs = 1, .events = { "invalid_response_chunk_len" } },
    { .name = "a chunked request, and a bad one",
      .turns = { C("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "2\r\nab\r\n0\r\n\r\n"
                   "POST /q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") },
      .wants = { TS(0, HTTP_REQUEST_BODY, "ab"), TS(0, FILE_NAME, "/p"),
                 TS(1, HTTP_REQUEST_BODY, NULL) },
      .n_txs = 2 },
    { .name = "an upgrade with a body is a response with one",
      .turns = { C(GET), S("HTTP/1.1 101 X\r\nContent-Length: 3\r\n\r\nabc" OK_LEN(0)) },
      .wants = { TC(0, HTTP_STAT_CODE, "101"), TC(0, FILE_DATA, "abc") }, .n_txs = 2 },
    { .name = "until the end of the connection",
      .turns = { C("GET /a HTTP/1.0\r\n\r\n"), S("HTTP/1.0 200 OK\r\n\r\nall "),
                 S("of it") },
      .wants = { TC(0, FILE_DATA, "all of it") }, .n_txs = 1 },
    { .name = "HTTP/0.9",
      .turns = { C("GET /old\r\n"), S("plain\nbody") },
      .wants = { TS(0, HTTP_URI, "/old"), TS(0, HTTP_PROTOCOL, NULL),
                 TC(0, FILE_DATA, "plain\nbody"), TC(0, HTTP_STAT_CODE, NULL) },
      .n_txs = 1 },
    { .name = "headers behind a request line without protocol",
      .turns = { C("GET / \r\nUser-Agent: myscript\r\n\r\n"), S(OK_LEN(0)) },
      .wants = { TS(0, HTTP_USER_AGENT, "myscript") },
      .n_txs = 1, .events = { "request_line_missing_protocol" } },
    { .name = "folded headers, and a field behind blanks",
      .turns = { C("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\t b\r\n\r\n"),
                 S("HTTP/1.1 200 OK\r\nConnection: close\r\n"
                   " Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n") },
      .wants = { TS(0, HTTP_HEADER, "Host: h\r\nX: a b\r\n"), TC(0, FILE_DATA, "x") },
      .n_txs = 1, .events = { "invalid_response_field_folding" } },
    { .name = "LF alone, CR alone and LF CR end lines of a response",
      .turns = { C(GET GET GET),
                 S("HTTP/1.1 200 OK\nContent-Length: 1\n\na"
                   "HTTP/1.1 200 OK\rContent-Length: 1\r\n\nb"
                   "HTTP/1.1 200 OK\n\rContent-Length: 1\n\r\r\nc") },
      .wants = { TC(0, FILE_DATA, "a"), TC(1, FILE_DATA, "b"), TC(2, FILE_DATA, "c") },
      .n_txs = 3 },
    { .name = "junk before the status line",
      .turns = { C(GET), S("\r\n \tfoobar\r\n" OK_LEN(1) "a") },
      .wants = { TC(0, HTTP_STAT_CODE, "200"), TC(0, FILE_DATA, "a") }, .n_txs = 1 },
    { .name = "100 Continue, twice",
      .turns = { C("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                   "Content-Length: 2\r\n\r\n"),
                 S("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"), C("hi"),
                 S("HTTP/1.1 100 Continue\r\n\r\n" OK_LEN(1) "a") },
      .wants = { TC(0, HTTP_STAT_CODE, "200"), TS(0, HTTP_REQUEST_BODY, "hi"),
                 TC(0, HTTP_HEADER, "Content-Length: 1\r\n") },
      .n_txs = 1, .events = { "100_continue_already_seen" } },
    { .name = "lengths that disagree",
      .turns = { C("GET /a HTTP/1.1\r\nHost: h\r\n\r\n" GET),
                 S("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\nabcd"
                   "HTTP/1.1 200 OK\r\nContent-Length: 2 4\r\n\r\nefgh") },
      .wants = { TC(0, FILE_DATA, "abcd"), TC(1, FILE_DATA, "efgh") },
      .n_txs = 2, .events = { "duplicate_content_length_field_in_response" } },
    { .name = "a name for the file",
      .turns = { C(GET), S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                           "Content-Disposition: attachment; filename=\"a b.txt\"\r\n\r\nx") },
      .wants = { TC(0, FILE_NAME, "a b.txt") }, .n_txs = 1 },
    { .name = "an upload in a form",
      .turns = { C("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 179\r\n"
                   "Content-Type: multipart/form-data; boundary=bb\r\n\r\n"
                   "--bb\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntext\r\n"
                   "--bb\r\nContent-Disposition: form-data; name=\"f\"; "
                   "filename=\"up.bin\"\r\nContent-Type: a/b\r\n\r\n"
                   "\r\n--b\r\r\n-data\r\n--bb--\r\n" "0123456789ab"),
                 S(OK_LEN(0)) },
      .wants = { TS(0, FILE_NAME, "up.bin"), TS(0, FILE_DATA, "\r\n--b\r\r\n-data"),
                 { 0, TO_SERVER, BUFFER_FILE_NAME, 1, NULL } },
      .n_txs = 1 },
    { .name = "a response without a request",
      .turns = { S(OK_LEN(2) "ab") },
      .wants = { TC(0, FILE_DATA, "ab"), TS(0, HTTP_URI, NULL) },
      .n_txs = 1, .events = { "unable_to_match_response_to_request" } },
    { .name = "an absolute URI names the host",
      .turns = { C("GET http://U.org:81?x HTTP/1.1\r\nHost: other\r\n\r\n") },
      .wants = { TS(0, HTTP_URI, "/?x"), TS(0, HTTP_HOST, "u.org"),
                 TS(0, HTTP_HOST_RAW, "other") },
      .n_txs = 1, .events = { "host_header_ambiguous" } },
    { .name = "blanks in a URI",
      .turns = { C("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n") },
      .wants = { TS(0, HTTP_URI, "/a b"), TS(0, HTTP_PROTOCOL, "HTTP/1.1") },
      .n_txs = 1 },
    { .name = "an address of version 6 as host",
      .turns = { C("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n") },
      .wants = { TS(0, HTTP_HOST, "[::1]") }, .n_txs = 1 },
    { .name = "what a request line may lack",
      .turns = { C("\r\n  GET\t/ HTTP/1.1\r\n\r\n") },
      .wants = { TS(0, HTTP_METHOD, "GET"), TS(0, HTTP_HOST, NULL) },
      .n_txs = 1, .events = { "missing_host_header", "method_delim_non_compliant",
                              "request_line_leading_whitespace" } },
    { .name = "a header without a colon",
      .turns = { C("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n") },
      .wants = { TS(0, HTTP_HEADER, "Host: h\r\n: no colon\r\n") },
      .n_txs = 1, .events = { "request_field_missing_colon" } },
    { .name = "204 with a body all the same, then without",
      .turns = { C(GET GET GET), S("HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\na"
                                   "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n"
                                   OK_LEN(1) "b") },
      .wants = { TC(0, FILE_DATA, "a"), TC(1, FILE_DATA, NULL), TC(2, FILE_DATA, "b") },
      .n_txs = 3 },
    { .name = "a gap in a body of known length",
      .turns = { C(GET GET), S(OK_LEN(8) "ab"), GAP(TO_CLIENT, 4),
                 S("gh" OK_LEN(1) "x") },
      .wants = { TC(0, FILE_DATA, "ab"), TC(1, FILE_DATA, "x") }, .n_txs = 2 },
    { .name = "a refused tunnel goes on as HTTP",
      .turns = { C("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
                 S("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), C(GET),
                 S(OK_LEN(1) "x") },
      .wants = { TS(0, HTTP_URI, "h:443"), TS(0, HTTP_HOST, "h"), TS(1, HTTP_URI, "/a"),
                 TC(1, FILE_DATA, "x") },
      .n_txs = 2 },
    { .name = "HTTP in a tunnel of HTTP",
      .turns = { C("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"),
                 S("HTTP/1.1 200 OK\r\n\r\n"), C(GET), S(OK_LEN(1) "x") },
      .wants = { TS(1, HTTP_URI, "/a"), TC(1, FILE_DATA, "x") }, .n_txs = 2 },
};

static bool has_event(const struct app_tx *tx, const char *name)
{
    return tx != NULL && app_tx_has_event(tx, name);
}

static void feed_row(struct conversation *c, const struct row *row, size_t step)
{
    for (size_t i = 0; i < MAX_TURNS && (row->turns[i].size != 0 || row->turns[i].gap != 0);
         i++) {
        feed_turn(c, &row->turns[i], step);
    }
    feed_end(c);
}

static void check_wants(const struct conversation *c, const struct row *row)
{
    struct strbuf text = STRBUF_EMPTY;

    write_session(&text, c);
    strbuf_cstr(&text);
    if (tx_at(c, row->n_txs) != NULL || tx_at(c, row->n_txs - 1) == NULL) {
        fail_msg("%s: wrong number of transactions:\n%s", row->name, text.text);
    }
    for (size_t i = 0; i < MAX_WANTS; i++) {
        const struct want *w = &row->wants[i];
        if (w->id == BUFFER_PAYLOAD) {
            break;
        }
        struct app_view v = app_tx_buffer(tx_at(c, w->tx), w->dir, w->id, w->index);
        bool is_good = w->text == NULL ? v.state == APP_VIEW_ABSENT
                                       : v.state == APP_VIEW_DONE && slice_is(v.bytes, w->text);
        if (!is_good) {
            fail_msg("%s: %s of tx %u should be %s:\n%s", row->name,
                     buffer_info(w->id)->name, w->tx, w->text != NULL ? w->text : "absent",
                     text.text);
        }
    }
    for (size_t i = 0; i < 3 && row->events[i] != NULL; i++) {
        if (!has_event(tx_at(c, 0), row->events[i])) {
            fail_msg("%s: no event %s:\n%s", row->name, row->events[i], text.text);
        }
    }
    strbuf_fini(&text);
}

static void conversations_come_to_what_they_say(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversation c;
        start(&c);
        feed_row(&c, &rows[i], 0);
        check_wants(&c, &rows[i]);
        stop(&c);
    }
}

static void pieces_of_any_size_make_no_difference(void **state)
{
    static const size_t steps[] = { 1, 2, 3, 7, 50 };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct strbuf whole = STRBUF_EMPTY;
        struct conversation c;
        start(&c);
        feed_row(&c, &rows[i], 0);
        write_session(&whole, &c);
        stop(&c);
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            struct strbuf text = STRBUF_EMPTY;
            start(&c);
            feed_row(&c, &rows[i], steps[k]);
            write_session(&text, &c);
            stop(&c);
            if (!slice_equal(strbuf_slice(&whole), strbuf_slice(&text))) {
                strbuf_cstr(&whole);
                strbuf_cstr(&text);
                fail_msg("%s, in pieces of %zu:\n%s\nbut whole:\n%s", rows[i].name,
                         steps[k], text.text, whole.text);
            }
            strbuf_fini(&text);
        }
        strbuf_fini(&whole);
    }
}

/* For each length up to the whole: feed so much, then the end. */
static void any_prefix_ends_well(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t total = 0;
        for (size_t k = 0; k < MAX_TURNS; k++) {
            total += rows[i].turns[k].size;
        }
        for (size_t n = 0; n <= total; n++) {
            struct conversation c;
            size_t left = n;
            start(&c);
            for (size_t k = 0; k < MAX_TURNS && left != 0; k++) {
                struct turn t = rows[i].turns[k];
                t.size = t.size < left ? t.size : left;
                left -= t.size;
                feed_turn(&c, &t, 0);
            }
            feed_end(&c);
            for (struct app_tx *tx = app_tx_first(c.flow.app); tx != NULL;
                 tx = app_tx_next(c.flow.app, tx)) {
                assert_true(tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT]);
            }
            stop(&c);
        }
    }
}

static void a_buffer_is_not_there_before_its_part_of_the_message(void **state)
{
    struct conversation c;
    const struct turn line = C("GET /a HTTP/1.1\r\n"), head = C("Host: h\r\nX: y\r\n"),
                      end = C("\r\n"), answer = S(OK_LEN(4) "ab"), rest = S("cd");

    start(&c);
    feed_turn(&c, &line, 0);
    const struct app_tx *tx = tx_at(&c, 0);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_URI, 0).state, APP_VIEW_DONE);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_HOST, 0).state,
                     APP_VIEW_NOT_YET);
    feed_turn(&c, &head, 0);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_HEADER, 0).state,
                     APP_VIEW_NOT_YET);
    uint32_t before = tx->changes[TO_SERVER];
    feed_turn(&c, &end, 0);
    assert_true(tx->changes[TO_SERVER] != before);
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_HTTP_HEADER, 0).state,
                     APP_VIEW_DONE);
    assert_true(tx->is_done[TO_SERVER]);
    assert_false(tx->is_done[TO_CLIENT]);
    assert_false(app_tx_is_loggable(tx, TO_CLIENT));
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FILE_DATA, 0).state,
                     APP_VIEW_NOT_YET);
    feed_turn(&c, &answer, 0);
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FILE_DATA, 0).state,
                     APP_VIEW_GROWING);
    feed_turn(&c, &rest, 0);
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FILE_DATA, 0).state,
                     APP_VIEW_DONE);
    assert_int_equal(app_tx_buffer(tx, TO_CLIENT, BUFFER_FILE_DATA, 1).state,
                     APP_VIEW_ABSENT);
    assert_true(app_tx_is_loggable(tx, TO_CLIENT));
    stop(&c);
}

static void uris_have_a_normal_form(void **state)
{
    static const struct { const char *raw, *normal; } uris[] = {
        { "/", "/" },
        { "/a/./b/../c", "/a/c" },
        { "/../../a", "/a" },
        { "/a/..", "/" },
        { "/a/.", "/a/" },
        { "//a///b", "/a/b" },
        { "/a\\b", "/a/b" },
        { "/%61%2fb", "/a/b" },
        { "/%2e%2e/a", "/a" },
        { "/%zz%4", "/%zz%4" },
        { "/%u0041%uff21%u2013", "/AA?" },
        { "/%2561", "/%61" },
        { "/a?b=../c//d%20e", "/a?b=../c//d e" },
        { "*", "*" },
        { "/.../a..", "/.../a.." },
        { "?x", "?x" },
    };

    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct conversation c;
        char text[128];
        int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", uris[i].raw);
        struct turn t = { TO_SERVER, text, (size_t) n, 0 };
        uint64_t len = 0;
        start(&c);
        feed_turn(&c, &t, 0);
        struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_HTTP_URI, 0);
        if (!slice_is(v.bytes, uris[i].normal)) {
            fail_msg("%s became %.*s", uris[i].raw, (int) v.bytes.size, v.bytes.bytes);
        }
        assert_true(app_tx_number(tx_at(&c, 0), TO_SERVER, FIELD_HTTP_URILEN, 0, &len));
        assert_int_equal(len, strlen(uris[i].normal));
        assert_int_equal(has_event(tx_at(&c, 0), "double_encoded_uri"), i == 11);
        stop(&c);
    }
}

static void the_event_tells_the_transaction(void **state)
{
    const struct turn ask = C("GET /x?y HTTP/1.1\r\nHost: A.org:8000\r\nUser-Agent: u\r\n"
                              "Referer: r\r\n\r\n");
    const struct turn answer = S("HTTP/1.1 302 Found\r\nLocation: /l\r\n"
                                 "Content-Type: text/html; charset=x\r\n"
                                 "Content-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\n"
                                 "12345");
    struct conversation c;
    struct event event = { 0 };
    struct arena scratch;

    start(&c);
    arena_init(&scratch, 4096, 65536);
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &answer, 0);
    app_tx_fill(tx_at(&c, 0), TO_SERVER, &event, &scratch);
    const struct event_http *h = event.http;
    assert_non_null(h);
    assert_true(slice_is(h->hostname, "a.org"));
    assert_true(h->has_http_port && h->http_port == 8000);
    assert_true(slice_is(h->url, "/x?y"));
    assert_true(slice_is(h->http_user_agent, "u"));
    assert_true(slice_is(h->http_refer, "r"));
    assert_true(slice_is(h->http_method, "GET"));
    assert_true(slice_is(h->protocol, "HTTP/1.1"));
    assert_true(h->has_status && h->status == 302);
    assert_true(slice_is(h->redirect, "/l"));
    assert_true(slice_is(h->http_content_type, "text/html"));
    assert_true(slice_is(h->content_range,
                         "{\"raw\":\"bytes 0-4/9\",\"start\":0,\"end\":4,\"size\":9}"));
    assert_true(h->has_length && h->length == 5);
    assert_int_equal(h->n_request_headers, 3);
    assert_true(slice_is(h->response_headers[0].name, "Location"));
    assert_true(slice_is_nocase(slice_text(app_event_type(tx_at(&c, 0)->parser)), "http"));
    arena_fini(&scratch);
    stop(&c);
}

static void a_line_without_end_fails_the_session(void **state)
{
    struct conversation c;
    struct turn get = C("GET /"), piece = C("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

    start(&c);
    feed_turn(&c, &get, 0);
    for (int i = 0; i < 2100; i++) {        /* Past the 64 KiB of http.field_limit. */
        feed_turn(&c, &piece, 0);
    }
    assert_true(c.flow.app->is_failed);
    assert_true(app_session_has_event(c.flow.app, "request_field_too_long"));
    stop(&c);
}

static void headers_without_end_fail_the_session(void **state)
{
    struct conversation c;
    struct turn get = C("GET / HTTP/1.1\r\n");
    char header[64];

    start(&c);
    feed_turn(&c, &get, 0);
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(header, sizeof header, "X-%d: y\r\n", i);
        struct turn t = { TO_SERVER, header, (size_t) n, 0 };
        feed_turn(&c, &t, 0);
    }
    assert_true(c.flow.app->is_failed);
    assert_true(has_event(tx_at(&c, 0), "request_too_many_headers"));
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_come_to_what_they_say),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(any_prefix_ends_well),
        cmocka_unit_test(a_buffer_is_not_there_before_its_part_of_the_message),
        cmocka_unit_test(uris_have_a_normal_form),
        cmocka_unit_test(the_event_tells_the_transaction),
        cmocka_unit_test(a_line_without_end_fails_the_session),
        cmocka_unit_test(headers_without_end_fail_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
