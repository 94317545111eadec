/* What a crash or a bad disk leaves: everything readable is delivered, everything else named. */
#include "tests/unit/spool/spool_test.h"

#define FILE_MAX 65536

static int sync_nothing(int fd)
{
    (void) fd;
    return 0;
}

/* Some thousands of starts: none of these tests is about what the disk has of them. */
static struct spool *open_quick(const struct spool_conf *conf)
{
    static struct spool_io io;

    io = spool_io_real;
    io.fdatasync = io.fsync = sync_nothing;
    return open_spool_with(conf, &io);
}

/* A spool of 'n' records in folder "q", closed; small segments, so that there are some. */
static struct spool_conf make_spool(size_t n, uint64_t segment_bytes)
{
    struct spool_conf conf = small_conf();
    struct spool *spool;

    conf.segment_bytes = segment_bytes;
    conf.max_record = 600;
    spool = open_quick(&conf);
    append_many(spool, n, SECOND);
    spool_close(spool, SECOND);
    return conf;
}

/* Offsets where the records of a segment's bytes begin; returns how many. */
static size_t find_records(const uint8_t *bytes, size_t size, size_t *offsets, size_t max)
{
    size_t n = 0;

    for (size_t at = SEGMENT_HEADER; at < size; n++) {
        assert_true(n < max);
        offsets[n] = at;
        at += record_size(record_payload_size(bytes + at));
    }
    return n;
}

static void a_write_torn_at_any_byte_of_the_last_record_is_cut(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(12, 8192);
    size_t offsets[64], size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    size_t n = find_records(bytes, size, offsets, 64);

    (void) state;
    assert_int_equal(n, 12);
    for (size_t cut = offsets[11]; cut < size; cut++) {
        struct spool_counters counters;
        struct spool *spool;
        struct stat st;
        struct told told;

        remove_files(conf.folder);
        write_file(segment_path("q", 1), bytes, cut);
        spool = open_quick(&conf);
        assert_int_equal(spool_next(spool), 12);
        assert_int_equal(stat(segment_path("q", 1), &st), 0);
        assert_int_equal(st.st_size, offsets[11]);
        spool_read_counters(spool, &counters);
        assert_int_equal(counters.torn_bytes, cut - offsets[11]);
        assert_int_equal(counters.gaps[SPOOL_GAP_TORN], cut != offsets[11]);
        assert_int_equal(counters.recovered, 11);
        append_many(spool, 2, SECOND);
        assert_int_equal(spool_sync(spool, SECOND), 0);
        told = read_all(spool, 0);
        assert_int_equal(told.n_records, 13);
        assert_int_equal(told.n_gaps, 0);
        spool_close(spool, SECOND);
    }
}

static void a_segment_torn_at_any_byte_of_its_header_is_removed(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(60, 4096);
    uint64_t first = 0, *firsts;
    size_t n;
    int fd = open(conf.folder, O_RDONLY | O_DIRECTORY);

    (void) state;
    assert_true(segment_find_all(fd, &firsts, &n));
    first = firsts[n - 1];
    close(fd);
    free(firsts);
    assert_int_equal(read_file(segment_path("q", first), bytes, SEGMENT_HEADER + 1),
                     SEGMENT_HEADER + 1);
    for (size_t cut = 0; cut <= SEGMENT_HEADER + 1; cut++) {
        struct spool *spool;

        write_file(segment_path("q", first), bytes, cut);
        spool = open_quick(&conf);
        assert_int_equal(spool_next(spool), first);
        assert_int_not_equal(access(segment_path("q", first), F_OK), 0);
        assert_int_equal(read_all(spool, 0).n_records, first - 1);
        assert_int_equal(read_all(spool, 0).n_gaps, 0);
        spool_close(spool, SECOND);
    }
}

/* With a bit of byte 'at' flipped in the first of several segments: the records besides the one
 * that has the byte are there, and one gap tells of it. */
static void check_flip(const char *folder, struct spool *spool, size_t at, const size_t *offsets,
                       size_t n_first, size_t n_all)
{
    struct spool_totals totals;
    struct told told = scan_all(folder, &totals), read = read_all(spool, 1);
    size_t lost = 0;

    for (size_t i = 0; i < n_first; i++) {
        lost = at >= offsets[i] ? i + 1 : lost;
    }
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.n_records, n_all - (lost != 0));
    assert_int_equal(told.n_lost, lost != 0);
    assert_int_equal(totals.n_gaps, 1);
    assert_string_equal(told.gap.file, "00000000000000000001.seg");
    if (lost != 0) {
        assert_int_equal(told.gap.reason, SPOOL_GAP_DAMAGE);
        assert_int_equal(told.gap.from, lost);
        assert_int_equal(told.gap.offset, offsets[lost - 1]);
    } else {
        assert_int_equal(told.gap.reason, SPOOL_GAP_HEADER);
    }
    assert_int_equal(read.n_gaps, 1);
    assert_int_equal(read.n_records, told.n_records);
    assert_int_equal(read.gap.reason, told.gap.reason);
    assert_int_equal(read.gap.from, told.gap.from);
    assert_int_equal(read.gap.offset, told.gap.offset);
}

