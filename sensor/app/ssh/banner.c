/* The line with which each side begins (RFC 4253, section 4.2):
 *
 *     SSH-protoversion-softwareversion SP comments CR LF */
#include "sensor/app/ssh/ssh_private.h"

bool ssh_banner_line(struct slice bytes, bool is_end, size_t *line, size_t *end)
{
    size_t at = 0;

    while (at < bytes.size && bytes.bytes[at] != '\r' && bytes.bytes[at] != '\n') {
        at++;
    }
    *line = at;
    *end = 0;
    if (at == bytes.size
        || (bytes.bytes[at] == '\r' && at + 1 == bytes.size && !is_end)) {
        return false;
    }
    bool is_pair = bytes.bytes[at] == '\r' && at + 1 < bytes.size
                   && bytes.bytes[at + 1] == '\n';

    *end = is_pair ? 2 : 1;
    return true;
}

/* Up to the comments; one that begins with a blank has none. */
static struct slice software_of(struct slice rest)
{
    const uint8_t *blank = rest.size != 0 ? memchr(rest.bytes, ' ', rest.size) : NULL;

    return blank == NULL || blank == rest.bytes
               ? rest : slice_of(rest.bytes, (size_t) (blank - rest.bytes));
}

bool ssh_banner_take(struct ssh_tx *tx, enum direction dir, struct slice line)
{
    static const char begin[] = "SSH-";
    struct ssh_side *side = &tx->sides[dir];

    if (line.size < sizeof begin - 1 || memcmp(line.bytes, begin, sizeof begin - 1) != 0) {
        return false;
    }
    line = slice_from(line, sizeof begin - 1);
    const uint8_t *dash = line.size != 0 ? memchr(line.bytes, '-', line.size) : NULL;
    if (dash == NULL || dash == line.bytes) {
        return false;
    }
    size_t n = (size_t) (dash - line.bytes);
    struct slice software = software_of(slice_from(line, n + 1));

    side->proto = arena_copy(&tx->tx.arena, line.bytes, n);
    if (software.size != 0) {
        side->software = arena_copy(&tx->tx.arena, software.bytes, software.size);
    }
    return true;
}
