#include "rules/lang/buffers.h"

static const struct buffer_info infos[] = {
#define X(id, name, legacy, proto, flags) { name, legacy, APP_##proto, flags },
    RULE_BUFFERS(X)
#undef X
};

const struct buffer_info *buffer_info(enum buffer_id id)
{
    return &infos[id];
}
