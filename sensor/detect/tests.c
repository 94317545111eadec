/* The tests of a rule that need no bytes. */
#include "sensor/decode/decode.h"
#include "sensor/detect/detect_private.h"

bool test_number_fits(const struct rule_test *t, uint64_t value)
{
    bool fits = number_matches(t->cmp, value, t->a, t->b);

    for (size_t i = 0; t->cmp == CMP_EQ && i < t->n_names && !fits; i++) {
        fits = t->names[i] == value;
    }
    for (size_t i = 0; t->cmp == CMP_RANGE_INCLUSIVE && i + 1 < t->n_names && !fits; i += 2) {
        fits = t->names[i] <= value && value <= t->names[i + 1];
    }
    return fits != t->negated;
}

static bool is_tx_field(enum rule_field field)
{
    switch (field) {
    case FIELD_DNS_OPCODE: case FIELD_DNS_RCODE: case FIELD_DNS_RRTYPE:
    case FIELD_HTTP_URILEN: case FIELD_TLS_VERSION: case FIELD_SSL_STATE:
    case FIELD_TLS_CERT_CHAIN_LEN: case FIELD_TLS_CERT_NOTBEFORE:
    case FIELD_TLS_CERT_NOTAFTER: case FIELD_TLS_CERT_EXPIRED: case FIELD_TLS_CERT_VALID:
    case FIELD_FTP_DYNAMIC_PORT: case FIELD_FTP_MODE: case FIELD_FTP_REPLY_RECEIVED:
    case FIELD_DHCP_LEASETIME: case FIELD_DHCP_RENEWAL_TIME: case FIELD_DHCP_REBINDING_TIME:
    case FIELD_SNMP_VERSION: case FIELD_SNMP_PDU_TYPE: case FIELD_KRB5_MSG_TYPE:
    case FIELD_KRB5_ERR_CODE: case FIELD_KRB5_TICKET_ENCRYPTION: case FIELD_RFB_SECTYPE:
    case FIELD_RFB_SECRESULT:
    case FIELD_FTPDATA_COMMAND: case FIELD_FILESIZE:
    case FIELD_MQTT_TYPE: case FIELD_MQTT_QOS: case FIELD_MQTT_FLAGS:
    case FIELD_MQTT_PROTOCOL_VERSION: case FIELD_MQTT_REASON_CODE:
    case FIELD_MQTT_CONNECT_FLAGS: case FIELD_MQTT_SESSION_PRESENT:
    case FIELD_SMB_VERSION: case FIELD_DCERPC_OPNUM:
        return true;
    default:
        return false;
    }
}

#define MAX_INSTANCES 256u      /* Of a number in one transaction. */

static bool tx_number_fits(const struct rule_test *t, const struct look *look)
{
    uint64_t value;

    if (t->field == FIELD_HTTP_URILEN && t->flag != 0 && look->tx != NULL) {
        struct app_view raw = app_tx_buffer(look->tx, look->dir, BUFFER_HTTP_URI_RAW, 0);

        return raw.state >= APP_VIEW_GROWING && test_number_fits(t, raw.bytes.size);
    }
    if (t->field == FIELD_FILESIZE) {
        return file_size_fits(t, look);
    }
    for (unsigned i = 0; look->tx != NULL && i < MAX_INSTANCES
                         && app_tx_number(look->tx, look->dir, t->field, i, &value); i++) {
        if (test_number_fits(t, value)) {
            return true;
        }
    }
    return false;
}

/* Any tag, or the one of layer test.flag - 1. */
static bool vlan_fits(const struct rule_test *t, const struct packet *p)
{
    for (unsigned i = 0; i < p->n_vlans && i < PACKET_MAX_VLANS; i++) {
        if ((t->flag == 0 || t->flag == i + 1) && test_number_fits(t, p->vlans[i])) {
            return true;
        }
    }
    return false;
}

