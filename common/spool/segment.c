/* The form on disk: names, headers of segments, records, the state file.  All numbers are
 * little-endian.
 *
 *   segment:  header, header again, records
 *   header:   magic 8, version 4, identity size 4, first position 8, first time 8, salt 8,
 *             identity 64, XXH3 of these 8
 *   record:   magic 4, head sum 4 (XXH3 of the 40 bytes behind it), payload size 4, stream 4,
 *             position 8, number 8, time 8, priority 1, zero 7, payload, XXH3 of all before 8
 *
 * The sums of records are seeded with the salt. */
#include "common/spool/spool_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "common/base/alloc.h"
#include "common/base/cursor.h"

#define SEGMENT_MAGIC "CSSPOOL1"
#define STATE_MAGIC "CSSTATE1"
#define MAGIC_SIZE 8
#define STATE_SIZE 120          /* What of a slot is used. */
#define NAME_DIGITS 20
#define NAME_SUFFIX ".seg"

static void put_le32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t) (value >> 8 * i);
    }
}

static void put_le64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t) (value >> 8 * i);
    }
}

static uint32_t get_le32(const uint8_t *at)
{
    struct cursor c = cursor_of(at, 4);

    return cursor_le32(&c);
}

static uint64_t get_le64(const uint8_t *at)
{
    struct cursor c = cursor_of(at, 8);

    return cursor_le64(&c);
}

void segment_name(uint64_t first, char out[SPOOL_NAME_SIZE])
{
    snprintf(out, SPOOL_NAME_SIZE, "%0*" PRIu64 NAME_SUFFIX, NAME_DIGITS, first);
}

bool segment_parse_name(const char *name, uint64_t *first)
{
    char expected[SPOOL_NAME_SIZE];

    if (strspn(name, "0123456789") != NAME_DIGITS) {
        return false;
    }
    errno = 0;
    *first = strtoull(name, NULL, 10);
    segment_name(*first, expected);             /* Refuses what did not fit 64 bits too. */
    return errno == 0 && *first != 0 && *first < POSITION_LIMIT && strcmp(name, expected) == 0;
}

void segment_write_header(const struct segment_header *header, uint8_t out[SEGMENT_HEADER])
{
    memset(out, 0, SEGMENT_HEADER);
    memcpy(out, SEGMENT_MAGIC, MAGIC_SIZE);
    put_le32(out + 8, SPOOL_VERSION);
    put_le32(out + 12, header->identity_size);
    put_le64(out + 16, header->first);
    put_le64(out + 24, header->first_ns);
    put_le64(out + 32, header->salt);
    memcpy(out + 40, header->identity, header->identity_size);
    put_le64(out + SEGMENT_COPY - 8, XXH3_64bits(out, SEGMENT_COPY - 8));
    memcpy(out + SEGMENT_COPY, out, SEGMENT_COPY);
}

static bool copy_is_good(const uint8_t *copy, uint64_t first)
{
    return memcmp(copy, SEGMENT_MAGIC, MAGIC_SIZE) == 0 && get_le32(copy + 8) == SPOOL_VERSION
           && get_le32(copy + 12) <= SPOOL_IDENTITY_MAX && get_le64(copy + 16) == first
           && get_le64(copy + SEGMENT_COPY - 8) == XXH3_64bits(copy, SEGMENT_COPY - 8);
}

enum header_state segment_read_header(int fd, uint64_t first, struct segment_header *header,
                                      uint32_t *version)
{
    uint8_t bytes[SEGMENT_HEADER] = { 0 };
    const uint8_t *good = bytes;
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    bool first_is_good = n >= SEGMENT_COPY && copy_is_good(bytes, first);
    bool second_is_good = n == SEGMENT_HEADER && copy_is_good(bytes + SEGMENT_COPY, first);

    memset(header, 0, sizeof *header);
    header->first = first;
    if (!first_is_good && !second_is_good) {
        *version = get_le32(bytes + 8);
        /* The layout of another version is not known, its first twelve bytes are; only a
         * version that stands there twice is no damage. */
        return n == SEGMENT_HEADER && memcmp(bytes, SEGMENT_MAGIC, MAGIC_SIZE) == 0
               && *version != SPOOL_VERSION
               && memcmp(bytes, bytes + SEGMENT_COPY, MAGIC_SIZE + 4) == 0
            ? HEADER_OTHER_VERSION : HEADER_LOST;
    }
    if (!first_is_good) {
        good = bytes + SEGMENT_COPY;
    }
    header->identity_size = get_le32(good + 12);
    header->first_ns = get_le64(good + 24);
    header->salt = get_le64(good + 32);
    memcpy(header->identity, good + 40, header->identity_size);
    return first_is_good && second_is_good ? HEADER_GOOD : HEADER_DAMAGED;
}

int segment_open(int folder_fd, const char *name, uint64_t *size)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    *size = (uint64_t) st.st_size;
    return fd;
}

static int compare_firsts(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *) left, b = *(const uint64_t *) right;

    return a < b ? -1 : a > b;
}

