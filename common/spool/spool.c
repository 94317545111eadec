#include "common/spool/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"

#define LOCK_NAME "lock"
#define STATE_NAME "state"
#define RETRY_NS (100 * NS_PER_MS)  /* Between tries of a disk that failed. */

static int reserve_room(int fd, off_t size)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size);
}

const struct spool_io spool_io_real = { write, fdatasync, fsync, reserve_room, ftruncate };

void spool_conf_init(struct spool_conf *conf)
{
    *conf = (struct spool_conf) {
        .max_bytes = (uint64_t) 1 << 30,
        .segment_bytes = (uint64_t) 32 << 20,
        .max_record = (size_t) 1 << 20,
        .memory_bytes = (size_t) 16 << 20,
        .sync_records = 1000,
        .sync_bytes = (uint64_t) 1 << 20,
        .sync_ns = 200 * NS_PER_MS,
        .preallocate = true,
    };
}

static bool check_conf(const struct spool_conf *conf, struct diag *diag)
{
    const char *wrong = NULL;

    if (conf->max_record == 0 || conf->max_record > SPOOL_RECORD_LIMIT) {
        wrong = "max_record is out of range";
    } else if (conf->segment_bytes < SEGMENT_HEADER + record_size(conf->max_record)) {
        wrong = "segment_bytes has no room for a largest record";
    } else if (conf->segment_bytes > INT64_MAX / 4
               || conf->max_bytes < 2 * conf->segment_bytes || conf->max_bytes > INT64_MAX) {
        wrong = "max_bytes has no room for two segments";
    } else if (conf->memory_bytes < record_size(conf->max_record)) {
        wrong = "memory_bytes has no room for a largest record";
    } else if (conf->identity.size > SPOOL_IDENTITY_MAX) {
        wrong = "the identity is too long";
    }
    if (wrong != NULL) {
        diag_add(diag, DIAG_ERROR, conf->folder, 0, 0, NULL, "spool: %s", wrong);
    }
    return wrong == NULL;
}

static bool open_folder(struct spool *s, struct diag *diag)
{
    const char *folder = s->conf.folder;
    bool is_new = mkdir(folder, 0700) == 0;
    struct stat st;

    s->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0 || fstat(s->folder_fd, &st) != 0) {
        diag_add(diag, DIAG_ERROR, folder, 0, 0, NULL, "spool cannot be opened: %s",
                 strerror(errno));
        return false;
    }
    if ((st.st_mode & 022) != 0 || st.st_uid != geteuid()) {
        diag_add(diag, DIAG_ERROR, folder, 0, 0, "chown it to the user that runs this, chmod 0700",
                 "others can write to this spool");
        return false;
    }
    if (is_new) {                               /* Its own name must survive as well. */
        int parent = openat(s->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (parent >= 0) {
            fsync(parent);
            close(parent);
        }
    }
    return true;
}

static bool take_lock(struct spool *s, struct diag *diag)
{
    char text[24] = "";

    s->lock_fd = openat(s->folder_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL, "spool cannot be locked: %s",
                 strerror(errno));
        return false;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(s->lock_fd, text, sizeof text - 1, 0);

        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                 "spool is in use by process %ld", n > 0 ? strtol(text, NULL, 10) : 0);
        return false;
    }
    /* For people to read: the lock itself does not need it. */
    int n = snprintf(text, sizeof text, "%ld\n", (long) getpid());

    (void) !(ftruncate(s->lock_fd, 0) == 0 && pwrite(s->lock_fd, text, (size_t) n, 0) == n);
    return true;
}

