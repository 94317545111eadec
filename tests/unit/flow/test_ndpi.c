/* What nDPI says of a few hand-made packets, and what becomes of its state. */
#include "tests/unit/flow/packets.h"

#include <stdlib.h>

static const uint8_t dns_query[] = {
    0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0x00, 0x01, 0x00, 0x01,
};
static const uint8_t dns_answer[] = {
    0x12, 0x34, 0x81, 0x80, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0x00, 0x01, 0x00, 0x01,
    0xc0, 0x0c, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x0e, 0x10, 0x00, 0x04, 192, 0, 2, 9,
};
static const char http_request[] =
    "GET /a\"b HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: te\"st\\\r\n\r\n";
/* A client hello of TLS 1.2 with one cipher suite and a server name. */
static const uint8_t client_hello[] = {
    22, 3, 1, 0, 73, 1, 0, 0, 69, 3, 3,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    0, 0, 4, 0xc0, 0x2f, 0x00, 0x9c, 1, 0, 0, 24,
    0, 0, 0, 20, 0, 18, 0, 0, 15,
    'w', 'w', 'w', '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'o', 'r', 'g',
};

/* Writes IPv4 and TCP or UDP around 'payload' into an exactly sized buffer of its own. */
static struct packet wrap(uint8_t ip_proto, uint16_t sport, uint16_t dport, bool is_back,
                          const void *payload, size_t size, uint8_t **owned)
{
    size_t l4_size = ip_proto == IP_PROTO_TCP ? 20 : 8, total = 20 + l4_size + size;
    uint8_t *b = calloc(1, total);
    uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 1 };
    struct packet p = packet_of(ip_proto, is_back ? "192.0.2.1" : "10.0.0.1", sport,
                                is_back ? "10.0.0.1" : "192.0.2.1", dport, START);

    b[0] = 0x45;
    b[2] = (uint8_t) (total >> 8);
    b[3] = (uint8_t) total;
    b[8] = 64;
    b[9] = ip_proto;
    memcpy(b + 12, is_back ? server : client, 4);
    memcpy(b + 16, is_back ? client : server, 4);
    b[20] = (uint8_t) (sport >> 8);
    b[21] = (uint8_t) sport;
    b[22] = (uint8_t) (dport >> 8);
    b[23] = (uint8_t) dport;
    if (ip_proto == IP_PROTO_TCP) {
        b[32] = 5 << 4;
        b[33] = TCP_ACK | TCP_PSH;
        p.tcp.flags = b[33];
    } else {
        b[24] = (uint8_t) ((8 + size) >> 8);
        b[25] = (uint8_t) (8 + size);
    }
    memcpy(b + 20 + l4_size, payload, size);
    p.bytes = b;
    p.size = (uint32_t) total;
    p.payload = (uint32_t) (20 + l4_size);
    p.payload_size = (uint32_t) size;
    *owned = b;
    return p;
}

static struct flow *classify(struct flow_table *t, uint8_t ip_proto, uint16_t sport,
                             uint16_t dport, bool is_back, const void *payload,
                             size_t size)
{
    uint8_t *owned;
    struct packet p = wrap(ip_proto, sport, dport, is_back, payload, size, &owned);
    enum direction dir;
    struct flow *f = flow_table_packet(t, &p, &dir);

    assert_non_null(f);
    flow_classify(t, f, &p, dir);
    free(owned);
    return f;
}

static const char *json_of(struct flow_table *t, const struct flow *f)
{
    static char text[8192] = "";
    struct slice json = flow_ndpi_json(t, f);

    assert_in_range(json.size, 0, sizeof text - 1);
    if (json.size != 0) {
        memcpy(text, json.bytes, json.size);
    }
    text[json.size] = '\0';
    return text;
}

static void expect(const char *json, const char *part)
{
    if (strstr(json, part) == NULL) {
        print_error("no %s in %s\n", part, json != NULL ? json : "");
        fail();
    }
}

static struct flow_table *make_table(const struct flow_conf *conf)
{
    struct flow_table *t = flow_table_create(conf, hash_seed_fixed(), NULL, NULL);

    assert_non_null(t);
    return t;
}

static void dns_is_told_with_its_question(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);

    (void) state;
    struct flow *f = classify(t, IP_PROTO_UDP, 40000, 53, false, dns_query,
                              sizeof dns_query);
    assert_ptr_equal(classify(t, IP_PROTO_UDP, 53, 40000, true, dns_answer,
                              sizeof dns_answer), f);
    flow_classify_end(t, f);
    const char *json = json_of(t, f);
    assert_int_equal(strncmp(json, "{\"confidence\":{\"", 16), 0);
    expect(json, "\"proto\":\"DNS\",\"proto_id\":\"5\"");
    expect(json, "\"breed\":\"Acceptable\"");
    expect(json, "\"category\":\"Network\"");
    expect(json, "\"encrypted\":0");
    expect(json, "\"hostname\":\"example.org\"");
    expect(json, "\"dns\": {\"query\":\"example.org\"");
    expect(json, "\"rsp_addr\":\"192.0.2.9\"}}");
    assert_int_equal(flow_table_counters(t)->classified, 1);
    flow_table_destroy(t);
}

static void http_is_told_and_its_text_is_escaped(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);

    (void) state;
    struct flow *f = classify(t, IP_PROTO_TCP, 40000, 80, false, http_request,
                              sizeof http_request - 1);
    const char *json = json_of(t, f);   /* Before it is final, too. */
    expect(json, "\"proto\":\"HTTP\"");
    expect(json, "\"hostname\":\"www.example.org\"");
    expect(json, "te\\\"st\\\\");
    char *before = strdup(json);
    assert_string_equal(json_of(t, f), before);     /* From the cache, the same. */
    flow_classify_end(t, f);
    expect(json_of(t, f), "\"proto\":\"HTTP\"");
    free(before);
    flow_table_destroy(t);
}

