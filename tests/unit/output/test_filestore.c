/* The store of files: its queue, and what stands in the folder in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sensor/output/file_ring.h"
#include "sensor/output/filestore.h"

/* ---- The queue ---- */

static void messages_come_out_as_they_went_in_wherever_the_ring_wraps(void **state)
{
    struct file_ring *ring = file_ring_create(4096);
    uint8_t bytes[1500], got[1500];
    struct file_part parts[2];

    (void) state;
    for (unsigned turn = 0; turn < 200; turn++) {
        struct file_message in = { .kind = FILE_MESSAGE_BYTES, .place = turn,
                                   .size = turn * 37 % sizeof bytes }, out;

        memset(bytes, (int) turn, sizeof bytes);
        assert_true(file_ring_put(ring, &in, bytes, 0));
        assert_true(file_ring_peek(ring, &out, parts));
        assert_memory_equal(&in, &out, sizeof in);
        assert_int_equal(parts[0].size + parts[1].size, in.size);
        memcpy(got, parts[0].bytes, parts[0].size);
        memcpy(got + parts[0].size, parts[1].bytes, parts[1].size);
        assert_memory_equal(got, bytes, in.size);
        file_ring_drop(ring, &out);
        assert_false(file_ring_peek(ring, &out, parts));
    }
    file_ring_destroy(ring);
}

static void a_full_ring_takes_nothing_and_keeps_what_is_set_aside(void **state)
{
    struct file_ring *ring = file_ring_create(4096);
    uint8_t bytes[1000] = { 0 };
    struct file_message m = { .kind = FILE_MESSAGE_BYTES, .size = sizeof bytes };
    struct file_part parts[2];
    struct file_message out;
    unsigned n = 0;

    (void) state;
    while (file_ring_put(ring, &m, bytes, 512)) {
        n++;
    }
    assert_int_equal(n, 3);
    m.size = 0;
    assert_true(file_ring_put(ring, &m, NULL, 0));
    m.size = UINT64_MAX;
    assert_false(file_ring_put(ring, &m, bytes, 0));
    for (; n > 0; n--) {
        assert_true(file_ring_peek(ring, &out, parts));
        file_ring_drop(ring, &out);
    }
    m.size = 4096 - 2 * sizeof m;
    uint8_t *all = calloc(1, 4096);
    assert_true(file_ring_put(ring, &m, all, 0));
    free(all);
    file_ring_destroy(ring);
}

/* ---- The folder ---- */

struct world {
    char folder[64];
    struct file_store_conf conf;
    struct file_store *store;
    struct diag diag;
};

static void open_store(struct world *w, bool waits)
{
    w->store = file_store_open(&w->conf, w->folder, 2, waits, &w->diag);
    assert_non_null(w->store);
}

static void world_make(struct world *w)
{
    struct conf_node *empty = conf_tree_new();

    memset(w, 0, sizeof *w);
    diag_init(&w->diag);
    snprintf(w->folder, sizeof w->folder, "/tmp/civicshield-store-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    assert_true(conf_read_section(empty, &file_store_conf_section, &w->conf, &w->diag));
    conf_tree_free(empty);
}

static void world_end(struct world *w)
{
    char command[128];

    assert_true(file_store_close(w->store));
    conf_free_section(&file_store_conf_section, &w->conf);
    diag_fini(&w->diag);
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
}

/* The digest is whatever the caller says: the store asks nobody. */
static void digest_of(uint8_t first, uint8_t out[32])
{
    memset(out, 0x11, 32);
    out[0] = first;
}

static void path_of(const struct world *w, uint8_t first, const char *tail, char path[256])
{
    int n = snprintf(path, 256, "%s/filestore/%02x/%02x", w->folder, first, first);

    for (int i = 0; i < 31; i++) {
        n += snprintf(path + n, 256 - (size_t) n, "11");
    }
    snprintf(path + n, 256 - (size_t) n, "%s", tail);
}

/* Puts 'size' bytes of 'first' in pieces; the file's number, 0: it was refused. */
static uint64_t put_file(struct world *w, unsigned door, uint8_t first, size_t size)
{
    const struct app_file_sink *sink = file_store_sink(w->store, door);
    uint8_t sha256[32], *bytes = malloc(size + 1);
    uint64_t id = 0;
    uint32_t place = sink->open(sink->context, &id);
    bool ok = place != 0;

    memset(bytes, first, size + 1);
    for (size_t at = 0; ok && at < size; at += 777) {
        ok = sink->write(sink->context, place, bytes + at, size - at < 777 ? size - at : 777);
    }
    digest_of(first, sha256);
    ok = ok && sink->close(sink->context, place, sha256);
    free(bytes);
    return ok ? id : 0;
}

static long size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (long) st.st_size : -1;
}

