#include "analyzer/report/view.h"

#include <math.h>
#include <string.h>

/* Shares by largest remainder: rounded down first, then the biggest remainders get what is left. */
static void round_shares(const double probability[FAILURE_POINTS], unsigned share[FAILURE_POINTS])
{
    double exact[FAILURE_POINTS], total = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        exact[i] = probability[i] > 0 ? probability[i] : 0; /* NaN counts as 0 */
        total += exact[i];
    }
    unsigned given = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        exact[i] = SHARE_WHOLE * (total > 0 ? exact[i] / total : 1.0 / FAILURE_POINTS);
        share[i] = (unsigned)exact[i];
        given += share[i];
    }
    for (; given < SHARE_WHOLE; given++) {
        size_t most = 0;
        for (size_t i = 1; i < FAILURE_POINTS; i++)
            if (exact[i] - share[i] > exact[most] - share[most])
                most = i;
        share[most]++;
    }
}

static bool ahead(const struct candidate *a, const struct candidate *b, enum failure_point place)
{
    if (a->share != b->share)
        return a->share > b->share;
    return a->place == place;
}

void view_candidates(const struct verdict *verdict, struct candidate candidates[FAILURE_POINTS])
{
    unsigned share[FAILURE_POINTS];
    round_shares(verdict->probability, share);
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        struct candidate one = {(enum failure_point)i, share[i]};
        size_t at = i;
        for (; at > 0 && ahead(&one, &candidates[at - 1], verdict->place); at--)
            candidates[at] = candidates[at - 1];
        candidates[at] = one;
    }
}

const char *view_label(const struct finding *finding, enum failure_point place)
{
    static const char *const seed_names[FAILURE_POINTS] = {
        [LOCAL_FIREWALL] = "FP1",
        [EDGE_FIREWALL] = "FP2",
        [EGRESS_POLICY] = "FP3",
    };
    const struct profile *profile = finding->service->profile;
    return profile->labels[place] ? profile->labels[place] : seed_names[place];
}

/* The odds of the place are p / (sum of the others' p). Without the rule each p_i would be smaller
 * by the factor exp(w_i); the logarithm of the quotient of both odds is the effect. */
double view_effect(const struct verdict *verdict, const struct reason *reason)
{
    double with = 0, without = 0;
    for (size_t i = 0; i < FAILURE_POINTS; i++) {
        if (i == (size_t)verdict->place)
            continue;
        double probability = fmax(verdict->probability[i], 1e-12);
        with += probability;
        without += probability * exp(-reason->weight[i]);
    }
    return reason->weight[verdict->place] - log(with / without);
}

const struct capture_report *view_capture(const struct report *report,
                                          const struct finding *finding)
{
    return finding->capture < report->capture_count ? &report->captures[finding->capture] : NULL;
}

const struct capture_report *view_reason_capture(const struct report *report,
                                                 const struct finding *finding,
                                                 const struct reason *reason)
{
    if (!reason->elsewhere)
        return view_capture(report, finding);
    size_t capture = reason->elsewhere - 1;
    return capture < report->capture_count ? &report->captures[capture] : NULL;
}

bool view_speaks_foreign(const struct finding *finding)
{
    const struct service *service = finding->service;
    if (!finding->spoken.protocol || service->speaks_count == 0)
        return false;
    for (size_t i = 0; i < service->speaks_count; i++)
        if (strcmp(finding->spoken.protocol, service->speaks[i]) == 0)
            return false;
    return true;
}
