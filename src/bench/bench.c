#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/bench_run.h"
#include "bench/cold.h"
#include "bench/limits_command.h"
#include "bench/loss.h"
#include "bench/outcome.h"
#include "bench/report.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_MISSED 7
#define EXIT_INTERRUPTED 130
#define BAR_COLUMNS 32u
#define LIMIT_NS 150000000ull
#define LIMIT_CONNECTIONS_MAX 64u
#define LIMIT_BYTES_MIN 256u
#define CONTROL_TIMEOUT_MS 30000u

/* What goes on beside a run, from the main thread. */
struct bench {
    struct bench_options options;
    struct client *client;
    struct bench_run run;
    struct server_watch server;
    struct limits limits;
    struct bench_sweep_run *runs; /* those before, when there are several */
    u32 runs_count;
    struct json_writer json; /* of several */
    bool shows_progress;
    u64 last_bytes;
    u64 last_ns;
};

/* ---- Progress ---- */

static u64 bytes_so_far(const struct bench_run *run)
{
    u64 bytes = 0;
    for (u32 i = 0; i < run->actors_count; i++) {
        bytes += __atomic_load_n(&run->actors[i].progress_bytes, __ATOMIC_RELAXED);
    }
    return bytes;
}

/* From 0 to 1, by time or by volume. */
static double share_done(const struct bench_run *run, u64 bytes, u64 now_ns)
{
    const struct bench_options *options = run->options;
    if (options->duration_us > 0) {
        return (double)now_ns / 1000 / (double)options->duration_us;
    }
    double batch = (double)(options->message_bytes.min + options->message_bytes.max) / 2 *
                   (double)(options->batch_messages.min + options->batch_messages.max) / 2;
    double wanted = options->total_bytes > 0
                        ? (double)options->total_bytes
                        : (double)options->message_batches * run->actors_count * batch;
    return (double)bytes / wanted;
}

static void show_progress(struct bench *bench, u64 now_ns)
{
    char bar[BAR_COLUMNS + 1];
    u64 bytes = bytes_so_far(&bench->run);
    double share = share_done(&bench->run, bytes, now_ns);
    double rate = now_ns > bench->last_ns ? (double)(bytes - bench->last_bytes) * 1e3 /
                                                (double)(now_ns - bench->last_ns)
                                          : 0;
    u32 filled = share >= 1 ? BAR_COLUMNS : (u32)(share * BAR_COLUMNS);
    for (u32 i = 0; i < BAR_COLUMNS; i++) {
        bar[i] = i < filled ? '=' : ' ';
    }
    bar[BAR_COLUMNS] = 0;
    fprintf(stderr, "\r[%s] %3.0f %%  %9.1f MB/s  %6.1f s ", bar, share >= 1 ? 100 : share * 100,
            rate, (double)now_ns / 1e9);
    (void)fflush(stderr);
    bench->last_bytes = bytes;
    bench->last_ns = now_ns;
}

static void clear_progress(const struct bench *bench)
{
    if (bench->shows_progress) {
        fprintf(stderr, "\r%*s\r", 78, "");
    }
}

static void on_tick(void *context, struct bench_run *run)
{
    struct bench *bench = context;
    u64 now_ns = bench_run_ns(run);
    server_watch_sample(&bench->server, now_ns);
    if (bench->shows_progress) {
        show_progress(bench, now_ns);
    }
}

/* ---- Limits beside the run ---- */

static void on_pause(void *context)
{
    struct bench *bench = context;
    limits_round(&bench->limits);
}

/* As many connections as write, of the size of their batches. */
static void prepare_limits(struct bench *bench)
{
    const struct bench_options *options = &bench->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    u64 bytes = (options->message_bytes.min + options->message_bytes.max) / 2 *
                ((options->batch_messages.min + options->batch_messages.max) / 2);
    const char *directory = options->limits_directory;
    if (directory == NULL && bench->server.data_path[0] != 0) {
        directory = bench->server.data_path;
    }
    struct limit_work work = {
        .connections = (u32)u64_min(row->writes ? options->producers : options->consumers,
                                    LIMIT_CONNECTIONS_MAX),
        .bytes = (u32)u64_max(bytes, LIMIT_BYTES_MIN),
        .time_ns = LIMIT_NS,
        .directory = directory,
    };
    limits_init(&bench->limits, &work);
}

