#include "common/obs/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

/* A line longer than this is cut: a log is for people. */
#define LINE_SIZE 2048

static _Atomic int threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = { "error", "warn", "info", "debug", NULL };

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int) level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int) level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

bool log_level_by_name(const char *name, enum log_level *level)
{
    for (unsigned i = 0; level_names[i] != NULL; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level) i;
            return true;
        }
    }
    return false;
}

/* Bytes that would break a line or a terminal become '?'. */
static void make_printable(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f) {
            text[i] = '?';
        }
    }
}

void log_write(enum log_level level, const char *module, const char *message,
               const char *pairs, ...)
{
    char line[LINE_SIZE], time[CLOCK_TEXT_SIZE];
    va_list args;

    if (!log_is_on(level)) {
        return;
    }
    clock_format_utc(clock_wall_ns(), 3, "Z", time);
    int n = snprintf(line, sizeof line, "%s level=%s module=%s msg=\"%s\"%s", time,
                     level_names[level], module, message, pairs != NULL ? " " : "");
    size_t used = n > 0 && (size_t) n < sizeof line ? (size_t) n : sizeof line - 1;
    if (pairs != NULL) {
        va_start(args, pairs);
        n = vsnprintf(line + used, sizeof line - used, pairs, args);
        va_end(args);
        used = n > 0 && (size_t) n < sizeof line - used ? used + (size_t) n
                                                        : sizeof line - 1;
    }
    make_printable(line, used);
    line[used] = '\n';
    /* Nothing can be done about a standard error that is closed. */
    ssize_t written = write(STDERR_FILENO, line, used + 1);
    (void) written;
}

bool log_limit_pass(struct log_limit *limit, uint32_t *n_kept_back)
{
    uint64_t second = clock_monotonic_ns() / NS_PER_SEC + 1;

    *n_kept_back = 0;
    if (atomic_exchange_explicit(&limit->second, second, memory_order_relaxed) != second) {
        atomic_store_explicit(&limit->n, 0, memory_order_relaxed);
        *n_kept_back =
            atomic_exchange_explicit(&limit->n_kept_back, 0, memory_order_relaxed);
    }
    if (atomic_fetch_add_explicit(&limit->n, 1, memory_order_relaxed)
        < LOG_LINES_PER_SECOND) {
        return true;
    }
    atomic_fetch_add_explicit(&limit->n_kept_back, 1, memory_order_relaxed);
    return false;
}
