#include "sensor/pipeline/worker.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"

/* Timeouts are in seconds; looking four times a second of running time is often enough. */
#define EXPIRE_EVERY_NS (NS_PER_SEC / 4)
/* Flows ended in one go, so that a burst never waits long behind a mass of timeouts; what is
 * left goes on behind the next burst. */
#define EXPIRE_BUDGET 4096

/* ---- One packet ---- */

static void log_transactions(struct worker *w, const struct packet *p, struct flow *flow)
{
    for (struct app_tx *tx = app_tx_first_moved(flow->app); tx != NULL;
         tx = app_tx_next_moved(flow->app, tx)) {
        output_transaction(w->output, p, flow, tx);
    }
}

/* What matched and what was odd about a packet, then the transactions that are ready. */
static void report(struct worker *w, const struct packet *p, struct flow *flow,
                   enum direction dir)
{
    const struct detect_alert *alerts;
    size_t n = detect_alerts(w->detect, &alerts);

    for (size_t i = 0; i < n; i++) {
        output_alert(w->output, p, flow, &alerts[i]);
    }
    output_packet_variables(w->output, p, flow);
    if (detect_packet_is_tagged(w->detect)) {
        output_tagged_packet(w->output, p, flow);
    }
    if (p->n_events != 0 || p->n_stream_events != 0) {
        output_packet_anomalies(w->output, p, flow);
    }
    if (flow != NULL && flow->app != NULL) {
        output_frames(w->output, p, flow);
        output_app_anomalies(w->output, p, flow, dir);
        log_transactions(w, p, flow);
        app_release(w->apps, flow);
    }
}

/* A packet without bytes that stands for 'flow' in a direction. */
static void make_packet(const struct flow *flow, enum direction dir, enum packet_source source,
                        uint64_t time_ns, struct packet *p)
{
    bool as_key = (dir == TO_SERVER) == !flow->is_swapped;

    memset(p, 0, sizeof *p);
    p->source = source;
    p->time_ns = time_ns;
    p->eth = p->l3 = p->l4 = p->payload = LAYER_ABSENT;
    p->src = as_key ? flow->key.src : flow->key.dst;
    p->dst = as_key ? flow->key.dst : flow->key.src;
    p->sport = as_key ? flow->key.sport : flow->key.dport;
    p->dport = as_key ? flow->key.dport : flow->key.sport;
    p->ip_proto = flow->key.ip_proto;
    p->tcp.wscale = 0xff;
    for (unsigned i = 0; i < 2 && flow->key.vlans[i] != 0; i++) {
        p->vlans[p->n_vlans++] = flow->key.vlans[i];
    }
}

/* The session becomes another with this packet: what came so far does not wait for packets of
 * its direction. */
static void flush_session(struct worker *w, struct flow *flow, const struct packet *p,
                          enum direction packet_dir)
{
    struct packet made;

    flow->app->wants_flush = false;
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS && flow->app != NULL; dir++) {
        make_packet(flow, dir, PACKET_FROM_STREAM_CHANGE, p->time_ns, &made);
        detect_interrupt(w->detect, &made, dir);
        stream_raw_trigger(flow, dir);
        detect_run(w->detect);
        report(w, &made, flow, dir);
    }
    detect_resume(w->detect, p, packet_dir);
}

static void run_packet(struct worker *w, struct packet *p)
{
    struct stream_result result = { .is_valid = true };
    enum direction dir = TO_SERVER;
    struct flow *flow = p->src.version != 0 && !p->is_invalid
                            ? flow_table_packet(w->flows, p, &dir) : NULL;

    detect_begin(w->detect, p, flow, dir, &result);
    if (flow != NULL) {
        flow_classify(w->flows, flow, p, dir);
        if (packet_is_tcp(p)) {
            result = stream_packet(w->streams, flow, dir, p);
            dir = flow_direction(flow, p);      /* A handshake may turn the flow. */
            detect_set_stream_result(w->detect, dir, &result);
            if (flow->app != NULL && flow->app->wants_flush) {
                flush_session(w, flow, p, dir);
            }
        } else if (packet_is_udp(p) && !p->is_checksum_bad) {
            app_datagram(w->apps, flow, p, dir);
        }
    }
    detect_run(w->detect);
    report(w, p, flow, dir);
    if (flow != NULL) {
        stream_settle(flow, dir);
    }
}

