/* Address and port words -> expressions: any, items, $variables, lists in brackets, each
 * with '!' in front or not.  The grammar is one for both; what an item may be is checked
 * where sets are made. */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

struct expr_reader {
    struct slice text;
    size_t at;
    struct arena *arena;
    struct token_error *error;
};

static struct expr *fail(struct expr_reader *r, const char *text, const char *hint)
{
    *r->error = (struct token_error) { r->at, text, hint };
    return NULL;
}

static void skip_blanks(struct expr_reader *r)
{
    while (r->at < r->text.size
           && (r->text.bytes[r->at] == ' ' || r->text.bytes[r->at] == '\t')) {
        r->at++;
    }
}

static struct expr *parse_expr(struct expr_reader *r, unsigned depth);

static struct expr *parse_list(struct expr_reader *r, struct expr *list, unsigned depth)
{
    struct expr **parts = NULL;
    size_t cap = 0;
    bool closed = false;

    list->kind = EXPR_LIST;
    r->at++;
    while (!closed) {
        struct expr *part = parse_expr(r, depth + 1);
        if (part == NULL) {
            free(parts);
            return NULL;
        }
        parts = xgrow(parts, list->n, &cap, sizeof *parts);
        parts[list->n++] = part;
        skip_blanks(r);
        if (r->at == r->text.size
            || (r->text.bytes[r->at] != ',' && r->text.bytes[r->at] != ']')) {
            free(parts);
            return fail(r, "a list that does not go on with ',' or end with ']'", NULL);
        }
        closed = r->text.bytes[r->at++] == ']';
        skip_blanks(r);
        if (!closed && r->at < r->text.size && r->text.bytes[r->at] == ']') {
            closed = true;      /* A comma behind the last part does no harm. */
            r->at++;
        }
    }
    list->parts = arena_alloc(r->arena, list->n * sizeof *parts);
    memcpy(list->parts, parts, list->n * sizeof *parts);
    free(parts);
    return list;
}

static struct expr *parse_expr(struct expr_reader *r, unsigned depth)
{
    struct expr *e = arena_alloc(r->arena, sizeof *e);

    if (depth > EXPR_MAX_DEPTH) {
        return fail(r, "lists are nested too deep", NULL);
    }
    skip_blanks(r);
    while (r->at < r->text.size && r->text.bytes[r->at] == '!') {
        if (e->negated) {
            return fail(r, "'!' twice", NULL);
        }
        e->negated = true;
        r->at++;
        skip_blanks(r);
    }
    if (r->at < r->text.size && r->text.bytes[r->at] == '[') {
        return parse_list(r, e, depth);
    }
    size_t start = r->at;
    while (r->at < r->text.size && memchr(",]", r->text.bytes[r->at], 2) == NULL) {
        r->at++;
    }
    e->text = slice_trim(slice_of(r->text.bytes + start, r->at - start));
    if (e->text.size == 0) {
        r->at = start;
        return fail(r, "an address or port is missing here", NULL);
    }
    if (e->text.bytes[0] == '$') {
        e->kind = EXPR_VAR;
        e->text.bytes++;
        e->text.size--;
    } else if (slice_is_nocase(e->text, "any")) {
        e->kind = EXPR_ANY;
    } else {
        e->kind = EXPR_ITEM;
    }
    return e;
}

struct expr *expr_parse(struct slice text, struct arena *arena, struct token_error *error)
{
    struct expr_reader r = { .text = text, .arena = arena, .error = error };
    struct expr *e = parse_expr(&r, 0);

    if (e != NULL) {
        skip_blanks(&r);
        if (r.at != text.size) {
            return fail(&r, "something stands behind the end of the list", NULL);
        }
    }
    return e;
}

void expr_dump(const struct expr *e, struct strbuf *out)
{
    if (e->negated) {
        strbuf_putc(out, '!');
    }
    if (e->kind == EXPR_ANY) {
        strbuf_puts(out, "any");
    } else if (e->kind == EXPR_LIST) {
        strbuf_putc(out, '[');
        for (size_t i = 0; i < e->n; i++) {
            strbuf_puts(out, i > 0 ? ", " : "");
            expr_dump(e->parts[i], out);
        }
        strbuf_putc(out, ']');
    } else {
        strbuf_puts(out, e->kind == EXPR_VAR ? "$" : "");
        strbuf_put(out, e->text.bytes, e->text.size);
    }
}
