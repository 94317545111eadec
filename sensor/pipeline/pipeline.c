#include "sensor/pipeline/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/pipeline/epoch.h"
#include "sensor/pipeline/ledger.h"
#include "sensor/pipeline/progress.h"
#include "sensor/pipeline/share.h"
#include "sensor/pipeline/version.h"
#include "sensor/pipeline/worker.h"

/* A live worker that found nothing rests this long: at 1 Mpps a ring of 2,048 descriptors
 * takes 2 ms to fill. */
#define LIVE_REST_NS (50 * NS_PER_US)
#define MAIN_TICK_NS (100 * NS_PER_MS)
#define NAME_SIZE 256

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
    char name[NAME_SIZE];
    uint64_t epoch;
    _Atomic uint64_t last_ns;           /* Newest packet time of any worker. */
    _Atomic unsigned n_reading;         /* Workers that still read. */
    pthread_barrier_t all_read;
};

struct worker_thread {
    struct run *run;
    struct worker worker;
    pthread_t thread;
};

static volatile sig_atomic_t is_stopping;
static struct output *volatile output_to_reopen;

static void on_stop(int number)
{
    is_stopping = 1;
}

static void on_hangup(int number)
{
    if (output_to_reopen != NULL) {
        output_reopen(output_to_reopen);
    }
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_stop, .sa_flags = SA_RESTART };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_hangup;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void rest(uint64_t ns)
{
    struct timespec t = { (time_t) (ns / NS_PER_SEC), (long) (ns % NS_PER_SEC) };

    nanosleep(&t, NULL);
}

/* ---- Recorded speed ---- */

struct pace {
    double speed;               /* 0: as fast as it goes. */
    uint64_t first_packet_ns, first_wall_ns;
};

/* Sleeps until a frame of 'time_ns' is due. */
static void pace_wait(struct pace *pace, uint64_t time_ns)
{
    uint64_t now = clock_monotonic_ns();

    if (pace->speed <= 0) {
        return;
    }
    if (pace->first_wall_ns == 0) {
        pace->first_wall_ns = now;
        pace->first_packet_ns = time_ns;
    }
    double due = time_ns > pace->first_packet_ns
                     ? (double) (time_ns - pace->first_packet_ns) / pace->speed
                     : 0;
    while (!is_stopping && (double) (now - pace->first_wall_ns) < due) {
        double left = due - (double) (now - pace->first_wall_ns);
        rest(left < (double) MAIN_TICK_NS ? (uint64_t) left : MAIN_TICK_NS);
        now = clock_monotonic_ns();
    }
}

/* ---- Workers ---- */

static void note_time(struct run *run, uint64_t time_ns)
{
    uint64_t seen = atomic_load_explicit(&run->last_ns, memory_order_relaxed);

    while (time_ns > seen
           && !atomic_compare_exchange_weak(&run->last_ns, &seen, time_ns)) {
        continue;
    }
}

static void run_frames(struct worker *w, const struct frame *frames, size_t n,
                       struct pace *pace)
{
    for (size_t i = 0; i < n; i++) {
        if (pace != NULL) {
            pace_wait(pace, frames[i].time_ns);
        }
        worker_frame(w, &frames[i]);
    }
    worker_expire(w, w->now_ns);
    atomic_fetch_add_explicit(&w->frames_done, n, memory_order_relaxed);
}

static void read_queue(struct run *run, struct worker *w)
{
    struct capture_burst burst = { 0 };
    struct pace pace = { .speed = run->options->speed };
    enum capture_status status = CAPTURE_IDLE;

    while (!is_stopping && status != CAPTURE_END) {
        status = capture_read(run->capture, w->number, &burst);
        if (status == CAPTURE_FRAMES) {
            run_frames(w, burst.frames, burst.n, &pace);
            capture_release(run->capture, &burst);
        } else if (status == CAPTURE_IDLE) {
            rest(LIVE_REST_NS);
            worker_expire(w, clock_wall_ns());
            output_worker_flush(w->output);
        }
    }
    capture_burst_fini(&burst);
}

static void read_share(struct run *run, struct worker *w)
{
    bool is_live = capture_is_live(run->capture), timed_out = false;
    struct share_pack *pack;

    while ((pack = share_take(run->share, w->number, is_live ? MAIN_TICK_NS : 0, &timed_out))
               != NULL
           || timed_out) {
        if (pack != NULL) {
            run_frames(w, pack->frames, pack->n, NULL);
            share_give_back(run->share, w->number, pack);
        } else {
            worker_expire(w, clock_wall_ns());
            output_worker_flush(w->output);
        }
    }
}

