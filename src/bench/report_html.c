/* report.html: the figures of a run and their charts in one page that loads nothing. */
#include "bench/report.h"

#include <stdarg.h>

#include "base/mem.h"
#include "bench/chart.h"

#define POINTS_MAX 240u

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:960px;padding:0 1em;"
    "color:#222;background:#fff}table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}figure{margin:2em 0}"
    "figcaption{font-weight:600}svg{width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".grid{stroke:#ddd}code{overflow-wrap:anywhere}.failed{color:#b00020;font-weight:600}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181a}svg text{fill:#bbb}"
    ".grid{stroke:#333}td,th{border-color:#333}}";

struct percentile_column {
    const char *title;
    double share;
};

static const struct percentile_column columns[] = {
    {"p50", 0.5},     {"p90", 0.9},       {"p95", 0.95},        {"p99", 0.99},
    {"p99.9", 0.999}, {"p99.99", 0.9999}, {"p99.999", 0.99999}, {"max", 1},
};

/* ---- Tables ---- */

static void write_head(const struct outcome *outcome, FILE *file)
{
    fprintf(file, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    chart_write_text(outcome->title, file);
    fprintf(file, "</title><style>%s</style></head><body>\n<h1>", style);
    chart_write_text(outcome->title, file);
    fprintf(file, "</h1>\n<p><code>");
    chart_write_text(outcome->options->command, file);
    fprintf(file, "</code></p>\n");
    if (outcome->missed_target) {
        fprintf(file, "<p class=\"failed\">This run reached %.1f %% of its target rate.</p>\n",
                outcome->target_share * 100);
    }
}

static void write_row(FILE *file, const char *name, const char *format, ...) printf_like(3, 4);

static void write_row(FILE *file, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(file, "<tr><td>%s</td><td>", name);
    (void)vfprintf(file, format, arguments);
    fprintf(file, "</td></tr>\n");
    va_end(arguments);
}

static void write_summary(const struct report *report, FILE *file)
{
    const struct outcome *outcome = report->outcome;
    const struct actor_totals *totals = &outcome->totals;
    fprintf(file, "<table>\n");
    write_row(file, "sent", "%llu messages, %.1f MB/s", (unsigned long long)totals->sent_messages,
              outcome->sent_bytes_per_second / 1e6);
    write_row(file, "received", "%llu messages, %.1f MB/s",
              (unsigned long long)totals->received_messages,
              outcome->received_bytes_per_second / 1e6);
    write_row(file, "from the common start to the last end", "%.3f s, %u actors", outcome->seconds,
              outcome->run->actors_count);
    if (outcome->target_bytes_per_second > 0) {
        write_row(file, "target", "%.1f MB/s, reached %.1f %%",
                  outcome->target_bytes_per_second / 1e6, outcome->target_share * 100);
    }
    write_row(file, "processor time of the server, of the client", "%.2f s, %.2f s",
              outcome->server->cpu_seconds, outcome->client_cpu_seconds);
    write_row(file, "memory of the server, at most", "%.1f MiB",
              (double)outcome->server->rss_bytes_max / (double)MIB);
    if (outcome->limits != NULL && outcome->limits->rounds > 0) {
        write_row(file, "of the bare limit", "%.2f of the %s, in %u rounds between",
                  outcome_limit_ratio(outcome), outcome_limit_name(outcome),
                  outcome->limits->rounds);
    }
    fprintf(file, "</table>\n");
}

static void write_latencies(const struct outcome *outcome, FILE *file)
{
    fprintf(file, "<table><tr><th>latency, us</th>");
    for (u32 i = 0; i < array_count(columns); i++) {
        fprintf(file, "<th>%s</th>", columns[i].title);
    }
    fprintf(file, "</tr>\n");
    for (u32 m = 0; m < MEASURE_COUNT; m++) {
        const struct histogram *histogram = outcome->measures[m];
        if (histogram->count == 0) {
            continue;
        }
        fprintf(file, "<tr><td>%s</td>", outcome_measure_title((enum measure)m));
        for (u32 i = 0; i < array_count(columns); i++) {
            fprintf(file, "<td>%.1f</td>",
                    (double)histogram_quantile(histogram, columns[i].share) / 1000);
        }
        fprintf(file, "</tr>\n");
    }
    fprintf(file, "</table>\n");
}

static void write_machine(const struct report *report, FILE *file)
{
    const struct report_machine *machine = &report->machine;
    const struct server_watch *server = report->outcome->server;
    fprintf(file, "<h2>Machines</h2><table><tr><th></th><th>client</th><th>server</th></tr>\n");
    fprintf(file, "<tr><td>name</td><td>");
    chart_write_text(machine->identifier, file);
    fprintf(file, "</td><td>");
    chart_write_text(server->hostname, file);
    fprintf(file, "</td></tr>\n<tr><td>processor</td><td>");
    chart_write_text(machine->cpu_name, file);
    fprintf(file, ", %u</td><td></td></tr>\n<tr><td>memory</td><td>%.1f GB</td><td>%.1f GB</td>",
            machine->cpu_cores, (double)machine->total_memory_bytes / 1e9,
            (double)server->stats.total_memory_bytes / 1e9);
    fprintf(file, "</tr>\n<tr><td>kernel</td><td>");
    chart_write_text(machine->kernel, file);
    fprintf(file, "</td><td>");
    chart_write_text(server->kernel_version, file);
    fprintf(file, "</td></tr>\n<tr><td>version of the server</td><td></td><td>");
    chart_write_text(server->version, file);
    fprintf(file, "</td></tr></table>\n");
}

/* ---- Charts over time: idle time shows as zero ---- */

struct timeline {
    double xs[POINTS_MAX];
    double sent[POINTS_MAX];
    double received[POINTS_MAX];
    double mean[POINTS_MAX];
    double most[POINTS_MAX];
    u32 counts[POINTS_MAX];
    u32 points;
};

static void fill_timeline(struct timeline *timeline, const struct bench_run *run)
{
    u64 width_ns = u64_max(run->ended_ns / POINTS_MAX + 1, 10000000);
    double width_s = (double)width_ns / 1e9;
    timeline->points = u32_min(POINTS_MAX, (u32)(run->ended_ns / width_ns) + 1);
    for (u32 i = 0; i < timeline->points; i++) {
        timeline->xs[i] = i * width_s;
    }
    for (u32 i = 0; i < run->actors_count; i++) {
        const struct actor *actor = &run->actors[i];
        for (u64 j = 0; j < actor->samples_count; j++) {
            const struct sample *sample = &actor->samples[j];
            u32 at = u32_min(timeline->points - 1, (u32)(sample->at_ns / width_ns));
            double latency_us = (double)sample->latency_ns / 1000;
            double *bytes = actor->writes ? timeline->sent : timeline->received;
            bytes[at] += (double)sample->bytes / 1e6 / width_s;
            timeline->counts[at]++;
            timeline->mean[at] += (latency_us - timeline->mean[at]) / timeline->counts[at];
            timeline->most[at] = latency_us > timeline->most[at] ? latency_us : timeline->most[at];
        }
    }
}

static void write_timeline(const struct outcome *outcome, FILE *file)
{
    struct timeline *timeline = mem_take(sizeof(*timeline));
    const struct bench_kind_row *row = bench_kind_row(outcome->options->kind);
    fill_timeline(timeline, outcome->run);
    struct chart throughput = {.title = "Throughput",
                               .x_unit = "seconds",
                               .y_unit = "MB/s",
                               .xs = timeline->xs,
                               .points = timeline->points};
    if (row->writes) {
        throughput.lines[throughput.lines_count++] =
            (struct chart_line){row->in_turns ? "sent and received" : "sent", timeline->sent};
    }
    if (row->reads && !row->in_turns) {
        throughput.lines[throughput.lines_count++] =
            (struct chart_line){"received", timeline->received};
    }
    chart_write(&throughput, file);
    struct chart latency = {.title = "Latency of a batch",
                            .x_unit = "seconds",
                            .y_unit = "us",
                            .xs = timeline->xs,
                            .points = timeline->points,
                            .lines = {{"mean", timeline->mean}, {"max", timeline->most}},
                            .lines_count = 2};
    chart_write(&latency, file);
    mem_return(timeline);
}

/* Each step to the right has a tenth of the requests of the one before. */
static void write_percentile_chart(const struct outcome *outcome, FILE *file)
{
    double xs[array_count(columns)];
    double values[CHART_LINES_MAX][array_count(columns)];
    const char *labels[array_count(columns)];
    struct chart chart = {.title = "Percentiles of latency",
                          .x_unit = "percentile",
                          .y_unit = "us",
                          .xs = xs,
                          .points = array_count(columns),
                          .x_labels = labels};
    for (u32 i = 0; i < array_count(columns); i++) {
        xs[i] = i;
        labels[i] = columns[i].title;
    }
    for (u32 m = 0; m < MEASURE_COUNT && chart.lines_count < CHART_LINES_MAX; m++) {
        const struct histogram *histogram = outcome->measures[m];
        if (histogram->count == 0) {
            continue;
        }
        for (u32 i = 0; i < array_count(columns); i++) {
            values[chart.lines_count][i] =
                (double)histogram_quantile(histogram, columns[i].share) / 1000;
        }
        chart.lines[chart.lines_count] =
            (struct chart_line){outcome_measure_title((enum measure)m), values[chart.lines_count]};
        chart.lines_count++;
    }
    chart_write(&chart, file);
}

static void write_server(const struct server_watch *server, FILE *file)
{
    double *xs = mem_take((server->samples_count + 1) * sizeof(double));
    double *cores = mem_take((server->samples_count + 1) * sizeof(double));
    double *rss = mem_take((server->samples_count + 1) * sizeof(double));
    for (u32 i = 0; i < server->samples_count; i++) {
        xs[i] = (double)server->samples[i].at_ns / 1e9;
        cores[i] = server->samples[i].cores;
        rss[i] = (double)server->samples[i].rss_bytes / (double)MIB;
    }
    struct chart chart = {.title = "Processors the server keeps busy",
                          .x_unit = "seconds",
                          .y_unit = "processors",
                          .xs = xs,
                          .points = server->samples_count,
                          .lines = {{"busy", cores}},
                          .lines_count = 1};
    chart_write(&chart, file);
    chart.title = "Memory of the server";
    chart.y_unit = "MiB";
    chart.lines[0] = (struct chart_line){"resident", rss};
    chart_write(&chart, file);
    mem_return(xs);
    mem_return(cores);
    mem_return(rss);
}

void report_write_html(const struct report *report, FILE *file)
{
    write_head(report->outcome, file);
    write_summary(report, file);
    write_latencies(report->outcome, file);
    write_timeline(report->outcome, file);
    write_percentile_chart(report->outcome, file);
    write_server(report->outcome->server, file);
    write_machine(report, file);
    fprintf(file,
            "<p>Throughput is acknowledged payload over the time from the common start to the "
            "last end. Percentiles are of all actors' histograms merged.</p></body></html>\n");
}
