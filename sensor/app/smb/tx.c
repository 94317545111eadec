/* Transactions: making them, and finding the one that an answer is for. */
#include "sensor/app/smb/smb_private.h"

struct smb_tx *smb_tx_new(struct smb_state *state, enum smb_tx_kind kind, uint8_t version,
                          uint16_t command)
{
    struct app_session *s = state->session;
    struct smb_tx *oldest = smb_tx_of(app_tx_surplus(s, state->conf->smb_max_transactions));

    if (oldest != NULL) {       /* It is given up, so that it is told and makes room. */
        smb_tx_set_event(oldest, SMB_EVENT_TOO_MANY_TRANSACTIONS);
        smb_tx_set_done(oldest, TO_SERVER);
        smb_tx_set_done(oldest, TO_CLIENT);
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
    smb_tx_index(tx);
}

/* ---- Finding ---- */

/* What a key begins with: no two kinds of keys are the same. */
enum asked { BY_IDS, BY_KIND, BY_FILE, BY_CALL, BY_MESSAGE };

static uint64_t hash_ids(const struct app_session *s, uint8_t version, uint16_t command,
                         enum smb_tx_key key, uint64_t session, uint64_t message)
{
    const uint64_t words[] = { BY_IDS | (uint64_t) key << 8 | (uint64_t) version << 16
                                   | (uint64_t) command << 32, session, message };

    return app_lookup_hash(s, words, 3);
}

static uint64_t hash_kind(const struct app_session *s, enum smb_tx_kind kind,
                          enum smb_tx_key key, uint64_t session, uint64_t message)
{
    const uint64_t words[] = { BY_KIND | (uint64_t) key << 8 | (uint64_t) kind << 16, session,
                               message };

    return app_lookup_hash(s, words, 3);
}

/* There is one at most of each version. */
static uint64_t hash_negotiate(const struct app_session *s, uint8_t version)
{
    return hash_kind(s, SMB_TX_NEGOTIATE, SMB_KEY_NONE, 0, version);
}

static uint64_t hash_file(const struct app_session *s, const struct smb_fuid *fuid,
                          enum direction dir)
{
    uint64_t words[1 + SMB_FUID_MAX / 8] = { BY_FILE | (uint64_t) dir << 8
                                                 | (uint64_t) fuid->size << 16 };

    memcpy(words + 1, fuid->bytes, fuid->size);
    return app_lookup_hash(s, words, sizeof words / sizeof *words);
}

static uint64_t hash_call(const struct app_session *s, uint64_t session, uint32_t call_id,
                          bool is_exchange, uint64_t message)
{
    const uint64_t words[] = { (is_exchange ? BY_MESSAGE : BY_CALL) | (uint64_t) call_id << 8,
                               session, is_exchange ? message : 0 };

    return app_lookup_hash(s, words, 3);
}

/* By what the kind is found; others are not asked for by their kind. */
static bool hash_own_kind(const struct smb_tx *tx, uint64_t *hash)
{
    const struct app_session *s = tx->tx.session;

    switch (tx->kind) {
    case SMB_TX_TREE:
    case SMB_TX_SESSION:
        *hash = hash_kind(s, tx->kind, tx->key, tx->session, tx->message);
        return true;
    case SMB_TX_NEGOTIATE:
        *hash = hash_negotiate(s, tx->negotiate.version);
        return true;
    case SMB_TX_FILE:
        *hash = hash_file(s, &tx->file.fuid, tx->file.dir);
        return true;
    case SMB_TX_PIPE:
        *hash = hash_call(s, tx->session, tx->pipe.call_id, false, 0);
        return true;
    default:
        return false;
    }
}

void smb_tx_index(struct smb_tx *tx)
{
    const struct app_session *s = tx->tx.session;
    struct app_lookup *txs = &((struct smb_state *) s->state)->txs;
    uint64_t hash;

    app_lookup_remove(&tx->by_ids);
    if (tx->key != SMB_KEY_NONE) {
        app_lookup_put(txs, &tx->by_ids, hash_ids(s, tx->version, tx->command, tx->key,
                                                  tx->session, tx->message));
    }
    app_lookup_remove(&tx->by_kind);
    if (hash_own_kind(tx, &hash)) {
        app_lookup_put(txs, &tx->by_kind, hash);
    }
    if (tx->kind == SMB_TX_PIPE) {
        app_lookup_put(txs, &tx->by_message,
                       hash_call(s, tx->session, tx->pipe.call_id, true, tx->message));
    }
}

/* The earliest first. */
#define FOR_EACH_TX(tx, state, member, hash)                                       \
    for (struct smb_tx *tx = TX_AT(app_lookup_first(&(state)->txs, hash), member); \
         tx != NULL; tx = TX_AT(app_lookup_next(&(state)->txs, &tx->member), member))
#define TX_AT(found, member) tx_at(found, offsetof(struct smb_tx, member))

static struct smb_tx *tx_at(struct app_lookup_node *n, size_t offset)
{
    return n != NULL ? (struct smb_tx *) (void *) ((char *) n - offset) : NULL;
}

static bool key_fits(const struct smb_tx *tx, const struct smb_record *r,
                     enum smb_tx_key key)
{
    return tx->key == key && tx->session == r->session && tx->message == r->message;
}

struct smb_tx *smb_tx_find(struct smb_state *state, uint16_t command,
                           const struct smb_record *r, enum smb_tx_key key)
{
    uint64_t hash = hash_ids(state->session, r->version, command, key, r->session, r->message);

    FOR_EACH_TX (tx, state, by_ids, hash) {
        if (tx->version == r->version && tx->command == command && key_fits(tx, r, key)) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_tx_find_kind(struct smb_state *state, enum smb_tx_kind kind,
                                const struct smb_record *r, enum smb_tx_key key)
{
    uint64_t hash = hash_kind(state->session, kind, key, r->session, r->message);

    FOR_EACH_TX (tx, state, by_kind, hash) {
        if (tx->kind == kind && key_fits(tx, r, key)) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_tx_find_negotiate(struct smb_state *state, uint8_t version)
{
    FOR_EACH_TX (tx, state, by_kind, hash_negotiate(state->session, version)) {
        if (tx->kind == SMB_TX_NEGOTIATE && tx->negotiate.version == version) {
            return tx;
        }
    }
    return NULL;
}

struct smb_tx *smb_file_find(struct smb_state *state, const struct smb_fuid *fuid,
                             enum direction dir, bool must_be_open)
{
    FOR_EACH_TX (tx, state, by_kind, hash_file(state->session, fuid, dir)) {
        if (tx->kind == SMB_TX_FILE && tx->file.dir == dir
            && smb_fuid_equal(&tx->file.fuid, fuid)
            && (!must_be_open || tx->file.transfer.is_open)) {
            return tx;
        }
    }
    return NULL;
}

static bool is_call(const struct smb_tx *tx, const struct smb_record *r, uint32_t call_id)
{
    return tx->kind == SMB_TX_PIPE && tx->session == r->session
           && tx->pipe.call_id == call_id;
}

struct smb_tx *smb_tx_find_call(struct smb_state *state, const struct smb_record *r,
                                uint32_t call_id, bool is_exchange)
{
    uint64_t hash = hash_call(state->session, r->session, call_id, is_exchange, r->message);

    if (is_exchange) {
        FOR_EACH_TX (tx, state, by_message, hash) {
            if (is_call(tx, r, call_id) && tx->message == r->message) {
                return tx;
            }
        }
        return NULL;
    }
    FOR_EACH_TX (tx, state, by_kind, hash) {
        if (is_call(tx, r, call_id)) {
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

void smb_tree_forget(struct smb_state *state, const struct smb_record *r)
{
    struct smb_key key = smb_key_of_tree(r);

    smb_table_remove(state->session, &state->trees, smb_table_find(&state->trees, &key));
}
