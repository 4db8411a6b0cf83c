/* Allocation for tables and start-up. A program that cannot get the memory for a table it was
 * told to have cannot go on, so these end it with a message and exit status 3. The size of what a
 * capture may make us allocate is limited by the caps of the tables, never by these. */
#ifndef FWSNIFF_MEMORY_H
#define FWSNIFF_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size) __attribute__((returns_nonnull));
void *memory_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *memory_string(const char *text) __attribute__((returns_nonnull));

#endif
