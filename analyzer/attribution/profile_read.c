/* One profile file: JSON to struct profile. */
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/facts.h"
#include "analyzer/attribution/profile_internal.h"
#include "analyzer/memory.h"

enum {
    PROFILE_TEXT_MAX = 400, /* bytes of a sentence */
    PROFILE_NAME_MAX = 80,  /* bytes of a title or of a service's name */
    VENDOR_ERRORS_MAX = 64,
    HABIT_SECONDS_MAX = 7 * 24 * 3600,
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool read_text(const struct json *json, const cJSON *node, size_t most, const char **text)
{
    return !node || json_text(json, node, most, text);
}

static bool read_ports(const struct json *json, const cJSON *node, struct service *service)
{
    for (const cJSON *element = node->child; element; element = element->next) {
        double port;
        if (service->port_count == SERVICE_PORTS_MAX)
            return json_fail(json, element, "expected at most %d ports", SERVICE_PORTS_MAX);
        if (!json_number(json, element, 1, 65535, &port))
            return false;
        if (port != (uint16_t)port)
            return json_fail(json, element, "expected a whole number");
        service->ports[service->port_count++] = (uint16_t)port;
    }
    if (service->port_count == 0 && !service->by_signs)
        return json_fail(json, node, "expected at least one port");
    return true;
}

static bool read_speaks(const struct json *json, const cJSON *node, struct service *service)
{
    for (const cJSON *element = node ? node->child : NULL; element; element = element->next) {
        if (service->speaks_count == SERVICE_SPEAKS_MAX)
            return json_fail(json, element, "expected at most %d protocols", SERVICE_SPEAKS_MAX);
        if (!json_text(json, element, PROFILE_NAME_MAX, &service->speaks[service->speaks_count++]))
            return false;
    }
    return true;
}

static bool read_seconds(const struct json *json, const cJSON *node, double *seconds)
{
    return !node || json_number(json, node, 0, HABIT_SECONDS_MAX, seconds);
}

static bool read_service(const struct json *json, const cJSON *node, struct service *service,
                         const cJSON **port_list)
{
    static const char *const protos[] = {"tcp", "udp"};
    const cJSON *name, *proto, *ports, *initiator, *responder, *speaks, *alternative, *retry,
        *give_up, *keepalive, *persistent, *tunnel, *relayed, *by_signs;
    const struct json_field fields[] = {
        {"name", JSON_STRING, true, &name},
        {"proto", JSON_STRING, true, &proto},
        {"ports", JSON_ARRAY, true, &ports},
        {"initiator", JSON_STRING, false, &initiator},
        {"responder", JSON_STRING, false, &responder},
        {"speaks", JSON_ARRAY, false, &speaks},
        {"alternative", JSON_STRING, false, &alternative},
        {"retry_s", JSON_NUMBER, false, &retry},
        {"give_up_s", JSON_NUMBER, false, &give_up},
        {"keepalive_s", JSON_NUMBER, false, &keepalive},
        {"persistent", JSON_FLAG, false, &persistent},
        {"tunnel", JSON_FLAG, false, &tunnel},
        {"relayed_by", JSON_STRING, false, &relayed},
        {"by_signs", JSON_FLAG, false, &by_signs},
    };
    size_t which;
    service->responder_role = "server";
    if (!json_read_object(json, node, fields, COUNT(fields)))
        return false;
    service->by_signs = cJSON_IsTrue(by_signs);
    if (!json_text(json, name, PROFILE_NAME_MAX, &service->name) ||
        !json_word(json, proto, "transport", protos, COUNT(protos), &which) ||
        !read_ports(json, ports, service) ||
        !read_text(json, initiator, PROFILE_NAME_MAX, &service->initiator_role) ||
        !read_text(json, responder, PROFILE_NAME_MAX, &service->responder_role) ||
        !read_speaks(json, speaks, service) ||
        !read_text(json, alternative, PROFILE_NAME_MAX, &service->alternative) ||
        !read_text(json, relayed, PROFILE_NAME_MAX, &service->relayed_by) ||
        !read_seconds(json, retry, &service->retry_s) ||
        !read_seconds(json, give_up, &service->give_up_s) ||
        !read_seconds(json, keepalive, &service->keepalive_s))
        return false;
    service->proto = which == 0 ? PROTO_TCP : PROTO_UDP;
    service->persistent = cJSON_IsTrue(persistent);
    service->tunnel = cJSON_IsTrue(tunnel);
    *port_list = ports;
    return true;
}

static const struct service *service_named(const struct profile_file *file, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(file->services[i].name, name) == 0)
            return &file->services[i];
    return NULL;
}

