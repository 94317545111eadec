/* What hangs on a flow: its groups, the rules whose header fits. */
#include "sensor/detect/detect_private.h"

struct detect_flow *flow_state_get(struct detect_worker *w, struct flow *flow)
{
    struct detect_flow *df = flow->detect;

    if (df == NULL) {
        df = pool_get(&w->flow_pool);
        if (df == NULL) {
            return NULL;
        }
        memset(df, 0, sizeof *df);
        df->was_swapped = flow->is_swapped;
        flow->detect = df;
    } else if (df->was_swapped != flow->is_swapped) {
        /* Client and server were exchanged: what was decided by side holds no more. */
        memset(df->sides, 0, sizeof df->sides);
        df->was_swapped = flow->is_swapped;
    }
    return df;
}

const struct ip_addr *flow_state_src(const struct detect_worker *w, enum direction dir)
{
    if (w->flow == NULL) {
        return &w->packet->src;
    }
    return dir == TO_SERVER ? flow_client(w->flow) : flow_server(w->flow);
}

const struct ip_addr *flow_state_dst(const struct detect_worker *w, enum direction dir)
{
    if (w->flow == NULL) {
        return &w->packet->dst;
    }
    return dir == TO_SERVER ? flow_server(w->flow) : flow_client(w->flow);
}

static uint16_t server_port(const struct detect_worker *w, enum direction dir)
{
    if (w->flow == NULL) {
        return dir == TO_SERVER ? w->packet->dport : w->packet->sport;
    }
    return flow_server_port(w->flow);
}

/* A packet made at a flow's end may lack what the flow knows. */
static uint8_t ip_proto_of(const struct detect_worker *w)
{
    return w->flow != NULL ? w->flow->key.ip_proto : w->packet->ip_proto;
}

/* ---- Rules whose header fits ---- */

struct gathering {
    struct detect_worker *worker;
    enum direction dir;
};

/* What holds for a whole flow is decided with its header: its IP protocol and version. */
static bool may_ever_match(const struct detect_worker *w, const struct rule *r)
{
    uint8_t version = w->packet->src.version;

    for (size_t i = 0; i < r->n_tests && w->flow != NULL; i++) {
        if (r->tests[i].kind == TEST_NUMBER && r->tests[i].field == FIELD_IP_PROTO
            && !test_number_fits(&r->tests[i], w->flow->key.ip_proto)) {
            return false;
        }
    }
    return (r->proto != RULE_PROTO_IPV4 || version == 4)
           && (r->proto != RULE_PROTO_IPV6 || version == 6);
}

static void take_if_fits(void *context, uint32_t rule)
{
    struct gathering *g = context;

    if (may_ever_match(g->worker, g->worker->engine->rules[rule].rule)
        && evaluate_header(g->worker, g->worker->engine->rules[rule].rule, g->dir)) {
        candidates_add(&g->worker->candidates, rule);
    }
}

/* The list of these rules, made unless a flow before had the same.  NULL: no room. */
static const struct rule_list *share_list(struct detect_worker *w, const uint32_t *rules,
                                          uint32_t n)
{
    uint64_t hash = hash_bytes(hash_seed_fixed(), rules, n * sizeof *rules);
    struct rule_list **bucket = &w->lists[hash % N_LIST_BUCKETS];

    for (struct rule_list *l = *bucket; l != NULL; l = l->next) {
        if (l->hash == hash && l->n == n && memcmp(l->rules, rules, n * sizeof *rules) == 0) {
            return l;
        }
    }
    struct rule_list *l = arena_alloc(&w->lists_arena, sizeof *l + n * sizeof *rules);

    if (l != NULL) {
        l->hash = hash;
        l->n = n;
        memcpy(l->rules, rules, n * sizeof *rules);
        l->next = *bucket;
        *bucket = l;
    }
    return l;
}

static void fill_side(struct detect_worker *w, struct flow_side_state *side,
                      enum direction dir)
{
    const struct detect_engine *e = w->engine;
    enum scan_proto proto = engine_scan_proto(ip_proto_of(w));
    struct gathering gathering = { w, dir };
    struct candidates *c = &w->candidates;

    side->is_ready = true;
    for (unsigned mode = 0; mode < N_SCAN_MODES; mode++) {
        side->groups[mode] = engine_port_group(e, (enum scan_mode) mode, proto, dir,
                                               server_port(w, dir));
    }
    if (e->always[proto][dir] == NULL) {
        return;
    }
    candidates_clear(c);
    header_index_find(e->always[proto][dir], flow_state_src(w, dir), flow_state_dst(w, dir),
                      take_if_fits, &gathering);
    candidates_sort(c);
    for (uint32_t i = 0; i < c->n; i++) {
        side->has_stream_always |= e->rules[c->rules[i]].in_stream;
    }
    if (c->n > 0) {
        side->always = share_list(w, c->rules, c->n);
        side->always_overflowed = side->always == NULL;
    }
    candidates_clear(c);
}

struct flow_side_state *flow_state_side(struct detect_worker *w, enum direction dir)
{
    struct flow_side_state *side = &w->detect_flow->sides[dir];

    if (!side->is_ready) {
        fill_side(w, side, dir);
    }
    return side;
}

void flow_state_add_always(struct detect_worker *w, enum direction dir)
{
    const struct flow_side_state *side = flow_state_side(w, dir);

    if (side->always != NULL) {
        for (uint32_t i = 0; i < side->always->n; i++) {
            candidates_add(&w->candidates, side->always->rules[i]);
        }
    } else if (side->always_overflowed) {
        struct gathering gathering = { w, dir };

        header_index_find(w->engine->always[engine_scan_proto(ip_proto_of(w))][dir],
                          flow_state_src(w, dir), flow_state_dst(w, dir), take_if_fits,
                          &gathering);
    }
}
