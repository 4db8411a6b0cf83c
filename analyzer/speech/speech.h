/* What is really spoken on a product's connection: the first bytes of each TCP direction, put in
 * order, go to the speaker that knows them; where none does, and for UDP, the first packets wait
 * for nDPI, which names the protocol when asked. Nothing is done for flows of no product. */
#ifndef FWSNIFF_SPEECH_SPEECH_H
#define FWSNIFF_SPEECH_SPEECH_H

#include <stdint.h>

#include "analyzer/attribution/profile.h"
#include "analyzer/flow/attempt.h"
#include "analyzer/speech/signs.h"
#include "analyzer/speech/spoken.h"
#include "analyzer/speech/stream.h"
#include "dissectors/ndpi_bridge.h"
#include "dissectors/packet.h"

/* Owned by the attempt it hangs on until speech_forget(). */
struct speech;

/* Listens to one capture. */
struct listener;

/* All outlive the listener; several may share them. `signs` may be NULL; `bridge` too: then the
 * listener makes one of its own when first needed. */
struct listener *listener_new(const struct profiles *profiles, const struct signs *signs,
                              struct stream_pool *pool, struct ndpi_bridge *bridge);
/* All attempts were forgotten. */
void listener_free(struct listener *listener);

/* One packet of an attempt, that is no copy. */
void speech_listen(struct listener *listener, struct attempt *attempt, const struct packet *packet,
                   enum side side, uint64_t frame, int64_t time_ns);

/* What the speakers heard so far; texts and records live until speech_forget(). `protocol` is NULL
 * where none of them knows it. */
void speech_heard(const struct attempt *attempt, struct spoken *spoken);
/* The same, and there nDPI is asked, which costs more than all else that is done for a connection:
 * for those that fail. */
void speech_told(const struct attempt *attempt, struct spoken *spoken);

void speech_forget(struct listener *listener, struct attempt *attempt);

/* New certificates that found no room. */
uint64_t listener_certificates_refused(const struct listener *listener);

#endif
