/* What the files of output/ share. */
#ifndef CIVICSHIELD_OUTPUT_PRIVATE_H
#define CIVICSHIELD_OUTPUT_PRIVATE_H

#include "common/base/arena.h"
#include "common/base/strbuf.h"
#include "common/wire/event.h"
#include "sensor/output/output.h"

#define MAX_FLOWBITS 64         /* Named in one event; more says nothing new. */
#define MAX_VARS 16             /* Of a flow, or of a packet. */
#define ENTROPY_SIZE 256        /* Text of what "entropy" found on a flow. */
#define MAX_FILES 32            /* ... of one transaction. */

/* ---- The EVE file (file.c) ---- */

struct eve_file;

/* NULL after reporting.  'path' "-" is standard output. */
struct eve_file *eve_file_open(const char *path, struct diag *);
/* False if anything was not written, now or before. */
bool eve_file_close(struct eve_file *);
/* Takes the file's lock: not for signal handlers. */
void eve_file_reopen(struct eve_file *);
/* Whole lines; any thread.  False if they were not all written. */
bool eve_file_write(struct eve_file *, const char *lines, size_t size);

/* ---- The worker (worker.c) ---- */

struct output {
    struct output_conf conf;
    struct eve_file *eve;       /* NULL: none. */
    char *sensor, *interface;   /* Owned; interface NULL in replay. */
    uint64_t epoch;
    uint16_t community_id_seed;
    output_offer *offer;
    void *offer_context;
};

struct output_worker {
    struct output *output;
    unsigned number;
    struct flow_table *flows;
    struct detect_worker *detect;
    struct strbuf lines;        /* EVE, whole lines. */
    struct strbuf record;       /* The one wire record being made. */
    struct strbuf store_line;   /* The event once more, for the store of files. */
    bool wants_store_line;
    struct file_store *store;   /* Borrowed; NULL: none. */
    struct arena scratch;       /* Of the one event being made. */
    uint64_t community_flow;    /* Whose id stands in 'community'; 0: nobody's. */
    char community[COMMUNITY_ID_SIZE];
    struct output_counters counters;
};

/* Numbers and encodes the event, once for each output; then forgets the scratch memory. */
void deliver_event(struct output_worker *, struct event *);

/* ---- What all events share (fill.c) ---- */

/* Who stands as the source of an event. */
enum event_side {
    SOURCE_AS_PACKET,
    SOURCE_IS_CLIENT,
    SOURCE_IS_SERVER,
};

/* Members that hang below the event and live as long as its caller. */
struct event_parts {
    uint64_t vlans[PACKET_MAX_VLANS];
    struct event_ether ether;
    uint8_t macs[2][6];
    struct event_metadata metadata;
    struct event_traffic traffic;
    struct event_tunnel tunnel;
    struct event_packet_info packet_info;
    struct event_flow flow;
};

/* Fills what comes from a packet and its flow; 'flow' may be NULL. */
void fill_packet(struct output_worker *, struct event *, struct event_parts *,
                 const struct packet *, struct flow *, enum event_side);
/* Endpoints and vlans of a flow alone, its client as source unless 'reverse'. */
void fill_flow_endpoints(struct output_worker *, struct event *, struct event_parts *,
                         const struct flow *, bool reverse);
/* Community id, flowbits, ndpi, parent.  Last: the ndpi text is good until the next call
 * of the flow table. */
void fill_flow_extras(struct output_worker *, struct event *, struct event_parts *,
                      const struct flow *);
/* app_proto and where it differs by side. */
void fill_app_proto(struct event *, const struct flow *);
/* Counts and start; what only a flow event has comes from its caller. */
void fill_flow_counts(struct event_flow *, const struct flow *);
void fill_tunnel(struct output_worker *, struct event *, struct event_parts *,
                 const struct packet *);
/* Printable text of 'bytes', dots for the rest; an absent slice if there is no room. */
struct slice printable_text(struct output_worker *, struct slice bytes);
/* JSON that holds text from packets or rule files, whose bytes are as they were.  Where it
 * is not valid UTF-8 JSON, each odd byte becomes '?'; an absent slice if there is no room. */
struct slice clean_json(struct output_worker *, struct slice json);

/* ---- Transactions (transaction.c) ---- */

bool type_is_on(const struct output_conf *, enum event_type);
/* The object of a transaction, cut down to what 'type' shows; 'trimmed' keeps the copies. */
struct trimmed {
    struct event_http http;
    struct event_tls tls;
    struct event_email email;
};
void fill_transaction(struct output_worker *, struct event *, struct trimmed *,
                      const struct app_tx *, enum direction);
/* One file of a transaction. */
void fill_file(struct output_worker *, struct event_fileinfo *, const struct app_file *,
               const struct app_tx *);

/* ---- Frames (frame.c) ---- */

/* Of an alert about one; 'out' lives as long as the event. */
void fill_alert_frame(struct output_worker *, struct event *, struct event_frame *out,
                      const struct detect_alert *, const struct flow *);

/* ---- Names (names.c) ---- */

/* EVE's name of an IP protocol; 'number' has room for 4 bytes and is used for those
 * without a name. */
const char *ip_proto_name(uint8_t ip_proto, char number[4]);
const char *packet_source_name(const struct packet *);
const char *flow_state_name(enum flow_state);
const char *flow_end_name(enum flow_end_reason);
const char *app_eve_name(enum app_proto);
/* How EVE writes the events of a protocol: some in capitals. */
bool app_events_are_upper(enum app_proto);
/* The capture library's number and name of a link type; "" for an unknown one. */
const char *link_name(uint16_t link_type, uint64_t *number);

static inline bool has_ports(uint8_t ip_proto)
{
    return ip_proto == IP_PROTO_TCP || ip_proto == IP_PROTO_UDP || ip_proto == IP_PROTO_SCTP;
}

#endif