/* ---- One run ---- */

static int fail_with(const char *text)
{
    fprintf(stderr, "levriero: %s\n", text);
    return EXIT_FAILED;
}

static void print_object(const struct outcome *outcome)
{
    struct json_writer json = {.file = stdout};
    json_open(&json, NULL, '{');
    outcome_write_figures(outcome, &json);
    json_close(&json, '}');
    (void)fputc('\n', stdout);
}

/* The desktop's own way, if there is a desktop. */
static void open_page(const char *directory)
{
    char path[4200];
    (void)str_format(path, sizeof(path), "%s/report.html", directory);
    pid_t child = fork();
    if (child == 0) {
        execlp("xdg-open", "xdg-open", path, (char *)NULL);
        _exit(EXIT_FAILED);
    }
}

static int write_report(struct bench *bench, const struct outcome *outcome,
                        const struct reference_run *reference)
{
    char directory[4096];
    struct err err;
    struct report report = {.outcome = outcome, .reference = reference, .client = bench->client};
    report_machine_read(&report.machine, bench->options.identifier);
    if (!report_write(&report, directory, sizeof(directory), &err)) {
        return fail_with(err.text);
    }
    fprintf(stderr, "levriero: the report is in %s\n", directory);
    if (bench->options.open_charts) {
        open_page(directory);
    }
    return EXIT_DONE;
}

/* One of several: kept for the summary of all, and (as JSON) printed. */
static void note_run(struct bench *bench, const struct outcome *outcome)
{
    struct bench_sweep_run *run = &bench->runs[bench->runs_count++];
    const struct histogram *histogram = outcome->measures[outcome->batch_measure];
    bool writes = bench_kind_row(bench->options.kind)->writes;
    run->missed_target = outcome->missed_target || outcome->missed_p99;
    run->figures[SWEEP_BYTES_PER_SECOND] =
        writes ? outcome->sent_bytes_per_second : outcome->received_bytes_per_second;
    run->figures[SWEEP_P50_US] = (double)histogram_quantile(histogram, 0.5) / 1000;
    run->figures[SWEEP_P99_US] = (double)histogram_quantile(histogram, 0.99) / 1000;
    run->figures[SWEEP_P999_US] = (double)histogram_quantile(histogram, 0.999) / 1000;
    run->figures[SWEEP_MAX_US] = (double)histogram->max / 1000;
    run->figures[SWEEP_LIMIT_RATIO] = outcome_limit_ratio(outcome);
    if (bench->options.json) {
        json_open(&bench->json, NULL, '{');
        outcome_write_figures(outcome, &bench->json);
        json_close(&bench->json, '}');
    }
}

static int report(struct bench *bench)
{
    struct outcome outcome;
    struct reference_run reference;
    int code = EXIT_DONE;
    outcome_init(&outcome, &bench->run, &bench->server,
                 bench->options.no_limits ? NULL : &bench->limits);
    reference_run_init(&reference, &bench->run);
    outcome.reference = bench->options.reference ? &reference : NULL;
    if (bench->runs != NULL) {
        note_run(bench, &outcome);
    } else if (bench->options.json) {
        print_object(&outcome);
    } else {
        outcome_print(&outcome, stdout);
    }
    if (bench->options.has_output) {
        code = write_report(bench, &outcome, &reference);
    }
    if (code == EXIT_DONE) {
        code = bench->run.interrupted                        ? EXIT_INTERRUPTED
               : outcome.missed_target || outcome.missed_p99 ? EXIT_MISSED
                                                             : EXIT_DONE;
    }
    reference_run_deinit(&reference);
    outcome_deinit(&outcome);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return fail_with("standard output cannot be written");
    }
    return code;
}

