#include "analyzer/capture/ahead.h"

#include <pthread.h>
#include <stdlib.h>

#include "analyzer/memory.h"
#include "analyzer/thread.h"

enum {
    BLOCKS = 5,
    HELD = 2, /* of these by who takes them: one is worked on, one may still be looked at */
};

struct ahead {
    ahead_read *read;
    void *context;
    pthread_t thread;
    bool running;
    uint8_t *memory[BLOCKS];

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    ssize_t size[BLOCKS]; /* what `read` returned */
    size_t filled, taken; /* so far */
    bool stop, ended;
};

/* A place for the next block, or -1: to stop. */
static int wait_for_room(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->stop && ahead->filled - ahead->taken >= BLOCKS - HELD)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    int place = ahead->stop ? -1 : (int)(ahead->filled % BLOCKS);
    pthread_mutex_unlock(&ahead->lock);
    return place;
}

static void *read_on(void *context)
{
    struct ahead *ahead = context;
    for (int place; (place = wait_for_room(ahead)) >= 0;) {
        ssize_t size =
            ahead->read(ahead->context, ahead->memory[place] + AHEAD_HEADROOM, AHEAD_BLOCK);
        pthread_mutex_lock(&ahead->lock);
        ahead->size[place] = size;
        ahead->filled++;
        ahead->ended = size <= 0;
        pthread_cond_signal(&ahead->changed);
        pthread_mutex_unlock(&ahead->lock);
        if (size <= 0)
            break;
    }
    return NULL;
}

struct ahead *ahead_open(ahead_read *read, void *context)
{
    struct ahead *ahead = memory_zeroed(1, sizeof *ahead);
    ahead->read = read;
    ahead->context = context;
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    for (int i = 0; i < BLOCKS; i++)
        ahead->memory[i] = memory_resize(NULL, AHEAD_HEADROOM + AHEAD_BLOCK, 1);
    ahead->running = thread_begin(&ahead->thread, read_on, ahead);
    if (ahead->running)
        return ahead;
    ahead_close(ahead);
    return NULL;
}

ssize_t ahead_next(struct ahead *ahead, uint8_t **block)
{
    pthread_mutex_lock(&ahead->lock);
    while (ahead->taken == ahead->filled && !ahead->stop && !ahead->ended)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    size_t place = ahead->taken % BLOCKS;
    ssize_t size = 0;
    if (ahead->taken < ahead->filled) {
        size = ahead->size[place];
        ahead->taken++;
    }
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    *block = ahead->memory[place] + AHEAD_HEADROOM;
    return size;
}

void ahead_stop(struct ahead *ahead)
{
    if (!ahead->running)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->stop = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    ahead->running = false;
}

void ahead_close(struct ahead *ahead)
{
    if (!ahead)
        return;
    ahead_stop(ahead);
    for (int i = 0; i < BLOCKS; i++)
        free(ahead->memory[i]);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}
