/* What rules ask for.  A buffer of the start line is there with the line, one of the
 * headers when all headers are; those that must be put together are when first asked for,
 * since most transactions are never asked. */
#include "sensor/app/http/http.h"

/* A value that is there once 'progress' is reached. */
static struct app_view view_at(const struct http_tx *tx, enum direction dir,
                               enum http_progress progress, struct slice value)
{
    if (tx->msgs[dir].progress < progress) {
        return (struct app_view) { .state = tx->tx.is_done[dir] ? APP_VIEW_ABSENT
                                                                 : APP_VIEW_NOT_YET };
    }
    return value.bytes == NULL
               ? (struct app_view) { .state = APP_VIEW_ABSENT }
               : (struct app_view) { .state = APP_VIEW_DONE, .bytes = value };
}

static struct app_view view_line(const struct http_tx *tx, enum direction dir,
                                 struct slice value)
{
    return view_at(tx, dir, HTTP_LINE, value.size != 0 ? value : slice_of(NULL, 0));
}

static struct app_view view_headers(const struct http_tx *tx, enum direction dir,
                                    struct slice value)
{
    return view_at(tx, dir, HTTP_HEADERS, value);
}

static struct app_view view_field(const struct http_tx *tx, enum direction dir,
                                  enum http_field field)
{
    const struct http_header *h = http_find(&tx->msgs[dir], field);
    return view_headers(tx, dir, h != NULL ? h->value : slice_of(NULL, 0));
}

static bool is_cookie(enum direction dir, const struct http_header *h)
{
    return h->field == (dir == TO_SERVER ? HTTP_FIELD_COOKIE : HTTP_FIELD_SET_COOKIE);
}

static uint8_t *put(uint8_t *to, struct slice s)
{
    if (s.size != 0) {
        memcpy(to, s.bytes, s.size);
    }
    return to + s.size;
}

static uint8_t *put_text(uint8_t *to, const char *text)
{
    return put(to, slice_text(text));
}

/* "Name: value" and a line end for each header, with the start line before and an empty
 * line behind when 'with_line' (http.start), else without cookies (http.header). */
static struct slice make_headers(struct http_tx *tx, enum direction dir, bool with_line)
{
    const struct http_message *m = &tx->msgs[dir];
    size_t size = with_line ? m->line_size + 4 : 0;

    for (size_t i = 0; i < m->n_head; i++) {
        size += m->headers[i].name.size + m->headers[i].value.size + 4;
    }
    uint8_t *out = size != 0 ? arena_alloc(&tx->tx.arena, size) : NULL, *to = out;
    if (out == NULL) {
        return slice_of(NULL, 0);
    }
    if (with_line) {
        to = put_text(put(to, slice_of(m->raw.bytes, m->line_size)), "\r\n");
    }
    for (size_t i = 0; i < m->n_head; i++) {
        if (with_line || !is_cookie(dir, &m->headers[i])) {
            to = put_text(put(to, m->headers[i].name), ": ");
            to = put_text(put(to, m->headers[i].value), "\r\n");
        }
    }
    to = with_line ? put_text(to, "\r\n") : to;
    return to == out ? slice_of(NULL, 0) : slice_of(out, (size_t) (to - out));
}

/* "\r\nHost\r\nAccept\r\n\r\n" */
static struct slice make_names(struct http_tx *tx, enum direction dir)
{
    const struct http_message *m = &tx->msgs[dir];
    size_t size = 4;

    for (size_t i = 0; i < m->n_head; i++) {
        size += m->headers[i].name.size + 2;
    }
    uint8_t *out = arena_alloc(&tx->tx.arena, size), *to = out;
    if (out == NULL) {
        return slice_of(NULL, 0);
    }
    to = put_text(to, "\r\n");
    for (size_t i = 0; i < m->n_head; i++) {
        to = put_text(put(to, m->headers[i].name), "\r\n");
    }
    to = put_text(to, "\r\n");
    return slice_of(out, (size_t) (to - out));
}

