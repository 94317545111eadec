/* What clients ask in SMB 2 and 3 (MS-SMB2, section 2.2).  Each function says whether it made
 * the transaction; reads and writes are in smb2_file.c. */
#include "sensor/app/smb/names.h"
#include "sensor/app/smb/smb_private.h"

#define CREATE_IS_DIRECTORY 0x0001u
#define CREATE_DELETE_ON_CLOSE 0x1000u


/* Reads, writes and queries have no transaction of their own: the file's tells of them. */
static bool has_own_tx(uint16_t command)
{
    return command != SMB2_READ && command != SMB2_WRITE && command != SMB2_GET_INFO
           && command != SMB2_SET_INFO;
}

static bool request_negotiate(struct smb_state *state, const struct smb_record *r,
                              bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 2);
    size_t n = cursor_le16(&c);
    cursor_skip(&c, 8);                         /* Modes, capabilities. */
    struct slice guid = cursor_slice(&c, 16);
    cursor_skip(&c, 8);                         /* Contexts of 3.1.1. */
    struct cursor dialects = cursor_sub(&c, n * 2);
    *is_malformed = c.bad;
    if (c.bad || smb_tx_find_negotiate(state, 2) != NULL) {
        return !c.bad;
    }
    struct smb_tx *tx = smb_tx_new(state, SMB_TX_NEGOTIATE, 2, r->command);
    if (tx == NULL) {
        return true;
    }
    struct smb_negotiate *out = &tx->negotiate;
    out->version = 2;
    smb_tx_index(tx);
    out->client_guid = arena_copy(&tx->tx.arena, guid.bytes, guid.size);
    n = n < SMB_MAX_DIALECTS ? n : SMB_MAX_DIALECTS;
    out->dialects = arena_alloc(&tx->tx.arena, (n + 1) * sizeof *out->dialects);
    for (size_t i = 0; i < n && out->dialects != NULL; i++) {
        out->dialects[i] = smb2_dialect_name(cursor_le16(&dialects), &tx->tx.arena);
        out->n_dialects = i + 1;
    }
    smb_tx_set_done(tx, TO_SERVER);
    return true;
}

static bool request_tree_connect(struct smb_state *state, const struct smb_record *r,
                                 bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 4);
    size_t at = cursor_le16(&c), size = cursor_le16(&c);
    struct slice rest = cursor_rest(&c);
    *is_malformed = c.bad;
    if (c.bad) {
        return false;
    }
    /* The offset counts from the header; a name in front of its place is nonsense. */
    size_t skip = at >= SMB2_HEADER_SIZE + 8 ? at - SMB2_HEADER_SIZE - 8 : 0;
    if (skip > rest.size) {
        skip = 0;
    }
    rest = slice_from(rest, skip);
    rest.size = size < rest.size ? size : rest.size;
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_TREE, r, r->command, SMB_KEY_TREE);
    if (tx != NULL) {
        tx->tree_connect.name = smb_strip(rest, &tx->tx.arena);
    }
    return true;
}

static bool request_create(struct smb_state *state, const struct smb_record *r,
                           bool *is_malformed)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 36);
    uint32_t disposition = cursor_le32(&c);
    uint32_t options = cursor_le32(&c);
    cursor_skip(&c, 2);
    size_t size = cursor_le16(&c);
    cursor_skip(&c, 8);
    struct slice name = cursor_slice(&c, size);
    *is_malformed = c.bad;
    if (c.bad) {
        return false;
    }
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_CREATE, r, r->command, SMB_KEY_CALL);
    if (tx == NULL) {
        return true;
    }
    tx->create.name = smb_strip(name, &tx->tx.arena);
    tx->create.disposition = disposition;
    tx->create.is_delete = (options & CREATE_DELETE_ON_CLOSE) != 0;
    tx->create.is_directory = (options & CREATE_IS_DIRECTORY) != 0;
    struct smb_key key = smb_key_of(SMB_NOTE_NAME, r);
    smb_table_put(state->session, &state->notes, &key, tx->create.name);
    return true;
}

static void request_read(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    uint64_t limit = state->conf->smb_max_read_size;

    cursor_skip(&c, 4);
    uint32_t size = cursor_le32(&c);
    uint64_t offset = cursor_le64(&c);
    struct smb_fuid fuid = smb2_read_fuid(&c);
    cursor_skip(&c, 16);
    if (c.bad) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
    } else if ((state->max_read != 0 && size > state->max_read)
               || (limit != 0 && size > limit)) {
        smb_set_event(state, SMB_EVENT_READ_REQUEST_TOO_LARGE);
    } else {
        struct smb_key key = smb_key_of(0, r);
        struct smb_entry *e = smb_table_put(state->session, &state->offsets, &key,
                                            slice_of(NULL, 0));
        if (e != NULL) {
            e->fuid = fuid;
            e->number = offset;
        }
    }
}

