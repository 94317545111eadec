/* What clients ask in SMB 1 (MS-CIFS, section 2.2.4).  Each function says whether it dealt with
 * the transaction; reads and writes are in smb1_file.c, TRANS and TRANS2 in smb1_trans.c. */
#include "sensor/app/smb/smb_private.h"
#include "sensor/app/smb/text.h"

#define CREATE_IS_DIRECTORY 0x0001u
#define CREATE_DELETE_ON_CLOSE 0x1000u

/* Those of files and pipes have transactions of their own; others are told each. */
static bool has_own_tx(uint16_t command)
{
    return command != SMB1_READ_ANDX && command != SMB1_WRITE_ANDX && command != SMB1_TRANS
           && command != SMB1_TRANS2;
}

static size_t read_dialects(struct cursor *c, struct arena *arena, struct slice *dialects,
                            bool *are_bad)
{
    size_t n = 0;
    struct slice text;

    /* Each is a byte that says "text", and the text. */
    while (cursor_left(c) != 0 && smb_read_text(c, false, arena, &text)) {
        *are_bad |= text.size <= 1;
        if (text.size != 0 && n < SMB_MAX_DIALECTS) {
            dialects[n++] = slice_from(text, 1);
        }
    }
    return n;
}

static bool request_negotiate(struct smb_state *state, const struct smb_record *r,
                              bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, 3);
    struct smb_tx *tx = smb_tx_find_negotiate(state, 1);
    bool are_bad = false;

    *is_malformed = c.bad || memchr(c.at, 0, cursor_left(&c)) == NULL;
    if (*is_malformed) {
        return false;
    }
    if (tx != NULL) {
        smb_tx_set_event(tx, SMB_EVENT_DUPLICATE_NEGOTIATE);
        return true;
    }
    tx = smb_tx_new(state, SMB_TX_NEGOTIATE, 1, r->command);
    if (tx == NULL) {
        return true;
    }
    struct smb_negotiate *out = &tx->negotiate;
    out->version = 1;
    smb_tx_index(tx);
    out->dialects = arena_alloc(&tx->tx.arena, SMB_MAX_DIALECTS * sizeof *out->dialects);
    if (out->dialects != NULL) {
        out->n_dialects = read_dialects(&c, &tx->tx.arena, out->dialects, &are_bad);
    }
    if (are_bad) {
        smb_tx_set_event(tx, SMB_EVENT_NEGOTIATE_MALFORMED_DIALECTS);
    }
    smb_tx_set_done(tx, TO_SERVER);
    return true;
}

static bool request_create(struct smb_state *state, const struct smb_record *r, size_t at,
                           bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, at);
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_CREATE, r, SMB1_NT_CREATE_ANDX,
                                   SMB_KEY_CALL);

    if (tx == NULL) {
        return true;
    }
    cursor_skip(&c, 6);
    size_t size = cursor_le16(&c);
    cursor_skip(&c, 28);
    tx->create.disposition = cursor_le32(&c);
    uint32_t options = cursor_le32(&c);
    cursor_skip(&c, 5);
    size_t n_bytes = cursor_le16(&c);
    *is_malformed = c.bad
                    || (n_bytes >= size
                        && !smb_read_text_at(&c, r->is_unicode, n_bytes - size,
                                             &tx->tx.arena, &tx->create.name));
    if (*is_malformed) {
        tx->kind = SMB_TX_GENERIC;
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        return true;
    }
    tx->create.is_delete = (options & CREATE_DELETE_ON_CLOSE) != 0;
    tx->create.is_directory = (options & CREATE_IS_DIRECTORY) != 0;
    struct smb_key key = smb_key_of(SMB_NOTE_NAME, r);
    smb_table_put(state->session, &state->notes, &key, tx->create.name);
    return true;
}

static bool request_tree_connect(struct smb_state *state, const struct smb_record *r,
                                 size_t at, bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, at);
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_TREE, r, SMB1_TREE_CONNECT_ANDX,
                                   SMB_KEY_TREE);
    struct slice path;

    if (tx == NULL) {
        return true;
    }
    cursor_skip(&c, 7);
    size_t size = cursor_le16(&c);              /* Of the password. */
    cursor_skip(&c, 2);
    cursor_skip(&c, size);
    *is_malformed = !smb_read_text_at(&c, r->is_unicode, 11 + size, &tx->tx.arena, &path)
                    || !smb_read_text(&c, false, &tx->tx.arena,
                                      &tx->tree_connect.request_service);
    if (*is_malformed) {
        tx->kind = SMB_TX_GENERIC;
        smb_tx_set_key(tx, r, SMB_KEY_CALL);
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        return true;
    }
    tx->tree_connect.name = slice_from(path, path.size > 1 ? 1 : 0);
    return true;
}

