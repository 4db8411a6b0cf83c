#include "analyzer/batch/exchange.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/report/html.h"

static const char *const sender_words[] = {
    [STEP_OF_CLIENT] = "client", [STEP_OF_SERVER] = "server", [STEP_OF_OTHER] = "other"};
enum { SENDERS = sizeof sender_words / sizeof *sender_words };

/* --- writing --- */

static cJSON *icmp_document(const struct exchange_step *step)
{
    char text[IP_ADDRESS_TEXT];
    if (!step->is_icmp)
        return cJSON_CreateNull();
    cJSON *item = cJSON_CreateObject();
    document_add_text(item, "ip", ip_text(&step->icmp_sender, text));
    document_add(item, "type", cJSON_CreateNumber(step->icmp_type));
    document_add(item, "code", cJSON_CreateNumber(step->icmp_code));
    return item;
}

static cJSON *step_document(const struct exchange_step *step, int64_t first_ns)
{
    cJSON *item = cJSON_CreateObject();
    double after_us = round((double)(step->time_ns - first_ns) / 1e3);
    document_add_text(item, "capture", NULL);
    document_add(item, "frame", cJSON_CreateNumber((double)step->frame));
    document_add(item, "after_s", cJSON_CreateNumber(after_us / 1e6));
    document_add_text(item, "from", sender_words[step->sender]);
    document_add(item, "flags", cJSON_CreateNumber(step->flags));
    document_add(item, "sequence", cJSON_CreateNumber(step->sequence));
    document_add(item, "length", cJSON_CreateNumber(step->length));
    document_add(item, "hop_limit", cJSON_CreateNumber(step->hop_limit));
    document_add(item, "icmp", icmp_document(step));
    document_add_switch(item, "lost", step->lost);
    document_add(item, "repeats", cJSON_CreateNumber(step->again.total));
    return item;
}

cJSON *exchange_document(const struct finding *finding)
{
    if (!finding->exchange_count || !finding->exchanges[0].step_count)
        return NULL;
    const struct exchange *exchange = &finding->exchanges[0];
    cJSON *item = cJSON_CreateObject(), *steps = cJSON_CreateArray();
    for (uint32_t i = 0; i < exchange->step_count; i++)
        cJSON_AddItemToArray(steps, step_document(&exchange->steps[i], exchange->steps[0].time_ns));
    document_add(item, "client_port", cJSON_CreateNumber(exchange->client_port));
    document_add(item, "steps", steps);
    return item;
}

/* --- reading: only what a ladder needs, and nothing is believed --- */

struct drawing {
    struct profile profile;
    struct service service;
    struct finding finding;
    struct exchange exchange;
    struct exchange_step steps[EXCHANGE_STEPS_MAX];
    const char *names[EXCHANGE_STEPS_MAX];
};

static double number(const cJSON *object, const char *name, double most)
{
    double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return value > 0 ? fmin(value, most) : 0; /* NaN: it is missing */
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = document_text(object, name);
    return text ? text : "";
}

static void read_step(const cJSON *item, struct exchange_step *step)
{
    const cJSON *icmp = cJSON_GetObjectItemCaseSensitive(item, "icmp");
    int sender = word_index(sender_words, SENDERS, text_of(item, "from"));
    *step = (struct exchange_step){
        .time_ns = (int64_t)(number(item, "after_s", 1e9) * 1e9),
        .frame = (uint64_t)number(item, "frame", 1e15),
        .sender = sender < 0 ? STEP_OF_OTHER : (enum step_sender)sender,
        .flags = (uint8_t)number(item, "flags", UINT8_MAX),
        .sequence = (uint32_t)number(item, "sequence", UINT32_MAX),
        .length = (uint32_t)number(item, "length", UINT32_MAX),
        .hop_limit = (uint8_t)number(item, "hop_limit", UINT8_MAX),
        .lost = document_switch(item, "lost"),
        .again = {.total = (uint32_t)number(item, "repeats", UINT32_MAX)},
        .is_icmp = cJSON_IsObject(icmp),
    };
    if (step->is_icmp) {
        step->is_icmp = ip_parse(text_of(icmp, "ip"), &step->icmp_sender);
        step->icmp_type = (uint8_t)number(icmp, "type", UINT8_MAX);
        step->icmp_code = (uint8_t)number(icmp, "code", UINT8_MAX);
    }
}

static bool read_ends(const cJSON *document, struct finding *finding)
{
    const cJSON *client = cJSON_GetObjectItem(document, "client");
    const cJSON *server = cJSON_GetObjectItem(document, "server");
    snprintf(finding->id, sizeof finding->id, "%s", text_of(document, "id"));
    return strspn(finding->id, "0123456789abcdef") == strlen(finding->id) &&
           ip_parse(text_of(client, "ip"), &finding->client) &&
           ip_parse(text_of(server, "ip"), &finding->server);
}

static bool read_verdict(const cJSON *document, struct drawing *drawing)
{
    const cJSON *verdict = cJSON_GetObjectItem(document, "verdict"), *item;
    int symptom = word_index(symptom_words, SYMPTOMS, text_of(document, "symptom"));
    int place = word_index(failure_point_words, FAILURE_POINTS, text_of(verdict, "failure_point"));
    if (symptom < 0 || place < 0)
        return false;
    drawing->finding.symptom = (enum symptom)symptom;
    drawing->finding.verdict.place = (enum failure_point)place;
    drawing->finding.labels[place] = document_text(verdict, "label");
    cJSON_ArrayForEach(item, document_list(verdict, "candidates")) {
        int candidate =
            word_index(failure_point_words, FAILURE_POINTS, text_of(item, "failure_point"));
        if (candidate >= 0)
            drawing->finding.verdict.probability[candidate] = number(item, "probability", 1);
    }
    return true;
}

void exchange_draw(FILE *out, const cJSON *document,
                   const char *(*capture_name)(const void *context, const char *id),
                   const void *context)
{
    const cJSON *exchange = cJSON_GetObjectItem(document, "exchange"), *item;
    struct drawing drawing = {.service = {.profile = &drawing.profile, .proto = PROTO_TCP}};
    if (!cJSON_IsObject(exchange) || !read_ends(document, &drawing.finding) ||
        !read_verdict(document, &drawing))
        return;
    if (strcmp(text_of(document, "proto"), proto_word(PROTO_UDP)) == 0)
        drawing.service.proto = PROTO_UDP;
    drawing.finding.service = &drawing.service;
    drawing.finding.exchanges = &drawing.exchange;
    drawing.finding.exchange_count = 1;
    drawing.exchange.client_port = (uint16_t)number(exchange, "client_port", UINT16_MAX);
    drawing.exchange.steps = drawing.steps;
    cJSON_ArrayForEach(item, document_list(exchange, "steps")) {
        if (drawing.exchange.step_count == EXCHANGE_STEPS_MAX)
            break;
        const char *name = capture_name(context, document_text(item, "capture"));
        drawing.names[drawing.exchange.step_count] = name ? name : "";
        read_step(item, &drawing.steps[drawing.exchange.step_count++]);
    }
    const struct report none = {0};
    html_ladder(out, &none, &drawing.finding, drawing.names);
}
