/* Allocation for tables and start-up. A program that cannot get the memory for a table it was
 * told to have cannot go on, so these end it with a message and exit status 3. The size of what a
 * capture may make us allocate is limited by the caps of the tables, never by these. */
#ifndef FWSNIFF_MEMORY_H
#define FWSNIFF_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size) __attribute__((returns_nonnull));
void *memory_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
/* A zeroed table that is looked up at random. Large ones come in huge pages where the kernel has
 * them to give: a look-up in a table of 100 MB costs a walk through the page tables besides the
 * access itself. Freed with its own size. */
void *memory_table(size_t count, size_t size) __attribute__((returns_nonnull));
/* A zeroed slab that is filled from its beginning, in small pages: few captures fill the first, and
 * huge pages are what a virtual machine gives back first and waits longest for. What is not written
 * to costs no memory. One of 2 MiB or a multiple begins at a multiple of 2 MiB. */
void *memory_slab(size_t count, size_t size) __attribute__((returns_nonnull));
/* Frees either. */
void memory_table_free(void *table, size_t count, size_t size);

/* Asks for a cache line that is soon to be read or written. The assembly does nothing: without it
 * GCC takes a function that only asks for memory for one without effect, and leaves its calls out.
 */
static inline void memory_fetch(const void *at)
{
    __builtin_prefetch(at, 1);
    __asm__ volatile("");
}

/* What a library has allocated, or NULL. */
void *memory_got(void *memory) __attribute__((returns_nonnull));

char *memory_string(const char *text) __attribute__((returns_nonnull));

#endif
