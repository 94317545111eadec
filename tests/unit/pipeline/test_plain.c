/* Capture files of every kind, whole and not, give what libpcap alone gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/strbuf.h"
#include "common/obs/log.h"
#include "sensor/capture/capture.h"
#include "sensor/capture/plain.h"

struct file {
    char path[64];
    bool is_swapped;
    struct strbuf bytes;
};

static int make_file(void **state)
{
    struct file *f = xcalloc(1, sizeof *f);
    int fd;

    snprintf(f->path, sizeof f->path, "/tmp/cs-plain-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    log_set_level(LOG_LEVEL_ERROR);
    *state = f;
    return 0;
}

static int remove_file(void **state)
{
    struct file *f = *state;

    unlink(f->path);
    strbuf_fini(&f->bytes);
    free(f);
    return 0;
}

static void put32(struct file *f, uint32_t value)
{
    value = f->is_swapped ? __builtin_bswap32(value) : value;
    strbuf_put(&f->bytes, &value, sizeof value);
}

static void put_head(struct file *f, uint32_t magic, uint16_t minor, uint32_t snapshot,
                     uint32_t link)
{
    uint16_t version[2] = { 2, minor };

    strbuf_clear(&f->bytes);
    put32(f, magic);
    for (size_t i = 0; i < 2; i++) {
        version[i] = f->is_swapped ? __builtin_bswap16(version[i]) : version[i];
    }
    strbuf_put(&f->bytes, version, sizeof version);
    put32(f, 0);
    put32(f, 0);
    put32(f, snapshot);
    put32(f, link);
}

static void put_record(struct file *f, uint32_t second, uint32_t fraction, uint32_t captured,
                       uint32_t size)
{
    put32(f, second);
    put32(f, fraction);
    put32(f, captured);
    put32(f, captured + 7);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t) (i + second);
        strbuf_put(&f->bytes, &byte, 1);
    }
}

static void write_file(const struct file *f, const void *bytes, size_t size)
{
    FILE *file = fopen(f->path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* The next record by libpcap alone, as a frame has it; false at the end. */
static bool next_by_libpcap(pcap_t *pcap, struct frame *frame, int *result)
{
    struct pcap_pkthdr *header;
    const uint8_t *bytes;

    *result = pcap_next_ex(pcap, &header, &bytes);
    if (*result != 1) {
        return false;
    }
    uint32_t size = header->caplen < CAPTURE_MAX_FRAME ? header->caplen : CAPTURE_MAX_FRAME;
    *frame = (struct frame) {
        .bytes = bytes,
        .size = size,
        .wire_size = header->len > size ? header->len : size,
        .time_ns = header->ts.tv_sec < 0
                       ? 0
                       : (uint64_t) header->ts.tv_sec * NS_PER_SEC
                             + (uint64_t) header->ts.tv_usec % NS_PER_SEC,
        .link_type = (uint16_t) pcap_datalink(pcap),
    };
    return true;
}

/* How many frames the file has; both ways of reading it agree on them, and on its end. */
static size_t compare_ways(const struct file *f, const char *name)
{
    static const struct capture_conf conf = { .sort_by_time = false };
    char error[PCAP_ERRBUF_SIZE];
    struct capture_burst burst = { 0 };
    struct capture_stats stats;
    struct diag diag;
    size_t n = 0;
    int result = 1;

    diag_init(&diag);
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(
        f->path, PCAP_TSTAMP_PRECISION_NANO, error);
    struct capture *c = capture_open_files(f->path, NULL, &conf, &diag);
    if ((pcap == NULL) != (c == NULL)) {
        fail_msg("%s: opened by one alone", name);
    }
    while (c != NULL && capture_read(c, 0, &burst) == CAPTURE_FRAMES) {
        for (size_t i = 0; i < burst.n; i++, n++) {
            const struct frame *got = &burst.frames[i];
            struct frame want;
            if (!next_by_libpcap(pcap, &want, &result)) {
                fail_msg("%s: frame %zu is none", name, n);
            }
            if (got->size != want.size || memcmp(got->bytes, want.bytes, want.size) != 0
                || got->wire_size != want.wire_size || got->time_ns != want.time_ns
                || got->link_type != want.link_type) {
                fail_msg("%s: frame %zu is another", name, n);
            }
        }
        capture_release(c, &burst);
    }
    if (c != NULL) {
        struct frame more;
        if (next_by_libpcap(pcap, &more, &result)) {
            fail_msg("%s: ends before frame %zu", name, n);
        }
        assert_int_equal(capture_has_failed(c), result == PCAP_ERROR);
        capture_stats_get(c, &stats);
        assert_int_equal(stats.frames, n);
        pcap_close(pcap);
        capture_close(c);
    }
    capture_burst_fini(&burst);
    diag_fini(&diag);
    return n;
}

