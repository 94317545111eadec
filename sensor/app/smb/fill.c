/* The smb event. */
#include "common/wire/json.h"
#include "sensor/app/lossy.h"
#include "sensor/app/smb/names.h"
#include "sensor/app/smb/smb_private.h"
#include "sensor/app/text.h"

#define MAX_IFACES 64u          /* Of one event. */

static struct slice guid_text(struct slice g, struct arena *a)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 9, 8, 11, 10, 15, 14, 13, 12 };
    uint8_t uuid[16];

    if (g.size != sizeof uuid) {
        return slice_text("");
    }
    for (size_t i = 0; i < sizeof uuid; i++) {
        uuid[i] = g.bytes[order[i]];
    }
    return app_uuid_text(uuid, a);
}

static struct slice fuid_text(const struct smb_fuid *f, struct arena *a)
{
    if (f->size == 2 || f->size == 6) {
        return slice_text(arena_printf(a, "%02x%02x", f->bytes[1], f->bytes[0]));
    }
    return guid_text(slice_of(f->bytes, f->size), a);
}

static void fill_status(const struct smb_tx *tx, struct event_smb *out, struct arena *a)
{
    if (!tx->has_status) {
        return;
    }
    if (tx->is_dos) {
        uint16_t code = (uint16_t) tx->status;
        out->status = smb_error_name(tx->error_class, code, a);
        out->status_code = slice_text(arena_printf(a, "0x%04x", code));
    } else {
        out->status = smb_status_name(tx->status, a);
        out->status_code = app_number_text("0x", tx->status, 16, a);
    }
}

static void fill_dialect(const struct smb_state *state, struct event_smb *out,
                         struct arena *a)
{
    struct slice name = state->dialect_size != 0
                            ? slice_of(state->dialect_name, state->dialect_size)
                            : slice_text("unknown");

    out->dialect = state->dialect != 0 ? smb2_dialect_name(state->dialect, a)
                   : utf8_is_valid(name) ? arena_copy(a, name.bytes, name.size)
                                         : slice_text("invalid");
}

static void fill_session(const struct smb_session *s, struct event_smb *out, struct arena *a)
{
    const struct smb_auth *auth = &s->auth;

    if (auth->has_ntlmssp) {
        out->ntlmssp_domain = app_lossy(auth->domain, a);
        out->ntlmssp_user = app_lossy(auth->user, a);
        out->ntlmssp_host = app_lossy(auth->host, a);
        out->ntlmssp_version = auth->version;
    }
    if (auth->has_kerberos) {
        out->kerberos_realm = app_lossy(auth->realm, a);
        out->kerberos_snames = auth->snames;
        out->n_kerberos_snames = auth->n_snames;
    }
    if (s->hosts[TO_SERVER].is_seen) {
        out->request_native_os = app_lossy(s->hosts[TO_SERVER].os, a);
        out->request_native_lm = app_lossy(s->hosts[TO_SERVER].lm, a);
    }
    if (s->hosts[TO_CLIENT].is_seen) {
        out->response_native_os = app_lossy(s->hosts[TO_CLIENT].os, a);
        out->response_native_lm = app_lossy(s->hosts[TO_CLIENT].lm, a);
    }
}

static struct slice path_text(struct slice name, struct arena *a)
{
    return name.size != 0 ? app_lossy(name, a) : slice_text("<share_root>");
}

static struct slice access_text(bool is_delete)
{
    return slice_text(is_delete ? "delete on close" : "normal");
}

static void fill_create(const struct smb_create *c, struct event_smb *out, struct arena *a)
{
    if (c->is_directory && c->name.size != 0) {
        out->directory = app_lossy(c->name, a);
    } else {
        out->filename = path_text(c->name, a);
    }
    out->disposition = smb_disposition_name(c->disposition);
    out->access = access_text(c->is_delete);
    out->has_created = out->has_accessed = out->has_modified = out->has_changed = true;
    out->created = c->times[0];
    out->accessed = c->times[1];
    out->modified = c->times[2];
    out->changed = c->times[3];
    out->has_size = true;
    out->size = c->size;
    out->fuid = fuid_text(&c->fuid, a);
}

static void fill_negotiate(const struct smb_state *state, const struct smb_negotiate *n,
                           struct event_smb *out, struct arena *a)
{
    struct slice *dialects = arena_alloc(a, (n->n_dialects + 1) * sizeof *dialects);

    for (size_t i = 0; i < n->n_dialects && dialects != NULL; i++) {
        dialects[i] = app_lossy(n->dialects[i], a);
    }
    out->client_dialects = dialects;
    out->n_client_dialects = dialects != NULL ? n->n_dialects : 0;
    if (n->version == 2) {
        out->client_guid = guid_text(n->client_guid, a);
    }
    out->server_guid = guid_text(n->server_guid, a);
    out->has_max_read_size = state->max_read != 0;
    out->max_read_size = state->max_read;
    out->has_max_write_size = state->max_write != 0;
    out->max_write_size = state->max_write;
}

static void fill_tree(const struct smb_tx *tx, struct event_smb *out, struct arena *a)
{
    static const char *const types[] = { "UNKNOWN", "FILE", "PIPE", "PRINT" };
    const struct smb_tree *t = &tx->tree_connect;

    if (t->is_pipe) {
        out->named_pipe = app_lossy(t->name, a);
    } else {
        out->share = app_lossy(t->name, a);
    }
    if (tx->version == 1) {
        out->service_request = app_lossy(t->request_service, a);
        out->service_response = app_lossy(t->response_service, a);
    } else {
        out->share_type = slice_text(types[t->type <= 3 ? t->type : 0]);
    }
}

