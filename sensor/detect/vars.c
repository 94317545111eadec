/* Variables that expressions of rules name: of a flow, kept with it, and of a packet.  The
 * third kind, of the alert, goes into its context (evaluate.c). */
#include "sensor/detect/detect_private.h"

/* The one of this name, or a new one, or NULL. */
static struct flow_var *flow_var_at(struct flow_vars *vars, uint32_t name)
{
    for (unsigned i = 0; i < vars->n; i++) {
        if (vars->vars[i].name == name) {
            return &vars->vars[i];
        }
    }
    return vars->n < FLOW_VARS_MAX ? &vars->vars[vars->n++] : NULL;
}

static void set_flow_var(struct detect_worker *w, uint32_t name, struct slice value)
{
    struct detect_flow *df = w->detect_flow;

    if (w->flow == NULL || df == NULL) {
        return;
    }
    if (df->vars == NULL) {
        df->vars = pool_get(&w->vars_pool);
        if (df->vars == NULL) {
            return;
        }
        df->vars->n = 0;
    }
    struct flow_var *v = flow_var_at(df->vars, name);

    if (v != NULL) {
        v->name = name;
        v->size = (uint16_t) (value.size < FLOW_VAR_SIZE ? value.size : FLOW_VAR_SIZE);
        memcpy(v->bytes, value.bytes, v->size);
    }
}

static void set_packet_var(struct detect_worker *w, uint32_t name, struct slice value)
{
    for (unsigned i = 0; i < w->n_packet_vars; i++) {
        if (w->packet_vars[i].name == name && slice_equal(w->packet_vars[i].value, value)) {
            return;
        }
    }
    if (w->n_packet_vars < PACKET_VARS_MAX) {
        struct slice copy = arena_copy(&w->packet_arena, value.bytes,
                                       value.size < FLOW_VAR_SIZE ? value.size : FLOW_VAR_SIZE);

        if (copy.bytes != NULL) {
            w->packet_vars[w->n_packet_vars].name = name;
            w->packet_vars[w->n_packet_vars++].value = copy;
        }
    }
}

void vars_take(struct detect_worker *w, const struct program_state *state)
{
    for (unsigned i = 0; i < state->n_captures; i++) {
        const struct program_capture *c = &state->captures[i];

        if (c->value.size == 0) {
            continue;
        }
        if (c->kind == 'f') {
            set_flow_var(w, c->name, c->value);
        } else if (c->kind == 'p') {
            set_packet_var(w, c->name, c->value);
        }
    }
}

static bool has_text(struct slice value, const struct rule_test *t)
{
    struct slice text = slice_text(t->text);

    return text.size <= value.size && memmem(value.bytes, value.size, text.bytes, text.size);
}

bool var_test_holds(const struct detect_worker *w, const struct rule_test *t)
{
    const struct flow_vars *vars = w->detect_flow != NULL ? w->detect_flow->vars : NULL;
    bool holds = false;

    if (t->kind == TEST_FLOWVAR) {
        for (unsigned i = 0; vars != NULL && i < vars->n && !holds; i++) {
            holds = vars->vars[i].name == t->name
                    && has_text(slice_of(vars->vars[i].bytes, vars->vars[i].size), t);
        }
        return holds != t->negated;
    }
    for (unsigned i = 0; i < w->n_packet_vars && !holds; i++) {
        holds = w->packet_vars[i].name == t->name && has_text(w->packet_vars[i].value, t);
    }
    return holds != t->negated;
}

size_t detect_flow_vars(const struct detect_worker *w, const struct flow *flow,
                        struct detect_var *out, size_t max)
{
    const struct flow_vars *vars = flow->detect != NULL ? flow->detect->vars : NULL;
    size_t n = 0;

    for (unsigned i = 0; vars != NULL && i < vars->n && n < max; i++) {
        out[n].name = w->engine->set->vars.names[vars->vars[i].name];
        out[n++].value = slice_of(vars->vars[i].bytes, vars->vars[i].size);
    }
    return n;
}

size_t detect_packet_vars(const struct detect_worker *w, struct detect_var *out, size_t max)
{
    size_t n = 0;

    for (unsigned i = 0; i < w->n_packet_vars && n < max; i++) {
        out[n].name = w->engine->set->vars.names[w->packet_vars[i].name];
        out[n++].value = w->packet_vars[i].value;
    }
    return n;
}
