/* A capture held in memory, handed out in bursts of any size: what the size of a burst alone
 * changes.  Frames are copied into a block as the capture room copies what it reads. */
#include "tests/bench/memory.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/alloc.h"

void memory_load(struct memory *m, struct capture *capture)
{
    struct capture_burst burst = { 0 };
    enum capture_status status;

    memset(m, 0, sizeof *m);
    while ((status = capture_read(capture, 0, &burst)) != CAPTURE_END) {
        for (size_t i = 0; status == CAPTURE_FRAMES && i < burst.n; i++) {
            struct frame *f = &burst.frames[i];
            uint8_t *copy = xmalloc(f->size + 1);
            memcpy(copy, f->bytes, f->size);
            m->frames = xgrow(m->frames, m->n, &m->cap, sizeof *m->frames);
            m->frames[m->n] = *f;
            m->frames[m->n++].bytes = copy;
            m->longest = f->size > m->longest ? f->size : m->longest;
        }
        capture_release(capture, &burst);
    }
    capture_burst_fini(&burst);
}

void memory_start(struct memory *m, size_t burst)
{
    m->burst = burst;
    m->next = 0;
    m->taken = xcalloc(burst, sizeof *m->taken);
    m->block = xmalloc(burst * (m->longest + 1));
}

size_t memory_read(struct memory *m, const struct frame **frames)
{
    size_t n = m->n - m->next < m->burst ? m->n - m->next : m->burst;
    uint8_t *at = m->block;

    for (size_t i = 0; i < n; i++) {
        m->taken[i] = m->frames[m->next + i];
        memcpy(at, m->taken[i].bytes, m->taken[i].size);
        m->taken[i].bytes = at;
        at += m->taken[i].size;
    }
    m->next += n;
    *frames = m->taken;
    return n;
}

void memory_fini(struct memory *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free((void *) m->frames[i].bytes);
    }
    free(m->frames);
    free(m->taken);
    free(m->block);
}
