/* The state machine: gaps, ends, and the order of the steps (step.h). */
#include "sensor/app/frame.h"
#include "sensor/app/http/step.h"

void http_take(struct http_input *in, size_t n)
{
    in->rest = slice_from(in->rest, n);
    in->side->scanned = 0;
}

size_t http_find_line(struct http_input *in, bool bare_cr)
{
    struct slice rest = in->rest;
    size_t from = in->side->scanned <= rest.size ? in->side->scanned : rest.size;
    size_t left = rest.size - from;
    const uint8_t *lf = left != 0 ? memchr(rest.bytes + from, '\n', left) : NULL;
    size_t end = lf != NULL ? (size_t) (lf - rest.bytes) + 1 : 0;

    if (bare_cr && left != 0) {
        size_t before = lf != NULL ? end - 1 - from : left;
        const uint8_t *cr = memchr(rest.bytes + from, '\r', before);
        if (cr != NULL) {
            size_t n = (size_t) (cr - rest.bytes);
            in->side->scanned = n;
            while (n < rest.size && rest.bytes[n] == '\r') {
                n++;
            }
            if (n == rest.size) {
                return in->is_end ? n : 0;
            }
            return rest.bytes[n] == '\n' ? n + 1 : n;
        }
    }
    if (end == 0) {
        in->side->scanned = rest.size;
        return in->is_end ? rest.size : 0;
    }
    return end;
}

struct slice http_strip_end(struct slice line)
{
    while (line.size != 0
           && (line.bytes[line.size - 1] == '\n' || line.bytes[line.size - 1] == '\r')) {
        line.size--;
    }
    return line;
}

bool http_is_all_blank(struct slice s)
{
    return http_trim(s).size == 0;
}

int http_begins(struct slice s)
{
    size_t n = s.size < 4 ? s.size : 4;

    if (strncasecmp((const char *) s.bytes, "HTTP", n) != 0) {
        return 0;
    }
    return n == 4 ? 1 : -1;
}

void http_too_long(struct http_input *in)
{
    if (in->side->tx != NULL) {
        http_event_by(in->side->tx, in->dir, HTTP_EVENT_REQUEST_TOO_LONG,
                      HTTP_EVENT_RESPONSE_TOO_LONG);
    } else {
        app_session_set_event(in->session, in->dir == TO_SERVER
                                               ? HTTP_EVENT_REQUEST_TOO_LONG
                                               : HTTP_EVENT_RESPONSE_TOO_LONG);
    }
}

bool http_is_too_long(struct http_input *in)
{
    if (in->rest.size <= app_engine_conf(in->session->engine)->http_field_limit) {
        return false;
    }
    http_too_long(in);
    return true;
}

void http_set_done(struct http_tx *tx, enum direction dir)
{
    tx->msgs[dir].progress = HTTP_DONE;
    tx->tx.is_done[dir] = true;
    app_tx_changed(&tx->tx, dir);
}

void http_begin_message(struct http_input *in, struct http_tx *tx)
{
    in->side->tx = tx;
    if (in->side->frame != NULL) {
        return;                 /* It began with an interim response. */
    }
    in->side->frame = app_frame_open(in->session, in->dir == TO_SERVER
                                                      ? FRAME_HTTP1_REQUEST
                                                      : FRAME_HTTP1_RESPONSE,
                                     in->rest.bytes, APP_FRAME_OPEN);
    app_frame_set_tx(in->side->frame, &tx->tx);
}

void http_end_message(struct http_input *in, bool is_whole, enum http_at next)
{
    struct http_tx *tx = in->side->tx;

    if (is_whole) {
        app_frame_close(in->session, in->side->frame, in->rest.bytes);
    } else {
        app_frame_cut(in->side->frame);
    }
    in->side->frame = NULL;

    http_body_end(tx, in->dir, is_whole);
    tx->tx.last_ns = in->now_ns;
    in->side->tx = NULL;
    in->side->at = next;
    in->side->after_bare_lf = false;
    http_set_done(tx, in->dir);
}

struct http_tx *http_new_tx(struct http_input *in)
{
    struct http_tx *tx = app_tx_new(in->session, sizeof *tx, in->now_ns);

    if (tx != NULL) {
        tx->msgs[TO_SERVER].body.is_kept_whole = true;
        tx->msgs[TO_CLIENT].body.is_kept_whole = true;
    }
    return tx;
}

/* 1: a message begins here, 0: not here, -1: too short to tell. */
static int looks_like_start(enum direction dir, struct slice s)
{
    if (dir == TO_CLIENT) {
        return http_begins(s);
    }
    size_t n = 0;
    while (n < s.size && n < 20 && ((s.bytes[n] >= 'A' && s.bytes[n] <= 'Z')
                                    || s.bytes[n] == '-')) {
        n++;
    }
    if (n == s.size) {
        return n < 20 ? -1 : 0;
    }
    return s.bytes[n] == ' ' && http_is_method(slice_of(s.bytes, n));
}

static enum http_step find_start(struct http_input *in)
{
    while (in->rest.size != 0) {
        int answer = looks_like_start(in->dir, in->rest);
        if (answer > 0) {
            in->side->at = AT_START;
            return STEP_GO;
        }
        if (answer < 0 && !in->is_end) {
            return STEP_MORE;
        }
        const uint8_t *lf = memchr(in->rest.bytes, '\n', in->rest.size);
        if (lf == NULL) {
            /* The next piece is looked at from its first byte: a start often is one. */
            http_take(in, in->rest.size);
        } else {
            http_take(in, (size_t) (lf - in->rest.bytes) + 1);
        }
    }
    return STEP_MORE;
}

