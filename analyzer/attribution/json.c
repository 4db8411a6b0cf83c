#include "analyzer/attribution/json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/json_scan.h"
#include "analyzer/memory.h"

struct json {
    char *name;
    char *text; /* comments blanked */
    size_t length;
    cJSON *root;
    struct error *error;
};

static void line_and_column(const struct json *json, size_t offset, unsigned *line,
                            unsigned *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < json->length; i++) {
        bool end = json->text[i] == '\n';
        *line += end;
        *column = end ? 1 : *column + 1;
    }
}

static bool fail_at(const struct json *json, size_t offset, const char *message)
{
    unsigned line, column;
    line_and_column(json, offset, &line, &column);
    return error_set(json->error, "%s:%u:%u: %s", json->name, line, column, message);
}

bool json_position(const struct json *json, const cJSON *node, unsigned *line, unsigned *column)
{
    size_t offset;
    if (!json_find(json->text, json->length, json->root, node, false, &offset))
        return false;
    line_and_column(json, offset, line, column);
    return true;
}

static bool fail(const struct json *json, const cJSON *node, bool name, const char *format,
                 va_list arguments)
{
    char message[ERROR_TEXT_MAX];
    size_t offset = 0;
    vsnprintf(message, sizeof message, format, arguments);
    if (!json_find(json->text, json->length, json->root, node, name && node->string, &offset))
        return error_set(json->error, "%s: %s", json->name, message);
    return fail_at(json, offset, message);
}

bool json_fail(const struct json *json, const cJSON *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(json, node, false, format, arguments);
    va_end(arguments);
    return false;
}

bool json_fail_at_name(const struct json *json, const cJSON *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(json, node, true, format, arguments);
    va_end(arguments);
    return false;
}

/* What the grammar allows and we do not: a name twice, a number beyond a double's range. */
static bool check_tree(const struct json *json, const cJSON *node)
{
    if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
        return json_fail(json, node, "this number is too large");
    for (const cJSON *child = node->child; child; child = child->next) {
        if (cJSON_IsObject(node))
            for (const cJSON *earlier = node->child; earlier != child; earlier = earlier->next)
                if (strcmp(earlier->string, child->string) == 0)
                    return json_fail_at_name(json, child, "\"%.*s\" stands twice in this object",
                                             JSON_QUOTE_MAX, child->string);
        if (!check_tree(json, child))
            return false;
    }
    return true;
}

static bool make_tree(struct json *json)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct json_flaw flaw;
    const char *end = NULL;
    if (json->length >= 3 && memcmp(json->text, byte_order_mark, 3) == 0)
        return fail_at(json, 0, "expected text without a byte order mark");
    if (!json_blank_comments(json->text, json->length, &flaw) ||
        !json_scan(json->text, json->length, &flaw))
        return fail_at(json, flaw.offset, flaw.message);
    json->root = cJSON_ParseWithLengthOpts(json->text, json->length, &end, 0);
    if (!json->root) /* the scanner is the stricter of the two: no text is known to come here */
        return fail_at(json, end ? (size_t)(end - json->text) : 0, "this is no JSON");
    return check_tree(json, json->root);
}

static struct json *new_json(const char *name, char *text, size_t length, struct error *error)
{
    struct json *json = memory_zeroed(1, sizeof *json);
    *json =
        (struct json){.name = memory_string(name), .text = text, .length = length, .error = error};
    if (make_tree(json))
        return json;
    json_free(json);
    return NULL;
}

struct json *json_parse(const char *name, const char *text, size_t length, struct error *error)
{
    if (length > JSON_FILE_BYTES_MAX) {
        error_set(error, "%s: larger than %d bytes", name, JSON_FILE_BYTES_MAX);
        return NULL;
    }
    char *copy = memory_zeroed(length + 1, 1);
    memcpy(copy, text, length);
    return new_json(name, copy, length, error);
}

struct json *json_load(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = memory_zeroed(JSON_FILE_BYTES_MAX + 1, 1);
    size_t length = fread(text, 1, JSON_FILE_BYTES_MAX + 1, file);
    int problem = ferror(file) ? errno : 0;
    fclose(file);
    if (problem)
        error_set(error, "%s: %s", path, strerror(problem));
    else if (length > JSON_FILE_BYTES_MAX)
        error_set(error, "%s: larger than %d bytes", path, JSON_FILE_BYTES_MAX);
    else
        return new_json(path, memory_resize(text, length + 1, 1), length, error);
    free(text);
    return NULL;
}

void json_free(struct json *json)
{
    if (!json)
        return;
    cJSON_Delete(json->root);
    free(json->text);
    free(json->name);
    free(json);
}

const cJSON *json_root(const struct json *json)
{
    return json->root;
}

static const struct {
    enum json_type type;
    const char *text;
} type_names[] = {
    {JSON_STRING, "a string"},        {JSON_NUMBER, "a number"},    {JSON_FLAG, "true or false"},
    {JSON_OBJECT, "an object {...}"}, {JSON_ARRAY, "a list [...]"},
};

enum { TYPE_NAMES = sizeof type_names / sizeof *type_names };

