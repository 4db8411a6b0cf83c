/* Running text on a page of fixed width: words are wrapped at spaces, lines after the first of a
 * paragraph are indented, and everything written is escaped for the terminal (escape.h). A word
 * longer than a line is cut. Words may be put together by several calls. */
#ifndef FWSNIFF_REPORT_PAGE_H
#define FWSNIFF_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    PAGE_WIDTH_MIN = 40,
    PAGE_WIDTH_MAX = 400,
    PAGE_WORD = 4 * PAGE_WIDTH_MAX + 256, /* bytes: a line of four-byte characters, and styles */
};

/* Of the 16 ANSI colours only, so that the user's own scheme decides what they look like. */
enum page_style {
    STYLE_PLAIN,
    STYLE_STRONG,
    STYLE_BAD,  /* red: a verdict */
    STYLE_WARN, /* yellow: undecided, incomplete */
    STYLE_GOOD, /* green: nothing failed */
    STYLE_FAINT,
    PAGE_STYLES
};

/* Initialise with page_begin(); only `indent` is meant to be changed. */
struct page {
    FILE *out;
    unsigned width;
    bool colour;
    unsigned indent; /* columns left free at the start of each line that is begun from now on */
    bool begun;      /* something stands on the line */
    unsigned column; /* columns used on it */
    unsigned first_indent; /* of the line that the word will begin */
    unsigned spaces;       /* wanted before the word */
    unsigned word_columns;
    size_t word_bytes;
    char word[PAGE_WORD];
};

void page_begin(struct page *page, FILE *out, unsigned width, bool colour);

void page_text(struct page *page, const char *text);
void page_printf(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_style(struct page *page, enum page_style style);

/* Goes on at a column of the line, at least one space on. */
void page_tab(struct page *page, unsigned column);

/* Ends the line. On an empty line: leaves one line free. */
void page_line(struct page *page);

/* Writes a text unwrapped on lines of its own, to be copied. Newlines in it begin a new line. */
void page_verbatim(struct page *page, const char *text);

#endif
