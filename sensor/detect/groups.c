/* Pattern sets of payload, by mode, protocol, direction, and port or application protocol. */
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "sensor/detect/detect_private.h"

/* A rule about more ports than this is looked for on every port. */
#define WIDE_PORTS 16384u
/* Port classes of one protocol and direction; further ports share the last one.  It bounds
 * the number of databases: equal ones are shared besides. */
#define MAX_CLASSES 24u

enum scan_proto engine_scan_proto(uint8_t ip_proto)
{
    switch (ip_proto) {
    case IP_PROTO_TCP:
        return SCAN_TCP;
    case IP_PROTO_UDP:
        return SCAN_UDP;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        return SCAN_ICMP;
    default:
        return SCAN_OTHER;
    }
}

bool engine_rule_is_for(const struct rule *r, enum scan_proto proto)
{
    switch (r->proto) {
    case RULE_PROTO_TCP:
    case RULE_PROTO_TCP_PKT:
    case RULE_PROTO_TCP_STREAM:
        return proto == SCAN_TCP;
    case RULE_PROTO_UDP:
        return proto == SCAN_UDP;
    case RULE_PROTO_ICMP:
    case RULE_PROTO_ICMPV4:
    case RULE_PROTO_ICMPV6:
        return proto == SCAN_ICMP;
    case RULE_PROTO_SCTP:
        return proto == SCAN_OTHER;
    case RULE_PROTO_APP:
        return proto == SCAN_TCP || proto == SCAN_UDP;
    case RULE_PROTO_ARP:
        return false;
    default:
        return true;
    }
}

/* ---- Payload ---- */

/* One rule's literal while the groups of a mode, protocol and direction are made. */
struct entry {
    const struct rule *rule;
    struct fast_literal fast;           /* In packets of a limited size it ends within it. */
    const struct port_set *ports[2];    /* On the server's side; [1]: of "<>", or NULL. */
    bool is_wide;
    bool is_by_app;                     /* Found by application protocol, not by port. */
};

static uint32_t width_of(const struct port_set *set)
{
    uint32_t sum = 0;

    if (set->is_any) {
        return 65536;
    }
    for (size_t i = 0; i < set->n; i++) {
        sum += (uint32_t) (set->ranges[i].last - set->ranges[i].first) + 1;
    }
    return sum;
}

/* The largest payload that a test of its size lets pass; UINT64_MAX: there is no limit. */
static uint64_t max_payload(const struct rule_test *t)
{
    uint64_t max = t->a;

    if (t->kind != TEST_NUMBER || t->field != FIELD_DSIZE || t->negated) {
        return UINT64_MAX;
    }
    switch (t->cmp) {
    case CMP_EQ:
        for (size_t i = 0; i < t->n_names; i++) {
            max = t->names[i] > max ? t->names[i] : max;
        }
        return max;
    case CMP_LT: case CMP_LE:
        return t->a;
    case CMP_RANGE: case CMP_RANGE_INCLUSIVE:
        return t->n_names == 0 ? t->b : UINT64_MAX;
    default:
        return UINT64_MAX;
    }
}

static void limit_to_payload(struct entry *entry)
{
    for (size_t i = 0; i < entry->rule->n_tests; i++) {
        uint64_t max = max_payload(&entry->rule->tests[i]);

        entry->fast.max_end = max < entry->fast.max_end ? max : entry->fast.max_end;
    }
}

static size_t gather_entries(const struct detect_engine *e, enum scan_mode mode,
                             enum scan_proto proto, enum direction dir,
                             struct entry *entries)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n_rules; i++) {
        const struct engine_rule *er = &e->rules[i];
        bool is_in = mode == SCAN_STREAM ? er->in_stream
                                         : er->in_packet || proto != SCAN_TCP;
        struct entry *entry = &entries[n];

        if (er->kind != KIND_PACKET || !er->has_payload || !is_in
            || !(er->dirs & 1u << dir) || !engine_rule_is_for(er->rule, proto)
            || !engine_choose_fast(er, &entry->fast)) {
            continue;
        }
        const struct rule *r = er->rule;

        entry->rule = r;
        if (!er->in_stream) {
            limit_to_payload(entry);
        }
        entry->is_by_app = r->app_proto != APP_UNKNOWN;
        entry->ports[0] = dir == TO_SERVER ? r->dports : r->sports;
        entry->ports[1] = r->is_bidirectional ? (dir == TO_SERVER ? r->sports : r->dports)
                                              : NULL;
        entry->is_wide = (proto != SCAN_TCP && proto != SCAN_UDP)
                         || width_of(entry->ports[0]) > WIDE_PORTS
                         || (entry->ports[1] != NULL
                             && width_of(entry->ports[1]) > WIDE_PORTS);
        n++;
    }
    return n;
}

