/* Connection-oriented DCE RPC over TCP (C706, chapter 12).
 *
 * A PDU is looked at whole.  A call is a transaction, found again by its call id; so is a
 * bind or the change of one, whose interfaces the session remembers for the calls. */
#include "sensor/app/dcerpc/dcerpc.h"

#include <stdlib.h>

#include "sensor/app/dcerpc/dcerpc_private.h"

/* ---- Recognition ---- */

static bool is_of_client(uint8_t type)
{
    return type == DCERPC_REQUEST || type == DCERPC_BIND || type == DCERPC_ALTER_CONTEXT
           || type == 16;                       /* AUTH3 */
}

static bool is_of_server(uint8_t type)
{
    return type == DCERPC_RESPONSE || type == 3 || type == DCERPC_BINDACK || type == 13
           || type == DCERPC_ALTER_CONTEXT_RESP;
}

static enum app_probe probe_tcp(enum direction dir, struct slice s, uint16_t server_port,
                                uint16_t client_port)
{
    struct cursor c = cursor_of(s.bytes, s.size);
    struct dcerpc_header h;

    if ((s.size > 0 && s.bytes[0] != 5) || (s.size > 1 && s.bytes[1] > 1)) {
        return APP_PROBE_NO;
    }
    if (!dcerpc_read_header(&c, &h)) {
        return APP_PROBE_MORE;
    }
    bool is_good = (s.bytes[4] & 0xee) == 0 && s.bytes[5] <= 3
                   && h.frag_size >= DCERPC_HEADER_SIZE
                   && (dir == TO_SERVER ? is_of_client(h.type) : is_of_server(h.type));
    return is_good ? APP_PROBE_YES : APP_PROBE_NO;
}

/* ---- Sessions ---- */

bool dcerpc_open(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct dcerpc_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct dcerpc_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct dcerpc_state));
        return false;
    }
    app_lookup_init(&((struct dcerpc_state *) s->state)->calls);
    return true;
}

void dcerpc_close(struct app_session *s)
{
    struct dcerpc_state *state = s->state;

    if (state != NULL) {
        app_bytes_free(s, &state->ifaces);
        free(state);
        s->state = NULL;
        app_memory_give(s, sizeof *state);
    }
}

/* ---- Transactions ---- */

struct dcerpc_tx *dcerpc_tx_new(struct app_session *s, uint64_t now_ns)
{
    struct app_tx *oldest =
        app_tx_surplus(s, app_engine_conf(s->engine)->dcerpc_max_transactions);

    /* It is given up, so that it is told and makes room. */
    if (oldest != NULL) {
        dcerpc_tx_done(dcerpc_tx_of(oldest), TO_SERVER);
        dcerpc_tx_done(dcerpc_tx_of(oldest), TO_CLIENT);
    }
    return app_tx_new(s, sizeof(struct dcerpc_tx), now_ns);
}

void dcerpc_tx_done(struct dcerpc_tx *tx, enum direction dir)
{
    tx->tx.is_done[dir] = true;
    app_tx_changed(&tx->tx, dir);
}

void dcerpc_add_stub(struct dcerpc_tx *tx, enum direction dir, struct slice stub)
{
    struct app_session *s = tx->tx.session;
    struct app_bytes *b = &tx->stub[dir];
    uint64_t limit = app_engine_conf(s->engine)->dcerpc_max_stub_size;
    size_t room = b->size < limit ? (size_t) (limit - b->size) : 0;

    (void) app_bytes_put(s, b, stub.bytes, stub.size < room ? stub.size : room);
    app_tx_changed(&tx->tx, dir);
}

void dcerpc_tx_free(struct app_tx *base)
{
    struct dcerpc_tx *tx = dcerpc_tx_of(base);

    app_lookup_remove(&tx->by_call);
    app_bytes_free(base->session, &tx->stub[TO_SERVER]);
    app_bytes_free(base->session, &tx->stub[TO_CLIENT]);
}

