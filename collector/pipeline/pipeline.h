/* Puts the rooms of the collector together: intake -> format -> normalize -> store, and
 * what is told over HTTP.  The one room that sees every other. */
#ifndef CIVICSHIELD_COLLECTOR_PIPELINE_H
#define CIVICSHIELD_COLLECTOR_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/ingest/ingest.h"
#include "collector/normalize/normalize.h"
#include "collector/serve/serve.h"
#include "collector/store/store.h"

/* Section "stop". */
struct pipeline_stop_conf {
    uint64_t timeout_ns;
};

struct pipeline_conf {
    struct ingest_conf listen;
    struct ingest_tls_conf tls;
    struct normalize_conf index;
    struct store_conf elasticsearch;
    struct serve_conf http;
    struct pipeline_stop_conf stop;
};

/* All sections of the collector's configuration. */
extern const struct conf_section *const pipeline_sections[];
extern const size_t pipeline_n_sections;

/* Fills 'conf' and checks it with all files that it names; false after reporting.
 * pipeline_conf_fini() is due in both cases. */
bool pipeline_conf_read(const struct conf_node *root, struct pipeline_conf *conf,
                        struct diag *diag);
void pipeline_conf_fini(struct pipeline_conf *);

struct pipeline;

/* Starts all threads.  NULL after reporting to 'diag'.  'conf' must outlive it. */
struct pipeline *pipeline_open(const struct pipeline_conf *conf, struct diag *diag);
unsigned pipeline_listen_port(const struct pipeline *);
unsigned pipeline_http_port(const struct pipeline *);

/* Stops reading, sends what was taken within the configured time, acknowledges it, ends
 * the streams and frees.  True if nothing was left over; what was is not acknowledged, so
 * the sensors still have it.  NULL is fine. */
bool pipeline_close(struct pipeline *);

#endif
