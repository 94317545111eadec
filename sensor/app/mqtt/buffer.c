/* What rules ask for.  Each question is about any message of the transaction. */
#include "sensor/app/mqtt/mqtt.h"

static struct app_view view_of(struct slice bytes)
{
    return bytes.bytes != NULL
               ? (struct app_view) { .state = APP_VIEW_DONE, .bytes = bytes }
               : (struct app_view) { .state = APP_VIEW_ABSENT };
}

static const struct mqtt_message *find_message(const struct mqtt_tx *tx, enum mqtt_type type)
{
    const struct mqtt_message *m = tx->first;

    while (m != NULL && m->header.type != type) {
        m = m->next;
    }
    return m;
}

/* Filter 'index' of a list that was checked when it was read. */
static struct slice filter_at(const struct mqtt_message *m, unsigned index)
{
    struct cursor c = cursor_of(m->list.bytes, m->list.size);

    while (cursor_left(&c) != 0) {
        struct slice filter = mqtt_take_text(&c);
        if (m->header.type == MQTT_SUBSCRIBE) {
            (void) cursor_u8(&c);
        }
        if (index-- == 0) {
            return filter;
        }
    }
    return slice_of(NULL, 0);
}

static struct slice connect_buffer(const struct mqtt_message *m, enum buffer_id id)
{
    switch (id) {
    case BUFFER_MQTT_CONNECT_CLIENTID: return m->client_id;
    case BUFFER_MQTT_CONNECT_USERNAME: return m->username;
    case BUFFER_MQTT_CONNECT_PASSWORD: return m->password;
    case BUFFER_MQTT_CONNECT_WILLTOPIC: return m->will_topic;
    case BUFFER_MQTT_CONNECT_WILLMESSAGE: return m->will_message;
    default: return m->protocol;
    }
}

struct app_view mqtt_buffer(const struct app_tx *app_tx, enum direction dir,
                            enum buffer_id id, unsigned index)
{
    const struct mqtt_tx *tx = mqtt_tx_of(app_tx);
    const struct mqtt_message *m;

    if (dir != tx->dir) {
        return view_of(slice_of(NULL, 0));
    }
    switch (id) {
    case BUFFER_MQTT_CONNECT_CLIENTID: case BUFFER_MQTT_CONNECT_USERNAME:
    case BUFFER_MQTT_CONNECT_PASSWORD: case BUFFER_MQTT_CONNECT_WILLTOPIC:
    case BUFFER_MQTT_CONNECT_WILLMESSAGE: case BUFFER_MQTT_CONNECT_PROTOCOL_STRING:
        m = find_message(tx, MQTT_CONNECT);
        return view_of(m != NULL ? connect_buffer(m, id) : slice_of(NULL, 0));
    case BUFFER_MQTT_PUBLISH_TOPIC: case BUFFER_MQTT_PUBLISH_MESSAGE:
        m = find_message(tx, MQTT_PUBLISH);
        return view_of(m == NULL                           ? slice_of(NULL, 0)
                       : id == BUFFER_MQTT_PUBLISH_TOPIC ? m->topic
                                                           : m->payload);
    case BUFFER_MQTT_SUBSCRIBE_TOPIC: case BUFFER_MQTT_UNSUBSCRIBE_TOPIC:
        m = find_message(tx, id == BUFFER_MQTT_SUBSCRIBE_TOPIC ? MQTT_SUBSCRIBE
                                                               : MQTT_UNSUBSCRIBE);
        return view_of(m != NULL ? filter_at(m, index) : slice_of(NULL, 0));
    default:
        return view_of(slice_of(NULL, 0));
    }
}

/* How many codes a message has, and code 'index' of it. */
static unsigned count_codes(const struct mqtt_message *m)
{
    bool has_list = m->header.type == MQTT_SUBACK || m->header.type == MQTT_UNSUBACK;

    return has_list ? (unsigned) m->list.size : m->has_code;
}

static bool code_at(const struct mqtt_tx *tx, unsigned index, uint64_t *value)
{
    for (const struct mqtt_message *m = tx->first; m != NULL; m = m->next) {
        unsigned n = count_codes(m);
        if (index < n) {
            *value = m->has_code ? m->code : m->list.bytes[index];
            return true;
        }
        index -= n;
    }
    return false;
}

static const struct mqtt_message *message_at(const struct mqtt_tx *tx, unsigned index)
{
    const struct mqtt_message *m = tx->first;

    while (m != NULL && index-- != 0) {
        m = m->next;
    }
    return m;
}

/* Of single messages: type, level of service, flags. */
static bool number_of(const struct mqtt_message *m, enum rule_field field, uint64_t *value)
{
    if (m == NULL) {
        return false;
    }
    *value = field == FIELD_MQTT_TYPE  ? (uint64_t) m->header.type
             : field == FIELD_MQTT_QOS ? mqtt_qos(m->header.flags)
                                       : m->header.flags;
    return true;
}

bool mqtt_number(const struct app_tx *app_tx, enum direction dir, enum rule_field field,
                 unsigned index, uint64_t *value)
{
    const struct mqtt_tx *tx = mqtt_tx_of(app_tx);
    const struct mqtt_message *m;

    /* All but the type are asked of what clients begin, as rule authors know it. */
    if (dir != tx->dir || (field != FIELD_MQTT_TYPE && dir == TO_CLIENT)) {
        return false;
    }
    switch (field) {
    case FIELD_MQTT_TYPE: case FIELD_MQTT_QOS: case FIELD_MQTT_FLAGS:
        return number_of(message_at(tx, index), field, value);
    case FIELD_MQTT_PROTOCOL_VERSION:
        *value = tx->version;
        return index == 0;
    case FIELD_MQTT_REASON_CODE:
        return code_at(tx, index, value);
    case FIELD_MQTT_CONNECT_FLAGS:
        m = find_message(tx, MQTT_CONNECT);
        *value = m != NULL ? m->connect_flags : 0;
        return m != NULL && index == 0;
    case FIELD_MQTT_SESSION_PRESENT:
        m = find_message(tx, MQTT_CONNACK);
        *value = m != NULL && m->session_present;
        return m != NULL && index == 0;
    default:
        return false;
    }
}
