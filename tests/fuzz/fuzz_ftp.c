/* fuzz deps: app_dep */
/* An FTP control channel and a data connection of one engine. */
#include "tests/fuzz/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct fuzz_session ftp = { .ip_proto = IP_PROTO_TCP, .server_port = 21,
                                             .second_port = 257 };

    fuzz_session(&ftp, bytes, size);
    return 0;
}
