#include "analyzer/knowledge.h"

#include <limits.h>

#include "analyzer/attribution/facts.h"

bool knowledge_load(struct knowledge *knowledge, const struct options *options, struct error *error)
{
    char directory[PATH_MAX];
    *knowledge = (struct knowledge){0};
    if (!rules_find_directory(options->rules_directory, directory, sizeof directory, error))
        return false;
    knowledge->rules = rules_load(directory, fact_definitions, FACT_COUNT, error);
    if (!knowledge->rules || !thresholds_load(&knowledge->thresholds, knowledge->rules, error))
        return false;
    knowledge->signs = signs_load(directory, error);
    if (!knowledge->signs)
        return false;
    const struct profile_request request = {
        .directory = directory,
        .names = options->profiles,
        .name_count = options->profile_count,
        .files = options->profile_files,
        .file_count = options->profile_file_count,
        .ports = options->ports,
        .port_count = options->port_count,
        .pins = options->pins,
        .pin_count = options->pin_count,
    };
    knowledge->profiles = profiles_load(&request, error);
    return knowledge->profiles != NULL;
}

void knowledge_free(struct knowledge *knowledge)
{
    profiles_free(knowledge->profiles);
    signs_free(knowledge->signs);
    rules_free(knowledge->rules);
    *knowledge = (struct knowledge){0};
}