/* The stream room hands on bytes to the parser; rules fetch raw ones when they are due. */
static void take_stream(void *context, struct flow *flow, const struct packet *p,
                        const struct stream_data *data)
{
    struct worker *w = context;

    app_stream(w->apps, flow, p, data);
}

/* ---- The end of a flow ---- */

/* Lets every room finish with a flow that leaves the table, one side after the other: what
 * waits for its acknowledgement or behind gaps is handed on, open transactions are closed,
 * inspected and logged, then the flow itself. */
static void end_flow(void *context, struct flow *flow)
{
    struct worker *w = context;
    struct stream_result result = { .is_valid = true, .has_stream = true };
    struct packet flush;

    result.is_established = flow->state != FLOW_NEW;
    flow_classify_end(w->flows, flow);
    for (enum direction dir = TO_SERVER;
         dir < N_DIRECTIONS && (flow->stream != NULL || flow->app != NULL); dir++) {
        make_packet(flow, dir, PACKET_FROM_STREAM_FLUSH, flow->last_ns, &flush);
        detect_begin(w->detect, &flush, flow, dir, &result);
        stream_flow_finish(w->streams, flow, dir, &flush);
        if (dir == TO_SERVER) {
            app_flow_finish_side(w->apps, flow, dir);
        } else {
            app_flow_finish(w->apps, flow);
        }
        detect_run(w->detect);
        report(w, &flush, flow, dir);
    }
    stream_flow_end(w->streams, flow);
    output_flow(w->output, w->flows, flow);
    app_flow_end(w->apps, flow);
    detect_flow_end(w->detect, flow);
}

static void end_transaction(void *context, struct app_tx *tx)
{
    struct worker *w = context;

    detect_tx_end(w->detect, tx);
}

/* ---- The door ---- */

bool worker_init(struct worker *w, unsigned number, const struct worker_shared *shared,
                 struct diag *diag)
{
    const struct settings *s = shared->settings;

    memset(w, 0, sizeof *w);
    w->number = number;
    w->decoder = decoder_create(&s->decode);
    w->flows = flow_table_create(&s->flow, shared->seed, end_flow, w);
    w->streams = stream_engine_create(&s->stream, take_stream, w);
    w->apps = app_engine_create(&s->app, end_transaction, w);
    w->detect = detect_worker_create(shared->engine, shared->hosts);
    if (w->decoder == NULL || w->flows == NULL || w->streams == NULL || w->apps == NULL
        || w->detect == NULL) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "lower the memory limits or the number of workers",
                 "no memory for worker %u: %s", number, strerror(errno));
        return false;
    }
    if (!detect_engine_has_rules(shared->engine)) {
        stream_engine_forget_shown(w->streams);
    }
    app_engine_set_hosts(w->apps, shared->hosts);
    app_engine_set_seed(w->apps, shared->seed);
    w->output = output_worker_create(shared->output, number, w->flows, w->detect);
    if (shared->files != NULL) {
        app_engine_set_file_sink(w->apps, file_store_sink(shared->files, number));
        output_worker_set_store(w->output, shared->files);
    }
    return true;
}

void worker_fini(struct worker *w)
{
    flow_table_destroy(w->flows);
    output_worker_destroy(w->output);
    app_engine_destroy(w->apps);
    stream_engine_destroy(w->streams);
    detect_worker_destroy(w->detect);
    decoder_destroy(w->decoder);
}

/* ---- Frames ---- */

/* How far ahead of the frame that passes the stages: its flow's record is fetched, and
 * what the rooms keep on the flow. */
#define FETCH_AHEAD 5
#define FETCH_STATE_AHEAD 3
#define CACHE_LINE 64
#define HEADERS_SIZE (2 * CACHE_LINE)

