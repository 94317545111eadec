/* The live path at the rate that the sensor can take: a thread of its own puts the frames of a
 * capture into the ring of a net_ring port, as fast as the workers empty it, once.
 *
 *     civicshield-feed CORE FILE -i net_ring0 --eal '--vdev=net_ring0 ...' [OPTIONS]
 *
 * CORE is where the feeding thread runs; the sensor's own run where the process was put.
 * OPTIONS are those of civicshield-sensor.  Prints frames, seconds from the first frame until
 * the last is done, and how many were lost (none, unless something is wrong). */
#include <inttypes.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef LIST_ENTRY               /* That of sys/queue.h, by way of DPDK; ours follows. */

#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/pipeline/pipeline_private.h"
#include "tests/bench/memory.h"

#define RING_NAME "ETH_RXTX0_net_ring0"         /* As the driver names what it makes. */
#define N_BUFFERS 16383
#define DATA_ROOM (1792 + RTE_PKTMBUF_HEADROOM)
#define BURST 64

struct feed {
    struct run run;
    struct memory frames;
    struct rte_ring *ring;
    struct rte_mempool *pool;
    int core;
    uint64_t sent, too_long, began_ns;
};

/* A buffer with the frame's bytes; waits until the workers have given one back. */
static struct rte_mbuf *copy_frame(struct feed *f, const struct frame *frame)
{
    struct rte_mbuf *m;

    while ((m = rte_pktmbuf_alloc(f->pool)) == NULL && !run_is_stopping) {
        sched_yield();
    }
    if (m != NULL) {
        char *to = rte_pktmbuf_append(m, (uint16_t) frame->size);
        memcpy(to, frame->bytes, frame->size);
    }
    return m;
}

static void send_all(struct feed *f, struct rte_mbuf **buffers, unsigned n)
{
    unsigned done = 0;

    while (done < n && !run_is_stopping) {
        unsigned now = rte_ring_enqueue_burst(f->ring, (void **) buffers + done, n - done, NULL);
        done += now;
        if (now == 0) {
            sched_yield();
        }
    }
    f->sent += done;
}

static void *feed_frames(void *argument)
{
    struct feed *f = argument;
    struct rte_mbuf *buffers[BURST];
    unsigned n = 0;
    cpu_set_t cores;

    CPU_ZERO(&cores);
    CPU_SET(f->core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    rte_thread_register();
    f->began_ns = clock_monotonic_ns();
    for (size_t i = 0; i < f->frames.n && !run_is_stopping; i++) {
        if (f->frames.frames[i].size > DATA_ROOM - RTE_PKTMBUF_HEADROOM) {
            f->too_long++;
            continue;
        }
        buffers[n] = copy_frame(f, &f->frames.frames[i]);
        n += buffers[n] != NULL;
        if (n == BURST) {
            send_all(f, buffers, n);
            n = 0;
        }
    }
    send_all(f, buffers, n);
    return NULL;
}

static uint64_t frames_done(const struct feed *f)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < f->run.n_workers; i++) {
        done += atomic_load(&f->run.threads[i].worker.frames_done);
    }
    return done;
}

static int run_feed(struct feed *f)
{
    struct capture_stats stats;
    pthread_t thread;

    f->ring = rte_ring_lookup(RING_NAME);
    f->pool = rte_pktmbuf_pool_create("feed", N_BUFFERS, 256, 0, DATA_ROOM, SOCKET_ID_ANY);
    if (f->ring == NULL || f->pool == NULL || !run_start_threads(&f->run)) {
        fputs("feed: no net_ring0, or no memory for its buffers\n", stderr);
        return PIPELINE_WRONG;
    }
    if (pthread_create(&thread, NULL, feed_frames, f) == 0) {
        pthread_join(thread, NULL);
    }
    while (!run_is_stopping && frames_done(f) < f->sent) {
        run_rest(NS_PER_MS);
    }
    double seconds = (double) (clock_monotonic_ns() - f->began_ns) / 1e9;
    run_is_stopping = 1;
    run_join_threads(&f->run);
    capture_stats_get(f->run.capture, &stats);
    printf("{\"frames\": %" PRIu64 ", \"seconds\": %.6f, \"lost\": %" PRIu64 ", "
           "\"too_long\": %" PRIu64 "}\n",
           frames_done(f), seconds,
           f->sent - frames_done(f) + stats.port_missed + stats.port_no_buffer, f->too_long);
    return PIPELINE_OK;
}

/* Reads the capture before EAL starts, so that no buffer of its own is in the way. */
static bool read_capture(struct feed *f, const char *path, struct diag *diag)
{
    struct capture *capture = capture_open_files(path, NULL, &f->run.settings->capture, diag);

    if (capture != NULL) {
        memory_load(&f->frames, capture);
        capture_close(capture);
    }
    return capture != NULL;
}

int main(int argc, char **argv)
{
    struct feed f = { 0 };
    struct options options;
    struct settings settings;
    struct diag diag;
    int status = PIPELINE_WRONG;

    if (argc < 4 || options_parse(&options, argc - 2, argv + 2) != OPTIONS_RUN
        || options.n_ports != 1) {
        fputs("civicshield-feed CORE FILE -i net_ring0 --eal '--vdev=net_ring0' [OPTIONS]\n",
              stderr);
        return PIPELINE_WRONG;
    }
    f.core = atoi(argv[1]);
    log_set_level(LOG_LEVEL_ERROR);
    diag_init(&diag);
    f.run = (struct run) { .options = &options, .settings = &settings };
    if (settings_read(&settings, &options, &diag)) {
        f.run.n_workers = (unsigned) settings.pipeline.workers;
        if (read_capture(&f, argv[2], &diag) && run_prepare(&f.run, &diag)
            && run_open(&f.run, &diag)) {
            status = run_feed(&f);
        }
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    status = run_close(&f.run, status);
    memory_fini(&f.frames);
    settings_fini(&settings);
    options_fini(&options);
    return status;
}
