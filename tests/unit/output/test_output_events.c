/* What the stages found, as events: who is source, what stands where, what is told once. */
#include "output_world.h"

#include "sensor/decode/events.h"
#include "sensor/stream/events.h"

static const struct rule rule = {
    .sid = 2019401, .gid = 1, .rev = 3, .priority = 2, .msg = "a \"message\"",
    .metadata_json = "{\"deployment\":[\"Perimeter\"]}", .file = "/etc/rules/web.rules",
    .target = SIDE_DST,
};

/* ---- Alerts ---- */

static void an_alert_tells_rule_packet_and_flow(void **state)
{
    struct world w;

    world_open(&w);
    world_packet(&w, TO_CLIENT, "evil");
    output_alert(w.worker, &w.packet, &w.flow, &(struct detect_alert) { .rule = &rule });
    world_close(&w);
    assert_int_equal(w.n_events, 1);
    json_t *e = w.events[0];
    expect_text(e, "event_type", "alert");
    expect_text(e, "timestamp", "2010-01-01T00:00:00.123456+0000");
    expect_number(e, "flow_id", 42);
    expect_number(e, "pcap_cnt", 7);
    expect_text(e, "src_ip", "192.0.2.80");
    expect_number(e, "src_port", 80);
    expect_text(e, "dest_ip", "10.0.0.1");
    expect_number(e, "dest_port", 40000);
    expect_text(e, "proto", "TCP");
    expect_number(e, "ip_v", 4);
    expect_text(e, "pkt_src", "wire/pcap");
    expect_text(e, "alert.action", "allowed");
    expect_number(e, "alert.signature_id", 2019401);
    expect_number(e, "alert.rev", 3);
    expect_text(e, "alert.signature", "a \"message\"");
    expect_text(e, "alert.category", "");
    expect_number(e, "alert.severity", 2);
    expect_text(e, "alert.source.ip", "192.0.2.80");
    expect_text(e, "alert.target.ip", "10.0.0.1");
    expect_number(e, "alert.target.port", 40000);
    assert_true(json_is_array(at(e, "alert.metadata.deployment")));
    expect_text(e, "direction", "to_client");
    expect_text(e, "app_proto", "http");
    expect_number(e, "flow.pkts_toserver", 3);
    expect_text(e, "flow.src_ip", "10.0.0.1");
    expect_number(e, "flow.dest_port", 80);
    expect_absent(e, "flow.end");
    expect_absent(e, "flow.state");
    expect_absent(e, "payload");
    expect_absent(e, "packet");
    expect_absent(e, "ether");
    expect_text(e, "civicshield.id", "probe-000000000000feed-3-1");
    assert_true(memcmp(json_string_value(at(e, "community_id")), "1:", 2) == 0);
    assert_memory_equal(w.records[0]->alert->ruleset.data, "web.rules", 9);
    world_free(&w);
}

static void a_rule_that_is_no_utf8_makes_events_that_are(void **state)
{
    const struct rule latin = { .sid = 1, .gid = 1, .msg = "Gr\xfc\xdf" "e",
                                .metadata_json = "{\"author\":[\"J\xf6rg\"]}",
                                .references_json = "[\"https://example.org/\xe4\"]" };
    struct world w;

    world_open(&w);
    world_packet(&w, TO_CLIENT, "evil");
    output_alert(w.worker, &w.packet, &w.flow, &(struct detect_alert) { .rule = &latin });
    world_close(&w);
    assert_int_equal(w.n_events, 1);
    assert_string_equal(json_string_value(json_array_get(
                            at(w.events[0], "alert.metadata.author"), 0)), "J?rg");
    assert_string_equal(json_string_value(json_array_get(
                            at(w.events[0], "alert.references"), 0)), "https://example.org/?");
    world_free(&w);
}

