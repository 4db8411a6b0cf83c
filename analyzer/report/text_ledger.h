/* The account of a verdict (--explain) on a page: one row for each rule, one column for each of
 * the six places, in natural log-odds. */
#ifndef FWSNIFF_REPORT_TEXT_LEDGER_H
#define FWSNIFF_REPORT_TEXT_LEDGER_H

#include "analyzer/report/page.h"
#include "analyzer/report/report.h"

/* finding->ledger must be there. */
void text_ledger(struct page *page, const struct finding *finding);

#endif