/* ---- Kinds of files ---- */

#define MICRO 0xa1b2c3d4u
#define NANO 0xa1b23c4du
#define MODIFIED 0xa1b2cd34u    /* Record headers of 24 bytes. */

static const struct kind {
    const char *name;
    uint32_t magic;
    bool is_swapped;
    uint16_t minor;
    uint32_t snapshot, link;
} kinds[] = {
    { "microseconds", MICRO, false, 4, 65535, 1 },
    { "microseconds, swapped", MICRO, true, 4, 65535, 1 },
    { "nanoseconds", NANO, false, 4, 262144, 1 },
    { "nanoseconds, swapped", NANO, true, 4, 262144, 1 },
    { "modified", MODIFIED, false, 4, 65535, 1 },
    { "modified, swapped", MODIFIED, true, 4, 65535, 1 },
    { "no magic", 0xa1b2c3d5, false, 4, 65535, 1 },
    { "an old version", MICRO, false, 2, 65535, 1 },
    { "a less old version", MICRO, true, 3, 65535, 1 },
    { "a version to come", MICRO, false, 5, 65535, 1 },
    { "no snapshot length", MICRO, false, 4, 0, 1 },
    { "a snapshot length beyond all", NANO, true, 4, 0xffffffff, 1 },
    { "frames longer than the snapshot length", MICRO, false, 4, 40, 1 },
    { "raw IP", MICRO, false, 4, 65535, 101 },
    { "Linux cooked, swapped", MICRO, true, 4, 65535, 113 },
    { "USB, swapped", MICRO, true, 4, 65535, 189 },
    { "a link with a checksum", MICRO, false, 4, 65535, 1 | 0x14000000 },
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static void begin_file(struct file *f, const struct kind *kind)
{
    f->is_swapped = kind->is_swapped;
    put_head(f, kind->magic, kind->minor, kind->snapshot, kind->link);
}

static void a_file_of_any_kind_cut_anywhere_reads_as_by_libpcap(void **state)
{
    struct file *f = *state;

    for (size_t k = 0; k < N_KINDS; k++) {
        begin_file(f, &kinds[k]);
        put_record(f, 1000, 5, 60, 60);
        put_record(f, 1001, 6, 0, 0);
        put_record(f, 1002, 999999, 41, 41);
        for (size_t size = 0; size <= f->bytes.size; size++) {
            write_file(f, f->bytes.text, size);
            compare_ways(f, kinds[k].name);
        }
    }
}

static void a_record_that_is_odd_reads_as_by_libpcap(void **state)
{
    static const struct {
        const char *name;
        uint32_t second, fraction, captured, size;
    } rows[] = {
        { "a negative time", 0xfffffff0, 5, 60, 60 },
        { "the last second", 0x7fffffff, 5, 60, 60 },
        { "a second too late", 0x80000000, 5, 60, 60 },
        { "a million microseconds", 1001, 1000000, 60, 60 },
        { "a milliard nanoseconds", 1001, 1000000000, 60, 60 },
        { "a negative fraction", 1001, 0xffffffff, 60, 60 },
        { "a frame of half a piece", 1001, 5, 65536, 65536 },
        { "a frame of more", 1001, 5, 65537, 65537 },
        { "the longest frame", 1001, 5, 262144, 262144 },
        { "a frame too long", 1001, 5, 262145, 262145 },
        { "a frame of 4 GB", 1001, 5, 0xffffffff, 60 },
        { "a frame of 2 GB", 1001, 5, 0x80000000, 60 },
        { "a frame longer than the file", 1001, 5, 500, 60 },
        { "a frame much longer than the file", 1001, 5, 65000, 60 },
    };

    for (size_t k = 0; k < N_KINDS; k++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            begin_file(*state, &kinds[k]);
            put_record(*state, 1000, 5, 60, 60);
            put_record(*state, rows[i].second, rows[i].fraction, rows[i].captured,
                       rows[i].size);
            put_record(*state, 1002, 5, 60, 60);
            put_record(*state, 1003, 5, 61, 61);
            struct file *f = *state;
            write_file(f, f->bytes.text, f->bytes.size);
            compare_ways(f, rows[i].name);
        }
    }
}

