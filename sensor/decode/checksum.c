/* The Internet checksum (RFC 1071) of IPv4 headers, TCP, UDP, ICMP and ICMPv6, with the
 * pseudo headers of RFC 9293 and RFC 8200, section 8.1. */
#include <string.h>

#include "sensor/decode/decode_private.h"

/* Adds 'size' bytes.  The sum is of words in the machine's order, which RFC 1071, section
 * 2 (B), allows; 32-bit words into 64 bits, so that no carry is lost below 2^32 words.
 * Only the last part of a sum may have an odd size. */
static uint64_t add_bytes(uint64_t sum, const uint8_t *b, size_t size)
{
    uint32_t word;
    uint16_t half;

    for (; size >= 16; b += 16, size -= 16) {
        uint32_t words[4];

        memcpy(words, b, sizeof words);
        sum += (uint64_t) words[0] + words[1] + ((uint64_t) words[2] + words[3]);
    }
    for (; size >= 4; b += 4, size -= 4) {
        memcpy(&word, b, sizeof word);
        sum += word;
    }
    if (size >= 2) {
        memcpy(&half, b, sizeof half);
        sum += half;
        b += 2;
        size -= 2;
    }
    if (size == 1) {
        uint8_t last[2] = { b[0], 0 };

        memcpy(&half, last, sizeof half);
        sum += half;
    }
    return sum;
}

/* Folded to 16 bits, in the order of the packet's bytes. */
static uint16_t fold(uint64_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t) sum;
}

/* With its checksum in it, a sum that is right is all ones. */
static bool is_sum_right(uint64_t sum)
{
    return fold(sum) == 0xffff;
}

static uint64_t add_pseudo_header(const struct packet *p, size_t size)
{
    uint8_t tail[8] = { (uint8_t) (size >> 24), (uint8_t) (size >> 16),
                        (uint8_t) (size >> 8), (uint8_t) size, 0, 0, 0, p->ip_proto };
    size_t address_size = p->src.version == 4 ? 4 : 16;
    uint64_t sum = add_bytes(0, p->src.bytes, address_size);

    return add_bytes(add_bytes(sum, p->dst.bytes, address_size), tail, sizeof tail);
}

/* True if a routing header still has stops to make: then the pseudo header has the last
 * one for its destination, and we leave it unjudged. */
static bool is_source_routed(const struct packet *p)
{
    const uint8_t *ip = p->bytes + p->l3;
    struct cursor c = cursor_of(ip, p->l3_header_size);

    if (p->src.version != 6 || p->l3_header_size <= 40) {
        return false;
    }
    (void) cursor_skip(&c, 40);
    for (uint8_t next = ip[6]; cursor_left(&c) >= 8;) {
        size_t size = next == IP_PROTO_FRAGMENT ? 8
                      : next == IP_PROTO_AH ? 8 + (size_t) c.at[1] * 4
                      : 8 + (size_t) c.at[1] * 8;

        if (next == IP_PROTO_ROUTING && c.at[3] != 0) {
            return true;
        }
        next = c.at[0];
        if (!cursor_skip(&c, size)) {
            break;
        }
    }
    return false;
}

static bool is_l4_bad(const struct packet *p)
{
    const uint8_t *h = p->bytes + p->l4;
    size_t size = p->size - p->l4;
    uint64_t sum = 0;

    switch (p->ip_proto) {
    case IP_PROTO_UDP:
        size = load_be16(h + 4);
        if (load_be16(h + 6) == 0) {
            return false;       /* The sender made none. */
        }
        sum = add_pseudo_header(p, size);
        break;
    case IP_PROTO_TCP:
    case IP_PROTO_ICMPV6:
        sum = add_pseudo_header(p, size);
        break;
    case IP_PROTO_ICMP:
        break;
    default:
        return false;
    }
    return !is_sum_right(add_bytes(sum, h, size)) && !is_source_routed(p);
}

bool decode_checksum_is_bad(const struct packet *p, enum decode_checksum which)
{
    if (p->l3 == LAYER_ABSENT) {
        return false;
    }
    if (which == DECODE_CHECKSUM_IPV4) {
        return p->src.version == 4
               && !is_sum_right(add_bytes(0, p->bytes + p->l3, p->l3_header_size));
    }
    return p->l4 != LAYER_ABSENT && is_l4_bad(p);
}

bool decode_checksum_is_offloaded(const struct packet *p)
{
    size_t size, offset;
    uint16_t stored;

    if (p->l3 == LAYER_ABSENT || p->l4 == LAYER_ABSENT) {
        return false;
    }
    if (p->ip_proto == IP_PROTO_TCP) {
        size = p->size - p->l4;
        offset = 16;
    } else if (p->ip_proto == IP_PROTO_UDP) {
        size = load_be16(p->bytes + p->l4 + 4);
        offset = 6;
    } else {
        return false;
    }
    memcpy(&stored, p->bytes + p->l4 + offset, sizeof stored);
    return stored == fold(add_pseudo_header(p, size));
}
