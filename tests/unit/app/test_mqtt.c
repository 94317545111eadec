/* MQTT: messages in, transactions out. */
#include "tests/unit/app/eve_rows.h"

#include "sensor/app/mqtt/mqtt.h"

#define CONNECT_4 "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c"
#define CONNACK_4 "\x20\2\0\0"
#define CONNECT_5 "\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1c"
#define CONNACK_5 "\x20\3\0\0\0"
#define NONE "\"qos\":0,\"retain\":false,\"dup\":false"
#define ONE "\"qos\":1,\"retain\":false,\"dup\":false"
#define TWO "\"qos\":2,\"retain\":false,\"dup\":false"
#define HELLO(version)                                                                       \
    "{\"connect\":{" NONE ",\"protocol_string\":\"MQTT\",\"protocol_version\":" #version ","  \
    "\"client_id\":\"c\",\"flags\":{\"username\":false,\"password\":false,"                   \
    "\"will_retain\":false,\"will\":false,\"clean_session\":true}},"                          \
    "\"connack\":{" NONE ",\"session_present\":false,\"return_code\":0}}\n"
#define LINK_4 C(CONNECT_4), S(CONNACK_4)
#define LINK_5 C(CONNECT_5), S(CONNACK_5)

static const struct eve_row rows[] = {
    { .name = "all that CONNECT may hold, in 3.1",
      .turns = { C("\x10\x27\0\6MQIsdp\3\xe6\0\x3c\0\1c\0\4will\0\4text\0\4user\0\4pass"),
                 S("\x20\2\1\5") },
      .eve = "{\"connect\":{" NONE ",\"protocol_string\":\"MQIsdp\",\"protocol_version\":3,"
             "\"client_id\":\"c\",\"flags\":{\"username\":true,\"password\":true,"
             "\"will_retain\":true,\"will\":true,\"clean_session\":true},"
             "\"username\":\"user\",\"password\":\"pass\","
             "\"will\":{\"topic\":\"will\",\"message\":\"text\"}},"
             "\"connack\":{" NONE ",\"session_present\":true,\"return_code\":5}}\n" },
    { .name = "a message without acknowledgement", .turns = { LINK_4, C("\x30\5\0\1ahi") },
      .eve = HELLO(4) "{\"publish\":{" NONE ",\"topic\":\"a\",\"message\":\"hi\"}}\n" },
    { .name = "one that is acknowledged", .turns = { LINK_4, C("\x3b\7\0\1a\0\7hi"),
                                                     S("\x40\2\0\7") },
      .eve = HELLO(4) "{\"publish\":{\"qos\":1,\"retain\":true,\"dup\":true,\"topic\":\"a\","
             "\"message_id\":7,\"message\":\"hi\"},\"puback\":{" NONE ",\"message_id\":7}}\n" },
    { .name = "one that is delivered exactly once",
      .turns = { LINK_4, C("\x34\7\0\1a\0\7hi"), S("\x50\2\0\7"), C("\x62\2\0\7"),
                 S("\x70\2\0\7") },
      .eve = HELLO(4) "{\"publish\":{" TWO ",\"topic\":\"a\",\"message_id\":7,"
             "\"message\":\"hi\"},\"pubrec\":{" NONE ",\"message_id\":7},"
             "\"pubrel\":{" ONE ",\"message_id\":7},"
             "\"pubcomp\":{" NONE ",\"message_id\":7}}\n" },
    { .name = "both sides count their own messages",
      .turns = { LINK_4, C("\x32\6\0\1a\0\1u"), S("\x32\6\0\1a\0\1d"), S("\x40\2\0\1"),
                 C("\x40\2\0\1") },
      .eve = HELLO(4) "{\"publish\":{" ONE ",\"topic\":\"a\",\"message_id\":1,"
             "\"message\":\"u\"},\"puback\":{" NONE ",\"message_id\":1}}\n"
             "{\"publish\":{" ONE ",\"topic\":\"a\",\"message_id\":1,\"message\":\"d\"},"
             "\"puback\":{" NONE ",\"message_id\":1}}\n" },
    { .name = "subscriptions",
      .turns = { LINK_4, C("\x82\x0a\0\1\0\1a\1\0\1b\2"), S("\x90\4\0\1\1\x80"),
                 C("\xa2\x08\0\2\0\1a\0\1b"), S("\xb0\2\0\2") },
      .eve = HELLO(4) "{\"subscribe\":{" ONE ",\"message_id\":1,\"topics\":["
             "{\"topic\":\"a\",\"qos\":1},{\"topic\":\"b\",\"qos\":2}]},"
             "\"suback\":{" NONE ",\"message_id\":1,\"qos_granted\":[1,128]}}\n"
             "{\"unsubscribe\":{" ONE ",\"message_id\":2,\"topics\":[\"a\",\"b\"]},"
             "\"unsuback\":{" NONE ",\"message_id\":2}}\n" },
    { .name = "messages that stand alone",
      .turns = { LINK_4, C("\xc0\0"), S("\xd0\0"), C("\xe0\0") },
      .eve = HELLO(4) "{\"pingreq\":{" NONE "}}\n{\"pingresp\":{" NONE "}}\n"
             "{\"disconnect\":{" NONE "}}\n" },
    { .name = "properties of 5.0",
      .turns = { C("\x10\x1d\0\4MQTT\5\2\0\x3c\x0f\x21\0\7\x21\0\x08\x26\0\1k\0\1v\x17\0"
                   "\0\1c"),
                 S("\x20\x0a\0\x86\7\x1f\0\4why!") },
      .eve = "{\"connect\":{" NONE ",\"protocol_string\":\"MQTT\",\"protocol_version\":5,"
             "\"client_id\":\"c\",\"flags\":{\"username\":false,\"password\":false,"
             "\"will_retain\":false,\"will\":false,\"clean_session\":true},"
             "\"properties\":{\"request_problem_information\":0,\"receive_maximum\":8,"
             "\"user_properties\":[{\"key\":\"k\",\"value\":\"v\"}]}},"
             "\"connack\":{" NONE ",\"session_present\":false,\"return_code\":134,"
             "\"properties\":{\"reason_string\":\"why!\"}}}\n" },
    { .name = "reasons of 5.0, some left out",
      .turns = { LINK_5, C("\x32\7\0\1a\0\7\0m"), S("\x40\2\0\7"), S("\xe0\2\x8d\0"),
                 C("\xe0\1\4") },
      .eve = HELLO(5) "{\"publish\":{" ONE ",\"topic\":\"a\",\"message_id\":7,"
             "\"message\":\"m\"},\"puback\":{" NONE ",\"message_id\":7,\"reason_code\":0}}\n"
             "{\"disconnect\":{" NONE ",\"reason_code\":141}}\n"
             "{\"disconnect\":{" NONE ",\"reason_code\":0}}\n" },
    { .name = "a property that nobody knows hides those behind it",
      .turns = { LINK_5, C("\x30\7\0\1a\3\x99\1\1") },
      .eve = HELLO(5) "{\"publish\":{" NONE ",\"topic\":\"a\",\"message\":\"\","
             "\"properties\":{}}}\n" },
    { .name = "answers to nothing",
      .turns = { LINK_4, S("\x40\2\0\1"), S("\x90\3\0\2\0"), S("\xb0\2\0\3"), S(CONNACK_4) },
      .eve = HELLO(4) "{\"puback\":{" NONE ",\"message_id\":1}} !missing_publish\n"
             "{\"suback\":{" NONE ",\"message_id\":2,\"qos_granted\":[0]}} !missing_subscribe\n"
             "{\"unsuback\":{" NONE ",\"message_id\":3}} !missing_unsubscribe\n"
             "{\"connack\":{" NONE ",\"session_present\":false,\"return_code\":0}}"
             " !missing_connect\n" },
    { .name = "before the connection", .turns = { C("\xc0\0"), C("\x30\4\0\1am") },
      .eve = "{\"pingreq\":{" NONE "}} !unintroduced_message\n"
             "{\"publish\":{" NONE ",\"topic\":\"a\",\"message\":\"m\"}}"
             " !unintroduced_message\n" },
    { .name = "what should not be",
      .turns = { LINK_4, C("\x36\6\0\1a\0\1m"), C("\0\3abc"), C(CONNECT_4) },
      .eve = HELLO(4) "{\"publish\":{\"qos\":3,\"retain\":false,\"dup\":false,"
             "\"topic\":\"a\",\"message_id\":1,\"message\":\"m\"}} !invalid_qos_level\n"
             "{} !unassigned_msg_type\n"
             "{\"connect\":{" NONE ",\"protocol_string\":\"MQTT\",\"protocol_version\":4,"
             "\"client_id\":\"c\",\"flags\":{\"username\":false,\"password\":false,"
             "\"will_retain\":false,\"will\":false,\"clean_session\":true}}}"
             " !double_connect\n" },
    { .name = "a topic longer than its message", .turns = { LINK_4, C("\x30\4\0\x10""ab") },
      .eve = HELLO(4) "{} !malformed_traffic\n" },
    { .name = "a size without end", .turns = { LINK_4, C("\x30\xff\xff\xff\xff\1") },
      .eve = HELLO(4) "{} !malformed_traffic\n" },
    { .name = "a subscription to nothing", .turns = { LINK_4, C("\x82\2\0\1") },
      .eve = HELLO(4) "{} !malformed_traffic\n" },
    { .name = "behind a gap nothing is read",
      .turns = { LINK_4, GAP(TO_SERVER, 3), C("\xc0\0") }, .eve = HELLO(4) },
    { .name = "another port, by its name", .port = 9999, .turns = { LINK_4 }, .eve = HELLO(4) },
};
static const struct eve_rows table = { rows, sizeof rows / sizeof *rows, 1883, IP_PROTO_TCP,
                                       "mqtt" };

