#include "analyzer/correlation/clock.h"

#include <math.h>
#include <stdlib.h>

#include "analyzer/memory.h"

enum {
    AGREE_MIN_NS = 500000000, /* samples this near to the median agree, whatever the others say */
    SPREADS = 6,              /* and those within so many median deviations */
    DRIFT_SAMPLES_MIN = 16,
    DRIFT_SAMPLES = 128, /* slopes are taken between so many of them */
    DRIFT_SPAN_MIN_S = 60,
    TRIM = 20, /* one part in so many is left out at the bounds: a few matches may be wrong */
};
/* Crystals are within 100 ppm; what is a multiple of that is no clock but a wrong match. */
#define DRIFT_MAX 0.001

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int compare_times(const void *left, const void *right)
{
    const struct clock_sample *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns > b->at_ns ? 1 : -1;
    return (a->apart_ns > b->apart_ns) - (a->apart_ns < b->apart_ns);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double apart(const struct clock *clock, const struct clock_sample *sample)
{
    return (double)sample->apart_ns - clock->offset_ns -
           clock->drift * (double)(sample->at_ns - clock->reference_ns);
}

/* Median distance of the samples from the line. */
static double spread(const struct clock *clock, const struct clock_sample *samples, size_t count,
                     double *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = fabs(apart(clock, &samples[i]));
    return median(values, count);
}

/* Keeps the samples near the line, in their order. */
static size_t keep_near(const struct clock *clock, struct clock_sample *samples, size_t count,
                        double limit_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs(apart(clock, &samples[i])) <= limit_ns)
            samples[kept++] = samples[i];
    return kept;
}

static void median_offset(struct clock *clock, const struct clock_sample *samples, size_t count,
                          double *values)
{
    double before_ns = clock->offset_ns;
    for (size_t i = 0; i < count; i++)
        values[i] = apart(clock, &samples[i]);
    clock->offset_ns = before_ns + median(values, count);
}

/* The median of the slopes between pairs of samples (Theil 1950, Sen 1968): half of them may be
 * wrong. The direction shifts a sample by the travel time, so only like is held against like. */
static void estimate_drift(struct clock *clock, const struct clock_sample *samples, size_t count)
{
    double span_s = (double)(samples[count - 1].at_ns - samples[0].at_ns) / 1e9;
    if (count < DRIFT_SAMPLES_MIN || span_s < DRIFT_SPAN_MIN_S)
        return;
    size_t step = (count + DRIFT_SAMPLES - 1) / DRIFT_SAMPLES, slopes = 0;
    double *values = memory_zeroed((size_t)DRIFT_SAMPLES * DRIFT_SAMPLES, sizeof *values);
    for (size_t i = 0; i < count; i += step)
        for (size_t j = i + step; j < count; j += step) {
            double between_ns = (double)(samples[j].at_ns - samples[i].at_ns);
            if (samples[i].way == samples[j].way && between_ns >= span_s * 1e9 / 4)
                values[slopes++] = (double)(samples[j].apart_ns - samples[i].apart_ns) / between_ns;
        }
    double drift = slopes ? median(values, slopes) : 0;
    free(values);
    if (fabs(drift) <= DRIFT_MAX)
        clock->drift = drift;
}

/* The samples' bound on the offset: the least of those from a to b, the greatest of those back. */
static bool bound(const struct clock *clock, const struct clock_sample *samples, size_t count,
                  int8_t way, double *values, double *limit_ns)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (samples[i].way == way)
            values[found++] = apart(clock, &samples[i]);
    if (!found)
        return false;
    qsort(values, found, sizeof *values, compare_doubles);
    size_t trimmed = found / TRIM;
    *limit_ns = way > 0 ? values[trimmed] : values[found - 1 - trimmed];
    return true;
}

static void apply_causality(struct clock *clock, const struct clock_sample *samples, size_t count,
                            double *values)
{
    double most_ns, least_ns;
    bool forth = bound(clock, samples, count, 1, values, &most_ns);
    bool back = bound(clock, samples, count, -1, values, &least_ns);
    if (forth && back) {
        clock->both_ways = true;
        clock->offset_ns += (most_ns + least_ns) / 2;
        clock->doubt_ns = fabs(most_ns - least_ns) / 2;
    } else if (forth || back) {
        clock->offset_ns += forth ? most_ns : least_ns;
    }
}

void clock_estimate(struct clock_sample *samples, size_t count, struct clock *clock)
{
    *clock = (struct clock){0};
    if (!count)
        return;
    double *values = memory_zeroed(count, sizeof *values);
    qsort(samples, count, sizeof *samples, compare_times);
    clock->reference_ns = samples[count / 2].at_ns;
    median_offset(clock, samples, count, values);
    double limit_ns = fmax(AGREE_MIN_NS, SPREADS * spread(clock, samples, count, values));
    count = keep_near(clock, samples, count, limit_ns);
    if (count) {
        estimate_drift(clock, samples, count);
        median_offset(clock, samples, count, values);
        clock->doubt_ns = spread(clock, samples, count, values);
        apply_causality(clock, samples, count, values);
        clock->known = true;
    }
    clock->samples = count;
    free(values);
}

int64_t clock_at_b(const struct clock *clock, int64_t a_ns)
{
    double apart_ns =
        clock->offset_ns + clock->drift * ((double)a_ns - (double)clock->reference_ns);
    return clock->known ? a_ns + (int64_t)apart_ns : a_ns;
}

int64_t clock_at_a(const struct clock *clock, int64_t b_ns)
{
    if (!clock->known)
        return b_ns;
    double since_ns = (double)b_ns - (double)clock->reference_ns - clock->offset_ns;
    return clock->reference_ns + (int64_t)(since_ns / (1 + clock->drift));
}
