#include "common/base/app_proto.h"

#include <string.h>
#include <strings.h>

static const char *const names[APP_N_PROTOS] = {
#define X(id, name) [APP_##id] = name,
    APP_PROTOS(X)
#undef X
};

const char *app_proto_name(enum app_proto proto)
{
    return (unsigned) proto < APP_N_PROTOS ? names[proto] : names[APP_UNKNOWN];
}

enum app_proto app_proto_by_name(const char *name, size_t size)
{
    for (unsigned i = 0; i < APP_N_PROTOS; i++) {
        if (strlen(names[i]) == size && strncasecmp(names[i], name, size) == 0) {
            return (enum app_proto) i;
        }
    }
    return APP_N_PROTOS;
}
