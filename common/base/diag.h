/* Messages about files that people wrote: configuration, rules.  Each has a place and, if
 * we know one, a remedy:
 *
 *     web.rules:12:8: error: unknown buffer "http.hos"; did you mean "http.host"?
 *
 * A reader reports every problem it finds into a 'struct diag' and goes on where it can;
 * the owner prints them all and decides by the counts.  Not thread-safe. */
#ifndef CIVICSHIELD_BASE_DIAG_H
#define CIVICSHIELD_BASE_DIAG_H

#include <stddef.h>
#include <stdio.h>

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag_message {
    enum diag_level level;
    char *file;                 /* Owned; NULL: no file (a command line, a network). */
    unsigned line, column;      /* From 1; 0: not known. */
    char *text;                 /* Owned; without place, level or final full stop. */
    char *hint;                 /* Owned; NULL: none. */
};

struct diag {
    struct diag_message *messages;
    size_t n, cap;
    size_t n_errors, n_warnings;
};

void diag_init(struct diag *);
void diag_fini(struct diag *);
void diag_add(struct diag *, enum diag_level, const char *file, unsigned line,
              unsigned column, const char *hint, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
/* Puts the messages in the order of files as they were first named, lines and columns; those
 * of one place stay as they came. */
void diag_sort(struct diag *);
/* One line a message, as in the example above. */
void diag_print(const struct diag *, FILE *);

/* The entry of 'names' (NULL-terminated) nearest to 'word' by edit distance, for "did you
 * mean"; NULL when none is near enough to be of help. */
const char *diag_nearest(const char *word, size_t size, const char *const *names);

#endif
