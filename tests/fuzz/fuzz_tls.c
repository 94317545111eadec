/* fuzz deps: app_dep crypto_dep */
/* TLS over both directions.  A piece may be wrapped into a record, or into a message or a
 * certificate list within one, so that sizes agree and what is inside is read. */
#include "tests/fuzz/session.h"

static size_t put_size(uint8_t *out, size_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        out[i] = (uint8_t) (value >> 8 * (width - 1 - i));
    }
    return width;
}

/* Kind 1 is a record, 2 to 7 a message in one; 5 a certificate in such. */
static size_t put_front(uint8_t *out, unsigned kind, size_t n)
{
    static const uint8_t types[] = { 0, 0, 1, 2, 11, 11, 12, 14 };
    size_t at = 0, inner = kind == 5 ? n + 6 : n;

    out[at++] = 22;
    out[at++] = 3;
    out[at++] = 3;
    at += put_size(out + at, kind == 1 ? n : inner + 4, 2);
    if (kind > 1) {
        out[at++] = types[kind];
        at += put_size(out + at, inner, 3);
    }
    if (kind == 5) {
        at += put_size(out + at, n + 3, 3);
        at += put_size(out + at, n, 3);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session tls = { .ip_proto = IP_PROTO_TCP, .server_port = 443,
                                             .wrap = put_front };

    fuzz_session(&tls, bytes, size);
    return 0;
}
