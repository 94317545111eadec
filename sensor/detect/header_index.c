#include "sensor/detect/header_index.h"

#include <stdlib.h>

#include "common/base/alloc.h"

/* Sets that cover more IPv4 addresses than this go to the plain list: a wide range would
 * repeat its rule in each of the narrow ones within. */
#define MAX_KEYED (1u << 20)
#define MAX_KEYED_V6 4096u      /* Ranges of IPv6. */

struct range_rule {
    struct ip_addr first, last;
    uint32_t rule;
};

/* Disjoint and sorted. */
struct segment {
    struct ip_addr first, last;
    uint32_t at, n;             /* Its rules: lists[at ..]. */
};

struct range_map {
    struct range_rule *ranges;  /* Until finished. */
    size_t n_ranges, cap_ranges;
    struct segment *segments;
    size_t n_segments, cap_segments;
    uint32_t *lists;
    size_t n_lists, cap_lists;
};

struct header_index {
    uint32_t *plain;
    size_t n_plain, cap_plain;
    struct range_map by_src, by_dst;
    bool is_empty;
};

struct header_index *header_index_create(void)
{
    struct header_index *x = xcalloc(1, sizeof *x);

    x->is_empty = true;
    return x;
}

static void free_map(struct range_map *m)
{
    free(m->ranges);
    free(m->segments);
    free(m->lists);
}

void header_index_destroy(struct header_index *x)
{
    if (x != NULL) {
        free_map(&x->by_src);
        free_map(&x->by_dst);
        free(x->plain);
        free(x);
    }
}

static uint32_t v4_of(const struct ip_addr *a)
{
    return (uint32_t) a->bytes[0] << 24 | (uint32_t) a->bytes[1] << 16
           | (uint32_t) a->bytes[2] << 8 | a->bytes[3];
}

/* How many IPv4 addresses a set covers; UINT64_MAX when it cannot be a key. */
static uint64_t width_of(const struct address_set *set)
{
    uint64_t sum = 0, n_v6 = 0;

    if (set == NULL || set->is_any) {
        return UINT64_MAX;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (set->ranges[i].first.version == 4) {
            sum += (uint64_t) v4_of(&set->ranges[i].last) - v4_of(&set->ranges[i].first) + 1;
        } else {
            n_v6++;
        }
    }
    return sum > MAX_KEYED || n_v6 > MAX_KEYED_V6 ? UINT64_MAX : sum + n_v6;
}

static void add_ranges(struct range_map *m, const struct address_set *set, uint32_t rule)
{
    for (size_t i = 0; i < set->n; i++) {
        m->ranges = xgrow(m->ranges, m->n_ranges, &m->cap_ranges, sizeof *m->ranges);
        m->ranges[m->n_ranges++] = (struct range_rule) {
            set->ranges[i].first, set->ranges[i].last, rule };
    }
}

void header_index_add(struct header_index *x, const struct rule *rule)
{
    uint64_t src = width_of(rule->src), dst = width_of(rule->dst);

    x->is_empty = false;
    if (src == UINT64_MAX && dst == UINT64_MAX) {
        x->plain = xgrow(x->plain, x->n_plain, &x->cap_plain, sizeof *x->plain);
        x->plain[x->n_plain++] = rule->index;
        return;
    }
    const struct address_set *key = src <= dst ? rule->src : rule->dst;

    /* The key address stands on the other side when the arrow points both ways. */
    if (src <= dst || rule->is_bidirectional) {
        add_ranges(&x->by_src, key, rule->index);
    }
    if (src > dst || rule->is_bidirectional) {
        add_ranges(&x->by_dst, key, rule->index);
    }
}

/* 'a' plus or minus one; false past the end of its family. */
static bool step_address(struct ip_addr *a, int by)
{
    for (int i = a->version == 4 ? 3 : 15; i >= 0; i--) {
        a->bytes[i] = (uint8_t) (a->bytes[i] + by);
        if (a->bytes[i] != (by > 0 ? 0 : 0xff)) {
            return true;
        }
    }
    return false;
}

