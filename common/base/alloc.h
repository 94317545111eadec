/* Allocation for start-up and configuration: these abort with a message when memory is
 * gone, so their callers need no error path.  Nothing that a packet can trigger may call
 * them; the packet path draws on pools (base/pool.h) that answer "full". */
#ifndef CIVICSHIELD_BASE_ALLOC_H
#define CIVICSHIELD_BASE_ALLOC_H

#include <stddef.h>

/* Ends the program, with a message, for want of 'size' bytes. */
_Noreturn void xalloc_failed(size_t size);

/* Each returns memory that the caller frees with free(); never NULL.  xmalloc(0) and
 * xcalloc(0, n) return a unique pointer. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
/* 'size' is a multiple of XPAGE_SIZE, and the memory begins with a page.  For what large files
 * are read into: the kernel copies from the beginnings of pages, and where both sides begin a
 * few bytes apart, as behind the header of malloc(), that takes three times as long. */
#define XPAGE_SIZE 4096
void *xmalloc_pages(size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
/* As realloc for 'n' elements of 'size' bytes; aborts if the product wraps. */
void *xreallocarray(void *old, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Room for one more element in 'array', which holds 'n' and has room for '*cap':
 * returns the array, perhaps moved, and doubles '*cap' when it was full. */
void *xgrow(void *array, size_t n, size_t *cap, size_t element_size);

/* Asks for huge pages (2 MiB) where 'memory' has room for whole ones, since it is looked into
 * all over: small ones would cost a walk of the page tables for nearly every look.  Advice
 * alone: where there are none, nothing changes. */
#define ALLOC_HUGE_PAGE ((size_t) 2 << 20)      /* What x86-64 and ARM64 have in common. */
void alloc_advise_huge(void *memory, size_t size);

#endif
