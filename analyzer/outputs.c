#include "analyzer/outputs.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dissectors/ndpi_bridge.h"

enum { COLUMNS_DEFAULT = 80, COLUMNS_MIN = 40, COLUMNS_MAX = 120 };

static unsigned terminal_columns(int descriptor)
{
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < COLUMNS_MIN   ? COLUMNS_MIN
           : size.ws_col > COLUMNS_MAX ? COLUMNS_MAX
                                       : size.ws_col;
}

static bool open_one(FILE **file, const char *path, struct error *error)
{
    if (!path)
        return true;
    *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    return *file || error_set(error, "%s: cannot be written: %s", path, strerror(errno));
}

bool outputs_open(struct outputs *outputs, const struct options *options, struct error *error)
{
    *outputs = (struct outputs){
        .text = options_stdout_taken(options) ? NULL : stdout,
        .text_options =
            {
                .colour = options_colour(options, STDOUT_FILENO),
                .columns = terminal_columns(STDOUT_FILENO),
                .quiet = options->quiet,
                .only = options->explain && *options->explain ? options->explain : NULL,
                .verbosity = options->verbosity,
            },
    };
    return open_one(&outputs->json, options->json, error) &&
           open_one(&outputs->ndjson, options->ndjson, error) &&
           open_one(&outputs->html, options->html, error) &&
           open_one(&outputs->markdown, options->markdown, error) &&
           open_one(&outputs->evidence, options->evidence, error);
}

static bool check(struct outputs *outputs, bool written, FILE *file, const char *what)
{
    if (file && written && fflush(file) == 0)
        return true;
    return !file ||
           error_set(&outputs->problem, "the %s could not be written: %s", what, strerror(errno));
}

void outputs_failed(struct outputs *outputs, const char *what)
{
    outputs->failed = true;
    error_set(&outputs->problem, "the %s could not be written: %s", what, strerror(errno));
}

bool outputs_write(struct outputs *outputs, const struct report *report)
{
    bool text = !outputs->text || report_write_text(outputs->text, report, &outputs->text_options);
    text = check(outputs, text, outputs->text, "report");
    bool json = !outputs->json || report_write_json(outputs->json, report);
    json = check(outputs, json, outputs->json, "JSON report");
    int64_t last_ns = report->capture_count ? report->captures[0].last_ns : 0;
    bool events = !outputs->ndjson ||
                  report_write_ndjson(outputs->ndjson, EVENT_REPORT, last_ns, report, NULL);
    events = check(outputs, events, outputs->ndjson, "event stream");
    bool html = !outputs->html || report_write_html(outputs->html, report);
    html = check(outputs, html, outputs->html, "HTML report");
    bool markdown = !outputs->markdown || report_write_markdown(outputs->markdown, report);
    markdown = check(outputs, markdown, outputs->markdown, "Markdown report");
    return text && json && events && html && markdown && !outputs->failed;
}

static void close_one(FILE *file)
{
    if (file && file != stdout)
        fclose(file);
}

void outputs_close(struct outputs *outputs)
{
    close_one(outputs->json);
    close_one(outputs->ndjson);
    close_one(outputs->html);
    close_one(outputs->markdown);
    close_one(outputs->evidence);
}

const char *outputs_ndpi_version(void)
{
    return ndpi_bridge_version();
}
