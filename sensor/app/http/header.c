/* Header fields (RFC 9110, section 5; RFC 9112, section 5).  A field that is repeated is
 * one field with its values joined by ", ", as rule authors know it. */
#include "sensor/app/http/http.h"

#define RAW_FIRST 1024
#define MAX_REPEATS 64
/* Longest name that we know. */
#define NAME_MAX_KNOWN 32

static const char *const field_names[] = {
    "",
#define X(id, name) name,
    HTTP_FIELDS(X)
#undef X
};

bool http_raw_put(struct http_tx *tx, enum direction dir, struct slice bytes)
{
    struct http_message *m = &tx->msgs[dir];
    uint64_t limit = http_conf(tx)->http_header_limit;

    if (m->raw.size > limit || bytes.size > limit - m->raw.size) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_TOO_LONG, HTTP_EVENT_RESPONSE_TOO_LONG);
        return false;
    }
    if (bytes.size > m->raw_cap - m->raw.size) {
        size_t cap = m->raw_cap != 0 ? m->raw_cap : RAW_FIRST;
        while (cap - m->raw.size < bytes.size) {
            cap *= 2;
        }
        /* The old copy stays in the arena: slices into it live as long as this. */
        uint8_t *grown = arena_alloc(&tx->tx.arena, cap);
        if (grown == NULL) {
            return false;
        }
        if (m->raw.size != 0) {
            memcpy(grown, m->raw.bytes, m->raw.size);
        }
        m->raw.bytes = grown;
        m->raw_cap = cap;
    }
    memcpy((uint8_t *) (uintptr_t) m->raw.bytes + m->raw.size, bytes.bytes, bytes.size);
    m->raw.size += bytes.size;
    return true;
}

static enum http_field find_field(struct slice name)
{
    char clean[NAME_MAX_KNOWN];
    size_t n = 0;

    /* Some clients skip NUL bytes, so they must not hide a name. */
    for (size_t i = 0; i < name.size; i++) {
        if (name.bytes[i] != 0) {
            if (n == sizeof clean) {
                return HTTP_FIELD_OTHER;
            }
            clean[n++] = (char) name.bytes[i];
        }
    }
    for (int i = 1; i < HTTP_N_FIELDS; i++) {
        if ((clean[0] | 0x20) == field_names[i][0] && n != 0
            && slice_is_nocase(slice_of(clean, n), field_names[i])) {
            return (enum http_field) i;
        }
    }
    return HTTP_FIELD_OTHER;
}

bool http_has_token(struct slice value, const char *text)
{
    size_t len = strlen(text);

    for (size_t start = 0; start < value.size; start++) {
        size_t n = 0;
        for (size_t i = start; i < value.size && n < len; i++) {
            uint8_t c = value.bytes[i];
            if (c == 0 && n != 0) {
                continue;
            }
            if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t) text[n]) {
                break;
            }
            n++;
        }
        if (n == len) {
            return true;
        }
    }
    return false;
}

const struct http_header *http_find(const struct http_message *m, enum http_field field)
{
    for (size_t i = 0; i < m->n_headers; i++) {
        if (m->headers[i].field == field) {
            return &m->headers[i];
        }
    }
    return NULL;
}

static struct http_header *find_same(struct http_message *m, const struct http_header *h)
{
    for (size_t i = 0; i < m->n_headers; i++) {
        struct http_header *old = &m->headers[i];
        if (old->field == h->field && old->name.size == h->name.size
            && strncasecmp((const char *) old->name.bytes, (const char *) h->name.bytes,
                           h->name.size) == 0) {
            return old;
        }
    }
    return NULL;
}

/* Joins a repeated field to the first; of lengths the first counts. */
static bool merge_header(struct http_tx *tx, enum direction dir, struct http_header *old,
                         const struct http_header *h)
{
    http_event_by(tx, dir, HTTP_EVENT_REQUEST_REPETITION, HTTP_EVENT_RESPONSE_REPETITION);
    if (h->field == HTTP_FIELD_CONTENT_LENGTH) {
        if (!slice_equal(h->value, old->value)) {
            http_event_by(tx, dir, HTTP_EVENT_REQUEST_CL_DUPLICATE,
                          HTTP_EVENT_RESPONSE_CL_DUPLICATE);
        }
        return true;
    }
    if (h->field == HTTP_FIELD_HOST && dir == TO_SERVER) {
        http_event(tx, HTTP_EVENT_HOST_AMBIGUOUS);
    }
    if (++old->n_repeats > MAX_REPEATS) {
        return true;
    }
    size_t size = old->value.size + 2 + h->value.size;
    uint8_t *joined = arena_alloc(&tx->tx.arena, size);
    if (joined == NULL) {
        return false;
    }
    memcpy(joined, old->value.bytes, old->value.size);
    memcpy(joined + old->value.size, ", ", 2);
    memcpy(joined + old->value.size + 2, h->value.bytes, h->value.size);
    old->value = slice_of(joined, size);
    return true;
}

