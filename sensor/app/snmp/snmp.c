/* SNMP behind the parser's interface.  Every message is a transaction of its own. */
#include <stdlib.h>

#include "sensor/app/snmp/message.h"

#define AGENT_PORT 161
#define TRAP_PORT 162

enum { EVENT_MALFORMED_DATA, EVENT_UNKNOWN_SECURITY_MODEL, EVENT_VERSION_MISMATCH };
static const char *const event_names[] = {
    [EVENT_MALFORMED_DATA] = "malformed_data",
    [EVENT_UNKNOWN_SECURITY_MODEL] = "unknown_security_model",
    [EVENT_VERSION_MISMATCH] = "version_mismatch",
    NULL,
};

struct snmp_tx {
    struct app_tx tx;
    enum direction dir;
    unsigned version;           /* Of the session: of its first message. */
    struct snmp_message message;
};
struct snmp_state {
    unsigned version;
};

static const struct snmp_tx *snmp_tx_of(const struct app_tx *tx)
{
    return (const struct snmp_tx *) (const void *) tx;
}

/* A message that says how long it is, with a version, on the ports or at the least whole. */
static enum app_probe snmp_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                 uint16_t client_port)
{
    bool is_port = server_port == AGENT_PORT || client_port == AGENT_PORT
                   || server_port == TRAP_PORT || client_port == TRAP_PORT;

    return is_port && bytes.size >= 4 && snmp_message_version(bytes) != 0 ? APP_PROBE_YES
                                                                          : APP_PROBE_NO;
}

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct snmp_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct snmp_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct snmp_state));
    }
    return s->state != NULL;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct snmp_state));
    }
}

/* Of a message that cannot be read there is nothing to log, but its event is inspected. */
static void take_message(struct snmp_state *state, struct snmp_tx *tx, struct slice bytes)
{
    struct snmp_message message;

    if (!snmp_message_decode(bytes, &tx->tx.arena, &message)) {
        app_tx_set_event(&tx->tx, EVENT_MALFORMED_DATA);
        tx->tx.is_logged = true;
        return;
    }
    tx->message = message;
    tx->version = state->version = state->version != 0 ? state->version : message.version;
    if (message.version != state->version) {
        app_tx_set_event(&tx->tx, EVENT_VERSION_MISMATCH);
    }
    if (message.has_unknown_model) {
        app_tx_set_event(&tx->tx, EVENT_UNKNOWN_SECURITY_MODEL);
    }
}

static enum app_result snmp_parse(struct app_session *s, const struct app_input *in,
                                  size_t *consumed)
{
    struct snmp_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);

    *consumed = in->bytes.size;
    if (tx == NULL) {
        return APP_OK;                  /* Counted; the next may find room. */
    }
    tx->dir = in->dir;
    take_message(s->state, tx, in->bytes);
    app_tx_set_message(&tx->tx, in->dir);
    return APP_OK;
}

static struct app_view snmp_buffer(const struct app_tx *base, enum direction dir,
                                   enum buffer_id id, unsigned index)
{
    const struct snmp_tx *tx = snmp_tx_of(base);
    struct slice bytes = id == BUFFER_SNMP_COMMUNITY ? tx->message.community
                         : id == BUFFER_SNMP_USM     ? tx->message.usm
                                                     : slice_of(NULL, 0);

    return (struct app_view) {
        .state = index == 0 && dir == tx->dir && bytes.bytes != NULL ? APP_VIEW_DONE
                                                                     : APP_VIEW_ABSENT,
        .bytes = bytes,
    };
}

static bool snmp_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                        unsigned index, uint64_t *value)
{
    const struct snmp_tx *tx = snmp_tx_of(base);

    if (index != 0 || dir != tx->dir) {
        return false;
    }
    switch (field) {
    case FIELD_SNMP_VERSION:
        *value = tx->version;
        return tx->version != 0;
    case FIELD_SNMP_PDU_TYPE:
        *value = tx->message.pdu_type;
        return tx->message.has_pdu_type;
    default:
        return false;
    }
}

static struct slice pdu_text(const struct snmp_message *m)
{
    static const char *const names[] = {
        "get_request", "get_next_request", "response", "set_request", "trap_v1",
        "get_bulk_request", "inform_request", "trap_v2", "report",
    };

    return m->is_encrypted ? slice_text("encrypted")
           : m->has_pdu_type && m->pdu_type < sizeof names / sizeof *names
               ? slice_text(names[m->pdu_type])
               : slice_of(NULL, 0);
}

static void snmp_fill(const struct app_tx *base, enum direction dir, struct event *event,
                      struct arena *scratch)
{
    const struct snmp_tx *tx = snmp_tx_of(base);
    const struct snmp_message *m = &tx->message;
    struct event_snmp *out;

    if (m->version == 0 || (out = arena_alloc(scratch, sizeof *out)) == NULL) {
        return;
    }
    *out = (struct event_snmp) { .version = tx->version, .pdu_type = pdu_text(m) };
    if (!m->is_encrypted) {
        out->error = m->error;
        out->trap_type = m->trap_type;
        out->trap_oid = m->trap_oid;
        out->trap_address = m->trap_address;
        out->vars = m->vars;
        out->n_vars = m->n_vars;
        out->community = m->community;
        out->usm = m->usm;
    }
    event->snmp = out;
}

static bool snmp_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return snmp_tx_of(tx)->dir == dir;
}

const struct app_parser snmp_parser = {
    .proto = APP_SNMP, .event_type = "snmp", .over_udp = true, .event_names = event_names,
    .probe = snmp_probe, .open = open_session, .close = close_session, .parse = snmp_parse,
    .buffer = snmp_buffer, .number = snmp_number, .fill = snmp_fill,
    .is_loggable = snmp_is_loggable,
};
