#include "common/base/diag.h"

#include <stdarg.h>
#include <stdbool.h>
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

struct placed {
    struct diag_message message;
    size_t file, index;         /* Of the first message about the file; of this one. */
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;

    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    if (a->message.line != b->message.line) {
        return a->message.line < b->message.line ? -1 : 1;
    }
    if (a->message.column != b->message.column) {
        return a->message.column < b->message.column ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool same_file(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

void diag_sort(struct diag *d)
{
    struct placed *placed = xcalloc(d->n + 1, sizeof *placed);
    size_t *firsts = xcalloc(d->n + 1, sizeof *firsts), n_files = 0;

    for (size_t i = 0; i < d->n; i++) {
        size_t k = 0;

        while (k < n_files && !same_file(d->messages[firsts[k]].file, d->messages[i].file)) {
            k++;
        }
        if (k == n_files) {
            firsts[n_files++] = i;
        }
        placed[i] = (struct placed) { d->messages[i], k, i };
    }
    qsort(placed, d->n, sizeof *placed, compare_placed);
    for (size_t i = 0; i < d->n; i++) {
        d->messages[i] = placed[i].message;
    }
    free(firsts);
    free(placed);
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

/* Letters that are wrong, missing, too many, or two that changed places (the distance of
 * Levenshtein and Damerau), with three rows; 'a' has at most NEAREST_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][NEAREST_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t i = 0; i <= a_size; i++) {
        last[i] = i;
    }
    for (size_t j = 1; j <= b_size; j++) {
        row[0] = j;
        for (size_t i = 1; i <= a_size; i++) {
            size_t best = last[i - 1] + (a[i - 1] != b[j - 1]);
            best = last[i] + 1 < best ? last[i] + 1 : best;
            best = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && before[i - 2] + 1 < best) {
                best = before[i - 2] + 1;
            }
            row[i] = best;
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[a_size];
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
