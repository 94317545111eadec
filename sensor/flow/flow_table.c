#include "sensor/flow/flow_table.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "sensor/flow/flow_private.h"

/* A flow moves to the end of its timeout list at most this often: a busy flow then costs
 * no list work on nearly all of its packets, and expiry comes this much later at most. */
#define MOVE_INTERVAL_NS NS_PER_SEC

#define CACHE_LINE 64u
/* What nearly every packet needs of a flow's record. */
#define HOT_SIZE offsetof(struct flow, timeout_node)
/* As much of what a room keeps on a flow is fetched: about what a packet needs. */
#define STATE_SIZE (5 * CACHE_LINE)

_Static_assert(offsetof(struct flow, key) == CACHE_LINE, "what finds a flow is in one line");
_Static_assert(offsetof(struct flow, timeout_node) <= 4 * CACHE_LINE, "hot comes first");
_Static_assert(sizeof(struct flow) <= 5 * CACHE_LINE, "a flow stays within five lines");

struct flow_table *flow_table_create(const struct flow_conf *conf, struct hash_seed seed,
                                     flow_end_callback *on_end, void *context)
{
    struct flow_table *t = calloc(1, sizeof *t);

    if (t == NULL) {
        return NULL;
    }
    t->conf = *conf;
    t->seed = seed;
    t->on_end = on_end;
    t->context = context;
    uint64_t timeouts[TIMEOUT_N_CLASSES] = {
        conf->tcp_new,  conf->tcp_established,  conf->tcp_closed,
        conf->udp_new,  conf->udp_established,  conf->icmp_new,
        conf->icmp_established, conf->other_new, conf->other_established,
    };
    memcpy(t->timeouts, timeouts, sizeof timeouts);
    for (unsigned i = 0; i < TIMEOUT_N_CLASSES; i++) {
        list_init(&t->lists[i]);
    }

    /* The budget pays for the records and their buckets: from one to two each. */
    size_t record = (sizeof(struct flow) + CACHE_LINE - 1) & ~(size_t) (CACHE_LINE - 1);
    size_t n_flows = conf->memory / (record + 2 * sizeof *t->buckets);
    pool_init(&t->pool, record, n_flows * record);
    size_t n_buckets = 16;
    while (n_buckets < t->pool.max) {
        n_buckets *= 2;
    }
    t->mask = n_buckets - 1;
    t->buckets = calloc(n_buckets, sizeof *t->buckets);
    if (t->buckets != NULL) {
        alloc_advise_huge(t->buckets, n_buckets * sizeof *t->buckets);
    }
    if (conf->classify) {
        t->classifier = classifier_create(conf, &t->counters);
    }
    if (t->buckets == NULL || (conf->classify && t->classifier == NULL)) {
        flow_table_destroy(t);
        errno = ENOMEM;
        return NULL;
    }
    return t;
}

void flow_table_destroy(struct flow_table *t)
{
    if (t == NULL) {
        return;
    }
    flow_table_end_all(t);
    classifier_destroy(t->classifier);
    pool_fini(&t->pool);
    free(t->buckets);
    free(t);
}

/* ---- Timeouts ---- */

static enum timeout_class class_of_flow(const struct flow *f)
{
    bool is_new = f->state == FLOW_NEW;

    switch (f->key.ip_proto) {
    case IP_PROTO_TCP:
        return is_new ? TIMEOUT_TCP_NEW
               : f->state == FLOW_CLOSED ? TIMEOUT_TCP_CLOSED
                                         : TIMEOUT_TCP_ESTABLISHED;
    case IP_PROTO_UDP:
        return is_new ? TIMEOUT_UDP_NEW : TIMEOUT_UDP_ESTABLISHED;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        return is_new ? TIMEOUT_ICMP_NEW : TIMEOUT_ICMP_ESTABLISHED;
    default:
        return is_new ? TIMEOUT_OTHER_NEW : TIMEOUT_OTHER_ESTABLISHED;
    }
}

/* Whether a flow that was last seen at 'last_ns' has been idle for its timeout. */
static bool is_idle(const struct flow_table *t, const struct flow *f, uint64_t last_ns,
                    uint64_t now_ns)
{
    return now_ns > last_ns && now_ns - last_ns >= t->timeouts[class_of_flow(f)];
}

/* Whether 'f' had timed out when 'p' came: by the running clock, as flow_table_expire()
 * would have it that may have been by or not; or by the packets' own time, for while the
 * clock stands (capture/running_clock.h). */
static bool is_timed_out(const struct flow_table *t, const struct flow *f,
                         const struct packet *p)
{
    return is_idle(t, f, f->clock_ns, p->clock_ns) || is_idle(t, f, f->last_ns, p->time_ns);
}