static bool request_ioctl(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 4);
    uint32_t function = cursor_le32(&c);
    struct smb_fuid fuid = smb2_read_fuid(&c);
    cursor_skip(&c, 4);
    size_t size = cursor_le32(&c);
    cursor_skip(&c, 24);
    struct slice data = cursor_slice(&c, size);
    if (c.bad) {
        struct smb_tx *tx = smb_tx_for(state, SMB_TX_GENERIC, r, r->command, SMB_KEY_HEADER);
        if (tx != NULL) {
            smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        }
        return true;
    }
    if (function == SMB2_PIPE_TRANSCEIVE && smb_pipe_is_dcerpc(state, &fuid)) {
        smb_pipe_write(state, r, data);
        return true;
    }
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_IOCTL, r, r->command, SMB_KEY_HEADER);
    if (tx != NULL) {
        tx->function = function;
    }
    return true;
}

/* The name of a file; of one that is created by the message before in the same chain, the
 * name that was asked for there. */
static struct slice name_of(struct smb_state *state, const struct smb_record *r,
                            const struct smb_fuid *fuid, bool looks_back)
{
    struct smb_key key = smb_key_of_file(fuid);
    struct smb_entry *e = smb_table_find(&state->names, &key);

    if (e == NULL && looks_back && r->message != 0) {
        key = smb_key_of(SMB_NOTE_NAME, r);
        key.message--;
        e = smb_table_find(&state->notes, &key);
    }
    return e != NULL ? smb_entry_bytes(e) : slice_text("<unknown>");
}

/* MS-FSCC, section 2.4: a new name, or that the file is to go when it is closed. */
enum { INFO_FILE = 1, INFO_RENAME = 10, INFO_DISPOSITION = 13 };

static void set_name(struct smb_state *state, const struct smb_record *r, struct cursor *c,
                     const struct smb_fuid *fuid)
{
    cursor_skip(c, 16);                         /* Whether to replace; root. */
    size_t size = cursor_le32(c);
    struct slice name = cursor_slice(c, size);
    struct smb_tx *tx = c->bad ? NULL : smb_tx_for(state, SMB_TX_RENAME, r, r->command,
                                                   SMB_KEY_CALL);

    if (tx != NULL) {
        struct slice old = name_of(state, r, fuid, false);
        tx->rename.from = arena_copy(&tx->tx.arena, old.bytes, old.size);
        tx->rename.to = smb_strip(name, &tx->tx.arena);
        tx->rename.fuid = *fuid;
    }
}

static void set_disposition(struct smb_state *state, const struct smb_record *r,
                            struct cursor *c, const struct smb_fuid *fuid)
{
    bool is_delete = (cursor_u8(c) & 1) != 0;
    struct smb_tx *tx = c->bad ? NULL : smb_tx_for(state, SMB_TX_SETINFO, r, r->command,
                                                   SMB_KEY_CALL);

    if (tx != NULL) {
        struct slice name = name_of(state, r, fuid, true);
        tx->setinfo.name = arena_copy(&tx->tx.arena, name.bytes, name.size);
        tx->setinfo.fuid = *fuid;
        tx->setinfo.command = INFO_FILE;
        tx->setinfo.level = INFO_DISPOSITION;
        tx->setinfo.is_delete = is_delete;
    }
}

static void request_set_info(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, 2);
    uint8_t class = cursor_u8(&c), level = cursor_u8(&c);
    size_t size = cursor_le32(&c);
    cursor_skip(&c, 8);
    struct smb_fuid fuid = smb2_read_fuid(&c);
    struct cursor data = cursor_sub(&c, size);
    if (!data.bad && class == INFO_FILE && level == INFO_RENAME) {
        set_name(state, r, &data, &fuid);
    } else if (!data.bad && class == INFO_FILE && level == INFO_DISPOSITION) {
        set_disposition(state, r, &data, &fuid);
    }
    if (data.bad) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
    }
}

void smb2_take_request(struct smb_state *state, const struct smb_record *r)
{
    bool is_malformed = false, has_tx = false;

    switch (r->command) {
    case SMB2_NEGOTIATE:
        has_tx = request_negotiate(state, r, &is_malformed);
        break;
    case SMB2_SESSION_SETUP:
        smb2_session_request(state, r);
        has_tx = true;
        break;
    case SMB2_TREE_CONNECT:
        has_tx = request_tree_connect(state, r, &is_malformed);
        break;
    case SMB2_TREE_DISCONNECT:
        smb_tree_forget(state, r);
        break;
    case SMB2_CREATE:
        has_tx = request_create(state, r, &is_malformed);
        break;
    case SMB2_CLOSE:
        is_malformed = !smb2_close_request(state, r);
        break;
    case SMB2_READ:
        request_read(state, r);
        break;
    case SMB2_WRITE:
        smb2_write_request(state, r);
        break;
    case SMB2_IOCTL:
        has_tx = request_ioctl(state, r);
        break;
    case SMB2_SET_INFO:
        request_set_info(state, r);
        break;
    default:
        break;
    }
    if (!has_tx && has_own_tx(r->command)) {
        struct smb_tx *tx = smb_tx_for(state, SMB_TX_GENERIC, r, r->command, SMB_KEY_CALL);
        if (tx != NULL && is_malformed) {
            smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        }
    }
}
