#include "sensor/app/dcerpc/pdu.h"

#include "sensor/app/text.h"

/* The data representation says the byte order in one bit of its first byte. */
#define LITTLE_ENDIAN_BIT 0x10
/* A transfer syntax: UUID and version. */
#define SYNTAX_SIZE 20u

bool dcerpc_read_header(struct cursor *c, struct dcerpc_header *h)
{
    *h = (struct dcerpc_header) { 0 };
    h->major = cursor_u8(c);
    h->minor = cursor_u8(c);
    h->type = cursor_u8(c);
    h->flags = cursor_u8(c);
    h->is_little = (cursor_u8(c) & LITTLE_ENDIAN_BIT) != 0;
    cursor_skip(c, 3);                          /* Characters, floats, reserved. */
    h->frag_size = dcerpc_u16(c, h->is_little);
    cursor_skip(c, 2);                          /* Size of the authentication. */
    h->call_id = dcerpc_u32(c, h->is_little);
    return !c->bad;
}

/* What the PDU's size leaves behind what was read. */
static bool read_stub(const struct dcerpc_header *h, struct cursor *c, struct slice *stub)
{
    if (h->frag_size < DCERPC_CALL_SIZE) {
        return false;
    }
    *stub = cursor_slice(c, h->frag_size - DCERPC_CALL_SIZE);
    return !c->bad;
}

bool dcerpc_read_request(const struct dcerpc_header *h, struct slice body,
                         struct dcerpc_request *r)
{
    struct cursor c = cursor_of(body.bytes, body.size);

    cursor_skip(&c, 4);                         /* A hint about how much is to come. */
    r->context = dcerpc_u16(&c, h->is_little);
    r->opnum = dcerpc_u16(&c, h->is_little);
    return read_stub(h, &c, &r->stub);
}

bool dcerpc_read_response(const struct dcerpc_header *h, struct slice body,
                          struct slice *stub)
{
    struct cursor c = cursor_of(body.bytes, body.size);

    cursor_skip(&c, 8);                         /* Hint, context, cancel count. */
    return read_stub(h, &c, stub);
}

bool dcerpc_read_bind(const struct dcerpc_header *h, struct cursor *c, unsigned *n)
{
    cursor_skip(c, 8);                          /* Fragment sizes, association group. */
    *n = cursor_u8(c);
    cursor_skip(c, 3);
    return !c->bad;
}

bool dcerpc_next_context(const struct dcerpc_header *h, struct cursor *c,
                         struct dcerpc_iface *iface)
{
    *iface = (struct dcerpc_iface) { .call_id = h->call_id };
    iface->context = dcerpc_u16(c, h->is_little);
    size_t n_syntaxes = cursor_u8(c);
    cursor_skip(c, 1);
    const uint8_t *uuid = cursor_take(c, DCERPC_UUID_SIZE);
    uint32_t version = dcerpc_u32(c, h->is_little);
    cursor_skip(c, n_syntaxes * SYNTAX_SIZE);
    if (c->bad) {
        return false;
    }
    dcerpc_order_uuid(h->is_little, uuid, iface->uuid);
    iface->version = (uint16_t) version;
    iface->minor = (uint16_t) (version >> 16);
    iface->is_first_frag = (h->flags & DCERPC_FIRST_FRAG) != 0;
    return true;
}

bool dcerpc_read_bindack(const struct dcerpc_header *h, struct cursor *c, unsigned *n)
{
    cursor_skip(c, 8);
    size_t size = dcerpc_u16(c, h->is_little);    /* Of the secondary address. */
    cursor_skip(c, size);
    cursor_skip(c, (4 - (size + 2) % 4) % 4);
    *n = cursor_u8(c);
    cursor_skip(c, 3);
    return !c->bad;
}

bool dcerpc_next_result(const struct dcerpc_header *h, struct cursor *c, uint16_t *result,
                        uint16_t *reason)
{
    *result = dcerpc_u16(c, h->is_little);
    *reason = dcerpc_u16(c, h->is_little);
    cursor_skip(c, SYNTAX_SIZE);
    return !c->bad;
}

void dcerpc_order_uuid(bool is_little, const uint8_t wire[DCERPC_UUID_SIZE],
                       uint8_t uuid[DCERPC_UUID_SIZE])
{
    static const uint8_t places[DCERPC_UUID_SIZE] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11,
                                                      12, 13, 14, 15 };

    for (size_t i = 0; i < DCERPC_UUID_SIZE; i++) {
        uuid[i] = wire[is_little ? places[i] : i];
    }
}

struct slice dcerpc_type_name(uint8_t type, struct arena *arena)
{
    static const char *const names[] = {
        "REQUEST", "PING", "RESPONSE", "FAULT", "WORKING", "NOCALL", "REJECT", "ACK",
        "CL_CANCEL", "FACK", "CANCEL_ACK", "BIND", "BINDACK", "BINDNAK", "ALTER_CONTEXT",
        "ALTER_CONTEXT_RESP", "AUTH3", "SHUTDOWN", "CO_CANCEL", "ORPHANED", "RTS",
    };

    if (type == DCERPC_UNKNOWN) {
        return slice_text("UNKNOWN");
    }
    return slice_text(type < sizeof names / sizeof *names ? names[type]
                                                          : arena_printf(arena, "%u", type));
}

void dcerpc_fill_iface(const struct dcerpc_iface *iface, struct event_dcerpc_interface *out,
                       struct arena *arena)
{
    char version[2 * APP_NUMBER_MAX + 1];
    size_t size = app_put_number(version, iface->version, 10);

    version[size++] = '.';
    size += app_put_number(version + size, iface->minor, 10);
    *out = (struct event_dcerpc_interface) {
        .uuid = app_uuid_text(iface->uuid, arena),
        .version = arena_copy(arena, version, size),
    };
}