/* Every worker waits for the others before it ends its flows, so that all of them know the
 * time of the run's last packet and flows end for the same reason whatever their number. */
static void *run_worker(void *argument)
{
    struct worker_thread *thread = argument;
    struct run *run = thread->run;
    struct worker *w = &thread->worker;

    if (run->share != NULL) {
        read_share(run, w);
    } else {
        read_queue(run, w);
    }
    note_time(run, w->now_ns);
    pthread_barrier_wait(&run->all_read);
    worker_finish(w, run->last_ns);
    atomic_fetch_sub(&run->n_reading, 1);
    return NULL;
}

static void *run_reader(void *argument)
{
    struct run *run = argument;
    struct capture_burst burst = { 0 };
    struct pace pace = { .speed = run->options->speed };
    enum capture_status status = CAPTURE_IDLE;
    bool is_live = capture_is_live(run->capture);

    while (!is_stopping && status != CAPTURE_END) {
        status = CAPTURE_END;
        for (unsigned q = 0; q < capture_n_queues(run->capture); q++) {
            enum capture_status got = capture_read(run->capture, q, &burst);
            for (size_t i = 0; i < burst.n; i++) {
                if (pace.speed > 0) {
                    share_flush(run->share);
                    pace_wait(&pace, burst.frames[i].time_ns);
                }
                share_frame(run->share, &burst.frames[i]);
            }
            capture_release(run->capture, &burst);
            status = got < status ? got : status;
        }
        if (is_live) {
            share_flush(run->share);
        }
        if (status == CAPTURE_IDLE) {
            rest(LIVE_REST_NS);
        }
    }
    share_end(run->share);
    capture_burst_fini(&burst);
    return NULL;
}

/* ---- Opening ---- */

static bool has_collector(const struct run *run)
{
    const char *address = run->settings->transport.address;

    return address != NULL && address[0] != '\0';
}

/* The collector takes a sensor's name from its certificate, so that is the name in every
 * event as well; without a collector it is the configured one or the host's. */
static bool choose_name(struct run *run, struct diag *diag)
{
    const char *given = run->settings->pipeline.name;
    struct tls_files files = { 0 };

    if (given != NULL && given[0] != '\0') {
        snprintf(run->name, sizeof run->name, "%s", given);
    } else if (gethostname(run->name, sizeof run->name - 1) != 0) {
        snprintf(run->name, sizeof run->name, "sensor");
    }
    if (!has_collector(run)) {
        return true;
    }
    if (!transport_files_read(&run->settings->transport, &files, diag)) {
        return false;
    }
    if (given != NULL && strcmp(given, files.name) != 0) {
        diag_add(diag, DIAG_ERROR, run->settings->transport.certificate, 0, 0,
                 "give it that name, or a certificate of its own",
                 "the certificate is for \"%s\", but sensor-name is \"%s\"", files.name, given);
    }
    snprintf(run->name, sizeof run->name, "%s", files.name);
    tls_files_fini(&files);
    return diag->n_errors == 0;
}

static void hash_tree(struct epoch *epoch, const struct conf_node *node)
{
    epoch_add(epoch, node->key != NULL ? node->key : "", node->key ? strlen(node->key) : 0);
    epoch_add(epoch, node->text != NULL ? node->text : "",
              node->text != NULL ? strlen(node->text) : 0);
    for (size_t i = 0; i < node->n_children; i++) {
        hash_tree(epoch, node->children[i]);
    }
}

/* Of everything that decides which events come out; outputs and the collector's address
 * do not. */
static bool choose_epoch(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;
    const char *path = o->read_path;

    if (path == NULL || strcmp(path, "-") == 0) {
        run->epoch = epoch_random();
        return true;
    }
    struct epoch *epoch = epoch_begin();
    uint64_t parts[] = { run->rules->hash, run->n_workers };
    epoch_add(epoch, CIVICSHIELD_VERSION, strlen(CIVICSHIELD_VERSION));
    epoch_add(epoch, parts, sizeof parts);
    if (o->filter != NULL) {
        epoch_add(epoch, o->filter, strlen(o->filter));
    }
    for (size_t i = 0; i < run->settings->tree->n_children; i++) {
        const struct conf_node *child = run->settings->tree->children[i];
        if (strcmp(child->key, "collector") != 0 && strcmp(child->key, "workers") != 0) {
            hash_tree(epoch, child);
        }
    }
    bool ok = epoch_add_path(epoch, path);
    if (!ok) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
    }
    run->epoch = epoch_end(epoch);
    return ok;
}

