#include "analyzer/batch/document.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/batch/replace.h"
#include "analyzer/memory.h"
#include "analyzer/report/json.h"

void document_add(cJSON *object, const char *name, cJSON *item)
{
    cJSON_AddItemToObject(object, name, item);
}

void document_add_text(cJSON *object, const char *name, const char *text)
{
    document_add(object, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void document_add_number(cJSON *object, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    document_add_text(object, name, text);
}

void document_add_switch(cJSON *object, const char *name, bool on)
{
    document_add(object, name, cJSON_CreateBool(on));
}

const char *document_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

int64_t document_number(const cJSON *object, const char *name, int64_t otherwise)
{
    const char *text = document_text(object, name);
    char *end;
    if (!text || !*text)
        return otherwise;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    return errno || *end ? otherwise : number;
}

bool document_switch(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

const cJSON *document_list(const cJSON *object, const char *name)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsArray(list) ? list : NULL;
}

static char *read_whole(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    char *text = NULL;
    if (!file || fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(error, "%s: %s", path, file ? "not a file" : strerror(errno));
    } else {
        text = memory_zeroed((size_t)status.st_size + 1, 1);
        if (fread(text, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
            error_set(error, "%s: could not be read whole", path);
            free(text);
            text = NULL;
        }
    }
    if (file)
        fclose(file);
    return text;
}

cJSON *document_read(const char *path, const char *schema, struct error *error)
{
    char *text = read_whole(path, error);
    if (!text)
        return NULL;
    cJSON *document = cJSON_Parse(text);
    free(text);
    const char *found = document_text(document, "schema");
    if (found && strcmp(found, schema) == 0)
        return document;
    error_set(error, "%s: expected a document of schema %s, this is %s", path, schema,
              found      ? found
              : document ? "another kind of JSON"
                         : "no JSON");
    cJSON_Delete(document);
    return NULL;
}

bool document_write(const char *path, const cJSON *document, bool durable, struct error *error)
{
    struct replacement replacement;
    if (!replace_begin(&replacement, path, durable, error))
        return false;
    report_json_item(replacement.file, cJSON_Duplicate(document, true));
    fputc('\n', replacement.file);
    return replace_end(&replacement, error);
}
