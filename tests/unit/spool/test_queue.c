/* The queue as its owner sees it: records in and out, restarts, limits, locks, ages. */
#include "tests/unit/spool/spool_test.h"


static void records_come_back_in_order_and_as_they_went_in(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct spool_reader *reader = spool_reader_open(spool, 0);
    struct told told = { 0 };
    struct spool_counters counters;

    (void) state;
    for (int i = 0; i < 50; i++) {
        append_many(spool, (size_t) (i * 7 % 23), SECOND);
        if (i % 3 != 0) {
            assert_int_equal(spool_sync(spool, SECOND), 0);
            assert_int_equal(spool_durable(spool), spool_next(spool));
        }
        if (i % 4 == 0) {
            read_on(reader, &told);
            assert_int_equal(told.next, spool_next(spool) == 1 ? 0 : spool_next(spool));
        }
        if (i % 5 == 0 && told.next != 0) {
            spool_release(spool, told.next);
        }
    }
    read_on(reader, &told);
    assert_int_equal(told.n_records, spool_next(spool) - 1);
    assert_int_equal(told.n_gaps, 0);
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.appended, told.n_records);
    assert_true(counters.syncs > 30);
    assert_true(counters.segments > 2);
    spool_reader_close(reader);
    spool_close(spool, SECOND);
}

static void a_reader_tells_what_is_durable_from_what_is_not(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct told told;

    (void) state;
    append_many(spool, 100, SECOND);
    assert_int_equal(spool_durable(spool), 1);
    told = read_all(spool, 0);
    assert_int_equal(told.n_records, 100);
    assert_int_equal(told.n_durable, 0);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    append_many(spool, 30, SECOND);
    assert_int_equal(spool_durable(spool), 101);
    told = read_all(spool, 0);
    assert_int_equal(told.n_records, 130);
    assert_int_equal(told.n_durable, 100);
    told = read_all(spool, 77);
    assert_int_equal(told.first, 77);
    assert_int_equal(told.n_records, 54);
    assert_int_equal(read_all(spool, 131).n_records, 0);
    assert_int_equal(read_all(spool, 5000).n_records, 0);
    spool_close(spool, SECOND);
}

