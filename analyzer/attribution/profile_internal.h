/* What profile.c, profile_read.c and profile_filter.c share. */
#ifndef FWSNIFF_ATTRIBUTION_PROFILE_INTERNAL_H
#define FWSNIFF_ATTRIBUTION_PROFILE_INTERNAL_H

#include <cjson/cJSON.h>

#include "analyzer/attribution/json.h"
#include "analyzer/attribution/profile.h"

/* One file. Texts of the profile point into the document. */
struct profile_file {
    struct profile profile;
    struct service *services; /* what profile.services points to */
    struct json *json;
    const cJSON **ports; /* of each service: the list in the document, for error positions */
    bool own;            /* of --profile-file */
};

struct profile_file *profile_file_read(const char *path, struct error *error);
/* The same from text; for tests and fuzzing. */
struct profile_file *profile_file_parse(const char *name, const char *text, size_t length,
                                        struct error *error);
void profile_file_free(struct profile_file *file);

#endif
