#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/obs/log.h"
#include "sensor/capture/capture.h"

static const struct capture_conf plain = { .sort_by_time = false };

struct folder {
    char path[64];
};

static int make_folder(void **state)
{
    struct folder *f = xcalloc(1, sizeof *f);

    snprintf(f->path, sizeof f->path, "/tmp/cs-capture-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    log_set_level(LOG_LEVEL_ERROR);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;
    char *command = xasprintf("rm -rf '%s'", f->path);

    assert_int_equal(system(command), 0);
    free(command);
    free(f);
    return 0;
}

static void put32(FILE *file, uint32_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

/* Writes 'n' Ethernet frames of 60 bytes, UDP to ports 1000, 1001, ...; the last 'cut'
 * bytes of the file are left out. */
static char *write_pcap(const struct folder *f, const char *name, uint32_t magic,
                        uint32_t first_second, unsigned n, unsigned cut)
{
    char *path = xasprintf("%s/%s", f->path, name);
    FILE *file = fopen(path, "wb");
    struct stat st;

    assert_non_null(file);
    put32(file, magic);
    put32(file, 2 | 4u << 16);
    put32(file, 0);
    put32(file, 0);
    put32(file, 65535);
    put32(file, 1);
    for (unsigned i = 0; i < n; i++) {
        uint8_t frame[60] = { [12] = 8, [14] = 0x45, [17] = 46, [22] = 64, [23] = 17,
                              [26] = 10, [29] = 1, [30] = 10, [33] = 2 };
        frame[36] = (uint8_t) ((1000 + i) >> 8);
        frame[37] = (uint8_t) (1000 + i);
        frame[39] = 26;
        put32(file, first_second + i);
        put32(file, 5);
        put32(file, sizeof frame);
        put32(file, 1500);
        fwrite(frame, sizeof frame, 1, file);
    }
    fclose(file);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - cut), 0);
    return path;
}

/* Reads everything; the numbers and times of the frames rise as they must. */
static size_t read_all(struct capture *c, struct capture_stats *stats)
{
    struct capture_burst burst = { 0 };
    size_t n = 0;
    uint64_t number = 0;

    while (capture_read(c, 0, &burst) == CAPTURE_FRAMES) {
        for (size_t i = 0; i < burst.n; i++) {
            const struct frame *frame = &burst.frames[i];
            assert_true(frame->number > number);
            number = frame->number;
            assert_int_equal(frame->size, 60);
            assert_int_equal(frame->wire_size, 1500);
            assert_int_equal(frame->link_type, LINK_ETHERNET);
            assert_int_equal(frame->bytes[12], 8);
        }
        n += burst.n;
        capture_release(c, &burst);
    }
    capture_burst_fini(&burst);
    capture_stats_get(c, stats);
    return n;
}

static struct capture *open_path(const char *path, const char *filter,
                                 const struct capture_conf *conf)
{
    struct diag diag;

    diag_init(&diag);
    struct capture *c = capture_open_files(path, filter, conf, &diag);
    diag_print(&diag, stderr);
    assert_non_null(c);
    diag_fini(&diag);
    return c;
}

static void a_file_is_read_whole(void **state)
{
    char *path = write_pcap(*state, "a.pcap", 0xa1b2c3d4, 100, 1000, 0);
    struct capture *c = open_path(path, NULL, &plain);
    struct capture_stats stats;

    assert_int_equal(read_all(c, &stats), 1000);
    assert_int_equal(stats.frames, 1000);
    assert_int_equal(stats.files, 1);
    assert_int_equal(stats.file_bytes_read, stats.file_bytes_total);
    assert_false(capture_has_failed(c));
    assert_false(capture_is_live(c));
    capture_close(c);
    free(path);
}

static void times_keep_nanoseconds(void **state)
{
    static const struct {
        uint32_t magic;
        uint64_t fraction_ns;
    } rows[] = { { 0xa1b2c3d4, 5000 }, { 0xa1b23c4d, 5 } };

    for (size_t i = 0; i < 2; i++) {
        char *path = write_pcap(*state, "t.pcap", rows[i].magic, 100, 1, 0);
        struct capture *c = open_path(path, NULL, &plain);
        struct capture_burst burst = { 0 };
        assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
        assert_int_equal(burst.frames[0].time_ns, 100 * NS_PER_SEC + rows[i].fraction_ns);
        capture_release(c, &burst);
        capture_burst_fini(&burst);
        capture_close(c);
        free(path);
    }
}