/* Line ends within a folded value, with the blanks behind them, become one space. */
static struct slice unfold(struct http_tx *tx, struct slice value)
{
    uint8_t *out = arena_alloc(&tx->tx.arena, value.size + 1);
    size_t n = 0;

    if (out == NULL) {
        return slice_of(value.bytes, 0);
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.bytes[i];
        if (c != '\r' && c != '\n') {
            out[n++] = c;
            continue;
        }
        while (i + 1 < value.size && http_is_blank(value.bytes[i + 1])) {
            i++;
        }
        out[n++] = ' ';
    }
    return slice_of(out, n);
}

static struct http_header *add_header(struct http_tx *tx, struct http_message *m)
{
    if (m->n_headers == m->headers_cap) {
        size_t cap = m->headers_cap != 0 ? 2 * m->headers_cap : 16;
        struct http_header *grown = arena_alloc(&tx->tx.arena, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        if (m->n_headers != 0) {
            memcpy(grown, m->headers, m->n_headers * sizeof *grown);
        }
        m->headers = grown;
        m->headers_cap = cap;
    }
    return &m->headers[m->n_headers++];
}

bool http_header_flush(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];
    struct http_header h = { 0 };

    if (!m->has_open) {
        return true;
    }
    m->has_open = false;
    struct slice text = slice_of(m->raw.bytes + m->open_at, m->open_size);
    const uint8_t *colon = memchr(text.bytes, ':', text.size);
    if (colon == NULL) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_NO_COLON, HTTP_EVENT_RESPONSE_NO_COLON);
        h.name = slice_of(text.bytes, 0);
        h.value = text;
    } else {
        size_t n = (size_t) (colon - text.bytes);
        h.name = http_trim(slice_of(text.bytes, n));
        h.value = slice_of(colon + 1, text.size - n - 1);
        if (h.name.size == 0) {
            http_event_by(tx, dir, HTTP_EVENT_REQUEST_HEADER_INVALID,
                          HTTP_EVENT_RESPONSE_HEADER_INVALID);
        }
        h.field = find_field(h.name);
    }
    if (m->is_open_folded) {
        h.value = unfold(tx, h.value);
    }
    h.value = http_trim(h.value);
    if (m->n_headers >= HTTP_MAX_HEADERS) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_TOO_MANY, HTTP_EVENT_RESPONSE_TOO_MANY);
        return false;
    }
    struct http_header *same = h.name.size != 0 ? find_same(m, &h) : NULL;
    if (same != NULL) {
        return merge_header(tx, dir, same, &h);
    }
    struct http_header *slot = add_header(tx, m);
    if (slot != NULL) {
        *slot = h;
    }
    return slot != NULL;
}

/* Is 'text' a field of its own rather than more of the one before?  It is when a name
 * without blanks stands before a colon. */
static bool looks_like_field(struct slice text)
{
    const uint8_t *colon = text.size != 0 ? memchr(text.bytes, ':', text.size) : NULL;

    if (colon == NULL || colon == text.bytes) {
        return false;
    }
    for (const uint8_t *at = text.bytes; at < colon; at++) {
        if (http_is_blank(*at) || *at == ',' || *at == ';' || *at == '=' || *at == '"') {
            return false;
        }
    }
    return true;
}

bool http_header_line(struct http_tx *tx, enum direction dir, size_t at, size_t size)
{
    struct http_message *m = &tx->msgs[dir];
    struct slice line = slice_of(m->raw.bytes + at, size);
    bool is_folded = line.bytes[0] == ' ' || line.bytes[0] == '\t' || line.bytes[0] == 0;

    while (line.size != 0
           && (line.bytes[line.size - 1] == '\r' || line.bytes[line.size - 1] == '\n')) {
        line.size--;
    }
    if (is_folded && m->has_open) {
        struct slice open = slice_of(m->raw.bytes + m->open_at, m->open_size);
        if (memchr(open.bytes, ':', open.size) == NULL || !looks_like_field(http_trim(line))) {
            m->is_open_folded = true;
            m->open_size = at + line.size - m->open_at;
            return true;
        }
    }
    if (is_folded) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_FOLDING, HTTP_EVENT_RESPONSE_FOLDING);
    }
    if (!http_header_flush(tx, dir)) {
        return false;
    }
    m->has_open = true;
    m->is_open_folded = false;
    m->open_at = at;
    m->open_size = line.size;
    return true;
}

/* The largest of the numbers that stand there: what is too long is shown, what is too
 * short would hide the rest. */
