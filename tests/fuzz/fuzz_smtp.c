/* fuzz deps: app_dep */
/* SMTP over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session smtp = { .ip_proto = IP_PROTO_TCP, .server_port = 25 };

    fuzz_session(&smtp, bytes, size);
    return 0;
}
