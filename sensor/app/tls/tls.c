/* TLS behind the parser's interface: recognition, buffers, the event.  One transaction a
 * session: its handshake. */
#include "rules/lang/hooks.h"
#include "sensor/app/tls/tls_private.h"

static const char *const event_names[] = {
#define X(id, name) name,
    TLS_EVENTS(X)
#undef X
    NULL
};
_Static_assert(TLS_N_EVENTS <= 64, "events are bits of 64");

/* ---- Recognition ---- */

/* An SSLv2 ClientHello says its own sizes: they must agree. */
static enum app_probe probe_sslv2(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    size_t size = cursor_be16(&c) & 0x7fffu;
    uint8_t type = cursor_u8(&c);
    uint16_t version = cursor_be16(&c);
    size_t ciphers = cursor_be16(&c), session_id = cursor_be16(&c);
    size_t challenge = cursor_be16(&c);

    if (c.bad) {
        return bytes.size < 3 || type == 1 ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    return type == 1 && (version == TLS_SSL2 || version >> 8 == 3) && ciphers % 3 == 0
                   && ciphers != 0 && 9 + ciphers + session_id + challenge == size
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

/* A record of any kind that can be in the clear, and of one kind that is not: a flow may
 * have begun before we looked.  An empty handshake record is nothing that the protocol
 * allows, and of no other one either. */
static enum app_probe tls_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c), minor = cursor_u8(&c);
    uint16_t size = cursor_be16(&c);
    uint8_t message = cursor_u8(&c);

    if (bytes.size > 0 && (type & 0x80) != 0) {
        return dir == TO_SERVER ? probe_sslv2(bytes) : APP_PROBE_NO;
    }
    if (bytes.size == 0 || type < 20 || type > 23 || (bytes.size > 1 && major != 3)
        || (bytes.size > 2 && minor > 4) || (bytes.size > 4 && size > TLS_MAX_RECORD)) {
        return APP_PROBE_NO;
    }
    if (bytes.size > 4 && size == 0) {
        return type == 22 ? APP_PROBE_YES : APP_PROBE_NO;
    }
    if (c.bad) {
        return APP_PROBE_MORE;
    }
    switch (type) {
    case 20:
        return size == 1 && message == 1 ? APP_PROBE_YES : APP_PROBE_NO;
    case 21:
        return size == 2 && (message == 1 || message == 2) ? APP_PROBE_YES : APP_PROBE_NO;
    case 22:
        /* Messages by their types; both sides' own hello decides at once. */
        return message <= 25 ? APP_PROBE_YES : APP_PROBE_NO;
    default:
        return size >= 16 ? APP_PROBE_YES : APP_PROBE_NO;
    }
}

/* ---- Session ---- */

static void tls_finish(struct app_session *s)
{
    struct tls_tx *tx = s->state;

    if (tx != NULL) {
        tx->is_complete = tx->is_over = true;
        for (int d = 0; d < N_DIRECTIONS; d++) {
            tx->tx.is_done[d] = true;
            app_bytes_free(s, &tx->sides[d].handshake);
            app_tx_changed(&tx->tx, (enum direction) d);
        }
    }
}

static void tls_tx_free(struct app_tx *base)
{
    struct tls_tx *tx = tls_tx_of(base);

    for (int d = 0; d < N_DIRECTIONS; d++) {
        app_bytes_free(base->session, &tx->sides[d].handshake);
    }
    /* A session that another protocol took over keeps that one's state. */
    if (base->session->state == (void *) tx) {
        base->session->state = NULL;
    }
}

/* ---- For detect ---- */

static struct app_view view_of(const struct tls_tx *tx, enum direction dir, bool is_known,
                               struct slice bytes)
{
    if (!is_known && !tx->tx.is_done[dir]) {
        return (struct app_view) { .state = APP_VIEW_NOT_YET };
    }
    return (struct app_view) { .state = bytes.bytes != NULL ? APP_VIEW_DONE : APP_VIEW_ABSENT,
                               .bytes = bytes };
}

static struct app_view hello_view(const struct tls_tx *tx, enum direction dir,
                                  struct slice bytes)
{
    return view_of(tx, dir, tx->sides[dir].hello.is_seen, bytes);
}

static struct app_view certificate_view(const struct tls_tx *tx, enum direction dir,
                                        struct slice bytes)
{
    return view_of(tx, dir, tx->sides[dir].certificate.is_seen, bytes);
}

static struct slice part_of(struct slice s, size_t from, size_t size)
{
    return s.bytes != NULL && s.size >= from + size ? slice_of(s.bytes + from, size)
                                                    : slice_of(NULL, 0);
}

static struct slice nth(const struct slice *slices, size_t n, unsigned index)
{
    return index < n ? slices[index] : slice_of(NULL, 0);
}

