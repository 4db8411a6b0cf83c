/* The set of profiles that are watched, and the table of their ports. */
#include "analyzer/attribution/profile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/profile_internal.h"
#include "analyzer/memory.h"

enum { TRANSPORTS = 2, PORTS = 65536, WATCHED_MAX = 256 };

struct profiles {
    struct profile_file *files[WATCHED_MAX];
    size_t file_count;
    struct service *services[SERVICES_MAX];
    size_t service_count;
    uint8_t table[TRANSPORTS][PORTS]; /* 0: nobody; else service index + 1 */
};

static size_t transport(uint8_t proto)
{
    return proto == PROTO_UDP;
}

static struct profile_file *file_named(const struct profiles *profiles, const char *name)
{
    for (size_t i = 0; i < profiles->file_count; i++)
        if (strcmp(profiles->files[i]->profile.name, name) == 0)
            return profiles->files[i];
    return NULL;
}

/* Takes the file over, whatever happens. */
static bool add_file(struct profiles *profiles, struct profile_file *file, struct error *error)
{
    if (!file)
        return false;
    if (profiles->file_count < WATCHED_MAX) {
        profiles->files[profiles->file_count++] = file;
        return true;
    }
    profile_file_free(file);
    return error_set(error, "more than %d profiles", WATCHED_MAX);
}

static struct profile_file *read_built_in(const char *directory, const char *name,
                                          struct error *error)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s.json", directory, name) >= sizeof path) {
        error_set(error, "%s: this path is too long", directory);
        return NULL;
    }
    struct profile_file *file = profile_file_read(path, error);
    if (!file || strcmp(file->profile.name, name) == 0)
        return file;
    json_fail(file->json, cJSON_GetObjectItemCaseSensitive(json_root(file->json), "name"),
              "expected \"%s\", the name of the file, got \"%s\"", name, file->profile.name);
    profile_file_free(file);
    return NULL;
}

static bool fail_unknown_profile(const char *wanted, char *const *names, size_t count,
                                 struct error *error)
{
    struct json_nearest nearest = {.wrong = wanted};
    char hint[JSON_HINT_MAX], known[256] = "";
    for (size_t i = 0, used = 0; i < count && used < sizeof known; i++) {
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
        json_nearest_offer(&nearest, names[i]);
    }
    return error_set(error, "unknown profile \"%.*s\"%s; there are: %s", JSON_QUOTE_MAX, wanted,
                     json_nearest_hint(&nearest, hint), known);
}

static bool is_listed(char *const *names, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], wanted) == 0)
            return true;
    return false;
}

/* Adds the built-in profiles asked for. Names are compared with what the directory holds, so that
 * none can lead out of it. */
static bool add_built_in(struct profiles *profiles, const struct profile_request *request,
                         struct error *error)
{
    char directory[PATH_MAX];
    size_t count;
    snprintf(directory, sizeof directory, "%s/profiles", request->directory);
    char **names = json_directory(directory, &count, error);
    bool good = names != NULL;
    bool all = request->name_count == 0;
    size_t wanted_count = all ? count : request->name_count;
    for (size_t i = 0; good && i < wanted_count; i++) {
        const char *wanted = all ? names[i] : request->names[i];
        if (file_named(profiles, wanted))
            continue;
        good = is_listed(names, count, wanted)
                   ? add_file(profiles, read_built_in(directory, wanted, error), error)
                   : fail_unknown_profile(wanted, names, count, error);
    }
    if (names)
        json_directory_free(names, count);
    return good;
}

static bool add_own(struct profiles *profiles, const struct profile_request *request,
                    struct error *error)
{
    for (size_t i = 0; i < request->file_count; i++) {
        struct profile_file *file = profile_file_read(request->files[i], error);
        if (file && file_named(profiles, file->profile.name)) {
            error_set(error, "%s: the profile \"%s\" was given twice", request->files[i],
                      file->profile.name);
            profile_file_free(file);
            return false;
        }
        if (!add_file(profiles, file, error))
            return false;
        file->own = true;
    }
    return true;
}

