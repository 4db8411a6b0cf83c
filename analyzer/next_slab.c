#include "analyzer/next_slab.h"

#include <errno.h>
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

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        ;
}

static void *make(void *context)
{
    struct next_slab *next = context;
    while (next->made < next->left) {
        wait_for(&next->room);
        if (next->over)
            break;
        void *slab = memory_slab(next->bytes, 1);
        (void)madvise(slab, next->cleared, MADV_POPULATE_WRITE);
        next->slabs[next->made++ % NEXT_SLABS] = slab;
        sem_post(&next->ready);
    }
    return NULL;
}

/* Signals are for those who know what to do about them. Without a thread slabs are cleared when
 * they are used. */
static void begin(struct next_slab *next, size_t left, size_t bytes, size_t cleared)
{
    sigset_t all, before;
    next->left = left;
    next->bytes = bytes;
    next->cleared = cleared;
    sem_init(&next->room, 0, NEXT_SLABS);
    sem_init(&next->ready, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    next->running = pthread_create(&next->thread, NULL, make, next) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void *next_slab_take(struct next_slab *next, size_t have, size_t most, size_t bytes, size_t cleared)
{
    if (next->running && next->taken < next->left) {
        wait_for(&next->ready);
        void *slab = next->slabs[next->taken++ % NEXT_SLABS];
        sem_post(&next->room);
        return slab;
    }
    if (!next->running && have >= NEXT_SLAB_MANY && have + 1 < most && next_slab_pays())
        begin(next, most - have - 1, bytes, cleared);
    return memory_slab(bytes, 1);
}

void next_slab_drop(struct next_slab *next)
{
    if (!next->running)
        return;
    next->over = true;
    sem_post(&next->room);
    pthread_join(next->thread, NULL);
    for (; next->taken < next->made; next->taken++)
        memory_table_free(next->slabs[next->taken % NEXT_SLABS], next->bytes, 1);
    sem_destroy(&next->room);
    sem_destroy(&next->ready);
    next->running = false;
}
