#ifndef CIVICSHIELD_TESTS_BENCH_MEMORY_H
#define CIVICSHIELD_TESTS_BENCH_MEMORY_H

#include "sensor/capture/capture.h"

struct memory {
    struct frame *frames;       /* Each with bytes of its own. */
    size_t n, cap, next, burst;
    uint32_t longest;
    struct frame *taken;        /* The burst at hand, ... */
    uint8_t *block;             /* ... and its bytes. */
};

/* Reads all of queue 0. */
void memory_load(struct memory *, struct capture *);
/* Frames will come by at most 'burst'. */
void memory_start(struct memory *, size_t burst);
/* The next burst, good until the next call; 0 at the end. */
size_t memory_read(struct memory *, const struct frame **frames);
void memory_fini(struct memory *);

#endif
