/* fuzz deps: app_dep */
/* SMTP over both directions. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session smtp = { IP_PROTO_TCP, 25, "smtp" };

    fuzz_session(&smtp, bytes, size);
    return 0;
}
