/* Rules about transactions.
 *
 * Each time a direction of a transaction has moved, what is new in its buffers is scanned;
 * a rule whose literal is found is entered in the transaction's state and evaluated, now
 * and each time something changes, until it matched or cannot match any more.  Rules
 * without literals are entered at the beginning. */
#include "sensor/app/file.h"
#include "sensor/detect/detect_private.h"

#define MAX_INSTANCES 1024u
#define MIN_GROWTH 2048u        /* Bytes. */

/* ---- Views ---- */

static struct app_view transform_view(struct detect_worker *w, const struct source *s,
                                      uint16_t source, unsigned instance,
                                      struct app_view view)
{
    for (size_t i = 0; i < w->n_views; i++) {
        if (w->views[i].source == source && w->views[i].instance == instance) {
            return w->views[i].view;
        }
    }
    struct slice out = transform_apply(s->transforms, s->n_transforms, view.bytes,
                                       w->transform_a, w->transform_b, TRANSFORM_MAX);

    view.bytes = arena_copy(&w->view_arena, out.bytes, out.size);
    if (w->n_views < MAX_VIEWS && instance <= UINT16_MAX) {
        w->views[w->n_views++] = (struct view_cache) { source, (uint16_t) instance, view };
    }
    return view;
}

struct app_view tx_view(struct detect_worker *w, const struct app_tx *tx, enum direction dir,
                        uint16_t source, unsigned instance)
{
    const struct source *s = &w->engine->sources[source];
    bool is_final = tx->is_done[dir];

    if (instance > 0 && !(s->info->flags & BUFFER_MULTI)) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    struct app_view view = app_tx_buffer(tx, dir, s->buffer, instance);

    if (is_final && view.state == APP_VIEW_NOT_YET) {
        view.state = APP_VIEW_ABSENT;
    } else if (is_final && view.state == APP_VIEW_GROWING) {
        view.state = APP_VIEW_DONE;
    }
    if (s->n_transforms == 0 || view.state < APP_VIEW_GROWING) {
        return view;
    }
    if (view.state == APP_VIEW_GROWING) {
        view.state = APP_VIEW_NOT_YET;  /* A transform is of the whole. */
        return view;
    }
    return transform_view(w, s, source, instance, view);
}

/* ---- State ---- */

struct tx_rule *tx_rules_find(struct tx_rules *rules, uint32_t rule)
{
    for (struct tx_rules *block = rules; block != NULL; block = block->next) {
        for (uint32_t i = 0; i < block->n; i++) {
            if (block->rules[i].rule == rule) {
                return &block->rules[i];
            }
        }
    }
    return NULL;
}

struct tx_rule *tx_rules_enter(struct detect_worker *w, struct tx_rules *rules, uint32_t rule)
{
    struct tx_rule *found = tx_rules_find(rules, rule);
    struct tx_rules *block = rules;

    if (found != NULL) {
        return found;
    }
    while (block->n == TX_BLOCK_RULES && block->next != NULL) {
        block = block->next;
    }
    if (block->n == TX_BLOCK_RULES) {
        struct tx_rules *more = pool_get(&w->tx_rules_pool);

        if (more == NULL) {
            return NULL;
        }
        more->next = NULL;
        more->n = 0;
        block->next = more;
        block = more;
    }
    found = &block->rules[block->n++];
    *found = (struct tx_rule) { .rule = rule };
    return found;
}

void tx_rules_free(struct detect_worker *w, struct tx_rules *rules)
{
    for (struct tx_rules *b = rules->next, *next; b != NULL; b = next) {
        next = b->next;
        pool_put(&w->tx_rules_pool, b);
    }
    rules->next = NULL;
}

void tx_state_free(struct detect_worker *w, struct detect_tx *dt)
{
    for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
        tx_rules_free(w, &dt->sides[dir].rules);
    }
    pool_put(&w->tx_pool, dt);
}

