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

void json_text(struct strbuf *b, struct slice text)
{
    bool is_checked = false, is_utf8 = false;

    if (text.size == 0) {                       /* Perhaps at NULL. */
        JSON_LITERAL(b, "\"\"");
        return;
    }
    const uint8_t *at = text.bytes, *end = at + text.size;
    strbuf_reserve(b, text.size + 2);
    strbuf_putc(b, '"');
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
    strbuf_putc(b, '"');
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

void json_ip(struct strbuf *b, const struct ip_addr *ip, bool expand)
{
    char text[IP_TEXT_SIZE];
    size_t len = ip_format(ip, expand, text);

    strbuf_putc(b, '"');
    strbuf_put(b, text, len);
    strbuf_putc(b, '"');
}

void json_mac(struct strbuf *b, const uint8_t mac[6])
{
    strbuf_putc(b, '"');
    for (int i = 0; i < 6; i++) {
        strbuf_hex(b, mac + i, 1);
        strbuf_putc(b, i < 5 ? ':' : '"');
    }
}

static void put_time(struct strbuf *b, uint64_t wall_ns, int digits, const char *suffix)
{
    char text[CLOCK_TEXT_SIZE];
    size_t len = clock_format_utc(wall_ns, digits, suffix, text);

    strbuf_putc(b, '"');
    strbuf_put(b, text, len);
    strbuf_putc(b, '"');
}

void json_time_eve(struct strbuf *b, uint64_t wall_ns)
{
    put_time(b, wall_ns, 6, "+0000");
}

void json_time_utc(struct strbuf *b, uint64_t wall_ns)
{
    put_time(b, wall_ns, 9, "Z");
}

void json_event_id(struct strbuf *b, struct slice sensor, uint64_t epoch, uint64_t worker,
                   uint64_t number)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t) (epoch >> (56 - 8 * i));
    }
    json_text(b, sensor);
    b->size--;                          /* The closing quote comes at the end. */
    strbuf_putc(b, '-');
    strbuf_hex(b, bytes, sizeof bytes);
    strbuf_putc(b, '-');
    strbuf_u64(b, worker);
    strbuf_putc(b, '-');
    strbuf_u64(b, number);
    strbuf_putc(b, '"');
}
