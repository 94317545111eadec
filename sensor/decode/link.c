/* Link types, Ethernet, and the dispatch on an Ethernet type.
 *
 * Ethernet II: destination (6), source (6), type (2).  IEEE 802.3: a length of at most
 * 1500 in place of the type, then an LLC header; SNAP (aa aa 03, OUI, type) with OUI 0
 * carries an Ethernet type after all (RFC 1042). */
#include "sensor/decode/decode_private.h"

#define ETHERNET_SIZE 14
#define LENGTH_MAX 1500         /* Larger values are types. */

/* The type behind an LLC/SNAP header that encapsulates one; 0 if there is none. */
static uint16_t read_snap(struct cursor *c)
{
    static const uint8_t snap[6] = { 0xaa, 0xaa, 0x03, 0, 0, 0 };
    struct cursor ahead = *c;
    const uint8_t *h = cursor_take(&ahead, 8);

    if (h == NULL || memcmp(h, snap, sizeof snap) != 0) {
        return 0;
    }
    *c = ahead;
    return load_be16(h + 6);
}

bool decode_ethernet(struct decoder *d, struct packet *p, struct cursor c)
{
    uint32_t at = decode_offset(p, &c);
    const uint8_t *h = cursor_take(&c, ETHERNET_SIZE);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_ETHERNET_PKT_TOO_SMALL);
    }
    if (p->eth == LAYER_ABSENT) {
        p->eth = at;
    }
    uint16_t type = load_be16(h + 12);
    if (type <= LENGTH_MAX) {
        uint16_t snap_type = read_snap(&c);
        type = snap_type != 0 ? snap_type : type;
    }
    return decode_ether_type(d, p, c, type);
}

/* Cisco's data center Ethernet: two bytes of tag, then a whole Ethernet header. */
static bool decode_dce(struct decoder *d, struct packet *p, struct cursor c)
{
    if (!cursor_skip(&c, 2) || cursor_left(&c) < ETHERNET_SIZE) {
        return decode_invalid(d, p, DECODE_DCE_PKT_TOO_SMALL);
    }
    return decode_ethernet(d, p, c);
}

/* RFC 8300: version (2 bits), flags and TTL (8), size of all in units of four bytes (6), four
 * bits, metadata type (4), what follows, service path and its index (4 bytes). */
static bool decode_nsh(struct decoder *d, struct packet *p, struct cursor c)
{
    enum { NSH_BASE_SIZE = 8, MD_FIXED = 1, MD_VARIABLE = 2 };
    const uint8_t *h = cursor_take(&c, NSH_BASE_SIZE);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_NSH_HEADER_TOO_SMALL);
    }
    size_t size = (load_be16(h) & 0x3fu) * 4u;
    unsigned md_type = h[2] & 0x0fu;

    if (h[0] >> 6 != 0) {
        return decode_invalid(d, p, DECODE_NSH_UNSUPPORTED_VERSION);
    }
    if (size < NSH_BASE_SIZE || (md_type == MD_FIXED && size != 24)
        || !cursor_skip(&c, size - NSH_BASE_SIZE)) {
        return decode_invalid(d, p, DECODE_NSH_BAD_HEADER_LENGTH);
    }
    if (md_type == 0 || md_type == 15) {
        return decode_invalid(d, p, DECODE_NSH_RESERVED_TYPE);
    }
    if (md_type > MD_VARIABLE) {
        return decode_invalid(d, p, DECODE_NSH_UNSUPPORTED_TYPE);
    }
    switch (h[3]) {
    case 1:
        return decode_ipv4(d, p, c);
    case 2:
        return decode_ipv6(d, p, c);
    case 3:
        return decode_ethernet(d, p, c);
    case 5:
        return decode_mpls(d, p, c);
    default:
        return decode_invalid(d, p, DECODE_NSH_UNKNOWN_PAYLOAD);
    }
}