/* A place where the rules that hold change. */
struct edge {
    struct ip_addr at;
    bool is_end;                /* The rule no longer holds at 'at'. */
    uint32_t rule;
};

static int compare_edges(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    int order = ip_compare(&a->at, &b->at);

    return order != 0 ? order : (int) b->is_end - (int) a->is_end;
}

static void add_segment(struct range_map *m, const struct ip_addr *first,
                        const struct ip_addr *last, const uint32_t *rules, size_t n)
{
    m->segments = xgrow(m->segments, m->n_segments, &m->cap_segments, sizeof *m->segments);
    m->segments[m->n_segments++] = (struct segment) { *first, *last,
                                                      (uint32_t) m->n_lists, (uint32_t) n };
    for (size_t i = 0; i < n; i++) {
        m->lists = xgrow(m->lists, m->n_lists, &m->cap_lists, sizeof *m->lists);
        m->lists[m->n_lists++] = rules[i];
    }
}

static size_t make_edges(const struct range_map *m, struct edge *edges)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_ranges; i++) {
        struct edge end = { m->ranges[i].last, true, m->ranges[i].rule };

        edges[n++] = (struct edge) { m->ranges[i].first, false, m->ranges[i].rule };
        if (step_address(&end.at, 1)) {
            edges[n++] = end;
        }
    }
    qsort(edges, n, sizeof *edges, compare_edges);
    return n;
}

/* Walks over the edges with the rules that hold; each stretch between is a segment. */
static void finish_map(struct range_map *m)
{
    struct edge *edges = xmalloc((2 * m->n_ranges + 1) * sizeof *edges);
    size_t n = make_edges(m, edges), n_active = 0, cap_active = 0;
    uint32_t *active = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!edges[i].is_end) {
            active = xgrow(active, n_active, &cap_active, sizeof *active);
            active[n_active++] = edges[i].rule;
        } else {
            for (size_t j = 0; j < n_active; j++) {
                if (active[j] == edges[i].rule) {
                    active[j] = active[--n_active];
                    break;
                }
            }
        }
        bool is_last = i + 1 == n || edges[i + 1].at.version != edges[i].at.version;

        if (n_active > 0 && (is_last || ip_compare(&edges[i].at, &edges[i + 1].at) != 0)) {
            struct ip_addr last;

            if (is_last) {
                last = edges[i].at;
                memset(last.bytes, 0xff, last.version == 4 ? 4 : 16);
            } else {
                last = edges[i + 1].at;
                step_address(&last, -1);
            }
            add_segment(m, &edges[i].at, &last, active, n_active);
        }
        if (is_last) {
            n_active = 0;       /* What reaches the end of IPv4 does not go on in IPv6. */
        }
    }
    free(active);
    free(edges);
    free(m->ranges);
    m->ranges = NULL;
    m->n_ranges = 0;
}

void header_index_finish(struct header_index *x)
{
    finish_map(&x->by_src);
    finish_map(&x->by_dst);
}

bool header_index_is_empty(const struct header_index *x)
{
    return x->is_empty;
}

static void find_in_map(const struct range_map *m, const struct ip_addr *a,
                        header_index_callback *callback, void *context)
{
    size_t low = 0, high = m->n_segments;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ip_compare(&m->segments[middle].last, a) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == m->n_segments || ip_compare(&m->segments[low].first, a) > 0) {
        return;
    }
    for (uint32_t i = 0; i < m->segments[low].n; i++) {
        callback(context, m->lists[m->segments[low].at + i]);
    }
}

void header_index_find(const struct header_index *x, const struct ip_addr *src,
                       const struct ip_addr *dst, header_index_callback *callback,
                       void *context)
{
    for (size_t i = 0; i < x->n_plain; i++) {
        callback(context, x->plain[i]);
    }
    find_in_map(&x->by_src, src, callback, context);
    find_in_map(&x->by_dst, dst, callback, context);
}
