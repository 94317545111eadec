/* Events on their way: EVE as rule authors' tools know it, and the wire record, which says
 * the same in every field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "event_sample.h"

static Civicshield__Wire__V1__Event *unpack(struct slice record)
{
    return civicshield__wire__v1__event__unpack(NULL, record.size, record.bytes);
}

static void every_field_survives_the_wire(void **state)
{
    struct arena arena;

    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct event event;
        struct strbuf record = STRBUF_EMPTY;
        const char *bad = "";

        event_sample_fill(&event, &arena, seed);
        event_encode(&event, &record);
        Civicshield__Wire__V1__Event *message = unpack(strbuf_slice(&record));
        assert_non_null(message);
        if (!event_sample_matches(&event, message, &bad)) {
            fail_msg("seed %u: %s differs", (unsigned) seed, bad);
        }
        /* Another encoder makes the same of it: no byte is redundant. */
        assert_int_equal(civicshield__wire__v1__event__get_packed_size(message), record.size);
        civicshield__wire__v1__event__free_unpacked(message, NULL);
        strbuf_fini(&record);
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void eve_is_one_line_of_json_whatever_the_bytes(void **state)
{
    struct arena arena;

    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct event event;
        struct strbuf line = STRBUF_EMPTY;
        json_error_t error;

        event_sample_fill(&event, &arena, seed);
        event_write_eve(&event, &line);
        assert_null(memchr(line.text, '\n', line.size));
        json_t *json = json_loadb(line.text, line.size,
                                  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL
                                      | JSON_DECODE_INT_AS_REAL,
                                  &error);
        if (json == NULL) {
            fail_msg("seed %u: %s at %d", (unsigned) seed, error.text, error.position);
        }
        json_decref(json);
        strbuf_fini(&line);
        arena_reset(&arena);
    }
    arena_fini(&arena);
}

static void an_alert_reads_as_rule_authors_know_it(void **state)
{
    static const uint8_t src[4] = { 192, 168, 2, 3 }, dst[4] = { 209, 85, 225, 105 };
    struct event_alert alert = {
        .action = slice_text("allowed"), .gid = 1, .signature_id = 2019401, .rev = 3,
        .signature = slice_text("ET \"x\""), .category = slice_text(""), .severity = 2,
        .metadata = slice_text("{\"created_at\":[\"2020_01_01\"]}"),
        .source_ip = ip_v4(src), .source_port = 39867, .has_source_port = true,
    };
    struct event_http http = { .hostname = slice_text("www.example.org"),
                               .url = slice_text("/\xff"), .status = 200,
                               .has_status = true };
    struct event_flow flow = { .pkts_toserver = 1, .bytes_toserver = 74,
                               .start = 1262304000000001000ull, .src_ip = ip_v4(src) };
    static const uint64_t vlans[] = { 6, 7 };
    struct event event = {
        .timestamp = 1262304000123456789ull, .flow_id = 42, .has_flow_id = true,
        .pcap_cnt = 9, .has_pcap_cnt = true, .type = EVENT_ALERT, .vlans = vlans,
        .n_vlans = 2, .src_ip = ip_v4(src), .src_port = 39867, .has_src_port = true,
        .dest_ip = ip_v4(dst), .dest_port = 80, .has_dest_port = true,
        .proto = slice_text("TCP"), .ip_v = 4, .has_ip_v = true,
        .pkt_src = slice_text("wire/pcap"), .alert = &alert, .http = &http, .flow = &flow,
        .app_proto = slice_text("http"), .direction = slice_text("to_server"),
        .payload = slice_text("GOOD"), .stream = 1, .has_stream = true,
        .id = { .sensor = slice_text("probe-1"), .epoch = 0xabc, .worker = 1, .number = 7 },
    };
    struct strbuf b = STRBUF_EMPTY;

    event_write_eve(&event, &b);
    assert_string_equal(
        strbuf_cstr(&b),
        "{\"timestamp\":\"2010-01-01T00:00:00.123456+0000\",\"flow_id\":42,\"pcap_cnt\":9,"
        "\"event_type\":\"alert\",\"vlan\":[6,7],\"src_ip\":\"192.168.2.3\","
        "\"src_port\":39867,\"dest_ip\":\"209.85.225.105\",\"dest_port\":80,"
        "\"proto\":\"TCP\",\"ip_v\":4,\"pkt_src\":\"wire/pcap\","
        "\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":2019401,\"rev\":3,"
        "\"signature\":\"ET \\\"x\\\"\",\"category\":\"\",\"severity\":2,"
        "\"source\":{\"ip\":\"192.168.2.3\",\"port\":39867},"
        "\"metadata\":{\"created_at\":[\"2020_01_01\"]}},"
        "\"http\":{\"hostname\":\"www.example.org\",\"url\":\"/\\\\xff\",\"status\":200},"
        "\"app_proto\":\"http\",\"direction\":\"to_server\","
        "\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"bytes_toserver\":74,"
        "\"bytes_toclient\":0,\"start\":\"2010-01-01T00:00:00.000001+0000\","
        "\"src_ip\":\"192.168.2.3\"},"
        "\"payload\":\"R09PRA==\",\"stream\":1,"
        "\"civicshield\":{\"id\":\"probe-1-0000000000000abc-1-7\"}}");
    strbuf_fini(&b);
}

