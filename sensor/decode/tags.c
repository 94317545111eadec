/* Tags between Ethernet and the network layer: IEEE 802.1Q and 802.1ad, 802.1ah, VN-tags,
 * MPLS label stacks. */
#include "sensor/decode/decode_private.h"

/* 802.1Q: priority (3 bits), drop eligible (1), identifier (12), then the next type. */
bool decode_vlan(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 4);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_VLAN_HEADER_TOO_SMALL);
    }
    if (p->n_vlans >= PACKET_MAX_VLANS) {
        return decode_invalid(d, p, DECODE_VLAN_TOO_MANY_LAYERS);
    }
    d->counters.vlan += p->n_vlans == 0;
    d->counters.qinq += p->n_vlans == 1;
    p->vlans[p->n_vlans++] = load_be16(h) & 0x0fff;
    if (!decode_ether_type(d, p, c, load_be16(h + 2))) {
        if (p->l3 == LAYER_ABSENT && p->n_events > 0
            && p->events[p->n_events - 1] == DECODE_ETHERNET_UNKNOWN_ETHERTYPE) {
            decode_event_add(d, p, DECODE_VLAN_UNKNOWN_TYPE);
        }
        return false;
    }
    return true;
}

/* 802.1ah: service tag (4), customer addresses (12), then the next type. */
bool decode_8021ah(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 18);

    return h != NULL ? decode_ether_type(d, p, c, load_be16(h + 16))
                     : decode_invalid(d, p, DECODE_IEEE8021AH_HEADER_TOO_SMALL);
}

/* VN-tag: four bytes, then the next type. */
bool decode_vntag(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 6);

    if (h == NULL) {
        return decode_invalid(d, p, DECODE_VNTAG_HEADER_TOO_SMALL);
    }
    if (!decode_ether_type(d, p, c, load_be16(h + 4))) {
        if (p->n_events > 0
            && p->events[p->n_events - 1] == DECODE_ETHERNET_UNKNOWN_ETHERTYPE) {
            decode_event_add(d, p, DECODE_VNTAG_UNKNOWN_TYPE);
        }
        return false;
    }
    return true;
}

/* RFC 3032: label (20 bits), class (3), bottom of stack (1), TTL (8).  Labels 0 and 2 say
 * that IPv4 or IPv6 follows; otherwise nothing says it, and the first four bits have to
 * serve: 4 and 6 are IP, 0 is the control word of an Ethernet pseudowire (RFC 4385). */
enum { LABEL_IPV4 = 0, LABEL_ROUTER_ALERT = 1, LABEL_IPV6 = 2, LABEL_IMPLICIT_NULL = 3,
       LABEL_MAX_RESERVED = 14 };

/* What carries the bottom label 'label'; false if it settles nothing. */
static bool decode_label(struct decoder *d, struct packet *p, struct cursor c,
                         uint32_t label, bool *result)
{
    *result = false;
    switch (label) {
    case LABEL_IPV4:
        *result = decode_ipv4(d, p, c);
        return true;
    case LABEL_IPV6:
        *result = decode_ipv6(d, p, c);
        return true;
    case LABEL_ROUTER_ALERT:
        (void) decode_invalid(d, p, DECODE_MPLS_BAD_LABEL_ROUTER_ALERT);
        return true;
    case LABEL_IMPLICIT_NULL:
        (void) decode_invalid(d, p, DECODE_MPLS_BAD_LABEL_IMPLICIT_NULL);
        return true;
    default:
        if (label <= LABEL_MAX_RESERVED) {
            (void) decode_invalid(d, p, DECODE_MPLS_BAD_LABEL_RESERVED);
            return true;
        }
        return false;
    }
}

bool decode_mpls(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h;
    bool result;

    /* Each round takes four bytes, so that the frame bounds the stack. */
    do {
        h = cursor_take(&c, 4);
        if (h == NULL) {
            return decode_invalid(d, p, DECODE_MPLS_HEADER_TOO_SMALL);
        }
    } while ((h[2] & 1) == 0);
    d->counters.mpls++;

    if (decode_label(d, p, c, load_be32(h) >> 12, &result)) {
        return result;
    }
    if (cursor_left(&c) < 4) {
        return decode_invalid(d, p, DECODE_MPLS_PKT_TOO_SMALL);
    }
    switch (c.at[0] >> 4) {
    case 4:
        return decode_ipv4(d, p, c);
    case 6:
        return decode_ipv6(d, p, c);
    case 0:
        (void) cursor_skip(&c, 4);
        return decode_ethernet(d, p, c);
    default:
        return decode_invalid(d, p, DECODE_MPLS_UNKNOWN_PAYLOAD_TYPE);
    }
}
