/* The mqtt event: an object for each message of the transaction, by its type. */
#include "sensor/app/mqtt/mqtt.h"

#include <stdio.h>

/* User properties told of one message. */
#define MAX_USER_PROPERTIES 64u

struct filling {
    struct arena *scratch;
    uint64_t limit;             /* Bytes of one text that are told. */
};

/* A text as it is told: what is past the limit is counted, not shown. */
static struct slice told(const struct filling *f, struct slice s)
{
    if (s.size <= f->limit) {
        return s;
    }
    char note[64];
    int n = snprintf(note, sizeof note, "[truncated %zu additional bytes]",
                     s.size - (size_t) f->limit);
    uint8_t *text = arena_alloc(f->scratch, (size_t) f->limit + (size_t) n);
    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    memcpy(text, s.bytes, (size_t) f->limit);
    memcpy(text + f->limit, note, (size_t) n);
    return slice_of(text, (size_t) f->limit + (size_t) n);
}

/* ---- Properties (2.2.2.2) ---- */

enum property_kind { IS_U8, IS_U16, IS_U32, IS_VARINT, IS_TEXT, IS_PAIR };

/* X(identifier, kind, member) */
#define PROPERTIES(X)                                   \
    X(0x01, IS_U8, payload_format_indicator)            \
    X(0x02, IS_U32, message_expiry_interval)            \
    X(0x0b, IS_VARINT, subscription_identifier)         \
    X(0x11, IS_U32, session_expiry_interval)            \
    X(0x13, IS_U16, server_keep_alive)                  \
    X(0x17, IS_U8, request_problem_information)         \
    X(0x18, IS_U32, will_delay_interval)                \
    X(0x19, IS_U8, request_response_information)        \
    X(0x21, IS_U16, receive_maximum)                    \
    X(0x22, IS_U16, topic_alias_maximum)                \
    X(0x23, IS_U16, topic_alias)                        \
    X(0x24, IS_U8, maximum_qos)                         \
    X(0x25, IS_U8, retain_available)                    \
    X(0x27, IS_U32, maximum_packet_size)                \
    X(0x28, IS_U8, wildcard_subscription_available)     \
    X(0x29, IS_U8, subscription_identifier_available)   \
    X(0x2a, IS_U8, shared_subscription_available)
#define TEXT_PROPERTIES(X)                              \
    X(0x03, content_type)                               \
    X(0x08, response_topic)                             \
    X(0x09, correlation_data)                           \
    X(0x12, assigned_client_identifier)                 \
    X(0x15, authentication_method)                      \
    X(0x16, authentication_data)                        \
    X(0x1a, response_information)                       \
    X(0x1c, server_reference)                           \
    X(0x1f, reason_string)
#define USER_PROPERTY 0x26

static uint64_t take_number(struct cursor *c, enum property_kind kind)
{
    switch (kind) {
    case IS_U8: return cursor_u8(c);
    case IS_U16: return cursor_be16(c);
    case IS_U32: return cursor_be32(c);
    default: return mqtt_take_varint(c);
    }
}

static void take_user_property(const struct filling *f, struct cursor *c,
                               struct event_mqtt_properties *out,
                               struct event_mqtt_user_property *pairs)
{
    struct slice key = mqtt_take_text(c), value = mqtt_take_text(c);

    if (!c->bad && pairs != NULL && out->n_user_properties < MAX_USER_PROPERTIES) {
        pairs[out->n_user_properties++] = (struct event_mqtt_user_property) {
            .key = told(f, key), .value = told(f, value)
        };
    }
}

/* One property; false: not known, so that none behind it can be found. */
static bool take_property(const struct filling *f, struct cursor *c,
                          struct event_mqtt_properties *out,
                          struct event_mqtt_user_property *pairs)
{
    switch (mqtt_take_varint(c)) {
#define X(id, kind, member)                     \
    case id:                                    \
        out->member = take_number(c, kind);     \
        out->has_##member = !c->bad;            \
        return true;
    PROPERTIES(X)
#undef X
#define X(id, member)                           \
    case id:                                    \
        out->member = told(f, mqtt_take_text(c)); \
        return true;
    TEXT_PROPERTIES(X)
#undef X
    case USER_PROPERTY:
        take_user_property(f, c, out, pairs);
        return true;
    default:
        return false;
    }
}

