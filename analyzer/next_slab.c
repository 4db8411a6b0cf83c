#include "analyzer/next_slab.h"

#include <sys/mman.h>

#include "analyzer/memory.h"
#include "analyzer/thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; where it is not known, it does nothing */
#endif

enum { MANY = 8 }; /* slabs */

static void *clear(void *context)
{
    const struct next_slab *next = context;
    (void)madvise(next->slab, next->bytes, MADV_POPULATE_WRITE);
    return NULL;
}

static void wait(struct next_slab *next)
{
    if (next->running)
        pthread_join(next->thread, NULL);
    next->running = false;
}

static void begin(struct next_slab *next, size_t slabs, size_t count, size_t size)
{
    next->bytes = count * size;
    next->slab = memory_slab(slabs, count, size);
    next->running = thread_begin(&next->thread, clear, next);
}

void *next_slab_take(struct next_slab *next, size_t slabs, size_t count, size_t size)
{
    wait(next);
    void *slab = next->slab ? next->slab : memory_slab(slabs, count, size);
    next->slab = NULL;
    if (slabs >= MANY && thread_pays())
        begin(next, slabs + 1, count, size);
    return slab;
}

void next_slab_drop(struct next_slab *next)
{
    wait(next);
    if (next->slab)
        memory_table_free(next->slab, 1, next->bytes);
    next->slab = NULL;
}
