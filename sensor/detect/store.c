/* Compiled databases: shared in memory by equal sets, and kept on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "sensor/detect/patterns_private.h"

#define MAX_FILE ((off_t) 256 << 20)

struct stored {
    uint64_t key[2];
    hs_database_t *database;
};

struct patterns_store {
    char *cache;                /* Or NULL. */
    struct stored *stored;
    size_t n, cap;
    size_t n_compiled, n_cached;
};

/* What a cache file begins with. */
struct file_header {
    char magic[8];
    uint64_t key[2];
    uint64_t size, check;       /* Of the bytes behind it. */
};
static const char file_magic[8] = "CSHSDB1";

struct patterns_store *patterns_store_create(const char *cache)
{
    struct patterns_store *s = xcalloc(1, sizeof *s);

    if (cache != NULL && cache[0] != '\0') {
        s->cache = xstrdup(cache);
        mkdir(cache, 0750);
    }
    return s;
}

void patterns_store_destroy(struct patterns_store *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        hs_free_database(s->stored[i].database);
    }
    free(s->stored);
    free(s->cache);
    free(s);
}

void patterns_store_stats(const struct patterns_store *s, size_t *compiled, size_t *cached)
{
    *compiled = s->n_compiled;
    *cached = s->n_cached;
}

size_t patterns_store_bytes(const struct patterns_store *s)
{
    size_t sum = 0, size;

    for (size_t i = 0; i < s->n; i++) {
        if (hs_database_size(s->stored[i].database, &size) == HS_SUCCESS) {
            sum += size;
        }
    }
    return sum;
}

/* Literals, ids, version of Hyperscan and what the processor can do. */
static void make_key(const struct literal *literals, size_t n, unsigned first_id,
                     uint64_t key[2])
{
    struct hash_seed seeds[2] = { hash_seed_fixed(), { 0x5bd1e995, 0x27d4eb2f } };
    hs_platform_info_t platform;
    struct {
        uint64_t literals;
        uint64_t version;
        uint64_t features;
        uint64_t n, first_id;
    } all;

    memset(&platform, 0, sizeof platform);
    hs_populate_platform(&platform);
    for (unsigned i = 0; i < 2; i++) {
        all.literals = hash_bytes(seeds[i], literals, n * sizeof *literals);
        all.version = hash_bytes(seeds[i], hs_version(), strlen(hs_version()));
        all.features = platform.cpu_features ^ (uint64_t) platform.tune << 56;
        all.n = n;
        all.first_id = first_id;
        key[i] = hash_bytes(seeds[i], &all, sizeof all);
    }
}

static char *cache_path(const struct patterns_store *s, const uint64_t key[2])
{
    return xasprintf("%s/%016llx%016llx.hsdb", s->cache, (unsigned long long) key[0],
                     (unsigned long long) key[1]);
}

static bool read_all(int fd, void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        ssize_t n = read(fd, at, size);

        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        at += n;
        size -= (size_t) n;
    }
    return true;
}

/* NULL when 'bytes' are no database of this Hyperscan on this processor. */
static hs_database_t *deserialize(const char *bytes, size_t size)
{
    hs_database_t *database = NULL;

    return hs_deserialize_database(bytes, size, &database) == HS_SUCCESS ? database : NULL;
}

static hs_database_t *read_cached(const struct patterns_store *s, const uint64_t key[2],
                                  struct diag *diag)
{
    char *path = cache_path(s, key);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    hs_database_t *database = NULL;
    struct file_header header;
    struct stat info;
    char *bytes = NULL;

    if (fd < 0) {
        free(path);
        return NULL;
    }
    if (fstat(fd, &info) == 0 && info.st_size <= MAX_FILE
        && read_all(fd, &header, sizeof header)
        && memcmp(header.magic, file_magic, sizeof file_magic) == 0
        && memcmp(header.key, key, sizeof header.key) == 0
        && header.size == (uint64_t) info.st_size - sizeof header) {
        bytes = xmalloc((size_t) header.size);
        if (read_all(fd, bytes, (size_t) header.size)
            && hash_bytes(hash_seed_fixed(), bytes, (size_t) header.size) == header.check) {
            database = deserialize(bytes, (size_t) header.size);
        }
    }
    if (database == NULL) {
        diag_add(diag, DIAG_WARNING, path, 0, 0, NULL,
                 "the cached pattern database is damaged; it is made anew");
    }
    free(bytes);
    close(fd);
    free(path);
    return database;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        at += n;
        size -= (size_t) n;
    }
    return true;
}

