#include "analyzer/report/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/report/escape.h"

void page_begin(struct page *page, FILE *out, unsigned width, bool colour)
{
    if (width < PAGE_WIDTH_MIN)
        width = PAGE_WIDTH_MIN;
    if (width > PAGE_WIDTH_MAX)
        width = PAGE_WIDTH_MAX;
    page->out = out;
    page->width = width;
    page->colour = colour;
    page->indent = page->first_indent = 0;
    page->begun = false;
    page->column = page->spaces = page->word_columns = 0;
    page->word_bytes = 0;
}

static void end_line(struct page *page)
{
    fputc('\n', page->out);
    page->begun = false;
    page->column = 0;
    page->spaces = 0;
}

static void put_spaces(struct page *page, unsigned count)
{
    fprintf(page->out, "%*s", (int)count, "");
    page->column += count;
}

/* Puts the word on this line, or on the next one where it does not fit. */
static void flush_word(struct page *page)
{
    if (page->word_bytes == 0)
        return;
    if (page->word_columns > 0) {
        unsigned before = page->begun ? page->spaces : page->first_indent;
        if (page->begun && page->column + page->spaces + page->word_columns > page->width) {
            end_line(page);
            before = page->indent;
        }
        put_spaces(page, before);
        page->begun = true;
        page->spaces = 0;
    }
    fwrite(page->word, 1, page->word_bytes, page->out);
    page->column += page->word_columns;
    page->word_columns = 0;
    page->word_bytes = 0;
}

static void add_to_word(struct page *page, const char *shown, unsigned columns)
{
    size_t bytes = strlen(shown);
    if (page->word_columns + columns > page->width - page->indent ||
        page->word_bytes + bytes > sizeof page->word)
        flush_word(page);
    if (page->word_bytes == 0)
        page->first_indent = page->indent;
    memcpy(page->word + page->word_bytes, shown, bytes);
    page->word_bytes += bytes;
    page->word_columns += columns;
}

void page_text(struct page *page, const char *text)
{
    while (*text) {
        char shown[ESCAPE_UNIT];
        unsigned columns = escape_next(&text, shown);
        if (shown[0] == ' ') {
            flush_word(page);
            page->spaces++;
        } else {
            add_to_word(page, shown, columns);
        }
    }
}

void page_printf(struct page *page, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (text)
        page_text(page, text);
    free(text);
}

void page_style(struct page *page, enum page_style style)
{
    /* ECMA-48 8.3.117 (SGR) */
    static const char *const sequences[PAGE_STYLES] = {
        [STYLE_PLAIN] = "\033[0m",   [STYLE_STRONG] = "\033[1m",  [STYLE_BAD] = "\033[1;31m",
        [STYLE_WARN] = "\033[1;33m", [STYLE_GOOD] = "\033[1;32m", [STYLE_FAINT] = "\033[2m",
    };
    if (page->colour)
        add_to_word(page, sequences[style], 0);
}

void page_tab(struct page *page, unsigned column)
{
    flush_word(page);
    if (!page->begun) { /* nothing before it that could fill the line */
        put_spaces(page, column > page->indent ? column : page->indent);
        page->begun = true;
        return;
    }
    page->spaces = column > page->column ? column - page->column : 1;
}

void page_line(struct page *page)
{
    flush_word(page);
    end_line(page);
}

void page_verbatim(struct page *page, const char *text)
{
    if (page->begun || page->word_bytes > 0)
        page_line(page);
    bool start = true;
    while (*text) {
        if (start)
            put_spaces(page, page->indent);
        start = *text == '\n';
        if (start) {
            end_line(page);
            text++;
            continue;
        }
        char shown[ESCAPE_UNIT];
        escape_next(&text, shown);
        fputs(shown, page->out);
    }
    if (!start)
        end_line(page);
    page->column = 0;
}
