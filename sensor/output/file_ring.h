/* A queue of bytes of files from one worker to the writer of the store (filestore.h): one
 * thread puts, one takes, without a lock.
 *
 * Invariant: taken <= put <= taken + size; both only grow, so their difference is what is
 * in the ring.  A message is a header and its bytes, which may go round the end. */
#ifndef CIVICSHIELD_OUTPUT_FILE_RING_H
#define CIVICSHIELD_OUTPUT_FILE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_message_kind { FILE_MESSAGE_BYTES, FILE_MESSAGE_CLOSE, FILE_MESSAGE_DROP,
                         FILE_MESSAGE_INFO };

struct file_message {
    uint32_t kind;              /* enum file_message_kind */
    uint32_t place;             /* Of the worker's files at hand. */
    uint64_t size;              /* Of the bytes behind it. */
    uint64_t id, seconds;       /* Of INFO: its name. */
    uint8_t sha256[32];         /* Of CLOSE and INFO. */
};

struct file_ring;

/* 'size' bytes, rounded up to a power of two.  NULL: no memory. */
struct file_ring *file_ring_create(size_t size);
void file_ring_destroy(struct file_ring *);             /* NULL is fine. */

/* The putting thread: false when less than 'reserve' bytes would then be free. */
bool file_ring_put(struct file_ring *, const struct file_message *, const void *bytes,
                   size_t reserve);

/* The taking thread: the oldest message and its bytes in two parts, the second often empty;
 * false when there is none.  They stay until file_ring_drop(). */
struct file_part {
    const uint8_t *bytes;
    size_t size;
};
bool file_ring_peek(const struct file_ring *, struct file_message *, struct file_part[2]);
void file_ring_drop(struct file_ring *, const struct file_message *);

#endif
