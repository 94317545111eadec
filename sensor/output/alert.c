/* Alert events: the rule, the packet, the transaction and the flow that it matched in. */
#include "rules/lang/hooks.h"
#include "sensor/app/parser.h"
#include "sensor/output/output_private.h"

static const char *action_name(enum rule_action action)
{
    /* A tap blocks nothing by itself; only what asked for a reset says "blocked". */
    return action == RULE_REJECT ? "blocked" : "allowed";
}

static void fill_target(struct event_alert *alert, const struct event *e,
                        enum rule_side target)
{
    bool is_dst = target == SIDE_DST;

    if ((target != SIDE_DST && target != SIDE_SRC) || e->src_ip.version == 0) {
        return;
    }
    alert->source_ip = is_dst ? e->src_ip : e->dest_ip;
    alert->target_ip = is_dst ? e->dest_ip : e->src_ip;
    alert->has_source_port = alert->has_target_port = e->has_src_port;
    alert->source_port = is_dst ? e->src_port : e->dest_port;
    alert->target_port = is_dst ? e->dest_port : e->src_port;
}

static struct slice base_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    return slice_text(slash != NULL ? slash + 1 : path);
}

static void fill_rule(struct output_worker *w, struct event_alert *alert,
                      const struct detect_alert *a)
{
    const struct rule *rule = a->rule;

    alert->action = slice_text(action_name(a->action));
    alert->gid = rule->gid;
    alert->signature_id = rule->sid;
    alert->rev = rule->rev;
    alert->signature = slice_text(rule->msg != NULL ? rule->msg : "");
    alert->category = slice_text(rule->category != NULL ? rule->category : "");
    alert->severity = rule->priority > 0 ? (uint64_t) rule->priority : 3;
    /* A rule file need not be UTF-8. */
    alert->metadata = clean_json(w, slice_text(rule->metadata_json));
    alert->references = clean_json(w, slice_text(rule->references_json));
    alert->context = a->context;
    alert->ruleset = base_name(rule->file);
}

/* The flow as it stood when the rule matched. */
static void fill_alert_flow(struct event *e, struct event_parts *parts,
                            const struct flow *flow, const struct packet *p)
{
    struct event_flow *out = &parts->flow;

    fill_flow_counts(out, flow);
    out->src_ip = *flow_client(flow);
    out->dest_ip = *flow_server(flow);
    out->has_src_port = out->has_dest_port = has_ports(flow->key.ip_proto);
    out->src_port = flow_client_port(flow);
    out->dest_port = flow_server_port(flow);
    e->flow = out;
    e->direction = slice_text(flow_direction(flow, p) == TO_SERVER ? "to_server"
                                                                   : "to_client");
    fill_app_proto(e, flow);
}

static void fill_raw(struct event *e, struct event_parts *parts, const struct packet *p)
{
    bool is_inner = p->outer != NULL || p->source == PACKET_FROM_DEFRAG;
    uint16_t link = is_inner || p->frame == NULL ? LINK_RAW : p->frame->link_type;

    e->packet = slice_of(p->bytes, p->size);
    parts->packet_info.linktype_name =
        slice_text(link_name(link, &parts->packet_info.linktype));
    e->packet_info = &parts->packet_info;
}

static void fill_bytes(struct output_worker *w, struct event *e, struct event_parts *parts,
                       const struct packet *p, const struct detect_alert *a)
{
    const struct output_conf *conf = &w->output->conf;
    struct slice payload = a->payload.size != 0 ? a->payload : packet_payload(p);

    if (payload.size != 0 && conf->payload) {
        e->payload = payload;
    }
    if (payload.size != 0 && conf->payload_printable) {
        e->payload_printable = printable_text(w, payload);
    }
    if (conf->payload || conf->payload_printable) {
        e->has_stream = true;
        e->stream = a->from_stream;
    }
    if (conf->packet && p->size != 0) {
        fill_raw(e, parts, p);
    }
}

static void fill_body(struct output_worker *w, const struct app_tx *tx, enum direction dir,
                      enum buffer_id id, struct slice *raw, struct slice *printable)
{
    struct app_view view = app_tx_buffer(tx, dir, id, 0);

