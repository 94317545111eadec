/* Events at the end of a flow, and statistics. */
#include "common/base/clock.h"
#include "sensor/output/output_private.h"
#include "sensor/stream/stream.h"

/* Two hex digits, as EVE writes TCP flags. */
struct flags_text {
    char all[2], ts[2], tc[2];
};

static struct slice hex_flags(unsigned flags, char text[2])
{
    static const char hex[] = "0123456789abcdef";

    text[0] = hex[flags >> 4 & 15];
    text[1] = hex[flags & 15];
    return slice_of(text, 2);
}

static void fill_flags(struct event_tcp *tcp, unsigned flags, char text[2])
{
    tcp->tcp_flags = hex_flags(flags, text);
    tcp->syn = (flags & TCP_SYN) != 0;
    tcp->fin = (flags & TCP_FIN) != 0;
    tcp->rst = (flags & TCP_RST) != 0;
    tcp->psh = (flags & TCP_PSH) != 0;
    tcp->ack = (flags & TCP_ACK) != 0;
    tcp->urg = (flags & TCP_URG) != 0;
    tcp->ecn = (flags & TCP_ECE) != 0;
    tcp->cwr = (flags & TCP_CWR) != 0;
}

static void fill_tcp(struct event_tcp *tcp, const struct flow *flow, struct flags_text *text)
{
    unsigned ts = flow->sides[TO_SERVER].tcp_flags, tc = flow->sides[TO_CLIENT].tcp_flags;

    fill_flags(tcp, ts | tc, text->all);
    tcp->tcp_flags_ts = hex_flags(ts, text->ts);
    tcp->tcp_flags_tc = hex_flags(tc, text->tc);
    if (flow->tcp_state != TCP_STATE_NONE) {
        tcp->state = slice_text(stream_state_name(flow->tcp_state));
    }
}

/* EVE counts the age in seconds of the clock, not in whole seconds that passed. */
static uint64_t flow_age(const struct flow *flow)
{
    uint64_t first = flow->first_ns / NS_PER_SEC, last = flow->last_ns / NS_PER_SEC;

    return last > first ? last - first : 0;
}

/* The type that answers an ICMP request, for flows of requests; false for the others. */
static bool icmp_response_type(const struct flow_key *key, uint8_t *type)
{
    static const struct {
        uint8_t ip_proto, request, response;
    } pairs[] = {
        { IP_PROTO_ICMP, 8, 0 },     { IP_PROTO_ICMP, 13, 14 },  { IP_PROTO_ICMP, 15, 16 },
        { IP_PROTO_ICMP, 17, 18 },   { IP_PROTO_ICMP, 10, 9 },   { IP_PROTO_ICMPV6, 128, 129 },
        { IP_PROTO_ICMPV6, 133, 134 }, { IP_PROTO_ICMPV6, 135, 136 },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (key->ip_proto == pairs[i].ip_proto && key->icmp_type == pairs[i].request) {
            *type = pairs[i].response;
            return true;
        }
    }
    return false;
}

static void fill_icmp(struct event *e, const struct flow *flow)
{
    uint8_t response;

    if (flow->key.ip_proto != IP_PROTO_ICMP && flow->key.ip_proto != IP_PROTO_ICMPV6) {
        return;
    }
    e->has_icmp_type = e->has_icmp_code = true;
    e->icmp_type = flow->key.icmp_type;
    e->icmp_code = flow->key.icmp_code;
    if (flow->sides[TO_CLIENT].packets != 0 && icmp_response_type(&flow->key, &response)) {
        e->has_response_icmp_type = e->has_response_icmp_code = true;
        e->response_icmp_type = response;
        e->response_icmp_code = 0;
    }
}

/* The client's address as source. */
static void fill_flow_ether(struct output_worker *w, struct event *e,
                            struct event_parts *parts, const struct flow *flow,
                            bool reverse)
{
    static const uint8_t none[6];
    bool is_turned = flow->is_swapped != reverse;

    if (!w->output->conf.ethernet || (memcmp(flow->src_mac, none, 6) == 0
                                      && memcmp(flow->dst_mac, none, 6) == 0)) {
        return;
    }
    parts->ether.n_src_macs = parts->ether.n_dest_macs = 1;
    parts->ether.src_macs = is_turned ? flow->dst_mac : flow->src_mac;
    parts->ether.dest_macs = is_turned ? flow->src_mac : flow->dst_mac;
    e->ether = &parts->ether;
}

