#include "analyzer/batch/worklist.h"

#include <errno.h>
#include <fts.h>
#include <libgen.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/memory.h"

struct entry {
    char *site, *path; /* encoded */
    struct stat status;
    bool named;
};

struct walk_over {
    const struct worklist_request *request;
    regex_t pattern;
    bool has_pattern;
    struct entry *entries;
    size_t count, capacity;
    struct stat left_out[8];
    size_t left_out_count;
    void (*warn)(const char *text);
    size_t unreadable;
};

static void complain(struct walk_over *work, const char *path, int reason)
{
    char text[ERROR_TEXT_MAX];
    char *name = name_encode(path);
    snprintf(text, sizeof text, "%.400s: %s", name, strerror(reason));
    work->warn(text);
    work->unreadable++;
    free(name);
}

/* --- which site --- */

static char *matched(const struct walk_over *work, const char *below)
{
    regmatch_t match[2];
    if (!work->has_pattern || regexec(&work->pattern, below, 2, match, 0) != 0)
        return NULL;
    const regmatch_t *group = match[1].rm_so >= 0 ? &match[1] : &match[0];
    return strndup(below + group->rm_so, (size_t)(group->rm_eo - group->rm_so));
}

/* The last folder of the path of a folder. */
static char *last_folder(const char *folder)
{
    char *copy = memory_string(folder), *name = memory_string(basename(copy));
    free(copy);
    return name;
}

/* `below`: the path below `root`, a folder. The site is the first folder of it, or the root where
 * there is none. */
static char *site_of(const struct walk_over *work, const char *root, const char *below)
{
    const char *slash = strchr(below, '/');
    char *site = NULL;
    if (work->request->site)
        site = memory_string(work->request->site);
    if (!site)
        site = matched(work, below);
    if (!site || !*site) {
        free(site);
        site = slash ? strndup(below, (size_t)(slash - below)) : last_folder(root);
    }
    char *safe = name_encode(site);
    free(site);
    return safe;
}

/* --- walking --- */

static void add_entry(struct walk_over *work, char *site, const char *path,
                      const struct stat *status, bool named)
{
    if (work->count == work->capacity) {
        work->capacity = work->capacity ? work->capacity * 2 : 256;
        work->entries = memory_resize(work->entries, work->capacity, sizeof *work->entries);
    }
    work->entries[work->count++] = (struct entry){site, name_encode(path), *status, named};
}

static bool is_ours(const struct walk_over *work, const struct stat *status)
{
    for (size_t i = 0; i < work->left_out_count; i++)
        if (work->left_out[i].st_dev == status->st_dev &&
            work->left_out[i].st_ino == status->st_ino)
            return true;
    return false;
}

/* Links to files are followed, links to folders are not. Hidden names are copies under way
 * (rsync) or no captures. */
static void take_walked(struct walk_over *work, FTS *fts, FTSENT *found, const char *root)
{
    struct stat status;
    bool hidden = found->fts_level > 0 && found->fts_name[0] == '.';
    switch (found->fts_info) {
    case FTS_D:
        if (hidden || is_ours(work, found->fts_statp))
            fts_set(fts, found, FTS_SKIP);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        complain(work, found->fts_path, found->fts_errno);
        break;
    case FTS_F:
    case FTS_SL:
        if (!hidden && stat(found->fts_path, &status) == 0 && S_ISREG(status.st_mode))
            add_entry(work, site_of(work, root, found->fts_path + strlen(root) + 1),
                      found->fts_path, &status, false);
        break;
    default:
        break;
    }
}