static void each_content_is_kept_once_below_its_digest(void **state)
{
    struct file_store_counters c;
    struct world w;
    char path[256];

    (void) state;
    for (uint64_t max_open = 0; max_open < 3; max_open++) {
        world_make(&w);
        w.conf.max_open_files = max_open;
        open_store(&w, true);
        assert_int_equal(put_file(&w, 0, 0xab, 200000), 1);
        assert_int_equal(put_file(&w, 0, 0x01, 5), 2);
        assert_int_equal(put_file(&w, 0, 0xab, 200000), 3);
        assert_int_equal(put_file(&w, 1, 0x02, 0), 4);
        file_store_finish(w.store);
        file_store_counters_read(w.store, &c);
        assert_int_equal(c.stored, 3);
        assert_int_equal(c.duplicates, 1);
        path_of(&w, 0xab, "", path);
        assert_int_equal(size_of(path), 200000);
        path_of(&w, 0x01, "", path);
        assert_int_equal(size_of(path), 5);
        path_of(&w, 0x02, "", path);
        assert_int_equal(size_of(path), 0);
        world_end(&w);
    }
}

static void files_that_grow_side_by_side_do_not_mix(void **state)
{
    struct world w;
    uint8_t sha256[32];
    uint32_t places[40];
    uint64_t id;
    char path[256];

    (void) state;
    world_make(&w);
    w.conf.max_open_files = 7;
    open_store(&w, true);
    const struct app_file_sink *sink = file_store_sink(w.store, 1);
    for (uint8_t i = 0; i < 40; i++) {
        places[i] = sink->open(sink->context, &id);
    }
    for (unsigned round = 0; round < 50; round++) {
        for (uint8_t i = 0; i < 40; i++) {
            assert_true(sink->write(sink->context, places[i], &i, 1));
        }
    }
    for (uint8_t i = 0; i < 40; i++) {
        digest_of(i, sha256);
        if (i % 2 == 0) {
            assert_true(sink->close(sink->context, places[i], sha256));
        } else {
            sink->drop(sink->context, places[i]);
        }
    }
    file_store_finish(w.store);
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t got[51] = { 0 }, want[50];

        path_of(&w, i, "", path);
        assert_int_equal(size_of(path), i % 2 == 0 ? 50 : -1);
        if (i % 2 == 0) {
            FILE *file = fopen(path, "rb");
            assert_int_equal(fread(got, 1, sizeof got, file), 50);
            fclose(file);
            memset(want, i, sizeof want);
            assert_memory_equal(got, want, sizeof want);
        }
    }
    snprintf(path, sizeof path, "rmdir '%s/filestore/tmp'", w.folder);
    assert_int_equal(system(path), 0);          /* Nothing was left there. */
    world_end(&w);
}