bool segment_find_all(int folder_fd, uint64_t **firsts, size_t *n)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    size_t cap = 0;
    uint64_t first;

    *firsts = NULL;
    *n = 0;
    if (folder == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (segment_parse_name(entry->d_name, &first)) {
            *firsts = xgrow(*firsts, *n, &cap, sizeof **firsts);
            (*firsts)[(*n)++] = first;
        }
    }
    closedir(folder);
    if (*n != 0) {
        qsort(*firsts, *n, sizeof **firsts, compare_firsts);
    }
    return true;
}

void record_write(const struct spool_record *record, uint64_t salt, uint8_t *out)
{
    size_t end = RECORD_HEADER + record->payload.size;

    memset(out, 0, RECORD_HEADER);
    put_le32(out, RECORD_MAGIC);
    put_le32(out + 8, (uint32_t) record->payload.size);
    put_le32(out + 12, record->stream);
    put_le64(out + 16, record->position);
    put_le64(out + 24, record->number);
    put_le64(out + 32, record->time_ns);
    out[40] = record->priority;
    put_le32(out + 4, (uint32_t) XXH3_64bits_withSeed(out + 8, RECORD_HEADER - 8, salt));
    if (record->payload.size != 0) {
        memcpy(out + RECORD_HEADER, record->payload.bytes, record->payload.size);
    }
    put_le64(out + end, XXH3_64bits_withSeed(out, end, salt));
}

uint64_t record_position(const uint8_t *bytes)
{
    return get_le64(bytes + 16);
}

uint32_t record_payload_size(const uint8_t *bytes)
{
    return get_le32(bytes + 8);
}

bool record_head_is_good(const uint8_t *bytes, uint64_t salt, size_t max_record)
{
    return get_le32(bytes) == RECORD_MAGIC && record_payload_size(bytes) <= max_record
           && record_position(bytes) < POSITION_LIMIT
           && get_le32(bytes + 4)
                  == (uint32_t) XXH3_64bits_withSeed(bytes + 8, RECORD_HEADER - 8, salt);
}

bool record_is_good(const uint8_t *bytes, uint64_t salt)
{
    size_t end = RECORD_HEADER + record_payload_size(bytes);

    return get_le64(bytes + end) == XXH3_64bits_withSeed(bytes, end, salt);
}

void record_parse(const uint8_t *bytes, struct spool_record *record)
{
    *record = (struct spool_record) {
        .position = record_position(bytes),
        .number = get_le64(bytes + 24),
        .time_ns = get_le64(bytes + 32),
        .stream = get_le32(bytes + 12),
        .priority = bytes[40],
        .payload = slice_of(bytes + RECORD_HEADER, record_payload_size(bytes)),
    };
}

bool state_read(int fd, struct spool_state *state, bool *found, uint32_t *version)
{
    bool is_other = false;

    *found = false;
    memset(state, 0, sizeof *state);
    for (int slot = 0; slot < 2; slot++) {
        uint8_t b[STATE_SIZE] = { 0 };
        ssize_t n = pread(fd, b, sizeof b, slot * STATE_SLOT);

        if (n != STATE_SIZE || memcmp(b, STATE_MAGIC, MAGIC_SIZE) != 0) {
            continue;
        }
        if (get_le32(b + 8) != SPOOL_VERSION) {
            is_other = true;
            *version = get_le32(b + 8);
        } else if (get_le32(b + 12) <= SPOOL_IDENTITY_MAX
                   && get_le64(b + 24) <= POSITION_LIMIT && get_le64(b + 32) <= POSITION_LIMIT
                   && get_le64(b + STATE_SIZE - 8) == XXH3_64bits(b, STATE_SIZE - 8)
                   && (!*found || get_le64(b + 16) > state->sequence)) {
            *found = true;
            state->identity_size = get_le32(b + 12);
            state->sequence = get_le64(b + 16);
            state->released = get_le64(b + 24);
            state->dropped_to = get_le64(b + 32);
            state->salt = get_le64(b + 40);
            memcpy(state->identity, b + 48, state->identity_size);
        }
    }
    return *found || !is_other;
}

int state_write(int fd, const struct spool_io *io, const struct spool_state *state)
{
    uint8_t b[STATE_SIZE] = { 0 };

    memcpy(b, STATE_MAGIC, MAGIC_SIZE);
    put_le32(b + 8, SPOOL_VERSION);
    put_le32(b + 12, state->identity_size);
    put_le64(b + 16, state->sequence);
    put_le64(b + 24, state->released);
    put_le64(b + 32, state->dropped_to);
    put_le64(b + 40, state->salt);
    memcpy(b + 48, state->identity, state->identity_size);
    put_le64(b + STATE_SIZE - 8, XXH3_64bits(b, STATE_SIZE - 8));
    if (lseek(fd, (off_t) (state->sequence % 2) * STATE_SLOT, SEEK_SET) < 0) {
        return -errno;
    }
    ssize_t n = io->write(fd, b, sizeof b);

    if (n != (ssize_t) sizeof b) {
        return n < 0 ? -errno : -EIO;
    }
    return io->fdatasync(fd) == 0 ? 0 : -errno;
}
