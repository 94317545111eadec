/* Transactions of one session by what their answers say of them: an id, a file.  A session may
 * hold as many as its limit allows, and whoever sends answers to none of them would have us
 * walk along all for each. */
#ifndef CIVICSHIELD_APP_LOOKUP_H
#define CIVICSHIELD_APP_LOOKUP_H

#include "sensor/app/parser.h"

#define APP_LOOKUP_BUCKETS 64u
struct app_lookup {
    struct list_node buckets[APP_LOOKUP_BUCKETS];
};

/* In the transaction, all zero at first. */
struct app_lookup_node {
    struct list_node node;
    uint64_t hash;
};

void app_lookup_init(struct app_lookup *);
/* Of a key of 'n' words; it hangs on a seed that nobody outside knows. */
uint64_t app_lookup_hash(const struct app_session *, const uint64_t *words, size_t n);
/* Enters the node under a hash, behind others that have it; one that is in moves. */
void app_lookup_put(struct app_lookup *, struct app_lookup_node *, uint64_t hash);
/* Those of this hash, the earliest first, or the latest first; NULL: no (other) one.  Whether
 * it is the key that was meant is the caller's to say. */
struct app_lookup_node *app_lookup_first(const struct app_lookup *, uint64_t hash);
struct app_lookup_node *app_lookup_next(const struct app_lookup *,
                                        const struct app_lookup_node *);
struct app_lookup_node *app_lookup_last(const struct app_lookup *, uint64_t hash);
struct app_lookup_node *app_lookup_before(const struct app_lookup *,
                                          const struct app_lookup_node *);

static inline bool app_lookup_has(const struct app_lookup_node *n)
{
    return n->node.next != NULL;
}

/* One that is in none is fine. */
static inline void app_lookup_remove(struct app_lookup_node *n)
{
    if (app_lookup_has(n)) {
        list_remove(&n->node);
    }
}

#endif
