/* What the files of this room share.
 *
 * Engine: immutable, shared.  Rules stand in 'engine_rule's by their number, and in the
 * places where they may become candidates:
 *
 *   payload[mode][proto][dir]   literals in packets and in raw streams, by server port
 *   always[proto][dir]          packet and stream rules that no literal finds
 *   ip_only[dir]                addresses alone: once per flow and direction
 *   by_event                    rules about decode and stream events
 *   txs[protocol][dir]          transactions: a source per inspected buffer */
#ifndef CIVICSHIELD_DETECT_PRIVATE_H
#define CIVICSHIELD_DETECT_PRIVATE_H

#include "common/base/pool.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/header_index.h"
#include "sensor/detect/patterns.h"
#include "sensor/detect/program.h"
#include "sensor/detect/transform.h"

/* ---- Engine ---- */

enum scan_mode { SCAN_PACKET, SCAN_STREAM, N_SCAN_MODES };
enum scan_proto { SCAN_TCP, SCAN_UDP, SCAN_ICMP, SCAN_OTHER, N_SCAN_PROTOS };

enum engine_rule_kind {
    KIND_PACKET,                /* Packets, the raw stream, or both. */
    KIND_IP_ONLY,               /* Nothing but addresses: once per flow and direction. */
    KIND_PROTO_ONLY,            /* app-layer-protocol alone: once per direction, when the
                                 * protocol is known. */
    KIND_TX,
    KIND_REFUSED,               /* Reported and left out. */
};

struct engine_rule {
    const struct rule *rule;
    uint8_t kind;               /* enum engine_rule_kind */
    uint8_t dirs;               /* Bit d: may match in direction d. */
    bool in_packet, in_stream;  /* Where payload is looked at. */
    bool has_payload;           /* Operations on payload, ... */
    bool needs_end;             /* ... or buffers that only the whole can answer: negated
                                 * contents, sizes, datasets. */
    bool has_app_event;         /* Transactions: only where there is an event. */
    uint16_t *sources;          /* By buffer: index of its source; KIND_TX. */
};

/* Raw payload: two sets to scan, one for rules of nearly all ports and one by port. */
struct port_group {
    const struct patterns *any, *by_port;       /* NULL: none. */
};
struct port_groups {
    struct patterns *any;
    struct patterns **classes;  /* 0 is NULL: ports that no rule names. */
    size_t n_classes;
    uint8_t *class_of_port;     /* 65536 of them, or NULL: none has a class. */
};

/* A buffer as rules inspect it: with its transforms. */
struct source {
    enum buffer_id buffer;
    struct slice argument;
    size_t n_transforms;
    struct transform *transforms;
    const struct buffer_info *info;
    struct patterns *patterns[N_DIRECTIONS];    /* Or NULL. */
};

#define MAX_TX_SOURCES 128u
/* What is looked at in one direction of transactions of one protocol. */
struct tx_group {
    size_t n_sources;
    uint16_t *sources;          /* Those with patterns, at most MAX_TX_SOURCES. */
    struct header_index *always;        /* Rules that no literal finds. */
    struct header_index *on_event;      /* Rules about an event of the parser. */
    bool is_empty;
};

struct event_rules {            /* Rules about one decode or stream event. */
    size_t n, cap;
    uint32_t *rules;
};

struct detect_engine {
    const struct ruleset *set;
    struct detect_conf conf;
    size_t n_rules;
    struct engine_rule *rules;
    uint16_t *source_indexes;   /* Owns what engine_rule.sources points into. */
    struct patterns_store *store;
    struct port_groups payload[N_SCAN_MODES][N_SCAN_PROTOS][N_DIRECTIONS];
    struct header_index *always[N_SCAN_PROTOS][N_DIRECTIONS];
    struct header_index *ip_only[N_DIRECTIONS];
    struct event_rules *decode_events, *stream_events;
    struct event_rules flowless;        /* Rules for packets without IP: ARP, pkthdr. */
    size_t n_sources;
    struct source *sources;
    struct tx_group txs[APP_N_PROTOS][N_DIRECTIONS];
    struct dataset **datasets;
    uint64_t *xbit_ids, *hostbit_ids;   /* By name: what they are called in the host table. */
    bool has_stream_rules, has_tx_rules;
    size_t flowbits_size;       /* Bytes for one bit a name. */
};

