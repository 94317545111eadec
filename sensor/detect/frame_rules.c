/* Rules about frames.
 *
 * What is new of a frame is scanned as it comes; a rule whose literal is found is entered
 * in the frame's state and evaluated, again each time the frame has grown by a quarter and
 * when it is over, until it matched or cannot match any more.  A rule matches a frame once.
 * Most frames are over in the packet that they begin in, and leave no state behind. */
#include "sensor/detect/detect_private.h"

#define MIN_GROWTH 2048u

/* Whatever has transforms is looked at when the frame is over: they are of the whole. */
static void scan_frame(struct detect_worker *w, const struct frame_group *g,
                       const struct app_frame *f, struct detect_frame *state)
{
    size_t size = f->data.size, behind = g->max_size > 0 ? g->max_size - 1 : 0;
    size_t from = state->scanned > behind ? state->scanned - behind : 0;

    for (size_t k = 0; k < g->n_sources; k++) {
        const struct source *s = &w->engine->sources[g->sources[k]];

        if (s->n_transforms != 0) {
            if (f->is_over) {
                worker_scan(w, s->patterns[f->dir],
                            transform_apply(s->transforms, s->n_transforms, f->data,
                                            w->transform_a, w->transform_b, TRANSFORM_MAX),
                            0, 0, false);
            }
        } else if (size > state->scanned) {
            worker_scan(w, s->patterns[f->dir], slice_from(f->data, from),
                        state->scanned - from, from, false);
        }
    }
    state->scanned = (uint32_t) size;
}

static bool is_time_for_open(struct detect_frame *state, const struct app_frame *f)
{
    uint32_t size = (uint32_t) f->data.size;

    if (!f->is_over && size < state->evaluate_at) {
        return false;
    }
    state->evaluate_at = size + (size / 4 > MIN_GROWTH ? size / 4 : MIN_GROWTH);
    return true;
}

static void evaluate_candidates(struct detect_worker *w, const struct app_frame *f,
                                struct detect_frame *state)
{
    struct candidates *c = &w->candidates;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct engine_rule *er = &w->engine->rules[c->rules[i]];
        struct tx_rule spare = { .rule = c->rules[i] };
        struct tx_rule *place = tx_rules_enter(w, &state->rules, c->rules[i]);
        struct look look = { .dir = f->dir, .frame = f, .is_tx_final = f->is_over,
                             .tx_rule = place != NULL ? place : &spare };

        if (look.tx_rule->is_closed) {
            continue;
        }
        enum verdict verdict = evaluate_rule(w, er, &look);

        look.tx_rule->is_closed = verdict != VERDICT_WAIT;
        if (verdict == VERDICT_MATCH) {
            look.tx = app_frame_tx(w->flow->app, f);
            actions_run(w, er->rule, &look);
            alert_add(w, er->rule, &look, f->offset != APP_FRAME_NO_OFFSET);
        }
    }
}

static void free_state(struct detect_worker *w, struct app_frame *f)
{
    if (f->detect != NULL) {
        tx_rules_free(w, &f->detect->rules);
        pool_put(&w->frame_pool, f->detect);
        f->detect = NULL;
    }
}

static void run_frame(struct detect_worker *w, struct app_frame *f)
{
    const struct frame_group *g = &w->engine->frames[f->id][f->dir];
    struct detect_frame spare = { 0 };

    if (!g->is_empty && !w->is_skipped) {
        if (f->detect == NULL && !f->is_over) {
            f->detect = pool_get(&w->frame_pool);
            if (f->detect != NULL) {
                memset(f->detect, 0, sizeof *f->detect);
            }
        }
        /* Without a place of its own a frame is looked at when it is over. */
        struct detect_frame *state = f->detect != NULL ? f->detect : f->is_over ? &spare : NULL;

        if (state != NULL) {
            candidates_clear(&w->candidates);
            scan_frame(w, g, f, state);
            if (!state->is_begun) {
                add_from_index(w, g->always, f->dir);
                state->is_begun = true;
            }
            if (is_time_for_open(state, f)) {
                tx_rules_add_open(w, &state->rules);
            }
            candidates_sort(&w->candidates);
            evaluate_candidates(w, f, state);
        }
    }
    if (f->is_over) {
        free_state(w, f);
        tx_rules_free(w, &spare.rules);
        f->is_inspected = true;
    }
}

void frame_rules_run(struct detect_worker *w)
{
    LIST_FOR_EACH (node, &w->flow->app->frames) {
        struct app_frame *f = LIST_ENTRY(node, struct app_frame, node);

        if (!f->is_inspected && worker_looks_at(w, f->dir)
            && (f->is_over || f->detect == NULL || f->detect->scanned != f->data.size)) {
            run_frame(w, f);
        }
    }
}

void detect_engine_ask_frames(const struct detect_engine *e, struct app_conf *conf)
{
    for (unsigned id = 0; id < N_FRAMES; id++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            if (!e->frames[id][dir].is_empty) {
                conf->frame_keep[id] = (uint32_t) conf->frame_limit;
            }
        }
    }
}
