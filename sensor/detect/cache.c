/* Databases kept on disk.  A database that another wrote is code that another wrote: what
 * somebody else could have put or changed there is not read. */
#include <dirent.h>
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
#define SUFFIX ".hsdb"

struct database_cache {
    char *folder;
    int fd;                     /* Of 'folder'. */
};

/* What a file begins with. */
struct file_header {
    char magic[8];
    uint64_t key[2];
    uint64_t size, check;       /* Of the bytes behind it. */
};
static const char file_magic[8] = "CSHSDB1";

/* Ours or the administrator's, and nobody else may write it. */
static bool is_trusted(const struct stat *info)
{
    return (info->st_uid == geteuid() || info->st_uid == 0)
           && (info->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Where programs keep what they can make again: what systemd says, what the user says, or
 * where it is by custom.  NULL if there is no such place. */
static char *default_folder(void)
{
    const char *systemd = getenv("CACHE_DIRECTORY"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (systemd != NULL && systemd[0] == '/' && strchr(systemd, ':') == NULL) {
        return xstrdup(systemd);
    }
    if (cache != NULL && cache[0] == '/') {
        return xasprintf("%s/civicshield/patterns", cache);
    }
    return home != NULL && home[0] == '/' ? xasprintf("%s/.cache/civicshield/patterns", home)
                                          : NULL;
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    mkdir(path, 0700);          /* What does not work shows when the folder is opened. */
}

struct database_cache *database_cache_open(const char *conf, struct diag *diag)
{
    bool is_default = conf != NULL && strcmp(conf, "auto") == 0;
    char *folder;
    struct stat info;

    if (conf == NULL || conf[0] == '\0' || strcmp(conf, "no") == 0) {
        return NULL;
    }
    folder = is_default ? default_folder() : xstrdup(conf);
    if (folder == NULL) {
        return NULL;
    }
    make_folders(folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &info) == 0 && is_trusted(&info)) {
        struct database_cache *c = xcalloc(1, sizeof *c);

        c->folder = folder;
        c->fd = fd;
        return c;
    }
    if (fd >= 0) {
        diag_add(diag, DIAG_WARNING, folder, 0, 0,
                 "give it to the user of the sensor and let nobody else write it",
                 "compiled patterns are not kept: others can write to this folder");
        close(fd);
    } else if (!is_default) {   /* Nobody asked for the default. */
        diag_add(diag, DIAG_WARNING, folder, 0, 0, NULL,
                 "compiled patterns are not kept: %s", strerror(errno));
    }
    free(folder);
    return NULL;
}

void database_cache_close(struct database_cache *c)
{
    if (c != NULL) {
        close(c->fd);
        free(c->folder);
        free(c);
    }
}

static void name_file(const uint64_t key[2], char name[DATABASE_NAME_SIZE])
{
    snprintf(name, DATABASE_NAME_SIZE, "%016llx%016llx" SUFFIX, (unsigned long long) key[0],
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

/* The database in an open file; NULL unless all of it is as it was written. */
static hs_database_t *read_database(int fd, const struct stat *info, const uint64_t key[2])
{
    hs_database_t *database = NULL;
    struct file_header header;

    if (info->st_size > MAX_FILE || !read_all(fd, &header, sizeof header)
        || memcmp(header.magic, file_magic, sizeof file_magic) != 0
        || memcmp(header.key, key, sizeof header.key) != 0
        || header.size != (uint64_t) info->st_size - sizeof header) {
        return NULL;
    }
    char *bytes = xmalloc((size_t) header.size + 1);

    if (!read_all(fd, bytes, (size_t) header.size)
        || hash_bytes(hash_seed_fixed(), bytes, (size_t) header.size) != header.check
        || hs_deserialize_database(bytes, (size_t) header.size, &database) != HS_SUCCESS) {
        database = NULL;
    }
    free(bytes);
    return database;
}

hs_database_t *database_cache_read(const struct database_cache *c, const uint64_t key[2],
                                   struct diag *diag)
{
    char name[DATABASE_NAME_SIZE];
    hs_database_t *database = NULL;
    struct stat info;

    name_file(key, name);
    int fd = openat(c->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && is_trusted(&info)) {
        database = read_database(fd, &info, key);
    }
    if (database == NULL) {
        char *path = xasprintf("%s/%s", c->folder, name);

        diag_add(diag, DIAG_WARNING, path, 0, 0, NULL,
                 "the kept pattern database is damaged or not ours; it is made anew");
        free(path);
    } else {
        futimens(fd, NULL);     /* In use: the last to be thrown away. */
    }
    close(fd);
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

/* What 'name' was when looked at, if it is a database of ours. */
static bool look_at(const struct database_cache *c, const char *name, struct stat *info)
{
    size_t n = strlen(name), suffix = strlen(SUFFIX);

    return n == DATABASE_NAME_SIZE - 1 && strcmp(name + n - suffix, SUFFIX) == 0
           && fstatat(c->fd, name, info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info->st_mode);
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Removes the database that was used longest ago if all of them are too much; true if it
 * should be asked again. */
static bool remove_one(const struct database_cache *c)
{
    char oldest[DATABASE_NAME_SIZE] = "";
    struct timespec oldest_time = { 0, 0 };
    uint64_t bytes = 0;
    unsigned files = 0;
    int fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    struct stat info;

    if (listing == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    for (struct dirent *entry; (entry = readdir(listing)) != NULL; ) {
        if (look_at(c, entry->d_name, &info)) {
            bytes += (uint64_t) info.st_size;
            files++;
            if (oldest[0] == '\0' || is_older(&info.st_mtim, &oldest_time)) {
                memcpy(oldest, entry->d_name, DATABASE_NAME_SIZE);
                oldest_time = info.st_mtim;
            }
        }
    }
    closedir(listing);
    return (files > DATABASE_CACHE_FILES || bytes > DATABASE_CACHE_BYTES)
           && unlinkat(c->fd, oldest, 0) == 0;
}

void database_cache_write(const struct database_cache *c, const uint64_t key[2],
                          const hs_database_t *database, struct diag *diag)
{
    struct file_header header;
    char name[DATABASE_NAME_SIZE];
    char *bytes = NULL;
    size_t size;

    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
        return;
    }
    name_file(key, name);
    char *temporary = xasprintf("%s.%ld", name, (long) getpid());
    int fd = openat(c->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    memset(&header, 0, sizeof header);
    memcpy(header.magic, file_magic, sizeof file_magic);
    memcpy(header.key, key, sizeof header.key);
    header.size = size;
    header.check = hash_bytes(hash_seed_fixed(), bytes, size);
    bool ok = fd >= 0 && write_all(fd, &header, sizeof header) && write_all(fd, bytes, size);

    ok = (fd < 0 || close(fd) == 0) && ok && renameat(c->fd, temporary, c->fd, name) == 0;
    if (!ok) {
        diag_add(diag, DIAG_WARNING, c->folder, 0, 0, NULL,
                 "cannot keep compiled patterns here: %s", strerror(errno));
        unlinkat(c->fd, temporary, 0);
    }
    while (ok && remove_one(c)) {
    }
    free(bytes);
    free(temporary);
}
