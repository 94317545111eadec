/* PPP (RFC 1661, 1662) and PPPoE (RFC 2516).
 *
 * PPP: perhaps ff 03 (address and control), then a protocol of two bytes, or of one with
 * the lowest bit set when the ends have agreed on compression.
 * PPPoE: version and type, code, session, length; then PPP, or tags. */
#include "sensor/decode/decode_private.h"

enum ppp_proto {
    PPP_IPV4 = 0x21,
    PPP_VJ_UNCOMPRESSED = 0x2f, /* RFC 1144: an IP header, a slot for its protocol. */
    PPP_IPV6 = 0x57,
};

static bool decode_ppp_ip(struct decoder *d, struct packet *p, struct cursor c,
                          uint16_t proto)
{
    switch (proto) {
    case PPP_IPV4:
        return cursor_left(&c) < 20 ? decode_invalid(d, p, DECODE_PPP_IP4_PKT_TOO_SMALL)
                                    : decode_ipv4(d, p, c);
    case PPP_IPV6:
        return cursor_left(&c) < 40 ? decode_invalid(d, p, DECODE_PPP_IP6_PKT_TOO_SMALL)
                                    : decode_ipv6(d, p, c);
    default:
        if (cursor_left(&c) < 20) {
            return decode_invalid(d, p, DECODE_PPP_VJU_PKT_TOO_SMALL);
        }
        return c.at[0] >> 4 == 4 && decode_ipv4(d, p, c);
    }
}

static bool decode_ppp_proto(struct decoder *d, struct packet *p, struct cursor c,
                             uint16_t proto)
{
    switch (proto) {
    case PPP_IPV4:
    case PPP_IPV6:
    case PPP_VJ_UNCOMPRESSED:
        return decode_ppp_ip(d, p, c, proto);
    /* Control of the link itself: nothing wrong, and nothing for us. */
    case 0x00fd: case 0x8021: case 0x8057: case 0x80fd: case 0x8207: case 0xc021:
    case 0xc023: case 0xc025: case 0xc029: case 0xc223:
        return true;
    /* Protocols that exist and that we do not decode. */
    case 0x0023: case 0x0025: case 0x0027: case 0x0029: case 0x002b: case 0x002d:
    case 0x0031: case 0x0033: case 0x0035: case 0x0201: case 0x0231: case 0x0233:
    case 0x0281: case 0x0283: case 0x8023: case 0x8025: case 0x8027: case 0x8029:
    case 0x802b: case 0x8033: case 0x8035: case 0x8281:
        return decode_invalid(d, p, DECODE_PPP_UNSUP_PROTO);
    default:
        return decode_invalid(d, p, DECODE_PPP_WRONG_TYPE);
    }
}

/* The protocol field; false when it is cut off. */
static bool read_proto(struct cursor *c, uint16_t *proto)
{
    uint8_t first = cursor_u8(c);

    *proto = first;
    if ((first & 1) == 0) {
        *proto = (uint16_t) (first << 8 | cursor_u8(c));
    }
    return !c->bad;
}

bool decode_ppp(struct decoder *d, struct packet *p, struct cursor c)
{
    uint16_t proto;

    if (cursor_left(&c) >= 2 && c.at[0] == 0xff && c.at[1] == 0x03) {
        (void) cursor_skip(&c, 2);
    }
    if (!read_proto(&c, &proto)) {
        return decode_invalid(d, p, DECODE_PPP_PKT_TOO_SMALL);
    }
    return decode_ppp_proto(d, p, c, proto);
}

bool decode_pppoe_session(struct decoder *d, struct packet *p, struct cursor c)
{
    uint16_t proto;

    d->counters.pppoe++;
    const uint8_t *h = cursor_take(&c, 6);
    if (h == NULL || cursor_left(&c) == 0) {
        return decode_invalid(d, p, DECODE_PPPOE_PKT_TOO_SMALL);
    }
    if (load_be16(h + 4) == 0) {
        return true;            /* A session's frame with nothing in it. */
    }
    if (!read_proto(&c, &proto)) {
        return decode_invalid(d, p, DECODE_PPPOE_PKT_TOO_SMALL);
    }
    return decode_ppp_proto(d, p, c, proto);
}

bool decode_pppoe_discovery(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = cursor_take(&c, 6);

    d->counters.pppoe++;
    if (h == NULL) {
        return decode_invalid(d, p, DECODE_PPPOE_PKT_TOO_SMALL);
    }
    switch (h[1]) {
    /* PADO, PADI, PADR, PADS, PADT */
    case 0x07: case 0x09: case 0x19: case 0x65: case 0xa7:
        break;
    default:
        return decode_invalid(d, p, DECODE_PPPOE_WRONG_CODE);
    }
    return load_be16(h + 4) <= cursor_left(&c)
           || decode_invalid(d, p, DECODE_PPPOE_MALFORMED_TAGS);
}
