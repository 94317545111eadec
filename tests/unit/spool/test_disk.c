/* A disk that is full or fails, the order of what is done to it, threads, and kill -9. */
#include "tests/unit/spool/spool_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* A disk with switches, and a trace of what was asked of it. */
static struct {
    struct spool *spool;        /* NULL: not watched. */
    int write_error, sync_error, reserve_error, truncate_error;     /* 0: works. */
    long fail_after;            /* Bytes written before write_error strikes. */
    size_t unsynced;            /* Bytes written since the last fdatasync. */
    bool folder_is_synced;
    uint64_t durable;           /* As the spool said at the last step. */
    unsigned n_writes, n_syncs, n_folder_syncs;
} disk;

/* Nothing may have become durable by anything but an fdatasync. */
static void check_not_sooner(void)
{
    if (disk.spool != NULL) {
        assert_int_equal(spool_durable(disk.spool), disk.durable);
    }
}

static ssize_t test_write(int fd, const void *bytes, size_t size)
{
    check_not_sooner();
    disk.n_writes++;
    if (disk.write_error != 0) {
        if (disk.fail_after < (long) size) {
            ssize_t n = disk.fail_after > 0 ? write(fd, bytes, (size_t) disk.fail_after) : -1;

            disk.fail_after = 0;
            errno = disk.write_error;
            return n;
        }
        disk.fail_after -= (long) size;
    }
    disk.unsynced += size;
    return write(fd, bytes, size);
}

static int test_fdatasync(int fd)
{
    check_not_sooner();
    disk.n_syncs++;
    if (disk.sync_error != 0) {
        errno = disk.sync_error;
        return -1;
    }
    disk.unsynced = 0;
    return fdatasync(fd);
}

static int test_fsync(int fd)
{
    check_not_sooner();
    disk.n_folder_syncs++;
    disk.folder_is_synced = true;
    return fsync(fd);
}

static int test_reserve(int fd, off_t size)
{
    errno = disk.reserve_error;
    return disk.reserve_error != 0 ? -1 : spool_io_real.reserve(fd, size);
}

static int test_truncate(int fd, off_t size)
{
    errno = disk.truncate_error;
    return disk.truncate_error != 0 ? -1 : ftruncate(fd, size);
}

static const struct spool_io test_io = {
    test_write, test_fdatasync, test_fsync, test_reserve, test_truncate,
};

static struct spool *open_test_disk(const struct spool_conf *conf)
{
    memset(&disk, 0, sizeof disk);
    return open_spool_with(conf, &test_io);
}

static void nothing_is_durable_before_its_fdatasync(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_test_disk(&conf);

    (void) state;
    disk.spool = spool;
    for (int i = 0; i < 40; i++) {
        /* Within one segment, so that this sync is one step; the first makes a file. */
        append_many(spool, 10, SECOND);
        disk.durable = spool_durable(spool);
        disk.n_syncs = disk.n_writes = disk.n_folder_syncs = 0;
        bool is_new_file = spool->active_fd < 0;
        uint64_t room = is_new_file ? conf.segment_bytes : conf.segment_bytes - spool->active_size;

        if (spool->pending_bytes > room) {
            disk.spool = NULL;                  /* Two files: durable twice. */
        }
        assert_int_equal(spool_sync(spool, SECOND), 0);
        assert_int_equal(disk.unsynced, 0);
        assert_int_equal(spool_durable(spool), spool_next(spool));
        if (disk.spool != NULL) {
            assert_int_equal(disk.n_syncs, 1);
            assert_int_equal(disk.n_folder_syncs, is_new_file);
            assert_int_equal(disk.n_writes, is_new_file ? 2 : 1);
        } else {
            assert_int_equal(disk.n_syncs, 2);
            assert_int_equal(disk.n_folder_syncs, 1);
        }
        disk.spool = spool;
    }
    disk.spool = NULL;
    spool_close(spool, SECOND);
}

