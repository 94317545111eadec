/* Files that are fetched in ranges (RFC 9110 section 14), one after the other or over
 * several connections.  Each range is a file of its own; when nothing is missing any more,
 * the whole is one more file of the response that completed it.
 *
 * Ranges are kept per worker, by host, path and size of the whole, up to a number of bytes
 * and of files; the one that was added to longest ago goes first. */
#include <stdlib.h>

#include "sensor/app/http/http.h"

#define MAX_FILES 64
#define MAX_PIECES 4096         /* Of one file. */
#define MAX_KEY 4096
#define MAX_AGE_NS (300ull * 1000000000)

struct piece {
    struct piece *next;
    uint64_t start;
    size_t size;
    uint8_t bytes[];
};

struct range_file {
    struct list_node node;      /* Least recently added to in front. */
    uint64_t size, have;        /* Bytes of the whole, and of those that are there. */
    uint64_t last_ns;
    struct piece *pieces;       /* In order, never overlapping. */
    size_t n_pieces;
    size_t key_size;
    uint8_t key[];              /* Host, NUL, path. */
};

struct ranges {
    struct list_node files;
    size_t n_files;
    uint64_t memory;            /* Bytes of all pieces. */
};

/* A decimal number at the front of '*s'; '*s' goes behind it. */
static bool take_number(struct slice *s, uint64_t *value)
{
    size_t n = 0;

    *value = 0;
    while (n < s->size && n < 18 && s->bytes[n] >= '0' && s->bytes[n] <= '9') {
        *value = *value * 10 + (uint64_t) (s->bytes[n++] - '0');
    }
    *s = slice_of(s->bytes + n, s->size - n);
    return n != 0;
}

static bool take_char(struct slice *s, char c)
{
    bool has = s->size != 0 && s->bytes[0] == (uint8_t) c;
    *s = slice_of(s->bytes + has, s->size - has);
    return has;
}

bool http_range_read(struct slice value, struct http_range *r)
{
    if (value.size < 5 || strncasecmp((const char *) value.bytes, "bytes", 5) != 0) {
        return false;
    }
    value = http_trim(slice_from(value, 5));
    if (!take_number(&value, &r->start) || !take_char(&value, '-')
        || !take_number(&value, &r->end) || !take_char(&value, '/')) {
        return false;
    }
    r->has_size = take_number(&value, &r->size);
    return true;
}

static void forget(struct ranges *all, struct range_file *f)
{
    for (struct piece *p = f->pieces, *next; p != NULL; p = next) {
        next = p->next;
        all->memory -= p->size;
        free(p);
    }
    list_remove(&f->node);
    all->n_files--;
    free(f);
}

static void forget_first(struct ranges *all)
{
    forget(all, LIST_ENTRY(list_front(&all->files), struct range_file, node));
}

void http_ranges_free(void *shelf)
{
    struct ranges *all = shelf;

    while (all != NULL && !list_is_empty(&all->files)) {
        forget_first(all);
    }
    free(all);
}

static struct ranges *get_ranges(struct http_tx *tx)
{
    void **shelf = app_engine_shelf(tx->tx.session->engine, APP_HTTP1);

    if (*shelf == NULL) {
        struct ranges *all = calloc(1, sizeof *all);
        if (all != NULL) {
            list_init(&all->files);
        }
        *shelf = all;
    }
    return *shelf;
}

/* The file that this transaction's path names, or a new one. */
static struct range_file *get_file(struct ranges *all, struct http_tx *tx, uint64_t size)
{
    struct slice host = tx->host, path = tx->uri_raw;
    size_t key_size = host.size + 1 + path.size;

