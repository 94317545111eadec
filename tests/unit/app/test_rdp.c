/* RDP: how sessions begin, a transaction for each message that tells something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/rdp/rdp.h"
#include "tests/unit/app/talks.h"

#define REQUEST \
    "\x03\x00\x00#\x1e\xe0\x00\x00\x12" "4\x00" "Cookie: mstshash=user1\x0d\x0a"
#define REQUEST_FLAGS \
    "\x03\x00\x00+&\xe0\x00\x00\x12" "4\x00" "Cookie: mstshash=user1\x0d\x0a\x01" \
    "\x09\x08\x00\x03\x00\x00\x00"
#define REQUEST_BAD_FLAGS \
    "\x03\x00\x00+&\xe0\x00\x00\x12" "4\x00" "Cookie: mstshash=user1\x0d\x0a\x01" \
    "\x10\x08\x00\x03\x00\x00\x00"
#define REQUEST_TOKEN \
    "\x03\x00\x00\x1d\x18\xe0\x00\x00\x12" "4\x00" "Cookie: msts=123\x0d\x0a"
#define CONFIRM \
    "\x03\x00\x00\x0b\x06\xd0\x00\x00\x12" "4\x00"
#define CONFIRM_HYBRID \
    "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12" "4\x00\x02\x1f\x08\x00\x02\x00\x00\x00"
#define CONFIRM_FAILURE \
    "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12" "4\x00\x03\x00\x08\x00\x05\x00\x00\x00"
#define CONFIRM_ODD \
    "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12" "4\x00\x03\x00\x08\x00\x07\x00\x00\x00"
#define CLASS_2 \
    "\x03\x00\x00#\x1e\xe0\x00\x00\x12" "4 Cookie: mstshash=user1\x0d\x0a"
#define CONNECT \
    "\x03\x00\x00\xbb\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca\x80\xa4\x01\xc0" \
    "\x84\x00\x04\x00\x08\x00\x00\x04\x00\x03\x01\xca\x03\xaa\x09\x04\x00\x00(" \
    "\x0a\x00\x00" "C\x00L\x00I\x00" "E\x00N\x00T\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00" \
    "\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\xc0 \x00\x02\x00" \
    "\x00\x00rdpdr\x00\x00\x00\x00\x00\x00\x80rdpsnd\x00\x00\x00\x00\x00\x80"
#define CONNECT_FULL \
    "\x03\x00\x01!\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca\x81\x0a\x01\xc0\xea" \
    "\x00\x0c\x00\x08\x00\x00\x04\x00\x03\x01\xca\x03\xaa\x07\x04\x00\x00" "cE" \
    "\x00\x00\xe4\x00\xac =\xd8\x00\xde\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x03" \
    "\x00\x00\x00\x0c\x00\x00\x00i\x00m\x00" "e\x00" "f\x00i\x00l\x00" "e\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xca\x01\x00M\x00\x00\x00" \
    "\x18\x00\x07\x00\xff\x07i\x00" "d\x00-\x00" "1\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x00\x00," \
    "\x01\x00\x00\xc8\x00\x00\x00Z\x00\x96\x00\x00\x00\x8c\x00\x00\x00\x03\xc0 " \
    "\x00\x02\x00\x00\x00" "a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" "bcdef" \
    "ghi\x00\x00\x00\x80"
#define CONNECT_UNKNOWN \
    "\x03\x00\x00\x9b\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca\x80\x84\x01\xc0" \
    "\x84\x00\x05\x00\x00\x00\x00\x04\x00\x03\x01\x00\x03\xaa\xff\xff\x07\x00\x01" \
    "\x00\x00\x00" "C\x00L\x00I\x00" "E\x00N\x00T\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define CONNECT_BAD_NAME \
    "\x03\x00\x00\x9b\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca\x80\x84\x01\xc0" \
    "\x84\x00\x04\x00\x08\x00\x00\x04\x00\x03\x01\xca\x03\xaa\x09\x04\x00\x00(" \
    "\x0a\x00\x00" "C\x00L\x00\x00\xd8\x00\xd8N\x00T\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00" \
    "\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define CONNECT_SHORT \
    "\x03\x00\x00>\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca(\x01\xc0\x14\x00xxxxx" \
    "xxxxxxxxxxx\x03\xc0\x14\x00\x01\x00\x00\x00q\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x80"
#define CONNECT_BAD_CHANNEL \
    "\x03\x00\x00*\x02\xf0\x80\x7f" "e\x82\x01\x02stuffDuca\x14\x03\xc0\x14\x00" \
    "\x01\x00\x00\x00" "ab\xff" "cd\x00\x00\x00\x00\x00\x00\x80"
#define CONNECTED \
    "\x03\x00\x00\x0b\x02\xf0\x80\x7f" "fxx"
/* Records of TLS: a hello of either side, certificates, data. */
#define TLS_CLIENT_HELLO \
    "\x16\x03\x03\x00\x09\x01\x00\x00\x05hello"
#define TLS_CERTIFICATES \
    "\x16\x03\x03\x00;\x02\x00\x00\x05hello\x0b\x00\x00.\x00\x00+\x00\x00\x13" "0" \
    "\x11" "0\x0d\xa0\x03\x02\x01\x02\x02\x04\x00\x9a\x0b\xcd" "0\x00" "0\x00\x00" \
    "\x00\x04junk\x00\x00\x0b" "0\x09" "0\x05\x02\x01\x00" "0\x00" "0\x00"
