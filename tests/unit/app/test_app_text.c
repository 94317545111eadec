#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/app/text.h"

static void assert_text(struct slice got, const char *want)
{
    if (!slice_is(got, want)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int) got.size, (const char *) got.bytes, want);
    }
}

static void numbers_are_written_as_printf_does(void **state)
{
    static const uint32_t numbers[] = { 0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 65535,
                                        0x7fffffff, 0x80000000, 4294967295u };
    struct arena arena;

    arena_init(&arena, 1024, 1 << 16);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char want[32];
        snprintf(want, sizeof want, "5.%u", numbers[i]);
        assert_text(app_number_text("5.", numbers[i], 10, &arena), want);
        snprintf(want, sizeof want, "0x%x", numbers[i]);
        assert_text(app_number_text("0x", numbers[i], 16, &arena), want);
        snprintf(want, sizeof want, "%x", numbers[i]);
        assert_text(app_number_text("", numbers[i], 16, &arena), want);
    }
    arena_fini(&arena);
}

static void a_uuid_has_its_hyphens_and_small_letters(void **state)
{
    static const uint8_t uuid[16] = { 0x36, 0x7a, 0xbb, 0x81, 0x98, 0x44, 0x35, 0xf1,
                                      0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03 };
    struct arena arena;

    arena_init(&arena, 1024, 1 << 16);
    assert_text(app_uuid_text(uuid, &arena), "367abb81-9844-35f1-ad32-98f038001003");
    arena_fini(&arena);
}

static void without_memory_there_is_no_text(void **state)
{
    static const uint8_t uuid[16] = { 0 };
    struct arena arena;

    arena_init(&arena, 1024, 0);
    assert_null(app_uuid_text(uuid, &arena).bytes);
    assert_null(app_number_text("0x", 5, 16, &arena).bytes);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_printf_does),
        cmocka_unit_test(a_uuid_has_its_hyphens_and_small_letters),
        cmocka_unit_test(without_memory_there_is_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
