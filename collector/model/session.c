#include "collector/model/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/list.h"

struct pending {
    uint64_t number;
    bool is_settled;
};

/* One worker.  Tickets count arrivals from 0; the ring holds those of first to next. */
struct lane {
    uint64_t received;          /* Last number. */
    uint64_t durable;
    uint64_t first, next;       /* Tickets. */
    struct pending *ring;       /* Owned; 'cap' is 0 or a power of two. */
    size_t cap;
};

struct session {
    struct sessions *table;
    struct list_node node;      /* Left longest ago first. */
    char sensor[SESSION_SENSOR_SIZE];
    uint64_t epoch;
    unsigned n_users;           /* Streams. */
    uint64_t n_pending;         /* Receipts that are out. */
    unsigned n_workers;
    struct lane lanes[];
};

struct sessions {
    pthread_mutex_t mutex;      /* Guards all below and all sessions. */
    struct list_node list;
    size_t n, max;
};

struct sessions *sessions_create(size_t max)
{
    struct sessions *table = xcalloc(1, sizeof *table);

    pthread_mutex_init(&table->mutex, NULL);
    list_init(&table->list);
    table->max = max;
    return table;
}

static void free_session(struct session *session)
{
    list_remove(&session->node);
    session->table->n--;
    for (unsigned i = 0; i < session->n_workers; i++) {
        free(session->lanes[i].ring);
    }
    free(session);
}

void sessions_destroy(struct sessions *table)
{
    if (table == NULL) {
        return;
    }
    LIST_FOR_EACH_SAFE(node, following, &table->list) {
        free_session(LIST_ENTRY(node, struct session, node));
    }
    pthread_mutex_destroy(&table->mutex);
    free(table);
}

static struct session *find(struct sessions *table, const char *sensor, uint64_t epoch)
{
    LIST_FOR_EACH(node, &table->list) {
        struct session *session = LIST_ENTRY(node, struct session, node);

        if (session->epoch == epoch && strcmp(session->sensor, sensor) == 0) {
            return session;
        }
    }
    return NULL;
}

/* True if there is room for one more. */
static bool make_room(struct sessions *table)
{
    if (table->n < table->max) {
        return true;
    }
    LIST_FOR_EACH(node, &table->list) {
        struct session *session = LIST_ENTRY(node, struct session, node);

        if (session->n_users == 0 && session->n_pending == 0) {
            free_session(session);
            return true;
        }
    }
    return false;
}

static struct session *add(struct sessions *table, const char *sensor, uint64_t epoch,
                           unsigned n_workers)
{
    struct session *session;

    if (n_workers == 0 || n_workers > SESSION_MAX_WORKERS
        || strlen(sensor) >= SESSION_SENSOR_SIZE || !make_room(table)) {
        return NULL;
    }
    session = xcalloc(1, sizeof *session + n_workers * sizeof session->lanes[0]);
    session->table = table;
    snprintf(session->sensor, sizeof session->sensor, "%s", sensor);
    session->epoch = epoch;
    session->n_workers = n_workers;
    list_push_back(&table->list, &session->node);
    table->n++;
    return session;
}

struct session *sessions_enter(struct sessions *table, const char *sensor, uint64_t epoch,
                               unsigned n_workers)
{
    struct session *session;

    pthread_mutex_lock(&table->mutex);
    session = find(table, sensor, epoch);
    if (session == NULL) {
        session = add(table, sensor, epoch, n_workers);
    } else if (session->n_workers != n_workers) {
        session = NULL;
    }
    if (session != NULL) {
        session->n_users++;
    }
    pthread_mutex_unlock(&table->mutex);
    return session;
}

void session_leave(struct session *session)
{
    struct sessions *table = session->table;

    pthread_mutex_lock(&table->mutex);
    session->n_users--;
    list_remove(&session->node);
    list_push_back(&table->list, &session->node);
    pthread_mutex_unlock(&table->mutex);
}

const char *session_sensor(const struct session *session)
{
    return session->sensor;
}

uint64_t session_epoch(const struct session *session)
{
    return session->epoch;
}

unsigned session_n_workers(const struct session *session)
{
    return session->n_workers;
}

static struct pending *pending_at(struct lane *lane, uint64_t ticket)
{
    return &lane->ring[ticket & (lane->cap - 1)];
}

static void grow(struct lane *lane)
{
    struct lane old = *lane;

    lane->cap = old.cap != 0 ? old.cap * 2 : 64;
    lane->ring = xcalloc(lane->cap, sizeof *lane->ring);
    for (uint64_t t = old.first; t != old.next; t++) {
        *pending_at(lane, t) = *pending_at(&old, t);
    }
    free(old.ring);
}

bool session_receive(struct session *session, unsigned worker, uint64_t number,
                     struct receipt *receipt)
{
    struct lane *lane = &session->lanes[worker];
    bool is_new;

    pthread_mutex_lock(&session->table->mutex);
    is_new = number > lane->received;
    if (is_new) {
        if (lane->next - lane->first == lane->cap) {
            grow(lane);
        }
        receipt->session = session;
        receipt->worker = worker;
        receipt->number = number;
        receipt->ticket = lane->next++;
        *pending_at(lane, receipt->ticket) = (struct pending) { number, false };
        lane->received = number;
        session->n_pending++;
    }
    pthread_mutex_unlock(&session->table->mutex);
    return is_new;
}

void session_settle(const struct receipt *receipt)
{
    struct session *session = receipt->session;
    struct lane *lane = &session->lanes[receipt->worker];

    pthread_mutex_lock(&session->table->mutex);
    pending_at(lane, receipt->ticket)->is_settled = true;
    while (lane->first != lane->next && pending_at(lane, lane->first)->is_settled) {
        lane->durable = pending_at(lane, lane->first)->number;
        lane->first++;
    }
    session->n_pending--;
    pthread_mutex_unlock(&session->table->mutex);
}

uint64_t session_durable(const struct session *session, unsigned worker)
{
    uint64_t durable;

    pthread_mutex_lock(&session->table->mutex);
    durable = session->lanes[worker].durable;
    pthread_mutex_unlock(&session->table->mutex);
    return durable;
}
