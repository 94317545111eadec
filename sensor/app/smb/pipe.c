/* DCE RPC in named pipes: written, read, or both in one exchange (MS-RPCE, section 2.1.1.2).
 *
 * A call is a transaction of its own, found again by session and call id. */
#include "sensor/app/smb/smb_private.h"

/* Is a message's own id what its answer is found by?  A read that follows a write is
 * another message. */
static bool counts_message(const struct smb_record *r)
{
    return r->version == 2 && r->command == SMB2_IOCTL;
}

static struct smb_tx *find_call(struct smb_state *state, const struct smb_record *r,
                                uint32_t call_id)
{
    return smb_tx_find_call(state, r, call_id, counts_message(r));
}

static struct smb_tx *new_call(struct smb_state *state, const struct smb_record *r,
                               const struct dcerpc_header *h)
{
    struct smb_tx *tx = smb_tx_new(state, SMB_TX_PIPE, r->version, r->command);

    if (tx != NULL) {
        tx->pipe.call_id = h->call_id;
        smb_tx_set_key(tx, r, SMB_KEY_HEADER);
        tx->pipe.is_little = h->is_little;
    }
    return tx;
}

static void add_stub(struct smb_state *state, struct smb_tx *tx, enum direction dir,
                     struct slice stub)
{
    struct app_bytes *b = &tx->pipe.stub[dir];
    uint64_t limit = state->conf->dcerpc_max_stub_size;
    size_t room = b->size < limit ? (size_t) (limit - b->size) : 0;

    (void) app_bytes_put(state->session, b, stub.bytes, stub.size < room ? stub.size : room);
    if (tx->pipe.n_frags[dir] != UINT16_MAX) {
        tx->pipe.n_frags[dir]++;
    }
    app_tx_changed(&tx->tx, dir);
}

/* The interfaces of a bind replace those before. */
static bool take_bind(struct smb_state *state, const struct dcerpc_header *h,
                      struct slice body)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    struct dcerpc_iface iface;
    unsigned n;

    if (!dcerpc_read_bind(h, &c, &n)) {
        return false;
    }
    app_bytes_free(state->session, &state->ifaces);
    for (unsigned i = 0; i < n; i++) {
        if (!dcerpc_next_context(h, &c, &iface)) {
            app_bytes_free(state->session, &state->ifaces);
            return false;
        }
        if (!app_bytes_put(state->session, &state->ifaces, &iface, sizeof iface)) {
            break;
        }
    }
    return true;
}

static void take_request(struct smb_state *state, struct smb_tx *tx,
                         const struct dcerpc_header *h, struct slice body)
{
    struct dcerpc_request r;

    if (!dcerpc_read_request(h, body, &r)) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        smb_tx_set_done(tx, TO_SERVER);
        return;
    }
    if ((h->flags & DCERPC_FIRST_FRAG) != 0) {
        tx->pipe.opnum = r.opnum;
        tx->pipe.context = r.context;
    }
    add_stub(state, tx, TO_SERVER, r.stub);
    if ((h->flags & DCERPC_LAST_FRAG) != 0) {
        smb_tx_set_done(tx, TO_SERVER);
    }
}

void smb_pipe_write(struct smb_state *state, const struct smb_record *r, struct slice pdu)
{
    struct cursor c = cursor_of(pdu.bytes, pdu.size);
    struct dcerpc_header h;
    struct smb_tx *tx;

    if (!dcerpc_read_header(&c, &h)) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    struct slice body = cursor_rest(&c);
    if (h.type == DCERPC_REQUEST && (h.flags & DCERPC_FIRST_FRAG) == 0) {
        tx = find_call(state, r, h.call_id);
        if (tx != NULL) {
            take_request(state, tx, &h, body);
        }
        return;
    }
    tx = new_call(state, r, &h);
    if (tx == NULL) {
        return;
    }
    tx->pipe.has_request = true;
    tx->pipe.request = h.type;
    if (h.type == DCERPC_REQUEST) {
        take_request(state, tx, &h, body);
        return;
    }
    if (h.type > DCERPC_LAST_TYPE || (h.type == DCERPC_BIND && !take_bind(state, &h, body))) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    }
    smb_tx_set_done(tx, TO_SERVER);
}

static void take_bindack(struct smb_state *state, const struct smb_record *r,
                         const struct dcerpc_header *h, struct slice body, uint32_t status)
{
    struct cursor c = cursor_of(body.bytes, body.size);
    struct dcerpc_iface *ifaces = (struct dcerpc_iface *) (void *) state->ifaces.bytes;
    size_t n_ifaces = state->ifaces.size / sizeof *ifaces;
    struct smb_tx *tx = find_call(state, r, h->call_id);
    uint16_t result, reason;
    unsigned n;

    if (!dcerpc_read_bindack(h, &c, &n)) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    if (tx == NULL) {
        return;
    }
    for (unsigned i = 0; i < n && i < n_ifaces && dcerpc_next_result(h, &c, &result, &reason);
         i++) {
        ifaces[i].is_acked = true;
        ifaces[i].result = result;
        ifaces[i].reason = 0;   /* As EVE has always told it. */
    }
    tx->pipe.has_response = true;
    tx->pipe.response = DCERPC_BINDACK;
    smb_tx_set_status(tx, status, false);
    smb_tx_set_done(tx, TO_CLIENT);
}

