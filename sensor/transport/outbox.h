/* One worker's records, from the offer until the collector has acknowledged them: a ring
 * of bytes with one producer (the worker) and one consumer (the uplink), without a lock.
 *
 *     tail            cursor               head
 *      | sent, held    | not sent yet       | free ...
 *
 * Positions are counts of bytes since the start and only rise; the place in memory is the
 * position modulo the size.  A record lies in one piece: what does not fit before the end
 * of the memory begins at its start, behind a mark that says so. */
#ifndef CIVICSHIELD_TRANSPORT_OUTBOX_H
#define CIVICSHIELD_TRANSPORT_OUTBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/transport/transport.h"

struct outbox {
    /* Fixed after outbox_init(). */
    uint8_t *bytes;
    uint64_t size;              /* A power of two. */

    /* The worker's. */
    _Alignas(64) _Atomic uint64_t head;
    uint64_t tail_seen;         /* Last 'tail' read: most offers need no other. */
    _Atomic uint64_t n_offered, n_too_large;
    _Atomic uint64_t n_shed[TRANSPORT_N_PRIORITIES];

    /* The uplink's.  Invariant: tail <= cursor <= head. */
    _Alignas(64) _Atomic uint64_t tail;
    uint64_t cursor;
    uint64_t sent_end;          /* The largest 'cursor' there was. */
    uint64_t durable;           /* Records up to this number are safe at the collector. */
    _Atomic uint64_t n_sent, n_resent, n_acked;
};

struct outbox_record {
    uint64_t number;
    unsigned priority;
    const uint8_t *bytes;       /* Stays where it is until it is acknowledged. */
    size_t size;
};

enum outbox_result { OUTBOX_PUT, OUTBOX_FULL, OUTBOX_TOO_LARGE };

/* 'size' is rounded down to a power of two, to 64 KiB at least. */
void outbox_init(struct outbox *, uint64_t size);
void outbox_fini(struct outbox *);

/* Worker.  Copies the record, if the ring then holds no more than 'share' bytes, which is
 * at least half of the size.  Numbers are above 0 and rise. */
enum outbox_result outbox_put(struct outbox *, const struct outbox_record *,
                              uint64_t share);
/* Worker.  The bytes of the ring that records of a priority may fill. */
uint64_t outbox_share(const struct outbox *, unsigned priority);

/* Uplink.  The record at the cursor; false: nothing to send. */
bool outbox_peek(struct outbox *, struct outbox_record *);
/* Uplink.  Moves the cursor behind the record that outbox_peek() showed. */
void outbox_advance(struct outbox *);
/* Uplink.  All up to 'number' is durable; true if that released anything. */
bool outbox_acknowledge(struct outbox *, uint64_t number);
/* Uplink.  What is not acknowledged will be sent again. */
void outbox_rewind(struct outbox *);
/* Any thread. */
bool outbox_is_empty(const struct outbox *);

#endif
