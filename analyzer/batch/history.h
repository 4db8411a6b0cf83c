/* `fwsniff history`: findings, sites, runs and captures, as text or JSON. */
#ifndef FWSNIFF_BATCH_HISTORY_H
#define FWSNIFF_BATCH_HISTORY_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/batch/options.h"

#define HISTORY_SCHEMA "fwsniff.history/1"

bool history_answer(const struct batch_options *options, FILE *out, struct error *error);

#endif
