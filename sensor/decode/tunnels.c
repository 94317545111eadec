/* Tunnels over UDP: VXLAN (RFC 7348), Geneve (RFC 8926), Teredo (RFC 4380), GTP-U
 * (3GPP TS 29.281).  A port number is no proof, so each header must agree with its
 * standard before what follows is taken for a packet; otherwise the datagram stays
 * what it is, UDP, without an event. */
#include "sensor/decode/decode_private.h"

/* Flags (bit 3: the identifier is valid), reserved (3), identifier (3), reserved (1);
 * then an Ethernet frame. */
static void decode_vxlan(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 8);

    if (h == NULL || (h[0] & 0x08) == 0 || h[7] != 0 || cursor_left(&c) < 14) {
        return;
    }
    uint16_t type = load_be16(c.at + 12);
    d->counters.vxlan++;
    if (!decode_inner_network(d, p, PACKET_FROM_VXLAN, load_be32(h + 4) >> 8,
                              decode_ethernet, c)
        && type != ETHER_TYPE_IPV4 && type != ETHER_TYPE_IPV6 && type != ETHER_TYPE_ARP
        && type != ETHER_TYPE_VLAN && type != ETHER_TYPE_8021AD) {
        decode_event_add(d, p, DECODE_VXLAN_UNKNOWN_PAYLOAD_TYPE);
    }
}

/* Options: class (2), type (1), reserved (3 bits) and length in words (5), data. */
static bool are_geneve_options_sound(struct cursor c)
{
    while (cursor_left(&c) > 0) {
        const uint8_t *o = cursor_take(&c, 4);

        if (o == NULL || (o[3] & 0xe0) != 0 || !cursor_skip(&c, (size_t) o[3] * 4)) {
            return false;
        }
    }
    return true;
}

/* Version (2 bits), option length in words (6); control, critical, reserved (6); type of
 * what follows (2); identifier (3), reserved (1); options. */
static void decode_geneve(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 8);

    if (h == NULL || h[0] >> 6 != 0 || (h[1] & 0x3f) != 0 || h[7] != 0) {
        return;
    }
    struct cursor options = cursor_sub(&c, (size_t) (h[0] & 0x3f) * 4);
    if (options.bad || !are_geneve_options_sound(options)) {
        return;
    }
    uint32_t vni = load_be32(h + 4) >> 8;
    d->counters.geneve++;
    switch (load_be16(h + 2)) {
    case ETHER_TYPE_BRIDGE:
        (void) decode_inner_network(d, p, PACKET_FROM_GENEVE, vni, decode_ethernet, c);
        break;
    case ETHER_TYPE_IPV4:
        (void) decode_inner_network(d, p, PACKET_FROM_GENEVE, vni, decode_ipv4, c);
        break;
    case ETHER_TYPE_IPV6:
        (void) decode_inner_network(d, p, PACKET_FROM_GENEVE, vni, decode_ipv6, c);
        break;
    case ETHER_TYPE_ARP:
        break;
    default:
        decode_event_add(d, p, DECODE_GENEVE_UNKNOWN_PAYLOAD_TYPE);
        break;
    }
}

/* Perhaps an authentication header (00 01, two lengths, both parts, 9 bytes more),
 * perhaps an origin indication (00 00, port, address), then IPv6 that fills the
 * datagram. */
static void decode_teredo(struct decoder *d, struct packet *p, struct cursor c)
{
    if (cursor_left(&c) >= 4 && load_be16(c.at) == 0x0001
        && !cursor_skip(&c, 4u + c.at[2] + c.at[3] + 9u)) {
        return;
    }
    if (cursor_left(&c) >= 8 && load_be16(c.at) == 0x0000) {
        (void) cursor_skip(&c, 8);
    }
    if (cursor_left(&c) < 40 || c.at[0] >> 4 != 6
        || load_be16(c.at + 4) != cursor_left(&c) - 40) {
        return;
    }
    d->counters.teredo++;
    (void) decode_inner(d, p, PACKET_FROM_TEREDO, decode_ipv6, c);
}

#define GTPU_VERSION_1 0x30             /* Version 1, protocol type GTP. */
#define GTPU_USER_DATA 255              /* G-PDU */

/* Extension headers: length in words, data, type of the next one; type 0 ends them. */
static bool skip_gtpu_extensions(struct cursor *c, uint8_t type)
{
    while (type != 0) {
        size_t size = (size_t) cursor_u8(c) * 4;

        if (size == 0 || !cursor_skip(c, size - 2)) {
            return false;
        }
        type = cursor_u8(c);
    }
    return !c->bad;
}

/* Version, type, flags E S N; message type; length behind the first 8 bytes; tunnel
 * identifier (4).  With any of E, S, N: sequence (2), number (1), next extension (1). */
static void decode_gtpu(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 8);

    if (h == NULL || (h[0] & 0xf0) != GTPU_VERSION_1 || h[1] != GTPU_USER_DATA) {
        return;
    }
    struct cursor user = cursor_sub(&c, load_be16(h + 2));
    if ((h[0] & 0x07) != 0) {
        const uint8_t *more = cursor_take(&user, 4);

        if (more == NULL
            || ((h[0] & 0x04) != 0 && !skip_gtpu_extensions(&user, more[3]))) {
            return;
        }
    }
    if (user.bad || cursor_left(&user) == 0) {
        return;
    }
    d->counters.gtpu++;
    (void) decode_inner(d, p, PACKET_FROM_GTPU, decode_raw_ip, user);
}

static bool has_port(const struct tunnel_ports *t, enum tunnel_kind kind, uint16_t port)
{
    for (unsigned i = 0; i < t->n[kind]; i++) {
        if (t->ports[kind][i] == port) {
            return true;
        }
    }
    return false;
}

static bool has_either_port(const struct tunnel_ports *t, enum tunnel_kind kind,
                            const struct packet *p)
{
    return has_port(t, kind, p->dport) || has_port(t, kind, p->sport);
}

/* VXLAN's source port is any, so that one says nothing; the others answer from theirs. */
void decode_udp_tunnel(struct decoder *d, struct packet *p, struct cursor c)
{
    const struct tunnel_ports *t = &d->tunnels;

    if (!decode_layer_enter(d, p)) {
        return;
    }
    if (has_port(t, TUNNEL_VXLAN, p->dport)) {
        decode_vxlan(d, p, c);
    } else if (has_either_port(t, TUNNEL_GENEVE, p)) {
        decode_geneve(d, p, c);
    } else if (has_either_port(t, TUNNEL_TEREDO, p)) {
        decode_teredo(d, p, c);
    } else if (has_either_port(t, TUNNEL_GTPU, p)) {
        decode_gtpu(d, p, c);
    }
}
