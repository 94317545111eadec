/* One worker's half of the engine: what detect.h offers per packet. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/detect/detect_private.h"

static void init_pools(struct detect_worker *w)
{
    size_t memory = (size_t) w->engine->conf.memory;
    size_t bits = w->engine->flowbits_size;

    pool_init(&w->flow_pool, sizeof(struct detect_flow), memory / 8);
    pool_init(&w->tx_pool, sizeof(struct detect_tx), memory / 8);
    pool_init(&w->tx_rules_pool, sizeof(struct tx_rules), memory / 8);
    pool_init(&w->frame_pool, sizeof(struct detect_frame), memory / 16);
    pool_init(&w->bits_pool, bits > 0 ? bits : 1, memory / 16);
    pool_init(&w->ints_pool, sizeof(struct flow_ints), memory / 16);
    pool_init(&w->entropy_pool, sizeof(struct flow_entropy), memory / 16);
    pool_init(&w->vars_pool, sizeof(struct flow_vars), memory / 16);
    pool_init(&w->tags_pool, sizeof(struct flow_tags), memory / 16);
    arena_init(&w->lists_arena, 65536, memory / 32);
    arena_init(&w->packet_arena, 32768, 1u << 20);
    arena_init(&w->view_arena, 65536, 4u << 20);
}

struct detect_worker *detect_worker_create(const struct detect_engine *e,
                                           struct host_table *hosts)
{
    struct detect_worker *w = xcalloc(1, sizeof *w);

    w->engine = e;
    w->hosts = hosts;
    init_pools(w);
    candidates_init(&w->candidates, e->n_rules);
    candidates_init(&w->matched, e->n_rules);
    w->alerts = xcalloc(e->conf.max_alerts + 1, sizeof *w->alerts);
    w->base64 = xmalloc(PROGRAM_BASE64_MAX);
    w->transform_a = xmalloc(TRANSFORM_MAX);
    w->transform_b = xmalloc(TRANSFORM_MAX);
    w->scratch = patterns_scratch_create(e->store);
    if (w->scratch == NULL
        || !program_env_init(&w->env, e->conf.max_steps, e->conf.pcre_match_limit)) {
        detect_worker_destroy(w);
        return NULL;
    }
    w->env.datasets = e->datasets;
    return w;
}

void detect_worker_destroy(struct detect_worker *w)
{
    if (w == NULL) {
        return;
    }
    patterns_scratch_destroy(w->scratch);
    program_env_fini(&w->env);
    candidates_fini(&w->candidates);
    candidates_fini(&w->matched);
    arena_fini(&w->lists_arena);
    arena_fini(&w->packet_arena);
    arena_fini(&w->view_arena);
    pool_fini(&w->flow_pool);
    pool_fini(&w->tx_pool);
    pool_fini(&w->tx_rules_pool);
    pool_fini(&w->frame_pool);
    pool_fini(&w->bits_pool);
    pool_fini(&w->ints_pool);
    pool_fini(&w->tags_pool);
    pool_fini(&w->entropy_pool);
    pool_fini(&w->vars_pool);
    free(w->base64);
    free(w->transform_a);
    free(w->transform_b);
    free(w->alerts);
    free(w);
}

void worker_scan(struct detect_worker *w, const struct patterns *patterns,
                 struct slice bytes, size_t overlap, uint64_t base, bool is_chunk)
{
    if (patterns != NULL) {
        w->counters.scans++;
        w->counters.scanned_bytes += bytes.size;
        patterns_scan(patterns, w->scratch, bytes, overlap, base, is_chunk, &w->candidates);
    }
}

/* A packet without a flow has sides as well, of its own. */
static void clear_spare(struct detect_worker *w)
{
    memset(&w->spare, 0, sizeof w->spare);
}

/* What "flow:established" means for TCP while the packet is still being reassembled. */
static bool is_tcp_established(const struct flow *flow)
{
    return flow->tcp_state >= TCP_STATE_ESTABLISHED;
}

static bool is_flow_established(const struct flow *flow)
{
    return flow->key.ip_proto == IP_PROTO_TCP ? is_tcp_established(flow)
                                              : flow->state != FLOW_NEW;
}

/* Nothing has matched it yet. */
static void set_packet(struct detect_worker *w, const struct packet *p, enum direction dir)
{
    w->packet = p;
    w->dir = dir;
    w->n_matches = w->n_alerts = 0;
    w->n_packet_vars = 0;
    if (w->matched.n > 0) {
        candidates_clear(&w->matched);
    }
    if (w->packet_arena.used > 0) {
        arena_reset(&w->packet_arena);
    }
}

