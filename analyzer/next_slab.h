/* The slabs that a growing table will want next: a thread has the kernel clear them while those
 * before are being filled. In a flood of new flows that is up to half of the time, and far more on
 * a virtual machine that has to be given the memory first. */
#ifndef FWSNIFF_NEXT_SLAB_H
#define FWSNIFF_NEXT_SLAB_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    NEXT_SLAB_MANY = 32, /* slabs: of a smaller table what is made in vain is too much */
    NEXT_SLABS = 8,      /* that may be ready at once */
};

/* Whether a second thread could run at the same time. */
bool next_slab_pays(void);

/* Zeroed: there is no thread yet. */
struct next_slab {
    pthread_t thread;
    bool running;
    atomic_bool over;
    sem_t room, ready;
    void *slabs[NEXT_SLABS];
    size_t made, taken;    /* by the thread, from it */
    size_t left;           /* so many are made at most */
    size_t bytes, cleared; /* of a slab; of these, from its beginning */
};

/* The slab behind `have` others, as of memory_slab(), of a table that will have `most` of them.
 * Where it has more than NEXT_SLAB_MANY, and it pays, those behind are begun: `cleared` bytes from
 * their beginning are what will be used first. */
void *next_slab_take(struct next_slab *next, size_t have, size_t most, size_t bytes, size_t cleared)
    __attribute__((returns_nonnull));
/* Ends the thread, and frees what it made and nobody took. */
void next_slab_drop(struct next_slab *next);

#endif
