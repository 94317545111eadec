/* One message (MQTT 5.0, chapters 2 and 3; 3.1 and 3.1.1 are the same without properties).
 *
 *      1 byte            1 to 4 bytes     size bytes
 *      type and flags    size             variable header and payload
 */
#include "sensor/app/mqtt/mqtt.h"

#define WITH_PROPERTIES 5

uint32_t mqtt_take_varint(struct cursor *c)
{
    uint32_t value = 0;

    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = cursor_u8(c);
        value |= (uint32_t) (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    c->bad = true;
    return 0;
}

struct slice mqtt_take_text(struct cursor *c)
{
    return cursor_slice(c, cursor_be16(c));
}

enum mqtt_step mqtt_header_read(struct slice bytes, struct mqtt_header *h)
{
    struct cursor c = cursor_of(bytes.bytes, bytes.size);
    uint8_t first = cursor_u8(&c);

    h->type = (enum mqtt_type) (first >> 4);
    h->flags = first & 0x0f;
    h->size = mqtt_take_varint(&c);
    if (c.bad) {
        return bytes.size < 5 ? MQTT_STEP_MORE : MQTT_STEP_BROKEN;
    }
    h->header_size = bytes.size - cursor_left(&c);
    return MQTT_STEP_OK;
}

/* All of the properties; they are told apart when somebody asks. */
static struct slice take_properties(struct cursor *c, uint8_t version)
{
    return version == WITH_PROPERTIES ? cursor_slice(c, mqtt_take_varint(c))
                                      : slice_of(NULL, 0);
}

static void read_connect(struct mqtt_message *m, struct cursor *c)
{
    m->protocol = mqtt_take_text(c);
    m->version = cursor_u8(c);
    m->connect_flags = cursor_u8(c);
    cursor_skip(c, 2);                          /* Keep alive. */
    m->properties = take_properties(c, m->version);
    m->client_id = mqtt_take_text(c);
    if ((m->connect_flags & MQTT_WILL) != 0) {
        m->will_properties = take_properties(c, m->version);
        m->will_topic = mqtt_take_text(c);
        m->will_message = mqtt_take_text(c);
    }
    if ((m->connect_flags & MQTT_USERNAME) != 0) {
        m->username = mqtt_take_text(c);
    }
    if ((m->connect_flags & MQTT_PASSWORD) != 0) {
        m->password = mqtt_take_text(c);
    }
}

static void read_publish(struct mqtt_message *m, struct cursor *c, uint8_t version)
{
    m->topic = mqtt_take_text(c);
    if (mqtt_qos(m->header.flags) != 0) {
        m->id = cursor_be16(c);
        m->has_id = !c->bad;
    }
    m->properties = take_properties(c, version);
    m->payload = cursor_rest(c);
}

/* A reason and properties, each of which may be left out (3.4.2.1, 3.14.2.1): then it is 0,
 * success. */
static void read_reason(struct mqtt_message *m, struct cursor *c, uint8_t version)
{
    if (version != WITH_PROPERTIES) {
        return;
    }
    m->has_code = true;
    if (cursor_left(c) != 0) {
        m->code = cursor_u8(c);
    }
    if (cursor_left(c) != 0) {
        m->properties = take_properties(c, version);
    }
}

/* The list is walked once, so that whoever reads it later need not doubt it. */
static void check_filters(struct mqtt_message *m, struct cursor *c, bool has_options)
{
    const uint8_t *from = c->at;

    do {
        (void) mqtt_take_text(c);
        if (has_options) {
            (void) cursor_u8(c);
        }
    } while (!c->bad && cursor_left(c) != 0);
    m->list = c->bad ? slice_of(NULL, 0) : slice_of(from, (size_t) (c->at - from));
}

static void take_id(struct mqtt_message *m, struct cursor *c)
{
    m->id = cursor_be16(c);
    m->has_id = !c->bad;
}

bool mqtt_message_read(struct mqtt_message *m, struct slice body, uint8_t version)
{
    struct cursor c = cursor_of(body.bytes, body.size);

    switch (m->header.type) {
    case MQTT_CONNECT:
        read_connect(m, &c);
        break;
    case MQTT_CONNACK:
        m->session_present = (cursor_u8(&c) & 1) != 0;
        m->code = cursor_u8(&c);
        m->has_code = true;
        m->properties = take_properties(&c, version);
        break;
    case MQTT_PUBLISH:
        read_publish(m, &c, version);
        break;
    case MQTT_PUBACK: case MQTT_PUBREC: case MQTT_PUBREL: case MQTT_PUBCOMP:
        take_id(m, &c);
        read_reason(m, &c, version);
        break;
    case MQTT_SUBSCRIBE: case MQTT_UNSUBSCRIBE:
        take_id(m, &c);
        m->properties = take_properties(&c, version);
        check_filters(m, &c, m->header.type == MQTT_SUBSCRIBE);
        break;
    case MQTT_SUBACK: case MQTT_UNSUBACK:
        take_id(m, &c);
        m->properties = take_properties(&c, version);
        m->list = cursor_rest(&c);
        break;
    case MQTT_DISCONNECT: case MQTT_AUTH:
        if (body.size < 2) {
            cursor_skip(&c, body.size);         /* Told as 0, as rule authors know it. */
        }
        read_reason(m, &c, m->header.type == MQTT_AUTH ? WITH_PROPERTIES : version);
        break;
    case MQTT_UNASSIGNED: case MQTT_PINGREQ: case MQTT_PINGRESP:
        break;
    }
    return !c.bad;
}
