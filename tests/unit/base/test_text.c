/* clock, ip, diag, hash, app_proto. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/app_proto.h"
#include "common/base/clock.h"
#include "common/base/diag.h"
#include "common/base/hash.h"
#include "common/base/ip.h"

static void dates_are_those_of_gmtime(void **state)
{
    char ours[CLOCK_TEXT_SIZE], theirs[CLOCK_TEXT_SIZE];
    /* Every 7 hours and some from 1970 to 2200: every day is met, leap days too. */
    (void) state;
    for (uint64_t t = 0; t < 7258118400ull; t += 7 * 3600 + 61) {
        time_t seconds = (time_t) t;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        size_t n = strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        assert_int_equal(clock_format_utc(t * NS_PER_SEC, 3, "Z", ours), n);
        assert_string_equal(ours, theirs);
    }
}

static void fractions_have_the_digits_asked_for(void **state)
{
    uint64_t t = 1769903999ull * NS_PER_SEC + 123456789;
    char out[CLOCK_TEXT_SIZE];

    (void) state;
    clock_format_utc(t, 3, "Z", out);
    assert_string_equal(out, "2026-01-31T23:59:59.123Z");
    clock_format_utc(t, 6, "+0000", out);
    assert_string_equal(out, "2026-01-31T23:59:59.123456+0000");
    clock_format_utc(t, 9, "", out);
    assert_string_equal(out, "2026-01-31T23:59:59.123456789");
    clock_format_utc(t, 6, "a suffix that is far too long for it", out);
    assert_int_equal(strlen(out), CLOCK_TEXT_SIZE - 1);
    assert_int_equal(clock_format_utc(UINT64_MAX, 9, "Z", out), 30);
    assert_string_equal(out, "2554-07-21T23:34:33.709551615Z");
}

static void addresses_are_read_and_written(void **state)
{
    static const struct {
        const char *text;       /* In the short form. */
        const char *expanded;
        uint8_t version;
    } cases[] = {
        { "0.0.0.0", "0.0.0.0", 4 },
        { "255.255.255.255", "255.255.255.255", 4 },
        { "192.0.2.10", "192.0.2.10", 4 },
        { "8.80.100.9", "8.80.100.9", 4 },
        { "::", "0000:0000:0000:0000:0000:0000:0000:0000", 6 },
        { "fe80::1", "fe80:0000:0000:0000:0000:0000:0000:0001", 6 },
        { "2001:db8:0:1::", "2001:0db8:0000:0001:0000:0000:0000:0000", 6 },
        { "2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002:0003:0004:0005:0006", 6 },
        { "::ffff:192.0.2.1", "0000:0000:0000:0000:0000:ffff:c000:0201", 6 },
    };
    char out[IP_TEXT_SIZE];

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].text);
        char *exact = malloc(size);
        struct ip_addr a;
        memcpy(exact, cases[i].text, size);
        assert_true(ip_parse(exact, size, &a));
        assert_int_equal(a.version, cases[i].version);
        assert_int_equal(ip_format(&a, false, out), size);
        assert_string_equal(out, cases[i].text);
        assert_int_equal(ip_format(&a, true, out), strlen(cases[i].expanded));
        assert_string_equal(out, cases[i].expanded);
        struct ip_addr b = cases[i].version == 4 ? ip_v4(a.bytes) : ip_v6(a.bytes);
        assert_true(ip_equal(&a, &b));
        free(exact);
    }
    struct ip_addr none = { .version = 0 };
    assert_int_equal(ip_format(&none, false, out), 0);
    assert_string_equal(out, "");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "01.2.3.4x", "::1::", ":::",
        "fe80::1%eth0", "12345::", "1.2.3.4/24", "g::",
        "2001:0db8:0000:0001:0000:0000:0000:0000:0000:0000",
    };
    struct ip_addr a;

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(ip_parse(cases[i], strlen(cases[i]), &a));
    }
}

static void addresses_order_by_family_and_bytes(void **state)
{
    struct ip_addr a, b, c;

    (void) state;
    ip_parse("10.0.0.2", 8, &a);
    ip_parse("10.0.1.1", 8, &b);
    ip_parse("::", 2, &c);
    assert_true(ip_compare(&a, &b) < 0);
    assert_true(ip_compare(&b, &a) > 0);
    assert_int_equal(ip_compare(&a, &a), 0);
    assert_true(ip_compare(&b, &c) < 0);
    assert_false(ip_equal(&a, &b));
}

static void prefixes_have_a_first_and_a_last_address(void **state)
{
    static const struct {
        const char *address;
        unsigned bits;
        const char *first, *last;       /* NULL: refused. */
    } cases[] = {
        { "192.168.77.5", 32, "192.168.77.5", "192.168.77.5" },
        { "192.168.77.5", 24, "192.168.77.0", "192.168.77.255" },
        { "192.168.77.5", 20, "192.168.64.0", "192.168.79.255" },
        { "192.168.77.5", 9, "192.128.0.0", "192.255.255.255" },
        { "192.168.77.5", 0, "0.0.0.0", "255.255.255.255" },
        { "192.168.77.5", 33, NULL, NULL },
        { "2001:db8::5", 128, "2001:db8::5", "2001:db8::5" },
        { "2001:db8::5", 33, "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
        { "2001:db8::5", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "2001:db8::5", 129, NULL, NULL },
    };

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr a, first, last, expected;
        assert_true(ip_parse(cases[i].address, strlen(cases[i].address), &a));
        bool found = ip_prefix_range(&a, cases[i].bits, &first, &last);
        assert_int_equal(found, cases[i].first != NULL);
        if (found) {
            ip_parse(cases[i].first, strlen(cases[i].first), &expected);
            assert_true(ip_equal(&first, &expected));
            ip_parse(cases[i].last, strlen(cases[i].last), &expected);
            assert_true(ip_equal(&last, &expected));
        }
    }
}