static struct slice header_text(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    if (!m->has_header && m->progress >= HTTP_HEADERS) {
        m->has_header = true;
        m->header = make_headers(tx, dir, false);
    }
    return m->header;
}

static struct slice start_text(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    if (!m->has_start && m->progress >= HTTP_HEADERS) {
        m->has_start = true;
        m->start = make_headers(tx, dir, true);
    }
    return m->start;
}

static struct slice names_text(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    if (!m->has_header_names && m->progress >= HTTP_HEADERS && m->n_head != 0) {
        m->has_header_names = true;
        m->header_names = make_names(tx, dir);
    }
    return m->header_names;
}

/* "Name: value" of header 'index'. */
static struct slice one_header(struct http_tx *tx, enum direction dir, unsigned index)
{
    struct http_message *m = &tx->msgs[dir];

    if (m->progress < HTTP_HEADERS || index >= m->n_head) {
        return slice_of(NULL, 0);
    }
    if (m->lines == NULL) {
        m->lines = arena_alloc(&tx->tx.arena, m->n_head * sizeof *m->lines);
        if (m->lines == NULL) {
            return slice_of(NULL, 0);
        }
    }
    if (m->lines[index].bytes == NULL) {
        const struct http_header *h = &m->headers[index];
        size_t size = h->name.size + h->value.size + 2;
        uint8_t *out = arena_alloc(&tx->tx.arena, size);
        if (out != NULL) {
            put(put_text(put(out, h->name), ": "), h->value);
            m->lines[index] = slice_of(out, size);
        }
    }
    return m->lines[index];
}

static struct app_view view_body(const struct http_tx *tx, enum direction dir)
{
    const struct http_message *m = &tx->msgs[dir];
    bool is_done = tx->tx.is_done[dir];

    if (m->body.file != NULL) {
        return app_file_view(m->body.file);
    }
    if (m->body.kept.size == 0) {
        return (struct app_view) { .state = is_done ? APP_VIEW_ABSENT : APP_VIEW_NOT_YET };
    }
    return (struct app_view) {
        .state = is_done || !m->body.is_kept_whole ? APP_VIEW_DONE : APP_VIEW_GROWING,
        .bytes = slice_of(m->body.kept.bytes, m->body.kept.size),
    };
}

static struct slice raw_headers(const struct http_message *m)
{
    return m->head_size > m->headers_at
               ? slice_of(m->raw.bytes + m->headers_at, m->head_size - m->headers_at)
               : slice_of(NULL, 0);
}

struct app_view http_buffer(const struct app_tx *app_tx, enum direction dir,
                            enum buffer_id id, unsigned index)
{
    struct http_tx *tx = http_tx_of(app_tx);
    const struct http_message *m = &tx->msgs[dir];
    const struct app_view absent = { .state = APP_VIEW_ABSENT };

