/* flow: packets -> flows.  A table with a fixed memory budget, timeouts by protocol and
 * state, eviction when it is full, and nDPI's word on each flow.
 * One table per worker, touched only by it. */
#ifndef CIVICSHIELD_FLOW_TABLE_H
#define CIVICSHIELD_FLOW_TABLE_H

#include "common/base/hash.h"
#include "common/conf/conf.h"
#include "sensor/model/flow.h"
#include "sensor/model/packet.h"

struct flow_conf {
    uint64_t memory;            /* Bytes of flow records, per worker. */
    /* Idle timeouts in ns. */
    uint64_t tcp_new, tcp_established, tcp_closed;
    uint64_t udp_new, udp_established, icmp_new, icmp_established, other_new,
        other_established;
    bool classify;              /* nDPI on. */
    uint64_t classify_memory;   /* Bytes of nDPI state and results, per worker. */
    uint64_t classify_tcp_packets, classify_udp_packets;    /* Fed at most. */
    uint64_t community_id_seed; /* 0..65535 */
};
extern const struct conf_section flow_conf_section;

/* Called when a flow leaves the table, before its record is reused: the pipeline lets
 * every later room finish with it. */
typedef void flow_end_callback(void *context, struct flow *);

struct flow_table;

/* 'seed' is fixed in replay.  NULL with errno set when memory or nDPI is not to be had.
 * Not thread-safe where nDPI is on: make all tables before the workers run. */
struct flow_table *flow_table_create(const struct flow_conf *, struct hash_seed seed,
                                     flow_end_callback *, void *context);
/* Ends every flow that is left, as flow_table_end_all() does; frees.  NULL is fine. */
void flow_table_destroy(struct flow_table *);

/* The flow of 'packet', which has an IP version; made if there is none.  Counts the
 * packet in it, sets '*dir', and keeps times.  A SYN that reuses the endpoints of a
 * closed session ends that one (FLOW_END_TCP_REUSE), and a flow that is idle past its
 * timeout when 'packet' comes ends first (FLOW_END_TIMEOUT), whether or not
 * flow_table_expire() has been by: which flows there are depends on their own packets and
 * the running clock (struct packet's 'clock_ns') alone.  It is idle by the clock, or by the
 * packets' own times where those are farther apart.  When the table is full the flow idle
 * for longest, to a second, is evicted (FLOW_END_EVICTED), so this returns NULL only for
 * packets that have no flow (no IP, fragments, a transport header that could not be
 * decoded).  Requests and replies of ICMP
 * share a flow; other ICMP messages, errors among them, have one for each direction and
 * type.
 * Later rooms may change the flow's state until the next call of a function of this
 * header; its timeout follows. */
struct flow *flow_table_packet(struct flow_table *, struct packet *, enum direction *dir);
/* Ahead of flow_table_packet(), so that what it and the rooms behind it need has come from
 * memory by then: hints that change nothing.  Each some packets after the one before, of
 * which the first also keeps the packet's hash in it. */
void flow_table_foresee(const struct flow_table *, struct packet *);
void flow_table_fetch(const struct flow_table *, const struct packet *);
void flow_table_fetch_state(const struct flow_table *, const struct packet *);
/* As flow_table_packet() without making or counting: NULL if there is none. */
struct flow *flow_table_find(struct flow_table *, const struct packet *,
                             enum direction *);
/* Ends flows idle past their timeout at 'now_ns' of the running clock, at most 'budget' of
 * them; returns how many.  It comes to a flow within a second after its timeout. */
size_t flow_table_expire(struct flow_table *, uint64_t now_ns, size_t budget);
/* Ends every flow, in order of first packet: with FLOW_END_TIMEOUT the ones whose timeout
 * has passed by the latest time that the table was told (by packets, or by
 * flow_table_expire()), with FLOW_END_SHUTDOWN the others.  For the same reasons with any
 * number of workers, tell each table the running time of the run's last packet first. */
void flow_table_end_all(struct flow_table *);

/* The flow's community id, version 1 ("1:" and base64), into 'out', which has room for
 * COMMUNITY_ID_SIZE bytes with the NUL.  Source: the Community ID Flow Hashing
 * specification, version 1. */
#define COMMUNITY_ID_SIZE 32
void flow_community_id(const struct flow_key *, uint16_t seed, char *out);

/* Feeds nDPI with 'packet' of 'flow' unless it is sure already. */
void flow_classify(struct flow_table *, struct flow *, const struct packet *,
                   enum direction);
/* At the end of a flow: nDPI's guess where it is not sure. */
void flow_classify_end(struct flow_table *, struct flow *);
/* Writes the "ndpi" object of the flow as JSON text, in the form of nDPI's own
 * serializer; empty before anything is known.  Points into the table's scratch: valid
 * until the next call of a function of this header. */
struct slice flow_ndpi_json(struct flow_table *, const struct flow *);

/* Written by the table's thread alone; others may read them.  Flows, but for ... */
struct flow_counters {
    uint64_t made, ended[FLOW_END_N_REASONS], active;   /* made = sum of ended + active */
    uint64_t memory;            /* Bytes in use now, buckets and nDPI's part with them. */
    uint64_t tcp, udp, icmp, other;     /* Of 'made'. */
    uint64_t without_flow;      /* Packets for which there is no flow. */
    uint64_t classified;        /* nDPI has a name for it. */
    uint64_t classify_packets;  /* Packets fed to nDPI. */
    uint64_t classify_refused;  /* No memory left for nDPI's state or result. */
};
const struct flow_counters *flow_table_counters(const struct flow_table *);

#endif
