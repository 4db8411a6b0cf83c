/* The command lines of `fwsniff batch`, `fwsniff merge` and `fwsniff history`. Parsing prints and
 * opens nothing. */
#ifndef FWSNIFF_BATCH_OPTIONS_H
#define FWSNIFF_BATCH_OPTIONS_H

#include "analyzer/batch/stream.h"
#include "analyzer/options.h"

enum batch_command { COMMAND_BATCH, COMMAND_MERGE, COMMAND_HISTORY, BATCH_COMMANDS };
extern const char *const batch_command_words[BATCH_COMMANDS];

enum batch_result { BATCH_RUN, BATCH_HELP, BATCH_ERROR };

struct batch_options {
    enum batch_command command;
    char **words; /* what stands beside the options: captures, results, or the question */
    size_t word_count;

    const char *state;      /* folder of the history; batch_state_folder() where not given */
    const char *report;     /* folder of the report; NULL: STATE/report */
    const char *prometheus; /* file; NULL: none */
    const char *site;       /* batch: all captures are of this one; history: only this one */
    const char *site_pattern;
    enum stream_rule streams;
    unsigned jobs;
    uint64_t memory_max, unpacked_max; /* bytes */
    unsigned stall_s;
    int64_t time_ns; /* of the run; INT64_MIN: now */

    const char *plan;   /* file; "-": standard output; NULL: not wanted */
    unsigned share, of; /* --shard; 0: not wanted */
    const char *result;

    bool json;
    const char *states; /* --is; NULL: all */
    int64_t since_ns;   /* INT64_MIN: always */

    struct options analysis; /* profiles, ports, networks, -q and the like */
    char *owned_state;
};

/* `argv[0]` is the command. To be released with batch_options_free() whatever the result. `now_ns`:
 * what "7d" counts from. */
enum batch_result batch_options_parse(int argc, char **argv, int64_t now_ns,
                                      struct batch_options *options, struct error *error);
void batch_options_free(struct batch_options *options);
bool batch_options_write_help(FILE *out, enum batch_command command);

/* "2026-11-21T10:00:00Z", "2026-11-21" (its begin) or "@SECONDS" since 1970; UTC. */
bool batch_read_time(const char *text, int64_t *time_ns);

#endif