static void take_answer(struct smb_state *state, struct smb_tx *tx,
                        const struct dcerpc_header *h, struct slice body, uint32_t status)
{
    struct slice stub;

    if (h->type == DCERPC_RESPONSE && !dcerpc_read_response(h, body, &stub)) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    tx->pipe.has_response = true;
    tx->pipe.response = h->type;
    smb_tx_set_status(tx, status, false);
    if (h->type == DCERPC_RESPONSE) {
        add_stub(state, tx, TO_CLIENT, stub);
        if ((h->flags & DCERPC_LAST_FRAG) == 0) {
            return;
        }
    } else if (h->type > DCERPC_LAST_TYPE) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    }
    smb_tx_set_done(tx, TO_CLIENT);
}

static struct smb_key frag_key(const struct smb_record *r, const struct smb_fuid *fuid)
{
    return (struct smb_key) { .session = r->session, .tree = r->tree, .fuid = *fuid };
}

void smb_pipe_keep(struct smb_state *state, const struct smb_record *r,
                   const struct smb_fuid *fuid, struct slice pdu)
{
    struct smb_key key = frag_key(r, fuid);

    smb_table_put(state->session, &state->frags, &key, pdu);
}

static void read_pdu(struct smb_state *state, const struct smb_record *r, uint32_t status,
                     const struct smb_fuid *fuid, struct slice pdu)
{
    struct cursor c = cursor_of(pdu.bytes, pdu.size);
    struct dcerpc_header h;

    if (!dcerpc_read_header(&c, &h)) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    if (status == SMB_STATUS_BUFFER_OVERFLOW && pdu.size < h.frag_size) {
        smb_pipe_keep(state, r, fuid, pdu);
        return;
    }
    struct slice body = cursor_rest(&c);
    if (h.type == DCERPC_BINDACK) {
        take_bindack(state, r, &h, body, status);
        return;
    }
    struct smb_tx *tx = find_call(state, r, h.call_id);
    if (tx == NULL) {           /* The request was not seen. */
        tx = new_call(state, r, &h);
    }
    if (tx != NULL) {
        take_answer(state, tx, &h, body, status);
    }
}

void smb_pipe_read(struct smb_state *state, const struct smb_record *r, uint32_t status,
                   const struct smb_fuid *fuid, struct slice pdu)
{
    if (status != SMB_STATUS_SUCCESS && status != SMB_STATUS_BUFFER_OVERFLOW) {
        struct smb_tx *tx = smb_tx_find(state, r->command, r, SMB_KEY_HEADER);
        if (tx != NULL) {
            smb_tx_set_status(tx, status, false);
            smb_tx_set_done(tx, TO_CLIENT);
        }
        return;
    }
    struct smb_key key = frag_key(r, fuid);
    struct smb_entry *e = smb_table_find(&state->frags, &key);
    if (e == NULL) {
        if (pdu.size != 0) {
            read_pdu(state, r, status, fuid, pdu);
        }
        return;
    }
    /* Behind what came before; the whole is kept while it is looked at. */
    struct app_bytes whole = { 0 };
    bool has_room = app_bytes_put(state->session, &whole, e->bytes, e->size)
                    && app_bytes_put(state->session, &whole, pdu.bytes, pdu.size);
    smb_table_remove(state->session, &state->frags, e);
    if (has_room) {
        read_pdu(state, r, status, fuid, slice_of(whole.bytes, whole.size));
    }
    app_bytes_free(state->session, &whole);
}

bool smb_pipe_is_dcerpc(struct smb_state *state, const struct smb_fuid *fuid)
{
    static const char *const services[] = { "svcctl", "srvsvc", "atsvc", "lsarpc", "samr",
                                            "spoolss", "winreg" };
    struct smb_key key = smb_key_of_file(fuid);
    const struct smb_entry *e = smb_table_find(&state->names, &key);
    struct slice name = smb_entry_bytes(e);

    if (e != NULL && e->flag) {
        return true;
    }
    if (name.size > 1 && name.bytes[0] == '\\') {
        name = slice_from(name, 1);
    }
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (slice_is(name, services[i])) {
            return true;
        }
    }
    return false;
}

bool smb_pipe_probe(struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    struct dcerpc_header h;

    return dcerpc_read_header(&c, &h) && h.major == 5 && h.minor < 3 && h.frag_size > 0
           && h.type <= DCERPC_LAST_TYPE;
}

void smb_pipe_free(struct smb_tx *tx)
{
    app_bytes_free(tx->tx.session, &tx->pipe.stub[TO_SERVER]);
    app_bytes_free(tx->tx.session, &tx->pipe.stub[TO_CLIENT]);
}
