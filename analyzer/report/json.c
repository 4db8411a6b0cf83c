/* The report as JSON, schema fwsniff.report/1 (docs/report.schema.json).
 *
 * Values are made and quoted by cJSON; the document around the findings is written piece by piece,
 * one finding a line, so that the memory needed does not grow with their number. */
#include "analyzer/report/json.h"

#include <inttypes.h>
#include <math.h>
#include <pcap/pcap.h>
#include <string.h>

#include "analyzer/report/escape.h"
#include "analyzer/report/format.h"
#include "analyzer/report/view.h"
#include "analyzer/speech/heard.h"

/* Exact beyond 2^53, unlike cJSON's doubles. */
static cJSON *count_item(uint64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, count);
    return cJSON_CreateRaw(text);
}

static cJSON *text_item(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

static cJSON *time_item(int64_t time_ns)
{
    char text[TIME_TEXT];
    return text_item(time_ns == INT64_MIN ? NULL : report_time_text(time_ns, text));
}

static cJSON *address_item(const struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT];
    return text_item(ip_text(address, text));
}

/* 0.9300 of 9300: the quotient is the double nearest to the decimal, so cJSON prints that. */
static cJSON *share_item(unsigned share)
{
    return cJSON_CreateNumber((double)share / SHARE_WHOLE);
}

static void add(cJSON *object, const char *name, cJSON *item)
{
    cJSON_AddItemToObject(object, name, item);
}

static void append(cJSON *array, cJSON *item)
{
    cJSON_AddItemToArray(array, item); /* constant time: cJSON keeps the last element */
}

static cJSON *endpoint_item(const struct ip_address *address, int port, const char *role)
{
    cJSON *endpoint = cJSON_CreateObject();
    add(endpoint, "ip", address_item(address));
    add(endpoint, "port", port >= 0 ? cJSON_CreateNumber(port) : cJSON_CreateNull());
    add(endpoint, "role", text_item(role));
    return endpoint;
}

static cJSON *candidates_item(const struct candidate candidates[FAILURE_POINTS])
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        cJSON *item = cJSON_CreateObject();
        add(item, "failure_point", text_item(failure_point_words[candidates[i].place]));
        add(item, "probability", share_item(candidates[i].share));
        append(array, item);
    }
    return array;
}

static cJSON *verdict_item(const struct finding *finding)
{
    const struct verdict *verdict = &finding->verdict;
    struct candidate candidates[FAILURE_POINTS];
    view_candidates(verdict, candidates);
    enum failure_point place = candidates[0].place;

    cJSON *item = cJSON_CreateObject();
    add(item, "failure_point", text_item(failure_point_words[place]));
    add(item, "mechanism", text_item(mechanism_words[verdict->mechanism]));
    add(item, "confidence", share_item(candidates[0].share));
    add(item, "candidates", candidates_item(candidates));
    add(item, "label", text_item(finding->labels[place]));
    add(item, "summary", text_item(verdict->summary[0] ? verdict->summary : "No summary."));
    return item;
}

static cJSON *frames_item(const struct frame_list *frames)
{
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < frames->count; i++)
        append(array, count_item(frame_list_at(frames, i)));
    return array;
}

static cJSON *reason_item(const struct reason *reason, const char *capture)
{
    cJSON *item = cJSON_CreateObject();
    cJSON *supports = cJSON_CreateArray(), *against = cJSON_CreateArray();
    cJSON *weights = cJSON_CreateObject();
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        double weight = reason->weight[i];
        if (weight > 0)
            append(supports, text_item(failure_point_words[i]));
        if (weight < 0)
            append(against, text_item(failure_point_words[i]));
        if (weight > 0 || weight < 0)
            add(weights, failure_point_words[i], cJSON_CreateNumber(weight));
    }
    add(item, "rule", text_item(reason->rule));
    add(item, "text", text_item(reason->text));
    add(item, "supports", supports);
    add(item, "against", against);
    add(item, "capture", text_item(capture));
    add(item, "frames", frames_item(&reason->frames));
    add(item, "frames_total", count_item(reason->frames.total));
    add(item, "weights", weights);
    add(item, "source", text_item(reason->source));
    return item;
}

static const char *capture_id(const struct report *report, const struct finding *finding,
                              const struct reason *reason)
{
    const struct capture_report *capture = view_reason_capture(report, finding, reason);
    return capture ? capture->id : NULL;
}

static cJSON *evidence_item(const struct report *report, const struct finding *finding)
{
    static const struct reason nothing = {
        .rule = "none",
        .text = "No rule says anything about this failure.",
    };
    const struct verdict *verdict = &finding->verdict;
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < verdict->reason_count; i++)
        append(array, reason_item(&verdict->reasons[i],
                                  capture_id(report, finding, &verdict->reasons[i])));
    if (verdict->reason_count == 0) /* the schema wants one */
        append(array, reason_item(&nothing, capture_id(report, finding, &nothing)));
    return array;
}

