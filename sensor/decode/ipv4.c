/* IPv4 (RFC 791):
 *
 *     0        version (4 bits), header length in words (4)
 *     1        type of service
 *     2..3     total length: header and payload; what comes behind it is padding
 *     4..5     identification
 *     6..7     reserved (1 bit), don't fragment, more fragments, offset in 8 bytes (13)
 *     8, 9     time to live, protocol
 *     10..11   header checksum
 *     12..19   source, destination
 *     20..     options
 *
 * and the dispatch on an IP protocol, which IPv6 shares. */
#include <string.h>

#include "sensor/decode/decode_private.h"

#define IPV4_SIZE 20
#define FLAG_DONT_FRAGMENT 0x4000
#define FLAG_MORE_FRAGMENTS 0x2000
#define OFFSET_MASK 0x1fff

void decode_ip_begin(struct packet *p, const struct cursor *c)
{
    /* What GRE carries counts with its own headers, as the peers count; a virtual network's
     * Ethernet header does not. */
    if (p->source != PACKET_FROM_WIRE && p->source != PACKET_FROM_GRE
        && p->source != PACKET_FROM_ERSPAN) {
        p->bytes = c->at;
        p->eth = LAYER_ABSENT;
    }
    p->l3 = decode_offset(p, c);
}

static void add_fragment(struct decoder *d, struct packet *p, struct cursor c,
                         const uint8_t *h, uint16_t flags)
{
    struct defrag_fragment f = {
        .id = p->ip.ip_id,
        .proto = p->ip_proto,
        .offset = p->ip.frag_offset,
        .more = (flags & FLAG_MORE_FRAGMENTS) != 0,
        .data = cursor_rest(&c),
        .header = slice_of(h, p->l3_header_size),
    };

    p->is_fragment = true;
    d->counters.fragments++;
    if (f.offset + f.data.size + f.header.size > 65535) {
        decode_event_add(d, p, DECODE_IPV4_FRAG_PKT_TOO_LARGE);
        return;
    }
    defrag_add(d, p, &f);
}

static void read_header(struct packet *p, const uint8_t *h, size_t header_size)
{
    uint16_t flags = load_be16(h + 6);

    p->l3_header_size = (uint32_t) header_size;
    /* In place: all of them is 0 so far, and ip_v4() would go through a copy. */
    p->src.version = p->dst.version = 4;
    memcpy(p->src.bytes, h + 12, 4);
    memcpy(p->dst.bytes, h + 16, 4);
    p->tos = h[1];
    p->ttl = h[8];
    p->ip.ip_id = load_be16(h + 4);
    p->ip.dont_fragment = (flags & FLAG_DONT_FRAGMENT) != 0;
    p->ip.more_fragments = (flags & FLAG_MORE_FRAGMENTS) != 0;
    p->ip.frag_offset = (uint16_t) ((flags & OFFSET_MASK) * 8);
}

bool decode_ipv4(struct decoder *d, struct packet *p, struct cursor c)
{
    if (!decode_layer_enter(d, p)) {
        return false;
    }
    size_t left = cursor_left(&c);
    if (left < IPV4_SIZE) {
        return decode_invalid(d, p, DECODE_IPV4_PKT_TOO_SMALL);
    }
    const uint8_t *h = c.at;
    size_t header_size = (size_t) (h[0] & 0x0f) * 4, total = load_be16(h + 2);
    if (h[0] >> 4 != 4) {
        return decode_invalid(d, p, DECODE_IPV4_WRONG_IP_VERSION);
    }
    if (header_size < IPV4_SIZE) {
        return decode_invalid(d, p, DECODE_IPV4_HLEN_TOO_SMALL);
    }
    /* A total of 0, as segmentation offload leaves it, ends here as well. */
    if (total < header_size) {
        return decode_invalid(d, p, DECODE_IPV4_IPLEN_SMALLER_THAN_HLEN);
    }
    if (total > left) {
        return decode_invalid(d, p, DECODE_IPV4_TRUNC_PKT);
    }
    d->counters.ipv4++;
    decode_ip_begin(p, &c);
    p->size = p->l3 + (uint32_t) total;
    read_header(p, h, header_size);

    struct cursor packet = cursor_sub(&c, total);
    (void) cursor_skip(&packet, IPV4_SIZE);
    struct cursor options = cursor_sub(&packet, header_size - IPV4_SIZE);
    if (header_size > IPV4_SIZE && !decode_ipv4_options(d, p, options)) {
        return true;
    }
    p->ip_proto = h[9];
    if (p->ip.more_fragments || p->ip.frag_offset != 0) {
        add_fragment(d, p, packet, h, load_be16(h + 6));
        return true;
    }
    (void) decode_ip_payload(d, p, packet, h[9]);
    return true;
}

