/* The request target: its parts (RFC 3986) and its normal form.
 *
 * Normal form is what a server would make of it: percent-encoding is undone once in path
 * and query (also "%uXXXX"; a malformed one stays), "\" is "/" in the path, "//" is one,
 * "." and ".." segments are resolved.  "+" stays.  Scheme and host are left out. */
#include "sensor/app/http/http.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_authority_split(struct slice text, struct slice *host, struct slice *port)
{
    const uint8_t *colon;
    size_t n = text.size;

    *port = slice_of(NULL, 0);
    if (n != 0 && text.bytes[0] == '[') {       /* An IPv6 address keeps its brackets. */
        const uint8_t *end = memchr(text.bytes, ']', n);
        n = end != NULL ? (size_t) (end - text.bytes) + 1 : n;
        colon = n < text.size && text.bytes[n] == ':' ? text.bytes + n : NULL;
        *host = slice_of(text.bytes, n);
        if (colon == NULL) {
            return end != NULL && n == text.size;
        }
    } else {
        colon = n != 0 ? memchr(text.bytes, ':', n) : NULL;
        n = colon != NULL ? (size_t) (colon - text.bytes) : n;
        *host = slice_of(text.bytes, n);
        if (colon == NULL) {
            return true;
        }
    }
    struct slice digits = slice_of(colon + 1, text.size - n - 1);
    unsigned value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.bytes[i] < '0' || digits.bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned) (digits.bytes[i] - '0');
        if (value > 65535) {
            return false;
        }
    }
    if (value == 0) {
        return false;
    }
    *port = digits;
    return true;
}

bool http_host_is_valid(struct slice host)
{
    size_t label = 0;

    if (host.size == 0 || host.size > 255) {
        return false;
    }
    if (host.bytes[0] == '[') {
        return host.bytes[host.size - 1] == ']';
    }
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.bytes[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (http_is_blank(c) || c == '/' || c == '@' || c == ',' || c == '%'
                   || c < 0x20 || ++label > 63) {
            return false;
        }
    }
    return true;
}

/* Where 'c' stands in 's', or its size. */
static size_t find_byte(struct slice s, char c)
{
    const uint8_t *at = s.size != 0 ? memchr(s.bytes, c, s.size) : NULL;
    return at != NULL ? (size_t) (at - s.bytes) : s.size;
}

static struct slice skip(struct slice s, size_t n)
{
    return slice_from(s, n);
}

/* "scheme://": the size of it, or 0. */
static size_t scheme_size(struct slice s)
{
    size_t n = 0;

    while (n < s.size && n < 16
           && ((s.bytes[n] | 0x20) >= 'a' && (s.bytes[n] | 0x20) <= 'z')) {
        n++;
    }
    return n != 0 && s.size - n >= 3 && memcmp(s.bytes + n, "://", 3) == 0 ? n + 3 : 0;
}

static void split_authority(struct http_tx *tx, struct slice text, bool is_connect)
{
    size_t at = find_byte(text, '@');

    if (at != text.size) {
        text = skip(text, at + 1);
    }
    if (!http_authority_split(text, &tx->uri.host, &tx->uri.port)) {
        http_event(tx, is_connect ? HTTP_EVENT_AUTHORITY_PORT_INVALID
                                  : HTTP_EVENT_SERVER_PORT_INVALID);
    }
    if (!http_host_is_valid(tx->uri.host)) {
        http_event(tx, HTTP_EVENT_URI_HOST_INVALID);
    }
}

void http_uri_split(struct http_tx *tx)
{
    struct slice rest = tx->uri_raw;

    if (slice_is(tx->method, "CONNECT")) {
        split_authority(tx, rest, true);
        return;
    }
    size_t scheme = scheme_size(rest);
    if (scheme != 0) {
        rest = skip(rest, scheme);
        size_t n = 0;
        while (n < rest.size && rest.bytes[n] != '/' && rest.bytes[n] != '?'
               && rest.bytes[n] != '#') {
            n++;
        }
        split_authority(tx, slice_of(rest.bytes, n), false);
        rest = skip(rest, n);
    }
    size_t hash = find_byte(rest, '#');
    if (hash != rest.size) {
        tx->uri.fragment = skip(rest, hash + 1);
        rest.size = hash;
    }
    size_t mark = find_byte(rest, '?');
    if (mark != rest.size) {
        tx->uri.query = skip(rest, mark + 1);
        rest.size = mark;
    }
    tx->uri.path = rest;
}

