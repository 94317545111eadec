/* A run and its threads, shared by the files of pipeline/ alone. */
#ifndef CIVICSHIELD_PIPELINE_PRIVATE_H
#define CIVICSHIELD_PIPELINE_PRIVATE_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "sensor/pipeline/pipeline.h"
#include "sensor/pipeline/share.h"
#include "sensor/pipeline/worker.h"

#define RUN_NAME_SIZE 256

struct run {
    const struct options *options;
    struct settings *settings;
    struct capture *capture;
    struct ruleset *rules;
    struct detect_engine *engine;
    struct host_table *hosts;
    struct output *output;
    struct transport *transport;
    struct share *share;                /* NULL: each worker reads a queue of its own. */
    struct worker_thread *threads;
    unsigned n_workers;
    char name[RUN_NAME_SIZE];
    uint64_t epoch;
    _Atomic uint64_t last_ns;           /* Newest running time that any thread knows. */
    _Atomic unsigned n_reading;         /* Workers that still read. */
    pthread_barrier_t all_read;
};

struct worker_thread {
    struct run *run;
    struct worker worker;
    pthread_t thread;
};

/* Set by SIGINT and SIGTERM: read what has been captured no further, and end. */
extern volatile sig_atomic_t run_is_stopping;

/* ---- open.c: each false after reporting ---- */

/* Name, rules and engine: what -T checks. */
bool run_prepare(struct run *, struct diag *);
/* Capture, transport, outputs and workers, in the order in which one needs another. */
bool run_open(struct run *, struct diag *);
/* Closes whatever is open; returns 'status', or PIPELINE_INCOMPLETE when writing failed. */
int run_close(struct run *, int status);

/* ---- reading.c: bodies of the threads; the argument of a worker's is its thread ---- */

void *run_worker(void *worker_thread);
void *run_reader(void *run);
void run_rest(uint64_t ns);

#endif
