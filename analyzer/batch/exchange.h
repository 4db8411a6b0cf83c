/* The first failing attempt of a finding, packet by packet, as the history keeps it: what the
 * ladder of a site's page is drawn from.
 *
 *   {"client_port", "steps": [{"capture", "frame", "after_s", "from": "client"|"server"|"other",
 *    "flags", "sequence", "length", "hop_limit", "icmp": null|{"ip", "type", "code"}, "lost",
 *    "repeats"}]} */
#ifndef FWSNIFF_BATCH_EXCHANGE_H
#define FWSNIFF_BATCH_EXCHANGE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "analyzer/report/report.h"

/* Frames are those of the tracker, captures are named by the caller. NULL: there is none. */
cJSON *exchange_document(const struct finding *finding);

/* The ladder of a finding of fwsniff.report/1 that has an "exchange"; nothing where it has none.
 * `capture_name` gives the name of a capture from its id. */
void exchange_draw(FILE *out, const cJSON *document,
                   const char *(*capture_name)(const void *context, const char *id),
                   const void *context);

#endif
