/* A table under test: made, fed, and held to its invariants. */
#ifndef CIVICSHIELD_TESTS_FLOW_TABLE_H
#define CIVICSHIELD_TESTS_FLOW_TABLE_H

#include "tests/unit/flow/packets.h"

static inline struct flow_table *make_table(const struct flow_conf *conf, struct ends *ends)
{
    struct flow_table *t =
        flow_table_create(conf, hash_seed_fixed(), ends != NULL ? note_end : NULL, ends);

    assert_non_null(t);
    return t;
}

static inline struct flow *feed_at(struct flow_table *t, struct packet p, uint64_t clock_ns,
                            enum direction *dir)
{
    enum direction ignored;

    p.clock_ns = clock_ns;
    return flow_table_packet(t, &p, dir != NULL ? dir : &ignored);
}

/* The running clock shows the packet's own time. */
static inline struct flow *feed(struct flow_table *t, struct packet p, enum direction *dir)
{
    return feed_at(t, p, p.time_ns, dir);
}

/* Every invariant that flow_private.h names. */
static inline void check_table(const struct flow_table *t)
{
    size_t in_buckets = 0, in_lists = 0;
    uint64_t ended = 0;

    for (uint64_t i = 0; i <= t->mask; i++) {
        const struct list_node *prev = NULL;
        for (struct list_node *node = t->buckets[i]; node != NULL; node = node->next) {
            const struct flow *f = LIST_ENTRY(node, struct flow, bucket_node);
            assert_ptr_equal(node->prev, prev);
            assert_int_equal(f->hash & t->mask, i);
            assert_int_equal(f->hash, flow_key_hash(&f->key, t->seed));
            for (struct list_node *other = node->next; other != NULL;
                 other = other->next) {
                assert_false(flow_key_match(
                    &f->key, &LIST_ENTRY(other, struct flow, bucket_node)->key));
            }
            prev = node;
            in_buckets++;
        }
    }
    for (unsigned i = 0; i < TIMEOUT_N_CLASSES; i++) {
        uint64_t listed = 0;
        LIST_FOR_EACH(node, &t->lists[i]) {
            const struct flow *f = LIST_ENTRY(node, struct flow, timeout_node);
            assert_ptr_equal(node->next->prev, node);
            assert_int_equal(f->timeout_class, i);
            assert_true(f->listed_ns >= listed);
            assert_true(f->first_ns <= f->last_ns);
            assert_true(f->sides[TO_SERVER].packets + f->sides[TO_CLIENT].packets > 0);
            listed = f->listed_ns;
            in_lists++;
        }
    }
    for (unsigned i = 0; i < FLOW_END_N_REASONS; i++) {
        ended += t->counters.ended[i];
    }
    assert_int_equal(in_buckets, in_lists);
    assert_int_equal(in_buckets, t->pool.in_use);
    assert_int_equal(in_buckets, t->counters.active);
    assert_int_equal(t->counters.made, t->counters.active + ended);
    assert_int_equal(t->counters.made, t->counters.tcp + t->counters.udp
                                           + t->counters.icmp + t->counters.other);
    assert_true(t->counters.memory <= t->conf.memory + 1024);
}

#endif
