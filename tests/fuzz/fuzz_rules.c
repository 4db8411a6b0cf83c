/* Rules and profiles are read from files that strangers send: any text gives a message or rules
 * that can judge. The first byte says as which file the rest is read; seeds are the files of
 * rules/ with that byte before them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/profile_internal.h"
#include "analyzer/attribution/rules_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Facts of a failure, known or not by the bits of `seed`. */
static void make_facts(struct fact facts[FACT_COUNT], uint32_t seed)
{
    memset(facts, 0, FACT_COUNT * sizeof *facts);
    for (size_t i = 0; i < FACT_COUNT; i++) {
        const struct fact_definition *definition = &fact_definitions[i];
        seed = seed * 1664525 + 1013904223;
        facts[i].known = seed >> 31;
        facts[i].number = (seed >> 16) % 4;
        facts[i].word = definition->words ? definition->words[0] : NULL;
        frame_list_add(&facts[i].frames, seed % 1000);
    }
}

static void judge(const struct rules *rules, uint32_t seed)
{
    static const struct variable variables[] = {
        {"server", "192.0.2.1"}, {"profile", "a b"}, {"port", "{server}"}, {NULL, NULL}};
    struct fact facts[FACT_COUNT];
    struct verdict verdict;
    double sum = 0;
    make_facts(facts, seed);
    rules_judge(rules, facts, variables, NULL, &verdict);
    for (size_t i = 0; i < FAILURE_POINTS; i++)
        sum += verdict.probability[i];
    if (!(sum > 0.999 && sum < 1.001))
        abort();
    verdict_release(&verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const char *folder, *name;
    } files[] = {{"attribution", "any"},       {"attribution", "mechanisms"},
                 {"attribution", "summaries"}, {"attribution", "next-steps"},
                 {"remedies", "any"},          {"", "thresholds"}};
    enum { FILES = sizeof files / sizeof *files };
    struct error error = {""};
    if (size == 0)
        return 0;
    size_t which = data[0] % (FILES + 1);
    const char *text = (const char *)data + 1;
    if (which == FILES) {
        struct profile_file *file = profile_file_parse("profile", text, size - 1, &error);
        if (!file && !*error.text)
            abort();
        profile_file_free(file);
        return 0;
    }
    struct rules *rules = rules_new(fact_definitions, FACT_COUNT);
    struct json *json = json_parse("rules", text, size - 1, &error);
    if (rules_read_file(rules, files[which].folder, files[which].name, json))
        judge(rules, (uint32_t)size);
    else if (!*error.text)
        abort();
    rules_free(rules);
    return 0;
}
