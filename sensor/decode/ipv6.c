/* IPv6 (RFC 8200):
 *
 *     0..3     version (4 bits), traffic class (8), flow label (20)
 *     4..5     payload length, extension headers included
 *     6, 7     next header, hop limit
 *     8..39    source, destination
 *
 * Extension headers: next header (1), length in 8 bytes without the first 8 (1), data.
 * The fragment header has 8 bytes always; the authentication header counts in 4 bytes
 * without the first 8 (RFC 4302).
 *
 * A header that stands there twice is an event and is stepped over. */
#include "sensor/decode/decode_private.h"

#define IPV6_SIZE 40

/* What remains of the packet, and which headers have been. */
struct walk {
    struct decoder *d;
    struct packet *p;
    struct cursor c;
    uint8_t next;
    uint32_t next_at;           /* Where 'next' was read, from the IPv6 header. */
    unsigned n_hop, n_dst, n_routing, n_fragment, n_ah;
};

enum step { STEP_ON, STEP_DONE };

static uint32_t offset_in_ip(const struct walk *w, const uint8_t *at)
{
    return (uint32_t) (at - (w->p->bytes + w->p->l3));
}

/* Takes a header whose length is in its second byte: 'unit' bytes each, and 'base' more.
 * NULL after an event when it is cut off. */
static const uint8_t *take_header(struct walk *w, size_t base, size_t unit, size_t *sizep)
{
    size_t left = cursor_left(&w->c);
    const uint8_t *h = w->c.at;

    *sizep = left >= 2 ? base + h[1] * unit : base;
    if (left < *sizep || left < 2) {
        (void) decode_invalid(w->d, w->p, DECODE_IPV6_TRUNC_EXTHDR);
        return NULL;
    }
    w->next = h[0];
    w->next_at = offset_in_ip(w, h);
    return cursor_take(&w->c, *sizep);
}

enum option_type {
    OPTION_PAD1 = 0x00, OPTION_PADN = 0x01, OPTION_ROUTER_ALERT = 0x05,
    OPTION_JUMBO = 0xc2, OPTION_HOME_ADDRESS = 0xc9,
};

/* Options of a hop-by-hop or destination header (RFC 8200, section 4.2). */
static void check_options(struct walk *w, struct cursor c, bool is_hop)
{
    unsigned n_pads = 0, n_others = 0;

    while (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c);

        if (type == OPTION_PAD1) {
            n_pads++;
            continue;
        }
        uint8_t size = cursor_u8(&c);
        bool is_size_wrong = (type == OPTION_ROUTER_ALERT && size < 2)
                             || (type == OPTION_JUMBO && size != 4)
                             || (type == OPTION_HOME_ADDRESS && size != 16);
        if (c.bad || cursor_left(&c) < size || is_size_wrong) {
            decode_event_add(w->d, w->p, DECODE_IPV6_EXTHDR_INVALID_OPTLEN);
            break;
        }
        (void) cursor_skip(&c, size);
        if (type == OPTION_PADN) {
            n_pads++;
            if (size == 0) {
                decode_event_add(w->d, w->p, DECODE_IPV6_ZERO_LEN_PADN);
            }
            continue;
        }
        n_others++;
        if (type != OPTION_ROUTER_ALERT && type != OPTION_JUMBO
            && type != OPTION_HOME_ADDRESS) {
            decode_event_add(w->d, w->p, is_hop ? DECODE_IPV6_HOPOPTS_UNKNOWN_OPT
                                                : DECODE_IPV6_DSTOPTS_UNKNOWN_OPT);
        }
    }
    if (n_pads > 0 && n_others == 0) {
        decode_event_add(w->d, w->p, is_hop ? DECODE_IPV6_HOPOPTS_ONLY_PADDING
                                            : DECODE_IPV6_DSTOPTS_ONLY_PADDING);
    }
}

