/* A queue on disk that survives crashes: records go in at one end, are read in order, and
 * leave when the caller says that they are settled.  A folder holds segment files, each named
 * by the position of its first record; README.md has the form and why it is so.
 *
 * Positions are consecutive from 1 and given at append.  Where this header names a bound of
 * positions, all below it are meant and it is not itself: spool_durable() == 8 says that 1 to 7
 * are on disk.  Times are nanoseconds of the wall clock, given by the caller, since ages must
 * hold over restarts.
 *
 * Threads: every function of an open spool may be called by any thread at any time, apart from
 * spool_close(), which ends it for all.  A reader belongs to one thread at a time.  Only
 * spool_sync() waits for the disk, and it holds up neither an append nor a reader that is at
 * the newest records; append copies and returns. */
#ifndef CIVICSHIELD_SPOOL_SPOOL_H
#define CIVICSHIELD_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/diag.h"
#include "common/base/slice.h"

#define SPOOL_IDENTITY_MAX 64       /* Bytes that an owner may name itself by. */
#define SPOOL_RECORD_LIMIT (16u << 20)  /* No configuration allows a larger payload. */
#define SPOOL_OVERHEAD 56           /* Bytes of a record besides its payload. */
#define SPOOL_NAME_SIZE 32          /* A file's name with its NUL. */

struct spool_conf {
    const char *folder;             /* Made with mode 0700 when absent; its parent is there. */
    uint64_t max_bytes;             /* Of all segments and what waits; at least two segments. */
    uint64_t segment_bytes;         /* Where a new segment begins; room for a largest record. */
    size_t max_record;              /* Largest payload. */
    size_t memory_bytes;            /* For what is not durable; room for a largest record. */
    uint64_t sync_records;          /* As many may share one fdatasync; 0: no such limit. */
    uint64_t sync_bytes;            /* As many bytes; 0: no such limit. */
    uint64_t sync_ns;               /* The oldest may wait as long; 0: not at all. */
    uint64_t max_age_ns;            /* 0: no limit. */
    bool drop_aged;                 /* Remove what is older than max_age_ns, settled or not. */
    bool preallocate;               /* Reserve a segment's room when it is made. */
    struct slice identity;          /* Of this run of the owner; empty: as that of the last. */
};

/* Answers of spool_append(). */
#define SPOOL_RESULTS(X)                                                   \
    X(OK, "ok")                                                            \
    X(FULL, "full")             /* max_bytes: release, or shed. */         \
    X(MEMORY, "memory")         /* memory_bytes: sync, then again. */      \
    X(NO_SPACE, "no_space")     /* The disk is full; ends when it is not. */ \
    X(BROKEN, "broken")         /* The disk fails, and memory is full. */  \
    X(TOO_LARGE, "too_large")   /* max_record. */
enum spool_result {
#define X(id, name) SPOOL_##id,
    SPOOL_RESULTS(X)
#undef X
    SPOOL_N_RESULTS
};

/* Why positions are missing, or bytes were passed over. */
#define SPOOL_GAPS(X)                                                          \
    X(DAMAGE, "damage")         /* Bytes that are no record, or a wrong checksum. */ \
    X(HEADER, "header")         /* A segment's header; its records are not concerned. */ \
    X(MISSING, "missing")       /* A segment, or the end of one, is not there. */ \
    X(AGED, "aged")             /* Dropped by max_age_ns. */                   \
    X(RELEASED, "released")     /* Released while this reader was still before them. */ \
    X(TORN, "torn")             /* Cut off the end after a crash: never called durable. */
enum spool_gap_reason {
#define X(id, name) SPOOL_GAP_##id,
    SPOOL_GAPS(X)
#undef X
    SPOOL_N_GAPS
};

struct spool_gap {
    enum spool_gap_reason reason;
    uint64_t from, to;              /* Positions lost: from <= p < to; equal: none known. */
    char file[SPOOL_NAME_SIZE];     /* In the folder; empty: of no one file. */
    uint64_t offset, bytes;         /* Within the file. */
};

struct spool_record {
    uint64_t position;              /* Set by the spool. */
    uint64_t time_ns;               /* When it was appended. */
    uint64_t number;                /* The stream's own number of it. */
    uint32_t stream;                /* Worker, or whatever the owner counts by. */
    uint8_t priority;
    bool is_durable;                /* Set by a reader: what it stands on had its fdatasync. */
    struct slice payload;
    struct slice identity;          /* Set by a reader: of the run that appended it. */
};

struct spool_counters {
    uint64_t appended, appended_bytes;          /* Records and payload since spool_open(). */
    uint64_t refused[SPOOL_N_RESULTS];          /* By cause; SPOOL_OK stays 0. */
    uint64_t syncs, sync_failures;              /* fdatasyncs of segments that worked; tries. */
    uint64_t released, dropped_aged;            /* Records. */
    uint64_t gaps[SPOOL_N_GAPS];                /* As readers and recovery met them. */
    uint64_t damaged;                           /* Records lost by damage, as readers met it. */
    uint64_t torn_bytes;                        /* Cut by recovery. */
    uint64_t recovered;                         /* Records not released that were found. */
    uint64_t bytes, segments, memory;           /* Now: on disk and waiting, files, memory. */
};