/* A run of frames, and how far it has come: invariant: i <= n_with_state <= n_fetched
 * <= n_decoded <= n, but for what could not be decoded ahead. */
struct frame_run {
    const struct frame *frames;
    size_t n, n_decoded, n_fetched, n_with_state;
    bool is_held;               /* The newest decoded holds bytes that decoding the next
                                 * would overwrite. */
};

static struct worker_decoded *decoded_at(struct worker *w, size_t i)
{
    return &w->decoded[i % WORKER_AHEAD];
}

/* Asks for the memory of a frame from 'from' on: another thread may have written it. */
static void fetch_bytes(const struct frame *frame, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && i < frame->size; i += CACHE_LINE) {
        __builtin_prefetch(frame->bytes + i);
    }
}

/* The headers of the frame behind it are asked for here, what its own carry as well. */
static void decode_next(struct worker *w, struct frame_run *run)
{
    struct worker_decoded *d = decoded_at(w, run->n_decoded);
    const struct frame *frame = &run->frames[run->n_decoded++];

    if (run->n_decoded < run->n) {
        fetch_bytes(frame + 1, 0, HEADERS_SIZE);
    }
    fetch_bytes(frame, HEADERS_SIZE, UINT32_MAX);
    d->n = decode_frame(w->decoder, frame, d->packets);
    for (size_t i = 0; i < d->n; i++) {
        flow_table_foresee(w->flows, &d->packets[i]);
        run->is_held |= d->packets[i].source == PACKET_FROM_DEFRAG;
    }
}

/* Decodes and fetches ahead of frame 'i', which is decoded at the least. */
static void look_ahead(struct worker *w, struct frame_run *run, size_t i)
{
    run->is_held = run->is_held && run->n_decoded > i;
    while (run->n_decoded < run->n && run->n_decoded < i + WORKER_AHEAD && !run->is_held) {
        decode_next(w, run);
    }
    for (; run->n_fetched < run->n_decoded && run->n_fetched <= i + FETCH_AHEAD;
         run->n_fetched++) {
        const struct worker_decoded *d = decoded_at(w, run->n_fetched);
        for (size_t k = 0; k < d->n; k++) {
            flow_table_fetch(w->flows, &d->packets[k]);
        }
    }
    for (; run->n_with_state < run->n_fetched && run->n_with_state <= i + FETCH_STATE_AHEAD;
         run->n_with_state++) {
        const struct worker_decoded *d = decoded_at(w, run->n_with_state);
        for (size_t k = 0; k < d->n; k++) {
            flow_table_fetch_state(w->flows, &d->packets[k]);
        }
    }
}

/* Packets pass the stages one by one and in order; what is done ahead has no effect that
 * any of them could see. */
void worker_frames(struct worker *w, const struct frame *frames, size_t n)
{
    struct frame_run run = { .frames = frames, .n = n };

    for (size_t i = 0; i < n; i++) {
        look_ahead(w, &run, i);
        struct worker_decoded *d = decoded_at(w, i);
        for (size_t k = 0; k < d->n; k++) {
            run_packet(w, &d->packets[k]);
        }
        if (frames[i].clock_ns > w->now_ns) {
            w->now_ns = frames[i].clock_ns;
        }
    }
}

void worker_expire(struct worker *w, uint64_t now_ns)
{
    if (now_ns < w->expired_ns
        || (now_ns - w->expired_ns < EXPIRE_EVERY_NS && !w->is_expiring)) {
        return;
    }
    w->expired_ns = now_ns;
    decoder_expire(w->decoder, now_ns);
    w->is_expiring = flow_table_expire(w->flows, now_ns, EXPIRE_BUDGET) == EXPIRE_BUDGET;
}

void worker_finish(struct worker *w, uint64_t now_ns)
{
    flow_table_expire(w->flows, now_ns, 0);             /* Tells it the time alone. */
    flow_table_end_all(w->flows);
    output_worker_flush(w->output);
}
