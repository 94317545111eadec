/* Where bodies end: by length, by chunks (RFC 9112, section 7.1), with the connection. */
#include "sensor/app/http/step.h"

enum http_step http_begin_body(struct http_input *in)
{
    struct http_message *m = &in->side->tx->msgs[in->dir];

    http_body_begin(in->side->tx, in->dir);
    if (m->is_chunked) {
        in->side->at = AT_CHUNK_SIZE;
        in->side->is_first_chunk = true;
    } else if (!m->has_length) {
        in->side->at = AT_CLOSE;
    } else if (m->length == 0) {
        http_end_message(in, true, AT_START);
    } else {
        in->side->at = AT_LENGTH;
        in->side->left = m->length;
    }
    return STEP_GO;
}

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

void http_take_surplus(struct http_input *in)
{
    struct http_tx *tx = in->side->tx;
    const uint8_t *lf = in->rest.size != 0
                            ? memchr(in->rest.bytes, '\n', in->rest.size) : NULL;
    size_t n = lf != NULL ? (size_t) (lf - in->rest.bytes) + 1 : in->rest.size;
    struct slice line = slice_of(in->rest.bytes, n);

    if (n == 0
        || (in->dir == TO_CLIENT && !http_is_all_blank(line)
            && http_begins(http_trim(line)) != 0)
        || (in->dir == TO_SERVER
            && (http_is_all_blank(line) || may_be_request(line) || !http_is_stray_body(line)))) {
        return;
    }
    if (in->dir == TO_SERVER) {
        http_event(tx, HTTP_EVENT_UNEXPECTED_BODY);
    }
    if (!tx->msgs[in->dir].body.has_begun) {
        http_body_begin(tx, in->dir);
    }
    http_body_data(tx, in->dir, line);
    http_take(in, n);
}

enum http_step http_sized_body(struct http_input *in)
{
    size_t n = in->rest.size < in->side->left ? in->rest.size : (size_t) in->side->left;

    if (n == 0) {
        return STEP_MORE;
    }
    http_body_data(in->side->tx, in->dir, slice_of(in->rest.bytes, n));
    in->side->left -= n;
    http_take(in, n);
    if (in->side->left == 0) {
        if (in->side->at == AT_CHUNK_DATA) {
            in->side->at = AT_CHUNK_END;
        } else {
            http_take_surplus(in);
            http_end_message(in, true, AT_START);
        }
    }
    return STEP_GO;
}

enum http_step http_body_until_close(struct http_input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    http_body_data(in->side->tx, in->dir, in->rest);
    http_take(in, in->rest.size);
    return STEP_GO;
}

/* What should be the size of a chunk is none.  A response goes on as if it had never
 * been announced as chunked; a request is over, since its server cannot follow either. */
static enum http_step bad_chunk(struct http_input *in)
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
        http_end_message(in, false, AT_LOST);
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

enum http_step http_chunk_size(struct http_input *in)
{
    size_t i = 0;
    uint64_t size = 0;

    while (i < in->rest.size && http_is_blank(in->rest.bytes[i])) {
        i++;
    }
    in->side->tx->msgs[in->dir].body.framing_size += i;
    http_take(in, i);                                /* Empty lines before a size do no harm. */
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    if (hex_value(in->rest.bytes[0]) < 0) {
        return bad_chunk(in);
    }
    size_t n = http_find_line(in, false);
    if (n == 0) {
        return in->rest.size > HTTP_MAX_JUNK ? bad_chunk(in) : STEP_MORE;
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
    http_take(in, n);
    return STEP_GO;
}

enum http_step http_chunk_end(struct http_input *in)
{
    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    size_t n = in->rest.bytes[0] == '\r' ? 1 : 0;
    if (n == in->rest.size) {
        return in->is_end ? (http_take(in, n), STEP_GO) : STEP_MORE;
    }
    if (in->rest.bytes[n] == '\n') {
        n++;
    }
    in->side->tx->msgs[in->dir].body.framing_size += n;
    http_take(in, n);
    in->side->at = AT_CHUNK_SIZE;
    return STEP_GO;
}

enum http_step http_trailer(struct http_input *in)
{
    struct http_tx *tx = in->side->tx;

    if (in->rest.size == 0) {
        return STEP_MORE;
    }
    int answer = in->dir == TO_CLIENT ? http_begins(in->rest) : 0;
    if (answer < 0 && !in->is_end) {
        return STEP_MORE;
    }
    size_t n = answer > 0 ? 0 : http_find_line(in, false);
    if (answer > 0) {                           /* The empty line was left out. */
        http_end_message(in, true, AT_START);
        return STEP_GO;
    }
    if (n == 0) {
        return http_is_too_long(in) ? STEP_BROKEN : STEP_MORE;
    }
    struct slice line = slice_of(in->rest.bytes, n);
    if (http_strip_end(line).size == 0) {
        http_header_flush(tx, in->dir);
        http_take(in, n);
        http_take_surplus(in);
        http_end_message(in, true, AT_START);
        return STEP_GO;
    }
    size_t at = tx->msgs[in->dir].raw.size;
    if (!http_raw_put(tx, in->dir, line) || !http_header_line(tx, in->dir, at, n)) {
        return STEP_BROKEN;
    }
    http_take(in, n);
    return STEP_GO;
}
