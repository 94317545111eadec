/* Shared by the files of app/ alone. */
#ifndef CIVICSHIELD_APP_PRIVATE_H
#define CIVICSHIELD_APP_PRIVATE_H

#include "common/base/hash.h"
#include "common/base/pool.h"
#include "sensor/app/digest.h"
#include "sensor/app/parser.h"
#include "sensor/host/host.h"

/* Recognition looks at so many bytes of a direction and then answers no. */
#define APP_PROBE_MAX 2048
/* One side has sent so much and the other nothing: recognition ends. */
#define APP_PROBE_SKIP 100000

struct app_side {
    struct app_bytes pending;   /* Not consumed yet, or not recognized yet. */
    uint64_t size;              /* Bytes seen while not recognized. */
    bool has_data;
    bool is_checked;            /* Its first data has been compared with the protocol. */
    bool is_failed;             /* No parser wants what it sends. */
    bool is_ended;
    uint64_t arrived;           /* Bytes of the stream up to the last that came. */
    uint64_t n_frames;          /* Made so far. */
    struct list_node open_frames;
};

struct session {
    struct app_session pub;     /* First. */
    struct app_side sides[N_DIRECTIONS];
    enum direction first_dir;   /* That sent first. */
    bool has_first_dir;
    unsigned n_switches;
    bool is_open;               /* The parser's open() succeeded, close() is due. */
    struct app_expected expected;       /* What announced this connection; the name is good
                                         * while the parser opens. */
    /* What is being parsed. */
    bool is_datagram;
    enum direction input_dir;
    struct slice input;
};

struct app_engine {
    const struct app_conf *conf;        /* Borrowed. */
    app_tx_end_callback *tx_end;        /* May be NULL. */
    void *context;
    struct pool sessions, frames;
    struct app_counters counters;
    void *shelves[APP_N_PROTOS];        /* Of the parsers. */
    const struct app_file_sink *file_sink;      /* Borrowed; NULL: no file is stored. */
    EVP_MD_CTX *digests[APP_N_DIGESTS]; /* Begun, to begin others by; NULL: cannot be made. */
    struct magic_set *magic;            /* NULL: the kinds of files are not asked for. */
    struct host_table *hosts;           /* Borrowed; NULL: no connection is ever expected. */
    struct expect_names *expect_names;  /* NULL before the first. */
    struct hash_seed seed;              /* Of lookups. */
    uint64_t expected_until_ns;         /* None that this worker announced comes later. */
};

/* digest.c */
void app_digests_create(EVP_MD_CTX *digests[APP_N_DIGESTS]);
void app_digests_destroy(EVP_MD_CTX *digests[APP_N_DIGESTS]);

static inline struct session *session_of(struct app_session *s)
{
    return (struct session *) (void *) s;
}

/* A piece of one direction on its way to the parser. */
struct app_piece {
    enum direction dir;
    struct slice bytes;
    uint32_t gap;
    bool is_end, is_cut;
    bool is_again;              /* Its bytes were delivered to another parser before. */
    uint64_t now_ns;
};

/* recognize.c: takes 'piece' while the protocol is unknown.  True when a parser was found
 * by it; the piece and what was kept before it is then to be delivered. */
bool app_recognize(struct session *, const struct app_piece *);
/* Recognition is over without success; a protocol that was there before a switch stays the
 * flow's, unless TLS was to follow it. */
void app_give_up(struct session *);
/* The first data of a direction when the protocol is known by the other. */
void app_check_side(struct session *, enum direction, struct slice bytes);
/* The parser took the first bytes: what they did not tell by now they never will. */
void app_settle_side(struct session *, enum direction);
/* The parser for a datagram, or NULL. */
const struct app_parser *app_probe_datagram(const struct flow *, enum direction,
                                            struct slice bytes);
/* Makes 'parser' the session's own; false: no memory. */
bool app_session_set_parser(struct session *, const struct app_parser *, enum direction);

/* magic.c: NULL when the library's data cannot be loaded. */
struct magic_set *app_magic_open(void);
void app_magic_close(struct magic_set *);       /* NULL is fine. */
/* What a file with these first bytes is, or NULL; valid until the next call. */
const char *app_magic_name(struct magic_set *, struct slice bytes);

/* expect.c: the parser for a TCP session that another one announced, or NULL.  Asked once,
 * with its first data. */
const struct app_parser *app_expect_take(struct session *, uint64_t now_ns);
void app_expect_free(struct expect_names *);    /* NULL is fine. */
/* frame.c: the first bytes of a direction are about to be parsed. */
void app_frames_begin(struct session *, enum direction);
/* Gives open frames what arrived. */
void app_frames_feed(struct session *, const struct app_piece *);
/* Nothing more comes in a direction; 'is_whole': because it ended. */
void app_frames_end(struct session *, enum direction, bool is_whole);
/* Another parser takes over: what the one before left open is cut. */
void app_frames_switch(struct session *);
/* Frees those that are over, inspected and logged; or all. */
void app_frames_release(struct session *);
void app_frames_free(struct session *);

/* tx.c */
void app_tx_end(struct app_tx *);
/* Nothing happens to it until it is changed again. */
void app_tx_rest(struct app_tx *);

#endif