/* engine.c, groups.c, sort_rules.c: making it. */
bool engine_classify(struct detect_engine *, struct diag *);
bool engine_make_groups(struct detect_engine *, struct diag *);
void engine_free_groups(struct detect_engine *);
/* The best literal of a rule: false when it has none that can be used. */
struct fast_literal {
    size_t buffer;              /* In rule.buffers. */
    struct slice literal;
    bool nocase;
    uint64_t min_end, max_end;
};
bool engine_choose_fast(const struct engine_rule *, struct fast_literal *);
struct port_group engine_port_group(const struct detect_engine *, enum scan_mode,
                                    enum scan_proto, enum direction, uint16_t port);
enum scan_proto engine_scan_proto(const struct packet *);
bool engine_rule_is_for(const struct rule *, enum scan_proto);

/* ---- What hangs on flows and transactions ---- */

/* Rules whose header fits: shared by the flows of a worker that have the same. */
struct rule_list {
    struct rule_list *next;     /* In the worker's table. */
    uint64_t hash;
    uint32_t n;
    uint32_t rules[];
};

#define MAX_PENDING 12u
struct flow_side_state {
    bool is_ready;              /* The rest is filled in. */
    bool is_ip_only_done, is_proto_done;
    struct port_group groups[N_SCAN_MODES];
    const struct rule_list *always;     /* NULL: none. */
    bool always_overflowed;     /* No room for the list: looked up for each packet. */
    bool has_stream_always;     /* Some of them look at the stream. */
    /* The last bytes of the raw stream, and how far it has come. */
    uint8_t *window;            /* Of a size class of the worker's; NULL: none. */
    uint8_t window_class;
    uint32_t window_size;
    uint64_t stream_end;        /* Offset behind the last byte in the window. */
    /* Rules found in the window that something was still missing for. */
    uint8_t n_pending;
    struct { uint32_t rule; uint64_t until; } pending[MAX_PENDING];
};

struct detect_flow {
    struct flow_side_state sides[N_DIRECTIONS];
    bool was_swapped;           /* As the flow was when the sides were filled in. */
    bool is_passed;             /* A pass rule matched: no more rules. */
    bool is_established;        /* As the last packet found it. */
    uint8_t *flowbits;          /* Or NULL. */
    struct flow_ints *ints;     /* Or NULL. */
    uint32_t session_rules[8];  /* Event rules that a session's event has fired. */
    uint8_t n_session_rules;
};

struct flow_ints {
    uint64_t is_set[4];         /* For the first 256 names. */
    uint32_t values[];
};

/* State of rules in one transaction, one direction. */
enum tx_rule_state { TX_RULE_PENDING, TX_RULE_MATCHED };
struct tx_rule {
    uint32_t rule : 28;
    uint32_t state : 2;
    uint32_t has_payload : 1;   /* Its payload operations matched at some time. */
    uint32_t is_new : 1;
};
#define TX_BLOCK_RULES 13u
struct tx_rules {               /* A block of them. */
    struct tx_rules *next;
    uint32_t n;
    struct tx_rule rules[TX_BLOCK_RULES];
};
#define TX_PROGRESS 10u
struct tx_side_state {
    bool is_begun;
    uint32_t changes;           /* app_tx.changes when last run. */
    uint64_t events;            /* Transaction's or session's, when last run. */
    bool was_done;
    uint64_t finished[MAX_TX_SOURCES / 64];     /* Sources that need no more scans. */
    /* How far sources that grow or have several instances have been scanned. */
    uint8_t n_progress;
    struct { uint16_t source; uint16_t instance; uint32_t scanned; } progress[TX_PROGRESS];
    struct tx_rules rules;
};
struct detect_tx {
    struct tx_side_state sides[N_DIRECTIONS];
};

/* ---- Worker ---- */

#define N_WINDOW_CLASSES 6u     /* 512 bytes, doubling. */
#define N_LIST_BUCKETS 4096u
#define MAX_MATCHES 256u        /* Of one packet, before filters. */

struct view_cache {             /* A transformed buffer of the transaction being run. */
    uint16_t source;
    uint16_t instance;
    struct app_view view;
};
#define MAX_VIEWS 32u

