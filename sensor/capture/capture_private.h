/* What the sources of this room share. */
#ifndef CIVICSHIELD_CAPTURE_PRIVATE_H
#define CIVICSHIELD_CAPTURE_PRIVATE_H

#include "sensor/capture/capture.h"

#include <stdio.h>

struct bpf_program;

struct capture_class {
    void (*close)(struct capture *);
    enum capture_status (*read)(struct capture *, unsigned queue, struct capture_burst *);
    void (*release)(struct capture *, struct capture_burst *);
    void (*stats)(struct capture *, struct capture_stats *);
};

struct capture {
    const struct capture_class *class;
    unsigned n_queues;
    bool is_live, may_idle, has_failed;
    char *description;          /* Owned. */
};

/* pipe.c: standard input ("-"), named pipes and the like, which may keep a reader waiting. */
bool capture_pipe_is(const char *path);
struct capture_pipe;
/* A stream whose reads end, as at the end of a file, once capture_stop_on()'s flag is set.
 * NULL with errno set when it cannot be opened.  '*pipe' is the stream's: good until it is
 * closed. */
FILE *capture_pipe_open(const char *path, struct capture_pipe **pipe);
/* Waits up to 'ms' milliseconds until reading would give something, if only the end; false
 * if it would not.  What it gives may still be the beginning of a record. */
bool capture_pipe_wait(const struct capture_pipe *, int ms);
bool capture_pipe_is_stopped(void);

/* A compiled BPF expression for one link type. */
struct capture_filter;
/* NULL after reporting when 'expression' is no filter for 'link_type'. */
struct capture_filter *capture_filter_compile(const char *expression, int link_type,
                                              struct diag *);
void capture_filter_free(struct capture_filter *);
/* True if the frame passes; a NULL filter passes everything. */
bool capture_filter_passes(const struct capture_filter *, const uint8_t *bytes,
                           uint32_t size, uint32_t wire_size);

#endif
