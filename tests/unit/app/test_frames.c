/* Frames: where they begin and end, whatever the pieces in which their bytes come. */
#include "tests/unit/app/conversation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sensor/app/frame.h"

static void want_frames(struct conversation *c, uint32_t keep)
{
    for (unsigned id = 0; id < N_FRAMES; id++) {
        c->conf.frame_keep[id] = keep;
    }
}

/* "name[number] direction offset+size: bytes", those of one direction behind the other. */
static void write_frames(struct strbuf *out, const struct conversation *c)
{
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        LIST_FOR_EACH (node, &c->flow.app->frames) {
            const struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);

            if (f->dir != (enum direction) dir) {
                continue;
            }
            strbuf_printf(out, "%s[%ju] %d ", frame_name(f->id), (uintmax_t) f->number, dir);
            if (f->offset != APP_FRAME_NO_OFFSET) {
                strbuf_printf(out, "%ju", (uintmax_t) f->offset);
            }
            strbuf_printf(out, "+%ju", (uintmax_t) f->seen);
            if (f->has_tx) {
                strbuf_printf(out, " tx %ju", (uintmax_t) f->tx_id);
            }
            strbuf_puts(out, f->is_complete ? ": " : f->is_over ? " cut: " : " open: ");
            write_bytes(out, f->data);
            strbuf_puts(out, "\n");
        }
    }
}

struct exchange {
    const char *name;
    uint16_t port;
    uint8_t ip_proto;
    struct turn turns[6];
    const char *frames;
};

