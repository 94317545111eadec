/* HTTP/1 and 0.9 (RFC 9112), read as leniently as clients do: what a browser could make a
 * page of, rules must be able to see.  Shared by the files of this folder alone.
 *
 *   probe.c    recognition
 *   parse.c    state machine, gaps, ends; its steps (step.h) in
 *     start.c, head.c, framing.c
 *   line.c     request line and status line
 *   header.c   fields: splitting, folding, what they mean for the message
 *   uri.c      parts and normal form
 *   body.c     from the wire's body to what rules and files see
 *   coding.c   gzip, deflate, brotli
 *   multipart.c  file uploads in forms
 *   range.c    files that come in ranges
 *   buffer.c   buffers and numbers for rules
 *   fill.c     the http event */
#ifndef CIVICSHIELD_HTTP_H
#define CIVICSHIELD_HTTP_H

#include "sensor/app/file.h"
#include "sensor/app/http/events.h"
#include "sensor/app/parser.h"

#define HTTP_MAX_HEADERS 1024
#define HTTP_MAX_LAYERS 3
/* More than this is told, whether or not it is undone. */
#define HTTP_USUAL_LAYERS 2

/* Field names that mean something to us.  X(identifier, name) */
#define HTTP_FIELDS(X)                              \
    X(ACCEPT, "accept")                             \
    X(ACCEPT_ENCODING, "accept-encoding")           \
    X(ACCEPT_LANGUAGE, "accept-language")           \
    X(AUTHORIZATION, "authorization")               \
    X(CONNECTION, "connection")                     \
    X(CONTENT_DISPOSITION, "content-disposition")   \
    X(CONTENT_ENCODING, "content-encoding")         \
    X(CONTENT_LENGTH, "content-length")             \
    X(CONTENT_RANGE, "content-range")               \
    X(CONTENT_TYPE, "content-type")                 \
    X(COOKIE, "cookie")                             \
    X(EXPECT, "expect")                             \
    X(HOST, "host")                                 \
    X(LOCATION, "location")                         \
    X(REFERER, "referer")                           \
    X(SERVER, "server")                             \
    X(SET_COOKIE, "set-cookie")                     \
    X(TRANSFER_ENCODING, "transfer-encoding")       \
    X(UPGRADE, "upgrade")                           \
    X(USER_AGENT, "user-agent")
enum http_field {
    HTTP_FIELD_OTHER,
#define X(id, name) HTTP_FIELD_##id,
    HTTP_FIELDS(X)
#undef X
    HTTP_N_FIELDS
};

struct http_header {
    struct slice name, value;   /* Trimmed; the value unfolded. */
    unsigned n_repeats;
    enum http_field field;
};

enum http_progress { HTTP_NOTHING, HTTP_LINE, HTTP_HEADERS, HTTP_DONE };

/* Where the parser stands in one direction. */
enum http_at {
    AT_START,                   /* Before a request line or a status line. */
    AT_AFTER_09,                /* A request line without protocol: 0.9, or forgotten? */
    AT_HEADERS,
    AT_BODY_UNSURE,             /* A response that must have no body announces one. */
    AT_LENGTH,
    AT_CLOSE,                   /* A body until the end. */
    AT_CHUNK_SIZE, AT_CHUNK_DATA, AT_CHUNK_END,
    AT_TRAILER,
    AT_TUNNEL,                  /* Behind CONNECT: the response decides. */
    AT_LOST,                    /* Behind a gap: until something looks like a start. */
};

struct http_coding;
struct http_multipart;

struct http_body {
    uint64_t wire_size;         /* Without the framing of chunks, before decoding. */
    uint64_t framing_size;      /* Sizes of chunks and the line ends behind them. */
    uint64_t size;              /* Decoded and handed on; at most the limit. */
    struct http_coding *codings;        /* The outermost; NULL: none. */
    struct http_multipart *multipart;
    struct app_file *file;
    struct app_bytes kept;      /* Of a request body that is no file. */
    bool is_kept_whole;
    bool has_begun, has_gap;
    bool is_cut;                /* The limit is passed: what follows is not looked at. */
};

struct http_message {
    enum http_progress progress;
    struct slice raw;           /* Start line and headers as sent, in the arena. */
    size_t raw_cap;
    size_t line_size;           /* Of the start line in 'raw', without its line end. */
    size_t headers_at;          /* Where the headers begin in 'raw'. */
    size_t head_size;           /* Of 'raw' without the trailer. */
    struct slice protocol;
    int minor;                  /* Of HTTP/1.x; -1: another protocol; 9: HTTP/0.9. */
    struct http_header *headers;
    size_t n_headers, headers_cap;
    size_t n_head;              /* Without those of the trailer. */
    size_t open_at, open_size;  /* The field in 'raw' that the next line may continue. */
    bool has_open, is_open_folded;
    bool is_chunked, has_length;
    uint64_t length;
    struct http_body body;
    /* Made when a rule asks first. */
    struct slice header, header_names, start;
    struct slice *lines;        /* "Name: value", one for each header. */
    bool has_header, has_header_names, has_start;
};

struct http_uri {
    struct slice host, port, path, query, fragment;     /* As sent; bytes NULL: none. */
    struct slice full;          /* Normal form: path, query and fragment. */
    size_t path_size;           /* The path in 'full'. */
    bool is_made;
};

struct http_tx {
    struct app_tx tx;           /* First. */
    struct http_message msgs[N_DIRECTIONS];
    struct slice method, uri_raw;
    struct http_uri uri;
    struct slice host;          /* Lower-case, without port. */
    struct slice host_raw;      /* Of the Host header, or of the URI. */
    unsigned port;              /* Announced with the host; 0: none. */
    struct slice status_text, reason;
    int status;                 /* 0: none, or not a number. */
    bool is_09;
    bool has_continue;
    bool has_request;
};

