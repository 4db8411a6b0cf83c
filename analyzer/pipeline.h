/* The whole way from options to reports, on one page; everything else is a stage it calls. */
#ifndef FWSNIFF_PIPELINE_H
#define FWSNIFF_PIPELINE_H

#include "analyzer/options.h"

/* Exit status, contract section 3. */
enum exit_status { EXIT_HEALTHY = 0, EXIT_FAILURES = 1, EXIT_USAGE = 2, EXIT_CAPTURE = 3 };

enum exit_status pipeline_run(const struct options *options);

#endif