/* Numbers that each side of a flow has: of one side, of either, or of both. */
static bool sides_fit(const struct rule_test *t, const struct flow *f)
{
    bool to_server = test_number_fits(t, field_of_side(f, t->field, TO_SERVER));
    bool to_client = test_number_fits(t, field_of_side(f, t->field, TO_CLIENT));

    switch (t->side) {
    case SIDE_CLIENT: return to_server;
    case SIDE_SERVER: return to_client;
    case SIDE_BOTH: return to_server && to_client;
    default: return to_server || to_client;
    }
}

static bool test_number(const struct detect_worker *w, const struct rule_test *t,
                        const struct look *look)
{
    uint64_t value;

    if (is_tx_field(t->field)) {
        return tx_number_fits(t, look);
    }
    if (t->field == FIELD_VLAN_ID) {
        return vlan_fits(t, w->packet);
    }
    if (t->field == FIELD_FLOW_PKTS || t->field == FIELD_FLOW_BYTES
        || t->field == FIELD_STREAM_SIZE) {
        return w->flow != NULL && sides_fit(t, w->flow);
    }
    return field_of_packet(w->packet, w->flow, t, &value) && test_number_fits(t, value);
}

static bool test_flowbit(const struct detect_worker *w, const struct rule_test *t)
{
    bool is_set = false;

    if (w->detect_flow == NULL || w->flow == NULL) {
        return false;
    }
    if (t->n_names == 0) {
        is_set = flowbit_is_set(w->detect_flow, t->name);
    }
    for (size_t i = 0; i < t->n_names && !is_set; i++) {
        is_set = flowbit_is_set(w->detect_flow, t->names[i]);
    }
    return is_set != t->negated;
}

static bool test_flowint(const struct detect_worker *w, const struct rule_test *t)
{
    uint32_t value = 0, other = 0;
    bool is_set = w->flow != NULL && flowint_get(w->detect_flow, t->name, &value);

    if (w->flow == NULL) {
        return false;
    }
    if (t->needs_set || t->needs_unset) {
        return is_set == t->needs_set;
    }
    if (t->b != 0) {            /* Compared with another flowint, once there is one. */
        return is_set && flowint_get(w->detect_flow, (uint32_t) t->b, &other)
               && number_matches(t->cmp, value, other, 0);
    }
    return is_set && test_number_fits(t, value);
}

/* A negated test needs to know as well: an unknown protocol is not "another one". */
static bool test_app_proto(const struct detect_worker *w, const struct rule_test *t)
{
    const struct flow *f = w->flow;
    enum app_proto proto;

    if (f == NULL) {
        return false;
    }
    switch (t->side) {
    case SIDE_CLIENT:
        proto = f->app_proto_side[TO_SERVER];
        break;
    case SIDE_SERVER:
        proto = f->app_proto_side[TO_CLIENT];
        break;
    default:
        proto = f->app_proto;
        break;
    }
    if (proto == APP_UNKNOWN) {
        return t->proto == APP_UNKNOWN && !t->negated;
    }
    return app_proto_fits(t->proto, proto) != t->negated;
}

static bool has_event(const uint16_t *events, unsigned n, unsigned id)
{
    for (unsigned i = 0; i < n && i < PACKET_MAX_EVENTS; i++) {
        if (events[i] == id) {
            return true;
        }
    }
    return false;
}

static bool test_packet_event(const struct detect_worker *w, const struct rule_test *t)
{
    const struct packet *p = w->packet;
    const char *name = w->engine->set->events.names[t->name];

    if (t->kind == TEST_DECODE_EVENT) {
        return has_event(p->events, p->n_events, decode_event_by_name(name, strlen(name)))
               != t->negated;
    }
    return has_event(p->stream_events, p->n_stream_events,
                     stream_event_by_name(name, strlen(name)))
           != t->negated;
}

static bool test_app_event(const struct detect_worker *w, const struct rule_test *t,
                           const struct look *look)
{
    const char *name = w->engine->set->events.names[t->name];

    if (look->tx != NULL) {
        return app_tx_has_event(look->tx, name) != t->negated;
    }
    return w->flow != NULL && w->flow->app != NULL
           && app_session_has_event(w->flow->app, name) != t->negated;
}

#define MAX_IFACES 1024u        /* Of DCE RPC in one session. */

