/* What an ECS document wants and no field of an event holds as it stands. */
#include <ctype.h>
#include <stdio.h>

#include "common/wire/ecs_private.h"
#include "common/wire/event.h"

struct ecs_type {
    uint32_t value;
    const char *name, *dataset, *kind, *category, *types;
};

static const struct ecs_type ecs_types[] = {
#define X(value, name, kind, category, types) \
    { value, name, "civicshield." name, kind, category, types },
    ECS_TYPES(X)
#undef X
};

static const struct ecs_type unknown_type = { 0, "unknown", "civicshield.unknown", "event",
                                              "[\"network\"]", "[\"info\"]" };

static const struct ecs_type *type_of(const Civicshield__Wire__V1__Event *m)
{
    for (size_t i = 0; i < sizeof ecs_types / sizeof ecs_types[0]; i++) {
        if (m->has_type && ecs_types[i].value == m->type) {
            return &ecs_types[i];
        }
    }
    return &unknown_type;
}

const char *event_message_type(const Civicshield__Wire__V1__Event *m)
{
    return type_of(m)->name;
}

/* A sensor's name goes into document ids and index fields: no byte that needs care. */
static bool is_name(struct slice name)
{
    if (name.size == 0 || name.size > 64) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.bytes[i];

        if (c >= 0x80 || (!isalnum(c) && c != '.' && c != '_' && c != '-')) {
            return false;
        }
    }
    return true;
}

bool event_message_id(const Civicshield__Wire__V1__Event *m, struct strbuf *out)
{
    const Civicshield__Wire__V1__EventId *id = m->id;

    if (id == NULL || !id->has_sensor || !id->has_epoch || !id->has_worker
        || !id->has_number || !is_name(bytes_of(&id->sensor))) {
        return false;
    }
    struct event_id own = { .sensor = bytes_of(&id->sensor), .epoch = id->epoch,
                            .worker = id->worker, .number = id->number };
    event_id_write(&own, out);
    return true;
}

static void derive_event(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    const struct ecs_type *type = type_of(m);
    const Civicshield__Wire__V1__EventId *id = m->id;

    x->event_kind = slice_text(type->kind);
    x->event_dataset = slice_text(type->dataset);
    x->event_module = slice_text("civicshield");
    x->ecs_version = slice_text("8.11.0");
    x->observer_type = slice_text("ids");
    x->observer_vendor = slice_text("CivicShield");
    if (id != NULL && id->has_sensor && is_name(bytes_of(&id->sensor))) {
        x->observer_name = bytes_of(&id->sensor);
        int len = snprintf(x->id_text, sizeof x->id_text, "%.*s-%016llx-%llu-%llu",
                           (int) id->sensor.len, (const char *) id->sensor.data,
                           (unsigned long long) id->epoch, (unsigned long long) id->worker,
                           (unsigned long long) id->number);
        x->id = slice_of(x->id_text, (size_t) len);
    }
}