static struct detect_tx *get_state(struct detect_worker *w, struct app_tx *tx)
{
    if (tx->detect == NULL) {
        tx->detect = pool_get(&w->tx_pool);
        if (tx->detect != NULL) {
            memset(tx->detect, 0, sizeof *tx->detect);
        }
    }
    return tx->detect;
}

/* ---- Scanning ---- */

/* How far a source has been scanned; a place that dies with the call when there is no
 * room: then it is scanned from its start each time. */
static struct tx_progress *get_progress(struct tx_side_state *side, uint16_t source,
                                        struct tx_progress *spare)
{
    for (unsigned i = 0; i < side->n_progress; i++) {
        if (side->progress[i].source == source) {
            return &side->progress[i];
        }
    }
    struct tx_progress *p = side->n_progress < TX_PROGRESS
                                ? &side->progress[side->n_progress++]
                                : spare;

    *p = (struct tx_progress) { .source = source };
    return p;
}

/* Scans what is new of source number 'k' of the group. */
static void scan_source(struct detect_worker *w, const struct app_tx *tx, enum direction dir,
                        struct tx_side_state *side, const struct tx_group *g, size_t k)
{
    const struct source *s = &w->engine->sources[g->sources[k]];
    const struct patterns *patterns = s->patterns[dir];
    bool is_simple = !(s->info->flags & (BUFFER_MULTI | BUFFER_GROWS));
    struct tx_progress spare = { 0 };
    struct tx_progress *p = is_simple ? &spare
                                      : get_progress(side, (uint16_t) k, &spare);

    while (p->instance < MAX_INSTANCES) {
        struct app_view view = tx_view(w, tx, dir, g->sources[k], p->instance);

        if (view.state == APP_VIEW_NOT_YET) {
            return;
        }
        if (view.state == APP_VIEW_ABSENT) {
            break;
        }
        size_t behind = patterns_max_size(patterns) - 1;
        size_t from = p->scanned > behind ? p->scanned - behind : 0;

        if (view.bytes.size > p->scanned) {
            worker_scan(w, patterns,
                        slice_from(view.bytes, from),
                        p->scanned - from, from, false);
        }
        if (view.state == APP_VIEW_GROWING) {
            p->scanned = (uint32_t) view.bytes.size;
            side->grown = p->scanned > side->grown ? p->scanned : side->grown;
            return;
        }
        if (!is_simple) {
            side->evaluate_at = 0;      /* What grew is whole now. */
        }
        if (!(s->info->flags & BUFFER_MULTI)) {
            break;
        }
        p->instance++;
        p->scanned = 0;
    }
    side->finished[k / 64] |= 1ull << k % 64;
}

static void scan_sources(struct detect_worker *w, const struct app_tx *tx,
                         enum direction dir, struct tx_side_state *side,
                         const struct tx_group *g)
{
    for (size_t k = 0; k < g->n_sources; k++) {
        if (!(side->finished[k / 64] >> k % 64 & 1)) {
            scan_source(w, tx, dir, side, g, k);
        }
    }
}

struct gathering {
    struct detect_worker *worker;
    enum direction dir;
};

static void add_if_fits(void *context, uint32_t rule)
{
    const struct gathering *g = context;

    if (evaluate_header(g->worker, g->worker->engine->rules[rule].rule, g->dir)) {
        candidates_add(&g->worker->candidates, rule);
    }
}

void add_from_index(struct detect_worker *w, const struct header_index *index,
                    enum direction dir)
{
    struct gathering gathering = { w, dir };

    if (index != NULL) {
        header_index_find(index, flow_state_src(w, dir), flow_state_dst(w, dir), add_if_fits,
                          &gathering);
    }
}

/* ---- Evaluation ---- */

/* Payload beside a transaction: the stream's window, or the datagram. */
static void set_payload(const struct detect_worker *w, struct look *look)
{
    if (w->flow->key.ip_proto == IP_PROTO_TCP) {
        look->is_payload_stream = look->has_payload = true;
        return;
    }
    look->payload = packet_payload(w->packet);
    look->has_payload = w->dir == look->dir && look->payload.size > 0;
}

