/* Log lines in logfmt on standard error: time, level, module, message and pairs.
 *
 *     2026-01-31T23:59:59.123Z level=warn module=transport msg="connection lost" retry_ms=200
 *
 * Any thread may log; a line is written with one write().  Nothing on the packet path
 * logs: it counts.  Call sites that outside bytes or a broken peer can reach often use
 * log_limited(), which lets a few lines a second through and says how many it kept back. */
#ifndef CIVICSHIELD_OBS_LOG_H
#define CIVICSHIELD_OBS_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The least severe level that is written; LOG_LEVEL_INFO until it is set. */
void log_set_level(enum log_level);
bool log_is_on(enum log_level);
/* "error", "warn", "info", "debug" -> level; false for another word. */
bool log_level_by_name(const char *name, enum log_level *level);

/* 'format' makes the message; pairs may stand behind it in logfmt of their own:
 * log_write(LOG_LEVEL_INFO, "store", "bulk settled", "items=%u retried=%u", n, m).
 * 'pairs' may be NULL. */
void log_write(enum log_level, const char *module, const char *message, const char *pairs,
               ...) __attribute__((format(printf, 4, 5)));

struct log_limit {
    _Atomic uint64_t second;    /* The second that 'n' counts. */
    _Atomic uint32_t n, n_kept_back;
};
#define LOG_LINES_PER_SECOND 5

/* True if a line may be written now; '*n_kept_back' gets the lines suppressed before it. */
bool log_limit_pass(struct log_limit *, uint32_t *n_kept_back);

#define log_error(module, message, ...) \
    log_write(LOG_LEVEL_ERROR, module, message, __VA_ARGS__)
#define log_warn(module, message, ...) log_write(LOG_LEVEL_WARN, module, message, __VA_ARGS__)
#define log_info(module, message, ...) log_write(LOG_LEVEL_INFO, module, message, __VA_ARGS__)
#define log_debug(module, message, ...)                                 \
    do {                                                                \
        if (log_is_on(LOG_LEVEL_DEBUG)) {                               \
            log_write(LOG_LEVEL_DEBUG, module, message, __VA_ARGS__);   \
        }                                                               \
    } while (0)
/* At most LOG_LINES_PER_SECOND lines a second from this place. */
#define log_limited(level, module, message, ...)                        \
    do {                                                                \
        static struct log_limit limit_;                                 \
        uint32_t kept_back_;                                            \
        if (log_limit_pass(&limit_, &kept_back_)) {                     \
            if (kept_back_ != 0) {                                      \
                log_write(level, module, "lines like the next were kept back", \
                          "n=%u", kept_back_);                          \
            }                                                           \
            log_write(level, module, message, __VA_ARGS__);             \
        }                                                               \
    } while (0)

#endif
