#include "common/base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/strbuf.h"

/* Longest word that is worth a suggestion; bounds the work per message. */
#define NEAREST_MAX 64

void diag_init(struct diag *d)
{
    memset(d, 0, sizeof *d);
}

void diag_fini(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->messages[i].file);
        free(d->messages[i].text);
        free(d->messages[i].hint);
    }
    free(d->messages);
    memset(d, 0, sizeof *d);
}

void diag_add(struct diag *d, enum diag_level level, const char *file, unsigned line,
              unsigned column, const char *hint, const char *format, ...)
{
    struct strbuf text = STRBUF_EMPTY;
    va_list args;

    va_start(args, format);
    strbuf_vprintf(&text, format, args);
    va_end(args);
    d->messages = xgrow(d->messages, d->n, &d->cap, sizeof *d->messages);
    d->messages[d->n++] = (struct diag_message) {
        .level = level,
        .file = file != NULL ? xstrdup(file) : NULL,
        .line = line,
        .column = column,
        .text = xstrndup(text.size ? text.text : "", text.size),
        .hint = hint != NULL ? xstrdup(hint) : NULL,
    };
    *(level == DIAG_ERROR ? &d->n_errors : &d->n_warnings) += 1;
    strbuf_fini(&text);
}

void diag_print(const struct diag *d, FILE *out)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_message *m = &d->messages[i];
        if (m->file != NULL) {
            fprintf(out, "%s:", m->file);
        }
        if (m->line != 0) {
            fprintf(out, "%u:", m->line);
        }
        if (m->column != 0) {
            fprintf(out, "%u:", m->column);
        }
        fprintf(out, "%s%s: %s%s%s\n", m->file != NULL || m->line != 0 ? " " : "",
                m->level == DIAG_ERROR ? "error" : "warning", m->text,
                m->hint != NULL ? "; " : "", m->hint != NULL ? m->hint : "");
    }
}

/* Levenshtein distance with one row; 'a' has at most NEAREST_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[NEAREST_MAX + 1];

    for (size_t i = 0; i <= a_size; i++) {
        row[i] = i;
    }
    for (size_t j = 1; j <= b_size; j++) {
        size_t diagonal = row[0];
        row[0] = j;
        for (size_t i = 1; i <= a_size; i++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[i];
            best = row[i] + 1 < best ? row[i] + 1 : best;
            best = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
            row[i] = best;
        }
    }
    return row[a_size];
}

const char *diag_nearest(const char *word, size_t size, const char *const *names)
{
    const char *nearest = NULL;
    size_t best = size / 3 + 1;     /* A third of the letters may be wrong. */

    if (size == 0 || size > NEAREST_MAX) {
        return NULL;
    }
    for (; *names != NULL; names++) {
        size_t distance = edit_distance(word, size, *names, strlen(*names));
        if (distance <= best && (nearest == NULL || distance < best)) {
            best = distance;
            nearest = *names;
        }
    }
    return nearest;
}