struct spool;
struct spool_reader;

/* Sizes and policy of a moderate spool; 'folder' and 'identity' are left to the caller. */
void spool_conf_init(struct spool_conf *);

/* Opens the folder and recovers what is in it: a torn end is cut (a warning in 'diag', a
 * counter), positions go on behind the last record.  NULL with an error in 'diag' when a setting
 * is out of range, another process has it open (its pid is named), others than its owner may
 * write to it, its format has another version, or the system refuses.  'conf' is copied. */
struct spool *spool_open(const struct spool_conf *conf, struct diag *diag);
/* Syncs, keeps the released position, and frees; readers were closed before.  What could not be
 * synced is lost, as its durable position said.  NULL is fine. */
void spool_close(struct spool *, uint64_t now_ns);

/* Takes a copy of 'record' (time_ns, number, stream, priority, payload) into memory and gives
 * its position to '*position'.  Anything but SPOOL_OK took nothing, and is counted.  'time_ns'
 * counts as the present for the policy of syncs. */
enum spool_result spool_append(struct spool *, const struct spool_record *record,
                               uint64_t *position);
/* Is it time for spool_sync(): by the policy, for a retry after a failure, or because a whole
 * segment can go? */
bool spool_sync_is_due(struct spool *, uint64_t now_ns);
/* Writes what waits, fdatasyncs it (and the folder for a new segment), then keeps the released
 * position and removes segments that are settled or, where the conf says so, too old.  0, or a
 * negative errno of what failed: nothing that failed is durable, all of it is still in memory,
 * and the next call writes it again into a new segment. */
int spool_sync(struct spool *, uint64_t now_ns);

uint64_t spool_next(struct spool *);            /* The position of the next record. */
uint64_t spool_durable(struct spool *);         /* All below it had their fdatasync. */
uint64_t spool_released(struct spool *);        /* All below it are settled. */
/* All before 'position' are settled; going back changes nothing.  It is on disk after a later
 * spool_sync(): until then a crash brings back records that were settled, never loses one. */
void spool_release(struct spool *, uint64_t position);
/* Used part of max_bytes, in 1/1000. */
unsigned spool_fill(struct spool *);
void spool_read_counters(struct spool *, struct spool_counters *);
/* The identity that records appended now have; lives as long as the spool. */
struct slice spool_identity(struct spool *);

enum spool_read { SPOOL_READ_NONE, SPOOL_READ_RECORD, SPOOL_READ_GAP };

/* A reader at 'position', or at the released one if that is higher; 0: there.  The spool
 * outlives it. */
struct spool_reader *spool_reader_open(struct spool *, uint64_t position);
/* The next record, or a gap before it, or nothing yet.  Never waits for an append; a record of
 * the memory is copied, one of the disk is read.  What '*record' borrows holds until the next
 * call.  Positions go up, and a record and a gap have none in common. */
enum spool_read spool_reader_next(struct spool_reader *, struct spool_record *record,
                                  struct spool_gap *gap);
void spool_reader_close(struct spool_reader *);     /* NULL is fine. */

/* For tools: a folder is read as it is, changed in nothing, whether an owner has it open or not.
 * What an owner appends or removes meanwhile may be seen or not. */
struct spool_segment {
    char name[SPOOL_NAME_SIZE];
    uint64_t first, last;           /* Positions; last < first: it holds no record. */
    uint64_t bytes, n_records;
    uint64_t first_ns, last_ns;     /* Of its records; 0 if there is none. */
    uint64_t n_gaps, n_lost;        /* Damage, and the positions lost by it. */
};
struct spool_visitor {
    void *context;
    /* Each may be NULL.  Called in the order of positions; false ends the walk. */
    bool (*record)(void *context, const struct spool_record *);
    bool (*gap)(void *context, const struct spool_gap *);
    bool (*segment)(void *context, const struct spool_segment *);   /* Behind its records. */
};
struct spool_totals {
    uint64_t n_segments, n_records, n_gaps, n_lost, bytes;
    uint64_t released, next;        /* 'next' as the segments say. */
};
/* Walks over all records of the folder, of which the first 'max_record' bytes (at most
 * SPOOL_RECORD_LIMIT) of payload are the largest that is one.  An end that a running owner is
 * still writing, or a crash tore, counts as a gap SPOOL_GAP_TORN that has lost nothing.  False
 * with an error in 'diag' when the folder cannot be read or has another version. */
bool spool_scan(const char *folder, size_t max_record, const struct spool_visitor *,
                struct spool_totals *, struct diag *);
/* As spool_scan(), for the segments alone. */
bool spool_list(const char *folder, bool (*segment)(void *, const struct spool_segment *),
                void *context, struct diag *diag);
/* Is every record whole and no position missing between the released and the last?  'gap' gets
 * what is not.  A torn end is no fault. */
bool spool_verify(const char *folder, bool (*gap)(void *, const struct spool_gap *),
                  void *context, struct spool_totals *totals, struct diag *diag);

const char *spool_result_name(enum spool_result);
const char *spool_gap_name(enum spool_gap_reason);

#endif
