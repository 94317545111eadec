/* JA3 and JA4 against what their authors published. */
#include "tests/unit/app/handshakes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct talk talk;

/* The text of a buffer once the client has said 'hello'. */
static const char *buffer_of(const struct hello *client, const struct hello *server,
                             enum direction dir, enum buffer_id id)
{
    static char text[2048];
    struct conversation c;

    start(&c);
    talk.size = talk.n = 0;
    say_hello(&talk, TO_SERVER, client);
    if (server != NULL) {
        say_hello(&talk, TO_CLIENT, server);
    }
    feed_talk(&c, &talk, 0);
    assert_non_null(tx_at(&c, 0));
    struct app_view view = app_tx_buffer(tx_at(&c, 0), dir, id, 0);
    assert_int_equal(view.state, APP_VIEW_DONE);
    assert_true(view.bytes.size < sizeof text);
    memcpy(text, view.bytes.bytes, view.bytes.size);
    text[view.bytes.size] = '\0';
    stop(&c);
    return text;
}

/* The two examples of the paper that introduced it. */
static void ja3_is_what_its_authors_say(void **state)
{
    struct hello with = {
        .version = 769, .ciphers = CODES(47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56,
                                         19, 4),
        .extensions = CODES(0, 10, 11), .groups = CODES(23, 24, 25), .sni = "a.test",
    };
    struct hello without = {
        .version = 769, .ciphers = CODES(4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99),
    };

    assert_string_equal(buffer_of(&with, NULL, TO_SERVER, BUFFER_JA3_STRING),
                        "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,"
                        "23-24-25,0");
    assert_string_equal(buffer_of(&with, NULL, TO_SERVER, BUFFER_JA3_HASH),
                        "ada70206e40642a3e4461f35503241d5");
    assert_string_equal(buffer_of(&without, NULL, TO_SERVER, BUFFER_JA3_STRING),
                        "769,4-5-10-9-100-98-3-6-19-18-99,,,");
    assert_string_equal(buffer_of(&without, NULL, TO_SERVER, BUFFER_JA3_HASH),
                        "de350869b8c85de67a350c8d186f11e6");
}

static void ja3s_names_the_choice_of_the_server(void **state)
{
    struct hello client = { .version = 771, .ciphers = CODES(49200) };
    struct hello server = { .version = 771, .ciphers = CODES(49200),
                            .extensions = CODES(65281, 0, 11, 16, 23) };

    /* nDPI makes the same of the capture of a real server (pcaps/tls-1.2.pcap). */
    assert_string_equal(buffer_of(&client, &server, TO_CLIENT, BUFFER_JA3S_STRING),
                        "771,49200,65281-0-11-16-23");
    assert_string_equal(buffer_of(&client, &server, TO_CLIENT, BUFFER_JA3S_HASH),
                        "263c859c5391203d774bc0599793d915");
}

/* The example of the JA4 paper, as its raw form in original order tells it. */
#define JA4_CIPHERS 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, \
                    0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035
#define JA4_EXTENSIONS 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, \
                       0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015
#define JA4_SIGNATURES 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601

static struct hello ja4_example(void)
{
    return (struct hello) {
        .version = 0x0303, .ciphers = CODES(JA4_CIPHERS), .extensions = CODES(JA4_EXTENSIONS),
        .signatures = CODES(JA4_SIGNATURES), .versions = CODES(0x0303, 0x0304),
        .groups = CODES(29), .sni = "example.test", .alpn = "\2h2\10http/1.1",
    };
}

