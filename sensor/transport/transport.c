#include "sensor/transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/transport/transport_private.h"

/* A sleeper looks again after this time even if nobody wakes it. */
#define SLEEP_NS (50 * NS_PER_MS)

static bool check_present(const char *key, const char *value, struct diag *diag)
{
    if (value == NULL || value[0] == '\0') {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "scripts/make-certs makes one",
                 "collector.%s is needed when collector.address is set", key);
        return false;
    }
    return true;
}

bool transport_files_read(const struct transport_conf *conf, struct tls_files *files,
                          struct diag *diag)
{
    bool ca = check_present("ca", conf->ca, diag);
    bool certificate = check_present("certificate", conf->certificate, diag);
    bool key = check_present("key", conf->key, diag);

    memset(files, 0, sizeof *files);
    return ca && certificate && key
           && tls_files_read(conf->ca, conf->certificate, conf->key, files, diag);
}

static void init_mutex_and_condition(struct transport *t)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&t->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->released, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_transport(struct transport *t)
{
    for (unsigned i = 0; i < t->n_workers; i++) {
        outbox_fini(&t->outboxes[i]);
    }
    free(t->outboxes);
    free(t->version);
    tls_files_fini(&t->files);
    pthread_cond_destroy(&t->released);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

struct transport *transport_open(const struct transport_options *options, struct diag *diag)
{
    struct tls_files files;
    struct transport *t;
    int error;

    if (!transport_files_read(options->conf, &files, diag)) {
        return NULL;
    }
    if (!tls_minimum_is_13()) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "the least TLS version cannot be set in this program");
        tls_files_fini(&files);
        return NULL;
    }
    t = xcalloc(1, sizeof *t);
    t->conf = options->conf;
    t->files = files;
    t->version = xstrdup(options->version != NULL ? options->version : "");
    t->epoch = options->epoch;
    t->n_workers = options->n_workers;
    init_mutex_and_condition(t);
    t->outboxes = aligned_alloc(64, t->n_workers * sizeof *t->outboxes);
    if (t->outboxes == NULL) {
        t->outboxes = xmalloc(SIZE_MAX);        /* Aborts, with its message. */
    }
    for (unsigned i = 0; i < t->n_workers; i++) {
        outbox_init(&t->outboxes[i], t->conf->memory / t->n_workers);
    }
    error = pthread_create(&t->uplink, NULL, transport_uplink_main, t);
    if (error != 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "no thread for the uplink: %s",
                 strerror(error));
        free_transport(t);
        return NULL;
    }
    return t;
}

/* With t->mutex held; returns with it held. */
static void sleep_until(struct transport *t, uint64_t deadline_ns)
{
    struct timespec ts = {
        .tv_sec = (time_t) (deadline_ns / NS_PER_SEC),
        .tv_nsec = (long) (deadline_ns % NS_PER_SEC),
    };

    pthread_cond_timedwait(&t->released, &t->mutex, &ts);
}

void transport_wake(struct transport *t)
{
    if (atomic_load(&t->n_sleepers) != 0) {
        pthread_mutex_lock(&t->mutex);
        pthread_cond_broadcast(&t->released);
        pthread_mutex_unlock(&t->mutex);
    }
}

/* The slow part of an offer in replay. */
static enum outbox_result wait_and_put(struct transport *t, struct outbox *o,
                                       const struct outbox_record *record)
{
    enum outbox_result result;

    pthread_mutex_lock(&t->mutex);
    atomic_fetch_add(&t->n_sleepers, 1);
    while ((result = outbox_put(o, record, o->size)) == OUTBOX_FULL
           && !atomic_load(&t->interrupted)) {
        sleep_until(t, clock_monotonic_ns() + SLEEP_NS);
    }
    atomic_fetch_sub(&t->n_sleepers, 1);
    pthread_mutex_unlock(&t->mutex);
    return result;
}

static void add(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

bool transport_offer(struct transport *t, unsigned worker, uint64_t number,
                     unsigned priority, const void *bytes, size_t size, bool may_wait)
{
    struct outbox *o = &t->outboxes[worker];
    struct outbox_record record = { number, priority, bytes, size };
    enum outbox_result result;

    if (priority >= TRANSPORT_N_PRIORITIES) {
        record.priority = priority = TRANSPORT_N_PRIORITIES - 1;
    }
    add(&o->n_offered);
    result = outbox_put(o, &record, may_wait ? o->size : outbox_share(o, priority));
    if (result == OUTBOX_FULL && may_wait) {
        result = wait_and_put(t, o, &record);
    }
    if (result == OUTBOX_FULL) {
        add(&o->n_shed[priority]);
    } else if (result == OUTBOX_TOO_LARGE) {
        add(&o->n_too_large);
    }
    return result == OUTBOX_PUT;
}

static bool is_empty(const struct transport *t)
{
    for (unsigned i = 0; i < t->n_workers; i++) {
        if (!outbox_is_empty(&t->outboxes[i])) {
            return false;
        }
    }
    return true;
}

bool transport_finish(struct transport *t, uint64_t timeout_ns)
{
    uint64_t start = clock_monotonic_ns(), now = start;
    bool finished;

    pthread_mutex_lock(&t->mutex);
    atomic_fetch_add(&t->n_sleepers, 1);
    while (!(finished = is_empty(t)) && now - start < timeout_ns) {
        uint64_t left = timeout_ns - (now - start);

        sleep_until(t, now + (left < SLEEP_NS ? left : SLEEP_NS));
        now = clock_monotonic_ns();
    }
    atomic_fetch_sub(&t->n_sleepers, 1);
    pthread_mutex_unlock(&t->mutex);
    return finished;
}

void transport_interrupt(struct transport *t)
{
    atomic_store(&t->interrupted, true);
    transport_wake(t);
}

void transport_ledger_read(const struct transport *t, struct transport_ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    for (unsigned i = 0; i < t->n_workers; i++) {
        const struct outbox *o = &t->outboxes[i];

        ledger->acked += atomic_load(&o->n_acked);
        ledger->sent += atomic_load(&o->n_sent);
        ledger->resent += atomic_load(&o->n_resent);
        ledger->too_large += atomic_load(&o->n_too_large);
        for (unsigned p = 0; p < TRANSPORT_N_PRIORITIES; p++) {
            ledger->shed_by_priority[p] += atomic_load(&o->n_shed[p]);
        }
        ledger->offered += atomic_load(&o->n_offered);
    }
    for (unsigned p = 0; p < TRANSPORT_N_PRIORITIES; p++) {
        ledger->shed += ledger->shed_by_priority[p];
    }
    ledger->held = ledger->offered - ledger->acked - ledger->shed - ledger->too_large;
    ledger->connections = atomic_load(&t->n_connections);
}

bool transport_is_connected(const struct transport *t)
{
    return atomic_load(&t->connected);
}

void transport_close(struct transport *t)
{
    if (t == NULL) {
        return;
    }
    transport_interrupt(t);
    atomic_store(&t->closing, true);
    pthread_join(t->uplink, NULL);
    free_transport(t);
}
