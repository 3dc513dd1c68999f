/* report.json, field by field as the reference writes it:
 *
 *     uuid, timestamp
 *     server_stats    what the server said of itself before the run
 *     hardware        of this machine, the client's
 *     params          what was asked for
 *     group_metrics[]      summary, three series, the distribution of latencies
 *     individual_metrics[] summary, three series
 *     levriero        ours: figures by honest arithmetic, the durability in force, bare limits, and
 *                     the raw histograms
 *
 * Numbers have three decimals. */
#include "bench/report.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "bench/json_writer.h"

static const char *const percentile_names[REFERENCE_PERCENTILES] = {"p50", "p90",  "p95",
                                                                    "p99", "p999", "p9999"};

static void write_identity(struct json_writer *json)
{
    u8 bytes[16];
    char text[64];
    struct timespec now;
    struct tm parts;
    check(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
    bytes[6] = (u8)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (u8)((bytes[8] & 0x3f) | 0x80);
    u32 position = 0;
    for (u32 i = 0; i < sizeof(bytes); i++) {
        bool has_dash = i == 4 || i == 6 || i == 8 || i == 10;
        (void)str_append(text, sizeof(text), &position, "%s%02x", has_dash ? "-" : "", bytes[i]);
    }
    json_string(json, "uuid", text);
    clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &parts));
    json_string(json, "timestamp", text);
}

static void write_server_stats(struct json_writer *json, const struct server_watch *server)
{
    const struct stats *stats = &server->stats;
    json_open(json, "server_stats", '{');
    json_count(json, "process_id", stats->process_id);
    json_number(json, "cpu_usage", (double)stats->process_cpu_percent);
    json_number(json, "total_cpu_usage", (double)stats->total_cpu_percent);
    json_count(json, "memory_usage", stats->memory_bytes);
    json_count(json, "total_memory", stats->total_memory_bytes);
    json_count(json, "available_memory", stats->available_memory_bytes);
    json_count(json, "run_time", stats->run_time_us);
    json_count(json, "start_time", stats->start_time_us);
    json_count(json, "read_bytes", stats->read_bytes);
    json_count(json, "written_bytes", stats->written_bytes);
    json_count(json, "messages_size_bytes", stats->messages_size_bytes);
    json_count(json, "streams_count", stats->streams_count);
    json_count(json, "topics_count", stats->topics_count);
    json_count(json, "partitions_count", stats->partitions_count);
    json_count(json, "segments_count", stats->segments_count);
    json_count(json, "messages_count", stats->messages_count);
    json_count(json, "clients_count", stats->clients_count);
    json_count(json, "consumer_groups_count", stats->groups_count);
    json_string(json, "hostname", server->hostname);
    json_string(json, "os_name", server->os_name);
    json_string(json, "os_version", server->os_version);
    json_string(json, "kernel_version", server->kernel_version);
    json_string(json, "iggy_server_version", server->version);
    json_count(json, "iggy_server_semver", stats->server_version_number);
    json_open(json, "cache_metrics", '{');
    json_close(json, '}');
    json_close(json, '}');
}

static void write_hardware(struct json_writer *json, const struct report_machine *machine)
{
    json_open(json, "hardware", '{');
    json_string(json, "identifier", machine->identifier);
    json_string(json, "cpu_name", machine->cpu_name);
    json_count(json, "cpu_cores", machine->cpu_cores);
    json_count(json, "total_memory_mb", machine->total_memory_bytes / 1000000);
    json_string(json, "os_name", machine->os_name);
    json_string(json, "os_version", machine->os_version);
    json_close(json, '}');
}

static void text_or_null(struct json_writer *json, const char *key, const char *text)
{
    if (text == NULL) {
        json_null(json, key);
    } else {
        json_string(json, key, text);
    }
}

static void write_range(struct json_writer *json, const char *key, struct bench_range range)
{
    if (range.min == range.max) {
        json_count(json, key, range.min);
        return;
    }
    char text[64];
    (void)str_format(text, sizeof(text), "%llu..%llu", (unsigned long long)range.min,
                     (unsigned long long)range.max);
    json_string(json, key, text);
}

