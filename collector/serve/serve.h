/* What the collector tells over HTTP, for probes and for Prometheus:
 *
 *     GET /healthz    200 as long as the process runs
 *     GET /readyz     200, or 503 and why not
 *     GET /metrics    Prometheus text format 0.0.4
 *
 * Nothing here is secret and nothing can be changed; the default address is loopback.
 * libmicrohttpd has threads of its own, on which the callbacks are called. */
#ifndef CIVICSHIELD_COLLECTOR_SERVE_H
#define CIVICSHIELD_COLLECTOR_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/model/counters.h"
#include "common/base/diag.h"
#include "common/base/strbuf.h"
#include "common/conf/conf.h"

/* Section "http". */
struct serve_conf {
    char *address;              /* An IP address. */
    uint64_t port;              /* 0: any free one. */
};
extern const struct conf_section serve_section;

struct serve_options {
    const struct serve_conf *conf;
    const struct counters *counters;
    /* True if ready; else appends the reason, one line. */
    bool (*is_ready)(void *state, struct strbuf *reason);
    void *state;
};

struct serve;

/* NULL after reporting to 'diag'. */
struct serve *serve_open(const struct serve_options *, struct diag *);
unsigned serve_port(const struct serve *);
void serve_close(struct serve *);       /* NULL is fine. */

/* The text of /metrics, appended.  Pure. */
void serve_write_metrics(const struct counters *, bool is_ready, struct strbuf *out);

#endif
