/* Where the rules are. */
#include "analyzer/attribution/rules.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FWSNIFF_DATA_DIR
#define FWSNIFF_DATA_DIR "/usr/local/share/fwsniff"
#endif

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* A folder called rules is not enough of a sign: /usr/rules could be anybody's. */
static bool has_rules(const char *path)
{
    char below[PATH_MAX];
    int length = snprintf(below, sizeof below, "%s/attribution", path);
    return length > 0 && (size_t)length < sizeof below && is_directory(below);
}

/* The directory of the running program; empty when it cannot be told. */
static void program_directory(char directory[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
    directory[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(directory, '/');
    if (slash)
        *slash = '\0';
}

static bool copy_path(const char *wanted, char *path, size_t size, struct error *error)
{
    if ((size_t)snprintf(path, size, "%s", wanted) >= size)
        return error_set(error, "%.200s...: this path is too long", wanted);
    return true;
}

bool rules_find_directory(const char *wanted, char *path, size_t size, struct error *error)
{
    const char *from = "--rules";
    if (!wanted) {
        wanted = getenv("FWSNIFF_RULES");
        from = "FWSNIFF_RULES";
    }
    if (wanted && *wanted) {
        if (!is_directory(wanted))
            return error_set(error, "%s: %.300s is no directory", from, wanted);
        return copy_path(wanted, path, size, error);
    }

    char program[PATH_MAX], candidates[3][PATH_MAX + 32];
    program_directory(program);
    snprintf(candidates[0], sizeof candidates[0], "%s/../rules", program);
    snprintf(candidates[1], sizeof candidates[1], "%s/rules", FWSNIFF_DATA_DIR);
    snprintf(candidates[2], sizeof candidates[2], "%s/../share/fwsniff/rules", program);
    for (size_t i = 0; i < 3; i++)
        if (has_rules(candidates[i]))
            return copy_path(candidates[i], path, size, error);
    return error_set(error, "no rules found in %.130s, %.130s or %.130s; name them with --rules",
                     candidates[0], candidates[1], candidates[2]);
}
