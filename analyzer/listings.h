/* --list-profiles and -D: what can be watched, and where. */
#ifndef FWSNIFF_LISTINGS_H
#define FWSNIFF_LISTINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/options.h"

/* Print a table. False, with a message on standard error, where it could not be made. */
bool list_profiles(FILE *out, const struct options *options);
bool list_interfaces(FILE *out);

#endif
