#include "sensor/app/smb/text.h"

static bool read_bytes(struct cursor *c, struct arena *arena, struct slice *out)
{
    const uint8_t *end = cursor_left(c) != 0 ? memchr(c->at, 0, cursor_left(c)) : NULL;

    if (end == NULL) {
        return false;
    }
    struct slice text = cursor_slice(c, (size_t) (end - c->at));
    cursor_skip(c, 1);
    *out = arena_copy(arena, text.bytes, text.size);
    return true;
}

bool smb_read_text(struct cursor *c, bool is_unicode, struct arena *arena, struct slice *out)
{
    if (!is_unicode) {
        return read_bytes(c, arena, out);
    }
    size_t n = 0, left = cursor_left(c);
    const uint8_t *at = c->at;

    while (n * 2 + 1 < left && (at[n * 2] != 0 || at[n * 2 + 1] != 0)) {
        n++;
    }
    /* At the very end of a message one byte may have to do for the NUL. */
    bool is_last = n * 2 + 1 == left && at[n * 2] == 0;
    if (!is_last && n * 2 + 1 >= left) {
        return false;
    }
    uint8_t *text = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n && text != NULL; i++) {
        text[i] = at[i * 2];
    }
    cursor_skip(c, n * 2 + (is_last ? 1 : 2));
    *out = slice_of(text, text != NULL ? n : 0);
    return true;
}

bool smb_read_text_at(struct cursor *c, bool is_unicode, size_t offset, struct arena *arena,
                      struct slice *out)
{
    if (is_unicode && offset % 2 == 1) {
        cursor_skip(c, 1);
    }
    return !c->bad && smb_read_text(c, is_unicode, arena, out);
}
