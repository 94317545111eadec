/* URLs in decoded text, line by line.  Their scheme is searched for as mail programs make
 * links of it; they end where no URL goes on.  A line that is longer than MIME_LINE_MAX is
 * looked at in parts, so that a URL across such a cut is found cut. */
#include <ctype.h>

#include "sensor/app/mime/mime_private.h"

#define SCHEME_MAX 32
#define URL_MAX 2048

static bool is_end_of_url(uint8_t c)
{
    return c <= ' ' ? c == ' ' || c == '\t' || c == '\r' || c == '\n'
                    : c == '"' || c == '\'' || c == '<' || c == '>' || c == ']';
}

/* Where "scheme://" begins in 's', from 'at' on; SIZE_MAX: nowhere. */
static size_t find_scheme(struct slice s, size_t at, const char *scheme, size_t len)
{
    while (at < s.size) {
        const uint8_t *colon = memchr(s.bytes + at, ':', s.size - at);
        size_t n = colon != NULL ? (size_t) (colon - s.bytes) : s.size;
        if (s.size - n < 3) {
            return SIZE_MAX;
        }
        if (n >= len && s.bytes[n + 1] == '/' && s.bytes[n + 2] == '/'
            && strncasecmp((const char *) s.bytes + n - len, scheme, len) == 0) {
            return n - len;
        }
        at = n + 1;
    }
    return SIZE_MAX;
}

static void find_urls(struct mime_message *m, struct slice line, const char *scheme)
{
    bool with_scheme = mime_conf(m)->smtp_log_url_scheme;
    size_t len = strlen(scheme), at = 0, begin;

    while ((begin = find_scheme(line, at, scheme, len)) != SIZE_MAX) {
        size_t end = begin + len + 3;
        while (end < line.size && !is_end_of_url(line.bytes[end])) {
            end++;
        }
        size_t from = with_scheme ? begin : begin + len + 3;
        if (end > begin + len + 3) {
            size_t size = end - from < URL_MAX ? end - from : URL_MAX;
            mime_list_add(m, &m->urls, slice_of(line.bytes + from, size), MIME_MAX_URLS);
        }
        at = end;
    }
}

static void scan_line(struct mime_message *m, struct slice line)
{
    const struct conf_texts *schemes = &mime_conf(m)->smtp_url_schemes;

    if (line.size < 4 || memchr(line.bytes, ':', line.size) == NULL) {
        return;
    }
    for (size_t i = 0; i < schemes->n; i++) {
        if (strlen(schemes->texts[i]) <= SCHEME_MAX) {
            find_urls(m, line, schemes->texts[i]);
        }
    }
}

void mime_url_flush(struct mime_message *m)
{
    if (m->text.size != 0) {
        scan_line(m, slice_of(m->text.bytes, m->text.size));
        m->text.size = 0;
    }
}

void mime_url_text(struct mime_message *m, struct slice text)
{
    while (text.size != 0) {
        const uint8_t *lf = memchr(text.bytes, '\n', text.size);
        size_t n = lf != NULL ? (size_t) (lf - text.bytes) + 1 : text.size;
        if (m->text.size == 0 && lf != NULL) {
            scan_line(m, slice_of(text.bytes, n));
        } else {
            size_t room = MIME_LINE_MAX - m->text.size;
            n = n < room ? n : room;
            if (!app_bytes_put(m->tx->session, &m->text, text.bytes, n)) {
                m->text.size = 0;
            }
            if (lf != NULL || m->text.size == MIME_LINE_MAX) {
                mime_url_flush(m);
            }
        }
        text = slice_from(text, n);
    }
}
