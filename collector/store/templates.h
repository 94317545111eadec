/* The collector's templates in Elasticsearch: component templates with settings and
 * mappings, and the index templates that put them together.  Each has a version and a
 * digest of what it says; one is written when it is missing, older, or says something else
 * under the same version, and left alone when a newer collector wrote it. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_TEMPLATES_H
#define CIVICSHIELD_COLLECTOR_STORE_TEMPLATES_H

#include "collector/store/client.h"

struct templates;

/* 'reason' is NULL when every template is as it should be, else says what went wrong. */
typedef void templates_done_function(void *state, const char *reason);

struct templates *templates_create(const struct store_conf *);
void templates_destroy(struct templates *);     /* NULL is fine. */

/* Looks at each in turn, writes those that need it, then calls 'done'; not to be called
 * again before that. */
void templates_check(struct templates *, struct client *, templates_done_function *done,
                     void *state);

/* Whether a template is to be written, from the answer to the request for it.  Pure. */
enum template_verdict { TEMPLATE_WRITE, TEMPLATE_KEEP, TEMPLATE_FAILED };
enum template_verdict templates_judge(long http_status, struct slice answer,
                                      long version, const char *digest);

#endif
