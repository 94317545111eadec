/* The threads of a run: workers that read a queue of their own or what a reader shares out. */
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

void run_rest(uint64_t ns)
{
    struct timespec t = { (time_t) (ns / NS_PER_SEC), (long) (ns % NS_PER_SEC) };

    nanosleep(&t, NULL);
}

/* ---- Recorded speed ---- */

struct pace {
    double speed;               /* 0: as fast as it goes. */
    uint64_t first_packet_ns, first_wall_ns;
};

/* Sleeps until a frame of 'time_ns' is due; a worker (NULL: none) first writes its events,
 * so that a replay at recorded speed looks like live capture. */
static void pace_wait(struct pace *pace, uint64_t time_ns, struct worker *w)
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
    while (!run_is_stopping && (double) (now - pace->first_wall_ns) < due) {
        if (w != NULL) {
            output_worker_flush(w->output);
        }
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

static void run_frames(struct worker *w, const struct frame *frames, size_t n,
                       struct pace *pace)
{
    if (pace == NULL || pace->speed <= 0) {
        worker_frames(w, frames, n);
    }
    for (size_t i = 0; pace != NULL && pace->speed > 0 && i < n; i++) {
        pace_wait(pace, frames[i].time_ns, w);
        worker_frames(w, &frames[i], 1);
    }
    worker_expire(w, w->now_ns);
    atomic_fetch_add_explicit(&w->frames_done, n, memory_order_relaxed);
}

static void read_queue(struct run *run, struct worker *w)
{
    struct capture_burst burst = { 0 };
    struct pace pace = { .speed = run->options->speed };
    enum capture_status status = CAPTURE_IDLE;
    bool is_live = capture_is_live(run->capture);
    bool is_pipe = capture_may_idle(run->capture) && !is_live;

    while (!run_is_stopping && status != CAPTURE_END) {
        status = capture_read(run->capture, w->number, &burst);
        if (status == CAPTURE_FRAMES) {
            run_frames(w, burst.frames, burst.n, &pace);
            if (is_pipe && burst.n < CAPTURE_BURST) {   /* It may rest for long now. */
                output_worker_flush(w->output);
            }
            capture_release(run->capture, &burst);
        } else if (status == CAPTURE_IDLE) {
            run_rest(LIVE_REST_NS);
            if (is_live) {
                worker_expire(w, clock_monotonic_ns());
            }
            output_worker_flush(w->output);
        }
    }
    capture_burst_fini(&burst);
}

/* Where the source may rest, a worker writes its events as soon as it has nothing to do, and
 * then waits in ticks. */
static void read_share(struct run *run, struct worker *w)
{
    bool is_live = capture_is_live(run->capture), timed_out = false;
    bool may_rest = capture_may_idle(run->capture) || run->options->speed > 0;
    uint64_t patience = may_rest ? NO_TIME_NS : 0;
    struct share_pack *pack;

    while ((pack = share_take(run->share, w->number, patience, &timed_out))
               != NULL
           || timed_out) {
        if (pack != NULL) {
            run_frames(w, pack->frames, pack->n, NULL);
            share_give_back(run->share, w->number, pack);
            patience = may_rest ? NO_TIME_NS : 0;
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

    if (!wait_for_start(run)) {
        return NULL;
    }
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
    bool may_idle = capture_may_idle(run->capture);

    if (!wait_for_start(run)) {
        return NULL;
    }
    while (!run_is_stopping && status != CAPTURE_END) {
        bool is_short = false;          /* No more is there for the moment. */

        status = CAPTURE_END;
        for (unsigned q = 0; q < capture_n_queues(run->capture); q++) {
            enum capture_status got = capture_read(run->capture, q, &burst);
            for (size_t i = 0; i < burst.n; i++) {
                if (pace.speed > 0) {
                    share_flush(run->share);
                    pace_wait(&pace, burst.frames[i].time_ns, NULL);
                }
                share_frame(run->share, &burst.frames[i]);
            }
            is_short |= burst.n < CAPTURE_BURST;
            capture_release(run->capture, &burst);
            status = got < status ? got : status;
        }
        if (is_live || (may_idle && is_short)) {
            share_flush(run->share);
        }
        if (status == CAPTURE_IDLE) {
            run_rest(LIVE_REST_NS);
        }
    }
    share_end(run->share);
    capture_burst_fini(&burst);
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
    if (ok && run->share != NULL) {
        ok = run->has_reader = start_thread(&run->reader, run_reader, run, "reader");
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
    if (run->has_reader) {
        pthread_join(run->reader, NULL);
    }
    for (unsigned i = 0; i < run->n_started; i++) {
        pthread_join(run->threads[i].thread, NULL);
    }
    pthread_barrier_destroy(&run->all_read);
    pthread_cond_destroy(&run->start_decided);
    pthread_mutex_destroy(&run->start_lock);
}
