/* Recognition, and the parser as the engine knows it. */
#include <stdlib.h>

#include "rules/lang/hooks.h"
#include "sensor/app/http/http.h"

/* A request begins with a method that is known, or with a line that ends in HTTP/1.x. */
static enum app_probe probe_request(struct slice s)
{
    size_t n = 0;

    while (s.size != 0 && n < 8 && (http_is_blank(s.bytes[0]) && s.bytes[0] != 0)) {
        s = slice_from(s, 1);
    }
    while (n < s.size && n < 32
           && ((s.bytes[n] >= 'A' && s.bytes[n] <= 'Z')
               || (s.bytes[n] >= 'a' && s.bytes[n] <= 'z') || s.bytes[n] == '-'
               || s.bytes[n] == '_')) {
        n++;
    }
    if (n == s.size) {
        return n < 32 ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    if (n == 0 || (s.bytes[n] != ' ' && s.bytes[n] != '\t')) {
        return APP_PROBE_NO;
    }
    struct slice after = slice_of(s.bytes + n + 1, s.size - n - 1);
    bool is_known = http_is_method(slice_of(s.bytes, n));
    if (is_known && !slice_is(slice_of(s.bytes, n), "OPTIONS")) {
        return APP_PROBE_YES;
    }
    /* SIP and RTSP share OPTIONS; the protocol at the line's end tells them apart. */
    const uint8_t *lf = after.size != 0 ? memchr(after.bytes, '\n', after.size) : NULL;
    if (lf == NULL) {
        return APP_PROBE_MORE;
    }
    struct slice line = http_trim(slice_of(after.bytes, (size_t) (lf - after.bytes)));
    return line.size >= 9
                   && strncasecmp((const char *) line.bytes + line.size - 9, " HTTP/1.", 8) == 0
               ? APP_PROBE_YES
               : APP_PROBE_NO;
}

static enum app_probe probe_prefix(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix), n = s.size < len ? s.size : len;

    if (strncasecmp((const char *) s.bytes, prefix, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == len ? APP_PROBE_YES : APP_PROBE_MORE;
}

enum app_probe http_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                          uint16_t client_port)
{
    if (dir == TO_SERVER) {
        return probe_request(bytes);
    }
    enum app_probe answer = probe_prefix(bytes, "HTTP/1.");
    return answer != APP_PROBE_NO ? answer : probe_prefix(bytes, "HTTP/0.9");
}

static const char *const event_names[] = {
#define X(id, name) name,
    HTTP_EVENTS(X)
#undef X
    NULL
};

static bool open_state(struct app_session *session)
{
    if (!app_memory_take(session, sizeof(struct http_state))) {
        return false;
    }
    session->state = calloc(1, sizeof(struct http_state));
    if (session->state == NULL) {
        app_memory_give(session, sizeof(struct http_state));
    }
    return session->state != NULL;
}

static void close_state(struct app_session *session)
{
    if (session->state != NULL) {
        free(session->state);
        app_memory_give(session, sizeof(struct http_state));
        session->state = NULL;
    }
}

static void free_tx(struct app_tx *tx)
{
    http_body_free(http_tx_of(tx), TO_SERVER);
    http_body_free(http_tx_of(tx), TO_CLIENT);
}

static unsigned http_progress(const struct app_tx *tx, enum direction dir)
{
    const struct http_message *m = &http_tx_of(tx)->msgs[dir];

    switch (m->progress) {
    case HTTP_NOTHING:
        return m->raw.size != 0 ? PROGRESS_STARTED : PROGRESS_NONE;
    case HTTP_LINE:
        return 3;               /* In its headers, ... */
    case HTTP_HEADERS:
        return 4;               /* ... in its body (rules/lang/hooks.h). */
    case HTTP_DONE:
        break;
    }
    return PROGRESS_COMPLETE;
}

const struct app_parser http_parser = {
    .proto = APP_HTTP1,
    .event_type = "http",
    .over_tcp = true,
    .client_speaks_first = true,
    .event_names = event_names,
    .probe = http_probe,
    .open = open_state,
    .close = close_state,
    .parse = http_parse,
    .progress = http_progress,
    .finish = http_finish,
    .buffer = http_buffer,
    .number = http_number,
    .fill = http_fill,
    .tx_free = free_tx,
    .shelf_free = http_ranges_free,
};