struct detect_worker {
    const struct detect_engine *engine;
    struct host_table *hosts;
    struct patterns_scratch *scratch;
    struct candidates candidates;
    struct program_env env;
    struct detect_counters counters;
    struct pool flow_pool, tx_pool, tx_rules_pool, bits_pool, ints_pool;
    struct pool window_pools[N_WINDOW_CLASSES];
    struct arena lists_arena;
    struct rule_list *lists[N_LIST_BUCKETS];

    /* Of the packet at hand. */
    const struct packet *packet;
    struct flow *flow;
    struct detect_flow *detect_flow;    /* NULL: no flow, or no memory. */
    struct detect_flow spare;   /* For packets without one. */
    enum direction dir;
    struct stream_result result;
    bool is_skipped;            /* Passed, bypassed. */

    struct detect_alert matches[MAX_MATCHES];   /* As found, ... */
    size_t n_matches;
    struct detect_alert *alerts;                /* ... and as they are handed out. */
    size_t n_alerts;
    struct candidates matched;  /* Rules that matched this packet or its stream. */
    struct arena packet_arena;  /* Payloads of alerts. */

    uint8_t *stream_scratch;    /* Window and chunk in one piece. */
    uint8_t *base64;
    uint8_t *transform_a, *transform_b;
    struct arena view_arena;
    struct view_cache views[MAX_VIEWS];
    size_t n_views;
};

#define STREAM_PIECE 65536u     /* Longest piece of a stream looked at in one go. */
#define TRANSFORM_MAX 65536u

/* ---- Evaluation ---- */

enum verdict { VERDICT_NO, VERDICT_WAIT, VERDICT_MATCH };

/* What a rule is evaluated on. */
struct look {
    enum direction dir;
    bool is_stream;             /* 'payload' is reassembled. */
    bool has_payload;           /* There is payload to look at at all. */
    struct slice payload;
    uint64_t base;              /* Of a stream: offset of the first byte. */
    struct app_tx *tx;          /* Or NULL. */
    bool is_tx_final;           /* Nothing more comes in this direction. */
    struct tx_rule *tx_rule;    /* Or NULL. */
};

/* evaluate.c */
enum verdict evaluate_rule(struct detect_worker *, const struct engine_rule *,
                           const struct look *);
bool evaluate_header(const struct detect_worker *, const struct rule *, enum direction);
struct slice packet_buffer(const struct packet *, enum buffer_id);
/* tests.c */
bool tests_hold(struct detect_worker *, const struct engine_rule *, const struct look *);
/* fields.c: numbers of packets and flows. */
bool field_of_packet(const struct packet *, const struct flow *,
                     const struct rule_test *, uint64_t *value);
/* actions.c */
bool flowbit_is_set(const struct detect_flow *, uint32_t name);
bool flowint_get(const struct detect_flow *, uint32_t name, uint32_t *value);
void actions_run(struct detect_worker *, const struct rule *, const struct look *);
bool bit_is_set(struct detect_worker *, const struct rule_test *, enum direction);
/* filter.c */
bool filters_pass_detection(struct detect_worker *, const struct rule *);
bool filters_pass_alert(struct detect_worker *, struct detect_alert *);
/* alert.c */
void alert_add(struct detect_worker *, const struct rule *, const struct look *,
               bool from_stream);
void alert_finish(struct detect_worker *);
/* flow_state.c */
struct detect_flow *flow_state_get(struct detect_worker *, struct flow *);
struct flow_side_state *flow_state_side(struct detect_worker *, enum direction);
const struct ip_addr *flow_state_src(const struct detect_worker *, enum direction);
const struct ip_addr *flow_state_dst(const struct detect_worker *, enum direction);
/* Calls back for each rule of 'always' of the side. */
void window_append(struct detect_worker *, struct flow_side_state *, const uint8_t *bytes,
                   size_t size, uint64_t end);
void window_free(struct detect_worker *, struct flow_side_state *);
/* packet_rules.c, stream_rules.c, tx_rules.c */
void packet_rules_run(struct detect_worker *);
void stream_rules_run(struct detect_worker *, const struct stream_data *);
void tx_rules_run(struct detect_worker *);
struct app_view tx_view(struct detect_worker *, const struct app_tx *, enum direction,
                        uint16_t source, unsigned instance);

#endif