static void messages_become_transactions(void **state)
{
    eve_rows_come_to_what_they_say(&table);
}

static void pieces_of_any_size_make_no_difference(void **state)
{
    eve_rows_do_not_hang_on_pieces(&table);
}

static void any_prefix_ends_well(void **state)
{
    eve_rows_end_well_at_any_prefix(&table);
}

static void a_message_past_the_limit_is_passed_over(void **state)
{
    static const size_t steps[] = { 0, 1, 64, 100 };
    char large[300] = "\x32\xa8\2\0\1a\0\7";        /* 296 bytes behind three. */
    const struct turn turns[] = { LINK_4, { TO_SERVER, large, 299, 0 }, C("\x30\4\0\1am") };

    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        struct conversation c;
        struct strbuf text = STRBUF_EMPTY;

        start(&c);
        c.conf.mqtt_message_limit = 100;
        c.flow.key.dport = 1883;
        for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
            feed_turn(&c, &turns[i], steps[k]);
        }
        eve_write(&table, &c, &text);
        assert_string_equal(strbuf_cstr(&text),
                            HELLO(4) "{\"publish\":{" ONE ",\"truncated\":true,"
                            "\"skipped_length\":299}}\n"
                            "{\"publish\":{" NONE ",\"topic\":\"a\",\"message\":\"m\"}}\n");
        strbuf_fini(&text);
        stop(&c);
    }
}

