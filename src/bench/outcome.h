/* What came of a run: everything that is printed, written to report.json or drawn.
 *
 * Throughput is acknowledged payload over the time between the common start and the last end, never
 * a sum of means. Percentiles are of all actors' histograms merged, never a mean of percentiles. */
#pragma once

#include <stdio.h>

#include "bench/bench_run.h"
#include "bench/json_writer.h"
#include "bench/limits.h"
#include "bench/reference_run.h"
#include "bench/server_watch.h"

struct outcome {
    const struct bench_options *options;
    const struct bench_run *run;
    const struct server_watch *server;
    const struct limits *limits;           /* NULL: not measured */
    const struct reference_run *reference; /* NULL: not asked for; set by the caller */
    struct actor_totals totals;
    struct histogram *measures[MEASURE_COUNT]; /* merged; those that do not occur are empty */
    double seconds;
    double sent_bytes_per_second;
    double received_bytes_per_second;
    double bytes_per_second;
    double messages_per_second;
    double target_bytes_per_second; /* 0: as fast as it goes */
    double target_share;            /* of it that was reached */
    bool missed_target;             /* below 99 % of it */
    enum measure batch_measure;     /* end to end or else of its request */
    u64 p99_us;                     /* of a batch, end to end or else of its request */
    bool missed_p99;
    double client_cpu_seconds;
    bool ran_dry;
    u64 samples_lost;
    char title[512];
};

void outcome_init(struct outcome *outcome, const struct bench_run *run,
                  const struct server_watch *server, const struct limits *limits);
void outcome_deinit(struct outcome *outcome);

const char *outcome_measure_name(enum measure measure);  /* "publish_batch" */
const char *outcome_measure_title(enum measure measure); /* "publish, a batch" */

/* Which bare limit this work is held against: "exchange" or "loop"; and ours over it, 0 if there is
 * none. */
const char *outcome_limit_name(const struct outcome *outcome);
double outcome_limit_ratio(const struct outcome *outcome);

/* A table for people. */
void outcome_print(const struct outcome *outcome, FILE *file);

/* The members of one object for programs. */
void outcome_write_figures(const struct outcome *outcome, struct json_writer *json);
