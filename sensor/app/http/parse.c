/* The state machine.  Each step takes what it can from the front of the input; a line is
 * taken when it is whole, a body as it comes.
 *
 * Requests end their lines with LF.  Responses are read as browsers do: a bare CR ends a
 * line too, lines that are no HTTP may stand before the status line, a body without the
 * framing that was announced is still a body. */
#include "sensor/app/http/http.h"

#include <stdlib.h>

enum step { STEP_GO, STEP_MORE, STEP_BROKEN, STEP_SWITCH };

/* So much may stand before a status line, or in the line of a chunk's size. */
#define MAX_JUNK 1024

struct input {
    struct slice rest;
    bool is_end, is_cut;
    enum direction dir;
    uint64_t now_ns;
    struct app_session *session;
    struct http_state *state;
    struct http_side *side;
};

static void take(struct input *in, size_t n)
{
    in->rest = slice_of(in->rest.bytes + n, in->rest.size - n);
    in->side->scanned = 0;
}

/* How many bytes of 'rest' are a line with its end; 0: not whole yet.  'bare_cr': a CR
 * without LF ends a line, and a run of them is one end. */
static size_t find_line(struct input *in, bool bare_cr)
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

static struct slice strip_end(struct slice line)
{
    while (line.size != 0
           && (line.bytes[line.size - 1] == '\n' || line.bytes[line.size - 1] == '\r')) {
        line.size--;
    }
    return line;
}

static bool is_all_blank(struct slice s)
{
    return http_trim(s).size == 0;
}

/* 1: begins with "HTTP/", 0: does not, -1: too short to tell. */
static int begins_http(struct slice s)
{
    size_t n = s.size < 4 ? s.size : 4;

    if (strncasecmp((const char *) s.bytes, "HTTP", n) != 0) {
        return 0;
    }
    return n == 4 ? 1 : -1;
}

static void too_long(struct input *in)
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

static bool is_too_long(struct input *in)
{
    if (in->rest.size <= app_engine_conf(in->session->engine)->http_field_limit) {
        return false;
    }
    too_long(in);
    return true;
}

static void set_done(struct http_tx *tx, enum direction dir)
{
    tx->msgs[dir].progress = HTTP_DONE;
    tx->tx.is_done[dir] = true;
    app_tx_changed(&tx->tx, dir);
}

/* The message of 'in->side' is over. */
static void end_message(struct input *in, bool is_whole, enum http_at next)
{
    struct http_tx *tx = in->side->tx;

    http_body_end(tx, in->dir, is_whole);
    tx->tx.last_ns = in->now_ns;
    in->side->tx = NULL;
    in->side->at = next;
    in->side->after_bare_lf = false;
    set_done(tx, in->dir);
}

static struct http_tx *new_tx(struct input *in)
{
    struct http_tx *tx = app_tx_new(in->session, sizeof *tx, in->now_ns);

    if (tx != NULL) {
        tx->msgs[TO_SERVER].body.is_kept_whole = true;
        tx->msgs[TO_CLIENT].body.is_kept_whole = true;
    }
    return tx;
}

/* ---- Start lines ---- */

static struct http_tx *last_tx(const struct app_session *s)
{
    return list_is_empty(&s->txs)
               ? NULL
               : http_tx_of(LIST_ENTRY(s->txs.prev, struct app_tx, node));
}

/* Behind a request that announced no body: bytes that begin no request are one. */
static bool is_stray_body(struct slice line)
{
    struct slice text = http_trim(line);
    size_t n = 0;

    while (n < text.size && !http_is_blank(text.bytes[n])) {
        n++;
    }
    if (http_is_method(slice_of(text.bytes, n))) {
        return false;
    }
    return text.size < 8
           || strncasecmp((const char *) text.bytes + text.size - 8, "HTTP/1.", 7) != 0;
}

static enum step start_request(struct input *in)
{
    size_t n = find_line(in, false);

