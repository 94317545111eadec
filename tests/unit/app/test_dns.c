/* DNS: messages in, transactions and their EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/app/dns/dns.h"
#include "sensor/app/dns/message.h"

struct world {
    struct app_conf conf;
    struct app_engine *engine;
    struct flow flow;
    struct packet packet;
    struct strbuf eve;
};

static struct world *world_new(uint8_t ip_proto, uint16_t server_port)
{
    struct world *w = calloc(1, sizeof *w);

    w->conf = (struct app_conf) { .memory = 64u << 20, .session_memory = 8u << 20,
                                  .max_transactions = 1000 };
    w->engine = app_engine_create(&w->conf, NULL, NULL);
    w->flow.key.ip_proto = ip_proto;
    w->flow.key.sport = 40000;
    w->flow.key.dport = server_port;
    return w;
}

static void world_free(struct world *w)
{
    app_flow_finish(w->engine, &w->flow);
    app_flow_end(w->engine, &w->flow);
    assert_int_equal(app_counters(w->engine)->memory, 0);
    app_engine_destroy(w->engine);
    strbuf_fini(&w->eve);
    free(w);
}

static void feed_udp(struct world *w, enum direction dir, const void *bytes, size_t size)
{
    /* On the heap in its own size, so that an overread is seen. */
    uint8_t *copy = malloc(size != 0 ? size : 1);

    memcpy(copy, bytes, size);
    w->packet = (struct packet) { .bytes = copy, .payload_size = (uint32_t) size,
                                  .time_ns = 5 };
    app_datagram(w->engine, &w->flow, &w->packet, dir);
    free(copy);
}

static void feed_tcp(struct world *w, enum direction dir, const void *bytes, size_t size,
                     uint32_t gap)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);
    struct stream_data data = { .dir = dir, .bytes = copy, .size = (uint32_t) size,
                                .gap = gap };

    memcpy(copy, bytes, size);
    app_stream(w->engine, &w->flow, &w->packet, &data);
    free(copy);
}

static struct app_tx *tx_at(struct world *w, unsigned n)
{
    struct app_tx *tx = app_tx_first(w->flow.app);

    while (tx != NULL && n-- > 0) {
        tx = app_tx_next(w->flow.app, tx);
    }
    return tx;
}

/* The "dns" object of a transaction as EVE writes it. */
static const char *eve_of(struct world *w, const struct app_tx *tx, enum direction dir)
{
    struct arena scratch;
    struct event event = { .timestamp = 0 };

    arena_init(&scratch, 4096, 16u << 20);
    event.type = EVENT_DNS;
    app_tx_fill(tx, dir, &event, &scratch);
    assert_non_null(event.dns);
    strbuf_clear(&w->eve);
    event_write_eve(&event, &w->eve);
    arena_fini(&scratch);
    return strbuf_cstr(&w->eve);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("not found: %s\nin: %s", part, text);
    }
}

#define HEADER(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define Q_AX "\1a\1x\0\0\1\0\1"
#define RR(type, size) "\xc0\x0c\0" type "\0\1\0\0\0\5\0" size
#define BYTES(literal) literal, sizeof(literal) - 1
#define QUERY HEADER("\1\0", "\1", "\0", "\0", "\0") Q_AX

