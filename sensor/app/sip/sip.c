/* Datagrams and streams to messages.  Each message is a transaction of its own, done at
 * once, of the direction in which it went. */
#include "sensor/app/sip/sip.h"

#include <stdlib.h>

#include "sensor/app/frame.h"

/* Of a TCP session. */
struct sip_state {
    size_t scanned[N_DIRECTIONS];       /* Of the unconsumed bytes: no head ends before. */
    uint64_t skip[N_DIRECTIONS];        /* Bytes left of a body that is passed over. */
};

static const char *const event_names[] = {
#define X(id, name) name,
    SIP_EVENTS(X)
#undef X
    NULL
};

static enum app_probe probe(enum direction dir, struct slice bytes, uint16_t server_port,
                            uint16_t client_port)
{
    return sip_probe_line(bytes);
}

/* Line ends and zeros between messages keep a way open (RFC 5626, 3.5.1). */
static struct slice skip_keep_alive(struct slice s)
{
    while (s.size != 0 && (s.bytes[0] == '\r' || s.bytes[0] == '\n' || s.bytes[0] == 0)) {
        s = slice_from(s, 1);
    }
    return s;
}

/* Line, headers without the empty line behind them, and body. */
static void open_frames(struct app_session *s, const struct sip_tx *tx, struct slice head,
                        struct slice body)
{
    bool is_request = tx->message.is_request;
    size_t line = tx->message.line.size;
    size_t tail = head.size >= 2 && head.bytes[head.size - 2] == '\r' ? 2 : 1;

    while (line < head.size && (head.bytes[line] == '\r' || head.bytes[line] == '\n')) {
        line++;
        if (head.bytes[line - 1] == '\n') {
            break;
        }
    }
    app_frame_set_tx(app_frame_open(s, is_request ? FRAME_SIP_REQUEST_LINE
                                                  : FRAME_SIP_RESPONSE_LINE,
                                    head.bytes, line), &tx->tx);
    app_frame_set_tx(app_frame_open(s, is_request ? FRAME_SIP_REQUEST_HEADERS
                                                  : FRAME_SIP_RESPONSE_HEADERS,
                                    head.bytes + line,
                                    head.size - line > tail ? head.size - line - tail : 0),
                     &tx->tx);
    if (body.size != 0) {
        app_frame_set_tx(app_frame_open(s, is_request ? FRAME_SIP_REQUEST_BODY
                                                      : FRAME_SIP_RESPONSE_BODY,
                                        body.bytes, body.size), &tx->tx);
    }
}

/* One message; false: it is none. */
static bool take_message(struct app_session *s, const struct app_input *in,
                         struct slice head, struct slice body)
{
    struct app_frame *pdu = app_frame_open(s, FRAME_SIP_PDU, head.bytes,
                                           head.size + body.size);
    struct sip_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);

    if (tx == NULL) {
        return true;                    /* Counted; the next may find room. */
    }
    app_frame_set_tx(pdu, &tx->tx);
    struct slice copy = arena_copy(&tx->tx.arena, head.bytes, head.size);
    bool is_good = sip_message_read(&tx->message, copy, &tx->tx.arena);
    tx->dir = in->dir;
    if (is_good) {
        open_frames(s, tx, head, body);
    }
    if (is_good && body.size != 0) {
        tx->message.body = arena_copy(&tx->tx.arena, body.bytes, body.size);
    }
    if (!is_good || tx->message.is_odd) {
        app_tx_set_event(&tx->tx, SIP_EVENT_INVALID_DATA);
    }
    tx->tx.is_logged = !is_good;
    tx->tx.is_inspected[direction_reverse(in->dir)] = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
    return is_good;
}

/* ---- UDP: a datagram is a message ---- */

/*
 * The body is what is behind the head. RFC 3261, 18.3 has bytes beyond Content-Length dropped,
 * yet a length that is told too small would hide a description from the rules.
 */
