#include "bench/limits_command.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "bench/json_writer.h"
#include "bench/limits.h"

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define VALUES_MAX 8u
#define ROWS_MAX (VALUES_MAX * (2 * VALUES_MAX + 4))
#define CONNECTIONS_MAX 1024u
#define BYTES_MAX (64 * MIB)
#define ROUNDS_DEFAULT 3u
#define TIME_DEFAULT_US (100 * US_PER_MS)

struct limits_options {
    u64 bytes[VALUES_MAX];
    u32 bytes_count;
    u64 connections[VALUES_MAX];
    u32 connections_count;
    u64 rounds;
    u64 time_us;
    u64 pause_us;
    u32 kinds; /* a bit each */
    const char *directory;
    bool json;
};

enum limit_kind {
    KIND_EXCHANGE,
    KIND_LOOP,
    KIND_WRITE,
    KIND_READ,
    KIND_COPY,
    KIND_XXH3,
    KIND_COUNT
};

static const char *const kind_names[] = {"exchange",  "loop",        "disk_write",
                                         "disk_read", "memory_copy", "xxh3"};

struct limit_row {
    enum limit_kind kind;
    struct limit_work work;
    struct limit_figure figures[LIMIT_ROUNDS_MAX];
};

/* ---- Words ---- */

/* "4KiB,64KiB": sizes or counts, from 1 to `most`. */
static bool parse_list(const char *text, u64 most, u64 *values, u32 *count)
{
    *count = 0;
    while (*count < VALUES_MAX) {
        u32 length = (u32)strcspn(text, ",");
        struct span one = {(const u8 *)text, length};
        if (quantity_parse_size(one, &values[*count]) != OK || values[*count] == 0 ||
            values[*count] > most) {
            return false;
        }
        *count += 1;
        if (text[length] == 0) {
            return true;
        }
        text += length + 1;
    }
    return false;
}

/* "exchange,loop". */
static bool parse_kinds(const char *text, u32 *kinds)
{
    *kinds = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        u32 kind = 0;
        while (kind < KIND_COUNT && (strlen(kind_names[kind]) != length ||
                                     strncmp(kind_names[kind], text, length) != 0)) {
            kind++;
        }
        if (kind == KIND_COUNT) {
            return false;
        }
        *kinds |= 1u << kind;
        if (text[length] == 0) {
            return true;
        }
        text += length + 1;
    }
}

static bool take_value(struct limits_options *options, const char *name, const char *text,
                       struct err *err)
{
    if (strcmp(name, "--size") == 0) {
        return parse_list(text, BYTES_MAX, options->bytes, &options->bytes_count) ||
               err_set(err, "--size: \"%s\" is no list like 4KiB,1MiB, up to 64 MiB", text);
    }
    if (strcmp(name, "--connections") == 0) {
        return parse_list(text, CONNECTIONS_MAX, options->connections,
                          &options->connections_count) ||
               err_set(err, "--connections: \"%s\" is no list like 1,4, up to 1024", text);
    }
    if (strcmp(name, "--rounds") == 0) {
        return (str_to_u64(text, &options->rounds) && options->rounds > 0 &&
                options->rounds <= LIMIT_ROUNDS_MAX) ||
               err_set(err, "--rounds: \"%s\" is not between 1 and %u", text, LIMIT_ROUNDS_MAX);
    }
    if (strcmp(name, "--time") == 0) {
        return (quantity_parse_duration_us(span_of(text), &options->time_us) == OK &&
                options->time_us > 0) ||
               err_set(err, "--time: \"%s\" is no time like 200ms", text);
    }
    if (strcmp(name, "--pause") == 0) {
        return quantity_parse_duration_us(span_of(text), &options->pause_us) == OK ||
               err_set(err, "--pause: \"%s\" is no time like 1ms", text);
    }
    if (strcmp(name, "--only") == 0) {
        return parse_kinds(text, &options->kinds) ||
               err_set(err, "--only: \"%s\" is no list like exchange,loop", text);
    }
    if (strcmp(name, "--directory") == 0) {
        options->directory = text;
        return true;
    }
    return err_set(err, "there is no option %s here; `levriero bench limits --help`", name);
}

static bool parse_words(struct limits_options *options, int argc, char **argv, struct err *err)
{
    *options = (struct limits_options){.bytes = {4 * KIB, 64 * KIB, MIB},
                                       .bytes_count = 3,
                                       .connections = {1, 4},
                                       .connections_count = 2,
                                       .rounds = ROUNDS_DEFAULT,
                                       .time_us = TIME_DEFAULT_US,
                                       .kinds = (1u << KIND_COUNT) - 1,
                                       .directory = "."};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options->json = true;
            continue;
        }
        if (i + 1 == argc) {
            return err_set(err, "%s: there is no such switch, or its value is missing", argv[i]);
        }
        if (!take_value(options, argv[i], argv[i + 1], err)) {
            return false;
        }
        i++;
    }
    return true;
}