/* Names are unique, and an alternative is another service of the same profile. */
static bool check_service_names(const struct profile_file *file, const cJSON *list)
{
    const cJSON *node = list->child;
    for (size_t i = 0; node; i++, node = node->next) {
        const struct service *service = &file->services[i];
        const char *other = service->alternative;
        if (service_named(file, i, service->name))
            return json_fail(file->json, cJSON_GetObjectItemCaseSensitive(node, "name"),
                             "two services are called \"%s\"", service->name);
        const struct service *alternative =
            other ? service_named(file, file->profile.service_count, other) : NULL;
        if (other && (!alternative || alternative == service))
            return json_fail(file->json, cJSON_GetObjectItemCaseSensitive(node, "alternative"),
                             "expected the name of another service of this profile, got \"%s\"",
                             other);
    }
    return true;
}

static bool read_services(struct profile_file *file, const cJSON *list)
{
    size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
    if (count == 0 || count > SERVICES_MAX)
        return json_fail(file->json, list, "expected 1 to %d services, got %zu", SERVICES_MAX,
                         count);
    file->services = memory_zeroed(count, sizeof *file->services);
    file->ports = memory_zeroed(count, sizeof *file->ports);
    file->profile.services = file->services;
    file->profile.service_count = count;
    for (const cJSON *node = list->child; node; node = node->next, i++) {
        file->services[i].profile = &file->profile;
        if (!read_service(file->json, node, &file->services[i], &file->ports[i]))
            return false;
    }
    return check_service_names(file, list);
}

/* A name, or {"name", "path"}. */
static bool read_label(const struct json *json, const cJSON *node, struct profile_label *label)
{
    const char *const *paths = fact_definitions[FACT_PATH].words;
    const cJSON *name, *path;
    const struct json_field fields[] = {
        {"name", JSON_STRING, true, &name},
        {"path", JSON_STRING, true, &path},
    };
    size_t count = 0, which;
    if (!cJSON_IsObject(node))
        return json_text(json, node, PROFILE_NAME_MAX, &label->name);
    while (paths[count])
        count++;
    if (!json_read_object(json, node, fields, COUNT(fields)) ||
        !json_text(json, name, PROFILE_NAME_MAX, &label->name) ||
        !json_word(json, path, "path", paths, count, &which))
        return false;
    label->path = paths[which];
    return true;
}

static bool read_labels(struct profile_file *file, const cJSON *node)
{
    for (const cJSON *label = node ? node->child : NULL; label; label = label->next) {
        int place = word_index(failure_point_words, FAILURE_POINTS, label->string);
        struct json_nearest nearest = {.wrong = label->string};
        char hint[JSON_HINT_MAX];
        for (size_t i = 0; place < 0 && i < FAILURE_POINTS; i++)
            json_nearest_offer(&nearest, failure_point_words[i]);
        if (place < 0)
            return json_fail_at_name(file->json, label, "unknown place \"%.*s\"%s", JSON_QUOTE_MAX,
                                     label->string, json_nearest_hint(&nearest, hint));
        if (!read_label(file->json, label, &file->profile.labels[place]))
            return false;
    }
    return true;
}

