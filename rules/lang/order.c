/* The order in which rules are looked at: by action, then so that what sets a bit or a
 * counter comes before what reads it, then by priority, then as written. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

/* Chains of rules that read one bit and set the next are ordered up to this length. */
#define MAX_LEVELS 8
#define LEVEL_READ MAX_LEVELS           /* Only reads: after all that set. */
#define LEVEL_NONE (MAX_LEVELS + 1)     /* Has to do with no bit. */

/* What rules leave for others: flowbits, flowints, xbits, hostbits, variables of the flow and
 * of the packet. */
enum { KIND_FLOWVAR = 4, KIND_PKTVAR, N_KINDS };

struct order_key {
    struct rule *rule;
    size_t index;
    unsigned action, levels[N_KINDS];
};

static unsigned action_rank(enum rule_action a)
{
    switch (a) {
    case RULE_PASS: return 0;
    case RULE_DROP: return 1;
    case RULE_REJECT: return 2;
    case RULE_ALERT: return 3;
    case RULE_CONFIG: return 4;
    }
    return 5;
}

static int kind_of_test(enum rule_test_kind k)
{
    return k == TEST_FLOWBIT ? 0 : k == TEST_FLOWINT ? 1 : k == TEST_XBIT ? 2
           : k == TEST_HOSTBIT ? 3 : k == TEST_FLOWVAR ? KIND_FLOWVAR
           : k == TEST_PKTVAR ? KIND_PKTVAR : -1;
}

static int kind_of_do(enum rule_do_kind k)
{
    switch (k) {
    case DO_FLOWBIT_SET: case DO_FLOWBIT_UNSET: case DO_FLOWBIT_TOGGLE: return 0;
    case DO_FLOWINT_SET: case DO_FLOWINT_ADD: case DO_FLOWINT_SUB: return 1;
    case DO_XBIT_SET: case DO_XBIT_UNSET: case DO_XBIT_TOGGLE: return 2;
    case DO_HOSTBIT_SET: case DO_HOSTBIT_UNSET: case DO_HOSTBIT_TOGGLE: return 3;
    default: return -1;
    }
}

/* Calls 'each' for every variable of 'kind' that an expression of the rule sets. */
static void visit_vars(const struct rule *r, int kind, void (*each)(void *aux, uint32_t name),
                       void *aux)
{
    for (size_t i = 0; kind >= KIND_FLOWVAR && i < r->n_buffers; i++) {
        for (size_t k = 0; k < r->buffers[i].n_ops; k++) {
            const struct rule_op *op = &r->buffers[i].ops[k];
            for (size_t c = 0; op->kind == OP_PCRE && c < op->pcre.n_captures; c++) {
                if (op->pcre.captures[c].kind == (kind == KIND_FLOWVAR ? 'f' : 'p')) {
                    each(aux, op->pcre.captures[c].name);
                }
            }
        }
    }
}

static void set_true(void *aux, uint32_t name)
{
    *(bool *) aux = true;
}

static bool writes(const struct rule *r, int kind)
{
    bool found = false;

    visit_vars(r, kind, set_true, &found);
    if (found) {
        return true;
    }
    for (size_t i = 0; i < r->n_dos; i++) {
        if (kind_of_do(r->dos[i].kind) == kind) {
            return true;
        }
    }
    return false;
}

static bool reads(const struct rule *r, int kind)
{
    for (size_t i = 0; i < r->n_tests; i++) {
        if (kind_of_test(r->tests[i].kind) == kind) {
            return true;
        }
    }
    return false;
}

/* The level behind the highest of those that set what 'r' reads. */
static unsigned level_from_setters(const struct rule *r, int kind, const unsigned *set_at)
{
    unsigned level = 0;

    for (size_t i = 0; i < r->n_tests; i++) {
        const struct rule_test *t = &r->tests[i];
        if (kind_of_test(t->kind) != kind) {
            continue;
        }
        level = set_at[t->name] > level ? set_at[t->name] : level;
        for (size_t k = 0; k < t->n_names; k++) {
            level = set_at[t->names[k]] > level ? set_at[t->names[k]] : level;
        }
    }
    return level + 1 < MAX_LEVELS ? level + 1 : MAX_LEVELS - 1;
}

struct raising {
    unsigned *set_at, level;
};

static void raise_level(void *aux, uint32_t name)
{
    const struct raising *r = aux;

    r->set_at[name] = r->set_at[name] < r->level ? r->level : r->set_at[name];
}

static void set_levels(struct order_key *keys, size_t n, int kind, size_t n_names)
{
    unsigned *set_at = xcalloc(n_names + 1, sizeof *set_at);

    for (size_t i = 0; i < n; i++) {
        bool w = writes(keys[i].rule, kind), r = reads(keys[i].rule, kind);
        keys[i].levels[kind] = w ? (r ? 1 : 0) : r ? LEVEL_READ : LEVEL_NONE;
    }
    for (unsigned pass = 0; pass < MAX_LEVELS; pass++) {
        for (size_t i = 0; i < n; i++) {
            const struct rule *r = keys[i].rule;
            unsigned level = keys[i].levels[kind];
            if (level >= LEVEL_READ) {
                continue;
            }
            if (level > 0) {
                level = keys[i].levels[kind] = level_from_setters(r, kind, set_at);
            }
            visit_vars(r, kind, raise_level, &(struct raising) { set_at, level });
            for (size_t k = 0; k < r->n_dos; k++) {
                if (kind_of_do(r->dos[k].kind) == kind && set_at[r->dos[k].name] < level) {
                    set_at[r->dos[k].name] = level;
                }
            }
        }
    }
    free(set_at);
}

static int compare_keys(const void *a, const void *b)
{
    const struct order_key *x = a, *y = b;

    if (x->action != y->action) {
        return x->action < y->action ? -1 : 1;
    }
    for (size_t i = 0; i < N_KINDS; i++) {
        if (x->levels[i] != y->levels[i]) {
            return x->levels[i] < y->levels[i] ? -1 : 1;
        }
    }
    if (x->rule->priority != y->rule->priority) {
        return x->rule->priority < y->rule->priority ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

void ruleset_order(struct ruleset *set, struct rule **rules, size_t n)
{
    const size_t n_names[N_KINDS] = { set->flowbits.n, set->flowints.n, set->xbits.n,
                                      set->hostbits.n, set->vars.n, set->vars.n };
    struct order_key *keys = xcalloc(n + 1, sizeof *keys);
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (rules[i] != NULL) {
            keys[used] = (struct order_key) { .rule = rules[i], .index = used,
                                              .action = action_rank(rules[i]->action) };
            used++;
        }
    }
    for (int kind = 0; kind < N_KINDS; kind++) {
        set_levels(keys, used, kind, n_names[kind]);
    }
    qsort(keys, used, sizeof *keys, compare_keys);
    set->n_rules = used;
    for (size_t i = 0; i < used; i++) {
        set->rules[i] = keys[i].rule;
        set->rules[i]->index = (uint32_t) i;
    }
    free(keys);
}
