/* SSH: banners and key exchanges in, one transaction with its EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/ssh/ssh.h"
#include "tests/unit/app/talks.h"

static const struct talk_kind ssh = { .event_type = "ssh", .server_port = 22 };

/* A name list of a literal, and a KEXINIT of eight of them with what follows. */
#define LIST(size, text) "\0\0\0" size text
#define COOKIE "CCCCCCCCCCCCCCCC"
#define OFFER                                                                          \
    COOKIE LIST("\2", "k1") LIST("\1", "h") LIST("\5", "c1,c2") LIST("\2", "s1")        \
    LIST("\2", "m1") LIST("\2", "n1") LIST("\4", "none") LIST("\4", "zlib")             \
    LIST("\0", "") LIST("\0", "") "\0\0\0\0\0"
#define PAD "PPPP"
#define KEXINIT "\0\0\0\x55" "\4\x14" OFFER PAD
#define NEWKEYS "\0\0\0\6" "\4\x15" PAD
#define OTHER "\0\0\0\x0a" "\4\x1e" "data" PAD
#define SECRET "\0\0\0\0\0\0\0\0"
#define X50 "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
#define X200 X50 X50 X50 X50
#define BANNER_C "SSH-2.0-cli_1 comment\r\n"
#define BANNER_S "SSH-1.99-OpenSSH_8.0\r\n"

static const struct talk_case talks[] = {
    { "a whole handshake",
      { C(BANNER_C), S(BANNER_S), C(KEXINIT), S(KEXINIT), C(OTHER), S(OTHER NEWKEYS),
        C(NEWKEYS), C(SECRET), S(SECRET) },
      { "\"ssh\":{\"client\":{\"proto_version\":\"2.0\",\"software_version\":\"cli_1\","
        "\"hassh\":{\"hash\":\"107a25097ad19a8d4c721c7841221478\","
        "\"string\":\"k1;c1,c2;m1;none\"}},\"server\":{\"proto_version\":\"1.99\","
        "\"software_version\":\"OpenSSH_8.0\",\"hassh\":{",
        "\"string\":\"k1;s1;n1;zlib\"}}}", "loggable 11", "!  event ", "tx 0 done 11" } },
    { "banners alone", { C("SSH-2.0-a\n"), S("SSH-2.0-b\r\n") },
      { "\"software_version\":\"a\"", "\"software_version\":\"b\"", "!hassh", "loggable 11" } },
    { "the server's banner alone", { S(BANNER_S) },
      { "\"ssh\":{\"server\":{\"proto_version\":\"1.99\"", "loggable 11", "proto ssh/" } },
    { "a line that ends with CR alone", { C("SSH-2.0-a\r" KEXINIT) }, { "k1;c1,c2;m1;none" } },
    { "dashes are the software's", { C("SSH-2.0-a-b-c d-e\r\n") },
      { "\"software_version\":\"a-b-c\"" } },
    { "software that begins with a blank has no comment", { C("SSH-2.0- a b\r\n") },
      { "\"software_version\":\" a b\"" } },
    { "a banner without software", { C("SSH-2.0-\r\n") },
      { "\"client\":{\"proto_version\":\"2.0\"}", "!  event " } },
    { "a banner without version", { C("SSH--soft\r\n") },
      { "event invalid_banner", "failed 1", "!\"ssh\":{", "loggable 00" } },
    { "a banner without a dash", { C("SSH-2.0\r\n"), S(BANNER_S) },
      { "event invalid_banner", "!OpenSSH" } },
    { "a banner in small letters", { C("ssh-2.0-soft\r\n") }, { "event invalid_banner" } },
    { "a banner of 255 bytes", { C("SSH-2.0-" X200 "1234567890123456789012345678901234567890"
                                   "1234567\r\n") }, { "!  event " } },
    { "a banner of 256 bytes", { C("SSH-2.0-" X200 "1234567890123456789012345678901234567890"
                                   "12345678\r\n") }, { "event long_banner" } },
    { "software of 256 bytes", { C("SSH-2.0-" X200 X50 "123456\r\n") },
      { "XX123456\"", "event long_banner", "!failed 1" } },
    { "software of 257 bytes", { C("SSH-2.0-" X200 X50 "1234567\r\n") },
      { "XX123456[truncated 1 additional byte]\"" } },
    { "software of 300 bytes", { C("SSH-2.0-" X200 X50 X50 "\r\n"), C(KEXINIT) },
      { "XX[truncated 44 additional bytes]\"", "k1;c1,c2;m1;none" } },
    { "a banner that nobody waits for",
      { C("SSH-2.0-soft " X200 X200 X200 X200 X200), C(X200 X200 X200 X200 X200),
        C(X200), C("\r\n" KEXINIT) },
      { "event long_banner", "\"software_version\":\"soft\"", "k1;c1,c2;m1;none" } },
    { "a banner that does not end", { C("SSH-2.0-soft " X200 X50), S(BANNER_S) },
      { "event long_banner", "\"software_version\":\"soft\"", "OpenSSH" } },
    { "a long banner ends late",
      { C("SSH-2.0-soft " X200 X50), C(X50 "\r\n" KEXINIT), S(BANNER_S) },
      { "event long_banner", "\"software_version\":\"soft\"", "k1;c1,c2;m1;none" } },
    { "a record without message", { C(BANNER_C), C("\0\0\0\1\0\0") },
      { "event invalid_record", "failed 1", "\"software_version\":\"cli_1\"" } },
    { "a key exchange that is too long",
      { C(BANNER_C), S(BANNER_S KEXINIT), C("\0\1\0\1\0\x14" X200 X50) },
      { "event long_kex_record", "!failed 1", "k1;s1;n1;zlib" } },
    { "a key exchange that lies about a list",
      { C(BANNER_C), C("\0\0\0\x1c\0\x14" COOKIE "\xff\xff\xff\xff" "abcdef") },
      { "!hassh", "!  event ", "!failed 1" } },
    { "a second key exchange changes nothing",
      { C(BANNER_C KEXINIT "\0\0\0\x40\0\x14" COOKIE LIST("\1", "z") LIST("\0", "")
          LIST("\0", "") LIST("\0", "") LIST("\0", "") LIST("\0", "") LIST("\0", "")
          LIST("\0", "") "1234567890123") },
      { "k1;c1,c2;m1;none", "!z;;;" } },
    { "what is encrypted is not read",
      { C(BANNER_C KEXINIT NEWKEYS SECRET), S(BANNER_S KEXINIT NEWKEYS), S(SECRET) },
      { "!  event ", "tx 0 done 11" } },
    { "a gap ends it", { C(BANNER_C), S(BANNER_S), GAP(TO_SERVER, 100), C(KEXINIT) },
      { "failed 1", "cli_1", "OpenSSH_8.0", "!hassh", "loggable 11" } },
    { "a gap in what is encrypted does not",
      { C(BANNER_C NEWKEYS), GAP(TO_SERVER, 100), S(BANNER_S) },
      { "!failed 1", "OpenSSH_8.0" } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &ssh);
    }
}

