/* Transactions and files: an event each, when there is something to tell. */
#include "common/base/clock.h"
#include "sensor/app/file.h"
#include "sensor/app/parser.h"
#include "sensor/output/filestore.h"
#include "sensor/output/output_private.h"

bool type_is_on(const struct output_conf *conf, enum event_type type)
{
    switch (type) {
    case EVENT_HTTP:
        return conf->http;
    case EVENT_DNS:
        return conf->dns;
    case EVENT_TLS:
        return conf->tls;
    case EVENT_SSH:
        return conf->ssh;
    case EVENT_SMTP:
        return conf->smtp;
    case EVENT_FTP:
    case EVENT_FTP_DATA:
        return conf->ftp;
    case EVENT_TFTP:
        return conf->tftp;
    case EVENT_MQTT:
        return conf->mqtt;
    case EVENT_SIP:
        return conf->sip;
    case EVENT_DHCP:
        return conf->dhcp;
    case EVENT_SNMP:
        return conf->snmp;
    case EVENT_KRB5:
        return conf->krb5;
    case EVENT_RFB:
        return conf->rfb;
    case EVENT_RDP:
        return conf->rdp;
    case EVENT_SMB:
        return conf->smb;
    case EVENT_DCERPC:
        return conf->dcerpc;
    default:
        return type != EVENT_NONE;
    }
}

void output_ask_digests(const struct output_conf *conf, struct app_conf *app)
{
    app->smtp_body_md5 &= conf->smtp && conf->smtp_md5;
}

/* Every header belongs in the http event alone, when that is wanted. */
static void trim_http(struct event *e, struct event_http *copy, bool keeps_headers)
{
    *copy = *e->http;
    if (!keeps_headers) {
        copy->n_request_headers = copy->n_response_headers = 0;
    }
    e->http = copy;
}

static void trim_tls(struct event *e, struct event_tls *copy)
{
    *copy = (struct event_tls) { .subject = e->tls->subject, .issuerdn = e->tls->issuerdn,
                                 .sni = e->tls->sni,
                                 .session_resumed = e->tls->session_resumed };
    e->tls = copy;
}

/* The whole of it belongs in the smtp event alone. */
static void trim_email(struct event *e, struct event_email *copy, bool is_extended,
                       bool has_md5)
{
    const struct event_email *all = e->email;

    *copy = (struct event_email) {
        .status = all->status, .from = all->from, .to = all->to, .n_to = all->n_to,
        .cc = all->cc, .n_cc = all->n_cc, .attachment = all->attachment,
        .n_attachment = all->n_attachment, .url = all->url, .n_url = all->n_url,
    };
    if (is_extended) {
        *copy = *all;
        copy->subject_md5 = copy->body_md5 = slice_of(NULL, 0);
    }
    if (has_md5) {
        copy->subject_md5 = all->subject_md5;
        copy->body_md5 = all->body_md5;
    }
    e->email = copy;
}

void fill_transaction(struct output_worker *w, struct event *e, struct trimmed *trimmed,
                      const struct app_tx *tx, enum direction dir)
{
    const struct output_conf *conf = &w->output->conf;

    app_tx_fill(tx, dir, e, &w->scratch);
    if (e->http != NULL) {
        trim_http(e, &trimmed->http, conf->http_headers && e->type == EVENT_HTTP);
    }
    if (e->tls != NULL && !conf->tls_extended) {
        trim_tls(e, &trimmed->tls);
    }
    if (e->email != NULL) {
        trim_email(e, &trimmed->email, conf->smtp_extended && e->type == EVENT_SMTP,
                   conf->smtp_md5 && e->type == EVENT_SMTP);
    }
}

/* Rules that want the file stored; in the scratch arena. */
static void fill_sids(struct output_worker *w, struct event_fileinfo *out,
                      const struct app_file *file)
{
    uint64_t *sids = file->n_sids != 0
                         ? arena_alloc(&w->scratch, file->n_sids * sizeof *sids) : NULL;

    for (unsigned i = 0; sids != NULL && i < file->n_sids; i++) {
        sids[i] = file->sids[i];
    }
    out->sids = sids;
    out->n_sids = sids != NULL ? file->n_sids : 0;
}

void fill_file(struct output_worker *w, struct event_fileinfo *out,
               const struct app_file *file, const struct app_tx *tx)
{
    static const char *const states[] = {
        [FILE_OPENED] = "UNKNOWN",
        [FILE_CLOSED] = "CLOSED",
        [FILE_TRUNCATED] = "TRUNCATED",
        [FILE_ERROR] = "ERROR",
    };

    *out = (struct event_fileinfo) {
        .filename = file->name.size != 0 ? file->name : slice_text(""),
        .magic = slice_text(file->magic),
        .gaps = file->has_gaps,
        .state = slice_text(states[file->state]),
        .stored = file->is_stored,
        .storing = file->storing != FILE_NOT_STORING && !file->is_stored,
        .has_file_id = file->is_stored,
        .file_id = file->store_id,
        .size = file->size,
        .has_tx_id = true,
        .tx_id = tx->id,
    };
    fill_sids(w, out, file);
    if (file->has_md5) {
        out->md5 = slice_of(file->md5, sizeof file->md5);
    }
    if (file->has_sha1) {
        out->sha1 = slice_of(file->sha1, sizeof file->sha1);
    }
    if (file->has_sha256) {
        out->sha256 = slice_of(file->sha256, sizeof file->sha256);
    }
}

