/* app: streams and datagrams -> transactions.  A folder per protocol behind one interface
 * (struct app_parser); this header is what later stages see.
 *
 * A session belongs to one flow.  It recognizes the protocol from the first bytes, feeds
 * its parser, and keeps a list of transactions in order.  Later stages walk that list:
 * detect asks for buffers, output asks for events, and when a transaction is complete in
 * both directions, inspected and logged, it is released.
 * One engine per worker; not thread-safe.  Memory is bounded per session and in all. */
#ifndef CIVICSHIELD_APP_H
#define CIVICSHIELD_APP_H

#include "common/base/app_proto.h"
#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/list.h"
#include "common/base/slice.h"
#include "common/conf/conf.h"
#include "common/wire/event.h"
#include "rules/lang/buffers.h"
#include "rules/lang/plan.h"
#include "sensor/model/flow.h"
#include "sensor/stream/stream.h"

struct app_engine;
struct app_parser;
struct app_file;
struct detect_tx;
struct host_table;
struct detect_frame;

extern const struct conf_section app_conf_section;
struct app_conf {
    uint64_t memory;                    /* Bytes for sessions and transactions, per worker. */
    uint64_t session_memory;            /* ... for one session. */
    uint64_t max_transactions;          /* Open at once in one session. */
    uint64_t http_request_body_limit, http_response_body_limit;    /* Inspected bytes. */
    uint64_t http_decompress_limit;     /* Bytes made of one body. */
    uint64_t http_decompress_ratio;     /* Out per in, past which it is a bomb. */
    uint64_t http_decompress_layers;    /* Content codings one behind another. */
    uint64_t http_range_memory;         /* Ranges of files, kept per worker. */
    uint64_t http_header_limit;         /* Start line and headers of one message. */
    uint64_t http_field_limit;          /* One line of them. */
    bool smtp_decode_mime;              /* Look into messages at all. */
    bool smtp_decode_names;             /* Encoded words in file names. */
    bool smtp_extract_urls, smtp_log_url_scheme, smtp_body_md5;
    uint64_t smtp_mime_depth;           /* Multiparts and messages within one another. */
    uint64_t smtp_header_limit;         /* All fields of a message, and one of them. */
    uint64_t smtp_header_value_depth;   /* A longer value is told. */
    uint64_t smtp_file_limit;           /* Inspected bytes of an attachment. */
    struct conf_texts smtp_url_schemes;
    uint64_t ftp_line_limit;            /* Bytes of a command or a line of a reply. */
    uint64_t ftp_file_limit;            /* Inspected bytes of a transferred file. */
    uint64_t ftp_data_timeout;          /* Ns until a data connection is not expected more. */
    uint64_t sip_message_limit;         /* Bytes of the headers, and of the body, over TCP. */
    uint64_t mqtt_message_limit;        /* Bytes of one message; larger ones are skipped. */
    uint64_t mqtt_log_limit;            /* Bytes of one text in events. */
    bool file_md5, file_sha1, file_sha256;      /* Also on when a rule asks for them. */
    bool file_magic;
    /* No keys: file-store's, which the output room has. */
    bool file_hold;             /* Rules may want a file when its first bytes are gone by. */
    bool file_store_all;
    uint64_t file_hold_limit;   /* Bytes of each that are held until a rule wants it. */
    uint64_t file_store_depth;  /* Of streams that carry a file to be stored; 0: no limit. */
    uint64_t frame_limit;               /* Bytes of one frame that rules see. */
    uint32_t frame_keep[N_FRAMES];      /* No key: bytes to keep of each, for those that ask;
                                         * 0: nobody does. */
    struct conf_texts http_ports, dns_ports, tls_ports;   /* Hints for probing. */
    bool ja3, ja4;
    bool hassh;
    uint64_t smb_max_transactions;      /* Open at once; the oldest then makes room. */
    uint64_t smb_file_limit;            /* Bytes of a file that rules see. */
    uint64_t smb_max_read_size, smb_max_write_size;     /* Of one command; 0: any. */
    uint64_t smb_read_queue_size, smb_read_queue_chunks;        /* Out of order; 0: any. */
    uint64_t smb_write_queue_size, smb_write_queue_chunks;
    uint64_t smb_max_notes, smb_max_files, smb_max_reads, smb_max_trees, smb_max_frags;
    uint64_t dcerpc_max_transactions, dcerpc_max_stub_size;
};