static struct app_view tls_buffer(const struct app_tx *base, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    const struct tls_tx *tx = tls_tx_of(base);
    const struct tls_hello *hello = &tx->sides[dir].hello;
    const struct tls_certificate *c = &tx->sides[dir].certificate;
    bool is_client = dir == TO_SERVER;
    bool is_multi = id == BUFFER_TLS_ALPN || id == BUFFER_TLS_SUBJECTALTNAME
                    || id == BUFFER_TLS_CERTS;
    struct slice none = slice_of(NULL, 0);

    if (index != 0 && !is_multi) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    switch (id) {
    case BUFFER_TLS_SNI:
        return hello_view(tx, dir, is_client ? hello->sni : none);
    case BUFFER_JA3_STRING:
        return hello_view(tx, dir, is_client ? tx->ja3 : none);
    case BUFFER_JA3_HASH:
        return hello_view(tx, dir, is_client ? tx->ja3_hash : none);
    case BUFFER_JA3S_STRING:
        return hello_view(tx, dir, is_client ? none : tx->ja3s);
    case BUFFER_JA3S_HASH:
        return hello_view(tx, dir, is_client ? none : tx->ja3s_hash);
    case BUFFER_JA4_HASH:
        return hello_view(tx, dir, is_client ? tx->ja4 : none);
    case BUFFER_TLS_ALPN:
        return hello_view(tx, dir, nth(hello->alpns, hello->n_alpns, index));
    case BUFFER_TLS_RANDOM:
        return hello_view(tx, dir, hello->random);
    case BUFFER_TLS_RANDOM_TIME:
        return hello_view(tx, dir, part_of(hello->random, 0, 4));
    case BUFFER_TLS_RANDOM_BYTES:
        return hello_view(tx, dir, part_of(hello->random, 4, 28));
    case BUFFER_TLS_CERT_SUBJECT:
        return certificate_view(tx, dir, c->subject);
    case BUFFER_TLS_CERT_ISSUER:
        return certificate_view(tx, dir, c->issuer);
    case BUFFER_TLS_CERT_SERIAL:
        return certificate_view(tx, dir, c->serial);
    case BUFFER_TLS_CERT_FINGERPRINT:
        return certificate_view(tx, dir, c->fingerprint);
    case BUFFER_TLS_SUBJECTALTNAME:
        return certificate_view(tx, dir, nth(c->names, c->n_names, index));
    case BUFFER_TLS_CERTS:
        return certificate_view(tx, dir, nth(c->der, c->n, index));
    default:
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
}

/* What a side said in its hello; of TLS 1.3 only the server's is the one that holds. */
static uint16_t version_of(const struct tls_hello *hello)
{
    uint16_t version = hello->selected != 0 ? hello->selected : hello->version;

    if (!hello->is_seen) {
        return 0;
    }
    return hello->is_sslv2 ? TLS_SSL2 : tls_is_13(version) ? TLS_1_3 : version;
}

/* Dates of a certificate, and what they mean when it is shown. */
static bool date_of(const struct tls_tx *tx, const struct tls_certificate *c,
                    enum rule_field field, uint64_t *value)
{
    int64_t now = (int64_t) (tx->tx.last_ns / 1000000000u);

    switch (field) {
    case FIELD_TLS_CERT_NOTBEFORE:
        *value = c->begins > 0 ? (uint64_t) c->begins : 0;
        break;
    case FIELD_TLS_CERT_NOTAFTER:
        *value = c->ends > 0 ? (uint64_t) c->ends : 0;
        break;
    case FIELD_TLS_CERT_EXPIRED:
        *value = c->ends < now;
        break;
    default:
        *value = c->begins <= now && now <= c->ends;
        break;
    }
    return c->has_dates;
}

static bool tls_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                       unsigned index, uint64_t *value)
{
    const struct tls_tx *tx = tls_tx_of(base);

    if (index != 0) {
        return false;
    }
    switch (field) {
    case FIELD_TLS_VERSION:
        *value = version_of(&tx->sides[dir].hello);
        return *value != 0;
    case FIELD_SSL_STATE:
        *value = tx->states;
        return tx->states != 0;
    case FIELD_TLS_CERT_CHAIN_LEN:
        *value = tx->sides[dir].certificate.n_chain;
        return tx->sides[dir].certificate.is_seen;
    case FIELD_TLS_CERT_NOTBEFORE:
    case FIELD_TLS_CERT_NOTAFTER:
    case FIELD_TLS_CERT_EXPIRED:
    case FIELD_TLS_CERT_VALID:
        return date_of(tx, &tx->sides[dir].certificate, field, value);
    default:
        return false;
    }
}

/* By the numbers of rules/lang/hooks.h. */
static unsigned tls_progress(const struct app_tx *base, enum direction dir)
{
    const struct tls_tx *tx = tls_tx_of(base);
    const struct tls_side *side = &tx->sides[dir];
    bool is_key_done = dir == TO_SERVER ? (tx->states & TLS_SEEN_CLIENT_KEY) != 0
                                        : tx->is_flight_over;

    if (is_key_done) {
        return 5;
    }
    return side->certificate.is_seen ? 4
           : side->hello.is_seen     ? 3
           : base->changes[dir] != 0 ? 2
                                     : PROGRESS_NONE;
}