static void long_texts_are_told_in_part(void **state)
{
    const struct turn turns[] = { LINK_4, C("\x30\x0b\0\1a12345678") };
    struct conversation c;
    struct strbuf text = STRBUF_EMPTY;

    start(&c);
    c.conf.mqtt_log_limit = 3;
    c.flow.key.dport = 1883;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        feed_turn(&c, &turns[i], 0);
    }
    eve_write(&table, &c, &text);
    assert_non_null(strstr(strbuf_cstr(&text),
                           "\"message\":\"123[truncated 5 additional bytes]\""));
    strbuf_fini(&text);
    stop(&c);
}

static void rules_ask_in_the_direction_of_the_first_message(void **state)
{
    const struct turn turns[] = { C(CONNECT_4), S(CONNACK_4), C("\x82\x0a\0\1\0\1a\1\0\1b\2"),
                                  S("\x90\4\0\1\1\x80") };
    struct conversation c;
    uint64_t value;

    start(&c);
    c.flow.key.dport = 1883;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        feed_turn(&c, &turns[i], 0);
    }
    const struct app_tx *tx = tx_at(&c, 1);
    assert_true(tx->is_inspected[TO_CLIENT]);
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_TYPE, 1, &value));
    assert_int_equal(value, MQTT_SUBACK);
    assert_false(app_tx_number(tx, TO_SERVER, FIELD_MQTT_TYPE, 2, &value));
    assert_false(app_tx_number(tx, TO_CLIENT, FIELD_MQTT_TYPE, 0, &value));
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_REASON_CODE, 1, &value));
    assert_int_equal(value, 128);
    assert_false(app_tx_number(tx, TO_SERVER, FIELD_MQTT_REASON_CODE, 2, &value));
    assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_MQTT_SUBSCRIBE_TOPIC, 1).bytes,
                         "b"));
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_MQTT_SUBSCRIBE_TOPIC, 2).state,
                     APP_VIEW_ABSENT);
    tx = tx_at(&c, 0);
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_CONNECT_FLAGS, 0, &value));
    assert_int_equal(value, MQTT_CLEAN_SESSION);
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_PROTOCOL_VERSION, 0, &value));
    assert_int_equal(value, 4);
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_SESSION_PRESENT, 0, &value));
    assert_int_equal(value, 0);
    assert_true(slice_is(app_tx_buffer(tx, TO_SERVER, BUFFER_MQTT_CONNECT_CLIENTID, 0).bytes,
                         "c"));
    assert_int_equal(app_tx_buffer(tx, TO_SERVER, BUFFER_MQTT_CONNECT_USERNAME, 0).state,
                     APP_VIEW_ABSENT);
    stop(&c);
}

