/* Giving up what a live capture needed, before the first frame is looked at. */
#ifndef FWSNIFF_CAPTURE_PRIVILEGES_H
#define FWSNIFF_CAPTURE_PRIVILEGES_H

#include <stdbool.h>

#include "analyzer/error.h"

/* Call it once the source and all output files are open, and before any thread is started: Linux
 * keeps capabilities for each thread. Drops every capability; as root also becomes the user that
 * called sudo, or else `nobody`, with no other groups; and sets no_new_privs, so that nothing
 * brings them back. Checks that all of it worked. False, with the reason, where it did not: end
 * the program then. Also right without any privilege. */
bool privileges_drop(struct error *error);

#endif
