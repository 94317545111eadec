/* Recognition of the control channel.  Its greeting is that of SMTP: the port, the text or
 * the client's first command says which it is. */
#include <strings.h>

#include "sensor/app/ftp/ftp.h"

#define CONTROL_PORT 21

static enum app_probe begins(struct slice s, const char *text)
{
    size_t size = strlen(text), n = s.size < size ? s.size : size;

    if (n != 0 && strncasecmp((const char *) s.bytes, text, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == size ? APP_PROBE_YES : APP_PROBE_MORE;
}

/* 's' up to its first line end; false: there is none. */
static bool first_line(struct slice *s)
{
    const uint8_t *lf = s->size != 0 ? memchr(s->bytes, '\n', s->size) : NULL;

    if (lf != NULL) {
        s->size = (size_t) (lf - s->bytes);
    }
    return lf != NULL;
}

static bool has_word(struct slice s, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= s.size; i++) {
        if (strncasecmp((const char *) s.bytes + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Three digits with a blank or a dash behind them, as far as 's' goes? */
static bool may_be_reply(struct slice s)
{
    for (size_t i = 0; i < 3 && i < s.size; i++) {
        if (s.bytes[i] < '0' || s.bytes[i] > (i == 0 ? '5' : '9')) {
            return false;
        }
    }
    return s.size < 4 || s.bytes[3] == ' ' || s.bytes[3] == '-';
}

/* Any other reply fits, where the client has said that it is FTP. */
static enum app_probe probe_reply(struct slice s, uint16_t server_port)
{
    if (begins(s, "220 ") != APP_PROBE_YES && begins(s, "220-") != APP_PROBE_YES) {
        return may_be_reply(s) ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    if (server_port == CONTROL_PORT) {
        return APP_PROBE_YES;
    }
    first_line(&s);
    return has_word(s, "FTP")    ? APP_PROBE_YES
           : has_word(s, "SMTP") ? APP_PROBE_NO
                                 : APP_PROBE_MORE;
}

/* "USER name": that of IRC has four arguments; POP3's looks the same, on its own port. */
static enum app_probe probe_user(struct slice s, uint16_t server_port)
{
    bool is_whole = first_line(&s);
    size_t n = 5;

    if (server_port == CONTROL_PORT) {
        return APP_PROBE_YES;
    }
    while (n < s.size && s.bytes[n] > ' ') {
        n++;
    }
    if (n < s.size && s.bytes[n] != '\r') {
        return APP_PROBE_NO;
    }
    return is_whole && n > 5 ? APP_PROBE_YES : is_whole ? APP_PROBE_NO : APP_PROBE_MORE;
}

static enum app_probe probe_command(struct slice s, uint16_t server_port)
{
    /* Others open sessions of other protocols as well. */
    static const char *const sure[] = { "FEAT\r", "AUTH TLS\r", "AUTH SSL\r", "SYST\r",
                                        "PORT ", "PASV\r", "EPSV", "EPRT |", "OPTS UTF8" };
    enum app_probe best = begins(s, "USER ");
    size_t size;

    if (best == APP_PROBE_YES) {
        return probe_user(s, server_port);
    }
    for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++) {
        enum app_probe one = begins(s, sure[i]);
        if (one == APP_PROBE_YES) {
            return one;
        }
        best = one == APP_PROBE_MORE ? one : best;
    }
    if (server_port != CONTROL_PORT) {
        return best;
    }
    return ftp_command_find(s, &size) != NULL ? APP_PROBE_YES
           : s.size < 4                       ? APP_PROBE_MORE
                                              : best;
}

enum app_probe ftp_probe(enum direction dir, struct slice s, uint16_t server_port,
                         uint16_t client_port)
{
    return dir == TO_CLIENT ? probe_reply(s, server_port) : probe_command(s, server_port);
}
