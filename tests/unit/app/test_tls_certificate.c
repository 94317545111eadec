/* Certificates: whole, cut, odd and broken, and read in both ways. */
#include "sensor/app/tls/certificate.h"
#include "tests/unit/app/certificate.h"
#include "tests/unit/app/tls_talks.h"

/* The sizes around it are right, so that the certificate's reader sees each prefix. */
static void a_certificate_cut_anywhere_is_read_within_its_bounds(void **state)
{
    for (size_t size = 1; size < sizeof certificate; size++) {
        struct talk *t = new_talk();
        struct conversation c;

        start(&c);
        say_hello(t, CLIENT, &client_12);
        say_hello(t, SERVER, &server_12);
        say_certificates(t, SERVER, certificate, size, 1);
        feed_talk(&c, t, 0);
        assert_true(app_tx_has_event(tx_at(&c, 0), "certificate_invalid_der"));
        assert_int_equal(app_tx_buffer(tx_at(&c, 0), TO_CLIENT, BUFFER_TLS_CERT_SUBJECT, 0)
                             .state, APP_VIEW_ABSENT);
        stop(&c);
    }
}

/* Bytes of the certificate that are other ones: what becomes of its subject, and the event. */
static const struct change {
    const char *name;
    size_t at;
    const char *bytes;
    size_t size;
    const char *subject, *event;        /* NULL: none. */
} changes[] = {
    { "two attributes in one set", 157,
      "\x1f\x30\x0e\6\3\x55\4\x0a\x0c\7" "Example"
      "\x30\x0d\6\3\x55\4\x0b\x0c\6" "United", 32,
      "C=AT, O=Example + OU=United, CN=www.example.test", NULL },
    { "two bytes a character", 183, "\x1e\4\0U\0n", 6,
      "C=AT, O=Example, OU=Un, CN=www.example.test", NULL },
    { "bits for characters", 183, "\x03\4\0abc", 6,
      "C=AT, O=Example, OU=, CN=www.example.test", NULL },
    { "an attribute without a name", 182, "\x7f", 1,
      "C=AT, O=Example, 2.5.4.127=Unit, CN=www.example.test", NULL },
    { "half a character", 165, "\x1e", 1, NULL, "certificate_invalid_der" },
    { "no UTF-8", 187, "\xff", 1, NULL, "certificate_invalid_der" },
    { "no UTF-8 in the issuer", 80, "\xff", 1, NULL, "certificate_invalid_der" },
    { "a key on no curve", 238, "\x7f", 1,
      "C=AT, O=Example, OU=Unit, CN=www.example.test", NULL },
    { "a key of no bits", 239, "\x04", 1, NULL, "certificate_invalid_der" },
    { "a signature of no bits", 463, "\x04", 1, NULL, "certificate_invalid_der" },
    { "a date that is none", 115, "no", 2,
      "C=AT, O=Example, OU=Unit, CN=www.example.test", "certificate_invalid_date" },
    { "a version to come", 12, "\3", 1,
      "C=AT, O=Example, OU=Unit, CN=www.example.test", "certificate_invalid_version" },
    { "names in no sequence", 322, "\x31", 1,
      "C=AT, O=Example, OU=Unit, CN=www.example.test", "certificate_invalid_extensions" },
};

static void a_certificate_that_is_odd_is_read_and_one_that_is_broken_is_not(void **state)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *change = &changes[i];
        uint8_t bytes[sizeof certificate];
        struct talk *t = new_talk();
        struct conversation c;

        memcpy(bytes, certificate, sizeof bytes);
        memcpy(bytes + change->at, change->bytes, change->size);
        start(&c);
        say_hello(t, CLIENT, &client_12);
        say_hello(t, SERVER, &server_12);
        say_certificates(t, SERVER, bytes, sizeof bytes, 1);
        feed_talk(&c, t, 0);
        struct app_view v = app_tx_buffer(tx_at(&c, 0), TO_CLIENT,
                                          BUFFER_TLS_CERT_SUBJECT, 0);
        const char *subject = change->subject != NULL ? change->subject : "";
        if ((v.state == APP_VIEW_ABSENT) != (change->subject == NULL)
            || !slice_is(v.bytes, subject)) {
            fail_msg("%s: \"%.*s\"", change->name, (int) v.bytes.size, v.bytes.bytes);
        }
        if (change->event != NULL ? !app_tx_has_event(tx_at(&c, 0), change->event)
                                  : tx_at(&c, 0)->events != 0) {
            fail_msg("%s: its event", change->name);
        }
        stop(&c);
    }
}

