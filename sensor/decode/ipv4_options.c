/* IPv4 options (RFC 791, section 3.1; RFC 2113; CIPSO: FIPS 188).  What is not an end of
 * list or a no-operation has a length in its second byte, which counts from the type.
 * Copied flag and class belong to the type: 0x07 is record route, 0x87 is nothing. */
#include "sensor/decode/decode_private.h"

enum option_type {
    OPTION_END = 0x00, OPTION_NOP = 0x01, OPTION_RECORD_ROUTE = 0x07,
    OPTION_TIMESTAMP = 0x44, OPTION_SECURITY = 0x82,
    OPTION_LOOSE_ROUTE = 0x83, OPTION_EXTENDED_SECURITY = 0x85, OPTION_CIPSO = 0x86,
    OPTION_STREAM_ID = 0x88, OPTION_STRICT_ROUTE = 0x89, OPTION_ROUTER_ALERT = 0x94,
};

/* The pointer of a route counts from the option's type, from 1: 4 is the first slot, and
 * one behind the end says that the route is full. */
static bool is_route_sound(const uint8_t *o, size_t size)
{
    return o[2] >= 4 && o[2] % 4 == 0 && o[2] <= size + 1;
}

/* Slots of 4 bytes from place 5 on; of 8 with an address each (flags 1 and 3). */
static bool is_timestamp_sound(const uint8_t *o, size_t size)
{
    unsigned pointer = o[2], flag = o[3] & 0x0f;
    unsigned slot = flag == 1 || flag == 3 ? 8 : 4;

    return pointer >= 5 && (pointer - 5) % slot == 0 && pointer <= size + 1;
}

/* Domain of interpretation (4), then tags of type, length and data, which in all types
 * but the free form (7) starts with a byte of 0 for alignment. */
static bool is_cipso_sound(const uint8_t *o, size_t size)
{
    struct cursor tags = cursor_of(o + 6, size - 6);

    while (cursor_left(&tags) > 0) {
        uint8_t type = cursor_u8(&tags);
        uint8_t tag_size = cursor_u8(&tags);
        bool is_known = type == 1 || type == 2 || type == 5 || type == 6 || type == 7;

        if (!is_known || tag_size < 4) {
            return false;
        }
        const uint8_t *data = cursor_take(&tags, (size_t) tag_size - 2);
        if (data == NULL || (type != 7 && data[0] != 0)) {
            return false;
        }
    }
    return true;
}

/* True if the length of an option, which fits, can be one of its type. */
static bool is_size_possible(uint8_t type, size_t size)
{
    switch (type) {
    case OPTION_TIMESTAMP:
        return size >= 5;
    case OPTION_CIPSO:
        return size >= 10;
    case OPTION_STREAM_ID:
    case OPTION_ROUTER_ALERT:
        return size == 4;
    default:
        return size >= 3;
    }
}

static bool is_option_sound(const uint8_t *o, size_t size)
{
    switch (o[0]) {
    case OPTION_RECORD_ROUTE:
    case OPTION_LOOSE_ROUTE:
    case OPTION_STRICT_ROUTE:
        return is_route_sound(o, size);
    case OPTION_TIMESTAMP:
        return is_timestamp_sound(o, size);
    case OPTION_CIPSO:
        return is_cipso_sound(o, size);
    default:
        return true;
    }
}

static bool is_option_known(uint8_t type)
{
    switch (type) {
    case OPTION_RECORD_ROUTE: case OPTION_LOOSE_ROUTE: case OPTION_STRICT_ROUTE:
    case OPTION_TIMESTAMP: case OPTION_CIPSO: case OPTION_STREAM_ID:
    case OPTION_ROUTER_ALERT: case OPTION_SECURITY: case OPTION_EXTENDED_SECURITY:
        return true;
    default:
        return false;
    }
}

/* One option of 'size' bytes, type and length included. */
static void read_option(struct decoder *d, struct packet *p, const uint8_t *o,
                        size_t size)
{
    uint32_t bit = 1u << (o[0] & 0x1f);

    if (!is_option_known(o[0])) {
        decode_event_add(d, p, DECODE_IPV4_OPT_INVALID);
    } else if ((p->ip.ip_options & bit) != 0) {
        decode_event_add(d, p, DECODE_IPV4_OPT_DUPLICATE);
    } else if (!is_size_possible(o[0], size)) {
        decode_event_add(d, p, DECODE_IPV4_OPT_INVALID_LEN);
    } else if (!is_option_sound(o, size)) {
        decode_event_add(d, p, DECODE_IPV4_OPT_MALFORMED);
    } else {
        p->ip.ip_options |= bit;
    }
}

bool decode_ipv4_options(struct decoder *d, struct packet *p, struct cursor c)
{
    if (cursor_left(&c) % 8 != 0) {
        decode_event_add(d, p, DECODE_IPV4_OPT_PAD_REQUIRED);
    }
    while (cursor_left(&c) > 0 && c.at[0] != OPTION_END) {
        const uint8_t *o = c.at;
        size_t left = cursor_left(&c);

        if (o[0] == OPTION_NOP) {
            p->ip.ip_options |= 1u << OPTION_NOP;
            (void) cursor_skip(&c, 1);
            continue;
        }
        if (left == 1) {
            decode_event_add(d, p, DECODE_IPV4_OPT_EOL_REQUIRED);
            return true;
        }
        if (o[1] < 2 || o[1] > left) {
            return decode_invalid(d, p, DECODE_IPV4_OPT_INVALID_LEN);
        }
        read_option(d, p, o, o[1]);
        (void) cursor_skip(&c, o[1]);
    }
    p->ip.ip_options |= cursor_left(&c) > 0 ? 1u << OPTION_END : 0;
    return true;
}
