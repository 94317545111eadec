/* Rules about the reassembled stream, piece by piece as it grows.
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

static size_t overlap_of(const struct flow_side_state *side)
{
    const struct port_group *g = &side->groups[SCAN_STREAM];
    size_t any = g->any != NULL ? patterns_max_size(g->any) : 0;
    size_t by_port = g->by_port != NULL ? patterns_max_size(g->by_port) : 0;
    size_t longest = any > by_port ? any : by_port;

    if (longest == 0) {
        return 0;
    }
    return longest - 1 < side->window_size ? longest - 1 : side->window_size;
}

/* Window and piece in one, in the worker's scratch. */
static struct slice join_window(struct detect_worker *w, const struct flow_side_state *side,
                                size_t n_window, const uint8_t *bytes, size_t size)
{
    if (n_window == 0) {
        return slice_of(bytes, size);
    }
    memcpy(w->stream_scratch, side->window + (side->window_size - n_window), n_window);
    memcpy(w->stream_scratch + n_window, bytes, size);
    return slice_of(w->stream_scratch, n_window + size);
}

static void scan_piece(struct detect_worker *w, const struct flow_side_state *side,
                       uint64_t offset, const uint8_t *bytes, size_t size)
{
    const struct port_group *g = &side->groups[SCAN_STREAM];
    size_t overlap = overlap_of(side);

    if (g->any == NULL && g->by_port == NULL) {
        return;
    }
    struct slice all = join_window(w, side, overlap, bytes, size);

    worker_scan(w, g->any, all, overlap, offset - overlap);
    worker_scan(w, g->by_port, all, overlap, offset - overlap);
}

static void gather(struct detect_worker *w, struct flow_side_state *side,
                   enum direction dir, uint64_t offset)
{
    for (unsigned i = side->n_pending; i-- > 0; ) {
        if (!side->pending[i].has_matched) {
            if (side->pending[i].at > offset) {
                candidates_add(&w->candidates, side->pending[i].rule);
            } else {
                forget(side, i);
            }
        } else if (side->pending[i].at + side->window_size < offset) {
            forget(side, i);
        }
    }
    if (side->has_stream_always || side->always_overflowed) {
        flow_state_add_always(w, dir);
    }
}

static void evaluate_on_window(struct detect_worker *w, struct flow_side_state *side,
                               enum direction dir, uint64_t offset, struct slice all,
                               size_t n_window)
{
    struct candidates *c = &w->candidates;
    uint64_t base = offset - n_window, end = base + all.size;

    candidates_sort(c);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct engine_rule *er = &w->engine->rules[c->rules[i]];
        const struct pending *p = find_pending(side, c->rules[i]);
        uint64_t skip = p != NULL && p->has_matched && p->at > base ? p->at - base : 0;
        struct look look = { .dir = dir, .is_stream = true };

        if (!er->in_stream || skip >= all.size) {
            continue;
        }
        look.payload = slice_from(all, skip);
        look.base = base + skip;
        look.has_payload = true;

        enum verdict verdict = evaluate_rule(w, er, &look);

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
                      enum direction dir, uint64_t offset, const uint8_t *bytes, size_t size)
{
    candidates_clear(&w->candidates);
    scan_piece(w, side, offset, bytes, size);
    gather(w, side, dir, offset);
    if (w->candidates.n > 0) {
        size_t n_window = side->window_size;
        struct slice all = join_window(w, side, n_window, bytes, size);

        evaluate_on_window(w, side, dir, offset, all, n_window);
    }
    window_append(w, side, bytes, size, offset + size);
}

void stream_rules_run(struct detect_worker *w, const struct stream_data *data)
{
    if (!w->engine->has_stream_rules || data->bytes == NULL || data->size == 0
        || !w->sees_payload) {
        return;
    }
    struct flow_side_state *side = flow_state_side(w, data->dir);

    if (data->gap > 0 || side->stream_end != data->offset) {
        side->window_size = 0;  /* Nothing is found across what is missing. */
        side->n_pending = 0;
    }
    for (uint32_t at = 0; at < data->size; at += STREAM_PIECE) {
        size_t n = data->size - at < STREAM_PIECE ? data->size - at : STREAM_PIECE;

        run_piece(w, side, data->dir, data->offset + at, data->bytes + at, n);
    }
}
