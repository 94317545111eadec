/* fuzz deps: app_dep */
/* SIP, by the first byte as datagrams or in a stream. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session sip = { .server_port = 5060 };

    fuzz_session(&sip, bytes, size);
    return 0;
}
