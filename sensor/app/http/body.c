/* Bodies: what stands on the wire, framing taken off, goes through the content codings to
 * what rules see (http.request_body, http.response_body, file.data) and to files.
 *
 * A response body is one file; so is the body of a POST or PUT, unless it is a form with
 * uploads, in which each upload is one. */
#include "sensor/app/http/http.h"

#define MAX_CODINGS 8

struct slice http_parameter(struct slice value, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i + len < value.size; i++) {
        if (strncasecmp((const char *) value.bytes + i, name, len) != 0
            || (i != 0 && value.bytes[i - 1] != ';' && !http_is_blank(value.bytes[i - 1]))) {
            continue;
        }
        size_t at = i + len;
        while (at < value.size && http_is_blank(value.bytes[at])) {
            at++;
        }
        if (at == value.size || value.bytes[at] != '=') {
            continue;
        }
        do {
            at++;
        } while (at < value.size && http_is_blank(value.bytes[at]));
        struct slice rest = slice_from(value, at);
        bool is_quoted = rest.size != 0 && rest.bytes[0] == '"';
        rest = is_quoted ? slice_from(rest, 1) : rest;
        size_t n = 0;
        while (n < rest.size && rest.bytes[n] != (is_quoted ? '"' : ';')) {
            n++;
        }
        rest.size = n;
        return is_quoted ? rest : http_trim(rest);
    }
    return slice_of(NULL, 0);
}

static bool is_method(const struct http_tx *tx, const char *name)
{
    return slice_is(tx->method, name);
}

/* Kinds of the codings in 'value', in the order of the header; false for a strange one. */
static bool read_codings(struct slice value, enum http_coding_kind *kinds, size_t *n)
{
    bool is_good = true;

    while (value.size != 0) {
        const uint8_t *comma = memchr(value.bytes, ',', value.size);
        size_t size = comma != NULL ? (size_t) (comma - value.bytes) : value.size;
        struct slice token = http_trim(slice_of(value.bytes, size));
        bool has_gzip = http_has_token(token, "gzip");
        bool has_deflate = http_has_token(token, "deflate");
        if (*n == MAX_CODINGS) {
            return false;
        }
        if (has_gzip || has_deflate) {
            kinds[(*n)++] = has_gzip ? CODING_GZIP : CODING_DEFLATE;
            is_good &= slice_is_nocase(token, has_gzip ? "gzip" : "deflate")
                       || slice_is_nocase(token, has_gzip ? "x-gzip" : "x-deflate");
        } else if (slice_is_nocase(token, "br")) {
            kinds[(*n)++] = CODING_BROTLI;
        } else {
            is_good &= token.size == 0 || slice_is_nocase(token, "identity")
                       || slice_is_nocase(token, "none");
        }
        size_t step = comma != NULL ? size + 1 : size;
        value = slice_from(value, step);
    }
    return is_good;
}

static void open_codings(struct http_tx *tx, enum direction dir)
{
    const struct http_header *h = http_find(&tx->msgs[dir], HTTP_FIELD_CONTENT_ENCODING);
    enum http_coding_kind kinds[MAX_CODINGS];
    uint64_t limit = http_conf(tx)->http_decompress_layers;
    size_t n = 0;

    if (h == NULL) {
        return;
    }
    if (!read_codings(h->value, kinds, &n)) {
        http_event(tx, HTTP_EVENT_ABNORMAL_CODING);
    }
    limit = limit < HTTP_MAX_LAYERS ? limit : HTTP_MAX_LAYERS;
    if (n > limit || n > HTTP_USUAL_LAYERS) {
        http_event(tx, HTTP_EVENT_TOO_MANY_LAYERS);
    }
    /* The last that was applied is the first to be undone. */
    for (size_t i = n > limit ? n - (size_t) limit : 0; i < n; i++) {
        if (!http_coding_add(tx, dir, kinds[i])) {
            http_event(tx, HTTP_EVENT_GZIP_FAILED);
        }
    }
}

void http_body_begin(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    m->body.has_begun = true;
    m->body.is_kept_whole = true;
    open_codings(tx, dir);
    if (dir == TO_SERVER && is_method(tx, "POST")) {
        const struct http_header *type = http_find(m, HTTP_FIELD_CONTENT_TYPE);
        if (type != NULL && http_has_token(type->value, "multipart/form-data")) {
            m->body.multipart = http_multipart_open(tx, type->value);
        }
    }
}

static struct slice file_name(struct http_tx *tx, enum direction dir)
{
    const struct http_header *h = http_find(&tx->msgs[dir], HTTP_FIELD_CONTENT_DISPOSITION);
    struct slice name = h != NULL ? http_parameter(h->value, "filename")
                                  : slice_of(NULL, 0);