static void payload_and_packet_come_when_asked_for(void **state)
{
    struct output_conf conf;
    struct world w;

    world_conf(&conf);
    conf.payload = conf.payload_printable = conf.packet = true;
    world_open_with(&w, &conf);
    world_packet(&w, TO_SERVER, "G\r\n\x01\xff");
    output_alert(w.worker, &w.packet, &w.flow, &(struct detect_alert) { .rule = &rule });
    output_alert(w.worker, &w.packet, NULL,
                 &(struct detect_alert) { .rule = &rule, .from_stream = true,
                                          .payload = slice_text("GOOD") });
    world_close(&w);
    expect_text(w.events[0], "payload", "Rw0KAf8=");
    expect_text(w.events[0], "payload_printable", "G\r\n..");
    expect_number(w.events[0], "stream", 0);
    expect_number(w.events[0], "packet_info.linktype", 1);
    expect_text(w.events[0], "packet_info.linktype_name", "EN10MB");
    assert_int_equal(json_string_length(at(w.events[0], "packet")), (59 + 2) / 3 * 4);
    expect_text(w.events[1], "payload", "R09PRA==");
    expect_number(w.events[1], "stream", 1);
    expect_absent(w.events[1], "flow");
    world_free(&w);
}

static void a_tunnel_is_told_with_its_outer_packet(void **state)
{
    static const uint8_t a[4] = { 1, 1, 1, 1 }, b[4] = { 2, 2, 2, 2 };
    struct packet outer = { .src = ip_v4(a), .dst = ip_v4(b), .ip_proto = IP_PROTO_IPIP };
    struct world w;

    world_open(&w);
    w.packet.outer = &outer;
    w.packet.source = PACKET_FROM_IPIP;
    output_alert(w.worker, &w.packet, NULL, &(struct detect_alert) { .rule = &rule });
    outer.ip_proto = 253;
    output_alert(w.worker, &w.packet, NULL, &(struct detect_alert) { .rule = &rule });
    world_close(&w);
    expect_text(w.events[0], "pkt_src", "ipv4 tunnel");
    expect_text(w.events[0], "tunnel.src_ip", "1.1.1.1");
    expect_text(w.events[0], "tunnel.dest_ip", "2.2.2.2");
    expect_text(w.events[0], "tunnel.proto", "IP-in-IP");
    expect_number(w.events[0], "tunnel.depth", 1);
    expect_text(w.events[0], "tunnel.pkt_src", "wire/pcap");
    expect_text(w.events[1], "tunnel.proto", "253");
    world_free(&w);
}

/* ---- Flows ---- */

static void a_flow_event_tells_how_it_ended(void **state)
{
    struct world w;

    world_open(&w);
    w.flow.n_alerts = 1;
    w.session.n_txs = 4;
    w.flow.app_proto_side[TO_SERVER] = APP_HTTP1;
    w.flow.app_proto_side[TO_CLIENT] = APP_SSH;
    output_flow(w.worker, NULL, &w.flow);
    world_close(&w);
    assert_int_equal(w.n_events, 1);
    json_t *e = w.events[0];
    expect_text(e, "event_type", "flow");
    expect_text(e, "src_ip", "10.0.0.1");
    expect_text(e, "flow.start", "2010-01-01T00:00:00.000001+0000");
    expect_text(e, "flow.end", "2010-01-01T00:00:02.000001+0000");
    expect_number(e, "flow.age", 2);
    expect_text(e, "flow.state", "closed");
    expect_text(e, "flow.reason", "timeout");
    assert_true(json_is_true(at(e, "flow.alerted")));
    expect_number(e, "flow.tx_cnt", 4);
    expect_absent(e, "flow.src_ip");
    expect_text(e, "app_proto", "http");
    expect_absent(e, "app_proto_ts");
    expect_text(e, "app_proto_tc", "ssh");
    expect_text(e, "tcp.tcp_flags", "53");
    expect_text(e, "tcp.tcp_flags_ts", "12");
    expect_text(e, "tcp.tcp_flags_tc", "43");
    assert_true(json_is_true(at(e, "tcp.syn")));
    assert_true(json_is_true(at(e, "tcp.ecn")));
    expect_absent(e, "tcp.rst");
    expect_text(e, "tcp.state", "closed");
    expect_absent(e, "pcap_cnt");
    world_free(&w);
}

