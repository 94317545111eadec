/* Integer keywords about packets and flows: one case each. */
#include "sensor/detect/detect_private.h"

static uint32_t read_be32(const uint8_t *at)
{
    return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static bool is_icmp(const struct packet *p)
{
    return (p->ip_proto == IP_PROTO_ICMP || p->ip_proto == IP_PROTO_ICMPV6)
           && p->l4 != LAYER_ABSENT;
}

static bool field_of_ip(const struct packet *p, enum rule_field field, uint64_t *value)
{
    if (p->src.version == 0) {
        return false;
    }
    switch (field) {
    case FIELD_TTL: *value = p->ttl; return true;
    case FIELD_TOS: *value = p->tos; return true;
    case FIELD_IP_ID: *value = p->ip.ip_id; return p->src.version == 4;
    case FIELD_IP_PROTO: *value = p->ip_proto; return true;
    case FIELD_FRAGBITS:
        *value = (p->ip.more_fragments ? 1u : 0u) | (p->ip.dont_fragment ? 2u : 0u);
        if (p->src.version == 4 && p->l3 != LAYER_ABSENT && p->size - p->l3 > 6
            && p->bytes[p->l3 + 6] & 0x80) {
            *value |= 4;
        }
        return p->src.version == 4;
    case FIELD_FRAGOFFSET: *value = p->ip.frag_offset / 8u; return true;
    case FIELD_IPOPTS: *value = p->ip.ip_options; return p->src.version == 4;
    default: return false;
    }
}

static bool field_of_tcp(const struct packet *p, enum rule_field field, uint64_t *value)
{
    if (!packet_is_tcp(p)) {
        return false;
    }
    switch (field) {
    case FIELD_TCP_FLAGS: *value = p->tcp.flags; return true;
    case FIELD_TCP_SEQ: *value = p->tcp.seq; return true;
    case FIELD_TCP_ACK: *value = p->tcp.ack; return true;
    case FIELD_TCP_WINDOW: *value = p->tcp.window; return true;
    case FIELD_TCP_MSS: *value = p->tcp.mss; return p->tcp.has_mss;
    case FIELD_TCP_WSCALE: *value = p->tcp.wscale; return p->tcp.wscale != 0xff;
    default: return false;
    }
}

static bool field_of_icmp(const struct packet *p, enum rule_field field, uint64_t *value)
{
    if (!is_icmp(p)) {
        return false;
    }
    switch (field) {
    case FIELD_ITYPE: *value = p->icmp.type; return true;
    case FIELD_ICODE: *value = p->icmp.code; return true;
    case FIELD_ICMP_ID: *value = p->icmp.id; break;
    case FIELD_ICMP_SEQ: *value = p->icmp.sequence; break;
    case FIELD_ICMPV6_MTU:
        if (p->ip_proto != IP_PROTO_ICMPV6 || p->icmp.type != 2 || p->size < 8
            || p->l4 > p->size - 8) {
            return false;
        }
        *value = read_be32(p->bytes + p->l4 + 4);
        return true;
    default: return false;
    }
    /* Identifier and sequence: echoes, timestamps, information and mask requests. */
    return p->ip_proto == IP_PROTO_ICMP
               ? p->icmp.type == 0 || p->icmp.type == 8
                     || (p->icmp.type >= 13 && p->icmp.type <= 18)
               : p->icmp.type == 128 || p->icmp.type == 129;
}

uint64_t field_of_side(const struct flow *f, enum rule_field field, enum direction dir)
{
    switch (field) {
    case FIELD_FLOW_PKTS:
        return f->sides[dir].packets;
    case FIELD_FLOW_BYTES:
        return f->sides[dir].bytes;
    default:
        return f->key.ip_proto == IP_PROTO_TCP ? stream_bytes_seen(f, dir) : 0;
    }
}

static bool field_of_flow(const struct flow *f, const struct rule_test *t, uint64_t *value)
{
    if (f == NULL) {
        return false;
    }
    const struct flow_side *to_server = &f->sides[TO_SERVER];
    const struct flow_side *to_client = &f->sides[TO_CLIENT];

    switch (t->field) {
    case FIELD_FLOW_AGE:
        *value = (f->last_ns - f->first_ns) / 1000000000u;
        return true;
    case FIELD_FLOW_PKTS_TOCLIENT: *value = to_client->packets; return true;
    case FIELD_FLOW_PKTS_TOSERVER: *value = to_server->packets; return true;
    case FIELD_FLOW_BYTES_TOCLIENT: *value = to_client->bytes; return true;
    case FIELD_FLOW_BYTES_TOSERVER: *value = to_server->bytes; return true;
    default: return false;
    }
}

bool field_of_packet(const struct packet *p, const struct flow *f, const struct rule_test *t,
                     uint64_t *value)
{
    switch (t->field) {
    case FIELD_TTL: case FIELD_TOS: case FIELD_IP_ID: case FIELD_IP_PROTO:
    case FIELD_FRAGBITS: case FIELD_FRAGOFFSET: case FIELD_IPOPTS:
        return field_of_ip(p, t->field, value);
    case FIELD_TCP_FLAGS: case FIELD_TCP_SEQ: case FIELD_TCP_ACK: case FIELD_TCP_WINDOW:
    case FIELD_TCP_MSS: case FIELD_TCP_WSCALE:
        return field_of_tcp(p, t->field, value);
    case FIELD_ITYPE: case FIELD_ICODE: case FIELD_ICMP_ID: case FIELD_ICMP_SEQ:
    case FIELD_ICMPV6_MTU:
        return field_of_icmp(p, t->field, value);
    case FIELD_DSIZE:
        *value = p->payload_size;
        return p->payload != LAYER_ABSENT && !packet_is_made(p);
    case FIELD_VLAN_LAYERS:
        *value = p->n_vlans;
        return true;
    case FIELD_VLAN_ID:         /* Layer as in tests.c. */
        return false;
    case FIELD_VXLAN_VNI:
        *value = p->vni;
        return p->vni != 0 || p->source == PACKET_FROM_VXLAN;
    default:
        return field_of_flow(f, t, value);
    }
}