/* The user's own were read first, since they go before built-in ones of the same name; they are
 * told last. */
static void order_files(struct profiles *profiles)
{
    struct profile_file *ordered[WATCHED_MAX] = {NULL};
    size_t count = 0;
    for (int own = 0; own < 2; own++)
        for (size_t i = 0; i < profiles->file_count; i++)
            if (profiles->files[i]->own == own)
                ordered[count++] = profiles->files[i];
    memcpy(profiles->files, ordered, count * sizeof *ordered);
}

static bool number_services(struct profiles *profiles, struct error *error)
{
    for (size_t i = 0; i < profiles->file_count; i++) {
        struct profile_file *file = profiles->files[i];
        for (size_t j = 0; j < file->profile.service_count; j++) {
            if (profiles->service_count == SERVICES_MAX)
                return error_set(error, "more than %d services in all profiles together",
                                 SERVICES_MAX);
            file->services[j].index = (uint8_t)profiles->service_count;
            profiles->services[profiles->service_count++] = &file->services[j];
        }
    }
    return true;
}

static void remove_port(struct service *service, uint16_t port)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->port_count; i++)
        if (service->ports[i] != port)
            service->ports[kept++] = service->ports[i];
    service->port_count = kept;
}

/* Gives the port to `service`, taking it from whoever had it. */
static void give_port(struct profiles *profiles, struct service *service, uint16_t port)
{
    uint8_t *slot = &profiles->table[transport(service->proto)][port];
    if (*slot)
        remove_port(profiles->services[*slot - 1], port);
    *slot = (uint8_t)(service->index + 1);
}

static bool fill_from_file(struct profiles *profiles, struct profile_file *file)
{
    for (size_t i = 0; i < file->profile.service_count; i++) {
        struct service *service = &file->services[i];
        const cJSON *node = file->ports[i]->child;
        for (size_t j = 0; j < service->port_count; j++, node = node->next) {
            const struct service *holder =
                profiles_service(profiles, service->proto, service->ports[j]);
            /* Files are given in order: a built-in's holder is built in too. */
            bool takes = file->own && holder && holder->profile != &file->profile &&
                         !file_named(profiles, holder->profile->name)->own;
            if (holder && !takes)
                return json_fail(file->json, node, "port %s/%u already belongs to \"%s\" of %s",
                                 proto_word(service->proto), service->ports[j], holder->name,
                                 holder->profile->name);
            give_port(profiles, service, service->ports[j]);
        }
    }
    return true;
}

static bool fill_table(struct profiles *profiles)
{
    for (size_t i = 0; i < profiles->file_count; i++)
        if (!fill_from_file(profiles, profiles->files[i]))
            return false;
    return true;
}

static struct service *overridden(const struct profiles *profiles,
                                  const struct port_override *override, struct error *error)
{
    struct profile_file *file = file_named(profiles, override->profile);
    if (!file) {
        error_set(error, "--port %.*s=%s/%u: that profile is not watched", JSON_QUOTE_MAX,
                  override->profile, proto_word(override->proto), override->port);
        return NULL;
    }
    for (size_t i = 0; i < file->profile.service_count; i++)
        if (file->services[i].proto == override->proto)
            return &file->services[i];
    error_set(error, "--port %s=%s/%u: the product has no %s service", override->profile,
              proto_word(override->proto), override->port, proto_word(override->proto));
    return NULL;
}

static void clear_ports(struct profiles *profiles, struct service *service)
{
    for (size_t i = 0; i < service->port_count; i++)
        profiles->table[transport(service->proto)][service->ports[i]] = 0;
    service->port_count = 0;
}

