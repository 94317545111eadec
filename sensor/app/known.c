#include "sensor/app/known.h"

/* Does 's' begin with 'size' bytes of 'text', case ignored?  MORE when it is shorter and
 * fits so far. */
static enum app_probe begins(struct slice s, const char *text)
{
    size_t size = strlen(text), n = s.size < size ? s.size : size;

    if (n != 0 && strncasecmp((const char *) s.bytes, text, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == size ? APP_PROBE_YES : APP_PROBE_MORE;
}

/* The best answer of several. */
static enum app_probe begins_any(struct slice s, const char *const *texts)
{
    enum app_probe best = APP_PROBE_NO;

    for (; *texts != NULL; texts++) {
        enum app_probe one = begins(s, *texts);
        if (one == APP_PROBE_YES) {
            return one;
        }
        best = one == APP_PROBE_MORE ? one : best;
    }
    return best;
}

/* 'n' bytes, or more of them are needed. */
#define NEED(s, n)                    \
    do {                              \
        if ((s).size < (n)) {         \
            return APP_PROBE_MORE;    \
        }                             \
    } while (0)

static enum app_probe yes_if(bool is_so)
{
    return is_so ? APP_PROBE_YES : APP_PROBE_NO;
}

/* RFC 9113, section 3.4: the preface, and a SETTINGS frame of the server. */
static enum app_probe probe_http2(enum direction dir, struct slice s, uint16_t server,
                                  uint16_t client)
{
    if (dir == TO_SERVER) {
        return begins(s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    }
    if (s.size >= 2 && (s.bytes[0] != 0 || s.bytes[1] != 0)) {
        return APP_PROBE_NO;
    }
    NEED(s, 9);
    return yes_if(s.bytes[2] % 6 == 0 && s.bytes[3] == 4 && s.bytes[4] <= 1
                  && memcmp(s.bytes + 5, "\0\0\0\0", 4) == 0);
}

/* "USER name" has one argument; that of IRC has four. */
static bool is_ftp_user(struct slice s)
{
    size_t n = 5;

    while (n < s.size && s.bytes[n] > ' ') {
        n++;
    }
    return n < s.size && n > 5 && (s.bytes[n] == '\r' || s.bytes[n] == '\n');
}

static enum app_probe probe_pop3(enum direction dir, struct slice s, uint16_t server,
                                 uint16_t client)
{
    static const char *const commands[] = { "CAPA\r", "APOP ", "STLS\r", NULL };

    if (dir == TO_CLIENT) {
        enum app_probe answer = begins(s, "+OK");
        return answer != APP_PROBE_NO ? answer : begins(s, "-ERR");
    }
    /* FTP begins like that as well: the port or the server says which it is. */
    if (begins(s, "USER ") != APP_PROBE_NO) {
        return memchr(s.bytes, '\n', s.size) != NULL && !is_ftp_user(s) ? APP_PROBE_NO
               : server == 110 ? begins(s, "USER ") : APP_PROBE_MORE;
    }
    return begins_any(s, commands);
}

/* RFC 3501: greetings; a tag and a command that is sent before login. */
static enum app_probe probe_imap(enum direction dir, struct slice s, uint16_t server,
                                 uint16_t client)
{
    static const char *const greetings[] = { "* OK ", "* PREAUTH ", "* CAPABILITY ", NULL };
    static const char *const commands[] = {
        "CAPABILITY", "LOGIN ", "STARTTLS", "AUTHENTICATE ", "ID ", "NOOP", NULL
    };
    size_t n = 0;

    if (dir == TO_CLIENT) {
        return begins_any(s, greetings);
    }
    while (n < s.size && n < 16 && s.bytes[n] > ' ' && s.bytes[n] < 0x7f) {
        n++;
    }
    if (n == s.size) {
        return n < 16 ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    return n == 0 || s.bytes[n] != ' '
               ? APP_PROBE_NO
               : begins_any(slice_of(s.bytes + n + 1, s.size - n - 1), commands);
}

/* RFC 5905: versions 1 to 4 on the port; nothing in the packet is a mark. */
static enum app_probe probe_ntp(enum direction dir, struct slice s, uint16_t server,
                                uint16_t client)
{
    uint8_t first = s.size != 0 ? s.bytes[0] : 0, version = first >> 3 & 7, mode = first & 7;

    return yes_if((server == 123 || client == 123) && s.size >= 12 && version >= 1
                  && version <= 4 && mode != 0 && (mode >= 6 || s.size >= 48));
}

/* RFC 9000, section 17.2: a long header with a version that is in use. */
static enum app_probe probe_quic(enum direction dir, struct slice s, uint16_t server,
                                 uint16_t client)
{
    if (s.size < 20 || (s.bytes[0] & 0x80) == 0) {
        return yes_if(dir == TO_CLIENT && s.size >= 20 && (s.bytes[0] & 0x40) != 0
                      && server == 443);
    }
    bool is_version = memcmp(s.bytes + 1, "\0\0\0\1", 4) == 0
                      || memcmp(s.bytes + 1, "\x6b\x33\x43\xcf", 4) == 0
                      || memcmp(s.bytes + 1, "\xff\0\0", 3) == 0
                      || (s.bytes[1] == 'Q' && s.bytes[2] == '0');
    return yes_if(is_version && (s.bytes[1] == 'Q' || (s.bytes[0] & 0x40) != 0)
                  && (s.bytes[1] == 'Q' || s.bytes[5] <= 20));
}

/* RFC 7296, section 3.1: a version and a length that fit; on 4500 behind four zeros. */
static enum app_probe probe_ike(enum direction dir, struct slice s, uint16_t server,
                                uint16_t client)
{
    if ((server == 4500 || client == 4500) && s.size > 4
        && memcmp(s.bytes, "\0\0\0\0", 4) == 0) {
        s = slice_from(s, 4);
    } else if (server != 500 && client != 500) {
        return APP_PROBE_NO;
    }
    if (s.size < 28 || (s.bytes[17] != 0x10 && s.bytes[17] != 0x20)) {
        return APP_PROBE_NO;
    }
    size_t size = (size_t) s.bytes[24] << 24 | (size_t) s.bytes[25] << 16
                  | (size_t) s.bytes[26] << 8 | s.bytes[27];
    return yes_if(size == s.size);
}

/* Nothing is parsed; the session is over once both sides have been compared. */
static enum app_result parse_nothing(struct app_session *s, const struct app_input *in,
                                     size_t *consumed)
{
    *consumed = in->bytes.size;
    return s->flow->app_proto_side[TO_SERVER] != APP_UNKNOWN
                   && s->flow->app_proto_side[TO_CLIENT] != APP_UNKNOWN
               ? APP_DONE
               : APP_NEED_MORE;
}

static struct app_view no_buffer(const struct app_tx *tx, enum direction dir,
                                 enum buffer_id id, unsigned index)
{
    return (struct app_view) { .state = APP_VIEW_ABSENT };
}

#define X(id, name, tcp, udp, first)      \
    const struct app_parser known_##name = { \
        .proto = APP_##id,                \
        .over_tcp = tcp,                  \
        .over_udp = udp,                  \
        .client_speaks_first = first,     \
        .probe = probe_##name,            \
        .parse = parse_nothing,           \
        .buffer = no_buffer,              \
    };
KNOWN_PROTOS(X)
#undef X

bool app_is_known_only(const struct app_parser *parser)
{
    return parser->parse == parse_nothing;
}
