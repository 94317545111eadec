/* What events of all types share: endpoints, link layer, what hangs on the flow. */
#include "common/wire/json.h"
#include "sensor/output/output_private.h"

/* The number of a protocol without a name is made in the event's scratch memory. */
static struct slice proto_text(uint8_t ip_proto, struct output_worker *w)
{
    char number[4];
    const char *name = ip_proto_name(ip_proto, number);

    return name != number ? slice_text(name) : arena_copy(&w->scratch, number, 3);
}

static void fill_vlans(struct event *e, struct event_parts *parts, const uint16_t *vlans,
                       size_t n)
{
    for (size_t i = 0; i < n && i < PACKET_MAX_VLANS; i++) {
        parts->vlans[i] = vlans[i];
    }
    e->vlans = parts->vlans;
    e->n_vlans = n;
}

static void set_endpoints(struct event *e, const struct ip_addr *src, uint16_t sport,
                          const struct ip_addr *dst, uint16_t dport, uint8_t ip_proto)
{
    e->src_ip = *src;
    e->dest_ip = *dst;
    e->has_ip_v = true;
    e->ip_v = src->version;
    e->has_src_port = e->has_dest_port = has_ports(ip_proto);
    e->src_port = sport;
    e->dest_port = dport;
}

static void fill_endpoints(struct event *e, const struct packet *p, const struct flow *flow,
                           enum event_side side)
{
    if (flow == NULL || side == SOURCE_AS_PACKET) {
        if (p->src.version != 0) {
            set_endpoints(e, &p->src, p->sport, &p->dst, p->dport, p->ip_proto);
            e->has_src_port = e->has_dest_port = has_ports(p->ip_proto)
                && (p->l4 != LAYER_ABSENT || packet_is_made(p));
        }
    } else if (side == SOURCE_IS_CLIENT) {
        set_endpoints(e, flow_client(flow), flow_client_port(flow), flow_server(flow),
                      flow_server_port(flow), flow->key.ip_proto);
    } else {
        set_endpoints(e, flow_server(flow), flow_server_port(flow), flow_client(flow),
                      flow_client_port(flow), flow->key.ip_proto);
    }
}

/* The packet's own addresses, else the flow's, ordered as the event's endpoints are. */
static void fill_ether(struct event *e, struct event_parts *parts, const struct packet *p,
                       const struct flow *flow, enum event_side side)
{
    static const uint8_t none[6];
    bool from_client = side == SOURCE_IS_CLIENT
                       || (side == SOURCE_AS_PACKET && flow != NULL
                           && flow_direction(flow, p) == TO_SERVER);

    if (p->eth != LAYER_ABSENT && p->eth <= p->size && p->size - p->eth >= 14) {
        const uint8_t *eth = p->bytes + p->eth;
        bool is_turned = flow != NULL && side != SOURCE_AS_PACKET
                         && (flow_direction(flow, p) == TO_SERVER) != from_client;

        memcpy(parts->macs[is_turned], eth + 6, 6);
        memcpy(parts->macs[!is_turned], eth, 6);
        parts->ether.has_ether_type = true;
        parts->ether.ether_type = (uint64_t) eth[12] << 8 | eth[13];
    } else if (flow != NULL && (memcmp(flow->src_mac, none, 6) != 0
                                || memcmp(flow->dst_mac, none, 6) != 0)) {
        bool client_first = !flow->is_swapped;

        memcpy(parts->macs[from_client != client_first], flow->src_mac, 6);
        memcpy(parts->macs[from_client == client_first], flow->dst_mac, 6);
    } else {
        return;
    }
    parts->ether.src_mac = parts->macs[0];
    parts->ether.dest_mac = parts->macs[1];
    e->ether = &parts->ether;
}

