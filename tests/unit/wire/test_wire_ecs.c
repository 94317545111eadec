/* The ECS document of an event, and whether the mappings fit it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "event_sample.h"
#include "tests/unit/json_path.h"

static json_t *load(const char *text, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(text, size,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (json == NULL) {
        fail_msg("%s at %d in %.*s", error.text, error.position, (int) size, text);
    }
    return json;
}

/* The document that a collector makes of 'event'. */
static json_t *document(const struct event *event)
{
    struct strbuf record = STRBUF_EMPTY, text = STRBUF_EMPTY;

    event_encode(event, &record);
    Civicshield__Wire__V1__Event *message = civicshield__wire__v1__event__unpack(
        NULL, record.size, (const uint8_t *) record.text);
    assert_non_null(message);
    event_write_ecs(message, &text);
    assert_null(memchr(text.text, '\n', text.size));
    json_t *json = load(text.text, text.size);
    civicshield__wire__v1__event__free_unpacked(message, NULL);
    strbuf_fini(&record);
    strbuf_fini(&text);
    return json;
}

static void expect_text(json_t *json, const char *path, const char *text)
{
    json_t *value = at(json, path);

    if (!json_is_string(value)) {
        fail_msg("%s is no text", path);
    }
    assert_string_equal(json_string_value(value), text);
}

static void expect_number(json_t *json, const char *path, json_int_t number)
{
    json_t *value = at(json, path);

    if (!json_is_integer(value)) {
        fail_msg("%s is no number", path);
    }
    assert_int_equal(json_integer_value(value), number);
}

/* ---- Mappings ---- */

static bool fits_type(json_t *value, const char *type)
{
    if (strcmp(type, "long") == 0) {
        return json_is_integer(value);
    }
    if (strcmp(type, "boolean") == 0) {
        return json_is_boolean(value);
    }
    if (strcmp(type, "flattened") == 0) {
        return json_is_object(value);
    }
    return json_is_string(value);
}

static void check_against(json_t *value, json_t *mapping, const char *path)
{
    const char *key, *type = json_string_value(json_object_get(mapping, "type"));
    json_t *member, *properties = json_object_get(mapping, "properties");
    size_t i;

    if (mapping == NULL) {
        fail_msg("%s has no mapping", path);
    }
    if (json_is_array(value)) {
        json_array_foreach (value, i, member) {
            check_against(member, mapping, path);
        }
    } else if (properties != NULL) {
        assert_true(json_is_object(value));
        json_object_foreach (value, key, member) {
            check_against(member, json_object_get(properties, key), key);
        }
    } else if (!fits_type(value, type)) {
        fail_msg("%s does not fit %s", path, type);
    }
}

/* Both component templates as one mapping. */
static json_t *load_mappings(void)
{
    json_t *all = load(wire_mappings_json, strlen(wire_mappings_json));
    json_t *templates = json_object_get(all, "component_templates");
    json_t *ecs = at(json_object_get(templates, "civicshield-ecs"), "template.mappings");
    json_t *own = at(json_object_get(templates, "civicshield-events"), "template.mappings");

    assert_int_equal(json_integer_value(json_object_get(all, "version")),
                     wire_mappings_version);
    assert_non_null(ecs);
    assert_int_equal(json_object_update(json_object_get(ecs, "properties"),
                                        json_object_get(own, "properties")),
                     0);
    json_incref(ecs);
    json_decref(all);
    return ecs;
}

static void every_field_of_every_document_is_mapped(void **state)
{
    json_t *mappings = load_mappings();
    struct arena arena;

    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct event event;

        event_sample_fill(&event, &arena, seed);
        json_t *json = document(&event);
        check_against(json, mappings, "document");
        json_decref(json);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    json_decref(mappings);
}

static void mappings_need_no_x_pack(void **state)
{
    assert_null(strstr(wire_mappings_json, "wildcard"));
    assert_null(strstr(wire_mappings_json, "constant_keyword"));
    assert_null(strstr(wire_mappings_json, "unsigned_long"));
    json_t *mappings = load_mappings();
    expect_text(mappings, "properties.source.properties.ip.type", "ip");
    expect_text(mappings, "properties.event.properties.kind.type", "keyword");
    expect_text(json_object_get(mappings, "properties"), "@timestamp.type", "date");
    json_decref(mappings);
}

