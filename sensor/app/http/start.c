/* How messages begin: request lines, status lines, and what stands there instead. */
#include "sensor/app/http/step.h"

bool http_is_stray_body(struct slice line)
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

enum http_step http_start_request(struct http_input *in)
{
    size_t n = http_find_line(in, false);

    if (n == 0) {
        return http_is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    if (http_is_all_blank(line)) {
        http_take(in, n);
        return STEP_GO;
    }
    struct http_tx *before = http_tx_of(app_tx_last_own(in->session));
    if (before != NULL && before->has_request && http_is_stray_body(line)) {
        http_event(before, HTTP_EVENT_UNEXPECTED_BODY);
        app_tx_changed(&before->tx, TO_SERVER);
        http_take(in, n);
        return STEP_GO;
    }
    struct http_tx *tx = http_new_tx(in);
    if (tx == NULL) {
        return STEP_BROKEN;
    }
    http_begin_message(in, tx);
    struct http_message *m = &tx->msgs[TO_SERVER];
    if (n > app_engine_conf(in->session->engine)->http_field_limit) {
        http_too_long(in);
        return STEP_BROKEN;
    }
    if (!http_raw_put(tx, TO_SERVER, line)) {
        return STEP_BROKEN;
    }
    m->headers_at = m->raw.size;
    m->line_size = http_strip_end(line).size;
    http_request_line(tx, slice_of(m->raw.bytes, m->line_size));
    in->side->at = tx->is_09 ? AT_AFTER_09 : AT_HEADERS;
    app_tx_changed(&tx->tx, TO_SERVER);
    http_take(in, n);
    return STEP_GO;
}

/* HTTP/0.9 has nothing behind its line; headers there mean that the protocol was left
 * out. */
enum http_step http_after_09(struct http_input *in)
{
    size_t n = 0;

    while (n < in->rest.size && (in->rest.bytes[n] == '\r' || in->rest.bytes[n] == '\n')) {
        n++;
    }
    http_take(in, n);
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    http_event(in->side->tx, HTTP_EVENT_REQUEST_NO_PROTOCOL);
    in->side->tx->is_09 = false;
    in->side->at = AT_HEADERS;
    return STEP_GO;
}

static void end_09(struct http_input *in)
{
    http_headers_end(in->side->tx, TO_SERVER);
    http_end_message(in, true, AT_START);
}

/* The transaction that a response now beginning belongs to: the first that has none. */
static struct http_tx *find_response_tx(struct http_input *in)
{
    LIST_FOR_EACH (node, &in->session->txs) {
        struct app_tx *tx = LIST_ENTRY(node, struct app_tx, node);
        if (tx->parser == in->session->parser && !tx->is_done[TO_CLIENT]) {
            return http_tx_of(tx);
        }
    }
    return NULL;
}

/* A body without a status line: HTTP/0.9. */
static enum http_step start_bare_body(struct http_input *in, struct http_tx *tx)
{
    http_begin_message(in, tx);
    in->side->at = AT_CLOSE;
    tx->msgs[TO_CLIENT].minor = 9;
    tx->msgs[TO_CLIENT].progress = HTTP_HEADERS;
    http_body_begin(tx, TO_CLIENT);
    return STEP_GO;
}

static enum http_step start_status(struct http_input *in, struct http_tx *tx)
{
    size_t n = http_find_line(in, true);

    if (n == 0) {
        return http_is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    if (tx == NULL) {
        tx = http_new_tx(in);
        if (tx == NULL) {
            return STEP_BROKEN;
        }
        http_event(tx, HTTP_EVENT_UNMATCHED_RESPONSE);
        http_set_done(tx, TO_SERVER);
    }
    struct http_message *m = &tx->msgs[TO_CLIENT];
    struct slice line = slice_of(in->rest.bytes, n);
    http_begin_message(in, tx);
    if (!http_raw_put(tx, TO_CLIENT, line)) {
        return STEP_BROKEN;
    }
    m->headers_at = m->raw.size;
    m->line_size = http_strip_end(line).size;
    http_status_line(tx, slice_of(m->raw.bytes, m->line_size));
    in->side->at = AT_HEADERS;
    in->side->after_bare_lf = n < 2 || line.bytes[n - 2] != '\r';
    app_tx_changed(&tx->tx, TO_CLIENT);
    http_take(in, n);
    return STEP_GO;
}

/* A line that is no status line: skipped when a status line follows, else the beginning of
 * a body without any head. */
static enum http_step start_junk(struct http_input *in, struct http_tx *tx)
{
    size_t n = http_find_line(in, true);

    in->side->scanned = 0;
    if (tx == NULL) {
        struct http_tx *before = http_tx_of(app_tx_last_own(in->session));
        if (before != NULL) {
            http_event(before, HTTP_EVENT_UNMATCHED_RESPONSE);
        }
        in->side->at = AT_LOST;
        return STEP_GO;
    }
    if (n == 0) {
        return in->rest.size > HTTP_MAX_JUNK ? start_bare_body(in, tx) : STEP_MORE;
    }
    struct slice next = slice_from(in->rest, n);
    int answer = http_begins(next);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    if (answer > 0) {
        http_take(in, n);
        return STEP_GO;
    }
    return start_bare_body(in, tx);
}

enum http_step http_start_response(struct http_input *in)
{
    struct http_side *request = &in->state->sides[TO_SERVER];

    if (request->at == AT_AFTER_09) {
        struct http_input other = *in;
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
        http_take(in, n);
    }
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = http_begins(in->rest);
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    return answer > 0 ? start_status(in, tx) : start_junk(in, tx);
}
