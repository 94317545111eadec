#include "sensor/pipeline/epoch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

struct epoch {
    XXH3_state_t *state;
    uint8_t *block;             /* For pieces of files. */
};

struct epoch *epoch_begin(void)
{
    struct epoch *epoch = xmalloc(sizeof *epoch);

    epoch->state = XXH3_createState();
    XXH3_64bits_reset(epoch->state);
    epoch->block = xmalloc_pages(READ_SIZE);
    return epoch;
}

void epoch_add(struct epoch *epoch, const void *bytes, size_t size)
{
    uint64_t prefix = size;     /* So that parts cannot flow into one another. */

    XXH3_64bits_update(epoch->state, &prefix, sizeof prefix);
    XXH3_64bits_update(epoch->state, bytes, size);
}

static bool add_file(struct epoch *epoch, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0) {
        return false;
    }
    while ((n = read(fd, epoch->block, READ_SIZE)) > 0) {
        XXH3_64bits_update(epoch->state, epoch->block, (size_t) n);
    }
    close(fd);
    return n == 0;
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
    free(epoch->block);
    free(epoch);
    return hash;
}

uint64_t epoch_random(void)
{
    return hash_seed_random().k0;
}
