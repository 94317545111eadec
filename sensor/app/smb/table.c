#include "sensor/app/smb/table.h"

#include <stdlib.h>

#include "sensor/app/lookup.h"

static uint64_t hash_key(const struct smb_table *t, const struct smb_key *k)
{
    uint64_t words[3 + SMB_FUID_MAX / 8] = {
        k->session, k->message, (uint64_t) k->tree << 32 | k->kind
    };

    memcpy(words + 3, k->fuid.bytes, k->fuid.size);
    return app_lookup_hash(t->session, words, sizeof words / sizeof *words);
}

static bool key_equal(const struct smb_key *a, const struct smb_key *b)
{
    return a->kind == b->kind && a->tree == b->tree && a->session == b->session
           && a->message == b->message && smb_fuid_equal(&a->fuid, &b->fuid);
}

/* The pointer that points at the key's entry, or at the end of its bucket. */
static struct smb_entry **find_place(struct smb_table *t, const struct smb_key *key)
{
    struct smb_entry **at = &t->buckets[hash_key(t, key) % SMB_BUCKETS];

    while (*at != NULL && !key_equal(&(*at)->key, key)) {
        at = &(*at)->next;
    }
    return at;
}

void smb_table_init(struct smb_table *t, const struct app_session *s, uint64_t max)
{
    memset(t->buckets, 0, sizeof t->buckets);
    list_init(&t->used);
    t->session = s;
    t->n = 0;
    t->max = max;
}

void smb_table_fini(struct app_session *s, struct smb_table *t)
{
    LIST_FOR_EACH_SAFE (node, next, &t->used) {
        smb_table_remove(s, t, LIST_ENTRY(node, struct smb_entry, node));
    }
}

struct smb_entry *smb_table_find(struct smb_table *t, const struct smb_key *key)
{
    struct smb_entry *e = *find_place(t, key);

    if (e != NULL) {
        list_remove(&e->node);
        list_push_front(&t->used, &e->node);
    }
    return e;
}

struct smb_entry *smb_table_put(struct app_session *s, struct smb_table *t,
                                const struct smb_key *key, struct slice bytes)
{
    size_t size = sizeof(struct smb_entry) + bytes.size;

    smb_table_remove(s, t, *find_place(t, key));
    if (t->n >= t->max && t->n != 0) {
        smb_table_remove(s, t, LIST_ENTRY(t->used.prev, struct smb_entry, node));
    }
    if (t->max == 0 || !app_memory_take(s, size)) {
        return NULL;
    }
    struct smb_entry *e = calloc(1, size);
    if (e == NULL) {
        app_memory_give(s, size);
        return NULL;
    }
    e->key = *key;
    e->size = bytes.size;
    if (bytes.size != 0) {
        memcpy(e->bytes, bytes.bytes, bytes.size);
    }
    list_push_front(&t->used, &e->node);
    *find_place(t, key) = e;
    t->n++;
    return e;
}

void smb_table_remove(struct app_session *s, struct smb_table *t, struct smb_entry *e)
{
    if (e == NULL) {
        return;
    }
    *find_place(t, &e->key) = e->next;
    list_remove(&e->node);
    t->n--;
    app_memory_give(s, sizeof *e + e->size);
    free(e);
}
