/* Literals are found where their rules want them, in whichever tier they are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/detect/patterns_private.h"

/* Rules 0 to 39 want "start-NN" at the start, the next 120 want "far-NN" anywhere, so that a
 * database holds them; then two want the same "both", one at the start, one anywhere; one the
 * short "~~" anywhere, one "GeT" in any case at the start, one "!" there, one "by-40" to end by
 * byte 40, and one "at-7" there. */
enum { N_START = 40, N_FAR = 120, BOTH_START = N_START + N_FAR, BOTH_FAR, SHORT_FAR, NOCASE,
       ONE_BYTE, BY_40, AT_7, N_RULES };

struct world {
    struct diag diag;
    struct patterns_store *store;
    struct patterns *patterns;
    struct patterns_scratch *scratch;
    struct candidates found;
};

static void add(struct world *w, const char *text, uint32_t rule, uint64_t max_end)
{
    patterns_add(w->patterns, slice_of(text, strlen(text)), false, rule, 0, max_end);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char word[16];

    diag_init(&w->diag);
    w->store = patterns_store_create("no", &w->diag);
    w->patterns = patterns_create();
    for (uint32_t i = 0; i < N_START + N_FAR; i++) {
        snprintf(word, sizeof word, i < N_START ? "start-%02u" : "far-%02u", i);
        add(w, word, i, i < N_START ? strlen(word) : UINT64_MAX);
    }
    add(w, "both", BOTH_START, 4);
    add(w, "both", BOTH_FAR, UINT64_MAX);
    add(w, "~~", SHORT_FAR, UINT64_MAX);
    patterns_add(w->patterns, slice_of("GeT", 3), true, NOCASE, 0, 3);
    add(w, "!", ONE_BYTE, 1);
    add(w, "by-40", BY_40, 40);
    patterns_add(w->patterns, slice_of("at-7", 4), false, AT_7, 11, 11);
    assert_true(patterns_compile(w->patterns, w->store, &w->diag));
    w->scratch = patterns_scratch_create(w->store);
    candidates_init(&w->found, N_RULES);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    candidates_fini(&w->found);
    patterns_scratch_destroy(w->scratch);
    patterns_destroy(w->patterns);
    patterns_store_destroy(w->store);
    diag_fini(&w->diag);
    free(w);
    return 0;
}

/* Is 'rule' found when 'text' stands at 'at' of 'size' bytes that are scanned so? */
static bool finds(struct world *w, const char *text, uint32_t rule, size_t at, size_t size,
                  size_t overlap, uint64_t base, bool is_chunk)
{
    uint8_t *bytes = malloc(size);
    bool is_found = false;

    memset(bytes, '.', size);
    memcpy(bytes + at, text, strlen(text));
    candidates_clear(&w->found);
    patterns_scan(w->patterns, w->scratch, slice_of(bytes, size), overlap, base, is_chunk,
                  &w->found);
    for (uint32_t i = 0; i < w->found.n; i++) {
        is_found |= w->found.rules[i] == rule;
    }
    free(bytes);
    return is_found;
}

static void literals_wanted_at_the_start_are_found_there_alone(void **state)
{
    for (size_t at = 0; at <= 192; at++) {
        assert_int_equal(finds(*state, "start-07", 7, at, 200, 0, 0, false), at == 0);
        assert_int_equal(finds(*state, "!", ONE_BYTE, at, 200, 0, 0, false), at == 0);
        assert_int_equal(finds(*state, "gEt", NOCASE, at, 200, 0, 0, false), at == 0);
    }
    assert_true(finds(*state, "start-07", 7, 0, 8, 0, 0, false));
    assert_true(finds(*state, "!", ONE_BYTE, 0, 1, 0, 0, false));
    assert_false(finds(*state, "start-0", 7, 0, 7, 0, 0, false));
    assert_false(finds(*state, "Start-07", 7, 0, 8, 0, 0, false));
}

static void a_literal_of_one_place_is_found_there_alone(void **state)
{
    for (size_t at = 0; at <= 190; at++) {
        assert_int_equal(finds(*state, "at-7", AT_7, at, 200, 0, 0, false), at == 7);
        assert_int_equal(finds(*state, "at-7", AT_7, at, 200, 0, 3, false), at == 4);
        assert_false(finds(*state, "at-7", AT_7, at, 200, 6, 5, false));    /* In the overlap. */
        assert_int_equal(finds(*state, "at-7", AT_7, at, 200, 6, 1000, true), at == 13);
    }
    assert_true(finds(*state, "at-7", AT_7, 7, 11, 0, 0, false));
    assert_false(finds(*state, "at-", AT_7, 7, 10, 0, 0, false));
}

