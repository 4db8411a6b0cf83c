/* The rule engine: facts in, a verdict with its reasons out. It knows nothing of packets.
 *
 * Method: naive Bayes in log-odds. For each failure point the weights of all rules that hold are
 * added to 0; the probabilities are the softmax of the sums (natural logarithms: a weight of 0.7
 * doubles the odds, 2.3 is ten to one), none below PROBABILITY_FLOOR. Rules of one `group` rest on
 * the same observation: in file order, only the first that holds counts, so that correlated
 * evidence does not count twice.
 *
 * Files (commented JSON: // and block comments), read from one rules directory:
 *   attribution/<any>.json    {"rules": [...]}       evidence -> places
 *   attribution/mechanisms.json {"mechanisms": [...]} place and facts -> how it fails; first match
 *   attribution/summaries.json {"summaries": [...]}  the sentence for the person who has to act
 *   attribution/next-steps.json {"next_steps": [...]} what would decide it; first match, or none
 *   attribution/topologies.json {"topologies": [...]} what stands between the two; first match
 *   remedies/letters.json      {"letters": [...]}    what to write to the owner of the rule
 *   remedies/<any>.json        {"remedies": [...]}   who has to do what, with commands
 *   thresholds.json            numbers of the detectors (see symptom/thresholds.h)
 * rules/README.md is the manual for writing them. An unknown fact, word, place or field, or a
 * wrong type, is an error with file, line, column and what was expected. */
#ifndef FWSNIFF_ATTRIBUTION_RULES_H
#define FWSNIFF_ATTRIBUTION_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/attribution/fact.h"
#include "analyzer/error.h"
#include "analyzer/words.h"

enum {
    RULES_MAX = 512,          /* in all files together */
    VERDICT_REASONS_MAX = 64, /* rules that may hold for one verdict */
    SENTENCE_MAX = 480,       /* bytes of a sentence after its {names} are filled in */
    COMMANDS_MAX = 16,
    COMMAND_MAX = 400,
    STATIONS_MAX = 9,
    STATION_TEXT = 96, /* bytes of a station\'s name or note, its {names} filled in */
};

/* Nobody should claim certainty from a wire: what no rule foresaw stays possible. */
#define PROBABILITY_FLOOR 0.002

/* The names that "{name}" in sentences may have besides the facts. The caller of rules_judge()
 * gives those that are not of the verdict; one it leaves out reads "unknown". */
struct variable_definition {
    const char *name;
    bool in_commands; /* may stand in a command: its values have no blanks or quotes by nature */
    bool of_verdict;  /* the engine's own: first, second, confidence, candidates, mechanism */
};

enum { RULES_VARIABLES = 38 };
extern const struct variable_definition rules_variables[RULES_VARIABLES];

struct reason {
    const char *rule;   /* identifier; owned by the rules */
    const char *source; /* where the claim comes from; owned by the rules */
    char *text;
    double weight[FAILURE_POINTS]; /* what it added to each place */
    struct frame_list frames;      /* of all facts the rule tests, in one capture */
    uint32_t elsewhere;            /* 1 + index of that capture; 0: the finding's own */
};

struct command {
    const char *platform; /* "nftables", "windows", ...; owned by the rules */
    char *text;
};

/* What a packet meets on its way from the initiator (first) to the responder: for drawings. */
enum station_kind {
    STATION_HOST,
    STATION_FIREWALL,
    STATION_NETWORK,
    STATION_TUNNEL,
    STATION_KINDS
};

struct station {
    enum station_kind kind;
    uint32_t places; /* bits: failure points that stand here; 0: none can */
    bool aside;      /* part of the site, not on the way of this connection */
    char *name, *note;
};

/* For the person whose rule has to change, or who has to look. */
struct letter {
    char *subject, *text;
    char *check; /* how to see afterwards that it worked */
};

struct verdict {
    enum failure_point place;
    enum mechanism mechanism;
    double probability[FAILURE_POINTS]; /* sums to 1 */
    char *summary;                      /* this and all that follows is owned: verdict_release() */
    char *who, *action;
    struct command *commands;
    size_t command_count;
    bool has_next_step;
    char *next_step;
    struct letter letter; /* NULL texts: none */
    char *topology;       /* title; NULL: none */
    struct station *stations;
    size_t station_count;
    struct reason *reasons; /* in the order of their effect on `place` */
    size_t reason_count;
};

/* Everything in a rules directory. Immutable after loading; may be shared by threads. */
struct rules;

/* `facts` is the table of all facts there are; it must outlive the rules. NULL with a message. */
struct rules *rules_load(const char *directory, const struct fact_definition *facts,
                         size_t fact_count, struct error *error);
void rules_free(struct rules *rules);

/* The probabilities of the places by the rules that hold: the first half of a judgement, for a
 * caller who weighs several readings of the facts (over vantages, say). Arguments as below. */
void rules_weigh(const struct rules *rules, const struct fact *facts,
                 const struct variable *variables, double probability[FAILURE_POINTS]);

/* Judges one failure. `facts` has one entry for each definition; `variables` ends with a NULL
 * name and serves "{name}" in the sentences ("{fact}" gives a fact's value). The variable
 * "profile" is also what the field "profiles" of rules is compared with. `probability`: what the
 * caller made of several rules_weigh(); it sums to 1. NULL: that of these facts. With no remedy,
 * `who` and `action` are empty. A command into which something unsafe for a shell would go is left
 * out. */
void rules_judge(const struct rules *rules, const struct fact *facts,
                 const struct variable *variables, const double *probability,
                 struct verdict *verdict);

/* Frees what a verdict owns; the struct itself is the caller's. */
void verdict_release(struct verdict *verdict);

/* A number of thresholds.json by name ("syn.retries_min"). False with a message: there is none. */
bool rules_threshold(const struct rules *rules, const char *name, double *value,
                     struct error *error);

/* Where the rules are: `wanted` if not NULL, else $FWSNIFF_RULES if set and not empty, else beside
 * the running program (build tree: ../rules from build/), else FWSNIFF_DATA_DIR "/rules", else
 * ../share/fwsniff/rules from the program (an installation that was moved). False when the one
 * named is no directory, or no place has any; the message says where it was looked for. */
bool rules_find_directory(const char *wanted, char *path, size_t size, struct error *error);

#endif
