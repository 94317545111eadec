/* Rules about the reassembled stream, piece by piece: when a chunk has been acknowledged, a
 * message or the session has ended, and a packet of its direction comes by.
 *
 * A piece is scanned with so much of what came before that a literal across the seam is
 * found.  Candidates are evaluated on the window: the last bytes and the new piece as one.
 * One that is not complete is tried again with the next pieces, as long as its literal is
 * in the window; one that matched is shown only what came later. */
#include "sensor/detect/detect_private.h"

static void forget(struct flow_side_state *side, unsigned i)
{
    side->pending[i] = side->pending[--side->n_pending];
}

static struct pending *find_pending(struct flow_side_state *side, uint32_t rule)
{
    for (unsigned i = 0; i < side->n_pending; i++) {
        if (side->pending[i].rule == rule) {
            return &side->pending[i];
        }
    }
    return NULL;
}

/* When there is no room the oldest gives way. */
static void remember(struct flow_side_state *side, uint32_t rule, bool has_matched,
                     uint64_t at)
{
    struct pending *p = find_pending(side, rule);

    if (p == NULL) {
        if (side->n_pending == MAX_PENDING) {
            memmove(&side->pending[0], &side->pending[1],
                    (MAX_PENDING - 1) * sizeof side->pending[0]);
            side->n_pending--;
        }
        p = &side->pending[side->n_pending++];
    } else if (p->has_matched && !has_matched) {
        return;
    }
    *p = (struct pending) { rule, has_matched, at };
}

/* So much of what was scanned before that a literal across the seam is found. */
static size_t overlap_of(const struct patterns *patterns, size_t n_old)
{
    size_t longest = patterns_max_size(patterns);

    return longest == 0 ? 0 : longest - 1 < n_old ? longest - 1 : n_old;
}

static void scan_new(struct detect_worker *w, const struct patterns *patterns,
                     const struct stream_raw *raw)
{
    if (patterns != NULL) {
        size_t overlap = overlap_of(patterns, raw->n_old), skip = raw->n_old - overlap;

        worker_scan(w, patterns, slice_of(raw->bytes + skip, raw->size - skip), overlap,
                    raw->offset + skip, true);
    }
}

/* 'offset' is that of the first new byte, of 'n_old' that come before it. */
static void gather(struct detect_worker *w, struct flow_side_state *side, uint64_t offset,
                   size_t n_old)
{
    for (unsigned i = side->n_pending; i-- > 0; ) {
        if (!side->pending[i].has_matched) {
            if (side->pending[i].at > offset) {
                candidates_add(&w->candidates, side->pending[i].rule);
            } else {
                forget(side, i);
            }
        } else if (side->pending[i].at + n_old < offset) {
            forget(side, i);
        }
    }
    if (side->has_stream_always || side->always_overflowed) {
        flow_state_add_always(w, w->dir);
    }
}

/* On the window, where the offsets of contents are those of the stream.  A rule that says where
 * a content stands is also tried on the piece by itself: such rules are written for messages,
 * and a piece begins with one where the parser has told of the end of the one before. */
static enum verdict evaluate_piece(struct detect_worker *w, const struct engine_rule *er,
                                   const struct stream_raw *raw, uint64_t skip,
                                   struct look *look)
{
    look->payload = slice_of(raw->bytes + skip, raw->size - skip);
    look->base = raw->offset + skip;

    enum verdict verdict = evaluate_rule(w, er, look);

    if (verdict != VERDICT_MATCH && er->in_packet && raw->offset + raw->n_old > 0) {
        look->payload = slice_of(raw->bytes + raw->n_old, raw->size - raw->n_old);
        look->base = 0;
        if (evaluate_rule(w, er, look) == VERDICT_MATCH) {
            return VERDICT_MATCH;
        }
    }
    return verdict;
}

static void evaluate_on(struct detect_worker *w, struct flow_side_state *side,
                        const struct stream_raw *raw)
{
    struct candidates *c = &w->candidates;
    uint64_t end = raw->offset + raw->size;

    candidates_sort(c);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct engine_rule *er = &w->engine->rules[c->rules[i]];
        const struct pending *p = find_pending(side, c->rules[i]);
        uint64_t skip = p != NULL && p->has_matched && p->at > raw->offset
                            ? p->at - raw->offset : 0;
        struct look look = { .dir = w->dir, .is_stream = true, .has_payload = true };

        if (!er->in_stream || skip >= raw->size) {
            continue;
        }
        enum verdict verdict = evaluate_piece(w, er, raw, skip, &look);

        if (verdict == VERDICT_MATCH) {
            remember(side, c->rules[i], true, end);
            if (w->matched.marks[c->rules[i]] != w->matched.round) {
                candidates_add(&w->matched, c->rules[i]);
                actions_run(w, er->rule, &look);
                alert_add(w, er->rule, &look, true);
            }
        } else if (verdict == VERDICT_WAIT && er->can_complete && p == NULL) {
            remember(side, c->rules[i], false, end + w->engine->conf.stream_window / 2);
        }
    }
}

static void run_piece(struct detect_worker *w, struct flow_side_state *side,
                      const struct stream_raw *raw)
{
    const struct port_group *g = &side->groups[SCAN_STREAM];
    uint64_t offset = raw->offset + raw->n_old;

    if (side->stream_end != offset) {
        side->n_pending = 0;    /* Nothing is found across what is missing. */
    }
    side->stream_end = raw->offset + raw->size;
    candidates_clear(&w->candidates);
    scan_new(w, g->any, raw);
    scan_new(w, g->by_port, raw);
    scan_new(w, port_group_by_app(g, w->app_proto), raw);
    gather(w, side, offset, raw->n_old);
    if (w->candidates.n > 0) {
        evaluate_on(w, side, raw);
    }
}

void stream_rules_run(struct detect_worker *w)
{
    struct stream_raw raw;

    if (!stream_raw_is_due(w->flow, w->dir)) {
        return;
    }
    struct flow_side_state *side = flow_state_side(w, w->dir);
    const struct port_group *g = &side->groups[SCAN_STREAM];

    if (!w->sees_payload || (g->any == NULL && g->by_port == NULL && g->by_app == NULL
                             && !side->has_stream_always && !side->always_overflowed)) {
        stream_raw_skip(w->flow, w->dir);
        return;
    }
    while (stream_raw_next(w->flow, w->dir, (size_t) w->engine->conf.stream_window, &raw)) {
        run_piece(w, side, &raw);
    }
}