static void ja4_is_what_its_authors_say(void **state)
{
    struct hello h = ja4_example();

    assert_string_equal(buffer_of(&h, NULL, TO_SERVER, BUFFER_JA4_HASH),
                        "t13d1516h2_8daaf6152771_e5627efa2ab1");
    /* In another order it is the same client. */
    for (size_t i = 0; i < 8; i++) {
        uint16_t swap = h.extensions.at[i];
        h.extensions.at[i] = h.extensions.at[15 - i];
        h.extensions.at[15 - i] = swap;
    }
    assert_string_equal(buffer_of(&h, NULL, TO_SERVER, BUFFER_JA4_HASH),
                        "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

static void grease_changes_no_fingerprint(void **state)
{
    struct hello plain = ja4_example(), greased = {
        .version = 0x0303, .ciphers = CODES(0x1a1a, JA4_CIPHERS),
        .extensions = CODES(0xfafa, JA4_EXTENSIONS, 0x0a0a),
        .signatures = CODES(0x2a2a, JA4_SIGNATURES), .versions = CODES(0xdada, 0x0303, 0x0304),
        .groups = CODES(0x4a4a, 29), .sni = "example.test", .alpn = "\2h2\10http/1.1",
    };
    static const enum buffer_id ids[] = { BUFFER_JA3_STRING, BUFFER_JA3_HASH,
                                          BUFFER_JA4_HASH };

    for (size_t i = 0; i < 3; i++) {
        char expected[2048];
        snprintf(expected, sizeof expected, "%s",
                 buffer_of(&plain, NULL, TO_SERVER, ids[i]));
        assert_string_equal(buffer_of(&greased, NULL, TO_SERVER, ids[i]), expected);
    }
}

static void ja4_says_the_first_protocol_by_its_ends(void **state)
{
    static const struct { const char *alpn; size_t size; const char *ends; } rows[] = {
        { "\2h2", 3, "h2" }, { "\10http/1.1\2h2", 12, "h1" }, { "\1x", 2, "xx" },
        { NULL, 0, "00" }, { "\1\xab", 2, "ab" }, { "\2\xab\xcd", 3, "ad" },
        { "\2\x30\xab", 3, "3b" }, { "\4\x30\x31\xab\xcd", 5, "3d" },
        { "\4\x30\xab\xcd\x31", 5, "01" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hello h = ja4_example();
        h.alpn = rows[i].alpn;
        h.alpn_size = rows[i].size;
        const char *ja4 = buffer_of(&h, NULL, TO_SERVER, BUFFER_JA4_HASH);
        assert_memory_equal(ja4, "t13d1516", 8);
        assert_memory_equal(ja4 + 8, rows[i].ends, 2);
        assert_string_equal(ja4 + 10, "_8daaf6152771_e5627efa2ab1");
    }
}

static void ja4_begins_with_what_is_offered(void **state)
{
    struct hello h = ja4_example();
    static const struct { struct codes versions; uint16_t old; const char *text; } rows[] = {
        { CODES(0x0303, 0x0301), 0x0303, "t12" }, { CODES(0x0302), 0x0303, "t11" },
        { CODES(0x0301), 0x0303, "t10" }, { CODES(0x0300), 0x0303, "ts3" },
        { CODES(0x0002), 0x0303, "ts2" }, { CODES(0x0999), 0x0303, "t00" },
        { CODES(0x7a7a), 0x0301, "t10" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        h.versions = rows[i].versions;
        h.version = rows[i].old;
        assert_memory_equal(buffer_of(&h, NULL, TO_SERVER, BUFFER_JA4_HASH), rows[i].text, 3);
    }
    /* Neither extensions nor ciphers: no hash of nothing. */
    struct hello bare = { .version = 0x0303 };
    assert_string_equal(buffer_of(&bare, NULL, TO_SERVER, BUFFER_JA4_HASH),
                        "t12i000000_000000000000_000000000000");
    /* Extensions, but no signature algorithms. */
    struct hello old = {
        .version = 0x0301,
        .ciphers = CODES(0xc00a, 0xc009, 0xc014, 0xc013, 0x0035, 0x002f, 0x000a),
        .extensions = CODES(5, 10, 11, 35, 23, 0xff01), .groups = CODES(29, 23, 24),
    };
    assert_string_equal(buffer_of(&old, NULL, TO_SERVER, BUFFER_JA4_HASH),
                        "t10i070600_c50f5591e341_ce66f3b797c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ja3_is_what_its_authors_say),
        cmocka_unit_test(ja3s_names_the_choice_of_the_server),
        cmocka_unit_test(ja4_is_what_its_authors_say),
        cmocka_unit_test(grease_changes_no_fingerprint),
        cmocka_unit_test(ja4_says_the_first_protocol_by_its_ends),
        cmocka_unit_test(ja4_begins_with_what_is_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
