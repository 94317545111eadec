/* What servers answer in SMB 1 (MS-CIFS, section 2.2.4).  Each function that says so dealt with
 * the transaction. */
#include "sensor/app/smb/smb_private.h"

static void set_dialect(struct smb_state *state, struct slice name)
{
    size_t n = name.size < sizeof state->dialect_name ? name.size
                                                      : sizeof state->dialect_name;

    if (n != 0) {
        memcpy(state->dialect_name, name.bytes, n);
    }
    state->dialect_size = (uint8_t) n;
}

static bool response_negotiate(struct smb_state *state, const struct smb_record *r,
                               bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, 0);
    struct smb_tx *tx = smb_tx_find_negotiate(state, 1);
    struct slice guid = slice_of(NULL, 0);
    size_t dialect = 0;

    uint8_t n_words = cursor_u8(&c);
    if (n_words != 0) {
        dialect = cursor_le16(&c);
    }
    if (n_words == 17) {                        /* NT LM 0.12 */
        cursor_skip(&c, 32);
        size_t n_bytes = cursor_le16(&c);
        guid = cursor_slice(&c, n_bytes >= 16 ? 16 : 0);
    }
    *is_malformed = c.bad;
    if (c.bad || tx == NULL) {
        return false;
    }
    smb_tx_set_status(tx, r->status, r->is_dos);
    smb_tx_set_done(tx, TO_CLIENT);
    tx->negotiate.server_guid = arena_copy(&tx->tx.arena, guid.bytes, guid.size);
    if (dialect < tx->negotiate.n_dialects) {
        set_dialect(state, tx->negotiate.dialects[dialect]);
    } else {
        smb_tx_set_event(tx, SMB_EVENT_NEGOTIATE_MALFORMED_DIALECTS);
    }
    return true;
}

static bool response_tree_connect(struct smb_state *state, const struct smb_record *r,
                                  size_t at, bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, at);
    struct smb_tx *tx = smb_tx_find_kind(state, SMB_TX_TREE, r, SMB_KEY_TREE);

    if (r->status != SMB_STATUS_SUCCESS) {
        if (tx != NULL) {
            smb_tx_set_status(tx, r->status, r->is_dos);
            smb_tx_set_done(tx, TO_CLIENT);
            smb_tx_set_done(tx, TO_SERVER);
        }
        return true;
    }
    uint8_t n_words = cursor_u8(&c);
    cursor_skip(&c, 4);
    cursor_skip(&c, n_words >= 3 ? 2 : 0);
    cursor_skip(&c, n_words == 7 ? 8 : 0);
    cursor_skip(&c, 2);
    const uint8_t *end = c.bad ? NULL : memchr(c.at, 0, cursor_left(&c));
    if (end == NULL) {
        *is_malformed = true;
        return false;
    }
    if (tx == NULL) {
        return false;
    }
    struct slice service = slice_of(c.at, (size_t) (end - c.at));
    struct smb_tree *t = &tx->tree_connect;
    struct smb_key key = smb_key_of_tree(r);
    t->is_pipe = slice_is(service, "IPC");
    t->response_service = arena_copy(&tx->tx.arena, service.bytes, service.size);
    smb_tx_set_key(tx, r, SMB_KEY_HEADER);
    smb_tx_set_status(tx, r->status, r->is_dos);
    smb_tx_set_done(tx, TO_CLIENT);
    smb_tx_set_done(tx, TO_SERVER);
    struct smb_entry *e = smb_table_put(state->session, &state->trees, &key, t->name);
    if (e != NULL) {
        e->flag = t->is_pipe;
    }
    return true;
}