static const struct exchange exchanges[] = {
    { "requests and responses of HTTP", 80, IP_PROTO_TCP,
      { C("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
        C("POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nxy"),
        S("HTTP/1.1 204 No Content\r\n\r\n") },
      "stream[1] 0 0+69: GET /a HTTP/1.1\\x0d\\x0aHost: h\\x0d\\x0a\\x0d\\x0a"
      "POST /b HTTP/1.1\\x0d\\x0aContent-Length: 2\\x0d\\x0a\\x0d\\x0axy\n"
      "request[2] 0 0+28 tx 0: GET /a HTTP/1.1\\x0d\\x0aHost: h\\x0d\\x0a\\x0d\\x0a\n"
      "request[3] 0 28+41 tx 1: POST /b HTTP/1.1\\x0d\\x0aContent-Length: 2\\x0d\\x0a"
      "\\x0d\\x0axy\n"
      "stream[1] 1 0+68: HTTP/1.1 200 OK\\x0d\\x0aContent-Length: 3\\x0d\\x0a\\x0d\\x0aabc"
      "HTTP/1.1 204 No Content\\x0d\\x0a\\x0d\\x0a\n"
      "response[2] 1 0+41 tx 0: HTTP/1.1 200 OK\\x0d\\x0aContent-Length: 3\\x0d\\x0a"
      "\\x0d\\x0aabc\n"
      "response[3] 1 41+27 tx 1: HTTP/1.1 204 No Content\\x0d\\x0a\\x0d\\x0a\n" },
    { "a response until the end", 80, IP_PROTO_TCP,
      { C("GET / HTTP/1.0\r\n\r\n"), S("HTTP/1.0 200 OK\r\n\r\nbody") },
      "stream[1] 0 0+18: GET / HTTP/1.0\\x0d\\x0a\\x0d\\x0a\n"
      "request[2] 0 0+18 tx 0: GET / HTTP/1.0\\x0d\\x0a\\x0d\\x0a\n"
      "stream[1] 1 0+23: HTTP/1.0 200 OK\\x0d\\x0a\\x0d\\x0abody\n"
      "response[2] 1 0+23 tx 0: HTTP/1.0 200 OK\\x0d\\x0a\\x0d\\x0abody\n" },
    { "lines and messages of SMTP", 25, IP_PROTO_TCP,
      { S("220 mx.a.b ESMTP\r\n"), C("EHLO a\r\nDATA\r\n"), S("250-b\r\n250 c\r\n354 d\r\n"),
        C("A: b\r\n\r\nx\r\n.\r\nQUIT\r\n"), S("250 e\r\n221 f\r\n") },
      "stream[1] 0 0+34: EHLO a\\x0d\\x0aDATA\\x0d\\x0aA: b\\x0d\\x0a\\x0d\\x0ax\\x0d\\x0a."
      "\\x0d\\x0aQUIT\\x0d\\x0a\n"
      "command_line[2] 0 0+8: EHLO a\\x0d\\x0a\n"
      "command_line[3] 0 0+6 tx 0: EHLO a\n"
      "command_line[4] 0 8+6: DATA\\x0d\\x0a\n"
      "command_line[5] 0 8+4 tx 0: DATA\n"
      "data[6] 0 14+14 tx 0: A: b\\x0d\\x0a\\x0d\\x0ax\\x0d\\x0a.\\x0d\\x0a\n"
      "command_line[7] 0 28+6: QUIT\\x0d\\x0a\n"
      "command_line[8] 0 28+4: QUIT\n"
      "stream[1] 1 0+53: 220 mx.a.b ESMTP\\x0d\\x0a250-b\\x0d\\x0a250 c\\x0d\\x0a"
      "354 d\\x0d\\x0a250 e\\x0d\\x0a221 f\\x0d\\x0a\n"
      "response_line[2] 1 0+18: 220 mx.a.b ESMTP\\x0d\\x0a\n"
      "response_line[3] 1 18+7 tx 0: 250-b\\x0d\\x0a\n"
      "response_line[4] 1 25+7 tx 0: 250 c\\x0d\\x0a\n"
      "response_line[5] 1 32+7 tx 0: 354 d\\x0d\\x0a\n"
      "response_line[6] 1 39+7 tx 0: 250 e\\x0d\\x0a\n"
      "response_line[7] 1 46+7: 221 f\\x0d\\x0a\n" },
    { "messages of DNS", 53, IP_PROTO_TCP,
      { C("\0\x16" "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\2de\0\0\1\0\1"
          "\0\x16" "\x12\x35\1\0\0\1\0\0\0\0\0\0\1b\2de\0\0\1\0\1") },
      "stream[1] 0 0+48: \\x00\\x16\\x124\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01a"
      "\\x02de\\x00\\x00\\x01\\x00\\x01\\x00\\x16\\x125\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00"
      "\\x00\\x00\\x01b\\x02de\\x00\\x00\\x01\\x00\\x01\n"
      "pdu[2] 0 2+22 tx 0: \\x124\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01a"
      "\\x02de\\x00\\x00\\x01\\x00\\x01\n"
      "pdu[3] 0 26+22 tx 1: \\x125\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01b"
      "\\x02de\\x00\\x00\\x01\\x00\\x01\n" },
    { "records of TLS", 443, IP_PROTO_TCP,
      { C("\x16\3\1\0\4\1\0\0\0" "\x15\3\1\0\2\2\x28") },
      "stream[1] 0 0+16: \\x16\\x03\\x01\\x00\\x04\\x01\\x00\\x00\\x00\\x15\\x03\\x01\\x00\\x02"
      "\\x02(\n"
      "hdr[2] 0 0+5: \\x16\\x03\\x01\\x00\\x04\n"
      "pdu[3] 0 0+9: \\x16\\x03\\x01\\x00\\x04\\x01\\x00\\x00\\x00\n"
      "data[4] 0 5+4: \\x01\\x00\\x00\\x00\n"
      "hdr[5] 0 9+5: \\x15\\x03\\x01\\x00\\x02\n"
      "pdu[6] 0 9+7: \\x15\\x03\\x01\\x00\\x02\\x02(\n"
      "data[7] 0 14+2: \\x02(\n"
      "alert[8] 0 14+2: \\x02(\n" },
};

static void run_exchange(struct strbuf *out, const struct exchange *e, uint32_t keep,
                         size_t step)
{
    struct conversation c;

    start(&c);
    want_frames(&c, keep);
    c.flow.key.dport = e->port;
    for (size_t k = 0; k < sizeof e->turns / sizeof *e->turns; k++) {
        feed_turn(&c, &e->turns[k], step);
    }
    feed_end(&c);
    write_frames(out, &c);
    stop(&c);
}

static void frames_are_the_same_however_the_stream_is_cut(void **state)
{
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        for (size_t step = 0; step < 80; step++) {
            struct strbuf out = STRBUF_EMPTY;

            run_exchange(&out, &exchanges[i], 4096, step);
            if (strcmp(strbuf_cstr(&out), exchanges[i].frames) != 0) {
                fail_msg("%s, in pieces of %zu:\n%s", exchanges[i].name, step,
                         strbuf_cstr(&out));
            }
            strbuf_fini(&out);
        }
    }
}

static void a_frame_keeps_its_first_bytes_and_knows_its_size(void **state)
{
    for (size_t step = 0; step < 9; step++) {
        struct strbuf out = STRBUF_EMPTY;

        run_exchange(&out, &exchanges[0], 5, step);
        assert_non_null(strstr(strbuf_cstr(&out), "request[3] 0 28+41 tx 1: POST \n"));
        assert_non_null(strstr(strbuf_cstr(&out), "stream[1] 1 0+68: HTTP/\n"));
        strbuf_fini(&out);
    }
}

static void frames_that_nobody_asks_for_are_only_counted(void **state)
{
    struct conversation c;

    start(&c);
    c.conf.frame_keep[FRAME_HTTP1_RESPONSE] = 100;
    for (size_t k = 0; k < 4; k++) {
        feed_turn(&c, &exchanges[0].turns[k], 0);
    }
    assert_int_equal(c.flow.app->n_frames, 2);
    struct app_frame *first = LIST_ENTRY(list_front(&c.flow.app->frames), struct app_frame, node);
    assert_int_equal(first->number, 2);
    assert_ptr_equal(app_frame_tx(c.flow.app, first), tx_at(&c, 0));
    stop(&c);
}

