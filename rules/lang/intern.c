/* An open-addressing table from bytes to numbers. */
#include <stdlib.h>

#include "common/base/hash.h"
#include "rules/lang/lang_private.h"

static struct intern_slot *find_slot(const struct intern *t, uint64_t hash, struct slice key)
{
    size_t mask = t->n_slots - 1;

    /* At most half of the slots are taken, so this ends. */
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct intern_slot *slot = &t->slots[i];
        if (slot->key.bytes == NULL || (slot->hash == hash && slice_equal(slot->key, key))) {
            return slot;
        }
    }
}

static uint64_t hash_key(struct slice *key)
{
    if (key->bytes == NULL) {
        *key = slice_of("", 0);
    }
    return hash_bytes(hash_seed_fixed(), key->bytes, key->size);
}

const uint32_t *intern_find(const struct intern *t, struct slice key)
{
    if (t->n_slots == 0) {
        return NULL;
    }
    uint64_t hash = hash_key(&key);
    struct intern_slot *slot = find_slot(t, hash, key);
    return slot->key.bytes != NULL ? &slot->value : NULL;
}

static void grow_table(struct intern *t)
{
    struct intern old = *t;

    t->n_slots = old.n_slots == 0 ? 64 : old.n_slots * 2;
    t->slots = xcalloc(t->n_slots, sizeof *t->slots);
    for (size_t i = 0; i < old.n_slots; i++) {
        if (old.slots[i].key.bytes != NULL) {
            *find_slot(t, old.slots[i].hash, old.slots[i].key) = old.slots[i];
        }
    }
    free(old.slots);
}

void intern_add(struct intern *t, struct slice key, uint32_t value)
{
    if (t->n * 2 >= t->n_slots) {
        grow_table(t);
    }
    uint64_t hash = hash_key(&key);
    struct intern_slot *slot = find_slot(t, hash, key);
    if (slot->key.bytes == NULL) {
        t->n++;
        slot->hash = hash;
        slot->key = key;
    }
    slot->value = value;
}

void intern_fini(struct intern *t)
{
    free(t->slots);
    *t = (struct intern) { 0 };
}