static void walk_folder(struct walk_over *work, char *root)
{
    char *const roots[] = {root, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    for (FTSENT *found; fts && (found = fts_read(fts));)
        take_walked(work, fts, found, root);
    if (!fts)
        complain(work, root, errno);
    else
        fts_close(fts);
}

static void take_root(struct walk_over *work, const char *given)
{
    struct stat status;
    char *path = realpath(given, NULL);
    if (!path || stat(path, &status) != 0) {
        complain(work, given, errno);
    } else if (S_ISDIR(status.st_mode)) {
        walk_folder(work, path);
    } else if (S_ISREG(status.st_mode)) {
        char *slash = strrchr(path, '/');
        char *folder = slash == path ? memory_string("/") : strndup(path, (size_t)(slash - path));
        char *site = work->has_pattern && !work->request->site ? matched(work, path) : NULL;
        char *safe = site && *site ? name_encode(site) : site_of(work, folder, slash + 1);
        add_entry(work, safe, path, &status, true);
        free(site);
        free(folder);
    } else {
        complain(work, given, EINVAL);
    }
    free(path);
}

/* --- the plan --- */

static int by_site_and_path(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = strcmp(a->site, b->site);
    return order ? order : strcmp(a->path, b->path);
}

static cJSON *file_item(const struct entry *entry)
{
    cJSON *item = cJSON_CreateObject();
    document_add_text(item, "path", entry->path);
    document_add_switch(item, "named", entry->named);
    return item;
}

static cJSON *new_unit(const char *site, struct store *store)
{
    cJSON *unit = cJSON_CreateObject();
    document_add_text(unit, "site", site);
    document_add(unit, "files", cJSON_CreateArray());
    document_add(unit, "known", store ? store_known_captures(store, site) : cJSON_CreateArray());
    return unit;
}

static void end_unit(cJSON *units, cJSON *unit, int64_t bytes)
{
    if (!unit)
        return;
    document_add_number(unit, "bytes", bytes);
    cJSON_AddItemToArray(units, unit);
}

static cJSON *make_units(const struct walk_over *work)
{
    cJSON *units = cJSON_CreateArray(), *unit = NULL;
    const struct entry *last = NULL;
    int64_t bytes = 0;
    for (size_t i = 0; i < work->count; i++) {
        const struct entry *entry = &work->entries[i];
        bool same_site = last && strcmp(last->site, entry->site) == 0;
        if (same_site && strcmp(last->path, entry->path) == 0)
            continue; /* given twice */
        if (!same_site) {
            end_unit(units, unit, bytes);
            unit = NULL;
        }
        last = entry;
        if (work->request->store &&
            store_file_is_known(work->request->store, entry->site, entry->path, &entry->status))
            continue;
        if (!unit) {
            unit = new_unit(entry->site, work->request->store);
            bytes = 0;
        }
        bytes += entry->status.st_size;
        cJSON_AddItemToArray(cJSON_GetObjectItem(unit, "files"), file_item(entry));
    }
    end_unit(units, unit, bytes);
    return units;
}

static void note_left_out(struct walk_over *work)
{
    for (size_t i = 0; work->request->left_out && work->request->left_out[i]; i++)
        if (work->left_out_count < sizeof work->left_out / sizeof *work->left_out &&
            stat(work->request->left_out[i], &work->left_out[work->left_out_count]) == 0)
            work->left_out_count++;
}

cJSON *worklist_make(const struct worklist_request *request, void (*warn)(const char *text),
                     size_t *unreadable, struct error *error)
{
    struct walk_over work = {.request = request, .warn = warn};
    if (request->site_pattern) {
        int result = regcomp(&work.pattern, request->site_pattern, REG_EXTENDED);
        char why[200];
        if (result != 0) {
            regerror(result, &work.pattern, why, sizeof why);
            error_set(error, "option --site-pattern: '%s': %s", request->site_pattern, why);
            return NULL;
        }
        work.has_pattern = true;
    }
    note_left_out(&work);
    for (size_t i = 0; i < request->root_count; i++)
        take_root(&work, request->roots[i]);
    if (work.count)
        qsort(work.entries, work.count, sizeof *work.entries, by_site_and_path);
    cJSON *plan = cJSON_CreateObject();
    document_add_text(plan, "schema", PLAN_SCHEMA);
    document_add_number(plan, "after_run", request->store ? store_finished_run(request->store) : 0);
    document_add(plan, "units", make_units(&work));
    *unreadable = work.unreadable;
    for (size_t i = 0; i < work.count; i++) {
        free(work.entries[i].site);
        free(work.entries[i].path);
    }
    free(work.entries);
    if (work.has_pattern)
        regfree(&work.pattern);
    return plan;
}

/* --- shares --- */

static int larger_first(const void *left, const void *right)
{
    const cJSON *a = *(cJSON *const *)left, *b = *(cJSON *const *)right;
    int64_t more = document_number(b, "bytes", 0) - document_number(a, "bytes", 0);
    const char *first = document_text(a, "site"), *second = document_text(b, "site");
    return more ? (more > 0 ? 1 : -1) : strcmp(first ? first : "", second ? second : "");
}

cJSON *worklist_share(cJSON *plan, unsigned share, unsigned of)
{
    cJSON *units = cJSON_GetObjectItem(plan, "units"), *mine = cJSON_CreateArray();
    size_t count = (size_t)cJSON_GetArraySize(units);
    cJSON **sorted = memory_zeroed(count, sizeof *sorted);
    int64_t *load = memory_zeroed(of, sizeof *load);
    for (size_t i = 0; i < count; i++)
        sorted[i] = cJSON_DetachItemFromArray(units, 0);
    if (count)
        qsort(sorted, count, sizeof *sorted, larger_first);
    for (size_t i = 0; i < count; i++) {
        unsigned least = 0;
        for (unsigned s = 1; s < of; s++)
            if (load[s] < load[least])
                least = s;
        load[least] += document_number(sorted[i], "bytes", 0) + 1;
        if (least + 1 == share)
            cJSON_AddItemToArray(mine, sorted[i]);
        else
            cJSON_Delete(sorted[i]);
    }
    free(sorted);
    free(load);
    return mine;
}