/* ---- Documents ---- */

static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 192, 0, 2, 80 };

static struct event make_event(enum event_type type)
{
    return (struct event) {
        .type = type, .timestamp = 1454284799123456789ull, .src_ip = ip_v4(client),
        .dest_ip = ip_v4(server), .src_port = 40000, .dest_port = 80, .has_src_port = true,
        .has_dest_port = true, .proto = slice_text("TCP"), .has_ip_v = true, .ip_v = 4,
        .id = { .sensor = slice_text("probe"), .epoch = 1, .worker = 0, .number = 5 },
    };
}

static void a_flow_has_both_sides_and_its_times(void **state)
{
    static const uint64_t vlans[] = { 10, 20 };
    static const uint8_t mac[6] = { 0, 0, 0x5e, 0, 0x53, 0x23 };
    struct event event = make_event(EVENT_FLOW);
    struct event_ether ether = { .src_macs = mac, .n_src_macs = 1 };
    struct event_flow flow = { .pkts_toserver = 3, .pkts_toclient = 2, .bytes_toserver = 300,
                               .bytes_toclient = 200, .start = 1000000000, .end = 3500000000,
                               .has_end = true, .state = slice_text("closed") };

    event.flow = &flow;
    event.ether = &ether;
    event.vlans = vlans;
    event.n_vlans = 2;
    event.app_proto = slice_text("http");
    json_t *json = document(&event);
    expect_text(json, "@timestamp", "2016-01-31T23:59:59.123456789Z");
    expect_text(json, "event.kind", "event");
    expect_text(json, "event.dataset", "civicshield.flow");
    expect_text(json, "event.module", "civicshield");
    expect_text(json, "event.start", "1970-01-01T00:00:01.000000000Z");
    expect_text(json, "event.end", "1970-01-01T00:00:03.500000000Z");
    expect_number(json, "event.duration", 2500000000);
    expect_text(json, "source.ip", "10.0.0.1");
    expect_number(json, "source.port", 40000);
    expect_number(json, "source.bytes", 300);
    expect_number(json, "source.packets", 3);
    expect_text(json, "source.mac", "00-00-5E-00-53-23");
    expect_text(json, "destination.ip", "192.0.2.80");
    expect_number(json, "destination.bytes", 200);
    expect_number(json, "network.bytes", 500);
    expect_number(json, "network.packets", 5);
    expect_text(json, "network.transport", "tcp");
    expect_text(json, "network.type", "ipv4");
    expect_text(json, "network.protocol", "http");
    expect_text(json, "network.vlan.id", "10");
    expect_text(json, "network.inner.vlan.id", "20");
    expect_text(json, "civicshield.flow.state", "closed");
    expect_text(json, "civicshield.id", "probe-0000000000000001-0-5");
    expect_text(json, "observer.name", "probe");
    expect_text(json, "observer.vendor", "CivicShield");
    expect_text(json, "ecs.version", "8.11.0");
    assert_int_equal(json_array_size(at(json, "related.ip")), 2);
    json_decref(json);
}

static void an_alert_of_a_reply_counts_from_its_sender(void **state)
{
    struct event event = make_event(EVENT_ALERT);
    struct event_flow flow = { .bytes_toserver = 300, .bytes_toclient = 200,
                               .start = 1000000000 };
    struct event_alert alert = { .action = slice_text("allowed"), .gid = 1,
                                 .signature_id = 2019401, .rev = 3,
                                 .signature = slice_text("bad\xff"),
                                 .category = slice_text("c"), .severity = 2,
                                 .references = slice_text("[\"url,example.org\"]") };

    event.alert = &alert;
    event.flow = &flow;
    event.direction = slice_text("to_client");
    json_t *json = document(&event);
    expect_text(json, "event.kind", "alert");
    expect_text(json_object_get(json, "event"), "action", "allowed");
    assert_string_equal(json_string_value(json_array_get(at(json, "event.category"), 1)),
                        "intrusion_detection");
    expect_number(json, "event.severity", 2);
    expect_text(json, "rule.id", "2019401");
    expect_text(json, "rule.version", "3");
    expect_text(json, "rule.name", "bad\\xff");
    assert_int_equal(json_array_size(at(json, "rule.reference")), 1);
    expect_number(json, "source.bytes", 200);
    expect_number(json, "destination.bytes", 300);
    assert_null(at(json, "event.start"));
    expect_text(json, "civicshield.flow.start", "1970-01-01T00:00:01.000000000Z");
    json_decref(json);
}

