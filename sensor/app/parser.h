/* The interface of an application parser: a new protocol is one folder with one of these,
 * and one line in app/registry.c.
 *
 * parse() is given all bytes that it has not consumed yet, contiguous, and answers how far
 * it got; the engine keeps the rest and offers it again with more behind it.  A parser
 * that can use partial data consumes it at once. */
#ifndef CIVICSHIELD_APP_PARSER_H
#define CIVICSHIELD_APP_PARSER_H

#include "sensor/app/app.h"

enum app_probe { APP_PROBE_NO, APP_PROBE_MORE, APP_PROBE_YES };

struct app_input {
    enum direction dir;
    struct slice bytes;
    uint32_t gap;               /* Bytes missing before 'bytes'; parse() must resynchronize
                                 * or fail.  Never 0 < gap with earlier bytes unconsumed. */
    bool is_end;                /* Nothing follows in this direction. */
    bool is_cut;                /* ... because we stopped looking, not because it ended. */
    uint64_t now_ns;
};

enum app_result {
    APP_OK,                     /* 'consumed' bytes are done with; more are welcome. */
    APP_NEED_MORE,              /* As APP_OK, and nothing can be done before more arrives. */
    APP_DONE,                   /* Not interested in this session any more (TLS: encrypted). */
    APP_BROKEN,                 /* Not this protocol, or beyond repair. */
    APP_SWITCH,                 /* Another protocol goes on (CONNECT, STARTTLS): recognize anew. */
};

struct app_parser {
    enum app_proto proto;
    const char *event_type;             /* EVE; NULL: not logged. */
    bool over_tcp, over_udp;
    bool client_speaks_first;           /* First data from the server is odd. */
    bool has_no_depth;                  /* The stream is wanted whole, whatever its depth. */
    bool tells_raw;                     /* The parser says when rules on raw bytes need not wait
                                         * (stream_raw_trigger()), if ever; else the end of a
                                         * side of a transaction does. */
    const char *const *event_names;     /* NULL-terminated; at most 64. */

    /* Is this the first data of 'dir' of such a session?  Ports are those of the flow's
     * server and client.  May be NULL: never recognized by itself. */
    enum app_probe (*probe)(enum direction dir, struct slice bytes, uint16_t server_port,
                            uint16_t client_port);
    /* Sets session->state; false: no memory. */
    bool (*open)(struct app_session *);
    void (*close)(struct app_session *);
    enum app_result (*parse)(struct app_session *, const struct app_input *,
                             size_t *consumed);
    /* The flow ended: mark what is open as done. */
    void (*finish)(struct app_session *);
    struct app_view (*buffer)(const struct app_tx *, enum direction, enum buffer_id,
                              unsigned index);
    bool (*number)(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                   uint64_t *value);                            /* May be NULL. */
    /* How far a direction has come, by the numbers of rules/lang/hooks.h; NULL: it has begun
     * or is complete. */
    unsigned (*progress)(const struct app_tx *, enum direction);
    /* Interface 'index' that a call of DCE RPC may be of; false past the last.  NULL: none. */
    bool (*iface)(const struct app_tx *, unsigned index, struct app_iface *);
    /* The byte order of what is carried, for "byte_test:..., dce"; NULL: the network's. */
    bool (*is_little_endian)(const struct app_tx *);
    void (*fill)(const struct app_tx *, enum direction, struct event *, struct arena *);
    bool (*is_loggable)(const struct app_tx *, enum direction); /* NULL: when both are done. */
    unsigned frame_tx_base;             /* What EVE adds to the transaction's id in frames. */
    void (*tx_free)(struct app_tx *);   /* What the arena does not hold; may be NULL. */
    /* Frees what the parser put on its shelf (app_engine_shelf()); may be NULL. */
    void (*shelf_free)(void *);
};

/* All parsers, NULL-terminated, in the order in which they probe. */
extern const struct app_parser *const app_parsers[];

/* A new transaction of 'size' bytes (a struct that begins with struct app_tx) at the end
 * of the session's list; NULL, counted, when a limit is reached. */
void *app_tx_new(struct app_session *, size_t size, uint64_t now_ns);
/* The one that is to make room for another where 'max' may be open: the oldest of the parser's
 * own that goes on, for the parser to end.  NULL: there is room. */
struct app_tx *app_tx_surplus(const struct app_session *, uint64_t max);
void app_tx_set_event(struct app_tx *, unsigned bit);
/* As above, for events that are told each time and not once; the first 255 again. */
void app_tx_repeat_event(struct app_tx *, unsigned bit);
void app_session_set_event(struct app_session *, unsigned bit);
/* The first and the last transaction that the session's present parser made, or NULL.  Those
 * that the one before it left (APP_SWITCH) stand in front of them: they are another struct. */
static inline struct app_tx *app_tx_first_own(const struct app_session *s)
{
    struct app_tx *tx = app_tx_first(s);

    while (tx != NULL && tx->parser != s->parser) {
        tx = app_tx_next(s, tx);
    }
    return tx;
}
static inline struct app_tx *app_tx_last_own(const struct app_session *s)
{
    struct list_node *last = list_back(&s->txs);
    struct app_tx *tx = last != NULL ? LIST_ENTRY(last, struct app_tx, node) : NULL;

    return tx != NULL && tx->parser == s->parser ? tx : NULL;
}
/* Says that progress was made: later stages look again, memory is accounted. */
void app_tx_changed(struct app_tx *tx, enum direction dir);

/* A TCP connection that a session announces: between the same hosts, to 'port'. */
struct app_expected {
    enum app_proto proto;       /* Whose parser takes it, whatever its bytes look like. */
    uint32_t detail;            /* The parser's own. */
    struct slice name;          /* At most 4096 bytes are kept; may be empty. */
};
/* Announces; a later announcement of the same port replaces the earlier.  'what' is copied.
 * The one connection that comes within 'timeout_ns' has this flow as its parent. */
void app_expect(struct app_session *, uint16_t port, const struct app_expected *what,
                uint64_t now_ns, uint64_t timeout_ns);
/* What announced this session, for its parser's open(); NULL: nothing did. */
const struct app_expected *app_expected(const struct app_session *);

/* The transaction is one message of direction 'dir', complete: it is inspected in that
 * direction alone and looked at once. */
void app_tx_set_message(struct app_tx *, enum direction dir);

/* A place for what the parser of 'proto' keeps beyond sessions, one for each worker; NULL at
 * first.  The parser bounds it. */
void **app_engine_shelf(struct app_engine *, enum app_proto proto);

/* Memory beside the arenas (growing buffers, decoders): taken before it is allocated.
 * False when the session's or the engine's limit is reached. */
bool app_memory_take(struct app_session *, size_t size);
void app_memory_give(struct app_session *, size_t size);

/* Appends to bytes that grow by doubling, within the session's memory; false, with nothing
 * changed, when there is none. */
bool app_bytes_put(struct app_session *, struct app_bytes *, const void *bytes, size_t size);
void app_bytes_free(struct app_session *, struct app_bytes *);

const struct app_conf *app_engine_conf(const struct app_engine *);

#endif
