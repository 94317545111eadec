/* fuzz deps: app_dep */
/* MQTT over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session mqtt = { .ip_proto = IP_PROTO_TCP, .server_port = 1883 };

    fuzz_session(&mqtt, bytes, size);
    return 0;
}