static int run_and_report(struct bench *bench)
{
    struct client_error error;
    struct run_watch watch = {.context = bench,
                              .on_pause = bench->options.no_limits ? NULL : on_pause,
                              .on_tick = on_tick};
    if (!server_watch_open(&bench->server, bench->options.server_address, bench->client, &error)) {
        return fail_with(error.text);
    }
    if (!bench->options.no_limits) {
        prepare_limits(bench);
        limits_round(&bench->limits);
    }
    if (bench->options.cold) {
        struct err err;
        if (!cold_forget_pages(bench->server.data_path, &err)) {
            return fail_with(err.text);
        }
    }
    server_watch_begin(&bench->server);
    bool good = bench_run(&bench->run, &bench->options, bench->client, &watch, &error);
    clear_progress(bench);
    server_watch_end(&bench->server, bench->run.ended_ns);
    if (good && !bench->options.no_limits) {
        limits_round(&bench->limits);
    }
    int code = good ? report(bench) : fail_with(error.text);
    bench_run_deinit(&bench->run);
    return code;
}

/* ---- Several runs ---- */

static void print_spread(const struct bench *bench, u32 value, enum bench_sweep_figure figure,
                         double unit)
{
    struct bench_sweep_spread spread =
        bench_sweep_spread(bench->runs, bench->runs_count, value, figure);
    char range[64];
    (void)str_format(range, sizeof(range), "(%.1f - %.1f)", spread.min / unit, spread.max / unit);
    printf(" %10.1f %-22s", spread.median / unit, range);
}

static void print_summary(const struct bench *bench, u32 values)
{
    char name[64];
    printf("%s %s\n%-16s %4s %10s %-22s %10s %-22s %10s %-22s %8s\n",
           bench_kind_row(bench->options.kind)->name, "medians (and ranges) of a batch", "", "runs",
           "MB/s", "", "p50 us", "", "p99 us", "", "of limit");
    for (u32 i = 0; i < values; i++) {
        struct bench_sweep_spread ratio =
            bench_sweep_spread(bench->runs, bench->runs_count, i, SWEEP_LIMIT_RATIO);
        bench_sweep_name(&bench->options.sweep, i, name, sizeof(name));
        printf("%-16s %4u", name, ratio.runs);
        print_spread(bench, i, SWEEP_BYTES_PER_SECOND, 1e6);
        print_spread(bench, i, SWEEP_P50_US, 1);
        print_spread(bench, i, SWEEP_P99_US, 1);
        if (ratio.median > 0) {
            printf(" %8.2f\n", ratio.median);
        } else {
            printf(" %8s\n", "-");
        }
    }
}

static void json_summary(struct bench *bench, u32 values)
{
    static const char *const names[] = {"bytes_per_second", "p50_us", "p99_us",
                                        "p999_us",          "max_us", "limit_ratio"};
    char name[64];
    json_close(&bench->json, ']');
    json_open(&bench->json, "points", '[');
    for (u32 i = 0; i < values; i++) {
        bench_sweep_name(&bench->options.sweep, i, name, sizeof(name));
        json_open(&bench->json, NULL, '{');
        json_string(&bench->json, "name", name);
        for (u32 figure = 0; figure < SWEEP_FIGURE_COUNT; figure++) {
            struct bench_sweep_spread spread = bench_sweep_spread(bench->runs, bench->runs_count, i,
                                                                  (enum bench_sweep_figure)figure);
            json_open(&bench->json, names[figure], '{');
            json_number(&bench->json, "median", spread.median);
            json_number(&bench->json, "min", spread.min);
            json_number(&bench->json, "max", spread.max);
            json_count(&bench->json, "runs", spread.runs);
            json_close(&bench->json, '}');
        }
        json_close(&bench->json, '}');
    }
    json_close(&bench->json, ']');
    json_close(&bench->json, '}');
    printf("\n");
}

