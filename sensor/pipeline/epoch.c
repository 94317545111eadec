#include "sensor/pipeline/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#if defined __x86_64__ && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>    /* The same hash by the widest registers that are there. */
#endif

#include "common/base/alloc.h"
#include "common/base/hash.h"

/* A piece stays in the processor's cache between being read and being hashed. */
#define READ_SIZE (256u << 10)
/* What is worth a thread: some milliseconds. */
#define PART_SIZE (8u << 20)
#define MAX_PARTS 64            /* As many as there may be workers. */

struct epoch {
    XXH3_state_t *state;
    unsigned n_parts;           /* Of a large file. */
};

struct epoch *epoch_begin(unsigned n_parts)
{
    struct epoch *epoch = xmalloc(sizeof *epoch);

    epoch->state = XXH3_createState();
    epoch->n_parts = n_parts < MAX_PARTS ? n_parts : MAX_PARTS;
    XXH3_64bits_reset(epoch->state);
    return epoch;
}

void epoch_add(struct epoch *epoch, const void *bytes, size_t size)
{
    uint64_t prefix = size;     /* So that parts cannot flow into one another. */

    XXH3_64bits_update(epoch->state, &prefix, sizeof prefix);
    XXH3_64bits_update(epoch->state, bytes, size);
}

/* Bytes of a file from 'at' up to 'end', or to where it ends. */
struct part {
    int fd;
    uint64_t at, end;
    XXH3_state_t *state;
    int error;                  /* errno, or 0. */
    bool has_thread;
    pthread_t thread;
};

static void *hash_part(void *argument)
{
    struct part *p = argument;
    uint8_t *block = xmalloc_pages(READ_SIZE);
    ssize_t n = 1;

    while (p->at < p->end && n > 0) {
        size_t size = p->end - p->at < READ_SIZE ? (size_t) (p->end - p->at) : READ_SIZE;
        n = pread(p->fd, block, size, (off_t) p->at);
        if (n > 0) {
            XXH3_64bits_update(p->state, block, (size_t) n);
            p->at += (uint64_t) n;
        }
    }
    p->error = n < 0 ? errno : 0;
    free(block);
    return NULL;
}

/* The parts behind the first have hashes of their own, by threads of their own if those are to
 * be had, which are added behind the bytes of the first. */
static bool add_parts(struct epoch *epoch, int fd, uint64_t size, unsigned n)
{
    struct part parts[MAX_PARTS];
    int error = 0;

    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct part) { .fd = fd, .at = size / n * i, .state = epoch->state,
                                   .end = i + 1 < n ? size / n * (i + 1) : UINT64_MAX };
        if (i != 0) {
            parts[i].state = XXH3_createState();
            XXH3_64bits_reset(parts[i].state);
            parts[i].has_thread = pthread_create(&parts[i].thread, NULL, hash_part, &parts[i])
                                  == 0;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (parts[i].has_thread) {
            pthread_join(parts[i].thread, NULL);
        } else {
            hash_part(&parts[i]);
        }
        error = error != 0 ? error : parts[i].error;
        if (i != 0) {
            XXH64_hash_t hash = XXH3_64bits_digest(parts[i].state);
            XXH3_64bits_update(epoch->state, &hash, sizeof hash);
            XXH3_freeState(parts[i].state);
        }
    }
    errno = error;
    return error == 0;
}

static bool add_file(struct epoch *epoch, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool is_read = false;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        uint64_t size = (uint64_t) st.st_size, n = size / PART_SIZE;
        n = n == 0 ? 1 : n < epoch->n_parts ? n : epoch->n_parts;
        is_read = add_parts(epoch, fd, size, (unsigned) n);
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_read;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool epoch_add_path(struct epoch *epoch, const char *path)
{
    struct stat st;
    struct dirent **entries;

    if (stat(path, &st) != 0) {
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        return add_file(epoch, path);
    }
    int n = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < n; i++) {
        char *file = xasprintf("%s/%s", path, entries[i]->d_name);
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
            /* One that cannot be read gives no events; capture says so. */
            (void) add_file(epoch, file);
        }
        free(file);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return n >= 0;
}

uint64_t epoch_end(struct epoch *epoch)
{
    uint64_t hash = XXH3_64bits_digest(epoch->state);

    XXH3_freeState(epoch->state);
    free(epoch);
    return hash;
}

uint64_t epoch_random(void)
{
    return hash_seed_random().k0;
}
