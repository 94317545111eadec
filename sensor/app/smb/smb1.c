/* SMB 1 (MS-CIFS, section 2.2.3.1).
 *
 *   magic 4 | command 1 | status 4 | flags 1 | flags2 2 | process 2 | signature 8 | 2 |
 *   tree 2 | process 2 | user 2 | multiplex id 2
 *
 * then words and bytes of the command; AndX commands name the next in the same message. */
#include "sensor/app/smb/smb_private.h"
#include "sensor/app/smb/text.h"

#define FLAG_RESPONSE 0x80
#define FLAGS2_NT_STATUS 0x4000
#define FLAGS2_UNICODE 0x8000
#define CREATE_IS_DIRECTORY 0x0001u
#define CREATE_DELETE_ON_CLOSE 0x1000u

bool smb1_read_header(struct slice message, struct smb_record *r)
{
    struct cursor c = cursor_of(message.bytes, message.size);

    *r = (struct smb_record) { .version = 1 };
    const uint8_t *magic = cursor_take(&c, 4);
    r->command = cursor_u8(&c);
    r->status = cursor_le32(&c);
    uint8_t flags = cursor_u8(&c);
    uint16_t flags2 = cursor_le16(&c);
    cursor_skip(&c, 12);
    r->tree = cursor_le16(&c);
    cursor_skip(&c, 2);
    r->session = cursor_le16(&c);
    r->message = cursor_le16(&c);
    r->body = cursor_rest(&c);
    r->is_response = (flags & FLAG_RESPONSE) != 0;
    r->is_dos = (flags2 & FLAGS2_NT_STATUS) == 0;
    r->is_unicode = (flags2 & FLAGS2_UNICODE) != 0;
    return !c.bad && memcmp(magic, "\xffSMB", 4) == 0;
}

/* Those of files and pipes have transactions of their own; others are told each. */
static bool has_own_tx(uint16_t command)
{
    return command != SMB1_READ_ANDX && command != SMB1_WRITE_ANDX && command != SMB1_TRANS
           && command != SMB1_TRANS2;
}

static struct cursor cursor_at(const struct smb_record *r, size_t at)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, at);
    return c;
}

/* ---- Requests: each says whether it dealt with its transaction ---- */

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
    struct cursor c = cursor_at(r, 3);
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
    struct cursor c = cursor_at(r, at);
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
    struct cursor c = cursor_at(r, at);
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
    struct cursor c = cursor_at(r, 6);          /* Words, attributes, byte count, type. */
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
    struct cursor c = cursor_at(r, at);

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
    struct cursor c = cursor_at(r, 1);
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

static void drop_tree(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);

    smb_table_remove(state->session, &state->trees, smb_table_find(&state->trees, &key));
}

/* Nothing answers these. */
static bool is_unanswered(uint16_t command)
{
    return command == SMB1_NT_CANCEL || command == SMB1_TRANS2_SECONDARY
           || command == SMB1_LOCKING_ANDX;
}

static void take_request(struct smb_state *state, const struct smb_record *r,
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
        drop_tree(state, r);
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

/* ---- Responses ---- */

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
    struct cursor c = cursor_at(r, 0);
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
    struct cursor c = cursor_at(r, at);
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
    struct cursor c = cursor_at(r, at);
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

static void take_response(struct smb_state *state, const struct smb_record *r,
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
        drop_tree(state, r);
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

/* ---- Chains ---- */

static bool is_andx(uint16_t command)
{
    return command == SMB1_LOCKING_ANDX || command == SMB1_OPEN_ANDX
           || command == SMB1_READ_ANDX || command == SMB1_WRITE_ANDX
           || command == SMB1_SESSION_SETUP_ANDX || command == SMB1_LOGOFF_ANDX
           || command == SMB1_TREE_CONNECT_ANDX || command == SMB1_NT_CREATE_ANDX;
}

/* The command behind the one at '*at', which it moves on; false at the chain's end.  Chains
 * go on towards the end of the message alone, so they end. */
static bool next_command(const struct smb_record *r, uint16_t *command, size_t *at)
{
    struct cursor c = cursor_at(r, *at);

    if (!is_andx(*command)) {
        return false;
    }
    cursor_skip(&c, 1);
    uint8_t next = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t offset = cursor_le16(&c);
    if (c.bad || next == SMB1_NONE || offset <= *at + SMB1_HEADER_SIZE
        || offset - SMB1_HEADER_SIZE >= r->body.size) {
        return false;
    }
    *at = offset - SMB1_HEADER_SIZE;
    *command = next;
    return true;
}

void smb1_take(struct smb_state *state, const struct smb_record *r)
{
    uint16_t command = r->command;
    size_t at = 0;

    for (unsigned i = 0; i < SMB_MAX_ANDX; i++) {
        if (r->is_response) {
            take_response(state, r, command, at);
        } else {
            take_request(state, r, command, at);
        }
        if (!next_command(r, &command, &at)) {
            return;
        }
    }
}

/* Words of a write with a long offset, of the answer to a read, and what is around them. */
#define WRITE_SIZE (1u + 14 * 2 + 2)
#define READ_SIZE (1u + 12 * 2 + 2)

bool smb1_take_partial(struct smb_state *state, enum direction dir, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);
    const struct smb_entry *tree = smb_table_find(&state->trees, &key);

    if (tree != NULL && tree->flag) {
        return false;                           /* PDUs are looked at whole. */
    }
    if (dir == TO_SERVER && r->command == SMB1_WRITE_ANDX && r->body.size >= WRITE_SIZE) {
        smb1_write_request(state, r, SMB1_WRITE_ANDX, 0);
        return true;
    }
    if (dir == TO_CLIENT && r->command == SMB1_READ_ANDX && r->body.size >= READ_SIZE) {
        smb1_read_response(state, r, 0);
        return true;
    }
    return false;
}
