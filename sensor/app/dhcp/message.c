/* RFC 2131, section 2: fixed fields, then options of code, size and value (RFC 2132) up to
 * an end that must be there. */
#include "sensor/app/dhcp/message.h"

#include <stdio.h>

#include "common/base/cursor.h"
#include "common/base/ip.h"

enum {
    OPTION_PAD = 0, OPTION_SUBNET_MASK = 1, OPTION_ROUTERS = 3, OPTION_DNS_SERVERS = 6,
    OPTION_HOSTNAME = 12, OPTION_REQUESTED_IP = 50, OPTION_LEASE_TIME = 51, OPTION_TYPE = 53,
    OPTION_PARAMETERS = 55, OPTION_RENEWAL_TIME = 58, OPTION_REBINDING_TIME = 59,
    OPTION_VENDOR_CLASS = 60, OPTION_CLIENT_ID = 61, OPTION_END = 255,
};
#define CLIENT_ADDRESS_SIZE 16u

/* "00:1a:e9" of bytes; no bytes are an empty text. */
static struct slice hex_text(struct arena *arena, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (bytes.size == 0) {
        return slice_text("");
    }
    char *text = arena_alloc(arena, bytes.size * 3);
    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < bytes.size; i++) {
        text[3 * i] = digits[bytes.bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes.bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    return slice_of(text, bytes.size * 3 - 1);
}

/* An address of either family; empty for what has another size. */
static struct slice address_text(struct arena *arena, struct slice bytes)
{
    char text[IP_TEXT_SIZE];
    struct ip_addr a;

    if (bytes.size != 4 && bytes.size != 16) {
        return slice_text("");
    }
    a = bytes.size == 4 ? ip_v4(bytes.bytes) : ip_v6(bytes.bytes);
    return arena_copy(arena, text, ip_format(&a, true, text));
}

/* A JSON array of the addresses in 'bytes'; what remains of four is left out. */
static struct slice address_list(struct arena *arena, struct slice bytes)
{
    size_t n = bytes.size / 4, at = 0;
    char *text = arena_alloc(arena, n * (IP_TEXT_SIZE + 3) + 3);

    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    text[at++] = '[';
    for (size_t i = 0; i < n; i++) {
        struct ip_addr a = ip_v4(bytes.bytes + 4 * i);
        text[at++] = '"';
        at += ip_format(&a, true, text + at);
        text[at++] = '"';
        text[at++] = ',';
    }
    at -= n != 0;
    text[at++] = ']';
    return slice_of(text, at);
}

/* A JSON array of what the client asks for, by the names that there are. */
static struct slice parameter_list(struct arena *arena, struct slice codes)
{
    static const struct { uint8_t code; const char *name; } names[] = {
        { 1, "subnet_mask" }, { 3, "router" }, { 6, "dns_server" }, { 15, "domain" },
        { 35, "arp_timeout" }, { 42, "ntp_server" }, { 66, "tftp_server_name" },
        { 150, "tftp_server_ip" },
    };
    size_t cap = codes.size * 20 + 3, at = 0;
    char *text = arena_alloc(arena, cap);

    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    text[at++] = '[';
    for (size_t i = 0; i < codes.size; i++) {
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (names[k].code == codes.bytes[i]) {
                at += (size_t) snprintf(text + at, cap - at, "%s\"%s\"", at > 1 ? "," : "",
                                        names[k].name);
            }
        }
    }
    text[at++] = ']';
    return slice_of(text, at);
}

static struct slice type_text(struct slice value)
{
    static const char *const names[] = { "unknown", "discover", "offer", "request", "decline",
                                         "ack", "nak", "release", "inform" };
    uint8_t type = value.bytes[0];

    return slice_text(type < sizeof names / sizeof *names ? names[type] : names[0]);
}

