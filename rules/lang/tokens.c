/* Lines -> tokens: seven header words, then "key:value;" options in parentheses.  A blank
 * inside brackets does not end a word.  A semicolon of a value is written "\;". */
#include <stdlib.h>

#include "rules/lang/lang_private.h"

struct slice slice_trim(struct slice s)
{
    while (s.size > 0 && (s.bytes[0] == ' ' || s.bytes[0] == '\t' || s.bytes[0] == '\r')) {
        s.bytes++;
        s.size--;
    }
    while (s.size > 0 && (s.bytes[s.size - 1] == ' ' || s.bytes[s.size - 1] == '\t'
                          || s.bytes[s.size - 1] == '\r')) {
        s.size--;
    }
    return s;
}

bool slice_next(struct slice *rest, char separator, struct slice *part)
{
    if (rest->bytes == NULL || rest->size == 0) {
        return false;
    }
    const uint8_t *at = memchr(rest->bytes, separator, rest->size);
    size_t size = at != NULL ? (size_t) (at - rest->bytes) : rest->size;
    *part = slice_trim(slice_of(rest->bytes, size));
    rest->bytes += at != NULL ? size + 1 : size;
    rest->size -= at != NULL ? size + 1 : size;
    return true;
}

struct slice slice_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t n = 0;
    while (n < rest->size && rest->bytes[n] != ' ' && rest->bytes[n] != '\t') {
        n++;
    }
    struct slice word = slice_of(rest->bytes, n);
    *rest = slice_trim(slice_of(rest->bytes + n, rest->size - n));
    return word;
}

static bool fail(struct token_error *error, size_t offset, const char *text,
                 const char *hint)
{
    *error = (struct token_error) { offset, text, hint };
    return false;
}

static bool read_words(struct slice line, size_t *at, struct rule_tokens *t,
                       struct token_error *error)
{
    size_t i = *at;

    while (t->n_words < N_WORDS) {
        while (i < line.size && (line.bytes[i] == ' ' || line.bytes[i] == '\t')) {
            i++;
        }
        if (i == line.size || line.bytes[i] == '(') {
            return fail(error, i, "the header of the rule is too short",
                        "a header is: action protocol source ports -> destination ports");
        }
        size_t start = i;
        unsigned depth = 0;
        while (i < line.size) {
            uint8_t c = line.bytes[i];
            if (c == '[') {
                depth++;
            } else if (c == ']' && depth > 0) {
                depth--;
            } else if (depth == 0 && (c == ' ' || c == '\t' || c == '(')) {
                break;
            }
            i++;
        }
        if (depth > 0) {
            return fail(error, start, "a bracket is not closed", NULL);
        }
        t->words[t->n_words++] = slice_of(line.bytes + start, i - start);
    }
    *at = i;
    return true;
}

/* The first character 'wanted' that no backslash is in front of; line.size: none. */
static size_t find_unescaped(struct slice line, size_t from, char wanted)
{
    for (size_t i = from; i < line.size; i++) {
        if (line.bytes[i] == '\\') {
            i++;
        } else if (line.bytes[i] == (uint8_t) wanted) {
            return i;
        }
    }
    return line.size;
}

/* One option of body[*at..]: up to its semicolon. */
static bool read_option(struct slice body, size_t *at, struct rule_option *option,
                        size_t offset, struct token_error *error)
{
    size_t end = find_unescaped(body, *at, ';');

    if (end == body.size) {
        return fail(error, offset + *at, "an option without a semicolon behind it",
                    "each option ends with ';'");
    }
    struct slice whole = slice_of(body.bytes + *at, end - *at);
    const uint8_t *colon = memchr(whole.bytes, ':', whole.size);
    *option = (struct rule_option) { .has_value = colon != NULL };
    if (colon != NULL) {
        size_t n = (size_t) (colon - whole.bytes);
        option->key = slice_trim(slice_of(whole.bytes, n));
        option->value = slice_trim(slice_of(colon + 1, whole.size - n - 1));
    } else {
        option->key = slice_trim(whole);
        option->value = slice_of(body.bytes + end, 0);
    }
    *at = end + 1;
    return true;
}

static const char no_end[] = "no ')' at the end of the rule";
static const char goes_on[] = "a rule that goes on ends its line with a backslash";

bool rule_tokens_read(struct slice line, struct rule_tokens *t, struct token_error *error)
{
    size_t at = 0;

    *t = (struct rule_tokens) { 0 };
    if (!read_words(line, &at, t, error)) {
        return false;
    }
    while (at < line.size && (line.bytes[at] == ' ' || line.bytes[at] == '\t')) {
        at++;
    }
    if (at == line.size || line.bytes[at] != '(') {
        return fail(error, at, "no '(' behind the header", "options stand in parentheses");
    }
    at++;
    struct slice tail = slice_trim(slice_from(line, at));
    bool is_closed = tail.size > 0 && tail.bytes[tail.size - 1] == ')';
    size_t offset = (size_t) (tail.bytes - line.bytes);
    struct slice body = slice_trim(slice_of(tail.bytes, tail.size - is_closed));
    for (size_t i = 0; i < body.size;) {
        struct rule_option option;
        if (slice_trim(slice_from(body, i)).size == 0) {
            break;
        }
        if (!read_option(body, &i, &option, offset, error)) {
            /* Without an end, that is what is wrong. */
            return is_closed ? false : fail(error, line.size, no_end, goes_on);
        }
        if (option.key.size == 0 && !option.has_value) {
            continue;           /* ";;" does no harm. */
        }
        t->options = xgrow(t->options, t->n_options, &t->cap_options, sizeof *t->options);
        t->options[t->n_options++] = option;
    }
    return is_closed || fail(error, line.size, no_end, goes_on);
}

void rule_tokens_fini(struct rule_tokens *t)
{
    free(t->options);
    *t = (struct rule_tokens) { 0 };
}
