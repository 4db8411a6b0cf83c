/* The text to send to the owner of the rule, with the rule for each platform. An undecided verdict
 * asks for what would decide it and proposes no rule. */
#include "analyzer/report/format.h"
#include "analyzer/report/html.h"
#include "analyzer/report/letter.h"

static void write_paragraph(FILE *out, const char *lead, const char *text)
{
    if (!text[0])
        return;
    html_raw(out, "<p>%s", lead);
    html_text(out, text);
    fputs("</p>\n", out);
}

static void write_commands(FILE *out, const struct verdict *verdict)
{
    if (!verdict->command_count)
        return;
    fputs("<dl class=\"rules\">\n", out);
    for (size_t i = 0; i < verdict->command_count; i++) {
        fputs("<dt>", out);
        html_text(out, verdict->commands[i].platform);
        fputs("</dt><dd><pre>", out);
        html_text(out, verdict->commands[i].text);
        fputs("</pre></dd>\n", out);
    }
    fputs("</dl>\n", out);
}

void html_letter(FILE *out, const struct report *report, const struct finding *finding)
{
    const struct verdict *verdict = &finding->verdict;
    struct letter_lines lines;
    letter_lines_of(report, finding, &lines);
    html_raw(out, "<h3>%s</h3>\n<div class=\"letter\">\n", lines.title);
    if (verdict->who[0])
        write_paragraph(out, "<span class=\"soft\">To:</span> ", verdict->who);
    fputs("<p class=\"subject\"><span class=\"soft\">Subject:</span> ", out);
    html_text(out, lines.subject);
    fputs("</p>\n", out);
    write_paragraph(out, "", lines.text);
    if (lines.asks_for_capture)
        write_paragraph(out, "<strong>What is needed.</strong> ", verdict->next_step);
    write_paragraph(out,
                    lines.asks_for_capture ? "<strong>Until then.</strong> "
                                           : "<strong>Proposed.</strong> ",
                    verdict->action);
    write_commands(out, verdict);
    if (lines.placeholders)
        fputs("<p class=\"small soft\">Words in capitals stand for what the capture cannot show: "
              "put in "
              "your own.</p>\n",
              out);
    write_paragraph(out, "<strong>Evidence.</strong> ", lines.evidence);
    write_paragraph(out, "<strong>Afterwards.</strong> ", lines.check);
    fputs("</div>\n", out);
}
