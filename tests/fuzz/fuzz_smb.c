/* fuzz deps: app_dep */
/* A session of SMB, or of DCE RPC, by the first byte over TCP or UDP.  A wrapped piece is a
 * record of NetBIOS, so that sizes agree. */
#include "tests/fuzz/session.h"

static size_t put_record(uint8_t *out, unsigned kind, size_t n)
{
    out[0] = 0;
    out[1] = 0;
    out[2] = (uint8_t) (n >> 8);
    out[3] = (uint8_t) n;
    return kind == 1 ? 4 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session smb = { .server_port = 445, .wrap = put_record };

    fuzz_session(&smb, bytes, size);
    return 0;
}
