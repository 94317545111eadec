/* What matched a packet: put in order, filtered, limited. */
#include "sensor/detect/detect_private.h"

/* As much of a stream as an alert tells. */
#define PAYLOAD_SIZE 4096

/* What the stream has of the direction, from as far back as it is kept. */
static struct slice stream_payload(struct detect_worker *w, enum direction dir)
{
    for (size_t i = 0; i < w->n_matches; i++) {
        if (w->matches[i].from_stream && w->matches[i].dir == dir
            && w->matches[i].payload.bytes != NULL) {
            return w->matches[i].payload;       /* The same for all of a packet. */
        }
    }
    uint8_t *bytes = arena_alloc(&w->packet_arena, PAYLOAD_SIZE);

    return slice_of(bytes, bytes != NULL ? stream_copy(w->flow, dir, bytes, PAYLOAD_SIZE) : 0);
}

void alert_add(struct detect_worker *w, const struct rule *r, const struct look *look,
               bool from_stream)
{
    w->counters.confirmed++;
    if (w->n_matches == MAX_MATCHES) {
        w->counters.over_limit++;
        return;
    }
    struct detect_alert *a = &w->matches[w->n_matches];

    *a = (struct detect_alert) {
        .rule = r, .action = r->action, .tx = look->tx, .frame = look->frame, .dir = look->dir,
        .from_stream = from_stream || look->is_payload_stream,
        .context = w->context,
    };
    if (!a->from_stream) {
        a->payload = packet_payload(w->packet);
    } else if (look->frame != NULL) {
        a->payload = look->frame->data;         /* It lives until the alert is told. */
    } else if (!r->no_alert) {
        a->payload = stream_payload(w, look->dir);
    }
    w->n_matches++;
}

/* In the order of the rules, which begins with pass; stable, so that several transactions
 * of one rule stay in theirs. */
static void sort_matches(struct detect_worker *w)
{
    for (size_t i = 1; i < w->n_matches; i++) {
        struct detect_alert a = w->matches[i];
        size_t at = i;

        for (; at > 0 && w->matches[at - 1].rule->index > a.rule->index; at--) {
            w->matches[at] = w->matches[at - 1];
        }
        w->matches[at] = a;
    }
}

/* Does a pass rule end inspection of its whole flow?  One about a single packet does not. */
static bool passes_flow(const struct detect_worker *w, const struct detect_alert *a)
{
    const struct engine_rule *er = &w->engine->rules[a->rule->index];

    return a->tx != NULL || a->from_stream || er->kind == KIND_IP_ONLY
           || er->kind == KIND_PROTO_ONLY || a->rule->type == RULE_TYPE_APP;
}

/* The transaction beside a datagram: a rule of its protocol that matched the packet alone is
 * told with what the packet says.  In a stream nothing tells which one it would be. */
static const struct app_tx *find_tx(const struct detect_worker *w, const struct rule *r)
{
    const struct app_session *s = w->flow != NULL ? w->flow->app : NULL;

    if (s == NULL || r->proto != RULE_PROTO_APP || !packet_is_udp(w->packet)
        || list_is_empty(&s->txs)) {
        return NULL;
    }
    return LIST_ENTRY(s->txs.prev, struct app_tx, node);
}

static void hand_out(struct detect_worker *w, const struct detect_alert *a)
{
    if (w->n_alerts == w->engine->conf.max_alerts) {
        w->counters.over_limit++;
        return;
    }
    struct detect_alert *out = &w->alerts[w->n_alerts++];
    *out = *a;
    if (out->tx == NULL) {
        out->tx = find_tx(w, a->rule);
    }
    w->counters.alerts++;
    if (w->flow != NULL) {
        w->flow->n_alerts++;
    }
}

void alert_finish(struct detect_worker *w)
{
    sort_matches(w);
    for (size_t i = 0; i < w->n_matches; i++) {
        struct detect_alert *a = &w->matches[i];

        if (a->action == RULE_CONFIG || !filters_pass_alert(w, a)) {
            continue;
        }
        if (a->action == RULE_PASS) {
            if (a->rule->also_alert) {
                hand_out(w, a);
            }
            if (w->flow != NULL && w->detect_flow != NULL && passes_flow(w, a)) {
                w->detect_flow->is_passed = true;
            }
            break;
        }
        tags_set(w, a->rule);
        if (a->rule->no_alert) {
            continue;
        }
        hand_out(w, a);
    }
}
