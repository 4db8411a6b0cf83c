#include "analyzer/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL, (size_t)-1);
    return checked(realloc(old, bytes ? bytes : 1), bytes);
}

char *memory_string(const char *text)
{
    return checked(strdup(text), strlen(text) + 1);
}
