/* Between the files of collector/store: the store itself. */
#ifndef CIVICSHIELD_COLLECTOR_STORE_PRIVATE_H
#define CIVICSHIELD_COLLECTOR_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/store/bulk.h"
#include "collector/store/client.h"
#include "collector/store/store.h"
#include "collector/store/templates.h"
#include "common/base/backoff.h"

struct store {
    /* Fixed after store_open(). */
    const struct store_conf *conf;
    struct counters *counters;
    store_settled_function *settled;
    void *state;
    struct client *client;      /* Used by the thread; client_wake() by all. */
    pthread_t thread;
    _Atomic bool closing;

    pthread_mutex_t mutex;      /* Guards the next ones. */
    pthread_cond_t drained;
    struct bulk *open;          /* NULL: nothing since the last was full. */
    struct list_node full;      /* Bulks to be sent, in order. */
    uint64_t n_unsettled;
    bool draining, is_ready;
    char reason[512];           /* Why it is not ready. */

    /* The thread's own. */
    struct templates *templates;
    struct backoff backoff;
    struct list_node flights;
    unsigned n_in_flight;
    bool is_checking;
    uint64_t check_at_ns;       /* Next look at the templates. */
    uint64_t pause_until_ns;    /* No bulk is sent before. */
};

struct flight {
    struct list_node node;
    struct store *store;
    struct bulk *bulk;
};

/* With the mutex held: closes the open bulk, which there must be. */
static inline void store_close_open_bulk(struct store *s)
{
    list_push_back(&s->full, &s->open->node);
    s->open = NULL;
}

/* The store's thread; 'store' is a struct store. */
void *store_thread_main(void *store);

#endif
