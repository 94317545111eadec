/* fuzz deps: collector_format_dep collector_normalize_dep */
/* A record as a sensor sends it, up to its document. */
#include <stdlib.h>

#include "collector/format/civicshield.h"
#include "collector/normalize/normalize.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct format_reader *reader;
    static struct sessions *sessions;
    static struct receipt receipt;
    static struct document document;
    struct normalize_conf conf = { (char *) "default", size % 3 };
    const Civicshield__Wire__V1__Event *event;
    const char *reason = NULL;

    if (reader == NULL) {
        reader = format_reader_create();
        sessions = sessions_create(1);
        session_receive(sessions_enter(sessions, "alpha", 1, 1), 0, 1, &receipt);
    }
    event = format_read_event(reader, slice_of(bytes, size), &reason);
    if (event == NULL || !normalize_event(&conf, event, &receipt, &document, &reason)) {
        if (reason == NULL) {
            abort();                            /* A refusal always has a reason. */
        }
        return 0;
    }
    /* Nothing of the event may break the lines of a bulk request. */
    if (memchr(document.json.text, '\n', document.json.size) != NULL
        || memchr(document.index.text, '"', document.index.size) != NULL) {
        abort();
    }
    return 0;
}