static cJSON *remedy_item(const struct verdict *verdict)
{
    cJSON *item = cJSON_CreateObject(), *commands = cJSON_CreateArray();
    for (size_t i = 0; i < verdict->command_count; i++) {
        cJSON *command = cJSON_CreateObject();
        add(command, "platform", text_item(verdict->commands[i].platform));
        add(command, "command", text_item(verdict->commands[i].text));
        append(commands, command);
    }
    add(item, "who", text_item(verdict->who));
    add(item, "action", text_item(verdict->action));
    add(item, "commands", commands);
    return item;
}

static cJSON *tls_item(const struct spoken *spoken)
{
    if (!spoken->tls.server_name && !spoken->tls.version && !spoken->tls.issuer)
        return cJSON_CreateNull();
    cJSON *item = cJSON_CreateObject();
    add(item, "server_name", text_item(spoken->tls.server_name));
    add(item, "alpn", text_item(spoken->tls.alpn));
    add(item, "version", text_item(spoken->tls.version));
    add(item, "issuer", text_item(spoken->tls.issuer));
    add(item, "subject", text_item(spoken->tls.subject));
    add(item, "sha1", text_item(spoken->tls.sha1));
    add(item, "sha256", text_item(spoken->tls.sha256));
    return item;
}

static cJSON *said_item(const char *text)
{
    return text_item(*text ? text : NULL);
}

static cJSON *http_item(const struct spoken *spoken)
{
    if (!spoken->heard_http)
        return cJSON_CreateNull();
    const struct http_talk *talk = &spoken->heard_http->talk;
    const struct page_sign *page = spoken->heard_http->page;
    uint16_t status = talk->refusal ? talk->refusal : talk->status;
    cJSON *item = cJSON_CreateObject();
    add(item, "method", said_item(talk->method));
    add(item, "host", said_item(talk->host));
    add(item, "status", status ? cJSON_CreateNumber(status) : cJSON_CreateNull());
    add(item, "server", said_item(talk->server));
    add(item, "via", said_item(talk->via));
    add(item, "location_host", said_item(talk->location));
    add(item, "page_of", text_item(page ? page->name : NULL));
    return item;
}

cJSON *report_json_finding(const struct report *report, const struct finding *finding)
{
    const struct service *service = finding->service;
    const struct verdict *verdict = &finding->verdict;

    cJSON *item = cJSON_CreateObject();
    add(item, "id", text_item(finding->id));
    add(item, "profile", text_item(service->profile->name));
    add(item, "service", text_item(service->name));
    add(item, "proto", text_item(proto_word(service->proto)));
    add(item, "speaks", text_item(finding->spoken.protocol));
    add(item, "tls", tls_item(&finding->spoken));
    add(item, "http", http_item(&finding->spoken));
    add(item, "client",
        endpoint_item(&finding->client, finding->client_port, service->initiator_role));
    add(item, "server",
        endpoint_item(&finding->server, finding->server_port, service->responder_role));
    add(item, "symptom", text_item(symptom_words[finding->symptom]));
    add(item, "first_seen", time_item(finding->first_ns));
    add(item, "last_seen", time_item(finding->last_ns));
    add(item, "attempts", count_item(finding->attempts));
    add(item, "verdict", verdict_item(finding));
    add(item, "evidence", evidence_item(report, finding));
    add(item, "remedy", remedy_item(verdict));
    add(item, "next_step", text_item(verdict->has_next_step ? verdict->next_step : NULL));
    if (finding->ledger)
        add(item, "ledger", report_json_ledger(finding->ledger));
    return item;
}

static cJSON *vantage_item(const struct vantage_estimate *vantage)
{
    cJSON *item = cJSON_CreateObject(), *because = cJSON_CreateArray();
    double confidence = fmin(fmax(vantage->confidence, 0), 1); /* NaN becomes 0 */
    for (size_t i = 0; i < vantage->because_count; i++)
        append(because, text_item(vantage->because[i]));
    add(item, "kind", text_item(vantage_words[vantage->kind]));
    add(item, "confidence", share_item((unsigned)(confidence * SHARE_WHOLE + 0.5)));
    add(item, "host", vantage->has_host ? address_item(&vantage->host) : cJSON_CreateNull());
    add(item, "because", because);
    return item;
}

static cJSON *counters_item(const struct capture_counters *counters)
{
    cJSON *item = cJSON_CreateObject();
    add(item, "tcp_syn", count_item(counters->tcp_syn));
    add(item, "syn_unanswered", count_item(counters->syn_unanswered));
    add(item, "syn_reset", count_item(counters->syn_reset));
    add(item, "icmp_unreachable", count_item(counters->icmp_unreachable));
    add(item, "flows", count_item(counters->flows));
    add(item, "flows_evicted", count_item(counters->flows_evicted));
    return item;
}