static unsigned type_of(const cJSON *node)
{
    switch (node->type & 0xff) {
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_True:
    case cJSON_False:
        return JSON_FLAG;
    case cJSON_Object:
        return JSON_OBJECT;
    case cJSON_Array:
        return JSON_ARRAY;
    }
    return 0;
}

static const char *type_text(unsigned type)
{
    for (size_t i = 0; i < TYPE_NAMES; i++)
        if (type_names[i].type == type)
            return type_names[i].text;
    return "null";
}

bool json_expect(const struct json *json, const cJSON *node, unsigned types)
{
    char wanted[128] = "";
    size_t used = 0;
    if (type_of(node) & types)
        return true;
    for (size_t i = 0; i < TYPE_NAMES; i++)
        if (types & type_names[i].type)
            used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s%s",
                                     used ? " or " : "", type_names[i].text);
    return json_fail(json, node, "expected %s, got %s", wanted, type_text(type_of(node)));
}

static const struct json_field *find_field(const struct json_field *fields, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static bool fail_unknown_field(const struct json *json, const cJSON *member,
                               const struct json_field *fields, size_t count)
{
    struct json_nearest nearest = {.wrong = member->string};
    char hint[JSON_HINT_MAX];
    for (size_t i = 0; i < count; i++)
        json_nearest_offer(&nearest, fields[i].name);
    return json_fail_at_name(json, member, "unknown field \"%.*s\"%s", JSON_QUOTE_MAX,
                             member->string, json_nearest_hint(&nearest, hint));
}

bool json_read_object(const struct json *json, const cJSON *node, const struct json_field *fields,
                      size_t count)
{
    if (!json_expect(json, node, JSON_OBJECT))
        return false;
    for (size_t i = 0; i < count; i++)
        *fields[i].value = NULL;
    for (const cJSON *member = node->child; member; member = member->next) {
        const struct json_field *field = find_field(fields, count, member->string);
        if (!field)
            return fail_unknown_field(json, member, fields, count);
        if (!json_expect(json, member, field->types))
            return false;
        *field->value = member;
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !*fields[i].value)
            return json_fail(json, node, "the field \"%s\" is missing", fields[i].name);
    return true;
}

bool json_number(const struct json *json, const cJSON *node, double least, double most,
                 double *value)
{
    if (!json_expect(json, node, JSON_NUMBER))
        return false;
    if (!(node->valuedouble >= least && node->valuedouble <= most))
        return json_fail(json, node, "expected a number from %g to %g, got %g", least, most,
                         node->valuedouble);
    *value = node->valuedouble;
    return true;
}

bool json_text(const struct json *json, const cJSON *node, size_t most, const char **value)
{
    if (!json_expect(json, node, JSON_STRING))
        return false;
    size_t length = strlen(node->valuestring);
    if (length == 0 || length > most)
        return json_fail(json, node, "expected 1 to %zu bytes of text, got %zu", most, length);
    *value = node->valuestring;
    return true;
}

bool json_identifier(const struct json *json, const cJSON *node, const char *others,
                     const char **value)
{
    if (!json_text(json, node, JSON_QUOTE_MAX, value))
        return false;
    for (const char *at = *value; *at; at++)
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') && !strchr(others, *at))
            return json_fail(json, node,
                             "expected a name of small letters, digits and %s, got \"%s\"", others,
                             *value);
    return true;
}

bool json_word(const struct json *json, const cJSON *node, const char *what,
               const char *const *words, size_t count, size_t *index)
{
    if (!json_expect(json, node, JSON_STRING))
        return false;
    for (*index = 0; *index < count; ++*index)
        if (strcmp(words[*index], node->valuestring) == 0)
            return true;
    struct json_nearest nearest = {.wrong = node->valuestring};
    char hint[JSON_HINT_MAX];
    for (size_t i = 0; i < count; i++)
        json_nearest_offer(&nearest, words[i]);
    return json_fail(json, node, "unknown %s \"%.*s\"%s", what, JSON_QUOTE_MAX, node->valuestring,
                     json_nearest_hint(&nearest, hint));
}

/* Levenshtein's distance, of names up to JSON_QUOTE_MAX bytes. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[JSON_QUOTE_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

void json_nearest_offer(struct json_nearest *nearest, const char *name)
{
    size_t wrong = strlen(nearest->wrong), length = strlen(name);
    if (wrong > JSON_QUOTE_MAX || length > JSON_QUOTE_MAX)
        return;
    size_t distance = edit_distance(nearest->wrong, wrong, name, length);
    /* A third of the word may be wrong; beyond that a guess misleads. */
    if (distance > (length < 6 ? 2 : length / 3) || distance >= length)
        return;
    if (!nearest->best || distance < nearest->distance) {
        nearest->best = name;
        nearest->distance = distance;
    }
}

const char *json_nearest_hint(const struct json_nearest *nearest, char hint[JSON_HINT_MAX])
{
    hint[0] = '\0';
    if (nearest->best)
        snprintf(hint, JSON_HINT_MAX, "; did you mean \"%s\"?", nearest->best);
    return hint;
}