    return name.size != 0 ? name : http_uri_path(tx);
}

static uint64_t body_limit(const struct http_tx *tx, enum direction dir)
{
    const struct app_conf *conf = http_conf(tx);
    uint64_t limit = dir == TO_SERVER ? conf->http_request_body_limit
                                      : conf->http_response_body_limit;
    return limit != 0 ? limit : UINT64_MAX;
}

/* The file that the body of this direction is, opened with its first byte; NULL: none. */
static struct app_file *body_file(struct http_tx *tx, enum direction dir)
{
    struct http_body *b = &tx->msgs[dir].body;

    if (b->file == NULL && b->multipart == NULL
        && (dir == TO_CLIENT || is_method(tx, "POST") || is_method(tx, "PUT"))) {
        b->file = app_file_open(&tx->tx, dir, file_name(tx, dir), body_limit(tx, dir));
    }
    return b->file;
}

/* The limit is passed: files are told as cut short. */
static void cut_body(struct http_tx *tx, struct http_body *b)
{
    b->is_cut = true;
    b->is_kept_whole = false;
    if (b->multipart != NULL) {
        http_multipart_end(tx, b->multipart, true);
    }
    if (b->file != NULL) {
        app_file_close(&tx->tx, b->file, FILE_TRUNCATED);
    }
}

void http_body_decoded(struct http_tx *tx, enum direction dir, struct slice bytes)
{
    struct http_body *b = &tx->msgs[dir].body;
    uint64_t limit = body_limit(tx, dir), room = b->size < limit ? limit - b->size : 0;
    bool is_too_much = bytes.size > room;

    if (bytes.size == 0 || b->is_cut) {
        return;
    }
    struct app_file *file = body_file(tx, dir);
    /* What is stored is stored whole; rules see no more of it for that. */
    is_too_much = is_too_much && !app_tx_is_storing(&tx->tx, dir);
    bytes.size = is_too_much ? (size_t) room : bytes.size;
    b->size += bytes.size;
    if (file != NULL) {
        app_file_append(&tx->tx, file, bytes.bytes, bytes.size);
    } else {
        b->is_kept_whole = b->is_kept_whole && bytes.size <= room
                           && app_bytes_put(tx->tx.session, &b->kept, bytes.bytes, bytes.size);
        if (b->multipart != NULL) {
            http_multipart_feed(tx, b->multipart, bytes);
        }
    }
    if (is_too_much) {
        cut_body(tx, b);
    }
}

void http_body_data(struct http_tx *tx, enum direction dir, struct slice bytes)
{
    struct http_body *b = &tx->msgs[dir].body;

    b->wire_size += bytes.size;
    if (b->codings == NULL) {
        http_body_decoded(tx, dir, bytes);
    } else if (!b->has_gap) {
        http_coding_feed(tx, dir, b->codings, bytes);
    }
}

void http_body_gap(struct http_tx *tx, enum direction dir, uint64_t size)
{
    struct http_body *b = &tx->msgs[dir].body;

    if (size == 0) {
        return;
    }
    if (b->codings != NULL) {
        /* What follows cannot be decoded any more. */
        http_coding_end(tx, dir, b->codings);
    }
    b->wire_size += size;
    b->has_gap = true;
    b->is_kept_whole = false;
    if (b->multipart != NULL) {
        http_multipart_gap(tx, b->multipart, size);
    } else if (body_file(tx, dir) != NULL) {
        app_file_gap(&tx->tx, b->file, size);
    }
}

void http_body_end(struct http_tx *tx, enum direction dir, bool is_whole)
{
    struct http_body *b = &tx->msgs[dir].body;

    if (!b->has_begun) {
        return;
    }
    if (b->codings != NULL) {
        if (!b->has_gap) {
            http_coding_end(tx, dir, b->codings);
        }
        http_coding_free(tx, b->codings);
        b->codings = NULL;
    }
    if (b->multipart != NULL && !b->is_cut) {
        http_multipart_end(tx, b->multipart, false);
    }
    if (b->file != NULL) {
        app_file_close(&tx->tx, b->file, is_whole ? FILE_CLOSED : FILE_TRUNCATED);
        if (dir == TO_CLIENT && is_whole) {
            http_range_take(tx, b->file);
        }
    }
}

void http_body_free(struct http_tx *tx, enum direction dir)
{
    struct http_body *b = &tx->msgs[dir].body;

    http_coding_free(tx, b->codings);
    b->codings = NULL;
    app_bytes_free(tx->tx.session, &b->kept);
}