static void fill_rename(const struct smb_tx *tx, struct event_smb *out, struct arena *a)
{
    if (tx->version == 2) {
        out->set_info_class = slice_text("FILE_INFO");
        out->set_info_level = slice_text("SMB2_FILE_RENAME_INFO");
    }
    out->rename_from = app_lossy(tx->rename.from, a);
    out->rename_to = app_lossy(tx->rename.to, a);
    out->fuid = fuid_text(&tx->rename.fuid, a);
}

static void fill_setinfo(const struct smb_setinfo *s, struct event_smb *out, struct arena *a)
{
    out->filename = path_text(s->name, a);
    out->access = access_text(s->is_delete);
    out->fuid = fuid_text(&s->fuid, a);
    if (s->command == 8) {
        out->subcmd = slice_text("SET_FILE_INFO");
    } else if (s->command == 6) {
        out->subcmd = slice_text("SET_PATH_INFO");
    }
    if (s->level == 1013) {
        out->level_of_interest = slice_text("Set Disposition Information");
    }
}

/* The interfaces of the last bind; of a request those of its context. */
static void fill_ifaces(const struct smb_state *state, const struct smb_pipe *pipe,
                        struct event_dcerpc *out, struct arena *a)
{
    const struct dcerpc_iface *ifaces = (const void *) state->ifaces.bytes;
    size_t n = state->ifaces.size / sizeof *ifaces;
    struct event_dcerpc_interface *rows = n != 0 ? arena_alloc(a, MAX_IFACES * sizeof *rows)
                                                 : NULL;
    bool is_bind = pipe->request == DCERPC_BIND;

    for (size_t i = 0; rows != NULL && i < n && out->n_interfaces < MAX_IFACES; i++) {
        struct event_dcerpc_interface *row = &rows[out->n_interfaces];

        if (!is_bind && ifaces[i].context != pipe->context) {
            continue;
        }
        dcerpc_fill_iface(&ifaces[i], row, a);
        row->has_ack_result = row->has_ack_reason = is_bind && ifaces[i].is_acked;
        row->ack_result = ifaces[i].result;
        row->ack_reason = ifaces[i].reason;
        out->n_interfaces++;
    }
    out->interfaces = rows;
}

static void fill_pipe(const struct smb_state *state, const struct smb_pipe *p,
                      struct event_smb *smb, struct arena *a)
{
    struct event_dcerpc *out = arena_alloc(a, sizeof *out);

    if (out == NULL) {
        return;
    }
    out->request = p->has_request ? dcerpc_type_name(p->request, a)
                                  : slice_text("REQUEST_LOST");
    out->response = p->has_response ? dcerpc_type_name(p->response, a)
                                    : slice_text("UNREPLIED");
    if (p->has_request && p->request == DCERPC_REQUEST) {
        out->has_opnum = out->has_req_frag_cnt = out->has_req_stub_data_size = true;
        out->opnum = p->opnum;
        out->req_frag_cnt = p->n_frags[TO_SERVER];
        out->req_stub_data_size = p->stub[TO_SERVER].size;
    }
    if (p->has_request && (p->request == DCERPC_REQUEST || p->request == DCERPC_BIND)) {
        fill_ifaces(state, p, out, a);
    }
    if (p->has_response && p->response == DCERPC_RESPONSE) {
        out->has_res_frag_cnt = out->has_res_stub_data_size = true;
        out->res_frag_cnt = p->n_frags[TO_CLIENT];
        out->res_stub_data_size = p->stub[TO_CLIENT].size;
    }
    out->has_call_id = true;
    out->call_id = p->call_id;
    smb->dcerpc = out;
}

static void fill_kind(const struct smb_state *state, const struct smb_tx *tx,
                      struct event_smb *out, struct arena *a)
{
    switch (tx->kind) {
    case SMB_TX_GENERIC:
        break;
    case SMB_TX_FILE:
        out->filename = app_lossy(tx->file.name, a);
        out->share = app_lossy(tx->file.share, a);
        out->fuid = fuid_text(&tx->file.fuid, a);
        break;
    case SMB_TX_TREE:
        fill_tree(tx, out, a);
        break;
    case SMB_TX_NEGOTIATE:
        fill_negotiate(state, &tx->negotiate, out, a);
        break;
    case SMB_TX_PIPE:
        fill_pipe(state, &tx->pipe, out, a);
        break;
    case SMB_TX_CREATE:
        fill_create(&tx->create, out, a);
        break;
    case SMB_TX_SESSION:
        fill_session(&tx->setup, out, a);
        break;
    case SMB_TX_IOCTL:
        out->function = smb_function_name(tx->function, a);
        break;
    case SMB_TX_RENAME:
        fill_rename(tx, out, a);
        break;
    case SMB_TX_SETINFO:
        fill_setinfo(&tx->setinfo, out, a);
        break;
    }
}

void smb_fill(const struct app_tx *base, enum direction dir, struct event *event,
              struct arena *scratch)
{
    const struct smb_tx *tx = smb_tx_of(base);
    const struct smb_state *state = base->session->state;
    struct event_smb *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL || state == NULL) {
        return;
    }
    out->id = base->id + 1;
    fill_dialect(state, out, scratch);
    if (tx->version == 1) {
        out->command = smb1_command_name((uint8_t) tx->command, scratch);
    } else if (tx->version == 2) {
        out->command = smb2_command_name(tx->command, scratch);
    }
    fill_status(tx, out, scratch);
    out->session_id = tx->session;
    out->tree_id = tx->tree;
    fill_kind(state, tx, out, scratch);
    event->smb = out;
}
