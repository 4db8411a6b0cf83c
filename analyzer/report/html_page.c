/* The frame of every page: head, style sheet, escaping, small parts. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/report/escape.h"
#include "analyzer/report/html.h"
#include "analyzer/report/html_style.h"

void html_text(FILE *out, const char *text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"},
    };
    while (*text) {
        char shown[ESCAPE_UNIT];
        const char *written = shown;
        escape_next(&text, shown);
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (shown[0] == entities[i].character)
                written = entities[i].entity;
        fputs(written, out);
    }
}

void html_textf(FILE *out, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (text)
        html_text(out, text);
    free(text);
}

void html_raw(FILE *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
}

void html_address(FILE *out, const struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT];
    fputs(ip_is_unspecified(address) ? "any address" : ip_text(address, text), out);
}

/* The policy keeps the page from loading or sending anything, whatever stands in it. */
void html_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<meta name=\"generator\" content=\"fwsniff " FWSNIFF_VERSION "\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    html_text(out, title);
    fputs("</title>\n<style>\n", out);
    for (size_t i = 0; html_style[i]; i++)
        fputs(html_style[i], out);
    fputs("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n"
          "<main id=\"main\">\n",
          out);
}

void html_end(FILE *out)
{
    fputs(
        "</main>\n<footer><p>Made by fwsniff " FWSNIFF_VERSION
        " from captured packets. Frame numbers count from 1 in each capture, as Wireshark counts "
        "them. A probability is how sure the verdict is, not how bad the failure is.</p></footer>\n"
        "</body>\n</html>\n",
        out);
}

void html_section_begin(FILE *out, const char *id, const char *title)
{
    fputs("<section", out);
    if (id) {
        fputs(" id=\"", out);
        html_text(out, id);
        fputs("\"", out);
    }
    fputs(">\n<h2>", out);
    html_text(out, title);
    fputs("</h2>\n", out);
}

void html_section_end(FILE *out)
{
    fputs("</section>\n", out);
}

void html_chip(FILE *out, enum html_tone tone, const char *text)
{
    static const char *const classes[] = {
        [TONE_BAD] = "bad", [TONE_UNSURE] = "unsure", [TONE_GOOD] = "good", [TONE_PLAIN] = "plain"};
    html_raw(out, "<span class=\"chip %s\">", classes[tone]);
    html_text(out, text);
    fputs("</span>", out);
}