static void after_a_failed_fdatasync_all_is_written_again_elsewhere(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_test_disk(&conf);
    struct spool_counters counters;
    struct told told;

    (void) state;
    conf.segment_bytes = 8192;
    for (int truncate_error = 0; truncate_error <= EIO; truncate_error += EIO) {
        uint64_t next = spool_next(spool);

        append_many(spool, 7, SECOND);
        assert_int_equal(spool_sync(spool, SECOND), 0);
        append_many(spool, 8, SECOND);
        disk.sync_error = EIO;
        disk.truncate_error = truncate_error;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(spool_sync(spool, SECOND), -EIO);
            assert_int_equal(spool_durable(spool), next + 7);
            assert_false(spool_sync_is_due(spool, SECOND + 1000));
            assert_true(spool_sync_is_due(spool, 2 * SECOND));
        }
        append_many(spool, 5, SECOND);          /* While memory lasts it goes on. */
        told = read_all(spool, 0);
        assert_int_equal(told.n_records, next + 19);
        assert_int_equal(told.n_durable, next + 6);
        disk.sync_error = disk.truncate_error = 0;
        assert_int_equal(spool_sync(spool, SECOND), 0);
        assert_int_equal(spool_durable(spool), next + 20);
        assert_int_equal(access(segment_path("q", next + 7), F_OK), 0);
        told = read_all(spool, 0);
        assert_int_equal(told.n_records, next + 19);
        assert_int_equal(told.n_durable, next + 19);
        assert_int_equal(told.n_gaps, 0);
    }
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.sync_failures, 6);
    spool_close(spool, SECOND);
    spool = open_spool(&conf);                  /* What the failed file still has is not told. */
    told = read_all(spool, 0);
    assert_int_equal(told.n_records, 40);
    assert_int_equal(told.n_gaps, 0);
    spool_close(spool, SECOND);
}

static void a_disk_that_goes_on_failing_refuses_when_memory_is_full(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;
    enum spool_result result;
    uint64_t position, n;

    (void) state;
    conf.memory_bytes = 20000;
    spool = open_test_disk(&conf);
    disk.sync_error = EIO;
    append_many(spool, 5, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), -EIO);
    while ((result = append_number(spool, spool_next(spool), SECOND, &position)) == SPOOL_OK) {
    }
    assert_int_equal(result, SPOOL_BROKEN);
    n = spool_next(spool) - 1;
    disk.sync_error = 0;
    assert_int_equal(spool_sync(spool, SECOND), 0);
    append_many(spool, 5, SECOND);
    assert_int_equal(read_all(spool, 0).n_records, n + 5);
    spool_close(spool, SECOND);
}

static void a_full_disk_refuses_and_takes_again_when_there_is_room(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_test_disk(&conf);
    struct spool_counters counters;
    uint64_t position, refused = 0;

    (void) state;
    for (long fail_after = 0; fail_after < 3000; fail_after += 61) {
        uint64_t durable = spool_durable(spool);

        append_many(spool, 12, SECOND);
        disk.write_error = ENOSPC;
        disk.fail_after = fail_after;
        if (spool_sync(spool, SECOND) == -ENOSPC) {
            assert_true(spool_durable(spool) >= durable);   /* A segment may have been closed. */
            assert_true(spool_durable(spool) < spool_next(spool));
            assert_int_equal(append_number(spool, 1, SECOND, &position), SPOOL_NO_SPACE);
            refused++;
        }
        disk.write_error = 0;
        assert_int_equal(spool_sync(spool, SECOND), 0);
        assert_int_equal(read_all(spool, 0).n_records, spool_next(spool) - 1);
    }
    assert_true(refused > 20);
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.refused[SPOOL_NO_SPACE], refused);
    disk.reserve_error = ENOSPC;                /* Told early: before a byte is written. */
    disk.n_writes = 0;
    append_many(spool, 60, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), -ENOSPC);
    disk.reserve_error = EOPNOTSUPP;            /* And no harm where that cannot be done. */
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_close(spool, SECOND);
    spool = open_spool(&conf);
    assert_int_equal(read_all(spool, 0).n_gaps, 0);
    assert_int_equal(read_all(spool, 0).n_records, spool_next(spool) - 1);
    spool_close(spool, SECOND);
}