static void http_makes_url_and_user_agent(void **state)
{
    static const struct {
        const char *url, *path, *query;
    } cases[] = {
        { "/a/b?c=d", "/a/b", "c=d" },
        { "/a", "/a", NULL },
        { "http://h.example/p?q", "/p", "q" },
        { "http://h.example", NULL, NULL },
        { "example.org:443", NULL, NULL },
        { "*", NULL, NULL },
        { "", NULL, NULL },
        { "?", NULL, NULL },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event event = make_event(EVENT_HTTP);
        struct event_http http = { .hostname = slice_text("h.example"),
                                   .url = slice_text(cases[i].url),
                                   .http_user_agent = slice_text("curl"),
                                   .http_method = slice_text("GET"),
                                   .protocol = slice_text("HTTP/1.1"), .status = 404,
                                   .has_status = true, .length = 5, .has_length = true };

        event.http = &http;
        json_t *json = document(&event);
        expect_text(json, "url.original", cases[i].url);
        expect_text(json, "url.domain", "h.example");
        expect_text(json, "user_agent.original", "curl");
        expect_text(json, "http.request.method", "GET");
        expect_text(json, "http.version", "1.1");
        expect_number(json, "http.response.status_code", 404);
        expect_number(json, "http.response.body.bytes", 5);
        if (cases[i].path != NULL) {
            expect_text(json, "url.path", cases[i].path);
        } else {
            assert_null(at(json, "url.path"));
        }
        if (cases[i].query != NULL) {
            expect_text(json, "url.query", cases[i].query);
        } else {
            assert_null(at(json, "url.query"));
        }
        json_decref(json);
    }
}

static void dns_makes_question_and_answers(void **state)
{
    const struct event_dns_query query = { .rrname = slice_text("a.example"),
                                           .rrtype = slice_text("AAAA") };
    const struct event_dns_soa soa = { .mname = slice_text("ns"), .serial = 7 };
    const struct event_dns_rr rrs[] = {
        { .rrname = slice_text("a.example"), .rrtype = slice_text("CNAME"), .ttl = 60,
          .rdata = slice_text("b.example") },
        { .rrname = slice_text("b.example"), .rrtype = slice_text("AAAA"), .ttl = 60,
          .rdata = slice_text("2001:0db8:0000:0000:0000:0000:0000:0001") },
        { .rrname = slice_text("b.example"), .rrtype = slice_text("SOA"), .soa = &soa },
    };
    struct event_dns dns = { .version = 3, .type = slice_text("response"), .id = 9,
                             .rd = true, .ra = true, .rcode = slice_text("NOERROR"),
                             .queries = &query, .n_queries = 1, .answers = rrs,
                             .n_answers = 2, .authorities = rrs + 2, .n_authorities = 1 };
    struct event event = make_event(EVENT_DNS);

    event.dns = &dns;
    json_t *json = document(&event);
    expect_text(json, "dns.type", "answer");
    expect_text(json, "dns.id", "9");
    expect_text(json, "dns.op_code", "0");
    expect_text(json, "dns.response_code", "NOERROR");
    expect_text(json, "dns.question.name", "a.example");
    expect_text(json, "dns.question.type", "AAAA");
    json_t *answer = json_array_get(at(json, "dns.answers"), 1);
    expect_text(answer, "name", "b.example");
    expect_text(answer, "type", "AAAA");
    expect_number(answer, "ttl", 60);
    expect_text(answer, "data", "2001:0db8:0000:0000:0000:0000:0000:0001");
    assert_int_equal(json_array_size(at(json, "dns.resolved_ip")), 1);
    assert_string_equal(json_string_value(json_array_get(at(json, "dns.resolved_ip"), 0)),
                        "2001:db8::1");
    assert_int_equal(json_array_size(at(json, "dns.header_flags")), 2);
    json_t *authority = json_array_get(at(json, "civicshield.dns.authorities"), 0);
    expect_text(authority, "rrname", "b.example");
    expect_number(authority, "soa.serial", 7);
    json_decref(json);
}

