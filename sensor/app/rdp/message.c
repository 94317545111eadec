/* What RDP says in X.224 (ITU-T X.224, section 13) and MCS (ITU-T T.125) before it is
 * encrypted: requests and confirmations of the connection, the client's data. */
#include "sensor/app/der.h"
#include "sensor/app/rdp/rdp_private.h"

enum { X224_CONFIRM = 0xd, X224_REQUEST = 0xe };
enum { NEGOTIATION_REQUEST = 1, NEGOTIATION_RESPONSE = 2, NEGOTIATION_FAILURE = 3 };
enum { BLOCK_CORE = 0xc001, BLOCK_NET = 0xc003 };
#define CHANNEL_SIZE 12u
#define CHANNEL_NAME_SIZE 8u
#define HANDSHAKE_CERTIFICATE 11
#define KEY_SIZE 4u
/* Of X.224 data with the first two bytes of an MCS message (X.224, section 13.7). */
#define MCS_HEADER 5u

/* Names of the bits that are set, in order; NULL: one that has none. */
static struct slice *flag_list(struct arena *arena, uint8_t flags, const char *const *names,
                               size_t n_names, size_t *n)
{
    struct slice *list = arena_alloc(arena, n_names * sizeof *list);

    for (size_t i = 0; list != NULL && i < n_names; i++) {
        if ((flags >> i & 1) != 0 && names[i] != NULL) {
            list[(*n)++] = slice_text(names[i]);
        }
    }
    return list;
}

static struct slice keep(struct arena *arena, struct slice s)
{
    return s.size != 0 ? arena_copy(arena, s.bytes, s.size) : slice_text("");
}

/* "Cookie: mstshash=name\r\n" in front (MS-RDPBCGR, section 2.2.1.1); a routing token, or
 * nothing, is passed over. */
static struct slice take_cookie(struct cursor *c, struct arena *arena)
{
    static const char begin[] = "Cookie: mstshash=";
    size_t left = cursor_left(c), n = sizeof begin - 1;
    const uint8_t *end;

    if (left < n || memcmp(c->at, begin, n) != 0
        || (end = memmem(c->at + n, left - n, "\r\n", 2)) == NULL) {
        return slice_of(NULL, 0);
    }
    (void) cursor_skip(c, n);
    struct slice name = cursor_slice(c, (size_t) (end - c->at));
    (void) cursor_skip(c, 2);
    return keep(arena, name);
}

/* Type, flags, size (8), value: section 2.2.1.1.1. */
static bool read_negotiation(struct cursor *c, uint8_t *type, uint8_t *flags, uint32_t *value)
{
    *type = cursor_u8(c);
    *flags = cursor_u8(c);
    uint16_t size = cursor_le16(c);
    *value = cursor_le32(c);
    return !c->bad && size == 8;
}

static void read_request(struct cursor *c, struct arena *arena, struct rdp_message *m)
{
    static const char *const names[] = { "restricted_admin_mode_required",
                                         "redirected_authentication_mode_required", NULL,
                                         "correlation_info_present" };
    uint8_t type, flags;
    uint32_t protocols;

    m->eve.event_type = slice_text("initial_request");
    m->eve.cookie = take_cookie(c, arena);
    if (read_negotiation(c, &type, &flags, &protocols) && type == NEGOTIATION_REQUEST
        && (flags & ~0x0b) == 0 && protocols <= 0x0f) {
        m->eve.flags = flag_list(arena, flags, names, sizeof names / sizeof *names,
                                 &m->eve.n_flags);
    }
}

