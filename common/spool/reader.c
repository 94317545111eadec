/* Readers: what is durable is read from the files, the rest is copied from memory. */
#include "common/spool/spool_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"

struct spool_reader {
    struct spool *spool;
    uint64_t next;              /* The position to tell next. */
    struct walk walk;           /* Over the segment that has it. */
    uint64_t walk_first;        /* First position of that segment. */
    uint64_t chunk_id;          /* Where 'next' is in memory: a hint. */
    size_t chunk_at;
    uint8_t identity[SPOOL_IDENTITY_MAX];
    size_t identity_size;
};

struct spool_reader *spool_reader_open(struct spool *s, uint64_t position)
{
    struct spool_reader *r = xcalloc(1, sizeof *r);
    uint64_t released = spool_released(s);

    r->spool = s;
    r->next = position > released ? position : released;
    walk_init(&r->walk, s->conf.max_record);
    return r;
}

void spool_reader_close(struct spool_reader *r)
{
    if (r != NULL) {
        walk_fini(&r->walk);
        free(r);
    }
}

/* Tells of positions that no file has. */
static enum spool_read tell_missing(struct spool_reader *r, enum spool_gap_reason reason,
                                    uint64_t to, struct spool_gap *gap)
{
    memset(gap, 0, sizeof *gap);
    gap->reason = reason;
    gap->from = r->next;
    gap->to = to;
    r->next = to;
    return SPOOL_READ_GAP;
}

/* Under 'mutex': a copy of the record from memory. */
static enum spool_read read_memory(struct spool_reader *r, struct spool_record *record)
{
    const struct spool *s = r->spool;
    struct chunk *chunk = s->chunks;
    size_t at = 0, size;

    walk_close_file(&r->walk);                  /* Its window is what the record goes to. */
    while (chunk->next != NULL && chunk->next->first <= r->next) {
        chunk = chunk->next;
    }
    if (chunk->id == r->chunk_id) {
        at = r->chunk_at;
    }
    while (record_position(chunk->bytes + at) < r->next) {
        at += record_size(record_payload_size(chunk->bytes + at));
    }
    size = record_size(record_payload_size(chunk->bytes + at));
    memcpy(r->walk.window, chunk->bytes + at, size);
    r->chunk_id = chunk->id;
    r->chunk_at = at + size;
    record_parse(r->walk.window, record);
    record->is_durable = false;
    record->identity = s->conf.identity;
    r->next++;
    return SPOOL_READ_RECORD;
}

