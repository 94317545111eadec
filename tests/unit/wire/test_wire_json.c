/* JSON text: whatever the bytes, what is written is JSON, and says what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/hash.h"
#include "common/wire/json.h"

struct text_case {
    const char *name;
    struct slice text;
    const char *json;
};
#define BYTES(literal) { (const uint8_t *) (literal), sizeof(literal) - 1 }

static const struct text_case texts[] = {
    { "empty", BYTES(""), "\"\"" },
    { "plain", BYTES("abc /'<>&\x7f"), "\"abc /'<>&\x7f\"" },
    { "eight plain bytes and a quote", BYTES("12345678\""), "\"12345678\\\"\"" },
    { "quote and backslash", BYTES("a\"b\\c"), "\"a\\\"b\\\\c\"" },
    { "short escapes", BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
    { "control characters", BYTES("\x00\x01\x1f"), "\"\\u0000\\u0001\\u001f\"" },
    { "valid UTF-8", BYTES("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
      "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"" },
    { "a lone high byte", BYTES("Z\xdc\xfd" "f"), "\"Z\\\\xdc\\\\xfdf\"" },
    { "valid, then broken: all is hex", BYTES("\xc3\xbc\xff"), "\"\\\\xc3\\\\xbc\\\\xff\"" },
    { "high byte, control character", BYTES("\x9f" "i\x1a\x8e"), "\"\\\\x9fi\\u001a\\\\x8e\"" },
    { "a sequence cut short", BYTES("abcdefgh\xe2\x82"), "\"abcdefgh\\\\xe2\\\\x82\"" },
};

/* In a buffer of exactly its size, so that an overread is seen. */
static struct slice exact_copy(struct slice text)
{
    uint8_t *bytes = malloc(text.size != 0 ? text.size : 1);

    if (text.size != 0) {
        memcpy(bytes, text.bytes, text.size);
    }
    return slice_of(bytes, text.size);
}

static void text_is_escaped_as_eve_has_it(void **state)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct slice copy = exact_copy(texts[i].text);
        struct strbuf b = STRBUF_EMPTY;

        json_text(&b, copy);
        assert_string_equal(strbuf_cstr(&b), texts[i].json);
        assert_true(json_is_valid(strbuf_slice(&b)));
        strbuf_fini(&b);
        free((void *) copy.bytes);
    }
}

static void any_bytes_make_a_valid_string(void **state)
{
    uint64_t seed = 1;

    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[40];
        size_t size = hash_mix(seed++) % sizeof bytes;
        struct strbuf b = STRBUF_EMPTY;

        for (size_t i = 0; i < size; i++) {
            uint64_t r = hash_mix(seed++);
            static const uint8_t special[] = "\"\\\n\xc3\xa4\xe2\x82\xac";

            bytes[i] = r % 4 == 0 ? special[r / 4 % 8] : (uint8_t) (r >> 8);
        }
        struct slice copy = exact_copy(slice_of(bytes, size));
        json_text(&b, copy);
        assert_true(json_is_valid(strbuf_slice(&b)));
        strbuf_fini(&b);
        free((void *) copy.bytes);
    }
}

