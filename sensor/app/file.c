#include "sensor/app/file.h"

#include <openssl/evp.h>

#include "sensor/app/app_private.h"

/* What OpenSSL allocates for one digest, about. */
#define DIGEST_MEMORY 512
#define NAME_MAX_SIZE 4096
/* So many bytes tell what a file is, or nothing does. */
#define MAGIC_SIZE 4096

enum { MD5, SHA1, SHA256, N_DIGESTS };

/* The file with what only this room sees. */
struct file {
    struct app_file pub;        /* First. */
    struct app_bytes kept;
    uint64_t limit;
    bool is_kept_whole;         /* Nothing was left out of 'kept' so far. */
    EVP_MD_CTX *digests[N_DIGESTS];
};

static struct file *file_of(const struct app_file *file)
{
    return (struct file *) (uintptr_t) file;
}

static void open_digests(struct app_tx *tx, struct file *f)
{
    const struct app_conf *conf = tx->session->engine->conf;
    const bool wanted[] = { conf->file_md5, conf->file_sha1, conf->file_sha256 };
    const EVP_MD *const kinds[] = { EVP_md5(), EVP_sha1(), EVP_sha256() };

    for (int i = 0; i < N_DIGESTS; i++) {
        if (!wanted[i] || !app_memory_take(tx->session, DIGEST_MEMORY)) {
            continue;
        }
        f->digests[i] = EVP_MD_CTX_new();
        if (f->digests[i] == NULL
            || EVP_DigestInit_ex(f->digests[i], kinds[i], NULL) != 1) {
            EVP_MD_CTX_free(f->digests[i]);
            f->digests[i] = NULL;
            app_memory_give(tx->session, DIGEST_MEMORY);
        }
    }
}

/* A file that was cut short gets its SHA-256 alone, as rule authors know it. */
static void close_digests(struct app_tx *tx, struct file *f, bool is_wanted)
{
    bool is_whole = f->pub.state == FILE_CLOSED;
    uint8_t *const out[] = { f->pub.md5, f->pub.sha1, f->pub.sha256 };
    bool *const has[] = { &f->pub.has_md5, &f->pub.has_sha1, &f->pub.has_sha256 };

    for (int i = 0; i < N_DIGESTS; i++) {
        if (f->digests[i] == NULL) {
            continue;
        }
        if (is_wanted && (is_whole || i == SHA256)
            && EVP_DigestFinal_ex(f->digests[i], out[i], NULL) == 1) {
            *has[i] = f->pub.has_hashes = true;
        }
        EVP_MD_CTX_free(f->digests[i]);
        f->digests[i] = NULL;
        app_memory_give(tx->session, DIGEST_MEMORY);
    }
}

/* Names the file's kind, once: with enough bytes of it, or with all. */
static void find_magic(struct app_tx *tx, struct app_file *file, bool is_over)
{
    struct magic_set *set = tx->session->engine->magic;

    if (set == NULL || file->has_tried_magic || file->data.size == 0
        || (!is_over && file->data.size < MAGIC_SIZE)) {
        file->has_tried_magic |= is_over;
        return;
    }
    file->has_tried_magic = true;
    struct slice name = slice_text(app_magic_name(set, slice_of(file->data.bytes,
        file->data.size < MAGIC_SIZE ? file->data.size : MAGIC_SIZE)));
    char *copy = name.size != 0 ? arena_alloc(&tx->arena, name.size + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, name.bytes, name.size);
        copy[name.size] = '\0';
        file->magic = copy;
    }
}

struct app_file *app_file_open(struct app_tx *tx, enum direction dir, struct slice name,
                               uint64_t limit)
{
    struct file *f = arena_alloc(&tx->arena, sizeof *f);

    if (f == NULL) {
        return NULL;
    }
    size_t size = name.size <= NAME_MAX_SIZE ? name.size : NAME_MAX_SIZE;
    f->pub.name = size != 0 ? arena_copy(&tx->arena, name.bytes, size) : slice_of(NULL, 0);
    f->pub.dir = dir;
    f->pub.state = FILE_OPENED;
    f->limit = limit != 0 ? limit : UINT64_MAX;
    f->is_kept_whole = true;
    f->pub.hash_state = f;
    open_digests(tx, f);
    list_push_back(&tx->files, &f->pub.node);
    return &f->pub;
}

