/* Characters of text that strangers wrote, made safe one at a time. A terminal acts on control
 * bytes and on C1 controls, and shows bidi and invisible characters as something else than what is
 * there: all of these, and bytes that are not UTF-8 (RFC 3629), are shown as \xNN. */
#ifndef FWSNIFF_REPORT_ESCAPE_H
#define FWSNIFF_REPORT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESCAPE_UNIT = 20 }; /* four bytes as "\xNN" each, and the end */

/* Decodes the character at `text`, which must not be at its end. Returns its length in bytes, or 0
 * where the first byte begins no valid one (overlong, surrogate, cut short). */
size_t utf8_decode(const char *text, uint32_t *code);

/* Whether a character controls the display or hides in it instead of being shown. */
bool code_is_unsafe(uint32_t code);

/* Takes one character off `*text` (not at its end) and writes what may be shown for it. Returns
 * the terminal columns that takes. */
unsigned escape_next(const char **text, char shown[ESCAPE_UNIT]);

#endif
