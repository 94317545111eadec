/* Request line and status line (RFC 9112, sections 3 and 4), as clients and servers in the
 * field split them: any run of blanks separates, a missing part is a missing part. */
#include "sensor/app/http/http.h"

/* Methods of RFC 9110 and WebDAV that begin a request by themselves. */
static const char *const methods[] = {
    "GET", "POST", "PUT", "HEAD", "TRACE", "OPTIONS", "CONNECT", "DELETE", "PATCH",
    "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "CHECKOUT",
    "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL", "REPORT", "MKWORKSPACE", "MKACTIVITY",
    "MERGE", "VERSION-CONTROL", "BASELINE-CONTROL", "SEARCH", "INVALID",
};

bool http_is_method(struct slice token)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (slice_is(token, methods[i])) {
            return true;
        }
    }
    return false;
}

/* The bytes of 's' up to the first blank; '*s' goes behind them. */
static struct slice take_token(struct slice *s)
{
    size_t n = 0;

    while (n < s->size && !http_is_blank(s->bytes[n])) {
        n++;
    }
    struct slice token = slice_of(s->bytes, n);
    *s = slice_of(s->bytes + n, s->size - n);
    return token;
}

/* Skips blanks; true if any was something else than one space. */
static bool skip_blanks(struct slice *s, bool *has_other)
{
    size_t n = 0;

    while (n < s->size && http_is_blank(s->bytes[n])) {
        *has_other |= s->bytes[n] != ' ';
        n++;
    }
    *s = slice_of(s->bytes + n, s->size - n);
    return n != 0;
}

static bool begins_http(struct slice s)
{
    return s.size >= 5 && strncasecmp((const char *) s.bytes, "HTTP/", 5) == 0;
}

/* x of "HTTP/1.x"; 9 for 0.9; -1 for anything else. */
static int parse_minor(struct slice protocol)
{
    if (!begins_http(protocol)) {
        return -1;
    }
    struct slice version = slice_from(protocol, 5);
    if (slice_is(version, "1.1")) {
        return 1;
    }
    return slice_is(version, "1.0") ? 0 : slice_is(version, "0.9") ? 9 : -1;
}

/* 'rest' begins at the URI.  The protocol is the last word if it looks like one, so that
 * blanks within the URI do not hide what the server would be asked for. */
static void split_uri(struct http_tx *tx, struct slice rest)
{
    struct http_message *m = &tx->msgs[TO_SERVER];
    struct slice all = http_trim(rest);
    bool has_other = false;
    size_t n = all.size;

    while (n != 0 && !http_is_blank(all.bytes[n - 1])) {
        n--;
    }
    struct slice last = slice_from(all, n);
    if (n != 0 && begins_http(last)) {
        m->protocol = last;
        tx->uri_raw = slice_of(all.bytes, n);
        while (tx->uri_raw.size != 0
               && http_is_blank(tx->uri_raw.bytes[tx->uri_raw.size - 1])) {
            has_other |= tx->uri_raw.bytes[--tx->uri_raw.size] != ' ';
        }
        for (size_t i = 0; i < tx->uri_raw.size && !has_other; i++) {
            has_other = http_is_blank(tx->uri_raw.bytes[i]);
        }
    } else {
        tx->uri_raw = take_token(&all);
        skip_blanks(&all, &has_other);
        m->protocol = all;
    }
    if (has_other) {
        http_event(tx, HTTP_EVENT_URI_DELIM);
    }
}

void http_request_line(struct http_tx *tx, struct slice line)
{
    struct http_message *m = &tx->msgs[TO_SERVER];
    bool has_other = false;

    tx->has_request = true;
    if (skip_blanks(&line, &has_other)) {
        http_event(tx, HTTP_EVENT_LEADING_WHITESPACE);
    }
    has_other = false;
    tx->method = take_token(&line);
    if (!skip_blanks(&line, &has_other)) {
        http_event(tx, HTTP_EVENT_REQUEST_LINE_INCOMPLETE);
    }
    if (has_other) {
        http_event(tx, HTTP_EVENT_METHOD_DELIM);
    }
    split_uri(tx, line);
    tx->is_09 = m->protocol.size == 0;
    m->minor = tx->is_09 ? 9 : parse_minor(m->protocol);
    if (!tx->is_09 && !begins_http(m->protocol)) {
        http_event(tx, HTTP_EVENT_REQUEST_LINE_INVALID);
    }
    http_uri_split(tx);
    http_uri_make(tx);
    m->progress = HTTP_LINE;
}

/* Three digits make a status; leading zeros do no harm. */
static int parse_status(struct slice text)
{
    int status = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || status > 999) {
            return 0;
        }
        status = status * 10 + (text.bytes[i] - '0');
    }
    return status >= 100 && status <= 999 ? status : 0;
}

void http_status_line(struct http_tx *tx, struct slice line)
{
    struct http_message *m = &tx->msgs[TO_CLIENT];
    bool has_other = false;

    skip_blanks(&line, &has_other);
    m->protocol = take_token(&line);
    m->minor = parse_minor(m->protocol);
    if (m->minor < 0) {
        http_event(tx, HTTP_EVENT_RESPONSE_PROTO_INVALID);
    }
    skip_blanks(&line, &has_other);
    tx->status_text = take_token(&line);
    tx->status = parse_status(tx->status_text);
    if (tx->status == 0) {
        http_event(tx, HTTP_EVENT_RESPONSE_STATUS_INVALID);
    }
    skip_blanks(&line, &has_other);
    tx->reason = http_trim(line);
    m->progress = HTTP_LINE;
}
