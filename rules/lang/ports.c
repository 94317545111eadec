/* Port expressions -> sorted, disjoint, closed ranges.  The work is done on a map of all
 * 65,536 ports, so that lists and negations are plain loops; equal texts are made once. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

#define N_PORTS 65536

struct port_map {
    bool has[N_PORTS];
};
struct maker {
    const struct rules_vars *vars;
    struct arena *arena;
    const uint8_t *start;
    struct token_error *error;
    unsigned depth;
};

static bool fail(struct maker *m, struct slice at, const char *text, const char *hint)
{
    size_t offset = m->depth == 0 ? (size_t) (at.bytes - m->start) : m->error->offset;

    *m->error = (struct token_error) { offset, text, hint };
    return false;
}

static bool parse_item(struct maker *m, struct slice text, struct port_map *out)
{
    const uint8_t *colon = memchr(text.bytes, ':', text.size);
    size_t head = colon != NULL ? (size_t) (colon - text.bytes) : text.size;
    struct slice first = slice_trim(slice_of(text.bytes, head));
    struct slice last = colon != NULL
                        ? slice_trim(slice_of(colon + 1, text.size - head - 1)) : first;
    uint64_t from = 0, to = N_PORTS - 1;

    if ((first.size == 0 && last.size == 0)
        || (first.size > 0 && !number_parse(first, N_PORTS - 1, &from))
        || (last.size > 0 && !number_parse(last, N_PORTS - 1, &to))) {
        return fail(m, text, "this is no port", "a port from 0 to 65535, a range like "
                    "1024: or 80:90, $VARIABLE or [list] stands here");
    }
    if (from > to) {
        return fail(m, text, "the range is wrong", "it runs from the lower port to the "
                    "higher");
    }
    for (uint64_t port = from; port <= to; port++) {
        out->has[port] = true;
    }
    return true;
}

static bool make_map(struct maker *m, const struct expr *e, struct port_map *out);

static bool make_variable(struct maker *m, const struct expr *e, struct port_map *out)
{
    for (size_t i = 0; i < m->vars->n; i++) {
        if (!slice_is(e->text, m->vars->vars[i].name)) {
            continue;
        }
        if (m->depth >= EXPR_MAX_DEPTH) {
            return fail(m, e->text, "variables are nested too deep", NULL);
        }
        if (m->depth == 0) {
            m->error->offset = (size_t) (e->text.bytes - m->start);
        }
        m->depth++;
        struct token_error inner = { 0 };
        struct expr *value = expr_parse(slice_text(m->vars->vars[i].value), m->arena, &inner);
        bool ok = value != NULL ? make_map(m, value, out)
                                : fail(m, e->text, inner.text, "in a variable's value");
        m->depth--;
        return ok;
    }
    return fail(m, e->text, "this port variable is not defined",
                "variables are set in vars.port-groups");
}

static bool make_list(struct maker *m, const struct expr *e, struct port_map *out)
{
    struct port_map *minus = xcalloc(1, sizeof *minus), *one = xmalloc(sizeof *one);
    bool has_positive = false, ok = true;

    for (size_t i = 0; ok && i < e->n; i++) {
        struct expr part = *e->parts[i];
        struct port_map *target = part.negated ? minus : out;
        has_positive = has_positive || !part.negated;
        part.negated = false;
        if (part.kind == EXPR_ITEM) {
            ok = parse_item(m, part.text, target);
            continue;
        }
        memset(one, 0, sizeof *one);
        ok = make_map(m, &part, one);
        for (size_t p = 0; p < N_PORTS; p++) {
            target->has[p] = target->has[p] || one->has[p];
        }
    }
    for (size_t p = 0; p < N_PORTS; p++) {
        out->has[p] = (out->has[p] || !has_positive) && !minus->has[p];
    }
    free(minus);
    free(one);
    return ok;
}

/* Fills 'out', which the caller cleared. */
static bool make_map(struct maker *m, const struct expr *e, struct port_map *out)
{
    bool ok = true;

    switch (e->kind) {
    case EXPR_ANY: memset(out->has, true, sizeof out->has); break;
    case EXPR_ITEM: ok = parse_item(m, e->text, out); break;
    case EXPR_VAR: ok = make_variable(m, e, out); break;
    case EXPR_LIST: ok = make_list(m, e, out); break;
    }
    for (size_t p = 0; ok && e->negated && p < N_PORTS; p++) {
        out->has[p] = !out->has[p];
    }
    return ok;
}

/* The shared object for these ports; NULL when there are none. */
static const struct port_set *share_set(const struct port_map *map, struct arena *arena,
                                        struct set_tables *tables, uint32_t *index)
{
    struct { uint16_t first, last; } *ranges = NULL;
    size_t n = 0, cap = 0;

    for (size_t p = 0; p < N_PORTS; p++) {
        if (map->has[p] && (p == 0 || !map->has[p - 1])) {
            ranges = xgrow(ranges, n, &cap, sizeof *ranges);
            ranges[n++].first = (uint16_t) p;
        }
        if (map->has[p]) {
            ranges[n - 1].last = (uint16_t) p;
        }
    }
    if (n == 0) {
        return NULL;
    }
    bool is_any = n == 1 && ranges[0].first == 0 && ranges[0].last == N_PORTS - 1;
    struct slice bytes = slice_of(ranges, is_any ? 0 : n * sizeof *ranges);
    const uint32_t *found = intern_find(&tables->port_bytes, bytes);
    if (found != NULL) {
        free(ranges);
        *index = *found;
        return tables->ports[*found];
    }
    struct port_set *set = arena_alloc(arena, sizeof *set);
    set->is_any = is_any;
    set->n = is_any ? 0 : n;
    set->ranges = arena_alloc(arena, bytes.size);
    if (bytes.size > 0) {
        memcpy(set->ranges, ranges, bytes.size);
    }
    free(ranges);
    tables->ports = xgrow(tables->ports, tables->n_ports, &tables->cap_ports,
                          sizeof *tables->ports);
    *index = (uint32_t) tables->n_ports++;
    tables->ports[*index] = set;
    intern_add(&tables->port_bytes, slice_of(set->ranges, bytes.size), *index);
    return set;
}

const struct port_set *port_set_make(const struct expr *e, struct slice text,
                                     const struct rules_vars *vars, struct arena *arena,
                                     struct set_tables *tables, struct token_error *error)
{
    const uint32_t *found = intern_find(&tables->port_texts, text);
    const struct port_set *set = NULL;
    struct maker m = { .vars = vars, .arena = arena, .start = text.bytes, .error = error };
    uint32_t index = 0;

    if (found != NULL) {
        return tables->ports[*found];
    }
    *error = (struct token_error) { 0 };
    struct port_map *map = xcalloc(1, sizeof *map);
    if (make_map(&m, e, map)) {
        set = share_set(map, arena, tables, &index);
        if (set == NULL) {
            error->text = "no port left";
            error->hint = "the negations take away everything";
        } else {
            intern_add(&tables->port_texts, text, index);
        }
    }
    free(map);
    return set;
}

bool port_set_has(const struct port_set *set, uint16_t port)
{
    size_t low = 0, high = set->n;

    if (set->is_any) {
        return true;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (port < set->ranges[middle].first) {
            high = middle;
        } else if (port > set->ranges[middle].last) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}