/* What runs have in common that may be held against each other. */
static void write_params_identifier(struct json_writer *json, const struct outcome *outcome)
{
    const struct bench_options *options = outcome->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    char text[512];
    (void)str_format(text, sizeof(text), "%s_%llu_%llu_%llu_%llu_%llu_%llu_%llu_tcp_%s_%s",
                     row->report_name, (unsigned long long)(row->writes ? options->producers : 0),
                     (unsigned long long)(row->reads ? options->consumers : 0),
                     (unsigned long long)options->streams, (unsigned long long)options->partitions,
                     (unsigned long long)options->message_bytes.max,
                     (unsigned long long)options->batch_messages.max,
                     (unsigned long long)options->rate_limit_bytes,
                     options->remark == NULL ? "" : options->remark, outcome->server->durability);
    json_string(json, "params_identifier", text);
}

static void write_params(struct json_writer *json, const struct outcome *outcome)
{
    const struct bench_options *options = outcome->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    json_open(json, "params", '{');
    json_string(json, "benchmark_kind", row->report_name);
    json_string(json, "transport", "tcp");
    json_string(json, "server_address", options->server_address);
    text_or_null(json, "remark", options->remark);
    text_or_null(json, "extra_info", options->extra_info);
    text_or_null(json, "gitref", options->gitref);
    text_or_null(json, "gitref_date", options->gitref_date);
    write_range(json, "messages_per_batch", options->batch_messages);
    json_count(json, "message_batches",
               outcome->totals.sent_batches + outcome->totals.received_batches);
    write_range(json, "message_size", options->message_bytes);
    json_count(json, "producers", row->writes ? options->producers : 0);
    json_count(json, "consumers", row->reads ? options->consumers : 0);
    json_count(json, "streams", options->streams);
    json_count(json, "partitions", options->partitions);
    json_count(json, "consumer_groups", row->by_groups ? options->groups : 0);
    if (options->rate_limit_bytes > 0) {
        char rate[64];
        (void)str_format(rate, sizeof(rate), "%.3f MB/s", (double)options->rate_limit_bytes / 1e6);
        json_string(json, "rate_limit", rate);
    } else {
        json_null(json, "rate_limit");
    }
    json_string(json, "pretty_name", outcome->title);
    json_string(json, "bench_command", options->command);
    write_params_identifier(json, outcome);
    json_close(json, '}');
}

/* ---- Figures ---- */

