/* What the files of this room share.
 *
 * Engine: immutable, shared.  Rules stand in 'engine_rule's by their number, and in the
 * places where they may become candidates:
 *
 *   payload[mode][proto][dir]   literals in packets and in raw streams, by server port or
 *                               application protocol
 *   always[proto][dir]          packet and stream rules that no literal finds
 *   ip_only[dir]                addresses alone: once per flow and direction
 *   by_event                    rules about decode and stream events
 *   txs[protocol][dir]          transactions: a source per inspected buffer
 *   frames[frame][dir]          frames: as transactions */
#ifndef CIVICSHIELD_DETECT_PRIVATE_H
#define CIVICSHIELD_DETECT_PRIVATE_H

#include "common/base/pool.h"
#include "sensor/app/parser.h"
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
    KIND_PROTO_ONLY,            /* app-layer-protocol alone: raised once, until the protocol
                                 * of both sides is known. */
    KIND_TX,
    KIND_FRAME,
    KIND_REFUSED,               /* Reported and left out. */
};

struct engine_rule {
    const struct rule *rule;
    uint8_t kind;               /* enum engine_rule_kind */
    uint8_t dirs;               /* Bit d: may match in direction d. */
    bool in_packet, in_stream;  /* Where payload is looked at. */
    bool only_stream;           /* Not in a packet that is in no stream either. */
    bool is_by_literal;         /* A literal makes it a candidate. */
    bool has_payload;           /* Operations on payload, ... */
    bool needs_end;             /* ... or buffers that only the whole can answer: negated
                                 * contents, sizes, datasets. */
    bool can_complete;          /* In a stream: may match later than its literal. */
    bool has_app_event;         /* Transactions: only where there is an event. */
    bool is_about_files;        /* Transactions: raised once for each file. */
    uint16_t *sources;          /* By buffer: index of its source; KIND_TX. */
};

/* Raw payload: three sets to scan, one for rules of nearly all ports, one by port, and one for
 * rules about the application protocol, which is not known from the start. */
struct port_group {
    const struct patterns *any, *by_port;       /* NULL: none. */
    struct patterns *const *by_app;     /* APP_N_PROTOS of them, each or all NULL: none. */
};
static inline const struct patterns *port_group_by_app(const struct port_group *g,
                                                       enum app_proto proto)
{
    return g->by_app != NULL ? g->by_app[proto] : NULL;
}
struct port_groups {
    struct patterns *any;
    struct patterns **by_app;
    struct patterns **classes;  /* 0 is NULL: ports that no rule names. */
    size_t n_classes;
    uint8_t *class_of_port;     /* 65536 of them, or NULL: none has a class. */
};

struct host_tag {
    uint32_t gid, sid;
    bool is_dst;
    uint8_t unit;
};

/* A buffer as rules inspect it: with its transforms. */
struct source {
    enum buffer_id buffer;
    enum frame_id frame;        /* Of BUFFER_FRAME. */
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
    bool has_both;              /* Rules about both directions: to be run to the client. */
    bool is_empty;
};

#define MAX_FRAME_SOURCES 32u
/* What is looked at in one direction of one kind of frame: as above. */
struct frame_group {
    size_t n_sources;
    uint16_t *sources;          /* MAX_FRAME_SOURCES, or NULL. */
    struct header_index *always;
    size_t max_size;            /* Of the longest literal. */
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
    struct frame_group frames[N_FRAMES][N_DIRECTIONS];
    struct dataset **datasets;
    struct { const char *text; struct dataset *list; } *file_lists;
    size_t n_file_lists, cap_file_lists;
    struct reputation *reputation;      /* NULL: none is configured. */
    int *categories;            /* By name in set->categories: its number, -1: unknown. */
    struct geo *geo;            /* NULL: none is configured. */
    uint64_t *xbit_ids, *hostbit_ids;   /* By name: what they are called in the host table. */
    struct host_tag *host_tags; /* What rules tag hosts with. */
    size_t n_host_tags, cap_host_tags;
    bool has_stream_rules, has_tx_rules, has_frame_rules;
    size_t flowbits_size;       /* Bytes for one bit a name. */
};

