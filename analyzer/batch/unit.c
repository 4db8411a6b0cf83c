#include "analyzer/batch/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/name.h"
#include "analyzer/batch/notes.h"
#include "analyzer/batch/places.h"
#include "analyzer/batch/replace.h"
#include "analyzer/batch/together.h"
#include "analyzer/batch/unpack.h"
#include "analyzer/memory.h"

struct gathering {
    const struct unit_request *request;
    const cJSON *unit;
    cJSON *result;
    struct part **parts;
    size_t count, capacity;
    void **owned; /* texts of the parts */
    size_t owned_count;
    unsigned archives;

    /* The file that is looked at. */
    const char *path; /* encoded */
    bool named;       /* by the user: it ought to be a capture */
    struct stat status;
};

static char *own(struct gathering *all, char *text)
{
    all->owned = memory_resize(all->owned, all->owned_count + 1, sizeof *all->owned);
    all->owned[all->owned_count++] = text;
    return text;
}

static void beat(void *context)
{
    const struct gathering *all = context;
    all->request->progress->beats++;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* What a worker died of before, as the parent saw it; NULL: nothing is known against this one. */
static const char *avoided(const struct gathering *all, const char *path, const char *member)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, document_list(all->unit, "avoid")) {
        const char *against = document_text(item, "member");
        if (same_text(document_text(item, "path"), path) &&
            strncmp(against ? against : "", member ? member : "", PROGRESS_NAME - 1) == 0)
            return document_text(item, "problem");
    }
    return NULL;
}

/* --- the parts --- */

static struct part *new_part(struct gathering *all)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 64;
        all->parts = memory_resize(all->parts, all->capacity, sizeof *all->parts);
    }
    return all->parts[all->count++] = memory_zeroed(1, sizeof *all->parts[0]);
}

static struct part *find_hash(const struct gathering *all, const char *hash)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->parts[i]->hash, hash) == 0)
            return all->parts[i];
    return NULL;
}

static struct part *find_path(const struct gathering *all, const char *path, const char *member)
{
    for (size_t i = all->count; i-- > 0;)
        if (same_text(all->parts[i]->path, path) && same_text(all->parts[i]->member, member))
            return all->parts[i];
    return NULL;
}

static const char *name_of(struct gathering *all, const char *path, const char *member)
{
    char *name = NULL;
    if (!member || asprintf(&name, "%s: %s", path, member) < 0)
        return path;
    return own(all, name);
}

/* A capture of the history: it may be what a new one continues. It can be read again when it is
 * still the file that it was. */
static void add_known(struct gathering *all, const cJSON *item)
{
    const char *path = document_text(item, "path"), *hash = document_text(item, "hash");
    const char *id = document_text(item, "id"), *links = document_text(item, "links");
    struct stat status;
    if (!path || !hash || !id)
        return;
    struct part *part = new_part(all);
    part->path = path;
    part->member = document_text(item, "member");
    part->name = name_of(all, path, part->member);
    part->links = links ? links : "";
    snprintf(part->hash, sizeof part->hash, "%s", hash);
    snprintf(part->id, sizeof part->id, "%s", id);
    part->bytes = (uint64_t)document_number(item, "bytes", 0);
    part->packets = (uint64_t)document_number(item, "packets", 0);
    part->first_ns = document_number(item, "first", INT64_MIN);
    part->last_ns = document_number(item, "last", INT64_MIN);
    char *place = name_decode(path);
    bool there = !part->member && !avoided(all, path, NULL) && stat(place, &status) == 0 &&
                 status.st_size == document_number(item, "size", -1) &&
                 status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec ==
                     document_number(item, "mtime", -1) &&
                 (int64_t)status.st_ino == document_number(item, "inode", -1);
    part->place = there ? place : NULL;
    if (!there)
        free(place);
}

/* The entry that says what became of a file. `bad`: it ought to have been a capture. */
static void add_file(struct gathering *all, const char *member, const char *hash,
                     const char *problem, bool bad)
{
    cJSON *item = cJSON_CreateObject();
    char *clean = problem && *problem ? name_clean(problem) : NULL;
    document_add_text(item, "path", all->path);
    document_add_text(item, "member", member);
    document_add_number(item, "size", all->status.st_size);
    document_add_number(item, "mtime",
                        all->status.st_mtim.tv_sec * 1000000000 + all->status.st_mtim.tv_nsec);
    document_add_number(item, "inode", (int64_t)all->status.st_ino);
    document_add_text(item, "hash", hash);
    document_add_text(item, "problem", clean);
    document_add_switch(item, "bad", bad);
    cJSON_AddItemToArray(cJSON_GetObjectItem(all->result, "files"), item);
    free(clean);
}

