/* Messages out of the stream, and which of them make one transaction: CONNECT and CONNACK, a
 * PUBLISH with all that acknowledges it, a subscription with its answer, any other alone.
 *
 * A transaction is of the direction of its first message; rules look at it in that one. */
#include "sensor/app/mqtt/mqtt.h"

#include <stdlib.h>

#include "sensor/app/frame.h"

#define MQTT_PORT 1883
/* Where the identifier of a message would stand, CONNECT has this. */
#define ID_OF_CONNECT 0x10000u

struct mqtt_state {
    struct app_lookup waiting;          /* For an answer, by direction and identifier. */
    uint64_t skip[N_DIRECTIONS];        /* Bytes left of a message that is too large. */
    uint8_t version;                    /* As CONNECT said; 0 before. */
    bool is_connected;
};

static const char *const event_names[] = {
#define X(id, name) name,
    MQTT_EVENTS(X)
#undef X
    NULL
};

/* ---- Recognition ---- */

/* CONNECT with the protocol's name. */
static enum app_probe probe_connect(struct slice s, const struct mqtt_header *h)
{
    struct slice rest = slice_from(s, h->header_size);

    if (rest.size < 8) {
        return APP_PROBE_MORE;
    }
    return memcmp(rest.bytes, "\0\4MQTT", 6) == 0 || memcmp(rest.bytes, "\0\6MQIsdp", 8) == 0
               ? APP_PROBE_YES : APP_PROBE_NO;
}

/* Flags that are reserved for all but PUBLISH (2.1.3). */
static bool has_usual_flags(const struct mqtt_header *h)
{
    bool is_two = h->type == MQTT_PUBREL || h->type == MQTT_SUBSCRIBE
                  || h->type == MQTT_UNSUBSCRIBE;

    return h->type == MQTT_PUBLISH || h->flags == (is_two ? 2 : 0);
}

static enum app_probe probe(enum direction dir, struct slice s, uint16_t server_port,
                            uint16_t client_port)
{
    struct mqtt_header h;
    enum mqtt_step step = mqtt_header_read(s, &h);
    enum mqtt_type wanted = dir == TO_SERVER ? MQTT_CONNECT : MQTT_CONNACK;

    if (s.size != 0 && (h.type == MQTT_UNASSIGNED || !has_usual_flags(&h)
                        || (server_port != MQTT_PORT && h.type != wanted))) {
        return APP_PROBE_NO;
    }
    if (step != MQTT_STEP_OK) {
        return step == MQTT_STEP_MORE ? APP_PROBE_MORE : APP_PROBE_NO;
    }
    if (server_port == MQTT_PORT) {
        return APP_PROBE_YES;
    }
    if (dir == TO_SERVER) {
        return probe_connect(s, &h);
    }
    return s.size < 3 ? APP_PROBE_MORE
           : h.size >= 2 && h.size < 128 && s.bytes[2] <= 1 ? APP_PROBE_YES : APP_PROBE_NO;
}

/* ---- Session ---- */

static bool open_session(struct app_session *s)
{
    if (!app_memory_take(s, sizeof(struct mqtt_state))) {
        return false;
    }
    s->state = calloc(1, sizeof(struct mqtt_state));
    if (s->state == NULL) {
        app_memory_give(s, sizeof(struct mqtt_state));
        return false;
    }
    app_lookup_init(&((struct mqtt_state *) s->state)->waiting);
    return true;
}

static void close_session(struct app_session *s)
{
    if (s->state != NULL) {
        free(s->state);
        s->state = NULL;
        app_memory_give(s, sizeof(struct mqtt_state));
    }
}

static void end_tx(struct mqtt_tx *tx)
{
    app_lookup_remove(&tx->waiting);
    for (int d = 0; d < N_DIRECTIONS; d++) {
        tx->tx.is_done[d] = true;
        app_tx_changed(&tx->tx, (enum direction) d);
    }
}

static struct mqtt_tx *new_tx(struct app_session *s, enum direction dir, uint64_t now_ns)
{
    struct mqtt_state *state = s->state;
    struct app_tx *oldest = app_tx_surplus(s, UINT64_MAX);

    if (oldest != NULL) {       /* Its answer is not waited for any more. */
        app_tx_set_event(oldest, MQTT_EVENT_TOO_MANY_TRANSACTIONS);
        end_tx((struct mqtt_tx *) (void *) oldest);
    }
    struct mqtt_tx *tx = app_tx_new(s, sizeof *tx, now_ns);
    if (tx == NULL) {
        app_session_set_event(s, MQTT_EVENT_TOO_MANY_TRANSACTIONS);
        return NULL;
    }
    tx->dir = dir;
    tx->version = state->version;
    tx->tx.is_inspected[direction_reverse(dir)] = true;
    return tx;
}

static uint64_t hash_id(const struct app_session *s, enum direction dir, uint32_t id)
{
    const uint64_t key = (uint64_t) dir << 32 | id;

    return app_lookup_hash(s, &key, 1);
}

static void wait(struct app_session *s, struct mqtt_tx *tx, uint32_t id)
{
    struct mqtt_state *state = s->state;

    tx->id = id;
    app_lookup_put(&state->waiting, &tx->waiting, hash_id(s, tx->dir, id));
}

