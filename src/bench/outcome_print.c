/* The summary for people and the object for programs. */
#include <stdio.h>
#include <string.h>

#include "bench/outcome.h"

struct percentile {
    const char *name; /* in JSON */
    const char *title;
    double share;
};

static const struct percentile percentiles[] = {
    {"p50_us", "p50", 0.5},
    {"p90_us", "p90", 0.9},
    {"p95_us", "p95", 0.95},
    {"p99_us", "p99", 0.99},
    {"p999_us", "p99.9", 0.999},
    {"p9999_us", "p99.99", 0.9999},
    {"p99999_us", "p99.999", 0.99999},
};

static double us(u64 ns)
{
    return (double)ns / 1000;
}

static void print_measures(const struct outcome *outcome, FILE *file)
{
    fprintf(file, "\n%-24s", "latency, us");
    for (u32 i = 0; i < array_count(percentiles); i++) {
        fprintf(file, "%11s", percentiles[i].title);
    }
    fprintf(file, "%11s%11s\n", "max", "mean");
    for (u32 m = 0; m < MEASURE_COUNT; m++) {
        const struct histogram *histogram = outcome->measures[m];
        if (histogram->count == 0) {
            continue;
        }
        fprintf(file, "%-24s", outcome_measure_title((enum measure)m));
        for (u32 i = 0; i < array_count(percentiles); i++) {
            fprintf(file, "%11.1f", us(histogram_quantile(histogram, percentiles[i].share)));
        }
        fprintf(file, "%11.1f%11.1f\n", us(histogram->max), histogram_mean(histogram) / 1000);
    }
}

static void print_limits(const struct outcome *outcome, FILE *file)
{
    const struct limits *limits = outcome->limits;
    if (limits == NULL) {
        return;
    }
    if (!limits->has_disk && limits->err.text[0] != 0) {
        fprintf(file, "limits      %s\n", limits->err.text);
    }
    if (limits->rounds == 0) {
        return;
    }
    struct limit_figure loop = limits_median(limits->loop, limits->rounds);
    fprintf(file, "\nbare limits, %u bytes, %u connections, %u rounds interleaved\n",
            limits->work.bytes, limits->work.connections, limits->rounds);
    if (limits->has_disk) {
        struct limit_figure exchange = limits_median(limits->exchange, limits->rounds);
        struct limit_figure disk = limits_median(limits->disk, limits->rounds);
        fprintf(file, "  exchange  %10.1f MB/s   p50 %.1f us\n", exchange.bytes_per_second / 1e6,
                exchange.p50_us);
        fprintf(file, "  disk      %10.1f MB/s   p50 %.1f us\n", disk.bytes_per_second / 1e6,
                disk.p50_us);
    }
    fprintf(file, "  loop      %10.1f MB/s   p50 %.1f us\n", loop.bytes_per_second / 1e6,
            loop.p50_us);
    fprintf(file, "  this run is %.2f of the %s\n", outcome_limit_ratio(outcome),
            outcome_limit_name(outcome));
}

static void print_volume(FILE *file, const char *what, u64 messages, u64 bytes,
                         double bytes_per_second)
{
    fprintf(file, "%-11s %llu messages, %.1f MB in all: %.1f MB/s\n", what,
            (unsigned long long)messages, (double)bytes / 1e6, bytes_per_second / 1e6);
}

static void print_reference(const struct reference_run *reference, FILE *file)
{
    if (reference == NULL) {
        return;
    }
    fprintf(file, "\nby the reference's arithmetic (means of percentiles, sums of means), ms\n");
    for (u32 i = 0; i < reference->groups_count; i++) {
        const struct reference_group *group = &reference->groups[i];
        const double *percentiles_ms = group->latency.percentiles_ms;
        fprintf(file,
                "  %-24s %.2f MB/s, %.0f messages/s, p50 %.2f, p90 %.2f, p95 %.2f, p99 %.2f, "
                "p99.9 %.2f, p99.99 %.2f, mean %.2f, min %.2f, max %.2f, deviation %.2f\n",
                reference->kinds[i], group->total_megabytes_per_second,
                group->total_messages_per_second, percentiles_ms[0], percentiles_ms[1],
                percentiles_ms[2], percentiles_ms[3], percentiles_ms[4], percentiles_ms[5],
                group->latency.average_ms, group->latency.min_ms, group->latency.max_ms,
                group->latency.deviation_ms);
    }
}

