/* Rules that remember, and what becomes of their alerts: bits, filters, order, tags. */
#include "detect_world.h"

#define expect(told, sids) assert_string_equal(told, sids)

/* ---- Bits and numbers ---- */

static void flowbits_are_set_before_they_are_asked_for(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"reads\"; flowbits:isset,a; content:\"two\"; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"sets\"; content:\"one\"; flowbits:set,a; "
        "flowbits:noalert; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"not\"; flowbits:isnotset,a; content:\"two\"; sid:3;)\n"
        "alert tcp any any -> any any (msg:\"unsets\"; content:\"off\"; "
        "flowbits:unset,a; sid:4;)\n");
    const char *names[4];

    (void) state;
    expect(world_tcp(w, TO_SERVER, "two"), "3s");
    expect(world_tcp(w, TO_SERVER, "one"), "");
    assert_int_equal(detect_flowbits(w->worker, &w->flow, names, 4), 1);
    assert_string_equal(names[0], "a");
    expect(world_tcp(w, TO_SERVER, "two"), "1s");
    expect(world_tcp(w, TO_SERVER, "off"), "4s");
    expect(world_tcp(w, TO_SERVER, "two"), "3s");
    world_end_flow(w);
    world_flow(w, IP_PROTO_TCP, 80);
    expect(world_tcp(w, TO_SERVER, "one two"), "1s");   /* In one packet: writers first. */
    world_free(w);
}

static void flowints_count(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"new\"; content:\"x\"; flowint:n,notset; "
        "flowint:n,=,0; noalert; sid:1;)\n"
        "alert tcp any any -> any any (msg:\"count\"; content:\"x\"; flowint:n,isset; "
        "flowint:n,+,1; noalert; sid:2;)\n"
        "alert tcp any any -> any any (msg:\"three\"; content:\"y\"; flowint:n,isset; "
        "flowint:n,>,2; sid:3;)\n");

    (void) state;
    for (unsigned i = 0; i < 3; i++) {
        expect(world_tcp(w, TO_SERVER, "y"), "");
        world_tcp(w, TO_SERVER, "x");
    }
    world_tcp(w, TO_SERVER, "x");
    expect(world_tcp(w, TO_SERVER, "y"), "3s");
    world_free(w);
}

static void flowints_are_compared_with_each_other(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"a\"; content:\"x\"; flowint:a,+,1; noalert; "
        "sid:1;)\n"
        "alert udp any any -> any any (msg:\"b\"; content:\"y\"; flowint:b,+,1; noalert; "
        "sid:2;)\n"
        "alert udp any any -> any any (msg:\"more\"; content:\"z\"; flowint:a,>,b; sid:3;)\n"
        "alert udp any any -> any any (msg:\"as many\"; content:\"z\"; flowint:a,==,b; "
        "sid:4;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "");
    expect(world_udp(w, TO_SERVER, "z"), "");   /* There is no b yet. */
    expect(world_udp(w, TO_SERVER, "y"), "");
    expect(world_udp(w, TO_SERVER, "z"), "4");
    expect(world_udp(w, TO_SERVER, "x"), "");
    expect(world_udp(w, TO_SERVER, "z"), "3");
    world_free(w);
}

static void xbits_span_flows_and_expire(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"sets\"; content:\"one\"; "
        "xbits:set,b,track ip_src,expire 10; noalert; sid:1;)\n"
        "alert udp any any -> any any (msg:\"reads\"; content:\"two\"; "
        "xbits:isset,b,track ip_src; sid:2;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    world_udp(w, TO_SERVER, "one");
    world_end_flow(w);
    world_flow(w, IP_PROTO_UDP, 6000);
    expect(world_udp(w, TO_SERVER, "two"), "2");
    expect(world_udp(w, TO_CLIENT, "two"), "");
    w->now_ns += 11ull * 1000000000;
    expect(world_udp(w, TO_SERVER, "two"), "");
    world_free(w);
}

/* ---- Filters ---- */

/* One packet a second; in which of 12 was there an alert? */
static void check_filter(const char *filter, const char *expected)
{
    char *rule = NULL, got[16] = "";

    assert_true(asprintf(&rule, "alert udp any any -> any any (msg:\"x\"; "
                                "content:\"x\"; %s sid:1;)\n",
                         filter) > 0);
    struct world *w = world_new(rule);

    world_flow(w, IP_PROTO_UDP, 5000);
    for (unsigned i = 0; i < 12; i++) {
        got[i] = strcmp(world_udp(w, TO_SERVER, "x"), "1") == 0 ? '!' : '.';
        w->now_ns += 1000000000ull - 1000000;
    }
    if (strcmp(got, expected) != 0) {
        fail_msg("%s: %s, expected %s", filter, got, expected);
    }
    world_free(w);
    free(rule);
}

