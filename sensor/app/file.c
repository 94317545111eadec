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
    bool has_missed;            /* Bytes came that are not in 'kept'. */
    bool is_refused;            /* It was wanted and could not be stored. */
    uint32_t place;             /* Of the sink; 0: none. */
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
    const enum app_digest kinds[] = { APP_MD5, APP_SHA1, APP_SHA256 };

    for (int i = 0; i < N_DIGESTS; i++) {
        if (!wanted[i] || !app_memory_take(tx->session, DIGEST_MEMORY)) {
            continue;
        }
        f->digests[i] = app_digest_open(tx->session->engine, kinds[i]);
        if (f->digests[i] == NULL) {
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

/* ---- Storing ---- */

static void count_unstored(struct app_tx *tx)
{
    tx->session->engine->counters.files_not_stored++;
}

static void write_store(struct app_tx *tx, struct file *f, const uint8_t *bytes, size_t size)
{
    const struct app_file_sink *sink = tx->session->engine->file_sink;

    if (f->place != 0 && size != 0 && !sink->write(sink->context, f->place, bytes, size)) {
        f->place = 0;
        f->pub.storing = FILE_NOT_STORING;
        count_unstored(tx);
    }
}

/* The file is over: with its digest it has a name, without one nobody could find it. */
static void close_store(struct app_tx *tx, struct file *f)
{
    const struct app_file_sink *sink = tx->session->engine->file_sink;

    if (f->place == 0) {
        return;
    }
    if (!f->pub.has_sha256) {
        sink->drop(sink->context, f->place);
        f->pub.storing = FILE_NOT_STORING;
        count_unstored(tx);
    } else if (sink->close(sink->context, f->place, f->pub.sha256)) {
        f->pub.storing = FILE_STORE_DONE;
    } else {
        f->pub.storing = FILE_NOT_STORING;
        count_unstored(tx);
    }
    f->place = 0;
}

void app_file_store(struct app_tx *tx, struct app_file *file)
{
    const struct app_file_sink *sink = tx->session->engine->file_sink;
    struct file *f = file_of(file);

    if (sink == NULL || file->storing != FILE_NOT_STORING || file->is_logged) {
        return;
    }
    f->place = !f->has_missed && !f->is_refused ? sink->open(sink->context, &file->store_id)
                                                : 0;
    if (f->place == 0) {
        if (!f->is_refused) {
            count_unstored(tx);
        }
        f->is_refused = true;
        return;
    }
    file->storing = FILE_STORING;
    stream_raise_depth(tx->session->flow, tx->session->engine->conf->file_store_depth);
    write_store(tx, f, f->kept.bytes, f->kept.size);
    if (file->state != FILE_OPENED) {
        close_store(tx, f);
    }
}

/* What the transaction, the session or the configuration wants of an open file. */
static void follow_wishes(struct app_tx *tx, struct app_file *file)
{
    if (file->storing == FILE_NOT_STORING && tx->session->engine->file_sink != NULL
        && (tx->stores_files[file->dir] || tx->session->stores_files[file->dir]
            || tx->session->engine->conf->file_store_all)) {
        app_file_store(tx, file);
    }
}

void app_file_settle(struct app_tx *tx, struct app_file *file)
{
    if (tx->stores_files[file->dir]) {
        app_file_store(tx, file);
    }
}

void app_tx_store_files(struct app_tx *tx, enum direction dir)
{
    tx->stores_files[dir] = true;
    stream_raise_depth(tx->session->flow, tx->session->engine->conf->file_store_depth);
}

void app_session_store_files(struct app_session *session, enum direction dir)
{
    session->stores_files[dir] = true;
    stream_raise_depth(session->flow, session->engine->conf->file_store_depth);
}

void app_file_note_sid(struct app_file *file, uint32_t sid)
{
    for (unsigned i = 0; i < file->n_sids; i++) {
        if (file->sids[i] == sid) {
            return;
        }
    }
    if (file->n_sids < APP_FILE_MAX_SIDS) {
        file->sids[file->n_sids++] = sid;
    }
}

bool app_tx_is_storing(struct app_tx *tx, enum direction dir)
{
    LIST_FOR_EACH (node, &tx->files) {
        struct app_file *file = LIST_ENTRY(node, struct app_file, node);

        if (file->dir == dir && file->state == FILE_OPENED) {
            follow_wishes(tx, file);
            if (file->storing == FILE_STORING) {
                return true;
            }
        }
    }
    return false;
}

/* ---- What comes ---- */

/* Keeps what rules see, and what a rule may still want to be stored. */
static void keep_bytes(struct app_tx *tx, struct file *f, const uint8_t *bytes, size_t size)
{
    const struct app_conf *conf = tx->session->engine->conf;
    uint64_t most = f->limit;

    if (conf->file_hold && f->place == 0 && tx->session->engine->file_sink != NULL
        && !f->is_refused && conf->file_hold_limit > most) {
        most = conf->file_hold_limit;
    }
    if (f->is_kept_whole && f->kept.size < most) {
        uint64_t room = most - f->kept.size;
        size_t n = size <= room ? size : (size_t) room;
        f->is_kept_whole = app_bytes_put(tx->session, &f->kept, bytes, n) && n == size;
        f->pub.data = slice_of(f->kept.bytes, f->kept.size < f->limit ? f->kept.size
                                                                     : (size_t) f->limit);
    } else {
        f->is_kept_whole = false;
    }
    f->has_missed = f->has_missed || !f->is_kept_whole;
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
    follow_wishes(tx, file);
    write_store(tx, f, bytes, size);
    keep_bytes(tx, f, bytes, size);
    file->size += size;
    find_magic(tx, file, false);
}

void app_file_gap(struct app_tx *tx, struct app_file *file, uint64_t size)
{
    if (file->state == FILE_OPENED) {
        follow_wishes(tx, file);
        file->has_gaps = true;
        file->size += size;
        /* What follows does not stand where a rule would look for it. */
        file_of(file)->is_kept_whole = false;
        file_of(file)->has_missed = true;
    }
}

void app_file_close(struct app_tx *tx, struct app_file *file, enum app_file_state state)
{
    if (file->state == FILE_OPENED) {
        file->state = state == FILE_CLOSED && file->has_gaps ? FILE_TRUNCATED : state;
        follow_wishes(tx, file);
        close_digests(tx, file_of(file), true);
        close_store(tx, file_of(file));
        find_magic(tx, file, true);
    }
}

void app_file_abandon(struct app_tx *tx, struct app_file *file)
{
    if (file->state == FILE_OPENED) {
        file->state = FILE_TRUNCATED;
        close_digests(tx, file_of(file), false);
        close_store(tx, file_of(file));
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
    close_store(tx, f);
    app_bytes_free(tx->session, &f->kept);
    file->data = slice_of(NULL, 0);
}
