#include "collector/format/civicshield.h"

#include <stdlib.h>

#include "common/base/alloc.h"
#include "common/base/arena.h"

#define ARENA_BLOCK (256u << 10)
/* A legitimate record unfolds to a few times its size. */
#define ARENA_LIMIT (16u << 20)

struct format_reader {
    struct arena arena;
    ProtobufCAllocator allocator;       /* Draws on the arena. */
};

static void *take_memory(void *state, size_t size)
{
    struct format_reader *reader = state;

    /* protobuf-c takes NULL for "no memory", also where it asked for none. */
    return arena_alloc(&reader->arena, size != 0 ? size : 1);
}

static void keep_memory(void *state, void *memory)
{
    (void) state, (void) memory;        /* The whole arena is reset at once. */
}

struct format_reader *format_reader_create(void)
{
    struct format_reader *reader = xcalloc(1, sizeof *reader);

    arena_init(&reader->arena, ARENA_BLOCK, ARENA_LIMIT);
    reader->allocator = (ProtobufCAllocator) { take_memory, keep_memory, reader };
    return reader;
}

void format_reader_destroy(struct format_reader *reader)
{
    if (reader != NULL) {
        arena_fini(&reader->arena);
        free(reader);
    }
}

const Civicshield__Wire__V1__Event *format_read_event(struct format_reader *reader,
                                                      struct slice record,
                                                      const char **reason)
{
    const Civicshield__Wire__V1__Event *event;

    if (record.size == 0) {
        *reason = "the record is empty";
        return NULL;
    }
    if (record.size > FORMAT_MAX_RECORD) {
        *reason = "the record is too large";
        return NULL;
    }
    arena_reset(&reader->arena);
    event = civicshield__wire__v1__event__unpack(&reader->allocator, record.size,
                                                 record.bytes);
    if (event == NULL) {
        *reason = "the record is not an event of this schema";
    }
    return event;
}
