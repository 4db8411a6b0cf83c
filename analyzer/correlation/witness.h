/* Whether a capture that does not hold an attempt would hold it, had it come by. */
#ifndef FWSNIFF_CORRELATION_WITNESS_H
#define FWSNIFF_CORRELATION_WITNESS_H

#include "analyzer/correlation/correlation.h"

/* Two captures with their pairing: `own` is index 0 or 1 in it, the other capture `!own`. */
struct couple {
    const struct pairing *pairing;
    const struct correlation_view *view[2]; /* by index in the pairing */
    int own;
};

/* The best witness that the other capture sees the path of `failure` of the own one. `*match` is
 * the conversation that shows it; zeroed for WITNESS_HOST and WITNESS_TOLD. */
enum witness witness_find(const struct couple *couple, const struct failure *failure,
                          struct match *match);

/* Whether packets of `side` of conversations between these two (as capture `index` of the pairing
 * names them) are in that capture, where they come by. */
bool witness_sees(const struct couple *couple, int index, const struct ip_address *client,
                  const struct ip_address *server, enum side side);

#endif
