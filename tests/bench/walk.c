/* The worker's walk as far as a stage: see sensor/pipeline/worker.c, which this follows. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "tests/bench/stages.h"

#define EXPIRE_EVERY_NS (NS_PER_SEC / 4)        /* As the worker does. */
#define EXPIRE_BUDGET 4096
#define FETCH_AHEAD 5
#define FETCH_STATE_AHEAD 3

struct walk {
    enum stage depth;
    struct decoder *decoder;
    struct flow_table *flows;
    struct stream_engine *streams;
    uint64_t now_ns, expired_ns;
    bool is_expiring;
    struct worker_decoded decoded[WORKER_AHEAD];
};

static void take_nothing(void *context, struct flow *flow, const struct packet *p,
                         const struct stream_data *data)
{
}

static void end_flow(void *context, struct flow *flow)
{
    struct walk *k = context;
    struct packet last = { .source = PACKET_FROM_STREAM_FLUSH, .time_ns = flow->last_ns };

    if (k->depth >= STAGE_CLASSIFY) {
        flow_classify_end(k->flows, flow);
    }
    if (k->depth >= STAGE_STREAM && flow->stream != NULL) {
        for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
            stream_flow_finish(k->streams, flow, dir, &last);
        }
        stream_flow_end(k->streams, flow);
    }
}

struct walk *walk_create(enum stage depth, const struct settings *s)
{
    struct walk *k = xcalloc(1, sizeof *k);

    k->depth = depth;
    k->decoder = decoder_create(&s->decode);
    k->flows = flow_table_create(&s->flow, hash_seed_fixed(), end_flow, k);
    k->streams = stream_engine_create(&s->stream, take_nothing, k);
    if (k->flows == NULL || k->streams == NULL) {
        walk_destroy(k);
        return NULL;
    }
    stream_engine_forget_shown(k->streams);     /* As the worker where there are no rules. */
    return k;
}

void walk_destroy(struct walk *k)
{
    if (k != NULL) {
        flow_table_destroy(k->flows);
        stream_engine_destroy(k->streams);
        decoder_destroy(k->decoder);
        free(k);
    }
}

static void walk_packet(struct walk *k, struct packet *p)
{
    enum direction dir = TO_SERVER;
    struct flow *flow = p->src.version != 0 && !p->is_invalid
                            ? flow_table_packet(k->flows, p, &dir) : NULL;

    if (flow == NULL || k->depth < STAGE_CLASSIFY) {
        return;
    }
    flow_classify(k->flows, flow, p, dir);
    if (k->depth >= STAGE_STREAM && packet_is_tcp(p)) {
        stream_packet(k->streams, flow, dir, p);
        dir = flow_direction(flow, p);
        stream_raw_skip(flow, dir);             /* As when no rule wants to see it. */
        stream_settle(flow, dir);
    }
}

/* A run of frames, and how far each step that is done ahead has come. */
struct ahead {
    const struct frame *frames;
    size_t n, n_decoded, n_fetched, n_with_state;
    bool is_held;               /* As the worker's: decoding on would overwrite bytes. */
};

static struct worker_decoded *decoded_at(struct walk *k, size_t i)
{
    return &k->decoded[i % WORKER_AHEAD];
}

static void decode_next(struct walk *k, struct ahead *a)
{
    struct worker_decoded *d = decoded_at(k, a->n_decoded);

    d->n = decode_frame(k->decoder, &a->frames[a->n_decoded++], d->packets);
    for (size_t i = 0; i < d->n; i++) {
        a->is_held |= d->packets[i].source == PACKET_FROM_DEFRAG;
        if (k->depth >= STAGE_FLOW) {
            flow_table_foresee(k->flows, &d->packets[i]);
        }
    }
}

static void fetch(struct walk *k, struct ahead *a, size_t *at, size_t end,
                  void (*hint)(const struct flow_table *, const struct packet *))
{
    for (; *at < a->n_decoded && *at <= end; (*at)++) {
        const struct worker_decoded *d = decoded_at(k, *at);
        for (size_t i = 0; i < d->n; i++) {
            hint(k->flows, &d->packets[i]);
        }
    }
}

void walk_frames(struct walk *k, const struct frame *frames, size_t n)
{
    struct ahead a = { .frames = frames, .n = n };

    for (size_t i = 0; i < n; i++) {
        a.is_held = a.is_held && a.n_decoded > i;
        while (a.n_decoded < n && a.n_decoded < i + WORKER_AHEAD && !a.is_held) {
            decode_next(k, &a);
        }
        if (k->depth >= STAGE_FLOW) {
            struct worker_decoded *d = decoded_at(k, i);
            fetch(k, &a, &a.n_fetched, i + FETCH_AHEAD, flow_table_fetch);
            fetch(k, &a, &a.n_with_state, i + FETCH_STATE_AHEAD, flow_table_fetch_state);
            for (size_t j = 0; j < d->n; j++) {
                walk_packet(k, &d->packets[j]);
            }
        }
        if (frames[i].clock_ns > k->now_ns) {
            k->now_ns = frames[i].clock_ns;
        }
    }
}

void walk_expire(struct walk *k, uint64_t now_ns)
{
    if (now_ns - k->expired_ns >= EXPIRE_EVERY_NS || k->is_expiring) {
        k->expired_ns = now_ns;
        decoder_expire(k->decoder, now_ns);
        k->is_expiring = flow_table_expire(k->flows, now_ns, EXPIRE_BUDGET) == EXPIRE_BUDGET;
    }
}

void walk_finish(struct walk *k, uint64_t now_ns)
{
    flow_table_expire(k->flows, now_ns, 0);
    flow_table_end_all(k->flows);
}

void walk_tally(const struct walk *k, struct tally *tally)
{
    tally->packets = decoder_counters(k->decoder)->packets;
    tally->flows = flow_table_counters(k->flows)->made;
    tally->stream_bytes = stream_counters(k->streams)->bytes_in_order;
}