/* Under 'mutex': the segment with 'position', or the first behind it; n_segments if none. */
static size_t find_segment(const struct spool *s, uint64_t position)
{
    size_t low = 0, high = s->n_segments;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->segments[middle].end <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct place find_place(const struct segment *segment, uint64_t position)
{
    struct place found = { segment->first, SEGMENT_HEADER };
    size_t low = 0, high = segment->n_places;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (segment->places[middle].position <= position) {
            found = segment->places[middle];
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found;
}

/* Under 'mutex', so that the file is not removed meanwhile.  False with a gap to tell. */
static bool open_segment(struct spool_reader *r, const struct segment *segment,
                         struct spool_gap *gap)
{
    struct spool *s = r->spool;
    struct place place = find_place(segment, r->next);
    struct segment_header header;
    char name[SPOOL_NAME_SIZE];
    enum header_state state;
    uint32_t version;
    uint64_t size;
    int fd;

    segment_name(segment->first, name);
    fd = segment_open(s->folder_fd, name, &size);
    if (fd < 0) {
        tell_missing(r, SPOOL_GAP_MISSING, segment->end, gap);
        memcpy(gap->file, name, sizeof name);
        return false;
    }
    state = segment_read_header(fd, segment->first, &header, &version);
    if (state == HEADER_LOST || state == HEADER_OTHER_VERSION) {
        header.salt = s->salt;
    }
    memcpy(r->identity, header.identity, sizeof r->identity);
    r->identity_size = header.identity_size;
    walk_begin(&r->walk, fd, name, header.salt, place.offset, place.position);
    r->walk_first = segment->first;
    if (state != HEADER_GOOD) {
        tell_missing(r, SPOOL_GAP_HEADER, r->next, gap);
        memcpy(gap->file, name, sizeof name);
        gap->bytes = SEGMENT_HEADER;
        return false;
    }
    return true;
}

/* Under 'mutex': makes the walk stand in the segment of r->next.  False with a gap to tell. */
static bool find_file(struct spool_reader *r, struct spool_gap *gap)
{
    struct spool *s = r->spool;
    size_t i = find_segment(s, r->next);
    const struct segment *segment = i < s->n_segments ? &s->segments[i] : NULL;
    uint64_t to = segment != NULL ? segment->first : s->durable;

    if (r->next < to) {
        if (r->next < s->dropped_to) {
            tell_missing(r, SPOOL_GAP_AGED, to < s->dropped_to ? to : s->dropped_to, gap);
        } else {
            tell_missing(r, SPOOL_GAP_MISSING, to, gap);
        }
        return false;
    }
    if ((r->walk.fd < 0 || r->walk_first != segment->first) && !open_segment(r, segment, gap)) {
        return false;
    }
    r->walk.limit = segment->size;
    r->walk.end = segment->end;
    return true;
}

static void count_gap(struct spool *s, const struct spool_gap *gap)
{
    pthread_mutex_lock(&s->mutex);
    s->counters.gaps[gap->reason]++;
    if (gap->reason == SPOOL_GAP_DAMAGE || gap->reason == SPOOL_GAP_MISSING) {
        s->counters.damaged += gap->to - gap->from;
    }
    pthread_mutex_unlock(&s->mutex);
}

/* Steps over what the walk has of positions that were told already.  NONE: look again. */
static enum spool_read read_file(struct spool_reader *r, struct spool_record *record,
                                 struct spool_gap *gap)
{
    for (;;) {
        switch (walk_next(&r->walk, record, gap)) {
        case WALK_RECORD:
            if (record->position < r->next) {
                continue;
            }
            record->is_durable = true;
            record->identity = slice_of(r->identity, r->identity_size);
            r->next = record->position + 1;
            return SPOOL_READ_RECORD;
        case WALK_GAP:
            if (gap->to < r->next || (gap->from < r->next && gap->to == r->next)) {
                continue;
            }
            gap->from = gap->from > r->next ? gap->from : r->next;
            r->next = gap->to;
            return SPOOL_READ_GAP;
        case WALK_END:
        default:
            walk_close_file(&r->walk);
            return r->next < r->walk.end
                ? tell_missing(r, SPOOL_GAP_MISSING, r->walk.end, gap) : SPOOL_READ_NONE;
        }
    }
}

/* Under 'mutex'.  GAP: it is there to tell; RECORD: it is; NONE: nothing is there.  When
 * '*in_file' is set, it is for the walk to say. */
static enum spool_read find_next(struct spool_reader *r, struct spool_record *record,
                                 struct spool_gap *gap, bool *in_file)
{
    struct spool *s = r->spool;

    *in_file = false;
    if (r->next < s->released) {
        return tell_missing(r, SPOOL_GAP_RELEASED, s->released, gap);
    }
    if (r->next >= s->next) {
        return SPOOL_READ_NONE;
    }
    if (r->next >= s->durable) {
        return read_memory(r, record);
    }
    *in_file = find_file(r, gap);
    return *in_file ? SPOOL_READ_NONE : SPOOL_READ_GAP;
}

enum spool_read spool_reader_next(struct spool_reader *r, struct spool_record *record,
                                  struct spool_gap *gap)
{
    enum spool_read read;
    bool in_file;

    do {
        pthread_mutex_lock(&r->spool->mutex);
        read = find_next(r, record, gap, &in_file);
        pthread_mutex_unlock(&r->spool->mutex);
        if (in_file) {
            read = read_file(r, record, gap);
        }
    } while (in_file && read == SPOOL_READ_NONE);
    if (read == SPOOL_READ_GAP) {
        count_gap(r->spool, gap);
    }
    return read;
}
