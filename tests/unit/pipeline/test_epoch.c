/* The hash of what a replay reads.  This program's own pthread_create() refuses if it is told to,
 * and else hands on to the library's. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/pipeline/epoch.h"

#define SIZE (40u << 20)                /* Enough for four parts. */

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static bool is_refusing;
static unsigned n_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*body)(void *), void *argument)
{
    create_fn *real = (create_fn *) dlsym(RTLD_NEXT, "pthread_create");

    n_threads++;
    return is_refusing ? EAGAIN : real(thread, attributes, body, argument);
}

static char path[] = "/tmp/epoch-XXXXXX";

static void write_byte(off_t at, char byte)
{
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    fseeko(file, at, SEEK_SET);
    fputc(byte, file);
    fclose(file);
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void) state;
    if (fd < 0 || ftruncate(fd, SIZE) != 0) {
        return -1;
    }
    return close(fd);
}

static int remove_file(void **state)
{
    (void) state;
    return unlink(path);
}

static uint64_t hash_file(unsigned n_parts)
{
    struct epoch *epoch = epoch_begin(n_parts);

    assert_true(epoch_add_path(epoch, path));
    return epoch_end(epoch);
}

static void every_byte_counts_in_whichever_part_it_is(void **state)
{
    (void) state;
    for (unsigned n = 1; n <= 4; n++) {
        n_threads = 0;
        uint64_t before = hash_file(n);
        assert_int_equal(n_threads, n - 1);
        for (off_t at = 0; at < SIZE; at += SIZE / 4 - 1) {
            write_byte(at, 'x');
            assert_true(hash_file(n) != before);
            write_byte(at, 0);
        }
        assert_true(hash_file(n) == before);
    }
}

static void without_threads_the_hash_is_the_same(void **state)
{
    (void) state;
    uint64_t with_threads = hash_file(4);
    is_refusing = true;
    assert_true(hash_file(4) == with_threads);
    is_refusing = false;
}

static void a_small_file_has_one_part(void **state)
{
    (void) state;
    assert_int_equal(truncate(path, 100000), 0);
    n_threads = 0;
    assert_true(hash_file(4) == hash_file(1));
    assert_int_equal(n_threads, 0);
}

static void a_file_that_is_not_there_is_no_epoch(void **state)
{
    struct epoch *epoch = epoch_begin(4);

    (void) state;
    assert_false(epoch_add_path(epoch, "/nowhere/at/all"));
    assert_int_equal(errno, ENOENT);
    (void) epoch_end(epoch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_counts_in_whichever_part_it_is),
        cmocka_unit_test(without_threads_the_hash_is_the_same),
        cmocka_unit_test(a_small_file_has_one_part),
        cmocka_unit_test(a_file_that_is_not_there_is_no_epoch),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
