/* The threads of a run: workers that read a queue of their own each, or one source in turn. */
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/pipeline/pipeline_private.h"

/* A live worker that found nothing rests this long: at 1 Mpps a ring of 2,048 descriptors
 * takes 2 ms to fill. */
#define LIVE_REST_NS (50 * NS_PER_US)
#define MAIN_TICK_NS (100 * NS_PER_MS)
#define NO_TIME_NS 1            /* As patience: 0 has no end. */

_Static_assert(CAPTURE_BURST <= SHARE_PACK_FRAMES && CAPTURE_BURST_BYTES <= SHARE_PACK_BYTES,
               "what share.h asks of a burst");

void run_rest(uint64_t ns)
{
    struct timespec t = { (time_t) (ns / NS_PER_SEC), (long) (ns % NS_PER_SEC) };

    nanosleep(&t, NULL);
}

/* ---- Recorded speed ---- */

/* Sleeps until a frame of 'time_ns' is due; the worker first writes its events, so that a
 * replay at recorded speed looks like live capture. */
static void pace_wait(struct run_pace *pace, uint64_t time_ns, struct worker *w)
{
    uint64_t now = clock_monotonic_ns();

    if (pace->first_wall_ns == 0) {
        pace->first_wall_ns = now;
        pace->first_packet_ns = time_ns;
    }
    double due = time_ns > pace->first_packet_ns
                     ? (double) (time_ns - pace->first_packet_ns) / pace->speed
                     : 0;
    while (!run_is_stopping && (double) (now - pace->first_wall_ns) < due) {
        output_worker_flush(w->output);
        double left = due - (double) (now - pace->first_wall_ns);
        run_rest(left < (double) MAIN_TICK_NS ? (uint64_t) left : MAIN_TICK_NS);
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

static void run_frames(struct worker *w, const struct frame *frames, size_t n)
{
    worker_frames(w, frames, n);
    worker_expire(w, w->now_ns);
    atomic_fetch_add_explicit(&w->frames_done, n, memory_order_relaxed);
}

/* Runs a burst that the worker has read; where it is shared, those of its frames that are the
 * worker's own, after the others have gone their way and somebody else may read.  At recorded
 * speed one frame after the other, each when it is due. */
static void run_burst(struct run *run, struct worker *w, const struct capture_burst *burst)
{
    struct frame own[CAPTURE_BURST];
    size_t step = run->pace.speed > 0 ? 1 : burst->n;

    for (size_t i = 0; i < burst->n; i += step) {
        const struct frame *frames = &burst->frames[i];
        size_t n = step;
        if (run->pace.speed > 0) {
            pace_wait(&run->pace, frames->time_ns, w);
        }
        if (run->share != NULL) {
            n = share_frames(run->share, w->number, frames, step, own);
            frames = own;
            if (i + step == burst->n) {
                share_reading_done(run->share, false);
            }
        }
        run_frames(w, frames, n);
    }
}

/* Reads the worker's queue, or the one that all share, until a burst came and was run.  False
 * at the end. */
static bool read_burst(struct run *run, struct worker *w, struct capture_burst *burst)
{
    unsigned queue = run->share != NULL ? 0 : w->number;
    bool is_live = capture_is_live(run->capture);
    enum capture_status status = CAPTURE_IDLE;

    while (!run_is_stopping && status == CAPTURE_IDLE) {
        status = capture_read(run->capture, queue, burst);
        if (status == CAPTURE_IDLE) {
            run_rest(LIVE_REST_NS);
            if (is_live) {
                worker_expire(w, clock_monotonic_ns());
            }
            output_worker_flush(w->output);
        }
    }
    if (status != CAPTURE_FRAMES) {
        return false;
    }
    run_burst(run, w, burst);
    if (capture_may_idle(run->capture) && !is_live && burst->n < CAPTURE_BURST) {
        output_worker_flush(w->output);         /* A pipe may rest for long now. */
    }
    capture_release(run->capture, burst);
    return true;
}

/* Reads and runs, in turn with the others, what one source gives.  Where it may rest, a worker
 * writes its events as soon as it has nothing to do, and then waits in ticks. */
static void read_share(struct run *run, struct worker *w, struct capture_burst *burst)
{
    bool is_live = capture_is_live(run->capture);
    bool may_rest = capture_may_idle(run->capture) || run->pace.speed > 0;
    uint64_t patience = may_rest ? NO_TIME_NS : 0;
    struct share_pack *pack;
    enum share_turn turn;

    while ((turn = share_next(run->share, w->number, patience, &pack)) != SHARE_END) {
        patience = may_rest ? NO_TIME_NS : 0;
        if (turn == SHARE_RUN) {
            run_frames(w, pack->frames, pack->n);
            share_give_back(run->share, w->number, pack);
        } else if (turn == SHARE_READ) {
            if (!read_burst(run, w, burst)) {
                share_reading_done(run->share, true);
            }
        } else {
            if (is_live) {
                worker_expire(w, clock_monotonic_ns());
            }
            output_worker_flush(w->output);
            patience = MAIN_TICK_NS;
        }
    }
}

/* What a thread does first: waits until it is known whether all could be started. */
static bool wait_for_start(struct run *run)
{
    pthread_mutex_lock(&run->start_lock);
    while (run->start == RUN_START_OPEN) {
        pthread_cond_wait(&run->start_decided, &run->start_lock);
    }
    bool is_go = run->start == RUN_START_GO;
    pthread_mutex_unlock(&run->start_lock);
    return is_go;
}

/* Every worker waits for the others before it ends its flows, so that all of them know the
 * time of the run's last packet and flows end for the same reason whatever their number. */
static void *run_worker(void *argument)
{
    struct worker_thread *thread = argument;
    struct run *run = thread->run;
    struct worker *w = &thread->worker;
    struct capture_burst burst = { 0 };

    if (!wait_for_start(run)) {
        return NULL;
    }
    if (run->share != NULL) {
        read_share(run, w, &burst);
    } else {
        while (read_burst(run, w, &burst)) {
            continue;
        }
    }
    capture_burst_fini(&burst);
    note_time(run, w->now_ns);
    pthread_barrier_wait(&run->all_read);
    worker_finish(w, run->last_ns);
    atomic_fetch_sub(&run->n_reading, 1);
    return NULL;
}

/* ---- Start and end of the threads ---- */

static bool start_thread(pthread_t *thread, void *(*body)(void *), void *argument,
                         const char *name)
{
    int err = pthread_create(thread, NULL, body, argument);

    if (err != 0) {
        log_error("pipeline", "a thread cannot be started", "thread=%s reason=\"%s\"", name,
                  strerror(err));
    }
    return err == 0;
}

bool run_start_threads(struct run *run)
{
    bool ok = true;

    pthread_mutex_init(&run->start_lock, NULL);
    pthread_cond_init(&run->start_decided, NULL);
    pthread_barrier_init(&run->all_read, NULL, run->n_workers);
    atomic_store(&run->n_reading, run->n_workers);
    while (ok && run->n_started < run->n_workers) {
        struct worker_thread *thread = &run->threads[run->n_started];
        ok = start_thread(&thread->thread, run_worker, thread, "worker");
        run->n_started += ok;
    }
    pthread_mutex_lock(&run->start_lock);
    run->start = ok ? RUN_START_GO : RUN_START_OFF;
    pthread_cond_broadcast(&run->start_decided);
    pthread_mutex_unlock(&run->start_lock);
    if (!ok) {
        run_join_threads(run);
    }
    return ok;
}

void run_join_threads(struct run *run)
{
    for (unsigned i = 0; i < run->n_started; i++) {
        pthread_join(run->threads[i].thread, NULL);
    }
    pthread_barrier_destroy(&run->all_read);
    pthread_cond_destroy(&run->start_decided);
    pthread_mutex_destroy(&run->start_lock);
}
