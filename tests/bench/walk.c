/* The worker's walk as far as a stage: see sensor/pipeline/worker.c, which this follows. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "tests/bench/stages.h"

#define EXPIRE_EVERY_NS (NS_PER_SEC / 4)        /* As the worker does. */
#define EXPIRE_BUDGET 4096

struct walk {
    enum stage depth;
    struct decoder *decoder;
    struct flow_table *flows;
    struct stream_engine *streams;
    uint64_t now_ns, expired_ns;
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

void walk_frame(struct walk *k, const struct frame *frame)
{
    struct packet packets[DECODE_MAX_PACKETS];
    size_t n = decode_frame(k->decoder, frame, packets);

    for (size_t i = 0; i < n && k->depth >= STAGE_FLOW; i++) {
        walk_packet(k, &packets[i]);
    }
    if (frame->clock_ns > k->now_ns) {
        k->now_ns = frame->clock_ns;
    }
}

void walk_expire(struct walk *k, uint64_t now_ns)
{
    if (now_ns - k->expired_ns >= EXPIRE_EVERY_NS) {
        k->expired_ns = now_ns;
        decoder_expire(k->decoder, now_ns);
        flow_table_expire(k->flows, now_ns, EXPIRE_BUDGET);
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
