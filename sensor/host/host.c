#include "sensor/host/host.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/list.h"

#define N_SHARDS 64u            /* A power of two, well above the number of workers. */

struct entry {
    struct host_key key;
    struct host_value value;
    struct list_node use_node;  /* In shard->used, longest untouched first; or free. */
    struct entry *next;         /* In its bucket. */
};

/* Invariant: each of the first 'n_touched' entries is in one bucket and in 'used', or in
 * 'free' alone; nobody has written to those behind them. */
struct shard {
    pthread_mutex_t lock;
    struct entry **buckets;     /* n_buckets is a power of two. */
    uint32_t n_buckets;
    uint32_t n_entries, n_used, n_touched;
    struct entry *entries;
    struct list_node used, free;
    uint64_t n_made, n_evicted;
} __attribute__((aligned(64)));

/* Zeros that nobody has written to take no memory, so the two arrays are each of one piece,
 * too large to be made of memory that was in use before, and grow as entries are made. */
struct host_table {
    struct hash_seed seed;
    struct entry **buckets;     /* Of all shards, each its part. */
    struct entry *entries;
    struct shard shards[N_SHARDS];
};

static uint64_t hash_key(const struct host_table *t, const struct host_key *key)
{
    return hash_bytes(t->seed, key, sizeof *key);
}

static struct shard *shard_of(struct host_table *t, uint64_t hash)
{
    return &t->shards[hash & (N_SHARDS - 1)];
}

static struct entry **bucket_of(struct shard *s, uint64_t hash)
{
    return &s->buckets[(hash >> 32) & (s->n_buckets - 1)];
}

struct host_table *host_table_create(uint64_t memory, struct hash_seed seed)
{
    struct host_table *t = aligned_alloc(64, sizeof *t);
    uint64_t n = memory / N_SHARDS / (sizeof(struct entry) + 2 * sizeof(struct entry *));

    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->seed = seed;
    if (n < 1) {
        n = 1;
    } else if (n > 1u << 26) {
        n = 1u << 26;
    }
    uint32_t n_entries = (uint32_t) n, n_buckets = 1;
    while (n_buckets < n_entries) {
        n_buckets *= 2;
    }
    t->buckets = xcalloc((size_t) N_SHARDS * n_buckets, sizeof *t->buckets);
    t->entries = xcalloc((size_t) N_SHARDS * n_entries, sizeof *t->entries);
    for (size_t i = 0; i < N_SHARDS; i++) {
        struct shard *s = &t->shards[i];

        pthread_mutex_init(&s->lock, NULL);
        s->n_buckets = n_buckets;
        s->buckets = t->buckets + i * n_buckets;
        s->n_entries = n_entries;
        s->entries = t->entries + i * n_entries;
        list_init(&s->used);
        list_init(&s->free);
    }
    return t;
}

void host_table_destroy(struct host_table *t)
{
    if (t == NULL) {
        return;
    }
    for (unsigned i = 0; i < N_SHARDS; i++) {
        pthread_mutex_destroy(&t->shards[i].lock);
    }
    free(t->buckets);
    free(t->entries);
    free(t);
}

static struct entry *find_entry(struct shard *s, uint64_t hash, const struct host_key *key)
{
    for (struct entry *e = *bucket_of(s, hash); e != NULL; e = e->next) {
        if (memcmp(&e->key, key, sizeof *key) == 0) {
            return e;
        }
    }
    return NULL;
}

static void unlink_entry(struct shard *s, uint64_t hash, struct entry *e)
{
    struct entry **at = bucket_of(s, hash);

    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    list_remove(&e->use_node);
    list_push_front(&s->free, &e->use_node);
    s->n_used--;
}

/* One that is in no bucket; in a full shard, that which was untouched for longest. */
static struct entry *take_entry(struct host_table *t, struct shard *s)
{
    if (list_is_empty(&s->free) && s->n_touched < s->n_entries) {
        return &s->entries[s->n_touched++];
    }
    if (list_is_empty(&s->free)) {
        struct entry *oldest = LIST_ENTRY(list_front(&s->used), struct entry, use_node);

        unlink_entry(s, hash_key(t, &oldest->key), oldest);
        s->n_evicted++;
    }
    struct entry *e = LIST_ENTRY(list_front(&s->free), struct entry, use_node);

    list_remove(&e->use_node);
    return e;
}

static struct entry *make_entry(struct host_table *t, struct shard *s, uint64_t hash,
                                const struct host_key *key)
{
    struct entry *e = take_entry(t, s);

    e->key = *key;
    e->next = *bucket_of(s, hash);
    *bucket_of(s, hash) = e;
    list_push_back(&s->used, &e->use_node);
    s->n_used++;
    s->n_made++;
    memset(&e->value, 0, sizeof e->value);
    return e;
}

struct host_value *host_acquire(struct host_table *t, const struct host_key *key,
                                uint64_t now_ns, bool make)
{
    uint64_t hash = hash_key(t, key);
    struct shard *s = shard_of(t, hash);

    pthread_mutex_lock(&s->lock);
    struct entry *e = find_entry(s, hash, key);

    if (e != NULL && e->value.expires_ns <= now_ns) {
        memset(&e->value, 0, sizeof e->value);
        if (!make) {
            unlink_entry(s, hash, e);
            e = NULL;
        }
    } else if (e == NULL && make) {
        e = make_entry(t, s, hash, key);
    }
    if (e == NULL) {
        pthread_mutex_unlock(&s->lock);
        return NULL;
    }
    list_remove(&e->use_node);
    list_push_back(&s->used, &e->use_node);
    return &e->value;
}

void host_release(struct host_table *t, const struct host_key *key)
{
    pthread_mutex_unlock(&shard_of(t, hash_key(t, key))->lock);
}

void host_remove(struct host_table *t, const struct host_key *key)
{
    uint64_t hash = hash_key(t, key);
    struct shard *s = shard_of(t, hash);

    pthread_mutex_lock(&s->lock);
    struct entry *e = find_entry(s, hash, key);

    if (e != NULL) {
        unlink_entry(s, hash, e);
    }
    pthread_mutex_unlock(&s->lock);
}

bool host_has(struct host_table *t, const struct host_key *key, uint64_t now_ns)
{
    if (host_acquire(t, key, now_ns, false) == NULL) {
        return false;
    }
    host_release(t, key);
    return true;
}

struct host_counters host_table_counters(struct host_table *t)
{
    struct host_counters sum = { 0 };

    for (unsigned i = 0; i < N_SHARDS; i++) {
        struct shard *s = &t->shards[i];

        pthread_mutex_lock(&s->lock);
        sum.entries += s->n_used;
        sum.max_entries += s->n_entries;
        sum.made += s->n_made;
        sum.evicted += s->n_evicted;
        pthread_mutex_unlock(&s->lock);
    }
    return sum;
}
