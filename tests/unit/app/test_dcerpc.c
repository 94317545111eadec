/* DCE RPC over TCP and UDP: PDUs in, calls and their EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conversation.h"
#include "sensor/app/dcerpc/dcerpc_private.h"
#include "smb_messages.h"

/* What was said, in order: each turn is one or more PDUs. */
struct talk {
    enum direction dirs[8];
    struct strbuf turns[8];
    unsigned n;
};

static struct strbuf *say(struct talk *t, enum direction dir)
{
    t->dirs[t->n] = dir;
    return &t->turns[t->n++];
}

static void forget(struct talk *t)
{
    for (unsigned i = 0; i < t->n; i++) {
        strbuf_fini(&t->turns[i]);
    }
}

#define PDU(b, type, flags, id, body) put_pdu(b, type, flags, id, body, sizeof(body) - 1)

/* A bind and two calls, the second in fragments; an authentication in between. */
static struct talk make_talk(void)
{
    struct talk t = { .n = 0 };
    struct strbuf *b;

    PDU(say(&t, TO_SERVER), 11, 3, 1, BIND);
    PDU(say(&t, TO_CLIENT), 12, 3, 1, BINDACK);
    b = say(&t, TO_SERVER);
    PDU(b, 16, 3, 1, "auth");
    PDU(b, 0, 3, 2, REQUEST("\x0f\0", "open"));
    PDU(say(&t, TO_CLIENT), 2, 3, 2, RESPONSE("handle"));
    b = say(&t, TO_SERVER);
    PDU(b, 0, 1, 3, REQUEST("\x0c\0", "first "));
    PDU(b, 0, 2, 3, REQUEST("\x0c\0", "second"));
    PDU(say(&t, TO_CLIENT), 2, 3, 3, RESPONSE("ok"));
    return t;
}

static void hold(struct conversation *c, const struct talk *t, size_t step, size_t limit)
{
    for (unsigned i = 0; i < t->n && limit != 0; i++) {
        size_t n = t->turns[i].size < limit ? t->turns[i].size : limit;
        struct turn turn = { t->dirs[i], t->turns[i].text, n, 0 };
        feed_turn(c, &turn, step);
        limit -= n;
    }
}

/* The dcerpc objects of all transactions, a line each. */
static void write_events(struct strbuf *out, const struct conversation *c)
{
    struct arena scratch;

    arena_init(&scratch, 4096, 1u << 20);
    for (unsigned i = 0; tx_at(c, i) != NULL; i++) {
        struct event event = { .type = EVENT_DCERPC };
        app_tx_fill(tx_at(c, i), TO_SERVER, &event, &scratch);
        event_write_eve(&event, out);
        strbuf_putc(out, '\n');
    }
    arena_fini(&scratch);
}

static void expect(const struct strbuf *out, const char *part)
{
    struct strbuf copy = *out;

    if (strstr(strbuf_cstr(&copy), part) == NULL) {
        fail_msg("not found: %s\nin: %s", part, copy.text);
    }
}

static void calls_are_told_with_their_interface(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY;
    struct talk t = make_talk();

    start(&c);
    c.flow.key.dport = 49155;
    hold(&c, &t, 0, SIZE_MAX);
    write_events(&out, &c);
    expect(&out, "\"dcerpc\":{\"request\":\"BIND\",\"response\":\"BINDACK\",\"interfaces\":[{"
                 "\"uuid\":\"367abb81-9844-35f1-ad32-98f038001003\",\"version\":\"2.0\","
                 "\"ack_result\":0}],\"call_id\":1,\"rpc_version\":\"5.0\"}");
    expect(&out, "\"request\":\"REQUEST\",\"response\":\"RESPONSE\",\"req\":{\"opnum\":15,"
                 "\"frag_cnt\":1,\"stub_data_size\":4},\"interfaces\":[{");
    expect(&out, "\"res\":{\"frag_cnt\":1,\"stub_data_size\":14},\"call_id\":2");
    expect(&out, "\"opnum\":12,\"frag_cnt\":1,\"stub_data_size\":12");
    struct app_view stub = app_tx_buffer(tx_at(&c, 2), TO_SERVER, BUFFER_DCERPC_STUB_DATA, 0);
    assert_int_equal(stub.state, APP_VIEW_DONE);
    assert_true(slice_is(stub.bytes, "first second"));
    uint64_t opnum = 0;
    assert_true(app_tx_number(tx_at(&c, 1), TO_SERVER, FIELD_DCERPC_OPNUM, 0, &opnum));
    assert_int_equal(opnum, 15);
    assert_false(app_tx_number(tx_at(&c, 0), TO_SERVER, FIELD_DCERPC_OPNUM, 0, &opnum));
    struct app_iface iface;
    assert_true(app_tx_iface(tx_at(&c, 1), 0, &iface));
    assert_true(iface.is_accepted);
    assert_int_equal(iface.version, 2);
    assert_int_equal(iface.uuid[0], 0x36);
    assert_false(app_tx_iface(tx_at(&c, 1), 1, &iface));
    assert_true(app_tx_is_little_endian(tx_at(&c, 1)));
    strbuf_fini(&out);
    forget(&t);
    stop(&c);
}

