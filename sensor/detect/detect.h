/* detect: runs the compiled rules.  Pattern sets find candidates, the plan's program
 * confirms them, filters decide which become alerts.
 *
 * The engine (databases, groups) is immutable and shared by all workers; a detect_worker
 * has the scratch, queues and filters of one.  Per packet the pipeline calls, in order:
 *
 *     detect_begin()      the packet, its flow and direction
 *     detect_run()        stream and packet rules, then transactions of that direction
 *     detect_alerts()     what matched, in order, filtered and limited
 */
#ifndef CIVICSHIELD_DETECT_H
#define CIVICSHIELD_DETECT_H

#include "common/conf/conf.h"
#include "rules/lang/plan.h"
#include "sensor/app/app.h"
#include "sensor/host/host.h"
#include "sensor/model/flow.h"
#include "sensor/stream/stream.h"

struct detect_conf {
    char *cache;                /* Folder of compiled databases; NULL: none. */
    uint64_t max_alerts;        /* Per packet. */
    uint64_t max_steps;         /* Operations for one rule on one buffer: stops backtracking. */
    uint64_t stream_window;     /* Bytes of raw stream kept behind, to confirm matches. */
    uint64_t pcre_match_limit;
    uint64_t memory;            /* Bytes of state in flows and transactions, per worker. */
    /* Of detect_data_section: what is known of addresses; NULL or empty: nothing. */
    char *reputation_categories, *reputation_path;
    struct conf_texts reputation_files;
    char *geoip_database;
};
extern const struct conf_section detect_conf_section;
/* Keys that stand at the root, where suricata.yaml has them; of struct detect_conf too. */
extern const struct conf_section detect_data_section;

struct detect_engine;
struct detect_worker;

/* Compiles 'rules', which the engine borrows.  NULL after reporting to 'diag'.  Unusable
 * rules (a pattern that Hyperscan and PCRE2 refuse) are reported and left out. */
struct detect_engine *detect_engine_create(const struct ruleset *rules,
                                           const struct detect_conf *, struct diag *);
void detect_engine_destroy(struct detect_engine *);
bool detect_engine_has_rules(const struct detect_engine *);
/* How many of them were left out. */
size_t detect_engine_n_refused(const struct detect_engine *);
/* Turns on in 'conf' what the rules must know of files: digests, kinds. */
void detect_engine_ask_files(const struct detect_engine *, struct app_conf *conf);

/* ... and which frames, when 'conf' is as the user has it otherwise. */
void detect_engine_ask_frames(const struct detect_engine *, struct app_conf *conf);

struct detect_worker *detect_worker_create(const struct detect_engine *,
                                           struct host_table *);
void detect_worker_destroy(struct detect_worker *);

struct detect_alert {
    const struct rule *rule;
    enum rule_action action;    /* As changed by a rate_filter. */
    const struct app_tx *tx;    /* Or NULL. */
    const struct app_frame *frame;      /* Or NULL. */
    enum direction dir;         /* Of the packet or of the transaction's data. */
    bool from_stream;           /* Matched in reassembled data, not in the packet. */
    struct slice payload;       /* The packet's, or the stream's so far, for EVE "payload"; may
                                 * be empty. */
    struct slice context;       /* JSON object of what datasets tell; may be empty. */
};

/* 'flow' is NULL for packets without one.  'result' is of stream_packet(); for other
 * protocols zeroed with is_valid set. */
void detect_begin(struct detect_worker *, const struct packet *, struct flow *,
                  enum direction, const struct stream_result *result);
/* TCP: begin is called before stream_packet(), so its result arrives here, with the packet's
 * direction, which a handshake may have turned. */
void detect_set_stream_result(struct detect_worker *, enum direction,
                              const struct stream_result *);
void detect_run(struct detect_worker *);
/* In the middle of a packet, after reassembly: what came before it is inspected with a packet
 * made for that, of the same flow.  detect_run() and detect_alerts() are of 'made' until
 * detect_resume(), which goes back to the packet at hand, with nothing matched yet. */
void detect_interrupt(struct detect_worker *, const struct packet *made, enum direction);
void detect_resume(struct detect_worker *, const struct packet *, enum direction);
/* Alerts of this packet, best first; valid until the next detect_begin(). */
size_t detect_alerts(struct detect_worker *, const struct detect_alert **alerts);

/* Does a rule's "tag" ask for the packet at hand?  After detect_run(). */
bool detect_packet_is_tagged(const struct detect_worker *);

/* Frees what hangs on a flow, or on a transaction. */
void detect_flow_end(struct detect_worker *, struct flow *);
void detect_tx_end(struct detect_worker *, struct app_tx *);
/* Flowbits set on a flow: names, for EVE metadata.flowbits; returns how many. */
size_t detect_flowbits(const struct detect_worker *, const struct flow *,
                       const char **names, size_t max);

/* Variables that expressions of rules set: of a flow, and of the packet at hand.  Names and
 * values are good until the next detect_begin(); each returns how many. */
struct detect_var {
    const char *name;
    struct slice value;         /* Any bytes. */
};
size_t detect_flow_vars(const struct detect_worker *, const struct flow *, struct detect_var *,
                        size_t max);
size_t detect_packet_vars(const struct detect_worker *, struct detect_var *, size_t max);
/* Flowints of a flow: names and values. */
struct detect_int {
    const char *name;
    uint32_t value;
};
size_t detect_flow_ints(const struct detect_worker *, const struct flow *, struct detect_int *,
                        size_t max);

/* What "entropy" of rules found on a flow, as a JSON object by buffer, for EVE
 * metadata.entropy; returns its size, 0 when there is none or no room. */
size_t detect_entropy(const struct flow *, char *text, size_t size);

/* Did a pass rule let the flow go? */
bool detect_flow_is_passed(const struct flow *);

struct detect_counters {
    uint64_t alerts, suppressed, thresholded, over_limit;
    uint64_t candidates, confirmed, steps_exceeded, pcre_limits;
    uint64_t scans, scanned_bytes;
};
const struct detect_counters *detect_counters(const struct detect_worker *);

#endif
