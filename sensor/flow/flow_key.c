/* Keys: what makes two packets one flow. */
#include "sensor/flow/flow_private.h"

#define ID_BITS 51      /* A double holds 53 bits; EVE's flow_id has 51 elsewhere, too. */

struct type_pair {
    uint8_t request, reply;
};

/* RFC 792, 950, 1256 (router discovery). */
static const struct type_pair icmp_pairs[] = {
    { 8, 0 }, { 10, 9 }, { 13, 14 }, { 15, 16 }, { 17, 18 },
};
/* RFC 4443, 2710, 4861, 4620, 6275. */
static const struct type_pair icmpv6_pairs[] = {
    { 128, 129 }, { 130, 131 }, { 133, 134 }, { 135, 136 }, { 139, 140 }, { 144, 145 },
};

int flow_icmp_counterpart(uint8_t ip_proto, uint8_t type)
{
    bool is_v4 = ip_proto == IP_PROTO_ICMP;
    const struct type_pair *pairs = is_v4 ? icmp_pairs : icmpv6_pairs;
    size_t n = is_v4 ? sizeof icmp_pairs / sizeof icmp_pairs[0]
                     : sizeof icmpv6_pairs / sizeof icmpv6_pairs[0];

    for (size_t i = 0; i < n; i++) {
        if (pairs[i].request == type) {
            return pairs[i].reply;
        }
        if (pairs[i].reply == type) {
            return pairs[i].request;
        }
    }
    return -1;
}

static bool is_icmp(uint8_t ip_proto)
{
    return ip_proto == IP_PROTO_ICMP || ip_proto == IP_PROTO_ICMPV6;
}

/* Protocols whose flows cannot be told without the header behind IP. */
static bool needs_l4(uint8_t ip_proto)
{
    return ip_proto == IP_PROTO_TCP || ip_proto == IP_PROTO_UDP
           || ip_proto == IP_PROTO_SCTP || is_icmp(ip_proto);
}

static uint64_t endpoint_hash(const struct ip_addr *a, uint16_t port,
                              struct hash_seed seed)
{
    uint64_t low, high;

    memcpy(&low, a->bytes, sizeof low);
    if (a->version == 4) {      /* Four bytes, the other four are zero. */
        return hash_mix(((uint64_t) port << 48) ^ low ^ seed.k0);
    }
    memcpy(&high, a->bytes + 8, sizeof high);
    return hash_mix(hash_mix(low ^ seed.k0) + high + port * 0x9e3779b97f4a7c15ull);
}

/* What tells the same addresses in different tunnels apart: how many are around 'p', the
 * network identifier, and who sends the outermost one to whom, in either order.  The last
 * is also what frames are shared out by, so that all of a flow meets one worker.  0 outside
 * of tunnels.  A fragment has no packet within it, so the one that a reassembled datagram
 * came from is no tunnel. */
static uint64_t tunnel_of_packet(const struct packet *p)
{
    struct hash_seed seed = hash_seed_fixed();
    const struct packet *outermost = NULL;
    uint64_t depth = 0;

    for (const struct packet *outer = p->outer; outer != NULL; outer = outer->outer) {
        if (!outer->is_fragment) {
            depth++;
            outermost = outer;
        }
    }
    if (outermost == NULL) {
        return 0;
    }
    uint64_t ends = endpoint_hash(&outermost->src, 0, seed)
                    + endpoint_hash(&outermost->dst, 0, seed);
    return hash_mix(ends ^ hash_mix(depth << 32 | p->vni));
}

bool flow_has_key(const struct packet *p)
{
    if (p->src.version == 0 || p->is_fragment
        || (needs_l4(p->ip_proto) && p->l4 == LAYER_ABSENT)) {
        return false;
    }
    /* Of GRE, the packets within have flows. */
    return !p->is_carrier || p->ip_proto != IP_PROTO_GRE;
}

bool flow_key_of_packet(const struct packet *p, struct flow_key *key)
{
    if (!flow_has_key(p)) {
        return false;
    }
    *key = (struct flow_key) {
        .src = p->src,
        .dst = p->dst,
        .sport = p->sport,
        .dport = p->dport,
        .ip_proto = p->ip_proto,
        .vlans = { p->n_vlans > 0 ? p->vlans[0] : 0, p->n_vlans > 1 ? p->vlans[1] : 0 },
        .tunnel = p->outer != NULL ? tunnel_of_packet(p) : 0,
    };
    if (is_icmp(p->ip_proto)) {
        key->icmp_type = p->icmp.type;
        key->icmp_code = p->icmp.code;
    }
    return true;
}