static bool open_capture(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;

    run->capture = o->read_path != NULL
                       ? capture_open_files(o->read_path, o->filter, &run->settings->capture,
                                            diag)
                       : capture_open_ports(o->ports, o->n_ports, o->eal, run->n_workers,
                                            o->filter, &run->settings->capture, diag);
    return run->capture != NULL;
}

static bool offer(void *context, unsigned worker, uint64_t number, unsigned priority,
                  const void *bytes, size_t size)
{
    struct run *run = context;
    return transport_offer(run->transport, worker, number, priority, bytes, size,
                           !capture_is_live(run->capture));
}

static bool open_transport(struct run *run, struct diag *diag)
{
    if (!has_collector(run)) {
        return true;
    }
    run->transport = transport_open(
        &(struct transport_options) { .conf = &run->settings->transport,
                                      .epoch = run->epoch,
                                      .version = CIVICSHIELD_VERSION,
                                      .n_workers = run->n_workers },
        diag);
    return run->transport != NULL;
}

/* The path of the EVE file (owned), or NULL; makes the folder of -l. */
static bool choose_eve(const struct options *o, char **path, struct diag *diag)
{
    *path = o->eve != NULL ? xstrdup(o->eve) : NULL;
    if (o->folder == NULL) {
        return true;
    }
    if (mkdir(o->folder, 0755) != 0 && errno != EEXIST) {
        diag_add(diag, DIAG_ERROR, o->folder, 0, 0, NULL, "cannot be made: %s",
                 strerror(errno));
        return false;
    }
    if (*path == NULL) {
        *path = xasprintf("%s/eve.json", o->folder);
    }
    return true;
}

static bool open_output(struct run *run, struct diag *diag)
{
    const struct options *o = run->options;
    char *path;

    if (!choose_eve(o, &path, diag)) {
        return false;
    }
    run->output = output_open(
        &(struct output_options) {
            .conf = &run->settings->output,
            .eve_path = path,
            .sensor = run->name,
            .epoch = run->epoch,
            .community_id_seed = (uint16_t) run->settings->flow.community_id_seed,
            .interface = o->n_ports != 0 ? o->ports[0] : NULL,
            .offer = run->transport != NULL ? offer : NULL,
            .offer_context = run,
        },
        diag);
    free(path);
    output_to_reopen = run->output;
    return run->output != NULL;
}

static bool open_workers(struct run *run, struct diag *diag)
{
    struct hash_seed seed = run->options->read_path != NULL ? hash_seed_fixed()
                                                            : hash_seed_random();
    struct worker_shared shared = { .settings = run->settings, .engine = run->engine,
                                    .hosts = run->hosts, .output = run->output,
                                    .seed = seed };

    run->threads = xcalloc(run->n_workers, sizeof *run->threads);
    for (unsigned i = 0; i < run->n_workers; i++) {
        run->threads[i].run = run;
        if (!worker_init(&run->threads[i].worker, i, &shared, diag)) {
            return false;
        }
    }
    if (capture_n_queues(run->capture) != run->n_workers) {
        run->share = share_create(run->n_workers, capture_is_live(run->capture));
    }
    return true;
}

/* Loads and compiles the rules.  False when the run must not begin. */
static bool load_rules(struct run *run, struct diag *diag)
{
    struct settings *s = run->settings;
    struct diag wrong;

    diag_init(&wrong);
    run->rules = ruleset_load(&s->rules, s->rule_files, s->n_rule_files, &wrong);
    run->engine = detect_engine_create(run->rules, &s->detect, &wrong);
    run->hosts = host_table_create(s->pipeline.host_memory,
                                   run->options->read_path != NULL ? hash_seed_fixed()
                                                                   : hash_seed_random());
    diag_print(&wrong, stderr);
    if ((s->n_rule_files != 0 && !run->options->quiet) || wrong.n_errors != 0) {
        fprintf(stderr, "rules: %zu loaded, %zu refused, %zu disabled\n",
                run->rules->n_loaded, run->rules->n_refused, run->rules->n_disabled);
    }
    bool must_stop = wrong.n_errors != 0 && (run->options->strict || run->options->test_only);
    diag_fini(&wrong);
    if (run->engine == NULL && diag->n_errors == 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "the rules could not be compiled");
    }
    return run->engine != NULL && !must_stop;
}