static const struct {
    const char *name, *bytes;
    size_t size;
    const char *parts[4];       /* Of the EVE record; all must be there.  None: malformed. */
    const char *event;
} messages[] = {
    { "request", BYTES(QUERY),
      { "\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":4660,"
        "\"flags\":\"100\",\"rd\":true,\"opcode\":0,\"rcode\":\"NOERROR\","
        "\"queries\":[{\"rrname\":\"a.x\",\"rrtype\":\"A\"}]}" } },
    { "address", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                       RR("\1", "\4") "\1\2\3\4"),
      { "\"type\":\"response\"", "\"qr\":true,\"rd\":true,\"ra\":true",
        "\"answers\":[{\"rrname\":\"a.x\",\"rrtype\":\"A\",\"ttl\":5,"
        "\"rdata\":\"1.2.3.4\"}]",
        "\"grouped\":{\"A\":[\"1.2.3.4\"]}" } },
    { "address of a wrong size", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                                       RR("\1", "\3") "\1\2\3"),
      { "\"rdata\":\"\"", "\"grouped\":{\"A\":[\"\"]}" } },
    { "IPv6 address", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                            RR("\x1c", "\x10") "\x20\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1"),
      { "\"rdata\":\"2001:0000:0000:0000:0000:0000:0000:0001\"" } },
    { "alias with a pointer into the question",
      BYTES(HEADER("\x81\x80", "\1", "\2", "\0", "\0") Q_AX RR("\5", "\4") "\1y\xc0\x0e"
            RR("\1", "\4") "\1\2\3\4"),
      { "\"rdata\":\"y.x\"", "\"grouped\":{\"CNAME\":[\"y.x\"],\"A\":[\"1.2.3.4\"]}" } },
    { "mail exchange", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                             RR("\x0f", "\5") "\0\x0a\1m\0"),
      { "\"rrtype\":\"MX\",\"ttl\":5,\"rdata\":\"m\"" } },
    { "texts, each a record", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                                    RR("\x10", "\7") "\3abc\2de"),
      { "\"rdata\":\"abc\"},{", "\"rdata\":\"de\"}", "\"grouped\":{\"TXT\":[\"abc\",\"de\"]}" } },
    { "text longer than its record", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                                           RR("\x10", "\3") "\x20" "ab"), { NULL } },
    { "start of authority",
      BYTES(HEADER("\x81\x83", "\1", "\0", "\1", "\0") Q_AX RR("\6", "\x1a")
            "\1m\0\1r\0" "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
      { "\"rcode\":\"NXDOMAIN\"",
        "\"authorities\":[{\"rrname\":\"a.x\",\"rrtype\":\"SOA\",\"ttl\":5,\"soa\":"
        "{\"mname\":\"m\",\"rname\":\"r\",\"serial\":1,\"refresh\":2,\"retry\":3,"
        "\"expire\":4,\"minimum\":5}}]" } },
    { "service", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                       RR("\x21", "\x09") "\0\1\0\2\0\3\1s\0"),
      { "\"srv\":{\"priority\":1,\"weight\":2,\"port\":3,\"name\":\"s\"}",
        "\"grouped\":{\"SRV\":[{\"priority\":1,\"weight\":2,\"port\":3,\"name\":\"s\"}]}" } },
    { "key fingerprint", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                               RR("\x2c", "\5") "\1\2\xab\xcd\x01"),
      { "\"sshfp\":{\"fingerprint\":\"ab:cd:01\",\"algo\":1,\"type\":2}" } },
    { "null record", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                           RR("\x0a", "\3") "n\0\xff"),
      { "\"rrtype\":\"NULL\",\"ttl\":5,\"rdata\":\"n\\u0000\\\\xff\"" } },
    { "type without data of ours", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX
                                         RR("\x41", "\3") "\0\1\0"),
      { "{\"rrname\":\"a.x\",\"rrtype\":\"HTTPS\",\"ttl\":5}", "\"grouped\":{}" } },
    { "option of EDNS", BYTES(HEADER("\1\x20", "\1", "\0", "\0", "\1") Q_AX
                              "\0\0\x29\x10\0\0\0\0\0\0\6\0\x0a\0\2\xa4\xf5"),
      { "\"additionals\":[{\"rrname\":\"\",\"rrtype\":\"OPT\",\"ttl\":0,"
        "\"opt\":[{\"code\":10,\"data\":\"a4f5\"}]}]" } },
    { "EDNS without options", BYTES(HEADER("\1\0", "\1", "\0", "\0", "\1") Q_AX
                                    "\0\0\x29\x10\0\0\0\0\0\0\0"),
      { "\"rrtype\":\"A\"}]}" } },
    { "broken additionals", BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\1") Q_AX
                                  RR("\1", "\4") "\1\2\3\4" "\5ab"),
      { "\"rdata\":\"1.2.3.4\"" }, "invalid_additionals" },
    { "broken authorities", BYTES(HEADER("\x81\x80", "\1", "\0", "\1", "\0") Q_AX "\5ab"),
      { "\"type\":\"response\"" }, "invalid_authorities" },
    { "reserved flag", BYTES(HEADER("\1\x40", "\1", "\0", "\0", "\0") Q_AX),
      { "\"z\":true" }, "z_flag_set" },
    { "opcode that nobody gave out", BYTES(HEADER("\x49\0", "\1", "\0", "\0", "\0") Q_AX),
      { "\"opcode\":9" }, "invalid_opcode" },
    { "several questions", BYTES(HEADER("\1\0", "\2", "\0", "\0", "\0") Q_AX
                                 "\xc0\x0e\0\x1c\0\1"),
      { "{\"rrname\":\"a.x\",\"rrtype\":\"A\"},{\"rrname\":\"x\",\"rrtype\":\"AAAA\"}" } },
    { "name that points at itself in an answer",
      BYTES(HEADER("\x81\x80", "\1", "\1", "\0", "\0") Q_AX "\xc0\x15\0\1\0\1\0\0\0\5\0\0"),
      { NULL }, "infinite_loop" },
    { "question cut short", BYTES(HEADER("\1\0", "\2", "\0", "\0", "\0") Q_AX), { NULL },
      "malformed_data" },
    { "label of a reserved kind", BYTES(HEADER("\1\0", "\2", "\0", "\0", "\0") Q_AX
                                        "\x40" "ab\0\0\1\0\1"), { NULL }, "malformed_data" },
};