static enum step walk_options(struct walk *w, bool is_hop)
{
    size_t size;
    const uint8_t *h = take_header(w, 8, 8, &size);

    if (h == NULL) {
        return STEP_DONE;
    }
    /* One hop-by-hop header; destination options before routing and at the end. */
    unsigned *n = is_hop ? &w->n_hop : &w->n_dst;
    if (*n >= (is_hop ? 1 : 2)) {
        decode_event_add(w->d, w->p, is_hop ? DECODE_IPV6_EXTHDR_DUPL_HH
                                            : DECODE_IPV6_EXTHDR_DUPL_DH);
        return STEP_ON;
    }
    (*n)++;
    check_options(w, cursor_of(h + 2, size - 2), is_hop);
    return STEP_ON;
}

static enum step walk_routing(struct walk *w)
{
    size_t size;
    const uint8_t *h = take_header(w, 8, 8, &size);

    if (h == NULL) {
        return STEP_DONE;
    }
    if (w->n_routing++ > 0) {
        decode_event_add(w->d, w->p, DECODE_IPV6_EXTHDR_DUPL_RH);
    } else if (h[2] == 0) {     /* Deprecated by RFC 5095. */
        decode_event_add(w->d, w->p, DECODE_IPV6_RH_TYPE_0);
    }
    return STEP_ON;
}

static enum step walk_ah(struct walk *w)
{
    size_t left = cursor_left(&w->c), size;
    /* Length 0 still means 12 bytes. */
    bool is_least = left >= 2 && w->c.at[1] == 0;
    const uint8_t *h = left < 12 ? NULL : take_header(w, is_least ? 12 : 8, 4, &size);

    if (left < 12) {
        (void) decode_invalid(w->d, w->p, DECODE_IPV6_TRUNC_EXTHDR);
    }
    if (h == NULL) {
        return STEP_DONE;
    }
    if (load_be16(h + 2) != 0) {
        decode_event_add(w->d, w->p, DECODE_IPV6_EXTHDR_AH_RES_NOT_NULL);
    }
    if (w->n_ah++ > 0) {
        decode_event_add(w->d, w->p, DECODE_IPV6_EXTHDR_DUPL_AH);
    }
    return STEP_ON;
}

/* Headers of the common form that say nothing to us: mobility, HIP, shim6. */
static enum step walk_over(struct walk *w)
{
    size_t size;
    return take_header(w, 8, 8, &size) != NULL ? STEP_ON : STEP_DONE;
}

/* Fragment header: next header, reserved, offset (13 bits), reserved (2), more (1),
 * identification (4 bytes). */
static enum step walk_fragment(struct walk *w)
{
    struct packet *p = w->p;
    const uint8_t *h = cursor_take(&w->c, 8);

    if (h == NULL) {
        (void) decode_invalid(w->d, p, DECODE_IPV6_TRUNC_EXTHDR);
        return STEP_DONE;
    }
    struct defrag_fragment f = {
        .id = load_be32(h + 4),
        .offset = load_be16(h + 2) & 0xfff8u,
        .more = (h[3] & 1) != 0,
        .header = slice_of(p->bytes + p->l3, offset_in_ip(w, h)),
        .next_header_at = w->next_at,
        .next_header = h[0],
    };
    w->next = h[0];
    w->next_at = offset_in_ip(w, h);
    if (h[1] != 0) {
        decode_event_add(w->d, p, DECODE_IPV6_FH_NON_ZERO_RESERVED_FIELD);
    }
    if (w->n_fragment++ > 0) {
        decode_event_add(w->d, p, DECODE_IPV6_EXTHDR_DUPL_FH);
        return STEP_ON;
    }
    p->ip.ip_id = f.id;
    p->ip.frag_offset = (uint16_t) f.offset;
    p->ip.more_fragments = f.more;
    if (f.offset == 0 && !f.more) {     /* An atomic fragment is whole (RFC 6946). */
        decode_event_add(w->d, p, DECODE_IPV6_EXTHDR_USELESS_FH);
        return STEP_ON;
    }
    f.data = cursor_rest(&w->c);
    p->is_fragment = true;
    p->ip_proto = IP_PROTO_FRAGMENT;
    p->l3_header_size = offset_in_ip(w, h) + 8;
    w->d->counters.fragments++;
    if (f.more && f.data.size % 8 != 0) {
        decode_event_add(w->d, p, DECODE_IPV6_FRAG_INVALID_LENGTH);
    }
    if (f.offset + f.data.size > 65535) {
        decode_event_add(w->d, p, DECODE_IPV6_FRAG_PKT_TOO_LARGE);
        return STEP_DONE;
    }
    defrag_add(w->d, p, &f);
    return STEP_DONE;
}