static void a_reader_begins_at_any_position(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;

    (void) state;
    conf.segment_bytes = 400 << 10;             /* So that a segment has several known places. */
    conf.memory_bytes = 900 << 10;
    conf.max_bytes = 4 << 20;
    spool = open_spool(&conf);
    append_many(spool, 4000, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    for (uint64_t position = 1; position <= 4000; position += 97) {
        struct told told = read_all(spool, position);

        assert_int_equal(told.first, position);
        assert_int_equal(told.n_records, 4001 - position);
        assert_int_equal(told.n_gaps, 0);
    }
    spool_close(spool, SECOND);
    spool = open_spool(&conf);
    assert_int_equal(read_all(spool, 3990).n_records, 11);
    spool_close(spool, SECOND);
}

static void a_restart_goes_on_where_the_last_run_ended(void **state)
{
    struct spool_conf conf = small_conf();
    uint64_t released = 1;

    (void) state;
    for (uint64_t run = 0; run < 60; run++) {
        struct spool *spool = open_spool(&conf);
        struct told told = read_all(spool, 0);

        assert_int_equal(spool_released(spool), released);
        assert_int_equal(spool_durable(spool), spool_next(spool));
        assert_int_equal(told.n_records, spool_next(spool) - released);
        assert_int_equal(told.n_gaps, 0);
        append_many(spool, (size_t) (run * 13 % 40), SECOND);
        if (run % 2 == 0) {
            assert_int_equal(spool_sync(spool, SECOND), 0);
        }
        released += (spool_next(spool) - released) * (run % 5) / 4;
        spool_release(spool, released);
        spool_close(spool, SECOND);
    }
}

static void what_is_released_leaves_the_disk_by_whole_segments(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct spool_counters before, after;

    (void) state;
    append_many(spool, 1000, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_read_counters(spool, &before);
    assert_true(before.segments > 10);
    spool_release(spool, 501);
    assert_true(spool_sync_is_due(spool, SECOND));
    assert_int_equal(spool_sync(spool, SECOND), 0);
    assert_false(spool_sync_is_due(spool, SECOND));
    spool_read_counters(spool, &after);
    assert_int_equal(after.released, 500);
    assert_true(after.segments < before.segments * 6 / 10);
    assert_true(after.bytes < before.bytes * 6 / 10);
    spool_release(spool, 400);                  /* Going back changes nothing. */
    assert_int_equal(spool_released(spool), 501);
    spool_release(spool, UINT64_MAX);           /* Nor is more settled than there is. */
    assert_int_equal(spool_released(spool), 1001);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    assert_true(spool_fill(spool) < 10);
    spool_close(spool, SECOND);
    spool = open_spool(&conf);                  /* Positions go on, though no record is left. */
    assert_int_equal(spool_next(spool), 1001);
    spool_close(spool, SECOND);
}

static void the_released_position_survives_a_crash_or_is_told_again(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool_conf copy = conf;
    struct spool *spool = open_spool(&conf);
    struct told told;
    char command[PATH_SIZE * 2];

    (void) state;
    append_many(spool, 300, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_release(spool, 200);
    assert_int_equal(spool_sync(spool, 5 * SECOND), 0);
    spool_release(spool, 201);                  /* Within a second and frees no segment. */
    assert_int_equal(spool_sync(spool, 5 * SECOND), 0);
    snprintf(command, sizeof command, "cp -r %s %s.copy", conf.folder, conf.folder);
    assert_int_equal(system(command), 0);       /* As a crash would leave it. */
    copy.folder = in_folder("q.copy");
    spool_close(spool, SECOND);
    spool = open_spool(&copy);
    assert_int_equal(spool_released(spool), 200);
    told = read_all(spool, 0);
    assert_int_equal(told.first, 200);
    assert_int_equal(told.n_records, 101);
    spool_close(spool, SECOND);
}

static void a_reader_that_was_overtaken_by_a_release_is_told_so(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct spool_reader *reader = spool_reader_open(spool, 0);
    struct told told = { 0 };

    (void) state;
    append_many(spool, 10, SECOND);
    spool_release(spool, 6);
    read_on(reader, &told);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.gap.reason, SPOOL_GAP_RELEASED);
    assert_int_equal(told.n_lost, 5);
    assert_int_equal(told.n_records, 5);
    spool_reader_close(reader);
    spool_close(spool, SECOND);
}

static void a_full_spool_refuses_and_takes_again_after_a_release(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool_counters counters;
    struct spool *spool;
    uint64_t position, refused = 0;
    enum spool_result result;

    (void) state;
    conf.max_bytes = 4 * conf.segment_bytes;
    spool = open_spool(&conf);
    for (int round = 0; round < 20; round++) {
        while ((result = append_number(spool, spool_next(spool), SECOND, &position)) == SPOOL_OK) {
            if (position % 10 == 0) {
                assert_int_equal(spool_sync(spool, SECOND), 0);
            }
        }
        refused++;
        assert_int_equal(result, SPOOL_FULL);
        assert_true(spool_fill(spool) > 960);
        assert_int_equal(spool_sync(spool, SECOND), 0);
        spool_read_counters(spool, &counters);
        assert_true(counters.bytes <= conf.max_bytes);
        assert_int_equal(counters.refused[SPOOL_FULL], refused);
        spool_release(spool, spool_next(spool) - 40);
        assert_int_equal(spool_sync(spool, SECOND), 0);
        assert_true(spool_fill(spool) < 700);
    }
    spool_close(spool, SECOND);
}

static void memory_that_is_full_asks_for_a_sync(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;
    uint64_t position;
    enum spool_result result;
    struct spool_counters counters;

    (void) state;
    conf.memory_bytes = 20000;
    spool = open_spool(&conf);
    while ((result = append_number(spool, spool_next(spool), SECOND, &position)) == SPOOL_OK) {
    }
    assert_int_equal(result, SPOOL_MEMORY);
    spool_read_counters(spool, &counters);
    assert_true(counters.memory <= 20000);
    assert_true(spool_next(spool) > 50);
    assert_true(spool_sync_is_due(spool, SECOND));
    assert_int_equal(spool_sync(spool, SECOND), 0);
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.memory, 0);
    append_many(spool, 10, SECOND);
    spool_close(spool, SECOND);
}

static void a_record_that_is_too_large_is_refused(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    static uint8_t bytes[2001];
    struct spool_record record = { .payload = slice_of(bytes, 2001) };
    uint64_t position = 0;

    (void) state;
    assert_int_equal(spool_append(spool, &record, &position), SPOOL_TOO_LARGE);
    assert_int_equal(spool_next(spool), 1);
    record.payload.size = 2000;
    assert_int_equal(spool_append(spool, &record, &position), SPOOL_OK);
    record.payload = slice_of(NULL, 0);
    assert_int_equal(spool_append(spool, &record, &position), SPOOL_OK);
    assert_int_equal(position, 2);
    spool_close(spool, SECOND);
}

static void a_sync_is_due_by_number_bytes_and_time(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;

    (void) state;
    conf.sync_records = 10;
    conf.sync_bytes = 5000;
    conf.sync_ns = SECOND;
    spool = open_spool(&conf);
    assert_false(spool_sync_is_due(spool, 100 * SECOND));
    append_many(spool, 9, 100 * SECOND);
    assert_false(spool_sync_is_due(spool, 100 * SECOND + SECOND - 1));
    assert_true(spool_sync_is_due(spool, 101 * SECOND));
    assert_true(spool_sync_is_due(spool, 99 * SECOND));     /* The clock was set back. */
    append_many(spool, 1, 100 * SECOND);
    assert_true(spool_sync_is_due(spool, 100 * SECOND));
    assert_int_equal(spool_sync(spool, 100 * SECOND), 0);
    assert_false(spool_sync_is_due(spool, 200 * SECOND));
    spool_close(spool, SECOND);
    conf.sync_records = 0;
    spool = open_spool(&conf);
    append_many(spool, 9, 100 * SECOND);
    assert_false(spool_sync_is_due(spool, 100 * SECOND));
    append_many(spool, 40, 100 * SECOND);
    assert_true(spool_sync_is_due(spool, 100 * SECOND));
    spool_close(spool, SECOND);
}

static void what_is_too_old_goes_only_when_the_settings_say_so(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool_counters counters;
    struct spool *spool;
    struct told told;

    (void) state;
    conf.max_age_ns = 10 * SECOND;
    spool = open_spool(&conf);
    append_many(spool, 200, 100 * SECOND);
    assert_int_equal(spool_sync(spool, 100 * SECOND), 0);
    append_many(spool, 200, 109 * SECOND);
    assert_int_equal(spool_sync(spool, 109 * SECOND), 0);
    assert_int_equal(spool_sync(spool, 115 * SECOND), 0);
    assert_int_equal(read_all(spool, 0).n_records, 400);
    spool_release(spool, 11);
    spool_close(spool, 115 * SECOND);

    conf.drop_aged = true;
    spool = open_spool(&conf);
    assert_true(spool_sync_is_due(spool, 115 * SECOND));
    assert_int_equal(spool_sync(spool, 115 * SECOND), 0);
    told = read_all(spool, 0);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.gap.reason, SPOOL_GAP_AGED);
    assert_int_equal(told.first, 11);
    assert_true(told.gap.to > 150 && told.gap.to <= 201);
    assert_int_equal(told.n_records + told.n_lost, 390);
    spool_read_counters(spool, &counters);
    assert_int_equal(counters.dropped_aged, told.n_lost);
    spool_close(spool, 115 * SECOND);

    spool = open_spool(&conf);                  /* A restart does not make it silence. */
    told = read_all(spool, 0);
    assert_int_equal(told.gap.reason, SPOOL_GAP_AGED);
    assert_int_equal(told.first, 11);
    assert_int_equal(spool_sync(spool, 200 * SECOND), 0);   /* Now the last one goes too. */
    told = read_all(spool, 0);
    assert_int_equal(told.n_records, 0);
    assert_int_equal(told.n_lost, 390);
    append_many(spool, 1, 200 * SECOND);
    assert_int_equal(spool_next(spool), 402);
    spool_close(spool, 200 * SECOND);
}

