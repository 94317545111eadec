/* What the files of this room share: the form on disk, the walk over a segment, and the state
 * of an open spool. */
#ifndef CIVICSHIELD_SPOOL_PRIVATE_H
#define CIVICSHIELD_SPOOL_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include "common/spool/spool.h"

#define SPOOL_VERSION 1
#define RECORD_MAGIC 0x315a5053u        /* "SPZ1" in the order of the disk. */
#define RECORD_HEADER 48
#define RECORD_TRAILER 8
#define SEGMENT_COPY 112                /* One of the two copies of a segment's header. */
#define SEGMENT_HEADER (2 * SEGMENT_COPY)
#define STATE_SLOT 4096                 /* The state's two copies lie in blocks of their own. */
#define CHUNK_SIZE ((size_t) 256 << 10) /* Of memory that waits, and of one write. */
#define INDEX_STEP ((uint64_t) 256 << 10)   /* Of a segment, between two places kept. */
#define POSITION_NONE UINT64_MAX
#define POSITION_LIMIT ((uint64_t) 1 << 62)     /* None is ever given from here on, so that a
                                                 * file cannot make them wrap. */

_Static_assert(SPOOL_OVERHEAD == RECORD_HEADER + RECORD_TRAILER, "the door says so");

/* What touches the disk and can be made to fail by a test. */
struct spool_io {
    ssize_t (*write)(int fd, const void *bytes, size_t size);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);                       /* Of the folder. */
    int (*reserve)(int fd, off_t size);         /* Room without a change of the size. */
    int (*truncate)(int fd, off_t size);
};
extern const struct spool_io spool_io_real;
struct spool *spool_open_with(const struct spool_conf *, const struct spool_io *, struct diag *);

/* segment.c: the form on disk. */
struct segment_header {
    uint64_t first, first_ns;
    uint64_t salt;              /* Seeds every checksum of the folder: a payload that looks like
                                 * a record cannot be taken for one. */
    uint8_t identity[SPOOL_IDENTITY_MAX];
    uint32_t identity_size;
};
enum header_state { HEADER_GOOD, HEADER_DAMAGED, HEADER_LOST, HEADER_OTHER_VERSION };

void segment_name(uint64_t first, char out[SPOOL_NAME_SIZE]);
bool segment_parse_name(const char *name, uint64_t *first);
void segment_write_header(const struct segment_header *, uint8_t out[SEGMENT_HEADER]);
/* Reads the header of 'fd', whose name says that it begins with 'first'.  DAMAGED: one copy
 * was good and is in '*header'; LOST: none was; '*version' is set for OTHER_VERSION. */
enum header_state segment_read_header(int fd, uint64_t first, struct segment_header *header,
                                      uint32_t *version);
/* Opens for reading, a regular file only; -1 with errno. */
int segment_open(int folder_fd, const char *name, uint64_t *size);
/* Sorted first positions of the folder's segments; the caller frees '*firsts'. */
bool segment_find_all(int folder_fd, uint64_t **firsts, size_t *n);

/* Size of a record on disk. */
static inline size_t record_size(size_t payload)
{
    return RECORD_HEADER + payload + RECORD_TRAILER;
}
/* Writes record_size() bytes at 'out'. */
void record_write(const struct spool_record *, uint64_t salt, uint8_t *out);
/* Position and payload size of a record that this process wrote. */
uint64_t record_position(const uint8_t *bytes);
uint32_t record_payload_size(const uint8_t *bytes);
/* Of RECORD_HEADER bytes: is this how a record of at most 'max_record' bytes begins? */
bool record_head_is_good(const uint8_t *bytes, uint64_t salt, size_t max_record);
/* Of all record_size() bytes behind a head that is good. */
bool record_is_good(const uint8_t *bytes, uint64_t salt);
/* The fields; 'bytes' were checked. */
void record_parse(const uint8_t *bytes, struct spool_record *);

/* The state file: what is settled, in two copies written in turn in place, so that it needs no
 * room on a full disk. */
struct spool_state {
    uint64_t sequence, released, dropped_to, salt;
    uint8_t identity[SPOOL_IDENTITY_MAX];
    uint32_t identity_size;
};
/* False with '*version' set when it is of another one; '*found' tells whether there is one. */
bool state_read(int fd, struct spool_state *, bool *found, uint32_t *version);
int state_write(int fd, const struct spool_io *, const struct spool_state *);