bool session_has_fired(const struct detect_worker *w, uint32_t rule)
{
    for (unsigned i = 0; i < w->detect_flow->n_session_rules; i++) {
        if (w->detect_flow->session_rules[i] == rule) {
            return true;
        }
    }
    return false;
}

/* A match of a rule that stands in the transaction's state. */
static void take_match(struct detect_worker *w, const struct engine_rule *er,
                       const struct look *look)
{
    actions_run(w, er->rule, look);
    alert_add(w, er->rule, look, false);
}

/* A rule about files is asked of each file anew, and raised for each that it fits.  While
 * an answer about a file may still come those behind it wait, unless it is complete. */
static enum verdict evaluate_files(struct detect_worker *w, const struct engine_rule *er,
                                   struct look *look)
{
    struct tx_rule *state = look->tx_rule;

    look->is_for_file = true;
    for (; state->file < MAX_INSTANCES; state->file++) {
        const struct app_file *file = app_file_at(look->tx, look->dir, state->file);

        if (file == NULL) {
            return look->is_tx_final ? VERDICT_NO : VERDICT_WAIT;
        }
        look->file = state->file;
        enum verdict verdict = evaluate_rule(w, er, look);

        if (verdict == VERDICT_MATCH) {
            take_match(w, er, look);
        } else if (verdict == VERDICT_WAIT
                   && (file->state == FILE_OPENED
                       || app_file_at(look->tx, look->dir, look->file + 1) == NULL)) {
            return VERDICT_WAIT;
        }
    }
    return VERDICT_NO;
}

bool session_note_fired(struct detect_worker *w, uint32_t rule)
{
    struct detect_flow *df = w->detect_flow;

    if (df->n_session_rules == sizeof df->session_rules / sizeof df->session_rules[0]) {
        return false;
    }
    df->session_rules[df->n_session_rules++] = rule;
    return true;
}

/* A rule about both directions that was found in a request waits on the other side. */
static bool hand_over(struct detect_worker *w, const struct engine_rule *er,
                      const struct look *look)
{
    struct tx_side_state *side = &look->tx->detect->sides[TO_CLIENT];

    if (look->dir != TO_SERVER) {
        return false;
    }
    side->has_both |= tx_rules_enter(w, &side->rules, er->rule->index) != NULL;
    look->tx->is_inspected[TO_CLIENT] = false;  /* Even if its answer came early. */
    return true;
}

static void evaluate_entered(struct detect_worker *w, struct tx_side_state *side,
                             const struct look *common)
{
    struct candidates *c = &w->candidates;

    side->waits_for_payload = false;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct engine_rule *er = &w->engine->rules[c->rules[i]];
        struct tx_rule scratch = { .rule = c->rules[i] };
        /* Rules about events are found anew each time: they need no place before a match. */
        bool is_by_event = er->has_app_event && !er->is_by_literal && !er->is_about_files;
        struct tx_rule *state = is_by_event ? tx_rules_find(&side->rules, c->rules[i])
                                            : tx_rules_enter(w, &side->rules, c->rules[i]);
        struct look look = *common;

        if (er->rule->is_both_sides && hand_over(w, er, common)) {
            continue;
        }
        if (er->rule->is_both_sides) {
            look.is_tx_final &= look.tx->is_done[TO_SERVER];
            side->has_both = true;
        }
        if ((state != NULL && state->is_closed)
            || (state == NULL && er->is_about_files)
            || (er->has_app_event && session_has_fired(w, c->rules[i]))) {
            continue;
        }
        look.tx_rule = state != NULL ? state : &scratch;
        switch (er->is_about_files ? evaluate_files(w, er, &look)
                                   : evaluate_rule(w, er, &look)) {
        case VERDICT_MATCH:
            take_match(w, er, &look);
            state = tx_rules_enter(w, &side->rules, c->rules[i]);
            if (state != NULL) {
                state->is_closed = true;
            }
            break;
        case VERDICT_NO:
            if (state != NULL) {
                state->is_closed = true;
            }
            break;
        case VERDICT_WAIT:
            side->waits_for_payload |= er->has_payload && !look.tx_rule->has_payload;
            break;
        }
    }
}

