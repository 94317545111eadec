/* SSH behind the parser's interface: recognition, buffers, the event. */
#include "rules/lang/hooks.h"
#include "sensor/app/ssh/ssh_private.h"

/* A banner's part may be as long as its sender likes; the event says how much is left out. */
#define EVENT_TEXT_MAX 256u

static const char *const event_names[] = {
#define X(id, name) name,
    SSH_EVENTS(X)
#undef X
    NULL
};
_Static_assert(SSH_N_EVENTS <= 64, "events are bits of 64");

static enum app_probe ssh_probe(enum direction dir, struct slice bytes, uint16_t server_port,
                                uint16_t client_port)
{
    static const char begin[] = "SSH-";
    size_t n = bytes.size < sizeof begin - 1 ? bytes.size : sizeof begin - 1;

    if (n == 0 || strncasecmp((const char *) bytes.bytes, begin, n) != 0) {
        return n == 0 ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    return n == sizeof begin - 1 ? APP_PROBE_YES : APP_PROBE_MORE;
}

static void ssh_finish(struct app_session *s)
{
    struct ssh_tx *tx = s->state;

    for (int d = 0; tx != NULL && d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
}

static void ssh_tx_free(struct app_tx *base)
{
    /* A session that another protocol took over keeps that one's state. */
    if (base->session->state == (void *) base) {
        base->session->state = NULL;
    }
}

/* ---- For detect ---- */

static struct app_view view_of(const struct ssh_tx *tx, enum direction dir, bool is_known,
                               struct slice bytes)
{
    if (bytes.bytes != NULL) {
        return (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes };
    }
    return (struct app_view) { .state = is_known || tx->tx.is_done[dir] ? APP_VIEW_ABSENT
                                                                        : APP_VIEW_NOT_YET };
}

static struct app_view ssh_buffer(const struct app_tx *base, enum direction dir,
                                  enum buffer_id id, unsigned index)
{
    static const struct app_view absent = { .state = APP_VIEW_ABSENT };
    const struct ssh_tx *tx = ssh_tx_of(base);
    const struct ssh_side *side = &tx->sides[dir];
    bool has_banner = side->stage > SSH_AT_BANNER;
    bool is_client = dir == TO_SERVER;

    if (index != 0) {
        return absent;
    }
    switch (id) {
    case BUFFER_SSH_PROTO:
        return view_of(tx, dir, has_banner, side->proto);
    case BUFFER_SSH_SOFTWARE:
        return view_of(tx, dir, has_banner, side->software);
    case BUFFER_SSH_HASSH:
        return is_client ? view_of(tx, dir, side->has_kex, side->hassh) : absent;
    case BUFFER_SSH_HASSH_STRING:
        return is_client ? view_of(tx, dir, side->has_kex, side->hassh_string) : absent;
    case BUFFER_SSH_HASSH_SERVER:
        return is_client ? absent : view_of(tx, dir, side->has_kex, side->hassh);
    case BUFFER_SSH_HASSH_SERVER_STRING:
        return is_client ? absent : view_of(tx, dir, side->has_kex, side->hassh_string);
    default:
        return absent;
    }
}

/* By the numbers of rules/lang/hooks.h. */
static unsigned ssh_progress(const struct app_tx *base, enum direction dir)
{
    switch (ssh_tx_of(base)->sides[dir].stage) {
    case SSH_AT_BANNER:
        return base->changes[dir] != 0 ? 2 : PROGRESS_NONE;
    case SSH_IN_BANNER:
        return 3;
    case SSH_AT_RECORD:
        return 4;
    case SSH_ENCRYPTED:
        break;
    }
    return 5;
}

/* ---- For output ---- */

static struct slice event_text(struct slice text, struct arena *scratch)
{
    if (text.size <= EVENT_TEXT_MAX) {
        return text;
    }
    size_t left_out = text.size - EVENT_TEXT_MAX;
    struct slice tail = slice_text(arena_printf(scratch, "[truncated %zu additional byte%s]",
                                                left_out, left_out == 1 ? "" : "s"));
    uint8_t *out = arena_alloc(scratch, EVENT_TEXT_MAX + tail.size);
    if (out == NULL || tail.bytes == NULL) {
        return slice_of(text.bytes, EVENT_TEXT_MAX);
    }
    memcpy(out, text.bytes, EVENT_TEXT_MAX);
    memcpy(out + EVENT_TEXT_MAX, tail.bytes, tail.size);
    return slice_of(out, EVENT_TEXT_MAX + tail.size);
}

static void ssh_fill(const struct app_tx *base, enum direction dir, struct event *event,
                     struct arena *scratch)
{
    const struct ssh_side *client = &ssh_tx_of(base)->sides[TO_SERVER];
    const struct ssh_side *server = &ssh_tx_of(base)->sides[TO_CLIENT];
    struct event_ssh *out;

    if ((client->proto.bytes == NULL && server->proto.bytes == NULL)
        || (out = arena_alloc(scratch, sizeof *out)) == NULL) {
        return;
    }
    *out = (struct event_ssh) {
        .client_proto_version = event_text(client->proto, scratch),
        .client_software_version = event_text(client->software, scratch),
        .client_hassh_hash = client->hassh,
        .client_hassh_string = client->hassh_string,
        .server_proto_version = event_text(server->proto, scratch),
        .server_software_version = event_text(server->software, scratch),
        .server_hassh_hash = server->hassh,
        .server_hassh_string = server->hassh_string,
    };
    event->ssh = out;
}

/* When all is known of both sides, or nothing more will be. */
static bool ssh_is_loggable(const struct app_tx *base, enum direction dir)
{
    const struct ssh_tx *tx = ssh_tx_of(base);
    const struct ssh_side *client = &tx->sides[TO_SERVER], *server = &tx->sides[TO_CLIENT];
    bool has_banners = client->proto.bytes != NULL && server->proto.bytes != NULL;

    if (base->is_done[TO_SERVER] && base->is_done[TO_CLIENT]) {
        return client->proto.bytes != NULL || server->proto.bytes != NULL;
    }
    return has_banners && !tx->wants_hassh;
}

const struct app_parser ssh_parser = {
    .proto = APP_SSH, .event_type = "ssh", .over_tcp = true, .event_names = event_names,
    .probe = ssh_probe, .parse = ssh_parse, .finish = ssh_finish, .buffer = ssh_buffer,
    .progress = ssh_progress, .fill = ssh_fill, .is_loggable = ssh_is_loggable,
    .tx_free = ssh_tx_free,
};
