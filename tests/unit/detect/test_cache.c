/* Pattern databases kept on disk: found again, and not taken from just anybody. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/alloc.h"
#include "sensor/detect/patterns_private.h"

#define N_WORDS (TEDDY_MAX_LITERALS + 20u)     /* So many that a database holds them. */

struct world {
    char folder[64];
    struct diag diag;
    size_t compiled, cached;
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    snprintf(w->folder, sizeof w->folder, "/tmp/civicshield-cache-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    diag_init(&w->diag);
    *state = w;
    return 0;
}

static int remove_path(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    return remove(path);
}

static int tear_down(void **state)
{
    struct world *w = *state;

    nftw(w->folder, remove_path, 8, FTW_DEPTH | FTW_PHYS);
    diag_fini(&w->diag);
    free(w);
    return 0;
}

/* What a start of a sensor does with one set of patterns; counts in 'w'. */
static void start(struct world *w, const char *conf)
{
    struct patterns_store *store = patterns_store_create(conf, &w->diag);
    struct patterns *p = patterns_create();
    char word[16];

    for (uint32_t i = 0; i < N_WORDS; i++) {
        snprintf(word, sizeof word, "pattern-%02u", i);
        patterns_add(p, slice_of(word, strlen(word)), false, i, 0, UINT64_MAX);
    }
    assert_true(patterns_compile(p, store, &w->diag));
    patterns_store_stats(store, &w->compiled, &w->cached);

    struct patterns_scratch *scratch = patterns_scratch_create(store);
    struct candidates found;

    candidates_init(&found, N_WORDS);
    candidates_clear(&found);
    patterns_scan(p, scratch, slice_of("a pattern-07 of many", 20), 0, 0, false,
                  &found);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.rules[0], 7);
    candidates_fini(&found);
    patterns_scratch_destroy(scratch);
    patterns_destroy(p);
    patterns_store_destroy(store);
}

/* The path of the one database in the folder. */
static char *kept_path(const struct world *w)
{
    DIR *listing = opendir(w->folder);
    char *path = NULL;

    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL; ) {
        if (entry->d_name[0] != '.') {
            assert_null(path);
            path = xasprintf("%s/%s", w->folder, entry->d_name);
        }
    }
    closedir(listing);
    return path;
}

static void the_second_start_compiles_nothing(void **state)
{
    struct world *w = *state;

    start(w, w->folder);
    assert_int_equal(w->compiled, 1);
    assert_int_equal(w->cached, 0);
    start(w, w->folder);
    assert_int_equal(w->compiled, 0);
    assert_int_equal(w->cached, 1);
    assert_int_equal(w->diag.n, 0);
}

static void nothing_is_kept_where_it_is_off(void **state)
{
    struct world *w = *state;

    start(w, "no");
    start(w, NULL);
    assert_int_equal(w->compiled, 1);
    assert_null(kept_path(w));
}

static void by_default_it_is_kept_in_the_cache_folder_of_the_user(void **state)
{
    struct world *w = *state;

    unsetenv("CACHE_DIRECTORY");
    setenv("XDG_CACHE_HOME", w->folder, 1);
    start(w, "auto");
    start(w, "auto");
    unsetenv("XDG_CACHE_HOME");
    assert_int_equal(w->cached, 1);

    char *path = kept_path(w);

    assert_string_equal(path + strlen(w->folder), "/civicshield");
    free(path);
}

static void a_folder_that_others_can_write_is_not_used(void **state)
{
    struct world *w = *state;

    assert_int_equal(chmod(w->folder, 0777), 0);
    start(w, w->folder);
    assert_int_equal(w->compiled, 1);
    assert_null(kept_path(w));
    assert_int_equal(w->diag.n, 1);
    assert_string_equal(w->diag.messages[0].file, w->folder);
}

static void a_folder_that_cannot_be_made_is_said_when_it_was_asked_for(void **state)
{
    struct world *w = *state;
    char *file = xasprintf("%s/file", w->folder), *below = xasprintf("%s/file/x", w->folder);

    close(open(file, O_WRONLY | O_CREAT, 0600));
    start(w, below);
    assert_int_equal(w->compiled, 1);
    assert_int_equal(w->diag.n, 1);
    free(file);
    free(below);
}

static void a_database_that_others_can_write_is_made_anew(void **state)
{
    struct world *w = *state;

    start(w, w->folder);
    char *path = kept_path(w);

    assert_int_equal(chmod(path, 0666), 0);
    start(w, w->folder);
    assert_int_equal(w->compiled, 1);
    assert_int_equal(w->diag.n, 1);
    start(w, w->folder);
    assert_int_equal(w->cached, 1);
    free(path);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
    struct world *w = *state;

    start(w, w->folder);
    char *path = kept_path(w), *other = xasprintf("%s/.other", w->folder);

    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    start(w, w->folder);
    assert_int_equal(w->compiled, 1);
    free(path);
    free(other);
}

static void a_damaged_database_is_said_and_made_anew(void **state)
{
    struct world *w = *state;

    start(w, w->folder);
    char *path = kept_path(w);
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    for (off_t at = 0; at < info.st_size; at += info.st_size / 7) {
        int fd = open(path, O_RDWR);
        char byte;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        size_t said = w->diag.n;
        start(w, w->folder);
        assert_int_equal(w->compiled, 1);
        assert_int_equal(w->diag.n, said + 1);
        start(w, w->folder);
        assert_int_equal(w->cached, 1);
    }
    assert_int_equal(truncate(path, info.st_size - 1), 0);
    start(w, w->folder);
    assert_int_equal(w->compiled, 1);
    free(path);
}

static unsigned count_databases(const struct world *w)
{
    DIR *listing = opendir(w->folder);
    unsigned n = 0;

    for (struct dirent *entry; (entry = readdir(listing)) != NULL; ) {
        n += strstr(entry->d_name, ".hsdb") != NULL;
    }
    closedir(listing);
    return n;
}

static void the_longest_unused_are_removed_when_there_are_too_many(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < DATABASE_CACHE_FILES + 3; i++) {
        char *path = xasprintf("%s/%032x.hsdb", w->folder, i);
        struct timespec times[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        assert_int_equal(futimens(fd, times), 0);
        close(fd);
        free(path);
    }
    start(w, w->folder);
    assert_int_equal(count_databases(w), DATABASE_CACHE_FILES);
    for (unsigned i = 0; i < 6; i++) {
        char *path = xasprintf("%s/%032x.hsdb", w->folder, i);

        assert_int_equal(access(path, F_OK) == 0, i >= 4);
        free(path);
    }
    start(w, w->folder);
    assert_int_equal(w->cached, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_second_start_compiles_nothing),
        TEST(nothing_is_kept_where_it_is_off),
        TEST(by_default_it_is_kept_in_the_cache_folder_of_the_user),
        TEST(a_folder_that_others_can_write_is_not_used),
        TEST(a_folder_that_cannot_be_made_is_said_when_it_was_asked_for),
        TEST(a_database_that_others_can_write_is_made_anew),
        TEST(a_link_in_its_place_is_not_followed),
        TEST(a_damaged_database_is_said_and_made_anew),
        TEST(the_longest_unused_are_removed_when_there_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