static void each_message_is_a_transaction_of_its_own(void **state)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct world *w = world_new(IP_PROTO_UDP, 53);
        bool is_response = (messages[i].bytes[2] & 0x80) != 0;
        enum direction dir = is_response ? TO_CLIENT : TO_SERVER;

        feed_udp(w, dir, messages[i].bytes, messages[i].size);
        if (w->flow.app == NULL) {
            fail_msg("not recognized: %s", messages[i].name);
        }
        struct app_tx *tx = tx_at(w, 0);
        assert_non_null(tx);
        assert_true(tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT]);
        for (size_t k = 0; k < 4 && messages[i].parts[k] != NULL; k++) {
            assert_true(app_tx_is_loggable(tx, dir));
            assert_false(app_tx_is_loggable(tx, direction_reverse(dir)));
            assert_has(eve_of(w, tx, dir), messages[i].parts[k]);
        }
        if (messages[i].parts[0] == NULL) {
            assert_false(app_tx_is_loggable(tx, dir));
            assert_true(app_tx_has_event(tx, "malformed_data"));
        }
        if (messages[i].event != NULL) {
            assert_true(app_tx_has_event(tx, messages[i].event));
        } else if (messages[i].parts[0] != NULL) {
            assert_int_equal(tx->events, 0);
        }
        world_free(w);
    }
}

static void every_shorter_message_is_survived(void **state)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        for (size_t size = 1; size < messages[i].size; size++) {
            struct world *w = world_new(IP_PROTO_UDP, 53);

            feed_udp(w, TO_SERVER, QUERY, sizeof QUERY - 1);
            feed_udp(w, TO_CLIENT, messages[i].bytes, size);
            assert_non_null(tx_at(w, 1));
            if (app_tx_is_loggable(tx_at(w, 1), TO_CLIENT)) {
                eve_of(w, tx_at(w, 1), TO_CLIENT);
            }
            world_free(w);
        }
    }
}

