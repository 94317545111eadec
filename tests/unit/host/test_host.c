#include "sensor/host/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000000ull
#define N_SHARDS 64u

static struct host_table *table_of(uint64_t memory)
{
    struct host_table *t = host_table_create(memory, hash_seed_fixed());

    assert_non_null(t);
    return t;
}

static struct host_key key_of(uint64_t id)
{
    return host_key(HOST_XBIT, id, NULL, NULL);
}

/* Keeps 'count' under 'id' for a second from 'now_ns' on. */
static void keep(struct host_table *t, uint64_t id, uint64_t count, uint64_t now_ns)
{
    struct host_key key = key_of(id);
    struct host_value *value = host_acquire(t, &key, now_ns, true);

    assert_non_null(value);
    value->count = count;
    value->expires_ns = now_ns + SECOND;
    host_release(t, &key);
}

/* What is kept under 'id'; 0: nothing. */
static uint64_t kept(struct host_table *t, uint64_t id, uint64_t now_ns)
{
    struct host_key key = key_of(id);
    struct host_value *value = host_acquire(t, &key, now_ns, false);
    uint64_t count = value != NULL ? value->count : 0;

    if (value != NULL) {
        host_release(t, &key);
    }
    return count;
}

static void a_value_is_kept_until_it_expires(void **state)
{
    struct host_table *t = table_of(1u << 20);

    (void) state;
    keep(t, 1, 7, 0);
    assert_int_equal(kept(t, 1, SECOND - 1), 7);
    assert_int_equal(kept(t, 2, 0), 0);
    assert_int_equal(kept(t, 1, SECOND), 0);
    assert_int_equal(host_table_counters(t).entries, 0);
    host_table_destroy(t);
}

static void a_full_shard_gives_up_an_entry(void **state)
{
    struct host_table *t = table_of(0);         /* One entry a shard. */
    enum { N_KEYS = 1000 };
    unsigned n_kept = 0;

    (void) state;
    for (uint64_t id = 1; id <= N_KEYS; id++) {
        keep(t, id, id, 0);
        assert_int_equal(kept(t, id, 0), id);
    }
    for (uint64_t id = 1; id <= N_KEYS; id++) {
        n_kept += kept(t, id, 0) == id;
    }
    struct host_counters n = host_table_counters(t);
    assert_int_equal(n.max_entries, N_SHARDS);
    assert_int_equal(n.entries, n_kept);
    assert_true(n.entries <= N_SHARDS);
    assert_int_equal(n.made, N_KEYS);
    assert_int_equal(n.evicted, N_KEYS - n_kept);
    host_table_destroy(t);
}

static void what_was_touched_last_stays_in_a_full_shard(void **state)
{
    struct host_table *t = table_of(1u << 16);
    uint64_t max = host_table_counters(t).max_entries;

    (void) state;
    assert_true(max >= 2 * N_SHARDS);
    keep(t, 1, 1, 0);
    for (uint64_t id = 2; id <= 8 * max; id++) {
        keep(t, id, id, 0);
        assert_int_equal(kept(t, 1, 0), 1);
    }
    assert_true(host_table_counters(t).evicted > 0);
    host_table_destroy(t);
}

static void an_entry_that_was_removed_is_used_again(void **state)
{
    struct host_table *t = table_of(1u << 16);
    uint64_t max = host_table_counters(t).max_entries;

    (void) state;
    for (uint64_t id = 1; id <= 4 * max; id++) {
        struct host_key key = key_of(id);
        keep(t, id, id, 0);
        host_remove(t, &key);
        assert_int_equal(kept(t, id, 0), 0);
    }
    assert_int_equal(host_table_counters(t).entries, 0);
    assert_int_equal(host_table_counters(t).evicted, 0);
    host_table_destroy(t);
}

static size_t resident_pages(void)
{
    unsigned long all, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &all, &resident), 2);
    fclose(f);
    return resident;
}

static void a_table_takes_memory_as_entries_are_made(void **state)
{
    const size_t memory = 256u << 20;
    size_t before = resident_pages();
    struct host_table *t = table_of(memory);

    (void) state;
    keep(t, 1, 7, 0);
    assert_true(resident_pages() < before + memory / 4 / (size_t) sysconf(_SC_PAGESIZE));
    assert_int_equal(kept(t, 1, 0), 7);
    host_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_kept_until_it_expires),
        cmocka_unit_test(a_full_shard_gives_up_an_entry),
        cmocka_unit_test(what_was_touched_last_stays_in_a_full_shard),
        cmocka_unit_test(an_entry_that_was_removed_is_used_again),
        cmocka_unit_test(a_table_takes_memory_as_entries_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
