/* X.509 (RFC 5280), written as rule authors know it. */
#include "sensor/app/tls/certificate.h"

#include "common/base/civil.h"
#include "sensor/app/digest.h"

void certificate_name_put(struct certificate_name *t, const void *bytes, size_t size)
{
    size_t room = sizeof t->bytes - t->size;

    size = size < room ? size : room;
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

struct slice certificate_address(struct arena *arena, const uint8_t *bytes, size_t size)
{
    char out[IP_TEXT_SIZE];

    if (size != 4 && size != 16) {
        return slice_of(NULL, 0);
    }
    struct ip_addr ip = size == 4 ? ip_v4(bytes) : ip_v6(bytes);
    return arena_copy(arena, out, ip_format(&ip, false, out));
}

/* "00:9F:..." or "00:9f:...". */
static struct slice hex_text(struct arena *arena, const uint8_t *bytes, size_t size,
                             const char *digits)
{
    char *text = size > 0 ? arena_alloc(arena, size * 3) : NULL;

    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < size; i++) {
        text[3 * i] = digits[bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    return slice_of(text, size * 3 - 1);
}

static void put_decimal(char *at, int value, int n_digits)
{
    for (; n_digits > 0; n_digits--, value /= 10) {
        at[n_digits - 1] = (char) ('0' + value % 10);
    }
}

/* "2018-11-28T00:00:00" and the same in seconds; empty when it is no date. */
static struct slice date_text(struct arena *arena, const struct certificate_date *d,
                              int64_t *seconds)
{
    char text[] = "0000-00-00T00:00:00";

    if (!d->is_date) {
        return slice_of(NULL, 0);
    }
    put_decimal(text, d->year, 4);
    put_decimal(text + 5, d->month, 2);
    put_decimal(text + 8, d->day, 2);
    put_decimal(text + 11, d->hour, 2);
    put_decimal(text + 14, d->minute, 2);
    put_decimal(text + 17, d->second, 2);
    *seconds = civil_seconds(d->year, d->month, d->day, d->hour, d->minute, d->second);
    return arena_copy(arena, text, sizeof text - 1);
}

static void take_body(struct tls_tx *tx, struct tls_certificate *c,
                      const struct certificate_body *body)
{
    struct arena *arena = &tx->tx.arena;

    c->subject = body->subject;
    c->issuer = body->issuer;
    c->names = body->names;
    c->n_names = body->n_names;
    c->serial = hex_text(arena, body->serial.bytes, body->serial.size, "0123456789ABCDEF");
    c->not_before = date_text(arena, &body->begins, &c->begins);
    c->not_after = date_text(arena, &body->ends, &c->ends);
    c->has_dates = c->not_before.bytes != NULL && c->not_after.bytes != NULL;
    if (c->serial.bytes == NULL) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_SERIAL);
    }
    if (!c->has_dates) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DATE);
    }
    if (body->version > 2) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_VERSION);
    }
    if (body->has_bad_names) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_EXTENSIONS);
    }
    if (body->has_too_many_names) {
        tls_set_event(tx, TLS_EVENT_TOO_MANY_NAMES);
    }
}

void tls_certificate_read(struct tls_tx *tx, struct tls_certificate *c)
{
    struct arena *arena = &tx->tx.arena;
    struct certificate_body body;
    uint8_t sha1[APP_DIGEST_MAX];
    size_t size = app_digest(tx->tx.session->engine, APP_SHA1, c->der[0].bytes,
                             c->der[0].size, sha1);

    c->fingerprint = hex_text(arena, sha1, size, "0123456789abcdef");
    if (certificate_read_plain(arena, c->der[0], &body)
        || certificate_read_x509(arena, c->der[0], &body)) {
        take_body(tx, c, &body);
    } else {
        tls_set_event(tx, TLS_EVENT_INVALID_CERTIFICATE);
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DER);
    }
}