static bool request_rename(struct smb_state *state, const struct smb_record *r,
                           bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, 6);          /* Words, attributes, byte count, type. */
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_RENAME, r, SMB1_RENAME, SMB_KEY_CALL);

    if (tx == NULL) {
        return true;
    }
    struct arena *arena = &tx->tx.arena;
    bool is_good = !c.bad && smb_read_text(&c, r->is_unicode, arena, &tx->rename.from);
    cursor_skip(&c, 1);
    if (!is_good || !smb_read_text_at(&c, r->is_unicode, 1, arena, &tx->rename.to)) {
        *is_malformed = true;
        tx->kind = SMB_TX_GENERIC;
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    }
    return true;
}

static void request_read(struct smb_state *state, const struct smb_record *r, size_t at)
{
    struct cursor c = smb1_cursor_at(r, at);

    uint8_t n_words = cursor_u8(&c);
    cursor_skip(&c, 4);
    const uint8_t *fid = cursor_take(&c, 2);
    uint64_t offset = cursor_le32(&c);
    cursor_skip(&c, 10);
    if (n_words == 12) {
        offset |= (uint64_t) cursor_le32(&c) << 32;
    }
    if (c.bad) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    struct smb_key key = smb_key_of(0, r);
    struct smb_entry *e = smb_table_put(state->session, &state->offsets, &key,
                                        slice_of(NULL, 0));
    if (e != NULL) {
        e->fuid = smb1_fuid(fid, r);
        e->number = offset;
    }
}

static void request_close(struct smb_state *state, const struct smb_record *r,
                          bool *is_malformed)
{
    struct cursor c = smb1_cursor_at(r, 1);
    const uint8_t *fid = cursor_take(&c, 2);

    if (fid == NULL) {
        *is_malformed = true;
        return;
    }
    struct smb_fuid fuid = smb1_fuid(fid, r);
    struct smb_key key = smb_key_of(SMB_NOTE_FILE, r);
    struct smb_entry *e = smb_table_put(state->session, &state->notes, &key,
                                        slice_of(NULL, 0));
    if (e != NULL) {
        e->fuid = fuid;
    }
    smb1_close_file(state, &fuid, TO_SERVER);
}

/* Nothing answers these. */
static bool is_unanswered(uint16_t command)
{
    return command == SMB1_NT_CANCEL || command == SMB1_TRANS2_SECONDARY
           || command == SMB1_LOCKING_ANDX;
}

void smb1_take_request(struct smb_state *state, const struct smb_record *r,
                       uint16_t command, size_t at)
{
    bool is_malformed = false, has_tx = false;

    switch (command) {
    case SMB1_NEGOTIATE:
        has_tx = request_negotiate(state, r, &is_malformed);
        break;
    case SMB1_SESSION_SETUP_ANDX:
        smb1_session_request(state, r, at);
        has_tx = true;
        break;
    case SMB1_TREE_CONNECT_ANDX:
        has_tx = request_tree_connect(state, r, at, &is_malformed);
        break;
    case SMB1_TREE_DISCONNECT:
        smb_tree_forget(state, r);
        break;
    case SMB1_NT_CREATE_ANDX:
        has_tx = request_create(state, r, at, &is_malformed);
        break;
    case SMB1_CLOSE:
        request_close(state, r, &is_malformed);
        break;
    case SMB1_RENAME:
        has_tx = request_rename(state, r, &is_malformed);
        break;
    case SMB1_READ_ANDX:
        request_read(state, r, at);
        break;
    case SMB1_WRITE:
    case SMB1_WRITE_ANDX:
    case SMB1_WRITE_AND_CLOSE:
        smb1_write_request(state, r, command, at);
        has_tx = true;
        break;
    case SMB1_TRANS:
        smb1_trans_request(state, r);
        has_tx = true;
        break;
    case SMB1_TRANS2:
        has_tx = smb1_trans2_request(state, r, &is_malformed);
        break;
    default:
        break;
    }
    if (!has_tx && (has_own_tx(command) || is_malformed)) {
        struct smb_tx *tx = smb_tx_for(state, SMB_TX_GENERIC, r, command, SMB_KEY_CALL);
        if (tx != NULL && is_malformed) {
            smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        }
        if (tx != NULL && is_unanswered(command)) {
            smb_tx_set_done(tx, TO_CLIENT);
        }
    }
}
