/* Transactions: making them, and finding the one that an answer is for. */
#include "sensor/app/smb/smb_private.h"

/* Too many are open: the oldest of them is given up, so that it is told and makes room. */
static void give_up_oldest(struct app_session *s)
{
    for (struct app_tx *tx = app_tx_first_own(s); tx != NULL; tx = app_tx_next(s, tx)) {
        if (!tx->is_done[TO_SERVER] || !tx->is_done[TO_CLIENT]) {
            smb_tx_set_event(smb_tx_of(tx), SMB_EVENT_TOO_MANY_TRANSACTIONS);
            smb_tx_set_done(smb_tx_of(tx), TO_SERVER);
            smb_tx_set_done(smb_tx_of(tx), TO_CLIENT);
            return;
        }
    }
}

struct smb_tx *smb_tx_new(struct smb_state *state, enum smb_tx_kind kind, uint8_t version,
                          uint16_t command)
{
    struct app_session *s = state->session;

    if (s->n_open >= state->conf->smb_max_transactions
        || s->n_open >= state->conf->max_transactions) {
        give_up_oldest(s);
    }
    struct smb_tx *tx = app_tx_new(s, sizeof *tx, state->now_ns);
    if (tx == NULL) {
        return NULL;
    }
    tx->kind = kind;
    tx->version = version;
    tx->command = command;
    if (kind == SMB_TX_FILE) {
        app_transfer_init(&tx->file.transfer);
    }
    return tx;
}

struct smb_tx *smb_tx_for(struct smb_state *state, enum smb_tx_kind kind,
                          const struct smb_record *r, uint16_t command, enum smb_tx_key key)
{
    struct smb_tx *tx = smb_tx_new(state, kind, r->version, command);

    if (tx != NULL) {
        smb_tx_set_key(tx, r, key);
        /* Whether a tree is a share or a pipe, which rules ask of its request, is told by
         * the answer. */
        if (kind != SMB_TX_TREE) {
            smb_tx_set_done(tx, TO_SERVER);
        } else {
            app_tx_changed(&tx->tx, TO_SERVER);
        }
    }
    return tx;
}

void smb_tx_set_key(struct smb_tx *tx, const struct smb_record *r, enum smb_tx_key key)
{
    tx->key = key;
    tx->session = r->session;
    tx->message = r->message;
    tx->tree = key == SMB_KEY_TREE ? 0 : r->tree;
}

static bool key_fits(const struct smb_tx *tx, const struct smb_record *r,
                     enum smb_tx_key key)
{
    return tx->key == key && tx->session == r->session && tx->message == r->message;
}

#define FOR_EACH_TX(tx, state)                                                     \
    for (struct smb_tx *tx = smb_tx_of(app_tx_first_own((state)->session)); tx != NULL; \
         tx = smb_tx_of(app_tx_next((state)->session, &tx->tx)))

struct smb_tx *smb_tx_find(struct smb_state *state, uint16_t command,
                           const struct smb_record *r, enum smb_tx_key key)
{
    FOR_EACH_TX (tx, state) {
        if (tx->version == r->version && tx->command == command && key_fits(tx, r, key)) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_tx_find_kind(struct smb_state *state, enum smb_tx_kind kind,
                                const struct smb_record *r, enum smb_tx_key key)
{
    FOR_EACH_TX (tx, state) {
        if (tx->kind == kind && key_fits(tx, r, key)) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_tx_find_negotiate(struct smb_state *state, uint8_t version)
{
    FOR_EACH_TX (tx, state) {
        if (tx->kind == SMB_TX_NEGOTIATE && tx->negotiate.version == version) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_file_find(struct smb_state *state, const struct smb_fuid *fuid,
                             enum direction dir, bool must_be_open)
{
    FOR_EACH_TX (tx, state) {
        if (tx->kind == SMB_TX_FILE && tx->file.dir == dir
            && smb_fuid_equal(&tx->file.fuid, fuid)
            && (!must_be_open || tx->file.transfer.is_open)) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_tx_last(struct smb_state *state)
{
    return smb_tx_of(app_tx_last_own(state->session));
}

void smb_tx_set_done(struct smb_tx *tx, enum direction dir)
{
    tx->tx.is_done[dir] = true;
    app_tx_changed(&tx->tx, dir);
}

void smb_tx_set_status(struct smb_tx *tx, uint32_t status, bool is_dos)
{
    tx->has_status = true;
    tx->is_dos = is_dos;
    tx->error_class = is_dos ? (uint8_t) status : 0;
    tx->status = is_dos ? status >> 16 : status;
}

void smb_tx_answer(struct smb_tx *tx, const struct smb_record *r)
{
    smb_tx_set_status(tx, r->status, r->is_dos);
    smb_tx_set_done(tx, TO_SERVER);
    smb_tx_set_done(tx, TO_CLIENT);
}

void smb_tx_set_event(struct smb_tx *tx, enum smb_event event)
{
    app_tx_set_event(&tx->tx, event);
}

void smb_set_event(struct smb_state *state, enum smb_event event)
{
    struct smb_tx *last = smb_tx_last(state);

    if (last != NULL) {
        smb_tx_set_event(last, event);
    } else {
        app_session_set_event(state->session, event);
    }
}

struct slice smb_strip(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.size + 1);
    size_t n = 0;

    if (copy == NULL) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < s.size; i++) {
        if (s.bytes[i] != 0) {
            copy[n++] = s.bytes[i];
        }
    }
    return slice_of(copy, n);
}

uint32_t smb_time(uint64_t filetime)
{
    const uint64_t epoch = 116444736000000000ull;       /* 1970, in 100 ns since 1601. */

    return filetime > epoch ? (uint32_t) ((filetime - epoch) / 10000000) : 0;
}

struct smb_key smb_key_of(uint8_t kind, const struct smb_record *r)
{
    return (struct smb_key) { .kind = kind, .session = r->session, .message = r->message };
}

struct smb_key smb_key_of_file(const struct smb_fuid *fuid)
{
    return (struct smb_key) { .fuid = *fuid };
}

struct smb_key smb_key_of_tree(const struct smb_record *r)
{
    return (struct smb_key) { .session = r->session, .tree = r->tree };
}