    if (n == 0) {
        return is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    if (is_all_blank(line)) {
        take(in, n);
        return STEP_GO;
    }
    struct http_tx *before = last_tx(in->session);
    if (before != NULL && before->has_request && is_stray_body(line)) {
        http_event(before, HTTP_EVENT_UNEXPECTED_BODY);
        app_tx_changed(&before->tx, TO_SERVER);
        take(in, n);
        return STEP_GO;
    }
    struct http_tx *tx = new_tx(in);
    if (tx == NULL) {
        return STEP_BROKEN;
    }
    in->side->tx = tx;
    struct http_message *m = &tx->msgs[TO_SERVER];
    if (n > app_engine_conf(in->session->engine)->http_field_limit) {
        too_long(in);
        return STEP_BROKEN;
    }
    if (!http_raw_put(tx, TO_SERVER, line)) {
        return STEP_BROKEN;
    }
    m->headers_at = m->raw.size;
    m->line_size = strip_end(line).size;
    http_request_line(tx, slice_of(m->raw.bytes, m->line_size));
    in->side->at = tx->is_09 ? AT_AFTER_09 : AT_HEADERS;
    app_tx_changed(&tx->tx, TO_SERVER);
    take(in, n);
    return STEP_GO;
}

/* HTTP/0.9 has nothing behind its line; headers there mean that the protocol was left
 * out. */
static enum step after_09(struct input *in)
{
    size_t n = 0;

    while (n < in->rest.size && (in->rest.bytes[n] == '\r' || in->rest.bytes[n] == '\n')) {
        n++;
    }
    take(in, n);
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    http_event(in->side->tx, HTTP_EVENT_REQUEST_NO_PROTOCOL);
    in->side->tx->is_09 = false;
    in->side->at = AT_HEADERS;
    return STEP_GO;
}

static void end_09(struct input *in)
{
    http_headers_end(in->side->tx, TO_SERVER);
    end_message(in, true, AT_START);
}

/* The transaction that a response now beginning belongs to: the first that has none. */
static struct http_tx *find_response_tx(struct input *in)
{
    LIST_FOR_EACH (node, &in->session->txs) {
        struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
        if (!tx->is_done[TO_CLIENT]) {
            return http_tx_of(tx);
        }
    }
    return NULL;
}

/* A body without a status line: HTTP/0.9. */
static enum step start_bare_body(struct input *in, struct http_tx *tx)
{
    in->side->tx = tx;
    in->side->at = AT_CLOSE;
    tx->msgs[TO_CLIENT].minor = 9;
    tx->msgs[TO_CLIENT].progress = HTTP_HEADERS;
    http_body_begin(tx, TO_CLIENT);
    return STEP_GO;
}

static enum step start_status(struct input *in, struct http_tx *tx)
{
    size_t n = find_line(in, true);

    if (n == 0) {
        return is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    if (tx == NULL) {
        tx = new_tx(in);
        if (tx == NULL) {
            return STEP_BROKEN;
        }
        http_event(tx, HTTP_EVENT_UNMATCHED_RESPONSE);
        set_done(tx, TO_SERVER);
    }
    struct http_message *m = &tx->msgs[TO_CLIENT];
    struct slice line = slice_of(in->rest.bytes, n);
    in->side->tx = tx;
    if (!http_raw_put(tx, TO_CLIENT, line)) {
        return STEP_BROKEN;
    }
    m->headers_at = m->raw.size;
    m->line_size = strip_end(line).size;
    http_status_line(tx, slice_of(m->raw.bytes, m->line_size));
    in->side->at = AT_HEADERS;
    in->side->after_bare_lf = n < 2 || line.bytes[n - 2] != '\r';
    app_tx_changed(&tx->tx, TO_CLIENT);
    take(in, n);
    return STEP_GO;
}

/* A line that is no status line: skipped when a status line follows, else the beginning of
 * a body without any head. */
static enum step start_junk(struct input *in, struct http_tx *tx)
{
    size_t n = find_line(in, true);