/* Takes the transaction that has waited the longest under 'id' off the list; NULL: none. */
static struct mqtt_tx *take_waiting(struct app_session *s, enum direction dir, uint32_t id)
{
    struct mqtt_state *state = s->state;
    struct app_lookup_node *n = app_lookup_first(&state->waiting, hash_id(s, dir, id));

    for (; n != NULL; n = app_lookup_next(&state->waiting, n)) {
        struct mqtt_tx *tx = LIST_ENTRY(n, struct mqtt_tx, waiting);

        if (tx->id == id && tx->dir == dir) {
            app_lookup_remove(n);
            return tx;
        }
    }
    return NULL;
}

/* ---- Messages ---- */

/* Into the transaction's arena: what 'from' points to in the stream is copied. */
static struct mqtt_message *keep_message(struct mqtt_tx *tx, const struct mqtt_message *from,
                                         struct slice body)
{
    if (tx->n_messages == MQTT_MAX_MESSAGES) {
        return NULL;
    }
    struct mqtt_message *m = arena_alloc(&tx->tx.arena, sizeof *m);
    struct slice copy = arena_copy(&tx->tx.arena, body.bytes, body.size);

    if (m == NULL || (body.size != 0 && copy.size == 0)) {
        return NULL;
    }
    *m = *from;
    struct slice *const slices[] = {
        &m->protocol, &m->client_id, &m->username, &m->password, &m->will_topic,
        &m->will_message, &m->topic, &m->payload, &m->list, &m->properties,
        &m->will_properties,
    };
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        if (slices[i]->bytes != NULL) {
            *slices[i] = slice_of(copy.bytes + (slices[i]->bytes - body.bytes),
                                  slices[i]->size);
        }
    }
    if (tx->last != NULL) {
        tx->last->next = m;
    } else {
        tx->first = m;
    }
    tx->last = m;
    tx->n_messages++;
    return m;
}

/* The event of an answer that nothing waits for; -1: the message is no answer. */
static int orphan_event(enum mqtt_type type)
{
    switch (type) {
    case MQTT_CONNACK:
        return MQTT_EVENT_MISSING_CONNECT;
    case MQTT_PUBACK: case MQTT_PUBREC: case MQTT_PUBREL: case MQTT_PUBCOMP:
        return MQTT_EVENT_MISSING_PUBLISH;
    case MQTT_SUBACK:
        return MQTT_EVENT_MISSING_SUBSCRIBE;
    case MQTT_UNSUBACK:
        return MQTT_EVENT_MISSING_UNSUBSCRIBE;
    default:
        return -1;
    }
}

/* The transaction of an answer, a new one if nothing waits for it. */
static struct mqtt_tx *tx_of_answer(struct app_session *s, const struct mqtt_message *m,
                                    const struct app_input *in)
{
    /* PUBREL alone is from him who began. */
    enum direction asked = m->header.type == MQTT_PUBREL ? in->dir : direction_reverse(in->dir);
    uint32_t id = m->header.type == MQTT_CONNACK ? ID_OF_CONNECT : m->id;
    struct mqtt_tx *tx = take_waiting(s, asked, id);
    bool goes_on = m->header.type == MQTT_PUBREC || m->header.type == MQTT_PUBREL;

    if (tx != NULL && goes_on) {
        wait(s, tx, id);
    } else if (tx == NULL) {
        tx = new_tx(s, in->dir, in->now_ns);
        if (tx != NULL) {
            app_tx_set_event(&tx->tx, (unsigned) orphan_event(m->header.type));
        }
    }
    return tx;
}

/* The transaction that a message begins. */
static struct mqtt_tx *tx_of_first(struct app_session *s, const struct mqtt_message *m,
                                   const struct app_input *in)
{
    struct mqtt_state *state = s->state;
    struct mqtt_tx *tx = new_tx(s, in->dir, in->now_ns);
    unsigned qos = mqtt_qos(m->header.flags);

    if (tx == NULL) {
        return NULL;
    }
    if (m->is_cut) {
        return tx;                      /* Nothing is known of it. */
    }
    switch (m->header.type) {
    case MQTT_UNASSIGNED:
        app_tx_set_event(&tx->tx, MQTT_EVENT_UNASSIGNED_MSG_TYPE);
        break;
    case MQTT_CONNECT:
        tx->version = m->version;
        if (state->is_connected) {
            app_tx_set_event(&tx->tx, MQTT_EVENT_DOUBLE_CONNECT);
        }
        wait(s, tx, ID_OF_CONNECT);
        break;
    case MQTT_PUBLISH: case MQTT_SUBSCRIBE: case MQTT_UNSUBSCRIBE:
        if (qos == 3) {
            app_tx_set_event(&tx->tx, MQTT_EVENT_INVALID_QOS_LEVEL);
        } else if (qos != 0 && !m->has_id) {
            app_tx_set_event(&tx->tx, MQTT_EVENT_MISSING_MSG_ID);
        } else if (qos != 0) {
            wait(s, tx, m->id);
        }
        break;
    default:
        break;
    }
    return tx;
}

