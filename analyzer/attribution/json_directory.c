/* The JSON files of a directory. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/attribution/json.h"
#include "analyzer/memory.h"

static const char ending[] = ".json";

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Length of a file's name without the ending; 0: another file. */
static size_t stem_length(const char *name)
{
    size_t length = strlen(name), end = strlen(ending);
    if (name[0] == '.' || length <= end || strcmp(name + length - end, ending) != 0)
        return 0;
    return length - end;
}

char **json_directory(const char *directory, size_t *count, struct error *error)
{
    DIR *stream = opendir(directory);
    *count = 0;
    if (!stream) {
        error_set(error, "%s: %s", directory, strerror(errno));
        return NULL;
    }
    char **names = memory_zeroed(JSON_FILES_MAX, sizeof *names);
    bool full = false;
    for (struct dirent *entry; !full && (entry = readdir(stream));) {
        size_t length = stem_length(entry->d_name);
        full = length > 0 && *count == JSON_FILES_MAX;
        if (length == 0 || full)
            continue;
        names[*count] = memory_string(entry->d_name);
        names[(*count)++][length] = '\0';
    }
    closedir(stream);
    qsort(names, *count, sizeof *names, compare_names);
    if (!full)
        return names;
    error_set(error, "%s: more than %d files", directory, JSON_FILES_MAX);
    json_directory_free(names, *count);
    return NULL;
}

void json_directory_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}
