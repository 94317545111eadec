/* fuzz deps: app_dep */
/* RFB over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session rfb = { .ip_proto = IP_PROTO_TCP, .server_port = 5900 };

    fuzz_session(&rfb, bytes, size);
    return 0;
}
