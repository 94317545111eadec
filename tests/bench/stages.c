/* Runs a capture through the sensor's stages as far as one of them and prints what that took:
 *
 *     civicshield-stages STAGE|STAGE@BURST -r FILE [OPTIONS of civicshield-sensor]
 *
 * STAGE is a name below.  With @BURST the capture is read into memory first and comes in
 * bursts of so many frames.  The time is that of the frames and of ending the flows; loading
 * is not in it. */
#include "tests/bench/stages.h"

#include <inttypes.h>
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/pipeline/pipeline_private.h"
#include "tests/bench/memory.h"

static const char *const names[N_STAGES] = { "pcap", "read", "decode", "flow", "classify",
                                             "stream", "worker", "hyperscan" };

struct bench {
    enum stage stage;
    size_t burst;               /* 0: as the capture room has them. */
    struct run run;
    struct walk *walk;
    struct literals *literals;
    struct memory memory;
    struct tally tally;
};

/* ---- One burst ---- */

static void run_frames(struct bench *b, const struct frame *frames, size_t n)
{
    struct worker *w = &b->run.threads[0].worker;

    for (size_t i = 0; i < n; i++) {
        b->tally.bytes += frames[i].wire_size;
        if (b->stage == STAGE_HYPERSCAN) {
            literals_frame(b->literals, &frames[i]);
        }
    }
    b->tally.frames += n;
    if (b->stage == STAGE_WORKER) {
        worker_frames(w, frames, n);
        worker_expire(w, w->now_ns);
    } else if (b->walk != NULL) {
        walk_frames(b->walk, frames, n);
        walk_expire(b->walk, frames[n - 1].clock_ns);
    }
}

/* ---- All of the capture ---- */

static void run_pcap(struct bench *b)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(b->run.options->read_path, error);
    struct pcap_pkthdr *header;
    const uint8_t *bytes;

    while (pcap != NULL && pcap_next_ex(pcap, &header, &bytes) == 1) {
        b->tally.frames++;
        b->tally.bytes += header->len;
    }
    if (pcap != NULL) {
        pcap_close(pcap);
    }
}

static void run_capture(struct bench *b)
{
    struct capture_burst burst = { 0 };
    enum capture_status status;

    while ((status = capture_read(b->run.capture, 0, &burst)) != CAPTURE_END) {
        if (status == CAPTURE_FRAMES) {
            run_frames(b, burst.frames, burst.n);
            capture_release(b->run.capture, &burst);
        }
    }
    capture_burst_fini(&burst);
}

/* What the rooms hold while the flows are still there. */
static void take_memory(struct bench *b)
{
    const struct worker *w = &b->run.threads[0].worker;

    b->tally.flow_memory = flow_table_counters(w->flows)->memory;
    b->tally.stream_memory = stream_counters(w->streams)->memory;
    b->tally.app_memory = app_counters(w->apps)->memory;
}

static void run_all(struct bench *b)
{
    struct worker *w = &b->run.threads[0].worker;
    const struct frame *frames;
    size_t n;

    if (b->stage == STAGE_PCAP) {
        run_pcap(b);
    } else if (b->burst == 0) {
        run_capture(b);
    } else {
        while ((n = memory_read(&b->memory, &frames)) != 0) {
            run_frames(b, frames, n);
        }
    }
    if (b->stage == STAGE_WORKER) {
        take_memory(b);
        worker_finish(w, w->now_ns);
    } else if (b->walk != NULL) {
        walk_finish(b->walk, 0);
    }
}

static void take_tally(struct bench *b)
{
    const struct worker *w = &b->run.threads[0].worker;

    if (b->walk != NULL) {
        walk_tally(b->walk, &b->tally);
    } else if (b->literals != NULL) {
        literals_tally(b->literals, &b->tally);
    } else if (b->stage == STAGE_WORKER) {
        b->tally.packets = decoder_counters(w->decoder)->packets;
        b->tally.flows = flow_table_counters(w->flows)->made;
        b->tally.stream_bytes = stream_counters(w->streams)->bytes_in_order;
        b->tally.alerts = detect_counters(w->detect)->alerts;
        b->tally.events = output_counters(w->output)->made;
        b->tally.refused = flow_table_counters(w->flows)->classify_refused
                           + stream_counters(w->streams)->sessions_refused
                           + stream_counters(w->streams)->segments_refused
                           + app_counters(w->apps)->txs_refused;
    }
}