static void add_new(struct gathering *all, const char *member, const char *place,
                    const struct probe *probe)
{
    struct part *before = find_path(all, all->path, member);
    bool grown = before && before->packets && strcmp(before->hash, probe->prefix_hash) == 0;
    struct part *part = grown ? before : new_part(all);
    if (grown) {
        memcpy(part->replaces, part->hash, sizeof part->replaces);
        part->told = part->packets;
        free(part->place);
    } else {
        part->path = all->path;
        part->member = member ? own(all, memory_string(member)) : NULL;
        part->name = name_of(all, all->path, part->member);
        snprintf(part->id, sizeof part->id, "%.12s", probe->hash);
    }
    memcpy(part->hash, probe->hash, sizeof part->hash);
    part->place = memory_string(place);
    part->bytes = probe->bytes;
    part->packets = probe->packets;
    part->first_ns = probe->first_ns;
    part->last_ns = probe->last_ns;
    part->links = own(all, memory_string(probe->links));
    part->fresh = true;
    part->size = all->status.st_size;
    part->mtime_ns = all->status.st_mtim.tv_sec * 1000000000 + all->status.st_mtim.tv_nsec;
    part->inode = (int64_t)all->status.st_ino;
    part->dropped = probe->dropped;
    part->truncated = probe->truncated;
    part->problem = probe->problem.text[0] ? own(all, name_clean(probe->problem.text)) : NULL;
}

/* --- looking at files --- */

static bool looks_like_capture(const char *path)
{
    static const char *const words[] = {".pcap", ".pcapng", ".cap", ".dmp",
                                        ".ntar", ".zip",    ".tar", ".tgz"};
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(slash ? slash : path, words[i]))
            return true;
    return false;
}

static void take_capture(struct gathering *all, const char *member, const char *place,
                         const struct probe *probe)
{
    add_file(all, member, probe->hash, probe->problem.text, probe->truncated);
    if (probe->truncated)
        notes_warn(all->result, probe->problem.text);
    if (!find_hash(all, probe->hash))
        add_new(all, member, place, probe);
}

static void refuse_file(struct gathering *all, const char *member, const char *problem)
{
    bool bad = all->named || looks_like_capture(member ? member : all->path);
    add_file(all, member, NULL, problem, bad);
    if (bad)
        notes_warn(all->result, problem);
}

static uint64_t known_bytes(const struct gathering *all, const char *member)
{
    const struct part *before = find_path(all, all->path, member);
    return before ? before->bytes : 0;
}

static void take_member(void *context, const char *member, const char *place)
{
    struct gathering *all = context;
    struct unit_progress *progress = all->request->progress;
    struct probe probe;
    char *inner = name_encode(member);
    snprintf(progress->member, sizeof progress->member, "%s", inner);
    beat(all);
    const char *against = avoided(all, all->path, inner);
    const char *name = name_of(all, all->path, inner);
    bool keep = false;
    if (against)
        refuse_file(all, inner, against);
    else if (!probe_file(place, name, known_bytes(all, inner), beat, all, &probe))
        refuse_file(all, inner, probe.problem.text);
    else if (probe.kind == PROBE_CAPTURE) {
        size_t before = all->count;
        take_capture(all, inner, place, &probe);
        keep = all->count > before || find_hash(all, probe.hash)->fresh;
    } else {
        char text[ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "%s: an archive inside an archive; unpack it once", name);
        refuse_file(all, inner, probe.kind == PROBE_ARCHIVE ? text : probe.problem.text);
    }
    if (!keep)
        unlink(place);
    progress->member[0] = '\0';
    free(inner);
}

static void take_archive(struct gathering *all, const char *raw)
{
    struct error error = {""};
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/%u", all->request->folder, all->archives++);
    const struct unpack_request request = {
        .path = raw,
        .name = all->path,
        .folder = folder,
        .bytes_max = all->request->unpacked_max,
        .each = take_member,
        .beat = beat,
        .context = all,
    };
    bool good = make_folder(folder, &error) && unpack(&request, &error);
    if (good)
        add_file(all, NULL, NULL, NULL, false);
    else
        refuse_file(all, NULL, error.text);
}

