/* Blocks of a byte stream, read by a thread of their own while earlier ones are worked on: copying
 * from the kernel, and decompressing all the more, take as long as much of the analysis.
 *
 * A ring of a few blocks; the thread waits where all are full, who takes them where all are empty.
 */
#ifndef FWSNIFF_CAPTURE_AHEAD_H
#define FWSNIFF_CAPTURE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    AHEAD_BLOCK = 256 * 1024,
    AHEAD_HEADROOM = AHEAD_BLOCK, /* writable bytes before each block */
};

/* Reads up to `room` bytes; 0: the end; negative: failed. Not called again after these. */
typedef ssize_t ahead_read(void *context, uint8_t *target, size_t room);

struct ahead;

/* From now on, and until ahead_close(), `read` is called by the thread, and `context` is its.
 * NULL: no thread can be had. */
struct ahead *ahead_open(ahead_read *read, void *context);

/* Waits for the next block. Returns its size, or what `read` returned last. A block stays in place
 * until the call after the next. */
ssize_t ahead_next(struct ahead *ahead, uint8_t **block);

/* The thread ends, after the read it is in. What it has read stays for ahead_next(). */
void ahead_stop(struct ahead *ahead);
/* Ends the thread, and frees all blocks. */
void ahead_close(struct ahead *ahead);

#endif