bool decode_ether_type(struct decoder *d, struct packet *p, struct cursor c,
                       uint16_t type)
{
    p->ether_type = type;
    if (!decode_layer_enter(d, p)) {
        return false;
    }
    switch (type) {
    case ETHER_TYPE_IPV4:
        return decode_ipv4(d, p, c);
    case ETHER_TYPE_IPV6:
        return decode_ipv6(d, p, c);
    case ETHER_TYPE_VLAN:
    case ETHER_TYPE_8021AD:
    case ETHER_TYPE_QINQ:
        return decode_vlan(d, p, c);
    case ETHER_TYPE_MPLS:
    case ETHER_TYPE_MPLS_MULTICAST:
        return decode_mpls(d, p, c);
    case ETHER_TYPE_PPPOE_SESSION:
        return decode_pppoe_session(d, p, c);
    case ETHER_TYPE_PPPOE_DISCOVERY:
        return decode_pppoe_discovery(d, p, c);
    case ETHER_TYPE_8021AH:
        return decode_8021ah(d, p, c);
    case ETHER_TYPE_VNTAG:
        return decode_vntag(d, p, c);
    case ETHER_TYPE_DCE:
        return decode_dce(d, p, c);
    case ETHER_TYPE_NSH:
        return decode_nsh(d, p, c);
    case ETHER_TYPE_ARP:
        return true;            /* Known, and nothing in it for us. */
    default:
        decode_event_add(d, p, DECODE_ETHERNET_UNKNOWN_ETHERTYPE);
        return false;
    }
}

/* By the first four bits, where nothing says which IP it is. */
bool decode_raw_ip(struct decoder *d, struct packet *p, struct cursor c)
{
    unsigned version = cursor_left(&c) > 0 ? c.at[0] >> 4 : 0;

    switch (version) {
    case 4:
        return decode_ipv4(d, p, c);
    case 6:
        return decode_ipv6(d, p, c);
    default:
        return decode_invalid(d, p, DECODE_IPRAW_INVALID_IP_VERSION);
    }
}

/* LINKTYPE_NULL has an address family in the byte order of the capturing host,
 * LINKTYPE_LOOP in network order: small numbers, so that either order can be told. */
static bool decode_null(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 4);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_LTNULL_PKT_TOO_SMALL);
    }
    uint32_t family = load_be32(h);
    if (family > 0xffff) {
        family = __builtin_bswap32(family);
    }
    switch (family) {
    case 2:                     /* AF_INET, everywhere. */
        return decode_ipv4(d, p, c);
    case 10:                    /* AF_INET6 of Linux, ... */
    case 23:                    /* Windows, */
    case 24:                    /* NetBSD and OpenBSD, */
    case 26:                    /* Solaris, */
    case 28:                    /* FreeBSD, */
    case 30:                    /* Darwin. */
        return decode_ipv6(d, p, c);
    default:
        return decode_invalid(d, p, DECODE_LTNULL_UNSUPPORTED_TYPE);
    }
}

/* A header of fixed size with an Ethernet type at a fixed place. */
static bool decode_fixed(struct decoder *d, struct packet *p, struct cursor c,
                         size_t size, size_t type_at, enum decode_event too_small)
{
    const uint8_t *h = cursor_take(&c, size);

    return h != NULL ? decode_ether_type(d, p, c, load_be16(h + type_at))
                     : decode_invalid(d, p, too_small);
}

static bool decode_cisco_hdlc(struct decoder *d, struct packet *p, struct cursor c)
{
    return decode_fixed(d, p, c, 4, 2, DECODE_CHDLC_PKT_TOO_SMALL);
}

/* RFC 1662 framing, or Cisco's, whose first byte is 0f (unicast) or 8f (multicast). */
static bool decode_ppp_hdlc(struct decoder *d, struct packet *p, struct cursor c)
{
    bool is_cisco = cursor_left(&c) > 0 && (c.at[0] & 0x7f) == 0x0f;

    return is_cisco ? decode_cisco_hdlc(d, p, c) : decode_ppp(d, p, c);
}

bool decode_link(struct decoder *d, struct packet *p, struct cursor c, unsigned link_type)
{
    switch (link_type) {
    case LINK_ETHERNET:
        return decode_ethernet(d, p, c);
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_RAW_BSDOS:
        return decode_raw_ip(d, p, c);
    case LINK_IPV4:
        return decode_ipv4(d, p, c);
    case LINK_IPV6:
        return decode_ipv6(d, p, c);
    case LINK_NULL:
    case LINK_LOOP:
        return decode_null(d, p, c);
    case LINK_LINUX_SLL:
        return decode_fixed(d, p, c, 16, 14, DECODE_SLL_PKT_TOO_SMALL);
    case LINK_LINUX_SLL2:
        return decode_fixed(d, p, c, 20, 0, DECODE_SLL2_PKT_TOO_SMALL);
    case LINK_PPP:
        return decode_ppp(d, p, c);
    case LINK_PPP_HDLC:
        return decode_ppp_hdlc(d, p, c);
    case LINK_CISCO_HDLC:
        return decode_cisco_hdlc(d, p, c);
    default:
        p->is_invalid = true;   /* Capture warns of such files. */
        return false;
    }
}