static void a_file_cut_short_gives_what_is_whole_and_says_so(void **state)
{
    char *path = write_pcap(*state, "a.pcap", 0xa1b2c3d4, 100, 10, 7);
    struct capture *c = open_path(path, NULL, &plain);
    struct capture_stats stats;

    assert_int_equal(read_all(c, &stats), 9);
    assert_true(capture_has_failed(c));
    assert_int_equal(stats.files_broken, 1);
    capture_close(c);
    free(path);
}

static void what_a_filter_refuses_is_counted(void **state)
{
    char *path = write_pcap(*state, "a.pcap", 0xa1b2c3d4, 100, 10, 0);
    struct capture *c = open_path(path, "udp dst port 1003 or udp dst port 1007", &plain);
    struct capture_stats stats;

    assert_int_equal(read_all(c, &stats), 2);
    assert_int_equal(stats.frames, 10);
    assert_int_equal(stats.filtered, 8);
    capture_close(c);
    free(path);
}

/* Dates frame 'at' (from 0) of a file of write_pcap(). */
static void set_second(const char *path, unsigned at, uint32_t second)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, 24 + (long) at * (16 + 60), SEEK_SET), 0);
    put32(file, second);
    fclose(file);
}

/* One frame is dated a year ahead, in whichever place of a burst: it is passed over if
 * another follows that passes the filter; as the last it counts.  Each frame is a second
 * after the one before. */
static void a_frame_dated_far_ahead_does_not_move_the_running_clock(void **state)
{
    static const struct {
        unsigned at;
        const char *filter;
        bool counts;
    } rows[] = {
        { 1, NULL, false }, { 62, NULL, false }, { 63, NULL, false }, { 64, NULL, false },
        { 63, "not dst port 1064", false }, { 127, NULL, false }, { 149, NULL, true },
        { 127, "dst portrange 1000-1127", true },
    };

    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char *path = write_pcap(*state, "a.pcap", 0xa1b2c3d4, 1000, 150, 0);
        struct capture_burst burst = { 0 };
        struct capture_stats stats;

        set_second(path, rows[k].at, 1000 + 365 * 86400);
        struct capture *c = open_path(path, rows[k].filter, &plain);
        while (capture_read(c, 0, &burst) == CAPTURE_FRAMES) {
            for (size_t i = 0; i < burst.n; i++) {
                uint64_t second = burst.frames[i].number - 1;
                uint64_t clock = burst.frames[i].clock_ns / NS_PER_SEC;
                if (second != rows[k].at) {
                    assert_int_equal(clock, second);
                } else if (rows[k].counts) {
                    assert_int_equal(clock, second - 1 + 11 * 86400);
                } else {
                    assert_int_equal(clock, second + 1 + (rows[k].filter != NULL));
                }
            }
            capture_release(c, &burst);
        }
        capture_burst_fini(&burst);
        capture_stats_get(c, &stats);
        assert_int_equal(stats.frames, 150);
        capture_close(c);
        free(path);
    }
}

static void the_running_clock_goes_on_from_file_to_file(void **state)
{
    const struct folder *f = *state;
    struct capture_burst burst = { 0 };

    free(write_pcap(f, "a.pcap", 0xa1b2c3d4, 900, 3, 0));
    free(write_pcap(f, "b.pcap", 0xa1b2c3d4, 100, 3, 0));
    free(write_pcap(f, "c.pcap", 0xa1b2c3d4, 1000, 2, 0));
    struct capture *c = open_path(f->path, NULL, &plain);
    static const uint64_t seconds[] = { 0, 1, 2, 2, 2, 2, 100, 101 };
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
    assert_int_equal(burst.n, 8);
    for (size_t i = 0; i < burst.n; i++) {
        assert_int_equal(burst.frames[i].clock_ns, seconds[i] * NS_PER_SEC);
    }
    capture_release(c, &burst);
    capture_burst_fini(&burst);
    capture_close(c);
}

