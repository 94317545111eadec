/* fuzz deps: app_dep */
/* SSH over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session ssh = { .ip_proto = IP_PROTO_TCP, .server_port = 22 };

    fuzz_session(&ssh, bytes, size);
    return 0;
}
