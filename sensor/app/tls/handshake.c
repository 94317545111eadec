/* Handshake messages (RFC 5246, section 7.4; RFC 8446, section 4). */
#include "sensor/app/tls/tls_private.h"

enum { HELLO_REQUEST = 0, CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11,
       SERVER_KEY_EXCHANGE = 12, CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14,
       CLIENT_KEY_EXCHANGE = 16 };

static bool is_known_type(uint8_t type)
{
    switch (type) {
    case HELLO_REQUEST:
    case CLIENT_HELLO:
    case SERVER_HELLO:
    case 3:                     /* DTLS's hello_verify_request */
    case 4:                     /* new_session_ticket */
    case 5:                     /* end_of_early_data */
    case 6:                     /* hello_retry_request of the drafts */
    case 8:                     /* encrypted_extensions */
    case CERTIFICATE:
    case SERVER_KEY_EXCHANGE:
    case CERTIFICATE_REQUEST:
    case SERVER_HELLO_DONE:
    case 15:                    /* certificate_verify */
    case CLIENT_KEY_EXCHANGE:
    case 20:                    /* finished */
    case 21:                    /* certificate_url */
    case 22:                    /* certificate_status */
    case 23:                    /* supplemental_data */
    case 24:                    /* key_update */
    case 25:                    /* compressed_certificate */
    case 67:                    /* next_protocol */
        return true;
    default:
        return false;
    }
}

static void take_client_hello(struct tls_tx *tx, struct slice body)
{
    const struct app_conf *conf = app_engine_conf(tx->tx.session->engine);
    struct tls_hello hello;

    if (!tls_hello_read(tx, TO_SERVER, body, &hello)) {
        tls_set_event(tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
        return;
    }
    tx->states |= TLS_SEEN_CLIENT_HELLO;
    /* What a client says first is what it is known by, even if it is asked again. */
    if (tx->sides[TO_SERVER].hello.is_seen) {
        return;
    }
    tx->sides[TO_SERVER].hello = hello;
    if (tx->version == 0) {
        tx->version = hello.version;
    }
    if (conf->ja3) {
        tls_make_ja3(tx);
    }
    if (conf->ja4) {
        tls_make_ja4(tx);
    }
}

/* RFC 8446, section 4.1.3: a ServerHello with this as its random is no answer yet. */
static bool is_retry_request(const struct tls_hello *hello)
{
    static const uint8_t mark[32] = {
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
        0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2,
        0xc8, 0xa8, 0x33, 0x9c,
    };

    return hello->random.size == sizeof mark
           && memcmp(hello->random.bytes, mark, sizeof mark) == 0;
}

static void take_server_hello(struct tls_tx *tx, struct slice body)
{
    const struct app_conf *conf = app_engine_conf(tx->tx.session->engine);
    struct tls_hello hello;

    if (!tls_hello_read(tx, TO_CLIENT, body, &hello)) {
        tls_set_event(tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
        return;
    }
    tx->states |= TLS_SEEN_SERVER_HELLO;
    if (tx->sides[TO_CLIENT].hello.is_seen) {
        return;
    }
    tx->version = hello.selected != 0 ? hello.selected : hello.version;
    if (is_retry_request(&hello)) {
        tx->is_retried = true;
        return;                             /* The hello that counts is still to come. */
    }
    tx->sides[TO_CLIENT].hello = hello;
    if (conf->ja3) {
        tls_make_ja3s(tx);
    }
}

/* A chain: three bytes of size, then certificates behind three bytes of size each. */
static void take_certificate(struct tls_tx *tx, enum direction dir, struct slice body)
{
    struct tls_certificate *c = &tx->sides[dir].certificate;
    struct cursor all = cursor_of(body.bytes, body.size);
    struct cursor list = cursor_sub(&all, cursor_be24(&all));

    if (c->is_seen) {
        return;                             /* A renegotiation: the first is logged. */
    }
    while (!list.bad && cursor_left(&list) > 0) {
        struct slice der = cursor_slice(&list, cursor_be24(&list));
        if (list.bad) {
            break;
        }
        c->n_chain++;
        if (c->n < TLS_MAX_CERTIFICATES && der.size > 0) {
            c->der[c->n] = arena_copy(&tx->tx.arena, der.bytes, der.size);
            c->n += c->der[c->n].bytes != NULL;
        }
    }
    if (list.bad) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_LENGTH);
        tls_set_event(tx, TLS_EVENT_INVALID_CERTIFICATE);
    }
    if (c->n > 0) {
        c->is_seen = true;
        tls_certificate_read(tx, c);
    }
}

void tls_take_message(struct tls_tx *tx, enum direction dir, uint8_t type, struct slice body)
{
    if (!is_known_type(type)) {
        tls_set_event(tx, TLS_EVENT_INVALID_HANDSHAKE_MESSAGE);
        tx->states |= TLS_SEEN_UNKNOWN;
        return;
    }
    if (type == CLIENT_HELLO && dir == TO_SERVER) {
        take_client_hello(tx, body);
    } else if (type == SERVER_HELLO && dir == TO_CLIENT) {
        take_server_hello(tx, body);
    } else if (type == CERTIFICATE) {
        take_certificate(tx, dir, body);
    } else if (type == SERVER_KEY_EXCHANGE) {
        tx->states |= TLS_SEEN_SERVER_KEY;
    } else if (type == CLIENT_KEY_EXCHANGE) {
        tx->states |= TLS_SEEN_CLIENT_KEY;
    } else if (type == CERTIFICATE_REQUEST && dir == TO_CLIENT) {
        tx->wants_certificate = true;
    } else if (type == SERVER_HELLO_DONE && dir == TO_CLIENT) {
        tx->is_flight_over = true;
    }
    app_tx_changed(&tx->tx, dir);
}

/* RFC 5246, appendix E.2: version(2) sizes of ciphers, session id and challenge (2 each). */
bool tls_take_sslv2_hello(struct tls_tx *tx, struct slice body)
{
    struct tls_hello *h = &tx->sides[TO_SERVER].hello;
    struct cursor c = cursor_of(body.bytes, body.size);
    uint16_t version = cursor_be16(&c);
    size_t ciphers = cursor_be16(&c), session_id = cursor_be16(&c);
    size_t challenge = cursor_be16(&c);

    cursor_skip(&c, ciphers);
    cursor_skip(&c, session_id);
    cursor_skip(&c, challenge);
    if (c.bad || ciphers % 3 != 0) {
        return false;
    }
    *h = (struct tls_hello) { .is_seen = true, .is_sslv2 = true, .version = version,
                              .has_session_id = session_id > 0 };
    tx->version = version;
    tx->states |= TLS_SEEN_CLIENT_HELLO;
    app_tx_changed(&tx->tx, TO_SERVER);
    return true;
}
