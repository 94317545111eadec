#include "sensor/app/transfer.h"

#include <stdlib.h>

/* Chunks kept out of order in one file, whatever its protocol allows. */
#define MAX_QUEUED 1024u

struct kept_chunk {
    struct list_node node;      /* In transfer->queue. */
    uint64_t offset;
    struct app_bytes bytes;
};

static struct kept_chunk *chunk_of(struct list_node *node)
{
    return LIST_ENTRY(node, struct kept_chunk, node);
}

void app_transfer_init(struct app_transfer *t)
{
    *t = (struct app_transfer) { 0 };
    list_init(&t->queue);
}

static void drop_chunk(struct app_tx *tx, struct app_transfer *t, struct kept_chunk *c)
{
    t->queued -= c->bytes.size;
    t->n_queued--;
    list_remove(&c->node);
    app_bytes_free(tx->session, &c->bytes);
    app_memory_give(tx->session, sizeof *c);
    free(c);
}

static void drop_queue(struct app_tx *tx, struct app_transfer *t)
{
    t->kept = NULL;
    LIST_FOR_EACH_SAFE (node, next, &t->queue) {
        drop_chunk(tx, t, chunk_of(node));
    }
}

/* A place for what comes before its turn; NULL: it is there already, or there is no room. */
static struct kept_chunk *keep_chunk(struct app_tx *tx, struct app_transfer *t,
                                     uint64_t offset)
{
    struct list_node *at = t->queue.next;

    while (at != &t->queue && chunk_of(at)->offset < offset) {
        at = at->next;
    }
    if ((at != &t->queue && chunk_of(at)->offset == offset) || t->n_queued == MAX_QUEUED
        || !app_memory_take(tx->session, sizeof(struct kept_chunk))) {
        return NULL;
    }
    struct kept_chunk *c = calloc(1, sizeof *c);
    if (c == NULL) {
        app_memory_give(tx->session, sizeof *c);
        return NULL;
    }
    c->offset = offset;
    list_insert(at, &c->node);
    t->n_queued++;
    return c;
}

static void append(struct app_tx *tx, struct app_transfer *t, struct slice bytes,
                   uint32_t gap)
{
    t->tracked += bytes.size + gap;
    if (t->is_truncated || t->file == NULL) {
        return;
    }
    app_file_append(tx, t->file, bytes.bytes, bytes.size);
    if (gap != 0) {
        app_file_gap(tx, t->file, gap);
    }
}

/* The next chunk was handed on: those that waited behind it follow. */
static void append_queue(struct app_tx *tx, struct app_transfer *t)
{
    LIST_FOR_EACH_SAFE (node, next, &t->queue) {
        struct kept_chunk *c = chunk_of(node);

        if (c->offset > t->tracked) {
            return;
        }
        if (c->offset == t->tracked) {
            append(tx, t, slice_of(c->bytes.bytes, c->bytes.size), 0);
        }
        drop_chunk(tx, t, c);
    }
}

static void open_file(struct app_tx *tx, struct app_transfer *t, enum direction dir,
                      struct slice name, uint64_t limit)
{
    t->file = app_file_open(tx, dir, name, limit);
    t->is_open = t->file != NULL;
    t->is_truncated = false;
    t->tracked = 0;
}

void app_transfer_chunk(struct app_tx *tx, struct app_transfer *t, enum direction dir,
                        struct slice name, uint64_t limit, uint64_t offset, uint32_t size,
                        struct slice bytes)
{
    if (t->left != 0) {
        app_transfer_truncate(tx, t);           /* The one before was not all there. */
    }
    if (!t->is_open) {
        open_file(tx, t, dir, name, limit);
    }
    uint64_t before = offset < t->tracked ? t->tracked - offset : 0;
    t->left = size;
    t->skip = before < size ? (uint32_t) before : size;
    t->is_ooo = offset > t->tracked;
    t->kept = t->is_ooo && !t->is_truncated && t->is_open ? keep_chunk(tx, t, offset) : NULL;
    app_transfer_data(tx, t, bytes);
}

/* What of the present chunk is here, or missing: exactly one of the two. */
static void take(struct app_tx *tx, struct app_transfer *t, struct slice bytes, uint32_t gap)
{
    uint32_t size = (uint32_t) bytes.size + gap;
    uint32_t skip = size < t->skip ? size : t->skip;

    t->left -= size;
    t->skip -= skip;
    if (!t->is_ooo) {
        append(tx, t, slice_from(bytes, gap == 0 ? skip : 0), gap != 0 ? gap - skip : 0);
    } else if (t->kept != NULL) {
        struct kept_chunk *c = t->kept;
        /* One with a gap is of no use: what is behind it will not follow it. */
        bool is_kept = gap == 0 && app_bytes_put(tx->session, &c->bytes, bytes.bytes,
                                                 bytes.size);

        if (!is_kept) {
            drop_chunk(tx, t, c);
            t->kept = NULL;
        } else {
            t->queued += bytes.size;
        }
    }
    if (t->left == 0) {
        t->kept = NULL;
        if (!t->is_ooo) {
            append_queue(tx, t);
        }
        t->is_ooo = false;
    }
}

void app_transfer_data(struct app_tx *tx, struct app_transfer *t, struct slice bytes)
{
    if (bytes.size > t->left) {
        bytes.size = t->left;
    }
    if (bytes.size != 0) {
        take(tx, t, bytes, 0);
    }
}

void app_transfer_gap(struct app_tx *tx, struct app_transfer *t, uint32_t size)
{
    if (size > t->left) {
        size = t->left;
    }
    if (size != 0) {
        take(tx, t, slice_of(NULL, 0), size);
    }
}

void app_transfer_close(struct app_tx *tx, struct app_transfer *t)
{
    if (t->is_open && !t->is_truncated) {
        app_file_close(tx, t->file, FILE_CLOSED);
    }
    t->is_open = false;
    t->left = 0;
    drop_queue(tx, t);
}

void app_transfer_truncate(struct app_tx *tx, struct app_transfer *t)
{
    if (t->is_open && !t->is_truncated) {
        app_file_close(tx, t->file, FILE_TRUNCATED);
        t->is_truncated = true;
    }
    drop_queue(tx, t);
}

void app_transfer_abandon(struct app_tx *tx, struct app_transfer *t)
{
    if (t->is_open && !t->is_truncated) {
        app_file_abandon(tx, t->file);
        t->is_truncated = true;
    }
    drop_queue(tx, t);
}

void app_transfer_free(struct app_tx *tx, struct app_transfer *t)
{
    drop_queue(tx, t);
}