/* ---- Both ways of reading ---- */

static void assert_same_text(struct slice a, struct slice b)
{
    assert_int_equal(a.size, b.size);
    if (a.size != 0) {
        assert_memory_equal(a.bytes, b.bytes, a.size);
    }
}

static void assert_same_date(const struct certificate_date *a, const struct certificate_date *b)
{
    assert_int_equal(a->is_date, b->is_date);
    assert_int_equal(a->year * 10000 + a->month * 100 + a->day,
                     b->year * 10000 + b->month * 100 + b->day);
    assert_int_equal(a->hour * 10000 + a->minute * 100 + a->second,
                     b->hour * 10000 + b->minute * 100 + b->second);
}

/* What is plain is what OpenSSL says it is.  True if it is plain. */
static bool assert_ways_agree(struct arena *arena, const uint8_t *bytes, size_t size)
{
    struct certificate_body plain, full;
    struct slice der = slice_of(bytes, size);

    arena_reset(arena);
    if (!certificate_read_plain(arena, der, &plain)) {
        return false;
    }
    assert_true(certificate_read_x509(arena, der, &full));
    assert_same_text(plain.subject, full.subject);
    assert_same_text(plain.issuer, full.issuer);
    assert_same_text(plain.serial, full.serial);
    assert_same_date(&plain.begins, &full.begins);
    assert_same_date(&plain.ends, &full.ends);
    assert_int_equal(plain.version, full.version);
    assert_int_equal(plain.n_names, full.n_names);
    for (size_t i = 0; i < plain.n_names; i++) {
        assert_same_text(plain.names[i], full.names[i]);
    }
    assert_int_equal(plain.has_too_many_names, full.has_too_many_names);
    assert_int_equal(plain.has_bad_names, full.has_bad_names);
    return true;
}

static void a_certificate_with_any_byte_changed_reads_as_by_openssl(void **state)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x03, 0x05, 0x0c, 0x1e, 0x30, 0x31, 0x39,
                                      0x7f, 0x80, 0x81, 0x84, 0xa3, 0xc3, 0xff };
    struct arena arena;
    size_t n_plain = 0, n = 0;

    arena_init(&arena, 4096, 1 << 20);
    for (size_t at = 0; at < sizeof certificate; at++) {
        for (size_t k = 0; k < sizeof values + 8; k++, n++) {
            uint8_t bytes[sizeof certificate];
            memcpy(bytes, certificate, sizeof bytes);
            bytes[at] = (uint8_t) (k < 8 ? bytes[at] ^ 1u << k : values[k - 8]);
            n_plain += assert_ways_agree(&arena, bytes, sizeof bytes);
        }
    }
    assert_true(assert_ways_agree(&arena, certificate, sizeof certificate));
    assert_in_range(n_plain, n / 4, n - 1);     /* Bytes of keys, hashes and texts are. */
    arena_fini(&arena);
}

/* Dates that are on the calendar and such that are not: "YYMMDDHHMMSSZ". */
static void a_date_reads_as_by_openssl(void **state)
{
    static const char *const dates[] = {
        "491231235959Z", "500101000000Z", "000229000000Z", "010229000000Z", "200228235959Z",
        "200230000000Z", "200430000000Z", "200431000000Z", "200831000000Z", "200931000000Z",
        "201131000000Z", "201231000000Z", "200732000000Z", "200700000000Z", "200001000000Z",
        "201301000000Z", "200101240000Z", "200101006000Z", "200101000060Z", "2001010000+0Z",
        "200101000000z", "20010100000 Z",
    };
    struct arena arena;
    size_t n_plain = 0;

    arena_init(&arena, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        uint8_t bytes[sizeof certificate];
        memcpy(bytes, certificate, sizeof bytes);
        memcpy(bytes + 113, dates[i], 13);
        n_plain += assert_ways_agree(&arena, bytes, sizeof bytes);
    }
    assert_int_equal(n_plain, 6);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_cut_anywhere_is_read_within_its_bounds),
        cmocka_unit_test(
            a_certificate_that_is_odd_is_read_and_one_that_is_broken_is_not),
        cmocka_unit_test(a_certificate_with_any_byte_changed_reads_as_by_openssl),
        cmocka_unit_test(a_date_reads_as_by_openssl),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
