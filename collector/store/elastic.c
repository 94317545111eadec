/* The store's thread.
 *
 *   store_add() -> open bulk -> full bulks -> in flight -> settled
 *                                   ^             |
 *                                   '-- retried --'
 *
 * It starts with a check of the templates; until that has succeeded, and after each failure
 * that looks like an absent or broken cluster, nothing is sent and the store is not ready.
 * The check is repeated now and then, so that a quiet collector notices, too. */
#include <stdio.h>
#include <stdlib.h>

#include "collector/store/response.h"
#include "collector/store/store_private.h"
#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"

#define MODULE "store"
#define CHECK_NS (10 * NS_PER_SEC)
#define MAX_SLEEP_NS NS_PER_SEC

/* ---- State ---- */

static void set_ready(struct store *s)
{
    bool was_ready;

    pthread_mutex_lock(&s->mutex);
    was_ready = s->is_ready;
    s->is_ready = true;
    pthread_mutex_unlock(&s->mutex);
    if (!was_ready) {
        log_info(MODULE, "elasticsearch is ready", "url=%s", s->conf->url);
    }
}

static void set_not_ready(struct store *s, const char *reason)
{
    bool is_news;

    pthread_mutex_lock(&s->mutex);
    is_news = s->is_ready || strncmp(s->reason, reason, sizeof s->reason - 1) != 0;
    s->is_ready = false;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    pthread_mutex_unlock(&s->mutex);
    if (is_news) {
        log_warn(MODULE, "elasticsearch is not ready", "reason=\"%s\"", reason);
    }
}

/* Several requests that fail together are one failure. */
static void pause_sending(struct store *s)
{
    uint64_t now = clock_monotonic_ns();

    if (now >= s->pause_until_ns) {
        s->pause_until_ns = now + backoff_next(&s->backoff) * NS_PER_MS;
    }
}

static void take_check_result(void *state, const char *reason)
{
    struct store *s = state;

    s->is_checking = false;
    if (reason == NULL) {
        set_ready(s);
        s->check_at_ns = clock_monotonic_ns() + CHECK_NS;
    } else {
        set_not_ready(s, reason);
        pause_sending(s);
        s->check_at_ns = s->pause_until_ns;
    }
}

/* ---- Outcomes ---- */

