/* The dcerpc event. */
#include "sensor/app/dcerpc/dcerpc_private.h"
#include "sensor/app/text.h"

#define MAX_IFACES 64u          /* Of one event. */

/* Of a bind its contexts, of a call the one that it names. */
static void fill_ifaces(const struct dcerpc_tx *tx, struct event_dcerpc *out, struct arena *a)
{
    const struct dcerpc_state *state = tx->tx.session->state;
    bool is_bind = tx->request == DCERPC_BIND;

    if (state == NULL || tx->is_udp || (!is_bind && tx->request != DCERPC_REQUEST)) {
        return;
    }
    const struct dcerpc_iface *ifaces = (const void *) state->ifaces.bytes;
    size_t n = state->ifaces.size / sizeof *ifaces;
    struct event_dcerpc_interface *rows = n != 0 ? arena_alloc(a, MAX_IFACES * sizeof *rows)
                                                 : NULL;
    for (size_t i = 0; rows != NULL && i < n && out->n_interfaces < MAX_IFACES; i++) {
        struct event_dcerpc_interface *row = &rows[out->n_interfaces];
        bool fits = is_bind ? ifaces[i].call_id == tx->call_id
                            : ifaces[i].context == tx->context;

        if (fits) {
            dcerpc_fill_iface(&ifaces[i], row, a);
            row->has_ack_result = ifaces[i].is_acked;
            row->ack_result = ifaces[i].result;
            out->n_interfaces++;
        }
    }
    out->interfaces = rows;
}

static void fill_calls(const struct dcerpc_tx *tx, struct event_dcerpc *out, struct arena *a)
{
    out->request = tx->has_request ? dcerpc_type_name(tx->request, a)
                                   : slice_text("REQUEST_LOST");
    out->response = tx->has_response ? dcerpc_type_name(tx->response, a)
                                     : slice_text("UNREPLIED");
    if (tx->has_request && tx->request == DCERPC_REQUEST) {
        out->has_req_opnum = out->has_req_frag_cnt = out->has_req_stub_data_size = true;
        out->req_opnum = tx->opnum;
        out->req_frag_cnt = tx->n_frags[TO_SERVER];
        out->req_stub_data_size = tx->stub[TO_SERVER].size;
    }
    if (tx->has_response && tx->response == DCERPC_RESPONSE) {
        out->has_res_frag_cnt = out->has_res_stub_data_size = true;
        out->res_frag_cnt = tx->n_frags[TO_CLIENT];
        out->res_stub_data_size = tx->stub[TO_CLIENT].size;
    }
}

void dcerpc_fill(const struct app_tx *base, enum direction dir, struct event *event,
                 struct arena *scratch)
{
    const struct dcerpc_tx *tx = dcerpc_tx_of(base);
    struct event_dcerpc *out = arena_alloc(scratch, sizeof *out);

    if (out == NULL) {
        return;
    }
    fill_calls(tx, out, scratch);
    if (tx->has_request) {
        fill_ifaces(tx, out, scratch);
    }
    if (tx->is_udp) {
        out->activityuuid = app_uuid_text(tx->activity, scratch);
        out->has_seqnum = true;
        out->seqnum = tx->call_id;
        out->rpc_version = slice_text("4.0");
    } else {
        out->has_call_id = true;
        out->call_id = tx->call_id;
        out->rpc_version = app_number_text("5.", tx->minor, 10, scratch);
    }
    event->dcerpc = out;
}