static void a_flipped_bit_anywhere_loses_one_record_at_most_and_is_told_once(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(24, 2500);
    struct spool *spool = open_quick(&conf);    /* The damage comes while it is open. */
    size_t offsets[64], size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    size_t n = find_records(bytes, size, offsets, 64);

    (void) state;
    assert_true(n >= 5 && n < 20);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (uint8_t) (1 << at % 8);
        write_file(segment_path("q", 1), bytes, size);
        check_flip(conf.folder, spool, at, offsets, n, 24);
        bytes[at] ^= (uint8_t) (1 << at % 8);
    }
    spool_close(spool, SECOND);
}

static void a_flipped_bit_in_the_last_segment_does_not_cut_what_is_behind_it(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(10, 8192);
    size_t offsets[64], size = read_file(segment_path("q", 1), bytes, sizeof bytes);

    (void) state;
    assert_int_equal(find_records(bytes, size, offsets, 64), 10);
    for (size_t at = SEGMENT_HEADER; at < size; at++) {
        struct spool_counters counters;
        struct spool *spool;
        struct told told;

        bytes[at] ^= 0x10;
        remove_files(conf.folder);
        write_file(segment_path("q", 1), bytes, size);
        bytes[at] ^= 0x10;
        spool = open_quick(&conf);
        told = read_all(spool, 0);
        spool_read_counters(spool, &counters);
        assert_int_equal(told.n_records, 9);
        /* Of the very last record nobody can tell a torn write from damage. */
        assert_int_equal(told.n_gaps, at < offsets[9]);
        assert_int_equal(counters.gaps[SPOOL_GAP_TORN], at >= offsets[9]);
        assert_int_equal(spool_next(spool), at < offsets[9] ? 11 : 10);
        spool_close(spool, SECOND);
    }
}

static void a_segment_cut_at_any_byte_has_one_gap_to_its_end(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(24, 2500);
    struct spool *spool = open_quick(&conf);
    size_t offsets[64], size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    size_t n = find_records(bytes, size, offsets, 64);

    (void) state;
    for (size_t cut = SEGMENT_HEADER; cut < size; cut++) {
        struct told told;
        size_t whole = 0;

        while (whole + 1 < n && offsets[whole + 1] <= cut) {
            whole++;
        }
        write_file(segment_path("q", 1), bytes, cut);
        told = read_all(spool, 1);
        assert_int_equal(told.n_gaps, 1);
        assert_int_equal(told.gap.from, whole + 1);
        assert_int_equal(told.gap.to, n + 1);
        assert_int_equal(told.n_records, 24 - (n - whole));
    }
    spool_close(spool, SECOND);
}

static void a_missing_segment_is_a_gap_of_its_positions(void **state)
{
    struct spool_conf conf = make_spool(100, 2500);
    int fd = open(conf.folder, O_RDONLY | O_DIRECTORY);
    struct spool_totals totals;
    struct spool *spool;
    uint64_t *firsts;
    struct told told;
    size_t n;

    (void) state;
    assert_true(segment_find_all(fd, &firsts, &n));
    assert_true(n > 5);
    assert_int_equal(unlink(segment_path("q", firsts[2])), 0);
    told = scan_all(conf.folder, &totals);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.gap.from, firsts[2]);
    assert_int_equal(told.gap.to, firsts[3]);
    spool = open_quick(&conf);
    told = read_all(spool, 0);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.gap.reason, SPOOL_GAP_MISSING);
    assert_int_equal(told.gap.from, firsts[2]);
    assert_int_equal(told.gap.to, firsts[3]);
    assert_int_equal(told.n_records, 100 - told.n_lost);
    assert_int_equal(unlink(segment_path("q", firsts[0])), 0);  /* Under the owner. */
    told = read_all(spool, 0);
    assert_int_equal(told.n_gaps, 2);
    assert_int_equal(told.first, 1);
    spool_close(spool, SECOND);
    spool = open_quick(&conf);                  /* The first one: not settled, so missing. */
    told = read_all(spool, 0);
    assert_int_equal(told.n_gaps, 2);
    assert_int_equal(told.first, 1);
    spool_close(spool, SECOND);
    free(firsts);
    close(fd);
}

static void a_record_within_a_payload_is_never_taken_for_one(void **state)
{
    static uint8_t bytes[FILE_MAX], inner[400];
    struct spool_conf conf = small_conf();
    struct spool *spool = open_quick(&conf);
    struct spool_record forged = { .position = 2, .payload = slice_text("forged") };
    struct spool_record outer = { .payload = slice_of(inner, sizeof inner) }, record;
    struct spool_gap gap;
    struct spool_reader *reader;
    uint64_t position;
    size_t size;

    (void) state;
    /* As a capture of another spool's file would bring it: whole, but of another salt. */
    record_write(&forged, 12345, inner + 100);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(spool_append(spool, &outer, &position), SPOOL_OK);
    }
    assert_int_equal(spool_sync(spool, SECOND), 0);
    size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    bytes[SEGMENT_HEADER + record_size(400)] ^= 1;      /* The head of the second is lost. */
    write_file(segment_path("q", 1), bytes, size);
    reader = spool_reader_open(spool, 2);
    assert_int_equal(spool_reader_next(reader, &record, &gap), SPOOL_READ_GAP);
    assert_int_equal(gap.from, 2);
    assert_int_equal(gap.to, 3);
    assert_int_equal(spool_reader_next(reader, &record, &gap), SPOOL_READ_RECORD);
    assert_int_equal(record.position, 3);
    spool_reader_close(reader);
    spool_close(spool, SECOND);
}

