/* Community id, version 1: a name for a flow that every tool computes alike.
 * Source: the Community ID Flow Hashing specification: "1:" and the base64 of the SHA-1
 * of seed, lower endpoint's address, higher's, protocol, zero, and both ports, all in
 * network order. */
#include "sensor/flow/flow_private.h"

#include <ndpi/ndpi_api.h>

#include "common/base/strbuf.h"

#define SHA1_SIZE 20

struct endpoints {
    const struct ip_addr *src, *dst;
    uint16_t sport, dport;
    bool has_ports;
    bool is_ordered;            /* The direction counts: a message without a reply. */
};

static struct endpoints endpoints_of_key(const struct flow_key *k)
{
    struct endpoints e = { .src = &k->src, .dst = &k->dst, .sport = k->sport,
                           .dport = k->dport };

    if (k->ip_proto == IP_PROTO_ICMP || k->ip_proto == IP_PROTO_ICMPV6) {
        int other = flow_icmp_counterpart(k->ip_proto, k->icmp_type);
        e.sport = k->icmp_type;
        e.dport = other >= 0 ? (uint16_t) other : k->icmp_code;
        e.is_ordered = other < 0;
        e.has_ports = true;
    } else {
        e.has_ports = k->ip_proto == IP_PROTO_TCP || k->ip_proto == IP_PROTO_UDP
                      || k->ip_proto == IP_PROTO_SCTP;
    }
    return e;
}

static uint8_t *put_be16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
    return at + 2;
}

void flow_community_id(const struct flow_key *k, uint16_t seed, char *out)
{
    struct endpoints e = endpoints_of_key(k);
    size_t size = k->src.version == 4 ? 4 : 16;
    uint8_t bytes[2 + 16 + 16 + 2 + 4], digest[SHA1_SIZE];
    uint8_t *at = bytes;
    int order = memcmp(e.src->bytes, e.dst->bytes, size);

    if (!e.is_ordered && (order > 0 || (order == 0 && e.sport > e.dport))) {
        e = (struct endpoints) { .src = e.dst, .dst = e.src, .sport = e.dport,
                                 .dport = e.sport, .has_ports = e.has_ports };
    }
    at = put_be16(at, seed);
    at = mempcpy(at, e.src->bytes, size);
    at = mempcpy(at, e.dst->bytes, size);
    *at++ = k->ip_proto;
    *at++ = 0;
    if (e.has_ports) {
        at = put_be16(at, e.sport);
        at = put_be16(at, e.dport);
    }
    ndpi_string_sha1_hash(bytes, (size_t) (at - bytes), digest);

    /* "1:", 28 characters and the NUL fit, so this never grows. */
    struct strbuf text = { out, 0, COMMUNITY_ID_SIZE };
    _Static_assert(COMMUNITY_ID_SIZE >= 2 + (SHA1_SIZE + 2) / 3 * 4 + 1, "room for it");
    strbuf_puts(&text, "1:");
    strbuf_base64(&text, digest, sizeof digest);
    strbuf_cstr(&text);
}
