/* The hash by which frames are shared out to workers: of the outermost IP address
 * pair, the same for both directions.  An ICMP error counts by its own addresses, as in
 * the flow table: errors of one router about several flows are one flow. */
#include "common/base/hash.h"
#include "sensor/decode/decode_private.h"

/* Tags before IP; more than any decoder here accepts. */
#define MAX_TAGS 8

/* Moves 'c' over tags and labels to an IP header.  False: there is none. */
static bool skip_tags(struct cursor *c, uint16_t type)
{
    for (int i = 0; i < MAX_TAGS && !c->bad; i++) {
        const uint8_t *h;

        switch (type) {
        case ETHER_TYPE_IPV4:
        case ETHER_TYPE_IPV6:
            return true;
        case ETHER_TYPE_VLAN:
        case ETHER_TYPE_8021AD:
        case ETHER_TYPE_QINQ:
            (void) cursor_skip(c, 2);
            type = cursor_be16(c);
            break;
        case ETHER_TYPE_VNTAG:
            (void) cursor_skip(c, 4);
            type = cursor_be16(c);
            break;
        case ETHER_TYPE_8021AH:
            (void) cursor_skip(c, 16);
            type = cursor_be16(c);
            break;
        case ETHER_TYPE_DCE:
            (void) cursor_skip(c, 14);
            type = cursor_be16(c);
            break;
        case ETHER_TYPE_PPPOE_SESSION:
            (void) cursor_skip(c, 6);
            if ((cursor_u8(c) & 1) == 0) {
                (void) cursor_u8(c);
            }
            return !c->bad;
        case ETHER_TYPE_MPLS:
        case ETHER_TYPE_MPLS_MULTICAST:
            while ((h = cursor_take(c, 4)) != NULL && (h[2] & 1) == 0) {
            }
            if (cursor_left(c) >= 18 && c->at[0] >> 4 == 0) {
                (void) cursor_skip(c, 16);
                type = cursor_be16(c);
                break;
            }
            return !c->bad;
        default:
            return false;
        }
    }
    return false;
}

static bool skip_ethernet(struct cursor *c)
{
    (void) cursor_skip(c, 12);
    uint16_t type = cursor_be16(c);

    if (type <= 1500) {         /* LLC/SNAP */
        (void) cursor_skip(c, 6);
        type = cursor_be16(c);
    }
    return skip_tags(c, type);
}

static bool skip_ppp(struct cursor *c)
{
    if (cursor_left(c) >= 4 && (c->at[0] & 0x7f) == 0x0f) {     /* Cisco's HDLC. */
        (void) cursor_skip(c, 2);
        return skip_tags(c, cursor_be16(c));
    }
    if (cursor_left(c) >= 2 && c->at[0] == 0xff) {
        (void) cursor_skip(c, 2);
    }
    if ((cursor_u8(c) & 1) == 0) {
        (void) cursor_u8(c);
    }
    return !c->bad;
}

static bool skip_link(struct cursor *c, unsigned link_type)
{
    switch (link_type) {
    case LINK_ETHERNET:
        return skip_ethernet(c);
    case LINK_NULL:
    case LINK_LOOP:
        return cursor_skip(c, 4);
    case LINK_PPP:
    case LINK_PPP_HDLC:
    case LINK_CISCO_HDLC:
        return skip_ppp(c);
    case LINK_LINUX_SLL:
        (void) cursor_skip(c, 14);
        return skip_tags(c, cursor_be16(c));
    case LINK_LINUX_SLL2: {
        uint16_t type = cursor_be16(c);
        return cursor_skip(c, 18) && skip_tags(c, type);
    }
    default:
        return true;
    }
}

static uint32_t hash_pair_v4(uint32_t a, uint32_t b)
{
    uint64_t low = a < b ? a : b, high = a < b ? b : a;
    uint64_t h = hash_mix(4 ^ (low << 32 | high));

    return (uint32_t) (h ^ h >> 32);
}

static uint32_t hash_pair_v6(const uint8_t *a, const uint8_t *b)
{
    bool is_ordered = memcmp(a, b, 16) < 0;
    const uint8_t *low = is_ordered ? a : b, *high = is_ordered ? b : a;
    uint64_t h = 16;

    for (size_t i = 0; i < 16; i += 4) {
        h = hash_mix(h ^ ((uint64_t) load_be32(low + i) << 32 | load_be32(high + i)));
    }
    return (uint32_t) (h ^ h >> 32);
}

uint32_t decode_address_pair_hash(const struct frame *frame)
{
    struct cursor c = cursor_of(frame->bytes, frame->size);

    if (!skip_link(&c, frame->link_type) || c.bad || cursor_left(&c) < 20) {
        return 0;
    }
    const uint8_t *h = c.at;
    if (h[0] >> 4 == 4) {
        return hash_pair_v4(load_be32(h + 12), load_be32(h + 16));
    }
    if (h[0] >> 4 == 6 && cursor_left(&c) >= 40) {
        return hash_pair_v6(h + 8, h + 24);
    }
    return 0;
}
