/* The nightly report, made of the history alone, so that it is the same wherever the captures were
 * analysed:
 *   index.html     all sites, what is new first      sites/NAME.html  one site
 *   report.json    the same for programs             sites/NAME.json  fwsniff.report/1 of the site
 *   findings.csv   one finding a line                (only sites that had captures in the run)
 * and the metrics. Each file is there whole or as it was before. */
#ifndef FWSNIFF_BATCH_NIGHTLY_H
#define FWSNIFF_BATCH_NIGHTLY_H

#include <stdio.h>

#include "analyzer/batch/store.h"

#define NIGHT_SCHEMA "fwsniff.night/1"

struct nightly_request {
    struct store *store;
    const char *folder;
    const char *prometheus; /* NULL: none */
    FILE *summary;          /* NULL: none */
    bool nothing_new;       /* since the latest run */
    unsigned jobs;          /* processes that write pages */
};

struct nightly_result {
    bool failing;    /* the latest run saw failures */
    bool unreadable; /* it had captures that could not be read */
};

bool nightly_write(const struct nightly_request *request, struct nightly_result *result,
                   struct error *error);

/* The report as a value: {"schema", "run", "time", "counts", "sites": [...], "trend": [...]}. The
 * writers below read this and nothing else. Owned by the caller; NULL with a message. */
cJSON *nightly_gather(struct store *store, struct error *error);

/* What the latest run says of a finding, in the order in which people want to know. "unseen": open,
 * and the run had nothing of this client and service. */
enum night_state {
    NIGHT_NEW,
    NIGHT_BACK,
    NIGHT_ONGOING,
    NIGHT_UNSEEN,
    NIGHT_RESOLVED,
    NIGHT_STATES
};
extern const char *const night_state_words[NIGHT_STATES];
enum night_state night_state_of(const cJSON *finding);

/* Everything that is known of a finding, as fwsniff.report/1 has it; rows hold it as a text. Owned
 * by the caller; NULL where there is none. */
cJSON *night_document(const cJSON *finding);

enum { NIGHT_FULL_MAX = 100 /* findings with everything about them, on the page of a site */ };

/* nightly_html.c */
void nightly_write_index(FILE *out, const cJSON *night);
void nightly_write_site(FILE *out, const cJSON *night, const cJSON *site);
/* nightly_data.c */
void nightly_write_csv(FILE *out, const cJSON *night);
void nightly_write_metrics(FILE *out, const cJSON *night);
void nightly_write_summary(FILE *out, const cJSON *night, bool nothing_new);

#endif
