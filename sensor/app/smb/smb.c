/* The parser of SMB: recognition, sessions, and what rules ask. */
#include "sensor/app/smb/smb.h"

#include <stdlib.h>

#include "sensor/app/smb/smb_private.h"

#define NBSS_HEADER_SIZE 4u
/* The least of a record that recognition decides on: headers of RFC 1002 and of SMB 1. */
#define MIN_RECORD_SIZE (NBSS_HEADER_SIZE + SMB1_HEADER_SIZE)
/* A session request of NetBIOS in front of the first message is shorter. */
#define MAX_SESSION_REQUEST 256u
#define PORT_NETBIOS 139
#define PORT_DIRECT 445

static const char *const event_names[] = {
#define X(id, name) name,
    SMB_EVENTS(X)
#undef X
    NULL,
};
_Static_assert(SMB_N_EVENTS <= 64, "events are bits of a word");

/* ---- Recognition ---- */

static bool is_message(struct slice s)
{
    return s.size >= NBSS_HEADER_SIZE + 4
           && (s.bytes[0] == 0 || (s.bytes[0] >= 0x81 && s.bytes[0] <= 0x85))
           && s.bytes[4] >= 0xfd && memcmp(s.bytes + 5, "SMB", 3) == 0;
}

/* On its ports a session of NetBIOS may be asked for first. */
static enum app_probe probe_session(struct slice s)
{
    struct cursor c = cursor_of(s.bytes, s.size);
    uint8_t type = cursor_u8(&c);
    size_t size = cursor_be24(&c);

    if (s.size != 0 && (type < 0x81 || type > 0x85)) {
        return APP_PROBE_NO;
    }
    if (c.bad) {
        return APP_PROBE_MORE;
    }
    if (cursor_left(&c) >= size + NBSS_HEADER_SIZE + 4) {
        return is_message(slice_from(s, NBSS_HEADER_SIZE + size)) ? APP_PROBE_YES
                                                                  : APP_PROBE_NO;
    }
    return size < MAX_SESSION_REQUEST ? APP_PROBE_MORE : APP_PROBE_NO;
}

static enum app_probe smb_probe(enum direction dir, struct slice s, uint16_t server_port,
                                uint16_t client_port)
{
    bool is_port = server_port == PORT_NETBIOS || server_port == PORT_DIRECT;
    static const char magic[] = "SMB";
    size_t n = s.size > 5 ? s.size - 5 : 0;

    if (s.size != 0 && s.bytes[0] != 0) {
        return is_port ? probe_session(s) : APP_PROBE_NO;
    }
    if ((s.size > 4 && s.bytes[4] < 0xfd)
        || (n != 0 && memcmp(s.bytes + 5, magic, n < 3 ? n : 3) != 0)) {
        return APP_PROBE_NO;
    }
    return s.size < MIN_RECORD_SIZE ? APP_PROBE_MORE : APP_PROBE_YES;
}

/* ---- Sessions ---- */

static bool open_session(struct app_session *s)
{
    struct smb_state *state;

    if (!app_memory_take(s, sizeof *state)) {
        return false;
    }
    state = calloc(1, sizeof *state);
    if (state == NULL) {
        app_memory_give(s, sizeof *state);
        return false;
    }
    const struct app_conf *conf = app_engine_conf(s->engine);
    state->session = s;
    state->conf = conf;
    app_lookup_init(&state->txs);
    smb_table_init(&state->notes, s, conf->smb_max_notes);
    smb_table_init(&state->names, s, conf->smb_max_files);
    smb_table_init(&state->offsets, s, conf->smb_max_reads);
    smb_table_init(&state->trees, s, conf->smb_max_trees);
    smb_table_init(&state->frags, s, conf->smb_max_frags);
    /* What was there before is not known: the first bytes may stand anywhere. */
    state->sides[TO_SERVER].must_resync = s->flow->is_midstream;
    state->sides[TO_CLIENT].must_resync = s->flow->is_midstream;
    s->state = state;
    return true;
}

static void close_session(struct app_session *s)
{
    struct smb_state *state = s->state;

    if (state == NULL) {
        return;
    }
    smb_table_fini(s, &state->notes);
    smb_table_fini(s, &state->names);
    smb_table_fini(s, &state->offsets);
    smb_table_fini(s, &state->trees);
    smb_table_fini(s, &state->frags);
    app_bytes_free(s, &state->ifaces);
    free(state);
    s->state = NULL;
    app_memory_give(s, sizeof *state);
}

static void smb_tx_free(struct app_tx *base)
{
    struct smb_tx *tx = smb_tx_of(base);

    app_lookup_remove(&tx->by_ids);
    app_lookup_remove(&tx->by_kind);
    app_lookup_remove(&tx->by_message);
    if (tx->kind == SMB_TX_FILE) {
        app_transfer_free(base, &tx->file.transfer);
    } else if (tx->kind == SMB_TX_PIPE) {
        smb_pipe_free(tx);
    }
}

