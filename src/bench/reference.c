#include "bench/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const double shares[REFERENCE_PERCENTILES] = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};

static double rounded(double value)
{
    return round(value * 1000) / 1000;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double reference_percentile(const double *sorted, u64 count, double share)
{
    if (count == 0) {
        return 0;
    }
    double rank = share * (double)(count - 1);
    u64 below = (u64)rank;
    u64 above = u64_min(below + 1, count - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (rank - (double)below);
}

/* ---- Series ---- */

static struct series series_take(u32 capacity)
{
    return (struct series){.times_s = mem_take((capacity + 1) * sizeof(double)),
                           .values = mem_take((capacity + 1) * sizeof(double))};
}

static void series_return(struct series *series)
{
    mem_return(series->times_s);
    mem_return(series->values);
    *series = (struct series){0};
}

static void series_add(struct series *series, double time_s, double value)
{
    series->times_s[series->count] = time_s;
    series->values[series->count++] = rounded(value);
}

/* The mean of each point and those before it, as many as the window holds. */
static void series_smooth(struct series *series, u32 window)
{
    double *smooth = mem_take((series->count + 1) * sizeof(double));
    double sum = 0;
    for (u32 i = 0; i < series->count; i++) {
        sum += series->values[i] - (i >= window ? series->values[i - window] : 0);
        smooth[i] = rounded(sum / u32_min(i + 1, window));
    }
    mem_return(series->values);
    series->values = smooth;
}

static double series_mean(const struct series *series)
{
    double sum = 0;
    for (u32 i = 0; i < series->count; i++) {
        sum += series->values[i];
    }
    return series->count == 0 ? 0 : sum / series->count;
}

static double series_deviation(const struct series *series)
{
    double mean = series_mean(series);
    double squares = 0;
    for (u32 i = 0; i < series->count; i++) {
        squares += (series->values[i] - mean) * (series->values[i] - mean);
    }
    return series->count == 0 ? 0 : sqrt(squares / series->count);
}

/* ---- An actor ---- */

struct buckets {
    double *bytes;
    double *messages;
    double *latency_ms; /* sums */
    u32 *records;
    u32 count;
};

static struct buckets buckets_take(u32 count)
{
    return (struct buckets){.bytes = mem_take(count * sizeof(double)),
                            .messages = mem_take(count * sizeof(double)),
                            .latency_ms = mem_take(count * sizeof(double)),
                            .records = mem_take(count * sizeof(u32)),
                            .count = count};
}

static void buckets_return(struct buckets *buckets)
{
    mem_return(buckets->bytes);
    mem_return(buckets->messages);
    mem_return(buckets->latency_ms);
    mem_return(buckets->records);
}

/* What came between two records is spread evenly over the buckets between them; the time before
 * the first is not counted. */
static void fill_buckets(struct buckets *buckets, const struct sample *samples, u64 count,
                         u64 sampling_ns)
{
    for (u64 i = 0; i < count; i++) {
        u32 last = (u32)(samples[i].at_ns / sampling_ns);
        u32 first = i == 0 ? last : (u32)(samples[i - 1].at_ns / sampling_ns);
        double share = 1.0 / (last - first + 1);
        for (u32 b = first; b <= last; b++) {
            buckets->bytes[b] += (double)samples[i].bytes * share;
            buckets->messages[b] += samples[i].messages * share;
        }
        buckets->latency_ms[last] += (double)samples[i].latency_ns / 1e6;
        buckets->records[last]++;
    }
}

static void make_series(struct reference_actor *figures, const struct buckets *buckets,
                        u64 sampling_ns)
{
    double width_s = (double)sampling_ns / 1e9;
    figures->megabytes = series_take(buckets->count);
    figures->messages = series_take(buckets->count);
    figures->latencies_ms = series_take(buckets->count);
    for (u32 b = 0; b < buckets->count; b++) {
        if (buckets->bytes[b] > 0) {
            series_add(&figures->megabytes, b * width_s, buckets->bytes[b] / 1e6 / width_s);
            series_add(&figures->messages, b * width_s, buckets->messages[b] / width_s);
        }
        if (buckets->records[b] > 0) {
            series_add(&figures->latencies_ms, b * width_s,
                       buckets->latency_ms[b] / buckets->records[b]);
        }
    }
}

/* From the averages of buckets, not from the samples: as the reference does it. */
static void take_extremes(struct reference_latency *latency, const struct series *averages)
{
    latency->deviation_ms = series_deviation(averages);
    for (u32 i = 0; i < averages->count; i++) {
        double value = averages->values[i];
        latency->min_ms = i == 0 ? value : fmin(latency->min_ms, value);
        latency->max_ms = fmax(latency->max_ms, value);
    }
}

static void take_percentiles(struct reference_latency *latency, const struct sample *samples,
                             u64 count)
{
    double *sorted = mem_take((count + 1) * sizeof(double));
    for (u64 i = 0; i < count; i++) {
        sorted[i] = (double)samples[i].latency_ns / 1e6;
        latency->average_ms += sorted[i] / (double)count;
    }
    qsort(sorted, count, sizeof(double), compare_doubles);
    for (u32 i = 0; i < REFERENCE_PERCENTILES; i++) {
        latency->percentiles_ms[i] = reference_percentile(sorted, count, shares[i]);
    }
    latency->median_ms = latency->percentiles_ms[0];
    mem_return(sorted);
}

void reference_actor_init(struct reference_actor *figures, const struct sample *samples, u64 count,
                          const struct reference_options *options)
{
    *figures = (struct reference_actor){0};
    u64 end_ns = count == 0 ? 0 : samples[count - 1].at_ns;
    struct buckets buckets = buckets_take((u32)(end_ns / options->sampling_ns) + 1);
    figures->total_time_s = (double)end_ns / 1e9;
    fill_buckets(&buckets, samples, count, options->sampling_ns);
    make_series(figures, &buckets, options->sampling_ns);
    buckets_return(&buckets);
    take_extremes(&figures->latency, &figures->latencies_ms);
    take_percentiles(&figures->latency, samples, count);
    series_smooth(&figures->megabytes, options->window);
    series_smooth(&figures->messages, options->window);
    series_smooth(&figures->latencies_ms, options->window);
    figures->megabytes_per_second = series_mean(&figures->megabytes);
    figures->messages_per_second = series_mean(&figures->messages);
}

void reference_actor_deinit(struct reference_actor *figures)
{
    series_return(&figures->megabytes);
    series_return(&figures->messages);
    series_return(&figures->latencies_ms);
}

/* ---- A group ---- */

static const struct series *series_of(const struct reference_actor *figures, u32 which)
{
    return which == 0   ? &figures->megabytes
           : which == 1 ? &figures->messages
                        : &figures->latencies_ms;
}

/* Sums, or means, of what the members have at equal times; smoothed once more. */
static struct series merge_series(const struct reference_members *members, u32 which, bool means,
                                  const struct reference_options *options)
{
    double width_s = (double)options->sampling_ns / 1e9;
    u32 buckets = 1;
    for (u32 i = 0; i < members->count; i++) {
        const struct series *one = series_of(members->figures[i], which);
        u32 last = one->count == 0 ? 0 : (u32)lround(one->times_s[one->count - 1] / width_s);
        buckets = u32_max(buckets, last + 1);
    }
    double *sums = mem_take(buckets * sizeof(double));
    u32 *counts = mem_take(buckets * sizeof(u32));
    for (u32 i = 0; i < members->count; i++) {
        const struct series *one = series_of(members->figures[i], which);
        for (u32 j = 0; j < one->count; j++) {
            u32 bucket = (u32)lround(one->times_s[j] / width_s);
            sums[bucket] += one->values[j];
            counts[bucket]++;
        }
    }
    struct series merged = series_take(buckets);
    for (u32 b = 0; b < buckets; b++) {
        if (counts[b] > 0) {
            series_add(&merged, b * width_s, means ? sums[b] / counts[b] : sums[b]);
        }
    }
    mem_return(sums);
    mem_return(counts);
    series_smooth(&merged, options->window);
    return merged;
}

static void add_latency(struct reference_latency *group, const struct reference_latency *one,
                        u32 members, bool is_first)
{
    for (u32 i = 0; i < REFERENCE_PERCENTILES; i++) {
        group->percentiles_ms[i] += one->percentiles_ms[i] / members;
    }
    group->average_ms += one->average_ms / members;
    group->median_ms += one->median_ms / members;
    group->min_ms = is_first ? one->min_ms : fmin(group->min_ms, one->min_ms);
    group->max_ms = fmax(group->max_ms, one->max_ms);
}

/* Fifty bins from the smallest to one and a half times p99; the last takes all above. */
static void fill_bins(struct reference_distribution *distribution, const double *sorted, u64 count)
{
    double from = sorted[0];
    double to = fmin(1.5 * distribution->p99_ms, sorted[count - 1]);
    double width = to > from ? (to - from) / REFERENCE_BINS : 1;
    for (u32 i = 0; i < REFERENCE_BINS; i++) {
        distribution->edges_ms[i] = from + i * width;
    }
    for (u64 i = 0; i < count; i++) {
        double bin = (sorted[i] - from) / width;
        u32 at = bin >= REFERENCE_BINS ? REFERENCE_BINS - 1 : (u32)bin;
        distribution->densities[at] += 1 / ((double)count * width);
    }
}

static void fit_log_normal(struct reference_distribution *distribution, const double *sorted,
                           u64 count)
{
    double sum = 0;
    double squares = 0;
    u64 counted = 0;
    for (u64 i = 0; i < count; i++) {
        if (sorted[i] > 0) {
            double value = log(sorted[i]);
            sum += value;
            squares += value * value;
            counted++;
        }
    }
    if (counted > 0) {
        distribution->mu = sum / (double)counted;
        distribution->sigma =
            sqrt(fmax(0, squares / (double)counted - distribution->mu * distribution->mu));
    }
}

/* Of all samples together: the only pooled percentiles that the reference has. */
static void distribute(struct reference_distribution *distribution,
                       const struct reference_members *members)
{
    u64 total = 0;
    for (u32 i = 0; i < members->count; i++) {
        total += members->actors[i]->samples_count;
    }
    if (total == 0) {
        return;
    }
    double *sorted = mem_take(total * sizeof(double));
    u64 at = 0;
    for (u32 i = 0; i < members->count; i++) {
        const struct actor *actor = members->actors[i];
        for (u64 j = 0; j < actor->samples_count; j++) {
            sorted[at++] = (double)actor->samples[j].latency_ns / 1e6;
        }
    }
    qsort(sorted, total, sizeof(double), compare_doubles);
    distribution->p05_ms = reference_percentile(sorted, total, 0.05);
    distribution->p50_ms = reference_percentile(sorted, total, 0.5);
    distribution->p95_ms = reference_percentile(sorted, total, 0.95);
    distribution->p99_ms = reference_percentile(sorted, total, 0.99);
    fill_bins(distribution, sorted, total);
    fit_log_normal(distribution, sorted, total);
    mem_return(sorted);
}

void reference_group_init(struct reference_group *group, const struct reference_members *members,
                          const struct reference_options *options)
{
    *group = (struct reference_group){.actors_count = members->count};
    for (u32 i = 0; i < members->count; i++) {
        const struct reference_actor *one = members->figures[i];
        group->total_megabytes_per_second += one->megabytes_per_second;
        group->total_messages_per_second += one->messages_per_second;
        add_latency(&group->latency, &one->latency, members->count, i == 0);
    }
    group->average_megabytes_per_second =
        group->total_megabytes_per_second / u32_max(1, members->count);
    group->average_messages_per_second =
        group->total_messages_per_second / u32_max(1, members->count);
    group->megabytes = merge_series(members, 0, false, options);
    group->messages = merge_series(members, 1, false, options);
    group->latencies_ms = merge_series(members, 2, true, options);
    group->latency.deviation_ms = series_deviation(&group->latencies_ms);
    distribute(&group->distribution, members);
}

void reference_group_deinit(struct reference_group *group)
{
    series_return(&group->megabytes);
    series_return(&group->messages);
    series_return(&group->latencies_ms);
}
