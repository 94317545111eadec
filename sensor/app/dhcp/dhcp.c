/* DHCP behind the parser's interface.  Every message is a transaction of its own. */
#include "sensor/app/dhcp/message.h"

#define SERVER_PORT 67
#define CLIENT_PORT 68

struct dhcp_tx {
    struct app_tx tx;
    enum direction dir;
    struct dhcp_message message;
};

static const char *const event_names[] = {
    [DHCP_EVENT_TRUNCATED_OPTIONS] = "truncated_options",
    [DHCP_EVENT_MALFORMED_OPTIONS] = "malformed_options",
    [DHCP_N_EVENTS] = NULL,
};

static const struct dhcp_tx *dhcp_tx_of(const struct app_tx *tx)
{
    return (const struct dhcp_tx *) (const void *) tx;
}

static bool is_port(uint16_t port)
{
    return port == SERVER_PORT || port == CLIENT_PORT;
}

/* On its ports whatever is long enough; elsewhere what has the cookie. */
static enum app_probe dhcp_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                 uint16_t client_port)
{
    if (bytes.size < DHCP_HEADER_SIZE) {
        return APP_PROBE_NO;
    }
    bool has_cookie = (bytes.bytes[0] == 1 || bytes.bytes[0] == 2) && bytes.bytes[2] <= 16
                      && memcmp(bytes.bytes + DHCP_HEADER_SIZE - 4, DHCP_MAGIC, 4) == 0;

    return has_cookie || is_port(server_port) || is_port(client_port) ? APP_PROBE_YES
                                                                      : APP_PROBE_NO;
}

static enum app_result dhcp_parse(struct app_session *s, const struct app_input *in,
                                  size_t *consumed)
{
    *consumed = in->bytes.size;
    if (in->bytes.size < DHCP_HEADER_SIZE) {
        return APP_BROKEN;
    }
    struct dhcp_tx *tx = app_tx_new(s, sizeof *tx, in->now_ns);
    if (tx == NULL) {
        return APP_OK;                  /* Counted; the next may find room. */
    }
    tx->dir = in->dir;
    (void) dhcp_message_decode(in->bytes, &tx->tx.arena, &tx->message);
    for (unsigned i = 0; i < DHCP_N_EVENTS; i++) {
        if ((tx->message.events >> i & 1) != 0) {
            app_tx_set_event(&tx->tx, i);
        }
    }
    app_tx_set_message(&tx->tx, in->dir);
    return APP_OK;
}

static struct app_view dhcp_buffer(const struct app_tx *tx, enum direction dir,
                                   enum buffer_id id, unsigned index)
{
    return (struct app_view) { .state = APP_VIEW_ABSENT };
}

static bool dhcp_number(const struct app_tx *tx, enum direction dir, enum rule_field field,
                        unsigned index, uint64_t *value)
{
    const struct dhcp_message *m = &dhcp_tx_of(tx)->message;

    if (index != 0 || dir != dhcp_tx_of(tx)->dir) {
        return false;
    }
    switch (field) {
    case FIELD_DHCP_LEASETIME:
        *value = m->lease_time;
        return m->has_lease_time;
    case FIELD_DHCP_RENEWAL_TIME:
        *value = m->renewal_time;
        return m->has_renewal_time;
    case FIELD_DHCP_REBINDING_TIME:
        *value = m->rebinding_time;
        return m->has_rebinding_time;
    default:
        return false;
    }
}

static void dhcp_fill(const struct app_tx *tx, enum direction dir, struct event *event,
                      struct arena *scratch)
{
    event->dhcp = &dhcp_tx_of(tx)->message.eve;
}

static bool dhcp_is_loggable(const struct app_tx *tx, enum direction dir)
{
    return dhcp_tx_of(tx)->dir == dir;
}

const struct app_parser dhcp_parser = {
    .proto = APP_DHCP, .event_type = "dhcp", .over_udp = true, .event_names = event_names,
    .probe = dhcp_probe, .parse = dhcp_parse, .buffer = dhcp_buffer, .number = dhcp_number,
    .fill = dhcp_fill, .is_loggable = dhcp_is_loggable,
};
