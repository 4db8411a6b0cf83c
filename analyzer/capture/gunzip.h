/* gzip, RFC 1952: all that can be had of a stream, also of one that is cut or damaged. libarchive,
 * which the other compressions go through, throws away up to 64 KiB before such a place. */
#ifndef FWSNIFF_CAPTURE_GUNZIP_H
#define FWSNIFF_CAPTURE_GUNZIP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* More compressed bytes: `*data` stays valid until the next call. 0: the end; -1: none, `errno`. */
typedef ssize_t gunzip_input(void *context, const uint8_t **data);

struct gunzip;

struct gunzip *gunzip_open(gunzip_input *input, void *context);
void gunzip_close(struct gunzip *gunzip);

/* Up to `room` bytes, which is not 0; 0: the end; -1: damaged or cut here, see gunzip_problem(). */
ssize_t gunzip_read(struct gunzip *gunzip, uint8_t *target, size_t room);
const char *gunzip_problem(const struct gunzip *gunzip);

#endif
