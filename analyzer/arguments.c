#include "analyzer/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool argument_number(const char *text, uint64_t limit, uint64_t *number, const char **rest)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || (!rest && text[digits] != '\0'))
        return false;
    errno = 0;
    *number = strtoull(text, NULL, 10);
    if (rest)
        *rest = text + digits;
    return errno == 0 && *number <= limit;
}

bool argument_quantity(const char *text, const struct argument_unit *units, uint64_t limit,
                       uint64_t *quantity)
{
    const char *suffix;
    if (!argument_number(text, limit, quantity, &suffix))
        return false;
    for (; units->suffix; units++)
        if (strcmp(suffix, units->suffix) == 0)
            return !__builtin_mul_overflow(*quantity, units->factor, quantity) &&
                   *quantity <= limit;
    return false;
}

void argument_help(struct page *page, const char *name, char letter, int argument,
                   const char *value, const char *help)
{
    enum { INDENT = 2, COLUMN = 27 };
    char names[80];
    const char *open = argument == optional_argument ? "[=" : "=";
    const char *close = argument == optional_argument ? "]" : "";
    char short_name[] = "-i, ";
    short_name[1] = letter;
    snprintf(names, sizeof names, "%s--%s%s%s%s", letter ? short_name : "    ", name,
             value ? open : "", value ? value : "", value ? close : "");
    page->indent = INDENT + (letter ? 0 : 4);
    page_text(page, letter ? names : names + 4);
    if (*help && INDENT + strlen(names) + 2 > COLUMN)
        page_line(page);
    else if (*help)
        page_tab(page, COLUMN);
    page->indent = COLUMN;
    if (*help)
        page_text(page, help);
    page_line(page);
}
