/* Connectionless DCE RPC over UDP (C706, section 12.5): 80 bytes of header, then a fragment
 * of a call or of its answer.
 *
 *   version 1 | type 1 | flags 2 | representation 3 | serial 1 | object 16 | interface 16 |
 *   activity 16 | boot time 4 | interface version 4 | sequence 4 | operation 2 | hints 4 |
 *   size 2 | fragment 2 | authentication 1 | serial 1 */
#include "sensor/app/dcerpc/dcerpc_private.h"

#define HEADER_SIZE 80u
#define VERSION 4
#define LITTLE_ENDIAN_BIT 0x10
enum { FLAG_LAST_FRAG = 2, FLAG_FRAG = 4 };

struct header {
    uint8_t type, flags;
    bool is_little;
    const uint8_t *iface, *activity;
    uint32_t version, sequence;
    uint16_t opnum, size;
};

/* False when it is none, or there are fewer bytes. */
static bool read_header(struct cursor *c, struct header *h)
{
    uint8_t version = cursor_u8(c);

    h->type = cursor_u8(c);
    h->flags = cursor_u8(c);
    uint8_t flags2 = cursor_u8(c), order = cursor_u8(c), floats = cursor_u8(c);
    h->is_little = (order & LITTLE_ENDIAN_BIT) != 0;
    cursor_skip(c, 2 + DCERPC_UUID_SIZE);
    h->iface = cursor_take(c, DCERPC_UUID_SIZE);
    h->activity = cursor_take(c, DCERPC_UUID_SIZE);
    cursor_skip(c, 4);
    h->version = dcerpc_u32(c, h->is_little);
    h->sequence = dcerpc_u32(c, h->is_little);
    h->opnum = dcerpc_u16(c, h->is_little);
    cursor_skip(c, 4);
    h->size = dcerpc_u16(c, h->is_little);
    cursor_skip(c, 4);
    return !c->bad && version == VERSION && (flags2 & 0xfc) == 0 && (order & 0xee) == 0
           && floats <= 3;
}

static enum app_probe probe_udp(enum direction dir, struct slice s, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(s.bytes, s.size);
    struct header h;

    return dir == TO_SERVER && read_header(&c, &h) && h.type == DCERPC_REQUEST
               ? APP_PROBE_YES : APP_PROBE_NO;
}

static struct dcerpc_tx *find_tx(struct app_session *s, const struct header *h,
                                 enum direction dir, const uint8_t *activity)
{
    LIST_FOR_EACH (node, &s->txs) {
        struct dcerpc_tx *tx = dcerpc_tx_of(LIST_ENTRY(node, struct app_tx, node));

        if (!tx->tx.is_done[dir] && tx->call_id == h->sequence
            && memcmp(tx->activity, activity, DCERPC_UUID_SIZE) == 0) {
            return tx;
        }
    }
    return NULL;
}

static enum app_result parse_udp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    struct cursor c = cursor_of(in->bytes.bytes, in->bytes.size);
    uint8_t activity[DCERPC_UUID_SIZE];
    struct header h;

    *consumed = in->bytes.size;
    if (!read_header(&c, &h) || cursor_left(&c) < h.size
        || (h.type != DCERPC_REQUEST && h.type != DCERPC_RESPONSE)) {
        return APP_BROKEN;
    }
    enum direction dir = h.type == DCERPC_REQUEST ? TO_SERVER : TO_CLIENT;
    dcerpc_order_uuid(h.is_little, h.activity, activity);
    struct dcerpc_tx *tx = find_tx(s, &h, dir, activity);
    if (tx == NULL) {
        tx = dcerpc_tx_new(s, in->now_ns);
        if (tx == NULL) {
            return APP_OK;
        }
        tx->is_udp = true;
        tx->is_little = h.is_little;
        tx->call_id = h.sequence;
        memcpy(tx->activity, activity, sizeof activity);
    }
    if (dir == TO_SERVER) {
        tx->request = h.type;
        tx->has_call = true;
        tx->opnum = h.opnum;
        dcerpc_order_uuid(h.is_little, h.iface, tx->iface.uuid);
        tx->iface.version = (uint16_t) h.version;
    } else {
        tx->response = h.type;
    }
    if (tx->n_frags[dir] != UINT16_MAX) {
        tx->n_frags[dir]++;
    }
    dcerpc_add_stub(tx, dir, cursor_slice(&c, h.size));
    if ((h.flags & FLAG_FRAG) == 0 || (h.flags & FLAG_LAST_FRAG) != 0) {
        tx->has_request |= dir == TO_SERVER;
        tx->has_response |= dir == TO_CLIENT;
        dcerpc_tx_done(tx, dir);
    }
    return APP_OK;
}

/* A call that nothing answers is not told: nothing says that it was heard. */
static bool is_loggable_udp(const struct app_tx *base, enum direction dir)
{
    const struct dcerpc_tx *tx = dcerpc_tx_of(base);

    return tx->has_request && tx->has_response;
}

static bool iface_udp(const struct app_tx *base, unsigned index, struct app_iface *out)
{
    const struct dcerpc_tx *tx = dcerpc_tx_of(base);

    *out = (struct app_iface) { .uuid = tx->iface.uuid, .version = tx->iface.version,
                                .is_accepted = true, .is_first_frag = true };
    return index == 0 && tx->has_call;
}

const struct app_parser dcerpc_udp_parser = {
    .proto = APP_DCERPC, .event_type = "dcerpc", .over_udp = true,
    .client_speaks_first = true, .probe = probe_udp, .open = dcerpc_open,
    .close = dcerpc_close, .parse = parse_udp, .buffer = dcerpc_buffer,
    .number = dcerpc_number, .iface = iface_udp, .is_little_endian = dcerpc_is_little,
    .fill = dcerpc_fill, .is_loggable = is_loggable_udp, .tx_free = dcerpc_tx_free,
};