static void a_turned_flow_has_the_client_as_source(void **state)
{
    struct output_conf conf;
    struct world w;

    world_conf(&conf);
    conf.netflow = conf.ethernet = true;
    world_open_with(&w, &conf);
    w.flow.is_swapped = true;
    output_flow(w.worker, NULL, &w.flow);
    world_close(&w);
    assert_int_equal(w.n_events, 3);
    expect_text(w.events[0], "src_ip", "192.0.2.80");
    assert_string_equal(
        json_string_value(json_array_get(at(w.events[0], "ether.src_macs"), 0)),
        "02:02:02:02:02:02");
    expect_text(w.events[1], "event_type", "netflow");
    expect_text(w.events[1], "src_ip", "192.0.2.80");
    expect_number(w.events[1], "netflow.bytes", 300);
    expect_number(w.events[1], "netflow.min_ttl", 63);
    expect_text(w.events[2], "src_ip", "10.0.0.1");
    expect_number(w.events[2], "netflow.bytes", 200);
    assert_string_equal(
        json_string_value(json_array_get(at(w.events[2], "ether.src_macs"), 0)),
        "01:01:01:01:01:01");
    world_free(&w);
}

static void an_icmp_flow_has_types_and_no_ports(void **state)
{
    struct world w;

    world_open(&w);
    w.flow.key.ip_proto = IP_PROTO_ICMP;
    w.flow.key.icmp_type = 8;
    w.flow.app = NULL;
    w.flow.app_proto = APP_UNKNOWN;
    output_flow(w.worker, NULL, &w.flow);
    w.flow.sides[TO_CLIENT].packets = 0;
    w.flow.app_proto_side[TO_SERVER] = APP_FAILED;
    output_flow(w.worker, NULL, &w.flow);
    world_close(&w);
    expect_text(w.events[0], "proto", "ICMP");
    expect_number(w.events[0], "icmp_type", 8);
    expect_number(w.events[0], "response_icmp_type", 0);
    expect_absent(w.events[0], "src_port");
    expect_absent(w.events[0], "tcp");
    expect_absent(w.events[0], "app_proto");
    expect_absent(w.events[0], "flow.tx_cnt");
    expect_absent(w.events[1], "response_icmp_type");
    expect_text(w.events[1], "app_proto", "failed");
    expect_absent(w.events[1], "app_proto_ts");
    world_free(&w);
}

/* ---- Anomalies ---- */

static void anomalies_of_packets_have_their_layer_in_front(void **state)
{
    struct world w;

    world_open(&w);
    w.packet.events[w.packet.n_events++] = DECODE_ETHERNET_UNKNOWN_ETHERTYPE;
    w.packet.stream_events[w.packet.n_stream_events++] = STREAM_EVENT_3WHS_SYN_FLOOD;
    w.packet.stream_events[w.packet.n_stream_events++] = UINT16_MAX;
    output_packet_anomalies(w.worker, &w.packet, &w.flow);
    w.packet.src.version = w.packet.dst.version = 0;
    w.packet.n_stream_events = 0;
    output_packet_anomalies(w.worker, &w.packet, NULL);
    world_close(&w);
    assert_int_equal(w.n_events, 3);
    expect_text(w.events[0], "anomaly.type", "decode");
    expect_text(w.events[0], "anomaly.event", "decoder.ethernet.unknown_ethertype");
    expect_text(w.events[1], "anomaly.type", "stream");
    expect_text(w.events[1], "anomaly.event", "stream.3whs_syn_flood");
    expect_absent(w.events[2], "src_ip");
    expect_absent(w.events[2], "proto");
    expect_absent(w.events[2], "flow_id");
    world_free(&w);
}

