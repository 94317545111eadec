/* Parameters of a field (RFC 2045, section 5.1): "attachment; filename=a.txt", in sections
 * ("filename*0=", "filename*1=") or with a charset and percent escapes (RFC 2231), and
 * encoded words (RFC 2047). */
#include "sensor/app/mime/mime_private.h"

#define MAX_SECTIONS 64

/* One "name=value" behind a semicolon. */
struct parameter {
    struct slice name, value;
};

/* Takes the next parameter off the front of '*rest', which begins behind the field's first
 * word; false: there is none. */
static bool next_parameter(struct slice *rest, struct parameter *p)
{
    const uint8_t *semicolon = rest->size != 0 ? memchr(rest->bytes, ';', rest->size) : NULL;

    if (semicolon == NULL) {
        return false;
    }
    struct slice s = slice_from(*rest, (size_t) (semicolon - rest->bytes) + 1);
    size_t n = 0, end;
    while (n < s.size && s.bytes[n] != '=' && s.bytes[n] != ';') {
        n++;
    }
    p->name = mime_trim(slice_of(s.bytes, n));
    p->value = slice_of(s.bytes, 0);
    *rest = slice_from(s, n);
    if (n == s.size || s.bytes[n] == ';') {
        return true;
    }
    s = slice_from(s, n + 1);
    while (s.size != 0 && mime_is_blank(s.bytes[0])) {
        s = slice_from(s, 1);
    }
    if (s.size != 0 && s.bytes[0] == '"') {
        for (end = 1; end < s.size && s.bytes[end] != '"'; end++) {
            end += s.bytes[end] == '\\' && end + 1 < s.size;
        }
        if (end < s.size) {
            p->value = slice_of(s.bytes + 1, end - 1);
            *rest = slice_from(s, end + 1);
            return true;
        }
    }
    const uint8_t *last = s.size != 0 ? memchr(s.bytes, ';', s.size) : NULL;
    end = last != NULL ? (size_t) (last - s.bytes) : s.size;
    p->value = mime_trim(slice_of(s.bytes, end));
    *rest = slice_from(s, end);
    return true;
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Percent escapes undone into 'out', which has room for as many bytes as 's'. */
static size_t put_unescaped(struct slice s, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.size; i++) {
        int high = s.bytes[i] == '%' && s.size - i > 2 ? hex_value(s.bytes[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.bytes[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (uint8_t) (high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.bytes[i];
        }
    }
    return n;
}

/* "charset'language'text": the text. */
static struct slice skip_charset(struct slice s)
{
    const uint8_t *first = s.size != 0 ? memchr(s.bytes, '\'', s.size) : NULL;
    size_t at = first != NULL ? (size_t) (first - s.bytes) + 1 : 0;
    const uint8_t *second = first != NULL && at < s.size
                                ? memchr(s.bytes + at, '\'', s.size - at)
                                : NULL;

    return second != NULL ? slice_from(s, (size_t) (second - s.bytes) + 1) : s;
}

/* What stands behind the asterisk of a name: a number, another asterisk. */
struct section {
    struct slice value;
    bool is_there, is_escaped;
};

/* Puts a parameter that is 'name' with an asterisk where it belongs; false: it is not. */
static bool take_section(const struct parameter *p, size_t len, struct section *sections,
                         struct section *whole)
{
    struct slice s = slice_from(p->name, len + 1);
    unsigned number = 0;
    size_t n = 0;

    if (s.size == 0) {
        *whole = (struct section) { p->value, true, true };
        return true;
    }
    while (n < s.size && n < 2 && s.bytes[n] >= '0' && s.bytes[n] <= '9') {
        number = number * 10 + s.bytes[n++] - '0';
    }
    bool is_escaped = n + 1 == s.size && s.bytes[n] == '*';
    if (n == 0 || (n != s.size && !is_escaped) || number >= MAX_SECTIONS) {
        return false;
    }
    sections[number] = (struct section) { p->value, true, is_escaped };
    return true;
}

/* The sections from 0 on without a hole, one behind another. */
static struct slice join_sections(struct mime_message *m, const struct section *sections)
{
    size_t size = 0, n = 0;

    for (unsigned i = 0; i < MAX_SECTIONS && sections[i].is_there; i++) {
        size += sections[i].value.size;
    }
    uint8_t *out = arena_alloc(&m->tx->arena, size + 1);
    if (out == NULL) {
        return slice_of(NULL, 0);
    }
    for (unsigned i = 0; i < MAX_SECTIONS && sections[i].is_there; i++) {
        struct slice value = sections[i].value;
        if (sections[i].is_escaped) {
            n += put_unescaped(i == 0 ? skip_charset(value) : value, out + n);
        } else if (value.size != 0) {
            memcpy(out + n, value.bytes, value.size);
            n += value.size;
        }
    }
    return slice_of(out, n);
}

struct slice mime_parameter(struct mime_message *m, struct slice value, const char *name)
{
    size_t len = strlen(name);
    struct slice plain = { NULL, 0 };
    struct section sections[MAX_SECTIONS] = { 0 }, whole = { 0 };
    struct parameter p;

    while (next_parameter(&value, &p)) {
        if (p.name.size < len || strncasecmp((const char *) p.name.bytes, name, len) != 0) {
            continue;
        }
        if (p.name.size == len) {
            plain = p.value;
        } else if (p.name.bytes[len] == '*') {
            take_section(&p, len, sections, &whole);
        }
    }
    if (plain.bytes != NULL) {
        return plain;
    }
    if (sections[0].is_there) {
        return join_sections(m, sections);
    }
    if (whole.is_there) {
        sections[0] = whole;
        return join_sections(m, sections);
    }
    return slice_of(NULL, 0);
}

/* ---- Encoded words ---- */

/* The word "=?charset?B?text?=" at the front of 's': its size, or 0; the text decoded at
 * 'out', '*n' bytes. */
static size_t decode_word(struct slice s, uint8_t *out, size_t *n)
{
    size_t parts[3], n_parts = 0;

    for (size_t i = 2; i < s.size && n_parts < 3; i++) {
        if (s.bytes[i] == '?') {
            parts[n_parts++] = i;
        }
    }
    if (n_parts != 3 || parts[1] != parts[0] + 2 || parts[2] + 1 >= s.size
        || s.bytes[parts[2] + 1] != '=') {
        return 0;
    }
    struct slice text = slice_of(s.bytes + parts[1] + 1, parts[2] - parts[1] - 1);
    uint8_t kind = s.bytes[parts[0] + 1];
    bool is_bad = false, is_soft;
    if (kind == 'B' || kind == 'b') {
        struct mime_base64 b = { .n = 0 };
        *n = mime_base64_step(&b, text, out, &is_bad);
        *n += mime_base64_end(&b, out + *n);
    } else if (kind == 'Q' || kind == 'q') {
        struct mime_qp q = { .n = 0 };
        const uint8_t blank = ' ';
        *n = 0;
        for (size_t i = 0; i < text.size; i++) {
            const uint8_t *c = text.bytes[i] == '_' ? &blank : &text.bytes[i];
            *n += mime_qp_step(&q, slice_of(c, 1), i + 1 == text.size, out + *n, &is_soft,
                               &is_bad);
        }
    } else {
        return 0;
    }
    return parts[2] + 2;
}

struct slice mime_decode_words(struct mime_message *m, struct slice s)
{
    if (s.size < 8 || memmem(s.bytes, s.size, "=?", 2) == NULL) {
        return s;
    }
    uint8_t *out = arena_alloc(&m->tx->arena, s.size + 8);
    size_t n = 0, at = 0;
    bool after_word = false;
    if (out == NULL) {
        return s;
    }
    while (at < s.size) {
        size_t n_word = 0, size = 0;
        size_t blank = at;
        while (after_word && blank < s.size && mime_is_blank(s.bytes[blank])) {
            blank++;                            /* Between two words it is nothing. */
        }
        if (s.size - blank > 2 && s.bytes[blank] == '=' && s.bytes[blank + 1] == '?') {
            size = decode_word(slice_from(s, blank), out + n, &n_word);
        }
        if (size != 0) {
            n += n_word;
            at = blank + size;
        } else {
            out[n++] = s.bytes[at++];
        }
        after_word = size != 0;
    }
    return slice_of(out, n);
}