/* The type of PDU that another answers; itself, if it asks. */
static uint8_t asked_by(uint8_t type)
{
    return type == DCERPC_RESPONSE             ? DCERPC_REQUEST
           : type == DCERPC_BINDACK            ? DCERPC_BIND
           : type == DCERPC_ALTER_CONTEXT_RESP ? DCERPC_ALTER_CONTEXT
                                               : type;
}

static uint64_t hash_call(const struct app_session *s, uint32_t call_id, uint8_t request)
{
    const uint64_t key[] = { call_id, request };

    return app_lookup_hash(s, key, 2);
}

/* A call with this id that the PDU belongs to; the latest first, for ids may be used again. */
static struct dcerpc_tx *find_tx(struct app_session *s, const struct dcerpc_header *h)
{
    const struct dcerpc_state *state = s->state;
    uint8_t request = asked_by(h->type);
    struct app_lookup_node *n =
        app_lookup_last(&state->calls, hash_call(s, h->call_id, request));

    for (; n != NULL; n = app_lookup_before(&state->calls, n)) {
        struct dcerpc_tx *tx = LIST_ENTRY(n, struct dcerpc_tx, by_call);

        if (tx->call_id == h->call_id && tx->request == request) {
            return tx;
        }
    }
    return NULL;
}

/* Says what asks, by which the answer finds it. */
static void set_request(struct app_session *s, struct dcerpc_tx *tx, uint8_t type)
{
    struct dcerpc_state *state = s->state;

    tx->request = type;
    app_lookup_put(&state->calls, &tx->by_call, hash_call(s, tx->call_id, type));
}

static struct dcerpc_tx *new_tx(struct app_session *s, const struct app_input *in,
                                const struct dcerpc_header *h)
{
    struct dcerpc_tx *tx = dcerpc_tx_new(s, in->now_ns);

    if (tx != NULL) {
        tx->call_id = h->call_id;
        tx->minor = h->minor;
        tx->is_little = h->is_little;
        tx->response = DCERPC_RESPONSE;
        set_request(s, tx, DCERPC_REQUEST);
    }
    return tx;
}

/* ---- PDUs: false when malformed ---- */

/* A context that is asked for again is what it was asked for last. */
static void put_iface(struct app_session *s, const struct dcerpc_iface *iface)
{
    struct dcerpc_state *state = s->state;
    struct dcerpc_iface *ifaces = (struct dcerpc_iface *) (void *) state->ifaces.bytes;

    for (size_t i = 0; i < state->ifaces.size / sizeof *ifaces; i++) {
        if (ifaces[i].context == iface->context) {
            ifaces[i] = *iface;
            return;
        }
    }
    (void) app_bytes_put(s, &state->ifaces, iface, sizeof *iface);
}

static bool take_bind(struct app_session *s, const struct app_input *in,
                      const struct dcerpc_header *h, struct slice body)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    struct dcerpc_state *state = s->state;
    struct dcerpc_iface iface;
    unsigned n;

    if (!dcerpc_read_bind(h, &c, &n)) {
        return false;
    }
    if (state->ifaces.size / sizeof iface + n > DCERPC_MAX_IFACES) {
        state->ifaces.size = 0;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!dcerpc_next_context(h, &c, &iface)) {
            return false;
        }
        iface.number = (uint16_t) i;
        put_iface(s, &iface);
    }
    struct dcerpc_tx *tx = new_tx(s, in, h);
    if (tx != NULL) {
        tx->has_request = true;
        set_request(s, tx, h->type);
        tx->n_frags[TO_SERVER] = 1;
        dcerpc_tx_done(tx, TO_SERVER);
    }
    return true;
}

/* The answer to the call of this id, whether or not it was seen. */
static void answer_tx(struct app_session *s, const struct app_input *in,
                      const struct dcerpc_header *h, struct slice stub)
{
    struct dcerpc_tx *tx = find_tx(s, h);

    if (tx == NULL) {
        tx = new_tx(s, in, h);
    }
    if (tx != NULL) {
        tx->has_response = true;
        tx->response = h->type;
        tx->n_frags[TO_CLIENT] = 1;
        dcerpc_add_stub(tx, TO_CLIENT, stub);
        dcerpc_tx_done(tx, TO_CLIENT);
    }
}

