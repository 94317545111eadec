/* fuzz deps: conf_dep */
#include "common/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct diag diag;

    diag_init(&diag);
    conf_tree_free(conf_tree_parse("fuzz", (const char *) bytes, size, &diag));
    diag_fini(&diag);
    return 0;
}
