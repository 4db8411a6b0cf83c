#include "analyzer/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *checked(void *memory, size_t bytes)
{
    if (!memory) {
        fprintf(stderr, "fwsniff: out of memory (wanted %zu bytes)\n", bytes);
        exit(3);
    }
    return memory;
}

void *memory_zeroed(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size), count * size);
}

void *memory_got(void *memory)
{
    return checked(memory, 0);
}

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL, (size_t)-1);
    return checked(realloc(old, bytes ? bytes : 1), bytes);
}

enum { HUGE_PAGE = 2 * 1024 * 1024 };

static bool is_huge(size_t bytes)
{
    return bytes >= HUGE_PAGE && bytes % HUGE_PAGE == 0;
}

/* Mapped with one huge page more than wanted, so that it can begin at the border of one. */
static void *map_aligned(size_t bytes, int advice)
{
    uint8_t *mapped =
        mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    size_t before = HUGE_PAGE - (uintptr_t)mapped % HUGE_PAGE;
    uint8_t *table = mapped + before;
    munmap(mapped, before);
    if (before < HUGE_PAGE)
        munmap(table + bytes, HUGE_PAGE - before);
    (void)madvise(table, bytes, advice);
    return table;
}

void *memory_table(size_t count, size_t size)
{
    size_t bytes = count * size;
    return is_huge(bytes) ? checked(map_aligned(bytes, MADV_HUGEPAGE), bytes)
                          : memory_zeroed(count, size);
}

void *memory_slab(size_t count, size_t size)
{
    size_t bytes = count * size;
    return is_huge(bytes) ? checked(map_aligned(bytes, MADV_NOHUGEPAGE), bytes)
                          : memory_zeroed(count, size);
}

void memory_table_free(void *table, size_t count, size_t size)
{
    size_t bytes = count * size;
    if (is_huge(bytes))
        munmap(table, bytes);
    else
        free(table);
}

char *memory_string(const char *text)
{
    return checked(strdup(text), strlen(text) + 1);
}
