/* One frame a row: what it is made of, what comes out.  Each is decoded whole and, cut
 * short after every byte, in a heap buffer of exactly that size. */
#include "tests/unit/decode/frames.h"

struct frame_case {
    const char *name;
    uint16_t link_type;
    const uint8_t *bytes;
    size_t size;
    const char *events;         /* Of all packets, in their order. */
    size_t n_packets;
    /* Of the last packet: */
    enum packet_source source;
    uint8_t version, proto;
    uint16_t sport, dport;
    uint32_t payload_size;      /* NO_PAYLOAD: absent. */
    bool is_invalid;
    uint8_t n_vlans;
    uint16_t vlan;              /* The last tag. */
    uint32_t vni;
    uint32_t head;              /* Of an inner packet: bytes before its IP header. */
};

#define NO_PAYLOAD UINT32_MAX
#define UDP4 IPV4(29, 17), UDP(5, 6, 9), 'x'
#define UDP6 IPV6(9, 17), UDP(5, 6, 9), 'x'
#define UDP4_OUT .version = 4, .proto = 17, .sport = 5, .dport = 6, .payload_size = 1
#define UDP6_OUT .version = 6, .proto = 17, .sport = 5, .dport = 6, .payload_size = 1
#define NOTHING .payload_size = NO_PAYLOAD
#define FRAME(...) LINK_ETHERNET, BYTES(__VA_ARGS__)
/* Eight bytes of an extension header: a jumbo option, about which nobody complains. */
#define EXTENSION(next) next, 0, 0xc2, 4, ZEROS4
#define INNER_GRE .n_packets = 2, .source = PACKET_FROM_GRE, UDP4_OUT