struct http_side {
    enum http_at at;
    struct http_tx *tx;
    uint64_t left;              /* Bytes of the body or chunk. */
    size_t scanned;             /* Of the unconsumed bytes: no line end before here. */
    bool after_bare_lf;         /* The line before ended in LF without CR. */
    bool is_first_chunk;
    struct app_frame *frame;    /* Of the message, interim responses included; NULL: nobody
                                 * asks for it. */
};

struct http_state {
    struct http_side sides[N_DIRECTIONS];
    bool wants_switch;
};

static inline struct http_tx *http_tx_of(const struct app_tx *tx)
{
    return (struct http_tx *) (uintptr_t) tx;
}

static inline void http_event(struct http_tx *tx, enum http_event event)
{
    tx->tx.events |= 1ull << event;
}

/* The event of one of two for a direction. */
static inline void http_event_by(struct http_tx *tx, enum direction dir,
                                 enum http_event request, enum http_event response)
{
    http_event(tx, dir == TO_SERVER ? request : response);
}

static inline const struct app_conf *http_conf(const struct http_tx *tx)
{
    return app_engine_conf(tx->tx.session->engine);
}

/* The bytes that browsers and libraries take for blank around tokens. */
static inline bool http_is_blank(uint8_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0;
}

static inline struct slice http_trim(struct slice s)
{
    while (s.size != 0 && http_is_blank(s.bytes[0])) {
        s = slice_from(s, 1);
    }
    while (s.size != 0 && http_is_blank(s.bytes[s.size - 1])) {
        s.size--;
    }
    return s;
}

/* line.c: 'line' stands in the message's raw text, without its line end. */
void http_request_line(struct http_tx *, struct slice line);
void http_status_line(struct http_tx *, struct slice line);
bool http_is_method(struct slice token);

/* header.c */
/* Appends to the message's raw text; false: over the limit, or no memory. */
bool http_raw_put(struct http_tx *, enum direction, struct slice bytes);
/* One line of the headers, which has just been put at the end of 'raw' with its line end.
 * Returns false when there are too many. */
bool http_header_line(struct http_tx *, enum direction, size_t at, size_t size);
/* The field that is open is complete. */
bool http_header_flush(struct http_tx *, enum direction);
/* All headers are there: lengths, codings, host. */
void http_headers_end(struct http_tx *, enum direction);
/* No more headers will come, though they had not ended: those that are whole count, and a
 * request that never came to its end has no host. */
void http_headers_cut(struct http_tx *, enum direction);
/* The first header of that field; NULL: none. */
const struct http_header *http_find(const struct http_message *, enum http_field);
/* 'text' (lower-case) in 'value', case and NUL bytes ignored. */
bool http_has_token(struct slice value, const char *text);

/* uri.c */
void http_uri_split(struct http_tx *);
void http_uri_make(struct http_tx *);
/* Splits "host:port"; false when the port is no number of 1 to 65535. */
bool http_authority_split(struct slice text, struct slice *host, struct slice *port);
bool http_host_is_valid(struct slice host);
struct slice http_uri_path(struct http_tx *);

/* body.c */
void http_body_begin(struct http_tx *, enum direction);
void http_body_data(struct http_tx *, enum direction, struct slice bytes);
void http_body_gap(struct http_tx *, enum direction, uint64_t size);
void http_body_end(struct http_tx *, enum direction, bool is_whole);
void http_body_free(struct http_tx *, enum direction);
/* Decoded bytes arrive. */
void http_body_decoded(struct http_tx *, enum direction, struct slice bytes);
/* The value of a parameter ("filename", "boundary") of a header, quotes taken off. */
struct slice http_parameter(struct slice value, const char *name);

/* range.c */
struct http_range { uint64_t start, end, size; bool has_size; };
/* The value of Content-Range. */
bool http_range_read(struct slice value, struct http_range *);
/* A response body is complete: if it is a range of a file, that file may be complete now. */
void http_range_take(struct http_tx *, const struct app_file *);
/* What the worker keeps of ranges; NULL is fine. */
void http_ranges_free(void *shelf);

/* coding.c */
enum http_coding_kind { CODING_GZIP, CODING_DEFLATE, CODING_BROTLI };
/* Puts a decoder before those that are there; it feeds the one behind it. */
bool http_coding_add(struct http_tx *, enum direction, enum http_coding_kind);
void http_coding_feed(struct http_tx *, enum direction, struct http_coding *,
                      struct slice bytes);
void http_coding_end(struct http_tx *, enum direction, struct http_coding *);
void http_coding_free(struct http_tx *, struct http_coding *);

/* multipart.c */
struct http_multipart *http_multipart_open(struct http_tx *, struct slice content_type);
void http_multipart_feed(struct http_tx *, struct http_multipart *, struct slice bytes);
void http_multipart_gap(struct http_tx *, struct http_multipart *, uint64_t size);
/* 'is_cut': not because the body ended. */
void http_multipart_end(struct http_tx *, struct http_multipart *, bool is_cut);

/* parse.c, buffer.c, fill.c: the hooks of the parser. */
enum app_result http_parse(struct app_session *, const struct app_input *, size_t *consumed);
void http_finish(struct app_session *);
enum app_probe http_probe(enum direction, struct slice bytes, uint16_t server_port,
                          uint16_t client_port);
struct app_view http_buffer(const struct app_tx *, enum direction, enum buffer_id,
                            unsigned index);
bool http_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                 uint64_t *value);
void http_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

extern const struct app_parser http_parser;

#endif
