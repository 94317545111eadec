/* file-store: files that rules want are kept as DIR/aa/SHA256, each content once, with a
 * fileinfo event beside it for each time that it was seen, if asked for.
 *
 * Workers touch no disk: they put bytes into a ring of their own, one thread writes.  A file
 * grows below DIR/tmp and gets its name when its digest is known, so that what stands
 * below DIR/aa is whole.  Live, a file that finds the ring full is dropped whole and
 * counted; a replay waits instead (nothing is lost, and runs are alike).  Memory: a ring a
 * worker and MAX_PLACES files at hand; what the folder may grow to is limited as well. */
#ifndef CIVICSHIELD_OUTPUT_FILESTORE_H
#define CIVICSHIELD_OUTPUT_FILESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/conf/conf.h"
#include "sensor/app/app.h"

struct file_store_conf {
    bool enabled, force, write_fileinfo;
    char *dir;
    struct conf_texts force_hash;
    uint64_t stream_depth;      /* Of flows with a file to be stored; 0: no limit. */
    uint64_t hold;              /* Bytes of a file held in memory until a rule wants it. */
    uint64_t queue;             /* Bytes of a worker's ring. */
    uint64_t max_open_files;    /* Kept open between two writes. */
    uint64_t max_files, max_bytes;      /* Of the folder; 0: any. */
};
extern const struct conf_section file_store_conf_section;

/* Asks 'app' for what the store needs: digests, bytes that are held. */
void file_store_ask(const struct file_store_conf *, struct app_conf *app);

struct file_store;

/* Makes the folders (below 'folder', that of -l, where 'dir' is relative) and starts the
 * writer.  'waits': for a full ring, in a replay.  NULL after reporting. */
struct file_store *file_store_open(const struct file_store_conf *, const char *folder,
                                   unsigned n_workers, bool waits, struct diag *);
/* Waits until all is written and ends the writer; workers put nothing more.  A second call
 * does nothing. */
void file_store_finish(struct file_store *);
/* Finishes and frees.  False if something could not be written.  NULL is fine. */
bool file_store_close(struct file_store *);

/* The door of worker 'n', for its app engine. */
const struct app_file_sink *file_store_sink(struct file_store *, unsigned n);
bool file_store_wants_info(const struct file_store *);
/* A fileinfo event about a file that was stored, as one line; 'seconds' of its time. */
void file_store_info(struct file_store *, unsigned n, const struct app_file *,
                     uint64_t seconds, const void *line, size_t size);

struct file_store_counters {
    uint64_t stored;            /* Files that are new in the folder. */
    uint64_t duplicates;        /* Those that were there already. */
    uint64_t bytes;             /* Written. */
    uint64_t dropped_ring;      /* For a full ring, ... */
    uint64_t dropped_places;    /* ... too many files at once, ... */
    uint64_t dropped_limit;     /* ... a limit of the folder. */
    uint64_t errors;            /* Files that could not be written, for the disk. */
    uint64_t infos, infos_lost;
};
/* Any thread. */
void file_store_counters_read(const struct file_store *, struct file_store_counters *);

#endif