static const struct frame_case cases[] = {
    /* ---- Link types ---- */
    { "an Ethernet frame of 13 bytes is too small",
      FRAME(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8),
      "ethernet.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "an unknown Ethernet type is an event", FRAME(ETH(0x1234), ZEROS16),
      "ethernet.unknown_ethertype", 1, NOTHING },
    { "ARP is a packet without IP and without event", FRAME(ETH(0x0806), ZEROS16), "", 1,
      NOTHING },
    { "padding behind the IP length is left out", FRAME(ETH(0x0800), UDP4, ZEROS16), "",
      1, UDP4_OUT },
    { "IPv4 in LLC/SNAP is found",
      FRAME(ETH(37), 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, UDP4), "", 1, UDP4_OUT },
    { "IEEE 802.3 without SNAP is no IP", FRAME(ETH(38), 0x42, 0x42, 3, ZEROS16),
      "ethernet.unknown_ethertype", 1, NOTHING },
    { "raw IPv4 is found", LINK_RAW, BYTES(UDP4), "", 1, UDP4_OUT },
    { "raw IPv6 is found", LINK_RAW_OPENBSD, BYTES(UDP6), "", 1, UDP6_OUT },
    { "link type IPV4 is found", LINK_IPV4, BYTES(UDP4), "", 1, UDP4_OUT },
    { "link type IPV6 is found", LINK_IPV6, BYTES(UDP6), "", 1, UDP6_OUT },
    { "raw IP of version 5 is an event", LINK_RAW, BYTES(0x50, ZEROS16),
      "ipraw.invalid_ip_version", 1, .is_invalid = true, NOTHING },
    { "NULL in little-endian order", LINK_NULL, BYTES(2, 0, 0, 0, UDP4), "", 1,
      UDP4_OUT },
    { "NULL in big-endian order with Darwin's IPv6", LINK_NULL, BYTES(0, 0, 0, 30, UDP6),
      "", 1, UDP6_OUT },
    { "LOOP", LINK_LOOP, BYTES(0, 0, 0, 2, UDP4), "", 1, UDP4_OUT },
    { "NULL with an unknown family", LINK_NULL, BYTES(7, 0, 0, 0, UDP4),
      "ltnull.unsupported_type", 1, .is_invalid = true, NOTHING },
    { "NULL cut off", LINK_NULL, BYTES(2, 0, 0), "ltnull.pkt_too_small", 1,
      .is_invalid = true, NOTHING },
    { "Linux cooked capture", LINK_LINUX_SLL,
      BYTES(0, 0, 0, 1, 0, 6, ZEROS8, 8, 0, UDP4), "", 1, UDP4_OUT },
    { "Linux cooked capture cut off", LINK_LINUX_SLL, BYTES(ZEROS8, 0),
      "sll.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "Linux cooked capture, version 2, with a tag", LINK_LINUX_SLL2,
      BYTES(0x81, 0, ZEROS16, 0, 0, VLAN(9, 0x86dd), UDP6), "", 1, UDP6_OUT, .n_vlans = 1,
      .vlan = 9 },
    { "Linux cooked capture, version 2, cut off", LINK_LINUX_SLL2, BYTES(8, 0, ZEROS16),
      "sll2.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "PPP with address and control", LINK_PPP, BYTES(0xff, 3, 0, 0x21, UDP4), "", 1,
      UDP4_OUT },
    { "PPP with a protocol of one byte", LINK_PPP_HDLC, BYTES(0x57, UDP6), "", 1,
      UDP6_OUT },
    { "PPP cut off", LINK_PPP, BYTES(0xff, 3, 0), "ppp.pkt_too_small", 1,
      .is_invalid = true, NOTHING },
    { "PPP with a compressed header", LINK_PPP, BYTES(0xff, 3, 0, 0x2d, ZEROS8),
      "ppp.unsup_proto", 1, .is_invalid = true, NOTHING },
    { "PPP of no known type", LINK_PPP, BYTES(0xff, 3, 0x12, 0x34, ZEROS8),
      "ppp.wrong_type", 1, .is_invalid = true, NOTHING },
    { "PPP with a short IPv4", LINK_PPP, BYTES(0xff, 3, 0, 0x21, ZEROS8),
      "ppp.ip4_pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "PPP with a short IPv6", LINK_PPP, BYTES(0xff, 3, 0, 0x57, ZEROS8),
      "ppp.ip6_pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "PPP with a short uncompressed header", LINK_PPP, BYTES(0xff, 3, 0, 0x2f, ZEROS8),
      "ppp.vju_pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "PPP link control is quiet", LINK_PPP, BYTES(0xff, 3, 0xc0, 0x21, ZEROS8), "", 1,
      NOTHING },
    { "Cisco HDLC", LINK_CISCO_HDLC, BYTES(0x0f, 0, 8, 0, UDP4), "", 1, UDP4_OUT },
    { "Cisco HDLC in PPP_HDLC", LINK_PPP_HDLC, BYTES(0x0f, 0, 8, 0, UDP4), "", 1,
      UDP4_OUT },
    { "Cisco HDLC cut off", LINK_CISCO_HDLC, BYTES(0x0f, 0, 8), "chdlc.pkt_too_small", 1,
      .is_invalid = true, NOTHING },

    /* ---- Tags ---- */
    { "one VLAN tag", FRAME(ETH(0x8100), VLAN(0xe005, 0x0800), UDP4), "", 1, UDP4_OUT,
      .n_vlans = 1, .vlan = 5 },
    { "three VLAN tags",
      FRAME(ETH(0x88a8), VLAN(5, 0x9100), VLAN(6, 0x8100), VLAN(7, 0x0800), UDP4), "", 1,
      UDP4_OUT, .n_vlans = 3, .vlan = 7 },
    { "four VLAN tags are one too many",
      FRAME(ETH(0x8100), VLAN(5, 0x8100), VLAN(6, 0x8100), VLAN(7, 0x8100),
      VLAN(8, 0x0800), UDP4),
      "vlan.too_many_layers", 1, .n_vlans = 3, .vlan = 7, .is_invalid = true, NOTHING },
    { "a VLAN tag cut off", FRAME(ETH(0x8100), 0, 5, 8), "vlan.header_too_small", 1,
      .is_invalid = true, NOTHING },
    { "a VLAN tag with an unknown type", FRAME(ETH(0x8100), VLAN(5, 0x1234), ZEROS8),
      "ethernet.unknown_ethertype vlan.unknown_type", 1, .n_vlans = 1, .vlan = 5,
      NOTHING },
    { "MPLS with two labels guesses IPv4",
      FRAME(ETH(0x8847), 0, 6, 0x40, 64, 0, 6, 0x51, 64, UDP4), "", 1, UDP4_OUT },
    { "MPLS with explicit null for IPv6", FRAME(ETH(0x8847), 0, 0, 0x21, 64, UDP6), "", 1,
      UDP6_OUT },
    { "MPLS with an Ethernet pseudowire",
      FRAME(ETH(0x8848), 0, 6, 0x41, 64, ZEROS4, ETH(0x0800), UDP4), "", 1, UDP4_OUT },
    { "MPLS without a bottom", FRAME(ETH(0x8847), 0, 6, 0x40, 64),
      "mpls.header_too_small", 1, .is_invalid = true, NOTHING },
    { "MPLS with nothing in it", FRAME(ETH(0x8847), 0, 6, 0x41, 64, 1, 2, 3),
      "mpls.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "MPLS with something else", FRAME(ETH(0x8847), 0, 6, 0x41, 64, 0x70, ZEROS8),
      "mpls.unknown_payload_type", 1, .is_invalid = true, NOTHING },
    { "MPLS router alert at the bottom", FRAME(ETH(0x8847), 0, 0, 0x11, 64, UDP4),
      "mpls.bad_label_router_alert", 1, .is_invalid = true, NOTHING },
    { "MPLS implicit null on the wire", FRAME(ETH(0x8847), 0, 0, 0x31, 64, UDP4),
      "mpls.bad_label_implicit_null", 1, .is_invalid = true, NOTHING },
    { "MPLS reserved label", FRAME(ETH(0x8847), 0, 0, 0x71, 64, UDP4),
      "mpls.bad_label_reserved", 1, .is_invalid = true, NOTHING },
    { "NSH with fixed metadata and IPv4",
      FRAME(ETH(0x894f), 0, 6, 1, 1, 0, 0, 1, 2, ZEROS16, UDP4), "", 1, UDP4_OUT },
    { "NSH with variable metadata, none", FRAME(ETH(0x894f), 0, 2, 2, 1, 0, 0, 1, 2, UDP4),
      "", 1, UDP4_OUT },
    { "NSH cut off", FRAME(ETH(0x894f), 0, 2, 2, 1), "nsh.header_too_small", 1,
      .is_invalid = true, NOTHING },
    { "NSH of another size", FRAME(ETH(0x894f), 0, 3, 1, 1, 0, 0, 1, 2, UDP4),
      "nsh.bad_header_length", 1, .is_invalid = true, NOTHING },
    { "NSH of another version", FRAME(ETH(0x894f), 0x40, 2, 2, 1, 0, 0, 1, 2, UDP4),
      "nsh.unsupported_version", 1, .is_invalid = true, NOTHING },
    { "NSH with a reserved type", FRAME(ETH(0x894f), 0, 2, 0, 1, 0, 0, 1, 2, UDP4),
      "nsh.reserved_type", 1, .is_invalid = true, NOTHING },
    { "NSH with an unknown type", FRAME(ETH(0x894f), 0, 2, 3, 1, 0, 0, 1, 2, UDP4),
      "nsh.unsupported_type", 1, .is_invalid = true, NOTHING },
    { "NSH with an unknown payload", FRAME(ETH(0x894f), 0, 2, 2, 9, 0, 0, 1, 2, UDP4),
      "nsh.unknown_payload", 1, .is_invalid = true, NOTHING },
    { "PPPoE session", FRAME(ETH(0x8864), 0x11, 0, 0, 1, 0, 31, 0, 0x21, UDP4), "", 1,
      UDP4_OUT },
    { "PPPoE session cut off", FRAME(ETH(0x8864), 0x11, 0, 0, 1, 0, 2, 0),
      "pppoe.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "PPPoE discovery", FRAME(ETH(0x8863), 0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0), "", 1,
      NOTHING },
    { "PPPoE discovery with a wrong code", FRAME(ETH(0x8863), 0x11, 3, 0, 0, 0, 0),
      "pppoe.wrong_code", 1, .is_invalid = true, NOTHING },
    { "PPPoE discovery with tags past the end",
      FRAME(ETH(0x8863), 0x11, 9, 0, 0, 0, 4, 1),
      "pppoe.malformed_tags", 1, .is_invalid = true, NOTHING },
    { "802.1ah", FRAME(ETH(0x88e7), ZEROS16, 8, 0, UDP4), "", 1, UDP4_OUT },
    { "802.1ah cut off", FRAME(ETH(0x88e7), ZEROS16, 8), "ieee8021ah.header_too_small", 1,
      .is_invalid = true, NOTHING },
    { "VN-tag", FRAME(ETH(0x8926), ZEROS4, 0x86, 0xdd, UDP6), "", 1, UDP6_OUT },
    { "VN-tag with an unknown type", FRAME(ETH(0x8926), ZEROS4, 0x12, 0x34),
      "ethernet.unknown_ethertype vntag.unknown_type", 1, NOTHING },
    { "Cisco data center Ethernet", FRAME(ETH(0x8903), 0, 0, ETH(0x0800), UDP4), "", 1,
      UDP4_OUT },
    { "Cisco data center Ethernet cut off", FRAME(ETH(0x8903), 0, 0, 0),
      "dce.pkt_too_small", 1, .is_invalid = true, NOTHING },

    /* ---- IPv4 ---- */
    { "IPv4 of 19 bytes", LINK_IPV4,
      BYTES(IPV4_HEAD(5, 19, 1, 0, 17), 10, 0, 0, 1, 10, 0, 0), "ipv4.pkt_too_small", 1,
      .is_invalid = true, NOTHING },
    { "IPv4 type with version 6", FRAME(ETH(0x0800), UDP6), "ipv4.wrong_ip_version", 1,
      .is_invalid = true, NOTHING },
    { "IPv4 header of four words", LINK_IPV4,
      BYTES(IPV4_HEAD(4, 20, 1, 0, 17), IPV4_PAIR),
      "ipv4.hlen_too_small", 1, .is_invalid = true, NOTHING },
    { "IPv4 total length of segmentation offload", LINK_IPV4, BYTES(IPV4(0, 6), TCP),
      "ipv4.iplen_smaller_than_hlen", 1, .is_invalid = true, NOTHING },
    { "IPv4 longer than the capture", LINK_IPV4, BYTES(IPV4(41, 6), TCP),
      "ipv4.trunc_pkt", 1, .is_invalid = true, NOTHING },
    { "IPv4 with record route", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 7, 7, 4, 0, 0, 0, 0, 0, UDP(5, 6, 8)),
      "", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "IPv4 option length past the header", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 7, 9, 4, 0, 0, 0, 0, 0, UDP(5, 6, 8)),
      "ipv4.opt_invalid_len", 1, .version = 4, .is_invalid = true, NOTHING },
    { "IPv4 with an odd number of option words", LINK_IPV4,
      BYTES(IPV4_HEAD(6, 32, 1, 0, 17), IPV4_PAIR, 0x94, 4, 0, 0, UDP(5, 6, 8)),
      "ipv4.opt_pad_required", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "IPv4 with a route pointer between slots", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 7, 7, 5, 0, 0, 0, 0, 0, UDP(5, 6, 8)),
      "ipv4.opt_malformed", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "IPv4 with router alert twice", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 0x94, 4, 0, 0, 0x94, 4, 0, 0,
            UDP(5, 6, 8)),
      "ipv4.opt_duplicate", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "IPv4 with an option that does not exist", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 0x99, 4, 0, 0, ZEROS4, UDP(5, 6, 8)),
      "ipv4.opt_invalid", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "IPv4 with an option type as last byte", LINK_IPV4,
      BYTES(IPV4_HEAD(7, 36, 1, 0, 17), IPV4_PAIR, 1, 1, 1, 1, 1, 1, 1, 7, UDP(5, 6, 8)),
      "ipv4.opt_eol_required", 1, .version = 4, .proto = 17, .sport = 5, .dport = 6 },
    { "ICMPv6 in IPv4", LINK_IPV4, BYTES(IPV4(28, 58), ZEROS8), "ipv4.icmpv6", 1,
      .version = 4, .proto = 58, .payload_size = 8, .is_invalid = true },
    { "an unknown protocol in IPv4 has a payload", LINK_IPV4,
      BYTES(IPV4(28, 200), ZEROS8),
      "", 1, .version = 4, .proto = 200, .payload_size = 8 },
    { "ESP cut off", LINK_IPV4, BYTES(IPV4(24, 50), ZEROS4), "esp.pkt_too_small", 1,
      .version = 4, .proto = 50, .payload_size = 4, .is_invalid = true },

    /* ---- IPv6 ---- */
    { "IPv6 of 39 bytes", LINK_IPV6, BYTES(0x60, 0, 0, 0, ZEROS16, ZEROS16, 0, 0, 0),
      "ipv6.pkt_too_small", 1, .is_invalid = true, NOTHING },
    { "IPv6 type with version 4", FRAME(ETH(0x86dd), UDP4, ZEROS16),
      "ipv6.wrong_ip_version", 1, .is_invalid = true, NOTHING },
    { "IPv6 longer than the capture", LINK_IPV6, BYTES(IPV6(9, 17), UDP(5, 6, 9)),
      "ipv6.trunc_pkt", 1, .is_invalid = true, NOTHING },
    { "IPv6 with each extension header once", LINK_IPV6,
      BYTES(IPV6(61, 0), EXTENSION(60), EXTENSION(43), 44, 0, 2, 0, ZEROS4,
            51, 0, 0, 0, 0, 0, 0, 1, 60, 1, 0, 0, ZEROS4, 0, 0, 0, 2, EXTENSION(17),
            UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_useless_fh", 1, UDP6_OUT },
    { "IPv6 with hop-by-hop twice", LINK_IPV6,
      BYTES(IPV6(25, 0), EXTENSION(0), EXTENSION(17), UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_dupl_hh", 1, UDP6_OUT },
    { "IPv6 with destination options three times", LINK_IPV6,
      BYTES(IPV6(33, 60), EXTENSION(60), EXTENSION(60), EXTENSION(17), UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_dupl_dh", 1, UDP6_OUT },
    { "IPv6 with routing of type 0, then another", LINK_IPV6,
      BYTES(IPV6(25, 43), 43, 0, 0, 0, ZEROS4, 17, 0, 2, 0, ZEROS4, UDP(5, 6, 9), 'x'),
      "ipv6.rh_type_0 ipv6.exthdr_dupl_rh", 1, UDP6_OUT },
    { "IPv6 with two authentication headers, one with reserved bits", LINK_IPV6,
      BYTES(IPV6(33, 51), 51, 1, 0, 1, ZEROS8, 17, 1, 0, 0, ZEROS8, UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_ah_res_not_null ipv6.exthdr_dupl_ah", 1, UDP6_OUT },
    { "IPv6 with two atomic fragment headers", LINK_IPV6,
      BYTES(IPV6(25, 44), 44, 0, 0, 0, ZEROS4, 17, 1, 0, 0, ZEROS4, UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_useless_fh ipv6.fh_non_zero_reserved_field ipv6.exthdr_dupl_fh", 1,
      UDP6_OUT },
    { "IPv6 extension header cut off", LINK_IPV6, BYTES(IPV6(8, 0), 17, 1, ZEROS4, 0, 0),
      "ipv6.trunc_exthdr", 1, .version = 6, .proto = 0, .is_invalid = true, NOTHING },
    { "IPv6 extension header with nothing behind", LINK_IPV6,
      BYTES(IPV6(8, 0), EXTENSION(17)),
      "ipv6.trunc_exthdr", 1, .version = 6, .proto = 17, .is_invalid = true, NOTHING },
    { "IPv6 hop-by-hop with padding alone", LINK_IPV6,
      BYTES(IPV6(17, 0), 17, 0, 1, 4, ZEROS4, UDP(5, 6, 9), 'x'),
      "ipv6.hopopts_only_padding", 1, UDP6_OUT },
    { "IPv6 destination options with padding of no length", LINK_IPV6,
      BYTES(IPV6(17, 60), 17, 0, 1, 0, 1, 2, 0, 0, UDP(5, 6, 9), 'x'),
      "ipv6.zero_len_padn ipv6.dstopts_only_padding", 1, UDP6_OUT },
    { "IPv6 with unknown options", LINK_IPV6,
      BYTES(IPV6(25, 0), 60, 0, 0x3e, 4, ZEROS4, 17, 0, 0x3e, 4, ZEROS4, UDP(5, 6, 9),
      'x'), "ipv6.hopopts_unknown_opt ipv6.dstopts_unknown_opt", 1, UDP6_OUT },
    { "IPv6 option longer than its header", LINK_IPV6,
      BYTES(IPV6(17, 0), 17, 0, 0x3e, 9, ZEROS4, UDP(5, 6, 9), 'x'),
      "ipv6.exthdr_invalid_optlen", 1, UDP6_OUT },
    { "IPv6 with data behind no next header", LINK_IPV6, BYTES(IPV6(3, 59), 1, 2, 3),
      "ipv6.data_after_none_header", 1, .version = 6, .proto = 59, NOTHING },
    { "ICMP in IPv6", LINK_IPV6, BYTES(IPV6(8, 1), ICMP(8, 0)), "ipv6.icmpv4", 1,
      .version = 6, .proto = 1, .payload_size = 8, .is_invalid = true },
    { "an unknown next header", LINK_IPV6, BYTES(IPV6(4, 200), ZEROS4),
      "ipv6.unknown_next_header", 1, .version = 6, .proto = 200, .payload_size = 4 },

    /* ---- Transport ---- */
    { "TCP with all its usual options", LINK_IPV4,
      BYTES(IPV4(62, 6), TCP_HEAD(10, TCP_SYN), 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0,
      0, 0, 2, 1, 3, 3, 7, 'h', 'i'),
      "", 1, .version = 4, .proto = 6, .sport = 1234, .dport = 80, .payload_size = 2 },
    { "TCP of 19 bytes", LINK_IPV4,
      BYTES(IPV4(39, 6), BE16(1234), BE16(80), ZEROS8, 0x50, 2, 0, 0, 0, 0, 0),
      "tcp.pkt_too_small", 1, .version = 4, .proto = 6, .payload_size = 19,
      .is_invalid = true },
    { "TCP header longer than the packet", LINK_IPV4, BYTES(IPV4(40, 6), TCP_HEAD(6, 2)),
      "tcp.hlen_too_small", 1, .version = 4, .proto = 6, .payload_size = 20,
      .is_invalid = true },
    { "TCP header of four words", LINK_IPV4, BYTES(IPV4(40, 6), TCP_HEAD(4, 2)),
      "tcp.invalid_optlen", 1, .version = 4, .proto = 6, .payload_size = 20,
      .is_invalid = true },
    { "TCP option with a wrong length", LINK_IPV4,
      BYTES(IPV4(44, 6), TCP_HEAD(6, 2), 2, 3, 0, 0), "tcp.opt_invalid_len", 1,
      .version = 4, .proto = 6, .sport = 1234, .dport = 80 },
    { "TCP option past the header", LINK_IPV4,
      BYTES(IPV4(44, 6), TCP_HEAD(6, 2), 0xfe, 64, 0, 0), "tcp.opt_invalid_len", 1,
      .version = 4, .proto = 6, .sport = 1234, .dport = 80 },
    { "TCP option of no length", LINK_IPV4,
      BYTES(IPV4(44, 6), TCP_HEAD(6, 2), 15, 0, 0, 0), "tcp.opt_invalid_len", 1,
      .version = 4, .proto = 6, .sport = 1234, .dport = 80 },
    { "TCP option twice", LINK_IPV4,
      BYTES(IPV4(44, 6), TCP_HEAD(6, 2), 4, 2, 4, 2), "tcp.opt_duplicate", 1,
      .version = 4, .proto = 6, .sport = 1234, .dport = 80 },
    { "UDP of seven bytes", LINK_IPV4, BYTES(IPV4(27, 17), 0, 5, 0, 6, 0, 7, 0),
      "udp.hlen_too_small", 1, .version = 4, .proto = 17, .payload_size = 7,
      .is_invalid = true },
    { "UDP longer than its packet", LINK_IPV4, BYTES(IPV4(28, 17), UDP(5, 6, 9)),
      "udp.pkt_too_small", 1, .version = 4, .proto = 17, .payload_size = 8,
      .is_invalid = true },
    { "UDP shorter than its header", LINK_IPV4, BYTES(IPV4(28, 17), UDP(5, 6, 7)),
      "udp.len_invalid", 1, .version = 4, .proto = 17, .payload_size = 8,
      .is_invalid = true },
    { "UDP shorter than its packet", LINK_IPV4,
      BYTES(IPV4(31, 17), UDP(5, 6, 9), 1, 2, 3), "", 1, UDP4_OUT },
    { "SCTP", LINK_IPV4, BYTES(IPV4(36, 132), 0, 5, 0, 6, ZEROS8, ZEROS4), "", 1,
      .version = 4, .proto = 132, .sport = 5, .dport = 6, .payload_size = 4 },
    { "SCTP cut off", LINK_IPV4, BYTES(IPV4(31, 132), 0, 5, 0, 6, ZEROS4, 0, 0, 0),
      "sctp.pkt_too_small", 1, .version = 4, .proto = 132, .payload_size = 11,
      .is_invalid = true },
    { "ICMP echo", LINK_IPV4, BYTES(IPV4(30, 1), ICMP(8, 0), 1, 2), "", 1, .version = 4,
      .proto = 1, .payload_size = 2 },
    { "ICMP error with its packet", LINK_IPV4, BYTES(IPV4(57, 1), ICMP(3, 3), UDP4), "",
      1, .version = 4, .proto = 1, .payload_size = 29 },
    { "ICMP error with half a header", LINK_IPV4, BYTES(IPV4(36, 1), ICMP(3, 3), ZEROS8),
      "icmpv4.ipv4_trunc_pkt", 1, .version = 4, .proto = 1, .payload_size = 8 },
    { "ICMP error with something else", LINK_IPV4,
      BYTES(IPV4(48, 1), ICMP(11, 0), ZEROS16, ZEROS4), "icmpv4.ipv4_unknown_ver", 1,
      .version = 4, .proto = 1, .payload_size = 20 },
    { "ICMP of a type that is not in use", LINK_IPV4, BYTES(IPV4(28, 1), ICMP(40, 0)),
      "icmpv4.unknown_type", 1, .version = 4, .proto = 1 },
    { "ICMP of a code that is not in use", LINK_IPV4, BYTES(IPV4(28, 1), ICMP(8, 1)),
      "icmpv4.unknown_code", 1, .version = 4, .proto = 1 },
    { "ICMP cut off", LINK_IPV4, BYTES(IPV4(27, 1), 8, 0, 0, 0, 0, 0, 0),
      "icmpv4.pkt_too_small", 1, .version = 4, .proto = 1, .payload_size = 7,
      .is_invalid = true },
    { "ICMPv6 error with its packet", LINK_IPV6, BYTES(IPV6(57, 58), ICMP(1, 4), UDP6),
      "", 1, .version = 6, .proto = 58, .payload_size = 49 },
    { "ICMPv6 error with half a header", LINK_IPV6,
      BYTES(IPV6(16, 58), ICMP(2, 0), ZEROS8),
      "icmpv6.ipv6_trunc_pkt", 1, .version = 6, .proto = 58, .payload_size = 8 },
    { "ICMPv6 error with something else", LINK_IPV6,
      BYTES(IPV6(48, 58), ICMP(4, 2), ZEROS16, ZEROS16, ZEROS8),
      "icmpv6.ipv6_unknown_version", 1, .version = 6, .proto = 58, .payload_size = 40 },
    { "ICMPv6 of type 127", LINK_IPV6, BYTES(IPV6(8, 58), ICMP(127, 0)),
      "icmpv6.unknown_type", 1, .version = 6, .proto = 58 },
    { "ICMPv6 of an unassigned type", LINK_IPV6, BYTES(IPV6(8, 58), ICMP(170, 0)),
      "icmpv6.unassigned_type", 1, .version = 6, .proto = 58 },
    { "ICMPv6 of an experimental type", LINK_IPV6, BYTES(IPV6(8, 58), ICMP(100, 0)),
      "icmpv6.experimentation_type", 1, .version = 6, .proto = 58 },
    { "ICMPv6 multicast listener from afar", LINK_IPV6, BYTES(IPV6(8, 58), ICMP(131, 1)),
      "icmpv6.unknown_code icmpv6.mld_message_with_invalid_hl", 1, .version = 6,
      .proto = 58 },
    { "ICMPv6 cut off", LINK_IPV6, BYTES(IPV6(4, 58), ZEROS4), "icmpv6.pkt_too_small", 1,
      .version = 6, .proto = 58, .payload_size = 4, .is_invalid = true },

    /* ---- IP in IP and GRE ---- */
    { "IPv4 in IPv4", LINK_IPV4, BYTES(IPV4(49, 4), UDP4), "", 2,
      .source = PACKET_FROM_IPIP, UDP4_OUT },
    { "IPv6 in IPv4", LINK_IPV4, BYTES(IPV4(69, 41), UDP6), "", 2,
      .source = PACKET_FROM_IPIP, UDP6_OUT },
    { "IPv4 in IPv6", LINK_IPV6, BYTES(IPV6(29, 4), UDP4), "", 2,
      .source = PACKET_FROM_IPIP, UDP4_OUT },
    { "IPv6 in IPv6", LINK_IPV6, BYTES(IPV6(49, 41), UDP6), "", 2,
      .source = PACKET_FROM_IPIP, UDP6_OUT },
    { "IPv4 in IPv6 cut off", LINK_IPV6, BYTES(IPV6(8, 4), ZEROS8),
      "ipv6.ipv4_in_ipv6_too_small", 1, .version = 6, .proto = 4, .payload_size = 8,
      .is_invalid = true },
    { "IPv6 in IPv6 that is none", LINK_IPV6,
      BYTES(IPV6(40, 41), ZEROS16, ZEROS16, ZEROS8),
      "ipv6.ipv6_in_ipv6_wrong_version", 1, .version = 6, .proto = 41, .payload_size = 40,
      .is_invalid = true },
    { "an inner packet that is cut off makes no packet", LINK_IPV4,
      BYTES(IPV4(40, 4), IPV4(90, 17)), "", 1, .version = 4, .proto = 4,
      .payload_size = 20 },
    { "GRE with IPv4", LINK_IPV4, BYTES(IPV4(53, 47), 0, 0, 8, 0, UDP4), "", INNER_GRE },
    { "GRE with checksum, key and sequence", LINK_IPV4,
      BYTES(IPV4(65, 47), 0xb0, 0, 8, 0, ZEROS8, ZEROS4, UDP4), "", INNER_GRE },
    { "GRE with a source route", LINK_IPV4,
      BYTES(IPV4(69, 47), 0x40, 0, 8, 0, ZEROS4, 8, 0, 0, 4, 10, 0, 0, 9, ZEROS4, UDP4),
      "", INNER_GRE },
    { "GRE with a source route without end", LINK_IPV4,
      BYTES(IPV4(36, 47), 0x40, 0, 8, 0, ZEROS4, 8, 0, 0, 4, ZEROS4),
      "gre.version0_malformed_sre_hdr", 1, .version = 4, .proto = 47, .payload_size = 16,
      .is_invalid = true },
    { "GRE with bridged Ethernet and a tag", LINK_IPV4,
      BYTES(IPV4(71, 47), 0, 0, 0x65, 0x58, ETH(0x8100), VLAN(8, 0x0800), UDP4), "",
      INNER_GRE, .n_vlans = 1, .vlan = 8, .head = 18 },
    { "GRE for PPTP", LINK_IPV4,
      BYTES(IPV4(69, 47), 0x30, 0x81, 0x88, 0x0b, ZEROS4, ZEROS8, 0xff, 3, 0, 0x21, UDP4),
      "", INNER_GRE, .head = 4 },
    { "GRE cut off", LINK_IPV4, BYTES(IPV4(23, 47), 0, 0, 8), "gre.pkt_too_small", 1,
      .version = 4, .proto = 47, .payload_size = 3, .is_invalid = true },
    { "GRE of version 2", LINK_IPV4, BYTES(IPV4(24, 47), 0, 2, 8, 0), "gre.wrong_version",
      1, .version = 4, .proto = 47, .payload_size = 4, .is_invalid = true },
    { "GRE with recursion", LINK_IPV4, BYTES(IPV4(24, 47), 1, 0, 8, 0),
      "gre.version0_recur",
      1, .version = 4, .proto = 47, .payload_size = 4, .is_invalid = true },
    { "GRE with reserved flags", LINK_IPV4, BYTES(IPV4(24, 47), 0, 8, 8, 0),
      "gre.version0_flags", 1, .version = 4, .proto = 47, .payload_size = 4,
      .is_invalid = true },
    { "GRE with a key past the end", LINK_IPV4, BYTES(IPV4(24, 47), 0x20, 0, 8, 0),
      "gre.version0_hdr_too_big", 1, .version = 4, .proto = 47, .payload_size = 4,
      .is_invalid = true },
    { "GRE version 1 without key", LINK_IPV4, BYTES(IPV4(24, 47), 0, 1, 0x88, 0x0b),
      "gre.version1_no_key", 1, .version = 4, .proto = 47, .payload_size = 4,
      .is_invalid = true },
    { "GRE version 1 with IPv4", LINK_IPV4, BYTES(IPV4(28, 47), 0x20, 1, 8, 0, ZEROS4),
      "gre.version1_wrong_protocol", 1, .version = 4, .proto = 47, .payload_size = 8,
      .is_invalid = true },
    { "GRE version 1 with a checksum", LINK_IPV4,
      BYTES(IPV4(28, 47), 0xa0, 1, 0x88, 0x0b, ZEROS4), "gre.version1_chksum", 1,
      .version = 4, .proto = 47, .payload_size = 8, .is_invalid = true },
    { "ERSPAN type I", LINK_IPV4,
      BYTES(IPV4(67, 47), 0, 0, 0x88, 0xbe, ETH(0x0800), UDP4), "",
      2, .source = PACKET_FROM_ERSPAN, UDP4_OUT, .head = 14 },
    { "ERSPAN type II with its VLAN", LINK_IPV4,
      BYTES(IPV4(79, 47), 0x10, 0, 0x88, 0xbe, ZEROS4, 0x10, 7, 0, 1, ZEROS4, ETH(0x0800),
            UDP4),
      "", 2, .source = PACKET_FROM_ERSPAN, UDP4_OUT, .n_vlans = 1, .vlan = 7,
      .head = 22 },
    { "ERSPAN type III with its subheader", LINK_IPV4,
      BYTES(IPV4(91, 47), 0x10, 0, 0x22, 0xeb, ZEROS4, 0x20, 7, 0, 1, ZEROS4, 0, 0, 0, 1,
            ZEROS8, ETH(0x0800), UDP4),
      "", 2, .source = PACKET_FROM_ERSPAN, UDP4_OUT, .n_vlans = 1, .vlan = 7,
      .head = 34 },

    /* ---- Tunnels over UDP ---- */
    { "VXLAN", LINK_IPV4,
      BYTES(IPV4(79, 17), UDP(9, 4789, 59), 8, 0, 0, 0, 0, 1, 2, 0, ETH(0x0800), UDP4),
      "", 2, .source = PACKET_FROM_VXLAN, UDP4_OUT, .vni = 0x102 },
    { "VXLAN's port as source says nothing", LINK_IPV4,
      BYTES(IPV4(79, 17), UDP(4789, 9, 59), 8, 0, 0, 0, 0, 1, 2, 0, ETH(0x0800), UDP4),
      "", 1, .version = 4, .proto = 17, .sport = 4789, .dport = 9, .payload_size = 51 },
    { "VXLAN without its flag is UDP", LINK_IPV4,
      BYTES(IPV4(79, 17), UDP(9, 4789, 59), 0, 0, 0, 0, 0, 1, 2, 0, ETH(0x0800), UDP4),
      "", 1, .version = 4, .proto = 17, .sport = 9, .dport = 4789, .payload_size = 51 },
    { "VXLAN with something else", LINK_IPV4,
      BYTES(IPV4(50, 17), UDP(9, 4789, 30), 8, 0, 0, 0, 0, 1, 2, 0, ETH(0x1234)),
      "vxlan.unknown_payload_type", 1, .version = 4, .proto = 17, .sport = 9,
      .dport = 4789, .payload_size = 22 },
    { "Geneve with an option and IPv6", LINK_IPV4,
      BYTES(IPV4(93, 17), UDP(9, 6081, 73), 2, 0, 0x86, 0xdd, 0, 1, 2, 0, 1, 2, 3, 1,
      ZEROS4, UDP6),
      "", 2, .source = PACKET_FROM_GENEVE, UDP6_OUT, .vni = 0x102 },
    { "Geneve with an option past the others", LINK_IPV4,
      BYTES(IPV4(93, 17), UDP(9, 6081, 73), 2, 0, 0x86, 0xdd, 0, 1, 2, 0, 1, 2, 3, 2,
      ZEROS4, UDP6),
      "", 1, .version = 4, .proto = 17, .sport = 9, .dport = 6081, .payload_size = 65 },
    { "Geneve with something else", LINK_IPV4,
      BYTES(IPV4(36, 17), UDP(9, 6081, 16), 0, 0, 0x12, 0x34, 0, 1, 2, 0),
      "geneve.unknown_payload_type", 1, .version = 4, .proto = 17, .sport = 9,
      .dport = 6081, .payload_size = 8 },
    { "Teredo", LINK_IPV4, BYTES(IPV4(77, 17), UDP(3544, 9, 57), UDP6), "", 2,
      .source = PACKET_FROM_TEREDO, UDP6_OUT },
    { "Teredo with authentication and origin", LINK_IPV4,
      BYTES(IPV4(100, 17), UDP(9, 3544, 80), 0, 1, 1, 1, 'c', 'a', ZEROS8, 0,
            0, 0, ZEROS4, 0, 0, UDP6),
      "", 2, .source = PACKET_FROM_TEREDO, UDP6_OUT },
    { "Teredo with bytes left over is UDP", LINK_IPV4,
      BYTES(IPV4(78, 17), UDP(9, 3544, 58), UDP6, 0), "", 1, .version = 4, .proto = 17,
      .sport = 9, .dport = 3544, .payload_size = 50 },
    { "GTP-U", LINK_IPV4,
      BYTES(IPV4(65, 17), UDP(2152, 2152, 45), 0x30, 255, 0, 29, 0, 0, 0, 1, UDP4), "", 2,
      .source = PACKET_FROM_GTPU, UDP4_OUT },
    { "GTP-U with sequence number and an extension header", LINK_IPV4,
      BYTES(IPV4(73, 17), UDP(2152, 2152, 53), 0x36, 255, 0, 37, 0, 0, 0, 1, 0, 9, 0,
      0x85, 1, 0, 9, 0, UDP4),
      "", 2, .source = PACKET_FROM_GTPU, UDP4_OUT },
    { "GTP-U with an extension header of no length is UDP", LINK_IPV4,
      BYTES(IPV4(73, 17), UDP(2152, 2152, 53), 0x34, 255, 0, 37, 0, 0, 0, 1, 0, 9, 0,
      0x85, 0, 0, 9, 0, UDP4),
      "", 1, .version = 4, .proto = 17, .sport = 2152, .dport = 2152,
      .payload_size = 45 },
    { "GTP-U echo is UDP", LINK_IPV4,
      BYTES(IPV4(36, 17), UDP(2152, 2152, 16), 0x30, 1, 0, 0, ZEROS4), "", 1,
      .version = 4, .proto = 17, .sport = 2152, .dport = 2152, .payload_size = 8 },
};

static void check_last(const struct frame_case *t, const struct packet *p)
{
    assert_int_equal(p->source, t->source);
    assert_int_equal(p->src.version, t->version);
    assert_int_equal(p->ip_proto, t->proto);
    assert_int_equal(p->sport, t->sport);
    assert_int_equal(p->dport, t->dport);
    assert_int_equal(p->is_invalid, t->is_invalid);
    assert_int_equal(p->n_vlans, t->n_vlans);
    assert_int_equal(p->n_vlans > 0 ? p->vlans[p->n_vlans - 1] : 0, t->vlan);
    assert_int_equal(p->vni, t->vni);
    if (p->source != PACKET_FROM_WIRE && p->l3 != LAYER_ABSENT) {
        assert_int_equal(p->l3, t->head);
    }
    if (t->payload_size == NO_PAYLOAD) {
        assert_int_equal(p->payload, LAYER_ABSENT);
    } else {
        assert_int_not_equal(p->payload, LAYER_ABSENT);
        assert_int_equal(p->payload_size, t->payload_size);
    }
}

static void frame_decodes_to_its_packets(void **state)
{
    const struct frame_case *t = *state;
    struct decoder *d = make_decoder(DECODE_CHECKSUMS_NONE);
    struct frame f = frame_of(t->bytes, t->size, t->link_type);
    struct packet packets[DECODE_MAX_PACKETS];
    char events[512];
    size_t n = decode_frame(d, &f, packets);

    list_events(packets, n, events, sizeof events);
    assert_string_equal(events, t->events);
    assert_int_equal(n, t->n_packets);
    check_last(t, &packets[n - 1]);
    for (size_t i = 0; i < n; i++) {
        check_packet(&packets[i], &f);
        assert_ptr_equal(packets[i].outer, i > 0 ? &packets[i - 1] : NULL);
    }

    /* Shorter: anything may come out but a read past the end, and always something. */
    for (size_t size = 0; size < t->size; size++) {
        uint8_t *copy = malloc(size > 0 ? size : 1);

        memcpy(copy, t->bytes, size);
        f = frame_of(size > 0 ? copy : NULL, size, t->link_type);
        f.wire_size = (uint32_t) t->size;
        n = decode_frame(d, &f, packets);
        assert_true(n >= 1 && n <= DECODE_MAX_PACKETS);
        assert_true(packets[0].is_truncated);
        for (size_t i = 0; i < n; i++) {
            check_packet(&packets[i], &f);
        }
        (void) decode_address_pair_hash(&f);
        free(copy);
    }
    decoder_destroy(d);
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0] };
    static struct CMUnitTest tests[N];

    for (size_t i = 0; i < N; i++) {
        tests[i] = (struct CMUnitTest) {
            .name = cases[i].name,
            .test_func = frame_decodes_to_its_packets,
            .initial_state = (void *) &cases[i],
        };
    }
    return _cmocka_run_group_tests("decode_frames", tests, N, NULL, NULL);
}
