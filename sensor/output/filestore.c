/* The workers' side of the store: places, rings, limits. */
#include "sensor/output/filestore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/alloc.h"
#include "sensor/output/filestore_private.h"

#define KEY(member) offsetof(struct file_store_conf, member)
#define MIB (1024ull * 1024)
#define PIECE_SIZE (64u * 1024)         /* Bytes of one message. */
/* Closing and dropping always find room: bytes leave it free, and each place that bytes were
 * put for needs one such message more. */
#define RESERVE (MAX_PLACES * sizeof(struct file_message))

static const struct conf_key keys[] = {
    { "enabled", CONF_BOOL, KEY(enabled), "no", 0, 0, "Keep files that rules want (filestore)",
      NULL },
    { "dir", CONF_TEXT, KEY(dir), "filestore", 0, 0,
      "Folder of the files; a relative one is below the folder of -l", NULL },
    { "force-filestore", CONF_BOOL, KEY(force), "no", 0, 0,
      "Keep all files, whatever rules say", NULL },
    { "write-fileinfo", CONF_BOOL, KEY(write_fileinfo), "no", 0, 0,
      "The fileinfo event beside the file, each time that it is seen", NULL },
    { "force-hash", CONF_TEXTS, KEY(force_hash), NULL, 0, 0,
      "Digests besides SHA-256, of all files: md5, sha1", NULL },
    { "stream-depth", CONF_SIZE, KEY(stream_depth), "1mb", 0, 0,
      "bytes of a stream with a file to be kept, if more than stream.depth; 0: no limit", NULL },
    { "hold", CONF_SIZE, KEY(hold), "1mb", 0, 1024 * MIB,
      "bytes of a file held in memory until a rule wants it", NULL },
    { "queue", CONF_SIZE, KEY(queue), "16mb", MIB, 1024 * MIB,
      "bytes that wait to be written, of each worker", NULL },
    { "max-open-files", CONF_UINT, KEY(max_open_files), "256", 0, 65536,
      "files kept open between two writes; 0: none", NULL },
    { "max-files", CONF_UINT, KEY(max_files), "1000000", 0, 0,
      "files in the folder; 0: any", NULL },
    { "max-bytes", CONF_SIZE, KEY(max_bytes), "10gb", 0, 0,
      "bytes of all files in the folder; 0: any", NULL },
};
const struct conf_section file_store_conf_section = { "file-store", keys,
                                                      sizeof keys / sizeof keys[0] };

void file_store_ask(const struct file_store_conf *conf, struct app_conf *app)
{
    if (!conf->enabled) {
        app->file_hold = false;
        return;
    }
    app->file_sha256 = true;
    for (size_t i = 0; i < conf->force_hash.n; i++) {
        app->file_md5 |= strcmp(conf->force_hash.texts[i], "md5") == 0;
        app->file_sha1 |= strcmp(conf->force_hash.texts[i], "sha1") == 0;
    }
    app->file_store_all = conf->force;
    app->file_hold_limit = conf->hold;
    app->file_store_depth = conf->stream_depth;
}

/* ---- A worker's door ---- */

static void rest(void)
{
    struct timespec brief = { .tv_nsec = 100 * 1000 };

    nanosleep(&brief, NULL);
}

static bool put(struct store_door *d, const struct file_message *m, const void *bytes,
                size_t reserve)
{
    while (!file_ring_put(d->ring, m, bytes, reserve)) {
        if (!d->store->waits) {
            return false;
        }
        rest();
    }
    return true;
}

static void free_place(struct store_door *d, uint32_t place, bool is_kept)
{
    struct file_store *s = d->store;

    if (!is_kept) {
        atomic_fetch_sub(&s->held_bytes, d->sizes[place]);
        atomic_fetch_sub(&s->held_files, 1);
    }
    d->free_places[d->n_free++] = place;
}

static uint32_t open_file(void *context, uint64_t *id)
{
    struct store_door *d = context;
    struct file_store *s = d->store;

    if (d->n_free == 0) {
        atomic_fetch_add(&s->dropped_places, 1);
        return 0;
    }
    if ((s->conf.max_files != 0 && atomic_load(&s->held_files) >= s->conf.max_files)
        || (s->conf.max_bytes != 0 && atomic_load(&s->held_bytes) >= s->conf.max_bytes)) {
        atomic_fetch_add(&s->dropped_limit, 1);
        return 0;
    }
    uint32_t place = d->free_places[--d->n_free];
    d->sizes[place] = 0;
    atomic_fetch_add(&s->held_files, 1);
    *id = atomic_fetch_add(&s->next_id, 1) + 1;
    return place;
}

static void drop_file(void *context, uint32_t place)
{
    struct store_door *d = context;
    struct file_message m = { .kind = FILE_MESSAGE_DROP, .place = place };

    if (d->sizes[place] != 0) {         /* Else the writer knows nothing of it. */
        (void) put(d, &m, NULL, 0);
    }
    free_place(d, place, false);
}

