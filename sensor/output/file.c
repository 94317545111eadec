/* The EVE file: several workers write whole lines to it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/obs/log.h"
#include "sensor/output/output_private.h"

struct eve_file {
    char *path;                 /* Owned; NULL: standard output. */
    pthread_mutex_t lock;       /* Guards what follows. */
    int fd;                     /* -1: could not be opened anew. */
    bool has_failed;            /* Something was not written. */
    bool is_reported;           /* ... and the log says so since the last success. */
    bool is_torn;               /* The last line in the file is not whole. */
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

struct eve_file *eve_file_open(const char *path, struct diag *diag)
{
    bool is_stdout = strcmp(path, "-") == 0;
    int fd = is_stdout ? STDOUT_FILENO : open_path(path);

    if (fd < 0) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be opened for writing: %s",
                 strerror(errno));
        return NULL;
    }
    struct eve_file *file = xcalloc(1, sizeof *file);
    file->path = is_stdout ? NULL : xstrdup(path);
    file->fd = fd;
    pthread_mutex_init(&file->lock, NULL);
    return file;
}

bool eve_file_close(struct eve_file *file)
{
    bool is_whole = !file->has_failed;

    if (file->path != NULL && file->fd >= 0 && close(file->fd) != 0) {
        is_whole = false;
    }
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
    return is_whole;
}

/* Under the lock: the error is logged once, until writing has worked again. */
static void report_failure(struct eve_file *file, int error)
{
    file->has_failed = true;
    if (!file->is_reported) {
        file->is_reported = true;
        log_error("output", "EVE lines could not be written", "file=\"%s\" error=\"%s\"",
                  file->path != NULL ? file->path : "-", strerror(error));
    }
}

void eve_file_reopen(struct eve_file *file)
{
    if (file->path == NULL) {
        return;                 /* Standard output. */
    }
    pthread_mutex_lock(&file->lock);
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = open_path(file->path);
    file->is_torn = false;
    if (file->fd < 0) {
        report_failure(file, errno);
    }
    pthread_mutex_unlock(&file->lock);
}

/* Under the lock.  After a write that stopped within a line, the next one starts a line of
 * its own: one line is lost, not two. */
static bool write_all(struct eve_file *file, const char *bytes, size_t size)
{
    if (file->is_torn && write(file->fd, "\n", 1) != 1) {
        return false;
    }
    file->is_torn = false;
    while (size != 0) {
        ssize_t n = write(file->fd, bytes, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes += n;
        size -= (size_t) n;
        file->is_torn = size != 0 && bytes[-1] != '\n';
    }
    return true;
}

bool eve_file_write(struct eve_file *file, const char *lines, size_t size)
{
    bool is_written = false;

    pthread_mutex_lock(&file->lock);
    if (file->fd >= 0) {
        is_written = write_all(file, lines, size);
        if (is_written) {
            file->is_reported = false;
        } else {
            report_failure(file, errno);
        }
    } else {
        file->has_failed = true;
    }
    pthread_mutex_unlock(&file->lock);
    return is_written;
}
