/* A file that comes in chunks, each with its place: written over SMB or NFS.  Chunks that
 * come before their turn are kept until those in front of them are there.
 *
 * A chunk is announced with its size; its bytes may follow in pieces. */
#ifndef CIVICSHIELD_APP_TRANSFER_H
#define CIVICSHIELD_APP_TRANSFER_H

#include "sensor/app/file.h"

struct app_transfer {
    struct app_file *file;      /* Of the transaction; NULL until the first chunk. */
    uint64_t tracked;           /* Offset behind what was handed on. */
    uint64_t queued;            /* Bytes kept out of order, ... */
    unsigned n_queued;          /* ... in so many chunks. */
    struct list_node queue;     /* Of them, sorted by offset. */
    struct kept_chunk *kept;    /* The chunk that is being kept now, or NULL. */
    uint32_t left;              /* Bytes of the present chunk still to come, ... */
    uint32_t skip;              /* ... the first of which are there already. */
    bool is_ooo;                /* The present chunk is not the next one. */
    bool is_open, is_truncated;
};

/* Before anything else; 'transfer' then must reach app_transfer_free(). */
void app_transfer_init(struct app_transfer *);
/* A new chunk of 'size' bytes at 'offset', of which 'bytes' are here.  Opens a file when none
 * is open; at most 'limit' of its bytes are kept for rules. */
void app_transfer_chunk(struct app_tx *, struct app_transfer *, enum direction,
                        struct slice name, uint64_t limit, uint64_t offset, uint32_t size,
                        struct slice bytes);
/* More of the present chunk.  What is beyond it is not looked at. */
void app_transfer_data(struct app_tx *, struct app_transfer *, struct slice bytes);
/* 'size' bytes of the present chunk are missing. */
void app_transfer_gap(struct app_tx *, struct app_transfer *, uint32_t size);
/* The file is complete; one that was cut short stays so. */
void app_transfer_close(struct app_tx *, struct app_transfer *);
/* Ends the file here. */
void app_transfer_truncate(struct app_tx *, struct app_transfer *);
/* As above, where it is not the file's end but the session's: nobody saw it all, so it has
 * no digest. */
void app_transfer_abandon(struct app_tx *, struct app_transfer *);
/* Frees what the transaction's arena does not hold. */
void app_transfer_free(struct app_tx *, struct app_transfer *);

#endif
