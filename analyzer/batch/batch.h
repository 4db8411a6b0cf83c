/* `fwsniff batch`, `fwsniff merge`, `fwsniff history`: many captures, one report, and what was
 * before. Returns the exit status of the contract: 0 no failure found, 1 failures found, 2 usage or
 * rules error, 3 something could not be read.
 *
 *   worklist -> workers (unit -> probe, unpack, streams, segments) -> store -> nightly report
 */
#ifndef FWSNIFF_BATCH_BATCH_H
#define FWSNIFF_BATCH_BATCH_H

#include <stdbool.h>

/* Is argv[1] one of these commands? */
bool batch_is_command(int argc, char **argv);
int batch_main(int argc, char **argv);

#endif
