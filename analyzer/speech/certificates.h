/* The certificates seen on product connections, each kept once: most connections show the same.
 * While packets pass only their bytes are compared; they are read when somebody asks. */
#ifndef FWSNIFF_SPEECH_CERTIFICATES_H
#define FWSNIFF_SPEECH_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#include "dissectors/x509.h"

enum { CERTIFICATES_MAX = 4096, CERTIFICATES_BYTES_MAX = 16 * 1024 * 1024 };

struct certificates;

struct certificates *certificates_new(size_t count_max, size_t bytes_max);
void certificates_free(struct certificates *certificates);

/* The number, from 1 on, of these bytes; the same for the same bytes. 0: they are new and there is
 * no room. */
uint32_t certificates_number(struct certificates *certificates, const uint8_t *der, size_t length);

/* Valid as long as the table. NULL for 0. */
const struct x509 *certificates_at(struct certificates *certificates, uint32_t number);

/* New certificates that found no room. */
uint64_t certificates_refused(const struct certificates *certificates);

#endif