    if (view.bytes.size == 0
        || (view.state != APP_VIEW_GROWING && view.state != APP_VIEW_DONE)) {
        return;
    }
    if (w->output->conf.http_body) {
        *raw = view.bytes;
    }
    if (w->output->conf.http_body_printable) {
        *printable = printable_text(w, view.bytes);
    }
}

/* The transaction's files that were not told yet: of several in one request, those that a
 * rule can have matched now. */
static void fill_alert_files(struct output_worker *w, struct event *e,
                             const struct app_tx *tx)
{
    struct event_fileinfo *files = NULL;
    size_t n = 0;

    LIST_FOR_EACH (node, &tx->files) {
        const struct app_file *file = LIST_ENTRY(node, struct app_file, node);

        if (file->is_logged || n == MAX_FILES) {
            continue;
        }
        if (files == NULL) {
            files = arena_alloc(&w->scratch, MAX_FILES * sizeof *files);
        }
        if (files == NULL) {
            w->counters.scratch_full++;
            return;
        }
        fill_file(w, &files[n++], file, tx);
    }
    e->files = files;
    e->n_files = n;
}

static void fill_alert_transaction(struct output_worker *w, struct event *e,
                                   struct trimmed *trimmed, const struct detect_alert *a)
{
    e->has_tx_id = true;
    e->tx_id = a->tx->id;
    e->ts_progress = slice_text(progress_name(a->tx->parser->proto, false,
                                              app_tx_progress(a->tx, TO_SERVER)));
    e->tc_progress = slice_text(progress_name(a->tx->parser->proto, true,
                                              app_tx_progress(a->tx, TO_CLIENT)));
    if (!w->output->conf.app_layer) {
        return;
    }
    fill_transaction(w, e, trimmed, a->tx, a->dir);
    if (e->http == &trimmed->http) {
        fill_body(w, a->tx, TO_SERVER, BUFFER_HTTP_REQUEST_BODY,
                  &trimmed->http.http_request_body,
                  &trimmed->http.http_request_body_printable);
        fill_body(w, a->tx, TO_CLIENT, BUFFER_HTTP_RESPONSE_BODY,
                  &trimmed->http.http_response_body,
                  &trimmed->http.http_response_body_printable);
    }
    fill_alert_files(w, e, a->tx);
}

void output_alert(struct output_worker *w, const struct packet *p, struct flow *flow,
                  const struct detect_alert *a)
{
    struct event e = { .type = EVENT_ALERT };
    struct event_parts parts = { 0 };
    struct event_alert alert = { 0 };
    struct event_frame frame;
    struct trimmed trimmed;

    if (!w->output->conf.alert) {
        return;
    }
    fill_packet(w, &e, &parts, p, flow, SOURCE_AS_PACKET);
    fill_tunnel(w, &e, &parts, p);
    fill_rule(w, &alert, a);
    fill_target(&alert, &e, a->rule->target);
    e.alert = &alert;
    if (a->tx != NULL) {
        fill_alert_transaction(w, &e, &trimmed, a);
    }
    if (flow != NULL) {
        fill_alert_flow(&e, &parts, flow, p);
    }
    fill_bytes(w, &e, &parts, p, a);
    fill_alert_frame(w, &e, &frame, a, flow);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

/* Of its own: the event's room on the stack is not to be cleared for every packet. */
static __attribute__((noinline)) void log_variables(struct output_worker *w,
                                                    const struct packet *p,
                                                    struct flow *flow)
{
    struct event e = { .type = EVENT_METADATA };
    struct event_parts parts = { 0 };

    fill_packet(w, &e, &parts, p, flow, SOURCE_AS_PACKET);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

void output_packet_variables(struct output_worker *w, const struct packet *p,
                             struct flow *flow)
{
    struct detect_var var;

    if (w->output->conf.variables && flow != NULL && flow->detect != NULL && w->detect != NULL
        && detect_packet_vars(w->detect, &var, 1) != 0) {
        log_variables(w, p, flow);
    }
}

void output_tagged_packet(struct output_worker *w, const struct packet *p, struct flow *flow)
{
    struct event e = { .type = EVENT_PACKET };
    struct event_parts parts = { 0 };

    if (!w->output->conf.alert || !w->output->conf.tagged_packets || p->size == 0) {
        return;
    }
    fill_packet(w, &e, &parts, p, flow, SOURCE_AS_PACKET);
    fill_tunnel(w, &e, &parts, p);
    fill_raw(&e, &parts, p);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}
