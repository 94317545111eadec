/* Rules about calls of DCE RPC: interface, number of the operation, stub data. */
#include "detect_world.h"

#include "../app/smb_messages.h"

#define PDU(b, type, id, body) put_pdu(b, type, 3, id, body, sizeof(body) - 1)

/* What the rule "alert dcerpc ... (OPTIONS)" tells of a bind, its answer and one call. */
static void check(const char *options, const char *expected)
{
    char rule[256], told[512];
    struct strbuf pdus[3] = { STRBUF_EMPTY, STRBUF_EMPTY, STRBUF_EMPTY };
    static const enum direction dirs[3] = { TO_SERVER, TO_CLIENT, TO_SERVER };

    snprintf(rule, sizeof rule,
             "alert dcerpc any any -> any any (msg:\"x\"; flow:to_server; %s sid:1;)\n",
             options);
    struct world *w = world_new(rule);

    world_flow(w, IP_PROTO_TCP, 135);
    PDU(&pdus[0], 11, 1, BIND);
    PDU(&pdus[1], 12, 1, BINDACK);
    PDU(&pdus[2], 0, 2, REQUEST("\x0f\0", "\x01\x02open"));
    for (unsigned i = 0; i < 3; i++) {
        const char *now = world_segment(w, dirs[i], pdus[i].text, pdus[i].size, true);
        if (i < 2) {
            assert_string_equal(now, "");
        }
        snprintf(told, sizeof told, "%s", now);
        strbuf_fini(&pdus[i]);
    }
    if (strcmp(told, expected) != 0) {
        fail_msg("%s: \"%s\"", options, told);
    }
    world_free(w);
}

static void calls_are_inspected(void **state)
{
#define UUID "367abb81-9844-35f1-ad32-98f038001003"
    static const struct {
        const char *options, *expected;
    } cases[] = {
        { "dcerpc.iface:" UUID ";", "1t" },
        { "dce_iface:" UUID ",any_frag;", "1t" },
        { "dcerpc.iface:" UUID ",=2;", "1t" },
        { "dcerpc.iface:" UUID ",<2;", "" },
        { "dcerpc.iface:" UUID ",>1;", "1t" },
        { "dcerpc.iface:" UUID ",!2;", "" },
        { "dcerpc.iface:467abb81-9844-35f1-ad32-98f038001003;", "" },
        { "dcerpc.opnum:15;", "1t" },
        { "dce_opnum:1,14-16;", "1t" },
        { "dcerpc.opnum:1-3,15;", "1t" },
        { "dcerpc.opnum:1-3,16;", "" },
        { "dcerpc.opnum:>14;", "1t" },
        { "dcerpc.opnum:<15;", "" },
        { "dcerpc.opnum:!15;", "" },
        { "dcerpc.stub_data; content:\"open\";", "1t" },
        { "dce_stub_data; content:\"openx\";", "" },
        { "dce_stub_data; byte_test:2,=,0x0201,0,dce;", "1t" },
        { "dce_stub_data; byte_test:2,=,0x0102,0,dce;", "" },
        { "dce_iface:" UUID "; dce_opnum:15; dce_stub_data; content:\"open\"; offset:2;", "1t" },
        { "dce_iface:" UUID "; dce_opnum:14; dce_stub_data; content:\"open\";", "" },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(cases[i].options, cases[i].expected);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const cases[] = {
        "dcerpc.iface:367abb81-9844-35f1-ad32;",
        "dcerpc.iface:" UUID ",=;",
        "dcerpc.iface:" UUID ",~2;",
        "dcerpc.opnum:>65536;",
        "dcerpc.opnum:4-3;",
        "dcerpc.opnum:x;",
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rule[256];
        struct rules_conf conf;
        struct diag diag;

        rules_conf_init(&conf);
        diag_init(&diag);
        snprintf(rule, sizeof rule,
                 "alert dcerpc any any -> any any (msg:\"x\"; %s sid:1;)\n", cases[i]);
        ruleset_free(ruleset_parse(&conf, "test.rules", rule, strlen(rule), &diag));
        if (diag.n_errors == 0) {
            fail_msg("taken: %s", cases[i]);
        }
        diag_fini(&diag);
        rules_conf_fini(&conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_inspected),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