static void look_at(struct gathering *all, const cJSON *file)
{
    struct unit_progress *progress = all->request->progress;
    struct probe probe;
    all->path = document_text(file, "path");
    all->named = document_switch(file, "named");
    progress->files++;
    if (!all->path)
        return;
    char *raw = name_decode(all->path);
    snprintf(progress->path, sizeof progress->path, "%s", all->path);
    progress->member[0] = '\0';
    beat(all);
    const char *against = avoided(all, all->path, NULL);
    if (stat(raw, &all->status) != 0) {
        char text[ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "%.400s: %s", all->path, strerror(errno));
        notes_warn(all->result, text); /* gone meanwhile: nothing is known of it */
    } else if (against) {
        refuse_file(all, NULL, against);
    } else if (!probe_file(raw, all->path, known_bytes(all, NULL), beat, all, &probe)) {
        refuse_file(all, NULL, probe.problem.text);
    } else {
        switch (probe.kind) {
        case PROBE_CAPTURE:
            take_capture(all, NULL, raw, &probe);
            break;
        case PROBE_ARCHIVE:
            take_archive(all, raw);
            break;
        case PROBE_FOREIGN:
            refuse_file(all, NULL, probe.problem.text);
            break;
        }
    }
    free(raw);
}

/* --- streams and their new runs --- */

/* The parts before `at` that are read for context: the nearest, without a gap, as far back as
 * matters. */
static size_t context_before(const struct stream_part *parts, size_t at)
{
    size_t from = at;
    while (from > 0 && parts[from - 1].stream == parts[at].stream &&
           ((const struct part *)parts[from - 1].owner)->place &&
           (from == at || parts[at].first_ns - parts[from].first_ns < STREAM_CONTEXT_NS))
        from--;
    return from;
}

static bool fresh(const struct stream_part *part)
{
    return ((const struct part *)part->owner)->fresh;
}

/* The end of the run of new parts that begins at `at`. A file that grew begins a run of its own:
 * what it had before is the context. */
static size_t run_end(const struct stream_part *parts, size_t count, size_t at)
{
    size_t end = at + 1;
    while (end < count && parts[end].stream == parts[at].stream && fresh(&parts[end]) &&
           !((const struct part *)parts[end].owner)->told)
        end++;
    return end;
}

static void analyse_streams(struct gathering *all)
{
    struct stream_part *parts = memory_zeroed(all->count, sizeof *parts);
    struct part **ordered = memory_zeroed(all->count, sizeof *ordered);
    struct run *runs = memory_zeroed(all->count, sizeof *runs);
    size_t run_count = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct part *part = all->parts[i];
        parts[i] = (struct stream_part){
            .group = own(
                all, stream_group(all->request->streams, part->path, part->member, part->links)),
            .name = part->name,
            .first_ns = part->first_ns,
            .last_ns = part->last_ns,
            .owner = part,
        };
    }
    stream_arrange(all->request->streams, parts, all->count);
    for (size_t i = 0; i < all->count; i++)
        ordered[i] = parts[i].owner;
    for (size_t at = 0; at < all->count;) {
        if (!fresh(&parts[at])) {
            at++;
            continue;
        }
        size_t from = context_before(parts, at), end = run_end(parts, all->count, at);
        runs[run_count++] = (struct run){ordered + from, end - from, at - from};
        at = end;
    }
    together_analyse(all->request, runs, run_count, all->result);
    free(runs);
    free(ordered);
    free(parts);
}

/* Trees become texts: here, where several processes work, not where one takes all of it in. */
static void print_documents(cJSON *list)
{
    cJSON *item;
    cJSON_ArrayForEach(item, list) {
        char *text = memory_got(cJSON_PrintUnformatted(cJSON_GetObjectItem(item, "document")));
        cJSON_ReplaceItemInObject(item, "document", cJSON_CreateString(text));
        cJSON_free(text);
    }
}

cJSON *unit_analyse(const struct unit_request *request, const cJSON *unit)
{
    struct gathering all = {
        .request = request, .unit = unit, .result = notes_begin(document_text(unit, "site"))};
    const cJSON *item;
    cJSON_ArrayForEach(item, document_list(unit, "known"))
        add_known(&all, item);
    cJSON_ArrayForEach(item, document_list(unit, "files"))
        look_at(&all, item);
    analyse_streams(&all);
    places_join(all.result);
    places_advise(all.result);
    print_documents(cJSON_GetObjectItem(all.result, "captures"));
    print_documents(cJSON_GetObjectItem(all.result, "findings"));
    for (size_t i = 0; i < all.count; i++) {
        free(all.parts[i]->place);
        free(all.parts[i]);
    }
    for (size_t i = 0; i < all.owned_count; i++)
        free(all.owned[i]);
    free(all.parts);
    free(all.owned);
    return all.result;
}
