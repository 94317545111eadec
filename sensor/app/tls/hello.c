/* ClientHello and ServerHello (RFC 5246, 7.4.1; RFC 8446, 4.1):
 *
 *   version(2) random(32) session id(1+n)
 *   client: ciphers(2+n) compression(1+n)        server: cipher(2) compression(1)
 *   extensions(2+n), each: type(2) size(2) data */
#include "sensor/app/tls/tls_private.h"

enum { EXT_SERVER_NAME = 0, EXT_GROUPS = 10, EXT_POINT_FORMATS = 11, EXT_SIGNATURES = 13,
       EXT_ALPN = 16, EXT_TICKET = 35, EXT_VERSIONS = 43 };

struct reader {
    struct tls_tx *tx;
    struct tls_hello *hello;
    bool is_client;
};

static struct slice keep(struct reader *r, struct slice bytes)
{
    return arena_copy(&r->tx->tx.arena, bytes.bytes, bytes.size);
}

/* A list of codes behind its size in two bytes. */
static struct tls_codes read_codes(struct reader *r, struct cursor *c)
{
    struct slice raw = cursor_slice(c, cursor_be16(c));

    raw.size &= ~(size_t) 1;
    return (struct tls_codes) { keep(r, raw) };
}

/* RFC 6066, section 3: a list of names by type, of which only host_name exists. */
static void read_server_name(struct reader *r, struct cursor c)
{
    if (!r->is_client || cursor_left(&c) == 0) {
        return;
    }
    r->hello->has_sni = true;
    struct cursor list = cursor_sub(&c, cursor_be16(&c));
    uint8_t type = cursor_u8(&list);
    struct slice name = cursor_slice(&list, cursor_be16(&list));
    if (list.bad || name.size == 0 || name.size > TLS_MAX_SNI) {
        tls_set_event(r->tx, TLS_EVENT_INVALID_SNI_LENGTH);
        return;
    }
    if (type != 0) {
        tls_set_event(r->tx, TLS_EVENT_INVALID_SNI_TYPE);
        return;
    }
    /* A hello after a retry request repeats the name, any other has no business to. */
    if (r->hello->sni.bytes != NULL
        || (r->tx->sides[TO_SERVER].hello.sni.bytes != NULL && !r->tx->is_retried)) {
        tls_set_event(r->tx, TLS_EVENT_MULTIPLE_SNI_EXTENSIONS);
        return;
    }
    r->hello->sni = keep(r, name);
}

/* RFC 7301, section 3.1. */
static void read_alpn(struct reader *r, struct cursor c)
{
    struct cursor list = cursor_sub(&c, cursor_be16(&c));
    struct tls_hello *h = r->hello;

    while (!list.bad && cursor_left(&list) > 0 && h->n_alpns < TLS_MAX_ALPNS) {
        struct slice name = cursor_slice(&list, cursor_u8(&list));
        if (!list.bad && name.size > 0) {
            h->alpns[h->n_alpns] = keep(r, name);
            h->n_alpns += h->alpns[h->n_alpns].bytes != NULL;
        }
    }
}

/* Client: a list; server: the one chosen. */
static void read_versions(struct reader *r, struct cursor c)
{
    if (!r->is_client) {
        r->hello->selected = cursor_be16(&c);
        return;
    }
    struct slice raw = cursor_slice(&c, cursor_u8(&c));
    raw.size &= ~(size_t) 1;
    r->hello->versions.raw = keep(r, raw);
}

static void read_extension(struct reader *r, uint16_t type, struct cursor c)
{
    struct tls_hello *h = r->hello;

    switch (type) {
    case EXT_SERVER_NAME:
        read_server_name(r, c);
        break;
    case EXT_GROUPS:
        h->groups = read_codes(r, &c);
        break;
    case EXT_POINT_FORMATS:
        h->formats = keep(r, cursor_slice(&c, cursor_u8(&c)));
        break;
    case EXT_SIGNATURES:
        h->signatures = read_codes(r, &c);
        break;
    case EXT_ALPN:
        read_alpn(r, c);
        break;
    case EXT_TICKET:
        h->has_ticket = cursor_left(&c) > 0;
        break;
    case EXT_VERSIONS:
        read_versions(r, c);
        break;
    default:
        break;
    }
}

static bool read_extensions(struct reader *r, struct cursor *c)
{
    struct tls_hello *h = r->hello;

    if (cursor_left(c) == 0) {
        return true;                        /* Before extensions there were none. */
    }
    struct cursor all = cursor_sub(c, cursor_be16(c));
    size_t most = cursor_left(&all) / 4;
    h->has_extensions = true;
    h->extensions = arena_alloc(&r->tx->tx.arena, most * sizeof *h->extensions);
    while (!all.bad && cursor_left(&all) > 0) {
        uint16_t type = cursor_be16(&all);
        struct cursor data = cursor_sub(&all, cursor_be16(&all));
        if (all.bad) {
            return false;
        }
        if (h->extensions != NULL) {
            h->extensions[h->n_extensions++] = type;
        }
        read_extension(r, type, data);
    }
    return !all.bad;
}

bool tls_hello_read(struct tls_tx *tx, enum direction dir, struct slice body,
                    struct tls_hello *h)
{
    struct reader r = { .tx = tx, .hello = h, .is_client = dir == TO_SERVER };
    struct cursor c = cursor_of(body.bytes, body.size);

    *h = (struct tls_hello) { .version = cursor_be16(&c) };
    h->random = keep(&r, cursor_slice(&c, 32));
    /* Before draft 22 of TLS 1.3 a server had neither session id nor compression to say. */
    bool is_draft = !r.is_client && (h->version >> 8 == 0x7f || h->version == TLS_1_3);
    if (is_draft && h->version == TLS_1_3) {
        h->selected = TLS_1_3_EARLY;
    }
    if (!is_draft) {
        uint8_t size = cursor_u8(&c);
        cursor_skip(&c, size);
        h->has_session_id = size > 0;
    }
    if (r.is_client) {
        h->ciphers = read_codes(&r, &c);
        cursor_skip(&c, cursor_u8(&c));
    } else {
        h->cipher = cursor_be16(&c);
        cursor_skip(&c, is_draft ? 0 : 1);
    }
    if (c.bad || !read_extensions(&r, &c)) {
        return false;
    }
    h->is_seen = true;
    return true;
}