    in->side->scanned = 0;
    if (tx == NULL) {
        struct http_tx *before = last_tx(in->session);
        if (before != NULL) {
            http_event(before, HTTP_EVENT_UNMATCHED_RESPONSE);
        }
        in->side->at = AT_LOST;
        return STEP_GO;
    }
    if (n == 0) {
        return in->rest.size > MAX_JUNK ? start_bare_body(in, tx) : STEP_MORE;
    }
    struct slice next = slice_of(in->rest.bytes + n, in->rest.size - n);
    int answer = begins_http(next);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    if (answer > 0) {
        take(in, n);
        return STEP_GO;
    }
    return start_bare_body(in, tx);
}

static enum step start_response(struct input *in)
{
    struct http_side *request = &in->state->sides[TO_SERVER];

    if (request->at == AT_AFTER_09) {
        struct input other = *in;
        other.dir = TO_SERVER;
        other.side = request;
        end_09(&other);
    }
    struct http_tx *tx = find_response_tx(in);
    if (tx != NULL && tx->is_09) {
        return start_bare_body(in, tx);
    }
    size_t n = 0;
    while (n < in->rest.size && http_is_blank(in->rest.bytes[n])) {
        n++;
    }
    if (n != 0) {
        take(in, n);
    }
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = begins_http(in->rest);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    return answer > 0 ? start_status(in, tx) : start_junk(in, tx);
}

/* ---- Headers ---- */

static enum step begin_body(struct input *in);
static void take_surplus(struct input *in);

/* The request's headers are complete. */
static enum step end_request_head(struct input *in)
{
    struct http_tx *tx = in->side->tx;
    struct http_message *m = &tx->msgs[TO_SERVER];

    if (slice_is(tx->method, "CONNECT")) {
        end_message(in, true, AT_TUNNEL);
        return STEP_GO;
    }
    if (!m->is_chunked && (!m->has_length || m->length == 0)) {
        take_surplus(in);
        end_message(in, true, AT_START);
        return STEP_GO;
    }
    return begin_body(in);
}

/* An interim response: the real one follows in the same transaction. */
static enum step skip_interim(struct input *in)
{
    struct http_tx *tx = in->side->tx;

    if (tx->status == 100 && tx->has_continue) {
        http_event(tx, HTTP_EVENT_CONTINUE_ALREADY_SEEN);
    }
    tx->has_continue |= tx->status == 100;
    struct http_body body = tx->msgs[TO_CLIENT].body;
    tx->msgs[TO_CLIENT] = (struct http_message) { .body = body };
    tx->status = 0;
    tx->status_text = tx->reason = slice_of(NULL, 0);
    in->side->tx = NULL;
    in->side->at = AT_START;
    app_tx_changed(&tx->tx, TO_CLIENT);
    return STEP_GO;
}

/* The response's headers are complete: RFC 9112, section 6.3, and what browsers do. */
static enum step end_response_head(struct input *in)
{
    struct http_tx *tx = in->side->tx;
    struct http_message *m = &tx->msgs[TO_CLIENT];
    bool is_connect = slice_is(tx->method, "CONNECT");
    bool has_framing = m->is_chunked || (m->has_length && m->length != 0);

    if ((tx->status == 204 || tx->status == 304)
        && (http_find(m, HTTP_FIELD_CONTENT_LENGTH) != NULL
            || http_find(m, HTTP_FIELD_TRANSFER_ENCODING) != NULL)) {
        http_event(tx, HTTP_EVENT_RESPONSE_UNEXPECTED_BODY);
    }
    if (is_connect) {
        struct http_side *request = &in->state->sides[TO_SERVER];
        if (tx->status >= 200 && tx->status <= 299) {
            end_message(in, true, AT_START);
            return STEP_SWITCH;
        }
        if (request->at == AT_TUNNEL && tx->status >= 200) {
            request->at = AT_START;
        }
    }
    if (tx->status == 101) {
        end_message(in, true, AT_START);
        return STEP_SWITCH;
    }
    if (tx->status >= 100 && tx->status <= 199) {
        return skip_interim(in);
    }
    if (slice_is(tx->method, "HEAD") || tx->status == 304
        || (tx->status == 204 && !has_framing)) {
        end_message(in, true, AT_START);
        return STEP_GO;
    }
    if (tx->status == 204) {
        in->side->at = AT_BODY_UNSURE;
        return STEP_GO;
    }
    return begin_body(in);
}

static enum step end_head(struct input *in)
{
    http_headers_end(in->side->tx, in->dir);
    app_tx_changed(&in->side->tx->tx, in->dir);
    return in->dir == TO_SERVER ? end_request_head(in) : end_response_head(in);
}

static enum step begin_body(struct input *in)
{
    struct http_message *m = &in->side->tx->msgs[in->dir];

