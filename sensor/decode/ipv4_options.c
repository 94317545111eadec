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
    return size >= 3 && o[2] >= 4 && o[2] % 4 == 0 && o[2] <= size + 1;
}

/* Slots of 4 bytes from place 5 on; of 8 with an address each (flags 1 and 3). */
static bool is_timestamp_sound(const uint8_t *o, size_t size)
{
    unsigned pointer = o[2], flag = o[3] & 0x0f;
    unsigned slot = flag == 1 || flag == 3 ? 8 : 4;

    return pointer >= 5 && (pointer - 5) % slot == 0 && pointer <= size + 1;
}

/* Domain of interpretation (4), then tags of type, length and data. */
static bool is_cipso_sound(const uint8_t *o, size_t size)
{
    struct cursor tags = cursor_of(o + 6, size - 6);

    while (cursor_left(&tags) > 0) {
        (void) cursor_u8(&tags);
        uint8_t tag_size = cursor_u8(&tags);
        if (tag_size < 2 || !cursor_skip(&tags, (size_t) tag_size - 2)) {
            return false;
        }
    }
    return true;
}

/* Checks one option whose length fits.  DECODE_N_EVENTS: nothing wrong with it. */
static enum decode_event check_option(const uint8_t *o, size_t size)
{
    switch (o[0]) {
    case OPTION_RECORD_ROUTE:
    case OPTION_LOOSE_ROUTE:
    case OPTION_STRICT_ROUTE:
        return size < 3 ? DECODE_IPV4_OPT_INVALID_LEN
               : is_route_sound(o, size) ? DECODE_N_EVENTS : DECODE_IPV4_OPT_MALFORMED;
    case OPTION_TIMESTAMP:
        return size < 5 ? DECODE_IPV4_OPT_INVALID_LEN
               : is_timestamp_sound(o, size) ? DECODE_N_EVENTS : DECODE_IPV4_OPT_MALFORMED;
    case OPTION_CIPSO:
        return size < 10 ? DECODE_IPV4_OPT_INVALID_LEN
               : is_cipso_sound(o, size) ? DECODE_N_EVENTS : DECODE_IPV4_OPT_MALFORMED;
    case OPTION_STREAM_ID:
    case OPTION_ROUTER_ALERT:
        return size != 4 ? DECODE_IPV4_OPT_INVALID_LEN : DECODE_N_EVENTS;
    case OPTION_SECURITY:
    case OPTION_EXTENDED_SECURITY:
        return size < 3 ? DECODE_IPV4_OPT_INVALID_LEN : DECODE_N_EVENTS;
    default:
        return DECODE_IPV4_OPT_INVALID;
    }
}

bool decode_ipv4_options(struct decoder *d, struct packet *p, struct cursor c)
{
    if (cursor_left(&c) % 8 != 0) {
        decode_event_add(d, p, DECODE_IPV4_OPT_PAD_REQUIRED);
    }
    while (cursor_left(&c) > 0 && c.at[0] != OPTION_END) {
        const uint8_t *o = c.at;
        size_t size = 1;

        if (o[0] != OPTION_NOP) {
            size = cursor_left(&c) >= 2 ? o[1] : 0;
            if (size < 2 || size > cursor_left(&c)) {
                return decode_invalid(d, p, DECODE_IPV4_OPT_INVALID_LEN);
            }
            enum decode_event event = check_option(o, size);
            uint32_t bit = 1u << (o[0] & 0x1f);

            if (event == DECODE_N_EVENTS && (p->ip.ip_options & bit) != 0) {
                event = DECODE_IPV4_OPT_DUPLICATE;
            }
            if (event != DECODE_N_EVENTS) {
                decode_event_add(d, p, event);
            }
            if (event != DECODE_IPV4_OPT_INVALID_LEN && event != DECODE_IPV4_OPT_INVALID) {
                p->ip.ip_options |= bit;
            }
        } else {
            p->ip.ip_options |= 1u << OPTION_NOP;
        }
        (void) cursor_skip(&c, size);
    }
    p->ip.ip_options |= cursor_left(&c) > 0 ? 1u << OPTION_END : 0;
    return true;
}