void app_file_append(struct app_tx *tx, struct app_file *file, const uint8_t *bytes,
                     size_t size)
{
    struct file *f = file_of(file);

    if (file->state != FILE_OPENED || size == 0) {
        return;
    }
    for (int i = 0; i < N_DIGESTS; i++) {
        if (f->digests[i] != NULL) {
            EVP_DigestUpdate(f->digests[i], bytes, size);
        }
    }
    if (f->is_kept_whole && f->kept.size < f->limit) {
        uint64_t room = f->limit - f->kept.size;
        size_t n = size <= room ? size : (size_t) room;
        f->is_kept_whole = app_bytes_put(tx->session, &f->kept, bytes, n) && n == size;
        file->data = slice_of(f->kept.bytes, f->kept.size);
    } else {
        f->is_kept_whole = false;
    }
    file->size += size;
    find_magic(tx, file, false);
}

void app_file_gap(struct app_tx *tx, struct app_file *file, uint64_t size)
{
    if (file->state == FILE_OPENED) {
        file->has_gaps = true;
        file->size += size;
        /* What follows does not stand where a rule would look for it. */
        file_of(file)->is_kept_whole = false;
    }
}

void app_file_close(struct app_tx *tx, struct app_file *file, enum app_file_state state)
{
    if (file->state == FILE_OPENED) {
        file->state = state == FILE_CLOSED && file->has_gaps ? FILE_TRUNCATED : state;
        close_digests(tx, file_of(file), true);
        find_magic(tx, file, true);
    }
}

void app_file_abandon(struct app_tx *tx, struct app_file *file)
{
    if (file->state == FILE_OPENED) {
        file->state = FILE_TRUNCATED;
        close_digests(tx, file_of(file), false);
        find_magic(tx, file, true);
    }
}

struct app_view app_file_view(const struct app_file *file)
{
    const struct file *f = file_of(file);
    bool is_growing = file->state == FILE_OPENED && f->is_kept_whole
                      && f->kept.size < f->limit;

    return (struct app_view) {
        .state = is_growing ? APP_VIEW_GROWING : APP_VIEW_DONE, .bytes = file->data
    };
}

struct app_file *app_file_at(const struct app_tx *tx, enum direction dir, unsigned index)
{
    LIST_FOR_EACH (node, &tx->files) {
        struct app_file *file = LIST_ENTRY(node, struct app_file, node);
        if (file->dir == dir && index-- == 0) {
            return file;
        }
    }
    return NULL;
}

struct app_view app_file_buffer(const struct app_tx *tx, enum direction dir,
                                enum buffer_id id, unsigned index)
{
    const struct app_file *file = app_file_at(tx, dir, index);
    struct app_view none = { .state = tx->is_done[dir] ? APP_VIEW_ABSENT : APP_VIEW_NOT_YET };

    if (file == NULL) {
        return none;
    }
    if (id == BUFFER_FILE_DATA) {
        return app_file_view(file);
    }
    if (id == BUFFER_FILE_MAGIC && file->magic == NULL && !file->has_tried_magic
        && file->state == FILE_OPENED && tx->session->engine->magic != NULL) {
        return (struct app_view) { .state = APP_VIEW_NOT_YET };
    }
    /* One without a name is still an instance: others may follow. */
    struct slice text = id == BUFFER_FILE_NAME ? file->name : slice_text(file->magic);
    return (struct app_view) { .state = APP_VIEW_DONE, .bytes = text };
}

bool app_file_number(const struct app_tx *tx, enum direction dir, unsigned index,
                     uint64_t *value)
{
    const struct app_file *file = app_file_at(tx, dir, index);

    if (file == NULL || file->state == FILE_OPENED) {
        return false;
    }
    *value = file->size;
    return true;
}

void app_file_free(struct app_tx *tx, struct app_file *file)
{
    struct file *f = file_of(file);

    close_digests(tx, f, false);
    app_bytes_free(tx->session, &f->kept);
    file->data = slice_of(NULL, 0);
}
