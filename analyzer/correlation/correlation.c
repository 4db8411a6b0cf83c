#include "analyzer/correlation/correlation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/correlation/correlation_internal.h"
#include "analyzer/memory.h"

enum { NOTE_TEXT = 256 };
/* Clocks set by NTP are nearer than this. */
#define CLOCK_NOTE_MIN_S 1.0

static bool is_handshake(enum symptom symptom)
{
    return symptom == SYMPTOM_SYN_TIMEOUT || symptom == SYMPTOM_SYNACK_UNANSWERED ||
           symptom == SYMPTOM_UDP_NO_RESPONSE;
}

/* What another capture shows of it: that it worked, that it is the same. */
static void survey(const struct correlation *all, struct place place, bool *refuted,
                   uint32_t *captures, bool *compared)
{
    const struct failure *failure = &all->view[place.capture].failures[place.failure];
    *refuted = *compared = false;
    *captures = 1;
    for (uint32_t other = 0; other < all->count; other++) {
        struct relation relation;
        if (other == place.capture)
            continue;
        relate(all, place.capture, place.failure, other, &relation);
        *captures += relation.linked;
        *compared |= relation.compared;
        *refuted |= relation.worked && is_handshake(failure->symptom);
    }
}

static void complete(struct correlation *all, struct place place)
{
    const struct failure *failure = &all->view[place.capture].failures[place.failure];
    struct joint *joint = all->joint[place.capture][place.failure];
    if (failure->suppressed || (joint && joint->told_elsewhere))
        return;
    bool refuted, compared;
    uint32_t captures;
    survey(all, place, &refuted, &captures, &compared);
    if (!joint && captures < 2 && !compared)
        return;
    joint = joint_at(all, place);
    joint->refuted = refuted;
    joint->captures = captures;
    if (!joint->attempts)
        name_after(failure, joint);
    compare_stretch(all, place, joint);
}

/* Where a capture has both sides of a NAT, either may be what another capture has; the outer one is
 * counted. */
static const struct attempt *counted_in(const struct correlation *all, uint32_t before,
                                        uint32_t capture, const struct attempt *attempt)
{
    const struct tracker *own = all->view[capture].tracker, *other = all->view[before].tracker;
    const struct attempt *sides[] = {attempt, tracker_attempt(own, attempt->twin)};
    for (size_t i = 0; i < 2; i++) {
        const struct attempt *same =
            sides[i] ? pairing_partner(&all->pairing[before][capture], other, 1, sides[i]) : NULL;
        if (same && (same->bits & ATTEMPT_IS_INNER))
            same = tracker_attempt(other, same->twin);
        if (same)
            return same;
    }
    return NULL;
}

static bool counted_before(const struct correlation *all, uint32_t capture,
                           const struct attempt *attempt)
{
    for (uint32_t before = 0; before < capture; before++) {
        const struct attempt *same = counted_in(all, before, capture, attempt);
        struct detection detection;
        if (!same)
            continue;
        detect(same, &all->view[before].detect, &detection);
        if (detection.outcome != OUTCOME_NOTHING)
            return true;
    }
    return false;
}

static void count_twice(struct correlation *all, uint32_t capture)
{
    const struct correlation_view *view = &all->view[capture];
    size_t position = 0;
    for (const struct attempt *attempt;
         (attempt = tracker_next_attempt(view->tracker, &position));) {
        struct detection detection;
        if ((attempt->bits & ATTEMPT_IS_INNER) || !counted_before(all, capture, attempt))
            continue;
        detect(attempt, &view->detect, &detection);
        all->twice_attempts += detection.outcome != OUTCOME_NOTHING;
        all->twice_succeeded += detection.outcome == OUTCOME_SUCCEEDED;
        all->twice_failed += detection.outcome == OUTCOME_FAILED;
    }
}

/* From 1970 to as far as a classic capture's 32 bits of seconds reach. Times beyond are no clock's,
 * and sums of them would overflow. */
static bool has_sane_times(const struct correlation_view *view)
{
    return view->packets && view->earliest_ns >= 0 && view->last_ns <= INT64_C(4294967296000000000);
}

