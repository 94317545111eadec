/* What the tests of the spool share: folders that go when the test ends, records whose payload
 * follows from their number, a reader that checks everything it is told. */
#ifndef CIVICSHIELD_TEST_SPOOL_H
#define CIVICSHIELD_TEST_SPOOL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/diag.h"
#include "common/spool/spool.h"
#include "common/spool/spool_private.h"

#define SECOND 1000000000ull
#define PATH_SIZE 512

static char test_folder[PATH_SIZE];     /* Holds the spools of one test. */

static inline void remove_files(const char *folder)
{
    DIR *d = opendir(folder);
    char path[PATH_SIZE * 2];

    if (d == NULL) {
        return;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            snprintf(path, sizeof path, "%.500s/%.255s", folder, e->d_name);
            if (unlink(path) != 0) {
                remove_files(path);
                rmdir(path);
            }
        }
    }
    closedir(d);
}

static inline int make_folder(void **state)
{
    (void) state;
    snprintf(test_folder, sizeof test_folder, "/tmp/spool-test-XXXXXX");
    return mkdtemp(test_folder) != NULL ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void) state;
    remove_files(test_folder);
    return rmdir(test_folder);
}

#define spool_test(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

/* A path in the test's folder; good until the fourth call after it. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][PATH_SIZE * 2];
    static unsigned i;
    char *path = paths[i++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline const char *segment_path(const char *folder, uint64_t first)
{
    char name[SPOOL_NAME_SIZE], path[PATH_SIZE];

    segment_name(first, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return in_folder(path);
}

static inline struct spool_conf small_conf(void)
{
    struct spool_conf conf;
    static char folder[PATH_SIZE];

    snprintf(folder, sizeof folder, "%.400s/q", test_folder);
    spool_conf_init(&conf);
    conf.folder = folder;
    conf.max_bytes = 1 << 20;
    conf.segment_bytes = 8192;
    conf.max_record = 2000;
    conf.memory_bytes = 256 << 10;
    conf.identity = slice_text("run one");
    return conf;
}

static inline struct spool *open_spool_with(const struct spool_conf *conf,
                                            const struct spool_io *io)
{
    struct diag diag;
    struct spool *spool;

    diag_init(&diag);
    spool = spool_open_with(conf, io, &diag);
    if (spool == NULL) {
        diag_print(&diag, stderr);
    }
    assert_non_null(spool);
    diag_fini(&diag);
    return spool;
}

static inline struct spool *open_spool(const struct spool_conf *conf)
{
    return open_spool_with(conf, &spool_io_real);
}

/* The payload of 'number': its size and bytes follow from it. */
static inline size_t make_payload(uint64_t number, size_t max, uint8_t *out)
{
    uint64_t x = number * 0x9e3779b97f4a7c15ull + 1;
    size_t size = (size_t) (x >> 33) % (max + 1);

    for (size_t i = 0; i < size; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t) (x >> 56);
    }
    return size;
}

#define PAYLOAD_MAX 300
static inline enum spool_result append_number(struct spool *spool, uint64_t number,
                                              uint64_t now_ns, uint64_t *position)
{
    uint8_t payload[PAYLOAD_MAX];
    struct spool_record record = {
        .time_ns = now_ns, .number = number, .stream = (uint32_t) number % 7,
        .priority = (uint8_t) (number % 4),
    };

    record.payload = slice_of(payload, make_payload(number, PAYLOAD_MAX, payload));
    return spool_append(spool, &record, position);
}

/* Appends 'n' records whose number is their position. */
static inline void append_many(struct spool *spool, size_t n, uint64_t now_ns)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t position = 0, expected = spool_next(spool);

        assert_int_equal(append_number(spool, expected, now_ns, &position), SPOOL_OK);
        assert_int_equal(position, expected);
    }
}

static inline void check_record(const struct spool_record *record)
{
    uint8_t payload[PAYLOAD_MAX];
    size_t size = make_payload(record->number, PAYLOAD_MAX, payload);

    assert_int_equal(record->position, record->number);
    assert_int_equal(record->stream, record->number % 7);
    assert_int_equal(record->priority, record->number % 4);
    assert_true(slice_equal(record->payload, slice_of(payload, size)));
}

/* What a walk to the end told. */
struct told {
    uint64_t first, next;       /* Positions; 'next' behind the last record or gap. */
    uint64_t n_records, n_durable, n_gaps, n_lost;
    struct spool_gap gap;       /* The last. */
};

static inline void take_record(struct told *told, const struct spool_record *record)
{
    check_record(record);
    if (told->next != 0) {
        assert_int_equal(record->position, told->next);
    } else {
        told->first = record->position;
    }
    told->next = record->position + 1;
    told->n_records++;
    told->n_durable += record->is_durable;
}

static inline void take_gap(struct told *told, const struct spool_gap *gap)
{
    assert_true(gap->from <= gap->to);
    if (told->next != 0) {
        assert_int_equal(gap->from, told->next);
    } else {
        told->first = gap->from;
    }
    told->next = gap->to;
    told->n_gaps++;
    told->n_lost += gap->to - gap->from;
    told->gap = *gap;
}

static inline void read_on(struct spool_reader *reader, struct told *told)
{
    struct spool_record record;
    struct spool_gap gap;

    for (;;) {
        switch (spool_reader_next(reader, &record, &gap)) {
        case SPOOL_READ_RECORD:
            take_record(told, &record);
            break;
        case SPOOL_READ_GAP:
            take_gap(told, &gap);
            break;
        default:
            return;
        }
    }
}

/* All that a reader at 'position' is told. */
static inline struct told read_all(struct spool *spool, uint64_t position)
{
    struct spool_reader *reader = spool_reader_open(spool, position);
    struct told told = { 0 };

    read_on(reader, &told);
    spool_reader_close(reader);
    return told;
}

static inline bool told_record(void *context, const struct spool_record *record)
{
    take_record(context, record);
    return true;
}

static inline bool told_gap(void *context, const struct spool_gap *gap)
{
    take_gap(context, gap);
    return true;
}

/* All that a tool is told. */
static inline struct told scan_all(const char *folder, struct spool_totals *totals)
{
    struct told told = { 0 };
    struct spool_visitor visitor = { .context = &told, .record = told_record, .gap = told_gap };
    struct diag diag;

    diag_init(&diag);
    assert_true(spool_scan(folder, 2000, &visitor, totals, &diag));
    diag_fini(&diag);
    return told;
}

static inline size_t read_file(const char *path, uint8_t *out, size_t cap)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, out, cap);

    assert_true(n >= 0);
    close(fd);
    return (size_t) n;
}

static inline void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t) size);
    close(fd);
}

#endif
