/* MQTT 3.1, 3.1.1 and 5.0 (OASIS).  Shared by the files of this folder alone, but for the
 * parser.
 *
 *   mqtt.c     messages out of the stream, and which belong together
 *   message.c  one message
 *   buffer.c   buffers and numbers for rules
 *   fill.c     the mqtt event */
#ifndef CIVICSHIELD_MQTT_H
#define CIVICSHIELD_MQTT_H

#include "common/base/cursor.h"
#include "sensor/app/lookup.h"
#include "sensor/app/parser.h"

#define MQTT_EVENTS(X)                                  \
    X(MISSING_CONNECT, "missing_connect")               \
    X(MISSING_PUBLISH, "missing_publish")               \
    X(MISSING_SUBSCRIBE, "missing_subscribe")           \
    X(MISSING_UNSUBSCRIBE, "missing_unsubscribe")       \
    X(DOUBLE_CONNECT, "double_connect")                 \
    X(UNINTRODUCED_MESSAGE, "unintroduced_message")     \
    X(INVALID_QOS_LEVEL, "invalid_qos_level")           \
    X(MISSING_MSG_ID, "missing_msg_id")                 \
    X(UNASSIGNED_MSG_TYPE, "unassigned_msg_type")       \
    X(TOO_MANY_TRANSACTIONS, "too_many_transactions")   \
    X(MALFORMED_TRAFFIC, "malformed_traffic")
enum mqtt_event {
#define X(id, name) MQTT_EVENT_##id,
    MQTT_EVENTS(X)
#undef X
};

/* Messages kept of one transaction.  An exchange has four; PUBREC and PUBREL may be repeated
 * without end. */
#define MQTT_MAX_MESSAGES 32u

/* Section 2.1.2 of MQTT 5.0. */
enum mqtt_type {
    MQTT_UNASSIGNED, MQTT_CONNECT, MQTT_CONNACK, MQTT_PUBLISH, MQTT_PUBACK, MQTT_PUBREC,
    MQTT_PUBREL, MQTT_PUBCOMP, MQTT_SUBSCRIBE, MQTT_SUBACK, MQTT_UNSUBSCRIBE, MQTT_UNSUBACK,
    MQTT_PINGREQ, MQTT_PINGRESP, MQTT_DISCONNECT, MQTT_AUTH,
};

/* Bits of MQTT_CONNECT's flags (3.1.2.3) that are told. */
enum { MQTT_CLEAN_SESSION = 0x02, MQTT_WILL = 0x04, MQTT_WILL_RETAIN = 0x20,
       MQTT_PASSWORD = 0x40, MQTT_USERNAME = 0x80 };

/* The fixed header (2.1). */
struct mqtt_header {
    enum mqtt_type type;
    uint8_t flags;              /* Lower half of the first byte: dup, qos, retain. */
    uint32_t size;              /* Of what follows. */
    size_t header_size;
};

static inline unsigned mqtt_qos(uint8_t flags)
{
    return flags >> 1 & 3;
}

/* Slices stand in the bytes that were decoded; those that the type lacks have no bytes. */
struct mqtt_message {
    struct mqtt_header header;
    struct mqtt_message *next;
    bool is_cut;                /* Larger than the limit: nothing of it was read. */
    bool has_id;
    uint16_t id;
    uint8_t version, connect_flags;     /* CONNECT */
    bool session_present;               /* CONNACK */
    bool has_code;
    uint8_t code;               /* Return code, or reason code. */
    struct slice protocol, client_id, username, password;
    struct slice will_topic, will_message;
    struct slice topic, payload;        /* PUBLISH */
    struct slice list;          /* Filters with options, filters, or codes. */
    struct slice properties, will_properties;
};

struct mqtt_tx {
    struct app_tx tx;           /* First. */
    enum direction dir;         /* Of its first message. */
    uint8_t version;            /* Of the session. */
    struct mqtt_message *first, *last;
    unsigned n_messages;        /* Kept. */
    uint32_t id;                /* By which answers find it. */
    struct app_lookup_node waiting;     /* In state->waiting. */
};

/* ---- message.c ---- */

enum mqtt_step { MQTT_STEP_OK, MQTT_STEP_MORE, MQTT_STEP_BROKEN };
/* Reads the fixed header at the beginning of 'bytes'. */
enum mqtt_step mqtt_header_read(struct slice bytes, struct mqtt_header *);
/* Reads what follows 'm->header', all of it; 'version' is the session's (5: there are
 * properties).  False: malformed. */
bool mqtt_message_read(struct mqtt_message *m, struct slice body, uint8_t version);
/* A variable byte integer (1.5.5); marks the cursor as bad when there is none. */
uint32_t mqtt_take_varint(struct cursor *);
/* A string or binary data behind its size (1.5.4). */
struct slice mqtt_take_text(struct cursor *);

/* ---- fill.c, buffer.c: hooks of the parser ---- */

static inline const struct mqtt_tx *mqtt_tx_of(const struct app_tx *tx)
{
    return (const struct mqtt_tx *) (const void *) tx;
}
void mqtt_fill(const struct app_tx *, enum direction, struct event *, struct arena *);
struct app_view mqtt_buffer(const struct app_tx *, enum direction, enum buffer_id,
                            unsigned index);
bool mqtt_number(const struct app_tx *, enum direction, enum rule_field, unsigned index,
                 uint64_t *value);

extern const struct app_parser mqtt_parser;

#endif