/* engine.c, groups.c: making it. */
void engine_refuse_rule(struct engine_rule *, struct diag *, const char *why);
bool engine_classify(struct detect_engine *, struct diag *);
bool engine_make_groups(struct detect_engine *, struct diag *);
/* tx_groups.c: the part of it for transactions and frames. */
bool engine_make_tx_groups(struct detect_engine *, struct diag *);
void engine_free_tx_groups(struct detect_engine *);
void engine_free_groups(struct detect_engine *);
/* The best literal of a rule: false when it has none that can be used. */
struct fast_literal {
    size_t buffer;              /* In rule.buffers. */
    struct slice literal;
    bool nocase;
    bool is_piece;              /* Of a longer content. */
    uint64_t min_end, max_end;
};
bool engine_choose_fast(const struct engine_rule *, struct fast_literal *);
struct port_group engine_port_group(const struct detect_engine *, enum scan_mode,
                                    enum scan_proto, enum direction, uint16_t port);
enum scan_proto engine_scan_proto(uint8_t ip_proto);
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
/* A rule and the raw stream: found by its literal but not complete, to be tried again while
 * the literal is in the window; or matched, to be shown only what came later. */
struct pending {
    uint32_t rule;
    bool has_matched;
    uint64_t at;                /* Offset where it is forgotten; or of what came later. */
};
struct flow_side_state {
    bool is_ready;              /* The rest is filled in. */
    bool is_ip_only_done, is_proto_done;
    struct port_group groups[N_SCAN_MODES];
    const struct rule_list *always;     /* NULL: none. */
    bool always_overflowed;     /* No room for the list: looked up for each packet. */
    bool has_stream_always;     /* Some of them look at the stream. */
    uint64_t stream_end;        /* Offset behind the last raw byte that was looked at. */
    /* Rules found in the window that something was still missing for. */
    uint8_t n_pending;
    struct pending pending[MAX_PENDING];
};

struct detect_flow {
    struct flow_side_state sides[N_DIRECTIONS];
    bool was_swapped;           /* As the flow was when the sides were filled in. */
    bool is_passed;             /* A pass rule matched: no more rules. */
    uint8_t *flowbits;          /* Or NULL. */
    struct flow_ints *ints;     /* Or NULL. */
    struct flow_tags *tags;     /* Or NULL. */
    struct flow_entropy *entropy;       /* Or NULL. */
    struct flow_vars *vars;             /* Or NULL. */
    uint64_t session_events;    /* Those of the session when last looked at. */
    uint32_t session_rules[8];  /* Rules that the session has fired, by an event of its own
                                 * or by its protocol. */
    uint8_t n_session_rules;
};

#define FLOW_TAGS_MAX 4u
struct flow_tags {              /* "tag:session" of rules that matched. */
    unsigned n;
    struct flow_tag {
        uint32_t rule;
        uint8_t unit;
        uint64_t limit, count, start_ns;
    } tags[FLOW_TAGS_MAX];
};

#define FLOW_VARS_MAX 8u
#define FLOW_VAR_SIZE 256u      /* Longer values are cut: they are for people to read. */
#define PACKET_VARS_MAX 16u
struct flow_vars {              /* What groups of expressions matched, by name. */
    unsigned n;
    struct flow_var {
        uint32_t name;          /* In ruleset.vars. */
        uint16_t size;
        uint8_t bytes[FLOW_VAR_SIZE];
    } vars[FLOW_VARS_MAX];
};

#define FLOW_ENTROPY_MAX 4u
struct flow_entropy {           /* What "entropy" found last, by buffer. */
    unsigned n;
    struct { uint8_t buffer; double value; } found[FLOW_ENTROPY_MAX];
};
_Static_assert(N_BUFFERS <= UINT8_MAX, "a buffer fits a byte");

#define FLOWINTS_MAX 256u       /* Names beyond have no value: a rule set has a handful. */
struct flow_ints {
    uint64_t is_set[FLOWINTS_MAX / 64];
    uint32_t values[FLOWINTS_MAX];
};

