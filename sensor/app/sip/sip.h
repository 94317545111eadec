/* SIP (RFC 3261) over UDP and TCP, with SDP (RFC 8866) in its bodies.  Shared by the files
 * of this folder alone, but for the parsers.
 *
 *   sip.c      recognition, datagrams and streams to messages
 *   message.c  one message: start line and headers
 *   sdp.c      the lines of a session description
 *   fill.c     buffers and events */
#ifndef CIVICSHIELD_SIP_H
#define CIVICSHIELD_SIP_H

#include "sensor/app/parser.h"

/* Headers that are kept of one message. */
#define SIP_MAX_HEADERS 256u

#define SIP_EVENTS(X)                       \
    X(INCOMPLETE_DATA, "incomplete_data")   \
    X(INVALID_DATA, "invalid_data")
enum sip_event {
#define X(id, name) SIP_EVENT_##id,
    SIP_EVENTS(X)
#undef X
};

/* X(identifier, name, short name (RFC 3261, 7.3.3) or "") */
#define SIP_FIELDS(X)                       \
    X(FROM, "From", "f")                    \
    X(TO, "To", "t")                        \
    X(VIA, "Via", "v")                      \
    X(USER_AGENT, "User-Agent", "")         \
    X(CONTENT_TYPE, "Content-Type", "c")    \
    X(CONTENT_LENGTH, "Content-Length", "l")
enum sip_field {
#define X(id, name, shorter) SIP_##id,
    SIP_FIELDS(X)
#undef X
    SIP_N_FIELDS
};

struct sip_header {
    enum sip_field field;
    struct slice value;         /* Unfolded, trimmed. */
};

/* Slices stand in the bytes that were read, or in the arena. */
struct sip_message {
    bool is_request;
    bool is_odd;                /* A line of its headers is none. */
    struct slice line;          /* The start line. */
    struct slice version;
    struct slice method, uri;   /* Of a request. */
    struct slice code, reason;  /* Of a response. */
    struct sip_header *headers;
    size_t n_headers;
    struct slice body;
};

struct sip_tx {
    struct app_tx tx;           /* First. */
    enum direction dir;
    struct sip_message message;
};

/* ---- message.c ---- */

/* Does 's' begin with a start line, as far as it goes? */
enum app_probe sip_probe_line(struct slice s);
/* How many bytes stand up to the end of the headers, the empty line included; 0: it is not
 * there.  '*scanned' is where to look on. */
size_t sip_head_size(struct slice s, size_t *scanned);
/* The value of Content-Length in a head, 0 if there is none; false: it is no number. */
bool sip_body_size(struct slice head, uint64_t *size);
/* Reads a head that stands in 'arena' already.  False: its first line is no start line. */
bool sip_message_read(struct sip_message *, struct slice head, struct arena *);

/* ---- sdp.c ---- */

/* Where a walk along a description stands. */
struct sdp_walk {
    struct slice rest;
    char type;                  /* Of this line: 'o', 's', ... */
    struct slice value;
    unsigned n_media;           /* Media descriptions begun, this line's included. */
};
/* Does the body hold a description, and the walk stand before its first line? */
bool sdp_begin(struct slice body, struct sdp_walk *);
/* The next line; false: there is none. */
bool sdp_next(struct sdp_walk *);
/* Value 'index' of the lines of a type, of the session or of its media; no bytes: there is
 * none. */
struct slice sdp_find(struct slice body, char type, bool of_media, unsigned index);
/* The sdp object of an event; NULL: no description, or no room. */
const struct event_sdp *sdp_fill(struct slice body, struct arena *scratch);

/* ---- fill.c: hooks of the parsers ---- */

static inline const struct sip_tx *sip_tx_of(const struct app_tx *tx)
{
    return (const struct sip_tx *) (const void *) tx;
}
struct app_view sip_buffer(const struct app_tx *, enum direction, enum buffer_id,
                           unsigned index);
void sip_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

extern const struct app_parser sip_udp_parser, sip_tcp_parser;

#endif