static bool has_transactions(const struct flow *flow)
{
    return flow->app != NULL && flow->app->parser != NULL;
}

static void log_flow(struct output_worker *w, const struct flow *flow)
{
    struct event e = { .type = EVENT_FLOW };
    struct event_parts parts = { 0 };
    struct event_flow *out = &parts.flow;
    struct event_tcp tcp = { 0 };
    struct flags_text text;

    fill_flow_endpoints(w, &e, &parts, flow, false);
    fill_icmp(&e, flow);
    fill_app_proto(&e, flow);
    fill_flow_counts(out, flow);
    out->has_end = out->has_age = out->has_alerted = true;
    out->end = flow->last_ns;
    out->age = flow_age(flow);
    out->state = slice_text(flow_state_name(flow->is_bypassed ? FLOW_BYPASSED : flow->state));
    out->bypass = slice_text(flow->is_bypassed ? "local" : NULL);
    if (flow->is_midstream_ignored) {
        out->exception_policy =
            slice_text("[{\"target\":\"stream_midstream\",\"policy\":\"ignore\"}]");
    }
    out->reason = slice_text(flow_end_name(flow->end_reason));
    out->alerted = flow->n_alerts != 0;
    if (detect_flow_is_passed(flow)) {
        out->action = slice_text("pass");
    }
    out->has_tx_cnt = has_transactions(flow);
    out->tx_cnt = out->has_tx_cnt ? flow->app->n_txs - flow->app->first_id : 0;
    e.flow = out;
    if (flow->key.ip_proto == IP_PROTO_TCP) {
        fill_tcp(&tcp, flow, &text);
        e.tcp = &tcp;
    }
    fill_flow_ether(w, &e, &parts, flow, false);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

static void log_netflow(struct output_worker *w, const struct flow *flow, enum direction dir)
{
    const struct flow_side *side = &flow->sides[dir];
    enum app_proto proto = flow->app_proto_side[dir];
    struct event e = { .type = EVENT_NETFLOW };
    struct event_parts parts = { 0 };
    struct event_netflow out = { .pkts = side->packets, .bytes = side->bytes,
                                 .start = flow->first_ns, .end = flow->last_ns,
                                 .age = flow_age(flow), .min_ttl = side->min_ttl,
                                 .max_ttl = side->max_ttl };
    struct event_tcp tcp = { 0 };
    char text[2];

    fill_flow_endpoints(w, &e, &parts, flow, dir == TO_CLIENT);
    fill_icmp(&e, flow);
    if (dir == TO_CLIENT && e.has_response_icmp_type) {
        e.icmp_type = e.response_icmp_type;
    }
    e.has_response_icmp_type = e.has_response_icmp_code = false;
    proto = proto != APP_UNKNOWN ? proto : flow->app_proto;
    e.app_proto = slice_text(app_eve_name(proto));
    out.has_tx_cnt = has_transactions(flow);
    out.tx_cnt = out.has_tx_cnt ? flow->app->n_txs - flow->app->first_id : 0;
    e.netflow = &out;
    if (flow->key.ip_proto == IP_PROTO_TCP) {
        fill_flags(&tcp, side->tcp_flags, text);
        e.tcp = &tcp;
    }
    fill_flow_ether(w, &e, &parts, flow, dir == TO_CLIENT);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

void output_flow(struct output_worker *w, struct flow_table *flows, struct flow *flow)
{
    if (w->output->conf.flow) {
        log_flow(w, flow);
    }
    for (enum direction dir = TO_SERVER; w->output->conf.netflow && dir < N_DIRECTIONS;
         dir++) {
        if (flow->sides[dir].packets != 0) {
            log_netflow(w, flow, dir);
        }
    }
}

void output_stats(struct output_worker *w, uint64_t time_ns, const char *stats_json)
{
    struct event e = { .type = EVENT_STATS, .timestamp = time_ns,
                       .stats = slice_text(stats_json) };

    if (w->output->conf.stats) {
        deliver_event(w, &e);
    }
}