static void anomalies_of_protocols_are_told_once(void **state)
{
    static const char *const names[] = { "first", "second", NULL };
    struct app_tx tx;
    struct world w;

    world_open(&w);
    w.parser = (struct app_parser) { .proto = APP_HTTP1, .event_names = names };
    world_tx(&w, &tx);
    world_packet(&w, TO_CLIENT, "x");
    w.session.proto_events = 1u << APP_PROTO_EVENT_ONLY_ONE_DIRECTION;
    w.session.events = 1;
    tx.events = 2;
    output_app_anomalies(w.worker, &w.packet, &w.flow, TO_CLIENT);
    output_app_anomalies(w.worker, &w.packet, &w.flow, TO_CLIENT);
    w.parser.proto = APP_DNS;
    tx.events |= 1;
    output_app_anomalies(w.worker, &w.packet, &w.flow, TO_CLIENT);
    world_close(&w);
    assert_int_equal(w.n_events, 4);
    expect_text(w.events[0], "anomaly.event", "APPLAYER_DETECT_PROTOCOL_ONLY_ONE_DIRECTION");
    expect_text(w.events[0], "anomaly.layer", "proto_detect");
    expect_absent(w.events[0], "tx_id");
    expect_text(w.events[0], "src_ip", "192.0.2.80");
    expect_text(w.events[1], "anomaly.event", "FIRST");
    expect_text(w.events[1], "anomaly.layer", "proto_parser");
    expect_text(w.events[1], "anomaly.app_proto", "http");
    expect_text(w.events[2], "anomaly.event", "SECOND");
    expect_number(w.events[2], "tx_id", 0);
    expect_text(w.events[3], "anomaly.event", "first");
    expect_text(w.events[3], "anomaly.app_proto", "dns");
    world_free(&w);
}

/* ---- Transactions and files ---- */

static void fill_http(const struct app_tx *tx, enum direction dir, struct event *e,
                      struct arena *scratch)
{
    static const struct event_header header = { .name = { (const uint8_t *) "A", 1 },
                                                .value = { (const uint8_t *) "b", 1 } };
    struct event_http *http = arena_alloc(scratch, sizeof *http);

    http->hostname = slice_text("h.example");
    http->request_headers = &header;
    http->n_request_headers = 1;
    e->http = http;
}

static void fill_tls(const struct app_tx *tx, enum direction dir, struct event *e,
                     struct arena *scratch)
{
    struct event_tls *tls = arena_alloc(scratch, sizeof *tls);

    tls->sni = slice_text("h.example");
    tls->ja4 = slice_text("x");
    e->tls = tls;
}

static void fill_dns(const struct app_tx *tx, enum direction dir, struct event *e,
                     struct arena *scratch)
{
    struct event_dns *dns = arena_alloc(scratch, sizeof *dns);

    dns->type = slice_text(dir == TO_SERVER ? "request" : "response");
    e->dns = dns;
}

static bool is_dir_done(const struct app_tx *tx, enum direction dir)
{
    return tx->is_done[dir];
}

static struct app_view no_body(const struct app_tx *tx, enum direction dir,
                               enum buffer_id id, unsigned index)
{
    return (struct app_view) { .state = APP_VIEW_DONE,
                               .bytes = id == BUFFER_HTTP_RESPONSE_BODY ? slice_text("body")
                                                                        : slice_text("") };
}

static void a_transaction_is_logged_once_with_the_client_as_source(void **state)
{
    struct output_conf conf;
    struct app_tx tx;
    struct world w;

    world_conf(&conf);
    conf.ethernet = conf.http_headers = conf.http_body = true;
    world_open_with(&w, &conf);
    w.parser = (struct app_parser) { .proto = APP_HTTP1, .event_type = "http",
                                     .fill = fill_http, .buffer = no_body };
    world_tx(&w, &tx);
    world_packet(&w, TO_CLIENT, "HTTP/1.1 200");
    w.packet.eth = 0;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    tx.is_done[TO_SERVER] = true;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_false(tx.is_logged);
    tx.is_done[TO_CLIENT] = true;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_true(tx.is_logged);
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    output_alert(w.worker, &w.packet, &w.flow,
                 &(struct detect_alert) { .rule = &rule, .tx = &tx });
    world_close(&w);
    assert_int_equal(w.n_events, 2);
    expect_text(w.events[0], "event_type", "http");
    expect_text(w.events[0], "src_ip", "10.0.0.1");
    expect_text(w.events[0], "ether.src_mac", "01:01:01:01:01:01");
    expect_number(w.events[0], "ether.ether_type", 0x0800);
    expect_number(w.events[0], "tx_id", 0);
    expect_text(w.events[0], "http.hostname", "h.example");
    assert_int_equal(json_array_size(at(w.events[0], "http.request_headers")), 1);
    expect_absent(w.events[0], "http.http_response_body");
    expect_absent(w.events[1], "http.request_headers");
    expect_text(w.events[1], "http.http_response_body", "Ym9keQ==");
    expect_absent(w.events[1], "http.http_request_body");
    expect_text(w.events[1], "ether.src_mac", "02:02:02:02:02:02");
    world_free(&w);
}

