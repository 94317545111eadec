/* Text -> lines: a backslash at the end of a line joins the next one to it; "#" starts a
 * comment; a comment that reads like a rule is a disabled rule and counted. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

static const char *const actions[] = {
    "alert", "pass", "drop", "reject", "rejectsrc", "rejectdst", "rejectboth", "config",
};

void line_reader_init(struct line_reader *r, const char *text, size_t size)
{
    *r = (struct line_reader) { .at = text, .end = text + size, .line = 1 };
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        r->at += 3;             /* A byte order mark. */
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* One physical line without its end. */
static struct slice take_line(struct line_reader *r)
{
    const char *start = r->at;
    const char *end = memchr(start, '\n', (size_t) (r->end - start));

    r->at = end != NULL ? end + 1 : r->end;
    if (end == NULL) {
        end = r->end;
    }
    r->line++;
    while (end > start && is_blank(end[-1])) {
        end--;
    }
    return slice_of(start, (size_t) (end - start));
}

static bool looks_like_rule(const char *text, size_t size)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        size_t len = strlen(actions[i]);
        if (size > len && is_blank(text[len]) && memcmp(text, actions[i], len) == 0
            && memchr(text, '(', size) != NULL) {
            return true;
        }
    }
    return false;
}

/* Joins what belongs to the line that starts with 'first'. */
static void join_lines(struct line_reader *r, struct slice first, unsigned line,
                       struct arena *arena, struct rule_line *out)
{
    struct strbuf text = STRBUF_EMPTY;
    struct line_piece *pieces = NULL;
    size_t n = 0, cap = 0;
    struct slice part = first;

    for (;;) {
        bool joins = part.size > 0 && part.bytes[part.size - 1] == '\\';
        struct slice kept = part;
        unsigned skipped = 0;
        if (joins) {
            kept.size--;
        }
        while (kept.size > 0 && is_blank((char) kept.bytes[0])) {
            kept.bytes++;
            kept.size--;
            skipped++;
        }
        if (n > 0 && skipped > 0) {
            strbuf_putc(&text, ' ');    /* Words on two lines stay two words. */
        }
        pieces = xgrow(pieces, n, &cap, sizeof *pieces);
        pieces[n++] = (struct line_piece) { text.size, line, skipped + 1 };
        strbuf_put(&text, kept.bytes, kept.size);
        if (!joins || r->at >= r->end) {
            break;
        }
        line = r->line;
        part = take_line(r);
    }
    out->text = arena_strndup(arena, text.text, text.size);
    out->size = text.size;
    out->n_pieces = n;
    out->pieces = arena_alloc(arena, n * sizeof *pieces);
    memcpy(out->pieces, pieces, n * sizeof *pieces);
    strbuf_fini(&text);
    free(pieces);
}

bool line_reader_next(struct line_reader *r, struct arena *arena, struct rule_line *out)
{
    while (r->at < r->end) {
        unsigned line = r->line;
        struct slice part = take_line(r);
        unsigned skipped = 0;

        while (skipped < part.size && is_blank((char) part.bytes[skipped])) {
            skipped++;
        }
        if (skipped == part.size) {
            continue;
        }
        *out = (struct rule_line) { .first_line = line };
        if (part.bytes[skipped] != '#') {
            join_lines(r, part, line, arena, out);
            return true;
        }
        while (skipped < part.size
               && (is_blank((char) part.bytes[skipped]) || part.bytes[skipped] == '#')) {
            skipped++;
        }
        const char *text = (const char *) part.bytes + skipped;
        if (looks_like_rule(text, part.size - skipped)) {
            out->is_disabled = true;
            out->text = text;
            out->size = part.size - skipped;
            return true;
        }
    }
    return false;
}

static void find_place(const struct line_piece *pieces, size_t n, size_t offset,
                       unsigned *line, unsigned *column)
{
    *column = (unsigned) offset + 1;
    for (size_t i = 0; i < n && pieces[i].start <= offset; i++) {
        *line = pieces[i].line;
        *column = pieces[i].column + (unsigned) (offset - pieces[i].start);
    }
}

void rule_line_place(const struct rule_line *l, size_t offset, unsigned *line,
                     unsigned *column)
{
    *line = l->first_line;
    find_place(l->pieces, l->n_pieces, offset, line, column);
}

void rule_place(const struct rule *r, const char *at, unsigned *line, unsigned *column)
{
    *line = r->line;
    find_place(r->pieces, r->n_pieces, (size_t) (at - r->text), line, column);
}
