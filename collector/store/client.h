/* Requests to Elasticsearch over libcurl's multi interface: started and finished on one
 * thread, many at once; client_wake() alone may be called from others. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_CLIENT_H
#define CIVICSHIELD_COLLECTOR_STORE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/store/store.h"

struct client;

/* 'http_status' is 0 when there was no answer; then 'error' says why.  The answer is
 * borrowed for the call. */
typedef void client_done_function(void *state, long http_status, struct slice answer,
                                  const char *error);

struct client_request {
    const char *method;         /* "GET", "PUT", "POST". */
    const char *path;           /* With its query, without a leading slash. */
    const char *content_type;   /* Of the body; NULL: JSON. */
    struct slice body;          /* Borrowed until 'done' is called. */
    client_done_function *done;
    void *state;
};

/* Reads the secrets.  NULL after reporting to 'diag'. */
struct client *client_create(const struct store_conf *, struct diag *);
/* Ends what is under way without calling 'done'.  NULL is fine. */
void client_destroy(struct client *);
void client_start(struct client *, const struct client_request *);
/* Moves bytes, calls 'done' of what has ended, and sleeps up to 'timeout_ms' for more. */
void client_run(struct client *, int timeout_ms);
void client_wake(struct client *);

#endif
