#include "common/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t block_size, size_t limit)
{
    *a = (struct arena) { .block_size = block_size, .limit = limit };
}

void arena_fini(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    while (a->blocks != NULL && a->blocks->next != NULL) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    if (a->blocks != NULL) {
        a->blocks->used = 0;
    }
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->limit || a->used > a->limit - size) {
        return NULL;
    }
    size_t rounded = (size + 7) & ~(size_t) 7;
    struct arena_block *block = a->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        size_t room = rounded > a->block_size ? rounded : a->block_size;
        block = malloc(sizeof *block + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->used = 0;
        block->next = a->blocks;
        a->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += rounded;
    a->used += rounded;
    return memset(memory, 0, rounded);
}

struct slice arena_copy(struct arena *a, const void *bytes, size_t size)
{
    uint8_t *copy = arena_alloc(a, size);

    if (copy == NULL) {
        return slice_of(NULL, 0);
    }
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    return slice_of(copy, size);
}

char *arena_strndup(struct arena *a, const void *text, size_t size)
{
    char *copy = arena_alloc(a, size + 1);

    if (copy != NULL && size != 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t) len + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t) len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return text;
}