/* NULL where there are none.  Of one that stands twice the last is told. */
static const struct event_mqtt_properties *fill_properties(const struct filling *f,
                                                           struct slice bytes)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    struct event_mqtt_properties *out = NULL;

    if (bytes.size != 0) {
        out = arena_alloc(f->scratch, sizeof *out);
    }
    if (out == NULL) {
        return NULL;
    }
    struct event_mqtt_user_property *pairs =
        arena_alloc(f->scratch, MAX_USER_PROPERTIES * sizeof *pairs);
    out->user_properties = pairs;
    while (!c.bad && cursor_left(&c) != 0 && take_property(f, &c, out, pairs)) {
        continue;
    }
    return out;
}

/* ---- Messages ---- */

static void fill_connect(const struct filling *f, const struct mqtt_message *m,
                         struct event_mqtt_message *out)
{
    bool has_will = (m->connect_flags & MQTT_WILL) != 0;

    out->protocol_string = told(f, m->protocol);
    out->protocol_version = m->version;
    out->client_id = told(f, m->client_id);
    out->has_protocol_version = true;
    out->has_flag_username = out->has_flag_password = out->has_flag_will_retain = true;
    out->has_flag_will = out->has_flag_clean_session = true;
    out->flag_username = (m->connect_flags & MQTT_USERNAME) != 0;
    out->flag_password = (m->connect_flags & MQTT_PASSWORD) != 0;
    out->flag_will_retain = (m->connect_flags & MQTT_WILL_RETAIN) != 0;
    out->flag_will = has_will;
    out->flag_clean_session = (m->connect_flags & MQTT_CLEAN_SESSION) != 0;
    out->username = told(f, m->username);
    out->password = told(f, m->password);
    struct event_mqtt_will *will = has_will ? arena_alloc(f->scratch, sizeof *will) : NULL;
    if (will != NULL) {
        will->topic = told(f, m->will_topic);
        will->message = told(f, m->will_message);
        will->properties = fill_properties(f, m->will_properties);
        out->will = will;
    }
}

/* Filters with the service that is asked for. */
static void fill_topics(const struct filling *f, const struct mqtt_message *m,
                        struct event_mqtt_message *out)
{
    struct cursor c = cursor_of(m->list.bytes, m->list.size);
    /* Each takes three bytes at least. */
    struct event_mqtt_topic *topics =
        arena_alloc(f->scratch, (m->list.size / 3 + 1) * sizeof *topics);

    for (; topics != NULL && cursor_left(&c) != 0; out->n_topics++) {
        topics[out->n_topics].topic = told(f, mqtt_take_text(&c));
        topics[out->n_topics].qos = cursor_u8(&c);
    }
    out->topics = topics;
}

static uint64_t *fill_codes(const struct filling *f, const struct mqtt_message *m, size_t *n)
{
    uint64_t *codes = m->list.size != 0
                          ? arena_alloc(f->scratch, m->list.size * sizeof *codes) : NULL;

    *n = codes != NULL ? m->list.size : 0;
    for (size_t i = 0; i < *n; i++) {
        codes[i] = m->list.bytes[i];
    }
    return codes;
}

static void fill_by_type(const struct filling *f, const struct mqtt_message *m,
                         struct event_mqtt_message *out)
{
    switch (m->header.type) {
    case MQTT_CONNECT:
        fill_connect(f, m, out);
        break;
    case MQTT_CONNACK:
        out->has_session_present = out->has_return_code = true;
        out->session_present = m->session_present;
        out->return_code = m->code;
        break;
    case MQTT_PUBLISH:
        out->topic = told(f, m->topic);
        out->message = told(f, m->payload.bytes != NULL ? m->payload : slice_text(""));
        break;
    case MQTT_SUBSCRIBE:
        fill_topics(f, m, out);
        break;
    case MQTT_SUBACK:
        out->qos_granted = fill_codes(f, m, &out->n_qos_granted);
        break;
    case MQTT_UNSUBACK:
        out->reason_codes = fill_codes(f, m, &out->n_reason_codes);
        break;
    default:
        out->has_reason_code = m->has_code;
        out->reason_code = m->code;
        break;
    }
}