static void dns_reads_as_version_3(void **state)
{
    const struct event_dns_query query = { .rrname = slice_text("oisf.net"),
                                           .rrtype = slice_text("A") };
    const struct event_dns_soa soa = { .mname = slice_text("ns"), .serial = 1 };
    const struct event_dns_rr rrs[] = {
        { .rrname = slice_text("oisf.net"), .rrtype = slice_text("A"), .ttl = 0,
          .rdata = slice_text("192.0.2.1") },
        { .rrname = slice_text("oisf.net"), .rrtype = slice_text("SOA"), .ttl = 899,
          .soa = &soa },
    };
    const struct event_dns dns = {
        .version = 3, .type = slice_text("response"), .tx_id = 1, .has_tx_id = true,
        .id = 33429, .flags = slice_text("8183"), .qr = true, .rd = true, .ra = true,
        .rcode = slice_text("NXDOMAIN"), .queries = &query, .n_queries = 1, .answers = rrs,
        .n_answers = 1, .authorities = rrs + 1, .n_authorities = 1,
    };
    struct event event = { .type = EVENT_DNS, .dns = &dns };
    struct strbuf b = STRBUF_EMPTY;

    event_write_eve(&event, &b);
    assert_non_null(strstr(
        strbuf_cstr(&b),
        "\"dns\":{\"version\":3,\"type\":\"response\",\"tx_id\":1,\"id\":33429,"
        "\"flags\":\"8183\",\"qr\":true,\"rd\":true,\"ra\":true,\"opcode\":0,"
        "\"rcode\":\"NXDOMAIN\",\"queries\":[{\"rrname\":\"oisf.net\",\"rrtype\":\"A\"}],"
        "\"answers\":[{\"rrname\":\"oisf.net\",\"rrtype\":\"A\",\"ttl\":0,"
        "\"rdata\":\"192.0.2.1\"}],"
        "\"authorities\":[{\"rrname\":\"oisf.net\",\"rrtype\":\"SOA\",\"ttl\":899,"
        "\"soa\":{\"mname\":\"ns\",\"serial\":1,\"refresh\":0,\"retry\":0,\"expire\":0,"
        "\"minimum\":0}}]}"));
    strbuf_fini(&b);
}

static void types_have_names_and_priorities(void **state)
{
    assert_string_equal(event_type_name(EVENT_ALERT), "alert");
    assert_int_equal(event_type_by_name("fileinfo"), EVENT_FILEINFO);
    assert_int_equal(event_type_by_name("no such"), EVENT_NONE);
    assert_string_equal(event_type_name(EVENT_NONE), "unknown");
    assert_string_equal(event_type_name((enum event_type) 99), "unknown");
    assert_true(event_type_priority(EVENT_ALERT) > event_type_priority(EVENT_FLOW));
}

static void the_identity_is_the_same_on_both_sides(void **state)
{
    struct event event = { .type = EVENT_FLOW,
                           .id = { .sensor = slice_text("a.b_c-1"), .epoch = UINT64_MAX,
                                   .worker = 3, .number = 18446744073709551615ull } };
    struct strbuf record = STRBUF_EMPTY, ours = STRBUF_EMPTY, theirs = STRBUF_EMPTY;

    event_id_write(&event.id, &ours);
    assert_string_equal(strbuf_cstr(&ours),
                        "a.b_c-1-ffffffffffffffff-3-18446744073709551615");
    event_encode(&event, &record);
    Civicshield__Wire__V1__Event *message = unpack(strbuf_slice(&record));
    assert_true(event_message_id(message, &theirs));
    assert_string_equal(strbuf_cstr(&theirs), strbuf_cstr(&ours));
    message->id->sensor.data[0] = '"';
    strbuf_clear(&theirs);
    assert_false(event_message_id(message, &theirs));
    assert_int_equal(theirs.size, 0);
    civicshield__wire__v1__event__free_unpacked(message, NULL);
    strbuf_fini(&record);
    strbuf_fini(&ours);
    strbuf_fini(&theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_survives_the_wire),
        cmocka_unit_test(eve_is_one_line_of_json_whatever_the_bytes),
        cmocka_unit_test(an_alert_reads_as_rule_authors_know_it),
        cmocka_unit_test(dns_reads_as_version_3),
        cmocka_unit_test(types_have_names_and_priorities),
        cmocka_unit_test(the_identity_is_the_same_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