void outcome_print(const struct outcome *outcome, FILE *file)
{
    const struct actor_totals *totals = &outcome->totals;
    fprintf(file, "%s\n\n", outcome->title);
    if (totals->sent_batches > 0) {
        print_volume(file, "sent", totals->sent_messages, totals->sent_bytes,
                     outcome->sent_bytes_per_second);
    }
    if (totals->received_batches > 0) {
        print_volume(file, "received", totals->received_messages, totals->received_bytes,
                     outcome->received_bytes_per_second);
    }
    fprintf(file,
            "%-11s %.3f s from the common start to the last end, %u actors, %.0f messages/s\n",
            "time", outcome->seconds, outcome->run->actors_count, outcome->messages_per_second);
    if (outcome->target_bytes_per_second > 0) {
        fprintf(file, "%-11s %.1f MB/s, of which %.1f %% were reached%s\n", "target",
                outcome->target_bytes_per_second / 1e6, outcome->target_share * 100,
                outcome->missed_target ? ": THIS RUN FAILED ITS TARGET" : "");
    }
    if (outcome->options->target_p99_us > 0) {
        fprintf(file, "%-11s p99 of a batch at most %llu us, it was %llu us%s\n", "target",
                (unsigned long long)outcome->options->target_p99_us,
                (unsigned long long)outcome->p99_us,
                outcome->missed_p99 ? ": THIS RUN FAILED ITS TARGET" : "");
    }
    if (outcome->server->process_id != 0) {
        fprintf(file, "%-11s %.2f s of processor time (%.2f s a GB), at most %.1f MiB resident\n",
                "server", outcome->server->cpu_seconds,
                outcome->server->cpu_seconds * 1e9 /
                    (double)u64_max(1, totals->sent_bytes + totals->received_bytes),
                (double)outcome->server->rss_bytes_max / (double)MIB);
    }
    if (outcome->server->written_bytes > 0 && totals->sent_bytes > 0) {
        fprintf(file, "%-11s %.2f bytes written to the disk for each of payload\n", "",
                (double)outcome->server->written_bytes / (double)totals->sent_bytes);
    }
    fprintf(file, "%-11s %.2f s of processor time\n", "client", outcome->client_cpu_seconds);
    if (outcome->ran_dry) {
        fprintf(file, "%-11s the streams held fewer messages than were asked for\n", "note");
    }
    print_measures(outcome, file);
    print_limits(outcome, file);
    print_reference(outcome->reference, file);
}

/* ---- JSON ---- */

static void json_histogram(struct json_writer *json, const char *key,
                           const struct histogram *histogram)
{
    json_open(json, key, '{');
    json_count(json, "count", histogram->count);
    json_number(json, "mean_us", histogram_mean(histogram) / 1000);
    json_number(json, "min_us", histogram->count == 0 ? 0 : us(histogram->min));
    for (u32 i = 0; i < array_count(percentiles); i++) {
        json_number(json, percentiles[i].name,
                    us(histogram_quantile(histogram, percentiles[i].share)));
    }
    json_number(json, "max_us", us(histogram->max));
    json_number(json, "std_dev_us", histogram_deviation(histogram) / 1000);
    json_close(json, '}');
}

static void json_figure(struct json_writer *json, const char *key, struct limit_figure figure)
{
    json_open(json, key, '{');
    json_number(json, "bytes_per_second", figure.bytes_per_second);
    json_number(json, "replies_per_second", figure.replies_per_second);
    json_number(json, "p50_us", figure.p50_us);
    json_number(json, "p99_us", figure.p99_us);
    json_close(json, '}');
}

static void json_limits(struct json_writer *json, const struct outcome *outcome)
{
    const struct limits *limits = outcome->limits;
    if (limits == NULL || limits->rounds == 0) {
        json_null(json, "limits");
        return;
    }
    json_open(json, "limits", '{');
    json_count(json, "rounds", limits->rounds);
    json_count(json, "bytes", limits->work.bytes);
    json_count(json, "connections", limits->work.connections);
    json_figure(json, "loop", limits_median(limits->loop, limits->rounds));
    if (limits->has_disk) {
        json_figure(json, "exchange", limits_median(limits->exchange, limits->rounds));
        json_figure(json, "disk", limits_median(limits->disk, limits->rounds));
    }
    json_string(json, "held_against", outcome_limit_name(outcome));
    json_number(json, "ratio", outcome_limit_ratio(outcome));
    json_close(json, '}');
}