static enum flow_end_reason reason_at_end(const struct flow_table *t, const struct flow *f)
{
    return is_idle(t, f, f->clock_ns, t->now_ns) ? FLOW_END_TIMEOUT : FLOW_END_SHUTDOWN;
}

static void list_flow(struct flow_table *t, struct flow *f)
{
    f->timeout_class = (uint8_t) class_of_flow(f);
    f->listed_ns = t->now_ns;
    list_push_back(&t->lists[f->timeout_class], &f->timeout_node);
}

static void relist_flow(struct flow_table *t, struct flow *f)
{
    list_remove(&f->timeout_node);
    list_flow(t, f);
}

/* Follows what later rooms made of the flow that was given out last. */
static void settle_last(struct flow_table *t)
{
    if (t->last != NULL && class_of_flow(t->last) != t->last->timeout_class) {
        relist_flow(t, t->last);
    }
    t->last = NULL;
}

static struct flow *flow_of_timeout_node(struct list_node *node)
{
    return LIST_ENTRY(node, struct flow, timeout_node);
}

/* ---- Buckets ---- */

static void link_bucket(struct flow_table *t, struct flow *f)
{
    struct list_node **first = &t->buckets[f->hash & t->mask];

    f->bucket_node.prev = NULL;
    f->bucket_node.next = *first;
    if (*first != NULL) {
        (*first)->prev = &f->bucket_node;
    }
    *first = &f->bucket_node;
}

static void unlink_bucket(struct flow_table *t, struct flow *f)
{
    struct list_node *node = &f->bucket_node;

    if (node->prev != NULL) {
        node->prev->next = node->next;
    } else {
        t->buckets[f->hash & t->mask] = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    }
}

static struct flow *find_flow(const struct flow_table *t, const struct packet *p,
                              uint64_t hash)
{
    for (struct list_node *node = t->buckets[hash & t->mask]; node != NULL;
         node = node->next) {
        struct flow *f = LIST_ENTRY(node, struct flow, bucket_node);
        if (f->hash == hash && flow_key_fits(&f->key, p)) {
            return f;
        }
    }
    return NULL;
}

/* ---- What is needed soon ---- */

/* The lines of 'object' up to 'size'. */
static void fetch_lines(const void *object, size_t size)
{
    for (size_t at = 0; object != NULL && at < size; at += CACHE_LINE) {
        __builtin_prefetch((const char *) object + at);
    }
}

static void fetch_state(const struct flow *f)
{
    fetch_lines(f->stream, STATE_SIZE);
    fetch_lines(f->app, STATE_SIZE);
    fetch_lines(f->detect, STATE_SIZE);
    fetch_lines(f->ndpi, CACHE_LINE);
}

/* ---- Ends ---- */

/* Out of the table first, so that the callback cannot meet it there again. */
static void end_flow(struct flow_table *t, struct flow *f, enum flow_end_reason reason)
{
    unlink_bucket(t, f);
    list_remove(&f->timeout_node);
    if (t->last == f) {
        t->last = NULL;
    }
    f->end_reason = reason;
    t->counters.ended[reason]++;
    t->counters.active--;
    if (t->on_end != NULL) {
        t->on_end(t->context, f);
    }
    classifier_forget(t->classifier, f);
    pool_put(&t->pool, f);
}

/* Flows that end have not been touched for long: while the one at 'node' ends, the state of the
 * next comes, whose record came before, and the record of the one behind it. */
static void fetch_following(const struct list_node *list, struct list_node *node)
{
    struct list_node *next = node->next;

    if (next != list) {
        fetch_state(flow_of_timeout_node(next));
        fetch_lines(flow_of_timeout_node(next->next != list ? next->next : next),
                    sizeof(struct flow));
    }
}

size_t flow_table_expire(struct flow_table *t, uint64_t now_ns, size_t budget)
{
    size_t n = 0;

    settle_last(t);
    if (now_ns > t->now_ns) {
        t->now_ns = now_ns;
    }
    for (unsigned i = 0; i < TIMEOUT_N_CLASSES; i++) {
        struct list_node *node;
        while (n < budget && (node = list_front(&t->lists[i])) != NULL) {
            struct flow *f = flow_of_timeout_node(node);
            if (class_of_flow(f) != i) {
                relist_flow(t, f);
                continue;
            }
            if (now_ns < f->listed_ns
                || now_ns - f->listed_ns < t->timeouts[i] + MOVE_INTERVAL_NS) {
                break;
            }
            fetch_following(&t->lists[i], node);
            end_flow(t, f, FLOW_END_TIMEOUT);
            n++;
        }
    }
    return n;
}

