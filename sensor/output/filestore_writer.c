/* The writer of the store: the one thread that touches the folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/obs/log.h"
#include "sensor/output/filestore_private.h"

#define NAME_SIZE 160
#define IDLE_NS (2 * 1000 * 1000)
/* So many messages of one worker before the next has its turn. */
#define TURN 64

/* ---- The folder ---- */

static bool make_folder(int dir, const char *path)
{
    struct stat st;

    return mkdirat(dir, path, 0750) == 0
           || (errno == EEXIST && fstatat(dir, path, &st, 0) == 0 && S_ISDIR(st.st_mode));
}

/* What a run that was killed has left below tmp; files of one that goes on stay. */
static void remove_leftovers(int dir)
{
    int fd = openat(dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);

        if (pid > 0 && *end == '.'
            && (pid == getpid() || (kill((pid_t) pid, 0) != 0 && errno == ESRCH))) {
            (void) unlinkat(fd, entry->d_name, 0);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

/* Counts the files of one of the 256 folders; events beside them count in bytes alone. */
static void count_folder(struct file_store *s, const char *name)
{
    int fd = openat(s->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    struct stat st;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            s->held_files += strlen(entry->d_name) == 64;
            s->held_bytes += (uint64_t) st.st_size;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

bool store_folder_open(struct file_store *s, struct diag *diag)
{
    bool ok = make_folder(AT_FDCWD, s->path);

    s->dir = ok ? open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    ok = s->dir >= 0 && make_folder(s->dir, "tmp");
    for (unsigned i = 0; ok && i < 256; i++) {  /* Those that are there. */
        char name[3];

        snprintf(name, sizeof name, "%02x", i);
        count_folder(s, name);
    }
    if (!ok) {
        diag_add(diag, DIAG_ERROR, s->path, 0, 0, "file-store.dir",
                 "the folder of files cannot be made: %s", strerror(errno));
        return false;
    }
    remove_leftovers(s->dir);
    return true;
}

/* ---- Files that grow ---- */

static void temporary_name(unsigned door, uint32_t place, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "tmp/%ld.%u.%" PRIu32, (long) getpid(), door, place);
}

static void final_name(const uint8_t sha256[32], char name[NAME_SIZE])
{
    int n = snprintf(name, NAME_SIZE, "%02x/", sha256[0]);

    for (unsigned i = 0; i < 32; i++) {
        n += snprintf(name + n, NAME_SIZE - (size_t) n, "%02x", sha256[i]);
    }
}

static void fail_file(struct file_store *s, struct store_file *f, const char *what)
{
    static struct log_limit limit;
    uint32_t n_kept_back;

    if (!f->has_failed && log_limit_pass(&limit, &n_kept_back)) {
        log_error("filestore", "a file cannot be kept", "step=%s error=\"%s\"", what,
                  strerror(errno));
    }
    if (!f->has_failed) {
        atomic_fetch_add(&s->errors, 1);
    }
    f->has_failed = true;
}

static bool open_temporary(struct file_store *s, struct store_file *f, const char *name)
{
    if (f->fd < 0) {
        int flags = f->has_begun ? O_APPEND : O_CREAT | O_TRUNC;

        f->fd = openat(s->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
        s->n_open += f->fd >= 0;
    }
    f->has_begun = f->has_begun || f->fd >= 0;
    return f->fd >= 0;
}

static void close_temporary(struct file_store *s, struct store_file *f)
{
    if (f->fd >= 0) {
        if (close(f->fd) != 0) {
            fail_file(s, f, "close");
        }
        s->n_open--;
        f->fd = -1;
    }
}

static bool write_parts(int fd, const struct file_part parts[2])
{
    for (int i = 0; i < 2; i++) {
        for (size_t at = 0; at < parts[i].size;) {
            ssize_t n = write(fd, parts[i].bytes + at, parts[i].size - at);

            if (n < 0 && errno != EINTR) {
                return false;
            }
            at += n > 0 ? (size_t) n : 0;
        }
    }
    return true;
}

static void take_bytes(struct file_store *s, struct store_file *f, const char *name,
                       const struct file_part parts[2])
{
    uint64_t size = parts[0].size + parts[1].size;

    f->size += size;
    if (f->has_failed) {
        return;
    }
    if (!open_temporary(s, f, name)) {
        fail_file(s, f, "open");
    } else if (!write_parts(f->fd, parts)) {
        fail_file(s, f, "write");
    }
    atomic_fetch_add(&s->bytes, f->has_failed ? 0 : size);
    if (s->n_open > s->conf.max_open_files) {
        close_temporary(s, f);
    }
}

static bool rename_file(struct file_store *s, const char *name, const char *final)
{
    char folder[3] = { final[0], final[1], '\0' };

    return renameat(s->dir, name, s->dir, final) == 0
           || (errno == ENOENT && make_folder(s->dir, folder)
               && renameat(s->dir, name, s->dir, final) == 0);
}

/* Ends a file under its name, or as one that is there already. */
static void take_close(struct file_store *s, struct store_file *f, const char *name,
                       const uint8_t sha256[32])
{
    char final[NAME_SIZE];
    bool is_new = false;

    final_name(sha256, final);
    if (!f->has_failed && !open_temporary(s, f, name)) {
        fail_file(s, f, "open");
    }
    close_temporary(s, f);
    if (!f->has_failed && utimensat(s->dir, final, NULL, AT_SYMLINK_NOFOLLOW) == 0) {
        atomic_fetch_add(&s->duplicates, 1);
    } else if (!f->has_failed && rename_file(s, name, final)) {
        atomic_fetch_add(&s->stored, 1);
        is_new = true;
    } else {
        fail_file(s, f, "rename");
    }
    if (!is_new) {
        if (f->has_begun) {
            (void) unlinkat(s->dir, name, 0);
        }
        atomic_fetch_sub(&s->held_files, 1);
        atomic_fetch_sub(&s->held_bytes, f->size);
    }
}

/* The event, beside the file if that is there. */
static void take_info(struct file_store *s, const struct file_message *m,
                      const struct file_part parts[2])
{
    char name[NAME_SIZE];

    final_name(m->sha256, name);
    size_t n = strlen(name);
    bool ok = faccessat(s->dir, name, F_OK, 0) == 0;
    snprintf(name + n, NAME_SIZE - n, ".%" PRIu64 ".%" PRIu64 ".json", m->seconds, m->id);
    int fd = ok ? openat(s->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                         0640) : -1;
    ok = fd >= 0 && write_parts(fd, parts);
    if (fd >= 0 && close(fd) != 0) {
        ok = false;
    }
    atomic_fetch_add(&s->held_bytes, ok ? m->size : 0);
    atomic_fetch_add(ok ? &s->infos : &s->infos_lost, 1);
}

static void take_message(struct file_store *s, unsigned door, const struct file_message *m,
                         const struct file_part parts[2])
{
    struct store_file *f = &s->files[(size_t) door * (MAX_PLACES + 1) + m->place];
    char name[NAME_SIZE];

    temporary_name(door, m->place, name);
    switch ((enum file_message_kind) m->kind) {
    case FILE_MESSAGE_BYTES:
        take_bytes(s, f, name, parts);
        return;
    case FILE_MESSAGE_INFO:
        take_info(s, m, parts);
        return;
    case FILE_MESSAGE_CLOSE:
        take_close(s, f, name, m->sha256);
        break;
    case FILE_MESSAGE_DROP:
        close_temporary(s, f);
        if (f->has_begun) {
            (void) unlinkat(s->dir, name, 0);
        }
        break;
    }
    *f = (struct store_file) { .fd = -1 };
}

/* ---- The thread ---- */

static bool serve_door(struct file_store *s, unsigned door)
{
    struct file_part parts[2];
    struct file_message m;
    unsigned n = 0;

    while (n < TURN && file_ring_peek(s->doors[door].ring, &m, parts)) {
        take_message(s, door, &m, parts);
        file_ring_drop(s->doors[door].ring, &m);
        n++;
    }
    return n != 0;
}

void *store_writer_run(void *store)
{
    struct file_store *s = store;
    struct timespec idle = { .tv_nsec = IDLE_NS };

    for (size_t i = 0; i < (size_t) s->n_doors * (MAX_PLACES + 1); i++) {
        s->files[i].fd = -1;
    }
    for (;;) {
        bool is_ending = atomic_load(&s->is_ending), has_served = false;

        for (unsigned door = 0; door < s->n_doors; door++) {
            has_served |= serve_door(s, door);
        }
        if (!has_served && is_ending) {
            break;
        }
        if (!has_served) {
            nanosleep(&idle, NULL);
        }
    }
    /* What no worker has ended was not whole. */
    for (size_t i = 0; i < (size_t) s->n_doors * (MAX_PLACES + 1); i++) {
        char name[NAME_SIZE];

        if (s->files[i].has_begun) {
            close_temporary(s, &s->files[i]);
            temporary_name((unsigned) (i / (MAX_PLACES + 1)),
                           (uint32_t) (i % (MAX_PLACES + 1)), name);
            (void) unlinkat(s->dir, name, 0);
        }
    }
    return NULL;
}
