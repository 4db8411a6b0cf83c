/* The style sheet of all pages, in pieces; the last is NULL. */
#ifndef FWSNIFF_REPORT_HTML_STYLE_H
#define FWSNIFF_REPORT_HTML_STYLE_H

extern const char *const html_style[];

#endif
