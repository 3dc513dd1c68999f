/* The same run with one of its words changed from value to value, each value several times, all in
 * an order drawn at random, so that what the machine does over time falls on all alike.
 *
 *     --sweep batch=1,10,100 --repetitions 3      9 runs: 10 1 100 1 100 100 10 1 10
 *
 * Pure: words in, options and figures out. */
#pragma once

#include "base/str.h"
#include "base/types.h"

#define SWEEP_VALUES_MAX 16u
#define REPETITIONS_MAX 32u
#define SWEEP_RUNS_MAX (SWEEP_VALUES_MAX * REPETITIONS_MAX)

struct bench_options;

enum bench_sweep_kind {
    SWEEP_NONE, /* one value: the options as they are */
    SWEEP_BATCH,
    SWEEP_SIZE,
    SWEEP_PRODUCERS,
    SWEEP_RATE,
    SWEEP_KIND_COUNT
};

struct bench_sweep {
    enum bench_sweep_kind kind;
    u32 values_count;
    u64 values[SWEEP_VALUES_MAX];
    bool of_most; /* rates: per cent of what is reached without one */
};

/* "rate=10%,50%,110%" */
must_check bool bench_sweep_parse(struct bench_sweep *sweep, const char *text, struct err *err);

/* `most`: bytes a second that 100 % means. */
void bench_sweep_apply(const struct bench_sweep *sweep, u32 value, double most,
                       struct bench_options *options);

/* Which value each of `values` times `repetitions` runs has. */
void bench_sweep_order(u32 *order, u32 values, u32 repetitions, u64 seed);

/* "batch 100" */
void bench_sweep_name(const struct bench_sweep *sweep, u32 value, char *name, u32 capacity);

/* What is compared from run to run. */
enum bench_sweep_figure {
    SWEEP_BYTES_PER_SECOND,
    SWEEP_P50_US,
    SWEEP_P99_US,
    SWEEP_P999_US,
    SWEEP_MAX_US,
    SWEEP_LIMIT_RATIO,
    SWEEP_FIGURE_COUNT
};

struct bench_sweep_run {
    u32 value;
    double figures[SWEEP_FIGURE_COUNT];
    bool missed_target;
};

struct bench_sweep_spread {
    double median;
    double min;
    double max;
    u32 runs;
};

/* Of the runs of one value. */
struct bench_sweep_spread bench_sweep_spread(const struct bench_sweep_run *runs, u32 count,
                                             u32 value, enum bench_sweep_figure figure);