static bool response_create(struct smb_state *state, const struct smb_record *r, size_t at,
                            bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, at);
    uint32_t times[4];

    if (r->status != SMB_STATUS_SUCCESS) {
        return false;
    }
    uint8_t n_words = cursor_u8(&c);
    cursor_skip(&c, 5);
    const uint8_t *fid = cursor_take(&c, 2);
    cursor_skip(&c, 4);
    for (size_t i = 0; i < 4; i++) {
        times[i] = smb_time(cursor_le64(&c));
    }
    cursor_skip(&c, 4);
    uint64_t size = cursor_le64(&c);
    cursor_skip(&c, 13);                        /* End of file, type, state, directory. */
    cursor_skip(&c, n_words == 42 ? 32 : 0);
    cursor_skip(&c, 2);
    if (c.bad) {
        *is_malformed = true;
        return false;
    }
    struct smb_fuid fuid = smb1_fuid(fid, r);
    struct smb_key key = smb_key_of(SMB_NOTE_NAME, r), file = smb_key_of_file(&fuid);
    struct smb_entry *name = smb_table_find(&state->notes, &key);
    if (name != NULL) {
        smb_table_put(state->session, &state->names, &file, smb_entry_bytes(name));
        smb_table_remove(state->session, &state->notes, name);
    }
    struct smb_tx *tx = smb_tx_find(state, SMB1_NT_CREATE_ANDX, r, SMB_KEY_CALL);
    if (tx != NULL) {
        smb_tx_set_status(tx, r->status, false);
        if (tx->kind == SMB_TX_CREATE) {
            memcpy(tx->create.times, times, sizeof times);
            tx->create.size = size;
            tx->create.fuid = (struct smb_fuid) { .size = 2, .bytes = { fid[0], fid[1] } };
        }
        smb_tx_set_done(tx, TO_CLIENT);
    }
    return true;
}

static void response_close(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of(SMB_NOTE_FILE, r);
    struct smb_entry *e = smb_table_find(&state->notes, &key);

    if (e != NULL) {
        struct smb_fuid fuid = e->fuid;
        smb_table_remove(state->session, &state->notes, e);
        smb1_close_file(state, &fuid, TO_CLIENT);
    }
}

static void answer(struct smb_tx *tx, const struct smb_record *r, bool is_malformed)
{
    smb_tx_answer(tx, r);
    if (is_malformed) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    }
}

void smb1_take_response(struct smb_state *state, const struct smb_record *r,
                        uint16_t command, size_t at)
{
    bool is_malformed = false, has_tx = false;
    struct smb_tx *tx;

    switch (command) {
    case SMB1_NEGOTIATE:
        has_tx = response_negotiate(state, r, &is_malformed);
        break;
    case SMB1_SESSION_SETUP_ANDX:
        smb1_session_response(state, r, at);
        has_tx = true;
        break;
    case SMB1_LOGOFF_ANDX:                      /* Its ids may be gone already. */
        tx = smb_tx_last(state);
        if (tx != NULL && tx->version == 1 && tx->command == command) {
            smb_tx_set_status(tx, r->status, r->is_dos);
            smb_tx_set_done(tx, TO_CLIENT);
        }
        has_tx = true;
        break;
    case SMB1_TREE_CONNECT_ANDX:
        has_tx = response_tree_connect(state, r, at, &is_malformed);
        break;
    case SMB1_TREE_DISCONNECT:
        smb_tree_forget(state, r);
        break;
    case SMB1_NT_CREATE_ANDX:
        has_tx = response_create(state, r, at, &is_malformed);
        break;
    case SMB1_CLOSE:
        response_close(state, r);
        break;
    case SMB1_READ_ANDX:
        smb1_read_response(state, r, at);
        has_tx = true;
        break;
    case SMB1_TRANS:
        smb1_trans_response(state, r);
        has_tx = true;
        break;
    case SMB1_WRITE_ANDX:
        has_tx = true;
        break;
    default:
        break;
    }
    tx = has_tx ? NULL : smb_tx_find(state, command, r, SMB_KEY_CALL);
    if (tx != NULL) {
        answer(tx, r, is_malformed);
    }
}