static void a_folder_is_read_by_name_or_by_time(void **state)
{
    const struct folder *f = *state;
    struct capture_conf by_time = { .sort_by_time = true };
    struct capture_stats stats;

    free(write_pcap(f, "a.pcap", 0xa1b2c3d4, 900, 3, 0));
    free(write_pcap(f, "b.pcap", 0xa1b2c3d4, 100, 3, 0));
    for (unsigned sorted = 0; sorted < 2; sorted++) {
        struct capture *c = open_path(f->path, NULL, sorted ? &by_time : &plain);
        struct capture_burst burst = { 0 };
        assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
        assert_int_equal(burst.frames[0].time_ns / NS_PER_SEC, sorted ? 100 : 900);
        size_t n = burst.n;
        capture_release(c, &burst);
        capture_burst_fini(&burst);
        n += read_all(c, &stats);
        assert_int_equal(n, 6);
        assert_int_equal(stats.files, 2);
        capture_close(c);
    }
}

static void one_broken_file_among_many_does_not_lose_the_others(void **state)
{
    const struct folder *f = *state;
    struct capture_stats stats;
    char *path = xasprintf("%s/b.txt", f->path);
    FILE *file = fopen(path, "w");

    fputs("this is no capture", file);
    fclose(file);
    free(write_pcap(f, "a.pcap", 0xa1b2c3d4, 100, 3, 0));
    free(write_pcap(f, "c.pcap", 0xa1b2c3d4, 200, 3, 0));
    struct capture *c = open_path(f->path, NULL, &plain);
    assert_int_equal(read_all(c, &stats), 6);
    assert_true(capture_has_failed(c));
    capture_close(c);
    free(path);
}

static void what_cannot_be_opened_is_reported_with_its_name(void **state)
{
    const struct folder *f = *state;
    char *path = write_pcap(f, "a.pcap", 0xa1b2c3d4, 100, 1, 0);
    static const char text[] = "this is no capture";
    char *no_pcap = xasprintf("%s/x", f->path);
    FILE *file = fopen(no_pcap, "w");
    const struct {
        const char *path, *filter, *says;
    } rows[] = {
        { "/nonexistent/x.pcap", NULL, "cannot be read" },
        { no_pcap, NULL, "unknown file format" },
        { path, "port hugo", "the filter \"port hugo\" cannot be used" },
    };

    fwrite(text, sizeof text, 1, file);
    fclose(file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct diag diag;
        diag_init(&diag);
        assert_null(capture_open_files(rows[i].path, rows[i].filter, &plain, &diag));
        assert_int_equal(diag.n_errors, 1);
        assert_non_null(strstr(diag.messages[0].text, rows[i].says));
        diag_fini(&diag);
    }
    free(path);
    free(no_pcap);
}

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void) number;
    is_stopped = 1;
}

/* As the sensor catches its signals: a read that waits is begun anew. */
static void stop_in_a_moment(void)
{
    struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART };

    is_stopped = 0;
    capture_stop_on(&is_stopped);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    ualarm(200000, 0);
}

static void a_signal_ends_the_wait_for_a_pipe(void **state)
{
    const struct folder *f = *state;
    char *path = write_pcap(f, "a.pcap", 0xa1b2c3d4, 100, 10, 7);
    char *name = xasprintf("%s/pipe", f->path);
    char *copy = xasprintf("cat '%s' > '%s'", path, name);
    struct capture_stats stats;
    struct diag diag;

    /* Without a writer, then with one that is silent within the tenth record. */
    assert_int_equal(mkfifo(name, 0600), 0);
    diag_init(&diag);
    stop_in_a_moment();
    assert_null(capture_open_files(name, NULL, &plain, &diag));
    assert_non_null(strstr(diag.messages[0].text, "a signal came"));
    diag_fini(&diag);

    FILE *silent = fopen(name, "r+");
    assert_non_null(silent);
    assert_int_equal(system(copy), 0);
    stop_in_a_moment();
    struct capture *c = open_path(name, NULL, &plain);
    assert_int_equal(read_all(c, &stats), 9);
    assert_int_equal(is_stopped, 1);
    assert_false(capture_has_failed(c));
    capture_close(c);
    capture_stop_on(NULL);
    fclose(silent);
    free(copy);
    free(name);
    free(path);
}

