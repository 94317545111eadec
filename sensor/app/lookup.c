#include "sensor/app/lookup.h"

#include "sensor/app/app_private.h"

void app_lookup_init(struct app_lookup *l)
{
    for (size_t i = 0; i < APP_LOOKUP_BUCKETS; i++) {
        list_init(&l->buckets[i]);
    }
}

uint64_t app_lookup_hash(const struct app_session *s, const uint64_t *words, size_t n)
{
    return hash_bytes(s->engine->seed, words, n * sizeof *words);
}

static const struct list_node *bucket_of(const struct app_lookup *l, uint64_t hash)
{
    return &l->buckets[hash % APP_LOOKUP_BUCKETS];
}

void app_lookup_put(struct app_lookup *l, struct app_lookup_node *n, uint64_t hash)
{
    app_lookup_remove(n);
    n->hash = hash;
    list_push_back(&l->buckets[hash % APP_LOOKUP_BUCKETS], &n->node);
}

/* The first from 'at' on, towards the bucket's end or its beginning, that has the hash. */
static struct app_lookup_node *find_from(const struct app_lookup *l, struct list_node *at,
                                         uint64_t hash, bool is_forward)
{
    while (at != bucket_of(l, hash)) {
        struct app_lookup_node *n = LIST_ENTRY(at, struct app_lookup_node, node);

        if (n->hash == hash) {
            return n;
        }
        at = is_forward ? at->next : at->prev;
    }
    return NULL;
}

struct app_lookup_node *app_lookup_first(const struct app_lookup *l, uint64_t hash)
{
    return find_from(l, bucket_of(l, hash)->next, hash, true);
}

struct app_lookup_node *app_lookup_next(const struct app_lookup *l,
                                        const struct app_lookup_node *n)
{
    return find_from(l, n->node.next, n->hash, true);
}

struct app_lookup_node *app_lookup_last(const struct app_lookup *l, uint64_t hash)
{
    return find_from(l, bucket_of(l, hash)->prev, hash, false);
}

struct app_lookup_node *app_lookup_before(const struct app_lookup *l,
                                          const struct app_lookup_node *n)
{
    return find_from(l, n->node.prev, n->hash, false);
}
