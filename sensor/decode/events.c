#include "sensor/decode/events.h"

#include <string.h>

static const char *const event_names[DECODE_N_EVENTS] = {
#define X(id, name) [DECODE_##id] = name,
    DECODE_EVENTS(X)
#undef X
};

const char *decode_event_name(unsigned event)
{
    return event < DECODE_N_EVENTS ? event_names[event] : "unknown";
}

unsigned decode_event_by_name(const char *name, size_t size)
{
    static const char prefix[] = "decoder.";
    const size_t prefix_size = sizeof prefix - 1;

    if (size > prefix_size && memcmp(name, prefix, prefix_size) == 0) {
        name += prefix_size;
        size -= prefix_size;
    }
    for (unsigned i = 0; i < DECODE_N_EVENTS; i++) {
        if (strlen(event_names[i]) == size && memcmp(event_names[i], name, size) == 0) {
            return i;
        }
    }
    return DECODE_N_EVENTS;
}
