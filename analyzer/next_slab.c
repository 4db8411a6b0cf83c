#include "analyzer/next_slab.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "analyzer/memory.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; where it is not known, it does nothing */
#endif

bool next_slab_pays(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

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

/* Signals are for those who know what to do about them. Without a thread the slab is cleared when
 * it is used. */
void next_slab_begin(struct next_slab *next, size_t slabs, size_t count, size_t size)
{
    sigset_t all, before;
    if (next->slab || slabs < NEXT_SLAB_MANY + 1 || !next_slab_pays())
        return;
    next->bytes = count * size;
    next->slab = memory_slab(slabs, count, size);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    next->running = pthread_create(&next->thread, NULL, clear, next) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void *next_slab_take(struct next_slab *next, size_t slabs, size_t count, size_t size)
{
    wait(next);
    void *slab = next->slab ? next->slab : memory_slab(slabs, count, size);
    next->slab = NULL;
    return slab;
}

void next_slab_drop(struct next_slab *next)
{
    wait(next);
    if (next->slab)
        memory_table_free(next->slab, 1, next->bytes);
    next->slab = NULL;
}