/* Bytes of write_pcap(): its file header, then records of 16 and 60. */
#define PCAP_HEAD 24
#define PCAP_RECORD 76

static void a_pipe_gives_what_is_there(void **state)
{
    static const struct {
        size_t n_bytes;         /* Written before each read. */
        size_t n_frames;
        enum capture_status status;
    } rows[] = {
        { 1 * PCAP_RECORD, 1, CAPTURE_FRAMES },
        { 0, 0, CAPTURE_IDLE },
        { 3 * PCAP_RECORD, 3, CAPTURE_FRAMES },
        { 70 * PCAP_RECORD, 64, CAPTURE_FRAMES },
        { 0, 6, CAPTURE_FRAMES },
        { 0, 0, CAPTURE_IDLE },
        { 2 * PCAP_RECORD, 2, CAPTURE_FRAMES },
    };
    const struct folder *f = *state;
    char *path = write_pcap(f, "a.pcap", 0xa1b2c3d4, 100, 76, 0);
    char *name = xasprintf("%s/pipe", f->path);
    uint8_t bytes[PCAP_HEAD + 76 * PCAP_RECORD];
    FILE *file = fopen(path, "rb");
    struct capture_burst burst = { 0 };
    size_t at = PCAP_HEAD;

    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    assert_int_equal(mkfifo(name, 0600), 0);
    FILE *writer = fopen(name, "r+");
    setvbuf(writer, NULL, _IONBF, 0);
    fwrite(bytes, 1, PCAP_HEAD, writer);
    struct capture *c = open_path(name, NULL, &plain);
    assert_true(capture_may_idle(c));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(fwrite(bytes + at, 1, rows[i].n_bytes, writer), rows[i].n_bytes);
        at += rows[i].n_bytes;
        assert_int_equal(capture_read(c, 0, &burst), rows[i].status);
        assert_int_equal(burst.n, rows[i].n_frames);
        capture_release(c, &burst);
    }
    assert_int_equal(at, sizeof bytes);
    fclose(writer);
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_END);
    assert_false(capture_has_failed(c));
    capture_burst_fini(&burst);
    capture_close(c);
    free(name);
    free(path);
}

/* Nothing follows for the moment: then a gap before a frame counts, since the frame cannot
 * be held until it is known what comes. */
static void the_last_frame_of_a_pipe_is_not_held(void **state)
{
    const struct folder *f = *state;
    char *path = write_pcap(f, "a.pcap", 0xa1b2c3d4, 100, 2, 0);
    char *name = xasprintf("%s/pipe", f->path);
    char *copy = xasprintf("cat '%s' > '%s'", path, name);
    struct capture_burst burst = { 0 };

    set_second(path, 1, 500);
    assert_int_equal(mkfifo(name, 0600), 0);
    FILE *silent = fopen(name, "r+");
    assert_int_equal(system(copy), 0);
    struct capture *c = open_path(name, NULL, &plain);
    assert_int_equal(capture_read(c, 0, &burst), CAPTURE_FRAMES);
    assert_int_equal(burst.n, 2);
    assert_int_equal(burst.frames[1].clock_ns, 400 * NS_PER_SEC);
    capture_release(c, &burst);
    capture_burst_fini(&burst);
    capture_close(c);
    fclose(silent);
    free(copy);
    free(name);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_whole, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(times_keep_nanoseconds, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_cut_short_gives_what_is_whole_and_says_so,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_a_filter_refuses_is_counted, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            a_frame_dated_far_ahead_does_not_move_the_running_clock, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(the_running_clock_goes_on_from_file_to_file,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_is_read_by_name_or_by_time, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(one_broken_file_among_many_does_not_lose_the_others,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_reported_with_its_name,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_wait_for_a_pipe, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_pipe_gives_what_is_there, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(the_last_frame_of_a_pipe_is_not_held, make_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
