#include "sensor/pipeline/pipeline.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/pipeline/ledger.h"
#include "sensor/pipeline/pipeline_private.h"
#include "sensor/pipeline/progress.h"

#define TICK_NS (20 * NS_PER_MS)
#define FINISH_NS (200 * NS_PER_MS)     /* Between two looks for a signal. */

volatile sig_atomic_t run_is_stopping;
static volatile sig_atomic_t must_reopen, n_stops;

static void on_stop(int number)
{
    run_is_stopping = 1;
    n_stops++;
}

static void on_hangup(int number)
{
    must_reopen = 1;
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

static void draw_ledger(struct run *run, struct ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    capture_stats_get(run->capture, &ledger->capture);
    ledger->share_dropped = run->share != NULL ? share_dropped(run->share) : 0;
    for (unsigned i = 0; i < run->n_workers; i++) {
        ledger_add_worker(ledger, &run->threads[i].worker);
    }
    ledger->has_files = run->files != NULL;
    if (run->files != NULL) {
        file_store_counters_read(run->files, &ledger->files);
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
        run_rest(TICK_NS);
        if (must_reopen) {
            must_reopen = 0;
            output_reopen(run->output);
        }
        if (run_is_stopping && run->transport != NULL) {
            transport_interrupt(run->transport);
        }
        if (progress_is_due(&progress)) {
            capture_stats_get(run->capture, &stats);
            progress_show(&progress, &stats);
        }
    }
    progress_end(&progress);
}

/* Waits for the collector's acknowledgements; a signal that comes now ends the wait. */
static bool wait_for_collector(struct run *run)
{
    uint64_t timeout_ns = run->settings->transport.finish_timeout_ns;
    uint64_t start = clock_monotonic_ns(), waited = 0;
    sig_atomic_t stops = n_stops;
    bool is_done;

    do {
        uint64_t left = timeout_ns - waited;
        is_done = transport_finish(run->transport, left < FINISH_NS ? left : FINISH_NS);
        waited = clock_monotonic_ns() - start;
    } while (!is_done && waited < timeout_ns && n_stops == stops);
    return is_done;
}

static int run_threads(struct run *run)
{
    uint64_t began = clock_monotonic_ns();
    struct ledger ledger;
    const char *wrong;
    int status = PIPELINE_OK;

    if (!run_start_threads(run)) {
        return PIPELINE_WRONG;
    }
    wait_for_workers(run);
    run_join_threads(run);
    file_store_finish(run->files);
    if (run->transport != NULL && !wait_for_collector(run)) {
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

int pipeline_run(const struct options *options, struct settings *settings)
{
    struct run run = { .options = options, .settings = settings,
                       .n_workers = (unsigned) settings->pipeline.workers };
    struct diag diag;
    int status = PIPELINE_WRONG;

    diag_init(&diag);
    catch_signals();
    capture_stop_on(&run_is_stopping);
    bool ok = run_prepare(&run, &diag);
    if (ok && options->test_only) {
        status = PIPELINE_OK;
    } else if (ok && run_open(&run, &diag)) {
        status = run_threads(&run);
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    return run_close(&run, status);
}
