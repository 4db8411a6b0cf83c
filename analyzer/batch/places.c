#include "analyzer/batch/places.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/notes.h"
#include "analyzer/memory.h"
#include "analyzer/report/view.h"

static int64_t first_of(const cJSON *item)
{
    return document_number(item, "first", INT64_MIN);
}

static int by_id_and_time(const void *left, const void *right)
{
    const cJSON *a = *(cJSON *const *)left, *b = *(cJSON *const *)right;
    int order = strcmp(document_text(a, "id"), document_text(b, "id"));
    if (order)
        return order;
    return first_of(a) < first_of(b) ? -1 : first_of(a) > first_of(b);
}

static double confidence(const cJSON *item)
{
    const cJSON *document = cJSON_GetObjectItem(item, "document");
    return cJSON_GetNumberValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(document, "verdict"), "confidence"));
}

static void set_number(cJSON *item, const char *name, int64_t number)
{
    cJSON_DeleteItemFromObject(item, name);
    document_add_number(item, name, number);
}

/* Of `count` items with one identifier, ascending in time: the surest, with all their attempts. */
static cJSON *join(cJSON **items, size_t count)
{
    cJSON *surest = items[0];
    int64_t attempts = 0, most = 0, until = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        int64_t last = document_number(items[i], "last", INT64_MIN);
        int64_t here = document_number(items[i], "attempts", 0);
        if (i && first_of(items[i]) > until) {
            attempts += most;
            most = 0;
        }
        most = here > most ? here : most;
        until = last > until ? last : until;
        if (confidence(items[i]) > confidence(surest))
            surest = items[i];
    }
    attempts += most;
    set_number(surest, "first", first_of(items[0]));
    set_number(surest, "last", until);
    set_number(surest, "attempts", attempts);
    cJSON *told = cJSON_GetObjectItem(cJSON_GetObjectItem(surest, "document"), "attempts");
    cJSON_SetNumberValue(told, (double)attempts);
    for (size_t i = 0; i < count; i++)
        if (items[i] != surest)
            cJSON_Delete(items[i]);
    return surest;
}

void places_join(cJSON *result)
{
    cJSON *findings = cJSON_GetObjectItem(result, "findings");
    size_t count = (size_t)cJSON_GetArraySize(findings);
    cJSON **items = memory_zeroed(count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = cJSON_DetachItemFromArray(findings, 0);
    if (count)
        qsort(items, count, sizeof *items, by_id_and_time);
    for (size_t at = 0; at < count;) {
        size_t end = at + 1;
        while (end < count &&
               strcmp(document_text(items[end], "id"), document_text(items[at], "id")) == 0)
            end++;
        cJSON_AddItemToArray(findings, join(items + at, end - at));
        at = end;
    }
    free(items);
}

/* --- what one capture leaves open --- */

struct taken {
    const char *id, *path, *together; /* NULL: read alone */
    int64_t first_ns, last_ns;
};

static const char *capture_of(const cJSON *finding)
{
    const cJSON *evidence = document_list(cJSON_GetObjectItem(finding, "document"), "evidence");
    const char *id = evidence ? document_text(evidence->child, "capture") : NULL;
    return id ? id : "";
}

static void advise(cJSON *result, const char *one, const char *other)
{
    char *text = NULL;
    if (asprintf(
            &text,
            "%s leaves open whose rule it is, and %s was taken at the same time, but they have "
            "no connection in common or are too large to be read together here: fwsniff -r "
            "with both, and --vantage for each, may decide it",
            one, other) < 0)
        return;
    notes_warn(result, text);
    free(text);
}

static const struct taken *find(const struct taken *taken, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(taken[i].id, id) == 0)
            return &taken[i];
    return NULL;
}

/* A capture that was going on while the finding was seen, and was not held against its own. */
static const struct taken *find_other(const struct taken *taken, size_t count,
                                      const struct taken *own, const cJSON *finding)
{
    int64_t first = first_of(finding), last = document_number(finding, "last", INT64_MIN);
    for (size_t i = 0; own && i < count; i++) {
        const struct taken *other = &taken[i];
        bool compared =
            own->together && other->together && strcmp(own->together, other->together) == 0;
        if (other != own && !compared && other->first_ns <= last && other->last_ns >= first)
            return other;
    }
    return NULL;
}

void places_advise(cJSON *result)
{
    enum { ADVICE_MAX = 4 }; /* for one site: the rest would be more of the same */
    const cJSON *captures = document_list(result, "captures"), *item;
    struct taken *taken = memory_zeroed((size_t)cJSON_GetArraySize(captures), sizeof *taken);
    size_t count = 0;
    int given = 0;
    cJSON_ArrayForEach(item, captures)
        taken[count++] = (struct taken){document_text(item, "id"), document_text(item, "path"),
                                        document_text(item, "together"), first_of(item),
                                        document_number(item, "last", INT64_MIN)};
    cJSON_ArrayForEach(item, document_list(result, "findings")) {
        const struct taken *own = find(taken, count, capture_of(item));
        const struct taken *other = find_other(taken, count, own, item);
        if (given < ADVICE_MAX && confidence(item) * SHARE_WHOLE < SHARE_DECIDED && other) {
            advise(result, own->path, other->path);
            given++;
        }
    }
    free(taken);
}