/* Whether all goes on: a missed target does not end a sweep. */
static bool goes_on(int code)
{
    return code == EXIT_DONE || code == EXIT_MISSED;
}

/* What 100 % of the rate is: a run without one. */
static int find_most(struct bench *bench, double *most)
{
    struct bench_options asked = bench->options;
    bench->options.rate_limit_bytes = 0;
    bench->options.closed_loop = false;
    bench->options.poisson = false;
    int code = run_and_report(bench);
    *most = bench->runs[0].figures[SWEEP_BYTES_PER_SECOND];
    bench->runs_count = 0;
    bench->options = asked;
    return code;
}

static int run_in_order(struct bench *bench, const u32 *order, u32 runs)
{
    const struct bench_options asked = bench->options;
    int code = EXIT_DONE;
    int worst = EXIT_DONE;
    double most = 0;
    if (asked.sweep.of_most) {
        code = find_most(bench, &most);
    }
    for (u32 i = 0; i < runs && goes_on(code); i++) {
        bench->runs[i].value = order[i];
        bench->options.run_number = i + 1;
        bench_sweep_apply(&asked.sweep, order[i], most, &bench->options);
        code = run_and_report(bench);
        bench->options = asked;
        worst = code == EXIT_MISSED && asked.sweep.kind != SWEEP_RATE ? code : worst;
    }
    return goes_on(code) ? worst : code;
}

static int run_several(struct bench *bench)
{
    u32 order[SWEEP_RUNS_MAX];
    u32 values = u32_max(1, bench->options.sweep.values_count);
    u32 repetitions = (u32)bench->options.repetitions;
    bench->runs = mem_take((u64)values * repetitions * sizeof(*bench->runs));
    bench->json = (struct json_writer){.file = stdout};
    if (bench->options.json) {
        json_open(&bench->json, NULL, '{');
        json_open(&bench->json, "runs", '[');
    }
    bench_sweep_order(order, values, repetitions, bench->options.seed);
    int code = run_in_order(bench, order, values * repetitions);
    if (bench->options.json) {
        json_summary(bench, values);
    } else {
        print_summary(bench, values);
    }
    mem_return(bench->runs);
    return code;
}

static int run_as_asked(struct bench *bench)
{
    bool is_one = bench->options.repetitions == 1 && bench->options.sweep.kind == SWEEP_NONE;
    return is_one ? run_and_report(bench) : run_several(bench);
}

static int connect_and_run(struct bench *bench)
{
    struct client_error error;
    struct client_options where = {.address = bench->options.server_address,
                                   .connect_timeout_ms = CONTROL_TIMEOUT_MS,
                                   .request_timeout_ms = CONTROL_TIMEOUT_MS};
    bench->client = client_connect(&where, &error);
    if (bench->client == NULL) {
        return fail_with(error.text);
    }
    int code = client_login(bench->client, bench->options.username, bench->options.password, &error)
                   ? run_as_asked(bench)
                   : fail_with(error.text);
    client_close(bench->client);
    return code;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int bench_main(int argc, char **argv)
{
    struct err err;
    if (argc < 2 || is_help(argv[1])) {
        bench_options_print_help();
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    if (strcmp(argv[1], "examples") == 0 || strcmp(argv[1], "e") == 0) {
        bench_options_print_examples();
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "limits") == 0) {
        return limits_command(argc - 2, argv + 2);
    }
    if (strcmp(argv[1], "loss") == 0) {
        return loss_command(argc - 2, argv + 2);
    }
    struct bench *bench = mem_take(sizeof(*bench));
    int code = EXIT_USAGE;
    if (bench_options_parse(&bench->options, argc - 1, argv + 1, &err)) {
        bench->shows_progress = isatty(STDERR_FILENO) == 1;
        code = connect_and_run(bench);
    } else {
        fprintf(stderr, "levriero: bench: %s\n", err.text);
    }
    mem_return(bench);
    return code;
}