static void places_that_are_limited_otherwise_are_kept_too(void **state)
{
    for (size_t at = 0; at <= 195; at++) {
        assert_int_equal(finds(*state, "by-40", BY_40, at, 200, 0, 0, false), at + 5 <= 40);
    }
}

static void far_literals_are_found_everywhere(void **state)
{
    for (size_t at = 0; at <= 194; at++) {
        assert_true(finds(*state, "far-45", 45, at, 200, 0, 0, false));
        assert_true(finds(*state, "~~", SHORT_FAR, at, 200, 0, 0, false));
    }
}

static void a_literal_of_two_rules_is_found_for_each_where_it_wants_it(void **state)
{
    for (size_t at = 0; at <= 196; at++) {
        assert_true(finds(*state, "both", BOTH_FAR, at, 200, 0, 0, false));
        assert_int_equal(finds(*state, "both", BOTH_START, at, 200, 0, 0, false), at == 0);
    }
}

/* The bytes begin at 'base' of the buffer; what ends in the overlap was told before. */
static void places_are_counted_from_the_start_of_the_buffer(void **state)
{
    for (uint64_t base = 0; base <= 80; base++) {
        for (size_t at = 0; at <= 90; at++) {
            assert_int_equal(finds(*state, "start-07", 7, at, 100, 6, base, false),
                             base + at == 0);
            assert_int_equal(finds(*state, "by-40", BY_40, at, 100, 6, base, false),
                             at + 5 > 6 && base + at + 5 <= 40);
        }
    }
    assert_false(finds(*state, "start-07", 7, 0, 100, 8, 0, false));
}

static void places_in_a_chunk_are_also_counted_from_behind_the_overlap(void **state)
{
    for (size_t at = 0; at <= 90; at++) {
        assert_int_equal(finds(*state, "start-07", 7, at, 100, 6, 5000, true), at == 6);
        assert_int_equal(finds(*state, "start-07", 7, at, 100, 6, 0, true), at == 0 || at == 6);
        assert_int_equal(finds(*state, "start-07", 7, at, 100, 0, 0, true), at == 0);
        assert_int_equal(finds(*state, "by-40", BY_40, at, 100, 6, 5000, true),
                         at + 5 > 6 && at + 5 - 6 <= 40);
    }
}

/* Each place costs at every scan, so there is an index of a few alone. */
static void literals_of_many_places_are_left_to_a_database(void **state)
{
    enum { N_PLACES = 400, SIZE = N_PLACES + 16 };
    struct patterns *patterns = patterns_create();
    struct diag diag;
    char word[16];
    uint8_t bytes[SIZE];
    size_t compiled, cached;

    (void) state;
    diag_init(&diag);
    struct patterns_store *store = patterns_store_create("no", &diag);
    for (uint32_t i = 0; i < N_PLACES; i++) {
        int size = snprintf(word, sizeof word, "at-%03u", i);
        uint64_t end = i + (uint64_t) size;
        patterns_add(patterns, slice_of(word, (size_t) size), false, i, end, end);
    }
    assert_true(patterns_compile(patterns, store, &diag));
    patterns_store_stats(store, &compiled, &cached);
    assert_int_equal(compiled, 1);
    struct patterns_scratch *scratch = patterns_scratch_create(store);
    struct candidates found;
    candidates_init(&found, N_PLACES);
    for (uint32_t i = 0; i < N_PLACES; i++) {
        for (uint32_t off = 0; off < 2; off++) {
            memset(bytes, '.', SIZE);
            snprintf(word, sizeof word, "at-%03u", i);
            memcpy(bytes + i + off, word, strlen(word));
            candidates_clear(&found);
            patterns_scan(patterns, scratch, slice_of(bytes, SIZE), 0, 0, false, &found);
            assert_int_equal(found.marks[i] == found.round, off == 0);
        }
    }
    candidates_fini(&found);
    patterns_scratch_destroy(scratch);
    patterns_destroy(patterns);
    patterns_store_destroy(store);
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_wanted_at_the_start_are_found_there_alone),
        cmocka_unit_test(a_literal_of_one_place_is_found_there_alone),
        cmocka_unit_test(places_that_are_limited_otherwise_are_kept_too),
        cmocka_unit_test(literals_of_many_places_are_left_to_a_database),
        cmocka_unit_test(far_literals_are_found_everywhere),
        cmocka_unit_test(a_literal_of_two_rules_is_found_for_each_where_it_wants_it),
        cmocka_unit_test(places_are_counted_from_the_start_of_the_buffer),
        cmocka_unit_test(places_in_a_chunk_are_also_counted_from_behind_the_overlap),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