static void tls_is_told_by_its_client_hello(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);

    (void) state;
    struct flow *f = classify(t, IP_PROTO_TCP, 40000, 443, false, client_hello,
                              sizeof client_hello);
    flow_classify_end(t, f);
    const char *json = json_of(t, f);
    expect(json, "\"proto\":\"TLS\"");
    expect(json, "\"encrypted\":1");
    expect(json, "\"hostname\":\"www.example.org\"");
    expect(json, "\"client_requested_server_name\":\"www.example.org\"");
    expect(json, "\"ja3\":\"");
    flow_table_destroy(t);
}

static void risks_have_severity_and_score(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);

    (void) state;
    struct flow *f = classify(t, IP_PROTO_TCP, 40000, 4444, false, http_request,
                              sizeof http_request - 1);
    flow_classify_end(t, f);
    const char *json = json_of(t, f);
    expect(json, "{\"flow_risk\":{\"");
    expect(json, "\"5\":{\"risk\":\"Known Protocol on Non Standard Port\",");
    expect(json, "\"severity\":\"");
    expect(json, "\"risk_score\":{\"total\":");
    flow_table_destroy(t);
}

static void what_is_not_known_is_silent_until_the_end_and_guessed_then(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);
    uint8_t noise[30];

    (void) state;
    memset(noise, 0xa5, sizeof noise);
    struct flow *f = classify(t, IP_PROTO_TCP, 40000, 22, false, noise, sizeof noise);
    assert_int_equal(flow_ndpi_json(t, f).size, 0);
    flow_classify_end(t, f);
    const char *json = json_of(t, f);
    expect(json, "\"confidence\":{\"1\":\"Match by port\"}");
    expect(json, "\"proto\":\"SSH\"");
    flow_table_destroy(t);
}

static void ndpi_is_fed_no_more_than_its_share(void **state)
{
    struct flow_conf conf = conf_of(true);
    uint8_t noise[30];

    (void) state;
    memset(noise, 0xa5, sizeof noise);
    conf.classify_udp_packets = 5;
    struct flow_table *t = make_table(&conf);
    for (unsigned i = 0; i < 50; i++) {
        classify(t, IP_PROTO_UDP, 40000, 40001, false, noise, sizeof noise);
    }
    assert_in_range(flow_table_counters(t)->classify_packets, 1, 6);
    flow_table_destroy(t);
}

/* With too little memory flows go without a name, and everything else goes on. */
static void a_full_budget_is_counted_and_freed_again(void **state)
{
    struct flow_conf conf = conf_of(true);
    struct packet p;
    uint8_t *owned;
    enum direction dir;

    (void) state;
    conf.classify_memory = 8000;        /* A handful of states. */
    struct flow_table *t = make_table(&conf);
    for (uint16_t round = 0; round < 3; round++) {
        for (uint16_t i = 0; i < 20; i++) {
            p = wrap(IP_PROTO_TCP, (uint16_t) (1000 + i), 80, false, "x", 1, &owned);
            struct flow *f = flow_table_packet(t, &p, &dir);
            flow_classify(t, f, &p, dir);
            flow_ndpi_json(t, f);
            free(owned);
        }
        assert_true(flow_table_counters(t)->classify_refused
                    >= (uint64_t) 10 * (round + 1u));
        flow_table_end_all(t);
        assert_int_equal(flow_table_counters(t)->active, 0);
    }
    flow_table_destroy(t);
}

/* Every shorter prefix of each packet, under an IP header that says so. */
static void cut_payloads_do_no_harm(void **state)
{
    static const struct {
        uint8_t ip_proto;
        uint16_t port;
        const void *payload;
        size_t size;
    } cases[] = {
        { IP_PROTO_UDP, 53, dns_query, sizeof dns_query },
        { IP_PROTO_UDP, 53, dns_answer, sizeof dns_answer },
        { IP_PROTO_TCP, 80, http_request, sizeof http_request - 1 },
        { IP_PROTO_TCP, 443, client_hello, sizeof client_hello },
    };
    struct flow_conf conf = conf_of(true);
    struct flow_table *t = make_table(&conf);

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t size = 0; size < cases[i].size; size++) {
            struct flow *f = classify(t, cases[i].ip_proto, (uint16_t) (1000 + size),
                                      cases[i].port, false, cases[i].payload, size);
            flow_classify_end(t, f);
            const char *json = json_of(t, f);
            assert_true(json[0] == '{' && json[strlen(json) - 1] == '}');
        }
        flow_table_end_all(t);
    }
    flow_table_destroy(t);
}

static void classification_can_be_off(void **state)
{
    struct flow_conf conf = conf_of(false);
    struct flow_table *t = make_table(&conf);

    (void) state;
    struct flow *f = classify(t, IP_PROTO_UDP, 40000, 53, false, dns_query,
                              sizeof dns_query);
    flow_classify_end(t, f);
    assert_int_equal(flow_ndpi_json(t, f).size, 0);
    assert_null(f->ndpi);
    flow_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_is_told_with_its_question),
        cmocka_unit_test(http_is_told_and_its_text_is_escaped),
        cmocka_unit_test(tls_is_told_by_its_client_hello),
        cmocka_unit_test(risks_have_severity_and_score),
        cmocka_unit_test(what_is_not_known_is_silent_until_the_end_and_guessed_then),
        cmocka_unit_test(ndpi_is_fed_no_more_than_its_share),
        cmocka_unit_test(a_full_budget_is_counted_and_freed_again),
        cmocka_unit_test(cut_payloads_do_no_harm),
        cmocka_unit_test(classification_can_be_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
