/* fuzz deps: spool_dep */
/* Segments of a spool as a bad disk may have them: recovery, reader and tool.  The first byte
 * says whether the sums of what looks like records are put right (bit 0), whether the header is
 * of the input too (bit 1) and whether a second segment begins in the middle (bit 2). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/spool/spool_private.h"

#define SALT 7
#define INPUT_MAX 8192
#define PATH_SIZE 128

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char folder[64];

static void make_path(const char *name, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

static void remove_all(void)
{
    char path[PATH_SIZE], name[SPOOL_NAME_SIZE];
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    uint64_t *firsts;
    size_t n;

    if (!segment_find_all(fd, &firsts, &n)) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        segment_name(firsts[i], name);
        unlinkat(fd, name, 0);
    }
    free(firsts);
    close(fd);
    make_path("state", path);
    unlink(path);
}

static void remove_folder(void)
{
    char path[PATH_SIZE];

    remove_all();
    make_path("lock", path);
    unlink(path);
    rmdir(folder);
}

/* Puts the sums right, so that more than the first comparison is tried. */
static void mend(uint8_t *bytes, size_t size)
{
    static uint8_t copy[INPUT_MAX];
    struct spool_record record;

    for (size_t at = 0; at + record_size(0) <= size; at++) {
        if (memcmp(bytes + at, "SPZ1", 4) != 0
            || record_payload_size(bytes + at) > size - at - record_size(0)) {
            continue;
        }
        memcpy(copy, bytes + at, size - at);
        record_parse(copy, &record);
        record_write(&record, SALT, bytes + at);
        at += record_size(record.payload.size) - 1;
    }
}

static void write_segment(uint64_t first, bool has_header, const uint8_t *bytes, size_t size)
{
    struct segment_header header = { .first = first, .salt = SALT };
    uint8_t head[SEGMENT_HEADER];
    char path[PATH_SIZE], name[SPOOL_NAME_SIZE];
    int fd;

    segment_name(first, name);
    make_path(name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    segment_write_header(&header, head);
    if ((!has_header && write(fd, head, sizeof head) != sizeof head)
        || write(fd, bytes, size) != (ssize_t) size) {
        abort();
    }
    close(fd);
}

/* Reads to the end: positions go up without a hole that no gap names.  Returns the records. */
static uint64_t read_all(struct spool *spool, uint64_t from)
{
    struct spool_reader *reader = spool_reader_open(spool, 0);
    uint64_t next = from, n = 0;
    struct spool_record record;
    struct spool_gap gap;
    enum spool_read read;

    while ((read = spool_reader_next(reader, &record, &gap)) != SPOOL_READ_NONE) {
        if (read == SPOOL_READ_GAP) {
            if (gap.from != next || gap.to < gap.from) {
                abort();
            }
            next = gap.to;
        } else {
            if (record.position != next || record.payload.size > INPUT_MAX) {
                abort();
            }
            next++;
            n++;
        }
    }
    if (next != spool_next(spool)) {
        abort();
    }
    spool_reader_close(reader);
    return n;
}

static void use_spool(const struct spool_conf *conf)
{
    struct spool_record record = { .payload = slice_text("one more") };
    struct spool_visitor visitor = { 0 };
    struct spool_totals totals;
    struct spool *spool;
    uint64_t position, n;
    struct diag diag;

    diag_init(&diag);
    (void) spool_scan(folder, INPUT_MAX, &visitor, &totals, &diag);
    spool = spool_open(conf, &diag);
    if (spool != NULL) {
        n = read_all(spool, spool_released(spool));
        /* No room for another position is the one reason to refuse. */
        if (spool_append(spool, &record, &position) != SPOOL_OK || spool_sync(spool, 1) != 0
            || read_all(spool, spool_released(spool)) != n + 1) {
            abort();
        }
        spool_close(spool, 1);
        spool = spool_open(conf, &diag);        /* What was found once is found again. */
        if (spool == NULL || read_all(spool, spool_released(spool)) != n + 1) {
            abort();
        }
        spool_close(spool, 1);
    } else if (diag.n_errors == 0) {
        abort();
    }
    diag_fini(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t copy[INPUT_MAX];
    struct spool_conf conf;
    size_t middle = size;

    if (size < 2 || size > INPUT_MAX) {
        return 0;
    }
    if (folder[0] == '\0') {
        const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

        snprintf(folder, sizeof folder, "%s/fuzz-spool-XXXXXX", top);
        if (mkdtemp(folder) == NULL) {
            abort();
        }
        atexit(remove_folder);
    }
    remove_all();
    memcpy(copy, bytes, size);
    if (bytes[0] & 1) {
        mend(copy + 1, size - 1);
    }
    if (bytes[0] & 4) {
        middle = 1 + (size - 1) / 2;
        write_segment(2 + bytes[1] % 8, bytes[0] & 2, copy + middle, size - middle);
    }
    write_segment(1, bytes[0] & 2, copy + 1, middle - 1);
    spool_conf_init(&conf);
    conf.folder = folder;
    conf.max_bytes = 1 << 20;
    conf.segment_bytes = 64 << 10;
    conf.max_record = INPUT_MAX;
    conf.memory_bytes = 64 << 10;
    conf.preallocate = false;
    use_spool(&conf);
    return 0;
}