void fill_packet(struct output_worker *w, struct event *e, struct event_parts *parts,
                 const struct packet *p, struct flow *flow, enum event_side side)
{
    e->timestamp = p->time_ns;
    if (p->frame != NULL && w->output->interface == NULL) {
        e->has_pcap_cnt = true;
        e->pcap_cnt = p->frame->number;
    }
    fill_vlans(e, parts, p->vlans, p->n_vlans);
    fill_endpoints(e, p, flow, side);
    if (p->src.version != 0) {
        e->proto = proto_text(p->ip_proto, w);
    }
    if ((p->ip_proto == IP_PROTO_ICMP || p->ip_proto == IP_PROTO_ICMPV6)
        && p->l4 != LAYER_ABSENT) {
        e->has_icmp_type = e->has_icmp_code = true;
        e->icmp_type = p->icmp.type;
        e->icmp_code = p->icmp.code;
    }
    e->pkt_src = slice_text(packet_source_name(p));
    if (w->output->conf.ethernet) {
        fill_ether(e, parts, p, flow, side);
    }
    if (flow != NULL) {
        e->has_flow_id = true;
        e->flow_id = flow->id;
    }
}

void fill_flow_endpoints(struct output_worker *w, struct event *e, struct event_parts *parts,
                         const struct flow *flow, bool reverse)
{
    const struct flow_key *key = &flow->key;
    size_t n_vlans = key->vlans[0] == 0 ? 0 : key->vlans[1] == 0 ? 1 : 2;

    e->timestamp = flow->last_ns;
    e->has_flow_id = true;
    e->flow_id = flow->id;
    fill_vlans(e, parts, key->vlans, n_vlans);
    if (reverse) {
        set_endpoints(e, flow_server(flow), flow_server_port(flow), flow_client(flow),
                      flow_client_port(flow), key->ip_proto);
    } else {
        set_endpoints(e, flow_client(flow), flow_client_port(flow), flow_server(flow),
                      flow_server_port(flow), key->ip_proto);
    }
    e->proto = proto_text(key->ip_proto, w);
}

/* A JSON list of objects of one member each: [{"name":"value"},...]; dots for what cannot be
 * printed.  An absent slice if there is none, or no room. */
static struct slice vars_text(struct output_worker *w, const struct detect_var *vars, size_t n)
{
    size_t size = 2, at = 0;

    for (size_t i = 0; i < n; i++) {
        size += strlen(vars[i].name) + 2 * vars[i].value.size + 8;
    }
    char *text = n != 0 ? arena_alloc(&w->scratch, size) : NULL;
    if (text == NULL) {
        w->counters.scratch_full += n != 0;
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < n; i++) {
        at += (size_t) snprintf(text + at, size - at, "%s{\"%s\":\"", i == 0 ? "[" : ",",
                                vars[i].name);
        for (size_t k = 0; k < vars[i].value.size; k++) {
            uint8_t c = vars[i].value.bytes[k];

            if (c == '"' || c == '\\') {
                text[at++] = '\\';
            }
            text[at++] = c >= 0x20 && c < 0x7f ? (char) c : '.';
        }
        text[at++] = '"';
        text[at++] = '}';
    }
    text[at++] = ']';
    return slice_of(text, at);
}

/* {"name":value,...}; an absent slice if there is none, or no room. */
static struct slice ints_text(struct output_worker *w, const struct detect_int *ints, size_t n)
{
    size_t size = 2, at = 0;

    for (size_t i = 0; i < n; i++) {
        size += strlen(ints[i].name) + 15;
    }
    char *text = n != 0 ? arena_alloc(&w->scratch, size) : NULL;
    if (text == NULL) {
        w->counters.scratch_full += n != 0;
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < n; i++) {
        at += (size_t) snprintf(text + at, size - at, "%c\"%s\":%u", i == 0 ? '{' : ',',
                                ints[i].name, ints[i].value);
    }
    text[at++] = '}';
    return slice_of(text, at);
}