void tx_rules_add_open(struct detect_worker *w, const struct tx_rules *rules)
{
    for (const struct tx_rules *block = rules; block != NULL; block = block->next) {
        for (uint32_t i = 0; i < block->n; i++) {
            if (!block->rules[i].is_closed) {
                candidates_add(&w->candidates, block->rules[i].rule);
            }
        }
    }
}

/* While a body grows, what is open is tried again each time it has grown by a quarter, not
 * at each segment: that would take a time that grows with the square of the body. */
static bool is_time_for_open(struct tx_side_state *side, bool is_final)
{
    if (!is_final && side->grown != 0 && side->grown < side->evaluate_at) {
        return false;
    }
    side->evaluate_at = side->grown + (side->grown / 4 > MIN_GROWTH ? side->grown / 4
                                                                    : MIN_GROWTH);
    return true;
}

static bool has_moved(const struct detect_worker *w, const struct app_tx *tx,
                      enum direction dir, const struct tx_side_state *side)
{
    return !side->is_begun || side->changes != tx->changes[dir]
           || side->was_done != tx->is_done[dir] || side->events != tx->events
           || (side->waits_for_payload && w->packet->payload_size > 0)
           || (side->has_both && side->other_changes != tx->changes[TO_SERVER]);
}

/* A side that is done waits for the other where a rule is about both. */
static bool is_all_inspected(const struct app_tx *tx, enum direction dir,
                             const struct tx_side_state *side)
{
    return tx->is_done[dir] && (!side->has_both || tx->is_done[TO_SERVER]);
}

static void run_side(struct detect_worker *w, struct app_tx *tx, enum direction dir)
{
    const struct tx_group *g = &w->engine->txs[tx->parser->proto][dir];
    struct detect_tx *dt = g->is_empty || w->is_skipped ? NULL : get_state(w, tx);

    if (dt == NULL) {
        tx->is_inspected[dir] = tx->is_done[dir];
        return;
    }
    struct tx_side_state *side = &dt->sides[dir];
    struct look look = { .dir = dir, .tx = tx, .is_tx_final = tx->is_done[dir] };

    if (!has_moved(w, tx, dir, side)) {
        tx->is_inspected[dir] = is_all_inspected(tx, dir, side);
        return;
    }
    candidates_clear(&w->candidates);
    arena_reset(&w->view_arena);
    w->n_views = 0;
    scan_sources(w, tx, dir, side, g);
    if (!side->is_begun) {
        add_from_index(w, g->always, dir);
    }
    if (tx->events != 0) {
        add_from_index(w, g->on_event, dir);
    }
    if (is_time_for_open(side, tx->is_done[dir])) {
        tx_rules_add_open(w, &side->rules);
    }
    candidates_sort(&w->candidates);
    set_payload(w, &look);
    evaluate_entered(w, side, &look);
    side->is_begun = true;
    side->changes = tx->changes[dir];
    side->events = tx->events;
    side->was_done = tx->is_done[dir];
    side->other_changes = tx->changes[TO_SERVER];
    tx->is_inspected[dir] = is_all_inspected(tx, dir, side);
}

/* Events that belong to no transaction: of the session, and of recognition.  Each rule is
 * raised once in a flow. */
