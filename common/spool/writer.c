/* From memory to disk.  The one order that holds everywhere: write, fdatasync of the file,
 * fsync of the folder when the file is new, and only then is anything called durable.
 *
 * What failed is not tried again in the same file: after a failed fdatasync the kernel may
 * call pages clean that never reached the disk.  The file is cut to what was durable and left,
 * and all that is not durable is written once more, from memory, into a new one. */
#include "common/spool/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/alloc.h"

void spool_free_chunks(struct spool *s)
{
    while (s->chunks != NULL) {
        struct chunk *chunk = s->chunks;

        s->chunks = chunk->next;
        free(chunk);
    }
    s->last_chunk = NULL;
    s->memory = 0;
}

void spool_note_place(struct place **places, size_t *n, size_t *cap, uint64_t position,
                      uint64_t offset)
{
    if (*n == 0 || offset - (*places)[*n - 1].offset >= INDEX_STEP) {
        *places = xgrow(*places, *n, cap, sizeof **places);
        (*places)[(*n)++] = (struct place) { position, offset };
    }
}

static int write_all(const struct spool *s, int fd, const uint8_t *bytes, size_t size)
{
    while (size != 0) {
        ssize_t n = s->io->write(fd, bytes, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        bytes += n;
        size -= (size_t) n;
    }
    return 0;
}

/* Reserves what the segment may need, as far as max_bytes lets it. */
static int reserve_segment(struct spool *s, int fd)
{
    uint64_t room;

    if (!s->conf.preallocate) {
        return 0;
    }
    pthread_mutex_lock(&s->mutex);
    room = s->conf.max_bytes > s->segment_total ? s->conf.max_bytes - s->segment_total : 0;
    pthread_mutex_unlock(&s->mutex);
    if (room > s->conf.segment_bytes) {
        room = s->conf.segment_bytes;
    }
    if (room != 0 && s->io->reserve(fd, (off_t) room) != 0) {
        /* A file system that cannot reserve is no failure. */
        return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL ? 0 : -errno;
    }
    return 0;
}

static int begin_segment(struct spool *s, uint64_t first, uint64_t first_ns)
{
    struct segment_header header = {
        .first = first, .first_ns = first_ns, .salt = s->salt,
        .identity_size = (uint32_t) s->conf.identity.size,
    };
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    uint8_t bytes[SEGMENT_HEADER];
    char name[SPOOL_NAME_SIZE];
    int fd, error;

    segment_name(first, name);
    fd = openat(s->folder_fd, name, flags, 0600);
    if (fd < 0 && errno == EEXIST) {            /* Of a try that failed: nothing durable. */
        unlinkat(s->folder_fd, name, 0);
        fd = openat(s->folder_fd, name, flags, 0600);
    }
    if (fd < 0) {
        return -errno;
    }
    memcpy(header.identity, s->identity, s->conf.identity.size);
    segment_write_header(&header, bytes);
    error = reserve_segment(s, fd);
    if (error == 0) {
        error = write_all(s, fd, bytes, sizeof bytes);
    }
    if (error != 0) {
        close(fd);
        unlinkat(s->folder_fd, name, 0);
        return error;
    }
    s->active_fd = fd;
    s->active_first = first;
    s->active_first_ns = first_ns;
    s->active_size = SEGMENT_HEADER;
    s->active_durable = 0;
    s->n_places = 0;
    return 0;
}

void spool_close_segment(struct spool *s)
{
    if (s->active_fd < 0) {
        return;
    }
    if (s->conf.preallocate && s->active_durable != 0) {
        /* Gives back what was reserved behind the end; no harm if it fails. */
        (void) !s->io->truncate(s->active_fd, (off_t) s->active_durable);
    }
    close(s->active_fd);
    s->active_fd = -1;
    pthread_mutex_lock(&s->mutex);
    s->is_active = false;
    pthread_mutex_unlock(&s->mutex);
}

/* After a failure: leaves the segment as it was when it was last durable. */
static void abandon_segment(struct spool *s)
{
    char name[SPOOL_NAME_SIZE];

    if (s->active_fd >= 0) {
        if (s->active_durable == 0) {
            segment_name(s->active_first, name);
            unlinkat(s->folder_fd, name, 0);
        } else {
            /* If this fails too, readers stop where the following segment begins. */
            (void) !s->io->truncate(s->active_fd, (off_t) s->active_durable);
        }
        close(s->active_fd);
        s->active_fd = -1;
    }
    pthread_mutex_lock(&s->mutex);
    s->is_active = false;
    s->written = s->durable;
    for (struct chunk *chunk = s->chunks; chunk != NULL; chunk = chunk->next) {
        chunk->written = chunk->durable;
    }
    pthread_mutex_unlock(&s->mutex);
    s->n_places = 0;
}

/* Under 'mutex': the entry of the active segment takes over what was written. */
static void publish_segment(struct spool *s)
{
    struct segment *segment;

    if (s->active_durable == 0) {
        s->segments = xgrow(s->segments, s->n_segments, &s->cap_segments, sizeof *s->segments);
        s->segments[s->n_segments++] = (struct segment) {
            .first = s->active_first, .first_ns = s->active_first_ns,
        };
        s->is_active = true;
    }
    segment = &s->segments[s->n_segments - 1];
    s->segment_total += s->active_size - segment->size;
    segment->size = s->active_size;
    segment->end = s->written;
    for (size_t i = 0; i < s->n_places; i++) {
        spool_note_place(&segment->places, &segment->n_places, &segment->cap_places,
                         s->places[i].position, s->places[i].offset);
    }
    s->n_places = 0;
}

/* Under 'mutex': what was written is durable; memory of it is given back. */
static void publish(struct spool *s)
{
    publish_segment(s);
    s->durable = s->written;
    for (struct chunk *chunk = s->chunks; chunk != NULL; chunk = chunk->next) {
        s->pending_bytes -= chunk->written - chunk->durable;
        chunk->durable = chunk->written;
    }
    while (s->chunks != NULL && s->chunks->durable == s->chunks->size) {
        struct chunk *chunk = s->chunks;

        s->chunks = chunk->next;
        s->memory -= chunk->cap;
        free(chunk);
    }
    if (s->chunks == NULL) {
        s->last_chunk = NULL;
    }
    s->counters.syncs++;
}

static int sync_segment(struct spool *s)
{
    if (s->active_fd < 0 || s->active_size == s->active_durable) {
        return 0;
    }
    if (s->io->fdatasync(s->active_fd) != 0
        || (s->active_durable == 0 && s->io->fsync(s->folder_fd) != 0)) {
        return errno != 0 ? -errno : -EIO;
    }
    pthread_mutex_lock(&s->mutex);
    publish(s);
    pthread_mutex_unlock(&s->mutex);
    s->active_durable = s->active_size;
    return 0;
}

/* Bytes in one piece of memory that were not written. */
struct run {
    struct chunk *chunk;
    const uint8_t *bytes;
    size_t size;                /* 0: the segment has no room for the first record. */
    uint64_t end;               /* Position behind the last. */
    uint64_t first_ns, last_ns;
};

/* The next records that 'room' bytes hold; false when all was written. */
static bool find_run(struct spool *s, uint64_t room, struct run *run)
{
    struct spool_record record;
    struct chunk *chunk;
    size_t at;

    pthread_mutex_lock(&s->mutex);
    for (chunk = s->chunks; chunk != NULL && chunk->written == chunk->size;) {
        chunk = chunk->next;
    }
    *run = (struct run) { .chunk = chunk };
    if (chunk != NULL) {
        run->bytes = chunk->bytes + chunk->written;
        for (at = chunk->written; at < chunk->size; at += record_size(record.payload.size)) {
            record_parse(chunk->bytes + at, &record);
            if (run->first_ns == 0) {
                run->first_ns = record.time_ns;
            }
            if (run->size + record_size(record.payload.size) > room) {
                break;
            }
            run->size += record_size(record.payload.size);
            run->end = record.position + 1;
            run->last_ns = record.time_ns;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return chunk != NULL;
}

static int write_run(struct spool *s, const struct run *run)
{
    int error = write_all(s, s->active_fd, run->bytes, run->size);

    if (error != 0) {
        return error;
    }
    for (size_t at = 0; at < run->size;) {
        spool_note_place(&s->places, &s->n_places, &s->cap_places,
                         record_position(run->bytes + at), s->active_size + at);
        at += record_size(record_payload_size(run->bytes + at));
    }
    s->active_size += run->size;
    pthread_mutex_lock(&s->mutex);
    run->chunk->written += run->size;
    s->written = run->end;
    s->last_ns = run->last_ns;
    pthread_mutex_unlock(&s->mutex);
    return 0;
}

int spool_write_pending(struct spool *s, uint64_t target)
{
    struct run run;
    int error = 0;

    while (error == 0 && s->written < target) {
        uint64_t room = s->active_fd < 0 ? s->conf.segment_bytes - SEGMENT_HEADER
                        : s->active_size < s->conf.segment_bytes
                            ? s->conf.segment_bytes - s->active_size : 0;

        if (!find_run(s, room, &run)) {
            break;
        }
        if (run.size == 0) {                    /* The segment is full. */
            error = sync_segment(s);
            if (error == 0) {
                spool_close_segment(s);
            }
            continue;
        }
        if (s->active_fd < 0) {
            error = begin_segment(s, s->written, run.first_ns);
        }
        if (error == 0) {
            error = write_run(s, &run);
        }
    }
    if (error == 0) {
        error = sync_segment(s);
    }
    if (error != 0) {
        abandon_segment(s);
    }
    return error;
}