/* What a parser's own transaction begins with. */
struct app_tx {
    struct list_node node;              /* In session->txs. */
    struct list_node moved_node;        /* In session->moved, while has_moved. */
    bool has_moved;                     /* Since it was last released or left open. */
    struct app_session *session;
    const struct app_parser *parser;    /* Whose it is: a session that changed its protocol
                                         * has transactions of both. */
    uint64_t id;                        /* From 0 in its session ("tx_id"). */
    bool is_done[N_DIRECTIONS];         /* Nothing more comes in this direction. */
    bool is_over;                       /* In neither, and counted as such. */
    bool was_done[N_DIRECTIONS];        /* The engine's: rules on raw bytes were told. */
    uint32_t changes[N_DIRECTIONS];     /* Moves whenever a buffer may have changed. */
    uint64_t first_ns, last_ns;         /* Packet time. */
    uint64_t events;                    /* Bit n: event n of the parser's table. */
    uint8_t *repeats;                   /* How often again, by bit; NULL: none was. */
    struct arena arena;                 /* Dies with the transaction. */
    struct list_node files;             /* struct app_file */
    bool stores_files[N_DIRECTIONS];    /* Those that are open and those to come. */
    size_t charged;                     /* Bytes of 'arena' that the session has paid. */

    /* Owned by later stages. */
    struct detect_tx *detect;           /* Freed by the engine's tx_end callback. */
    bool is_inspected[N_DIRECTIONS];    /* To the end. */
    bool is_watched;                    /* Detect's: to be looked at though it rests. */
    bool is_logged;
    bool is_dir_logged[N_DIRECTIONS];   /* Output's: of a protocol that logs each message. */
    uint64_t events_logged;             /* Output's: those of 'events' that were output. */
};

/* A body or attachment followed as a file. */
#define APP_FILE_MAX_SIDS 8
enum app_file_state { FILE_OPENED, FILE_CLOSED, FILE_TRUNCATED, FILE_ERROR };
struct app_file {
    struct list_node node;
    enum direction dir;
    struct slice name;                  /* May be empty. */
    uint64_t size;                      /* Bytes so far, those not kept included. */
    enum app_file_state state;
    bool has_gaps;
    struct slice data;                  /* From its first byte, at most the inspection limit. */
    bool has_hashes;                    /* Any of the three, once the file is not open. */
    bool has_md5, has_sha1, has_sha256;
    uint8_t md5[16], sha1[20], sha256[32];
    const char *magic;                  /* Or NULL: not known (yet). */
    bool has_tried_magic;
    enum app_file_storing { FILE_NOT_STORING, FILE_STORING, FILE_STORE_DONE } storing;
    uint64_t store_id;                  /* From 1, of a file that is stored. */
    uint32_t sids[APP_FILE_MAX_SIDS];   /* Rules that want it stored. */
    unsigned n_sids;
    bool is_stored, is_logged;          /* Output's. */
    void *hash_state;                   /* Of app/file.c */
};

/* Where files go that are to be kept: the worker's door to it, which the app room knows no
 * more of.  All of it is called by the worker's thread and never waits for a disk. */
struct app_file_sink {
    void *context;
    /* A place for a file, from 1, and its number; 0: this one cannot be kept. */
    uint32_t (*open)(void *context, uint64_t *id);
    /* False: it could not be taken; the file is dropped then, whole, and its place free. */
    bool (*write)(void *context, uint32_t place, const uint8_t *bytes, size_t size);
    /* All of it has been written; frees the place.  False as above. */
    bool (*close)(void *context, uint32_t place, const uint8_t sha256[32]);
    /* What was written is thrown away; frees the place. */
    void (*drop)(void *context, uint32_t place);
};

/* Bytes that grow by doubling, on the heap, within the session's memory. */
struct app_bytes {
    uint8_t *bytes;                     /* Owned; NULL while cap is 0. */
    size_t size, cap;
};

/* A piece of the stream or datagram that its protocol names (rules/lang/frames.h). */
#define APP_FRAME_NO_OFFSET UINT64_MAX
struct app_frame {
    struct list_node node;              /* In session->frames. */
    struct list_node open_node;         /* The engine's: of those that bytes are to come of. */
    enum frame_id id;
    enum direction dir;
    uint64_t number;                    /* From 1 in its direction; EVE's "id". */
    uint64_t offset;                    /* In the stream; of a datagram NO_OFFSET. */
    uint64_t size;                      /* UINT64_MAX: not known (yet). */
    uint64_t seen;                      /* Bytes so far, those missing included. */
    struct slice data;                  /* The first of them, as many as are wanted. */
    bool is_over;                       /* Nothing more comes: it is whole, or was cut. */
    bool is_complete, has_gaps;
    bool is_kept_whole;                 /* 'data' is all that was seen. */
    bool has_tx;
    uint64_t tx_id;                     /* Of the transaction that it is part of. */
    struct app_bytes kept;
    /* Owned by later stages. */
    struct detect_frame *detect;        /* Freed by detect when the frame is over. */
    bool is_inspected, is_logged;
};

