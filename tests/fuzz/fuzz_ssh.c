/* fuzz deps: app_dep */
/* SSH over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session ssh = { IP_PROTO_TCP, 22, "ssh" };

    fuzz_session(&ssh, bytes, size);
    return 0;
}