/* Makes room by ending one flow; false if there is none. */
static bool evict_flow(struct flow_table *t)
{
    struct flow *oldest = NULL;

    if (flow_table_expire(t, t->now_ns, 1) > 0) {
        return true;
    }
    for (unsigned i = 0; i < TIMEOUT_N_CLASSES; i++) {
        struct list_node *node = list_front(&t->lists[i]);
        if (node != NULL) {
            struct flow *f = flow_of_timeout_node(node);
            oldest = oldest == NULL || f->listed_ns < oldest->listed_ns ? f : oldest;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    end_flow(t, oldest, FLOW_END_EVICTED);
    return true;
}

static int compare_first(const void *a_, const void *b_)
{
    const struct flow *a = *(struct flow *const *) a_, *b = *(struct flow *const *) b_;

    if (a->first_ns != b->first_ns) {
        return a->first_ns < b->first_ns ? -1 : 1;
    }
    if (a->first_number != b->first_number) {
        return a->first_number < b->first_number ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

void flow_table_end_all(struct flow_table *t)
{
    size_t n = 0, n_flows = t->pool.in_use;
    struct flow **flows = n_flows != 0 ? malloc(n_flows * sizeof *flows) : NULL;

    settle_last(t);
    for (unsigned i = 0; i < TIMEOUT_N_CLASSES; i++) {
        LIST_FOR_EACH_SAFE(node, following, &t->lists[i]) {
            struct flow *f = flow_of_timeout_node(node);
            if (flows != NULL) {
                flows[n++] = f;
            } else {            /* No memory to sort in: any order. */
                end_flow(t, f, reason_at_end(t, f));
            }
        }
    }
    if (n != 0) {
        qsort(flows, n, sizeof *flows, compare_first);
    }
    for (size_t i = 0; i < n; i++) {
        if (i + 2 < n) {
            fetch_state(flows[i + 1]);
            fetch_lines(flows[i + 2], sizeof(struct flow));
        }
        end_flow(t, flows[i], reason_at_end(t, flows[i]));
    }
    free(flows);
}

/* ---- New flows ---- */

static bool is_syn(const struct packet *p)
{
    return packet_is_tcp(p) && (p->tcp.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static bool is_tcp_over(const struct flow *f)
{
    return f->state == FLOW_CLOSED || f->tcp_state == TCP_STATE_TIME_WAIT
           || f->tcp_state == TCP_STATE_LAST_ACK || f->tcp_state == TCP_STATE_CLOSING
           || f->tcp_state == TCP_STATE_CLOSED;
}

/* Whether 'p' opens a new session on the endpoints of 'f'.  The same SYN again, a client
 * that retries after a reset for instance, does not. */
static bool is_tcp_reuse(const struct flow *f, const struct packet *p)
{
    return is_syn(p) && is_tcp_over(f) && !(f->has_syn && f->syn_seq == p->tcp.seq);
}

static void count_made(struct flow_counters *c, uint8_t ip_proto)
{
    c->made++;
    c->active++;
    switch (ip_proto) {
    case IP_PROTO_TCP:
        c->tcp++;
        break;
    case IP_PROTO_UDP:
        c->udp++;
        break;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        c->icmp++;
        break;
    default:
        c->other++;
        break;
    }
}

static void keep_macs(struct flow *f, const struct packet *p)
{
    if (p->eth != LAYER_ABSENT && p->size >= 12 && p->eth <= p->size - 12) {
        memcpy(f->dst_mac, p->bytes + p->eth, 6);
        memcpy(f->src_mac, p->bytes + p->eth + 6, 6);
    }
}

static void count_memory(struct flow_table *t)
{
    t->counters.memory = t->pool.n_made * t->pool.object_size
                         + (t->mask + 1) * sizeof *t->buckets
                         + classifier_memory(t->classifier);
}

static struct flow *make_flow(struct flow_table *t, uint64_t hash, const struct packet *p)
{
    struct flow_key key;
    struct flow *f;

    if (!flow_key_of_packet(p, &key)) {
        return NULL;
    }

    while ((f = pool_get(&t->pool)) == NULL) {
        if (!evict_flow(t)) {
            return NULL;
        }
    }
    memset(f, 0, sizeof *f);
    f->key = key;
    f->hash = hash;
    f->first_ns = f->last_ns = p->time_ns;
    f->first_number = p->frame != NULL ? p->frame->number : 0;
    f->id = flow_key_id(&key, p->time_ns);
    if (is_syn(p)) {
        f->has_syn = true;
        f->syn_seq = p->tcp.seq;
    }
    keep_macs(f, p);
    link_bucket(t, f);
    list_flow(t, f);
    count_made(&t->counters, key.ip_proto);
    count_memory(t);
    return f;
}

/* A frame counts whole, with its padding, as the peers count; what was in a tunnel or in
 * fragments has a size of its own. */
static uint32_t counted_size(const struct packet *p)
{
    return p->frame != NULL && p->source == PACKET_FROM_WIRE && p->outer == NULL
               ? p->frame->size
               : p->size;
}

static void count_packet(struct flow *f, const struct packet *p, enum direction dir)
{
    struct flow_side *side = &f->sides[dir];

    side->min_ttl = side->packets == 0 || p->ttl < side->min_ttl ? p->ttl : side->min_ttl;
    side->max_ttl = p->ttl > side->max_ttl ? p->ttl : side->max_ttl;
    side->packets++;
    side->bytes += counted_size(p);
    if (packet_is_tcp(p)) {
        side->tcp_flags |= p->tcp.flags;
    } else if (f->state == FLOW_NEW
               && f->sides[direction_reverse(dir)].packets != 0) {
        f->state = FLOW_ESTABLISHED;
    }
    if (p->time_ns > f->last_ns) {
        f->last_ns = p->time_ns;
    }
    f->clock_ns = p->clock_ns;
}

/* ---- Ahead of a packet ---- */

void flow_table_foresee(const struct flow_table *t, struct packet *p)
{
    p->flow_hash = flow_packet_hash(p, t->seed);
    if (p->flow_hash != 0) {
        __builtin_prefetch(&t->buckets[p->flow_hash & t->mask]);
    }
}

void flow_table_fetch(const struct flow_table *t, const struct packet *p)
{
    const struct list_node *node = p->flow_hash != 0 ? t->buckets[p->flow_hash & t->mask]
                                                     : NULL;

    if (node != NULL) {
        fetch_lines(LIST_ENTRY(node, struct flow, bucket_node), HOT_SIZE);
    }
}

void flow_table_fetch_state(const struct flow_table *t, const struct packet *p)
{
    const struct list_node *node = p->flow_hash != 0 ? t->buckets[p->flow_hash & t->mask]
                                                     : NULL;
    const struct flow *f = NULL;

    for (; node != NULL; node = node->next) {
        f = LIST_ENTRY(node, struct flow, bucket_node);
        if (f->hash == p->flow_hash) {
            break;
        }
    }
    if (node != NULL) {
        fetch_state(f);
    }
}

/* ---- Packets ---- */

struct flow *flow_table_packet(struct flow_table *t, struct packet *p,
                               enum direction *dir)
{
    uint64_t old_id = 0, hash = p->flow_hash;

    settle_last(t);
    if (hash == 0 && !flow_has_key(p)) {
        t->counters.without_flow++;
        return NULL;
    }
    if (hash == 0) {            /* Nobody has looked ahead. */
        hash = flow_packet_hash(p, t->seed);
    }
    if (p->clock_ns > t->now_ns) {
        t->now_ns = p->clock_ns;
    }
    struct flow *f = find_flow(t, p, hash);
    bool is_over = f != NULL && is_timed_out(t, f, p);
    if (is_over || (f != NULL && is_tcp_reuse(f, p))) {
        old_id = f->id;
        end_flow(t, f, is_over ? FLOW_END_TIMEOUT : FLOW_END_TCP_REUSE);
        f = NULL;
    }
    if (f == NULL) {
        f = make_flow(t, hash, p);
        if (f == NULL) {
            t->counters.without_flow++;
            return NULL;
        }
        if (f->id == old_id) {  /* Two sessions at one time stamp: a clock that stands. */
            f->id = flow_key_id(&f->key, p->time_ns ^ hash_mix(old_id));
        }
    }
    *dir = flow_direction(f, p);
    count_packet(f, p, *dir);
    if (t->now_ns - f->listed_ns >= MOVE_INTERVAL_NS
        || class_of_flow(f) != f->timeout_class) {
        relist_flow(t, f);
    }
    t->last = f;
    return f;
}

struct flow *flow_table_find(struct flow_table *t, const struct packet *p,
                             enum direction *dir)
{
    settle_last(t);
    if (!flow_has_key(p)) {
        return NULL;
    }
    struct flow *f = find_flow(t, p, flow_packet_hash(p, t->seed));
    if (f == NULL || is_timed_out(t, f, p)) {
        return NULL;
    }
    *dir = flow_direction(f, p);
    t->last = f;
    return f;
}

const struct flow_counters *flow_table_counters(const struct flow_table *t)
{
    return &t->counters;
}