/* Counts come off the wire: a sum stops at the largest number. */
static uint64_t add_counts(uint64_t a, uint64_t b)
{
    return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

/* Bytes and packets of the event's source and destination: the source of a flow event is
 * the client, that of a packet may be the server. */
static void derive_sides(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    const Civicshield__Wire__V1__EventFlow *flow = m->flow;
    bool from_server = m->has_direction && slice_is(bytes_of(&m->direction), "to_client");

    if (flow == NULL) {
        return;
    }
    x->has_source_bytes = x->has_destination_bytes = x->has_network_bytes = true;
    x->has_source_packets = x->has_destination_packets = x->has_network_packets = true;
    x->source_bytes = from_server ? flow->bytes_toclient : flow->bytes_toserver;
    x->destination_bytes = from_server ? flow->bytes_toserver : flow->bytes_toclient;
    x->source_packets = from_server ? flow->pkts_toclient : flow->pkts_toserver;
    x->destination_packets = from_server ? flow->pkts_toserver : flow->pkts_toclient;
    x->network_bytes = add_counts(flow->bytes_toserver, flow->bytes_toclient);
    x->network_packets = add_counts(flow->pkts_toserver, flow->pkts_toclient);
}

static void derive_times(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    if (m->has_type && m->type == EVENT_FLOW && m->flow != NULL) {
        x->has_event_start = m->flow->has_start;
        x->has_event_end = m->flow->has_end;
        x->event_start = m->flow->start;
        x->event_end = m->flow->end;
    } else if (m->has_type && m->type == EVENT_NETFLOW && m->netflow != NULL) {
        x->has_event_start = m->netflow->has_start;
        x->has_event_end = m->netflow->has_end;
        x->event_start = m->netflow->start;
        x->event_end = m->netflow->end;
        x->has_source_bytes = m->netflow->has_bytes;
        x->has_source_packets = m->netflow->has_pkts;
        x->source_bytes = m->netflow->bytes;
        x->source_packets = m->netflow->pkts;
    }
    if (x->has_event_start && x->has_event_end && x->event_end >= x->event_start) {
        x->has_event_duration = true;
        x->event_duration = x->event_end - x->event_start;
    }
}

static struct slice mac_text(const ProtobufCBinaryData *mac, char text[20])
{
    if (mac == NULL || mac->len != 6) {
        return slice_of(NULL, 0);
    }
    const uint8_t *m = mac->data;
    int len = snprintf(text, 20, "%02X-%02X-%02X-%02X-%02X-%02X", m[0], m[1], m[2], m[3],
                       m[4], m[5]);
    return slice_of(text, (size_t) len);
}

static void derive_ether(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    const Civicshield__Wire__V1__EventEther *e = m->ether;

    if (e == NULL) {
        return;
    }
    x->source_mac = mac_text(e->has_src_mac    ? &e->src_mac
                             : e->n_src_macs != 0 ? &e->src_macs[0]
                                                  : NULL,
                             x->source_mac_text);
    x->destination_mac = mac_text(e->has_dest_mac     ? &e->dest_mac
                                  : e->n_dest_macs != 0 ? &e->dest_macs[0]
                                                        : NULL,
                                  x->destination_mac_text);
}

static void derive_network(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    if (m->has_proto && m->proto.len != 0 && m->proto.len <= sizeof x->transport) {
        for (size_t i = 0; i < m->proto.len; i++) {
            uint8_t c = m->proto.data[i];

            x->transport[i] = (char) (c < 0x80 ? tolower(c) : c);
        }
        x->network_transport = slice_of(x->transport, m->proto.len);
    }
    if (m->has_src_ip && is_ip(&m->src_ip)) {
        x->network_type = slice_text(m->src_ip.len == 4 ? "ipv4" : "ipv6");
    }
    if (m->has_app_proto && !slice_is(bytes_of(&m->app_proto), "failed")
        && !slice_is(bytes_of(&m->app_proto), "unknown")) {
        x->network_protocol = bytes_of(&m->app_proto);
    }
    if (m->n_vlans > 0) {
        x->has_network_vlan = true;
        x->network_vlan = m->vlans[0];
    }
    if (m->n_vlans > 1) {
        x->has_network_inner_vlan = true;
        x->network_inner_vlan = m->vlans[1];
    }
}

/* Path and query of a request target (RFC 9112, section 3.2); none for the forms that
 * have no path ("*", host:port). */
static void derive_url(struct slice url, struct ecs_derived *x)
{
    const uint8_t *at = url.bytes, *end = at + url.size, *query;

    if (url.size == 0) {
        return;
    }
    if (*at != '/') {
        const uint8_t *scheme = memmem(at, url.size, "://", 3);

        at = scheme != NULL ? memchr(scheme + 3, '/', (size_t) (end - scheme - 3)) : NULL;
        if (at == NULL) {
            return;
        }
    }
    query = memchr(at, '?', (size_t) (end - at));
    x->url_path = slice_of(at, (size_t) ((query != NULL ? query : end) - at));
    if (query != NULL) {
        x->url_query = slice_of(query + 1, (size_t) (end - query - 1));
    }
}

static void derive_http(const Civicshield__Wire__V1__EventHttp *http, struct ecs_derived *x)
{
    if (http == NULL) {
        return;
    }
    if (http->has_url) {
        derive_url(bytes_of(&http->url), x);
    }
    if (http->has_protocol && http->protocol.len > 5
        && memcmp(http->protocol.data, "HTTP/", 5) == 0) {
        x->http_version = slice_of(http->protocol.data + 5, http->protocol.len - 5);
    }
}

static void derive_dns(const Civicshield__Wire__V1__EventDns *dns, struct ecs_derived *x)
{
    if (dns == NULL) {
        return;
    }
    if (dns->has_type) {
        x->dns_type = slice_text(slice_is(bytes_of(&dns->type), "response") ? "answer"
                                                                            : "query");
    }
    if (dns->n_queries != 0) {
        if (dns->queries[0]->has_rrname) {
            x->dns_question_name = bytes_of(&dns->queries[0]->rrname);
        }
        if (dns->queries[0]->has_rrtype) {
            x->dns_question_type = bytes_of(&dns->queries[0]->rrtype);
        }
    }
}

/* "TLS 1.2" -> tls, 1.2; "TLSv1" -> tls, 1.0; "SSLv3" -> ssl, 3. */
static void derive_tls_version(struct slice version, struct ecs_derived *x)
{
    if (slice_is(version, "TLSv1")) {
        x->tls_version = slice_text("1.0");
        x->tls_version_protocol = slice_text("tls");
    } else if (version.size > 4 && memcmp(version.bytes, "TLS ", 4) == 0) {
        x->tls_version = slice_from(version, 4);
        x->tls_version_protocol = slice_text("tls");
    } else if (version.size > 4 && memcmp(version.bytes, "SSLv", 4) == 0) {
        x->tls_version = slice_from(version, 4);
        x->tls_version_protocol = slice_text("ssl");
    }
}

static void derive_tls(const Civicshield__Wire__V1__EventTls *tls, struct ecs_derived *x)
{
    if (tls == NULL) {
        return;
    }
    if (tls->has_version) {
        derive_tls_version(bytes_of(&tls->version), x);
    }
    if (tls->has_fingerprint && tls->fingerprint.len == 59) {
        /* "3a:0b:..." of 20 bytes -> "3A0B...", as ECS has hashes. */
        size_t n = 0;

        for (size_t i = 0; i < 59 && n < sizeof x->sha1_text; i++) {
            uint8_t c = tls->fingerprint.data[i];

            if (c != ':') {
                x->sha1_text[n++] = (char) (c < 0x80 ? toupper(c) : '?');
            }
        }
        x->tls_server_hash_sha1 = slice_of(x->sha1_text, n);
    }
}

void ecs_derive(const Civicshield__Wire__V1__Event *m, struct ecs_derived *x)
{
    memset(x, 0, sizeof *x);
    derive_event(m, x);
    derive_sides(m, x);
    derive_times(m, x);
    derive_ether(m, x);
    derive_network(m, x);
    derive_http(m->http, x);
    derive_dns(m->dns, x);
    derive_tls(m->tls, x);
}

/* ---- Lists ---- */

bool ecs_has_event_category(const Civicshield__Wire__V1__Event *m)
{
    return true;
}

void ecs_put_event_category(const Civicshield__Wire__V1__Event *m, struct strbuf *b)
{
    strbuf_puts(b, type_of(m)->category);
}

bool ecs_has_event_type(const Civicshield__Wire__V1__Event *m)
{
    return true;
}

void ecs_put_event_type(const Civicshield__Wire__V1__Event *m, struct strbuf *b)
{
    strbuf_puts(b, type_of(m)->types);
}

bool ecs_has_related_ip(const Civicshield__Wire__V1__Event *m)
{
    return (m->has_src_ip && is_ip(&m->src_ip)) || (m->has_dest_ip && is_ip(&m->dest_ip));
}

void ecs_put_related_ip(const Civicshield__Wire__V1__Event *m, struct strbuf *b)
{
    strbuf_putc(b, '[');
    if (m->has_src_ip && is_ip(&m->src_ip)) {
        put_ip(b, &m->src_ip);
        strbuf_putc(b, ',');
    }
    if (m->has_dest_ip && is_ip(&m->dest_ip)) {
        put_ip(b, &m->dest_ip);
        strbuf_putc(b, ',');
    }
    json_close(b, ']');
}

bool ecs_has_dns_header_flags(const Civicshield__Wire__V1__Event *m)
{
    const Civicshield__Wire__V1__EventDns *d = m->dns;

    return d != NULL && (d->aa || d->tc || d->rd || d->ra);
}

void ecs_put_dns_header_flags(const Civicshield__Wire__V1__Event *m, struct strbuf *b)
{
    const Civicshield__Wire__V1__EventDns *d = m->dns;
    const struct {
        bool is_set;
        const char *name;
    } flags[] = { { d->aa, "AA" }, { d->tc, "TC" }, { d->rd, "RD" }, { d->ra, "RA" } };

    strbuf_putc(b, '[');
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].is_set) {
            json_name(b, flags[i].name);
            strbuf_putc(b, ',');
        }
    }
    json_close(b, ']');
}

/* The address in an answer's data; false if the record is none of A and AAAA. */
static bool answer_ip(const Civicshield__Wire__V1__EventDnsRr *rr, struct ip_addr *ip)
{
    return rr->has_rrtype && rr->has_rdata
           && (slice_is(bytes_of(&rr->rrtype), "A") || slice_is(bytes_of(&rr->rrtype), "AAAA"))
           && ip_parse((const char *) rr->rdata.data, rr->rdata.len, ip);
}

bool ecs_has_dns_resolved_ip(const Civicshield__Wire__V1__Event *m)
{
    struct ip_addr ip;

    for (size_t i = 0; m->dns != NULL && i < m->dns->n_answers; i++) {
        if (answer_ip(m->dns->answers[i], &ip)) {
            return true;
        }
    }
    return false;
}

void ecs_put_dns_resolved_ip(const Civicshield__Wire__V1__Event *m, struct strbuf *b)
{
    struct ip_addr ip;

    strbuf_putc(b, '[');
    for (size_t i = 0; i < m->dns->n_answers; i++) {
        if (answer_ip(m->dns->answers[i], &ip)) {
            json_ip(b, &ip, false);
            strbuf_putc(b, ',');
        }
    }
    json_close(b, ']');
}