static void at_the_limit_the_oldest_exchange_ends(void **state)
{
    struct conversation c;
    const struct turn turns[] = { C(CONNECT_4), S(CONNACK_4) };

    start(&c);
    c.conf.max_transactions = 4;
    c.flow.key.dport = 1883;
    feed_turn(&c, &turns[0], 0);
    feed_turn(&c, &turns[1], 0);
    for (uint8_t id = 1; id <= 6; id++) {       /* That nobody acknowledges. */
        char publish[] = "\x32\6\0\1a\0\0m";
        publish[6] = (char) id;
        const struct turn turn = { TO_SERVER, publish, 8, 0 };
        feed_turn(&c, &turn, 0);
    }
    assert_int_equal(app_counters(c.engine)->txs_refused, 0);
    for (unsigned i = 1; i <= 6; i++) {
        const struct app_tx *tx = tx_at(&c, i);
        bool is_ended = i <= 2;
        assert_int_equal(tx->is_done[TO_SERVER] && tx->is_done[TO_CLIENT], is_ended);
        assert_int_equal(tx->events, is_ended ? 1u << MQTT_EVENT_TOO_MANY_TRANSACTIONS : 0);
    }
    const struct turn late = S("\x40\2\0\1"), good = S("\x40\2\0\6");
    feed_turn(&c, &good, 0);
    assert_true(tx_at(&c, 6)->is_done[TO_CLIENT]);
    feed_turn(&c, &late, 0);
    assert_int_equal(tx_at(&c, 7)->events, 1u << MQTT_EVENT_MISSING_PUBLISH);
    stop(&c);
}

static void an_exchange_keeps_so_many_messages(void **state)
{
    struct conversation c;
    const struct turn turns[] = { LINK_4, C("\x34\6\0\1a\0\1m") }, again = C("\x62\2\0\1");
    uint64_t value;

    start(&c);
    c.flow.key.dport = 1883;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        feed_turn(&c, &turns[i], 0);
    }
    for (unsigned i = 0; i < 1000; i++) {
        feed_turn(&c, &again, 0);
    }
    const struct app_tx *tx = tx_at(&c, 1);
    assert_false(tx->is_done[TO_SERVER]);
    assert_true(app_tx_number(tx, TO_SERVER, FIELD_MQTT_TYPE, MQTT_MAX_MESSAGES - 1, &value));
    assert_int_equal(value, MQTT_PUBREL);
    assert_false(app_tx_number(tx, TO_SERVER, FIELD_MQTT_TYPE, MQTT_MAX_MESSAGES, &value));
    const struct turn end = S("\x70\2\0\1");
    feed_turn(&c, &end, 0);
    assert_true(tx->is_done[TO_SERVER]);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_become_transactions),
        cmocka_unit_test(pieces_of_any_size_make_no_difference),
        cmocka_unit_test(any_prefix_ends_well),
        cmocka_unit_test(a_message_past_the_limit_is_passed_over),
        cmocka_unit_test(long_texts_are_told_in_part),
        cmocka_unit_test(rules_ask_in_the_direction_of_the_first_message),
        cmocka_unit_test(at_the_limit_the_oldest_exchange_ends),
        cmocka_unit_test(an_exchange_keeps_so_many_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