/* No extension header: what the packet carries, or nothing. */
static enum step finish(struct walk *w)
{
    struct packet *p = w->p;

    p->l3_header_size = offset_in_ip(w, w->c.at);
    if (w->next == IP_PROTO_NONE) {
        p->ip_proto = IP_PROTO_NONE;
        w->d->counters.other_ip++;
        if (cursor_left(&w->c) > 0) {
            decode_event_add(w->d, p, DECODE_IPV6_DATA_AFTER_NONE_HEADER);
        }
    } else if (!decode_ip_payload(w->d, p, w->c, w->next)) {
        decode_event_add(w->d, p, DECODE_IPV6_UNKNOWN_NEXT_HEADER);
    }
    return STEP_DONE;
}

/* One header; each takes 8 bytes at least, so that the packet bounds the walk. */
static enum step walk_one(struct walk *w)
{
    switch (w->next) {
    case IP_PROTO_HOPOPTS:
        return walk_options(w, true);
    case IP_PROTO_DSTOPTS:
        return walk_options(w, false);
    case IP_PROTO_ROUTING:
        return walk_routing(w);
    case IP_PROTO_FRAGMENT:
        return walk_fragment(w);
    case IP_PROTO_AH:
        return walk_ah(w);
    case IP_PROTO_MOBILITY:
    case 139:                   /* Host Identity Protocol. */
    case 140:                   /* Shim6. */
        return walk_over(w);
    default:
        return finish(w);
    }
}

bool decode_ipv6(struct decoder *d, struct packet *p, struct cursor c)
{
    if (!decode_layer_enter(d, p)) {
        return false;
    }
    size_t left = cursor_left(&c);
    if (left < IPV6_SIZE) {
        return decode_invalid(d, p, DECODE_IPV6_PKT_TOO_SMALL);
    }
    const uint8_t *h = c.at;
    if (h[0] >> 4 != 6) {
        return decode_invalid(d, p, DECODE_IPV6_WRONG_IP_VERSION);
    }
    size_t payload_size = load_be16(h + 4);
    if (payload_size > left - IPV6_SIZE) {
        return decode_invalid(d, p, DECODE_IPV6_TRUNC_PKT);
    }
    d->counters.ipv6++;
    decode_ip_begin(p, &c);
    p->size = p->l3 + IPV6_SIZE + (uint32_t) payload_size;
    p->l3_header_size = IPV6_SIZE;
    p->src = ip_v6(h + 8);
    p->dst = ip_v6(h + 24);
    p->tos = (uint8_t) (load_be16(h) >> 4);
    p->ttl = h[7];

    (void) cursor_skip(&c, IPV6_SIZE);
    struct walk w = { .d = d, .p = p, .c = cursor_sub(&c, payload_size), .next = h[6],
                      .next_at = 6 };
    p->ip_proto = h[6];
    while (walk_one(&w) == STEP_ON) {
        p->ip_proto = w.next;
        if (w.next != IP_PROTO_NONE && cursor_left(&w.c) < 2) {
            (void) decode_invalid(d, p, DECODE_IPV6_TRUNC_EXTHDR);
            break;
        }
    }
    return true;
}