static void each_record_has_the_identity_of_the_run_that_appended_it(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct spool_reader *reader;
    struct spool_record record;
    struct spool_gap gap;

    (void) state;
    append_many(spool, 1, SECOND);
    spool_close(spool, SECOND);
    conf.identity = slice_text("run two");
    spool = open_spool(&conf);
    append_many(spool, 1, SECOND);
    spool_close(spool, SECOND);
    conf.identity = slice_of(NULL, 0);
    spool = open_spool(&conf);
    assert_true(slice_is(spool_identity(spool), "run two"));
    append_many(spool, 1, SECOND);
    reader = spool_reader_open(spool, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(spool_reader_next(reader, &record, &gap), SPOOL_READ_RECORD);
        assert_true(slice_is(record.identity, i == 0 ? "run one" : "run two"));
    }
    spool_reader_close(reader);
    spool_close(spool, SECOND);
}

static void refuse_open(const struct spool_conf *conf, const char *why)
{
    struct diag diag;

    diag_init(&diag);
    assert_null(spool_open(conf, &diag));
    assert_int_equal(diag.n_errors, 1);
    if (strstr(diag.messages[0].text, why) == NULL) {
        fail_msg("'%s' does not say '%s'", diag.messages[0].text, why);
    }
    diag_fini(&diag);
}

