/* host: what spans flows.  One table of small values under keys made of addresses and the
 * number of a rule or a name: threshold counters, xbits, hostbits, tagged hosts, expected
 * data connections.
 *
 * Shared by all workers: each shard has a lock of its own, and a lock is taken only when a
 * rule asks.  Memory is set aside once, at creation, and taken as entries are made; when a
 * shard is full the entry that was untouched for longest makes room, counted.  Time is
 * packet time: an entry whose 'expires_ns' has passed is as good as absent, so two runs over
 * one file with one worker agree.
 * Locking: host_acquire() returns with the shard's lock held, host_release() gives it back;
 * a thread holds at most one at a time. */
#ifndef CIVICSHIELD_HOST_H
#define CIVICSHIELD_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/hash.h"
#include "common/base/ip.h"

enum host_kind {
    HOST_THRESHOLD,             /* id: rule and number of its filter. */
    HOST_XBIT,                  /* id: hash of the name. */
    HOST_HOSTBIT,
    HOST_TAG,
    HOST_EXPECTED,              /* id: port; a, b: the addresses of the coming flow. */
    HOST_N_KINDS
};

/* Compared and hashed as bytes: make it with host_key(). */
struct host_key {
    uint64_t id;
    struct ip_addr a, b;
    uint8_t kind;
    uint8_t zero[5];
};
_Static_assert(sizeof(struct host_key) == 48, "a key has no padding");

/* What a key leads to; what the numbers mean is the caller's affair. */
struct host_value {
    uint64_t start_ns;          /* 0 in a new entry, as all the rest. */
    uint64_t expires_ns;        /* Set by the caller; the entry is absent from then on. */
    uint64_t until_ns;
    uint64_t count;
};

struct host_table;

/* A table of at most 'memory' bytes (at least one entry a shard). */
struct host_table *host_table_create(uint64_t memory, struct hash_seed);
void host_table_destroy(struct host_table *);

/* 'a' and 'b' may be NULL. */
static inline struct host_key host_key(enum host_kind kind, uint64_t id,
                                       const struct ip_addr *a, const struct ip_addr *b)
{
    struct host_key key;

    memset(&key, 0, sizeof key);
    key.id = id;
    key.kind = (uint8_t) kind;
    if (a != NULL) {
        key.a = *a;
    }
    if (b != NULL) {
        key.b = *b;
    }
    return key;
}

/* The value under 'key' with its shard locked, or NULL, not locked, when there is none and
 * 'make' is false.  A new entry is all zero and expires now: set 'expires_ns' before the
 * release.  The pointer is good until host_release(). */
struct host_value *host_acquire(struct host_table *, const struct host_key *,
                                uint64_t now_ns, bool make);
void host_release(struct host_table *, const struct host_key *);
/* Removes what is under 'key', if there is anything.  Takes and gives the lock itself. */
void host_remove(struct host_table *, const struct host_key *);
/* Is there an entry that has not expired? */
bool host_has(struct host_table *, const struct host_key *, uint64_t now_ns);

struct host_counters {
    uint64_t entries, max_entries, made, evicted;
};
/* Summed over the shards, each under its lock. */
struct host_counters host_table_counters(struct host_table *);

#endif
