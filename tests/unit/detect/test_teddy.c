/* A few literals are found wherever they stand: the vector search beside a plain one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/detect/patterns_private.h"
#include "sensor/detect/search.h"

enum { MAX_TEXT = 300, FIRST_ID = 1000 };

/* Counts by literal and end. */
struct found {
    unsigned counts[TEDDY_MAX_LITERALS][MAX_TEXT + 1];
};

static void note(void *context, unsigned id, size_t end)
{
    struct found *f = context;

    assert_in_range(id, FIRST_ID, FIRST_ID + TEDDY_MAX_LITERALS - 1);
    assert_in_range(end, 1, MAX_TEXT);
    f->counts[id - FIRST_ID][end]++;
}

/* The processor must have what it needs, or there is nothing to test. */
static struct teddy *create(const struct literal *literals, size_t n)
{
    struct teddy *t = teddy_create(literals, n, FIRST_ID);

    if (t == NULL) {
        skip();
    }
    return t;
}

static uint64_t state_of_chance = 88172645463325252u;

static unsigned chance(unsigned n)
{
    state_of_chance ^= state_of_chance << 13;
    state_of_chance ^= state_of_chance >> 7;
    state_of_chance ^= state_of_chance << 17;
    return (unsigned) (state_of_chance % n);
}

/* Bytes of a small alphabet, so that literals are met and half met often. */
static uint8_t any_byte(void)
{
    static const uint8_t bytes[] = { 0, 'a', 'b', 'A', 'B', '@', '`', 0xc1, 0xff, 'z' };

    return bytes[chance(sizeof bytes)];
}

static void fill_literal(struct literal *l, unsigned max_size)
{
    memset(l, 0, sizeof *l);
    l->size = (uint8_t) (1 + chance(max_size));
    l->nocase = chance(2);
    l->place = NO_PLACE;
    for (size_t i = 0; i < l->size; i++) {
        l->bytes[i] = l->nocase ? search_lower(any_byte()) : any_byte();
    }
}

static void compare(const struct literal *literals, size_t n, struct slice text)
{
    struct found *f = calloc(1, sizeof *f);
    struct teddy *t = create(literals, n);

    teddy_find(t, text, note, f);
    for (size_t i = 0; i < n; i++) {
        const struct literal *l = &literals[i];

        for (size_t end = 1; end <= text.size; end++) {
            bool stands = end >= l->size && search_equal(text.bytes + end - l->size, l->bytes,
                                                         l->size, l->nocase);

            assert_int_equal(f->counts[i][end], stands ? 1 : 0);
        }
    }
    teddy_destroy(t);
    free(f);
}

static void what_a_plain_search_finds_is_found_once_each(void **state)
{
    struct literal literals[TEDDY_MAX_LITERALS];

    (void) state;
    for (unsigned round = 0; round < 3000; round++) {
        size_t n = 1 + chance(round % 3 == 0 ? TEDDY_MAX_LITERALS : 12);
        size_t size = chance(round % 2 == 0 ? MAX_TEXT : 80);
        uint8_t *text = malloc(size + 1);       /* Of its very size: nothing is read behind. */

        for (size_t i = 0; i < n; i++) {
            fill_literal(&literals[i], round % 4 == 0 ? PATTERNS_MAX_LITERAL : 5);
        }
        for (size_t i = 0; i < size; i++) {
            text[i] = any_byte();
        }
        for (unsigned k = chance(6); k > 0 && size > PATTERNS_MAX_LITERAL; k--) {
            const struct literal *l = &literals[chance((unsigned) n)];

            memcpy(text + chance((unsigned) (size - l->size)), l->bytes, l->size);
        }
        uint8_t *exact = realloc(text, size > 0 ? size : 1);
        compare(literals, n, slice_of(exact, size));
        free(exact);
    }
}

static void a_literal_is_found_at_every_place_of_every_size(void **state)
{
    struct literal l = { .size = 5, .bytes = "Hello", .place = NO_PLACE };

    (void) state;
    for (size_t size = 5; size <= 110; size++) {
        for (size_t at = 0; at + 5 <= size; at++) {
            uint8_t *text = calloc(1, size);

            memcpy(text + at, "Hello", 5);
            compare(&l, 1, slice_of(text, size));
            free(text);
        }
    }
}

static void none_and_too_many_are_left_to_a_database(void **state)
{
    struct literal literals[TEDDY_MAX_LITERALS + 1];

    (void) state;
    for (size_t i = 0; i <= TEDDY_MAX_LITERALS; i++) {
        fill_literal(&literals[i], 8);
    }
    assert_null(teddy_create(literals, 0, 0));
    assert_null(teddy_create(literals, TEDDY_MAX_LITERALS + 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_plain_search_finds_is_found_once_each),
        cmocka_unit_test(a_literal_is_found_at_every_place_of_every_size),
        cmocka_unit_test(none_and_too_many_are_left_to_a_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