static void print_help(void)
{
    printf("levriero bench limits [options]\n"
           "  --size LIST         sizes of a request (4KiB,64KiB,1MiB)\n"
           "  --connections LIST  of the exchange and the loop (1,4)\n"
           "  --rounds N          everything so many times, interleaved; medians (3)\n"
           "  --time TIME         of one measurement (100ms)\n"
           "  --only LIST         some of what is below (all)\n"
           "  --pause TIME        of exchange and loop: before each request (0s)\n"
           "  --directory DIR     whose disk (.)\n"
           "  --json              one object\n\n"
           "exchange     receive the bytes, one direct write, one fdatasync, 16 bytes back\n"
           "loop         the same without the disk\n"
           "disk_write   direct write and fdatasync alone\n"
           "disk_read    direct reads, one at a time\n"
           "memory_copy  one thread\n"
           "xxh3         one thread\n");
}

/* ---- Measuring ---- */

static bool measure(struct limit_row *row, u32 round, struct err *err)
{
    struct limit_figure *figure = &row->figures[round];
    switch (row->kind) {
    case KIND_EXCHANGE:
    case KIND_LOOP: return limit_exchange(&row->work, figure, err);
    case KIND_WRITE: return limit_disk_write(&row->work, figure, err);
    case KIND_READ: return limit_disk_read(&row->work, figure, err);
    case KIND_COPY: limit_copy(&row->work, figure); return true;
    case KIND_XXH3: limit_xxh3(&row->work, figure); return true;
    case KIND_COUNT: break;
    }
    return false;
}

static u32 make_rows(const struct limits_options *options, struct limit_row *rows)
{
    u32 count = 0;
    for (u32 kind = KIND_EXCHANGE; kind <= KIND_XXH3; kind++) {
        if ((options->kinds & 1u << kind) == 0) {
            continue;
        }
        u32 connections = kind <= KIND_LOOP ? options->connections_count : 1;
        for (u32 i = 0; i < options->bytes_count * connections; i++) {
            rows[count++] = (struct limit_row){
                .kind = (enum limit_kind)kind,
                .work = {.connections =
                             kind <= KIND_LOOP ? (u32)options->connections[i % connections] : 1,
                         .bytes = (u32)options->bytes[i / connections],
                         .time_ns = options->time_us * 1000,
                         .pause_ns = options->pause_us * 1000,
                         .directory = kind == KIND_LOOP ? NULL : options->directory},
            };
        }
    }
    return count;
}

static void print_rows(const struct limit_row *rows, u32 count, u32 rounds)
{
    printf("%-12s %10s %12s %12s %12s %12s %12s\n", "limit", "bytes", "connections", "MB/s",
           "a second", "p50 us", "p99 us");
    for (u32 i = 0; i < count; i++) {
        struct limit_figure figure = limits_median(rows[i].figures, rounds);
        printf("%-12s %10u %12u %12.1f %12.0f %12.1f %12.1f\n", kind_names[rows[i].kind],
               rows[i].work.bytes, rows[i].work.connections, figure.bytes_per_second / 1e6,
               figure.replies_per_second, figure.p50_us, figure.p99_us);
    }
}

static void print_object(const struct limit_row *rows, u32 count, u32 rounds)
{
    struct json_writer json = {.file = stdout};
    json_open(&json, NULL, '{');
    json_count(&json, "rounds", rounds);
    json_open(&json, "limits", '[');
    for (u32 i = 0; i < count; i++) {
        struct limit_figure figure = limits_median(rows[i].figures, rounds);
        json_open(&json, NULL, '{');
        json_string(&json, "name", kind_names[rows[i].kind]);
        json_count(&json, "bytes", rows[i].work.bytes);
        json_count(&json, "connections", rows[i].work.connections);
        json_number(&json, "bytes_per_second", figure.bytes_per_second);
        json_number(&json, "replies_per_second", figure.replies_per_second);
        json_number(&json, "p50_us", figure.p50_us);
        json_number(&json, "p99_us", figure.p99_us);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    printf("\n");
}

/* Round by round, so that a disk that changes its mind changes it for all. */
static int run(const struct limits_options *options, struct limit_row *rows)
{
    struct err err;
    u32 count = make_rows(options, rows);
    u32 rounds = (u32)options->rounds;
    for (u32 i = 0; i < count * rounds; i++) {
        if (!measure(&rows[i % count], i / count, &err)) {
            fprintf(stderr, "levriero: %s\n", err.text);
            return EXIT_FAILED;
        }
    }
    if (options->json) {
        print_object(rows, count, rounds);
    } else {
        print_rows(rows, count, rounds);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE : EXIT_FAILED;
}

int limits_command(int argc, char **argv)
{
    struct limits_options options;
    struct err err;
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        print_help();
        return EXIT_DONE;
    }
    if (!parse_words(&options, argc, argv, &err)) {
        fprintf(stderr, "levriero: bench limits: %s\n", err.text);
        return EXIT_USAGE;
    }
    struct limit_row *rows = mem_take(ROWS_MAX * sizeof(*rows));
    int code = run(&options, rows);
    mem_return(rows);
    return code;
}