static void each_dns_message_is_an_event_of_its_sender(void **state)
{
    struct app_tx tx;
    struct world w;

    world_open(&w);
    w.parser = (struct app_parser) { .proto = APP_DNS, .event_type = "dns", .fill = fill_dns,
                                     .is_loggable = is_dir_done };
    world_tx(&w, &tx);
    tx.is_done[TO_SERVER] = true;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_false(tx.is_logged);
    tx.is_done[TO_CLIENT] = true;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_true(tx.is_logged);
    world_close(&w);
    assert_int_equal(w.n_events, 2);
    expect_text(w.events[0], "dns.type", "request");
    expect_text(w.events[0], "src_ip", "10.0.0.1");
    expect_absent(w.events[0], "tx_id");
    expect_text(w.events[1], "dns.type", "response");
    expect_text(w.events[1], "src_ip", "192.0.2.80");
    world_free(&w);
}

/* A packet of the other direction. */
static void turn_packet(struct packet *p)
{
    struct ip_addr src = p->src;
    uint16_t sport = p->sport;

    p->src = p->dst;
    p->dst = src;
    p->sport = p->dport;
    p->dport = sport;
}

static void a_file_is_told_with_its_sender_when_it_is_whole(void **state)
{
    struct app_file file = { .dir = TO_CLIENT, .name = slice_text("/a.exe"), .size = 5,
                             .state = FILE_OPENED, .has_md5 = true, .md5 = { 0xab } };
    struct app_tx tx;
    struct world w;

    world_open(&w);
    w.parser = (struct app_parser) { .proto = APP_HTTP1, .event_type = "http",
                                     .fill = fill_http, .buffer = no_body };
    world_tx(&w, &tx);
    list_push_back(&tx.files, &file.node);
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_false(file.is_logged);
    output_alert(w.worker, &w.packet, &w.flow,
                 &(struct detect_alert) { .rule = &rule, .tx = &tx });
    file.state = FILE_CLOSED;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_false(file.is_logged);       /* Rules have not seen all of it yet. */
    turn_packet(&w.packet);
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    assert_true(file.is_logged);
    assert_false(tx.is_logged);
    output_alert(w.worker, &w.packet, &w.flow,
                 &(struct detect_alert) { .rule = &rule, .tx = &tx });
    world_close(&w);
    assert_int_equal(w.n_events, 3);
    expect_absent(w.events[2], "files");
    json_t *e = w.events[1];
    expect_text(e, "event_type", "fileinfo");
    expect_text(e, "src_ip", "192.0.2.80");
    expect_text(e, "http.hostname", "h.example");
    expect_absent(e, "http.request_headers");
    expect_text(e, "app_proto", "http");
    expect_text(e, "fileinfo.filename", "/a.exe");
    expect_text(e, "fileinfo.state", "CLOSED");
    expect_text(e, "fileinfo.md5", "ab000000000000000000000000000000");
    expect_absent(e, "fileinfo.sha1");
    assert_true(json_is_false(at(e, "fileinfo.gaps")));
    expect_number(e, "fileinfo.size", 5);
    expect_number(e, "fileinfo.tx_id", 0);
    assert_string_equal(
        json_string_value(at(json_array_get(at(w.events[0], "files"), 0), "filename")),
        "/a.exe");
    world_free(&w);
}

