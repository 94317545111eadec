/* What is no error and yet likely not meant, or slow. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "rules/tool/tool.h"

/* A content shorter than this is met in most traffic. */
#define FAST_ENOUGH 3

static void warn(struct diag *diag, const struct rule *r, const char *hint, const char *text)
{
    diag_add(diag, DIAG_WARNING, r->file, r->line, 1, hint, "sid %u: %s", r->sid, text);
}

static bool looks_into_payload(const struct rule *r)
{
    for (size_t i = 0; i < r->n_buffers; i++) {
        if (r->buffers[i].id == BUFFER_PAYLOAD) {
            return true;
        }
    }
    return false;
}

static void lint_fast_pattern(const struct rule *r, struct diag *diag)
{
    if (r->n_buffers == 0) {
        return;
    }
    if (r->fast_buffer < 0) {
        if (looks_into_payload(r)) {
            warn(diag, r, "add a content of four bytes or more that the traffic must have",
                 "no content by which it can be found: it is run on all payload");
        }
        return;
    }
    const struct rule_buffer *b = &r->buffers[r->fast_buffer];
    const struct op_content *c = &b->ops[r->fast_op].content;
    size_t size = c->fast_size > 0 ? c->fast_size : c->pattern.size;
    if (b->id == BUFFER_PAYLOAD && size < FAST_ENOUGH) {
        warn(diag, r, "a longer content makes it much faster",
             "its best content is very short");
    }
}

static void lint_numbers(const struct rule *r, struct diag *diag)
{
    if (r->rev == 0) {
        warn(diag, r, "rev:1;", "no rev, so that changes cannot be told apart");
    }
    if (r->msg[0] == '\0' && !r->no_alert) {
        warn(diag, r, NULL, "no msg: its alerts say nothing");
    }
}

struct marks {
    bool *set, *read;
};

static void mark_flowbits(const struct rule *r, struct marks *m)
{
    for (size_t i = 0; i < r->n_dos; i++) {
        if (r->dos[i].kind == DO_FLOWBIT_SET || r->dos[i].kind == DO_FLOWBIT_TOGGLE) {
            m->set[r->dos[i].name] = true;
        }
    }
    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        if (t->kind != TEST_FLOWBIT) {
            continue;
        }
        m->read[t->name] = true;
        for (size_t k = 0; k < t->n_names; k++) {
            m->read[t->names[k]] = true;
        }
    }
}

/* A rule that waits for bits that no rule sets can never match. */
static void lint_flowbits(const struct ruleset *set, const struct rule *r,
                          const struct marks *m, struct diag *diag)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        if (t->kind != TEST_FLOWBIT || t->negated) {
            continue;
        }
        bool is_set = m->set[t->name];
        for (size_t k = 0; k < t->n_names; k++) {
            is_set = is_set || m->set[t->names[k]];
        }
        if (!is_set) {
            diag_add(diag, DIAG_WARNING, r->file, r->line, 1, NULL,
                     "sid %u: flowbit \"%s\" is checked and never set", r->sid,
                     set->flowbits.names[t->name]);
        }
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        if (r->dos[i].kind == DO_FLOWBIT_SET && !m->read[r->dos[i].name] && r->no_alert) {
            diag_add(diag, DIAG_WARNING, r->file, r->line, 1, NULL,
                     "sid %u: flowbit \"%s\" is set and never checked, and there is no alert",
                     r->sid, set->flowbits.names[r->dos[i].name]);
        }
    }
}

void lint_rules(const struct ruleset *set, struct diag *diag)
{
    struct marks m = { xcalloc(set->flowbits.n + 1, sizeof(bool)),
                       xcalloc(set->flowbits.n + 1, sizeof(bool)) };

    for (size_t i = 0; i < set->n_rules; i++) {
        mark_flowbits(set->rules[i], &m);
    }
    for (size_t i = 0; i < set->n_rules; i++) {
        lint_fast_pattern(set->rules[i], diag);
        lint_numbers(set->rules[i], diag);
        lint_flowbits(set, set->rules[i], &m, diag);
    }
    free(m.set);
    free(m.read);
}
