/* What every command line of the program has in common: numbers, quantities and the look of help.
 */
#ifndef FWSNIFF_ARGUMENTS_H
#define FWSNIFF_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/report/page.h"

/* Digits only, to the end of the text or to `*rest` where that is given. False: no number, or one
 * above the limit. */
bool argument_number(const char *text, uint64_t limit, uint64_t *number, const char **rest);

struct argument_unit {
    const char *suffix;
    uint64_t factor;
};

/* A number and one of the units (the last has a NULL suffix). */
bool argument_quantity(const char *text, const struct argument_unit *units, uint64_t limit,
                       uint64_t *quantity);

enum { HELP_WIDTH = 80 };

/* One option of --help. `letter` 0: none. `argument`: no_argument, ... `value` NULL: none. */
void argument_help(struct page *page, const char *name, char letter, int argument,
                   const char *value, const char *help);

#endif
