/* Address expressions -> sorted, disjoint, closed ranges; IPv4 before IPv6.
 *
 * A list is the union of its parts without '!' (all addresses when there is none) less the
 * union of those with '!'.  A variable stands for the set that its value makes. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

struct span {
    struct ip_addr first, last;
};
struct spans {
    size_t n, cap;
    struct span *v;             /* Owned. */
};
struct maker {
    const struct rules_vars *vars;
    struct arena *arena;        /* Of expressions of variables' values. */
    const uint8_t *start;       /* Of the text that offsets count from. */
    struct token_error *error;
    unsigned depth;
};

static void add_span(struct spans *s, struct ip_addr first, struct ip_addr last)
{
    s->v = xgrow(s->v, s->n, &s->cap, sizeof *s->v);
    s->v[s->n++] = (struct span) { first, last };
}

static size_t address_size(const struct ip_addr *a)
{
    return a->version == 4 ? 4 : 16;
}

static struct ip_addr lowest(uint8_t version)
{
    return (struct ip_addr) { .version = version };
}

static struct ip_addr highest(uint8_t version)
{
    struct ip_addr a = { .version = version };

    memset(a.bytes, 0xff, address_size(&a));
    return a;
}

/* The address behind or in front; false when there is none. */
static bool step_address(struct ip_addr *a, bool up)
{
    for (size_t i = address_size(a); i-- > 0;) {
        a->bytes[i] = (uint8_t) (up ? a->bytes[i] + 1 : a->bytes[i] - 1);
        if (a->bytes[i] != (up ? 0 : 0xff)) {
            return true;
        }
    }
    return false;
}

static int compare_spans(const void *a, const void *b)
{
    return ip_compare(&((const struct span *) a)->first, &((const struct span *) b)->first);
}

/* Sorts, and joins what overlaps or touches. */
static void normalize(struct spans *s)
{
    size_t n = 0;

    if (s->n == 0) {
        return;
    }
    qsort(s->v, s->n, sizeof *s->v, compare_spans);
    for (size_t i = 1; i < s->n; i++) {
        struct ip_addr next = s->v[n].last;
        bool is_last = !step_address(&next, true);
        if (s->v[i].first.version == s->v[n].last.version
            && (is_last || ip_compare(&s->v[i].first, &next) <= 0)) {
            if (ip_compare(&s->v[i].last, &s->v[n].last) > 0) {
                s->v[n].last = s->v[i].last;
            }
        } else {
            s->v[++n] = s->v[i];
        }
    }
    s->n = n + 1;
}

/* What normalized 's' does not have. */
static struct spans complement(const struct spans *s)
{
    struct spans out = { 0 };

    for (uint8_t version = 4; version <= 6; version = (uint8_t) (version + 2)) {
        struct ip_addr from = lowest(version);
        bool any_left = true;
        for (size_t i = 0; i < s->n; i++) {
            if (s->v[i].first.version != version) {
                continue;
            }
            if (ip_compare(&from, &s->v[i].first) < 0) {
                struct ip_addr before = s->v[i].first;
                step_address(&before, false);
                add_span(&out, from, before);
            }
            from = s->v[i].last;
            any_left = step_address(&from, true);
        }
        if (any_left) {
            add_span(&out, from, highest(version));
        }
    }
    return out;
}

/* a less b, both normalized: complement of (complement of a, and b). */
static struct spans subtract(const struct spans *a, const struct spans *b)
{
    struct spans rest = complement(a);

    for (size_t i = 0; i < b->n; i++) {
        add_span(&rest, b->v[i].first, b->v[i].last);
    }
    normalize(&rest);
    struct spans out = complement(&rest);
    free(rest.v);
    return out;
}

static bool fail(struct maker *m, struct slice at, const char *text, const char *hint)
{
    /* Within a variable's value the place is that of the variable in the rule. */
    size_t offset = m->depth == 0 ? (size_t) (at.bytes - m->start) : m->error->offset;

    *m->error = (struct token_error) { offset, text, hint };
    return false;
}

/* The number of leading ones of a netmask; -1 if it is none. */
static int mask_bits(const struct ip_addr *mask)
{
    int bits = 0;

    while (bits < 32 && (mask->bytes[bits / 8] & (0x80 >> bits % 8)) != 0) {
        bits++;
    }
    for (int i = bits; i < 32; i++) {
        if ((mask->bytes[i / 8] & (0x80 >> i % 8)) != 0) {
            return -1;
        }
    }
    return bits;
}

static bool parse_item(struct maker *m, struct slice text, struct spans *out)
{
    struct span s;
    struct ip_addr mask;
    uint64_t bits;
    const uint8_t *slash = memchr(text.bytes, '/', text.size);
    const uint8_t *dash = memchr(text.bytes, '-', text.size);
    const uint8_t *cut = slash != NULL ? slash : dash;
    size_t head = cut != NULL ? (size_t) (cut - text.bytes) : text.size;
    struct slice first = slice_trim(slice_of(text.bytes, head));
    struct slice tail = cut != NULL ? slice_trim(slice_of(cut + 1, text.size - head - 1))
                                    : slice_of(NULL, 0);

    if (!ip_parse((const char *) first.bytes, first.size, &s.first)) {
        return fail(m, text, "this is no address", "an address, CIDR block, range, "
                    "$VARIABLE or [list] stands here");
    }
    s.last = s.first;
    if (slash != NULL) {
        if (ip_parse((const char *) tail.bytes, tail.size, &mask) && mask.version == 4
            && s.first.version == 4 && mask_bits(&mask) >= 0) {
            bits = (uint64_t) mask_bits(&mask);
        } else if (!number_parse(tail, 128, &bits)) {
            return fail(m, text, "the prefix length is wrong", NULL);
        }
        if (!ip_prefix_range(&s.last, (unsigned) bits, &s.first, &s.last)) {
            return fail(m, text, "the prefix is too long", NULL);
        }
    } else if (dash != NULL) {
        if (!ip_parse((const char *) tail.bytes, tail.size, &s.last)
            || s.last.version != s.first.version || ip_compare(&s.first, &s.last) > 0) {
            return fail(m, text, "the range is wrong", "it runs from the lower address to "
                        "the higher");
        }
    }
    add_span(out, s.first, s.last);
    return true;
}