static void pieces_of_any_size_make_the_same_calls(void **unused)
{
    struct strbuf whole = STRBUF_EMPTY;
    struct talk t = make_talk();

    for (size_t step = 0; step < 40; step++) {
        struct conversation c;
        struct strbuf out = STRBUF_EMPTY;
        start(&c);
        hold(&c, &t, step, SIZE_MAX);
        write_events(&out, &c);
        write_session(&out, &c);
        if (step == 0) {
            strbuf_put(&whole, out.text, out.size);
        } else {
            assert_string_equal(strbuf_cstr(&out), strbuf_cstr(&whole));
        }
        strbuf_fini(&out);
        stop(&c);
    }
    strbuf_fini(&whole);
    forget(&t);
}

static void every_prefix_ends_well(void **unused)
{
    struct talk t = make_talk();
    size_t size = 0;

    for (unsigned i = 0; i < t.n; i++) {
        size += t.turns[i].size;
    }
    for (size_t limit = 0; limit <= size; limit++) {
        struct conversation c;
        start(&c);
        hold(&c, &t, 0, limit);
        feed_end(&c);
        for (unsigned i = 0; c.flow.app != NULL && tx_at(&c, i) != NULL; i++) {
            assert_true(tx_at(&c, i)->is_done[TO_SERVER] && tx_at(&c, i)->is_done[TO_CLIENT]);
        }
        stop(&c);
    }
    forget(&t);
}

static void behind_a_gap_the_next_pdu_is_found(void **unused)
{
    struct conversation c;
    struct strbuf out = STRBUF_EMPTY;
    struct talk t = make_talk();
    struct turn gap = GAP(TO_CLIENT, 30);

    start(&c);
    for (unsigned i = 0; i < 3; i++) {
        struct turn turn = { t.dirs[i], t.turns[i].text, t.turns[i].size, 0 };
        feed_turn(&c, &turn, 0);
    }
    feed_turn(&c, &gap, 0);
    struct turn answer = { TO_CLIENT, t.turns[5].text, t.turns[5].size, 0 };
    feed_turn(&c, &answer, 0);
    write_events(&out, &c);
    expect(&out, "\"response\":\"UNREPLIED\",\"req\":{\"opnum\":15");
    expect(&out, "\"request\":\"REQUEST_LOST\",\"response\":\"RESPONSE\",\"res\":{"
                 "\"frag_cnt\":1,\"stub_data_size\":10},\"call_id\":3");
    assert_true(tx_at(&c, 1)->is_done[TO_CLIENT]);
    strbuf_fini(&out);
    forget(&t);
    stop(&c);
}