static void payload_is_inspected_until_both_sides_are_encrypted(void **state)
{
    struct conversation c;
    struct turn turns[] = { C(BANNER_C), S(BANNER_S), S(NEWKEYS), C(NEWKEYS) };

    start(&c);
    for (size_t i = 0; i < 4; i++) {
        assert_false(c.flow.no_payload_inspection);
        feed_turn(&c, &turns[i], 0);
    }
    assert_true(c.flow.no_payload_inspection);
    stop(&c);
}

static void it_is_logged_when_both_sides_are_encrypted(void **state)
{
    struct conversation c;
    struct turn turns[] = { C(BANNER_C), S(BANNER_S), S(NEWKEYS), C(NEWKEYS) };

    start(&c);
    for (size_t i = 0; i < 4; i++) {
        feed_turn(&c, &turns[i], 0);
        assert_int_equal(app_tx_is_loggable(tx_at(&c, 0), TO_SERVER), i == 3);
    }
    stop(&c);
}

static void without_hassh_the_banners_are_enough(void **state)
{
    struct conversation c;
    struct turn turns[] = { C(BANNER_C KEXINIT), S(BANNER_S) };

    start(&c);
    c.conf.hassh = false;
    feed_turn(&c, &turns[0], 0);
    feed_turn(&c, &turns[1], 0);
    assert_true(app_tx_is_loggable(tx_at(&c, 0), TO_SERVER));
    assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_SERVER, BUFFER_SSH_HASSH, 0).state,
                     APP_VIEW_ABSENT);
    stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
        cmocka_unit_test(payload_is_inspected_until_both_sides_are_encrypted),
        cmocka_unit_test(it_is_logged_when_both_sides_are_encrypted),
        cmocka_unit_test(without_hassh_the_banners_are_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
