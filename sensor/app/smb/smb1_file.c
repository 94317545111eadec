/* Reads, writes and closes of SMB 1 (MS-CIFS, section 2.2.4). */
#include "sensor/app/smb/smb_private.h"

struct smb_fuid smb1_fuid(const uint8_t fid[2], const struct smb_record *r)
{
    return (struct smb_fuid) {
        .size = 6, .bytes = { fid[0], fid[1], 0, 0, (uint8_t) (r->session >> 8),
                              (uint8_t) r->session }
    };
}

void smb1_close_file(struct smb_state *state, const struct smb_fuid *fuid,
                     enum direction dir)
{
    struct smb_tx *tx = smb_file_find(state, fuid, dir, false);

    if (tx != NULL && !tx->tx.is_done[TO_SERVER]) {
        app_transfer_close(&tx->tx, &tx->file.transfer);
        smb_tx_set_done(tx, TO_SERVER);
        smb_tx_set_done(tx, TO_CLIENT);
    }
}

/* Where the data begins: where the command says, if that is behind its words; else behind
 * the padding that its counts leave. */
static struct slice data_at(const struct smb_record *r, struct cursor *c, size_t data_offset,
                            size_t n_bytes, uint32_t size)
{
    size_t here = (size_t) (c->at - r->body.bytes);

    if (data_offset >= SMB1_HEADER_SIZE && data_offset - SMB1_HEADER_SIZE >= here) {
        cursor_skip(c, data_offset - SMB1_HEADER_SIZE - here);
    } else if (n_bytes > (size & 0xffff)) {
        cursor_skip(c, n_bytes - (size & 0xffff));
    }
    struct slice data = cursor_rest(c);
    data.size = size < data.size ? size : data.size;
    return data;
}

struct write {
    const uint8_t *fid;
    uint64_t offset;
    uint32_t size;
    struct slice data;
};

static bool read_write_andx(const struct smb_record *r, size_t at, struct write *w)
{
    struct cursor c = smb1_cursor_at(r, at);

    uint8_t n_words = cursor_u8(&c);
    cursor_skip(&c, 4);
    w->fid = cursor_take(&c, 2);
    w->offset = cursor_le32(&c);
    cursor_skip(&c, 8);                         /* Timeout, mode, remaining. */
    uint32_t high = cursor_le16(&c);
    w->size = high << 16 | cursor_le16(&c);
    size_t data_offset = cursor_le16(&c);
    if (n_words == 14) {
        w->offset |= (uint64_t) cursor_le32(&c) << 32;
    }
    size_t n_bytes = cursor_le16(&c);
    w->data = data_at(r, &c, data_offset, n_bytes, w->size);
    return !c.bad;
}

static bool read_write(const struct smb_record *r, size_t at, struct write *w)
{
    struct cursor c = smb1_cursor_at(r, at + 1);

    w->fid = cursor_take(&c, 2);
    cursor_skip(&c, 2);
    w->offset = cursor_le32(&c);
    cursor_skip(&c, 5);                         /* Remaining, byte count, format. */
    w->size = cursor_le16(&c);
    w->data = cursor_slice(&c, w->size);
    return !c.bad;
}

static bool read_write_and_close(const struct smb_record *r, size_t at, struct write *w)
{
    struct cursor c = smb1_cursor_at(r, at);

    uint8_t n_words = cursor_u8(&c);
    w->fid = cursor_take(&c, 2);
    w->size = cursor_le16(&c);
    w->offset = cursor_le32(&c);
    cursor_skip(&c, n_words == 12 ? 16 : 4);    /* Time; reserved. */
    size_t n_bytes = cursor_le16(&c);
    cursor_skip(&c, n_bytes > w->size ? n_bytes - w->size : 0);
    w->data = cursor_slice(&c, w->size);
    return !c.bad;
}

static struct smb_entry *find_tree(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);

    return smb_table_find(&state->trees, &key);
}

static struct slice name_of(struct smb_state *state, const struct smb_fuid *fuid,
                            const char *unknown)
{
    struct smb_key key = smb_key_of_file(fuid);
    const struct smb_entry *e = smb_table_find(&state->names, &key);

    return e != NULL ? smb_entry_bytes(e) : slice_text(unknown);
}

/* To the file's transaction, which is made at its first chunk. */
static void take_chunk(struct smb_state *state, const struct smb_record *r,
                       enum direction dir, uint16_t command, const struct smb_chunk *chunk)
{
    struct smb_tx *tx = smb_file_find(state, chunk->fuid, dir, true);