static void read_confirm(struct cursor *c, struct arena *arena, struct rdp_message *m)
{
    static const char *const names[] = { "extended_client_data", "dynvc_gfx", NULL,
                                         "restricted_admin", "redirected_authentication" };
    static const char *const protocols[] = { "rdp", "ssl", "hybrid", NULL, "rds_tls", NULL,
                                             NULL, NULL, "hybrid_ex" };
    static const char *const reasons[] = {
        NULL, "ssl required by server", "ssl not allowed by server", "ssl cert not on server",
        "inconsistent flags", "hybrid required by server",
        "ssl with user auth required by server",
    };
    uint8_t type, flags;
    uint32_t value;

    m->eve.event_type = slice_text("initial_response");
    if (!read_negotiation(c, &type, &flags, &value)) {
        return;
    }
    if (type == NEGOTIATION_RESPONSE && flags <= 0x1f
        && value < sizeof protocols / sizeof *protocols && protocols[value] != NULL) {
        m->eve.server_supports = flag_list(arena, flags, names,
                                           sizeof names / sizeof *names,
                                           &m->eve.n_server_supports);
        m->eve.protocol = slice_text(protocols[value]);
    } else if (type == NEGOTIATION_FAILURE && value > 0
               && value < sizeof reasons / sizeof *reasons) {
        m->eve.has_error_code = true;
        m->eve.error_code = value;
        m->eve.reason = slice_text(reasons[value]);
    }
}

/* Size, type and credit, destination (none yet), source, class 0 (X.224, section 13.3): the
 * data behind them, bad where it is something else. */
static struct cursor x224_data(struct cursor *c, uint8_t *type)
{
    uint8_t size = cursor_u8(c), type_credit = cursor_u8(c);
    uint16_t destination = cursor_be16(c);
    (void) cursor_be16(c);
    uint8_t class_options = cursor_u8(c);

    *type = type_credit >> 4;
    c->bad |= size == 0xff || size < 6 || (type_credit & 0x0f) > 1 || destination != 0
              || class_options != 0;
    return cursor_sub(c, c->bad ? 0 : size - 6u);
}

/* Names of the channels that the client wants; none when one of them is no text. */
static void read_channels(struct slice block, struct arena *arena, struct event_rdp *e)
{
    struct cursor c = cursor_of(block.bytes, block.size);
    uint32_t n = cursor_le32(&c);
    struct slice *list = arena_alloc(arena, RDP_MAX_CHANNELS * sizeof *list);

    for (uint32_t i = 0; list != NULL && i < n && i < RDP_MAX_CHANNELS; i++) {
        struct slice channel = cursor_slice(&c, CHANNEL_SIZE);
        size_t size = 0;
        if (c.bad) {
            return;
        }
        while (size < CHANNEL_NAME_SIZE && channel.bytes[size] != 0) {
            if (channel.bytes[size++] >= 0x80) {
                return;
            }
        }
        list[i] = keep(arena, slice_of(channel.bytes, size));
        e->channels = list;
        e->n_channels = i + 1;
    }
}

/* The key of H.221 in front of the client's blocks, or NULL. */
static const uint8_t *find_key(const struct cursor *c)
{
    return cursor_left(c) != 0 ? memmem(c->at, cursor_left(c), "Duca", KEY_SIZE) : NULL;
}

/* The client's blocks (MS-RDPBCGR, section 2.2.1.3) behind their key. */
static void read_connect(struct cursor *c, struct arena *arena, struct rdp_message *m)
{
    const uint8_t *key = find_key(c);

    (void) cursor_skip(c, key != NULL ? (size_t) (key - c->at) + KEY_SIZE : 0);
    size_t size = cursor_u8(c);
    if ((size & 0x80) != 0) {           /* Two bytes: X.691, section 10.9. */
        size = (size & 0x3f) << 8 | cursor_u8(c);
    }
    struct cursor blocks = cursor_sub(c, size < cursor_left(c) ? size : cursor_left(c));
    m->eve.event_type = slice_text("connect_request");
    while (!blocks.bad && cursor_left(&blocks) > 0) {
        uint16_t type = cursor_le16(&blocks), whole = cursor_le16(&blocks);
        if (blocks.bad || whole < 4) {
            return;
        }
        struct slice block = cursor_slice(&blocks, whole - 4u);
        if (blocks.bad) {
            return;
        }
        if (type == BLOCK_CORE && rdp_client_read(block, arena, &m->client)) {
            m->eve.client = &m->client;
        } else if (type == BLOCK_NET) {
            read_channels(block, arena, &m->eve);
        }
    }
}

