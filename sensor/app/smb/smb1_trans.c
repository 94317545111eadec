/* TRANS, which carries pipes, and TRANS2, which renames and deletes (MS-CIFS, sections
 * 2.2.4.33 and 2.2.4.46). */
#include "sensor/app/smb/smb_private.h"
#include "sensor/app/smb/text.h"

/* Parameters and data, by their places in the message. */
struct blocks {
    struct slice parameters, data;
};

static bool block_at(const struct smb_record *r, size_t offset, size_t size,
                     struct slice *out)
{
    if (size == 0) {
        *out = slice_of(NULL, 0);
        return true;
    }
    if (offset < SMB1_HEADER_SIZE || offset - SMB1_HEADER_SIZE > r->body.size
        || size > r->body.size - (offset - SMB1_HEADER_SIZE)) {
        return false;
    }
    *out = slice_of(r->body.bytes + (offset - SMB1_HEADER_SIZE), size);
    return true;
}

/* The part that TRANS and TRANS2 share; the cursor is behind it, at the setup words. */
static bool read_request(const struct smb_record *r, struct cursor *c, uint8_t *n_words,
                         uint8_t *n_setup, struct blocks *b)
{
    *c = cursor_of(r->body.bytes, r->body.size);
    *n_words = cursor_u8(c);
    cursor_skip(c, 18);         /* Totals and largest sizes, flags, timeout. */
    size_t n_parameters = cursor_le16(c), parameters_at = cursor_le16(c);
    size_t n_data = cursor_le16(c), data_at = cursor_le16(c);
    *n_setup = cursor_u8(c);
    cursor_skip(c, 1);
    return !c->bad && block_at(r, parameters_at, n_parameters, &b->parameters)
           && block_at(r, data_at, n_data, &b->data);
}

static void note_pipe(struct smb_state *state, const struct smb_record *r,
                      const struct smb_fuid *fuid)
{
    struct smb_key key = smb_key_of(SMB_NOTE_FILE, r);
    struct smb_entry *e = smb_table_put(state->session, &state->notes, &key,
                                        slice_of(NULL, 0));

    if (e != NULL) {
        e->fuid = *fuid;
    }
}

void smb1_trans_request(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c;
    struct blocks b;
    uint8_t n_words, n_setup;

    if (!read_request(r, &c, &n_words, &n_setup, &b)) {
        smb1_malformed(state, r);
        return;
    }
    if (n_words != 16 || n_setup != 2 || b.data.size == 0) {
        return;
    }
    cursor_skip(&c, 2);                         /* The function. */
    const uint8_t *fid = cursor_take(&c, 2);
    if (fid == NULL) {
        smb1_malformed(state, r);
        return;
    }
    struct smb_fuid fuid = smb1_fuid(fid, r);
    note_pipe(state, r, &fuid);
    if (smb_pipe_is_dcerpc(state, &fuid)) {
        smb_pipe_write(state, r, b.data);
    }
}

static bool read_response(const struct smb_record *r, struct slice *data)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    *data = slice_of(NULL, 0);
    if (cursor_u8(&c) == 0) {
        cursor_skip(&c, 2);
        return !c.bad;
    }
    cursor_skip(&c, 12);
    size_t size = cursor_le16(&c), at = cursor_le16(&c);
    cursor_skip(&c, 2);
    return !c.bad && block_at(r, at, size, data);
}

void smb1_trans_response(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of(SMB_NOTE_FILE, r);
    struct slice data;

    if (!read_response(r, &data)) {
        smb1_malformed(state, r);
        return;
    }
    struct smb_entry *e = smb_table_find(&state->notes, &key);
    struct smb_fuid fuid = e != NULL ? e->fuid : (struct smb_fuid) { 0 };
    struct smb_fuid pure = fuid;
    pure.size = fuid.size < 2 ? fuid.size : 2;
    smb_table_remove(state->session, &state->notes, e);
    if (r->status == SMB_STATUS_BUFFER_OVERFLOW) {
        smb_pipe_keep(state, r, &pure, data);   /* The rest is read. */
    } else if (smb_pipe_is_dcerpc(state, &fuid)) {
        smb_pipe_read(state, r, r->status, &pure, data);
    }
    struct smb_tx *tx = smb_tx_find(state, r->command, r, SMB_KEY_CALL);
    if (tx != NULL) {
        smb_tx_answer(tx, r);
    }
}

