/* Files that are read and written in chunks: one transaction for each, from its first chunk
 * until it is closed. */
#include "sensor/app/smb/smb_private.h"

/* Behind a gap a file waits so long for its next chunk. */
#define FORGET_NS (60ull * 1000000000u)
/* ... and keeps at most so many bytes out of order: what they wait for may be lost. */
#define MAX_QUEUED_BEHIND_GAP 2000000u

static bool had_gap(const struct smb_state *state)
{
    return state->sides[TO_SERVER].has_gap || state->sides[TO_CLIENT].has_gap;
}

struct smb_tx *smb_file_new(struct smb_state *state, enum direction dir,
                            const struct smb_chunk *chunk)
{
    struct smb_tx *tx = smb_tx_new(state, SMB_TX_FILE, 0, 0);

    if (tx != NULL) {
        tx->file.dir = dir;
        tx->file.fuid = *chunk->fuid;
        tx->file.name = arena_copy(&tx->tx.arena, chunk->name.bytes, chunk->name.size);
        tx->file.share = arena_copy(&tx->tx.arena, chunk->share.bytes, chunk->share.size);
        smb_tx_index(tx);
    }
    return tx;
}

/* Is there room for what would be kept out of order?  The event says why not. */
static bool queue_has_room(struct smb_state *state, const struct smb_tx *tx, uint32_t size)
{
    const struct app_conf *conf = state->conf;
    const struct app_transfer *t = &tx->file.transfer;
    bool is_write = tx->file.dir == TO_SERVER;
    uint64_t max = is_write ? conf->smb_write_queue_size : conf->smb_read_queue_size;
    uint64_t max_chunks = is_write ? conf->smb_write_queue_chunks
                                   : conf->smb_read_queue_chunks;

    if (max != 0 && t->queued + size > max) {
        smb_set_event(state, is_write ? SMB_EVENT_WRITE_QUEUE_SIZE_EXCEEDED
                                      : SMB_EVENT_READ_QUEUE_SIZE_EXCEEDED);
        return false;
    }
    if (max_chunks != 0 && t->n_queued >= max_chunks) {
        smb_set_event(state, is_write ? SMB_EVENT_WRITE_QUEUE_CNT_EXCEEDED
                                      : SMB_EVENT_READ_QUEUE_CNT_EXCEEDED);
        return false;
    }
    return true;
}

void smb_file_chunk(struct smb_state *state, struct smb_tx *tx, const struct smb_chunk *chunk)
{
    struct app_transfer *t = &tx->file.transfer;
    bool is_overlap = chunk->offset < t->tracked;

    tx->file.forget_ns = 0;
    if (queue_has_room(state, tx, chunk->size)) {
        app_transfer_chunk(&tx->tx, t, tx->file.dir, chunk->name,
                           state->conf->smb_file_limit, chunk->offset, chunk->size,
                           chunk->bytes);
        app_tx_changed(&tx->tx, tx->file.dir);
    }
    if (is_overlap) {
        smb_set_event(state, SMB_EVENT_FILE_OVERLAP);
    }
}

bool smb_file_expect(struct smb_state *state, enum direction dir, const struct smb_record *r,
                     const struct smb_chunk *chunk)
{
    struct smb_side *side = &state->sides[dir];
    uint32_t here = (uint32_t) chunk->bytes.size;

    side->data_left = 0;
    if (chunk->size - here > r->missing) {
        smb_set_event(state, dir == TO_SERVER ? SMB_EVENT_WRITE_REQUEST_TOO_LARGE
                                              : SMB_EVENT_READ_RESPONSE_TOO_LARGE);
        return false;
    }
    side->data_left = chunk->size - here;
    side->fuid = *chunk->fuid;
    return true;
}

void smb_file_data(struct smb_state *state, enum direction dir, struct slice bytes,
                   uint32_t gap)
{
    struct smb_tx *tx = smb_file_find(state, &state->sides[dir].fuid, dir, false);

    if (tx == NULL) {
        return;
    }
    struct app_transfer *t = &tx->file.transfer;
    if (had_gap(state) && t->queued > MAX_QUEUED_BEHIND_GAP) {
        app_transfer_truncate(&tx->tx, t);
    }
    tx->file.forget_ns = 0;
    if (gap != 0) {
        app_transfer_gap(&tx->tx, t, gap);
    } else {
        app_transfer_data(&tx->tx, t, bytes);
    }
    app_tx_changed(&tx->tx, dir);
}

/* What of a direction was asked or answered may be lost: only files go on. */
static void close_behind_gap(struct smb_state *state, struct smb_tx *tx, enum direction dir)
{
    if (tx->kind == SMB_TX_FILE) {
        if (tx->file.forget_ns == 0) {
            tx->file.forget_ns = state->now_ns + FORGET_NS;
        }
        return;
    }
    if (!tx->tx.is_done[TO_SERVER]) {
        smb_tx_set_done(tx, TO_SERVER);
    }
    if (dir == TO_CLIENT && !tx->tx.is_done[TO_CLIENT]) {
        smb_tx_set_done(tx, TO_CLIENT);
    }
}

void smb_files_check(struct smb_state *state, enum direction dir)
{
    struct app_session *s = state->session;
    struct smb_tx *last = smb_tx_last(state);

    for (struct app_tx *at = app_tx_first_own(s); at != NULL; at = app_tx_next(s, at)) {
        struct smb_tx *tx = smb_tx_of(at);

        if (tx != last && state->sides[dir].has_gap) {
            close_behind_gap(state, tx, dir);
        }
        if (tx->kind == SMB_TX_FILE && tx->file.forget_ns != 0
            && state->now_ns > tx->file.forget_ns && !at->is_done[TO_SERVER]) {
            app_transfer_truncate(at, &tx->file.transfer);
            smb_tx_set_done(tx, TO_SERVER);
            smb_tx_set_done(tx, TO_CLIENT);
        }
    }
}
