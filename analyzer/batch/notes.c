#include "analyzer/batch/notes.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/unit.h"
#include "analyzer/words.h"

void notes_warn(cJSON *result, const char *text)
{
    cJSON *warnings = cJSON_GetObjectItem(result, "warnings");
    const cJSON *known;
    if (!*text || cJSON_GetArraySize(warnings) >= SITE_WARNINGS_MAX)
        return;
    char *clean = name_clean(text);
    cJSON_ArrayForEach(known, warnings) {
        if (strcmp(cJSON_GetStringValue(known), clean) == 0) {
            free(clean);
            return;
        }
    }
    cJSON_AddItemToArray(warnings, cJSON_CreateString(clean));
    free(clean);
}

static const char *const lists[] = {"files", "captures", "findings", "worked"};
static const char *const counts[] = {"attempts", "succeeded", "failed"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

cJSON *notes_begin(const char *site)
{
    cJSON *result = cJSON_CreateObject();
    document_add_text(result, "schema", RESULT_SCHEMA);
    document_add_text(result, "site", site);
    for (size_t i = 0; i < COUNT(lists); i++)
        document_add(result, lists[i], cJSON_CreateArray());
    for (size_t i = 0; i < COUNT(counts); i++)
        document_add_number(result, counts[i], 0);
    document_add(result, "warnings", cJSON_CreateArray());
    return result;
}

void notes_merge(cJSON *result, cJSON *part)
{
    const cJSON *warning;
    for (size_t i = 0; i < COUNT(lists); i++) {
        cJSON *to = cJSON_GetObjectItem(result, lists[i]);
        cJSON *from = cJSON_GetObjectItem(part, lists[i]);
        while (from->child)
            cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, from->child));
    }
    for (size_t i = 0; i < COUNT(counts); i++)
        notes_count(result, counts[i], (uint64_t)document_number(part, counts[i], 0));
    cJSON_ArrayForEach(warning, document_list(part, "warnings"))
        notes_warn(result, cJSON_GetStringValue(warning));
    cJSON_Delete(part);
}

void notes_count(cJSON *result, const char *name, uint64_t more)
{
    int64_t sum = document_number(result, name, 0) + (int64_t)more;
    cJSON_DeleteItemFromObject(result, name);
    document_add_number(result, name, sum);
}

static int by_pair(const void *left, const void *right)
{
    const struct notes_pair *a = left, *b = right;
    int order = memcmp(&a->client, &b->client, sizeof a->client);
    if (!order)
        order = memcmp(&a->server, &b->server, sizeof a->server);
    if (!order)
        order = a->proto - b->proto;
    if (!order)
        order = a->port - b->port;
    if (!order)
        order = a->last_ns < b->last_ns ? -1 : a->last_ns > b->last_ns;
    return order;
}

static int same_pair(const struct notes_pair *a, const struct notes_pair *b)
{
    return ip_equal(&a->client, &b->client) && ip_equal(&a->server, &b->server) &&
           a->proto == b->proto && a->port == b->port;
}

void notes_worked(cJSON *result, struct notes_pair *pairs, size_t count)
{
    cJSON *list = cJSON_GetObjectItem(result, "worked");
    char text[IP_ADDRESS_TEXT];
    if (count)
        qsort(pairs, count, sizeof *pairs, by_pair);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && same_pair(&pairs[i], &pairs[i + 1]))
            continue; /* the last one is the latest */
        cJSON *item = cJSON_CreateObject();
        document_add_text(item, "client", ip_text(&pairs[i].client, text));
        document_add_text(item, "server", ip_text(&pairs[i].server, text));
        document_add_text(item, "proto", proto_word(pairs[i].proto));
        document_add_number(item, "port", pairs[i].port);
        document_add_number(item, "last", pairs[i].last_ns);
        cJSON_AddItemToArray(list, item);
    }
}
