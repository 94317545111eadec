/* The flow: both directions of one conversation.  flow/ owns the table and this struct's
 * life; the rooms behind it hang their own state on it, each through a pointer to a type
 * that only that room defines, and free it when the pipeline tells them that the flow
 * ends.  A flow belongs to one worker: nothing here is shared. */
#ifndef CIVICSHIELD_MODEL_FLOW_H
#define CIVICSHIELD_MODEL_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/ip.h"
#include "common/base/list.h"
#include "common/base/app_proto.h"
#include "sensor/model/packet.h"

/* As one packet has it; lookup finds the same flow for both orders of the endpoints. */
struct flow_key {
    struct ip_addr src, dst;
    uint16_t sport, dport;      /* ICMP echo: both are 0, the type decides the flow. */
    uint8_t ip_proto;
    uint8_t icmp_type, icmp_code;       /* Of the first packet of an ICMP flow; else 0. */
    uint16_t vlans[2];          /* Outermost two; 0 where there is none. */
    uint64_t tunnel;            /* Separates equal addresses in different tunnels; 0: none. */
};

enum flow_state {
    FLOW_NEW,                   /* Seen from one side only. */
    FLOW_ESTABLISHED,           /* TCP: handshake done; else: both sides have spoken. */
    FLOW_CLOSED,                /* TCP: ended by FIN or RST. */
    FLOW_BYPASSED,
    FLOW_N_STATES
};

enum flow_end_reason {
    FLOW_END_TIMEOUT,           /* EVE "timeout". */
    FLOW_END_SHUTDOWN,          /* The run ended: EVE "shutdown". */
    FLOW_END_EVICTED,           /* The table was full: EVE "forced". */
    FLOW_END_TCP_REUSE,         /* A new handshake on the same endpoints: EVE "tcp_reuse". */
    FLOW_END_N_REASONS
};

/* The classical states of RFC 9293, as a tap can tell them ("tcp.state" in EVE). */
enum tcp_state {
    TCP_STATE_NONE,
    TCP_STATE_SYN_SENT,
    TCP_STATE_SYN_RECV,
    TCP_STATE_ESTABLISHED,
    TCP_STATE_FIN_WAIT1,
    TCP_STATE_FIN_WAIT2,
    TCP_STATE_TIME_WAIT,
    TCP_STATE_LAST_ACK,
    TCP_STATE_CLOSE_WAIT,
    TCP_STATE_CLOSING,
    TCP_STATE_CLOSED,
    TCP_N_STATES
};

struct flow_side {
    uint64_t packets, bytes;    /* Bytes as EVE counts them: from the first link byte. */
    uint8_t tcp_flags;          /* All seen, or-ed. */
    uint8_t min_ttl, max_ttl;
};

struct stream;          /* sensor/stream: TCP reassembly of this flow. */
struct app_session;     /* sensor/app: parser and transactions. */
struct detect_flow;     /* sensor/detect: rule groups, flowbits, pending matches. */
struct flow_ndpi;       /* sensor/flow: classification. */

/* What each packet needs stands first, in five cache lines: with many flows alive each one
 * is a wait for memory, unless it was fetched in time (flow_table_fetch()). */
struct flow {
    /* Where it is looked for, and what the rooms keep on it. */
    struct list_node bucket_node;       /* flow/'s own. */
    uint64_t hash;
    struct stream *stream;
    struct app_session *app;
    struct detect_flow *detect;
    struct flow_ndpi *ndpi;
    uint64_t listed_ns;         /* When it was last moved in its timeout list. */

    struct flow_key key;        /* As the first packet had it: src is the client. */
    uint8_t timeout_class;      /* flow/'s own: which of its timeout lists. */
    bool has_syn;               /* The first packet was a SYN without ACK, numbered: */
    uint32_t syn_seq;           /* (the same again is a retransmission, no new session). */

    uint64_t clock_ns;          /* Running time of its last packet: idle since then. */
    uint64_t first_ns, last_ns; /* Packet time. */
    enum flow_state state;
    enum tcp_state tcp_state;
    enum app_proto app_proto;   /* What our parsers found; APP_UNKNOWN until then. */
    enum app_proto app_proto_side[N_DIRECTIONS];        /* As each side looked. */
    bool is_swapped;            /* Client and server were exchanged: a mid-stream pick-up
                                 * or a protocol told that the first packet was a reply. */
    bool is_midstream;
    bool is_midstream_ignored;  /* TCP without its handshake, which the configuration leaves. */
    bool is_bypassed;           /* A rule asked for that. */
    bool no_inspection;         /* Rules no longer look at payload (pass, bypass, depth). */
    bool no_payload_inspection; /* What follows is encrypted: a parser's word.  The packet
                                 * that it was given on is inspected. */
    bool has_wrong_thread;      /* Reserved for the checker: packets met two workers. */
    struct flow_side sides[N_DIRECTIONS];

    struct list_node timeout_node;      /* flow/'s own. */
    uint64_t n_alerts;
    uint64_t id;                /* From key and first time only: the same in every run. */
    uint64_t first_number;      /* struct frame's number of its first packet. */
    uint64_t parent_id;         /* Flow that announced this one (FTP data); 0: none. */
    enum app_proto expected;    /* By that flow's parser (host/expect.h). */
    enum flow_end_reason end_reason;
    uint8_t src_mac[6], dst_mac[6];     /* Of the first packet, zero where unknown. */
};

/* Direction of 'p' in 'f', to whose key it belongs. */
enum direction flow_direction(const struct flow *f, const struct packet *p);

static inline const struct ip_addr *flow_client(const struct flow *f)
{
    return f->is_swapped ? &f->key.dst : &f->key.src;
}

static inline const struct ip_addr *flow_server(const struct flow *f)
{
    return f->is_swapped ? &f->key.src : &f->key.dst;
}

static inline uint16_t flow_client_port(const struct flow *f)
{
    return f->is_swapped ? f->key.dport : f->key.sport;
}

static inline uint16_t flow_server_port(const struct flow *f)
{
    return f->is_swapped ? f->key.sport : f->key.dport;
}

#endif