/* State of rules in one transaction, one direction. */
struct tx_rule {
    uint32_t rule;
    bool is_closed;             /* Matched, or cannot match any more. */
    bool has_payload;           /* Its payload operations matched at some time. */
    uint16_t file;              /* Of a rule about files: the next it looks at. */
};
#define TX_BLOCK_RULES 13u
struct tx_rules {               /* A block of them. */
    struct tx_rules *next;
    uint32_t n;
    struct tx_rule rules[TX_BLOCK_RULES];
};
#define TX_PROGRESS 10u
struct tx_side_state {
    bool is_begun, was_done;
    bool waits_for_payload;     /* A rule's payload operations have yet to match. */
    bool has_both;              /* To the client: a rule about both directions is open, ... */
    uint32_t other_changes;     /* ... looked at when the other one had changed so often. */
    uint32_t grown;             /* Size of the largest buffer that still grows, ... */
    uint32_t evaluate_at;       /* ... and from which on open rules are tried again. */
    uint32_t changes;           /* app_tx.changes when last run. */
    uint64_t events;            /* app_tx.events when last run. */
    uint64_t finished[MAX_TX_SOURCES / 64];     /* Sources that need no more scans. */
    /* How far sources that grow or have several instances have been scanned. */
    uint8_t n_progress;
    struct tx_progress { uint16_t source, instance; uint32_t scanned; } progress[TX_PROGRESS];
    struct tx_rules rules;
};
struct detect_tx {
    struct tx_side_state sides[N_DIRECTIONS];
};

/* State of rules in one frame that is not over yet. */
struct detect_frame {
    bool is_begun;
    uint32_t scanned, evaluate_at;
    struct tx_rules rules;
};

/* ---- Worker ---- */

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
    struct pool flow_pool, tx_pool, tx_rules_pool, frame_pool, bits_pool, ints_pool, tags_pool,
        entropy_pool, vars_pool;
    struct arena lists_arena;
    struct rule_list *lists[N_LIST_BUCKETS];

    /* Of the packet at hand. */
    const struct packet *packet;
    struct flow *flow;
    struct detect_flow *detect_flow;    /* NULL: no flow, or no memory. */
    struct detect_flow spare;   /* For packets without one. */
    enum direction dir;
    struct stream_result result;
    bool is_skipped;            /* Passed, bypassed, or there is no rule. */
    bool sees_payload;          /* It was not encrypted before this packet. */
    enum app_proto app_proto;   /* As rules about packets know it. */
    bool is_tagged;             /* By an alert before it. */
    bool was_established;       /* Before the packet at hand. */
    bool is_established;        /* In the eyes of "flow:established". */

    struct detect_alert matches[MAX_MATCHES];   /* As found, ... */
    size_t n_matches;
    struct detect_alert *alerts;                /* ... and as they are handed out. */
    size_t n_alerts;
    struct candidates matched;  /* Rules that matched this packet or its stream. */
    struct arena packet_arena;  /* Payloads and contexts of alerts. */
    struct slice context;       /* Of the rule that was evaluated last. */
    struct { uint32_t name; struct slice value; } packet_vars[PACKET_VARS_MAX];
    unsigned n_packet_vars;

    uint8_t *base64;
    uint8_t *transform_a, *transform_b;
    struct arena view_arena;
    struct view_cache views[MAX_VIEWS];
    size_t n_views;
};

#define TRANSFORM_MAX 65536u

/* ---- Evaluation ---- */

enum verdict { VERDICT_NO, VERDICT_WAIT, VERDICT_MATCH };

/* What a rule is evaluated on. */
struct look {
    enum direction dir;
    bool is_stream;             /* 'payload' is reassembled. */
    bool has_payload;           /* There is payload to look at at all. */
    bool is_payload_stream;     /* It is the stream's window, fetched when it is asked for. */
    struct slice payload;
    uint64_t base;              /* Of a stream: offset of the first byte. */
    struct app_tx *tx;          /* Or NULL. */
    bool is_tx_final;           /* Nothing more comes in this direction. */
    struct tx_rule *tx_rule;    /* Or NULL. */
    const struct app_frame *frame;      /* Or NULL. */
    bool is_for_file;           /* What the rule asks of files is asked of number 'file'. */
    unsigned file;
};

/* evaluate.c */
enum verdict evaluate_rule(struct detect_worker *, const struct engine_rule *,
                           const struct look *);
bool evaluate_header(const struct detect_worker *, const struct rule *, enum direction);
/* tests.c */
bool test_number_fits(const struct rule_test *, uint64_t value);
bool tests_hold(struct detect_worker *, const struct engine_rule *, const struct look *);
/* file_tests.c: lists of digests, sizes. */
bool file_test_holds(const struct detect_engine *, const struct rule_test *,
                     const struct look *);