/* ---- The door ---- */

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void print_result(const struct bench *b, double cpu, double wall)
{
    const struct tally *t = &b->tally;

    printf("{\"stage\": \"%s\", \"burst\": %zu, \"cpu\": %.6f, \"wall\": %.6f, "
           "\"frames\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"packets\": %" PRIu64 ", "
           "\"flows\": %" PRIu64 ", \"stream_bytes\": %" PRIu64 ", \"payloads\": %" PRIu64 ", "
           "\"payload_bytes\": %" PRIu64 ", \"patterns\": %" PRIu64 ", \"matches\": %" PRIu64 ", "
           "\"alerts\": %" PRIu64 ", \"events\": %" PRIu64 ", \"refused\": %" PRIu64 ", "
           "\"flow_memory\": %" PRIu64 ", \"stream_memory\": %" PRIu64 ", "
           "\"app_memory\": %" PRIu64 "}\n",
           names[b->stage], b->burst, cpu, wall, t->frames, t->bytes, t->packets, t->flows,
           t->stream_bytes, t->payloads, t->payload_bytes, t->patterns, t->matches, t->alerts,
           t->events, t->refused, t->flow_memory, t->stream_memory, t->app_memory);
}

static bool open_stage(struct bench *b)
{
    if (b->burst != 0) {
        memory_load(&b->memory, b->run.capture);
        memory_start(&b->memory, b->burst);
    }
    if (b->stage >= STAGE_DECODE && b->stage <= STAGE_STREAM) {
        b->walk = walk_create(b->stage, b->run.settings);
        return b->walk != NULL;
    }
    if (b->stage == STAGE_HYPERSCAN) {
        b->literals = literals_create(b->run.rules, &b->run.settings->decode);
        return b->literals != NULL;
    }
    return true;
}

static int run_stage(struct bench *b)
{
    if (!open_stage(b)) {
        return PIPELINE_WRONG;
    }
    uint64_t began = clock_monotonic_ns();
    double cpu = cpu_seconds();
    run_all(b);
    cpu = cpu_seconds() - cpu;
    double wall = (double) (clock_monotonic_ns() - began) / 1e9;
    take_tally(b);
    print_result(b, cpu, wall);
    walk_destroy(b->walk);
    literals_destroy(b->literals);
    memory_fini(&b->memory);
    return b->tally.frames != 0 ? PIPELINE_OK : PIPELINE_INCOMPLETE;
}

/* "STAGE" or "STAGE@BURST" */
static bool read_stage(struct bench *b, const char *text)
{
    size_t len = strcspn(text, "@");
    char *end = (char *) text + len;

    b->burst = *end == '@' ? strtoul(end + 1, &end, 10) : 0;
    for (b->stage = 0; b->stage < N_STAGES; b->stage++) {
        if (strncmp(names[b->stage], text, len) == 0 && names[b->stage][len] == '\0') {
            return *end == '\0' && b->burst <= 65536;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    struct options options;
    struct settings settings;
    struct diag diag;
    int status = PIPELINE_WRONG;

    if (argc < 2 || !read_stage(&b, argv[1])
        || options_parse(&options, argc - 1, argv + 1) != OPTIONS_RUN
        || options.read_path == NULL) {
        fputs("civicshield-stages STAGE[@BURST] -r FILE [OPTIONS of civicshield-sensor]\n",
              stderr);
        return PIPELINE_WRONG;
    }
    log_set_level(LOG_LEVEL_ERROR);
    options.quiet = true;
    diag_init(&diag);
    b.run = (struct run) { .options = &options, .settings = &settings, .n_workers = 1 };
    if (settings_read(&settings, &options, &diag) && run_prepare(&b.run, &diag)
        && run_open(&b.run, &diag)) {
        status = run_stage(&b);
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    status = run_close(&b.run, status);
    settings_fini(&settings);
    options_fini(&options);
    return status;
}