/* walk.c: the records of one segment, damage passed over. */
struct walk {
    int fd;                     /* Owned; -1: closed. */
    char name[SPOOL_NAME_SIZE];
    uint8_t *window;            /* Owned: room for one largest record at least. */
    size_t window_cap, window_size;
    uint64_t window_at;         /* Offset of its first byte. */
    size_t max_record;
    uint64_t salt;
    uint64_t at, limit;         /* The next offset to look at, and where to stop. */
    uint64_t next;              /* The position that must come. */
    uint64_t end;               /* Positions from here belong to the following segment;
                                 * POSITION_NONE: not known. */
    uint64_t good_end;          /* Offset behind the last good record. */
};
enum walk_step { WALK_RECORD, WALK_GAP, WALK_END };

void walk_init(struct walk *, size_t max_record);
void walk_fini(struct walk *);
/* Takes 'fd'; walks from 'at', where 'next' must be. */
void walk_begin(struct walk *, int fd, const char *name, uint64_t salt, uint64_t at,
                uint64_t next);
enum walk_step walk_next(struct walk *, struct spool_record *, struct spool_gap *);
void walk_close_file(struct walk *);

/* An open spool. */
struct place {
    uint64_t position, offset;
};
struct segment {
    uint64_t first, end;        /* Of what is durable in it. */
    uint64_t size;              /* As much of it is durable. */
    uint64_t first_ns;
    struct place *places;       /* Owned: every INDEX_STEP or so, for readers that come in. */
    size_t n_places, cap_places;
};

/* Memory that holds whole records which are not durable.  Bytes below 'size' never change. */
struct chunk {
    struct chunk *next;
    uint64_t id;                /* Never twice. */
    uint64_t first;             /* Position of the record at byte 0. */
    size_t size, cap;
    size_t written, durable;    /* Of 'size'.  durable <= written. */
    uint8_t bytes[];
};

struct spool {
    /* Fixed after spool_open(). */
    struct spool_conf conf;     /* Its folder is owned; its identity stands in 'identity'. */
    const struct spool_io *io;
    int folder_fd, lock_fd, state_fd;
    uint64_t salt;
    uint8_t identity[SPOOL_IDENTITY_MAX];

    /* Held through a sync, for the disk; taken before 'mutex'. */
    pthread_mutex_t sync_mutex;
    int active_fd;              /* -1: the next record begins a segment. */
    uint64_t active_first, active_first_ns;
    uint64_t active_size;       /* Bytes written. */
    uint64_t active_durable;    /* Bytes that had their fdatasync; 0: nor had its name. */
    uint64_t written;           /* Position behind what was written. */
    struct place *places;       /* Of what was written and is not yet published. */
    size_t n_places, cap_places;

    /* Written under both locks. */
    struct spool_state kept;    /* As the state file has it. */
    uint64_t last_ns;           /* Time of the last record that is durable. */
    bool is_active;             /* The last of 'segments' is the one that grows. */

    /* Under 'mutex', which is never held over a write or an fdatasync. */
    pthread_mutex_t mutex;
    uint64_t next, durable, released, dropped_to;
    struct segment *segments;   /* Sorted. */
    size_t n_segments, cap_segments;
    uint64_t segment_total;     /* Bytes of 'segments'. */
    struct chunk *chunks, *last_chunk;
    uint64_t chunk_ids;
    uint64_t pending_bytes;     /* Not durable. */
    uint64_t pending_since;     /* Time of the oldest of them. */
    size_t memory;              /* Of all chunks. */
    int trouble;                /* errno of the last sync that failed; 0: it did not. */
    uint64_t trouble_ns, kept_ns;   /* When it failed; when the state was kept. */
    struct spool_counters counters;
};

/* recover.c: state and segments as they are found.  False with an error in 'diag'. */
bool spool_recover(struct spool *, struct diag *);
/* writer.c, under 'sync_mutex': writes and fdatasyncs all below 'target'. */
int spool_write_pending(struct spool *, uint64_t target);
/* Closes the active segment, if there is one, without a sync. */
void spool_close_segment(struct spool *);
void spool_free_chunks(struct spool *);
/* Keeps a place in an index for readers that come in between. */
void spool_note_place(struct place **places, size_t *n, size_t *cap, uint64_t position,
                      uint64_t offset);
/* keep.c, under 'sync_mutex': the state to disk, then what is settled off it. */
int spool_keep(struct spool *, uint64_t now_ns, bool is_last);
/* How many segments can go now?  Under 'mutex'. */
size_t spool_count_removable(const struct spool *, uint64_t now_ns);
bool spool_keep_is_due(const struct spool *, uint64_t now_ns);
/* Under 'mutex': the first 'n'. */
void spool_forget_segments(struct spool *, size_t n);
/* The most that the segments and 'waiting' bytes of memory come to. */
static inline uint64_t spool_bytes(const struct spool *s, uint64_t waiting)
{
    return s->segment_total + waiting
           + (waiting / s->conf.segment_bytes + 1) * (uint64_t) SEGMENT_HEADER;
}

#endif