/* What recognition found odd, by the names that rules ("app-layer-event:...") and the
 * anomaly event use. */
#define APP_PROTO_EVENTS(X)                                                        \
    X(MISMATCH_BOTH_DIRECTIONS, "applayer_mismatch_protocol_both_directions")      \
    X(WRONG_DIRECTION_FIRST_DATA, "applayer_wrong_direction_first_data")           \
    X(ONLY_ONE_DIRECTION, "applayer_detect_protocol_only_one_direction")           \
    X(DETECTION_SKIPPED, "applayer_proto_detection_skipped")                       \
    X(NO_TLS_AFTER_STARTTLS, "applayer_no_tls_after_starttls")                     \
    X(UNEXPECTED_PROTOCOL, "applayer_unexpected_protocol")
enum app_proto_event {
#define X(id, name) APP_PROTO_EVENT_##id,
    APP_PROTO_EVENTS(X)
#undef X
    APP_N_PROTO_EVENTS
};

struct app_session {
    const struct app_parser *parser;    /* NULL until the protocol is known. */
    struct flow *flow;
    struct app_engine *engine;
    struct list_node txs;               /* In order of id. */
    struct list_node moved;             /* Those that something happened to. */
    uint64_t n_txs;                     /* Made so far. */
    uint64_t first_id;                  /* Of those, made by earlier parsers: ids begin
                                         * anew with each. */
    size_t n_open;                      /* In the list, ... */
    size_t n_over;                      /* ... of which nothing more comes: to be released. */
    struct list_node frames;            /* struct app_frame, in the order of their beginnings. */
    size_t n_frames;                    /* In that list. */
    uint64_t events;                    /* Of the session, not of one transaction. */
    bool stores_files[N_DIRECTIONS];    /* As of a transaction, of all that are to come. */
    bool wants_flush;                   /* What came so far is to be inspected and logged
                                         * before what follows: the caller's to clear. */
    bool is_quiet;                      /* Transactions to come are not to be logged. */
    bool is_failed;                     /* The parser gave up: raw stream rules alone. */
    bool is_recognized;                 /* Recognition is over, with or without success. */
    bool is_finished;                   /* Nothing more is parsed: the parser is done, failed,
                                         * or the flow ended. */
    bool has_ended[N_DIRECTIONS];       /* The stream: a file need not wait for a packet of its
                                         * direction once both have. */
    uint64_t proto_events;              /* Bit n: enum app_proto_event n. */
    uint64_t events_logged, proto_events_logged;        /* Output's, as in app_tx. */
    bool wants_tls;                     /* Nothing but TLS is to follow a switch. */
    enum app_proto first_proto;         /* Before the last APP_SWITCH; else UNKNOWN. */
    uint64_t memory;                    /* Bytes that the session holds. */
    void *state;                        /* The parser's own. */
};

/* The engine asks later stages to free what hangs on a transaction. */
typedef void app_tx_end_callback(void *context, struct app_tx *);

struct app_engine *app_engine_create(const struct app_conf *, app_tx_end_callback *,
                                     void *context);
void app_engine_destroy(struct app_engine *);
/* Where connections that are expected are noted; borrowed, outlives the engine.  Without it
 * none are. */
void app_engine_set_hosts(struct app_engine *, struct host_table *);
/* The seed of tables whose keys come from outside; without it that of replay. */
void app_engine_set_seed(struct app_engine *, struct hash_seed);
/* Where files go that are stored; borrowed.  Without it none are. */
void app_engine_set_file_sink(struct app_engine *, const struct app_file_sink *);

/* One piece of a TCP stream; makes the session at the first. */
void app_stream(struct app_engine *, struct flow *, const struct packet *,
                const struct stream_data *);
/* One UDP payload. */
void app_datagram(struct app_engine *, struct flow *, const struct packet *, enum direction);
/* The flow ends, one side first: closes that direction of every open transaction, so that it
 * can be inspected. */
void app_flow_finish_side(struct app_engine *, struct flow *, enum direction);
/* The flow ends: closes every open transaction, so that it can be inspected and logged. */
void app_flow_finish(struct app_engine *, struct flow *);
/* Frees the session with its transactions. */
void app_flow_end(struct app_engine *, struct flow *);
/* Frees the transactions of 'flow' that are done, inspected and logged. */
void app_release(struct app_engine *, struct flow *);

/* ---- For detect ---- */

enum app_view_state {
    APP_VIEW_NOT_YET,           /* May still come. */
    APP_VIEW_ABSENT,            /* There is none, and none will come. */
    APP_VIEW_GROWING,           /* These bytes, more may follow. */
    APP_VIEW_DONE,              /* These bytes, and no more. */
};
struct app_view {
    enum app_view_state state;
    struct slice bytes;         /* Borrowed until the session is fed again. */
};
/* Instance 'index' (0.. for BUFFER_MULTI) of a buffer in a direction.  Past the last
 * instance: NOT_YET or ABSENT. 'argument' for buffers that take one, else empty. */
