/* output: what a worker found -> EVE JSON and wire records.
 *
 * 'struct output' is shared (the EVE file, what is on); an 'output_worker' belongs to one
 * worker: it numbers that worker's events from 1, fills the event with borrowed strings and
 * encodes it once for each output that is on.  No output parses another's bytes. */
#ifndef CIVICSHIELD_OUTPUT_H
#define CIVICSHIELD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/conf/conf.h"
#include "sensor/app/app.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow_table.h"
#include "sensor/model/flow.h"
#include "sensor/model/packet.h"

struct output_conf {
    /* Which event types are made. */
    bool alert, anomaly, flow, netflow, fileinfo, stats, http, dns, tls, ssh, ftp, tftp;
    bool mqtt, smtp, frame;
    bool variables;
    bool smb, dcerpc;
    bool sip, dhcp, snmp, krb5, rfb, rdp;
    bool anomaly_decode, anomaly_stream, anomaly_applayer;
    /* What alerts carry besides. */
    bool payload, payload_printable, packet, http_body, http_body_printable, app_layer;
    bool tagged_packets;
    bool community_id, ethernet, ndpi, metadata;
    bool http_headers, tls_extended, smtp_extended, smtp_md5;
};
extern const struct conf_section output_conf_section;

/* Takes a wire record of a worker; false: refused (and counted by the taker). */
typedef bool output_offer(void *context, unsigned worker, uint64_t number,
                          unsigned priority, const void *bytes, size_t size);

struct output_options {
    const struct output_conf *conf;
    const char *eve_path;       /* NULL: none; "-": standard output. */
    const char *sensor;         /* First part of every identity. */
    uint64_t epoch;
    const char *interface;      /* EVE "in_iface"; NULL: replay, EVE has "pcap_cnt". */
    uint16_t community_id_seed; /* As in flow_conf. */
    output_offer *offer;        /* NULL: no collector. */
    void *offer_context;
};

/* Asks 'app' for what these outputs show of frames. */
void output_ask_frames(const struct output_conf *, struct app_conf *app);
/* Has 'app' leave out digests that no event of these outputs shows. */
void output_ask_digests(const struct output_conf *, struct app_conf *app);

struct output;
struct output_worker;

/* NULL after reporting to 'diag' (the file cannot be made). */
struct output *output_open(const struct output_options *, struct diag *);
/* False if anything could not be written. */
bool output_close(struct output *);
/* Closes the file and opens it anew (SIGHUP), whether or not anything is to be written.
 * Any thread; takes the lock of the file, so it is not for signal handlers. */
void output_reopen(struct output *);

/* 'flows' and 'detect' give what hangs on a flow: its ndpi object, its flowbits; either may
 * be NULL, and the events do without.  One worker's functions are called by its thread
 * alone; workers share only the file, behind a lock that is taken once for each 64 KB. */
struct output_worker *output_worker_create(struct output *, unsigned number,
                                           struct flow_table *flows,
                                           struct detect_worker *detect);
/* Where fileinfo events go besides, for files that are stored; borrowed. */
struct file_store;
void output_worker_set_store(struct output_worker *, struct file_store *);
void output_worker_destroy(struct output_worker *);
/* Writes out what is buffered. */
void output_worker_flush(struct output_worker *);

/* 'flow' may be NULL in the first four. */
void output_alert(struct output_worker *, const struct packet *, struct flow *,
                  const struct detect_alert *);
/* One that a rule's "tag" asks for. */
void output_tagged_packet(struct output_worker *, const struct packet *, struct flow *);
/* Variables that rules set for the packet, if there are any; after its alerts. */
void output_packet_variables(struct output_worker *, const struct packet *, struct flow *);
void output_packet_anomalies(struct output_worker *, const struct packet *, struct flow *);
/* 'stats_json' is one JSON object on one line. */
void output_stats(struct output_worker *, uint64_t time_ns, const char *stats_json);
/* App-layer events of the flow's session and transactions that were not output yet. */
void output_app_anomalies(struct output_worker *, const struct packet *, struct flow *,
                          enum direction);
/* Logs the transaction, and its files, if there is something new to log; sets
 * tx->is_logged once nothing more can come. */
void output_transaction(struct output_worker *, const struct packet *, struct flow *,
                        struct app_tx *);
/* Frames of the flow's session that are over. */
void output_frames(struct output_worker *, const struct packet *, struct flow *);
void output_flow(struct output_worker *, struct flow_table *, struct flow *);

struct output_counters {
    uint64_t made;              /* Events that got a number. */
    uint64_t by_type[64];       /* enum event_type */
    uint64_t eve_lines, eve_bytes, eve_errors;
    uint64_t offered, refused;  /* offered = taken + refused */
    uint64_t scratch_full;      /* Events that lost a part for want of scratch memory. */
};
const struct output_counters *output_counters(const struct output_worker *);

#endif