/* ESP (RFC 4303): an index and a number in the clear; what is inside nobody can read. */
static void decode_esp(struct decoder *d, struct packet *p, struct cursor c)
{
    d->counters.other_ip++;
    if (cursor_left(&c) < 8) {
        (void) decode_invalid(d, p, DECODE_ESP_PKT_TOO_SMALL);
    }
}

/* IPv4 or IPv6 right within IP.  Of IPv6 the peer of a tunnel may claim anything, so the
 * checks that make it worth a packet come first and have names of their own. */
static void decode_ip_in_ip(struct decoder *d, struct packet *p, struct cursor c,
                            unsigned version)
{
    bool is_v4 = version == 4;

    d->counters.ipip++;
    if (p->src.version == 6) {
        if (cursor_left(&c) < (is_v4 ? 20 : 40)) {
            (void) decode_invalid(d, p, is_v4 ? DECODE_IPV6_IPV4_IN_IPV6_TOO_SMALL
                                              : DECODE_IPV6_IPV6_IN_IPV6_TOO_SMALL);
            return;
        }
        if (c.at[0] >> 4 != version) {
            (void) decode_invalid(d, p, is_v4 ? DECODE_IPV6_IPV4_IN_IPV6_WRONG_VERSION
                                              : DECODE_IPV6_IPV6_IN_IPV6_WRONG_VERSION);
            return;
        }
    }
    (void) decode_inner(d, p, PACKET_FROM_IPIP, is_v4 ? decode_ipv4 : decode_ipv6, c);
}

static void decode_icmp(struct decoder *d, struct packet *p, struct cursor c,
                        uint8_t proto)
{
    bool is_v4 = p->src.version == 4;

    if (is_v4 != (proto == IP_PROTO_ICMP)) {
        d->counters.other_ip++;
        (void) decode_invalid(d, p, is_v4 ? DECODE_IPV4_ICMPV6 : DECODE_IPV6_ICMPV4);
    } else if (is_v4) {
        (void) decode_icmpv4(d, p, c);
    } else {
        (void) decode_icmpv6(d, p, c);
    }
}

bool decode_ip_payload(struct decoder *d, struct packet *p, struct cursor c,
                       uint8_t proto)
{
    p->ip_proto = proto;
    p->payload = decode_offset(p, &c);
    p->payload_size = (uint32_t) cursor_left(&c);
    switch (proto) {
    case IP_PROTO_TCP:
        (void) decode_tcp(d, p, c);
        return true;
    case IP_PROTO_UDP:
        (void) decode_udp(d, p, c);
        return true;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        decode_icmp(d, p, c, proto);
        return true;
    case IP_PROTO_SCTP:
        (void) decode_sctp(d, p, c);
        return true;
    case IP_PROTO_GRE:
        (void) decode_gre(d, p, c);
        return true;
    case IP_PROTO_ESP:
        decode_esp(d, p, c);
        return true;
    case IP_PROTO_IPIP:
        decode_ip_in_ip(d, p, c, 4);
        return true;
    case IP_PROTO_IPV6:
        decode_ip_in_ip(d, p, c, 6);
        return true;
    default:
        d->counters.other_ip++;
        return false;
    }
}