/* Is the call of an accepted interface that the rule asks for? */
static bool test_dce_iface(const struct rule_test *t, const struct look *look)
{
    struct app_iface iface;
    uint8_t uuid[16];

    for (size_t i = 0; i < sizeof uuid; i++) {
        uuid[i] = (uint8_t) (t->names[i / 4] >> (24 - i % 4 * 8));
    }
    for (unsigned i = 0; look->tx != NULL && i < MAX_IFACES
                         && app_tx_iface(look->tx, i, &iface); i++) {
        if (iface.is_accepted && memcmp(iface.uuid, uuid, sizeof uuid) == 0
            && (iface.is_first_frag || (t->flag & DCE_IFACE_ANY_FRAG) != 0)
            && ((t->flag & DCE_IFACE_VERSION) == 0
                || number_matches(t->cmp, iface.version, t->a, t->b))) {
            return true;
        }
    }
    return false;
}

static bool test_checksum(const struct packet *p, const struct rule_test *t)
{
    static const struct { uint8_t version, proto; } kinds[] = {
        [CHECKSUM_IPV4] = { 4, 0 },
        [CHECKSUM_TCPV4] = { 4, IP_PROTO_TCP },   [CHECKSUM_UDPV4] = { 4, IP_PROTO_UDP },
        [CHECKSUM_ICMPV4] = { 4, IP_PROTO_ICMP }, [CHECKSUM_TCPV6] = { 6, IP_PROTO_TCP },
        [CHECKSUM_UDPV6] = { 6, IP_PROTO_UDP },   [CHECKSUM_ICMPV6] = { 6, IP_PROTO_ICMPV6 },
    };
    size_t kind = (size_t) t->a;

    if (kind >= sizeof kinds / sizeof kinds[0] || p->src.version != kinds[kind].version
        || (kinds[kind].proto != 0 && (p->ip_proto != kinds[kind].proto
                                       || p->l4 == LAYER_ABSENT))) {
        return false;
    }
    return decode_checksum_is_bad(p, kinds[kind].proto == 0 ? DECODE_CHECKSUM_IPV4
                                                            : DECODE_CHECKSUM_L4)
           == (t->b == 0);
}

static bool test_holds(struct detect_worker *w, const struct rule_test *t,
                       const struct look *look)
{
    switch (t->kind) {
    case TEST_NUMBER:
        return test_number(w, t, look);
    case TEST_SAME_IP:
        return (w->packet->src.version != 0 && ip_equal(&w->packet->src, &w->packet->dst))
               != t->negated;
    case TEST_FLOWBIT:
        return test_flowbit(w, t);
    case TEST_FLOWINT:
        return test_flowint(w, t);
    case TEST_XBIT:
    case TEST_HOSTBIT:
        return bit_is_set(w, t, look->dir) != t->negated;
    case TEST_APP_PROTO:
        return test_app_proto(w, t);
    case TEST_APP_EVENT:
        return test_app_event(w, t, look);
    case TEST_DECODE_EVENT:
    case TEST_STREAM_EVENT:
        return test_packet_event(w, t);
    case TEST_CHECKSUM:
        return test_checksum(w->packet, t);
    case TEST_DCE_IFACE:
        return test_dce_iface(t, look);
    case TEST_FILE_TYPE:
        return file_test_holds(w->engine, t, look);
    case TEST_IPREP:
    case TEST_GEOIP:
        return address_test_holds(w, t, look->dir);
    case TEST_FLOWVAR:
    case TEST_PKTVAR:
        return var_test_holds(w, t);
    case TEST_DETECTION_FILTER:
    case TEST_OTHER:
        break;
    }
    return true;
}

bool tests_hold(struct detect_worker *w, const struct engine_rule *er,
                const struct look *look)
{
    const struct rule *r = er->rule;

    struct look request = *look;

    request.dir = TO_SERVER;
    for (size_t i = 0; i < r->n_tests; i++) {
        if (!test_holds(w, &r->tests[i], look)
            && !(r->is_both_sides && test_holds(w, &r->tests[i], &request))) {
            return false;
        }
    }
    return true;
}