    if (key_size > MAX_KEY || path.size == 0) {
        return NULL;
    }
    struct range_file *f = calloc(1, sizeof *f + key_size);
    if (f == NULL) {
        return NULL;
    }
    if (host.size != 0) {
        memcpy(f->key, host.bytes, host.size);
    }
    memcpy(f->key + host.size + 1, path.bytes, path.size);
    f->key_size = key_size;
    f->size = size;
    LIST_FOR_EACH (node, &all->files) {
        struct range_file *old = LIST_ENTRY(node, struct range_file, node);
        if (old->size == size && slice_equal(slice_of(old->key, old->key_size),
                                             slice_of(f->key, key_size))) {
            free(f);
            list_remove(&old->node);
            list_push_back(&all->files, &old->node);
            return old;
        }
    }
    if (all->n_files == MAX_FILES) {
        forget_first(all);
    }
    list_push_back(&all->files, &f->node);
    all->n_files++;
    return f;
}

/* Fills the holes that 'bytes' covers; what is there already stays.  False: no room. */
static bool add_bytes(struct ranges *all, struct range_file *f, uint64_t start,
                      struct slice bytes)
{
    struct piece **link = &f->pieces;

    while (bytes.size != 0) {
        struct piece *p = *link;
        size_t n = bytes.size;

        if (p != NULL && p->start <= start) {
            uint64_t there = p->start + p->size;
            size_t skip = there <= start         ? 0
                          : there - start >= n   ? n
                                                 : (size_t) (there - start);
            bytes = slice_of(bytes.bytes + skip, n - skip);
            start += skip;
            link = &p->next;
            continue;
        }
        n = p != NULL && p->start - start < n ? (size_t) (p->start - start) : n;
        struct piece *new = f->n_pieces < MAX_PIECES ? malloc(sizeof *new + n) : NULL;
        if (new == NULL) {
            return false;
        }
        new->next = p;
        new->start = start;
        new->size = n;
        memcpy(new->bytes, bytes.bytes, n);
        *link = new;
        link = &new->next;
        f->n_pieces++;
        f->have += n;
        all->memory += n;
        bytes = slice_from(bytes, n);
        start += n;
    }
    return true;
}

/* Everything is there: the whole becomes a file of the transaction. */
static void deliver_whole(struct http_tx *tx, const struct range_file *f, struct slice name)
{
    struct app_file *whole = app_file_open(&tx->tx, TO_CLIENT, name,
                                           http_conf(tx)->http_response_body_limit);

    for (const struct piece *p = f->pieces; whole != NULL && p != NULL; p = p->next) {
        app_file_append(&tx->tx, whole, p->bytes, p->size);
    }
    if (whole != NULL) {
        app_file_close(&tx->tx, whole, FILE_CLOSED);
    }
}

static bool is_whole_range(const struct app_file *file, const struct http_range *r)
{
    return r->has_size && r->start <= r->end && r->end < r->size
           && file->state == FILE_CLOSED && file->data.size == file->size
           && file->size == r->end - r->start + 1 && file->size < r->size;
}

void http_range_take(struct http_tx *tx, const struct app_file *file)
{
    const struct http_header *h = http_find(&tx->msgs[TO_CLIENT], HTTP_FIELD_CONTENT_RANGE);
    uint64_t limit = http_conf(tx)->http_range_memory, now_ns = tx->tx.last_ns;
    struct http_range r;

    if (tx->status != 206 || h == NULL || !http_range_read(h->value, &r)
        || !is_whole_range(file, &r) || r.size > limit) {
        return;
    }
    struct ranges *all = get_ranges(tx);
    struct range_file *f = all != NULL ? get_file(all, tx, r.size) : NULL;
    if (f == NULL) {
        return;
    }
    f->last_ns = now_ns;
    if (!add_bytes(all, f, r.start, file->data)) {
        forget(all, f);
    } else if (f->have == f->size) {
        deliver_whole(tx, f, file->name);
        forget(all, f);
    }
    while (!list_is_empty(&all->files)) {
        f = LIST_ENTRY(list_front(&all->files), struct range_file, node);
        if (all->memory <= limit
            && (f->last_ns >= now_ns || now_ns - f->last_ns <= MAX_AGE_NS)) {
            break;
        }
        forget(all, f);
    }
}
