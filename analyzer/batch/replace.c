#include "analyzer/batch/replace.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool replace_begin(struct replacement *replacement, const char *path, bool durable,
                   struct error *error)
{
    replacement->durable = durable;
    replacement->temporary[0] = '\0';
    if (strcmp(path, "-") == 0) {
        replacement->file = stdout;
        return true;
    }
    int length = snprintf(replacement->temporary, sizeof replacement->temporary, "%s.new", path);
    if (length >= (int)sizeof replacement->temporary)
        return error_set(error, "%s: the path is too long", path);
    memcpy(replacement->path, path, strlen(path) + 1);
    replacement->file = fopen(replacement->temporary, "we");
    return replacement->file || error_set(error, "%s: %s", path, strerror(errno));
}

bool replace_end(struct replacement *replacement, struct error *error)
{
    FILE *file = replacement->file;
    bool good = fflush(file) == 0 && !ferror(file);
    if (file == stdout)
        return good || error_set(error, "standard output: %s", strerror(errno));
    if (good && replacement->durable)
        good = fsync(fileno(file)) == 0 || errno == EINVAL || errno == EROFS;
    int reason = errno;
    good = fclose(file) == 0 && good;
    if (good && rename(replacement->temporary, replacement->path) == 0)
        return true;
    error_set(error, "%s: %s", replacement->path, strerror(good ? errno : reason));
    unlink(replacement->temporary);
    return false;
}

bool make_folder(const char *path, struct error *error)
{
    char part[PATH_MAX];
    struct stat status;
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return error_set(error, "%s: the path is too long", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0777);
        *slash = '/';
    }
    (void)mkdir(part, 0777);
    if (stat(part, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    return error_set(error, "%s: %s", path, strerror(errno));
}
