/* What is really spoken on a product's connection: the first packets of each product attempt go to
 * nDPI, nothing else does. */
#ifndef FWSNIFF_SPEECH_H
#define FWSNIFF_SPEECH_H

#include <stdint.h>

#include "analyzer/flow/attempt.h"
#include "analyzer/spoken.h"
#include "dissectors/packet.h"

struct ndpi_bridge;

/* Owned by the attempt it hangs on until speech_forget(). */
struct speech;

/* Shows nDPI one packet of an attempt, as long as it wants more. `*bridge` is made when first
 * needed. */
void speech_listen(struct ndpi_bridge **bridge, struct attempt *attempt,
                   const struct packet *packet, enum side side, int64_t time_ns);

/* What was heard so far; texts live until speech_forget(). */
void speech_told(const struct attempt *attempt, struct spoken *spoken);

void speech_forget(struct ndpi_bridge *bridge, struct attempt *attempt);

#endif