static void settle(struct store *s, const struct bulk_item *item, enum store_outcome outcome)
{
    s->settled(s->state, &item->receipt, outcome);
    pthread_mutex_lock(&s->mutex);
    if (--s->n_unsettled == 0) {
        pthread_cond_broadcast(&s->drained);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* To the front: what was first stays first. */
static void put_back(struct store *s, struct bulk *bulk)
{
    pthread_mutex_lock(&s->mutex);
    list_push_front(&s->full, &bulk->node);
    pthread_mutex_unlock(&s->mutex);
}

/* An item that will not be taken: 'dead' gets its dead letter. */
static void reject_item(struct store *s, const struct bulk *bulk, size_t i,
                        const char *reason, struct bulk *dead)
{
    const struct bulk_item *item = &bulk->items[i];
    struct slice id = bulk_item_id(bulk, i);

    if (item->is_dead_letter) {
        log_limited(LOG_LEVEL_ERROR, MODULE, "the dead-letter index refuses a document",
                    "id=%.*s reason=\"%.200s\"", (int) id.size, (const char *) id.bytes,
                    reason);
        settle(s, item, STORE_DISCARDED);
        return;
    }
    log_limited(LOG_LEVEL_WARN, MODULE, "a document was refused", "id=%.*s reason=\"%.200s\"",
                (int) id.size, (const char *) id.bytes, reason);
    bulk_add_dead_letter(dead, id, reason, bulk_item_document(bulk, i), &item->receipt,
                         clock_wall_ns());
}

static void take_item(struct store *s, struct bulk *bulk, size_t i,
                      const struct item_result *result, struct bulk *again,
                      struct bulk *dead)
{
    const struct bulk_item *item = &bulk->items[i];
    enum item_verdict verdict = result->verdict;

    if (verdict == ITEM_RETRY_FEW) {
        verdict = bulk_item_may_try_again(bulk, i) ? ITEM_RETRY : ITEM_REJECTED;
    }
    switch (verdict) {
    case ITEM_CREATED:
        settle(s, item, item->is_dead_letter ? STORE_DEAD_LETTER : STORE_INDEXED);
        break;
    case ITEM_EXISTS:
        settle(s, item, STORE_DUPLICATE);
        break;
    case ITEM_RETRY:
        bulk_add_item(again, bulk, i);
        break;
    default:
        reject_item(s, bulk, i, result->reason, dead);
        break;
    }
}

/* Puts a bulk that may be empty to the front, or frees it. */
static void send_rest(struct store *s, struct bulk *rest)
{
    if (rest->n != 0) {
        put_back(s, rest);
    } else {
        bulk_destroy(rest);
    }
}

/* Takes the bulk. */
static void take_items(struct store *s, struct bulk *bulk, const struct item_result *results)
{
    struct bulk *again = bulk_create(), *dead = bulk_create();

    for (size_t i = 0; i < bulk->n; i++) {
        take_item(s, bulk, i, &results[i], again, dead);
    }
    if (again->n != 0) {
        log_limited(LOG_LEVEL_WARN, MODULE, "documents will be sent again", "n=%zu",
                    again->n);
        counter_add(&s->counters->retried, again->n);
        pause_sending(s);
    } else {
        backoff_reset(&s->backoff);
    }
    send_rest(s, again);
    send_rest(s, dead);
    bulk_destroy(bulk);
}

/* Takes the bulk: nothing is known about its documents, so all are sent again. */
static void take_failure(struct store *s, struct bulk *bulk, const char *reason,
                         bool is_overload)
{
    counter_add(&s->counters->bulk_failures, 1);
    counter_add(&s->counters->retried, bulk->n);
    log_limited(LOG_LEVEL_WARN, MODULE, "a bulk request failed", "n=%zu reason=\"%.200s\"",
                bulk->n, reason);
    pause_sending(s);
    put_back(s, bulk);
    if (!is_overload) {
        set_not_ready(s, reason);
        s->check_at_ns = s->pause_until_ns;
    }
}

/* Takes the bulk: something in it is not accepted; halves tell what. */
static void take_split(struct store *s, struct bulk *bulk, long http_status)
{
    struct bulk *first, *second;
    char reason[64];

    snprintf(reason, sizeof reason, "%ld: the request was refused", http_status);
    /* Our lines are never malformed: it is rather that no Elasticsearch answers there, and
     * what it says is no ground to give anything up.  The check of the templates tells. */
    if (bulk->n == 1 && http_status != 413 && bulk_item_may_try_again(bulk, 0)) {
        take_failure(s, bulk, reason, false);
        return;
    }
    first = bulk_create();
    second = bulk_create();
    if (bulk->n == 1) {
        reject_item(s, bulk, 0, reason, first);
    } else {
        for (size_t i = 0; i < bulk->n; i++) {
            bulk_add_item(i < bulk->n / 2 ? first : second, bulk, i);
        }
        counter_add(&s->counters->retried, bulk->n);
    }
    send_rest(s, second);
    send_rest(s, first);
    bulk_destroy(bulk);
}

static void take_answer(struct store *s, struct bulk *bulk, struct slice answer)
{
    struct item_result *results = xcalloc(bulk->n, sizeof *results);
    size_t n = bulk->n;

    if (response_read(answer, results, n)) {
        take_items(s, bulk, results);
        response_free(results, n);
    } else {
        take_failure(s, bulk, "the answer to a bulk request was not understood", false);
    }
    free(results);
}

static void take_bulk_end(void *state, long http_status, struct slice answer,
                          const char *error)
{
    struct flight *flight = state;
    struct store *s = flight->store;
    struct bulk *bulk = flight->bulk;
    char reason[64];

    list_remove(&flight->node);
    free(flight);
    s->n_in_flight--;
    counter_sub(&s->counters->bulks_in_flight, 1);
    if (http_status == 0) {
        take_failure(s, bulk, error, false);
        return;
    }
    switch (response_request_verdict(http_status)) {
    case REQUEST_DONE:
        take_answer(s, bulk, answer);
        break;
    case REQUEST_SPLIT:
        take_split(s, bulk, http_status);
        break;
    case REQUEST_RETRY:
        snprintf(reason, sizeof reason, "HTTP status %ld", http_status);
        take_failure(s, bulk, reason, http_status == 429);
        break;
    }
}

/* ---- The loop ---- */

/* The next bulk that may be sent now, or NULL; '*wait_ns' gets shorter when the open one
 * will be due sooner. */
static struct bulk *take_due_bulk(struct store *s, uint64_t now, uint64_t *wait_ns)
{
    struct bulk *bulk = NULL;
    struct list_node *node;

    pthread_mutex_lock(&s->mutex);
    if (s->open != NULL) {
        uint64_t age = now - s->open->begun_ns;

        if (s->draining || age >= s->conf->bulk_delay_ns) {
            store_close_open_bulk(s);
        } else if (*wait_ns > s->conf->bulk_delay_ns - age) {
            *wait_ns = s->conf->bulk_delay_ns - age;
        }
    }
    node = list_front(&s->full);
    if (node != NULL && s->is_ready && s->n_in_flight < s->conf->requests
        && now >= s->pause_until_ns) {
        list_remove(node);
        bulk = LIST_ENTRY(node, struct bulk, node);
    }
    pthread_mutex_unlock(&s->mutex);
    return bulk;
}

static void send_bulk(struct store *s, struct bulk *bulk)
{
    struct flight *flight = xmalloc(sizeof *flight);
    struct client_request request = {
        .method = "POST",
        .path = "_bulk?filter_path=errors,items.*.status,items.*.error",
        .content_type = "application/x-ndjson",
        .body = strbuf_slice(&bulk->body),
        .done = take_bulk_end,
        .state = flight,
    };

    flight->store = s;
    flight->bulk = bulk;
    list_push_back(&s->flights, &flight->node);
    s->n_in_flight++;
    counter_add(&s->counters->bulk_requests, 1);
    counter_add(&s->counters->bulks_in_flight, 1);
    client_start(s->client, &request);
}

/* Starts what can be started; returns how long to sleep at most. */
static uint64_t act(struct store *s)
{
    uint64_t now = clock_monotonic_ns(), wait = MAX_SLEEP_NS;
    struct bulk *bulk;

    if (!s->is_checking && now >= s->check_at_ns) {
        s->is_checking = true;
        templates_check(s->templates, s->client, take_check_result, s);
    }
    while ((bulk = take_due_bulk(s, now, &wait)) != NULL) {
        send_bulk(s, bulk);
    }
    if (s->pause_until_ns > now && wait > s->pause_until_ns - now) {
        wait = s->pause_until_ns - now;
    }
    if (s->check_at_ns > now && wait > s->check_at_ns - now) {
        wait = s->check_at_ns - now;
    }
    return wait;
}

void *store_thread_main(void *store)
{
    struct store *s = store;

    while (!atomic_load(&s->closing)) {
        uint64_t wait = act(s);

        client_run(s->client, (int) (wait / NS_PER_MS + 1));
    }
    return NULL;
}
