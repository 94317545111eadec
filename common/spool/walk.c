/* The records of one segment in order.  What is no record is passed over to the next that is:
 * by its length where the head of a record is whole, so that nothing within its payload is
 * looked at, and else by the magic. */
#include "common/spool/spool_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"

#define WINDOW_MORE ((size_t) 128 << 10)    /* Read at a time besides one largest record. */
#define BLOCK 4096              /* Passed over where the disk cannot be read. */

void walk_init(struct walk *w, size_t max_record)
{
    memset(w, 0, sizeof *w);
    w->fd = -1;
    w->max_record = max_record;
    w->window_cap = record_size(max_record) + WINDOW_MORE;
    w->window = xmalloc(w->window_cap);
}

void walk_fini(struct walk *w)
{
    walk_close_file(w);
    free(w->window);
    w->window = NULL;
}

void walk_close_file(struct walk *w)
{
    if (w->fd >= 0) {
        close(w->fd);
    }
    w->fd = -1;
    w->window_size = 0;
}

void walk_begin(struct walk *w, int fd, const char *name, uint64_t salt, uint64_t at,
                uint64_t next)
{
    walk_close_file(w);
    w->fd = fd;
    strncpy(w->name, name, sizeof w->name - 1);
    w->salt = salt;
    w->at = w->good_end = at;
    w->next = next;
    w->limit = at;
    w->end = POSITION_NONE;
}

/* The bytes from 'at', 'n' of them at least, '*size' as many as there are; NULL when they are
 * not there or cannot be read. */
static const uint8_t *look(struct walk *w, uint64_t at, size_t n, size_t *size)
{
    uint64_t window_end = w->window_at + w->window_size;

    if (at >= w->limit || w->limit - at < n) {
        return NULL;
    }
    if (at < w->window_at || at >= window_end || window_end - at < n) {
        w->window_at = at;
        w->window_size = 0;
        while (w->window_size < n) {
            uint64_t left = w->limit - at - w->window_size;
            size_t want = w->window_cap - w->window_size;
            ssize_t got = pread(w->fd, w->window + w->window_size,
                                left < want ? (size_t) left : want,
                                (off_t) (at + w->window_size));
            if (got < 0) {
                return NULL;
            }
            if (got == 0) {                     /* It is shorter than it was said to be. */
                w->limit = at + w->window_size;
                return NULL;
            }
            w->window_size += (size_t) got;
        }
        window_end = at + w->window_size;
    }
    *size = (size_t) ((window_end < w->limit ? window_end : w->limit) - at);
    return w->window + (at - w->window_at);
}

/* From 'at' on, the next offset where a record may begin; the limit if there is none. */
static uint64_t find_magic(struct walk *w, uint64_t at)
{
    static const uint8_t magic[4] = {
        RECORD_MAGIC & 0xff, RECORD_MAGIC >> 8 & 0xff, RECORD_MAGIC >> 16 & 0xff,
        RECORD_MAGIC >> 24,
    };

    while (at < w->limit && w->limit - at >= record_size(0)) {
        size_t size;
        const uint8_t *bytes = look(w, at, record_size(0), &size), *found;

        if (bytes == NULL) {
            at = (at | (BLOCK - 1)) + 1;
            continue;
        }
        found = memmem(bytes, size, magic, sizeof magic);
        if (found != NULL) {
            return at + (uint64_t) (found - bytes);
        }
        at += size - (sizeof magic - 1);
    }
    return w->limit;
}

/* The record at w->at: its bytes when it is good.  Else NULL, and '*skip' says how far to go:
 * 0 when not even its head is good. */
static const uint8_t *read_record(struct walk *w, uint64_t *skip)
{
    size_t size, whole;
    const uint8_t *bytes = look(w, w->at, record_size(0), &size);

    *skip = 0;
    if (bytes == NULL || !record_head_is_good(bytes, w->salt, w->max_record)
        || record_position(bytes) < w->next) {
        return NULL;
    }
    whole = record_size(record_payload_size(bytes));
    *skip = whole;
    bytes = look(w, w->at, whole, &size);
    return bytes != NULL && record_is_good(bytes, w->salt) ? bytes : NULL;
}

static void fill_gap(const struct walk *w, uint64_t start, uint64_t to, struct spool_gap *gap)
{
    memset(gap, 0, sizeof *gap);
    gap->reason = start < w->at ? SPOOL_GAP_DAMAGE : SPOOL_GAP_MISSING;
    gap->from = w->next;
    gap->to = to;
    memcpy(gap->file, w->name, sizeof gap->file);
    gap->offset = start;
    gap->bytes = w->at - start;
}

/* What is left when the last record was read. */
static enum walk_step end_walk(struct walk *w, uint64_t start, struct spool_gap *gap)
{
    uint64_t to = w->end != POSITION_NONE && w->end > w->next ? w->end : w->next;

    if (start == w->at && to == w->next) {
        return WALK_END;
    }
    fill_gap(w, start, to, gap);
    w->next = to;
    return WALK_GAP;
}

enum walk_step walk_next(struct walk *w, struct spool_record *record, struct spool_gap *gap)
{
    uint64_t start = w->at, skip;

    while (w->at < w->limit) {
        const uint8_t *bytes = read_record(w, &skip);

        if (bytes == NULL) {
            w->at = skip > w->limit - w->at ? w->limit
                    : skip != 0 ? w->at + skip : find_magic(w, w->at + 1);
            continue;
        }
        if (record_position(bytes) >= w->end) { /* Written again in the following segment. */
            uint64_t here = w->at;
            enum walk_step step = end_walk(w, start, gap);

            w->limit = here;
            return step;
        }
        if (start != w->at || record_position(bytes) > w->next) {
            fill_gap(w, start, record_position(bytes), gap);
            w->next = record_position(bytes);
            return WALK_GAP;
        }
        record_parse(bytes, record);
        w->next = record->position + 1;
        w->at += skip;
        w->good_end = w->at;
        return WALK_RECORD;
    }
    w->at = w->limit;
    if (start > w->at) {                        /* The file became shorter. */
        start = w->at;
    }
    return end_walk(w, start, gap);
}