/* ---- TRANS2 ---- */

enum { SET_PATH_INFO = 6, SET_FILE_INFO = 8 };
enum { LEVEL_RENAME = 1010, LEVEL_DISPOSITION = 1013 };

/* What is renamed or deleted. */
struct target {
    uint16_t command, level;
    struct slice name;          /* From the transaction's arena or the session's table. */
    struct smb_fuid fuid;       /* As EVE tells it: without the user. */
};

static bool read_path(struct cursor *c, struct arena *arena, struct target *t)
{
    t->level = cursor_le16(c);
    cursor_skip(c, 4);
    return !c->bad && smb_read_text(c, true, arena, &t->name);
}

static bool read_file(struct smb_state *state, const struct smb_record *r, struct cursor *c,
                      struct target *t)
{
    const uint8_t *fid = cursor_take(c, 2);

    t->level = cursor_le16(c);
    if (c->bad) {
        return false;
    }
    struct smb_fuid fuid = smb1_fuid(fid, r);
    struct smb_key key = smb_key_of_file(&fuid);
    const struct smb_entry *e = smb_table_find(&state->names, &key);
    t->fuid = (struct smb_fuid) { .size = 2, .bytes = { fid[0], fid[1] } };
    t->name = e != NULL ? smb_entry_bytes(e) : slice_text("<unknown>");
    return true;
}

static bool fill_rename(struct smb_tx *tx, struct slice data, const struct target *t)
{
    struct cursor c = cursor_of(data.bytes, data.size);

    cursor_skip(&c, 8);                         /* Whether to replace; root. */
    size_t size = cursor_le32(&c);
    struct slice name = cursor_slice(&c, size);
    tx->kind = SMB_TX_RENAME;
    tx->rename.from = arena_copy(&tx->tx.arena, t->name.bytes, t->name.size);
    tx->rename.to = smb_strip(name, &tx->tx.arena);
    tx->rename.fuid = t->fuid;
    return !c.bad;
}

static bool fill_disposition(struct smb_tx *tx, struct slice data, const struct target *t)
{
    struct cursor c = cursor_of(data.bytes, data.size);

    tx->kind = SMB_TX_SETINFO;
    tx->setinfo.is_delete = (cursor_u8(&c) & 1) != 0;
    tx->setinfo.name = arena_copy(&tx->tx.arena, t->name.bytes, t->name.size);
    tx->setinfo.fuid = t->fuid;
    tx->setinfo.command = t->command;
    tx->setinfo.level = t->level;
    return !c.bad;
}

/* The level alone: false when it is none that is told, or not there. */
static bool has_target(const struct blocks *b, uint16_t command, bool *is_malformed)
{
    struct cursor c = cursor_of(b->parameters.bytes, b->parameters.size);

    cursor_skip(&c, command == SET_FILE_INFO ? 2 : 0);
    uint16_t level = cursor_le16(&c);
    *is_malformed = c.bad;
    return level == LEVEL_RENAME || level == LEVEL_DISPOSITION;
}

bool smb1_trans2_request(struct smb_state *state, const struct smb_record *r,
                         bool *is_malformed)
{
    struct cursor c;
    struct blocks b;
    struct target t = { 0 };
    uint8_t n_words, n_setup;

    bool is_good = read_request(r, &c, &n_words, &n_setup, &b);
    t.command = cursor_le16(&c);
    *is_malformed = !is_good || c.bad;
    if (*is_malformed || (t.command != SET_PATH_INFO && t.command != SET_FILE_INFO)
        || !has_target(&b, t.command, is_malformed)) {
        return false;
    }
    struct smb_tx *tx = smb_tx_for(state, SMB_TX_GENERIC, r, SMB1_TRANS2, SMB_KEY_CALL);
    if (tx == NULL) {
        return true;
    }
    struct cursor p = cursor_of(b.parameters.bytes, b.parameters.size);
    is_good = t.command == SET_PATH_INFO ? read_path(&p, &tx->tx.arena, &t)
                                         : read_file(state, r, &p, &t);
    if (is_good) {
        is_good = t.level == LEVEL_RENAME ? fill_rename(tx, b.data, &t)
                                          : fill_disposition(tx, b.data, &t);
    }
    if (!is_good) {
        tx->kind = SMB_TX_GENERIC;
        smb_tx_set_event(tx, SMB_EVENT_MALFORMED_DATA);
    }
    return true;
}
