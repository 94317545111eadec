/* Reads, writes and closes of SMB 2 (MS-SMB2, sections 2.2.15, 2.2.19 to 2.2.22). */
#include "sensor/app/smb/smb_private.h"

/* What the tree is, as far as it was seen. */
struct tree {
    struct slice share;
    bool is_pipe;
};

static struct tree find_tree(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);
    const struct smb_entry *e = smb_table_find(&state->trees, &key);

    return (struct tree) { smb_entry_bytes(e), e != NULL && e->flag };
}

/* The bytes look like DCE RPC and nothing is known of their tree or file: from here on both
 * are taken for a pipe that speaks it. */
static void assume_pipe(struct smb_state *state, const struct smb_record *r,
                        const struct smb_fuid *fuid)
{
    struct smb_key tree = smb_key_of_tree(r), file = smb_key_of_file(fuid);
    struct smb_entry *e = smb_table_put(state->session, &state->trees, &tree,
                                        slice_of(NULL, 0));

    if (e != NULL) {
        e->flag = true;
    }
    e = smb_table_put(state->session, &state->names, &file, slice_of(NULL, 0));
    if (e != NULL) {
        e->flag = true;
    }
}

enum carried { CARRIES_FILE, CARRIES_DCERPC, CARRIES_OTHER };

static enum carried what_is_carried(struct smb_state *state, const struct smb_record *r,
                                    const struct smb_chunk *chunk, const struct tree *tree)
{
    bool is_known = tree->share.size != 0 || tree->is_pipe;

    if (tree->is_pipe && smb_pipe_is_dcerpc(state, chunk->fuid)) {
        return CARRIES_DCERPC;
    }
    if (!is_known && smb_pipe_probe(chunk->bytes)) {
        assume_pipe(state, r, chunk->fuid);
        return CARRIES_DCERPC;
    }
    return tree->is_pipe ? CARRIES_OTHER : CARRIES_FILE;
}

bool smb2_may_be_pipe(struct smb_state *state, const struct smb_record *r, size_t at)
{
    struct tree tree = find_tree(state, r);

    return tree.is_pipe
           || (tree.share.size == 0 && smb_pipe_probe(slice_from(r->body, at)));
}

static struct slice name_of_file(struct smb_state *state, const struct smb_fuid *fuid,
                                 const char *unknown)
{
    struct smb_key key = smb_key_of_file(fuid);
    const struct smb_entry *e = smb_table_find(&state->names, &key);

    return e != NULL ? smb_entry_bytes(e) : slice_text(unknown);
}

/* A chunk of a file that has no transaction yet. */
static void take_first_chunk(struct smb_state *state, const struct smb_record *r,
                             enum direction dir, const struct smb_chunk *chunk)
{
    struct smb_tx *tx = smb_file_new(state, dir, chunk);

    if (tx != NULL) {
        tx->version = 2;
        tx->command = r->command;
        tx->key = SMB_KEY_HEADER;
        tx->session = r->session;
        tx->tree = r->tree;
        smb_tx_index(tx);
        smb_file_chunk(state, tx, chunk);
    }
}

static void skip_data(struct smb_state *state, enum direction dir)
{
    state->sides[dir].data_left = 0;
}

void smb2_write_request(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    struct smb_fuid fuid = { .size = SMB_FUID_MAX };
    uint64_t limit = state->conf->smb_max_write_size;

    cursor_skip(&c, 4);
    uint32_t size = cursor_le32(&c);
    uint64_t offset = cursor_le64(&c);
    const uint8_t *bytes = cursor_take(&c, SMB_FUID_MAX);
    cursor_skip(&c, 16);
    skip_data(state, TO_SERVER);
    if (c.bad) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    if ((state->max_write != 0 && size > state->max_write) || (limit != 0 && size > limit)) {
        smb_set_event(state, SMB_EVENT_WRITE_REQUEST_TOO_LARGE);
        return;
    }
    memcpy(fuid.bytes, bytes, SMB_FUID_MAX);
    struct smb_chunk chunk = { .fuid = &fuid, .offset = offset, .size = size,
                               .bytes = cursor_rest(&c) };
    chunk.bytes.size = size < chunk.bytes.size ? size : chunk.bytes.size;
    chunk.name = name_of_file(state, &fuid, "");
    struct smb_tx *tx = smb_file_find(state, &fuid, TO_SERVER, true);
    if (!smb_file_expect(state, TO_SERVER, r, &chunk)) {
        return;
    }
    if (tx != NULL) {
        smb_file_chunk(state, tx, &chunk);
    } else {
        struct tree tree = find_tree(state, r);
        switch (what_is_carried(state, r, &chunk, &tree)) {
        case CARRIES_DCERPC:
            smb_pipe_write(state, r, chunk.bytes);
            break;
        case CARRIES_OTHER:
            break;
        case CARRIES_FILE:
            take_first_chunk(state, r, TO_SERVER, &chunk);
            break;
        }
    }
}