    if (id == BUFFER_FILE_DATA || id == BUFFER_FILE_NAME || id == BUFFER_FILE_MAGIC) {
        return app_file_buffer(app_tx, dir, id, index);
    }
    if (id == BUFFER_HTTP_REQUEST_HEADER || id == BUFFER_HTTP_RESPONSE_HEADER) {
        return dir == (id == BUFFER_HTTP_REQUEST_HEADER ? TO_SERVER : TO_CLIENT)
                   ? view_headers(tx, dir, one_header(tx, dir, index)) : absent;
    }
    if (index != 0) {
        return absent;
    }
    switch (id) {                               /* In both directions. */
    case BUFFER_HTTP_CONNECTION:
        return view_field(tx, dir, HTTP_FIELD_CONNECTION);
    case BUFFER_HTTP_CONTENT_TYPE:
        return view_field(tx, dir, HTTP_FIELD_CONTENT_TYPE);
    case BUFFER_HTTP_CONTENT_LEN:
        return view_field(tx, dir, HTTP_FIELD_CONTENT_LENGTH);
    case BUFFER_HTTP_COOKIE:
        return view_field(tx, dir, dir == TO_SERVER ? HTTP_FIELD_COOKIE
                                                    : HTTP_FIELD_SET_COOKIE);
    case BUFFER_HTTP_HEADER:
        return view_headers(tx, dir, header_text(tx, dir));
    case BUFFER_HTTP_HEADER_RAW:
        return view_headers(tx, dir, raw_headers(m));
    case BUFFER_HTTP_HEADER_NAMES:
        return view_headers(tx, dir, names_text(tx, dir));
    case BUFFER_HTTP_PROTOCOL:
        return view_line(tx, dir, m->protocol);
    case BUFFER_HTTP_START:
        return view_headers(tx, dir, start_text(tx, dir));
    default:
        break;
    }
    if (dir == TO_SERVER) {
        switch (id) {
        case BUFFER_HTTP_URI:
            return view_line(tx, dir, tx->uri.full);
        case BUFFER_HTTP_URI_RAW:
            return view_line(tx, dir, tx->uri_raw);
        case BUFFER_HTTP_METHOD:
            return view_line(tx, dir, tx->method);
        case BUFFER_HTTP_REQUEST_LINE:
            return view_line(tx, dir, slice_of(m->raw.bytes, m->line_size));
        case BUFFER_HTTP_HOST:
            return view_headers(tx, dir, tx->host.size != 0 ? tx->host : slice_of(NULL, 0));
        case BUFFER_HTTP_HOST_RAW:
            return view_headers(tx, dir,
                                tx->host_raw.size != 0 ? tx->host_raw : slice_of(NULL, 0));
        case BUFFER_HTTP_USER_AGENT:
            return view_field(tx, dir, HTTP_FIELD_USER_AGENT);
        case BUFFER_HTTP_REFERER:
            return view_field(tx, dir, HTTP_FIELD_REFERER);
        case BUFFER_HTTP_ACCEPT:
            return view_field(tx, dir, HTTP_FIELD_ACCEPT);
        case BUFFER_HTTP_ACCEPT_ENC:
            return view_field(tx, dir, HTTP_FIELD_ACCEPT_ENCODING);
        case BUFFER_HTTP_ACCEPT_LANG:
            return view_field(tx, dir, HTTP_FIELD_ACCEPT_LANGUAGE);
        case BUFFER_HTTP_REQUEST_BODY:
            return view_body(tx, dir);
        default:
            return absent;
        }
    }
    switch (id) {
    case BUFFER_HTTP_RESPONSE_LINE:
        return view_line(tx, dir, slice_of(m->raw.bytes, m->line_size));
    case BUFFER_HTTP_STAT_CODE:
        return view_line(tx, dir, tx->status_text);
    case BUFFER_HTTP_STAT_MSG:
        return view_line(tx, dir, tx->reason);
    case BUFFER_HTTP_SERVER:
        return view_field(tx, dir, HTTP_FIELD_SERVER);
    case BUFFER_HTTP_LOCATION:
        return view_field(tx, dir, HTTP_FIELD_LOCATION);
    case BUFFER_HTTP_RESPONSE_BODY:
        return view_body(tx, dir);
    default:
        return absent;
    }
}

bool http_number(const struct app_tx *app_tx, enum direction dir, enum rule_field field,
                 unsigned index, uint64_t *value)
{
    const struct http_tx *tx = http_tx_of(app_tx);

    if (field == FIELD_FILESIZE) {
        return app_file_number(app_tx, dir, index, value);
    }
    if (field != FIELD_HTTP_URILEN || dir != TO_SERVER || index != 0
        || tx->msgs[TO_SERVER].progress < HTTP_LINE) {
        return false;
    }
    *value = tx->uri.full.size;
    return true;
}