static void run_session_events(struct detect_worker *w, const struct app_session *s)
{
    uint64_t events = s->events ^ hash_mix(s->proto_events);
    struct look look = { .dir = w->dir };
    struct detect_flow *df = w->detect_flow;
    enum app_proto proto = s->parser != NULL ? s->parser->proto : APP_UNKNOWN;

    if ((s->events == 0 && s->proto_events == 0) || df->session_events == events) {
        return;
    }
    df->session_events = events;
    candidates_clear(&w->candidates);
    add_from_index(w, w->engine->txs[proto][w->dir].on_event, w->dir);
    candidates_sort(&w->candidates);
    for (uint32_t i = 0; i < w->candidates.n; i++) {
        uint32_t rule = w->candidates.rules[i];
        const struct engine_rule *er = &w->engine->rules[rule];

        if (er->rule->n_buffers == 0 && !session_has_fired(w, rule)
            && evaluate_rule(w, er, &look) == VERDICT_MATCH && session_note_fired(w, rule)) {
            actions_run(w, er->rule, &look);
            alert_add(w, er->rule, &look, false);
        }
    }
}

/* A direction that is done with may still get an event, from what the other side answered:
 * rules that ask for that direction alone are told.  The others were, or will be, in the
 * direction that goes on. */
static void run_late_events(struct detect_worker *w, struct app_tx *tx, enum direction dir)
{
    const struct tx_group *g = &w->engine->txs[tx->parser->proto][dir];
    struct detect_tx *dt = tx->detect;
    struct look look = { .dir = dir, .tx = tx, .is_tx_final = true };
    uint32_t n = 0;

    if (dt == NULL || w->is_skipped || dt->sides[dir].events == tx->events
        || !dt->sides[dir].is_begun) {
        return;
    }
    candidates_clear(&w->candidates);
    arena_reset(&w->view_arena);
    w->n_views = 0;
    add_from_index(w, g->on_event, dir);
    for (uint32_t i = 0; i < w->candidates.n; i++) {
        if (w->engine->rules[w->candidates.rules[i]].dirs == 1u << dir) {
            w->candidates.rules[n++] = w->candidates.rules[i];
        }
    }
    w->candidates.n = n;
    candidates_sort(&w->candidates);
    set_payload(w, &look);
    evaluate_entered(w, &dt->sides[dir], &look);
    dt->sides[dir].events = tx->events;
}

/* Is there something in a direction that rules have not seen? */
static bool is_behind(const struct app_tx *tx, enum direction dir)
{
    const struct tx_side_state *side = tx->detect != NULL ? &tx->detect->sides[dir] : NULL;

    return !tx->is_inspected[dir]
           && (side == NULL || !side->is_begun || side->changes != tx->changes[dir]
               || side->was_done != tx->is_done[dir] || side->events != tx->events);
}

bool worker_looks_at(const struct detect_worker *w, enum direction dir)
{
    const struct flow *f = w->flow;

    return dir == w->dir || f->key.ip_proto != IP_PROTO_TCP || w->is_skipped
           || f->sides[dir].packets == 0
           || (w->packet->source == PACKET_FROM_STREAM_FLUSH && w->dir == TO_CLIENT);
}

static void run_tx(struct detect_worker *w, struct app_tx *tx)
{
    tx->is_watched = false;
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
        if (!worker_looks_at(w, dir) && !w->engine->txs[tx->parser->proto][dir].is_empty) {
            tx->is_watched |= is_behind(tx, dir);
        } else if (!tx->is_inspected[dir]) {
            run_side(w, tx, dir);
        } else if (tx->events != 0) {
            run_late_events(w, tx, dir);
        }
        tx->is_watched |= tx->detect != NULL && tx->detect->sides[dir].waits_for_payload;
    }
}

void tx_rules_run(struct detect_worker *w)
{
    struct app_session *s = w->flow->app;

    if (!w->is_skipped && w->engine->has_tx_rules) {
        run_session_events(w, s);
    }
    for (struct app_tx *tx = app_tx_first_moved(s); tx != NULL;
         tx = app_tx_next_moved(s, tx)) {
        run_tx(w, tx);
    }
}