struct correlation *correlate(const struct correlation_view *views, size_t count)
{
    struct correlation *all = memory_zeroed(1, sizeof *all);
    all->view = views;
    all->given = count;
    all->count = count < CORRELATION_CAPTURES_MAX ? count : CORRELATION_CAPTURES_MAX;
    for (uint32_t a = 0; a < all->count; a++) {
        index_failures(all, a);
        all->joint[a] = memory_zeroed(views[a].failure_count + 1, sizeof *all->joint[a]);
        for (uint32_t b = a + 1; b < all->count; b++)
            if (has_sane_times(&views[a]) && has_sane_times(&views[b]))
                pairing_make(views[a].tracker, views[b].tracker, &all->pairing[a][b]);
    }
    for (uint32_t capture = 0; capture < all->count; capture++) {
        count_twice(all, capture);
        gather_asked(all, capture);
    }
    decide_tellers(all);
    for (uint32_t capture = 0; capture < all->count; capture++)
        for (size_t i = 0; i < all->view[capture].failure_count; i++)
            complete(all, (struct place){capture, i});
    return all;
}

void correlation_free(struct correlation *correlation)
{
    if (!correlation)
        return;
    for (uint32_t a = 0; a < correlation->count; a++) {
        chains_release(&correlation->table[a].chains);
        for (size_t i = 0; i < correlation->view[a].failure_count; i++)
            free(correlation->joint[a][i]);
        free(correlation->joint[a]);
        for (uint32_t b = a + 1; b < correlation->count; b++)
            pairing_release(&correlation->pairing[a][b]);
    }
    free(correlation);
}

const struct joint *correlation_joint(const struct correlation *correlation, uint32_t capture,
                                      size_t failure)
{
    if (!correlation || capture >= correlation->count)
        return NULL;
    return correlation->joint[capture][failure];
}

void correlation_twice(const struct correlation *correlation, uint64_t *attempts,
                       uint64_t *succeeded, uint64_t *failed)
{
    *attempts = correlation->twice_attempts;
    *succeeded = correlation->twice_succeeded;
    *failed = correlation->twice_failed;
}

const struct pairing *correlation_pairing(const struct correlation *correlation, uint32_t a,
                                          uint32_t b)
{
    return a < b && b < correlation->count ? &correlation->pairing[a][b] : NULL;
}

static void note_pairing(const struct correlation *all, uint32_t a, uint32_t b,
                         void (*warn)(void *, const char *), void *context)
{
    const struct pairing *pairing = &all->pairing[a][b];
    char text[NOTE_TEXT];
    char first = (char)('a' + a % 26), second = (char)('a' + b % 26);
    if (!all->view[a].packets || !all->view[b].packets)
        return;
    if (!pairing->match_count && !pairing->linked) {
        snprintf(text, sizeof text,
                 "captures %c and %c have no connection in common: each is judged alone, unless "
                 "--vantage FILE@WHERE tells where they were taken",
                 first, second);
        warn(context, text);
    }
    double apart_s = pairing->clock.offset_ns / 1e9;
    if (pairing->clock.known && fabs(apart_s) >= CLOCK_NOTE_MIN_S) {
        snprintf(text, sizeof text, "the clock of capture %c is %.3f s %s that of capture %c",
                 second, fabs(apart_s), apart_s > 0 ? "ahead of" : "behind", first);
        warn(context, text);
    }
    if (pairing->left_out) {
        snprintf(text, sizeof text,
                 "captures %c and %c: %" PRIu64
                 " conversations were left out of the comparison, there are too "
                 "many",
                 first, second, pairing->left_out);
        warn(context, text);
    }
}

void correlation_notes(const struct correlation *correlation,
                       void (*warn)(void *context, const char *text), void *context)
{
    if (correlation->given > correlation->count)
        warn(context, "only the first 8 captures are held against each other");
    for (uint32_t a = 0; a < correlation->count; a++)
        for (uint32_t b = a + 1; b < correlation->count; b++)
            note_pairing(correlation, a, b, warn, context);
}
