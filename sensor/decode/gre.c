/* GRE (RFC 1701, 2784, 2890), its version 1 for PPTP (RFC 2637), and ERSPAN in it
 * (draft-foschiano-erspan).
 *
 *     0..1     C R K S s (checksum, routing, key, sequence, strict), recursion (3 bits),
 *              version 1: A (acknowledgement), flags, version (3 bits)
 *     2..3     type of what follows
 *     then     checksum and offset (C or R), key (K), sequence (S), routing (R) or
 *              acknowledgement (A), 4 bytes each, routing of its own length
 */
#include "sensor/decode/decode_private.h"

enum gre_flag {
    GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000,
    GRE_STRICT = 0x0800, GRE_RECURSION = 0x0700, GRE_ACK = 0x0080, GRE_RESERVED = 0x0078,
    GRE_VERSION = 0x0007,
};

/* Source route entries: family (2), offset (1), length (1), data; all 0 ends them.  Each
 * takes four bytes at least. */
static bool skip_routes(struct cursor *c)
{
    for (;;) {
        uint16_t family = cursor_be16(c);
        (void) cursor_u8(c);
        uint8_t size = cursor_u8(c);

        if (c->bad || !cursor_skip(c, size)) {
            return false;
        }
        if (family == 0 && size == 0) {
            return true;
        }
    }
}

static bool read_version0(struct decoder *d, struct packet *p, struct cursor *c,
                          uint16_t flags)
{
    if ((flags & GRE_RECURSION) != 0) {
        return decode_invalid(d, p, DECODE_GRE_VERSION0_RECUR);
    }
    if ((flags & GRE_RESERVED) != 0) {
        return decode_invalid(d, p, DECODE_GRE_VERSION0_FLAGS);
    }
    size_t size = ((flags & (GRE_CHECKSUM | GRE_ROUTING)) != 0 ? 4u : 0u)
                  + ((flags & GRE_KEY) != 0 ? 4u : 0u)
                  + ((flags & GRE_SEQUENCE) != 0 ? 4u : 0u);
    if (!cursor_skip(c, size)) {
        return decode_invalid(d, p, DECODE_GRE_VERSION0_HDR_TOO_BIG);
    }
    if ((flags & GRE_ROUTING) != 0 && !skip_routes(c)) {
        return decode_invalid(d, p, DECODE_GRE_VERSION0_MALFORMED_SRE_HDR);
    }
    return true;
}

static bool read_version1(struct decoder *d, struct packet *p, struct cursor *c,
                          uint16_t flags, uint16_t type)
{
    static const struct {
        uint16_t flag;
        enum decode_event event;
    } forbidden[] = {
        { GRE_CHECKSUM, DECODE_GRE_VERSION1_CHKSUM },
        { GRE_ROUTING, DECODE_GRE_VERSION1_ROUTE },
        { GRE_STRICT, DECODE_GRE_VERSION1_SSR },
        { GRE_RECURSION, DECODE_GRE_VERSION1_RECUR },
        { GRE_RESERVED, DECODE_GRE_VERSION1_FLAGS },
    };

    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if ((flags & forbidden[i].flag) != 0) {
            return decode_invalid(d, p, forbidden[i].event);
        }
    }
    if (type != ETHER_TYPE_PPP) {
        return decode_invalid(d, p, DECODE_GRE_VERSION1_WRONG_PROTOCOL);
    }
    if ((flags & GRE_KEY) == 0) {
        return decode_invalid(d, p, DECODE_GRE_VERSION1_NO_KEY);
    }
    size_t size = 4u + ((flags & GRE_SEQUENCE) != 0 ? 4u : 0u)
                  + ((flags & GRE_ACK) != 0 ? 4u : 0u);
    return cursor_skip(c, size) || decode_invalid(d, p, DECODE_GRE_VERSION1_HDR_TOO_BIG);
}

/* ERSPAN type II has a header of 8 bytes, type III of 12 and perhaps 8 more: version (4
 * bits), VLAN (12), class, session (10); the original VLAN is the packet's outermost tag.
 * Type I has none, and no GRE sequence number either. */
static bool decode_erspan(struct decoder *d, struct packet *p, struct cursor c,
                          unsigned version)
{
    size_t size = version == 1 ? 8 : 12;
    const uint8_t *h = cursor_take(&c, size);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_ERSPAN_HEADER_TOO_SMALL);
    }
    if (h[0] >> 4 != version) {
        return decode_invalid(d, p, DECODE_ERSPAN_UNSUPPORTED_VERSION);
    }
    bool has_more = version == 2 && (h[11] & 1) != 0;
    if (has_more && !cursor_skip(&c, 8)) {
        return decode_invalid(d, p, DECODE_ERSPAN_HEADER_TOO_SMALL);
    }
    uint16_t vlan = load_be16(h) & 0x0fff;
    if (vlan != 0 && p->n_vlans < PACKET_MAX_VLANS) {
        p->vlans[p->n_vlans++] = vlan;
    }
    return decode_ethernet(d, p, c);
}

static bool decode_erspan2(struct decoder *d, struct packet *p, struct cursor c)
{
    return decode_erspan(d, p, c, 1);
}

static bool decode_erspan3(struct decoder *d, struct packet *p, struct cursor c)
{
    return decode_erspan(d, p, c, 2);
}

static void decode_carried(struct decoder *d, struct packet *p, struct cursor c,
                           uint16_t type, bool has_sequence)
{
    switch (type) {
    case ETHER_TYPE_IPV4:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_ipv4, c);
        break;
    case ETHER_TYPE_IPV6:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_ipv6, c);
        break;
    case ETHER_TYPE_PPP:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_ppp, c);
        break;
    case ETHER_TYPE_BRIDGE:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_ethernet, c);
        break;
    case ETHER_TYPE_VLAN:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_vlan, c);
        break;
    case ETHER_TYPE_MPLS:
    case ETHER_TYPE_MPLS_MULTICAST:
        (void) decode_inner(d, p, PACKET_FROM_GRE, decode_mpls, c);
        break;
    case ETHER_TYPE_ERSPAN:
        d->counters.erspan++;
        (void) decode_inner(d, p, PACKET_FROM_ERSPAN,
                            has_sequence ? decode_erspan2 : decode_ethernet, c);
        break;
    case ETHER_TYPE_ERSPAN_III:
        d->counters.erspan++;
        (void) decode_inner(d, p, PACKET_FROM_ERSPAN, decode_erspan3, c);
        break;
    default:
        break;
    }
}

bool decode_gre(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 4);

    d->counters.gre++;
    if (h == NULL) {
        return decode_invalid(d, p, DECODE_GRE_PKT_TOO_SMALL);
    }
    uint16_t flags = load_be16(h), type = load_be16(h + 2);
    bool is_good;
    switch (flags & GRE_VERSION) {
    case 0:
        is_good = read_version0(d, p, &c, flags);
        break;
    case 1:
        is_good = read_version1(d, p, &c, flags, type);
        break;
    default:
        return decode_invalid(d, p, DECODE_GRE_WRONG_VERSION);
    }
    if (is_good && decode_layer_enter(d, p)) {
        decode_carried(d, p, c, type, (flags & GRE_SEQUENCE) != 0);
    }
    return is_good;
}