static void tls_makes_version_and_hash(void **state)
{
    static const struct {
        const char *eve, *version, *protocol;
    } cases[] = {
        { "TLSv1", "1.0", "tls" },
        { "TLS 1.3", "1.3", "tls" },
        { "SSLv3", "3", "ssl" },
        { "UNDETERMINED", NULL, NULL },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event event = make_event(EVENT_TLS);
        struct event_tls tls = {
            .version = slice_text(cases[i].eve), .sni = slice_text("h.example"),
            .fingerprint = slice_text(
                "3a:0b:3b:23:15:2c:44:5c:27:ac:6a:0c:41:d6:fa:74:af:b4:09:5b"),
            .notbefore = slice_text("2015-02-12T18:07:27"), .session_resumed = true,
            .ja3_hash = slice_text("x"), .ja3s_hash = slice_text("y"),
        };

        event.tls = &tls;
        json_t *json = document(&event);
        expect_text(json, "tls.client.server_name", "h.example");
        expect_text(json, "tls.client.ja3", "x");
        expect_text(json, "tls.server.ja3s", "y");
        expect_text(json, "tls.server.hash.sha1", "3A0B3B23152C445C27AC6A0C41D6FA74AFB4095B");
        expect_text(json, "tls.server.not_before", "2015-02-12T18:07:27");
        assert_true(json_is_true(at(json, "tls.resumed")));
        if (cases[i].version != NULL) {
            expect_text(json, "tls.version", cases[i].version);
            expect_text(json, "tls.version_protocol", cases[i].protocol);
        } else {
            assert_null(at(json, "tls.version"));
        }
        json_decref(json);
    }
}

static void a_record_that_lies_still_makes_json(void **state)
{
    struct event event = make_event(EVENT_STATS);

    event.stats = slice_text("{\"a\":1}\n{\"create\":{}}");
    event.ndpi = slice_text("\"not an object\"");
    event.flow_id = UINT64_MAX;
    event.has_flow_id = true;
    event.has_pcap_cnt = true;
    event.pcap_cnt = UINT64_MAX;
    event.id.sensor = slice_text("x\",\"y\":\"");
    json_t *json = document(&event);
    assert_null(at(json, "civicshield.stats"));
    assert_null(at(json, "civicshield.ndpi"));
    assert_null(at(json, "civicshield.id"));
    assert_null(at(json, "observer.name"));
    expect_text(json, "civicshield.flow_id", "18446744073709551615");
    expect_number(json, "civicshield.pcap_cnt", INT64_MAX);
    expect_text(json, "event.kind", "metric");
    json_decref(json);
}

/* Each shorter record either does not unpack or makes a document all the same. */
static void a_record_cut_short_is_no_harm(void **state)
{
    struct arena arena;
    struct event event;
    struct strbuf record = STRBUF_EMPTY;

    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    event_sample_fill(&event, &arena, 0);
    event_encode(&event, &record);
    for (size_t size = 0; size < record.size; size++) {
        uint8_t *bytes = malloc(size + 1);

        memcpy(bytes, record.text, size);
        Civicshield__Wire__V1__Event *message =
            civicshield__wire__v1__event__unpack(NULL, size, bytes);
        if (message != NULL) {
            struct strbuf text = STRBUF_EMPTY;

            event_write_ecs(message, &text);
            json_decref(load(text.text, text.size));
            strbuf_fini(&text);
            civicshield__wire__v1__event__free_unpacked(message, NULL);
        }
        free(bytes);
    }
    strbuf_fini(&record);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_document_is_mapped),
        cmocka_unit_test(mappings_need_no_x_pack),
        cmocka_unit_test(a_flow_has_both_sides_and_its_times),
        cmocka_unit_test(an_alert_of_a_reply_counts_from_its_sender),
        cmocka_unit_test(http_makes_url_and_user_agent),
        cmocka_unit_test(dns_makes_question_and_answers),
        cmocka_unit_test(tls_makes_version_and_hash),
        cmocka_unit_test(a_record_that_lies_still_makes_json),
        cmocka_unit_test(a_record_cut_short_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