static bool open_state(struct spool *s, struct diag *diag)
{
    struct stat st;

    s->state_fd = openat(s->folder_fd, STATE_NAME,
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (s->state_fd < 0 || fstat(s->state_fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        diag_add(diag, DIAG_ERROR, s->conf.folder, 0, 0, NULL,
                 "spool's state cannot be opened: %s", strerror(errno));
        return false;
    }
    return true;
}

static void free_spool(struct spool *s)
{
    if (s == NULL) {
        return;
    }
    if (s->active_fd >= 0) {
        close(s->active_fd);
    }
    if (s->state_fd >= 0) {
        close(s->state_fd);
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    if (s->folder_fd >= 0) {
        close(s->folder_fd);
    }
    spool_forget_segments(s, s->n_segments);
    spool_free_chunks(s);
    free(s->segments);
    free(s->places);
    free((char *) s->conf.folder);
    pthread_mutex_destroy(&s->mutex);
    pthread_mutex_destroy(&s->sync_mutex);
    free(s);
}

struct spool *spool_open_with(const struct spool_conf *conf, const struct spool_io *io,
                              struct diag *diag)
{
    struct spool *s;

    if (!check_conf(conf, diag)) {
        return NULL;
    }
    s = xcalloc(1, sizeof *s);
    s->conf = *conf;
    s->conf.folder = xstrdup(conf->folder);
    s->conf.identity = slice_of(NULL, 0);
    s->io = io;
    s->folder_fd = s->lock_fd = s->state_fd = s->active_fd = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_mutex_init(&s->sync_mutex, NULL);
    if (conf->identity.size != 0) {
        memcpy(s->identity, conf->identity.bytes, conf->identity.size);
        s->conf.identity = slice_of(s->identity, conf->identity.size);
    }
    if (!open_folder(s, diag) || !take_lock(s, diag) || !open_state(s, diag)
        || !spool_recover(s, diag)) {
        free_spool(s);
        return NULL;
    }
    return s;
}

struct spool *spool_open(const struct spool_conf *conf, struct diag *diag)
{
    return spool_open_with(conf, &spool_io_real, diag);
}

void spool_close(struct spool *s, uint64_t now_ns)
{
    if (s == NULL) {
        return;
    }
    spool_sync(s, now_ns);
    pthread_mutex_lock(&s->sync_mutex);
    spool_keep(s, now_ns, true);
    spool_close_segment(s);
    pthread_mutex_unlock(&s->sync_mutex);
    free_spool(s);
}

static bool is_space(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* A chunk with room for 'size' bytes at the end of the list; NULL when memory is used up. */
static struct chunk *find_chunk(struct spool *s, size_t size)
{
    struct chunk *chunk = s->last_chunk;
    size_t quarter = s->conf.memory_bytes / 4;
    size_t cap = quarter < CHUNK_SIZE ? quarter : CHUNK_SIZE;

    cap = cap > size ? cap : size;
    if (chunk != NULL && chunk->cap - chunk->size >= size) {
        return chunk;
    }
    if (cap > s->conf.memory_bytes - s->memory) {
        cap = s->conf.memory_bytes - s->memory;
    }
    if (cap < size || (chunk = malloc(sizeof *chunk + cap)) == NULL) {
        return NULL;
    }
    *chunk = (struct chunk) { .id = ++s->chunk_ids, .first = s->next, .cap = cap };
    *(s->last_chunk != NULL ? &s->last_chunk->next : &s->chunks) = chunk;
    s->last_chunk = chunk;
    s->memory += cap;
    return chunk;
}

static enum spool_result append_locked(struct spool *s, const struct spool_record *record,
                                       uint64_t *position)
{
    struct spool_record placed = *record;
    size_t size = record_size(record->payload.size);
    struct chunk *chunk;

    if (is_space(s->trouble)) {
        return SPOOL_NO_SPACE;
    }
    if (spool_bytes(s, s->pending_bytes + size) > s->conf.max_bytes) {
        return SPOOL_FULL;
    }
    chunk = find_chunk(s, size);
    if (chunk == NULL) {
        return s->trouble != 0 ? SPOOL_BROKEN : SPOOL_MEMORY;
    }
    placed.position = *position = s->next++;
    record_write(&placed, s->salt, chunk->bytes + chunk->size);
    chunk->size += size;
    if (s->pending_bytes == 0) {
        s->pending_since = record->time_ns;
    }
    s->pending_bytes += size;
    s->counters.appended++;
    s->counters.appended_bytes += record->payload.size;
    return SPOOL_OK;
}

enum spool_result spool_append(struct spool *s, const struct spool_record *record,
                               uint64_t *position)
{
    enum spool_result result = SPOOL_TOO_LARGE;

    pthread_mutex_lock(&s->mutex);
    if (record->payload.size <= s->conf.max_record) {
        result = append_locked(s, record, position);
    }
    if (result != SPOOL_OK) {
        s->counters.refused[result]++;
    }
    pthread_mutex_unlock(&s->mutex);
    return result;
}

bool spool_sync_is_due(struct spool *s, uint64_t now_ns)
{
    const struct spool_conf *conf = &s->conf;
    bool is_due;

    pthread_mutex_lock(&s->mutex);
    if (s->trouble != 0) {
        is_due = now_ns < s->trouble_ns || now_ns - s->trouble_ns >= RETRY_NS;
    } else {
        is_due = s->pending_bytes != 0
                 && (now_ns < s->pending_since || now_ns - s->pending_since >= conf->sync_ns
                     || (conf->sync_bytes != 0 && s->pending_bytes >= conf->sync_bytes)
                     || (conf->sync_records != 0 && s->next - s->durable >= conf->sync_records)
                     || s->pending_bytes > conf->memory_bytes / 2);
        is_due = is_due || spool_keep_is_due(s, now_ns);
    }
    pthread_mutex_unlock(&s->mutex);
    return is_due;
}

int spool_sync(struct spool *s, uint64_t now_ns)
{
    uint64_t target;
    int kept, error;

    pthread_mutex_lock(&s->sync_mutex);
    kept = spool_keep(s, now_ns, false);        /* First, since it may make room. */
    target = spool_next(s);
    error = spool_write_pending(s, target);
    pthread_mutex_lock(&s->mutex);
    error = error != 0 ? error : kept;
    s->trouble = -error;
    s->counters.sync_failures += error != 0;
    s->trouble_ns = now_ns;
    s->pending_since = now_ns;                  /* Of what came during the sync. */
    pthread_mutex_unlock(&s->mutex);
    pthread_mutex_unlock(&s->sync_mutex);
    return error;
}

uint64_t spool_next(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t next = s->next;
    pthread_mutex_unlock(&s->mutex);
    return next;
}

uint64_t spool_durable(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t durable = s->durable;
    pthread_mutex_unlock(&s->mutex);
    return durable;
}

uint64_t spool_released(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t released = s->released;
    pthread_mutex_unlock(&s->mutex);
    return released;
}

void spool_release(struct spool *s, uint64_t position)
{
    pthread_mutex_lock(&s->mutex);
    if (position > s->next) {
        position = s->next;
    }
    if (position > s->released) {
        uint64_t from = s->released > s->dropped_to ? s->released : s->dropped_to;

        s->counters.released += position > from ? position - from : 0;
        s->released = position;
    }
    pthread_mutex_unlock(&s->mutex);
}

unsigned spool_fill(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    uint64_t used = s->segment_total + s->pending_bytes;
    pthread_mutex_unlock(&s->mutex);
    if (used >= s->conf.max_bytes) {
        return 1000;
    }
    return (unsigned) ((double) used * 1000 / (double) s->conf.max_bytes);
}

void spool_read_counters(struct spool *s, struct spool_counters *out)
{
    pthread_mutex_lock(&s->mutex);
    *out = s->counters;
    out->bytes = s->segment_total + s->pending_bytes;
    out->segments = s->n_segments;
    out->memory = s->memory;
    pthread_mutex_unlock(&s->mutex);
}

struct slice spool_identity(struct spool *s)
{
    return s->conf.identity;
}

const char *spool_result_name(enum spool_result result)
{
    static const char *const names[] = {
#define X(id, name) name,
        SPOOL_RESULTS(X)
#undef X
    };
    return result < SPOOL_N_RESULTS ? names[result] : "unknown";
}

const char *spool_gap_name(enum spool_gap_reason reason)
{
    static const char *const names[] = {
#define X(id, name) name,
        SPOOL_GAPS(X)
#undef X
    };
    return reason < SPOOL_N_GAPS ? names[reason] : "unknown";
}