struct app_view app_tx_buffer(const struct app_tx *, enum direction, enum buffer_id,
                              unsigned index);
/* An integer keyword's value; instance 'index'.  False when there is none (yet). */
bool app_tx_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                   uint64_t *value);
/* How far a direction has come (rules/lang/hooks.h). */
unsigned app_tx_progress(const struct app_tx *, enum direction);
/* The transaction of a frame, or NULL: none, or it is gone. */
struct app_tx *app_frame_tx(const struct app_session *, const struct app_frame *);
/* An interface of DCE RPC that the call of a transaction may be of. */
struct app_iface {
    const uint8_t *uuid;        /* 16 bytes, as they are written. */
    uint16_t version;
    bool is_accepted;           /* By the server, and meant by the call. */
    bool is_first_frag;         /* Asked for in a first fragment. */
};
/* Number 'index' of them; false past the last. */
bool app_tx_iface(const struct app_tx *, unsigned index, struct app_iface *);
/* Is what the transaction carries in little-endian order ("byte_test:..., dce")? */
bool app_tx_is_little_endian(const struct app_tx *);
/* Does the transaction, or its session, have the event of this name ("http." left out)? */
bool app_tx_has_event(const struct app_tx *, const char *name);
/* As above without a transaction: the session's own events and those of recognition. */
bool app_session_has_event(const struct app_session *, const char *name);
/* Is 'proto' (of a rule) what the session speaks?  APP_HTTP stands for 1 and 2; SMB carries
 * DCE RPC. */
bool app_proto_fits(enum app_proto rule, enum app_proto session);

static inline struct app_tx *app_tx_first(const struct app_session *s)
{
    struct list_node *n = s != NULL ? list_front(&s->txs) : NULL;
    return n != NULL ? LIST_ENTRY(n, struct app_tx, node) : NULL;
}

static inline struct app_tx *app_tx_next(const struct app_session *s, const struct app_tx *tx)
{
    return tx->node.next == &s->txs ? NULL : LIST_ENTRY(tx->node.next, struct app_tx, node);
}

/* As above, but of many that are open only those that something happened to since
 * app_release(): requests without answers must not make each packet dearer. */
#define APP_FEW_TXS 16u
static inline struct app_tx *app_tx_next_moved(const struct app_session *s,
                                               const struct app_tx *tx)
{
    if (s->n_open <= APP_FEW_TXS) {
        return app_tx_next(s, tx);
    }
    return tx->moved_node.next == &s->moved
               ? NULL : LIST_ENTRY(tx->moved_node.next, struct app_tx, moved_node);
}

static inline struct app_tx *app_tx_first_moved(const struct app_session *s)
{
    if (s == NULL || s->n_open <= APP_FEW_TXS) {
        return app_tx_first(s);
    }
    struct list_node *n = list_front(&s->moved);
    return n != NULL ? LIST_ENTRY(n, struct app_tx, moved_node) : NULL;
}

/* ---- For output ---- */

/* Hangs the transaction's object (event->http, ->dns, ->tls, ...) on 'event'; memory from
 * 'scratch', which outlives the event.  'dir' chooses for protocols whose two directions
 * are two events (dns). */
void app_tx_fill(const struct app_tx *, enum direction, struct event *, struct arena *scratch);
/* Is there something to log now?  A tls transaction is logged when its handshake is, a
 * dns one for each message.  'dir' as for app_tx_fill(). */
bool app_tx_is_loggable(const struct app_tx *, enum direction);
/* The name of an event by its bit, of the tx's parser; NULL past the last. */
const char *app_event_name(const struct app_parser *, unsigned bit);
/* The name of a recognition event; NULL past the last. */
const char *app_proto_event_name(unsigned bit);
/* Does a parser deliver buffers of what a rule calls 'proto' (not only recognize it)? */
bool app_has_parser(enum app_proto);
/* Does a parser of it have an event of that name; with APP_UNKNOWN, does recognition? */
bool app_raises_event(enum app_proto, const char *name);
/* "http", "dns", ... as the EVE event type; NULL: this protocol logs no transactions. */
const char *app_event_type(const struct app_parser *);

struct app_counters {
    uint64_t sessions, sessions_by_proto[APP_N_PROTOS], failed, gaps;
    uint64_t txs, txs_by_proto[APP_N_PROTOS], txs_refused, memory;
    uint64_t frames, frames_refused;
    uint64_t files_not_stored;          /* Though a rule or file-store wanted them. */
};
const struct app_counters *app_counters(const struct app_engine *);

#endif
