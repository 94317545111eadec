/* DHCP: messages in, a transaction each with its EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/dhcp/dhcp.h"
#include "tests/unit/app/talks.h"

#define ZERO16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZERO64 ZERO16 ZERO16 ZERO16 ZERO16
/* Operation and size of the hardware's address; four addresses; the cookie. */
#define HEAD(op, size, cookie)                                                            \
    op "\1" size "\0\x12\x34\x56\x78\0\0\0\0" "\1\2\3\4" "\5\6\7\x08" "\x09\x0a\x0b\x0c"  \
    "\x0d\x0e\x0f\x10" "\0\x1a\xe9\x9d\x53\xb7" "0123456789" ZERO64 ZERO64 ZERO64 cookie
#define COOKIE "\x63\x82\x53\x63"
#define REQUEST HEAD("\1", "\6", COOKIE)
#define REPLY HEAD("\2", "\6", COOKIE)
#define END "\xff"

static const struct talk_kind dhcp = { "dhcp", 67, true };

static const struct talk_case talks[] = {
    { "a request with what clients send",
      { C(REQUEST "\x35\1\3" "\x3d\7\1\0\x1a\xe9\x9d\x53\xb7" "\x32\4\x0a\0\0\x12"
          "\x0c\3Wii" "\x3c\4MSFT" "\x37\5\1\3\x77\6\x2a" END "\0\0") },
      { "\"dhcp\":{\"type\":\"request\",\"id\":305419896,\"client_mac\":\"00:1a:e9:9d:53:b7\","
        "\"assigned_ip\":\"5.6.7.8\",\"client_ip\":\"1.2.3.4\",\"dhcp_type\":\"request\","
        "\"client_id\":\"00:1a:e9:9d:53:b7\",\"hostname\":\"Wii\","
        "\"vendor_class_identifier\":\"MSFT\",\"requested_ip\":\"10.0.0.18\","
        "\"params\":[\"subnet_mask\",\"router\",\"dns_server\",\"ntp_server\"]}",
        "!  event ", "loggable 10" } },
    { "a reply with what servers send",
      { S(REPLY "\x35\1\5" "\x33\4\0\0\x0e\x10" "\x3a\4\0\0\7\x08" "\x3b\4\0\0\x0c\x4e"
          "\1\4\xff\xff\xff\0" "\3\4\x0a\0\0\1" "\6\x09\x08\x08\x08\x08\1\1\1\1\1" END) },
      { "\"type\":\"reply\"", "\"relay_ip\":\"13.14.15.16\",\"next_server_ip\":\"9.10.11.12\","
        "\"dhcp_type\":\"ack\",\"lease_time\":3600,\"renewal_time\":1800,"
        "\"rebinding_time\":3150,\"subnet_mask\":\"255.255.255.0\"",
        "\"dns_servers\":[\"8.8.8.8\",\"1.1.1.1\"],\"routers\":[\"10.0.0.1\"]",
        "1 dhcp.leasetime=3600", "1 dhcp.renewal_time=1800", "1 dhcp.rebinding_time=3150",
        "!0 dhcp" } },
    { "padding between options", { C(REQUEST "\0\0\x0c\1h\0\0" END) },
      { "\"hostname\":\"h\"", "!  event " } },
    { "options without an end", { C(REQUEST "\x0c\1h") },
      { "event truncated_options", "\"hostname\":\"h\"" } },
    { "no options at all", { C(REQUEST) }, { "event truncated_options" } },
    { "an option that is cut short", { C(REQUEST "\x0c\x20" "abc") },
      { "event truncated_options", "!hostname" } },
    { "a time of six bytes", { C(REQUEST "\x33\6\0\0\1\0\0\0" "\x0c\2hh" END) },
      { "event malformed_options", "!lease_time", "\"hostname\":\"hh\"", "!truncated" } },
    { "a client's id without one", { C(REQUEST "\x3d\1\1" "\x0c\2hh" END) },
      { "event malformed_options", "!client_id", "!hostname", "!truncated" } },
    { "the first of equal times for rules, the last for the event",
      { C(REQUEST "\x33\4\0\0\0\5" "\x33\4\0\0\0\x09" END) },
      { "0 dhcp.leasetime=5", "\"lease_time\":9" } },
    { "kinds that there are not", { C(REQUEST "\x35\1\x09" END), C(REQUEST "\x35\0" END) },
      { "\"dhcp_type\":\"unknown\"" } },
    { "addresses of other sizes",
      { C(REQUEST "\x32\3\1\2\3" "\1\x10" ZERO16 END) },
      { "\"subnet_mask\":\"0000:0000:0000:0000:0000:0000:0000:0000\"",
        "\"requested_ip\":\"\"" } },
    { "lists of nothing", { C(REQUEST "\x37\1\x77" "\3\0" "\6\3\1\2\3" END) },
      { "\"params\":[]", "\"routers\":[]", "\"dns_servers\":[]" } },
    { "a hardware's address that is too long", { C(HEAD("\1", "\xc8", COOKIE) END) },
      { "\"client_mac\":\"00:1a:e9:9d:53:b7:30:31:32:33:34:35:36:37:38:39\"" } },
    { "no hardware's address", { C(HEAD("\1", "\0", COOKIE) END) }, { "\"client_mac\":\"\"" } },
    { "BOOTP without the cookie, on the port", { C(HEAD("\3", "\6", "abcd") END) },
      { "\"type\":\"<unknown>\"", "!  event " } },
};

static void a_message_on_another_port_needs_the_cookie(void **state)
{
    static const struct talk_kind elsewhere = { "dhcp", 6767, true };
    static const struct talk_case with = { "with", { C(REQUEST END) }, { "proto dhcp" } };
    static const struct talk_case without = { "without", { C(HEAD("\1", "\6", "abcd") END) },
                                              { "!proto dhcp" } };

    check_talk(&with, &elsewhere);
    check_talk(&without, &elsewhere);
}

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &dhcp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
        cmocka_unit_test(a_message_on_another_port_needs_the_cookie),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
