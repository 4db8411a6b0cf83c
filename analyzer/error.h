/* One error message, filled by the function that failed and shown by whoever called it.
 *
 * Functions that can fail take a `struct error *` and return false, NULL or a negative number.
 * The text is one line without a trailing newline, names the file (and the frame, where there is
 * one) and says what was expected. It may hold text from strangers: escape it when printing. */
#ifndef FWSNIFF_ERROR_H
#define FWSNIFF_ERROR_H

#include <stdbool.h>

enum { ERROR_TEXT_MAX = 512 };

struct error {
    char text[ERROR_TEXT_MAX];
};

/* Formats the message, cutting it at ERROR_TEXT_MAX - 1 bytes. Always returns false, so that
 * `return error_set(error, ...)` ends a function that failed. `error` may be NULL. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
