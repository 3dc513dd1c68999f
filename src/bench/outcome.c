#include "bench/outcome.h"

#include <string.h>

void outcome_deinit(struct outcome *outcome)
{
    for (u32 i = 0; i < MEASURE_COUNT; i++) {
        histogram_destroy(outcome->measures[i]);
    }
}

const char *outcome_measure_name(enum measure measure)
{
    switch (measure) {
    case MEASURE_PUBLISH_BATCH: return "publish_batch";
    case MEASURE_PUBLISH_MESSAGE: return "publish_message";
    case MEASURE_SERVICE: return "service";
    case MEASURE_POLL_BATCH: return "poll_batch";
    case MEASURE_POLL_MESSAGE: return "poll_message";
    case MEASURE_END_BATCH: return "end_to_end_batch";
    case MEASURE_END_MESSAGE: return "end_to_end_message";
    case MEASURE_COUNT: break;
    }
    return "";
}

const char *outcome_measure_title(enum measure measure)
{
    switch (measure) {
    case MEASURE_PUBLISH_BATCH: return "publish, a batch";
    case MEASURE_PUBLISH_MESSAGE: return "publish, a message";
    case MEASURE_SERVICE: return "from the actual send";
    case MEASURE_POLL_BATCH: return "poll, a batch";
    case MEASURE_POLL_MESSAGE: return "poll, a message";
    case MEASURE_END_BATCH: return "end to end, a batch";
    case MEASURE_END_MESSAGE: return "end to end, a message";
    case MEASURE_COUNT: break;
    }
    return "";
}

/* "sync, loopback, open loop at 100 MB/s": nothing is compared without this. */
static void write_title(struct outcome *outcome)
{
    const struct bench_options *options = outcome->options;
    char loop[128];
    u32 position = 0;
    if (options->rate_limit_bytes == 0) {
        (void)str_format(loop, sizeof(loop), "closed loop (a stall of the server hides)");
    } else {
        (void)str_format(loop, sizeof(loop), "%s%s at %.1f MB/s",
                         options->closed_loop ? "paced closed loop (a stall hides)" : "open loop",
                         options->poisson ? ", drawn intervals," : "",
                         (double)options->rate_limit_bytes / 1e6);
    }
    (void)str_append(outcome->title, sizeof(outcome->title), &position, "%s, durability %s, %s, %s",
                     bench_kind_row(options->kind)->name, outcome->server->durability,
                     outcome->server->process_id != 0 ? "loopback" : "over the network", loop);
    (void)str_append(outcome->title, sizeof(outcome->title), &position, "%s%s%s",
                     options->high_level_api ? ", by the library" : "",
                     options->cold ? ", cold (pages dropped)" : "",
                     outcome->run->interrupted ? ", INTERRUPTED" : "");
}

/* What the target of p99 is held against. */
static enum measure batch_measure_of(const struct outcome *outcome)
{
    static const enum measure order[] = {MEASURE_END_BATCH, MEASURE_PUBLISH_BATCH,
                                         MEASURE_POLL_BATCH};
    u32 at = 0;
    while (at + 1 < array_count(order) && outcome->measures[order[at]]->count == 0) {
        at++;
    }
    return order[at];
}

/* The sum of what the actors were asked to do. */
static double target_of(const struct outcome *outcome)
{
    double target = 0;
    for (u32 i = 0; i < outcome->run->actors_count; i++) {
        const struct actor *actor = &outcome->run->actors[i];
        /* Those that follow producers cannot be faster than these are. */
        bool follows = actor->flow_in != NULL && !actor->writes;
        target += follows ? 0 : (double)actor->rate_bytes;
    }
    return target;
}

void outcome_init(struct outcome *outcome, const struct bench_run *run,
                  const struct server_watch *server, const struct limits *limits)
{
    *outcome = (struct outcome){
        .options = run->options,
        .run = run,
        .server = server,
        .limits = limits,
        .totals = bench_run_totals(run),
        .seconds = (double)u64_max(1, run->ended_ns) / 1e9,
    };
    for (u32 i = 0; i < MEASURE_COUNT; i++) {
        outcome->measures[i] = bench_run_merge(run, (enum measure)i);
    }
    for (u32 i = 0; i < run->actors_count; i++) {
        outcome->client_cpu_seconds += (double)run->actors[i].cpu_ns / 1e9;
        outcome->samples_lost += run->actors[i].samples_lost;
        outcome->ran_dry = outcome->ran_dry || run->actors[i].ran_dry;
    }
    const struct actor_totals *totals = &outcome->totals;
    outcome->sent_bytes_per_second = (double)totals->sent_bytes / outcome->seconds;
    outcome->received_bytes_per_second = (double)totals->received_bytes / outcome->seconds;
    outcome->bytes_per_second = outcome->sent_bytes_per_second + outcome->received_bytes_per_second;
    outcome->messages_per_second =
        (double)(totals->sent_messages + totals->received_messages) / outcome->seconds;
    outcome->target_bytes_per_second = target_of(outcome);
    if (outcome->target_bytes_per_second > 0) {
        bool writes = bench_kind_row(run->options->kind)->writes;
        double reached =
            writes ? outcome->sent_bytes_per_second : outcome->received_bytes_per_second;
        outcome->target_share = reached / outcome->target_bytes_per_second;
        outcome->missed_target = outcome->target_share < 0.99;
    }
    outcome->batch_measure = batch_measure_of(outcome);
    outcome->p99_us = histogram_quantile(outcome->measures[outcome->batch_measure], 0.99) / 1000;
    outcome->missed_p99 =
        run->options->target_p99_us > 0 && outcome->p99_us > run->options->target_p99_us;
    write_title(outcome);
}

const char *outcome_limit_name(const struct outcome *outcome)
{
    bool is_synced = strcmp(outcome->server->durability, "os") != 0 &&
                     strcmp(outcome->server->durability, "memory") != 0;
    bool writes = bench_kind_row(outcome->options->kind)->writes;
    return writes && is_synced && outcome->limits != NULL && outcome->limits->has_disk ? "exchange"
                                                                                       : "loop";
}

double outcome_limit_ratio(const struct outcome *outcome)
{
    const struct limits *limits = outcome->limits;
    if (limits == NULL || limits->rounds == 0) {
        return 0;
    }
    bool writes = bench_kind_row(outcome->options->kind)->writes;
    bool by_exchange = strcmp(outcome_limit_name(outcome), "exchange") == 0;
    struct limit_figure limit =
        limits_median(by_exchange ? limits->exchange : limits->loop, limits->rounds);
    double ours = writes ? outcome->sent_bytes_per_second : outcome->received_bytes_per_second;
    return limit.bytes_per_second > 0 ? ours / limit.bytes_per_second : 0;
}
