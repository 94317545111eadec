/* fuzz deps: app_dep */
/* HTTP over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session http = { .ip_proto = IP_PROTO_TCP, .server_port = 80 };

    fuzz_session(&http, bytes, size);
    return 0;
}
