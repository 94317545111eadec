/* ICMP (RFC 792, with the later types that are still about) and ICMPv6 (RFC 4443 and the
 * registry of its types): type, code, checksum; then four bytes of the type's own, for
 * echo an identifier and a number; then data.  Errors quote the packet they are about. */
#include "sensor/decode/decode_private.h"

#define ICMP_SIZE 8
#define ANY_CODE 255
#define NO_TYPE (-1)

static const uint8_t *read_header(struct packet *p, struct cursor *c)
{
    uint32_t at = decode_offset(p, c);
    const uint8_t *h = cursor_take(c, ICMP_SIZE);

    if (h != NULL) {
        p->l4 = at;
        p->payload = at + ICMP_SIZE;
        p->payload_size = (uint32_t) cursor_left(c);
        p->icmp.type = h[0];
        p->icmp.code = h[1];
        p->icmp.embedded = LAYER_ABSENT;
    }
    return h;
}

static void read_echo(struct packet *p, const uint8_t *h)
{
    p->icmp.id = load_be16(h + 4);
    p->icmp.sequence = load_be16(h + 6);
}

/* The largest code of an ICMP type; NO_TYPE for one that is not in use. */
static int max_code_v4(uint8_t type)
{
    switch (type) {
    case 3:                     /* Destination unreachable. */
        return 15;
    case 5:                     /* Redirect. */
        return 3;
    case 9:                     /* Router advertisement. */
        return ANY_CODE;
    case 11:                    /* Time exceeded. */
        return 1;
    case 0: case 4: case 8: case 12: case 13: case 14: case 15: case 16: case 17: case 18:
        return 0;
    default:
        return NO_TYPE;
    }
}

static bool is_error_v4(uint8_t type)
{
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void read_embedded_v4(struct decoder *d, struct packet *p, struct cursor c)
{
    if (cursor_left(&c) == 0) {
        return;                 /* Nothing is quoted: no use, and no harm. */
    }
    if (cursor_left(&c) < 20) {
        decode_event_add(d, p, DECODE_ICMPV4_IPV4_TRUNC_PKT);
    } else if (c.at[0] >> 4 != 4) {
        decode_event_add(d, p, DECODE_ICMPV4_IPV4_UNKNOWN_VER);
    } else {
        p->icmp.embedded = decode_offset(p, &c);
    }
}

/* Bytes that must stand behind the header: a router advertisement's entries (their number
 * and size in words are in the header), or three timestamps. */
static size_t least_data_v4(const uint8_t *h)
{
    switch (h[0]) {
    case 9:
        return (size_t) h[4] * h[5] * 4;
    case 13:
    case 14:
        return 12;
    default:
        return 0;
    }
}

bool decode_icmpv4(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = read_header(p, &c);

    d->counters.icmpv4++;
    if (h == NULL) {
        return decode_invalid(d, p, DECODE_ICMPV4_PKT_TOO_SMALL);
    }
    int max_code = max_code_v4(h[0]);
    if (max_code == NO_TYPE) {
        decode_event_add(d, p, DECODE_ICMPV4_UNKNOWN_TYPE);
        return true;
    }
    if (h[1] > max_code) {
        decode_event_add(d, p, DECODE_ICMPV4_UNKNOWN_CODE);
    } else if (is_error_v4(h[0])) {
        read_embedded_v4(d, p, c);
    }
    if (cursor_left(&c) < least_data_v4(h)) {
        decode_event_add(d, p, DECODE_ICMPV4_IPV4_TRUNC_PKT);
    }
    if (!is_error_v4(h[0]) && h[0] != 9) {
        read_echo(p, h);
    }
    return true;
}

static bool is_mld(uint8_t type)
{
    return type >= 130 && type <= 132;
}

static bool is_code_known_v6(uint8_t type, uint8_t code)
{
    switch (type) {
    case 1:                     /* Destination unreachable. */
        return code <= 6;
    case 3:                     /* Time exceeded. */
        return code <= 1;
    case 4:                     /* Parameter problem. */
    case 139: case 140:         /* Node information. */
        return code <= 2;
    case 138:                   /* Router renumbering. */
        return code <= 2 || code == 255;
    case 155:                   /* RPL control. */
        return code <= 3;
    /* Experimental mobility, multicast routers. */
    case 150: case 151: case 152: case 153:
        return true;
    default:
        return code == 0;
    }
}

/* The event for a type that is not assigned, or DECODE_N_EVENTS. */
static enum decode_event check_type_v6(uint8_t type)
{
    if (type == 0 || type == 127) {
        return DECODE_ICMPV6_UNKNOWN_TYPE;
    }
    if (type == 100 || type == 101 || type == 200 || type == 201) {
        return DECODE_ICMPV6_EXPERIMENTATION_TYPE;
    }
    if ((type >= 5 && type <= 126) || type >= 160) {
        return DECODE_ICMPV6_UNASSIGNED_TYPE;
    }
    return DECODE_N_EVENTS;
}

static void read_embedded_v6(struct decoder *d, struct packet *p, struct cursor c)
{
    if (cursor_left(&c) < 40) {
        decode_event_add(d, p, DECODE_ICMPV6_IPV6_TRUNC_PKT);
    } else if (c.at[0] >> 4 != 6) {
        decode_event_add(d, p, DECODE_ICMPV6_IPV6_UNKNOWN_VERSION);
    } else {
        p->icmp.embedded = decode_offset(p, &c);
    }
}

bool decode_icmpv6(struct decoder *d, struct packet *p, struct cursor c)
{
    const uint8_t *h = read_header(p, &c);

    d->counters.icmpv6++;
    if (h == NULL) {
        return decode_invalid(d, p, DECODE_ICMPV6_PKT_TOO_SMALL);
    }
    enum decode_event type_event = check_type_v6(h[0]);
    if (type_event != DECODE_N_EVENTS) {
        decode_event_add(d, p, type_event);
        return true;
    }
    if (!is_code_known_v6(h[0], h[1])) {
        decode_event_add(d, p, DECODE_ICMPV6_UNKNOWN_CODE);
    } else if (h[0] <= 4) {
        read_embedded_v6(d, p, c);
    }
    if (is_mld(h[0]) && p->ttl != 1) {
        decode_event_add(d, p, DECODE_ICMPV6_MLD_MESSAGE_WITH_INVALID_HL);
    }
    if (h[0] == 128 || h[0] == 129) {
        read_echo(p, h);
    }
    return true;
}
