/* The versions of the history's schema. */
#ifndef FWSNIFF_BATCH_STORE_SCHEMA_H
#define FWSNIFF_BATCH_STORE_SCHEMA_H

#include "analyzer/batch/store.h"

/* store_schema[n] makes version n + 1 of version n; version 0 is an empty file. What was released
 * is never changed: a new version is a new entry. */
extern const char *const store_schema[STORE_VERSION];

#endif