static void log_file(struct output_worker *w, const struct packet *p, struct flow *flow,
                     const struct app_tx *tx, const struct app_file *file)
{
    struct event e = { .type = EVENT_FILEINFO };
    struct event_parts parts = { 0 };
    struct event_fileinfo info;
    struct trimmed trimmed;

    /* The source of a file event is who sends the file. */
    fill_packet(w, &e, &parts, p, flow,
                file->dir == TO_SERVER ? SOURCE_IS_CLIENT : SOURCE_IS_SERVER);
    fill_transaction(w, &e, &trimmed, tx, file->dir);
    fill_file(w, &info, file, tx);
    e.fileinfo = &info;
    fill_app_proto(&e, flow);
    fill_flow_extras(w, &e, &parts, flow);
    w->wants_store_line = file->is_stored && w->store != NULL
                          && file_store_wants_info(w->store);
    deliver_event(w, &e);
    if (w->wants_store_line) {
        file_store_info(w->store, w->number, file, p->time_ns / NS_PER_SEC,
                        w->store_line.text, w->store_line.size);
        w->wants_store_line = false;
    }
}

/* A dns object has the number within, a flow one handshake, a call an id of its own; of others
 * it tells nothing. */
static bool has_tx_id(enum event_type type)
{
    switch (type) {
    case EVENT_DNS: case EVENT_TLS: case EVENT_SSH: case EVENT_FTP: case EVENT_FTP_DATA:
    case EVENT_TFTP: case EVENT_MQTT: case EVENT_DCERPC: case EVENT_DHCP: case EVENT_SNMP:
    case EVENT_KRB5: case EVENT_RFB: case EVENT_RDP: case EVENT_SIP:
        return false;
    default:
        return true;
    }
}

static void log_message(struct output_worker *w, const struct packet *p, struct flow *flow,
                        const struct app_tx *tx, enum direction dir, enum event_type type)
{
    struct event e = { .type = type };
    struct event_parts parts = { 0 };
    struct trimmed trimmed;

    fill_packet(w, &e, &parts, p, flow,
                dir == TO_SERVER ? SOURCE_IS_CLIENT : SOURCE_IS_SERVER);
    e.has_tx_id = has_tx_id(type);
    e.tx_id = tx->id;
    fill_transaction(w, &e, &trimmed, tx, dir);
    fill_flow_extras(w, &e, &parts, flow);
    deliver_event(w, &e);
}

/* Protocols in which every message is an event of its own. */
static bool logs_each_direction(enum app_proto proto)
{
    return proto == APP_DNS || proto == APP_MDNS || proto == APP_DHCP || proto == APP_SNMP
           || proto == APP_KRB5 || proto == APP_RDP;
}

/* Logs a message that is ready if its type is on; false if not. */
static bool log_if_wanted(struct output_worker *w, const struct packet *p, struct flow *flow,
                          const struct app_tx *tx, enum direction dir)
{
    const char *name = app_event_type(tx->parser);
    enum event_type type = name != NULL ? event_type_by_name(name) : EVENT_NONE;

    if (!type_is_on(&w->output->conf, type)) {
        return false;
    }
    log_message(w, p, flow, tx, dir, type);
    return true;
}

/* Logs what is ready; true if nothing more can come. */
static bool log_messages(struct output_worker *w, const struct packet *p, struct flow *flow,
                         struct app_tx *tx)
{
    bool is_over = tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT];

    if (!logs_each_direction(tx->parser->proto)) {
        bool is_client = app_tx_is_loggable(tx, TO_SERVER);
        if (!tx->is_dir_logged[TO_SERVER]
            && (is_client || app_tx_is_loggable(tx, TO_CLIENT))) {
            /* The source is who began, where the parser tells. */
            tx->is_dir_logged[TO_SERVER] =
                log_if_wanted(w, p, flow, tx, is_client ? TO_SERVER : TO_CLIENT);
        }
        return tx->is_dir_logged[TO_SERVER] || is_over;
    }
    for (enum direction dir = TO_SERVER; dir < N_DIRECTIONS; dir++) {
        if (!tx->is_dir_logged[dir] && app_tx_is_loggable(tx, dir)) {
            tx->is_dir_logged[dir] = log_if_wanted(w, p, flow, tx, dir);
        }
    }
    return is_over;
}

/* A file is told of with a packet of its direction: there rules have seen all of it, and what
 * they asked for is done.  A side that has ended sends no more packets to wait for. */
static bool is_file_ready(const struct packet *p, const struct flow *flow,
                          const struct app_session *session, enum direction dir)
{
    return flow->key.ip_proto != IP_PROTO_TCP || flow_direction(flow, p) == dir
           || (session->has_ended[TO_SERVER] && session->has_ended[TO_CLIENT]);
}

void output_transaction(struct output_worker *w, const struct packet *p, struct flow *flow,
                        struct app_tx *tx)
{
    bool is_over = tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT];
    bool has_open_files = false, is_logged;

    if (tx->is_logged) {
        return;
    }
    is_logged = log_messages(w, p, flow, tx);
    LIST_FOR_EACH (node, &tx->files) {
        struct app_file *file = LIST_ENTRY(node, struct app_file, node);

        if (file->is_logged) {
            continue;
        }
        if ((file->state == FILE_OPENED && !is_over)
            || !is_file_ready(p, flow, tx->session, file->dir)) {
            has_open_files = true;
            continue;
        }
        app_file_settle(tx, file);
        file->is_stored = file->storing == FILE_STORE_DONE;
        if (w->output->conf.fileinfo) {
            log_file(w, p, flow, tx, file);
        }
        file->is_logged = true;
    }
    /* A file may begin as long as the transaction goes on. */
    tx->is_logged = is_logged && is_over && !has_open_files;
}