static void messages_have_place_and_hint(void **state)
{
    char *text = NULL;
    size_t size = 0;
    struct diag d;

    (void) state;
    diag_init(&d);
    diag_add(&d, DIAG_ERROR, "web.rules", 12, 8, "did you mean \"http.host\"?",
             "unknown buffer \"%s\"", "http.hos");
    diag_add(&d, DIAG_WARNING, "a.yaml", 3, 0, NULL, "odd");
    diag_add(&d, DIAG_ERROR, NULL, 0, 0, NULL, "no place");
    diag_add(&d, DIAG_ERROR, "x", 0, 0, NULL, "%s", "");
    assert_int_equal(d.n_errors, 3);
    assert_int_equal(d.n_warnings, 1);
    FILE *out = open_memstream(&text, &size);
    diag_print(&d, out);
    fclose(out);
    assert_string_equal(text, "web.rules:12:8: error: unknown buffer \"http.hos\"; "
                              "did you mean \"http.host\"?\n"
                              "a.yaml:3: warning: odd\n"
                              "error: no place\n"
                              "x: error: \n");
    free(text);
    diag_fini(&d);
    assert_int_equal(d.n, 0);
}

static void the_nearest_name_is_offered_where_it_helps(void **state)
{
    static const char *const names[] = { "http.host", "http.uri", "dns.query", "tls.sni",
                                         NULL };
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        { "http.hos", "http.host" }, { "htp.host", "http.host" }, { "http.hsot", "http.host" },
        { "dns.qery", "dns.query" }, { "tls_sni", "tls.sni" },    { "http.uri", "http.uri" },
        { "zzzzzzz", NULL },         { "", NULL },                { "completely else", NULL },
    };
    char lengthy[200];

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = diag_nearest(cases[i].word, strlen(cases[i].word), names);
        if (cases[i].nearest == NULL) {
            assert_null(found);
        } else {
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        }
    }
    memset(lengthy, 'h', sizeof lengthy);
    assert_null(diag_nearest(lengthy, sizeof lengthy, names));
}

/* The first is of the vectors published for SipHash-1-3 (key 00 01 .. 0f, no bytes); the
 * others, with a key of zeros, are what Python's hash() gives with that function. */
static void hashes_are_siphash_1_3(void **state)
{
    static const struct {
        const char *text;
        uint64_t hash;
    } cases[] = {
        { "a", 0x407448d2b89b1813 },
        { "1234567", 0xa33d651594fdae81 },
        { "12345678", 0x3489982430560a87 },
        { "123456789", 0x0fbc0f0007965fcf },
        { "the quick brown fox jumps over", 0xad7dbf39b6f5e689 },
    };
    struct hash_seed zero = { 0, 0 };

    (void) state;
    assert_int_equal(hash_bytes(hash_seed_fixed(), "", 0), 0xabac0158050fc4dc);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].text);
        char *exact = malloc(size);
        memcpy(exact, cases[i].text, size);
        assert_int_equal(hash_bytes(zero, exact, size), cases[i].hash);
        free(exact);
    }
}

static void random_seeds_differ_and_mixing_is_a_bijection(void **state)
{
    struct hash_seed a = hash_seed_random(), b = hash_seed_random();

    (void) state;
    assert_true(a.k0 != b.k0 || a.k1 != b.k1);
    assert_int_equal(hash_mix(0), 0);
    for (unsigned i = 0; i < 64; i++) {
        /* Flipping one bit moves between 16 and 48 bits. */
        int moved = __builtin_popcountll(hash_mix(12345) ^ hash_mix(12345 ^ 1ull << i));
        assert_in_range(moved, 16, 48);
    }
}

static void protocols_have_names_both_ways(void **state)
{
    (void) state;
    for (unsigned i = 0; i < APP_N_PROTOS; i++) {
        const char *name = app_proto_name((enum app_proto) i);
        assert_int_equal(app_proto_by_name(name, strlen(name)), i);
    }
    assert_int_equal(app_proto_by_name("TLS", 3), APP_TLS);
    assert_int_equal(app_proto_by_name("tl", 2), APP_N_PROTOS);
    assert_int_equal(app_proto_by_name("tlsx", 4), APP_N_PROTOS);
    assert_string_equal(app_proto_name(APP_N_PROTOS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_those_of_gmtime),
        cmocka_unit_test(fractions_have_the_digits_asked_for),
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(addresses_order_by_family_and_bytes),
        cmocka_unit_test(prefixes_have_a_first_and_a_last_address),
        cmocka_unit_test(messages_have_place_and_hint),
        cmocka_unit_test(the_nearest_name_is_offered_where_it_helps),
        cmocka_unit_test(hashes_are_siphash_1_3),
        cmocka_unit_test(random_seeds_differ_and_mixing_is_a_bijection),
        cmocka_unit_test(protocols_have_names_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
