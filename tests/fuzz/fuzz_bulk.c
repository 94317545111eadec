/* fuzz deps: collector_store_dep */
/* An answer of Elasticsearch to a bulk request, and one to the question for a template. */
#include <stdlib.h>

#include "collector/store/response.h"
#include "collector/store/templates.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct slice text = slice_of(bytes, size);
    struct item_result results[4];

    for (size_t n = 1; n <= 4; n++) {
        if (response_read(text, results, n)) {
            for (size_t i = 0; i < n; i++) {
                if (results[i].verdict == ITEM_REJECTED && results[i].reason == NULL) {
                    abort();                    /* A rejection always has a reason. */
                }
            }
            response_free(results, n);
        }
    }
    templates_judge(200, text, 1, "digest");
    return 0;
}
