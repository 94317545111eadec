/* fuzz deps: app_dep */
/* DHCP messages. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session dhcp = { .ip_proto = IP_PROTO_UDP, .server_port = 67 };

    fuzz_session(&dhcp, bytes, size);
    return 0;
}
