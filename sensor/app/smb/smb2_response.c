/* What servers answer in SMB 2 and 3 (MS-SMB2, section 2.2).  Each function says whether it
 * dealt with the transaction. */
#include "sensor/app/smb/smb_private.h"

#define PIPE_SHARE 2u

static bool response_negotiate(struct smb_state *state, const struct smb_record *r,
                               bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    const struct app_conf *conf = state->conf;

    cursor_skip(&c, 4);
    bool is_short = c.bad || r->status != SMB_STATUS_SUCCESS;
    uint16_t dialect = is_short ? 0 : cursor_le16(&c);
    cursor_skip(&c, is_short ? 0 : 2);
    struct slice guid = cursor_slice(&c, is_short ? 0 : 16);
    cursor_skip(&c, is_short ? 0 : 8);
    uint32_t max_read = is_short ? 0 : cursor_le32(&c);
    uint32_t max_write = is_short ? 0 : cursor_le32(&c);
    *is_malformed = c.bad;
    if (c.bad) {
        return false;
    }
    state->dialect = dialect;
    state->max_read = max_read;
    state->max_write = max_write;
    struct smb_tx *tx = smb_tx_find_negotiate(state, 2);
    if (tx == NULL) {
        tx = smb_tx_find_negotiate(state, 1);   /* A request of SMB 1 asked for it. */
    }
    if (conf->smb_max_read_size != 0 && max_read > conf->smb_max_read_size) {
        smb_set_event(state, SMB_EVENT_NEGOTIATE_MAX_READ_SIZE_TOO_LARGE);
    }
    if (conf->smb_max_write_size != 0 && max_write > conf->smb_max_write_size) {
        smb_set_event(state, SMB_EVENT_NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE);
    }
    if (tx == NULL) {
        return false;
    }
    tx->negotiate.server_guid = arena_copy(&tx->tx.arena, guid.bytes, guid.size);
    smb_tx_set_status(tx, r->status, false);
    smb_tx_set_done(tx, TO_CLIENT);
    return true;
}

static bool response_tree_connect(struct smb_state *state, const struct smb_record *r,
                                  bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    struct smb_tx *tx = smb_tx_find_kind(state, SMB_TX_TREE, r, SMB_KEY_TREE);
    bool is_good = r->status == SMB_STATUS_SUCCESS;

    cursor_skip(&c, 2);
    uint8_t type = cursor_u8(&c);
    cursor_skip(&c, 12);
    if (is_good && c.bad) {
        *is_malformed = true;
        return false;
    }
    if (tx == NULL) {
        return is_good;
    }
    if (is_good) {
        struct smb_key key = smb_key_of_tree(r);
        struct smb_tree *t = &tx->tree_connect;

        t->type = type;
        t->is_pipe = type == PIPE_SHARE;
        smb_tx_set_key(tx, r, SMB_KEY_HEADER);
        struct smb_entry *e = smb_table_put(state->session, &state->trees, &key, t->name);
        if (e != NULL) {
            e->flag = t->is_pipe;
        }
    }
    smb_tx_set_status(tx, r->status, false);
    smb_tx_set_done(tx, TO_CLIENT);
    smb_tx_set_done(tx, TO_SERVER);
    return true;
}

static bool response_create(struct smb_state *state, const struct smb_record *r,
                            bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    uint32_t times[4];

    if (r->status != SMB_STATUS_SUCCESS) {
        return false;
    }
    cursor_skip(&c, 8);
    for (size_t i = 0; i < 4; i++) {
        times[i] = smb_time(cursor_le64(&c));
    }
    cursor_skip(&c, 8);                         /* Allocated. */
    uint64_t size = cursor_le64(&c);
    cursor_skip(&c, 8);
    struct smb_fuid fuid = smb2_read_fuid(&c);
    cursor_skip(&c, 8);
    struct smb_tx *tx = smb_tx_find(state, r->command, r, SMB_KEY_CALL);
    if (c.bad) {
        *is_malformed = true;
        return false;
    }
    struct smb_key key = smb_key_of(SMB_NOTE_NAME, r), file = smb_key_of_file(&fuid);
    struct smb_entry *name = smb_table_find(&state->notes, &key);
    if (name != NULL) {
        smb_table_put(state->session, &state->names, &file, smb_entry_bytes(name));
        smb_table_remove(state->session, &state->notes, name);
    }
    if (tx != NULL && tx->kind == SMB_TX_CREATE) {
        memcpy(tx->create.times, times, sizeof times);
        tx->create.size = size;
        tx->create.fuid = fuid;
    }
    if (tx != NULL) {
        smb_tx_set_status(tx, r->status, false);
        smb_tx_set_done(tx, TO_CLIENT);
    }
    return true;
}