bool file_size_fits(const struct rule_test *, const struct look *);
/* Does the rule ask something of files beside their bytes? */
bool rule_is_about_files(const struct rule *);
/* address_tests.c: reputation and country of the packet's addresses. */
void address_data_load(struct detect_engine *, struct diag *);
void address_data_free(struct detect_engine *);
/* Why the test cannot be run, or NULL. */
const char *address_test_fault(const struct detect_engine *, const struct rule_test *);
bool address_test_holds(const struct detect_worker *, const struct rule_test *,
                        enum direction);
/* NULL after reporting, or where 'text' is no list. */
struct dataset *file_list_load(const char *text, struct diag *);
/* fields.c: numbers of packets and flows. */
bool field_of_packet(const struct packet *, const struct flow *,
                     const struct rule_test *, uint64_t *value);
uint64_t field_of_side(const struct flow *, enum rule_field, enum direction);
/* actions.c */
bool flowbit_is_set(const struct detect_flow *, uint32_t name);
bool flowint_get(const struct detect_flow *, uint32_t name, uint32_t *value);
void entropy_note(struct detect_worker *, enum buffer_id, double value);
void actions_run(struct detect_worker *, const struct rule *, const struct look *);
bool bit_is_set(struct detect_worker *, const struct rule_test *, enum direction);
/* tags.c: the host tags of a rule; the packet at hand, counted and asked about before its
 * own alerts set tags. */
void tags_collect(struct detect_engine *, const struct rule *);
void tags_count(struct detect_worker *);
void tags_set(struct detect_worker *, const struct rule *);
/* vars.c: keeps what a rule that matched has captured. */
void vars_take(struct detect_worker *, const struct program_state *);
bool var_test_holds(const struct detect_worker *, const struct rule_test *);
/* filter.c */
bool filters_pass_alert(struct detect_worker *, struct detect_alert *);
/* alert.c: a match, and what follows from all of them. */
void alert_add(struct detect_worker *, const struct rule *, const struct look *,
               bool from_stream);
void alert_finish(struct detect_worker *);
/* flow_state.c */
struct detect_flow *flow_state_get(struct detect_worker *, struct flow *);
struct flow_side_state *flow_state_side(struct detect_worker *, enum direction);
const struct ip_addr *flow_state_src(const struct detect_worker *, enum direction);
const struct ip_addr *flow_state_dst(const struct detect_worker *, enum direction);
/* Adds the rules without literals whose header fits to the candidates. */
void flow_state_add_always(struct detect_worker *, enum direction);
/* packet_rules.c, stream_rules.c, tx_rules.c */
void packet_rules_run(struct detect_worker *);
void stream_rules_run(struct detect_worker *);
void tx_rules_run(struct detect_worker *);
/* Has the session fired the rule?  Says so from now on; false when there is no room. */
bool session_has_fired(const struct detect_worker *, uint32_t rule);
bool session_note_fired(struct detect_worker *, uint32_t rule);
/* The instance of a source's buffer in the transaction being run, transformed. */
struct app_view tx_view(struct detect_worker *, const struct app_tx *, enum direction,
                        uint16_t source, unsigned instance);
void tx_state_free(struct detect_worker *, struct detect_tx *);
/* The rule's place in the state, made if there is none; NULL: no room. */
struct tx_rule *tx_rules_find(struct tx_rules *, uint32_t rule);
struct tx_rule *tx_rules_enter(struct detect_worker *, struct tx_rules *, uint32_t rule);
/* Adds the rules that are still open to the candidates. */
void tx_rules_add_open(struct detect_worker *, const struct tx_rules *);
/* Gives back the blocks behind the first. */
void tx_rules_free(struct detect_worker *, struct tx_rules *);
/* Adds the rules of an index whose header fits. */
void add_from_index(struct detect_worker *, const struct header_index *, enum direction);
/* frame_rules.c */
void frame_rules_run(struct detect_worker *);
/* engine.c: can only the whole of a buffer answer these operations? */
bool engine_needs_whole(const struct rule_buffer *);
/* Does this packet bring rules to the transactions and frames of a direction?  One of TCP does
 * to those of its own, as to its raw stream.  The other direction is looked at as well where no
 * packet of it will come: the last of a flow, or a flow of which one side is seen; and where
 * there are no rules. */
bool worker_looks_at(const struct detect_worker *, enum direction);
/* worker.c */
void worker_scan(struct detect_worker *, const struct patterns *, struct slice bytes,
                 size_t overlap, uint64_t base, bool is_chunk);

#endif
