#include "analyzer/listings.h"

#include <limits.h>
#include <stdlib.h>

#include "analyzer/attribution/profile.h"
#include "analyzer/attribution/rules.h"
#include "analyzer/capture/interfaces.h"
#include "analyzer/report/report.h"

static bool fail(const struct error *error)
{
    char safe[ERROR_TEXT_MAX * 4];
    fprintf(stderr, "fwsniff: %s\n", report_escape_terminal(error->text, safe, sizeof safe));
    return false;
}

static void print_profile(const struct profile *profile, void *context)
{
    FILE *out = context;
    fprintf(out, "%-11s %s\n", profile->name, profile->title);
    for (size_t i = 0; i < profile->service_count; i++) {
        const struct service *service = &profile->services[i];
        fprintf(out, "              %s  %s%s", service->name, proto_word(service->proto),
                service->by_signs ? ", known by what is said" : "/");
        for (size_t p = 0; p < service->port_count; p++)
            fprintf(out, "%s%u", p ? "," : "", service->ports[p]);
        fputc('\n', out);
    }
}

bool list_profiles(FILE *out, const struct options *options)
{
    char directory[PATH_MAX];
    struct error error;
    if (!rules_find_directory(options->rules_directory, directory, sizeof directory, &error) ||
        !profiles_list(directory, print_profile, out, &error))
        return fail(&error);
    return fflush(out) == 0;
}

bool list_interfaces(FILE *out)
{
    struct interface_entry *list;
    size_t count;
    struct error error;
    if (!interfaces_list(&list, &count, &error))
        return fail(&error);
    for (size_t i = 0; i < count; i++) {
        const struct interface_entry *entry = &list[i];
        char text[IP_ADDRESS_TEXT];
        fprintf(out, "%zu.%s%s%s%s", i + 1, entry->name, entry->description[0] ? " (" : "",
                entry->description, entry->description[0] ? ")" : "");
        fprintf(out, " [%s%s]", entry->up ? "Up" : "Down", entry->loopback ? ", Loopback" : "");
        for (size_t a = 0; a < entry->address_count; a++)
            fprintf(out, " %s", ip_text(&entry->addresses[a], text));
        fputc('\n', out);
    }
    free(list);
    return fflush(out) == 0;
}
