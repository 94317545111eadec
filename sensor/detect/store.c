/* Compiled databases: shared in memory by equal sets, and kept on disk. */
#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"
#include "common/base/hash.h"
#include "sensor/detect/patterns_private.h"

struct stored {
    uint64_t key[2];
    hs_database_t *database;
};

struct patterns_store {
    struct database_cache *cache;       /* Or NULL. */
    struct stored *stored;
    size_t n, cap;
    size_t n_compiled, n_cached;
};

struct patterns_store *patterns_store_create(const char *cache, struct diag *diag)
{
    struct patterns_store *s = xcalloc(1, sizeof *s);

    s->cache = database_cache_open(cache, diag);
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
    database_cache_close(s->cache);
    free(s);
}

void patterns_store_stats(const struct patterns_store *s, size_t *compiled, size_t *cached)
{
    *compiled = s->n_compiled;
    *cached = s->n_cached;
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
        database = database_cache_read(s->cache, key, diag);
        s->n_cached += database != NULL;
    }
    if (database == NULL) {
        database = compile(literals, n, first_id, diag);
        s->n_compiled += database != NULL;
        if (is_cached && database != NULL) {
            database_cache_write(s->cache, key, database, diag);
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