static void tcp_messages_are_found_at_every_split(void **state)
{
    static const char stream[] = "\0\x15" QUERY "\0\x15" QUERY;
    size_t size = sizeof stream - 1;

    for (size_t split = 1; split < size; split++) {
        struct world *w = world_new(IP_PROTO_TCP, 53);

        feed_tcp(w, TO_SERVER, stream, split, 0);
        feed_tcp(w, TO_SERVER, stream + split, size - split, 0);
        assert_int_equal(w->flow.app_proto, APP_DNS);
        assert_non_null(tx_at(w, 1));
        assert_null(tx_at(w, 2));
        assert_has(eve_of(w, tx_at(w, 1), TO_SERVER), "\"tx_id\":1,");
        world_free(w);
    }
}

static void tcp_goes_on_behind_a_gap_where_a_message_begins(void **state)
{
    static const char one[] = "\0\x15" QUERY;
    struct world *w = world_new(IP_PROTO_TCP, 53);

    feed_tcp(w, TO_SERVER, one, sizeof one - 1, 0);
    feed_tcp(w, TO_SERVER, "xxxxxxxxxxxxxxx", 15, 10);
    assert_null(tx_at(w, 1));
    feed_tcp(w, TO_SERVER, one, sizeof one - 1, 0);
    assert_non_null(tx_at(w, 1));
    world_free(w);
}

static void recognition_needs_the_port_and_a_sane_message(void **state)
{
    static const struct {
        uint16_t port;
        const char *bytes;
        size_t size;
        bool found;
    } cases[] = {
        { 53, BYTES(QUERY), true },
        { 5300, BYTES(QUERY), false },
        { 53, BYTES(HEADER("\1\0", "\0", "\0", "\0", "\0")), false },
        { 53, BYTES("\x12\x34\1\0\0"), false },
        { 53, BYTES(HEADER("\1\0", "\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1"), false },
        { 53, BYTES(HEADER("\1\0", "\1", "\0", "\0", "\0") "\5ab"), false },
        { 53, BYTES("GET / HTTP/1.1\r\n\r\n"), false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new(IP_PROTO_UDP, cases[i].port);
        feed_udp(w, TO_SERVER, cases[i].bytes, cases[i].size);
        assert_int_equal(w->flow.app != NULL, cases[i].found);
        world_free(w);
    }
}

static void buffers_belong_to_the_direction_of_the_message(void **state)
{
    static const char response[] = HEADER("\x81\x83", "\1", "\1", "\0", "\0") Q_AX
        RR("\5", "\3") "\1y\0";
    struct world *w = world_new(IP_PROTO_UDP, 53);
    uint64_t value;

    feed_udp(w, TO_SERVER, QUERY, sizeof QUERY - 1);
    feed_udp(w, TO_CLIENT, response, sizeof response - 1);
    const struct app_tx *request = tx_at(w, 0), *answer = tx_at(w, 1);
    struct app_view view = app_tx_buffer(request, TO_SERVER, BUFFER_DNS_QUERY, 0);
    assert_int_equal(view.state, APP_VIEW_DONE);
    assert_true(slice_is(view.bytes, "a.x"));
    assert_int_equal(app_tx_buffer(request, TO_SERVER, BUFFER_DNS_QUERY, 1).state,
                     APP_VIEW_ABSENT);
    assert_int_equal(app_tx_buffer(request, TO_CLIENT, BUFFER_DNS_QUERY_NAME, 0).state,
                     APP_VIEW_ABSENT);
    assert_int_equal(app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_QUERY, 0).state,
                     APP_VIEW_ABSENT);
    view = app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_ANSWERS_RRNAME, 0);
    assert_true(slice_is(view.bytes, "a.x"));
    /* The question, the answer, and the name in its data. */
    for (unsigned i = 0; i < 2; i++) {
        view = app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_RESPONSE_RRNAME, i);
        assert_true(slice_is(view.bytes, "a.x"));
    }
    view = app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_RESPONSE_RRNAME, 2);
    assert_true(slice_is(view.bytes, "y"));
    assert_int_equal(app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_RESPONSE_RRNAME, 3).state,
                     APP_VIEW_ABSENT);
    assert_int_equal(app_tx_buffer(answer, TO_CLIENT, BUFFER_DNS_AUTHORITIES_RRNAME, 0).state,
                     APP_VIEW_ABSENT);
    /* A message is inspected in its own direction alone. */
    assert_true(answer->is_inspected[TO_SERVER]);
    assert_false(answer->is_inspected[TO_CLIENT]);
    assert_true(app_tx_number(answer, TO_CLIENT, FIELD_DNS_RCODE, 0, &value));
    assert_int_equal(value, 3);
    assert_true(app_tx_number(answer, TO_CLIENT, FIELD_DNS_RRTYPE, 0, &value));
    assert_int_equal(value, 5);
    assert_false(app_tx_number(answer, TO_CLIENT, FIELD_DNS_RRTYPE, 1, &value));
    assert_true(app_tx_number(request, TO_SERVER, FIELD_DNS_RRTYPE, 0, &value));
    assert_int_equal(value, 1);
    world_free(w);
}

