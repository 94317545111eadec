/* The store's door: what other threads call, and its life.  Its thread is in elastic.c. */
#include "collector/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/store_private.h"
#include "common/base/alloc.h"
#include "common/base/clock.h"

#define BACKOFF_MIN_MS 200u
#define BACKOFF_MAX_MS 15000u

/* ---- Documents, from any thread ---- */

static bool is_full(const struct store *s, const struct bulk *bulk)
{
    return bulk->n >= s->conf->bulk_documents || bulk->body.size >= s->conf->bulk_bytes;
}

/* With the mutex held: the bulk to add to.  True if the thread must be woken. */
static bool begin_add(struct store *s)
{
    bool is_new = s->open == NULL;

    if (is_new) {
        s->open = bulk_create();
        s->open->begun_ns = clock_monotonic_ns();
    }
    s->n_unsettled++;
    return is_new;
}

static bool end_add(struct store *s)
{
    if (is_full(s, s->open)) {
        store_close_open_bulk(s);
        return true;
    }
    return false;
}

void store_add(struct store *s, const struct store_document *document,
               const struct receipt *receipt)
{
    bool wake;

    pthread_mutex_lock(&s->mutex);
    wake = begin_add(s);
    bulk_add(s->open, document, receipt);
    wake |= end_add(s);
    pthread_mutex_unlock(&s->mutex);
    if (wake) {
        client_wake(s->client);
    }
}

void store_add_dead_letter(struct store *s, struct slice id, const char *reason,
                           struct slice record, const struct receipt *receipt)
{
    bool wake;

    pthread_mutex_lock(&s->mutex);
    wake = begin_add(s);
    bulk_add_dead_letter(s->open, id, reason, record, receipt, clock_wall_ns());
    wake |= end_add(s);
    pthread_mutex_unlock(&s->mutex);
    if (wake) {
        client_wake(s->client);
    }
}

bool store_is_ready(struct store *s, struct strbuf *reason)
{
    bool is_ready;

    pthread_mutex_lock(&s->mutex);
    is_ready = s->is_ready;
    if (!is_ready) {
        strbuf_puts(reason, "elasticsearch: ");
        strbuf_puts(reason, s->reason);
    }
    pthread_mutex_unlock(&s->mutex);
    return is_ready;
}

/* ---- Life ---- */

static bool check_conf(const struct store_conf *conf, const struct conf_node *root,
                       struct diag *diag)
{
    const struct conf_node *url =
        root != NULL ? conf_tree_find(root, "elasticsearch.url") : NULL;

    if (strncmp(conf->url, "http://", 7) != 0 && strncmp(conf->url, "https://", 8) != 0) {
        diag_add(diag, DIAG_ERROR, url != NULL ? url->file : NULL, url != NULL ? url->line : 0,
                 url != NULL ? url->column : 0, NULL,
                 "elasticsearch.url: expected a URL with http or https, not \"%s\"",
                 conf->url);
        return false;
    }
    if (conf->ca != NULL && conf->ca[0] != '\0') {
        FILE *file = fopen(conf->ca, "re");

        if (file == NULL) {
            diag_add(diag, DIAG_ERROR, conf->ca, 0, 0, NULL, "cannot be opened");
            return false;
        }
        fclose(file);
    }
    return true;
}

bool store_check(const struct store_conf *conf, const struct conf_node *root,
                 struct diag *diag)
{
    struct client *client = check_conf(conf, root, diag) ? client_create(conf, diag) : NULL;
    bool is_good = client != NULL;

    client_destroy(client);
    return is_good;
}

static void free_store(struct store *s)
{
    client_destroy(s->client);          /* Nothing reads a body any more. */
    LIST_FOR_EACH_SAFE(node, following, &s->flights) {
        struct flight *flight = LIST_ENTRY(node, struct flight, node);

        bulk_destroy(flight->bulk);
        free(flight);
    }
    templates_destroy(s->templates);
    bulk_destroy(s->open);
    LIST_FOR_EACH_SAFE(node, following, &s->full) {
        bulk_destroy(LIST_ENTRY(node, struct bulk, node));
    }
    pthread_cond_destroy(&s->drained);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

struct store *store_open(const struct store_options *options, struct diag *diag)
{
    struct client *client = check_conf(options->conf, NULL, diag)
                                ? client_create(options->conf, diag) : NULL;
    pthread_condattr_t attributes;
    struct store *s;
    int error;

    if (client == NULL) {
        return NULL;
    }
    s = xcalloc(1, sizeof *s);
    s->conf = options->conf;
    s->counters = options->counters;
    s->settled = options->settled;
    s->state = options->state;
    s->client = client;
    s->templates = templates_create(s->conf);
    backoff_init(&s->backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS, hash_seed_random());
    list_init(&s->full);
    list_init(&s->flights);
    snprintf(s->reason, sizeof s->reason, "no answer yet");
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->drained, &attributes);
    pthread_condattr_destroy(&attributes);
    error = pthread_create(&s->thread, NULL, store_thread_main, s);
    if (error != 0) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL, "no thread for the store: %s",
                 strerror(error));
        free_store(s);
        return NULL;
    }
    return s;
}

bool store_drain(struct store *s, uint64_t timeout_ns)
{
    uint64_t deadline = clock_monotonic_ns() + timeout_ns;
    struct timespec ts = {
        .tv_sec = (time_t) (deadline / NS_PER_SEC), .tv_nsec = (long) (deadline % NS_PER_SEC)
    };
    bool is_drained;
    int error = 0;

    pthread_mutex_lock(&s->mutex);
    s->draining = true;
    client_wake(s->client);
    while (!(is_drained = s->n_unsettled == 0) && error == 0) {
        error = pthread_cond_timedwait(&s->drained, &s->mutex, &ts);
    }
    pthread_mutex_unlock(&s->mutex);
    return is_drained;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    atomic_store(&s->closing, true);
    client_wake(s->client);
    pthread_join(s->thread, NULL);
    free_store(s);
}
