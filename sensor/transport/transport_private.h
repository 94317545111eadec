/* Between the files of sensor/transport. */
#ifndef CIVICSHIELD_TRANSPORT_PRIVATE_H
#define CIVICSHIELD_TRANSPORT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "sensor/transport/outbox.h"
#include "sensor/transport/transport.h"

struct transport {
    /* Fixed after transport_open(). */
    const struct transport_conf *conf;
    struct tls_files files;
    char *version;
    uint64_t epoch;
    unsigned n_workers;
    struct outbox *outboxes;    /* n_workers of them, aligned to cache lines. */
    pthread_t uplink;

    _Atomic bool closing, interrupted, connected;
    _Atomic uint64_t n_connections;

    /* For those who sleep until records are released: workers in transport_offer() and
     * whoever is in transport_finish(). */
    _Atomic unsigned n_sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t released;
};

/* The uplink's thread; 'transport' is a struct transport. */
void *transport_uplink_main(void *transport);
/* Wakes all sleepers, if there are any. */
void transport_wake(struct transport *);

#endif