/* The read that 'r' answers: its file and place. */
static bool take_offset(struct smb_state *state, const struct smb_record *r,
                        struct smb_fuid *fuid, uint64_t *offset)
{
    struct smb_key key = smb_key_of(0, r);
    struct smb_entry *e = smb_table_find(&state->offsets, &key);

    if (e == NULL) {
        return false;
    }
    *fuid = e->fuid;
    *offset = e->number;
    smb_table_remove(state->session, &state->offsets, e);
    return true;
}

void smb2_read_response(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    struct smb_fuid fuid;
    uint64_t limit = state->conf->smb_max_read_size;

    cursor_skip(&c, 4);
    uint32_t size = cursor_le32(&c);
    cursor_skip(&c, 8);
    skip_data(state, TO_CLIENT);
    if (c.bad) {
        smb_set_event(state, SMB_EVENT_MALFORMED_DATA);
        return;
    }
    if ((state->max_read != 0 && size > state->max_read) || (limit != 0 && size > limit)) {
        smb_set_event(state, SMB_EVENT_READ_RESPONSE_TOO_LARGE);
        return;
    }
    struct smb_chunk chunk = { .fuid = &fuid, .size = size, .bytes = cursor_rest(&c) };
    chunk.bytes.size = size < chunk.bytes.size ? size : chunk.bytes.size;
    if (!take_offset(state, r, &fuid, &chunk.offset)) {
        return;
    }
    chunk.name = name_of_file(state, &fuid, "<unknown>");
    struct smb_tx *tx = smb_file_find(state, &fuid, TO_CLIENT, true);
    if (!smb_file_expect(state, TO_CLIENT, r, &chunk)) {
        return;
    }
    if (tx != NULL) {
        smb_file_chunk(state, tx, &chunk);
    } else {
        struct tree tree = find_tree(state, r);
        switch (what_is_carried(state, r, &chunk, &tree)) {
        case CARRIES_DCERPC:
            smb_pipe_read(state, r, r->status, &fuid, chunk.bytes);
            break;
        case CARRIES_OTHER:
            break;
        case CARRIES_FILE:
            chunk.share = tree.share;
            take_first_chunk(state, r, TO_CLIENT, &chunk);
            break;
        }
    }
}

bool smb2_close_request(struct smb_state *state, const struct smb_record *r)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);
    struct smb_fuid fuid = { .size = SMB_FUID_MAX };

    cursor_skip(&c, 8);
    const uint8_t *bytes = cursor_take(&c, SMB_FUID_MAX);
    if (c.bad) {
        return false;
    }
    memcpy(fuid.bytes, bytes, SMB_FUID_MAX);
    for (int dir = 0; dir < N_DIRECTIONS; dir++) {
        struct smb_tx *tx = smb_file_find(state, &fuid, (enum direction) dir, false);

        if (tx == NULL) {
            continue;
        }
        if (!tx->tx.is_done[TO_SERVER]) {
            app_transfer_close(&tx->tx, &tx->file.transfer);
        }
        smb_tx_set_status(tx, SMB_STATUS_SUCCESS, false);
        smb_tx_set_done(tx, TO_SERVER);
        smb_tx_set_done(tx, TO_CLIENT);
    }
    return true;
}
