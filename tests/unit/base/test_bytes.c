/* cursor, slice, strbuf. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/cursor.h"
#include "common/base/strbuf.h"

static const uint8_t fifteen[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void integers_are_read_in_both_orders(void **state)
{
    struct cursor c = cursor_of(fifteen, sizeof fifteen);

    (void) state;
    assert_int_equal(cursor_u8(&c), 0x01);
    assert_int_equal(cursor_be16(&c), 0x0203);
    assert_int_equal(cursor_be24(&c), 0x040506);
    assert_int_equal(cursor_be32(&c), 0x0708090a);
    assert_int_equal(cursor_left(&c), 5);
    assert_int_equal(cursor_le16(&c), 0x0c0b);
    assert_true(cursor_skip(&c, 3));
    assert_false(c.bad);
    c = cursor_of(fifteen, sizeof fifteen);
    assert_int_equal(cursor_be64(&c), 0x0102030405060708);
    assert_int_equal(cursor_le32(&c), 0x0c0b0a09);
    c = cursor_of(fifteen, sizeof fifteen);
    assert_int_equal(cursor_le64(&c), 0x0807060504030201);
}

/* What each read needs, against every shorter buffer of exactly that size. */
static void reads_past_the_end_fail_and_stay_failed(void **state)
{
    (void) state;
    for (size_t size = 0; size < sizeof fifteen; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        memcpy(exact, fifteen, size);
        for (unsigned kind = 0; kind < 9; kind++) {
            static const size_t needs[] = { 1, 2, 3, 4, 8, 2, 4, 8, 5 };
            struct cursor c = cursor_of(exact, size);
            uint64_t value = kind == 0 ? cursor_u8(&c) : kind == 1 ? cursor_be16(&c)
                             : kind == 2 ? cursor_be24(&c) : kind == 3 ? cursor_be32(&c)
                             : kind == 4 ? cursor_be64(&c) : kind == 5 ? cursor_le16(&c)
                             : kind == 6 ? cursor_le32(&c) : kind == 7 ? cursor_le64(&c)
                             : cursor_slice(&c, 5).size;
            assert_int_equal(c.bad, size < needs[kind]);
            if (!c.bad) {
                assert_int_not_equal(value, 0);
            } else {
                assert_int_equal(cursor_u8(&c), 0);
                assert_null(cursor_take(&c, 0));
                assert_int_equal(cursor_rest(&c).size, 0);
                assert_true(c.at <= c.end);
            }
        }
        free(exact);
    }
}

static void an_inner_element_cannot_outrun_its_parent(void **state)
{
    struct cursor c = cursor_of(fifteen, sizeof fifteen);
    struct cursor sub = cursor_sub(&c, 4);

    (void) state;
    assert_int_equal(cursor_left(&sub), 4);
    assert_int_equal(cursor_left(&c), 11);
    cursor_be32(&sub);
    assert_int_equal(cursor_u8(&sub), 0);
    assert_true(sub.bad);
    assert_false(c.bad);
    assert_int_equal(cursor_u8(&c), 5);
    sub = cursor_sub(&c, 11);
    assert_true(sub.bad);
    assert_true(c.bad);
    assert_int_equal(cursor_left(&sub), 0);
    c = cursor_of(NULL, 0);
    assert_true(cursor_skip(&c, 0));
    assert_int_equal(cursor_rest(&c).size, 0);
    c = cursor_of(fifteen, sizeof fifteen);
    assert_null(cursor_take(&c, SIZE_MAX));
}

static void slices_compare_as_bytes(void **state)
{
    (void) state;
    assert_true(slice_is(slice_of(fifteen, 0), ""));
    assert_true(slice_is(slice_of(NULL, 0), ""));
    assert_true(slice_equal(slice_text(NULL), slice_text("")));
    assert_true(slice_is(slice_text("host"), "host"));
    assert_false(slice_is(slice_text("host"), "hos"));
    assert_false(slice_is(slice_text("host"), "Host"));
    assert_true(slice_is_nocase(slice_text("host"), "Host"));
    assert_false(slice_is_nocase(slice_text("host"), "hosts"));
}

static void strbuf_grows_and_formats(void **state)
{
    struct strbuf b = STRBUF_EMPTY;

    (void) state;
    assert_string_equal(strbuf_cstr(&b), "");
    for (int i = 0; i < 1000; i++) {
        strbuf_putc(&b, 'x');
        assert_int_equal(b.size, i + 1);
        assert_true(b.size <= b.cap);
    }
    strbuf_clear(&b);
    strbuf_printf(&b, "%s-%d", "a", 7);
    strbuf_puts(&b, "/");
    strbuf_put(&b, NULL, 0);
    strbuf_i64(&b, INT64_MIN);
    strbuf_putc(&b, ' ');
    strbuf_i64(&b, -1);
    assert_string_equal(strbuf_cstr(&b), "a-7/-9223372036854775808 -1");
    strbuf_clear(&b);
    strbuf_printf(&b, "%500d", 1);      /* Longer than the room that there is at first. */
    assert_int_equal(b.size, 500);
    strbuf_fini(&b);
    assert_null(b.text);
}

static void decimals_are_those_of_printf(void **state)
{
    static const uint64_t values[] = { 0, 1, 9, 10, 99, 100, 12345, UINT32_MAX, 1ull << 53,
                                       9999999999999999999ull, UINT64_MAX };
    struct strbuf b = STRBUF_EMPTY;
    char expected[32];

    (void) state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        strbuf_clear(&b);
        strbuf_u64(&b, values[i]);
        snprintf(expected, sizeof expected, "%" PRIu64, values[i]);
        assert_string_equal(strbuf_cstr(&b), expected);
    }
    strbuf_fini(&b);
}

static void hex_and_base64_follow_rfc_4648(void **state)
{
    static const struct {
        const char *text, *base64, *hex;
    } cases[] = {               /* RFC 4648, section 10. */
        { "", "", "" },
        { "f", "Zg==", "66" },
        { "fo", "Zm8=", "666f" },
        { "foo", "Zm9v", "666f6f" },
        { "foob", "Zm9vYg==", "666f6f62" },
        { "fooba", "Zm9vYmE=", "666f6f6261" },
        { "foobar", "Zm9vYmFy", "666f6f626172" },
        { "\xfb\xff\xfe", "+//+", "fbfffe" },
    };
    struct strbuf b = STRBUF_EMPTY;

    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].text);
        uint8_t *exact = malloc(size ? size : 1);
        memcpy(exact, cases[i].text, size);
        strbuf_clear(&b);
        strbuf_base64(&b, exact, size);
        assert_string_equal(strbuf_cstr(&b), cases[i].base64);
        strbuf_clear(&b);
        strbuf_hex(&b, exact, size);
        assert_string_equal(strbuf_cstr(&b), cases[i].hex);
        free(exact);
    }
    strbuf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_in_both_orders),
        cmocka_unit_test(reads_past_the_end_fail_and_stay_failed),
        cmocka_unit_test(an_inner_element_cannot_outrun_its_parent),
        cmocka_unit_test(slices_compare_as_bytes),
        cmocka_unit_test(strbuf_grows_and_formats),
        cmocka_unit_test(decimals_are_those_of_printf),
        cmocka_unit_test(hex_and_base64_follow_rfc_4648),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