static const struct event_mqtt_message *fill_message(const struct filling *f,
                                                     const struct mqtt_message *m)
{
    struct event_mqtt_message *out = arena_alloc(f->scratch, sizeof *out);

    if (out == NULL) {
        return NULL;
    }
    out->qos = mqtt_qos(m->header.flags);
    out->retain = (m->header.flags & 1) != 0;
    out->dup = (m->header.flags & 8) != 0;
    out->truncated = out->has_skipped_length = m->is_cut;
    out->skipped_length = m->header.header_size + m->header.size;
    if (!m->is_cut) {
        out->has_message_id = m->has_id;
        out->message_id = m->id;
        out->properties = fill_properties(f, m->properties);
        fill_by_type(f, m, out);
    }
    return out;
}

static const struct event_mqtt_unsubscribe *fill_unsubscribe(const struct filling *f,
                                                             const struct mqtt_message *m)
{
    struct event_mqtt_unsubscribe *out = arena_alloc(f->scratch, sizeof *out);
    struct cursor c = cursor_of(m->list.bytes, m->list.size);
    struct slice *topics = arena_alloc(f->scratch, (m->list.size / 2 + 1) * sizeof *topics);

    if (out == NULL || topics == NULL) {
        return NULL;
    }
    *out = (struct event_mqtt_unsubscribe) {
        .qos = mqtt_qos(m->header.flags), .retain = (m->header.flags & 1) != 0,
        .dup = (m->header.flags & 8) != 0, .has_message_id = m->has_id, .message_id = m->id,
        .topics = topics, .properties = fill_properties(f, m->properties),
        .truncated = m->is_cut, .has_skipped_length = m->is_cut,
        .skipped_length = m->header.header_size + m->header.size,
    };
    while (cursor_left(&c) != 0) {
        topics[out->n_topics++] = told(f, mqtt_take_text(&c));
    }
    return out;
}

void mqtt_fill(const struct app_tx *app_tx, enum direction dir, struct event *event,
               struct arena *scratch)
{
    const struct app_conf *conf = app_engine_conf(app_tx->session->engine);
    const struct filling f = { scratch, conf->mqtt_log_limit };
    struct event_mqtt *out = arena_alloc(scratch, sizeof *out);

    for (const struct mqtt_message *m = mqtt_tx_of(app_tx)->first; out != NULL && m != NULL;
         m = m->next) {
        const struct event_mqtt_message **const places[] = {
            [MQTT_CONNECT] = &out->connect, [MQTT_CONNACK] = &out->connack,
            [MQTT_PUBLISH] = &out->publish, [MQTT_PUBACK] = &out->puback,
            [MQTT_PUBREC] = &out->pubrec, [MQTT_PUBREL] = &out->pubrel,
            [MQTT_PUBCOMP] = &out->pubcomp, [MQTT_SUBSCRIBE] = &out->subscribe,
            [MQTT_SUBACK] = &out->suback, [MQTT_UNSUBACK] = &out->unsuback,
            [MQTT_PINGREQ] = &out->pingreq, [MQTT_PINGRESP] = &out->pingresp,
            [MQTT_DISCONNECT] = &out->disconnect, [MQTT_AUTH] = &out->auth,
        };
        if (m->header.type == MQTT_UNSUBSCRIBE) {
            out->unsubscribe = fill_unsubscribe(&f, m);
        } else if (places[m->header.type] != NULL) {
            *places[m->header.type] = fill_message(&f, m);
        }
    }
    event->mqtt = out;
}
