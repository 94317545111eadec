/* fuzz deps: app_dep */
/* TFTP requests and what follows them. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session tftp = { .ip_proto = IP_PROTO_UDP, .server_port = 69 };

    fuzz_session(&tftp, bytes, size);
    return 0;
}