cJSON *report_json_capture(const struct capture_report *capture)
{
    cJSON *item = cJSON_CreateObject(), *link_types = cJSON_CreateArray();
    for (size_t i = 0; i < capture->link_type_count; i++)
        append(link_types, text_item(capture->link_types[i]));
    add(item, "id", text_item(capture->id));
    add(item, "source", text_item(capture->source));
    add(item, "link_types", link_types);
    add(item, "packets", count_item(capture->packets));
    add(item, "first", time_item(capture->first_ns));
    add(item, "last", time_item(capture->last_ns));
    add(item, "dropped", count_item(capture->dropped));
    add(item, "truncated", cJSON_CreateBool(capture->truncated));
    add(item, "problem", text_item(capture->problem));
    add(item, "vantage", vantage_item(&capture->vantage));
    add(item, "counters", counters_item(&capture->counters));
    return item;
}

cJSON *report_json_tool(const char *ndpi_version)
{
    static const char prefix[] = "libpcap version ";
    const char *libpcap = pcap_lib_version();
    if (strncmp(libpcap, prefix, sizeof prefix - 1) == 0)
        libpcap += sizeof prefix - 1;
    cJSON *item = cJSON_CreateObject();
    add(item, "name", text_item("fwsniff"));
    add(item, "version", text_item(FWSNIFF_VERSION));
    add(item, "libpcap", text_item(libpcap));
    add(item, "ndpi", text_item(ndpi_version));
    return item;
}

static cJSON *profiles_item(const struct report *report)
{
    cJSON *array = cJSON_CreateArray();
    size_t count = report->profiles ? profiles_count(report->profiles) : 0;
    for (size_t i = 0; i < count; i++)
        append(array, text_item(profiles_at(report->profiles, i)->name));
    return array;
}

static cJSON *summary_item(const struct report *report)
{
    cJSON *item = cJSON_CreateObject();
    add(item, "attempts", count_item(report->summary.attempts));
    add(item, "succeeded", count_item(report->summary.succeeded));
    add(item, "failed", count_item(report->summary.failed));
    add(item, "findings", count_item(report->finding_count));
    return item;
}

static cJSON *warnings_item(const struct report *report)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < report->warning_count; i++)
        append(array, text_item(report->warnings[i]));
    return array;
}

static void write_escaped_code(FILE *out, uint32_t code)
{
    if (code > 0xffff) { /* RFC 8259 7: a surrogate pair */
        fprintf(out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
        code = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
    fprintf(out, "\\u%04x", code);
}

/* cJSON leaves everything from 0x7f on as it is. In JSON such characters stand in strings only, so
 * each may be replaced by its escape wherever it is. */
static void write_clean(FILE *out, const char *text)
{
    const char *clean = text;
    while (*text) {
        if (*text > 0 && *text < 0x7f) {
            text++;
            continue;
        }
        uint32_t code = 0;
        size_t length = utf8_decode(text, &code);
        bool unsafe = length == 0 || (code >= 0x7f && code_is_unsafe(code));
        if (unsafe) {
            fwrite(clean, 1, (size_t)(text - clean), out);
            write_escaped_code(out, length ? code : 0xfffd);
        }
        text += length ? length : 1;
        if (unsafe)
            clean = text;
    }
    fwrite(clean, 1, (size_t)(text - clean), out);
}

void report_json_print(FILE *out, const cJSON *item)
{
    char *text = cJSON_PrintUnformatted(item);
    write_clean(out, text ? text : "null");
    cJSON_free(text);
}

void report_json_item(FILE *out, cJSON *item)
{
    report_json_print(out, item);
    cJSON_Delete(item);
}

static void write_member(FILE *out, const char *name, cJSON *item, const char *end)
{
    fprintf(out, ",%s\"%s\":", end, name);
    report_json_item(out, item);
}

void report_json_document(FILE *out, const struct report *report, bool single_line)
{
    const char *end = single_line ? "" : "\n";
    cJSON *captures = cJSON_CreateArray();
    for (size_t i = 0; i < report->capture_count; i++)
        append(captures, report_json_capture(&report->captures[i]));

    fprintf(out, "{\"schema\":\"fwsniff.report/1\"");
    write_member(out, "tool", report_json_tool(report->ndpi_version), end);
    write_member(out, "captures", captures, end);
    write_member(out, "profiles", profiles_item(report), end);
    write_member(out, "summary", summary_item(report), end);
    fprintf(out, ",%s\"findings\":[", end);
    for (size_t i = 0; i < report->finding_count && !ferror(out); i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", end);
        report_json_item(out, report_json_finding(report, report->findings[i]));
    }
    fputs("]", out);
    write_member(out, "warnings", warnings_item(report), end);
    fputs("}", out);
}

bool report_write_json(FILE *out, const struct report *report)
{
    report_json_document(out, report, false);
    fputc('\n', out);
    return format_stream_ok(out);
}
