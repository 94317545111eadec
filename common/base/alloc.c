#include "common/base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void xalloc_failed(size_t size)
{
    fprintf(stderr, "out of memory: %zu bytes were asked for\n", size);
    abort();
}

static void *checked(void *memory, size_t size)
{
    if (memory == NULL) {
        xalloc_failed(size);
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1), size);
}

void *xcalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1), size);
}

void *xmalloc_pages(size_t size)
{
    return checked(aligned_alloc(XPAGE_SIZE, size), size);
}

void *xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1), size);
}

void *xreallocarray(void *old, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        xalloc_failed(SIZE_MAX);
    }
    return xrealloc(old, n * size);
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t size)
{
    char *copy = xmalloc(size + 1);

    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return checked(len < 0 ? NULL : text, 0);
}

void *xgrow(void *array, size_t n, size_t *cap, size_t element_size)
{
    if (n < *cap) {
        return array;
    }
    *cap = *cap ? *cap * 2 : 8;
    return xreallocarray(array, *cap, element_size);
}

void alloc_advise_huge(void *memory, size_t size)
{
    uintptr_t at = (uintptr_t) memory, end = at + size;
    uintptr_t first = (at + ALLOC_HUGE_PAGE - 1) & ~(ALLOC_HUGE_PAGE - 1);

    if (first < end && end - first >= ALLOC_HUGE_PAGE) {
        (void) madvise((void *) first, (end - first) & ~(ALLOC_HUGE_PAGE - 1),
                       MADV_HUGEPAGE);
    }
}
