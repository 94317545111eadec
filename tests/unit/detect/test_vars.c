/* Variables that groups of expressions set, for the flow, the packet and the alert. */
#include "detect_world.h"

#define expect(told, sids) assert_string_equal(told, sids)

static const char *flow_vars(struct world *w, char out[256])
{
    struct detect_var vars[8];
    size_t n = detect_flow_vars(w->worker, &w->flow, vars, 8), at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        at += (size_t) snprintf(out + at, 256 - at, "%s=%.*s;", vars[i].name,
                                (int) vars[i].value.size, (const char *) vars[i].value.bytes);
    }
    return out;
}

static const char *packet_vars(struct world *w, char out[256])
{
    struct detect_var vars[8];
    size_t n = detect_packet_vars(w->worker, vars, 8), at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        at += (size_t) snprintf(out + at, 256 - at, "%s=%.*s;", vars[i].name,
                                (int) vars[i].value.size, (const char *) vars[i].value.bytes);
    }
    return out;
}

static void variables_are_set_when_all_of_a_rule_matched(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (pcre:\"/user=(\\w+)/, flow:user\"; content:\"!\"; sid:1;)\n"
        "alert tcp any any -> any any (pcre:\"/(?P<pkt_verb>[A-Z]+) /\"; sid:2;)\n");
    char text[256];

    world_flow(w, IP_PROTO_TCP, 4444);
    expect(world_tcp(w, TO_SERVER, "GET user=root"), "2s");
    assert_string_equal(flow_vars(w, text), "");
    assert_string_equal(packet_vars(w, text), "verb=GET;");
    expect(world_tcp(w, TO_SERVER, "!"), "1s");
    assert_string_equal(flow_vars(w, text), "user=root;");
    assert_string_equal(packet_vars(w, text), "");
    world_tcp(w, TO_SERVER, " user=guest!");
    assert_string_equal(flow_vars(w, text), "user=guest;");
    world_free(w);
}

static void the_match_that_counts_is_the_one_captured(void **state)
{
    struct world *w = world_new("alert tcp any any -> any any (pcre:\"/k=(\\w+)/, flow:k\"; "
                                "content:\"yes\"; distance:1; within:3; sid:1;)\n");
    char text[256];

    world_flow(w, IP_PROTO_TCP, 4444);
    expect(world_tcp(w, TO_SERVER, "k=a no; k=b yes; k=c"), "1s");
    assert_string_equal(flow_vars(w, text), "k=b;");
    world_free(w);
}

static void captures_of_alerts_are_their_context(void **state)
{
    struct world *w = world_new(
        "alert http any any -> any any (http.user_agent; "
        "pcre:\"/^([^ ]+) (.*)$/, alert:name, alert:rest\"; sid:1;)\n");
    const struct detect_alert *alerts;

    expect(world_tcp(w, TO_SERVER,
                     "GET / HTTP/1.1\r\nUser-Agent: a\"b\\c \x01xyz\r\n\r\n"), "1t");
    assert_int_equal(detect_alerts(w->worker, &alerts), 1);
    assert_true(slice_is(alerts[0].context,
                         "{\"name\":\"a\\\"b\\\\c\",\"rest\":\".xyz\"}"));
    world_free(w);
}

static void variables_are_asked_for_behind_the_rules_that_set_them(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (flowvar:user,\"oo\"; content:\"user\"; sid:1;)\n"
        "alert tcp any any -> any any (flowvar:user,!\"oo\"; content:\"user\"; sid:2;)\n"
        "alert tcp any any -> any any (pktvar:user,root; content:\"user\"; sid:3;)\n"
        "alert tcp any any -> any any (pcre:\"/user=(\\w+)/, flow:user\"; noalert; sid:4;)\n"
        "alert tcp any any -> any any (pcre:\"/user=(\\w+)/, pkt:user\"; noalert; sid:5;)\n");

    world_flow(w, IP_PROTO_TCP, 4444);
    expect(world_tcp(w, TO_SERVER, "user=root"), "1s 3s");
    expect(world_tcp(w, TO_SERVER, " user=none"), "2s");
    world_free(w);
}

static void a_long_value_is_cut_and_names_have_an_end(void **state)
{
    struct world *w = world_new("alert tcp any any -> any any (pcre:\"/(x+)/, flow:long\"; "
                                "sid:1;)\n");
    char text[2000];
    struct detect_var vars[8];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    world_flow(w, IP_PROTO_TCP, 4444);
    expect(world_tcp(w, TO_SERVER, text), "1s");
    assert_int_equal(detect_flow_vars(w->worker, &w->flow, vars, 8), 1);
    assert_int_equal(vars[0].value.size, 256);
    world_free(w);
}

static void flowints_of_a_flow_are_listed(void **state)
{
    struct world *w = world_new("alert tcp any any -> any any (content:\"x\"; flowint:n,+,2; "
                                "flowint:m,=,7; sid:1;)\n");
    struct detect_int ints[4];

    world_flow(w, IP_PROTO_TCP, 4444);
    world_tcp(w, TO_SERVER, "x");
    assert_int_equal(detect_flow_ints(w->worker, &w->flow, ints, 4), 2);
    assert_string_equal(ints[0].name, "n");
    assert_int_equal(ints[0].value, 2);
    assert_string_equal(ints[1].name, "m");
    assert_int_equal(ints[1].value, 7);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_set_when_all_of_a_rule_matched),
        cmocka_unit_test(the_match_that_counts_is_the_one_captured),
        cmocka_unit_test(captures_of_alerts_are_their_context),
        cmocka_unit_test(variables_are_asked_for_behind_the_rules_that_set_them),
        cmocka_unit_test(a_long_value_is_cut_and_names_have_an_end),
        cmocka_unit_test(flowints_of_a_flow_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
