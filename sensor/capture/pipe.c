/* Captures that come through a pipe.  A signal handler's SA_RESTART begins a read(2) that
 * waits for the writer anew, so a reader within libpcap would not hear that it is to stop.
 * Here it waits in poll(2), and looks at the flag now and then. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "sensor/capture/capture_private.h"

#define LOOK_MS 100
#define BUFFER_SIZE (256u << 10)

static const volatile sig_atomic_t *stop_flag;

struct capture_pipe {
    int fd;
    FILE *file;                         /* The stream over it. */
    char buffer[BUFFER_SIZE];           /* stdio's. */
};

void capture_stop_on(const volatile sig_atomic_t *stop)
{
    stop_flag = stop;
}

bool capture_pipe_is_stopped(void)
{
    return stop_flag != NULL && *stop_flag != 0;
}

bool capture_pipe_is(const char *path)
{
    struct stat st;

    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

/* Whether stdio has read what has not been asked for yet: glibc's names, like fopencookie(),
 * since no function tells. */
static bool has_buffered(const FILE *file)
{
    return file->_IO_read_ptr != file->_IO_read_end;
}

bool capture_pipe_wait(const struct capture_pipe *pipe, int ms)
{
    struct pollfd wait = { .fd = pipe->fd, .events = POLLIN };

    if (has_buffered(pipe->file)) {
        return true;
    }
    int n = poll(&wait, 1, ms);
    return n > 0 || (n < 0 && errno != EINTR);
}

static ssize_t read_pipe(void *cookie, char *to, size_t size)
{
    const struct capture_pipe *pipe = cookie;
    struct pollfd wait = { .fd = pipe->fd, .events = POLLIN };

    while (!capture_pipe_is_stopped()) {
        int n = poll(&wait, 1, LOOK_MS);
        if (n == 0 || (n < 0 && errno == EINTR)) {
            continue;
        }
        ssize_t got = n < 0 ? -1 : read(pipe->fd, to, size);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return got;
        }
    }
    return 0;
}

static int close_pipe(void *cookie)
{
    struct capture_pipe *pipe = cookie;
    int result = pipe->fd != STDIN_FILENO ? close(pipe->fd) : 0;

    free(pipe);
    return result;
}

FILE *capture_pipe_open(const char *path, struct capture_pipe **pipe_out)
{
    static const cookie_io_functions_t functions = { .read = read_pipe,
                                                     .close = close_pipe };
    /* Else opening a named pipe waits for a writer. */
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct capture_pipe *pipe;
    FILE *file;

    if (fd < 0) {
        return NULL;
    }
    pipe = xmalloc(sizeof *pipe);
    pipe->fd = fd;
    file = fopencookie(pipe, "r", functions);
    if (file == NULL) {
        (void) close_pipe(pipe);
        errno = ENOMEM;
        return NULL;
    }
    setvbuf(file, pipe->buffer, _IOFBF, sizeof pipe->buffer);
    pipe->file = file;
    *pipe_out = pipe;
    return file;
}
