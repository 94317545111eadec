/* fuzz deps: app_dep */
/* Kerberos, by the first byte as datagrams or behind sizes in a stream. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session krb5 = { .server_port = 88 };

    fuzz_session(&krb5, bytes, size);
    return 0;
}