/* Records of many sizes, so that they lie across the ends of pieces in many ways. */
static void a_file_of_many_pieces_reads_as_by_libpcap(void **state)
{
    struct file *f = *state;

    for (size_t k = 0; k < 4; k++) {
        uint32_t size = 1;
        begin_file(f, &kinds[k]);
        for (uint32_t i = 0; i < 3000; i++) {
            size = size * 1103515245 + 12345;
            uint32_t captured = (size >> 8) % (i % 100 == 0 ? 65000 : 1600);
            put_record(f, 1000 + i, i, captured, captured);
        }
        write_file(f, f->bytes.text, f->bytes.size);
        assert_int_equal(compare_ways(f, kinds[k].name), 3000);
    }
}

/* Plain files are in fact read by the plain reader, to their last record, or to one that is
 * not plain. */
static void what_is_plain_is_not_left_to_libpcap(void **state)
{
    struct file *f = *state;
    struct capture_plain *plain = capture_plain_create();
    char error[PCAP_ERRBUF_SIZE];

    for (size_t k = 0; k < 6; k++) {
        struct pcap_pkthdr *header;
        const uint8_t *bytes;
        size_t n = 0;

        begin_file(f, &kinds[k]);
        put_record(f, 1000, 5, 60, 60);
        put_record(f, 1001, 5, 60, 60);
        put_record(f, 1002, 5, 300000, 60);
        write_file(f, f->bytes.text, f->bytes.size);
        pcap_t *pcap = pcap_open_offline_with_tstamp_precision(
            f->path, PCAP_TSTAMP_PRECISION_NANO, error);
        assert_non_null(pcap);
        capture_plain_begin(plain, pcap);
        while (capture_plain_next(plain, &header, &bytes)) {
            n++;
            assert_int_equal(capture_plain_offset(plain), 24 + n * 76);
        }
        assert_int_equal(n, k < 4 ? 2 : 0);
        assert_int_equal(capture_plain_offset(plain), 0);
        capture_plain_end(plain);
        pcap_close(pcap);
    }
    capture_plain_destroy(plain);
}

/* What is written while the file is read is read too, as far as it is there at its end. */
static void a_file_that_grows_is_read_on(void **state)
{
    static const struct capture_conf conf = { .sort_by_time = false };
    struct file *f = *state;
    struct capture_burst burst = { 0 };
    struct diag diag;

    begin_file(f, &kinds[0]);
    for (uint32_t i = 0; i < CAPTURE_BURST + 36; i++) {
        put_record(f, 1000 + i, 5, 60, 60);
    }
    write_file(f, f->bytes.text, f->bytes.size - 80);
    diag_init(&diag);
    struct capture *c = capture_open_files(f->path, NULL, &conf, &diag);
    assert_non_null(c);
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
    assert_int_equal(burst.n, CAPTURE_BURST);
    write_file(f, f->bytes.text, f->bytes.size);
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
    assert_int_equal(burst.n, 36);
    assert_false(capture_has_failed(c));
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_END);
    capture_burst_fini(&burst);
    capture_close(c);
    diag_fini(&diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_of_any_kind_cut_anywhere_reads_as_by_libpcap,
                                        make_file, remove_file),
        cmocka_unit_test_setup_teardown(a_record_that_is_odd_reads_as_by_libpcap, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(a_file_of_many_pieces_reads_as_by_libpcap, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(what_is_plain_is_not_left_to_libpcap, make_file,
                                        remove_file),
        cmocka_unit_test_setup_teardown(a_file_that_grows_is_read_on, make_file,
                                        remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