/* ---- Running ---- */

static void draw_ledger(struct run *run, struct ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    capture_stats_get(run->capture, &ledger->capture);
    ledger->share_dropped = run->share != NULL ? share_dropped(run->share) : 0;
    for (unsigned i = 0; i < run->n_workers; i++) {
        ledger_add_worker(ledger, &run->threads[i].worker);
    }
    ledger->has_transport = run->transport != NULL;
    if (run->transport != NULL) {
        transport_ledger_read(run->transport, &ledger->transport);
    }
}

/* Waits for the workers, with a progress line meanwhile. */
static void wait_for_workers(struct run *run)
{
    struct progress progress;

    progress_begin(&progress, run->options->quiet);
    while (atomic_load(&run->n_reading) != 0) {
        struct capture_stats stats;
        rest(MAIN_TICK_NS / 5);
        if (is_stopping && run->transport != NULL) {
            transport_interrupt(run->transport);
        }
        if (progress_is_due(&progress)) {
            capture_stats_get(run->capture, &stats);
            progress_show(&progress, &stats);
        }
    }
    progress_end(&progress);
}

static int run_threads(struct run *run)
{
    pthread_t reader;
    uint64_t began = clock_monotonic_ns();
    struct ledger ledger;
    const char *wrong;
    int status = PIPELINE_OK;

    pthread_barrier_init(&run->all_read, NULL, run->n_workers);
    atomic_store(&run->n_reading, run->n_workers);
    for (unsigned i = 0; i < run->n_workers; i++) {
        pthread_create(&run->threads[i].thread, NULL, run_worker, &run->threads[i]);
    }
    if (run->share != NULL) {
        pthread_create(&reader, NULL, run_reader, run);
    }
    wait_for_workers(run);
    if (run->share != NULL) {
        pthread_join(reader, NULL);
    }
    for (unsigned i = 0; i < run->n_workers; i++) {
        pthread_join(run->threads[i].thread, NULL);
    }
    pthread_barrier_destroy(&run->all_read);
    if (run->transport != NULL
        && !transport_finish(run->transport, run->settings->transport.finish_timeout_ns)) {
        log_error("pipeline", "the collector has not acknowledged every event", NULL);
        status = PIPELINE_INCOMPLETE;
    }
    draw_ledger(run, &ledger);
    ledger.wall_ns = clock_monotonic_ns() - began;
    if (!run->options->quiet) {
        ledger_print(&ledger, stderr);
    }
    if (!ledger_balances(&ledger, &wrong)) {
        log_error("pipeline", "the ledger does not balance", "line=\"%s\"", wrong);
        status = PIPELINE_INCOMPLETE;
    }
    if (capture_has_failed(run->capture)) {
        status = PIPELINE_INCOMPLETE;
    }
    return status;
}

static int close_run(struct run *run, int status)
{
    for (unsigned i = 0; run->threads != NULL && i < run->n_workers; i++) {
        worker_fini(&run->threads[i].worker);
    }
    free(run->threads);
    share_destroy(run->share);
    output_to_reopen = NULL;
    if (run->output != NULL && !output_close(run->output) && status == PIPELINE_OK) {
        status = PIPELINE_INCOMPLETE;
    }
    transport_close(run->transport);
    capture_close(run->capture);
    detect_engine_destroy(run->engine);
    host_table_destroy(run->hosts);
    ruleset_free(run->rules);
    return status;
}

int pipeline_run(const struct options *options, struct settings *settings)
{
    struct run run = { .options = options, .settings = settings,
                       .n_workers = (unsigned) settings->pipeline.workers };
    struct diag diag;
    int status = PIPELINE_WRONG;

    diag_init(&diag);
    catch_signals();
    bool ok = choose_name(&run, &diag) && load_rules(&run, &diag);
    if (ok && options->test_only) {
        status = PIPELINE_OK;
    } else if (ok && choose_epoch(&run, &diag) && open_capture(&run, &diag)
               && open_transport(&run, &diag) && open_output(&run, &diag)
               && open_workers(&run, &diag)) {
        status = run_threads(&run);
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    return close_run(&run, status);
}
