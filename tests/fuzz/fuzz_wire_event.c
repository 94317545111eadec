/* fuzz deps: wire_dep */
/* A record off the wire: whatever unpacks makes one line of valid JSON. */
#include <stdlib.h>

#include "common/wire/json.h"
#include "common/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Civicshield__Wire__V1__Event *message =
        civicshield__wire__v1__event__unpack(NULL, size, bytes);
    struct strbuf text = STRBUF_EMPTY;

    if (message == NULL) {
        return 0;
    }
    event_write_ecs(message, &text);
    if (!json_is_valid(strbuf_slice(&text))) {
        abort();
    }
    strbuf_clear(&text);
    event_message_id(message, &text);
    civicshield__wire__v1__event__free_unpacked(message, NULL);
    strbuf_fini(&text);
    return 0;
}