static bool take_bindack(struct app_session *s, const struct app_input *in,
                         const struct dcerpc_header *h, struct slice body)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    struct dcerpc_state *state = s->state;
    struct dcerpc_iface *ifaces = (struct dcerpc_iface *) (void *) state->ifaces.bytes;
    size_t n_ifaces = state->ifaces.size / sizeof *ifaces;
    uint16_t result, reason;
    unsigned n;

    if (!dcerpc_read_bindack(h, &c, &n)) {
        return false;
    }
    for (unsigned i = 0; i < n && dcerpc_next_result(h, &c, &result, &reason); i++) {
        for (size_t k = 0; k < n_ifaces; k++) {
            if (ifaces[k].call_id == h->call_id && ifaces[k].number == i) {
                ifaces[k].is_acked = true;
                ifaces[k].result = result;
                ifaces[k].reason = reason;
            }
        }
    }
    answer_tx(s, in, h, slice_of(NULL, 0));
    return true;
}

static bool take_request(struct app_session *s, const struct app_input *in,
                         const struct dcerpc_header *h, struct slice body)
{
    struct dcerpc_request r;
    struct dcerpc_tx *tx = find_tx(s, h);

    if (!dcerpc_read_request(h, body, &r)) {
        return false;
    }
    /* A first fragment behind an answer is another call. */
    if (tx == NULL || (tx->has_response && (h->flags & DCERPC_FIRST_FRAG) != 0)) {
        tx = new_tx(s, in, h);
    }
    if (tx != NULL) {
        tx->has_request = tx->has_call = true;
        tx->opnum = r.opnum;
        tx->context = r.context;
        tx->n_frags[TO_SERVER] = 1;     /* As EVE has always told it. */
        dcerpc_add_stub(tx, TO_SERVER, r.stub);
        dcerpc_tx_done(tx, TO_SERVER);
    }
    return true;
}

static bool take_pdu(struct app_session *s, const struct app_input *in,
                     const struct dcerpc_header *h, struct slice body)
{
    switch (h->type) {
    case DCERPC_BIND:
    case DCERPC_ALTER_CONTEXT:
        return take_bind(s, in, h, body);
    case DCERPC_BINDACK:
    case DCERPC_ALTER_CONTEXT_RESP:
        return take_bindack(s, in, h, body);
    case DCERPC_REQUEST:
        return take_request(s, in, h, body);
    case DCERPC_RESPONSE:
        /* Rules and EVE know it with its eight bytes in front, over TCP alone. */
        answer_tx(s, in, h, body);
        return true;
    default:
        return true;            /* Faults, authentication: nothing that is told. */
    }
}

/* ---- The stream ---- */

/* Behind a gap: how many bytes stand in front of what looks like a PDU. */
static size_t find_pdu(struct app_session *s, enum direction dir, struct slice bytes)
{
    struct dcerpc_state *state = s->state;

    for (size_t at = 0; at + 1 < bytes.size; at++) {
        if (bytes.bytes[at] == 5 && bytes.bytes[at + 1] == 0) {
            state->must_resync[dir] = false;
            return at;
        }
    }
    return bytes.size != 0 ? bytes.size - 1 : 0;
}

/* What was asked before a gap may have been answered in it. */
static void close_behind_gap(struct app_session *s, enum direction dir)
{
    for (struct app_tx *tx = app_tx_first_own(s); tx != NULL; tx = app_tx_next(s, tx)) {
        if (!tx->is_done[TO_SERVER]) {
            dcerpc_tx_done(dcerpc_tx_of(tx), TO_SERVER);
        }
        if (dir == TO_CLIENT && !tx->is_done[TO_CLIENT]) {
            dcerpc_tx_done(dcerpc_tx_of(tx), TO_CLIENT);
        }
    }
}