static bool read_vendor_errors(struct profile_file *file, const cJSON *list)
{
    size_t count = list ? (size_t)cJSON_GetArraySize(list) : 0;
    if (count > VENDOR_ERRORS_MAX)
        return json_fail(file->json, list, "expected at most %d vendor errors", VENDOR_ERRORS_MAX);
    struct vendor_error *errors = memory_zeroed(count, sizeof *errors);
    file->profile.vendor_errors = errors;
    file->profile.vendor_error_count = count;
    for (const cJSON *node = list ? list->child : NULL; node; node = node->next, errors++) {
        const cJSON *text, *meaning;
        const struct json_field fields[] = {
            {"text", JSON_STRING, true, &text},
            {"meaning", JSON_STRING, true, &meaning},
        };
        if (!json_read_object(file->json, node, fields, COUNT(fields)) ||
            !json_text(file->json, text, PROFILE_TEXT_MAX, &errors->text) ||
            !json_text(file->json, meaning, PROFILE_TEXT_MAX, &errors->meaning))
            return false;
    }
    return true;
}

static bool read_pins(struct profile_file *file, const cJSON *list)
{
    struct profile *profile = &file->profile;
    for (const cJSON *node = list ? list->child : NULL; node; node = node->next) {
        const char *pin;
        if (profile->pin_count == PROFILE_PINS_MAX)
            return json_fail(file->json, node, "expected at most %d pins", PROFILE_PINS_MAX);
        if (!json_text(file->json, node, PROFILE_TEXT_MAX, &pin))
            return false;
        if (!pin_is_valid(pin))
            return json_fail(file->json, node,
                             "expected \"sha256:\" or \"sha1:\" and a fingerprint, or "
                             "\"issuer:\" and a name");
        profile->pins[profile->pin_count++] = pin;
    }
    return true;
}

static bool read_profile(struct profile_file *file)
{
    const struct json *json = file->json;
    struct profile *profile = &file->profile;
    const cJSON *name, *title, *labels, *one_way, *note, *services, *errors, *pins;
    const struct json_field fields[] = {
        {"name", JSON_STRING, true, &name},
        {"title", JSON_STRING, true, &title},
        {"labels", JSON_OBJECT, false, &labels},
        {"never_initiated_by_responder", JSON_FLAG, false, &one_way},
        {"direction_note", JSON_STRING, false, &note},
        {"services", JSON_ARRAY, true, &services},
        {"vendor_errors", JSON_ARRAY, false, &errors},
        {"pins", JSON_ARRAY, false, &pins},
    };
    if (!json_read_object(json, json_root(json), fields, COUNT(fields)) ||
        !json_identifier(json, name, "-", &profile->name) ||
        !json_text(json, title, PROFILE_NAME_MAX, &profile->title) || !read_labels(file, labels) ||
        !read_text(json, note, PROFILE_TEXT_MAX, &profile->direction_note) ||
        !read_services(file, services) || !read_vendor_errors(file, errors) ||
        !read_pins(file, pins))
        return false;
    profile->never_initiated_by_responder = cJSON_IsTrue(one_way);
    return true;
}

/* Takes the document over. */
static struct profile_file *file_of(struct json *json)
{
    if (!json)
        return NULL;
    struct profile_file *file = memory_zeroed(1, sizeof *file);
    file->json = json;
    if (read_profile(file))
        return file;
    profile_file_free(file);
    return NULL;
}

struct profile_file *profile_file_read(const char *path, struct error *error)
{
    return file_of(json_load(path, error));
}

struct profile_file *profile_file_parse(const char *name, const char *text, size_t length,
                                        struct error *error)
{
    return file_of(json_parse(name, text, length, error));
}

void profile_file_free(struct profile_file *file)
{
    if (!file)
        return;
    json_free(file->json);
    free(file->services);
    free(file->ports);
    free((void *)(uintptr_t)file->profile.vendor_errors);
    free(file);
}
