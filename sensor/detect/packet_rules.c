/* Rules about one packet: its headers, its payload, its events. */
#include "sensor/detect/detect_private.h"

static void add_event_rules(struct detect_worker *w, const struct event_rules *list)
{
    for (size_t i = 0; i < list->n; i++) {
        candidates_add(&w->candidates, list->rules[i]);
    }
}

static void add_by_events(struct detect_worker *w)
{
    const struct packet *p = w->packet;

    for (unsigned i = 0; i < p->n_events && i < PACKET_MAX_EVENTS; i++) {
        add_event_rules(w, &w->engine->decode_events[p->events[i]]);
    }
    for (unsigned i = 0; i < p->n_stream_events && i < PACKET_MAX_EVENTS; i++) {
        add_event_rules(w, &w->engine->stream_events[p->stream_events[i]]);
    }
}

static void add_candidate(void *context, uint32_t rule)
{
    struct detect_worker *w = context;

    candidates_add(&w->candidates, rule);
}

static void scan_group(struct detect_worker *w, const struct port_group *g,
                       struct slice payload)
{
    worker_scan(w, g->any, payload, 0, 0, false);
    worker_scan(w, g->by_port, payload, 0, 0, false);
    worker_scan(w, port_group_by_app(g, w->app_proto), payload, 0, 0, false);
}

/* A TCP segment whose bytes go through reassembly is looked at there by the rules about
 * streams; one without a session is looked at here. */
static bool is_in_stream(const struct detect_worker *w)
{
    return packet_is_tcp(w->packet) && w->flow != NULL && w->result.has_stream;
}

/* Rule authors know flows of these protocols; a packet of another is one by itself. */
static bool is_of_flow(const struct detect_worker *w)
{
    switch (w->packet->ip_proto) {
    case IP_PROTO_TCP: case IP_PROTO_UDP: case IP_PROTO_SCTP: case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6: case IP_PROTO_ESP: case IP_PROTO_IPIP: case IP_PROTO_IPV6:
        return w->flow != NULL;
    default:
        return false;
    }
}

static bool has_payload(const struct detect_worker *w)
{
    return w->packet->payload_size > 0 && w->packet->payload != LAYER_ABSENT
           && w->sees_payload;
}

static void gather(struct detect_worker *w)
{
    struct flow_side_state *side = flow_state_side(w, w->dir);
    const struct header_index *ip_only = w->engine->ip_only[w->dir];

    if (!side->is_ip_only_done && ip_only != NULL) {
        header_index_find(ip_only, flow_state_src(w, w->dir), flow_state_dst(w, w->dir),
                          add_candidate, w);
    }
    side->is_ip_only_done = is_of_flow(w);
    flow_state_add_always(w, w->dir);
    if (has_payload(w)) {
        struct slice payload = packet_payload(w->packet);

        scan_group(w, &side->groups[SCAN_PACKET], payload);
        if (packet_is_tcp(w->packet) && !is_in_stream(w)) {
            scan_group(w, &side->groups[SCAN_STREAM], payload);
        }
    }
}

/* Rules about protocols are raised once in each direction: that is part of the mark. */
static uint32_t fired_mark(const struct detect_worker *w, uint32_t rule)
{
    return rule | (w->dir == TO_CLIENT ? 1u << 31 : 0);
}

/* Is this packet something that the rule looks at? */
static bool is_looked_at(const struct detect_worker *w, const struct engine_rule *er,
                         struct flow_side_state *side)
{
    if (w->packet->is_invalid) {
        return er->rule->proto == RULE_PROTO_PKTHDR;
    }
    if (er->kind == KIND_PROTO_ONLY) {
        return side != NULL && !side->is_proto_done && w->app_proto != APP_UNKNOWN
               && w->flow->app_proto_side[w->dir] != APP_UNKNOWN
               && !session_has_fired(w, fired_mark(w, er->rule->index));
    }
    if (er->has_payload && packet_is_tcp(w->packet) && !er->in_packet) {
        return !is_in_stream(w) && !er->only_stream;
    }
    return true;
}

void packet_rules_run(struct detect_worker *w)
{
    const struct packet *p = w->packet;
    struct candidates *c = &w->candidates;
    struct look look = {
        .dir = w->dir, .has_payload = has_payload(w), .payload = packet_payload(p),
    };
    bool is_plain = !p->is_invalid && p->src.version != 0;

    if (packet_is_made(p)) {
        return;
    }
    candidates_clear(c);
    if (is_plain) {
        /* Filled before the candidates are: making the side uses them. */
        flow_state_side(w, w->dir);
        gather(w);
    } else {
        add_event_rules(w, &w->engine->flowless);
    }
    add_by_events(w);
    candidates_sort(c);

    struct flow_side_state *side = is_plain ? flow_state_side(w, w->dir) : NULL;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct engine_rule *er = &w->engine->rules[c->rules[i]];

        if (w->matched.marks[c->rules[i]] != w->matched.round && is_looked_at(w, er, side)
            && evaluate_rule(w, er, &look) == VERDICT_MATCH
            && (er->kind != KIND_PROTO_ONLY || session_note_fired(w, fired_mark(w, c->rules[i])))) {
            candidates_add(&w->matched, c->rules[i]);
            actions_run(w, er->rule, &look);
            alert_add(w, er->rule, &look, false);
        }
    }
    if (side != NULL && w->flow != NULL && w->app_proto != APP_UNKNOWN) {
        side->is_proto_done = w->flow->app_proto_side[TO_SERVER] != APP_UNKNOWN
                              && w->flow->app_proto_side[TO_CLIENT] != APP_UNKNOWN;
    }
}
