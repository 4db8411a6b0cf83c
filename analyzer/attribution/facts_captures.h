/* Facts that only several captures together can establish, from what correlation found. */
#ifndef FWSNIFF_ATTRIBUTION_FACTS_CAPTURES_H
#define FWSNIFF_ATTRIBUTION_FACTS_CAPTURES_H

#include "analyzer/attribution/facts.h"
#include "analyzer/correlation/correlation.h"

/* Adds to facts[FACT_COUNT] of a finding of capture `own`. What lies between the two captures is
 * left to facts_set_between(), as it depends on where they were taken. */
void facts_of_captures(const struct joint *joint, uint32_t own, struct fact *facts);

/* `between`: bits of stretch.h. */
void facts_set_between(const struct joint *joint, unsigned between, struct fact *facts);

/* Of FTP in active mode, where both captures have the control connection: `near_server` and
 * `near_client` are the facts of each, of capture `server_capture` the first. */
void facts_of_ftp_data(const struct fact *near_server, const struct fact *near_client,
                       uint32_t server_capture, uint32_t own, struct fact *facts);

/* What only the other capture of the same failure has: controls, and what shows on the box alone
 * that made a packet. `theirs`: its facts. */
void facts_take_theirs(const struct fact *theirs, uint32_t capture, struct fact *facts);

#endif