void detect_begin(struct detect_worker *w, const struct packet *p, struct flow *flow,
                  enum direction dir, const struct stream_result *result)
{
    w->flow = flow;
    w->result = *result;
    /* The packet that ends a handshake is not part of an established session yet. */
    w->is_established = w->was_established = flow != NULL && is_flow_established(flow);
    w->is_skipped = w->engine->n_rules == 0;
    w->sees_payload = flow == NULL || !flow->no_payload_inspection;
    w->app_proto = flow != NULL ? flow->app_proto : APP_UNKNOWN;
    w->detect_flow = NULL;
    set_packet(w, p, dir);
    if (w->is_skipped) {
        return;
    }
    if (flow != NULL) {
        w->detect_flow = flow_state_get(w, flow);
        w->is_skipped = w->detect_flow == NULL || w->detect_flow->is_passed
                        || flow->no_inspection;
    } else {
        clear_spare(w);
        w->detect_flow = &w->spare;
    }
}

void detect_set_stream_result(struct detect_worker *w, enum direction dir,
                              const struct stream_result *result)
{
    w->dir = dir;
    w->result = *result;
}

void detect_interrupt(struct detect_worker *w, const struct packet *made, enum direction dir)
{
    set_packet(w, made, dir);
}

void detect_resume(struct detect_worker *w, const struct packet *p, enum direction dir)
{
    set_packet(w, p, dir);
    w->is_skipped |= w->detect_flow != NULL && w->detect_flow->is_passed;
    w->is_established = w->was_established;
}

/* Does the packet belong to the session?  What was refused moves nothing; behind the end of
 * the session it still brings rules to what they have not seen. */
static bool is_part_of_session(const struct detect_worker *w)
{
    return w->flow == NULL || w->flow->key.ip_proto != IP_PROTO_TCP || w->result.is_valid
           || w->flow->tcp_state == TCP_STATE_CLOSED;
}

static void run_packet_and_stream(struct detect_worker *w)
{
    if (w->flow != NULL) {
        w->detect_flow = flow_state_get(w, w->flow);
        w->app_proto = w->flow->app_proto;
        if (is_part_of_session(w)) {
            w->is_established = is_flow_established(w->flow);
            stream_rules_run(w);
            w->is_established = w->was_established;
        }
    }
    packet_rules_run(w);
}

void detect_run(struct detect_worker *w)
{
    tags_count(w);
    if (!w->is_skipped) {
        run_packet_and_stream(w);
    } else if (w->flow != NULL) {
        stream_raw_skip(w->flow, w->dir);
    }
    if (w->flow != NULL && w->flow->app != NULL && is_part_of_session(w)) {
        /* Transactions are of the flow as it is now, also where its session has closed. */
        w->is_established = is_flow_established(w->flow);
        if (w->flow->app->n_frames > 0) {
            frame_rules_run(w);
        }
        tx_rules_run(w);
    }
    if (w->n_matches > 0) {
        alert_finish(w);
    }
    w->counters.steps_exceeded = w->env.n_steps_exceeded;
    w->counters.pcre_limits = w->env.n_pcre_limits;
}

size_t detect_alerts(struct detect_worker *w, const struct detect_alert **alerts)
{
    *alerts = w->alerts;
    return w->n_alerts;
}

void detect_flow_end(struct detect_worker *w, struct flow *flow)
{
    struct detect_flow *df = flow->detect;

    if (df == NULL) {
        return;
    }
    if (df->flowbits != NULL) {
        pool_put(&w->bits_pool, df->flowbits);
    }
    if (df->ints != NULL) {
        pool_put(&w->ints_pool, df->ints);
    }
    if (df->entropy != NULL) {
        pool_put(&w->entropy_pool, df->entropy);
    }
    if (df->vars != NULL) {
        pool_put(&w->vars_pool, df->vars);
    }
    if (df->tags != NULL) {
        pool_put(&w->tags_pool, df->tags);
    }
    pool_put(&w->flow_pool, df);
    flow->detect = NULL;
}

bool detect_flow_is_passed(const struct flow *flow)
{
    return flow->detect != NULL && flow->detect->is_passed;
}

void detect_tx_end(struct detect_worker *w, struct app_tx *tx)
{
    if (tx->detect != NULL) {
        tx_state_free(w, tx->detect);
        tx->detect = NULL;
    }
}

const struct detect_counters *detect_counters(const struct detect_worker *w)
{
    return &w->counters;
}