static void what_is_malformed_ends_the_parser(void **unused)
{
    static const struct { const char *what; uint8_t type; const char *body; size_t size; }
    rows[] = {
        { "a bind without its contexts", 11, BIND, 11 },
        { "a bind with more contexts than bytes", 11, BIND, sizeof BIND - 2 },
        { "a call without an operation", 0, REQUEST("\1\0", ""), 7 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conversation c;
        struct strbuf b = STRBUF_EMPTY;
        start(&c);
        put_pdu(&b, 11, 3, 1, BIND, sizeof BIND - 1);
        put_pdu(&b, rows[i].type, 3, 2, rows[i].body, rows[i].size);
        struct turn turn = { TO_SERVER, b.text, b.size, 0 };
        feed_turn(&c, &turn, 0);
        if (!c.flow.app->is_failed) {
            fail_msg("%s was taken", rows[i].what);
        }
        strbuf_fini(&b);
        stop(&c);
    }
}

static void a_client_that_asks_without_end_is_bounded(void **unused)
{
    struct conversation c;
    struct strbuf b = STRBUF_EMPTY;

    start(&c);
    c.conf.dcerpc_max_transactions = 10;
    for (uint32_t i = 0; i < 1000; i++) {
        strbuf_clear(&b);
        PDU(&b, 11, 3, i, BIND);
        struct turn turn = { TO_SERVER, b.text, b.size, 0 };
        feed_turn(&c, &turn, 0);
        for (struct app_tx *tx = tx_at(&c, 0); tx != NULL; tx = app_tx_next(c.flow.app, tx)) {
            tx->is_logged = tx->is_inspected[0] = tx->is_inspected[1] = true;
        }
        app_release(c.engine, &c.flow);
    }
    assert_in_range(c.flow.app->n_open, 1, 11);
    strbuf_fini(&b);
    stop(&c);
}

static void at_the_limit_the_latest_calls_are_kept(void **unused)
{
    struct conversation c;
    struct strbuf b = STRBUF_EMPTY;

    start(&c);
    c.conf.dcerpc_max_transactions = c.conf.max_transactions = 10;
    for (uint32_t i = 0; i < 18; i++) {         /* In one packet: none is released yet. */
        PDU(&b, 11, 3, i, BIND);
    }
    struct turn turn = { TO_SERVER, b.text, b.size, 0 };
    feed_turn(&c, &turn, 0);
    assert_int_equal(app_counters(c.engine)->txs_refused, 0);
    assert_int_equal(c.flow.app->n_open - c.flow.app->n_over, 10);
    assert_true(tx_at(&c, 7)->is_done[TO_CLIENT]);
    assert_false(tx_at(&c, 8)->is_done[TO_CLIENT]);
    strbuf_fini(&b);
    stop(&c);
}

/* Behind a tunnel: the transactions of HTTP that are still there are no calls, though a PDU
 * have the id that stands in them where a call has its own. */
static void what_http_left_is_no_call(void **unused)
{
    static const struct turn ask = C("CONNECT h:135 HTTP/1.1\r\nHost: h\r\n\r\n"),
                             granted = S("HTTP/1.1 200 OK\r\n\r\n");
    struct conversation c;
    struct strbuf b = STRBUF_EMPTY;

    start(&c);
    feed_turn(&c, &ask, 0);
    feed_turn(&c, &granted, 0);
    const struct app_tx *http = tx_at(&c, 0);
    PDU(&b, 11, 3, 1, BIND);
    PDU(&b, 0, 3, dcerpc_tx_of(http)->call_id, REQUEST("\1\0", "stub"));
    struct turn turn = { TO_SERVER, b.text, b.size, 0 };
    feed_turn(&c, &turn, 0);
    assert_int_equal(c.flow.app_proto, APP_DCERPC);
    assert_true(slice_is(app_tx_buffer(http, TO_SERVER, BUFFER_HTTP_METHOD, 0).bytes, "CONNECT"));
    assert_non_null(tx_at(&c, 2));
    assert_true(slice_is(app_tx_buffer(tx_at(&c, 2), TO_SERVER, BUFFER_DCERPC_STUB_DATA, 0).bytes,
                         "stub"));
    strbuf_fini(&b);
    stop(&c);
}

/* ---- UDP ---- */

static void put_datagram(struct strbuf *b, uint8_t type, uint8_t flags, uint32_t sequence,
                         const char *stub)
{
    put_le(b, 4, 1);
    put_le(b, type, 1);
    put_le(b, flags, 2);
    put_le(b, 0x10, 4);
    put_zeros(b, 16);
    RAW(b, SVCCTL);
    RAW(b, "ACTIVITYACTIVITY");
    put_zeros(b, 4);
    put_le(b, 2, 4);
    put_le(b, sequence, 4);
    put_le(b, 7, 2);
    put_le(b, 0xffffffff, 4);
    put_le(b, strlen(stub), 2);
    put_zeros(b, 4);
    strbuf_puts(b, stub);
}

static void feed_datagram(struct conversation *c, enum direction dir, const char *bytes,
                          size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct packet p = { .bytes = copy, .payload_size = (uint32_t) size };

    memcpy(copy, bytes, size);
    app_datagram(c->engine, &c->flow, &p, dir);
    free(copy);
}

static void datagrams_of_one_call_are_joined(void **unused)
{
    struct conversation c;
    struct strbuf b = STRBUF_EMPTY, out = STRBUF_EMPTY;
    struct app_iface iface;

    start(&c);
    c.flow.key.ip_proto = IP_PROTO_UDP;
    for (unsigned i = 0; i < 2; i++) {          /* FRAG, then FRAG and LASTFRAG. */
        strbuf_clear(&b);
        put_datagram(&b, 0, i == 0 ? 4 : 6, 9, i == 0 ? "one" : "two");
        feed_datagram(&c, TO_SERVER, b.text, b.size);
    }
    assert_false(app_tx_is_loggable(tx_at(&c, 0), TO_SERVER));
    strbuf_clear(&b);
    put_datagram(&b, 2, 0, 9, "three");
    feed_datagram(&c, TO_CLIENT, b.text, b.size);
    assert_int_equal(c.flow.app_proto, APP_DCERPC);
    assert_true(app_tx_is_loggable(tx_at(&c, 0), TO_SERVER));
    assert_null(tx_at(&c, 1));
    write_events(&out, &c);
    expect(&out, "\"req\":{\"opnum\":7,\"frag_cnt\":2,\"stub_data_size\":6}");
    expect(&out, "\"res\":{\"frag_cnt\":1,\"stub_data_size\":5}");
    expect(&out, "\"seqnum\":9,\"rpc_version\":\"4.0\"");
    assert_true(app_tx_iface(tx_at(&c, 0), 0, &iface) && iface.version == 2);
    for (size_t size = 0; size < b.size; size++) {
        feed_datagram(&c, TO_CLIENT, b.text, size);
    }
    assert_null(tx_at(&c, 1));
    strbuf_fini(&b);
    strbuf_fini(&out);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_told_with_their_interface),
        cmocka_unit_test(pieces_of_any_size_make_the_same_calls),
        cmocka_unit_test(every_prefix_ends_well),
        cmocka_unit_test(behind_a_gap_the_next_pdu_is_found),
        cmocka_unit_test(what_is_malformed_ends_the_parser),
        cmocka_unit_test(a_client_that_asks_without_end_is_bounded),
        cmocka_unit_test(at_the_limit_the_latest_calls_are_kept),
        cmocka_unit_test(what_http_left_is_no_call),
        cmocka_unit_test(datagrams_of_one_call_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
