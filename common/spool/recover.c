/* What a start finds.  No file of an earlier run is written to again: the last segment loses
 * what is torn at its end, and the first record of this run begins a segment of its own. */
#include "common/spool/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/hash.h"

static bool refuse_version(const struct spool *s, const char *file, uint32_t version,
                           struct diag *diag)
{
    diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0,
             "drain it with the program that wrote it, or name another folder",
             "spool's file %s has format version %u, this program knows %d", file, version,
             SPOOL_VERSION);
    return false;
}

/* The headers of all segments: what is in s->segments, up to the size of the last. */
static bool read_headers(struct spool *s, const uint64_t *firsts, size_t n, bool has_salt,
                         struct diag *diag)
{
    bool is_known = true;       /* Without the salt every record would look torn. */

    for (size_t i = 0; i < n; i++) {
        struct segment segment = { .first = firsts[i] };
        struct segment_header header;
        char name[SPOOL_NAME_SIZE];
        enum header_state state;
        uint32_t version;
        int fd;

        segment_name(firsts[i], name);
        fd = segment_open(s->folder_fd, name, &segment.size);
        if (fd < 0) {
            diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                     "spool's file %s cannot be opened: %s", name, strerror(errno));
            return false;
        }
        state = segment_read_header(fd, firsts[i], &header, &version);
        close(fd);
        if (state == HEADER_OTHER_VERSION) {
            return refuse_version(s, name, version, diag);
        }
        if (state != HEADER_LOST && !has_salt) {
            s->salt = header.salt;
            has_salt = true;
        }
        is_known = is_known && (has_salt || segment.size <= SEGMENT_HEADER);
        segment.first_ns = state != HEADER_LOST ? header.first_ns : clock_wall_ns();
        segment.end = i + 1 < n ? firsts[i + 1] : firsts[i];
        s->segments = xgrow(s->segments, s->n_segments, &s->cap_segments, sizeof segment);
        s->segments[s->n_segments++] = segment;
        s->segment_total += segment.size;
    }
    if (!is_known) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, "move its files away",
                 "spool's state and the header of its first segment are lost");
        return false;
    }
    if (!has_salt && getrandom(&s->salt, sizeof s->salt, 0) != sizeof s->salt) {
        s->salt = hash_mix(clock_wall_ns());
    }
    return true;
}

/* Cuts what is behind the last good record, or takes away a file that has none. */
static bool cut_segment(struct spool *s, struct segment *last, const char *name,
                        uint64_t good_end, bool is_empty, struct diag *diag)
{
    uint64_t cut = last->size - (is_empty ? 0 : good_end);
    int fd;

    if (is_empty) {
        if (last->size > SEGMENT_HEADER) {
            diag_add(diag, DIAG_WARNING, s->conf.folder, 0, 0, NULL,
                     "spool's file %s holds no whole record: removed with its %" PRIu64
                     " bytes, which were not durable", name, cut);
            s->counters.gaps[SPOOL_GAP_TORN]++;
            s->counters.torn_bytes += cut;
        }
        return unlinkat(s->folder_fd, name, 0) == 0;
    }
    if (cut == 0) {
        return true;
    }
    diag_add(diag, DIAG_WARNING, s->conf.folder, 0, 0, NULL,
             "spool's file %s is torn behind position %" PRIu64 ": cut by %" PRIu64 " bytes",
             name, last->end - 1, cut);
    s->counters.gaps[SPOOL_GAP_TORN]++;
    s->counters.torn_bytes += cut;
    s->segment_total -= cut;
    last->size = good_end;
    fd = openat(s->folder_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_cut = fd >= 0 && s->io->truncate(fd, (off_t) good_end) == 0
                  && s->io->fdatasync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return is_cut;
}

/* Reads the last segment through. */
static bool read_last(struct spool *s, struct walk *walk, struct diag *diag)
{
    struct segment *last = &s->segments[s->n_segments - 1];
    struct segment_header header;
    struct spool_record record;
    struct spool_gap gap;
    char name[SPOOL_NAME_SIZE];
    enum walk_step step;
    bool is_empty = true, is_lost;
    uint32_t version;
    int fd;

    segment_name(last->first, name);
    fd = segment_open(s->folder_fd, name, &last->size);
    if (fd < 0) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                 "spool's file %s cannot be opened: %s", name, strerror(errno));
        return false;
    }
    is_lost = segment_read_header(fd, last->first, &header, &version) == HEADER_LOST;
    walk_begin(walk, fd, name, is_lost ? s->salt : header.salt, SEGMENT_HEADER, last->first);
    walk->limit = last->size;
    while ((step = walk_next(walk, &record, &gap)) != WALK_END) {
        if (step == WALK_RECORD) {
            is_empty = false;
            last->end = record.position + 1;
            s->last_ns = record.time_ns;
            spool_note_place(&last->places, &last->n_places, &last->cap_places, record.position,
                             walk->good_end - record_size(record.payload.size));
        }
    }
    if (!cut_segment(s, last, name, walk->good_end, is_empty, diag)) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                 "spool's file %s cannot be cut: %s", name, strerror(errno));
        return false;
    }
    if (is_empty) {
        s->segment_total -= last->size;
        s->n_segments--;
    }
    return true;
}

