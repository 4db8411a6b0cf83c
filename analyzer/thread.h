/* Threads that take a part of the work off the one that analyzes. */
#ifndef FWSNIFF_THREAD_H
#define FWSNIFF_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Whether a second thread could run at the same time. */
bool thread_pays(void);

/* A thread that gets no signals: those are for who knows what to do about them. False: there is
 * none. To be joined. */
bool thread_begin(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
