/* What the sources of this room share. */
#ifndef CIVICSHIELD_CAPTURE_PRIVATE_H
#define CIVICSHIELD_CAPTURE_PRIVATE_H

#include "sensor/capture/capture.h"

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
    bool is_live, has_failed;
    char *description;          /* Owned. */
};

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