    http_body_begin(in->side->tx, in->dir);
    if (m->is_chunked) {
        in->side->at = AT_CHUNK_SIZE;
        in->side->is_first_chunk = true;
    } else if (!m->has_length) {
        in->side->at = AT_CLOSE;
    } else if (m->length == 0) {
        end_message(in, true, AT_START);
    } else {
        in->side->at = AT_LENGTH;
        in->side->left = m->length;
    }
    return STEP_GO;
}

static enum step body_unsure(struct input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = begins_http(in->rest);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    if (answer == 0) {
        return begin_body(in);
    }
    end_message(in, true, AT_START);
    return STEP_GO;
}

/* A blank and LF alone end the headers, unless an empty line follows that does. */
static int ends_by_blank_line(struct input *in, struct slice line)
{
    if (in->dir != TO_CLIENT || line.size != 2 || line.bytes[1] != '\n'
        || (line.bytes[0] != ' ' && line.bytes[0] != '\t')) {
        return 0;
    }
    if (in->rest.size == 2) {
        return in->is_end ? 1 : -1;
    }
    return in->rest.bytes[2] != '\n' && in->rest.bytes[2] != '\r';
}

static enum step headers(struct input *in)
{
    struct http_tx *tx = in->side->tx;
    size_t n = in->rest.size != 0 ? find_line(in, in->dir == TO_CLIENT) : 0;

    if (n == 0) {
        return is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    bool has_lf = line.bytes[n - 1] == '\n';
    if (strip_end(line).size == 0) {
        if (!has_lf && in->dir == TO_CLIENT) {
            take(in, n);                        /* The CR of an LF CR line end. */
            return STEP_GO;
        }
        if (!http_raw_put(tx, in->dir, line)) {
            return STEP_BROKEN;
        }
        take(in, n);
        return end_head(in);
    }
    int blank = ends_by_blank_line(in, line);
    if (blank < 0) {
        in->side->scanned = 0;
        return STEP_MORE;
    }
    if (blank > 0) {
        take(in, n);
        return end_head(in);
    }
    size_t at = tx->msgs[in->dir].raw.size;
    if (n > app_engine_conf(in->session->engine)->http_field_limit) {
        too_long(in);
        return STEP_BROKEN;
    }
    if (!http_raw_put(tx, in->dir, line) || !http_header_line(tx, in->dir, at, n)) {
        return STEP_BROKEN;
    }
    take(in, n);
    return STEP_GO;
}

/* ---- Bodies ---- */

/* A line that is not whole and could still become a request line. */
static bool may_be_request(struct slice line)
{
    size_t n = 0;

    while (n < line.size && line.bytes[n] >= 'A' && line.bytes[n] <= 'Z') {
        n++;
    }
    return line.bytes[line.size - 1] != '\n' && n != 0
           && (n == line.size || line.bytes[n] == ' ' || line.bytes[n] == '-');
}

/* A line directly behind the message, in the same piece, that begins no other one: it is
 * counted as more of the body, since whoever reads on sees it there.  This is the one
 * place where it matters how the stream is cut: to wait for a next piece would keep every
 * message open until the one behind it. */
static void take_surplus(struct input *in)
{
    struct http_tx *tx = in->side->tx;
    const uint8_t *lf = in->rest.size != 0
                            ? memchr(in->rest.bytes, '\n', in->rest.size) : NULL;
    size_t n = lf != NULL ? (size_t) (lf - in->rest.bytes) + 1 : in->rest.size;
    struct slice line = slice_of(in->rest.bytes, n);

    if (n == 0
        || (in->dir == TO_CLIENT && !is_all_blank(line)
            && begins_http(http_trim(line)) != 0)
        || (in->dir == TO_SERVER
            && (is_all_blank(line) || may_be_request(line) || !is_stray_body(line)))) {
        return;
    }
    if (in->dir == TO_SERVER) {
        http_event(tx, HTTP_EVENT_UNEXPECTED_BODY);
    }
    if (!tx->msgs[in->dir].body.has_begun) {
        http_body_begin(tx, in->dir);
    }
    http_body_data(tx, in->dir, line);
    take(in, n);
}

static enum step sized_body(struct input *in)
{
    size_t n = in->rest.size < in->side->left ? in->rest.size : (size_t) in->side->left;

