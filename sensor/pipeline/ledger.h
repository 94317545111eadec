/* The ledger of a run: what came in and what became of it, stage by stage.  Each line says
 * that two sums are the same; a run whose books do not balance says so and fails. */
#ifndef CIVICSHIELD_PIPELINE_LEDGER_H
#define CIVICSHIELD_PIPELINE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/strbuf.h"
#include "sensor/capture/capture.h"
#include "sensor/pipeline/worker.h"
#include "sensor/transport/transport.h"

struct ledger {
    struct capture_stats capture;
    uint64_t share_dropped;             /* Handed over by capture, refused by a busy worker. */
    uint64_t frames_done;               /* Through decode. */
    struct decode_counters decode;
    struct flow_counters flow;
    struct stream_counters stream;
    struct app_counters app;
    struct detect_counters detect;
    struct output_counters output;
    bool has_files;
    struct file_store_counters files;
    bool has_transport;
    struct transport_ledger transport;
    uint64_t wall_ns;                   /* From the first frame to the last event. */
};

/* Adds one worker's counters. */
void ledger_add_worker(struct ledger *, const struct worker *);
/* True if every line balances; otherwise names the first that does not in '*wrong'. */
bool ledger_balances(const struct ledger *, const char **wrong);
/* The summary for people. */
void ledger_print(const struct ledger *, FILE *);
/* The object of a stats event. */
void ledger_json(const struct ledger *, struct strbuf *);

#endif
