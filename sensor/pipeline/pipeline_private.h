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

/* At recorded speed: when the first frame was read, and when it was captured. */
struct run_pace {
    double speed;                       /* 0: as fast as it goes. */
    uint64_t first_packet_ns, first_wall_ns;
};

struct run {
    const struct options *options;
    struct settings *settings;
    struct capture *capture;
    struct ruleset *rules;
    struct detect_engine *engine;
    struct host_table *hosts;
    struct output *output;
    struct file_store *files;           /* NULL: none are kept. */
    struct transport *transport;
    struct share *share;                /* NULL: each worker reads a queue of its own. */
    struct run_pace pace;               /* Of the worker that reads. */
    struct worker_thread *threads;
    unsigned n_workers;
    char name[RUN_NAME_SIZE];
    uint64_t epoch;
    _Atomic uint64_t last_ns;           /* Newest running time that any thread knows. */
    _Atomic unsigned n_reading;         /* Workers that still read. */
    pthread_barrier_t all_read;         /* For as many as there are workers: hence a start
                                         * only if all can. */
    pthread_mutex_t start_lock;
    pthread_cond_t start_decided;
    enum run_start { RUN_START_OPEN, RUN_START_GO, RUN_START_OFF } start; /* Under the lock. */
    unsigned n_started;                 /* Workers' threads; main's. */
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

/* ---- reading.c ---- */

/* Starts the workers.  False, after a word in the log, when one of the threads cannot be had:
 * then those that could have ended again without having read anything. */
bool run_start_threads(struct run *);
/* Waits for all that run_start_threads() has started, and frees what they waited by. */
void run_join_threads(struct run *);

void run_rest(uint64_t ns);

#endif
