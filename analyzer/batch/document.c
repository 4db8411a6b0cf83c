#include "analyzer/batch/document.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Of a file that is open; it is read from its begin. */
static char *read_whole(int fd, const char *name, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(error, "%s: not a file", name);
        return NULL;
    }
    size_t size = (size_t)status.st_size, have = 0;
    char *text = memory_zeroed(size + 1, 1);
    for (ssize_t got; have < size; have += (size_t)got)
        if ((got = pread(fd, text + have, size - have, (off_t)have)) <= 0)
            break;
    text[have] = '\0';
    if (have == size)
        return text;
    error_set(error, "%s: could not be read whole", name);
    free(text);
    return NULL;
}

cJSON *document_read_open(int fd, const char *name, const char *schema, struct error *error)
{
    char *text = read_whole(fd, name, error);
    if (!text)
        return NULL;
    cJSON *document = cJSON_Parse(text);
    free(text);
    const char *found = document_text(document, "schema");
    if (found && strcmp(found, schema) == 0)
        return document;
    error_set(error, "%s: expected a document of schema %s, this is %s", name, schema,
              found      ? found
              : document ? "another kind of JSON"
                         : "no JSON");
    cJSON_Delete(document);
    return NULL;
}

cJSON *document_read(const char *path, const char *schema, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    cJSON *document = document_read_open(fd, path, schema, error);
    close(fd);
    return document;
}

bool document_write(const char *path, const cJSON *document, bool durable, struct error *error)
{
    struct replacement replacement;
    if (!replace_begin(&replacement, path, durable, error))
        return false;
    report_json_print(replacement.file, document);
    fputc('\n', replacement.file);
    return replace_end(&replacement, error);
}