/* ---- For output ---- */

struct slice tls_version_text(uint16_t version, struct arena *arena)
{
    static const struct {
        uint16_t version;
        const char *text;
    } names[] = {
        { 0x0002, "SSLv2" }, { 0x0300, "SSLv3" }, { 0x0301, "TLSv1" }, { 0x0302, "TLS 1.1" },
        { 0x0303, "TLS 1.2" }, { 0x0304, "TLS 1.3" },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].version == version) {
            return slice_text(names[i].text);
        }
    }
    if (version >> 8 == 0x7f && (version & 0xff) < 16) {
        return slice_text("TLS 1.3 draft-<16");
    }
    if (version >> 8 == 0x7f) {
        return slice_text(arena_printf(arena, "TLS 1.3 draft-%u", version & 0xffu));
    }
    if (version >> 8 == 0xfb) {
        return slice_text(arena_printf(arena, "TLS 1.3 draft-%u-fb", version & 0xffu));
    }
    return version == 0 ? slice_text("UNDETERMINED")
                        : slice_text(arena_printf(arena, "0x%04x", version));
}

static void fill_client_certificate(struct event_tls *out, const struct tls_certificate *c,
                                    struct arena *scratch)
{
    struct event_tls_client_cert *client;

    if (!c->is_seen || (client = arena_alloc(scratch, sizeof *client)) == NULL) {
        return;
    }
    *client = (struct event_tls_client_cert) {
        .subject = c->subject, .issuerdn = c->issuer, .fingerprint = c->fingerprint,
        .serial = c->serial, .notbefore = c->not_before, .notafter = c->not_after,
        .subjectaltname = c->names, .n_subjectaltname = c->n_names,
    };
    out->client = client;
}

static void tls_fill(const struct app_tx *base, enum direction dir, struct event *event,
                     struct arena *scratch)
{
    const struct tls_tx *tx = tls_tx_of(base);
    const struct tls_hello *client = &tx->sides[TO_SERVER].hello;
    const struct tls_hello *server = &tx->sides[TO_CLIENT].hello;
    const struct tls_certificate *c = &tx->sides[TO_CLIENT].certificate;
    struct event_tls *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    *out = (struct event_tls) {
        .subject = c->subject, .issuerdn = c->issuer, .serial = c->serial,
        .fingerprint = c->fingerprint, .notbefore = c->not_before,
        .notafter = c->not_after, .subjectaltname = c->names,
        .n_subjectaltname = c->n_names,
        .sni = client->sni, .session_resumed = tx->is_resumed,
        .version = tls_version_text(tx->version, scratch),
        .ja3_hash = tx->ja3_hash, .ja3_string = tx->ja3,
        .ja3s_hash = tx->ja3s_hash, .ja3s_string = tx->ja3s, .ja4 = tx->ja4,
        .client_alpns = client->alpns, .n_client_alpns = client->n_alpns,
        .server_alpns = server->alpns, .n_server_alpns = server->n_alpns,
    };
    enum app_proto before = base->session->first_proto;
    if (before != APP_UNKNOWN) {
        out->from_proto = slice_text(app_proto_name(before == APP_HTTP1 ? APP_HTTP : before));
    }
    fill_client_certificate(out, &tx->sides[TO_SERVER].certificate, scratch);
    event->tls = out;
}

/* As soon as nothing more will be known: a certificate was shown (and the one asked for as
 * well), or both sides have sent data, which the others, sessions taken up again and TLS 1.3,
 * come to in the dark.  Or it all ended before: what there is, if there was a hello at all. */
static bool tls_is_loggable(const struct app_tx *base, enum direction dir)
{
    const struct tls_tx *tx = tls_tx_of(base);
    const struct tls_hello *server = &tx->sides[TO_CLIENT].hello;
    bool has_data = tx->sides[TO_SERVER].has_app_data && tx->sides[TO_CLIENT].has_app_data;
    bool is_shown = tx->sides[TO_CLIENT].certificate.is_seen && tx->is_flight_over
                    && (!tx->wants_certificate || (tx->states & TLS_SEEN_CLIENT_KEY) != 0);

    bool is_ready = has_data || tx->is_over || (tx->is_complete && !tx->is_resumed);

    return is_shown
           || (is_ready && (server->is_seen || tx->sides[TO_SERVER].hello.is_seen));
}

const struct app_parser tls_parser = {
    .proto = APP_TLS, .event_type = "tls", .over_tcp = true, .client_speaks_first = true,
    .event_names = event_names, .probe = tls_probe, .parse = tls_parse,
    .finish = tls_finish, .buffer = tls_buffer, .number = tls_number, .fill = tls_fill,
    .is_loggable = tls_is_loggable, .progress = tls_progress, .tx_free = tls_tx_free,
};
