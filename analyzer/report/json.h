/* The JSON that report.json and the live events share. */
#ifndef FWSNIFF_REPORT_JSON_H
#define FWSNIFF_REPORT_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "analyzer/report/report.h"

/* Owned by the caller; what could not be allocated is missing, NULL where that is all. */
cJSON *report_json_finding(const struct report *report, const struct finding *finding);

/* How a verdict came about, for the field "ledger" of a finding. */
cJSON *report_json_ledger(const struct ledger *ledger);
cJSON *report_json_capture(const struct capture_report *capture);
cJSON *report_json_tool(const char *ndpi_version);

/* Writes a value on one line. The text is pure JSON whatever the strings hold: bytes
 * that are not UTF-8 become U+FFFD, controls and invisible characters \uNNNN, so that the output
 * is safe to show on a terminal too. */
void report_json_print(FILE *out, const cJSON *item);
/* And frees it. */
void report_json_item(FILE *out, cJSON *item);

/* The report document; on a single line for NDJSON. No newline at the end. */
void report_json_document(FILE *out, const struct report *report, bool single_line);

#endif
