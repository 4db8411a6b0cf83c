/* The loaded rules, as rules_load.c makes them and rules_judge.c applies them. */
#ifndef FWSNIFF_ATTRIBUTION_RULES_INTERNAL_H
#define FWSNIFF_ATTRIBUTION_RULES_INTERNAL_H

#include "analyzer/attribution/json.h"
#include "analyzer/attribution/rules.h"

enum {
    CLAUSES_MAX = 8,
    CONDITIONS_MAX = 32, /* of one clause */
    VALUES_MAX = 32,     /* of one list of numbers or profiles */
    WORDS_MAX = 64,      /* a word fact's words are the bits of a uint64_t */
    ENTRIES_MAX = 512,   /* of each kind */
    THRESHOLDS_MAX = 512,
    DOCUMENTS_MAX = 2 * JSON_FILES_MAX + 1,
};
#define WEIGHT_MAX 6.0
#define NO_GROUP   ((size_t)-1)
#define NO_FACT    ((size_t)-1)

enum condition_kind {
    CONDITION_KNOWN, /* the fact is known, whatever it is */
    CONDITION_UNKNOWN,
    CONDITION_WORD,   /* its word is one of `words` */
    CONDITION_NUMBER, /* it equals one of `numbers`; flags are 0 and 1 */
    CONDITION_RANGE,  /* it is from `least` to `most` */
};

struct condition {
    size_t fact;
    enum condition_kind kind;
    uint64_t words; /* bit i: definition->words[i] */
    double *numbers;
    size_t number_count;
    double least, most;
};

/* All of these hold. */
struct clause {
    struct condition *conditions;
    size_t count;
};

/* Any of these holds. */
struct clauses {
    struct clause *all;
    size_t count;
};

/* When an entry of any kind applies. */
struct scope {
    struct clauses when, unless; /* count 0: not given */
    struct clause proto;         /* "proto", as a condition */
    const char **profiles;
    size_t profile_count;                /* 0: any */
    uint32_t places, second, mechanisms; /* bits; all set where not given */
    double min_confidence, max_confidence;
};

struct rule {
    struct scope scope;
    const char *id, *text, *source;
    size_t group; /* NO_GROUP: none */
    double weight[FAILURE_POINTS];
};

/* An entry of mechanisms, summaries, next steps, remedies, letters or topologies; unused parts are
 * NULL or 0. */
struct entry {
    struct scope scope;
    enum mechanism mechanism;
    const char *text; /* summaries, next steps, letters, topologies (title) */
    const char *who, *action;
    struct {
        const char *platform, *text;
    } commands[COMMANDS_MAX];
    size_t command_count;
    const char *subject, *check; /* letters */
    struct {
        enum station_kind kind;
        uint32_t places;
        bool aside;
        const char *name, *note;
    } stations[STATIONS_MAX]; /* topologies */
    size_t station_count;
};

enum entry_kind {
    ENTRY_MECHANISM,
    ENTRY_SUMMARY,
    ENTRY_NEXT_STEP,
    ENTRY_REMEDY,
    ENTRY_LETTER,
    ENTRY_TOPOLOGY,
    ENTRY_KINDS
};

struct entry_list {
    struct entry *all;
    size_t count;
};

struct threshold {
    const char *name;
    double value;
};

struct rules {
    const struct fact_definition *facts;
    size_t fact_count;
    size_t symptom; /* fact whose frames stand in for a rule without; NO_FACT: there is none */
    struct rule *rules;
    size_t rule_count;
    const char *groups[RULES_MAX];
    size_t group_count;
    struct entry_list entries[ENTRY_KINDS];
    const char *place_names[FAILURE_POINTS];
    struct threshold *thresholds;
    size_t threshold_count;
    struct json *documents[DOCUMENTS_MAX]; /* hold the texts */
    size_t document_count;
};

/* Reads one file's text into the rules, as a file of that name in that folder ("" is the rules
 * directory itself). For rules_load(), tests and fuzzing. Takes `json` over; NULL is a failure. */
struct rules *rules_new(const struct fact_definition *facts, size_t fact_count);
bool rules_read_file(struct rules *rules, const char *folder, const char *name, struct json *json);
/* What all files together must have. */
bool rules_complete(const struct rules *rules, const char *directory, struct error *error);

/* Index of a fact by name, or NO_FACT. */
size_t rules_fact(const struct rules *rules, const char *name);

/* rules_scope.c: reads an entry: the fields of its scope, of which `which` says how many it may
 * have, and `fields` of its own. Frees nothing when it fails: rules_free_scope(). */
enum scope_fields { SCOPE_EVIDENCE, SCOPE_MECHANISM, SCOPE_VERDICT };
bool rules_read_scope(const struct rules *rules, const struct json *json, const cJSON *node,
                      enum scope_fields which, const struct json_field *fields, size_t count,
                      struct scope *scope);
void rules_free_scope(struct scope *scope);

/* rules_judge.c: whether an entry applies, as far as that does not depend on the verdict. `clause`:
 * the one of its `when` that holds; NULL: it has none. */
bool rules_scope_fits(const struct rules *rules, const struct scope *scope,
                      const struct fact *facts, const struct variable *variables,
                      const struct clause **clause);

/* rules_condition.c: reading and applying conditions. */
bool rules_read_clauses(const struct rules *rules, const struct json *json, const cJSON *node,
                        struct clauses *clauses);
/* The one condition {fact: value}. */
bool rules_read_condition(const struct rules *rules, const struct json *json, const cJSON *node,
                          const char *name, struct clause *clause);
void rules_free_clause(struct clause *clause);
void rules_free_clauses(struct clauses *clauses);
bool rules_clause_holds(const struct rules *rules, const struct clause *clause,
                        const struct fact *facts);
/* The first clause that holds, or NULL. */
const struct clause *rules_clauses_hold(const struct rules *rules, const struct clauses *clauses,
                                        const struct fact *facts);

/* rules_sentence.c: "{name}" in sentences and commands. */
enum sentence_kind { SENTENCE_EVIDENCE, SENTENCE_PLACE_NAME, SENTENCE_VERDICT, SENTENCE_COMMAND };
/* Reads a text and checks its {names}. */
bool rules_read_sentence(const struct rules *rules, const struct json *json, const cJSON *node,
                         enum sentence_kind kind, const char **text);

struct sentence_values {
    const struct rules *rules;
    const struct fact *facts;
    const struct variable *variables; /* the caller's; may be NULL */
    const struct variable *verdict;   /* the engine's; may be NULL */
};
/* Fills the names in. A text longer than `size` is cut between characters. */
void rules_fill_sentence(const struct sentence_values *values, const char *text, char *out,
                         size_t size);
/* False: a value is missing or unsafe for a shell, or the command does not fit. */
bool rules_fill_command(const struct sentence_values *values, const char *text, char *out,
                        size_t size);
/* The caller's value of a name, or NULL. */
const char *rules_variable(const struct variable *variables, const char *name);

#endif
