/* Pattern sets of transactions and frames: by source, which is a buffer with its transforms. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "sensor/detect/detect_private.h"

static bool same_transforms(const struct source *s, const struct rule_buffer *b)
{
    if (s->n_transforms != b->n_transforms) {
        return false;
    }
    for (size_t i = 0; i < b->n_transforms; i++) {
        const struct transform *t = &s->transforms[i];
        const struct rule_transform *u = &b->transforms[i];

        if (t->kind != u->kind || t->a != u->a || t->b != u->b
            || !slice_equal(t->argument, u->argument)) {
            return false;
        }
    }
    return true;
}

/* The source that inspects what 'b' does; made when there is none.  SIZE_MAX: a transform
 * is wrong, '*why' says how. */
static size_t find_source(struct detect_engine *e, const struct rule_buffer *b, size_t *cap,
                          const char **why)
{
    for (size_t i = 0; i < e->n_sources; i++) {
        if (e->sources[i].buffer == b->id && slice_equal(e->sources[i].argument, b->argument)
            && same_transforms(&e->sources[i], b)) {
            return i;
        }
    }
    if (e->n_sources >= UINT16_MAX) {
        *why = "too many different buffers and transforms";
        return SIZE_MAX;
    }
    struct transform *transforms = xcalloc(b->n_transforms + 1, sizeof *transforms);

    for (size_t i = 0; i < b->n_transforms; i++) {
        if (!transform_init(&transforms[i], &b->transforms[i], e->conf.pcre_match_limit,
                            why)) {
            while (i-- > 0) {
                transform_fini(&transforms[i]);
            }
            free(transforms);
            return SIZE_MAX;
        }
    }
    e->sources = xgrow(e->sources, e->n_sources, cap, sizeof *e->sources);
    e->sources[e->n_sources] = (struct source) {
        .buffer = b->id, .frame = b->frame, .argument = b->argument,
        .n_transforms = b->n_transforms,
        .transforms = transforms, .info = buffer_info(b->id),
    };
    return e->n_sources++;
}

/* Gives every buffer of every rule its source. */
static void find_sources(struct detect_engine *e, struct diag *diag)
{
    size_t n = 0, cap = 0, at = 0;

    for (size_t i = 0; i < e->n_rules; i++) {
        n += e->set->rules[i]->n_buffers;
    }
    e->source_indexes = xcalloc(n + 1, sizeof *e->source_indexes);
    for (size_t i = 0; i < e->n_rules; i++) {
        struct engine_rule *er = &e->rules[i];

        er->sources = e->source_indexes + at;
        at += er->rule->n_buffers;
        for (size_t j = 0; j < er->rule->n_buffers && er->kind != KIND_REFUSED; j++) {
            const char *why = NULL;
            size_t source = find_source(e, &er->rule->buffers[j], &cap, &why);

            if (source == SIZE_MAX) {
                engine_refuse_rule(er, diag, why);
            } else {
                er->sources[j] = (uint16_t) source;
            }
        }
    }
}

/* What an application protocol must be for a rule or a buffer. */
static bool proto_fits(enum app_proto wanted, enum app_proto have)
{
    return wanted == APP_UNKNOWN || app_proto_fits(wanted, have);
}

/* A rule that no literal finds waits in every protocol that it may be about. */
static void enter_always(struct detect_engine *e, const struct engine_rule *er)
{
    for (unsigned proto = 0; proto < APP_N_PROTOS; proto++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            struct tx_group *g = &e->txs[proto][dir];
            struct header_index **index = er->has_app_event ? &g->on_event : &g->always;

            /* One about both directions begins with the request. */
            if (!(er->dirs & 1u << dir) || (er->rule->is_both_sides && dir != TO_SERVER)
                || !proto_fits(er->rule->app_proto, (enum app_proto) proto)) {
                continue;
            }
            if (*index == NULL) {
                *index = header_index_create();
            }
            header_index_add(*index, er->rule);
        }
    }
}

/* Rules about both directions are found in either and looked at to the client. */
static void note_both(struct detect_engine *e, const struct rule *r)
{
    for (unsigned proto = 0; proto < APP_N_PROTOS; proto++) {
        if (proto_fits(r->app_proto, (enum app_proto) proto)) {
            e->txs[proto][TO_CLIENT].has_both = true;
        }
    }
}

/* A rule about frames that no literal finds waits for those of its first buffer. */
static void enter_always_of_frame(struct detect_engine *e, const struct engine_rule *er)
{
    enum frame_id id = N_FRAMES;

    for (size_t i = 0; i < er->rule->n_buffers && id == N_FRAMES; i++) {
        id = er->rule->buffers[i].id == BUFFER_FRAME ? er->rule->buffers[i].frame : id;
    }
    for (unsigned dir = 0; dir < N_DIRECTIONS && id != N_FRAMES; dir++) {
        struct frame_group *g = &e->frames[id][dir];

        if (er->dirs & 1u << dir) {
            if (g->always == NULL) {
                g->always = header_index_create();
            }
            header_index_add(g->always, er->rule);
        }
    }
}

