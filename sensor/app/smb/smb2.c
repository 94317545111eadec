/* SMB 2 and 3 (MS-SMB2, section 2.2).
 *
 *   magic 4 | header size 2 | credits 2 | status 4 | command 2 | credits 2 | flags 4 |
 *   next command 4 | message id 8 | process 4, tree 4 or async id 8 | session 8 |
 *   signature 16 */
#include "sensor/app/smb/names.h"
#include "sensor/app/smb/smb_private.h"

#define FLAG_RESPONSE 1u
#define FLAG_ASYNC 2u
#define PIPE_SHARE 2u
#define FSCTL_PIPE_TRANSCEIVE 0x0011c017u
#define CREATE_IS_DIRECTORY 0x0001u
#define CREATE_DELETE_ON_CLOSE 0x1000u

bool smb2_read_header(struct slice chain, struct smb_record *r, struct slice *rest)
{
    struct cursor c = cursor_of(chain.bytes, chain.size);

    *r = (struct smb_record) { .version = 2 };
    const uint8_t *magic = cursor_take(&c, 4);
    cursor_skip(&c, 4);
    uint32_t status = cursor_le32(&c);
    r->command = cursor_le16(&c);
    cursor_skip(&c, 2);
    uint32_t flags = cursor_le32(&c);
    uint32_t next = cursor_le32(&c);
    r->message = cursor_le64(&c);
    cursor_skip(&c, 4);
    uint32_t tree = cursor_le32(&c);
    r->session = cursor_le64(&c);
    cursor_skip(&c, 16);
    if (c.bad || memcmp(magic, "\xfeSMB", 4) != 0) {
        return false;
    }
    r->is_response = (flags & FLAG_RESPONSE) != 0;
    r->status = r->is_response ? status : 0;
    r->tree = r->is_response && (flags & FLAG_ASYNC) != 0 ? 0 : tree;
    r->body = next > SMB2_HEADER_SIZE ? cursor_slice(&c, next - SMB2_HEADER_SIZE)
                                      : cursor_rest(&c);
    *rest = cursor_rest(&c);
    return !c.bad;
}

/* Reads, writes and queries have no transaction of their own: the file's tells of them. */
static bool has_own_tx(uint16_t command)
{
    return command != SMB2_READ && command != SMB2_WRITE && command != SMB2_GET_INFO
           && command != SMB2_SET_INFO;
}

static struct smb_fuid read_fuid(struct cursor *c)
{
    struct smb_fuid fuid = { .size = SMB_FUID_MAX };
    const uint8_t *bytes = cursor_take(c, SMB_FUID_MAX);

    if (bytes != NULL) {
        memcpy(fuid.bytes, bytes, SMB_FUID_MAX);
    }
    return fuid;
}

/* ---- Requests: each says whether it made its transaction ---- */

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
    struct smb_fuid fuid = read_fuid(&c);
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
    struct smb_fuid fuid = read_fuid(&c);
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
    if (function == FSCTL_PIPE_TRANSCEIVE && smb_pipe_is_dcerpc(state, &fuid)) {
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
    struct smb_fuid fuid = read_fuid(&c);
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

static void drop_tree(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);

    smb_table_remove(state->session, &state->trees, smb_table_find(&state->trees, &key));
}

static void take_request(struct smb_state *state, const struct smb_record *r)
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
        drop_tree(state, r);
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

/* ---- Responses: each says whether it dealt with its transaction ---- */

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
    struct smb_fuid fuid = read_fuid(&c);
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
    struct smb_fuid fuid = read_fuid(&c);
    cursor_skip(&c, 4);
    size_t in_size = cursor_le32(&c);
    cursor_skip(&c, 4);
    size_t out_size = cursor_le32(&c);
    cursor_skip(&c, 8);
    cursor_skip(&c, in_size);
    struct slice data = cursor_slice(&c, out_size);
    if (!c.bad && function == FSCTL_PIPE_TRANSCEIVE && smb_pipe_is_dcerpc(state, &fuid)) {
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

static void take_response(struct smb_state *state, const struct smb_record *r)
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
        drop_tree(state, r);
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

void smb2_take(struct smb_state *state, const struct smb_record *r)
{
    if (r->is_response) {
        take_response(state, r);
    } else {
        take_request(state, r);
    }
}

/* In front of the bytes of a file: what the command says of them. */
#define WRITE_REQUEST_SIZE 48u
#define READ_RESPONSE_SIZE 16u

bool smb2_take_partial(struct smb_state *state, enum direction dir, const struct smb_record *r)
{
    if (dir == TO_SERVER && r->command == SMB2_WRITE && r->body.size >= WRITE_REQUEST_SIZE
        && !smb2_may_be_pipe(state, r, WRITE_REQUEST_SIZE)) {
        smb2_write_request(state, r);
        return true;
    }
    if (dir == TO_CLIENT && r->command == SMB2_READ && r->body.size >= READ_RESPONSE_SIZE
        && !smb2_may_be_pipe(state, r, READ_RESPONSE_SIZE)) {
        take_response(state, r);
        return true;
    }
    return false;
}
