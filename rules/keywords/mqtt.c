/* Numbers of MQTT, some of which are written as names. */
#include "rules/keywords/keywords.h"

static bool malformed(struct draft *d, const struct keyword *row, struct slice v,
                      const char *hint)
{
    return draft_error_at(d, v.bytes, hint, "\"%.*s\" is no value for %s", (int) v.size,
                          (const char *) v.bytes, row->name);
}

bool mqtt_parse_number(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const truths[] = { "false", "true", NULL };
    struct number_test t;
    uint64_t qos;
    int truth = word_index(v, truths);

    if (!draft_need_app(d, APP_MQTT)) {
        return false;
    }
    switch (row->argument) {
    case FIELD_MQTT_QOS:
        if (!number_parse(v, 2, &qos)) {
            return malformed(d, row, v, "0, 1 or 2");
        }
        number_add(d, row, CMP_EQ, qos, 0);
        return true;
    case FIELD_MQTT_SESSION_PRESENT:
        if (truth < 0 && !number_parse(v, 1, &qos)) {
            return malformed(d, row, v, "true or false");
        }
        number_add(d, row, CMP_EQ, truth >= 0 ? (uint64_t) truth : qos, 0);
        return true;
    default:
        if (!number_parse_test(v, UINT8_MAX, false, &t)) {
            return malformed(d, row, v, "for example 5, >3, 1-4");
        }
        number_add(d, row, t.cmp, t.a, t.b);
        return true;
    }
}

/* By name, as section 2.1.2 of MQTT 5.0 has them, or by number. */
bool mqtt_parse_type(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const types[] = {
        "UNASSIGNED", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
        "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT",
        "AUTH", NULL
    };
    bool negated = v.size > 0 && v.bytes[0] == '!';
    int type = word_index(slice_trim(slice_from(v, negated)), types);

    if (type < 0) {
        return mqtt_parse_number(d, row, v);
    }
    if (!draft_need_app(d, APP_MQTT)) {
        return false;
    }
    number_add(d, row, negated ? CMP_NE : CMP_EQ, (uint64_t) type, 0);
    return true;
}

/* "username,!will": those are set, those are not; or the number that the flags make. */
bool mqtt_parse_flags(struct draft *d, const struct keyword *row, struct slice v)
{
    static const struct { enum rule_field field; const char *name; uint8_t bit; } flags[] = {
        { FIELD_MQTT_FLAGS, "retain", 1 }, { FIELD_MQTT_FLAGS, "dup", 8 },
        { FIELD_MQTT_CONNECT_FLAGS, "clean_session", 0x02 },
        { FIELD_MQTT_CONNECT_FLAGS, "will", 0x04 },
        { FIELD_MQTT_CONNECT_FLAGS, "will_retain", 0x20 },
        { FIELD_MQTT_CONNECT_FLAGS, "password", 0x40 },
        { FIELD_MQTT_CONNECT_FLAGS, "username", 0x80 },
    };
    uint64_t set = 0, mask = 0;
    struct slice part, rest = v;
    struct number_test t;

    if (!draft_need_app(d, APP_MQTT)) {
        return false;
    }
    if (number_parse_test(v, UINT8_MAX, false, &t)) {
        number_add(d, row, t.cmp, t.a, t.b);
        return true;
    }
    while (slice_next(&rest, ',', &part)) {
        bool negated = part.size > 0 && part.bytes[0] == '!';
        struct slice name = slice_trim(slice_from(part, negated));
        size_t i = 0, n = sizeof flags / sizeof flags[0];
        while (i < n && ((unsigned) flags[i].field != row->argument
                         || !slice_is(name, flags[i].name))) {
            i++;
        }
        if (i == n) {
            return malformed(d, row, part, row->argument == FIELD_MQTT_FLAGS
                             ? "retain, dup" : "username, password, will, will_retain, "
                                               "clean_session");
        }
        mask |= flags[i].bit;
        set |= negated ? 0 : flags[i].bit;
    }
    number_add(d, row, CMP_BITS_EQ, set, mask);
    return true;
}