static bool apply_overrides(struct profiles *profiles, const struct profile_request *request,
                            struct error *error)
{
    bool moved[SERVICES_MAX] = {false};
    for (size_t i = 0; i < request->port_count; i++) {
        const struct port_override *override = &request->ports[i];
        struct service *service = overridden(profiles, override, error);
        if (!service)
            return false;
        if (override->port == 0)
            return error_set(error, "--port %s: expected a port from 1 to 65535",
                             override->profile);
        if (!moved[service->index])
            clear_ports(profiles, service);
        moved[service->index] = true;
        if (profiles_service(profiles, override->proto, override->port) == service)
            continue;
        if (service->port_count == SERVICE_PORTS_MAX)
            return error_set(error, "--port %s: more than %d ports", override->profile,
                             SERVICE_PORTS_MAX);
        give_port(profiles, service, override->port);
        service->ports[service->port_count++] = override->port;
    }
    return true;
}

static bool apply_pins(struct profiles *profiles, const struct profile_request *request,
                       struct error *error)
{
    for (size_t i = 0; i < request->pin_count; i++) {
        const struct pin_option *option = &request->pins[i];
        struct profile_file *file = file_named(profiles, option->profile);
        if (!file)
            return error_set(error, "--pin %.*s: that profile is not watched", JSON_QUOTE_MAX,
                             option->profile);
        if (file->profile.pin_count == PROFILE_PINS_MAX)
            return error_set(error, "--pin %s: more than %d pins", option->profile,
                             PROFILE_PINS_MAX);
        file->profile.pins[file->profile.pin_count++] = option->pin;
    }
    return true;
}

struct profiles *profiles_load(const struct profile_request *request, struct error *error)
{
    struct profiles *profiles = memory_zeroed(1, sizeof *profiles);
    bool good = add_own(profiles, request, error) && add_built_in(profiles, request, error);
    if (good) {
        order_files(profiles);
        good = number_services(profiles, error) && fill_table(profiles) &&
               apply_overrides(profiles, request, error) && apply_pins(profiles, request, error);
    }
    if (good)
        return profiles;
    profiles_free(profiles);
    return NULL;
}

void profiles_free(struct profiles *profiles)
{
    if (!profiles)
        return;
    for (size_t i = 0; i < profiles->file_count; i++)
        profile_file_free(profiles->files[i]);
    free(profiles);
}

size_t profiles_count(const struct profiles *profiles)
{
    return profiles->file_count;
}

const struct profile *profiles_at(const struct profiles *profiles, size_t index)
{
    return &profiles->files[index]->profile;
}

void profile_labels(const struct profile *profile, const char *path,
                    const char *labels[FAILURE_POINTS])
{
    static const char *const seed_names[FAILURE_POINTS] = {
        [LOCAL_FIREWALL] = "FP1", [EDGE_FIREWALL] = "FP2", [EGRESS_POLICY] = "FP3"};
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        const struct profile_label *label = &profile->labels[i];
        bool holds = !label->path || (path && strcmp(label->path, path) == 0);
        labels[i] = label->name && holds ? label->name : seed_names[i];
    }
}

const struct service *profiles_service(const struct profiles *profiles, uint8_t proto,
                                       uint16_t port)
{
    uint8_t slot = profiles->table[transport(proto)][port];
    return slot ? profiles->services[slot - 1] : NULL;
}

const uint8_t *profiles_ports(const struct profiles *profiles, uint8_t proto)
{
    return profiles->table[transport(proto)];
}

uint8_t profiles_service_index(const struct profiles *profiles, const struct service *service)
{
    (void)profiles;
    return service->index;
}

const struct service *profiles_service_at(const struct profiles *profiles, uint8_t index)
{
    return profiles->services[index];
}

size_t profiles_service_count(const struct profiles *profiles)
{
    return profiles->service_count;
}

bool profiles_list(const char *directory,
                   void (*each)(const struct profile *profile, void *context), void *context,
                   struct error *error)
{
    struct profiles *profiles =
        profiles_load(&(struct profile_request){.directory = directory}, error);
    for (size_t i = 0; profiles && i < profiles->file_count; i++)
        each(&profiles->files[i]->profile, context);
    profiles_free(profiles);
    return profiles != NULL;
}