static enum app_result parse_tcp(struct app_session *s, const struct app_input *in,
                                 size_t *consumed)
{
    struct dcerpc_state *state = s->state;
    struct slice left = in->bytes;
    bool is_good = true, has_pdu = false;

    if (in->gap != 0) {
        state->must_resync[in->dir] = state->has_gap[in->dir] = true;
    }
    while (is_good && left.size != 0) {
        struct dcerpc_header h;

        if (state->must_resync[in->dir]) {
            left = slice_from(left, find_pdu(s, in->dir, left));
        }
        struct cursor c = cursor_of(left.bytes, left.size);
        if (state->must_resync[in->dir] || !dcerpc_read_header(&c, &h)) {
            break;
        }
        is_good = h.major == 5 && h.minor <= 1 && h.frag_size >= DCERPC_HEADER_SIZE;
        if (is_good && left.size < h.frag_size) {
            break;
        }
        if (is_good) {
            struct slice body = slice_of(c.at, h.frag_size - DCERPC_HEADER_SIZE);
            is_good = take_pdu(s, in, &h, body);
            left = slice_from(left, h.frag_size);
            has_pdu = true;
        }
    }
    *consumed = in->bytes.size - left.size;
    if (has_pdu && state->has_gap[in->dir]) {
        close_behind_gap(s, in->dir);
    }
    return !is_good ? APP_BROKEN : left.size != 0 ? APP_NEED_MORE : APP_OK;
}

/* ---- For detect ---- */

struct app_view dcerpc_buffer(const struct app_tx *base, enum direction dir,
                              enum buffer_id id, unsigned index)
{
    const struct app_bytes *stub = &dcerpc_tx_of(base)->stub[dir];

    if (id != BUFFER_DCERPC_STUB_DATA || index != 0) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    if (stub->size == 0) {
        return (struct app_view) {
            .state = base->is_done[dir] ? APP_VIEW_ABSENT : APP_VIEW_NOT_YET
        };
    }
    return (struct app_view) {
        .state = base->is_done[dir] ? APP_VIEW_DONE : APP_VIEW_GROWING,
        .bytes = slice_of(stub->bytes, stub->size),
    };
}

bool dcerpc_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                   unsigned index, uint64_t *value)
{
    const struct dcerpc_tx *tx = dcerpc_tx_of(base);

    *value = tx->opnum;
    return field == FIELD_DCERPC_OPNUM && index == 0 && tx->has_call;
}

bool dcerpc_is_little(const struct app_tx *tx)
{
    return dcerpc_tx_of(tx)->is_little;
}

static bool iface_tcp(const struct app_tx *base, unsigned index, struct app_iface *out)
{
    const struct dcerpc_tx *tx = dcerpc_tx_of(base);
    const struct dcerpc_state *state = base->session->state;

    if (state == NULL || !tx->has_call) {
        return false;
    }
    const struct dcerpc_iface *ifaces = (const void *) state->ifaces.bytes;
    if (index >= state->ifaces.size / sizeof *ifaces) {
        return false;
    }
    const struct dcerpc_iface *iface = &ifaces[index];
    *out = (struct app_iface) {
        .uuid = iface->uuid, .version = iface->version,
        .is_accepted = iface->is_acked && iface->result == 0
                       && iface->context == tx->context,
        .is_first_frag = iface->is_first_frag,
    };
    return true;
}

const struct app_parser dcerpc_tcp_parser = {
    .proto = APP_DCERPC, .event_type = "dcerpc", .over_tcp = true,
    .client_speaks_first = true, .probe = probe_tcp, .open = dcerpc_open,
    .close = dcerpc_close, .parse = parse_tcp, .buffer = dcerpc_buffer,
    .number = dcerpc_number, .iface = iface_tcp, .is_little_endian = dcerpc_is_little,
    .fill = dcerpc_fill, .tx_free = dcerpc_tx_free,
};