static void utf8_is_told_from_what_looks_like_it(void **state)
{
    static const struct {
        struct slice text;
        bool is_valid;
    } cases[] = {
        { BYTES(""), true },
        { BYTES("\x7f"), true },
        { BYTES("\xc2\x80"), true },
        { BYTES("\xc0\x80"), false },                   /* Overlong. */
        { BYTES("\xe0\x9f\xbf"), false },               /* Overlong. */
        { BYTES("\xe0\xa0\x80"), true },
        { BYTES("\xed\xa0\x80"), false },               /* A surrogate. */
        { BYTES("\xed\x9f\xbf"), true },
        { BYTES("\xf0\x8f\xbf\xbf"), false },           /* Overlong. */
        { BYTES("\xf4\x8f\xbf\xbf"), true },
        { BYTES("\xf4\x90\x80\x80"), false },           /* Past U+10FFFF. */
        { BYTES("\xf5\x80\x80\x80"), false },
        { BYTES("\x80"), false },
        { BYTES("\xe2\x82"), false },
        { BYTES("\xe2\x82\x41"), false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice copy = exact_copy(cases[i].text);
        assert_int_equal(utf8_is_valid(copy), cases[i].is_valid);
        free((void *) copy.bytes);
    }
}

static void json_off_the_wire_is_checked(void **state)
{
    static const struct {
        const char *text;
        bool is_valid;
    } cases[] = {
        { "{}", true },
        { "[]", true },
        { "{\"a\":1}", true },
        { "{ \"a\" : [ 1 , -2.5e+3 , \"x\" , null , true , false , {} , [] ] } ", true },
        { "{\"a\":{\"b\":{\"c\":[[[0]]]}},\"d\":\"\\u00e4\\n\"}", true },
        { "\"text\"", true },
        { "0", true },
        { "", false },
        { " ", false },
        { "{", false },
        { "{\"a\"}", false },
        { "{\"a\":}", false },
        { "{\"a\":1,}", false },
        { "[1,]", false },
        { "[1 2]", false },
        { "{a:1}", false },
        { "{\"a\":1}x", false },
        { "{\"a\":1}{}", false },
        { "[}", false },
        { "{\"a\":1]", false },
        { "01", false },
        { "-", false },
        { "1.", false },
        { "1e", false },
        { "nul", false },
        { "\"\\x41\"", false },
        { "\"\\u12g4\"", false },
        { "\"\\ud83d\\ude00 \\uD83D\\uDE00\"", true },
        { "\"\\ud83d\"", false },                /* Halves of surrogate pairs. */
        { "\"\\ude00\"", false },
        { "\"\\ud83d\\ud83d\"", false },
        { "\"\\ud83d\\n\"", false },
        { "\"\\ud83d", false },
        { "\"\n\"", false },
        { "{\n}", false },              /* A document must stay on its line. */
        { "[1,\r2]", false },
        { "\"\xff\"", false },
        { "{1:2}", false },
        { "{\"a\":1,2}", false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice whole = slice_text(cases[i].text);
        struct slice copy = exact_copy(whole);

        assert_int_equal(json_is_valid(copy), cases[i].is_valid);
        free((void *) copy.bytes);
        for (size_t size = 0; size < whole.size; size++) {
            copy = exact_copy(slice_of(whole.bytes, size));
            json_is_valid(copy);
            free((void *) copy.bytes);
        }
    }
}

static void nesting_is_bounded(void **state)
{
    char text[400];

    for (size_t depth = 1; depth < 200; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(json_is_valid(slice_of(text, 2 * depth)), depth <= 64);
    }
}

static void times_and_addresses_have_both_forms(void **state)
{
    static const uint8_t v6[16] = { 0xfe, 0x80, [15] = 1 };
    static const uint8_t mac[6] = { 0, 1, 2, 0xab, 0xcd, 0xef };
    struct ip_addr ip = ip_v6(v6);
    struct strbuf b = STRBUF_EMPTY;

    char *at = strbuf_reserve(&b, 64);
    b.size = (size_t) (json_put_time_eve(at, 1454284799123456789ull) - b.text);
    json_time_utc(&b, 1454284799123456789ull);
    json_ip(&b, &ip, true);
    json_ip(&b, &ip, false);
    json_mac(&b, mac);
    assert_string_equal(strbuf_cstr(&b),
                        "\"2016-01-31T23:59:59.123456+0000\""
                        "\"2016-01-31T23:59:59.123456789Z\""
                        "\"fe80:0000:0000:0000:0000:0000:0000:0001\"\"fe80::1\""
                        "\"00:01:02:ab:cd:ef\"");
    strbuf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_as_eve_has_it),
        cmocka_unit_test(any_bytes_make_a_valid_string),
        cmocka_unit_test(utf8_is_told_from_what_looks_like_it),
        cmocka_unit_test(json_off_the_wire_is_checked),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(times_and_addresses_have_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
