/* The next slab of a table that grows and grows: a thread has the kernel clear it while the last
 * one is being filled. In a flood of new flows that is up to half of the time, and far more on a
 * virtual machine that has to be given the memory first. */
#ifndef FWSNIFF_NEXT_SLAB_H
#define FWSNIFF_NEXT_SLAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { NEXT_SLAB_MANY = 32 }; /* slabs: of a smaller table one more than needed is too much */

/* Whether a second thread could run at the same time. */
bool next_slab_pays(void);

/* Zeroed: none is being made. */
struct next_slab {
    pthread_t thread;
    bool running;
    void *slab;
    size_t bytes;
};

/* The slab behind `slabs` others is soon wanted: where there are more than NEXT_SLAB_MANY, and it
 * pays. */
void next_slab_begin(struct next_slab *next, size_t slabs, size_t count, size_t size);
/* The slab behind `slabs` others, as of memory_slab(). */
void *next_slab_take(struct next_slab *next, size_t slabs, size_t count, size_t size)
    __attribute__((returns_nonnull));
/* Frees what was made and not taken. */
void next_slab_drop(struct next_slab *next);

#endif
