#include "rules/lang/hooks.h"

#include <stddef.h>

struct state {
    enum app_proto proto;       /* APP_UNKNOWN: any. */
    bool is_to_client;
    unsigned progress;
    const char *name;
};

/* What all have comes last: the own states of a protocol go first. */
static const struct state states[] = {
#define X(proto, is_to_client, progress, name) { APP_##proto, is_to_client, progress, name },
    RULE_PROGRESS(X)
#undef X
    { APP_UNKNOWN, false, PROGRESS_STARTED, "request_started" },
    { APP_UNKNOWN, false, PROGRESS_COMPLETE, "request_complete" },
    { APP_UNKNOWN, true, PROGRESS_STARTED, "response_started" },
    { APP_UNKNOWN, true, PROGRESS_COMPLETE, "response_complete" },
};
#define N_STATES (sizeof states / sizeof states[0])

static bool is_of(const struct state *s, enum app_proto proto)
{
    return s->proto == APP_UNKNOWN || s->proto == proto
           || (s->proto == APP_HTTP1 && proto == APP_HTTP);
}

bool progress_by_name(enum app_proto proto, struct slice name, unsigned *progress,
                      bool *is_to_client)
{
    for (size_t i = 0; i < N_STATES; i++) {
        if (is_of(&states[i], proto) && slice_is(name, states[i].name)) {
            *progress = states[i].progress;
            *is_to_client = states[i].is_to_client;
            return true;
        }
    }
    return false;
}

const char *progress_name(enum app_proto proto, bool is_to_client, unsigned progress)
{
    const struct state *best = NULL;

    for (size_t i = 0; i < N_STATES; i++) {
        const struct state *s = &states[i];

        if (is_of(s, proto) && s->is_to_client == is_to_client && s->progress <= progress
            && (best == NULL || best->progress < s->progress)) {
            best = s;
        }
    }
    return best != NULL ? best->name : is_to_client ? "response_started" : "request_started";
}

void progress_names(enum app_proto proto, const char **names, unsigned max)
{
    unsigned n = 0;

    for (size_t i = 0; i < N_STATES && n + 1 < max; i++) {
        if (is_of(&states[i], proto)) {
            names[n++] = states[i].name;
        }
    }
    names[n] = NULL;
}

static unsigned progress_of_http(enum buffer_id id)
{
    switch (id) {
    case BUFFER_HTTP_URI: case BUFFER_HTTP_URI_RAW: case BUFFER_HTTP_METHOD:
    case BUFFER_HTTP_PROTOCOL: case BUFFER_HTTP_REQUEST_LINE: case BUFFER_HTTP_RESPONSE_LINE:
    case BUFFER_HTTP_STAT_CODE: case BUFFER_HTTP_STAT_MSG:
        return 2;
    case BUFFER_HTTP_REQUEST_BODY: case BUFFER_HTTP_RESPONSE_BODY: case BUFFER_HTTP_HEADER_RAW:
    case BUFFER_FILE_DATA: case BUFFER_FILE_NAME: case BUFFER_FILE_MAGIC:
        return 4;
    default:
        return 3;
    }
}

static unsigned progress_of_tls(enum buffer_id id, bool is_to_client)
{
    switch (id) {
    case BUFFER_TLS_CERT_SUBJECT: case BUFFER_TLS_CERT_ISSUER: case BUFFER_TLS_CERT_SERIAL:
    case BUFFER_TLS_CERT_FINGERPRINT: case BUFFER_TLS_SUBJECTALTNAME: case BUFFER_TLS_CERTS:
        return 4;
    case BUFFER_TLS_RANDOM:
        return PROGRESS_NONE;
    default:
        return 3;
    }
}

unsigned progress_of_buffer(enum app_proto proto, enum buffer_id id, bool is_to_client)
{
    if (buffer_info(id)->flags & BUFFER_PACKET) {
        return PROGRESS_NONE;
    }
    switch (proto) {
    case APP_HTTP:
    case APP_HTTP1:
        return progress_of_http(id);
    case APP_TLS:
        return progress_of_tls(id, is_to_client);
    case APP_SSH:
        return 4;
    case APP_DNS:
        return PROGRESS_COMPLETE;
    default:
        return PROGRESS_NONE;
    }
}