/* The flow ended: files that are open will not be complete. */
static void smb_finish(struct app_session *s)
{
    for (struct app_tx *at = app_tx_first_own(s); at != NULL; at = app_tx_next(s, at)) {
        struct smb_tx *tx = smb_tx_of(at);

        if (tx->kind == SMB_TX_FILE) {
            app_transfer_abandon(&tx->tx, &tx->file.transfer);
        }
    }
}

/* ---- For detect ---- */

static struct app_view view_of(struct slice bytes)
{
    return (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes };
}

static struct app_view none_in(const struct app_tx *tx, enum direction dir)
{
    return (struct app_view) {
        .state = tx->is_done[dir] ? APP_VIEW_ABSENT : APP_VIEW_NOT_YET
    };
}

/* Only the answer tells a share from a pipe: until then what is asked for is a share. */
static struct app_view tree_view(const struct smb_tx *tx, enum direction dir, bool is_pipe)
{
    if (tx->kind != SMB_TX_TREE || dir != TO_SERVER || tx->tree_connect.is_pipe != is_pipe) {
        return none_in(&tx->tx, dir);
    }
    return view_of(tx->tree_connect.name);
}

static struct app_view ntlmssp_view(const struct smb_tx *tx, enum direction dir, bool is_user)
{
    const struct smb_auth *auth = &tx->setup.auth;

    if (tx->kind != SMB_TX_SESSION || dir != TO_SERVER || !auth->has_ntlmssp) {
        return none_in(&tx->tx, dir);
    }
    return view_of(is_user ? auth->user : auth->domain);
}

static struct app_view stub_view(const struct smb_tx *tx, enum direction dir)
{
    const struct app_bytes *stub = &tx->pipe.stub[dir];

    if (tx->kind != SMB_TX_PIPE || stub->size == 0) {
        return none_in(&tx->tx, dir);
    }
    return (struct app_view) {
        .state = tx->tx.is_done[dir] ? APP_VIEW_DONE : APP_VIEW_GROWING,
        .bytes = slice_of(stub->bytes, stub->size),
    };
}

static struct app_view smb_buffer(const struct app_tx *base, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    const struct smb_tx *tx = smb_tx_of(base);

    switch (id) {
    case BUFFER_FILE_DATA:
    case BUFFER_FILE_NAME:
    case BUFFER_FILE_MAGIC:
        return app_file_buffer(base, dir, id, index);
    default:
        break;
    }
    if (index != 0) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    switch (id) {
    case BUFFER_SMB_SHARE:
        return tree_view(tx, dir, false);
    case BUFFER_SMB_NAMED_PIPE:
        return tree_view(tx, dir, true);
    case BUFFER_SMB_NTLMSSP_USER:
        return ntlmssp_view(tx, dir, true);
    case BUFFER_SMB_NTLMSSP_DOMAIN:
        return ntlmssp_view(tx, dir, false);
    case BUFFER_DCERPC_STUB_DATA:
        return stub_view(tx, dir);
    default:
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
}

static bool smb_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                       unsigned index, uint64_t *value)
{
    const struct smb_tx *tx = smb_tx_of(base);

    switch (field) {
    case FIELD_FILESIZE:
        return app_file_number(base, dir, index, value);
    case FIELD_SMB_VERSION:
        *value = tx->version;
        return index == 0 && tx->version != 0;
    case FIELD_DCERPC_OPNUM:
        *value = tx->pipe.opnum;
        return index == 0 && tx->kind == SMB_TX_PIPE && tx->pipe.has_request
               && tx->pipe.request == DCERPC_REQUEST;
    default:
        return false;
    }
}

static bool smb_is_little(const struct app_tx *base)
{
    const struct smb_tx *tx = smb_tx_of(base);

    return tx->kind == SMB_TX_PIPE && tx->pipe.is_little;
}

/* Accepted interfaces, of a request alone. */
static bool smb_iface(const struct app_tx *base, unsigned index, struct app_iface *out)
{
    const struct smb_tx *tx = smb_tx_of(base);
    const struct smb_state *state = base->session->state;

    if (tx->kind != SMB_TX_PIPE || !tx->pipe.has_request
        || tx->pipe.request != DCERPC_REQUEST || state == NULL) {
        return false;
    }
    const struct dcerpc_iface *ifaces = (const void *) state->ifaces.bytes;
    if (index >= state->ifaces.size / sizeof *ifaces) {
        return false;
    }
    *out = (struct app_iface) {
        .uuid = ifaces[index].uuid, .version = ifaces[index].version,
        .is_accepted = ifaces[index].is_acked && ifaces[index].result == 0,
        .is_first_frag = true,
    };
    return true;
}

const struct app_parser smb_parser = {
    .proto = APP_SMB, .event_type = "smb", .over_tcp = true, .has_no_depth = true,
    .tells_raw = true, .event_names = event_names, .probe = smb_probe,
    .open = open_session, .close = close_session, .parse = smb_parse, .finish = smb_finish,
    .buffer = smb_buffer, .number = smb_number, .iface = smb_iface,
    .is_little_endian = smb_is_little, .fill = smb_fill, .tx_free = smb_tx_free,
};