static void json_totals(struct json_writer *json, const char *key,
                        const struct actor_totals *totals)
{
    json_open(json, key, '{');
    json_count(json, "sent_batches", totals->sent_batches);
    json_count(json, "sent_messages", totals->sent_messages);
    json_count(json, "sent_bytes", totals->sent_bytes);
    json_count(json, "received_batches", totals->received_batches);
    json_count(json, "received_messages", totals->received_messages);
    json_count(json, "received_bytes", totals->received_bytes);
    json_count(json, "reply_bytes", totals->reply_bytes);
    json_count(json, "empty_polls", totals->empty_polls);
    json_count(json, "early_messages", totals->early);
    json_close(json, '}');
}

static void json_server(struct json_writer *json, const struct server_watch *server)
{
    json_open(json, "server", '{');
    json_string(json, "version", server->version);
    json_count(json, "process_id", server->process_id);
    json_number(json, "cpu_seconds", server->cpu_seconds);
    json_count(json, "rss_bytes_max", server->rss_bytes_max);
    json_count(json, "written_bytes", server->written_bytes);
    json_close(json, '}');
}

static void json_reference(struct json_writer *json, const struct reference_run *reference)
{
    if (reference == NULL) {
        return;
    }
    json_open(json, "reference", '{');
    for (u32 i = 0; i < reference->groups_count; i++) {
        const struct reference_group *group = &reference->groups[i];
        json_open(json, reference->kinds[i], '{');
        json_number(json, "total_throughput_megabytes_per_second",
                    group->total_megabytes_per_second);
        json_number(json, "average_p50_latency_ms", group->latency.percentiles_ms[0]);
        json_number(json, "average_p99_latency_ms", group->latency.percentiles_ms[3]);
        json_number(json, "average_p999_latency_ms", group->latency.percentiles_ms[4]);
        json_number(json, "average_p9999_latency_ms", group->latency.percentiles_ms[5]);
        json_number(json, "average_latency_ms", group->latency.average_ms);
        json_number(json, "max_latency_ms", group->latency.max_ms);
        json_close(json, '}');
    }
    json_close(json, '}');
}

void outcome_write_figures(const struct outcome *outcome, struct json_writer *json)
{
    const struct bench_options *options = outcome->options;
    bool is_open = options->rate_limit_bytes > 0 && !options->closed_loop;
    json_string(json, "title", outcome->title);
    json_string(json, "kind", bench_kind_row(options->kind)->name);
    json_string(json, "durability", outcome->server->durability);
    json_string(json, "loop", is_open ? "open" : "closed");
    json_count(json, "actors", outcome->run->actors_count);
    json_number(json, "seconds", outcome->seconds);
    json_number(json, "bytes_per_second", outcome->bytes_per_second);
    json_number(json, "sent_bytes_per_second", outcome->sent_bytes_per_second);
    json_number(json, "received_bytes_per_second", outcome->received_bytes_per_second);
    json_number(json, "messages_per_second", outcome->messages_per_second);
    json_number(json, "target_bytes_per_second", outcome->target_bytes_per_second);
    json_number(json, "target_share", outcome->target_share);
    json_bool(json, "missed_target", outcome->missed_target);
    json_count(json, "target_p99_us", options->target_p99_us);
    json_bool(json, "missed_p99", outcome->missed_p99);
    json_bool(json, "interrupted", outcome->run->interrupted);
    json_bool(json, "ran_dry", outcome->ran_dry);
    json_number(json, "client_cpu_seconds", outcome->client_cpu_seconds);
    json_totals(json, "totals", &outcome->totals);
    json_open(json, "latency", '{');
    for (u32 m = 0; m < MEASURE_COUNT; m++) {
        if (outcome->measures[m]->count > 0) {
            json_histogram(json, outcome_measure_name((enum measure)m), outcome->measures[m]);
        }
    }
    json_close(json, '}');
    json_server(json, outcome->server);
    json_limits(json, outcome);
    json_reference(json, outcome->reference);
}