static void a_second_owner_is_refused_and_told_the_first(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    char why[64];

    (void) state;
    snprintf(why, sizeof why, "in use by process %ld", (long) getpid());
    refuse_open(&conf, why);
    spool_close(spool, SECOND);
    spool_close(open_spool(&conf), SECOND);
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
    struct spool_conf conf = small_conf();

    (void) state;
    assert_int_equal(mkdir(conf.folder, 0700), 0);
    assert_int_equal(chmod(conf.folder, 0720), 0);
    refuse_open(&conf, "others can write");
    assert_int_equal(chmod(conf.folder, 0702), 0);
    refuse_open(&conf, "others can write");
    assert_int_equal(chmod(conf.folder, 0700), 0);
    spool_close(open_spool(&conf), SECOND);
    conf.folder = in_folder("not/there");
    refuse_open(&conf, "cannot be opened");
}

static void files_are_for_the_owner_alone(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct stat st;

    (void) state;
    append_many(spool, 1, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    assert_int_equal(stat(conf.folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(segment_path("q", 1), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_folder("q/state"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    spool_close(spool, SECOND);
}

static void settings_that_cannot_work_are_refused(void **state)
{
    struct spool_conf conf = small_conf();

    (void) state;
    conf.max_record = 0;
    refuse_open(&conf, "max_record");
    conf.max_record = SPOOL_RECORD_LIMIT + 1;
    refuse_open(&conf, "max_record");
    conf.max_record = 8192;
    refuse_open(&conf, "segment_bytes");
    conf = small_conf();
    conf.max_bytes = conf.segment_bytes * 2 - 1;
    refuse_open(&conf, "max_bytes");
    conf = small_conf();
    conf.memory_bytes = 2000;
    refuse_open(&conf, "memory_bytes");
    conf = small_conf();
    conf.identity.size = SPOOL_IDENTITY_MAX + 1;
    refuse_open(&conf, "identity");
}

static void another_version_of_the_format_is_refused(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    uint8_t bytes[STATE_SLOT * 2];
    size_t size;

    (void) state;
    append_many(spool, 3, SECOND);
    spool_close(spool, SECOND);
    size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    bytes[8] = bytes[SEGMENT_COPY + 8] = 2;
    write_file(segment_path("q", 1), bytes, size);
    refuse_open(&conf, "version 2");
    bytes[8] = bytes[SEGMENT_COPY + 8] = 1;
    write_file(segment_path("q", 1), bytes, size);
    size = read_file(in_folder("q/state"), bytes, sizeof bytes);
    bytes[8] = bytes[STATE_SLOT + 8] = 3;
    write_file(in_folder("q/state"), bytes, size);
    refuse_open(&conf, "version 3");
}

static bool count_segment(void *context, const struct spool_segment *segment)
{
    struct told *told = context;

    assert_int_equal(segment->first, told->next == 0 ? 1 : told->next);
    assert_int_equal(segment->last - segment->first + 1, segment->n_records);
    assert_int_equal(segment->first_ns, 3 * SECOND);
    assert_int_equal(segment->last_ns, 3 * SECOND);
    assert_int_equal(segment->n_gaps, 0);
    told->next = segment->last + 1;
    told->n_records += segment->n_records;
    told->n_gaps++;             /* Segments, here. */
    return true;
}

static void a_tool_sees_a_folder_that_its_owner_has_open(void **state)
{
    struct spool_conf conf = small_conf();
    struct spool *spool = open_spool(&conf);
    struct spool_totals totals;
    struct told told, segments = { 0 };
    struct diag diag;

    (void) state;
    append_many(spool, 200, 3 * SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    append_many(spool, 5, 3 * SECOND);
    told = scan_all(conf.folder, &totals);
    assert_int_equal(told.n_records, 200);
    assert_int_equal(totals.n_records, 200);
    assert_int_equal(totals.next, 201);
    assert_int_equal(totals.n_gaps, 0);
    diag_init(&diag);
    assert_true(spool_verify(conf.folder, NULL, NULL, &totals, &diag));
    assert_true(spool_list(conf.folder, count_segment, &segments, &diag));
    assert_int_equal(segments.n_records, 200);
    assert_int_equal(segments.n_gaps, totals.n_segments);
    assert_false(spool_verify(in_folder("nothing"), NULL, NULL, &totals, &diag));
    assert_int_equal(diag.n_errors, 1);
    diag_fini(&diag);
    spool_close(spool, SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        spool_test(records_come_back_in_order_and_as_they_went_in),
        spool_test(a_reader_tells_what_is_durable_from_what_is_not),
        spool_test(a_reader_begins_at_any_position),
        spool_test(a_restart_goes_on_where_the_last_run_ended),
        spool_test(what_is_released_leaves_the_disk_by_whole_segments),
        spool_test(the_released_position_survives_a_crash_or_is_told_again),
        spool_test(a_reader_that_was_overtaken_by_a_release_is_told_so),
        spool_test(a_full_spool_refuses_and_takes_again_after_a_release),
        spool_test(memory_that_is_full_asks_for_a_sync),
        spool_test(a_record_that_is_too_large_is_refused),
        spool_test(a_sync_is_due_by_number_bytes_and_time),
        spool_test(what_is_too_old_goes_only_when_the_settings_say_so),
        spool_test(each_record_has_the_identity_of_the_run_that_appended_it),
        spool_test(a_second_owner_is_refused_and_told_the_first),
        spool_test(a_folder_that_others_can_write_is_refused),
        spool_test(files_are_for_the_owner_alone),
        spool_test(settings_that_cannot_work_are_refused),
        spool_test(another_version_of_the_format_is_refused),
        spool_test(a_tool_sees_a_folder_that_its_owner_has_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