/* The rest of a name that begins with 'prefix', or NULL. */
static const char *behind(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

/* Names into 'texts': those that begin with 'prefix', without it; or, where that is NULL, those
 * that name no traffic. */
static size_t pick_names(const char *const *names, size_t n, const char *prefix,
                         struct slice *texts)
{
    size_t n_picked = 0;

    for (size_t i = 0; i < n; i++) {
        bool is_traffic = behind(names[i], "traffic/id/") != NULL
                          || behind(names[i], "traffic/label/") != NULL;
        const char *rest = prefix != NULL ? behind(names[i], prefix)
                           : is_traffic   ? NULL
                                          : names[i];
        if (rest != NULL) {
            texts[n_picked++] = slice_text(rest);
        }
    }
    return n_picked;
}

static void fill_flowbits(struct output_worker *w, struct event *e, struct event_parts *parts,
                          const struct flow *flow)
{
    const char *names[MAX_FLOWBITS];
    size_t n = detect_flowbits(w->detect, flow, names, MAX_FLOWBITS);
    struct slice *texts = n != 0 ? arena_alloc(&w->scratch, n * sizeof *texts) : NULL;

    if (texts == NULL) {
        w->counters.scratch_full += n != 0;
        return;
    }
    parts->traffic.ids = texts;
    parts->traffic.n_ids = pick_names(names, n, "traffic/id/", texts);
    texts += parts->traffic.n_ids;
    parts->traffic.labels = texts;
    parts->traffic.n_labels = pick_names(names, n, "traffic/label/", texts);
    texts += parts->traffic.n_labels;
    parts->metadata.flowbits = texts;
    parts->metadata.n_flowbits = pick_names(names, n, NULL, texts);
    if (parts->traffic.n_ids + parts->traffic.n_labels != 0) {
        e->traffic = &parts->traffic;
    }
    if (parts->metadata.n_flowbits != 0) {
        e->metadata = &parts->metadata;
    }
}

static void fill_metadata(struct output_worker *w, struct event *e,
                          struct event_parts *parts, const struct flow *flow, bool is_of_packet)
{
    struct event_metadata *m = &parts->metadata;
    struct detect_var vars[MAX_VARS];
    struct detect_int ints[MAX_FLOWBITS];
    char *entropy = arena_alloc(&w->scratch, ENTROPY_SIZE);
    size_t entropy_size = entropy != NULL ? detect_entropy(flow, entropy, ENTROPY_SIZE) : 0;

    if (entropy_size != 0) {
        m->entropy = slice_of(entropy, entropy_size);
    }
    m->flowvars = clean_json(w, vars_text(w, vars, detect_flow_vars(w->detect, flow, vars,
                                                                    MAX_VARS)));
    if (is_of_packet) {
        m->pktvars = clean_json(w, vars_text(w, vars, detect_packet_vars(w->detect, vars,
                                                                         MAX_VARS)));
    }
    m->flowints = clean_json(w, ints_text(w, ints, detect_flow_ints(w->detect, flow, ints,
                                                                    MAX_FLOWBITS)));
    if (m->entropy.bytes != NULL || m->flowvars.bytes != NULL || m->pktvars.bytes != NULL
        || m->flowints.bytes != NULL) {
        e->metadata = m;
    }
    fill_flowbits(w, e, parts, flow);
}

/* Bytes that JSON text of ASCII does not have. */
static bool is_odd(uint8_t c)
{
    return c < 0x20 || c >= 0x80;
}

/* Where the first odd byte stands, or the size.  Eight at once: a byte below 0x20 borrows its
 * highest bit from the subtraction. */
static size_t find_odd(struct slice json)
{
    const uint64_t ones = 0x0101010101010101ull;
    size_t i = 0;

    for (uint64_t word; json.size - i >= sizeof word; i += sizeof word) {
        memcpy(&word, json.bytes + i, sizeof word);
        if (((word | (word - ones * 0x20)) & ones * 0x80) != 0) {
            break;
        }
    }
    while (i < json.size && !is_odd(json.bytes[i])) {
        i++;
    }
    return i;
}

struct slice clean_json(struct output_worker *w, struct slice json)
{
    size_t i = find_odd(json);

    if (json.size == 0) {
        return slice_of(NULL, 0);
    }
    if (i == json.size || json_is_valid(json)) {
        return json;
    }
    uint8_t *text = arena_alloc(&w->scratch, json.size);
    if (text == NULL) {
        w->counters.scratch_full++;
        return slice_of(NULL, 0);
    }
    for (i = 0; i < json.size; i++) {
        text[i] = is_odd(json.bytes[i]) ? '?' : json.bytes[i];
    }
    return slice_of(text, json.size);
}

void fill_flow_extras(struct output_worker *w, struct event *e, struct event_parts *parts,
                      const struct flow *flow)
{
    const struct output_conf *conf = &w->output->conf;

    if (flow == NULL) {
        return;
    }
    if (flow->parent_id != 0) {
        e->has_parent_id = true;
        e->parent_id = flow->parent_id;
    }
    if (conf->metadata && w->detect != NULL && flow->detect != NULL) {
        fill_metadata(w, e, parts, flow, e->type != EVENT_FLOW && e->type != EVENT_NETFLOW);
    }
    if (conf->community_id) {
        if (w->community_flow != flow->id || flow->id == 0) {
            flow_community_id(&flow->key, w->output->community_id_seed, w->community);
            w->community_flow = flow->id;
        }
        e->community_id = slice_text(w->community);
    }
    if (conf->ndpi && w->flows != NULL) {
        e->ndpi = clean_json(w, flow_ndpi_json(w->flows, flow));
    }
}

/* What a side looked like, where the flow is something else. */
static struct slice side_proto(const struct flow *flow, enum direction dir)
{
    enum app_proto proto = flow->app_proto_side[dir];

    if (proto == APP_UNKNOWN || proto == flow->app_proto || flow->app_proto == APP_UNKNOWN) {
        return slice_of(NULL, 0);
    }
    return slice_text(app_eve_name(proto));
}

void fill_app_proto(struct event *e, const struct flow *flow)
{
    bool has_failed = flow->app_proto_side[TO_SERVER] == APP_FAILED
                      || flow->app_proto_side[TO_CLIENT] == APP_FAILED;

    if (flow->app_proto != APP_UNKNOWN) {
        e->app_proto = slice_text(app_eve_name(flow->app_proto));
    } else if (has_failed) {
        e->app_proto = slice_text(app_eve_name(APP_FAILED));
    }
    e->app_proto_ts = side_proto(flow, TO_SERVER);
    e->app_proto_tc = side_proto(flow, TO_CLIENT);
    if (flow->app != NULL && flow->app->first_proto != APP_UNKNOWN
        && flow->app->first_proto != flow->app_proto) {
        e->app_proto_orig = slice_text(app_eve_name(flow->app->first_proto));
    }
    if (flow->expected != APP_UNKNOWN && flow->expected != flow->app_proto) {
        e->app_proto_expected = slice_text(app_eve_name(flow->expected));
    }
}

void fill_flow_counts(struct event_flow *out, const struct flow *flow)
{
    out->pkts_toserver = flow->sides[TO_SERVER].packets;
    out->pkts_toclient = flow->sides[TO_CLIENT].packets;
    out->bytes_toserver = flow->sides[TO_SERVER].bytes;
    out->bytes_toclient = flow->sides[TO_CLIENT].bytes;
    out->start = flow->first_ns;
}

void fill_tunnel(struct output_worker *w, struct event *e, struct event_parts *parts,
                 const struct packet *p)
{
    const struct packet *outer = p->outer;
    struct event_tunnel *t = &parts->tunnel;

    if (outer == NULL || outer->src.version == 0) {
        return;
    }
    t->src_ip = outer->src;
    t->dest_ip = outer->dst;
    t->src_port = outer->sport;
    t->dest_port = outer->dport;
    t->proto = proto_text(outer->ip_proto, w);
    for (const struct packet *at = outer; at != NULL; at = at->outer) {
        t->depth++;
    }
    t->has_pcap_cnt = e->has_pcap_cnt;
    t->pcap_cnt = e->pcap_cnt;
    t->pkt_src = slice_text(packet_source_name(outer));
    t->has_vni = p->vni != 0;
    t->vni = p->vni;
    e->tunnel = t;
}

struct slice printable_text(struct output_worker *w, struct slice bytes)
{
    uint8_t *text = bytes.size != 0 ? arena_alloc(&w->scratch, bytes.size) : NULL;

    if (text == NULL) {
        w->counters.scratch_full += bytes.size != 0;
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.bytes[i];
        bool is_kept = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r';

        text[i] = is_kept ? c : '.';
    }
    return slice_of(text, bytes.size);
}