enum rdp_kind rdp_message_kind(struct slice body, enum direction dir)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    uint8_t type;

    if (body.size >= MCS_HEADER && memcmp(body.bytes, "\x02\xf0\x80\x7f", 4) == 0) {
        (void) cursor_skip(&c, MCS_HEADER);
        return body.bytes[4] == 0x65 && dir == TO_SERVER && find_key(&c) != NULL
                   ? RDP_CONNECT_REQUEST
               : body.bytes[4] == 0x66 && dir == TO_CLIENT ? RDP_CONNECT_RESPONSE
                                                            : RDP_NONE;
    }
    struct cursor data = x224_data(&c, &type);
    return data.bad                                     ? RDP_NONE
           : type == X224_REQUEST && dir == TO_SERVER ? RDP_INITIAL_REQUEST
           : type == X224_CONFIRM && dir == TO_CLIENT ? RDP_INITIAL_RESPONSE
                                                        : RDP_NONE;
}

void rdp_message_read(enum rdp_kind kind, struct slice body, struct arena *arena,
                      struct rdp_message *m)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    uint8_t type;

    if (kind == RDP_CONNECT_REQUEST) {
        (void) cursor_skip(&c, MCS_HEADER);
        read_connect(&c, arena, m);
    } else if (kind == RDP_CONNECT_RESPONSE) {
        m->eve.event_type = slice_text("connect_response");
    } else {
        struct cursor data = x224_data(&c, &type);
        if (kind == RDP_INITIAL_REQUEST) {
            read_request(&data, arena, m);
        } else {
            read_confirm(&data, arena, m);
        }
    }
}

/* The serial number of a certificate (RFC 5280, section 4.1) in hex without leading zeros;
 * bytes NULL: it has none. */
static struct slice serial_of(struct slice certificate, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    struct cursor c = cursor_of(certificate.bytes, certificate.size);
    struct cursor outer = der_expect(&c, DER_SEQUENCE);
    struct cursor inner = der_expect(&outer, DER_SEQUENCE);

    if (der_peek(&inner) == DER_CONTEXT(0)) {
        (void) der_expect(&inner, DER_CONTEXT(0));
    }
    struct slice serial = der_slice(&inner, DER_INTEGER);
    if (inner.bad || serial.size == 0) {
        return slice_of(NULL, 0);
    }
    char *text = arena_alloc(arena, serial.size * 2);
    size_t at = 0;
    for (size_t i = 0; text != NULL && i < serial.size * 2; i++) {
        uint8_t nibble = i % 2 == 0 ? serial.bytes[i / 2] >> 4 : serial.bytes[i / 2] & 15;
        if (nibble != 0 || at != 0 || i + 1 == serial.size * 2) {
            text[at++] = digits[nibble];
        }
    }
    return slice_of(text, at);
}

/* The Certificate message of a record's content; bad where none stands in it whole. */
static struct cursor find_certificates(struct slice record)
{
    struct cursor c = cursor_of(record.bytes, record.size);

    while (!c.bad && cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c);
        struct cursor body = cursor_sub(&c, cursor_be24(&c));
        if (type == HANDSHAKE_CERTIFICATE && !body.bad) {
            return body;
        }
    }
    c.bad = true;
    return c;
}

bool rdp_has_certificates(struct slice record)
{
    return !find_certificates(record).bad;
}

void rdp_certificates_read(struct slice record, struct arena *arena, struct rdp_message *m)
{
    struct cursor body = find_certificates(record);
    struct cursor chain = cursor_sub(&body, cursor_be24(&body));
    struct slice *list = arena_alloc(arena, RDP_MAX_CERTIFICATES * sizeof *list);

    m->eve.event_type = slice_text("tls_handshake");
    m->eve.x509_serials = list;
    while (list != NULL && !chain.bad && cursor_left(&chain) > 0
           && m->eve.n_x509_serials < RDP_MAX_CERTIFICATES) {
        struct slice serial = serial_of(cursor_slice(&chain, cursor_be24(&chain)), arena);
        if (serial.bytes != NULL) {
            list[m->eve.n_x509_serials++] = serial;
        }
    }
}
