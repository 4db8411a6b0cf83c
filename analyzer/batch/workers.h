/* Units in parallel, each in a process of its own: nDPI is not safe for threads, and a crash, an
 * endless loop or a blow-up of memory ends one worker and no more. Of the file that a worker died
 * of the unit is freed, and begun again without it. */
#ifndef FWSNIFF_BATCH_WORKERS_H
#define FWSNIFF_BATCH_WORKERS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "analyzer/batch/unit.h"

enum { WORKERS_MAX = 256, DEATHS_MAX = 16 /* of one unit, until it is given up for this run */ };

struct workers_request {
    struct unit_request unit; /* `folder` and `progress` are filled in here */
    unsigned jobs;
    unsigned stall_s;   /* a worker that gets no further for so long is ended */
    const char *spool;  /* folder for what is unpacked */
    bool show_progress; /* on standard error */
    /* Called in the parent with each unit's result, in the order in which they end. False: stop. */
    bool (*take)(void *context, const cJSON *result);
    void *context;
};

/* False: stopped by `take`, by a signal, or because a process could not be made. */
bool workers_run(const struct workers_request *request, cJSON *units);

/* Removes a folder and what is in it. */
void remove_folder(const char *path);

#endif
