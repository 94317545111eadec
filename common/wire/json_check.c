/* Checks: is it UTF-8 (RFC 3629), is it JSON (RFC 8259)? */
#include "common/base/cursor.h"
#include "common/wire/json.h"

#define MAX_DEPTH 64

/* Length of the well-formed sequence at 'at', of which 'left' bytes remain; 0: none.  The
 * table of the Unicode standard, section 3.9, table 3-7. */
static size_t sequence_length(const uint8_t *at, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t len;

    if (at[0] < 0x80) {
        return 1;
    } else if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        len = 2;
    } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
        len = 3;
        low = at[0] == 0xe0 ? 0xa0 : 0x80;
        high = at[0] == 0xed ? 0x9f : 0xbf;
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        len = 4;
        low = at[0] == 0xf0 ? 0x90 : 0x80;
        high = at[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < len || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool utf8_is_valid(struct slice text)
{
    for (size_t at = 0; at < text.size;) {
        size_t len = sequence_length(text.bytes + at, text.size - at);

        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

static uint8_t peek(const struct cursor *c)
{
    return !c->bad && c->at < c->end ? *c->at : 0;
}

static void skip_blanks(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t') {
        c->at++;
    }
}

static bool take_char(struct cursor *c, uint8_t wanted)
{
    if (peek(c) != wanted) {
        return false;
    }
    c->at++;
    return true;
}

/* Four hex digits; false: they are none. */
static bool read_unit(struct cursor *c, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t digit = cursor_u8(c) | 0x20;

        if (digit >= '0' && digit <= '9') {
            *unit = *unit << 4 | (unsigned) (digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            *unit = *unit << 4 | (unsigned) (digit - 'a' + 10);
        } else {
            return false;
        }
    }
    return !c->bad;
}

/* Half of a surrogate pair is no character: readers of JSON differ on it. */
static bool check_unicode(struct cursor *c)
{
    unsigned unit, low;

    if (!read_unit(c, &unit)) {
        return false;
    }
    if (unit < 0xd800 || unit > 0xdfff) {
        return true;
    }
    return unit < 0xdc00 && take_char(c, '\\') && take_char(c, 'u') && read_unit(c, &low)
           && low >= 0xdc00 && low <= 0xdfff;
}

static bool check_escape(struct cursor *c)
{
    uint8_t kind = cursor_u8(c);

    if (kind == 'u') {
        return check_unicode(c);
    }
    return kind != 0 && strchr("\"\\/bfnrt", kind) != NULL;
}

static bool check_string(struct cursor *c)
{
    if (!take_char(c, '"')) {
        return false;
    }
    while (!c->bad) {
        uint8_t byte = cursor_u8(c);

        if (c->bad || byte < 0x20) {
            return false;
        }
        if (byte == '"') {
            return true;
        }
        if (byte == '\\' && !check_escape(c)) {
            return false;
        }
    }
    return false;
}

static bool check_digits(struct cursor *c)
{
    const uint8_t *start = c->at;

    while (peek(c) >= '0' && peek(c) <= '9') {
        c->at++;
    }
    return c->at != start;
}

static bool check_number(struct cursor *c)
{
    take_char(c, '-');
    if (!take_char(c, '0') && !check_digits(c)) {
        return false;
    }
    if (take_char(c, '.') && !check_digits(c)) {
        return false;
    }
    if (take_char(c, 'e') || take_char(c, 'E')) {
        if (!take_char(c, '+')) {
            take_char(c, '-');
        }
        return check_digits(c);
    }
    return true;
}

static bool check_word(struct cursor *c, const char *word)
{
    return slice_is(cursor_slice(c, strlen(word)), word);
}

static bool check_scalar(struct cursor *c)
{
    switch (peek(c)) {
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        return check_number(c);
    }
}

/* Behind a value: closes what ends there, and asks for what comes next.  '*wants_value' is
 * set where a value follows. */
static bool check_behind(struct cursor *c, const char *stack, int *depth, bool *wants_value)
{
    *wants_value = false;
    while (*depth > 0) {
        char open = stack[*depth - 1];

        skip_blanks(c);
        if (take_char(c, ',')) {
            skip_blanks(c);
            *wants_value = true;
            return open == '[' || check_string(c);
        }
        if (!take_char(c, open == '[' ? ']' : '}')) {
            return false;
        }
        --*depth;
    }
    return true;
}

bool json_is_valid(struct slice text)
{
    return json_is_valid_to(text, MAX_DEPTH);
}

bool json_is_valid_to(struct slice text, int max_depth)
{
    struct cursor c = cursor_of(text.bytes, text.size);
    char stack[MAX_DEPTH];
    int depth = 0;
    bool wants_value = true;

    if (!utf8_is_valid(text)) {
        return false;
    }
    while (wants_value) {
        if (depth > 0 && stack[depth - 1] == '{') {
            skip_blanks(&c);
            if (!take_char(&c, ':')) {
                return false;
            }
        }
        skip_blanks(&c);
        if (peek(&c) == '{' || peek(&c) == '[') {
            char open = (char) *c.at++;

            if (depth == max_depth || depth == MAX_DEPTH) {
                return false;
            }
            stack[depth++] = open;
            skip_blanks(&c);
            if (peek(&c) != (open == '[' ? ']' : '}')) {
                if (open == '{' && !check_string(&c)) {
                    return false;
                }
                continue;
            }
        } else if (!check_scalar(&c)) {
            return false;
        }
        if (!check_behind(&c, stack, &depth, &wants_value)) {
            return false;
        }
    }
    skip_blanks(&c);
    return !c.bad && cursor_left(&c) == 0;
}
