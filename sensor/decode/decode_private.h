/* What the files of this room share.
 *
 * Every layer's decoder has the shape 'decode_layer_fn': it is given the packet that it
 * adds to and a cursor over all bytes that its layer may use, and hands what it does not
 * use to the next.  It returns false when its own header is no good, in which case a
 * tunnel that only guessed at it (a port number) takes the inner packet back. */
#ifndef CIVICSHIELD_DECODE_PRIVATE_H
#define CIVICSHIELD_DECODE_PRIVATE_H

#include "common/base/cursor.h"
#include "sensor/decode/decode.h"
#include "sensor/decode/defrag.h"

/* Headers in one frame, of tunnels and tags together.  Real stacks have been seen with a
 * dozen; more is an attempt to make us spin. */
#define DECODE_MAX_LAYERS 32
/* Datagrams completed by one frame: a fragment within a datagram that was a fragment. */
#define DECODE_MAX_REASSEMBLED 4
/* IPv6 header and the longest payload. */
#define DECODE_MAX_DATAGRAM (40 + 65535)

enum ether_type {
    ETHER_TYPE_IPV4 = 0x0800,
    ETHER_TYPE_ARP = 0x0806,
    ETHER_TYPE_BRIDGE = 0x6558,         /* Transparent Ethernet bridging, in GRE. */
    ETHER_TYPE_VLAN = 0x8100,
    ETHER_TYPE_IPV6 = 0x86dd,
    ETHER_TYPE_PPP = 0x880b,            /* In GRE. */
    ETHER_TYPE_MPLS = 0x8847,
    ETHER_TYPE_MPLS_MULTICAST = 0x8848,
    ETHER_TYPE_PPPOE_DISCOVERY = 0x8863,
    ETHER_TYPE_PPPOE_SESSION = 0x8864,
    ETHER_TYPE_8021AD = 0x88a8,
    ETHER_TYPE_ERSPAN = 0x88be,         /* Types I and II, in GRE. */
    ETHER_TYPE_8021AH = 0x88e7,
    ETHER_TYPE_DCE = 0x8903,
    ETHER_TYPE_VNTAG = 0x8926,
    ETHER_TYPE_NSH = 0x894f,
    ETHER_TYPE_QINQ = 0x9100,
    ETHER_TYPE_ERSPAN_III = 0x22eb,     /* In GRE. */
};

/* UDP ports that tunnels are expected on: a bit a port says whether to look further. */
enum tunnel_kind { TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_TEREDO, TUNNEL_GTPU, N_TUNNELS };
#define TUNNEL_MAX_PORTS 16             /* Of one kind; nobody has been seen with more. */

struct tunnel_ports {
    uint64_t any[65536 / 64];
    unsigned n[N_TUNNELS];
    uint16_t ports[N_TUNNELS][TUNNEL_MAX_PORTS];
};

struct decoder {
    enum decode_checksums checksums;
    struct decode_counters counters;
    struct tunnel_ports tunnels;
    struct defrag defrag;
    uint8_t *reassembled[DECODE_MAX_REASSEMBLED];       /* DECODE_MAX_DATAGRAM each. */

    /* Of the call of decode_frame() that is going on. */
    const struct frame *frame;
    struct packet *packets;
    size_t n_packets;
    unsigned n_layers, n_reassembled;
};

typedef bool decode_layer_fn(struct decoder *, struct packet *, struct cursor);

static inline uint16_t load_be16(const uint8_t *b)
{
    return (uint16_t) (b[0] << 8 | b[1]);
}

static inline uint32_t load_be32(const uint8_t *b)
{
    return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
}

static inline uint32_t decode_offset(const struct packet *p, const struct cursor *c)
{
    return (uint32_t) (c->at - p->bytes);
}

/* decoder.c: a malformation, by name; the second also makes the packet invalid and
 * returns false, so that a decoder can return it. */
void decode_event_add(struct decoder *, struct packet *, enum decode_event);
bool decode_invalid(struct decoder *, struct packet *, enum decode_event);
/* One layer deeper; false, and an event, when there are too many. */
bool decode_layer_enter(struct decoder *, struct packet *);
/* A further packet of this frame, with nothing in it yet; NULL when the array is full. */
struct packet *decode_packet_begin(struct decoder *, enum packet_source,
                                   const struct packet *outer, const uint8_t *bytes,
                                   size_t size);
/* Decodes what 'c' holds as a packet of its own within 'outer'.  False, and no packet,
 * when that is not what stands there. */
bool decode_inner(struct decoder *, struct packet *outer, enum packet_source,
                  decode_layer_fn *, struct cursor c);
/* As decode_inner(), of a virtual network; its fragments belong to that network alone. */
bool decode_inner_network(struct decoder *, struct packet *outer, enum packet_source,
                          uint32_t vni, decode_layer_fn *, struct cursor c);

/* link.c, tags.c, ppp.c: below IP. */
bool decode_link(struct decoder *, struct packet *, struct cursor, unsigned link_type);
decode_layer_fn decode_ethernet, decode_vlan, decode_mpls, decode_ppp, decode_raw_ip;
decode_layer_fn decode_pppoe_session, decode_pppoe_discovery;
decode_layer_fn decode_8021ah, decode_vntag;
bool decode_ether_type(struct decoder *, struct packet *, struct cursor, uint16_t type);

/* ipv4.c, ipv6.c.  decode_ip_begin() notes where the IP header is. */
decode_layer_fn decode_ipv4, decode_ipv6;
void decode_ip_begin(struct packet *, const struct cursor *);
/* What an IP header carries; 'c' holds the payload exactly.  False: a protocol that this
 * decoder does not know. */
bool decode_ip_payload(struct decoder *, struct packet *, struct cursor, uint8_t proto);
/* ipv4_options.c: false when the list itself is broken (a length that cannot be). */
bool decode_ipv4_options(struct decoder *, struct packet *, struct cursor);

/* tcp.c, udp.c, icmp.c, gre.c, tunnels.c: above IP. */
decode_layer_fn decode_tcp, decode_udp, decode_sctp, decode_icmpv4, decode_icmpv6;
decode_layer_fn decode_gre;
void decode_udp_tunnel(struct decoder *, struct packet *, struct cursor);
void decode_tunnel_ports_init(struct tunnel_ports *, const struct decode_conf *);

#endif
