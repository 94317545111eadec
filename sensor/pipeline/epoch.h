/* The epoch of a run, the second part of every event's identity.  Live it is random: one
 * run, one epoch.  In replay it is a hash of all that decides what events come out, so that
 * the same replay makes the same identities and its events are indexed once. */
#ifndef CIVICSHIELD_PIPELINE_EPOCH_H
#define CIVICSHIELD_PIPELINE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoch;

/* Large files are hashed in 'n_parts' parts at a time, each by a thread, so what comes out hangs
 * on that number; a file of one part as it is. */
struct epoch *epoch_begin(unsigned n_parts);
void epoch_add(struct epoch *, const void *bytes, size_t size);
/* The contents of a file, or of all files of a folder in the order of their names.  False
 * with errno set when the file or the folder cannot be read; what cannot be read in a folder
 * is left out. */
bool epoch_add_path(struct epoch *, const char *path);
/* The hash; frees. */
uint64_t epoch_end(struct epoch *);

/* For live capture and standard input, which cannot be read twice. */
uint64_t epoch_random(void);

#endif