static void tls_without_its_extension_tells_names_alone(void **state)
{
    struct output_conf conf;
    struct app_tx tx;
    struct world w;

    world_conf(&conf);
    conf.tls_extended = false;
    world_open_with(&w, &conf);
    w.parser = (struct app_parser) { .proto = APP_TLS, .event_type = "tls",
                                     .fill = fill_tls };
    world_tx(&w, &tx);
    tx.is_done[TO_SERVER] = tx.is_done[TO_CLIENT] = true;
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    world_close(&w);
    expect_text(w.events[0], "tls.sni", "h.example");
    expect_absent(w.events[0], "tls.ja4");
    world_free(&w);
}

static void what_is_off_is_not_made_and_holds_nothing_back(void **state)
{
    struct output_conf conf = { 0 };
    struct app_file file = { .state = FILE_CLOSED };
    struct app_tx tx;
    struct world w;

    world_open_with(&w, &conf);
    w.parser = (struct app_parser) { .proto = APP_HTTP1, .event_type = "http",
                                     .fill = fill_http };
    world_tx(&w, &tx);
    list_push_back(&tx.files, &file.node);
    tx.is_done[TO_SERVER] = tx.is_done[TO_CLIENT] = true;
    tx.events = 1;
    w.packet.n_events = w.packet.n_stream_events = 1;
    output_alert(w.worker, &w.packet, &w.flow, &(struct detect_alert) { .rule = &rule });
    output_packet_anomalies(w.worker, &w.packet, &w.flow);
    output_app_anomalies(w.worker, &w.packet, &w.flow, TO_SERVER);
    output_transaction(w.worker, &w.packet, &w.flow, &tx);
    output_flow(w.worker, NULL, &w.flow);
    output_stats(w.worker, 0, "{}");
    assert_true(tx.is_logged);
    assert_true(file.is_logged);
    assert_int_equal(output_counters(w.worker)->made, 0);
    world_close(&w);
    assert_int_equal(w.n_events, 0);
    assert_int_equal(w.n_records, 0);
    world_free(&w);
}

static void digests_of_mails_are_made_only_for_events_that_show_them(void **state)
{
    static const struct {
        bool is_wanted, smtp, smtp_md5, is_made;
    } rows[] = {
        { true, true, true, true },
        { true, true, false, false },
        { true, false, true, false },
        { false, true, true, false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct output_conf conf = { .smtp = rows[i].smtp, .smtp_md5 = rows[i].smtp_md5 };
        struct app_conf app = { .smtp_body_md5 = rows[i].is_wanted };
        output_ask_digests(&conf, &app);
        assert_int_equal(app.smtp_body_md5, rows[i].is_made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_tells_rule_packet_and_flow),
        cmocka_unit_test(a_rule_that_is_no_utf8_makes_events_that_are),
        cmocka_unit_test(payload_and_packet_come_when_asked_for),
        cmocka_unit_test(a_tunnel_is_told_with_its_outer_packet),
        cmocka_unit_test(a_flow_event_tells_how_it_ended),
        cmocka_unit_test(a_turned_flow_has_the_client_as_source),
        cmocka_unit_test(an_icmp_flow_has_types_and_no_ports),
        cmocka_unit_test(anomalies_of_packets_have_their_layer_in_front),
        cmocka_unit_test(anomalies_of_protocols_are_told_once),
        cmocka_unit_test(a_transaction_is_logged_once_with_the_client_as_source),
        cmocka_unit_test(each_dns_message_is_an_event_of_its_sender),
        cmocka_unit_test(a_file_is_told_with_its_sender_when_it_is_whole),
        cmocka_unit_test(tls_without_its_extension_tells_names_alone),
        cmocka_unit_test(what_is_off_is_not_made_and_holds_nothing_back),
        cmocka_unit_test(digests_of_mails_are_made_only_for_events_that_show_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
