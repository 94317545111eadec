/* fuzz deps: app_dep */
/* SNMP messages. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session snmp = { .ip_proto = IP_PROTO_UDP, .server_port = 161 };

    fuzz_session(&snmp, bytes, size);
    return 0;
}