static void write_series(struct json_writer *json, const char *key, const char *kind,
                         const struct series *series)
{
    json_open(json, key, '{');
    json_open(json, "points", '[');
    for (u32 i = 0; i < series->count; i++) {
        json_open(json, NULL, '{');
        json_number(json, "time_s", series->times_s[i]);
        json_number(json, "value", series->values[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_string(json, "kind", kind);
    json_close(json, '}');
}

static void write_distribution(struct json_writer *json,
                               const struct reference_distribution *distribution)
{
    json_open(json, "latency_distribution", '{');
    json_open(json, "bins", '[');
    for (u32 i = 0; i < REFERENCE_BINS; i++) {
        json_open(json, NULL, '{');
        json_number(json, "edge_ms", distribution->edges_ms[i]);
        json_number(json, "density", distribution->densities[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "log_normal_params", '{');
    json_number(json, "mu", distribution->mu);
    json_number(json, "sigma", distribution->sigma);
    json_close(json, '}');
    json_open(json, "percentiles", '{');
    json_number(json, "p05_ms", distribution->p05_ms);
    json_number(json, "p50_ms", distribution->p50_ms);
    json_number(json, "p95_ms", distribution->p95_ms);
    json_number(json, "p99_ms", distribution->p99_ms);
    json_close(json, '}');
    json_close(json, '}');
}

static void write_percentiles(struct json_writer *json, const char *prefix,
                              const struct reference_latency *latency)
{
    for (u32 i = 0; i < REFERENCE_PERCENTILES; i++) {
        char key[64];
        (void)str_format(key, sizeof(key), "%s%s_latency_ms", prefix, percentile_names[i]);
        json_number(json, key, latency->percentiles_ms[i]);
    }
}

static void write_group_summary(struct json_writer *json, const struct reference_group *group,
                                const char *kind)
{
    json_open(json, "summary", '{');
    json_string(json, "kind", kind);
    json_number(json, "total_throughput_megabytes_per_second", group->total_megabytes_per_second);
    json_number(json, "total_throughput_messages_per_second", group->total_messages_per_second);
    json_number(json, "average_throughput_megabytes_per_second",
                group->average_megabytes_per_second);
    json_number(json, "average_throughput_messages_per_second", group->average_messages_per_second);
    write_percentiles(json, "average_", &group->latency);
    json_number(json, "average_latency_ms", group->latency.average_ms);
    json_number(json, "average_median_latency_ms", group->latency.median_ms);
    json_number(json, "min_latency_ms", group->latency.min_ms);
    json_number(json, "max_latency_ms", group->latency.max_ms);
    json_number(json, "std_dev_latency_ms", group->latency.deviation_ms);
    json_close(json, '}');
}

static void write_groups(struct json_writer *json, const struct reference_run *reference)
{
    json_open(json, "group_metrics", '[');
    for (u32 i = 0; i < reference->groups_count; i++) {
        const struct reference_group *group = &reference->groups[i];
        json_open(json, NULL, '{');
        write_group_summary(json, group, reference->kinds[i]);
        write_series(json, "avg_throughput_mb_ts", "throughput_mb", &group->megabytes);
        write_series(json, "avg_throughput_msg_ts", "throughput_msg", &group->messages);
        write_series(json, "avg_latency_ts", "latency", &group->latencies_ms);
        write_distribution(json, &group->distribution);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_individual_summary(struct json_writer *json, const struct actor *actor,
                                     const struct reference_actor *figures)
{
    const struct actor_totals *totals = &actor->totals;
    u64 messages = totals->sent_messages + totals->received_messages;
    u64 payload = totals->sent_bytes + totals->received_bytes;
    json_open(json, "summary", '{');
    json_string(json, "benchmark_kind", bench_kind_row(actor->run->options->kind)->report_name);
    json_string(json, "actor_kind", reference_actor_kind(actor));
    json_count(json, "actor_id", actor->number);
    json_number(json, "total_time_secs", figures->total_time_s);
    json_count(json, "total_user_data_bytes", payload);
    json_count(json, "total_bytes", payload + messages * MESSAGE_FRAME_HEADER_BYTES);
    json_count(json, "total_messages", messages);
    json_count(json, "total_message_batches", totals->sent_batches + totals->received_batches);
    json_number(json, "throughput_megabytes_per_second", figures->megabytes_per_second);
    json_number(json, "throughput_messages_per_second", figures->messages_per_second);
    write_percentiles(json, "", &figures->latency);
    json_number(json, "avg_latency_ms", figures->latency.average_ms);
    json_number(json, "median_latency_ms", figures->latency.median_ms);
    json_number(json, "min_latency_ms", figures->latency.min_ms);
    json_number(json, "max_latency_ms", figures->latency.max_ms);
    json_number(json, "std_dev_latency_ms", figures->latency.deviation_ms);
    json_close(json, '}');
}

static void write_individuals(struct json_writer *json, const struct report *report)
{
    const struct bench_run *run = report->outcome->run;
    json_open(json, "individual_metrics", '[');
    for (u32 i = 0; i < run->actors_count; i++) {
        const struct reference_actor *figures = &report->reference->actors[i];
        json_open(json, NULL, '{');
        write_individual_summary(json, &run->actors[i], figures);
        write_series(json, "throughput_mb_ts", "throughput_mb", &figures->megabytes);
        write_series(json, "throughput_msg_ts", "throughput_msg", &figures->messages);
        write_series(json, "latency_ts", "latency", &figures->latencies_ms);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* All there is to know of each latency: [largest value of the place in ns, how often]. */
static void write_histograms(struct json_writer *json, const struct outcome *outcome)
{
    json_open(json, "histograms_ns", '{');
    for (u32 m = 0; m < MEASURE_COUNT; m++) {
        const struct histogram *histogram = outcome->measures[m];
        json_open(json, outcome_measure_name((enum measure)m), '[');
        for (u32 i = 0; i < HISTOGRAM_PLACES; i++) {
            if (histogram->places[i] > 0) {
                json_open(json, NULL, '[');
                json_count(json, NULL, histogram_place_max(i));
                json_count(json, NULL, histogram->places[i]);
                json_close(json, ']');
            }
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}

void report_write_json(const struct report *report, FILE *file)
{
    struct json_writer json = {.file = file};
    json_open(&json, NULL, '{');
    write_identity(&json);
    write_server_stats(&json, report->outcome->server);
    write_hardware(&json, &report->machine);
    write_params(&json, report->outcome);
    write_groups(&json, report->reference);
    write_individuals(&json, report);
    json_open(&json, "levriero", '{');
    outcome_write_figures(report->outcome, &json);
    write_histograms(&json, report->outcome);
    json_close(&json, '}');
    json_close(&json, '}');
    (void)fputc('\n', file);
}
