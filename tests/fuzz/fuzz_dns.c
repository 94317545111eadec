/* fuzz deps: app_dep */
/* DNS, by the first byte as datagrams or in a stream; there the wrapped pieces are whole
 * messages. */
#include "tests/fuzz/session.h"

static size_t put_size(uint8_t *out, unsigned kind, size_t n)
{
    out[0] = (uint8_t) (n >> 8);
    out[1] = (uint8_t) n;
    return kind == 1 ? 2 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session dns = { .server_port = 53, .wrap = put_size };

    fuzz_session(&dns, bytes, size);
    return 0;
}
