#include "sensor/transport/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/alloc.h"

/* In front of each record; records begin at multiples of its size. */
struct record_head {
    uint32_t size;              /* Of the bytes behind it; SKIP: go on at the start. */
    uint32_t priority;
    uint64_t number;
};
#define SKIP UINT32_MAX
_Static_assert(sizeof(struct record_head) == 16, "records are aligned to 16 bytes");

#define MIN_SIZE (64u << 10)

static uint64_t footprint(size_t size)
{
    return sizeof(struct record_head) + (((uint64_t) size + 15) & ~15ull);
}

void outbox_init(struct outbox *o, uint64_t size)
{
    memset(o, 0, sizeof *o);
    o->size = MIN_SIZE;
    while (o->size * 2 <= size) {
        o->size *= 2;
    }
    /* Not malloc: pages that were never filled are never taken. */
    o->bytes = mmap(NULL, o->size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (o->bytes == MAP_FAILED) {
        xalloc_failed((size_t) o->size);
    }
}

void outbox_fini(struct outbox *o)
{
    if (o->bytes != NULL) {
        munmap(o->bytes, o->size);
        o->bytes = NULL;
    }
}

uint64_t outbox_share(const struct outbox *o, unsigned priority)
{
    return priority >= 7 ? o->size : priority >= 3 ? o->size / 10 * 9 : o->size / 2;
}

static uint8_t *place(const struct outbox *o, uint64_t position)
{
    return o->bytes + (position & (o->size - 1));
}

enum outbox_result outbox_put(struct outbox *o, const struct outbox_record *from,
                              uint64_t share)
{
    uint64_t head = atomic_load_explicit(&o->head, memory_order_relaxed);
    uint64_t to_end = o->size - (head & (o->size - 1));
    uint64_t need = footprint(from->size), skip = 0;
    struct record_head record;

    if (from->size > TRANSPORT_MAX_RECORD || need > o->size / 4) {
        return OUTBOX_TOO_LARGE;
    }
    if (need > to_end) {
        skip = to_end;
    }
    if (head - o->tail_seen + skip + need > share) {
        o->tail_seen = atomic_load_explicit(&o->tail, memory_order_acquire);
        if (head - o->tail_seen + skip + need > share) {
            return OUTBOX_FULL;
        }
    }
    if (skip != 0) {
        record = (struct record_head) { .size = SKIP };
        memcpy(place(o, head), &record, sizeof record);
        head += skip;
    }
    record = (struct record_head) { (uint32_t) from->size, from->priority, from->number };
    memcpy(place(o, head), &record, sizeof record);
    if (from->size != 0) {
        memcpy(place(o, head) + sizeof record, from->bytes, from->size);
    }
    atomic_store_explicit(&o->head, head + need, memory_order_release);
    return OUTBOX_PUT;
}

/* The record at 'position' or behind the mark there; *next is behind the record.  False at
 * the head. */
static bool read_record(const struct outbox *o, uint64_t position,
                        struct outbox_record *out, uint64_t *next)
{
    struct record_head record;

    if (position == atomic_load_explicit(&o->head, memory_order_acquire)) {
        return false;
    }
    memcpy(&record, place(o, position), sizeof record);
    if (record.size == SKIP) {
        position += o->size - (position & (o->size - 1));
        memcpy(&record, place(o, position), sizeof record);
    }
    out->number = record.number;
    out->priority = record.priority;
    out->bytes = place(o, position) + sizeof record;
    out->size = record.size;
    *next = position + footprint(record.size);
    return true;
}

bool outbox_peek(struct outbox *o, struct outbox_record *record)
{
    uint64_t next;

    /* What the collector already had before this run's first connection (a replay that is
     * repeated) need not be sent at all. */
    outbox_acknowledge(o, o->durable);
    return read_record(o, o->cursor, record, &next);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter,
                          atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void outbox_advance(struct outbox *o)
{
    struct outbox_record record;
    uint64_t next;

    if (!read_record(o, o->cursor, &record, &next)) {
        return;
    }
    add(o->cursor < o->sent_end ? &o->n_resent : &o->n_sent, 1);
    o->cursor = next;
    if (o->sent_end < next) {
        o->sent_end = next;
    }
}

bool outbox_acknowledge(struct outbox *o, uint64_t number)
{
    uint64_t tail = atomic_load_explicit(&o->tail, memory_order_relaxed);
    uint64_t start = tail, next, n = 0;
    struct outbox_record record;

    if (o->durable < number) {
        o->durable = number;
    }
    while (read_record(o, tail, &record, &next) && record.number <= o->durable) {
        tail = next;
        n++;
    }
    if (tail == start) {
        return false;
    }
    if (o->cursor < tail) {
        o->cursor = tail;
    }
    if (o->sent_end < tail) {
        o->sent_end = tail;
    }
    add(&o->n_acked, n);
    atomic_store_explicit(&o->tail, tail, memory_order_release);
    return true;
}

void outbox_rewind(struct outbox *o)
{
    o->cursor = atomic_load_explicit(&o->tail, memory_order_relaxed);
}

bool outbox_is_empty(const struct outbox *o)
{
    return atomic_load_explicit(&o->tail, memory_order_acquire)
           == atomic_load_explicit(&o->head, memory_order_acquire);
}