/* Found by its ports. */
static bool is_narrow(const struct entry *entry)
{
    return !entry->is_wide && !entry->is_by_app;
}

static void add_entry(struct patterns **set, const struct entry *entry)
{
    if (*set == NULL) {
        *set = patterns_create();
    }
    patterns_add(*set, entry->fast.literal, entry->fast.nocase, entry->rule->index,
                 entry->fast.min_end, entry->fast.max_end);
}

typedef void port_visitor(void *context, uint32_t port);
static void visit_ports(const struct entry *entry, port_visitor *visit, void *context)
{
    for (unsigned s = 0; s < 2 && entry->ports[s] != NULL; s++) {
        for (size_t i = 0; i < entry->ports[s]->n; i++) {
            for (uint32_t port = entry->ports[s]->ranges[i].first;
                 port <= entry->ports[s]->ranges[i].last; port++) {
                visit(context, port);
            }
        }
    }
}

/* The rules of a port, summed up in one number: ports of equal rules have equal sums. */
struct port_sum {
    uint64_t sum;
    uint32_t port;
    uint32_t n_rules;
};
struct summing {
    struct port_sum *sums;
    uint64_t mark;
    uint32_t last_rule;
};

static void add_to_sum(void *context, uint32_t port)
{
    struct summing *s = context;

    s->sums[port].sum += s->mark;
    s->sums[port].n_rules++;
}

/* Equal rules together; ports of many rules first. */
static int compare_sums(const void *left, const void *right)
{
    const struct port_sum *a = left, *b = right;

    if (a->n_rules != b->n_rules) {
        return a->n_rules > b->n_rules ? -1 : 1;
    }
    if (a->sum != b->sum) {
        return a->sum < b->sum ? -1 : 1;
    }
    return (a->port > b->port) - (a->port < b->port);
}

/* Gives each port that a narrow rule names its class, from 1. */
static void make_classes(struct port_groups *g, const struct entry *entries, size_t n)
{
    struct summing summing = { .sums = xcalloc(65536, sizeof(struct port_sum)) };
    unsigned class = 0;

    for (uint32_t port = 0; port < 65536; port++) {
        summing.sums[port].port = port;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_narrow(&entries[i])) {
            summing.mark = hash_mix(entries[i].rule->index + 1ull);
            visit_ports(&entries[i], add_to_sum, &summing);
        }
    }
    qsort(summing.sums, 65536, sizeof *summing.sums, compare_sums);
    g->class_of_port = xcalloc(65536, 1);
    for (size_t i = 0; i < 65536 && summing.sums[i].n_rules > 0; i++) {
        bool is_new = i == 0 || summing.sums[i].sum != summing.sums[i - 1].sum;

        class += is_new && class < MAX_CLASSES;
        g->class_of_port[summing.sums[i].port] = (uint8_t) class;
    }
    g->n_classes = class + 1;
    g->classes = xcalloc(g->n_classes, sizeof(struct patterns *));
    free(summing.sums);
}

struct marking {
    const struct port_groups *groups;
    bool is_marked[MAX_CLASSES + 1];
};

static void mark_class(void *context, uint32_t port)
{
    struct marking *m = context;

    m->is_marked[m->groups->class_of_port[port]] = true;
}

/* Rules about an application protocol cannot match while the session is of another: their
 * literals wait where it is one that they fit. */
