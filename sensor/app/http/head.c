/* The headers of a message, and what they say about its body. */
#include "sensor/app/http/step.h"

/* The request's headers are complete. */
static enum http_step end_request_head(struct http_input *in)
{
    struct http_tx *tx = in->side->tx;
    struct http_message *m = &tx->msgs[TO_SERVER];

    if (slice_is(tx->method, "CONNECT")) {
        http_end_message(in, true, AT_TUNNEL);
        return STEP_GO;
    }
    if (!m->is_chunked && (!m->has_length || m->length == 0)) {
        http_take_surplus(in);
        http_end_message(in, true, AT_START);
        return STEP_GO;
    }
    return http_begin_body(in);
}

/* An interim response: the real one follows in the same transaction. */
static enum http_step skip_interim(struct http_input *in)
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
static enum http_step end_response_head(struct http_input *in)
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
            http_end_message(in, true, AT_START);
            return STEP_SWITCH;
        }
        if (request->at == AT_TUNNEL && tx->status >= 200) {
            request->at = AT_START;
        }
    }
    if (tx->status == 101 && !has_framing) {
        http_end_message(in, true, AT_START);
        return STEP_SWITCH;
    }
    if (tx->status >= 100 && tx->status <= 199 && tx->status != 101) {
        return skip_interim(in);
    }
    if (slice_is(tx->method, "HEAD") || tx->status == 304
        || (tx->status == 204 && !has_framing)) {
        http_end_message(in, true, AT_START);
        return STEP_GO;
    }
    if (tx->status == 204) {
        in->side->at = AT_BODY_UNSURE;
        return STEP_GO;
    }
    return http_begin_body(in);
}

static enum http_step end_head(struct http_input *in)
{
    http_headers_end(in->side->tx, in->dir);
    app_tx_changed(&in->side->tx->tx, in->dir);
    return in->dir == TO_SERVER ? end_request_head(in) : end_response_head(in);
}

enum http_step http_body_unsure(struct http_input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = http_begins(in->rest);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    if (answer == 0) {
        return http_begin_body(in);
    }
    http_end_message(in, true, AT_START);
    return STEP_GO;
}

/* A blank and LF alone end the headers, unless an empty line follows that does. */
static int ends_by_blank_line(struct http_input *in, struct slice line)
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

enum http_step http_read_headers(struct http_input *in)
{
    struct http_tx *tx = in->side->tx;
    size_t n = in->rest.size != 0 ? http_find_line(in, in->dir == TO_CLIENT) : 0;

    if (n == 0) {
        return http_is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    bool has_lf = line.bytes[n - 1] == '\n';
    if (!has_lf && in->dir == TO_SERVER) {
        return STEP_MORE;                   /* The request was cut within a line: no header. */
    }
    if (http_strip_end(line).size == 0) {
        if (!has_lf && in->dir == TO_CLIENT) {
            http_take(in, n);                        /* The CR of an LF CR line end. */
            return STEP_GO;
        }
        if (!http_raw_put(tx, in->dir, line)) {
            return STEP_BROKEN;
        }
        http_take(in, n);
        return end_head(in);
    }
    int blank = ends_by_blank_line(in, line);
    if (blank < 0) {
        in->side->scanned = 0;
        return STEP_MORE;
    }
    if (blank > 0) {
        http_take(in, n);
        return end_head(in);
    }
    size_t at = tx->msgs[in->dir].raw.size;
    if (n > app_engine_conf(in->session->engine)->http_field_limit) {
        http_too_long(in);
        return STEP_BROKEN;
    }
    if (!http_raw_put(tx, in->dir, line) || !http_header_line(tx, in->dir, at, n)) {
        return STEP_BROKEN;
    }
    http_take(in, n);
    return STEP_GO;
}