#define TLS_DATA \
    "\x17\x03\x03\x00\x14xxxxxxxxxxxxxxxxxxxx"

static const struct talk_kind rdp = { "rdp", 3389, false };

static const struct talk_case talks[] = {
    { "a whole beginning", { C(REQUEST), S(CONFIRM), C(CONNECT), S(CONNECTED), C("more") },
      { "\"rdp\":{\"tx_id\":1,\"event_type\":\"initial_request\",\"cookie\":\"user1\"}",
        "\"rdp\":{\"tx_id\":2,\"event_type\":\"initial_response\"}",
        "\"rdp\":{\"tx_id\":3,\"event_type\":\"connect_request\",\"client\":{\"version\":\"v5\","
        "\"desktop_width\":1024,\"desktop_height\":768,\"color_depth\":8,"
        "\"keyboard_layout\":\"en-US\",\"build\":\"Windows XP\",\"client_name\":\"CLIENT\","
        "\"keyboard_type\":\"enhanced\",\"function_keys\":12},"
        "\"channels\":[\"rdpdr\",\"rdpsnd\"]}",
        "\"rdp\":{\"tx_id\":4,\"event_type\":\"connect_response\"}", "!failed 1" } },
    { "a client that tells all", { C(REQUEST), S(CONFIRM), C(CONNECT_FULL) },
      { "\"version\":\"v10.7\"", "\"color_depth\":24,\"keyboard_layout\":\"de-DE\","
        "\"build\":\"Windows 10 RS5\",\"client_name\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"keyboard_subtype\":3,\"function_keys\":12,\"ime\":\"imefile\",\"product_id\":1,"
        "\"serial_number\":77,\"capabilities\":[\"support_errinfo_pdf\",",
        "\"strong_asymmetric_keys\",\"valid_connection_type\",", "\"support_heartbeat_pdu\"]",
        "\"id\":\"id-1\",\"connection_hint\":\"lan\",\"physical_width\":300,"
        "\"physical_height\":200,\"desktop_orientation\":90,\"scale_factor\":150,"
        "\"device_scale_factor\":140", "\"channels\":[\"a\",\"bcdefghi\"]" } },
    { "a client that nobody knows", { C(REQUEST), C(CONNECT_UNKNOWN) },
      { "\"client\":{\"version\":\"unknown\",\"desktop_width\":1024,\"desktop_height\":768,"
        "\"keyboard_layout\":\"unknown\",\"build\":\"unknown\",\"client_name\":\"CLIENT\"}" } },
    { "a name that is no text", { C(REQUEST), C(CONNECT_BAD_NAME) },
      { "connect_request\"}", "!client" } },
    { "a client's data that is too short", { C(REQUEST), C(CONNECT_SHORT) },
      { "connect_request\",\"channels\":[\"q\"]}" } },
    { "a channel that is no text", { C(REQUEST), C(CONNECT_BAD_CHANNEL) },
      { "connect_request\"}" } },
    { "flags of a request", { C(REQUEST_FLAGS) },
      { "\"cookie\":\"user1\",\"flags\":[\"restricted_admin_mode_required\","
        "\"correlation_info_present\"]" } },
    { "flags that there are not", { C(REQUEST_BAD_FLAGS) }, { "\"cookie\":\"user1\"}" } },
    { "a routing token", { C(REQUEST_TOKEN) }, { "initial_request\"}" } },
    { "what the server chose", { C(REQUEST), S(CONFIRM_HYBRID) },
      { "\"server_supports\":[\"extended_client_data\",\"dynvc_gfx\",\"restricted_admin\","
        "\"redirected_authentication\"],\"protocol\":\"hybrid\"" } },
    { "what the server refused", { C(REQUEST), S(CONFIRM_FAILURE) },
      { "initial_response\",\"error_code\":5,\"reason\":\"hybrid required by server\"" } },
    { "a reason that nobody knows", { C(REQUEST), S(CONFIRM_ODD) }, { "initial_response\"}" } },
    { "a class that RDP has not", { C(REQUEST), C(CLASS_2) }, { "!tx 1", "!failed 1" } },
    { "certificates", { C(REQUEST), S(CONFIRM), C(TLS_CLIENT_HELLO), S(TLS_CERTIFICATES),
                        S(TLS_DATA) },
      { "\"event_type\":\"tls_handshake\",\"x509_serials\":[\"9a0bcd\",\"0\"]", "!failed 1" } },
    { "TLS that hides its certificates",
      { C(REQUEST), S(CONFIRM), C(TLS_CLIENT_HELLO), S(TLS_CLIENT_HELLO TLS_DATA),
        S(TLS_CERTIFICATES) },
      { "!tls_handshake", "!failed 1" } },
    { "neither TPKT nor TLS", { C(REQUEST), C("what") }, { "failed 1" } },
    { "a size that has no room for itself", { C(REQUEST), C("\3\0\0\2") }, { "failed 1" } },
    { "a gap ends it", { C(REQUEST), GAP(TO_SERVER, 9), C(CONNECT) },
      { "failed 1", "!connect_request" } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &rdp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