static bool make_spans(struct maker *m, const struct expr *e, struct spans *out);

static bool make_variable(struct maker *m, const struct expr *e, struct spans *out)
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
        bool ok = value != NULL ? make_spans(m, value, out)
                                : fail(m, e->text, inner.text, "in a variable's value");
        m->depth--;
        return ok;
    }
    return fail(m, e->text, "this address variable is not defined",
                "variables are set in vars.address-groups");
}

static bool make_list(struct maker *m, const struct expr *e, struct spans *out)
{
    struct spans minus = { 0 };
    bool has_positive = false, ok = true;

    for (size_t i = 0; ok && i < e->n; i++) {
        struct expr part = *e->parts[i];
        bool negated = part.negated;
        struct spans one = { 0 };
        part.negated = false;
        has_positive = has_positive || !negated;
        ok = make_spans(m, &part, &one);
        for (size_t k = 0; k < one.n; k++) {
            add_span(negated ? &minus : out, one.v[k].first, one.v[k].last);
        }
        free(one.v);
    }
    if (!has_positive) {
        add_span(out, lowest(4), highest(4));
        add_span(out, lowest(6), highest(6));
    }
    normalize(out);
    normalize(&minus);
    struct spans left = subtract(out, &minus);
    free(out->v);
    free(minus.v);
    *out = left;
    return ok;
}

/* Fills 'out', normalized. */
static bool make_spans(struct maker *m, const struct expr *e, struct spans *out)
{
    bool ok = true;

    switch (e->kind) {
    case EXPR_ANY:
        add_span(out, lowest(4), highest(4));
        add_span(out, lowest(6), highest(6));
        break;
    case EXPR_ITEM:
        ok = parse_item(m, e->text, out);
        break;
    case EXPR_VAR:
        ok = make_variable(m, e, out);
        break;
    case EXPR_LIST:
        ok = make_list(m, e, out);
        break;
    }
    if (ok && e->negated) {
        struct spans rest = complement(out);
        free(out->v);
        *out = rest;
    }
    return ok;
}

static bool is_everything(const struct spans *s)
{
    struct spans rest = complement(s);
    bool yes = rest.n == 0;

    free(rest.v);
    return yes;
}

/* The shared object for these ranges. */
static const struct address_set *share_set(const struct spans *s, struct arena *arena,
                                           struct set_tables *tables)
{
    bool is_any = is_everything(s);
    struct slice bytes = slice_of(s->v, is_any ? 0 : s->n * sizeof *s->v);
    const uint32_t *found = intern_find(&tables->address_bytes, bytes);

    if (found != NULL) {
        return tables->addresses[*found];
    }
    struct address_set *set = arena_alloc(arena, sizeof *set);
    set->is_any = is_any;
    set->n = is_any ? 0 : s->n;
    set->ranges = arena_alloc(arena, bytes.size);
    if (bytes.size > 0) {
        memcpy(set->ranges, s->v, bytes.size);
    }
    tables->addresses = xgrow(tables->addresses, tables->n_addresses,
                              &tables->cap_addresses, sizeof *tables->addresses);
    tables->addresses[tables->n_addresses] = set;
    intern_add(&tables->address_bytes, slice_of(set->ranges, bytes.size),
               (uint32_t) tables->n_addresses++);
    return set;
}

const struct address_set *address_set_make(const struct expr *e, struct slice text,
                                           const struct rules_vars *vars,
                                           struct arena *arena, struct set_tables *tables,
                                           struct token_error *error)
{
    const uint32_t *found = intern_find(&tables->address_texts, text);
    const struct address_set *set = NULL;
    struct spans spans = { 0 };
    struct maker m = { .vars = vars, .arena = arena, .start = text.bytes, .error = error };

    if (found != NULL) {
        return tables->addresses[*found];
    }
    *error = (struct token_error) { 0 };
    if (make_spans(&m, e, &spans)) {
        if (spans.n == 0) {
            error->text = "no address left";
            error->hint = "the negations take away everything";
        } else {
            set = share_set(&spans, arena, tables);
            const uint32_t *index
                = intern_find(&tables->address_bytes,
                              slice_of(set->ranges, set->n * sizeof *set->ranges));
            intern_add(&tables->address_texts, text, *index);
        }
    }
    free(spans.v);
    return set;
}

bool address_set_has(const struct address_set *set, const struct ip_addr *a)
{
    size_t low = 0, high = set->n;

    if (set->is_any) {
        return true;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ip_compare(a, &set->ranges[middle].first) < 0) {
            high = middle;
        } else if (ip_compare(a, &set->ranges[middle].last) > 0) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

void set_tables_fini(struct set_tables *t)
{
    intern_fini(&t->address_texts);
    intern_fini(&t->address_bytes);
    intern_fini(&t->port_texts);
    intern_fini(&t->port_bytes);
    free(t->addresses);
    free(t->ports);
}
