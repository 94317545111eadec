/* arena, pool, list, alloc. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/arena.h"
#include "common/base/list.h"
#include "common/base/pool.h"

static void an_arena_hands_out_zeroed_aligned_memory(void **state)
{
    struct arena a;

    (void) state;
    arena_init(&a, 64, 10000);
    for (size_t size = 0; size < 120; size++) {
        uint8_t *memory = arena_alloc(&a, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t) memory % 8, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(memory[i], 0);
            memory[i] = 0xff;   /* The next one must not be this one. */
        }
    }
    arena_fini(&a);
    assert_null(a.blocks);
}

static void an_arena_keeps_to_its_limit(void **state)
{
    struct arena a;

    (void) state;
    arena_init(&a, 64, 100);
    assert_null(arena_alloc(&a, 101));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 3));
    assert_non_null(arena_alloc(&a, 60));
    assert_null(arena_alloc(&a, 50));
    assert_non_null(arena_alloc(&a, 30));
    assert_null(arena_strdup(&a, "twelve bytes"));
    assert_null(arena_copy(&a, "twelve bytes", 12).bytes);
    assert_int_equal(arena_copy(&a, "twelve bytes", 12).size, 0);
    assert_null(arena_printf(&a, "%s", "twelve bytes"));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 100));
    arena_fini(&a);
}

static void an_arena_that_is_reset_hands_out_zeros_again(void **state)
{
    struct arena a;

    (void) state;
    arena_init(&a, 256, 4096);
    memset(arena_alloc(&a, 200), 0xff, 200);
    memset(arena_alloc(&a, 1000), 0xff, 1000);
    arena_reset(&a);
    uint8_t *memory = arena_alloc(&a, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(memory[i], 0);
    }
    arena_fini(&a);
}

static void an_arena_copies_and_formats(void **state)
{
    struct arena a;

    (void) state;
    arena_init(&a, 64, 4096);
    assert_string_equal(arena_strdup(&a, "text"), "text");
    assert_string_equal(arena_strndup(&a, "text", 2), "te");
    assert_string_equal(arena_printf(&a, "%d %s", 12, "x"), "12 x");
    assert_true(slice_is(arena_copy(&a, "bytes", 5), "bytes"));
    arena_fini(&a);
}

static void a_pool_is_full_at_its_budget_and_reuses_what_is_put_back(void **state)
{
    enum { N = 1000 };
    static void *objects[N];
    struct pool p;

    (void) state;
    pool_init(&p, 1000, N * 1008);      /* 1000 is rounded up to 1008. */
    assert_int_equal(p.object_size, 1008);
    assert_int_equal(p.max, N);
    for (size_t i = 0; i < N; i++) {
        objects[i] = pool_get(&p);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t) objects[i] % 16, 0);
        memset(objects[i], (int) i & 0xff, 1000);
    }
    assert_int_equal(p.in_use, N);
    assert_null(pool_get(&p));
    assert_null(pool_get(&p));
    assert_int_equal(p.n_refused, 2);
    for (size_t i = 0; i < N; i++) {    /* Nobody wrote over its neighbour. */
        assert_int_equal(((uint8_t *) objects[i])[0], i & 0xff);
        assert_int_equal(((uint8_t *) objects[i])[999], i & 0xff);
    }
    pool_put(&p, objects[17]);
    assert_int_equal(p.in_use, N - 1);
    assert_ptr_equal(pool_get(&p), objects[17]);
    assert_int_equal(p.n_made, N);
    pool_fini(&p);
}

static void a_pool_that_has_grown_stays_within_its_budget(void **state)
{
    enum { SIZE = 320, N = 30000 };     /* More than four huge pages. */
    static uint8_t *objects[N];
    struct pool p;

    (void) state;
    pool_init(&p, SIZE, N * SIZE);
    for (size_t i = 0; i < N; i++) {
        objects[i] = pool_get(&p);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t) objects[i] % 64, 0);
        memset(objects[i], (int) (i % 251), SIZE);
    }
    assert_null(pool_get(&p));
    assert_int_equal(p.n_made, N);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(objects[i][0], i % 251);
        assert_int_equal(objects[i][SIZE - 1], i % 251);
    }
    pool_put(&p, objects[N - 1]);
    pool_put(&p, objects[0]);
    assert_ptr_equal(pool_get(&p), objects[0]);
    assert_ptr_equal(pool_get(&p), objects[N - 1]);
    pool_fini(&p);
}

static void a_pool_has_room_for_one_at_least(void **state)
{
    struct pool p;

    (void) state;
    pool_init(&p, 500, 0);
    assert_non_null(pool_get(&p));
    assert_null(pool_get(&p));
    pool_fini(&p);
    pool_init(&p, 0, 64);
    assert_int_equal(p.object_size, 16);
    assert_int_equal(p.max, 4);
    pool_fini(&p);
}

struct element {
    int value;
    struct list_node node;
};

static void a_list_keeps_its_order(void **state)
{
    struct element e[5] = { { .value = 0 }, { .value = 1 }, { .value = 2 }, { .value = 3 },
                            { .value = 4 } };
    struct list_node head;
    int expected = 0;

    (void) state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_front(&head));
    list_push_back(&head, &e[2].node);
    list_push_back(&head, &e[4].node);
    list_push_front(&head, &e[0].node);
    list_insert(&e[2].node, &e[1].node);
    list_insert(&e[4].node, &e[3].node);
    LIST_FOR_EACH(node, &head) {
        assert_int_equal(LIST_ENTRY(node, struct element, node)->value, expected++);
    }
    assert_int_equal(expected, 5);
    LIST_FOR_EACH_SAFE(node, following, &head) {
        if (LIST_ENTRY(node, struct element, node)->value % 2 == 0) {
            list_remove(node);
            assert_null(node->next);
        }
    }
    assert_ptr_equal(list_front(&head), &e[1].node);
    assert_ptr_equal(e[1].node.next, &e[3].node);
    assert_ptr_equal(e[3].node.next, &head);
}

static void arrays_grow_and_keep_what_they_hold(void **state)
{
    unsigned *array = NULL;
    size_t cap = 0;

    (void) state;
    for (unsigned i = 0; i < 100; i++) {
        array = xgrow(array, i, &cap, sizeof *array);
        array[i] = i;
        assert_true(cap > i);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(array[i], i);
    }
    free(array);
    char *text = xasprintf("%s %d", "a", 1);
    assert_string_equal(text, "a 1");
    free(text);
    text = xstrndup("abc", 2);
    assert_string_equal(text, "ab");
    free(text);
    free(xmalloc(0));
    free(xcalloc(0, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_memory),
        cmocka_unit_test(an_arena_keeps_to_its_limit),
        cmocka_unit_test(an_arena_that_is_reset_hands_out_zeros_again),
        cmocka_unit_test(an_arena_copies_and_formats),
        cmocka_unit_test(a_pool_is_full_at_its_budget_and_reuses_what_is_put_back),
        cmocka_unit_test(a_pool_that_has_grown_stays_within_its_budget),
        cmocka_unit_test(a_pool_has_room_for_one_at_least),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(arrays_grow_and_keep_what_they_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
