/* HASSH: the MD5 of what one side offers of key exchanges, ciphers, MACs and compressions,
 * in its own order, by the names that it gives them.  Of the two directions that a
 * KEXINIT speaks of, it is the one that the side itself sends. */
#include "common/base/cursor.h"
#include "sensor/app/digest.h"
#include "sensor/app/ssh/ssh_private.h"

#define COOKIE_SIZE 16
/* Lists in the order of RFC 4253, section 7.1: one for each direction from 'ciphers' on. */
enum { LIST_KEX, LIST_HOST_KEY, LIST_CIPHER, LIST_MAC = 4, LIST_COMPRESSION = 6, N_LISTS = 8 };

static struct slice join_lists(struct arena *arena, const struct slice *const parts[4])
{
    size_t size = 3, at = 0;

    for (int i = 0; i < 4; i++) {
        size += parts[i]->size;
    }
    uint8_t *text = arena_alloc(arena, size);
    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    for (int i = 0; i < 4; i++) {
        if (i != 0) {
            text[at++] = ';';
        }
        if (parts[i]->size != 0) {
            memcpy(text + at, parts[i]->bytes, parts[i]->size);
            at += parts[i]->size;
        }
    }
    return slice_of(text, at);
}

static struct slice md5_text(struct ssh_tx *tx, struct slice text)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[APP_DIGEST_MAX];
    char hex[32];

    if (text.bytes == NULL
        || app_digest(tx->tx.session->engine, APP_MD5, text.bytes, text.size, digest) == 0) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < sizeof hex / 2; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return arena_copy(&tx->tx.arena, hex, sizeof hex);
}

void ssh_hassh_take(struct ssh_tx *tx, enum direction dir, struct slice body)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    struct ssh_side *side = &tx->sides[dir];
    struct slice lists[N_LISTS];
    size_t own = dir == TO_SERVER ? 0 : 1;

    (void) cursor_skip(&c, COOKIE_SIZE);
    for (int i = 0; i < N_LISTS; i++) {
        lists[i] = cursor_slice(&c, cursor_be32(&c));
    }
    if (c.bad || side->hassh_string.bytes != NULL) {
        return;
    }
    const struct slice *const parts[4] = { &lists[LIST_KEX], &lists[LIST_CIPHER + own],
                                           &lists[LIST_MAC + own],
                                           &lists[LIST_COMPRESSION + own] };
    side->hassh_string = join_lists(&tx->tx.arena, parts);
    side->hassh = md5_text(tx, side->hassh_string);
}