static void what_the_limits_forbid_is_refused_and_counted(void **state)
{
    struct file_store_counters c;
    struct world w;
    char path[256];

    (void) state;
    world_make(&w);
    w.conf.max_files = 2;
    w.conf.max_bytes = 3000;
    open_store(&w, true);
    assert_int_not_equal(put_file(&w, 0, 0x10, 1000), 0);
    assert_int_equal(put_file(&w, 0, 0x11, 5000), 0);   /* Larger than the folder may be. */
    assert_int_not_equal(put_file(&w, 0, 0x12, 1500), 0);
    assert_int_equal(put_file(&w, 0, 0x13, 1), 0);      /* The third. */
    file_store_finish(w.store);
    file_store_counters_read(w.store, &c);
    assert_int_equal(c.stored, 2);
    assert_int_equal(c.dropped_limit, 2);
    path_of(&w, 0x11, "", path);
    assert_int_equal(size_of(path), -1);
    assert_true(file_store_close(w.store));
    /* The next run finds the folder as full as it is. */
    open_store(&w, true);
    assert_int_equal(put_file(&w, 0, 0x14, 1), 0);
    world_end(&w);
}

static void live_a_full_queue_drops_files_whole(void **state)
{
    struct file_store_counters c;
    struct world w;
    unsigned n_kept = 0;
    char path[256];

    (void) state;
    world_make(&w);
    w.conf.queue = 1024 * 1024;
    open_store(&w, false);
    for (unsigned i = 0; i < 30; i++) {
        n_kept += put_file(&w, 0, (uint8_t) i, 900000) != 0;
    }
    file_store_finish(w.store);
    file_store_counters_read(w.store, &c);
    assert_int_equal(c.stored, n_kept);
    assert_int_equal(c.dropped_ring, 30 - n_kept);
    assert_true(n_kept < 30);
    for (unsigned i = 0; i < 30; i++) {
        path_of(&w, (uint8_t) i, "", path);
        long size = size_of(path);
        assert_true(size == -1 || size == 900000);
        n_kept -= size != -1;
    }
    assert_int_equal(n_kept, 0);
    world_end(&w);
}

static void too_many_files_at_once_are_refused(void **state)
{
    struct file_store_counters c;
    struct world w;
    uint64_t id;
    unsigned n = 0;

    (void) state;
    world_make(&w);
    open_store(&w, true);
    const struct app_file_sink *sink = file_store_sink(w.store, 0);
    while (sink->open(sink->context, &id) != 0) {
        n++;
    }
    assert_int_equal(n, 1024);
    file_store_counters_read(w.store, &c);
    assert_int_equal(c.dropped_places, 1);
    world_end(&w);
}

static void an_event_stands_beside_its_file_alone(void **state)
{
    struct app_file file = { .store_id = 7 };
    struct file_store_counters c;
    struct world w;
    char path[256];

    (void) state;
    world_make(&w);
    open_store(&w, true);
    put_file(&w, 0, 0x33, 10);
    digest_of(0x33, file.sha256);
    file_store_info(w.store, 0, &file, 1700000000, "{}\n", 3);
    digest_of(0x34, file.sha256);               /* No such file. */
    file_store_info(w.store, 0, &file, 1700000000, "{}\n", 3);
    file_store_finish(w.store);
    file_store_counters_read(w.store, &c);
    assert_int_equal(c.infos, 1);
    assert_int_equal(c.infos_lost, 1);
    path_of(&w, 0x33, ".1700000000.7.json", path);
    assert_int_equal(size_of(path), 3);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_as_they_went_in_wherever_the_ring_wraps),
        cmocka_unit_test(a_full_ring_takes_nothing_and_keeps_what_is_set_aside),
        cmocka_unit_test(each_content_is_kept_once_below_its_digest),
        cmocka_unit_test(files_that_grow_side_by_side_do_not_mix),
        cmocka_unit_test(what_the_limits_forbid_is_refused_and_counted),
        cmocka_unit_test(live_a_full_queue_drops_files_whole),
        cmocka_unit_test(too_many_files_at_once_are_refused),
        cmocka_unit_test(an_event_stands_beside_its_file_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
