/* RFB: how sessions of a shared screen begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/rfb/rfb.h"
#include "tests/unit/app/talks.h"

#define V33 "RFB 003.003\n"
#define V37 "RFB 003.007\n"
#define V38 "RFB 003.008\n"
#define CHALLENGE "CCCCCCCCCCCCCCCC"
#define RESPONSE "RRRRRRRRRRRRRRRR"
#define OK "\0\0\0\0"
#define FORMAT "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define INIT(size, name) "\5\0\3\x20" FORMAT "\0\0" size name
#define N64 "NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN"
#define N1024 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64 N64
#define SCREEN "\"framebuffer\":{\"width\":1280,\"height\":800,\"name\":\"desk\"," \
               "\"pixel_format\":{\"bits_per_pixel\":32,\"depth\":24,\"big_endian\":false," \
               "\"true_color\":true,\"red_max\":255,\"green_max\":255,\"blue_max\":255," \
               "\"red_shift\":16,\"green_shift\":8,\"blue_shift\":0}}"

static const struct talk_kind rfb = { "rfb", 5900, false };

static const struct talk_case talks[] = {
    { "version 3.3 with a password",
      { S(V33), C(V33), S("\0\0\0\2" CHALLENGE), C(RESPONSE), S(OK), C("\1"),
        S(INIT("\0\4", "desk")), C("more") },
      { "\"rfb\":{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"003\"},"
        "\"client_protocol_version\":{\"major\":\"003\",\"minor\":\"003\"},"
        "\"authentication\":{\"security_type\":2,\"vnc\":{"
        "\"challenge\":\"43434343434343434343434343434343\","
        "\"response\":\"52525252525252525252525252525252\"},\"security_result\":\"OK\"},"
        "\"screen_shared\":true," SCREEN "}", "0 rfb.sectype=2", "1 rfb.secresult=0",
        "1 rfb.name[0]=desk", "!1 rfb.sectype", "!  event ", "loggable 11" } },
    { "version 3.7 without a password",
      { S(V37), C(V37), S("\2\1\2"), C("\1\0"), S(INIT("\0\4", "desk")) },
      { "\"authentication\":{\"security_type\":1},\"screen_shared\":false," SCREEN } },
    { "version 3.8 has a result even so",
      { S(V38), C(V38), S("\1\1"), C("\1"), S(OK), C("\0"), S(INIT("\0\4", "desk")) },
      { "\"security_type\":1,\"security_result\":\"OK\"", SCREEN, "!  event " } },
    { "a wrong password",
      { S(V38), C(V38), S("\1\2"), C("\2"), S(CHALLENGE), C(RESPONSE), S("\0\0\0\1"),
        S("\0\0\0\6wrong!") },
      { "\"security_result\":\"FAIL\"},\"server_security_failure_reason\":\"wrong!\"",
        "1 rfb.secresult=1", "!  event " } },
    { "a result that nobody knows",
      { S(V38), C(V38), S("\1\2"), C("\2"), S(CHALLENGE), C(RESPONSE), S("\0\0\0\5") },
      { "event unknown_security_result", "\"security_result\":\"UNKNOWN (5)\"" } },
    { "too many attempts",
      { S(V38), C(V38), S("\1\2"), C("\2"), S(CHALLENGE), C(RESPONSE), S("\0\0\0\2") },
      { "event unknown_security_result", "\"security_result\":\"TOOMANY\"" } },
    { "a server that offers nothing", { S(V38), C(V38), S("\0\0\0\0\4busy") },
      { "\"authentication\":{},\"server_security_failure_reason\":\"busy\"", "loggable 11" } },
    { "a server of 3.3 that refuses", { S(V33), C(V33), S("\0\0\0\0\0\0\0\4busy") },
      { "\"authentication\":{\"security_type\":0}", "\"busy\"" } },
    { "a kind of security that is not followed",
      { S(V38), C(V38), S("\1\x10"), C("\x10"), S("tight"), C("?") },
      { "event unimplemented_security_type", "\"security_type\":16", "!failed 1" } },
    { "one that the server chose", { S(V33), C(V33), S("\0\0\0\x10"), C("?") },
      { "event unimplemented_security_type", "\"authentication\":{}" } },
    { "a name that is too long",
      { S(V33), C(V33), S("\0\0\0\1"), C("\0"),
        S(INIT("\x13\x88", N1024 N1024 N1024 N1024 N64)) },
      { "event too_long_string", "\"width\":1280" } },
    { "a name that never comes",
      { S(V33), C(V33), S("\0\0\0\1"), C("\0"), S("\5\0\3\x20" FORMAT "\xff\xff\xff\xff" "abc") },
      { "!framebuffer", "!  event ", "loggable 11" } },
    { "a client that speaks before its turn", { S(V38), C(V38 "\2"), S("\1\2") },
      { "event confused_state", "\"minor\":\"008\"}", "!failed 1" } },
    { "a version that is none", { S(V33), C("RFB 003x003\n") },
      { "event malformed_message", "failed 1", "!client_protocol_version" } },
    { "a client that speaks first", { C(V38), S(V38) }, { "failed 1", "!tx 0" } },
    { "the server's version alone", { S(V38) },
      { "\"rfb\":{\"server_protocol_version\":{\"major\":\"003\",\"minor\":\"008\"},"
        "\"authentication\":{}}", "loggable 11" } },
    { "a gap ends it", { S(V33), C(V33), GAP(TO_CLIENT, 4), S(CHALLENGE) },
      { "failed 1", "!challenge" } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &rfb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