/* One byte for a code point: ASCII and Latin-1 as they are, full-width forms as the ASCII
 * that they look like, the rest as '?'. */
static uint8_t best_fit(unsigned code)
{
    if (code < 0x100) {
        return (uint8_t) code;
    }
    return code >= 0xff01 && code <= 0xff5e ? (uint8_t) (code - 0xff01 + 0x21) : '?';
}

/* Undoes percent-encoding once; 'out' has room for as many bytes as 's'. */
static size_t decode(struct slice s, uint8_t *out, bool *is_double)
{
    size_t n = 0;

    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.bytes[i];
        size_t left = s.size - i - 1;
        if (c == '%' && left >= 2 && hex_value(s.bytes[i + 1]) >= 0
            && hex_value(s.bytes[i + 2]) >= 0) {
            c = (uint8_t) (hex_value(s.bytes[i + 1]) << 4 | hex_value(s.bytes[i + 2]));
            i += 2;
            *is_double |= c == '%' && s.size - i - 1 >= 2 && hex_value(s.bytes[i + 1]) >= 0
                          && hex_value(s.bytes[i + 2]) >= 0;
        } else if (c == '%' && left >= 5 && (s.bytes[i + 1] | 0x20) == 'u') {
            int a = hex_value(s.bytes[i + 2]), b = hex_value(s.bytes[i + 3]);
            int d = hex_value(s.bytes[i + 4]), e = hex_value(s.bytes[i + 5]);
            if (a >= 0 && b >= 0 && d >= 0 && e >= 0) {
                c = best_fit((unsigned) (a << 12 | b << 8 | d << 4 | e));
                i += 5;
            }
        }
        out[n++] = c;
    }
    return n;
}

/* "\" to "/", "//" to "/", "." and ".." resolved, in place; returns the new size. */
static size_t normalize_path(uint8_t *path, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        uint8_t c = path[i] == '\\' ? '/' : path[i];
        if (c == '/' && n != 0 && path[n - 1] == '/') {
            continue;
        }
        path[n++] = c;
    }
    size = n;
    n = 0;
    for (size_t i = 0; i < size;) {
        size_t end = i;
        while (end < size && path[end] != '/') {
            end++;
        }
        size_t len = end - i;
        bool is_dot = len == 1 && path[i] == '.';
        bool is_up = len == 2 && path[i] == '.' && path[i + 1] == '.';
        if ((is_dot || is_up) && size > 1) {
            if (is_up && n > 1) {               /* Back over "segment/". */
                n--;
                while (n != 0 && path[n - 1] != '/') {
                    n--;
                }
            }
            i = end < size ? end + 1 : end;
            continue;
        }
        size_t take = len + (end < size ? 1 : 0);
        memmove(path + n, path + i, take);
        n += take;
        i += take;
    }
    return n;
}

void http_uri_make(struct http_tx *tx)
{
    struct http_uri *u = &tx->uri;
    bool is_double = false;

    if (u->is_made) {
        return;
    }
    u->is_made = true;
    if (slice_is(tx->method, "CONNECT")) {
        u->full = tx->uri_raw;
        u->path_size = u->full.size;
        return;
    }
    size_t room = u->path.size + u->query.size + u->fragment.size + 3;
    uint8_t *out = arena_alloc(&tx->tx.arena, room);
    if (out == NULL) {
        u->full = tx->uri_raw;
        return;
    }
    size_t n = decode(u->path, out, &is_double);
    n = normalize_path(out, n);
    if (n == 0 && u->host.size != 0) {
        out[n++] = '/';                         /* RFC 9112, section 3.2.1. */
    }
    u->path_size = n;
    if (u->query.bytes != NULL) {
        out[n++] = '?';
        n += decode(u->query, out + n, &is_double);
    }
    if (u->fragment.bytes != NULL) {
        out[n++] = '#';
        n += decode(u->fragment, out + n, &is_double);
    }
    u->full = slice_of(out, n);
    if (is_double) {
        http_event(tx, HTTP_EVENT_DOUBLE_ENCODED);
    }
}

struct slice http_uri_path(struct http_tx *tx)
{
    http_uri_make(tx);
    return slice_of(tx->uri.full.bytes, tx->uri.path_size);
}