    if (!smb_file_expect(state, dir, r, chunk)) {
        return;
    }
    if (tx == NULL) {
        tx = smb_file_new(state, dir, chunk);
        if (tx != NULL) {
            tx->version = 1;
            tx->command = command;
        }
    }
    if (tx != NULL) {
        smb_file_chunk(state, tx, chunk);
    }
}

void smb1_malformed(struct smb_state *state, const struct smb_record *r)
{
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_GENERIC, r, r->command, SMB_KEY_CALL);

    if (tx != NULL) {
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
        if (r->is_response) {
            smb_tx_answer(tx, r);
        }
    }
}

void smb1_write_request(struct smb_state *state, const struct smb_record *r, uint16_t command,
                        size_t at)
{
    struct write w = { 0 };
    bool is_good = command == SMB1_WRITE_ANDX ? read_write_andx(r, at, &w)
                   : command == SMB1_WRITE    ? read_write(r, at, &w)
                                              : read_write_and_close(r, at, &w);

    state->sides[TO_SERVER].data_left = 0;
    if (!is_good) {
        smb1_malformed(state, r);
        return;
    }
    struct smb_fuid fuid = smb1_fuid(w.fid, r);
    const struct smb_entry *tree = find_tree(state, r);
    if (tree != NULL && tree->flag && smb_file_find(state, &fuid, TO_SERVER, true) == NULL) {
        struct smb_record as = *r;
        as.command = command;
        smb_pipe_write(state, &as, w.data);
    } else {
        struct smb_chunk chunk = { .fuid = &fuid, .offset = w.offset, .size = w.size,
                                   .bytes = w.data, .share = smb_entry_bytes(tree) };
        chunk.name = name_of(state, &fuid, "<unknown>");
        take_chunk(state, r, TO_SERVER, SMB1_WRITE_ANDX, &chunk);
    }
    if (command == SMB1_WRITE_AND_CLOSE) {
        smb1_close_file(state, &fuid, TO_SERVER);
    }
    if (r->command != SMB1_WRITE_ANDX && r->command != SMB1_READ_ANDX
        && r->command != SMB1_TRANS && r->command != SMB1_TRANS2) {
        (void) smb_tx_for(state, SMB_TX_GENERIC, r, r->command, SMB_KEY_CALL);
    }
}

static bool read_read(const struct smb_record *r, size_t at, struct smb_chunk *chunk)
{
    /* Behind words, next command, remaining, mode. */
    struct cursor c = smb1_cursor_at(r, at + 11);

    uint32_t low = cursor_le16(&c);
    size_t data_offset = cursor_le16(&c);
    chunk->size = (uint32_t) cursor_le16(&c) << 16 | low;
    cursor_skip(&c, 8);
    size_t n_bytes = cursor_le16(&c);
    chunk->bytes = data_at(r, &c, data_offset, n_bytes, chunk->size);
    return !c.bad;
}

static void take_read(struct smb_state *state, const struct smb_record *r,
                      struct smb_chunk *chunk)
{
    struct smb_key key = smb_key_of(0, r);
    struct smb_entry *e = smb_table_find(&state->offsets, &key);

    if (e == NULL) {
        return;                                 /* Its request was not seen. */
    }
    struct smb_fuid fuid = e->fuid;
    chunk->fuid = &fuid;
    chunk->offset = e->number;
    smb_table_remove(state->session, &state->offsets, e);
    const struct smb_entry *tree = find_tree(state, r);
    if (tree != NULL && tree->flag) {
        struct smb_record as = *r;
        struct smb_fuid pure = { .size = 2, .bytes = { fuid.bytes[0], fuid.bytes[1] } };
        as.command = SMB1_READ_ANDX;
        smb_pipe_read(state, &as, SMB_STATUS_SUCCESS, &pure, chunk->bytes);
        return;
    }
    chunk->share = smb_entry_bytes(tree);
    chunk->name = name_of(state, &fuid, "");
    take_chunk(state, r, TO_CLIENT, SMB1_READ_ANDX, chunk);
}

void smb1_read_response(struct smb_state *state, const struct smb_record *r, size_t at)
{
    struct smb_chunk chunk = { 0 };

    state->sides[TO_CLIENT].data_left = 0;
    if (r->status == SMB_STATUS_SUCCESS) {
        if (!read_read(r, at, &chunk)) {
            smb1_malformed(state, r);
            return;
        }
        take_read(state, r, &chunk);
    }
    struct smb_tx *tx = smb_tx_find(state, r->command, r, SMB_KEY_CALL);
    if (tx != NULL) {
        smb_tx_answer(tx, r);
    }
}