static bool write_file(void *context, uint32_t place, const uint8_t *bytes, size_t size)
{
    struct store_door *d = context;
    struct file_store *s = d->store;

    for (size_t at = 0; at < size;) {
        size_t n = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;
        struct file_message m = { .kind = FILE_MESSAGE_BYTES, .place = place, .size = n };
        bool is_full = s->conf.max_bytes != 0
                       && atomic_load(&s->held_bytes) + n > s->conf.max_bytes;

        if (is_full || !put(d, &m, bytes + at, RESERVE)) {
            atomic_fetch_add(is_full ? &s->dropped_limit : &s->dropped_ring, 1);
            drop_file(context, place);
            return false;
        }
        d->sizes[place] += n;
        atomic_fetch_add(&s->held_bytes, n);
        at += n;
    }
    return true;
}

static bool close_file(void *context, uint32_t place, const uint8_t sha256[32])
{
    struct store_door *d = context;
    struct file_message m = { .kind = FILE_MESSAGE_CLOSE, .place = place };

    memcpy(m.sha256, sha256, sizeof m.sha256);
    /* An empty file is the only one that has no room set aside. */
    if (!put(d, &m, NULL, d->sizes[place] == 0 ? RESERVE : 0)) {
        atomic_fetch_add(&d->store->dropped_ring, 1);
        drop_file(context, place);
        return false;
    }
    free_place(d, place, true);
    return true;
}

void file_store_info(struct file_store *s, unsigned n, const struct app_file *file,
                     uint64_t seconds, const void *line, size_t size)
{
    struct file_message m = { .kind = FILE_MESSAGE_INFO, .id = file->store_id,
                              .seconds = seconds, .size = size };

    memcpy(m.sha256, file->sha256, sizeof m.sha256);
    if (size > PIECE_SIZE || !put(&s->doors[n], &m, line, RESERVE)) {
        atomic_fetch_add(&s->infos_lost, 1);
    }
}

const struct app_file_sink *file_store_sink(struct file_store *s, unsigned n)
{
    return &s->doors[n].sink;
}

bool file_store_wants_info(const struct file_store *s)
{
    return s->conf.write_fileinfo;
}

/* ---- Opening and closing ---- */

static bool check_hashes(const struct file_store_conf *conf, struct diag *diag)
{
    bool ok = true;

    for (size_t i = 0; i < conf->force_hash.n; i++) {
        const char *name = conf->force_hash.texts[i];

        if (strcmp(name, "md5") != 0 && strcmp(name, "sha1") != 0
            && strcmp(name, "sha256") != 0) {
            diag_add(diag, DIAG_ERROR, NULL, 0, 0, "md5, sha1 or sha256",
                     "file-store.force-hash: \"%s\" is no digest", name);
            ok = false;
        }
    }
    return ok;
}

static bool open_doors(struct file_store *s)
{
    s->doors = xcalloc(s->n_doors, sizeof *s->doors);
    for (unsigned i = 0; i < s->n_doors; i++) {
        struct store_door *d = &s->doors[i];

        d->store = s;
        d->sink = (struct app_file_sink) { .context = d, .open = open_file,
                                           .write = write_file, .close = close_file,
                                           .drop = drop_file };
        d->ring = file_ring_create((size_t) s->conf.queue);
        for (uint32_t place = MAX_PLACES; place > 0; place--) {
            d->free_places[d->n_free++] = place;
        }
        if (d->ring == NULL) {
            return false;
        }
    }
    return true;
}

struct file_store *file_store_open(const struct file_store_conf *conf, const char *folder,
                                   unsigned n_workers, bool waits, struct diag *diag)
{
    struct file_store *s = xcalloc(1, sizeof *s);
    bool is_below = folder != NULL && conf->dir[0] != '/';

    s->conf = *conf;
    s->n_doors = n_workers;
    s->waits = waits;
    s->dir = -1;
    s->path = xasprintf("%s%s%s", is_below ? folder : "", is_below ? "/" : "", conf->dir);
    s->files = xcalloc((size_t) n_workers * (MAX_PLACES + 1), sizeof *s->files);
    bool ok = check_hashes(conf, diag) && store_folder_open(s, diag);
    if (ok && (!open_doors(s)
               || pthread_create(&s->thread, NULL, store_writer_run, s) != 0)) {
        diag_add(diag, DIAG_ERROR, NULL, 0, 0, "lower file-store.queue",
                 "no memory or thread for the store of files");
        ok = false;
    } else {
        s->has_thread = ok;
    }
    if (!ok) {
        (void) file_store_close(s);
        return NULL;
    }
    return s;
}

void file_store_finish(struct file_store *s)
{
    if (s != NULL && s->has_thread) {
        atomic_store(&s->is_ending, true);
        pthread_join(s->thread, NULL);
        s->has_thread = false;
    }
}

bool file_store_close(struct file_store *s)
{
    bool is_whole = true;

    if (s != NULL) {
        file_store_finish(s);
        is_whole = s->errors == 0;
        for (unsigned i = 0; s->doors != NULL && i < s->n_doors; i++) {
            file_ring_destroy(s->doors[i].ring);
        }
        if (s->dir >= 0) {
            close(s->dir);
        }
        free(s->doors);
        free(s->files);
        free(s->path);
        free(s);
    }
    return is_whole;
}

void file_store_counters_read(const struct file_store *s, struct file_store_counters *c)
{
    *c = (struct file_store_counters) {
        .stored = s->stored, .duplicates = s->duplicates, .bytes = s->bytes,
        .dropped_ring = s->dropped_ring, .dropped_places = s->dropped_places,
        .dropped_limit = s->dropped_limit, .errors = s->errors, .infos = s->infos,
        .infos_lost = s->infos_lost,
    };
}
