/* RDP behind the parser's interface: TPKTs, or records of TLS where the two sides agreed on
 * that.  Every message that tells something is a transaction of its own. */
#include <stdlib.h>

#include "sensor/app/rdp/rdp_private.h"

#define RDP_PORT 3389
#define TPKT_VERSION 3
#define TPKT_HEADER 4u
#define TLS_HEADER 5u
#define TLS_HANDSHAKE 22
#define TLS_DATA 23
#define TLS_MAX_RECORD (16384u + 2048u)

struct rdp_tx {
    struct app_tx tx;
    enum direction dir;
    struct rdp_message message;
};
struct rdp_state {
    bool is_tls;                /* Both sides speak TLS from here on. */
};

static const struct rdp_tx *rdp_tx_of(const struct app_tx *tx)
{
    return (const struct rdp_tx *) (const void *) tx;
}

/* TPKT (RFC 2126) with a connection request or confirm of X.224; on the port with data too,
 * of which the server's may be the first that is seen. */
static enum app_probe rdp_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t version = cursor_u8(&c), reserved = cursor_u8(&c);
    uint16_t size = cursor_be16(&c);
    uint8_t header = cursor_u8(&c), type = cursor_u8(&c);

    if (bytes.size > 0 && (version != TPKT_VERSION || (bytes.size > 1 && reserved != 0))) {
        return APP_PROBE_NO;
    }
    if (c.bad) {
        return APP_PROBE_MORE;
    }
    bool is_data = server_port == RDP_PORT && type == 0xf0 && header == 2;
    bool is_first = type == (dir == TO_SERVER ? 0xe0 : 0xd0) && size == header + 5u;
    return is_first || is_data ? APP_PROBE_YES : APP_PROBE_NO;
}

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct rdp_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct rdp_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct rdp_state));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct rdp_state));
    }
}

/* A transaction for a message that is read next; NULL, counted, when there is no room. */
static struct rdp_tx *new_tx(struct app_session *s, const struct app_input *in)
{
    struct rdp_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);

    if (tx != NULL) {
        tx->dir = in->dir;
        tx->message.eve.tx_id = tx->tx.id + 1;
    }
    return tx;
}

/* Does the session end with this message? */
static bool take_message(struct app_session *s, const struct app_input *in,
                         struct slice body)
{
    enum rdp_kind kind = rdp_message_kind(body, in->dir);
    struct rdp_tx *tx = kind != RDP_NONE ? new_tx(s, in) : NULL;

    if (tx != NULL) {
        rdp_message_read(kind, body, &tx->tx.arena, &tx->message);
        app_tx_set_message(&tx->tx, in->dir);
    }
    return kind == RDP_CONNECT_RESPONSE;
}

static bool take_record(struct app_session *s, const struct app_input *in,
                        struct slice record)
{
    bool has_certificates = rdp_has_certificates(record);
    struct rdp_tx *tx = has_certificates ? new_tx(s, in) : NULL;

    if (tx != NULL) {
        rdp_certificates_read(record, &tx->tx.arena, &tx->message);
        app_tx_set_message(&tx->tx, in->dir);
    }
    return has_certificates;
}

/* One TPKT; NEED_MORE leaves the cursor in front of it. */
static enum app_result parse_tpkt(struct app_session *s, const struct app_input *in,
                                  struct cursor *c)
{
    struct cursor at = *c;
    uint8_t version = cursor_u8(&at);
    (void) cursor_u8(&at);
    uint16_t size = cursor_be16(&at);

    if (version != TPKT_VERSION) {
        ((struct rdp_state *) s->state)->is_tls = version == TLS_HANDSHAKE;
        return version == TLS_HANDSHAKE ? APP_OK : APP_BROKEN;
    }
    if (at.bad) {
        return APP_NEED_MORE;
    }
    if (size < TPKT_HEADER) {
        return APP_BROKEN;
    }
    struct slice body = cursor_slice(&at, size - TPKT_HEADER);
    if (at.bad) {
        return APP_NEED_MORE;
    }
    *c = at;
    return take_message(s, in, body) ? APP_DONE : APP_OK;
}

/* One record of TLS: the server's certificates are the last that is read. */
static enum app_result parse_tls(struct app_session *s, const struct app_input *in,
                                 struct cursor *c)
{
    struct cursor at = *c;
    uint8_t type = cursor_u8(&at), major = cursor_u8(&at);
    (void) cursor_u8(&at);
    uint16_t size = cursor_be16(&at);

    if (at.bad) {
        return APP_NEED_MORE;
    }
    if (major != 3 || size > TLS_MAX_RECORD) {
        return APP_BROKEN;
    }
    struct slice record = cursor_slice(&at, size);
    if (at.bad) {
        return APP_NEED_MORE;
    }
    *c = at;
    if (in->dir == TO_CLIENT && type == TLS_HANDSHAKE
        && take_record(s, in, record)) {
        return APP_DONE;
    }
    return type == TLS_DATA && in->dir == TO_CLIENT ? APP_DONE : APP_OK;
}

static enum app_result rdp_parse(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    enum app_result result = APP_OK;

    if (in->gap != 0) {
        return APP_BROKEN;              /* Nothing marks where a message begins. */
    }
    while (result == APP_OK && cursor_left(&c) > 0) {
        result = ((struct rdp_state *) s->state)->is_tls ? parse_tls(s, in, &c)
                                                         : parse_tpkt(s, in, &c);
    }
    *consumed = in->bytes.size - cursor_left(&c);
    return result;
}

static struct app_view rdp_buffer(const struct app_tx *tx, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    return (struct app_view) { .state = APP_VIEW_ABSENT };
}

static void rdp_fill(const struct app_tx *tx, enum direction dir, struct event *event,
                     struct arena *scratch)
{
    event->rdp = &rdp_tx_of(tx)->message.eve;
}

static bool rdp_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return rdp_tx_of(tx)->dir == dir;
}

const struct app_parser rdp_parser = {
    .proto = APP_RDP, .event_type = "rdp", .over_tcp = true, .client_speaks_first = true,
    .probe = rdp_probe, .open = open_session, .close = close_session, .parse = rdp_parse,
    .buffer = rdp_buffer, .fill = rdp_fill, .is_loggable = rdp_is_loggable,
};
