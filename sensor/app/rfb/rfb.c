/* RFB behind the parser's interface: recognition, what rules ask for, the event. */
#include "sensor/app/rfb/rfb_private.h"

static const char *const event_names[] = {
#define X(id, name) name,
    RFB_EVENTS(X)
#undef X
    NULL
};
_Static_assert(RFB_N_EVENTS <= 64, "events are bits of 64");

static enum app_probe rfb_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    static const char begin[] = "RFB 00";
    size_t n = bytes.size < sizeof begin - 1 ? bytes.size : sizeof begin - 1;

    if (n != 0 && memcmp(bytes.bytes, begin, n) != 0) {
        return APP_PROBE_NO;
    }
    return n == sizeof begin - 1 ? APP_PROBE_YES : APP_PROBE_MORE;
}

static void rfb_finish(struct app_session *s)
{
    struct rfb_tx *tx = s->state;

    for (int d = 0; tx != NULL && d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
}

static void rfb_tx_free(struct app_tx *base)
{
    if (base->session->state == (void *) base) {
        base->session->state = NULL;
    }
}

static struct app_view rfb_buffer(const struct app_tx *base, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    const struct rfb_tx *tx = rfb_tx_of(base);

    if (id != BUFFER_RFB_NAME || dir != TO_CLIENT || index != 0) {
        return (struct app_view) { .state = APP_VIEW_ABSENT };
    }
    if (!tx->has_server_init) {
        return (struct app_view) { .state = base->is_done[dir] ? APP_VIEW_ABSENT
                                                               : APP_VIEW_NOT_YET };
    }
    return (struct app_view) { .state = APP_VIEW_DONE, .bytes = tx->framebuffer.name };
}

/* The choice is the client's question, the result the server's answer. */
static bool rfb_number(const struct app_tx *base, enum direction dir, enum rule_field field,
                       unsigned index, uint64_t *value)
{
    const struct rfb_tx *tx = rfb_tx_of(base);

    if (index != 0) {
        return false;
    }
    switch (field) {
    case FIELD_RFB_SECTYPE:
        *value = tx->security;
        return tx->has_security && dir == TO_SERVER;
    case FIELD_RFB_SECRESULT:
        *value = tx->result;
        return tx->has_result && dir == TO_CLIENT;
    default:
        return false;
    }
}

static struct slice result_text(const struct rfb_tx *tx, struct arena *scratch)
{
    switch (tx->result) {
    case RFB_RESULT_OK: return slice_text("OK");
    case RFB_RESULT_FAIL: return slice_text("FAIL");
    case RFB_RESULT_TOO_MANY: return slice_text("TOOMANY");
    default: return slice_text(arena_printf(scratch, "UNKNOWN (%u)", tx->result));
    }
}

static void rfb_fill(const struct app_tx *base, enum direction dir, struct event *event,
                     struct arena *scratch)
{
    const struct rfb_tx *tx = rfb_tx_of(base);
    struct event_rfb *out = arena_alloc(scratch, sizeof *out);
    struct event_rfb_authentication *a = arena_alloc(scratch, sizeof *a);
    struct event_rfb_framebuffer *f = arena_alloc(scratch, sizeof *f);

    if (out == NULL || a == NULL || f == NULL) {
        return;
    }
    *a = (struct event_rfb_authentication) {
        .security_type = tx->security, .has_security_type = tx->has_security,
        .challenge = tx->challenge, .response = tx->response,
        .security_result = tx->has_result ? result_text(tx, scratch) : slice_of(NULL, 0),
    };
    *out = (struct event_rfb) {
        .server_major = tx->server_major, .server_minor = tx->server_minor,
        .client_major = tx->client_major, .client_minor = tx->client_minor,
        .authentication = a, .server_security_failure_reason = tx->reason,
        .screen_shared = tx->is_shared, .has_screen_shared = tx->has_client_init,
    };
    if (tx->has_server_init) {
        *f = tx->framebuffer;
        f->pixel_format = &tx->format;
        out->framebuffer = f;
    }
    event->rfb = out;
}

const struct app_parser rfb_parser = {
    .proto = APP_RFB, .event_type = "rfb", .over_tcp = true, .event_names = event_names,
    .probe = rfb_probe, .parse = rfb_parse, .finish = rfb_finish, .buffer = rfb_buffer,
    .number = rfb_number, .fill = rfb_fill, .tx_free = rfb_tx_free,
};