static void frames_are_freed_when_they_are_inspected_and_told(void **state)
{
    struct conversation c;

    start(&c);
    want_frames(&c, 100);
    feed_turn(&c, &exchanges[0].turns[0], 10);
    assert_int_equal(c.flow.app->n_frames, 2);
    LIST_FOR_EACH (node, &c.flow.app->frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);
        f->is_inspected = f->is_logged = true;
    }
    app_release(c.engine, &c.flow);
    assert_int_equal(c.flow.app->n_frames, 1);          /* The stream goes on. */
    stop(&c);
}

static void a_gap_cuts_what_it_falls_into(void **state)
{
    static const struct turn begin = S("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
    static const struct turn gap = GAP(TO_CLIENT, 4), rest = S("ghij");
    struct strbuf out = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    want_frames(&c, 4096);
    feed_turn(&c, &exchanges[0].turns[0], 0);
    feed_turn(&c, &begin, 0);
    feed_turn(&c, &gap, 0);
    feed_turn(&c, &rest, 0);
    write_frames(&out, &c);
    /* The parser knows its end; what was kept ends at the gap. */
    assert_non_null(strstr(strbuf_cstr(&out), "response[2] 1 0+49 tx 0: HTTP/1.1 200 OK\\x0d\\x0a"
                                              "Content-Length: 10\\x0d\\x0a\\x0d\\x0aab\n"));
    LIST_FOR_EACH (node, &c.flow.app->frames) {
        const struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);
        assert_int_equal(f->has_gaps, f->dir == TO_CLIENT);
        assert_int_equal(f->is_kept_whole, f->dir == TO_SERVER);
    }
    strbuf_fini(&out);
    stop(&c);
}

static void a_datagram_is_a_frame_without_an_offset(void **state)
{
    static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\2de\0\0\1\0\1";
    struct packet packet = { .payload_size = sizeof query - 1, .ip_proto = IP_PROTO_UDP };
    struct strbuf out = STRBUF_EMPTY;
    struct conversation c;

    start(&c);
    want_frames(&c, 4096);
    c.flow.key.ip_proto = IP_PROTO_UDP;
    c.flow.key.dport = 53;
    for (int i = 0; i < 2; i++) {
        uint8_t *copy = malloc(sizeof query - 1);

        memcpy(copy, query, sizeof query - 1);
        packet.bytes = copy;
        packet.size = sizeof query - 1;
        app_datagram(c.engine, &c.flow, &packet, TO_SERVER);
        free(copy);
    }
    write_frames(&out, &c);
    assert_string_equal(strbuf_cstr(&out),
                        "pdu[1] 0 +22 tx 0: \\x124\\x01\\x00\\x00\\x01\\x00\\x00\\x00"
                        "\\x00\\x00\\x00\\x01a\\x02de\\x00\\x00\\x01\\x00\\x01\n"
                        "pdu[2] 0 +22 tx 1: \\x124\\x01\\x00\\x00\\x01\\x00\\x00\\x00"
                        "\\x00\\x00\\x00\\x01a\\x02de\\x00\\x00\\x01\\x00\\x01\n");
    strbuf_fini(&out);
    stop(&c);
}

static void memory_for_frames_is_limited(void **state)
{
    struct conversation c;
    struct strbuf many = STRBUF_EMPTY;

    start(&c);
    want_frames(&c, 64);
    /* Heartbeats of one byte: four frames each, and nothing that ends the session. */
    for (int i = 0; i < 3000; i++) {
        strbuf_put(&many, "\x18\3\1\0\1\1", 6);
    }
    struct turn hello = C("\x16\3\1\0\4\1\0\0\0"), turn = { TO_SERVER, many.text, many.size, 0 };
    c.flow.key.dport = 443;
    feed_turn(&c, &hello, 0);
    feed_turn(&c, &turn, 0);
    assert_int_equal(c.flow.app->n_frames, 2048);
    assert_true(app_counters(c.engine)->frames_refused > 0);
    strbuf_fini(&many);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_the_same_however_the_stream_is_cut),
        cmocka_unit_test(a_frame_keeps_its_first_bytes_and_knows_its_size),
        cmocka_unit_test(frames_that_nobody_asks_for_are_only_counted),
        cmocka_unit_test(frames_are_freed_when_they_are_inspected_and_told),
        cmocka_unit_test(a_gap_cuts_what_it_falls_into),
        cmocka_unit_test(a_datagram_is_a_frame_without_an_offset),
        cmocka_unit_test(memory_for_frames_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