static void filters_thin_alerts_out(void **state)
{
    (void) state;
    check_filter("", "!!!!!!!!!!!!");
    check_filter("threshold:type limit,track by_src,count 2,seconds 60;", "!!..........");
    check_filter("threshold:type limit,track by_src,count 1,seconds 4;", "!....!....!.");
    check_filter("threshold:type threshold,track by_src,count 3,seconds 60;", "..!..!..!..!");
    check_filter("threshold:type both,track by_src,count 3,seconds 60;", "..!.........");
    check_filter("threshold:type both,track by_dst,count 3,seconds 4;", "..!....!....");
    check_filter("detection_filter:track by_src,count 3,seconds 60;", "...!!!!!!!!!");
    check_filter("threshold:type limit,track by_rule,count 1,seconds 60;", "!...........");
    check_filter("threshold:type limit,track by_flow,count 1,seconds 60;", "!...........");
}

/* ---- Order and limits ---- */

static void pass_comes_first_and_lets_the_flow_go(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (msg:\"x\"; content:\"abc\"; sid:1;)\n"
        "pass tcp any any -> any any (msg:\"p\"; content:\"let me\"; sid:2;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "abc"), "1s");
    expect(world_tcp(w, TO_SERVER, "abc let me"), "");
    expect(world_tcp(w, TO_SERVER, "abc"), "");
    world_free(w);
}

static void alerts_come_in_order_of_action_and_priority(void **state)
{
    struct world *w = world_new(
        "alert udp any any -> any any (msg:\"x\"; content:\"x\"; priority:3; sid:1;)\n"
        "alert udp any any -> any any (msg:\"x\"; content:\"x\"; priority:1; sid:2;)\n"
        "drop udp any any -> any any (msg:\"x\"; content:\"x\"; priority:4; sid:3;)\n");

    (void) state;
    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "3 2 1");
    world_free(w);
}

static void a_packet_has_a_limited_number_of_alerts(void **state)
{
    char rules[20 * 100] = "";
    size_t size = 0;

    (void) state;
    for (unsigned i = 1; i <= 18; i++) {
        size += (size_t) snprintf(rules + size, sizeof rules - size,
                                  "alert udp any any -> any any (msg:\"x\"; content:\"x\"; "
                                  "sid:%u;)\n", i);
    }
    struct world *w = world_new(rules);

    world_flow(w, IP_PROTO_UDP, 5000);
    expect(world_udp(w, TO_SERVER, "x"), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
    assert_int_equal(detect_counters(w->worker)->over_limit, 3);
    world_free(w);
}

/* ---- Tags, passes, bypass ---- */

static void tags_tell_the_packets_that_follow(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (content:\"tag me\"; tag:session,3,packets; sid:1;)\n"
        "alert tcp any any -> any any (content:\"host\"; tag:host,2,packets,src; sid:2;)\n");
    static const bool after_first[] = { true, true, false };
    static const bool after_second[] = { true, false };

    (void) state;
    expect(world_tcp(w, TO_SERVER, "nothing"), "");
    assert_false(detect_packet_is_tagged(w->worker));
    expect(world_tcp(w, TO_SERVER, "tag me"), "1s");
    assert_false(detect_packet_is_tagged(w->worker));
    for (size_t i = 0; i < 3; i++) {
        world_segment(w, TO_CLIENT, "", 0, true);
        assert_int_equal(detect_packet_is_tagged(w->worker), after_first[i]);
    }
    expect(world_tcp(w, TO_SERVER, "host"), "2s");
    for (size_t i = 0; i < 2; i++) {
        world_segment(w, TO_CLIENT, "", 0, true);
        assert_int_equal(detect_packet_is_tagged(w->worker), after_second[i]);
    }
    world_free(w);
}

static void a_pass_with_alert_is_told_and_still_passes(void **state)
{
    struct world *w = world_new(
        "pass tcp any any -> any any (content:\"let go\"; alert; sid:1;)\n"
        "alert tcp any any -> any any (content:\"go\"; sid:2;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "let go"), "1s");
    assert_true(detect_flow_is_passed(&w->flow));
    expect(world_tcp(w, TO_SERVER, "go on"), "");
    world_free(w);
}

static void a_rule_bypasses_its_flow(void **state)
{
    struct world *w = world_new(
        "alert tcp any any -> any any (content:\"enough\"; bypass; sid:1;)\n");

    (void) state;
    expect(world_tcp(w, TO_SERVER, "enough"), "1s");
    assert_true(w->flow.is_bypassed);
    expect(world_tcp(w, TO_SERVER, "enough"), "");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flowbits_are_set_before_they_are_asked_for),
        cmocka_unit_test(flowints_count),
        cmocka_unit_test(flowints_are_compared_with_each_other),
        cmocka_unit_test(xbits_span_flows_and_expire),
        cmocka_unit_test(filters_thin_alerts_out),
        cmocka_unit_test(pass_comes_first_and_lets_the_flow_go),
        cmocka_unit_test(alerts_come_in_order_of_action_and_priority),
        cmocka_unit_test(a_packet_has_a_limited_number_of_alerts),
        cmocka_unit_test(tags_tell_the_packets_that_follow),
        cmocka_unit_test(a_pass_with_alert_is_told_and_still_passes),
        cmocka_unit_test(a_rule_bypasses_its_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