static bool make_app_groups(struct detect_engine *e, struct port_groups *g,
                            const struct entry *entries, size_t n, struct diag *diag)
{
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        for (unsigned app = APP_UNKNOWN + 1; entries[i].is_by_app && app < APP_N_PROTOS;
             app++) {
            if (app_proto_fits(entries[i].rule->app_proto, (enum app_proto) app)) {
                if (g->by_app == NULL) {
                    g->by_app = xcalloc(APP_N_PROTOS, sizeof(struct patterns *));
                }
                add_entry(&g->by_app[app], &entries[i]);
            }
        }
    }
    for (unsigned app = 0; ok && g->by_app != NULL && app < APP_N_PROTOS; app++) {
        ok = g->by_app[app] == NULL || patterns_compile(g->by_app[app], e->store, diag);
    }
    return ok;
}

static bool make_port_groups(struct detect_engine *e, struct port_groups *g,
                             const struct entry *entries, size_t n, struct diag *diag)
{
    size_t n_narrow = 0;
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        if (entries[i].is_wide && !entries[i].is_by_app) {
            add_entry(&g->any, &entries[i]);
        }
        n_narrow += is_narrow(&entries[i]);
    }
    if (n_narrow > 0) {
        make_classes(g, entries, n);
    }
    for (size_t i = 0; i < n; i++) {
        struct marking marking = { .groups = g };

        if (!is_narrow(&entries[i])) {
            continue;
        }
        visit_ports(&entries[i], mark_class, &marking);
        for (size_t c = 1; c < g->n_classes; c++) {
            if (marking.is_marked[c]) {
                add_entry(&g->classes[c], &entries[i]);
            }
        }
    }
    ok = make_app_groups(e, g, entries, n, diag)
         && (g->any == NULL || patterns_compile(g->any, e->store, diag));
    for (size_t c = 0; ok && c < g->n_classes; c++) {
        ok = g->classes[c] == NULL || patterns_compile(g->classes[c], e->store, diag);
    }
    return ok;
}

static bool make_payload_groups(struct detect_engine *e, struct diag *diag)
{
    struct entry *entries = xcalloc(e->n_rules + 1, sizeof *entries);
    bool ok = true;

    for (unsigned mode = 0; mode < N_SCAN_MODES; mode++) {
        for (unsigned proto = 0; proto < N_SCAN_PROTOS; proto++) {
            for (unsigned dir = 0; dir < N_DIRECTIONS && ok; dir++) {
                if (mode == SCAN_STREAM && proto != SCAN_TCP) {
                    continue;
                }
                size_t n = gather_entries(e, (enum scan_mode) mode, (enum scan_proto) proto,
                                          (enum direction) dir, entries);

                ok = make_port_groups(e, &e->payload[mode][proto][dir], entries, n, diag);
            }
        }
    }
    free(entries);
    return ok;
}

struct port_group engine_port_group(const struct detect_engine *e, enum scan_mode mode,
                                    enum scan_proto proto, enum direction dir, uint16_t port)
{
    const struct port_groups *g = &e->payload[mode][proto][dir];
    struct port_group group = { g->any, NULL, g->by_app };

    if (g->class_of_port != NULL) {
        group.by_port = g->classes[g->class_of_port[port]];
    }
    return group;
}

bool engine_make_groups(struct detect_engine *e, struct diag *diag)
{
    return engine_make_tx_groups(e, diag) && make_payload_groups(e, diag);
}

static void free_port_groups(struct port_groups *g)
{
    patterns_destroy(g->any);
    for (unsigned app = 0; g->by_app != NULL && app < APP_N_PROTOS; app++) {
        patterns_destroy(g->by_app[app]);
    }
    free(g->by_app);
    for (size_t i = 0; i < g->n_classes; i++) {
        patterns_destroy(g->classes[i]);
    }
    free(g->classes);
    free(g->class_of_port);
}

void engine_free_groups(struct detect_engine *e)
{
    for (unsigned mode = 0; mode < N_SCAN_MODES; mode++) {
        for (unsigned proto = 0; proto < N_SCAN_PROTOS; proto++) {
            for (unsigned dir = 0; dir < N_DIRECTIONS; dir++) {
                free_port_groups(&e->payload[mode][proto][dir]);
            }
        }
    }
    engine_free_tx_groups(e);
}
