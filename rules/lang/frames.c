#include "rules/lang/frames.h"

static const struct { const char *name; enum app_proto proto; } frames[N_FRAMES] = {
    [FRAME_STREAM] = { "stream", APP_UNKNOWN },
#define X(id, proto, name) [FRAME_##id] = { name, APP_##proto },
    RULE_FRAMES(X)
#undef X
};

enum frame_id frame_by_name(enum app_proto proto, struct slice name)
{
    for (unsigned i = 0; i < N_FRAMES; i++) {
        if ((i == FRAME_STREAM || frames[i].proto == proto) && slice_is(name, frames[i].name)) {
            return (enum frame_id) i;
        }
    }
    return N_FRAMES;
}

const char *frame_name(enum frame_id id)
{
    return frames[id].name;
}

enum app_proto frame_proto(enum frame_id id)
{
    return frames[id].proto;
}
