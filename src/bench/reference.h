/* The figures of a run by the arithmetic of the reference's tool, so that old results can be held
 * against new ones. It is kept with its faults: percentiles of a group are means of its actors'
 * percentiles, the extremes are those of averages, throughput is a sum of means of smoothed series,
 * in which idle time does not occur. Honest figures are those of outcome.h.
 *
 *     samples of an actor ─▶ buckets of the sampling time ─▶ series ─▶ smoothed over a window
 *
 * Pure but for memory from the heap. Unit: milliseconds, megabytes (10^6), seconds. */
#pragma once

#include "bench/actor.h"

#define REFERENCE_PERCENTILES 6u
#define REFERENCE_BINS 50u

/* Points at rising times; buckets in which nothing happened are left out. */
struct series {
    double *times_s;
    double *values;
    u32 count;
};

struct reference_latency {
    double percentiles_ms[REFERENCE_PERCENTILES]; /* 50, 90, 95, 99, 99.9, 99.99 */
    double average_ms;
    double median_ms;
    double min_ms;
    double max_ms;
    double deviation_ms;
};

struct reference_actor {
    double total_time_s;
    double megabytes_per_second;
    double messages_per_second;
    struct reference_latency latency;
    struct series megabytes; /* a second, smoothed */
    struct series messages;
    struct series latencies_ms;
};

struct reference_distribution {
    double edges_ms[REFERENCE_BINS];
    double densities[REFERENCE_BINS];
    double mu;
    double sigma;
    double p05_ms;
    double p50_ms;
    double p95_ms;
    double p99_ms;
};

struct reference_group {
    u32 actors_count;
    double total_megabytes_per_second;
    double total_messages_per_second;
    double average_megabytes_per_second;
    double average_messages_per_second;
    struct reference_latency latency; /* means of the actors' */
    struct series megabytes;
    struct series messages;
    struct series latencies_ms;
    struct reference_distribution distribution;
};

struct reference_options {
    u64 sampling_ns;
    u32 window; /* points */
};

void reference_actor_init(struct reference_actor *figures, const struct sample *samples, u64 count,
                          const struct reference_options *options);
void reference_actor_deinit(struct reference_actor *figures);

/* Of `count` actors of one kind: their figures, and their samples for the distribution. */
struct reference_members {
    const struct reference_actor *const *figures;
    const struct actor *const *actors;
    u32 count;
};

void reference_group_init(struct reference_group *group, const struct reference_members *members,
                          const struct reference_options *options);
void reference_group_deinit(struct reference_group *group);

/* Linear interpolation at rank share x (count - 1) of sorted values; 0 without any. */
double reference_percentile(const double *sorted, u64 count, double share);