/* A name of 'n' labels of 'size' bytes, as the only question. */
static size_t long_question(uint8_t *out, unsigned n, uint8_t size)
{
    static const uint8_t tail[] = { 0, 0, 1, 0, 1 };
    size_t at = 12;

    memcpy(out, HEADER("\1\0", "\1", "\0", "\0", "\0"), 12);
    for (unsigned i = 0; i < n; i++) {
        out[at++] = size;
        memset(out + at, 'a', size);
        at += size;
    }
    memcpy(out + at, tail, sizeof tail);
    return at + sizeof tail;
}

static void names_are_bounded(void **state)
{
    static uint8_t bytes[8192];
    struct world *w = world_new(IP_PROTO_UDP, 53);

    feed_udp(w, TO_SERVER, QUERY, sizeof QUERY - 1);
    feed_udp(w, TO_SERVER, bytes, long_question(bytes, 16, 63));
    assert_int_equal(app_tx_buffer(tx_at(w, 1), TO_SERVER, BUFFER_DNS_QUERY, 0).bytes.size,
                     1023);
    assert_int_equal(tx_at(w, 1)->events, 0);
    feed_udp(w, TO_SERVER, bytes, long_question(bytes, 20, 63));
    assert_int_equal(app_tx_buffer(tx_at(w, 2), TO_SERVER, BUFFER_DNS_QUERY, 0).bytes.size,
                     DNS_MAX_NAME);
    assert_true(app_tx_has_event(tx_at(w, 2), "name_too_long"));
    assert_has(eve_of(w, tx_at(w, 2), TO_SERVER), "\"rrname_truncated\":true");
    feed_udp(w, TO_SERVER, bytes, long_question(bytes, DNS_MAX_LABELS, 1));
    assert_int_equal(tx_at(w, 3)->events, 0);
    feed_udp(w, TO_SERVER, bytes, long_question(bytes, DNS_MAX_LABELS + 1, 1));
    assert_true(app_tx_has_event(tx_at(w, 4), "too_many_labels"));
    world_free(w);
}

/* The largest message, of records that all point to one name: time and memory bounded. */
static void records_are_bounded(void **state)
{
    static uint8_t bytes[65535];
    struct world *w = world_new(IP_PROTO_UDP, 53);
    size_t at = long_question(bytes, 16, 63);

    bytes[2] = 0x81;
    bytes[6] = bytes[7] = 0xff;
    while (at + 12 <= sizeof bytes) {
        memcpy(bytes + at, "\xc0\x0c\0\1\0\1\0\0\0\5\0\0", 12);
        at += 12;
    }
    feed_udp(w, TO_CLIENT, bytes, at);
    assert_non_null(tx_at(w, 0));
    assert_true(app_counters(w->engine)->memory < 4u << 20);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_is_a_transaction_of_its_own),
        cmocka_unit_test(every_shorter_message_is_survived),
        cmocka_unit_test(tcp_messages_are_found_at_every_split),
        cmocka_unit_test(tcp_goes_on_behind_a_gap_where_a_message_begins),
        cmocka_unit_test(recognition_needs_the_port_and_a_sane_message),
        cmocka_unit_test(buffers_belong_to_the_direction_of_the_message),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(records_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