static void a_length_beyond_the_limit_is_damage_and_takes_no_memory(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = small_conf();
    struct spool *spool = open_quick(&conf);
    struct spool_totals totals;
    struct told told;
    size_t size;
    struct spool_record huge = { .position = 2 };
    struct segment_header header;
    uint32_t version;
    int fd;

    (void) state;
    append_many(spool, 5, SECOND);
    assert_int_equal(spool_sync(spool, SECOND), 0);
    size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    fd = open(segment_path("q", 1), O_RDONLY);
    assert_int_equal(segment_read_header(fd, 1, &header, &version), HEADER_GOOD);
    close(fd);
    /* Its head is whole, by the right salt, and says 60,000 bytes. */
    static uint8_t large[FILE_MAX];
    huge.payload = slice_of(bytes, 60000);
    record_write(&huge, header.salt, large);
    memcpy(bytes + SEGMENT_HEADER + record_size(record_payload_size(bytes + SEGMENT_HEADER)),
           large, RECORD_HEADER);
    write_file(segment_path("q", 1), bytes, size);
    told = read_all(spool, 0);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.n_records, 4);
    told = scan_all(conf.folder, &totals);
    assert_int_equal(told.n_lost, 1);
    spool_close(spool, SECOND);
}

static void a_lost_state_tells_records_again_and_loses_none(void **state)
{
    static uint8_t bytes[STATE_SLOT * 2];
    struct spool_conf conf = make_spool(50, 4096);
    struct spool *spool = open_quick(&conf);
    size_t size;

    (void) state;
    spool_release(spool, 45);
    spool_close(spool, SECOND);
    size = read_file(in_folder("q/state"), bytes, sizeof bytes);
    bytes[20] ^= 1;
    write_file(in_folder("q/state"), bytes, size);
    spool = open_quick(&conf);                  /* The other copy, or this one, is whole. */
    assert_true(spool_released(spool) <= 45);
    assert_int_equal(spool_next(spool), 51);
    spool_close(spool, SECOND);
    assert_int_equal(unlink(in_folder("q/state")), 0);
    spool = open_quick(&conf);
    assert_true(spool_released(spool) <= 45);
    assert_int_equal(spool_next(spool), 51);
    assert_int_equal(read_all(spool, 0).next, 51);
    assert_int_equal(read_all(spool, 0).n_gaps, 0);
    spool_close(spool, SECOND);
}

static void without_any_header_and_state_nothing_is_thrown_away(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(5, 8192);
    size_t size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    struct diag diag;

    (void) state;
    memset(bytes, 0, SEGMENT_HEADER);
    write_file(segment_path("q", 1), bytes, size);
    assert_int_equal(unlink(in_folder("q/state")), 0);
    diag_init(&diag);
    assert_null(spool_open(&conf, &diag));
    assert_int_equal(diag.n_errors, 1);
    diag_fini(&diag);
    assert_int_equal(access(segment_path("q", 1), F_OK), 0);
}

static void a_lost_header_alone_loses_no_record(void **state)
{
    static uint8_t bytes[FILE_MAX];
    struct spool_conf conf = make_spool(5, 8192);
    size_t size = read_file(segment_path("q", 1), bytes, sizeof bytes);
    struct spool *spool;
    struct told told;

    (void) state;
    memset(bytes, 0, SEGMENT_HEADER);
    write_file(segment_path("q", 1), bytes, size);
    spool = open_quick(&conf);
    told = read_all(spool, 0);
    assert_int_equal(told.n_records, 5);
    assert_int_equal(told.n_gaps, 1);
    assert_int_equal(told.gap.reason, SPOOL_GAP_HEADER);
    spool_close(spool, SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        spool_test(a_write_torn_at_any_byte_of_the_last_record_is_cut),
        spool_test(a_segment_torn_at_any_byte_of_its_header_is_removed),
        spool_test(a_flipped_bit_anywhere_loses_one_record_at_most_and_is_told_once),
        spool_test(a_flipped_bit_in_the_last_segment_does_not_cut_what_is_behind_it),
        spool_test(a_segment_cut_at_any_byte_has_one_gap_to_its_end),
        spool_test(a_missing_segment_is_a_gap_of_its_positions),
        spool_test(a_record_within_a_payload_is_never_taken_for_one),
        spool_test(a_length_beyond_the_limit_is_damage_and_takes_no_memory),
        spool_test(a_lost_state_tells_records_again_and_loses_none),
        spool_test(without_any_header_and_state_nothing_is_thrown_away),
        spool_test(a_lost_header_alone_loses_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