static void a_small_file_system_that_is_full_loses_nothing_that_was_durable(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;
    struct told told;
    uint64_t position, durable;
    int error = 0;

    (void) state;
    assert_int_equal(mkdir(in_folder("disk"), 0700), 0);
    if (mount("tmpfs", in_folder("disk"), "tmpfs", 0, "size=300k") != 0) {
        rmdir(in_folder("disk"));
        skip();
    }
    conf.folder = in_folder("disk/q");
    conf.segment_bytes = 32768;
    conf.max_bytes = 4 << 20;
    spool = open_spool(&conf);
    for (int i = 0; i < 1000 && error == 0; i++) {
        append_many(spool, 20, SECOND);
        error = spool_sync(spool, SECOND);
    }
    assert_int_equal(error, -ENOSPC);
    durable = spool_durable(spool);
    assert_true(durable > 500);
    assert_int_equal(append_number(spool, 1, SECOND, &position), SPOOL_NO_SPACE);
    told = read_all(spool, 0);
    assert_int_equal(told.n_durable, durable - 1);
    assert_int_equal(told.n_records, spool_next(spool) - 1);
    spool_release(spool, 400);                  /* Which is kept although the disk is full. */
    assert_int_equal(spool_sync(spool, SECOND), 0);
    append_many(spool, 20, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_close(spool, SECOND);
    spool = open_spool(&conf);
    told = read_all(spool, 0);
    assert_int_equal(told.first, 400);
    assert_int_equal(told.n_gaps, 0);
    assert_int_equal(told.next, spool_next(spool));
    spool_close(spool, SECOND);
    assert_int_equal(umount(in_folder("disk")), 0);
}

static void a_state_that_cannot_be_kept_removes_no_segment(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_test_disk(&conf);
    struct spool_counters counters;
    uint64_t segments;

    (void) state;
    append_many(spool, 200, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_read_counters(spool, &counters);
    segments = counters.segments;
    spool_release(spool, 150);
    disk.sync_error = EIO;
    assert_int_equal(spool_sync(spool, SECOND), -EIO);
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.segments, segments);
    assert_int_equal(access(segment_path("q", 1), F_OK), 0);
    disk.sync_error = 0;
    assert_int_equal(spool_sync(spool, SECOND), 0);
    assert_int_not_equal(access(segment_path("q", 1), F_OK), 0);
    spool_close(spool, SECOND);
}

/* One thread appends and syncs, one reads and releases; each record comes once and in order. */
#define N_BESIDE 20000
struct beside {
    struct spool *spool;
    atomic_bool is_done;
};

static void *append_beside(void *argument)
{
    struct beside *beside = argument;
    uint64_t position;

    for (uint64_t n = 1; n <= N_BESIDE;) {
        if (append_number(beside->spool, n, n * 1000, &position) == SPOOL_OK) {
            n++;
            if (n % 64 != 0 || !spool_sync_is_due(beside->spool, n * 1000)) {
                continue;
            }
        }
        spool_sync(beside->spool, n * 1000);
    }
    spool_sync(beside->spool, SECOND);
    beside->is_done = true;
    return NULL;
}

static void a_reader_keeps_up_beside_an_appender(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool_reader *reader, *second;
    struct told told = { 0 }, again = { 0 };
    struct beside beside = { 0 };
    unsigned n_passes = 0;
    struct spool_totals totals;
    struct diag diag;
    pthread_t thread;
    bool is_over;

    (void) state;
    conf.segment_bytes = 65536;
    conf.sync_records = 200;
    diag_init(&diag);
    beside.spool = open_spool(&conf);
    reader = spool_reader_open(beside.spool, 0);
    second = spool_reader_open(beside.spool, 0);
    assert_int_equal(pthread_create(&thread, NULL, append_beside, &beside), 0);
    do {
        is_over = beside.is_done;
        read_on(reader, &told);
        if (n_passes % 64 == 0) {               /* A tool looks at it meanwhile. */
            assert_true(spool_verify(conf.folder, NULL, NULL, &totals, &diag));
        }
        if (n_passes++ % 3 == 0) {              /* The second is behind now and then: files. */
            read_on(second, &again);
            spool_release(beside.spool, again.next < told.next ? again.next : told.next);
        }
        assert_true(spool_durable(beside.spool) <= spool_next(beside.spool));
        usleep(100);                            /* A mutex is not fair to those who wait. */
    } while (!is_over);
    pthread_join(thread, NULL);
    read_on(second, &again);
    assert_int_equal(told.n_records, N_BESIDE);
    assert_int_equal(told.n_gaps, 0);
    assert_int_equal(again.n_records, N_BESIDE);
    assert_int_equal(again.n_gaps, 0);
    spool_reader_close(reader);
    spool_reader_close(second);
    spool_close(beside.spool, SECOND);
}

/* The child: appends, syncs, and says through the pipe what is durable, until it is killed. */
static _Noreturn void run_child(const struct spool_conf *conf, int out)
{
    struct diag diag;
    struct spool *spool;
    uint64_t position, durable;

    diag_init(&diag);
    spool = spool_open(conf, &diag);
    for (uint64_t n = 0; spool != NULL; n++) {
        if (append_number(spool, spool_next(spool), SECOND, &position) != SPOOL_OK
            || n % 17 == 0) {
            spool_sync(spool, SECOND);
            durable = spool_durable(spool);
            if (write(out, &durable, sizeof durable) != sizeof durable) {
                break;
            }
            if (n % 5 == 0 && durable > 200) {
                spool_release(spool, durable - 100);
            }
        }
    }
    _exit(1);
}

static void what_was_called_durable_is_there_after_kill_9(void **state)
{
    struct spool_conf conf = small_conf();

    (void) state;
    for (int i = 0; i < 30; i++) {
        uint64_t durable = 0, said;
        struct spool_totals totals;
        struct spool *spool;
        struct told told;
        int ends[2], status;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            run_child(&conf, ends[1]);
        }
        close(ends[1]);
        for (int n = 0; n < 3 + i * 2; n++) {   /* Some syncs, then at any moment. */
            assert_int_equal(read(ends[0], &durable, sizeof durable), sizeof durable);
        }
        usleep((useconds_t) (i * 137 % 1500));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &said, sizeof said) == sizeof said) {
            durable = said;
        }
        close(ends[0]);
        scan_all(conf.folder, &totals);
        assert_int_equal(totals.n_gaps, 0);     /* A torn end at most. */
        assert_true(totals.next >= durable);
        spool = open_spool(&conf);
        assert_true(spool_next(spool) >= durable);
        assert_true(spool_released(spool) <= durable);
        told = read_all(spool, 0);
        assert_int_equal(told.first, spool_released(spool));
        assert_int_equal(told.n_gaps, 0);
        assert_int_equal(told.next, spool_next(spool));
        spool_close(spool, SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        spool_test(nothing_is_durable_before_its_fdatasync),
        spool_test(after_a_failed_fdatasync_all_is_written_again_elsewhere),
        spool_test(a_disk_that_goes_on_failing_refuses_when_memory_is_full),
        spool_test(a_full_disk_refuses_and_takes_again_when_there_is_room),
        spool_test(a_small_file_system_that_is_full_loses_nothing_that_was_durable),
        spool_test(a_state_that_cannot_be_kept_removes_no_segment),
        spool_test(a_reader_keeps_up_beside_an_appender),
        spool_test(what_was_called_durable_is_there_after_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