uint64_t flow_packet_hash(const struct packet *p, struct hash_seed seed)
{
    struct flow_key key;

    if (is_icmp(p->ip_proto) || p->outer != NULL) {
        return flow_key_of_packet(p, &key) ? flow_key_hash(&key, seed) : 0;
    }
    if (!flow_has_key(p)) {
        return 0;
    }
    /* As below, without a key being made for it. */
    uint64_t shared = (uint64_t) p->ip_proto << 40
                      | (uint64_t) (p->n_vlans > 0 ? p->vlans[0] : 0) << 16
                      | (uint64_t) (p->n_vlans > 1 ? p->vlans[1] : 0);
    uint64_t ends = endpoint_hash(&p->src, p->sport, seed)
                    + endpoint_hash(&p->dst, p->dport, seed);
    return hash_mix(ends ^ shared ^ seed.k1);
}

uint64_t flow_key_hash(const struct flow_key *k, struct hash_seed seed)
{
    uint64_t shared = (uint64_t) k->ip_proto << 40 | (uint64_t) k->vlans[0] << 16
                      | (uint64_t) k->vlans[1];

    if (is_icmp(k->ip_proto)) {
        int other = flow_icmp_counterpart(k->ip_proto, k->icmp_type);
        unsigned type = k->icmp_type;
        if (other >= 0 && (unsigned) other < type) {
            type = (unsigned) other;
        }
        shared |= (uint64_t) type << 48;
    }
    /* A sum, so that the order of the endpoints does not count; the last mix hides it. */
    uint64_t ends = endpoint_hash(&k->src, k->sport, seed)
                    + endpoint_hash(&k->dst, k->dport, seed);
    return hash_mix(ends ^ shared ^ k->tunnel ^ seed.k1);
}

static bool is_same_order(const struct flow_key *a, const struct flow_key *b)
{
    return a->sport == b->sport && a->dport == b->dport && ip_equal(&a->src, &b->src)
           && ip_equal(&a->dst, &b->dst);
}

static bool is_reverse_order(const struct flow_key *a, const struct flow_key *b)
{
    return a->sport == b->dport && a->dport == b->sport && ip_equal(&a->src, &b->dst)
           && ip_equal(&a->dst, &b->src);
}

bool flow_key_match(const struct flow_key *a, const struct flow_key *b)
{
    if (a->ip_proto != b->ip_proto || a->tunnel != b->tunnel
        || a->vlans[0] != b->vlans[0] || a->vlans[1] != b->vlans[1]) {
        return false;
    }
    if (is_icmp(a->ip_proto)) {
        return (a->icmp_type == b->icmp_type && is_same_order(a, b))
               || (flow_icmp_counterpart(a->ip_proto, a->icmp_type) == b->icmp_type
                   && is_reverse_order(a, b));
    }
    return is_same_order(a, b) || is_reverse_order(a, b);
}

bool flow_key_fits(const struct flow_key *k, const struct packet *p)
{
    struct flow_key key;

    if (is_icmp(p->ip_proto) || p->outer != NULL) {
        return flow_key_of_packet(p, &key) && flow_key_match(k, &key);
    }
    if (k->ip_proto != p->ip_proto || k->tunnel != 0
        || k->vlans[0] != (p->n_vlans > 0 ? p->vlans[0] : 0)
        || k->vlans[1] != (p->n_vlans > 1 ? p->vlans[1] : 0)) {
        return false;
    }
    return (k->sport == p->sport && k->dport == p->dport && ip_equal(&k->src, &p->src)
            && ip_equal(&k->dst, &p->dst))
           || (k->sport == p->dport && k->dport == p->sport && ip_equal(&k->src, &p->dst)
               && ip_equal(&k->dst, &p->src));
}

uint64_t flow_key_id(const struct flow_key *k, uint64_t first_ns)
{
    /* No padding, no hole: every byte is one of the key's. */
    struct {
        uint8_t src[16], dst[16];
        uint16_t sport, dport, vlans[2];
        uint8_t src_version, ip_proto, icmp_type, icmp_code;
        uint32_t zero;
        uint64_t tunnel, first_ns;
    } bytes = {
        .sport = k->sport, .dport = k->dport, .vlans = { k->vlans[0], k->vlans[1] },
        .src_version = k->src.version, .ip_proto = k->ip_proto,
        .icmp_type = k->icmp_type, .icmp_code = k->icmp_code,
        .tunnel = k->tunnel, .first_ns = first_ns,
    };
    _Static_assert(sizeof bytes == 64, "no padding in what is hashed");

    memcpy(bytes.src, k->src.bytes, 16);
    memcpy(bytes.dst, k->dst.bytes, 16);
    uint64_t id = hash_bytes(hash_seed_fixed(), &bytes, sizeof bytes) >> (64 - ID_BITS);
    return id != 0 ? id : 1;
}
