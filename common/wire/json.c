#include "common/wire/json.h"

#include "common/base/clock.h"

/* How a byte may stand in a JSON string: as it is, or not.  Bytes from 0x80 are decided
 * by the whole text. */
enum { PLAIN, ESCAPED, HIGH };

static uint8_t class_of(uint8_t c)
{
    if (c >= 0x80) {
        return HIGH;
    }
    return c < 0x20 || c == '"' || c == '\\' ? ESCAPED : PLAIN;
}

/* Eight bytes at once: is any of them a control character, quote, backslash or high?  The
 * usual zero-byte test on the word with each special value xor-ed away. */
static bool word_needs_care(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101ull, highs = 0x8080808080808080ull;
    uint64_t word, quote, backslash;

    memcpy(&word, at, sizeof word);
    quote = word ^ ones * '"';
    backslash = word ^ ones * '\\';
    return ((word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs) != 0;
}

/* The first byte in [at, end) that is not plain. */
static const uint8_t *find_care(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8 && !word_needs_care(at)) {
        at += 8;
    }
    while (at < end && class_of(*at) == PLAIN) {
        at++;
    }
    return at;
}

static void put_escape(struct strbuf *b, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '"':
        JSON_LITERAL(b, "\\\"");
        break;
    case '\\':
        JSON_LITERAL(b, "\\\\");
        break;
    case '\b':
        JSON_LITERAL(b, "\\b");
        break;
    case '\f':
        JSON_LITERAL(b, "\\f");
        break;
    case '\n':
        JSON_LITERAL(b, "\\n");
        break;
    case '\r':
        JSON_LITERAL(b, "\\r");
        break;
    case '\t':
        JSON_LITERAL(b, "\\t");
        break;
    default:
        if (c < 0x20) {
            JSON_LITERAL(b, "\\u00");
        } else {
            JSON_LITERAL(b, "\\\\x");
        }
        strbuf_putc(b, hex[c >> 4]);
        strbuf_putc(b, hex[c & 15]);
    }
}

/* Copies 'size' bytes to 'to' as long as they are plain; false if one is not. */
static bool copy_plain(char *to, const uint8_t *at, size_t size)
{
    const uint8_t *end;

    if (size == 0) {                            /* Perhaps at NULL. */
        return true;
    }
    end = at + size;
    if (size >= 8) {
        for (; end - at >= 8; at += 8, to += 8) {
            if (word_needs_care(at)) {
                return false;
            }
            memcpy(to, at, 8);
        }
        /* The rest with the bytes before it, which are the same again. */
        memcpy(to + (end - at) - 8, end - 8, 8);
        return !word_needs_care(end - 8);
    }
    for (; at < end; at++, to++) {
        if (class_of(*at) != PLAIN) {
            return false;
        }
        *to = (char) *at;
    }
    return true;
}

/* Text with something to escape or to check: between the quotes. */
static void put_careful(struct strbuf *b, struct slice text)
{
    bool is_checked = false, is_utf8 = false;
    const uint8_t *at = text.bytes, *end = at + text.size;

    while (at < end) {
        const uint8_t *run = at;

        at = find_care(at, end);
        strbuf_put(b, run, (size_t) (at - run));
        if (at == end) {
            break;
        }
        if (*at >= 0x80 && !is_checked) {
            /* What went before is ASCII, so the rest decides for the whole. */
            is_utf8 = utf8_is_valid(slice_of(at, (size_t) (end - at)));
            is_checked = true;
        }
        if (*at >= 0x80 && is_utf8) {
            strbuf_putc(b, (char) *at);
        } else {
            put_escape(b, *at);
        }
        at++;
    }
}

char *json_put_text(struct strbuf *b, char *at, struct slice text, size_t room)
{
    b->size = (size_t) (at - b->text);
    at = strbuf_reserve(b, text.size + 2 + room);
    *at = '"';
    if (copy_plain(at + 1, text.bytes, text.size)) {
        at += text.size + 1;
    } else {
        b->size++;
        put_careful(b, text);
        at = strbuf_reserve(b, 1 + room);
    }
    *at = '"';
    return at + 1;
}

void json_text(struct strbuf *b, struct slice text)
{
    char *at = json_put_text(b, strbuf_reserve(b, 1), text, 0);

    b->size = (size_t) (at - b->text);
}

void json_hex(struct strbuf *b, struct slice bytes)
{
    strbuf_putc(b, '"');
    strbuf_hex(b, bytes.bytes, bytes.size);
    strbuf_putc(b, '"');
}

void json_base64(struct strbuf *b, struct slice bytes)
{
    strbuf_putc(b, '"');
    strbuf_base64(b, bytes.bytes, bytes.size);
    strbuf_putc(b, '"');
}

char *json_put_ip(char *at, const struct ip_addr *ip, bool expand)
{
    *at++ = '"';
    at += ip_format(ip, expand, at);
    *at++ = '"';
    return at;
}

void json_ip(struct strbuf *b, const struct ip_addr *ip, bool expand)
{
    char *at = strbuf_reserve(b, IP_TEXT_SIZE + 2);

    b->size += (size_t) (json_put_ip(at, ip, expand) - at);
}

char *json_put_mac(char *at, const uint8_t mac[6])
{
    static const char hex[] = "0123456789abcdef";

    *at++ = '"';
    for (int i = 0; i < 6; i++) {
        *at++ = hex[mac[i] >> 4];
        *at++ = hex[mac[i] & 15];
        *at++ = i < 5 ? ':' : '"';
    }
    return at;
}

void json_mac(struct strbuf *b, const uint8_t mac[6])
{
    char *at = strbuf_reserve(b, 19);

    b->size += (size_t) (json_put_mac(at, mac) - at);
}

static char *put_time(char *at, uint64_t wall_ns, int digits, const char *suffix)
{
    *at++ = '"';
    at += clock_format_utc(wall_ns, digits, suffix, at);
    *at++ = '"';
    return at;
}

char *json_put_time_eve(char *at, uint64_t wall_ns)
{
    return put_time(at, wall_ns, 6, "+0000");
}

void json_time_utc(struct strbuf *b, uint64_t wall_ns)
{
    char *at = strbuf_reserve(b, CLOCK_TEXT_SIZE + 2);

    b->size += (size_t) (put_time(at, wall_ns, 9, "Z") - at);
}

void json_event_id(struct strbuf *b, struct slice sensor, uint64_t epoch, uint64_t worker,
                   uint64_t number)
{
    const size_t room = 3 + 16 + 2 * DIGITS_U64;
    uint8_t bytes[8];
    char *at = json_put_text(b, strbuf_reserve(b, room), sensor, room);

    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t) (epoch >> (56 - 8 * i));
    }
    at[-1] = '-';                       /* The closing quote comes at the end. */
    b->size = (size_t) (at - b->text);
    strbuf_hex(b, bytes, sizeof bytes);
    at = b->text + b->size;
    *at++ = '-';
    at = digits_u64(at, worker);
    *at++ = '-';
    at = digits_u64(at, number);
    *at++ = '"';
    b->size = (size_t) (at - b->text);
}
