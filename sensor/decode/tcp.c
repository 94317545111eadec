/* TCP (RFC 9293):
 *
 *     0..3     source and destination port
 *     4..11    sequence and acknowledgement number
 *     12, 13   header length in words (4 bits), reserved; flags
 *     14..19   window, checksum, urgent pointer
 *     20..     options
 */
#include "sensor/decode/decode_private.h"

#define TCP_SIZE 20
#define WSCALE_ABSENT 0xff
#define WSCALE_MAX 14           /* RFC 7323, section 2.3: more counts as 14. */
#define FAST_OPEN_MAGIC 0xf989

enum option_kind {
    OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_WSCALE = 3,
    OPTION_SACK_OK = 4, OPTION_SACK = 5, OPTION_TIMESTAMP = 8, OPTION_MD5 = 19,
    OPTION_AO = 29, OPTION_FAST_OPEN = 34, OPTION_EXP1 = 253, OPTION_EXP2 = 254,
};

/* Which of the options that stand once at most have been. */
enum { SEEN_MSS = 1, SEEN_WSCALE = 2, SEEN_SACK_OK = 4, SEEN_SACK = 8,
       SEEN_TIMESTAMP = 16, SEEN_FAST_OPEN = 32 };

struct options {
    struct packet *p;
    unsigned seen;
};

/* True the first time; a second one is the event that the caller reports. */
static bool first_time(struct options *o, unsigned bit)
{
    bool is_first = (o->seen & bit) == 0;

    o->seen |= bit;
    return is_first;
}

static bool is_fast_open_size(size_t size)
{
    return size == 2 || (size >= 4 && size <= 18 && size % 2 == 0);
}

/* One option of 'size' bytes, type and length included.  DECODE_N_EVENTS: it is good. */
static enum decode_event read_option(struct options *o, const uint8_t *b, size_t size)
{
    struct packet *p = o->p;
    bool is_size_right = true, is_first = true;

    switch (b[0]) {
    case OPTION_MSS:
        is_size_right = size == 4;
        if (is_size_right && (is_first = first_time(o, SEEN_MSS))) {
            p->tcp.has_mss = true;
            p->tcp.mss = load_be16(b + 2);
        }
        break;
    case OPTION_WSCALE:
        is_size_right = size == 3;
        if (is_size_right && (is_first = first_time(o, SEEN_WSCALE))) {
            p->tcp.wscale = b[2] > WSCALE_MAX ? WSCALE_MAX : b[2];
        }
        break;
    case OPTION_SACK_OK:
        is_size_right = size == 2;
        if (is_size_right && (is_first = first_time(o, SEEN_SACK_OK))) {
            p->tcp.sack_ok = true;
        }
        break;
    case OPTION_SACK:           /* Up to four blocks of 8 bytes. */
        is_size_right = size == 2 || (size % 8 == 2 && size <= 34);
        is_first = !is_size_right || size == 2 || first_time(o, SEEN_SACK);
        break;
    case OPTION_TIMESTAMP:
        is_size_right = size == 10;
        if (is_size_right && (is_first = first_time(o, SEEN_TIMESTAMP))) {
            p->tcp.has_timestamp = true;
            p->tcp.ts_value = load_be32(b + 2);
            p->tcp.ts_echo = load_be32(b + 6);
        }
        break;
    case OPTION_MD5:
        is_size_right = size == 18;
        p->tcp.is_signed = true;
        break;
    case OPTION_AO:
        is_size_right = size >= 4;
        p->tcp.is_signed = true;
        break;
    case OPTION_FAST_OPEN:
        is_size_right = is_fast_open_size(size);
        is_first = !is_size_right || first_time(o, SEEN_FAST_OPEN);
        break;
    case OPTION_EXP1:           /* Fast open before it had a number (RFC 6994). */
    case OPTION_EXP2:
        is_size_right = size == 4 || size == 12;
        is_first = !is_size_right || load_be16(b + 2) != FAST_OPEN_MAGIC
                   || first_time(o, SEEN_FAST_OPEN);
        break;
    default:
        break;
    }
    return !is_size_right ? DECODE_TCP_OPT_INVALID_LEN
           : !is_first ? DECODE_TCP_OPT_DUPLICATE : DECODE_N_EVENTS;
}

static void read_options(struct decoder *d, struct packet *p, struct cursor c)
{
    struct options o = { .p = p, .seen = 0 };

    while (cursor_left(&c) > 0 && c.at[0] != OPTION_END) {
        if (c.at[0] == OPTION_NOP) {
            (void) cursor_skip(&c, 1);
            continue;
        }
        size_t left = cursor_left(&c);
        if (left == 1) {
            return;             /* Padding that is no end of list: nobody minds. */
        }
        size_t size = c.at[1];
        if (size < 2 || size > left) {
            decode_event_add(d, p, DECODE_TCP_OPT_INVALID_LEN);
            return;
        }
        enum decode_event event = read_option(&o, c.at, size);
        if (event != DECODE_N_EVENTS) {
            decode_event_add(d, p, event);
        }
        (void) cursor_skip(&c, size);
    }
}

bool decode_tcp(struct decoder *d, struct packet *p, struct cursor c)
{
    size_t left = cursor_left(&c);

    d->counters.tcp++;
    if (left < TCP_SIZE) {
        return decode_invalid(d, p, DECODE_TCP_PKT_TOO_SMALL);
    }
    const uint8_t *h = c.at;
    size_t header_size = (size_t) (h[12] >> 4) * 4;
    if (header_size > left) {
        return decode_invalid(d, p, DECODE_TCP_HLEN_TOO_SMALL);
    }
    if (header_size < TCP_SIZE) {
        return decode_invalid(d, p, DECODE_TCP_INVALID_OPTLEN);
    }
    p->l4 = decode_offset(p, &c);
    p->sport = load_be16(h);
    p->dport = load_be16(h + 2);
    p->tcp.seq = load_be32(h + 4);
    p->tcp.ack = load_be32(h + 8);
    p->tcp.flags = h[13];
    p->tcp.window = load_be16(h + 14);
    p->tcp.urgent = load_be16(h + 18);
    p->tcp.wscale = WSCALE_ABSENT;
    p->payload = p->l4 + (uint32_t) header_size;
    p->payload_size = (uint32_t) (left - header_size);
    if (header_size > TCP_SIZE) {
        (void) cursor_skip(&c, TCP_SIZE);
        read_options(d, p, cursor_sub(&c, header_size - TCP_SIZE));
    }
    return true;
}