static enum app_result parse_udp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    struct slice bytes = skip_keep_alive(in->bytes);
    size_t scanned = 0, size = sip_head_size(bytes, &scanned);

    *consumed = in->bytes.size;
    if (bytes.size == 0) {
        return APP_OK;
    }
    if (size == 0) {
        /* Keep-alives of other kinds go between the same ports. */
        if (sip_probe_line(bytes) == APP_PROBE_YES) {
            app_session_set_event(s, SIP_EVENT_INCOMPLETE_DATA);
        }
        return APP_BROKEN;
    }
    struct slice head = slice_of(bytes.bytes, size), body = slice_from(bytes, size);
    return take_message(s, in, head, body) ? APP_OK : APP_BROKEN;
}

/* ---- TCP: Content-Length says where the next begins (18.3) ---- */

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct sip_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct sip_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct sip_state));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct sip_state));
    }
}

/* One message off '*rest'; false: more of it is to come. */
static enum app_result take_one(struct app_session *s, const struct app_input *in,
                                struct slice *rest)
{
    struct sip_state *state = s->state;
    uint64_t limit = app_engine_conf(s->engine)->sip_message_limit, body_size;
    size_t size = sip_head_size(*rest, &state->scanned[in->dir]);

    if (size == 0 || size > limit) {
        if (size == 0 && rest->size <= limit && !in->is_end) {
            return APP_NEED_MORE;
        }
        app_session_set_event(s, SIP_EVENT_INCOMPLETE_DATA);
        return APP_BROKEN;
    }
    struct slice head = slice_of(rest->bytes, size), body = slice_from(*rest, size);
    bool is_number = sip_body_size(head, &body_size);
    uint64_t kept = body_size < limit ? body_size : limit;
    if (body.size < kept && !in->is_end) {
        state->scanned[in->dir] = 0;
        return APP_NEED_MORE;
    }
    body.size = body.size < kept ? body.size : (size_t) kept;
    state->scanned[in->dir] = 0;
    state->skip[in->dir] = body_size - body.size;
    *rest = slice_from(*rest, size + body.size);
    return take_message(s, in, head, body) && is_number ? APP_OK : APP_BROKEN;
}

/* What is missing may be of a body that is passed over; else the next piece must begin like
 * a message. */
static bool take_gap(struct sip_state *state, const struct app_input *in)
{
    enum direction dir = in->dir;

    state->scanned[dir] = 0;
    if (in->gap <= state->skip[dir]) {
        state->skip[dir] -= in->gap;
        return true;
    }
    state->skip[dir] = 0;
    return in->bytes.size == 0 || sip_probe_line(in->bytes) == APP_PROBE_YES;
}

static enum app_result parse_tcp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    struct sip_state *state = s->state;
    struct slice rest = in->bytes;
    enum app_result result = APP_OK;

    if (in->gap != 0 && !take_gap(state, in)) {
        return APP_DONE;
    }
    while (result == APP_OK && rest.size != 0) {
        uint64_t skip = state->skip[in->dir];
        if (skip != 0) {
            size_t n = skip < rest.size ? (size_t) skip : rest.size;
            state->skip[in->dir] -= n;
            rest = slice_from(rest, n);
        } else if (state->scanned[in->dir] == 0 && skip_keep_alive(rest).size != rest.size) {
            rest = skip_keep_alive(rest);
        } else {
            result = take_one(s, in, &rest);
        }
    }
    *consumed = in->bytes.size - rest.size;
    return result == APP_OK ? APP_NEED_MORE : result;
}

static bool is_loggable(const struct app_tx *tx, enum direction dir)
{
    return sip_tx_of(tx)->dir == dir;
}

const struct app_parser sip_udp_parser = {
    .proto = APP_SIP, .event_type = "sip", .over_udp = true, .event_names = event_names,
    .probe = probe, .parse = parse_udp, .buffer = sip_buffer, .fill = sip_fill,
    .is_loggable = is_loggable, .frame_tx_base = 1,
};

const struct app_parser sip_tcp_parser = {
    .proto = APP_SIP, .event_type = "sip", .over_tcp = true, .event_names = event_names,
    .probe = probe, .open = open_session, .close = close_session, .parse = parse_tcp,
    .buffer = sip_buffer, .fill = sip_fill, .is_loggable = is_loggable, .frame_tx_base = 1,
};