static void read_length(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];
    const struct http_header *h = http_find(m, HTTP_FIELD_CONTENT_LENGTH);
    bool in_number = false, is_odd = false;
    uint64_t value = 0;

    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < h->value.size; i++) {
        uint8_t c = h->value.bytes[i];
        if (c >= '0' && c <= '9') {
            value = in_number ? value : 0;
            if (value > (INT64_MAX - 9) / 10) {
                is_odd = true;
                m->has_length = false;
                break;
            }
            value = value * 10 + (uint64_t) (c - '0');
            is_odd |= !in_number && m->has_length;
            m->length = m->has_length && m->length > value ? m->length : value;
            m->has_length = in_number = true;
            continue;
        }
        is_odd = true;
        in_number = false;
        if (m->has_length && !http_is_blank(c) && c != ',') {
            break;              /* "68.0", "68A": what follows is no length. */
        }
    }
    if (is_odd || !m->has_length) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_CL_INVALID,
                      HTTP_EVENT_RESPONSE_CL_INVALID);
    }
}

static void read_transfer_coding(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];
    const struct http_header *h = http_find(m, HTTP_FIELD_TRANSFER_ENCODING);

    if (h == NULL) {
        return;
    }
    m->is_chunked = http_has_token(h->value, "chunked");
    if (!m->is_chunked) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_TE_INVALID,
                      HTTP_EVENT_RESPONSE_TE_INVALID);
        return;
    }
    if (!slice_is_nocase(h->value, "chunked")) {
        http_event_by(tx, dir, HTTP_EVENT_REQUEST_TE_INVALID, HTTP_EVENT_ABNORMAL_TRANSFER);
    }
    if (dir == TO_CLIENT && m->minor != 1) {
        http_event(tx, HTTP_EVENT_CHUNKED_OLD_PROTO);
    }
}

/* Which host is asked: the URI's before the header's (RFC 9112, section 3.2.2). */
static void read_host(struct http_tx *tx)
{
    const struct http_header *h = http_find(&tx->msgs[TO_SERVER], HTTP_FIELD_HOST);
    struct slice host = tx->uri.host, port = tx->uri.port;
    struct slice head_host = { 0 }, head_port = { 0 };

    if (h != NULL) {
        tx->host_raw = h->value;
        if (!http_authority_split(h->value, &head_host, &head_port)
            || !http_host_is_valid(head_host)) {
            http_event(tx, HTTP_EVENT_HOST_INVALID);
        }
        if (host.size == 0) {
            host = head_host;
            port = head_port;
        } else if (host.size != head_host.size
                   || strncasecmp((const char *) host.bytes, (const char *) head_host.bytes,
                                  host.size) != 0) {
            http_event(tx, HTTP_EVENT_HOST_AMBIGUOUS);
        }
    } else if (tx->msgs[TO_SERVER].minor == 1) {
        http_event(tx, HTTP_EVENT_MISSING_HOST);
    }
    if (tx->host_raw.size == 0) {
        tx->host_raw = tx->uri.host;
    }
    tx->host = arena_copy(&tx->tx.arena, host.bytes, host.size);
    for (size_t i = 0; i < tx->host.size; i++) {
        uint8_t *c = (uint8_t *) (uintptr_t) tx->host.bytes + i;
        *c = *c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c;
    }
    for (size_t i = 0; i < port.size; i++) {
        tx->port = tx->port * 10 + (unsigned) (port.bytes[i] - '0');
    }
    if (tx->port != 0 && tx->port != flow_server_port(tx->tx.session->flow)
        && !slice_is(tx->method, "CONNECT")) {
        http_event(tx, HTTP_EVENT_PORT_MISMATCH);
    }
}

static void read_authorization(struct http_tx *tx)
{
    static const char *const known[] = { "basic", "digest", "bearer" };
    const struct http_header *h = http_find(&tx->msgs[TO_SERVER], HTTP_FIELD_AUTHORIZATION);

    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (h->value.size >= strlen(known[i])
            && strncasecmp((const char *) h->value.bytes, known[i], strlen(known[i])) == 0) {
            return;
        }
    }
    http_event(tx, HTTP_EVENT_AUTH_UNRECOGNIZED);
}

/* What holds of the headers however they ended. */
static void close_headers(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    http_header_flush(tx, dir);
    m->n_head = m->n_headers;
    m->head_size = m->raw.size;
    m->progress = HTTP_HEADERS;
}

void http_headers_cut(struct http_tx *tx, enum direction dir)
{
    if (dir == TO_CLIENT) {
        http_headers_end(tx, dir);
        return;
    }
    close_headers(tx, dir);
}

void http_headers_end(struct http_tx *tx, enum direction dir)
{
    struct http_message *m = &tx->msgs[dir];

    close_headers(tx, dir);
    read_transfer_coding(tx, dir);
    read_length(tx, dir);
    if (dir == TO_SERVER) {
        read_host(tx);
        read_authorization(tx);
        return;
    }
    const struct http_header *type = http_find(m, HTTP_FIELD_CONTENT_TYPE);
    if (type != NULL && http_has_token(type->value, "multipart/byteranges")) {
        http_event(tx, HTTP_EVENT_BYTERANGES);
    }
}
