/* What the files of flow/ share among themselves. */
#ifndef CIVICSHIELD_FLOW_PRIVATE_H
#define CIVICSHIELD_FLOW_PRIVATE_H

#include "common/base/pool.h"
#include "sensor/flow/flow_table.h"

/* A list for each timeout that there is, so that within a list the flow idle for longest
 * is the one to end first. */
enum timeout_class {
    TIMEOUT_TCP_NEW,
    TIMEOUT_TCP_ESTABLISHED,
    TIMEOUT_TCP_CLOSED,
    TIMEOUT_UDP_NEW,
    TIMEOUT_UDP_ESTABLISHED,
    TIMEOUT_ICMP_NEW,
    TIMEOUT_ICMP_ESTABLISHED,
    TIMEOUT_OTHER_NEW,
    TIMEOUT_OTHER_ESTABLISHED,
    TIMEOUT_N_CLASSES
};

struct classifier;

/* Invariants: each flow is in exactly one bucket (that of its hash) and one timeout list
 * (that of its timeout_class); in a list listed_ns never falls; no two flows match the
 * same packet; pool.in_use == counters.active. */
struct flow_table {
    /* Fixed after creation. */
    struct flow_conf conf;
    struct hash_seed seed;
    flow_end_callback *on_end;
    void *context;
    uint64_t timeouts[TIMEOUT_N_CLASSES];
    uint64_t mask;              /* Number of buckets, a power of two, less one. */

    /* First node of each chain; chains end in NULL at both sides (unlike base/list.h's),
     * so that empty buckets are zero and cost no memory until they are used. */
    struct list_node **buckets;
    struct list_node lists[TIMEOUT_N_CLASSES];
    struct pool pool;
    struct flow *last;          /* Given out by the last call: its state may have changed
                                 * since, and its timeout class with it. */
    uint64_t now_ns;            /* Latest running time seen. */
    struct flow_counters counters;
    struct classifier *classifier;      /* NULL: off. */
};

/* Whether 'p' belongs to a flow. */
bool flow_has_key(const struct packet *);
/* The key of 'p' as it stands in it; false if it has none. */
bool flow_key_of_packet(const struct packet *p, struct flow_key *);
/* The same for both directions of a flow. */
uint64_t flow_key_hash(const struct flow_key *, struct hash_seed);
/* Whether a packet with key 'b' belongs to the flow with key 'a', in either direction. */
bool flow_key_match(const struct flow_key *a, const struct flow_key *b);
/* The hash and the match of the key of 'p', without making it where that is not needed; the
 * hash is 0 where there is no key. */
uint64_t flow_packet_hash(const struct packet *p, struct hash_seed);
bool flow_key_fits(const struct flow_key *, const struct packet *p);
/* From 1 to 2^51-1, so that every JSON reader keeps it whole. */
uint64_t flow_key_id(const struct flow_key *, uint64_t first_ns);
/* The type that answers 'type' of ICMP or ICMPv6 (by 'ip_proto'), or -1 if it has no
 * counterpart. */
int flow_icmp_counterpart(uint8_t ip_proto, uint8_t type);

/* NULL if nDPI or memory is not to be had. */
struct classifier *classifier_create(const struct flow_conf *, struct flow_counters *);
void classifier_destroy(struct classifier *);
/* Frees what is kept for 'flow'. */
void classifier_forget(struct classifier *, struct flow *);
uint64_t classifier_memory(const struct classifier *);

#endif
