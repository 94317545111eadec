/* Recognition, and the parser as the engine knows it. */
#include <stdlib.h>

#include "sensor/app/smtp/smtp.h"

#define SMTP_PORT 25
#define FTP_PORT 21

/* Does 's' begin with 'text', case ignored?  MORE when it is shorter and fits so far. */
static enum app_probe begins(struct slice s, const char *text)
{
    size_t size = strlen(text), n = s.size < size ? s.size : size;

    if (n != 0 && strncasecmp((const char *) s.bytes, text, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == size ? APP_PROBE_YES : APP_PROBE_MORE;
}

/* Only some commands begin a session, and no other protocol; what else SMTP knows may be
 * its first, if the server says that it is SMTP. */
static enum app_probe probe_client(struct slice s, uint16_t server_port)
{
    static const char *const openers[] = { "EHLO", "HELO", "QUIT", NULL };
    static const char *const others[] = {
        "MAIL FROM:", "RCPT TO:", "RSET\r\n", "NOOP\r\n", "STARTTLS\r\n", "AUTH ", "VRFY ",
        "EXPN ", "HELP\r\n", "DATA\r\n", "BDAT ", NULL
    };
    enum app_probe answer = server_port == SMTP_PORT ? APP_PROBE_MORE : APP_PROBE_NO;

    for (size_t i = 0; openers[i] != NULL; i++) {
        enum app_probe one = begins(s, openers[i]);
        if (one == APP_PROBE_YES) {
            return one;
        }
        answer = one == APP_PROBE_MORE ? one : answer;
    }
    for (size_t i = 0; others[i] != NULL; i++) {
        answer = begins(s, others[i]) != APP_PROBE_NO ? APP_PROBE_MORE : answer;
    }
    return answer;
}

/* A name of at least two labels at the front of 's', as a server says its own. */
static bool begins_with_domain(struct slice s)
{
    size_t n = 0, label = 0, n_dots = 0, n_letters = 0;

    for (; n < s.size && n < 255; n++) {
        uint8_t c = s.bytes[n];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (c == '.') {
            if (n == label) {
                return false;
            }
            n_dots++;
            label = n + 1;
            n_letters = 0;
        } else if (!is_letter && c != '-' && (c < '0' || c > '9')) {
            break;
        } else {
            n_letters += is_letter;
        }
    }
    bool is_over = n < s.size && (s.bytes[n] == ' ' || s.bytes[n] == '\r'
                                  || s.bytes[n] == '\n');
    return is_over && n_dots != 0 && n > label && n_letters != 0;
}

static bool has_in_line(struct slice s, const char *text)
{
    const uint8_t *lf = s.size != 0 ? memchr(s.bytes, '\n', s.size) : NULL;
    size_t n = lf != NULL ? (size_t) (lf - s.bytes) : s.size, len = strlen(text);

    for (size_t i = 0; i + len <= n; i++) {
        if (strncasecmp((const char *) s.bytes + i, text, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "220 name text".  FTP greets like that as well: the text, the port or the client tells
 * which it is. */
static enum app_probe probe_server(struct slice s, uint16_t server_port)
{
    enum app_probe answer = begins(s, "220");

    if (answer == APP_PROBE_NO || s.size < 4) {
        return answer == APP_PROBE_NO ? answer : APP_PROBE_MORE;
    }
    if (s.bytes[3] != ' ' && s.bytes[3] != '-') {
        return APP_PROBE_NO;
    }
    if (server_port == SMTP_PORT && begins_with_domain(slice_from(s, 4))) {
        return APP_PROBE_YES;
    }
    if (server_port == FTP_PORT || has_in_line(s, "FTP")) {
        return has_in_line(s, "SMTP") ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    return has_in_line(s, "SMTP") ? APP_PROBE_YES : APP_PROBE_MORE;
}

static enum app_probe probe(enum direction dir, struct slice bytes, uint16_t server_port,
                            uint16_t client_port)
{
    return dir == TO_SERVER ? probe_client(bytes, server_port)
                            : probe_server(bytes, server_port);
}

static const char *const event_names[] = {
#define X(id, name) name,
    SMTP_EVENTS(X)
#undef X
    NULL
};

static bool open_state(struct app_session *session)
{
    if (!app_memory_take(session, sizeof(struct smtp_state))) {
        return false;
    }
    session->state = calloc(1, sizeof(struct smtp_state));
    if (session->state == NULL) {
        app_memory_give(session, sizeof(struct smtp_state));
    }
    return session->state != NULL;
}

static void close_state(struct app_session *session)
{
    struct smtp_state *s = session->state;

    if (s != NULL) {
        app_bytes_free(session, &s->helo);
        free(s);
        app_memory_give(session, sizeof *s);
        session->state = NULL;
    }
}

static void free_tx(struct app_tx *base)
{
    mime_free(smtp_tx_of(base)->mime);
}

const struct app_parser smtp_parser = {
    .proto = APP_SMTP,
    .event_type = "smtp",
    .over_tcp = true,
    .event_names = event_names,
    .probe = probe,
    .open = open_state,
    .close = close_state,
    .parse = smtp_parse,
    .finish = smtp_finish,
    .buffer = smtp_buffer,
    .number = smtp_number,
    .progress = smtp_progress,
    .fill = smtp_fill,
    .tx_free = free_tx,
};