/* The last segment that has a record ends what is there. */
static bool read_end(struct spool *s, struct diag *diag)
{
    struct walk walk;
    bool ok = true;
    uint64_t next = 1, largest = 0;

    for (size_t i = 0; i < s->n_segments; i++) {
        largest = s->segments[i].size > largest ? s->segments[i].size : largest;
    }
    /* Not by max_record: a setting that was made smaller must not tear anything. */
    walk_init(&walk, largest < SPOOL_RECORD_LIMIT ? (size_t) largest : SPOOL_RECORD_LIMIT);
    while (ok && s->n_segments != 0) {
        size_t n = s->n_segments;

        /* An empty one behind it tells where it ended, as any that follows does. */
        next = s->segments[n - 1].first > next ? s->segments[n - 1].first : next;
        ok = read_last(s, &walk, diag);
        if (ok && s->n_segments == n) {
            next = s->segments[n - 1].end > next ? s->segments[n - 1].end : next;
            break;
        }
    }
    walk_fini(&walk);
    if (s->n_segments != 0) {
        s->segments[s->n_segments - 1].end = next;
    }
    s->next = next;
    return ok;
}

/* Files that were settled before the crash and came back, or were still to be removed. */
static void remove_settled(struct spool *s)
{
    uint64_t settled = s->released > s->dropped_to ? s->released : s->dropped_to;
    char name[SPOOL_NAME_SIZE];
    size_t n = 0;

    for (; n < s->n_segments && s->segments[n].end <= settled; n++) {
        segment_name(s->segments[n].first, name);
        if (unlinkat(s->folder_fd, name, 0) != 0) {
            break;
        }
    }
    spool_forget_segments(s, n);
}

/* Keeps where this run begins, and whose it is. */
static bool keep_state(struct spool *s, struct diag *diag)
{
    int error;

    s->kept.sequence++;
    s->kept.released = s->released;
    s->kept.dropped_to = s->dropped_to;
    s->kept.salt = s->salt;
    memcpy(s->kept.identity, s->identity, sizeof s->identity);
    s->kept.identity_size = (uint32_t) s->conf.identity.size;
    error = state_write(s->state_fd, s->io, &s->kept);
    if (error == 0 && s->io->fsync(s->folder_fd) != 0) {
        error = -errno;
    }
    if (error != 0) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                 "spool's state cannot be written: %s", strerror(-error));
    }
    return error == 0;
}

static bool read_state(struct spool *s, bool *found, struct diag *diag)
{
    uint32_t version = 0;

    if (!state_read(s->state_fd, &s->kept, found, &version)) {
        return refuse_version(s, "state", version, diag);
    }
    if (*found) {
        s->salt = s->kept.salt;
        s->released = s->kept.released;
        s->dropped_to = s->kept.dropped_to;
        if (s->conf.identity.size == 0) {
            memcpy(s->identity, s->kept.identity, s->kept.identity_size);
            s->conf.identity = slice_of(s->identity, s->kept.identity_size);
        }
    }
    return true;
}

bool spool_recover(struct spool *s, struct diag *diag)
{
    uint64_t *firsts = NULL;
    size_t n;
    bool found, ok;

    if (!read_state(s, &found, diag)) {
        return false;
    }
    if (!segment_find_all(s->folder_fd, &firsts, &n)) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL, "spool cannot be read: %s",
                 strerror(errno));
        return false;
    }
    ok = read_headers(s, firsts, n, found, diag) && read_end(s, diag);
    free(firsts);
    if (!ok) {
        return false;
    }
    if (!found && n != 0) {
        diag_add(diag, DIAG_WARNING, s->conf.folder, 0, 0, NULL,
                 "spool's state is lost: records that were settled may be told again");
    }
    if (!found) {
        s->released = s->n_segments != 0 ? s->segments[0].first : s->next;
    }
    s->next = s->next > s->released ? s->next : s->released;
    s->next = s->next > s->dropped_to ? s->next : s->dropped_to;
    remove_settled(s);
    uint64_t from = s->released > s->dropped_to ? s->released : s->dropped_to;

    for (size_t i = 0; i < s->n_segments; i++) {
        uint64_t first = s->segments[i].first > from ? s->segments[i].first : from;

        s->counters.recovered += s->segments[i].end > first ? s->segments[i].end - first : 0;
    }
    s->durable = s->written = s->next;
    return keep_state(s, diag);
}
