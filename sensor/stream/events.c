#include "sensor/stream/events.h"

#include <string.h>

static const char *const event_names[] = {
#define X(id, name) name,
    STREAM_EVENTS(X)
#undef X
};

/* Spellings that rule files in use still have. */
static const struct {
    const char *name;
    enum stream_event event;
} old_names[] = {
    { "3whs_synack_resend_with_different_ack",
      STREAM_EVENT_3WHS_SYNACK_RESEND_WITH_DIFF_ACK },
    { "est_synack_resend_with_different_ack",
      STREAM_EVENT_EST_SYNACK_RESEND_WITH_DIFF_ACK },
};

const char *stream_event_name(unsigned event)
{
    return event < STREAM_N_EVENTS ? event_names[event] : NULL;
}

static int is_name(const char *known, const char *name, size_t size)
{
    return strlen(known) == size && memcmp(known, name, size) == 0;
}

unsigned stream_event_by_name(const char *name, size_t size)
{
    for (unsigned i = 0; i < STREAM_N_EVENTS; i++) {
        if (is_name(event_names[i], name, size)) {
            return i;
        }
    }
    for (size_t i = 0; i < sizeof old_names / sizeof *old_names; i++) {
        if (is_name(old_names[i].name, name, size)) {
            return old_names[i].event;
        }
    }
    return STREAM_N_EVENTS;
}
