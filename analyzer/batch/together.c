#include "analyzer/batch/together.h"

#include <stdlib.h>

#include "analyzer/batch/document.h"
#include "analyzer/batch/notes.h"
#include "analyzer/memory.h"

/* A worker's memory holds as many packets of captures that are held against each other, whatever
 * they are: one that opens a conversation costs the most. */
enum { PACKET_BYTES = 1024, PACKETS_DEFAULT = 4 * 1024 * 1024 };

struct candidate {
    const struct run *run;
    int64_t first_ns, last_ns; /* of its new captures */
    uint64_t packets;
    bool overlaps; /* the next one in the order of time, or one before */
    struct imprint *imprint;
    cJSON *alone;         /* what it shows by itself */
    size_t leader, count; /* of those held against each other: the first, and, there, how many */
};

static void describe(const struct run *run, struct candidate *candidate)
{
    *candidate = (struct candidate){.run = run, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    for (size_t i = 0; i < run->count; i++) {
        const struct part *part = run->parts[i];
        candidate->packets += part->packets;
        if (i < run->context || part->first_ns == INT64_MIN)
            continue;
        if (part->first_ns < candidate->first_ns)
            candidate->first_ns = part->first_ns;
        if (part->last_ns > candidate->last_ns)
            candidate->last_ns = part->last_ns;
    }
}

static int by_time(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return a->run < b->run ? -1 : a->run > b->run;
}

static void note_overlaps(struct candidate *all, size_t count)
{
    size_t longest = 0;
    for (size_t i = 1; i < count; i++) {
        if (all[i].first_ns <= all[longest].last_ns)
            all[i].overlaps = all[longest].overlaps = true;
        if (all[i].last_ns > all[longest].last_ns)
            longest = i;
    }
}

static size_t leader_of(const struct candidate *all, size_t at)
{
    while (all[at].leader != at)
        at = all[at].leader;
    return at;
}

static void unite(struct candidate *all, size_t one, size_t other, uint64_t packets_max)
{
    size_t first = leader_of(all, one), second = leader_of(all, other);
    if (first == second || all[first].count + all[second].count > CORRELATION_CAPTURES_MAX ||
        all[first].packets + all[second].packets > packets_max ||
        !imprint_shares(all[one].imprint, all[other].imprint))
        return;
    if (second < first) {
        size_t swap = first;
        first = second;
        second = swap;
    }
    all[second].leader = first;
    all[first].count += all[second].count;
    all[first].packets += all[second].packets;
}

static void find_groups(const struct unit_request *request, struct candidate *all, size_t count)
{
    uint64_t packets_max =
        request->memory_max ? request->memory_max / PACKET_BYTES : PACKETS_DEFAULT;
    for (size_t i = 0; i < count; i++) {
        all[i].leader = i;
        all[i].count = 1;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; all[i].imprint && j < count && all[j].first_ns <= all[i].last_ns;
             j++)
            if (all[j].imprint)
                unite(all, i, j, packets_max);
}

static void analyse_group(const struct unit_request *request, const struct candidate *all,
                          size_t count, size_t leader, cJSON *result)
{
    struct run runs[CORRELATION_CAPTURES_MAX];
    size_t members = 0;
    for (size_t i = leader; i < count; i++)
        if (leader_of(all, i) == leader)
            runs[members++] = *all[i].run;
    segments_analyse(request, runs, members, result);
}

void together_analyse(const struct unit_request *request, const struct run *runs, size_t count,
                      cJSON *result)
{
    struct candidate *all = memory_zeroed(count, sizeof *all);
    bool told = request->options->vantage_count; /* all are of one place, as the user says */
    for (size_t i = 0; i < count; i++)
        describe(&runs[i], &all[i]);
    if (count)
        qsort(all, count, sizeof *all, by_time);
    note_overlaps(all, count);
    for (size_t i = 0; i < count; i++) {
        struct candidate *one = &all[i];
        if (one->overlaps && !told)
            one->imprint = memory_zeroed(1, sizeof *one->imprint);
        one->alone = notes_begin(NULL);
        segment_analyse(request, one->run, one->alone, one->imprint);
    }
    find_groups(request, all, count);
    for (size_t i = 0; i < count; i++) {
        if (leader_of(all, i) != i || all[i].count > 1)
            cJSON_Delete(all[i].alone);
        else
            notes_merge(result, all[i].alone);
        if (leader_of(all, i) == i && all[i].count > 1)
            analyse_group(request, all, count, i, result);
        free(all[i].imprint);
    }
    free(all);
}
