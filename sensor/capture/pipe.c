/* Captures that come through a pipe.  A signal handler's SA_RESTART begins a read(2) that
 * waits for the writer anew, so a reader within libpcap would not hear that it is to stop.
 * Here it waits in poll(2), and looks at the flag now and then.  What has come and was not
 * asked for yet is kept here, not by stdio, which would not say whether there is any. */
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
    size_t at, end;                     /* What is left in 'buffer'. */
    char buffer[BUFFER_SIZE];
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

bool capture_pipe_wait(const struct capture_pipe *pipe, int ms)
{
    struct pollfd wait = { .fd = pipe->fd, .events = POLLIN };

    if (pipe->at != pipe->end) {
        return true;
    }
    int n = poll(&wait, 1, ms);
    return n > 0 || (n < 0 && errno != EINTR);
}

/* Fills the empty buffer as far as it goes; 0 at the end, or when it is to stop. */
static ssize_t fill_buffer(struct capture_pipe *pipe)
{
    while (!capture_pipe_is_stopped()) {
        struct pollfd wait = { .fd = pipe->fd, .events = POLLIN };
        int n = poll(&wait, 1, LOOK_MS);
        if (n == 0 || (n < 0 && errno == EINTR)) {
            continue;
        }
        ssize_t got = n < 0 ? -1 : read(pipe->fd, pipe->buffer, sizeof pipe->buffer);
        if (got >= 0) {
            pipe->at = 0;
            pipe->end = (size_t) got;
        }
        if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return got;
        }
    }
    return 0;
}

static ssize_t read_pipe(void *cookie, char *to, size_t size)
{
    struct capture_pipe *pipe = cookie;

    if (pipe->at == pipe->end) {
        ssize_t got = fill_buffer(pipe);
        if (got <= 0) {
            return got;
        }
    }
    size_t left = pipe->end - pipe->at;
    size_t n = size < left ? size : left;
    memcpy(to, pipe->buffer + pipe->at, n);
    pipe->at += n;
    return (ssize_t) n;
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
    pipe->at = pipe->end = 0;
    file = fopencookie(pipe, "r", functions);
    if (file == NULL) {
        (void) close_pipe(pipe);
        errno = ENOMEM;
        return NULL;
    }
    setvbuf(file, NULL, _IONBF, 0);
    *pipe_out = pipe;
    return file;
}