static void take_message(struct app_session *s, const struct mqtt_message *m,
                         struct slice body, const struct app_input *in)
{
    struct mqtt_state *state = s->state;
    enum mqtt_type type = m->header.type;
    bool is_answer = orphan_event(type) >= 0 && !m->is_cut;
    struct mqtt_tx *tx = is_answer ? tx_of_answer(s, m, in) : tx_of_first(s, m, in);

    if (type == MQTT_CONNECT && !m->is_cut) {
        state->version = m->version;
    }
    state->is_connected |= type == MQTT_CONNACK;
    if (in->dir == TO_SERVER) {
        stream_raw_trigger(s->flow, TO_SERVER);
    }
    if (tx == NULL) {
        return;
    }
    if (!state->is_connected && type != MQTT_CONNECT && type != MQTT_UNASSIGNED) {
        app_tx_set_event(&tx->tx, MQTT_EVENT_UNINTRODUCED_MESSAGE);
    }
    if (type != MQTT_UNASSIGNED) {
        (void) keep_message(tx, m, body);
    }
    if (app_lookup_has(&tx->waiting)) {
        app_tx_changed(&tx->tx, tx->dir);
    } else {
        end_tx(tx);
    }
}

static enum app_result take_malformed(struct app_session *s, const struct app_input *in)
{
    struct mqtt_tx *tx = new_tx(s, in->dir, in->now_ns);

    if (tx != NULL) {
        app_tx_set_event(&tx->tx, MQTT_EVENT_MALFORMED_TRAFFIC);
        end_tx(tx);
    }
    return APP_BROKEN;
}

static void open_frames(struct app_session *s, const uint8_t *at,
                        const struct mqtt_header *h)
{
    app_frame_open(s, FRAME_MQTT_PDU, at, h->header_size + h->size);
    app_frame_open(s, FRAME_MQTT_HEADER, at, h->header_size);
    app_frame_open(s, FRAME_MQTT_DATA, at + h->header_size, h->size);
}

/* One message off '*rest'. */
static enum app_result take_one(struct app_session *s, const struct app_input *in,
                                struct slice *rest)
{
    struct mqtt_state *state = s->state;
    struct mqtt_message m = { .next = NULL };
    enum mqtt_step step = mqtt_header_read(*rest, &m.header);

    if (step == MQTT_STEP_BROKEN) {
        return take_malformed(s, in);
    }
    if (step == MQTT_STEP_MORE) {
        return APP_NEED_MORE;
    }
    struct slice body = slice_from(*rest, m.header.header_size);
    if (m.header.size > app_engine_conf(s->engine)->mqtt_message_limit) {
        m.is_cut = true;
        open_frames(s, rest->bytes, &m.header);
        state->skip[in->dir] = m.header.size;
        take_message(s, &m, slice_of(NULL, 0), in);
        *rest = body;
        return APP_OK;
    }
    if (body.size < m.header.size) {
        return APP_NEED_MORE;
    }
    body.size = m.header.size;
    open_frames(s, rest->bytes, &m.header);
    if (!mqtt_message_read(&m, body, state->version)) {
        return take_malformed(s, in);
    }
    take_message(s, &m, body, in);
    *rest = slice_from(*rest, m.header.header_size + m.header.size);
    return APP_OK;
}

/* What is missing may be of a message that is skipped; else no later one can be found. */
static bool take_gap(struct mqtt_state *state, const struct app_input *in)
{
    if (in->gap > state->skip[in->dir]) {
        return false;
    }
    state->skip[in->dir] -= in->gap;
    return true;
}

static enum app_result parse(struct app_session *s, const struct app_input *in,
                             size_t *consumed)
{
    struct mqtt_state *state = s->state;
    struct slice rest = in->bytes;
    enum app_result result = APP_OK;

    if (in->gap != 0 && !take_gap(state, in)) {
        return APP_DONE;
    }
    while (result == APP_OK && rest.size != 0) {
        uint64_t skip = state->skip[in->dir];
        if (skip != 0) {
            size_t n = skip < rest.size ? (size_t) skip : rest.size;
            state->skip[in->dir] -= n;
            rest = slice_from(rest, n);
        } else {
            result = take_one(s, in, &rest);
        }
    }
    *consumed = in->bytes.size - rest.size;
    return result == APP_OK ? APP_NEED_MORE : result;
}

static void free_tx(struct app_tx *tx)
{
    app_lookup_remove(&((struct mqtt_tx *) (void *) tx)->waiting);
}

/* In the direction of its first message. */
static bool is_loggable(const struct app_tx *tx, enum direction dir)
{
    return tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT] && mqtt_tx_of(tx)->dir == dir;
}

const struct app_parser mqtt_parser = {
    .proto = APP_MQTT, .event_type = "mqtt", .over_tcp = true, .client_speaks_first = true,
    .tells_raw = true, .event_names = event_names, .probe = probe, .open = open_session,
    .close = close_session, .parse = parse, .buffer = mqtt_buffer, .number = mqtt_number,
    .fill = mqtt_fill, .is_loggable = is_loggable, .tx_free = free_tx,
};
