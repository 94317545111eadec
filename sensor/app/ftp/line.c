/* Lines that end in LF, with or without CR (RFC 959, section 5.3). */
#include "sensor/app/ftp/ftp.h"

static struct slice trim_end(struct slice s)
{
    while (s.size != 0 && (s.bytes[s.size - 1] == ' '
                           || (s.bytes[s.size - 1] >= '\t' && s.bytes[s.size - 1] <= '\r'))) {
        s.size--;
    }
    return s;
}

/* Up to the line end; false: it has not come. */
static bool skip_line(struct ftp_lines *lines, struct slice *rest)
{
    const uint8_t *lf = rest->size != 0 ? memchr(rest->bytes, '\n', rest->size) : NULL;

    *rest = lf != NULL ? slice_from(*rest, (size_t) (lf - rest->bytes) + 1)
                       : slice_from(*rest, rest->size);
    lines->is_skipping = lf == NULL;
    return lf != NULL;
}

bool ftp_next_line(struct ftp_lines *lines, struct slice *rest, size_t limit,
                   struct slice *line, bool *is_cut)
{
    if (lines->is_skipping && !skip_line(lines, rest)) {
        return false;
    }
    /* With CR and LF behind it a line of the limit's size is whole. */
    size_t room = rest->size < limit + 2 ? rest->size : limit + 2;
    size_t from = lines->scanned < room ? lines->scanned : room;
    const uint8_t *lf = from < room ? memchr(rest->bytes + from, '\n', room - from) : NULL;

    if (lf == NULL && room < limit + 2) {
        lines->scanned = room;
        return false;
    }
    lines->scanned = 0;
    size_t size = lf != NULL ? (size_t) (lf - rest->bytes) : limit;
    if (lf != NULL && size != 0 && rest->bytes[size - 1] == '\r') {
        size--;
    }
    *is_cut = lf == NULL || size > limit;
    *line = trim_end(slice_of(rest->bytes, size < limit ? size : limit));
    if (lf != NULL) {
        *rest = slice_from(*rest, (size_t) (lf - rest->bytes) + 1);
    } else {
        lines->is_skipping = true;
        *rest = slice_from(*rest, limit);
    }
    return true;
}
