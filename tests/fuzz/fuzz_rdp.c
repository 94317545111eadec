/* fuzz deps: app_dep */
/* RDP over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session rdp = { .ip_proto = IP_PROTO_TCP, .server_port = 3389 };

    fuzz_session(&rdp, bytes, size);
    return 0;
}