    if (n == 0) {
        return STEP_MORE;
    }
    http_body_data(in->side->tx, in->dir, slice_of(in->rest.bytes, n));
    in->side->left -= n;
    take(in, n);
    if (in->side->left == 0) {
        if (in->side->at == AT_CHUNK_DATA) {
            in->side->at = AT_CHUNK_END;
        } else {
            take_surplus(in);
            end_message(in, true, AT_START);
        }
    }
    return STEP_GO;
}

static enum step body_until_close(struct input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    http_body_data(in->side->tx, in->dir, in->rest);
    take(in, in->rest.size);
    return STEP_GO;
}

/* What should be the size of a chunk is none.  A response goes on as if it had never
 * been announced as chunked; a request is over, since its server cannot follow either. */
static enum step bad_chunk(struct input *in)
{
    struct http_message *m = &in->side->tx->msgs[in->dir];

    http_event_by(in->side->tx, in->dir, HTTP_EVENT_REQUEST_CHUNK_LEN,
                  HTTP_EVENT_RESPONSE_CHUNK_LEN);
    in->side->scanned = 0;
    if (in->side->is_first_chunk && m->has_length && m->length != 0) {
        in->side->at = AT_LENGTH;
        in->side->left = m->length;
    } else if (in->dir == TO_CLIENT) {
        in->side->at = AT_CLOSE;
    } else {
        end_message(in, false, AT_LOST);
    }
    return STEP_GO;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum step chunk_size(struct input *in)
{
    size_t i = 0;
    uint64_t size = 0;

    while (i < in->rest.size && http_is_blank(in->rest.bytes[i])) {
        i++;
    }
    in->side->tx->msgs[in->dir].body.framing_size += i;
    take(in, i);                                /* Empty lines before a size do no harm. */
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    if (hex_value(in->rest.bytes[0]) < 0) {
        return bad_chunk(in);
    }
    size_t n = find_line(in, false);
    if (n == 0) {
        return in->rest.size > MAX_JUNK ? bad_chunk(in) : STEP_MORE;
    }
    for (i = 0; i < n && hex_value(in->rest.bytes[i]) >= 0; i++) {
        if (size > INT64_MAX >> 4) {
            return bad_chunk(in);
        }
        size = size << 4 | (uint64_t) hex_value(in->rest.bytes[i]);
    }
    if (memchr(in->rest.bytes, ';', n) != NULL) {
        http_event_by(in->side->tx, in->dir, HTTP_EVENT_REQUEST_EXTENSION,
                      HTTP_EVENT_RESPONSE_EXTENSION);
    }
    in->side->is_first_chunk = false;
    in->side->left = size;
    in->side->at = size != 0 ? AT_CHUNK_DATA : AT_TRAILER;
    in->side->tx->msgs[in->dir].body.framing_size += n;
    take(in, n);
    return STEP_GO;
}

static enum step chunk_end(struct input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    size_t n = in->rest.bytes[0] == '\r' ? 1 : 0;
    if (n == in->rest.size) {
        return in->is_end ? (take(in, n), STEP_GO) : STEP_MORE;
    }
    if (in->rest.bytes[n] == '\n') {
        n++;
    }
    in->side->tx->msgs[in->dir].body.framing_size += n;
    take(in, n);
    in->side->at = AT_CHUNK_SIZE;
    return STEP_GO;
}

static enum step trailer(struct input *in)
{
    struct http_tx *tx = in->side->tx;

    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = in->dir == TO_CLIENT ? begins_http(in->rest) : 0;
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    size_t n = answer > 0 ? 0 : find_line(in, false);
    if (answer > 0) {                           /* The empty line was left out. */
        end_message(in, true, AT_START);
        return STEP_GO;
    }
    if (n == 0) {
        return is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    if (strip_end(line).size == 0) {
        http_header_flush(tx, in->dir);
        take(in, n);
        take_surplus(in);
        end_message(in, true, AT_START);
        return STEP_GO;
    }
    size_t at = tx->msgs[in->dir].raw.size;
    if (!http_raw_put(tx, in->dir, line) || !http_header_line(tx, in->dir, at, n)) {
        return STEP_BROKEN;
    }
    take(in, n);
    return STEP_GO;
}

/* ---- Gaps and ends ---- */

/* 1: a message begins here, 0: not here, -1: too short to tell. */
static int looks_like_start(enum direction dir, struct slice s)
{
    if (dir == TO_CLIENT) {
        return begins_http(s);
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

static enum step find_start(struct input *in)
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
            take(in, in->rest.size);
        } else {
            take(in, (size_t) (lf - in->rest.bytes) + 1);
        }
    }
    return STEP_MORE;
}

/* 'size' bytes are missing.  A body whose length is known survives that; anything else is
 * over, and the next start is looked for. */
static void handle_gap(struct input *in, uint64_t size)
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
            end_message(in, side->at == AT_LENGTH, size == 0 ? AT_START : AT_LOST);
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
            http_headers_end(side->tx, in->dir);
        }
        end_message(in, false, AT_LOST);
        break;
    }
}

/* Nothing follows in this direction. */
static void handle_end(struct input *in)
{
    struct http_side *side = in->side;
    bool is_whole = (side->at == AT_CLOSE && !in->is_cut) || side->at == AT_TRAILER
                    || side->at == AT_AFTER_09 || side->at == AT_BODY_UNSURE;

    if (side->tx != NULL) {
        if (side->tx->msgs[in->dir].progress < HTTP_HEADERS) {
            http_headers_end(side->tx, in->dir);
        }
        end_message(in, is_whole, AT_START);
    }
    if (in->dir == TO_CLIENT) {
        /* What has no answer will have none. */
        LIST_FOR_EACH (node, &in->session->txs) {
            struct http_tx *tx = http_tx_of(LIST_ENTRY(node, struct app_tx, node));
            if (!tx->tx.is_done[TO_CLIENT]) {
                set_done(tx, TO_CLIENT);
            }
        }
    }
}

static enum step one_step(struct input *in)
{
    switch (in->side->at) {
    case AT_START:
        return in->rest.size == 0 ? STEP_MORE
               : in->dir == TO_SERVER ? start_request(in) : start_response(in);
    case AT_AFTER_09:
        return after_09(in);
    case AT_HEADERS:
        return headers(in);
    case AT_BODY_UNSURE:
        return body_unsure(in);
    case AT_LENGTH:
    case AT_CHUNK_DATA:
        return sized_body(in);
    case AT_CLOSE:
        return body_until_close(in);
    case AT_CHUNK_SIZE:
        return chunk_size(in);
    case AT_CHUNK_END:
        return chunk_end(in);
    case AT_TRAILER:
        return trailer(in);
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
    struct input in = {
        .rest = from->bytes, .is_end = from->is_end, .is_cut = from->is_cut,
        .dir = from->dir, .now_ns = from->now_ns, .session = session, .state = state,
        .side = &state->sides[from->dir],
    };
    enum step step;

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
        struct input in = {
            .is_end = true, .is_cut = true, .dir = (enum direction) d, .session = session,
            .state = state, .side = &state->sides[d],
        };
        in.now_ns = in.side->tx != NULL ? in.side->tx->tx.last_ns : 0;
        handle_end(&in);
    }
}

/* ---- Recognition ---- */

/* A request begins with a method that is known, or with a line that ends in HTTP/1.x. */
static enum app_probe probe_request(struct slice s)
{
    size_t n = 0;

