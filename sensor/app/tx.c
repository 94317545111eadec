/* Transactions and the memory they live in. */
#include <stdlib.h>

#include "sensor/app/app_private.h"
#include "sensor/app/file.h"

/* Room for the transaction and what most of them keep, in one block. */
#define TX_BLOCK_LARGE 4096
#define TX_BLOCK_SMALL 1024
#define TX_LARGE 256

/* What the arena may still grow by, seen from session and engine. */
static void set_arena_limit(struct app_tx *tx)
{
    const struct app_conf *conf = tx->session->engine->conf;
    uint64_t session = tx->session->memory, all = tx->session->engine->counters.memory;
    uint64_t left = session < conf->session_memory ? conf->session_memory - session : 0;
    uint64_t left_all = all < conf->memory ? conf->memory - all : 0;

    tx->arena.limit = tx->arena.used + (left < left_all ? left : left_all);
}

bool app_memory_take(struct app_session *s, size_t size)
{
    const struct app_conf *conf = s->engine->conf;
    uint64_t *all = &s->engine->counters.memory;

    if (s->memory > conf->session_memory || size > conf->session_memory - s->memory
        || *all > conf->memory || size > conf->memory - *all) {
        return false;
    }
    s->memory += size;
    *all += size;
    return true;
}

void app_memory_give(struct app_session *s, size_t size)
{
    s->memory -= size;
    s->engine->counters.memory -= size;
}

/* The arena's growth since the last call.  It may pass the limits by what one call of a
 * parser allocated; the arena's own limit keeps that small. */
static void account(struct app_tx *tx)
{
    size_t grown = tx->arena.used - tx->charged;

    if (grown != 0) {
        tx->session->memory += grown;
        tx->session->engine->counters.memory += grown;
        tx->charged = tx->arena.used;
    }
    set_arena_limit(tx);
}

static void set_moved(struct app_tx *tx)
{
    if (!tx->has_moved) {
        tx->has_moved = true;
        list_push_back(&tx->session->moved, &tx->moved_node);
    }
}

void app_tx_rest(struct app_tx *tx)
{
    if (tx->has_moved) {
        tx->has_moved = false;
        list_remove(&tx->moved_node);
    }
}

/* Those that are over go at the end of the packet; one packet may not make too many either. */
static bool has_room(const struct app_session *s)
{
    uint64_t max = s->engine->conf->max_transactions;

    return s->n_open - s->n_over < max && s->n_open < 2 * max;
}

struct app_tx *app_tx_surplus(const struct app_session *s, uint64_t max)
{
    uint64_t most = s->engine->conf->max_transactions;

    if (s->n_open - s->n_over < (max < most ? max : most)) {
        return NULL;
    }
    struct app_tx *tx = app_tx_first_own(s);

    while (tx != NULL && tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT]) {
        tx = app_tx_next(s, tx);
    }
    return tx;
}

void *app_tx_new(struct app_session *s, size_t size, uint64_t now_ns)
{
    struct app_engine *e = s->engine;
    struct arena arena;

    arena_init(&arena, size > TX_LARGE ? TX_BLOCK_LARGE : TX_BLOCK_SMALL, SIZE_MAX / 2);
    struct app_tx *tx = NULL;
    if (has_room(s) && s->memory < e->conf->session_memory
        && e->counters.memory < e->conf->memory) {
        tx = arena_alloc(&arena, size);
    }
    if (tx == NULL) {
        e->counters.txs_refused++;
        return NULL;
    }
    tx->arena = arena;
    tx->session = s;
    tx->parser = s->parser;
    tx->id = s->n_txs++ - s->first_id;
    tx->first_ns = tx->last_ns = now_ns;
    tx->is_logged = s->is_quiet;
    list_init(&tx->files);
    list_push_back(&s->txs, &tx->node);
    set_moved(tx);
    s->n_open++;
    e->counters.txs++;
    e->counters.txs_by_proto[s->parser->proto]++;
    account(tx);
    return tx;
}

void app_tx_end(struct app_tx *tx)
{
    struct app_session *s = tx->session;

    if (s->engine->tx_end != NULL) {
        s->engine->tx_end(s->engine->context, tx);
    }
    if (tx->parser->tx_free != NULL) {
        tx->parser->tx_free(tx);
    }
    LIST_FOR_EACH_SAFE (node, next, &tx->files) {
        app_file_free(tx, LIST_ENTRY(node, struct app_file, node));
    }
    app_tx_rest(tx);
    list_remove(&tx->node);
    s->n_open--;
    s->n_over -= tx->is_over;
    app_memory_give(s, tx->charged);
    struct arena arena = tx->arena;         /* The transaction itself stands in it. */
    arena_fini(&arena);
}

void app_tx_changed(struct app_tx *tx, enum direction dir)
{
    tx->changes[dir]++;
    if (!tx->is_over && tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT]) {
        tx->is_over = true;
        tx->session->n_over++;
    }
    if (tx->is_done[dir] && !tx->was_done[dir]) {
        tx->was_done[dir] = true;
        if (!tx->parser->tells_raw) {
            stream_raw_trigger(tx->session->flow, dir);
        }
    }
    set_moved(tx);
    account(tx);
}

void app_tx_set_event(struct app_tx *tx, unsigned bit)
{
    tx->events |= 1ull << bit;
    set_moved(tx);
}

void app_tx_repeat_event(struct app_tx *tx, unsigned bit)
{
    if ((tx->events >> bit & 1) == 0) {
        app_tx_set_event(tx, bit);
        return;
    }
    if (tx->repeats == NULL) {
        tx->repeats = arena_alloc(&tx->arena, 64);
    }
    if (tx->repeats != NULL && tx->repeats[bit] < UINT8_MAX) {
        tx->repeats[bit]++;
        set_moved(tx);
    }
}

void app_tx_set_message(struct app_tx *tx, enum direction dir)
{
    tx->is_inspected[direction_reverse(dir)] = true;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->is_done[d] = true;
        app_tx_changed(tx, (enum direction) d);
    }
}

void app_session_set_event(struct app_session *s, unsigned bit)
{
    s->events |= 1ull << bit;
}

bool app_bytes_put(struct app_session *s, struct app_bytes *b, const void *bytes,
                   size_t size)
{
    if (size > b->cap - b->size) {
        size_t cap = b->cap != 0 ? b->cap : 256;
        while (cap - b->size < size) {
            if (cap > SIZE_MAX / 4) {
                return false;
            }
            cap *= 2;
        }
        if (!app_memory_take(s, cap - b->cap)) {
            return false;
        }
        uint8_t *grown = realloc(b->bytes, cap);
        if (grown == NULL) {
            app_memory_give(s, cap - b->cap);
            return false;
        }
        b->bytes = grown;
        b->cap = cap;
    }
    if (size != 0) {
        memcpy(b->bytes + b->size, bytes, size);
        b->size += size;
    }
    return true;
}

void app_bytes_free(struct app_session *s, struct app_bytes *b)
{
    if (b->cap != 0) {
        app_memory_give(s, b->cap);
        free(b->bytes);
    }
    *b = (struct app_bytes) { 0 };
}
