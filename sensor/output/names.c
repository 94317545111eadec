/* The names that EVE has for what stands as numbers in packets and flows. */
#include <stdio.h>

#include "sensor/output/output_private.h"

/* IANA's protocol numbers, in the spelling that EVE users search for. */
static const char *const ip_protos[256] = {
    [0] = "HOPOPT",    [1] = "ICMP",       [2] = "IGMP",       [3] = "GGP",
    [4] = "IP-in-IP",  [5] = "ST",         [6] = "TCP",        [7] = "CBT",
    [8] = "EGP",       [9] = "IGP",        [17] = "UDP",       [33] = "DCCP",
    [41] = "IPv6",     [43] = "IPv6-Route", [44] = "IPv6-Frag", [46] = "RSVP",
    [47] = "GRE",      [50] = "ESP",       [51] = "AH",        [58] = "IPv6-ICMP",
    [59] = "IPv6-NoNxt", [60] = "IPv6-Opts", [88] = "EIGRP",   [89] = "OSPFIGP",
    [94] = "IPIP",     [97] = "ETHERIP",   [98] = "ENCAP",     [103] = "PIM",
    [108] = "IPComp",  [112] = "VRRP",     [115] = "L2TP",     [124] = "ISIS",
    [132] = "SCTP",    [133] = "FC",       [135] = "MH",       [136] = "UDPLite",
    [137] = "MPLS-in-IP", [139] = "HIP",   [140] = "Shim6",
};

const char *ip_proto_name(uint8_t ip_proto, char number[4])
{
    if (ip_protos[ip_proto] != NULL) {
        return ip_protos[ip_proto];
    }
    snprintf(number, 4, "%03u", (unsigned) ip_proto);
    return number;
}

const char *packet_source_name(const struct packet *p)
{
    switch (p->source) {
    case PACKET_FROM_WIRE:
        return "wire/pcap";
    case PACKET_FROM_DEFRAG:
        return "defrag";
    case PACKET_FROM_GRE:
    case PACKET_FROM_ERSPAN:
        return "gre tunnel";
    case PACKET_FROM_IPIP:
        return p->outer != NULL && p->outer->src.version == 6 ? "ipv6 tunnel"
                                                              : "ipv4 tunnel";
    case PACKET_FROM_TEREDO:
        return "teredo tunnel";
    case PACKET_FROM_VXLAN:
        return "vxlan encapsulation";
    case PACKET_FROM_GENEVE:
        return "geneve encapsulation";
    case PACKET_FROM_GTPU:
        return "gtp-u encapsulation";
    case PACKET_FROM_STREAM_FLUSH:
        return "stream (flow timeout)";
    case PACKET_FROM_STREAM_CHANGE:
        return "stream (detect/log)";
    case PACKET_N_SOURCES:
        break;
    }
    return "unknown";
}

const char *flow_state_name(enum flow_state state)
{
    static const char *const names[FLOW_N_STATES] = {
        [FLOW_NEW] = "new",
        [FLOW_ESTABLISHED] = "established",
        [FLOW_CLOSED] = "closed",
        [FLOW_BYPASSED] = "bypassed",
    };

    return state < FLOW_N_STATES ? names[state] : "unknown";
}

const char *flow_end_name(enum flow_end_reason reason)
{
    static const char *const names[FLOW_END_N_REASONS] = {
        [FLOW_END_TIMEOUT] = "timeout",
        [FLOW_END_SHUTDOWN] = "shutdown",
        [FLOW_END_EVICTED] = "forced",
        [FLOW_END_TCP_REUSE] = "tcp_reuse",
    };

    return reason < FLOW_END_N_REASONS ? names[reason] : "unknown";
}

/* Rules tell the versions of HTTP apart by "http1"; EVE says "http". */
const char *app_eve_name(enum app_proto proto)
{
    return proto == APP_HTTP1 ? "http" : app_proto_name(proto);
}

bool app_events_are_upper(enum app_proto proto)
{
    return proto == APP_HTTP1 || proto == APP_HTTP || proto == APP_SMTP || proto == APP_TLS;
}

const char *link_name(uint16_t link_type, uint64_t *number)
{
    *number = link_type;
    switch (link_type) {
    case LINK_NULL:
        return "NULL";
    case LINK_ETHERNET:
        return "EN10MB";
    case LINK_PPP:
        return "PPP";
    case LINK_RAW_OPENBSD:
    case LINK_RAW_BSDOS:
    case LINK_RAW:
        *number = 12;           /* DLT_RAW, as the capture library has it on Linux. */
        return "RAW";
    case LINK_PPP_HDLC:
        return "PPP_SERIAL";
    case LINK_CISCO_HDLC:
        return "C_HDLC";
    case LINK_LOOP:
        return "LOOP";
    case LINK_LINUX_SLL:
        return "LINUX_SLL";
    case LINK_IPV4:
        return "IPV4";
    case LINK_IPV6:
        return "IPV6";
    case LINK_LINUX_SLL2:
        return "LINUX_SLL2";
    default:
        return "";
    }
}
