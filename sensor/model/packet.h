/* The packet: what decode makes of a frame and every later stage reads.
 *
 * A frame yields one packet per IP header that stands in it (a tunnel's outer and inner
 * packets are packets of their own, as rule authors expect), one for a frame without IP,
 * and one more when a fragment completes a datagram.  Layers are offsets into 'bytes',
 * never pointers; LAYER_ABSENT says that a layer is not there.  A packet borrows its
 * bytes: they live until the burst is released, or, for a reassembled datagram, until the
 * next call of decode.  What must live longer is copied by the room that keeps it. */
#ifndef CIVICSHIELD_MODEL_PACKET_H
#define CIVICSHIELD_MODEL_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ip.h"
#include "common/base/slice.h"

#define LAYER_ABSENT UINT32_MAX

/* Direction within a flow: the sender of its first packet is the client, unless a
 * handshake or a protocol says otherwise later. */
enum direction { TO_SERVER, TO_CLIENT, N_DIRECTIONS };

static inline enum direction direction_reverse(enum direction d)
{
    return d == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

/* What the first byte of a frame is: the LINKTYPE values of pcap (tcpdump.org's list),
 * the same for a DPDK port, which is always LINK_ETHERNET. */
enum link_type {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_OPENBSD = 12,
    LINK_RAW_BSDOS = 14,
    LINK_PPP_HDLC = 50,
    LINK_RAW = 101,
    LINK_CISCO_HDLC = 104,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276,
};

/* One captured frame, as a capture source hands it over. */
struct frame {
    const uint8_t *bytes;       /* Contiguous. */
    uint32_t size;              /* Bytes captured. */
    uint32_t wire_size;         /* Bytes on the wire, at least 'size'. */
    uint64_t time_ns;           /* Since 1970, UTC. */
    uint64_t clock_ns;          /* Running time, from an origin of the source's own: what
                                 * waits (idle flows, fragments) waits by it.  Never goes
                                 * back in the order of the source, unlike 'time_ns'. */
    uint64_t number;            /* From 1, in the order of the source ("pcap_cnt"). */
    uint16_t link_type;         /* enum link_type, or a value that decode does not know. */
    bool checksum_known_good;   /* A port's hardware has checked it. */
    void *handle;               /* Only capture understands it. */
};

enum ip_protocol {
    IP_PROTO_HOPOPTS = 0,
    IP_PROTO_ICMP = 1,
    IP_PROTO_IPIP = 4,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17,
    IP_PROTO_IPV6 = 41,
    IP_PROTO_ROUTING = 43,
    IP_PROTO_FRAGMENT = 44,
    IP_PROTO_GRE = 47,
    IP_PROTO_ESP = 50,
    IP_PROTO_AH = 51,
    IP_PROTO_ICMPV6 = 58,
    IP_PROTO_NONE = 59,
    IP_PROTO_DSTOPTS = 60,
    IP_PROTO_SCTP = 132,
    IP_PROTO_MOBILITY = 135,
};

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

/* Which encapsulation a packet was found in ("pkt_src" in EVE). */
enum packet_source {
    PACKET_FROM_WIRE,
    PACKET_FROM_DEFRAG,
    PACKET_FROM_GRE,
    PACKET_FROM_ERSPAN,
    PACKET_FROM_IPIP,           /* IPv4 or IPv6 in IPv4 or IPv6. */
    PACKET_FROM_TEREDO,
    PACKET_FROM_VXLAN,
    PACKET_FROM_GENEVE,
    PACKET_FROM_GTPU,
    PACKET_FROM_STREAM_FLUSH,   /* No bytes: made when a flow ends. */
    PACKET_FROM_STREAM_CHANGE,  /* No bytes: made when a session changes its protocol, or what
                                 * follows cannot be read. */
    PACKET_N_SOURCES
};

#define PACKET_MAX_VLANS 3      /* As many tags as EVE's "vlan" list has been seen to hold. */
#define PACKET_MAX_EVENTS 16    /* Malformations kept by name for one packet; all are
                                 * counted.  More than a handful says nothing new. */

struct packet {
    const uint8_t *bytes;       /* From the first byte of its link layer; for a packet from
                                 * GRE, from what follows GRE's header; for any other inner or a
                                 * reassembled packet, from the first byte of its IP header. */
    uint32_t size;              /* Bytes there, at most what the IP header announces plus
                                 * what stands before it. */
    uint64_t time_ns;           /* Packet time, since 1970. */
    uint64_t clock_ns;          /* Running time, of its frame. */
    const struct frame *frame;  /* The frame that it came in (the last fragment's). */
    const struct packet *outer; /* The tunnel packet around it, in the same array, or NULL. */
    uint64_t flow_hash;         /* flow/'s own: of its key, or 0 where that was not asked for. */
    enum packet_source source;

    /* Offsets into 'bytes', or LAYER_ABSENT; sizes in bytes. */
    uint32_t eth;               /* Ethernet header: destination, source, type. */
    uint32_t l3;                /* IPv4 or IPv6 header. */
    uint32_t l3_header_size;    /* With IPv4 options; IPv6: with its extension headers. */
    uint32_t l4;                /* TCP, UDP, SCTP, ICMP, ICMPv6 header; absent in a fragment. */
    uint32_t payload;           /* Behind the l4 header; of another IP protocol, behind l3. */
    uint32_t payload_size;

    struct ip_addr src, dst;    /* Version 0 where there is no IP. */
    uint16_t sport, dport;      /* TCP, UDP, SCTP; else 0. */
    uint8_t ip_proto;           /* Final protocol, behind IPv6 extension headers. */
    uint8_t ttl;                /* Or hop limit. */
    uint8_t tos;                /* Or traffic class. */
    bool is_fragment;           /* A piece of a datagram, not the whole of it. */
    bool is_checksum_bad;       /* Of IPv4, TCP, UDP, ICMP or ICMPv6, where it was checked. */
    bool is_invalid;            /* A header is malformed: no part of any flow; of the rules,
                                 * those of protocol pkthdr see it.  events[] says why. */
    bool is_carrier;            /* Of a packet of its own, which is in the array as well. */
    bool is_truncated;          /* The capture holds less than was on the wire. */
    uint16_t ether_type;        /* Behind all tags. */
    uint8_t n_vlans;
    uint16_t vlans[PACKET_MAX_VLANS];   /* Outermost first, the 12-bit identifier. */
    uint32_t vni;               /* VXLAN, Geneve: of the tunnel it came in; else 0. */

    struct {
        uint32_t ip_id;
        uint16_t frag_offset;   /* Bytes. */
        bool more_fragments, dont_fragment;
        uint32_t ip_options;    /* IPv4: bit n set: option number n (of 0..31) is there. */
    } ip;
    union {
        struct {
            uint32_t seq, ack;
            uint8_t flags;      /* enum tcp_flag. */
            uint16_t window;    /* As sent, unscaled. */
            uint16_t urgent;
            uint8_t wscale;     /* From a SYN; 0xff: no such option. */
            bool has_mss, sack_ok, has_timestamp;
            bool is_signed;     /* By an MD5 or authentication option. */
            uint16_t mss;
            uint32_t ts_value, ts_echo;
        } tcp;
        struct {
            uint8_t type, code;
            uint16_t id, sequence;      /* Echo and its like; else 0. */
            uint32_t embedded;          /* Offset of the IP header that an error quotes, or
                                         * LAYER_ABSENT. */
        } icmp;                         /* ICMP and ICMPv6. */
    };

    /* Last, so that a packet is made without touching what nearly all leave empty. */
    uint8_t n_events, n_stream_events;
    uint16_t events[PACKET_MAX_EVENTS]; /* enum decode_event (sensor/decode/events.h). */
    uint16_t stream_events[PACKET_MAX_EVENTS];  /* enum stream_event (sensor/stream). */
};

static inline struct slice packet_payload(const struct packet *p)
{
    return p->payload == LAYER_ABSENT ? slice_of(NULL, 0)
                                      : slice_of(p->bytes + p->payload, p->payload_size);
}

/* Without bytes, for what waits to be inspected. */
static inline bool packet_is_made(const struct packet *p)
{
    return p->source == PACKET_FROM_STREAM_FLUSH || p->source == PACKET_FROM_STREAM_CHANGE;
}

static inline bool packet_is_tcp(const struct packet *p)
{
    return p->ip_proto == IP_PROTO_TCP && p->l4 != LAYER_ABSENT;
}

static inline bool packet_is_udp(const struct packet *p)
{
    return p->ip_proto == IP_PROTO_UDP && p->l4 != LAYER_ABSENT;
}

#endif
