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

static int report(struct bench *bench)
{
    struct outcome outcome;
    struct reference_run reference;
    int code = EXIT_DONE;
    outcome_init(&outcome, &bench->run, &bench->server,
                 bench->options.no_limits ? NULL : &bench->limits);
    reference_run_init(&reference, &bench->run);
    outcome.reference = bench->options.reference ? &reference : NULL;
    if (bench->options.json) {
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
                   ? run_and_report(bench)
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
