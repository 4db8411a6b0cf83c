#include "analyzer/batch/stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/batch/name.h"
#include "analyzer/memory.h"

char *stream_group(enum stream_rule rule, const char *path, const char *member, const char *links)
{
    const char *slash = strrchr(path, '/');
    int folder = member ? (int)strlen(path) : slash ? (int)(slash - path) : 0;
    const char *inner = member ? strrchr(member, '/') : NULL;
    char *stem = rule == STREAM_BY_TIME ? memory_string("") : name_stem(member ? member : path);
    char *group = NULL;
    if (asprintf(&group, "%.*s\n%.*s\n%s\n%s", folder, path, inner ? (int)(inner - member) : 0,
                 member ? member : "", stem, links) < 0)
        group = memory_string(stem);
    free(stem);
    return group;
}

static int by_time(const void *left, const void *right)
{
    const struct stream_part *a = left, *b = right;
    int order = strcmp(a->group, b->group);
    if (order)
        return order;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_stream(const void *left, const void *right)
{
    const struct stream_part *a = left, *b = right;
    return a->stream != b->stream ? (a->stream < b->stream ? -1 : 1) : by_time(left, right);
}

static int64_t difference(int64_t later, int64_t earlier)
{
    int64_t result;
    if (__builtin_sub_overflow(later, earlier, &result))
        return later > earlier ? INT64_MAX : INT64_MIN;
    return result;
}

static bool continues(const struct stream_part *last, const struct stream_part *part)
{
    if (last->first_ns == INT64_MIN || part->first_ns == INT64_MIN)
        return false;
    int64_t hole_ns = difference(part->first_ns, last->last_ns);
    return hole_ns >= -STREAM_OVERLAP_MAX_NS && hole_ns <= STREAM_HOLE_MAX_NS;
}

static int64_t hole(const struct stream_part *last, const struct stream_part *part)
{
    int64_t hole_ns = difference(part->first_ns, last->last_ns);
    return hole_ns < 0 ? -hole_ns : hole_ns; /* small, where one may follow the other */
}

/* The stream that `part` goes on with: of those whose last part it may follow, the one that ended
 * nearest to its begin. Only streams of its group that ended a moment ago can be, so that few are
 * looked at. */
size_t stream_arrange(enum stream_rule rule, struct stream_part *parts, size_t count)
{
    size_t streams = 0, open = 0, *ends = memory_zeroed(count, sizeof *ends);
    qsort(parts, count, sizeof *parts, by_time);
    for (size_t i = 0; i < count; i++) {
        struct stream_part *part = &parts[i];
        size_t best = SIZE_MAX, kept = 0;
        if (i == 0 || strcmp(parts[i - 1].group, part->group) != 0)
            open = 0;
        for (size_t s = 0; s < open; s++) {
            const struct stream_part *last = &parts[ends[s]];
            if (difference(part->first_ns, last->last_ns) > STREAM_HOLE_MAX_NS)
                continue; /* nothing follows it any more */
            ends[kept] = ends[s];
            if (rule != STREAM_NEVER && continues(last, part) &&
                (best == SIZE_MAX || hole(last, part) < hole(&parts[ends[best]], part)))
                best = kept;
            kept++;
        }
        open = kept;
        if (best == SIZE_MAX) {
            part->stream = streams++;
            ends[open++] = i;
        } else {
            part->stream = parts[ends[best]].stream;
            ends[best] = i;
        }
    }
    free(ends);
    qsort(parts, count, sizeof *parts, by_stream);
    return streams;
}