    while (s.size != 0 && n < 8 && (http_is_blank(s.bytes[0]) && s.bytes[0] != 0)) {
        s = slice_of(s.bytes + 1, s.size - 1);
    }
    while (n < s.size && n < 32
           && ((s.bytes[n] >= 'A' && s.bytes[n] <= 'Z')
               || (s.bytes[n] >= 'a' && s.bytes[n] <= 'z') || s.bytes[n] == '-'
               || s.bytes[n] == '_')) {
        n++;
    }
    if (n == s.size) {
        return n < 32 ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    if (n == 0 || (s.bytes[n] != ' ' && s.bytes[n] != '\t')) {
        return APP_PROBE_NO;
    }
    struct slice after = slice_of(s.bytes + n + 1, s.size - n - 1);
    bool is_known = http_is_method(slice_of(s.bytes, n));
    if (is_known && !slice_is(slice_of(s.bytes, n), "OPTIONS")) {
        return APP_PROBE_YES;
    }
    /* SIP and RTSP share OPTIONS; the protocol at the line's end tells them apart. */
    const uint8_t *lf = after.size != 0 ? memchr(after.bytes, '\n', after.size) : NULL;
    if (lf == NULL) {
        return APP_PROBE_MORE;
    }
    struct slice line = http_trim(slice_of(after.bytes, (size_t) (lf - after.bytes)));
    return line.size >= 9
                   && strncasecmp((const char *) line.bytes + line.size - 9, " HTTP/1.", 8) == 0
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

static enum app_probe probe_prefix(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix), n = s.size < len ? s.size : len;

    if (strncasecmp((const char *) s.bytes, prefix, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == len ? APP_PROBE_YES : APP_PROBE_MORE;
}

enum app_probe http_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                          uint16_t client_port)
{
    if (dir == TO_SERVER) {
        return probe_request(bytes);
    }
    enum app_probe answer = probe_prefix(bytes, "HTTP/1.");
    return answer != APP_PROBE_NO ? answer : probe_prefix(bytes, "HTTP/0.9");
}

static const char *const event_names[] = {
#define X(id, name) name,
    HTTP_EVENTS(X)
#undef X
    NULL
};

static bool open_state(struct app_session *session)
{
    if (!app_memory_take(session, sizeof(struct http_state))) {
        return false;
    }
    session->state = calloc(1, sizeof(struct http_state));
    if (session->state == NULL) {
        app_memory_give(session, sizeof(struct http_state));
    }
    return session->state != NULL;
}

static void close_state(struct app_session *session)
{
    if (session->state != NULL) {
        free(session->state);
        app_memory_give(session, sizeof(struct http_state));
        session->state = NULL;
    }
}

static void free_tx(struct app_tx *tx)
{
    http_body_free(http_tx_of(tx), TO_SERVER);
    http_body_free(http_tx_of(tx), TO_CLIENT);
}

const struct app_parser http_parser = {
    .proto = APP_HTTP1,
    .event_type = "http",
    .over_tcp = true,
    .client_speaks_first = true,
    .event_names = event_names,
    .probe = http_probe,
    .open = open_state,
    .close = close_state,
    .parse = http_parse,
    .finish = http_finish,
    .buffer = http_buffer,
    .number = http_number,
    .fill = http_fill,
    .tx_free = free_tx,
};