static void answer(struct smb_tx *tx, const struct smb_record *r)
{
    smb_tx_set_status(tx, r->status, false);
    if (r->status != SMB_STATUS_PENDING) {
        smb_tx_set_done(tx, TO_CLIENT);
    } else {
        app_tx_changed(&tx->tx, TO_CLIENT);
    }
}

static void response_ioctl(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 4);
    uint32_t function = cursor_le32(&c);
    struct smb_fuid fuid = smb2_read_fuid(&c);
    cursor_skip(&c, 4);
    size_t in_size = cursor_le32(&c);
    cursor_skip(&c, 4);
    size_t out_size = cursor_le32(&c);
    cursor_skip(&c, 8);
    cursor_skip(&c, in_size);
    struct slice data = cursor_slice(&c, out_size);
    if (!c.bad && function == SMB2_PIPE_TRANSCEIVE && smb_pipe_is_dcerpc(state, &fuid)) {
        smb_pipe_read(state, r, r->status, &fuid, data);
        return;
    }
    struct smb_tx *tx = smb_tx_find(state, r->command, r, SMB_KEY_HEADER);
    if (tx != NULL) {
        answer(tx, r);
        if (c.bad && r->status == SMB_STATUS_SUCCESS) {
            smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        }
    }
}

/* The file was read to its end. */
static void response_read_end(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of(0, r);
    struct smb_entry *e = smb_table_find(&state->offsets, &key);
    struct smb_tx *tx = e != NULL ? smb_file_find(state, &e->fuid, TO_CLIENT, false) : NULL;

    smb_table_remove(state->session, &state->offsets, e);
    if (tx != NULL) {
        if (!tx->tx.is_done[TO_SERVER]) {
            app_transfer_close(&tx->tx, &tx->file.transfer);
        }
        smb_tx_set_status(tx, r->status, false);
        smb_tx_set_done(tx, TO_SERVER);
    }
}

void smb2_take_response(struct smb_state *state, const struct smb_record *r)
{
    bool is_malformed = false, has_tx = false;

    switch (r->command) {
    case SMB2_NEGOTIATE:
        has_tx = response_negotiate(state, r, &is_malformed);
        break;
    case SMB2_SESSION_SETUP:
        smb2_session_response(state, r);
        has_tx = true;
        break;
    case SMB2_TREE_CONNECT:
        has_tx = response_tree_connect(state, r, &is_malformed);
        break;
    case SMB2_TREE_DISCONNECT:
        smb_tree_forget(state, r);
        break;
    case SMB2_CREATE:
        has_tx = response_create(state, r, &is_malformed);
        break;
    case SMB2_READ:
        if (r->status == SMB_STATUS_SUCCESS || r->status == SMB_STATUS_BUFFER_OVERFLOW) {
            smb2_read_response(state, r);
        } else if (r->status == SMB_STATUS_END_OF_FILE) {
            response_read_end(state, r);
        }
        break;
    case SMB2_IOCTL:
        response_ioctl(state, r);
        has_tx = true;
        break;
    default:
        break;
    }
    struct smb_tx *tx = has_tx ? NULL : smb_tx_find(state, r->command, r, SMB_KEY_CALL);
    if (tx != NULL) {
        answer(tx, r);
        if (is_malformed) {
            smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        }
    }
}