/* 'size' bytes are missing.  A body whose length is known survives that; anything else is
 * over, and the next start is looked for. */
static void handle_gap(struct http_input *in, uint64_t size)
{
    struct http_side *side = in->side;

    side->scanned = 0;
    switch (side->at) {
    case AT_LENGTH:
    case AT_CHUNK_DATA: {
        uint64_t n = size < side->left ? size : side->left;
        http_body_gap(side->tx, in->dir, n);
        side->left -= n;
        size -= n;
        if (side->left == 0 && size == 0 && side->at == AT_CHUNK_DATA) {
            side->at = AT_CHUNK_END;
        } else if (side->left == 0) {
            http_end_message(in, side->at == AT_LENGTH, size == 0 ? AT_START : AT_LOST);
        }
        break;
    }
    case AT_CLOSE:
        http_body_gap(side->tx, in->dir, size);
        break;
    case AT_START:
        side->at = AT_LOST;
        break;
    case AT_TUNNEL:
    case AT_LOST:
        break;
    case AT_AFTER_09:
    case AT_HEADERS:
    case AT_BODY_UNSURE:
    case AT_CHUNK_SIZE:
    case AT_CHUNK_END:
    case AT_TRAILER:
        if (side->tx->msgs[in->dir].progress < HTTP_HEADERS) {
            http_headers_cut(side->tx, in->dir);
        }
        http_end_message(in, false, AT_LOST);
        break;
    }
}

/* Nothing follows in this direction. */
static void handle_end(struct http_input *in)
{
    struct http_side *side = in->side;
    /* Data of an answer that its server cut short is a file all the same, as rule authors know
     * it. */
    bool is_data = side->at == AT_CLOSE
                   || (in->dir == TO_CLIENT
                       && (side->at == AT_LENGTH || side->at == AT_CHUNK_DATA));
    bool is_whole = (is_data && !in->is_cut) || side->at == AT_TRAILER
                    || side->at == AT_AFTER_09 || side->at == AT_BODY_UNSURE;

    if (side->tx != NULL) {
        if (side->tx->msgs[in->dir].progress < HTTP_HEADERS) {
            http_headers_cut(side->tx, in->dir);
        }
        http_end_message(in, is_whole, AT_START);
    }
    if (in->dir == TO_CLIENT) {
        /* What has no answer will have none. */
        LIST_FOR_EACH (node, &in->session->txs) {
            struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
            if (tx->parser == in->session->parser && !tx->is_done[TO_CLIENT]) {
                http_set_done(http_tx_of(tx), TO_CLIENT);
            }
        }
    }
}

static enum http_step one_step(struct http_input *in)
{
    switch (in->side->at) {
    case AT_START:
        return in->rest.size == 0 ? STEP_MORE
               : in->dir == TO_SERVER ? http_start_request(in) : http_start_response(in);
    case AT_AFTER_09:
        return http_after_09(in);
    case AT_HEADERS:
        return http_read_headers(in);
    case AT_BODY_UNSURE:
        return http_body_unsure(in);
    case AT_LENGTH:
    case AT_CHUNK_DATA:
        return http_sized_body(in);
    case AT_CLOSE:
        return http_body_until_close(in);
    case AT_CHUNK_SIZE:
        return http_chunk_size(in);
    case AT_CHUNK_END:
        return http_chunk_end(in);
    case AT_TRAILER:
        return http_trailer(in);
    case AT_TUNNEL:
        return STEP_MORE;
    case AT_LOST:
        return find_start(in);
    }
    return STEP_BROKEN;
}

enum app_result http_parse(struct app_session *session, const struct app_input *from,
                           size_t *consumed)
{
    struct http_state *state = session->state;
    struct http_input in = {
        .rest = from->bytes, .is_end = from->is_end, .is_cut = from->is_cut,
        .dir = from->dir, .now_ns = from->now_ns, .session = session, .state = state,
        .side = &state->sides[from->dir],
    };
    enum http_step step;

    if (from->gap != 0) {
        handle_gap(&in, from->gap);
    }
    do {
        step = one_step(&in);
    } while (step == STEP_GO);
    if (step == STEP_MORE && in.is_end) {
        handle_end(&in);
    }
    *consumed = from->bytes.size - in.rest.size;
    if (in.side->tx != NULL && *consumed != 0) {
        in.side->tx->tx.last_ns = in.now_ns;
        app_tx_changed(&in.side->tx->tx, in.dir);
    }
    return step == STEP_BROKEN ? APP_BROKEN : step == STEP_SWITCH ? APP_SWITCH : APP_NEED_MORE;
}

void http_finish(struct app_session *session)
{
    struct http_state *state = session->state;

    for (int d = 0; d < N_DIRECTIONS && state != NULL; d++) {
        struct http_input in = {
            .is_end = true, .is_cut = true, .dir = (enum direction) d, .session = session,
            .state = state, .side = &state->sides[d],
        };
        in.now_ns = in.side->tx != NULL ? in.side->tx->tx.last_ns : 0;
        handle_end(&in);
    }
}
