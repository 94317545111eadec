/* What the worker's side (filestore.c) and the writer (filestore_writer.c) share. */
#ifndef CIVICSHIELD_OUTPUT_FILESTORE_PRIVATE_H
#define CIVICSHIELD_OUTPUT_FILESTORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "sensor/output/file_ring.h"
#include "sensor/output/filestore.h"

/* Files that one worker stores at once. */
#define MAX_PLACES 1024u

struct store_door {             /* One worker's; only its thread touches it. */
    struct file_store *store;
    struct app_file_sink sink;
    struct file_ring *ring;
    uint32_t free_places[MAX_PLACES];
    uint32_t n_free;
    uint64_t sizes[MAX_PLACES + 1];     /* Bytes put so far, by place. */
};

struct store_file {             /* Below DIR/tmp; the writer's. */
    int fd;                     /* -1: closed between two writes. */
    bool has_begun, has_failed;
    uint64_t size;
};

struct file_store {
    struct file_store_conf conf;        /* Borrowed texts. */
    char *path;
    unsigned n_doors;
    bool waits;
    struct store_door *doors;

    /* The writer's. */
    pthread_t thread;
    bool has_thread;
    int dir;                            /* The folder. */
    struct store_file *files;           /* n_doors * (MAX_PLACES + 1) */
    uint64_t n_open;                    /* Of them, with a descriptor. */

    _Atomic bool is_ending;
    _Atomic uint64_t next_id;
    _Atomic uint64_t held_files, held_bytes;    /* In the folder and on the way there. */
    /* Counters, in the order of struct file_store_counters. */
    _Atomic uint64_t stored, duplicates, bytes, dropped_ring, dropped_places, dropped_limit;
    _Atomic uint64_t errors, infos, infos_lost;
};

/* filestore_writer.c: the folder as it is found or made, and what is in it counted; false
 * after reporting. */
bool store_folder_open(struct file_store *, struct diag *);
void *store_writer_run(void *store);

#endif