/* In which directions its literal is looked for. */
static unsigned literal_dirs(const struct engine_rule *er, size_t buffer)
{
    unsigned dirs = er->rule->buffers[buffer].dirs;

    return er->dirs & ((dirs & BUFFER_TS ? 1u << TO_SERVER : 0)
                       | (dirs & BUFFER_TC ? 1u << TO_CLIENT : 0));
}

static void enter_tx_rules(struct detect_engine *e)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        struct engine_rule *er = &e->rules[i];
        struct fast_literal fast;

        if (er->kind != KIND_TX && er->kind != KIND_FRAME) {
            continue;
        }
        if (er->rule->is_both_sides) {
            note_both(e, er->rule);
        }
        if (!engine_choose_fast(er, &fast)) {
            if (er->kind == KIND_FRAME) {
                enter_always_of_frame(e, er);
            } else {
                enter_always(e, er);
            }
            continue;
        }
        er->is_by_literal = true;
        struct source *s = &e->sources[er->sources[fast.buffer]];

        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            if (literal_dirs(er, fast.buffer) & 1u << dir) {
                if (s->patterns[dir] == NULL) {
                    s->patterns[dir] = patterns_create();
                }
                patterns_add(s->patterns[dir], fast.literal, fast.nocase, er->rule->index,
                             fast.min_end, fast.max_end);
            }
        }
    }
}

/* Lists the sources of each protocol and direction. */
static void make_tx_group(struct detect_engine *e, enum app_proto proto, enum direction dir,
                          struct diag *diag)
{
    struct tx_group *g = &e->txs[proto][dir];

    g->sources = xcalloc(MAX_TX_SOURCES, sizeof *g->sources);
    for (size_t i = 0; i < e->n_sources; i++) {
        const struct source *s = &e->sources[i];

        if (s->patterns[dir] == NULL || s->buffer == BUFFER_FRAME
            || !proto_fits(s->info->proto, proto)) {
            continue;
        }
        if (g->n_sources == MAX_TX_SOURCES) {
            diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                     "too many different buffers of protocol %s; rules on \"%s\" with these "
                     "transforms are not looked at", app_proto_name(proto), s->info->name);
            continue;
        }
        g->sources[g->n_sources++] = (uint16_t) i;
    }
    if (g->always != NULL) {
        header_index_finish(g->always);
    }
    if (g->on_event != NULL) {
        header_index_finish(g->on_event);
    }
    g->is_empty = g->n_sources == 0 && g->always == NULL && g->on_event == NULL
                  && !g->has_both;
}

static void make_frame_group(struct detect_engine *e, enum frame_id id, enum direction dir,
                             struct diag *diag)
{
    struct frame_group *g = &e->frames[id][dir];

    for (size_t i = 0; i < e->n_sources; i++) {
        const struct source *s = &e->sources[i];

        if (s->buffer != BUFFER_FRAME || s->frame != id || s->patterns[dir] == NULL) {
            continue;
        }
        if (g->n_sources == MAX_FRAME_SOURCES) {
            diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                     "too many different transforms of frame %s.%s; rules with them are not "
                     "looked at", app_proto_name(frame_proto(id)), frame_name(id));
            break;
        }
        if (g->sources == NULL) {
            g->sources = xcalloc(MAX_FRAME_SOURCES, sizeof *g->sources);
        }
        g->sources[g->n_sources++] = (uint16_t) i;
        if (patterns_max_size(s->patterns[dir]) > g->max_size) {
            g->max_size = patterns_max_size(s->patterns[dir]);
        }
    }
    if (g->always != NULL) {
        header_index_finish(g->always);
    }
    g->is_empty = g->n_sources == 0 && g->always == NULL;
}

bool engine_make_tx_groups(struct detect_engine *e, struct diag *diag)
{
    find_sources(e, diag);
    enter_tx_rules(e);
    for (size_t i = 0; i < e->n_sources; i++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            struct patterns *p = e->sources[i].patterns[dir];

            if (p != NULL && !patterns_compile(p, e->store, diag)) {
                return false;
            }
        }
    }
    for (unsigned proto = 0; proto < APP_N_PROTOS; proto++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            make_tx_group(e, (enum app_proto) proto, (enum direction) dir, diag);
        }
    }
    for (unsigned id = 0; id < N_FRAMES; id++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            make_frame_group(e, (enum frame_id) id, (enum direction) dir, diag);
            e->has_frame_rules |= !e->frames[id][dir].is_empty;
        }
    }
    return true;
}

void engine_free_tx_groups(struct detect_engine *e)
{
    for (size_t i = 0; i < e->n_sources; i++) {
        struct source *s = &e->sources[i];

        for (size_t j = 0; j < s->n_transforms; j++) {
            transform_fini(&s->transforms[j]);
        }
        free(s->transforms);
        patterns_destroy(s->patterns[TO_SERVER]);
        patterns_destroy(s->patterns[TO_CLIENT]);
    }
    free(e->sources);
    free(e->source_indexes);
    for (unsigned proto = 0; proto < APP_N_PROTOS; proto++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            free(e->txs[proto][dir].sources);
            header_index_destroy(e->txs[proto][dir].always);
            header_index_destroy(e->txs[proto][dir].on_event);
        }
    }
    for (unsigned id = 0; id < N_FRAMES; id++) {
        for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
            free(e->frames[id][dir].sources);
            header_index_destroy(e->frames[id][dir].always);
        }
    }
}