/* Under another name first: a reader sees a whole file or none.  What cannot be written is
 * no harm but the time of the next start. */
static void write_cached(const struct patterns_store *s, const uint64_t key[2],
                         const hs_database_t *database, struct diag *diag)
{
    struct file_header header;
    char *bytes = NULL;
    size_t size;

    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
        return;
    }
    char *path = cache_path(s, key);
    char *temporary = xasprintf("%s.%ld", path, (long) getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    memset(&header, 0, sizeof header);
    memcpy(header.magic, file_magic, sizeof file_magic);
    memcpy(header.key, key, sizeof header.key);
    header.size = size;
    header.check = hash_bytes(hash_seed_fixed(), bytes, size);
    if (fd < 0) {
        diag_add(diag, DIAG_WARNING, temporary, 0, 0, NULL,
                 "cannot write the cache of pattern databases: %s", strerror(errno));
    } else {
        bool ok = write_all(fd, &header, sizeof header) && write_all(fd, bytes, size);

        if (close(fd) != 0 || !ok || rename(temporary, path) != 0) {
            unlink(temporary);
        }
    }
    free(bytes);
    free(temporary);
    free(path);
}

static hs_database_t *compile(const struct literal *literals, size_t n, unsigned first_id,
                              struct diag *diag)
{
    const char **texts = xmalloc(n * sizeof *texts);
    size_t *sizes = xmalloc(n * sizeof *sizes);
    unsigned *flags = xmalloc(n * sizeof *flags), *ids = xmalloc(n * sizeof *ids);
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;

    for (size_t i = 0; i < n; i++) {
        texts[i] = (const char *) literals[i].bytes;
        sizes[i] = literals[i].size;
        flags[i] = literals[i].nocase ? HS_FLAG_CASELESS : 0;
        ids[i] = first_id + (unsigned) i;
    }
    if (hs_compile_lit_multi(texts, flags, ids, sizes, (unsigned) n, HS_MODE_BLOCK, NULL,
                             &database, &error) != HS_SUCCESS) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, NULL,
                 "Hyperscan cannot compile %zu literals: %s", n,
                 error != NULL ? error->message : "no reason given");
        hs_free_compile_error(error);
        database = NULL;
    }
    free(texts);
    free(sizes);
    free(flags);
    free(ids);
    return database;
}

hs_database_t *patterns_store_get(struct patterns_store *s, const struct literal *literals,
                                  size_t n, unsigned first_id, struct diag *diag)
{
    uint64_t key[2];
    hs_database_t *database = NULL;

    make_key(literals, n, first_id, key);
    for (size_t i = 0; i < s->n; i++) {
        if (memcmp(s->stored[i].key, key, sizeof key) == 0) {
            return s->stored[i].database;
        }
    }
    /* A handful of literals compiles faster than a file is read. */
    bool is_cached = s->cache != NULL && n > 16;

    if (is_cached) {
        database = read_cached(s, key, diag);
        s->n_cached += database != NULL;
    }
    if (database == NULL) {
        database = compile(literals, n, first_id, diag);
        s->n_compiled += database != NULL;
        if (is_cached && database != NULL) {
            write_cached(s, key, database, diag);
        }
    }
    if (database != NULL) {
        s->stored = xgrow(s->stored, s->n, &s->cap, sizeof *s->stored);
        s->stored[s->n] = (struct stored) { { key[0], key[1] }, database };
        s->n++;
    }
    return database;
}

struct patterns_scratch *patterns_scratch_create(const struct patterns_store *s)
{
    struct patterns_scratch *scratch = xcalloc(1, sizeof *scratch);

    for (size_t i = 0; i < s->n; i++) {
        if (hs_alloc_scratch(s->stored[i].database, &scratch->hs) != HS_SUCCESS) {
            patterns_scratch_destroy(scratch);
            return NULL;
        }
    }
    return scratch;
}

void patterns_scratch_destroy(struct patterns_scratch *scratch)
{
    if (scratch != NULL) {
        hs_free_scratch(scratch->hs);
        free(scratch);
    }
}