/* Four bytes and nothing else. */
static void take_time(struct dhcp_message *m, uint8_t code, struct slice value)
{
    struct cursor c = cursor_of(value.bytes, value.size);
    uint32_t seconds = cursor_be32(&c);
    struct event_dhcp *e = &m->eve;

    if (c.bad || value.size != 4) {
        m->events |= 1u << DHCP_EVENT_MALFORMED_OPTIONS;
        return;
    }
    bool is_lease = code == OPTION_LEASE_TIME, is_renewal = code == OPTION_RENEWAL_TIME;
    bool *has = is_lease     ? &m->has_lease_time
                : is_renewal ? &m->has_renewal_time
                             : &m->has_rebinding_time;
    uint32_t *first = is_lease     ? &m->lease_time
                      : is_renewal ? &m->renewal_time
                                   : &m->rebinding_time;
    if (!*has) {
        *has = true;
        *first = seconds;
    }
    if (is_lease) {
        e->has_lease_time = true;
        e->lease_time = seconds;
    } else if (is_renewal) {
        e->has_renewal_time = true;
        e->renewal_time = seconds;
    } else {
        e->has_rebinding_time = true;
        e->rebinding_time = seconds;
    }
}

static void take_option(struct dhcp_message *m, struct arena *arena, uint8_t code,
                        struct slice value)
{
    struct event_dhcp *e = &m->eve;

    switch (code) {
    case OPTION_SUBNET_MASK:
        e->subnet_mask = address_text(arena, value);
        break;
    case OPTION_ROUTERS:
        e->routers = address_list(arena, value);
        break;
    case OPTION_DNS_SERVERS:
        e->dns_servers = address_list(arena, value);
        break;
    case OPTION_HOSTNAME:
        e->hostname = value.size != 0 ? arena_copy(arena, value.bytes, value.size)
                                      : e->hostname;
        break;
    case OPTION_REQUESTED_IP:
        e->requested_ip = address_text(arena, value);
        break;
    case OPTION_LEASE_TIME: case OPTION_RENEWAL_TIME: case OPTION_REBINDING_TIME:
        take_time(m, code, value);
        break;
    case OPTION_TYPE:
        e->dhcp_type = value.size != 0 ? type_text(value) : e->dhcp_type;
        break;
    case OPTION_PARAMETERS:
        e->params = parameter_list(arena, value);
        break;
    case OPTION_VENDOR_CLASS:
        e->vendor_class_identifier = value.size != 0
                                         ? arena_copy(arena, value.bytes, value.size)
                                         : e->vendor_class_identifier;
        break;
    case OPTION_CLIENT_ID:      /* Behind the kind of hardware. */
        e->client_id = hex_text(arena, slice_from(value, 1));
        break;
    default:
        break;
    }
}

/* Each option takes a byte at least, so a datagram bounds the loop. */
static void read_options(struct cursor *c, struct arena *arena, struct dhcp_message *m)
{
    for (;;) {
        uint8_t code = cursor_u8(c);
        if (!c->bad && code == OPTION_END) {
            return;
        }
        if (!c->bad && code == OPTION_PAD) {
            continue;
        }
        struct slice value = cursor_slice(c, cursor_u8(c));
        if (c->bad) {
            m->events |= 1u << DHCP_EVENT_TRUNCATED_OPTIONS;
            return;
        }
        if (code == OPTION_CLIENT_ID && value.size < 2) {
            m->events |= 1u << DHCP_EVENT_MALFORMED_OPTIONS;
            return;
        }
        take_option(m, arena, code, value);
    }
}

bool dhcp_message_decode(struct slice bytes, struct arena *arena, struct dhcp_message *m)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    struct event_dhcp *e = &m->eve;

    memset(m, 0, sizeof *m);
    if (bytes.size < DHCP_HEADER_SIZE) {
        return false;
    }
    uint8_t op = cursor_u8(&c);
    (void) cursor_u8(&c);               /* Kind of hardware. */
    size_t address_size = cursor_u8(&c);
    (void) cursor_u8(&c);               /* Hops. */
    e->type = slice_text(op == 1 ? "request" : op == 2 ? "reply" : "<unknown>");
    e->id = cursor_be32(&c);
    (void) cursor_be32(&c);             /* Seconds and flags. */
    e->client_ip = ip_v4(cursor_take(&c, 4));
    e->assigned_ip = ip_v4(cursor_take(&c, 4));
    struct ip_addr server = ip_v4(cursor_take(&c, 4)), relay = ip_v4(cursor_take(&c, 4));
    if (op == 2) {
        e->next_server_ip = server;
        e->relay_ip = relay;
    }
    struct slice address = cursor_slice(&c, CLIENT_ADDRESS_SIZE);
    address.size = address_size < address.size ? address_size : address.size;
    e->client_mac = hex_text(arena, address);
    (void) cursor_skip(&c, 64 + 128 + 4);       /* Names of server and file, the cookie. */
    read_options(&c, arena, m);
    return true;
}
