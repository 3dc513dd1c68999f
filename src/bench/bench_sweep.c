#include "bench/bench_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/quantity.h"
#include "bench/bench_options.h"

static const char *const kind_names[SWEEP_KIND_COUNT] = {"", "batch", "size", "producers", "rate"};

/* ---- Words ---- */

static bool parse_value(struct bench_sweep *sweep, struct span one, u64 *value)
{
    if (sweep->kind == SWEEP_RATE && one.size > 1 && one.data[one.size - 1] == '%') {
        sweep->of_most = true;
        one.size--;
    } else if (sweep->of_most) {
        return false; /* all or none */
    }
    return quantity_parse_size(one, value) == OK && *value > 0;
}

bool bench_sweep_parse(struct bench_sweep *sweep, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    *sweep = (struct bench_sweep){0};
    for (u32 kind = SWEEP_BATCH; equals != NULL && kind < SWEEP_KIND_COUNT; kind++) {
        if (strlen(kind_names[kind]) == (size_t)(equals - text) &&
            strncmp(kind_names[kind], text, (size_t)(equals - text)) == 0) {
            sweep->kind = (enum bench_sweep_kind)kind;
        }
    }
    if (sweep->kind == SWEEP_NONE) {
        return err_set(
            err, "--sweep: \"%s\" does not begin with batch=, size=, producers= or rate=", text);
    }
    for (const char *at = equals + 1; sweep->values_count < SWEEP_VALUES_MAX; at++) {
        u32 length = (u32)strcspn(at, ",");
        bool was_of_most = sweep->of_most;
        u64 *value = &sweep->values[sweep->values_count];
        if (!parse_value(sweep, (struct span){(const u8 *)at, length}, value) ||
            (sweep->values_count > 0 && was_of_most != sweep->of_most)) {
            break;
        }
        sweep->values_count++;
        at += length;
        if (*at == 0) {
            return true;
        }
    }
    return err_set(err, "--sweep: \"%s\" is no list of up to %u values, as in batch=1,10,100", text,
                   SWEEP_VALUES_MAX);
}

void bench_sweep_apply(const struct bench_sweep *sweep, u32 value, double most,
                       struct bench_options *options)
{
    u64 number = sweep->values[value];
    switch (sweep->kind) {
    case SWEEP_BATCH: options->batch_messages = (struct bench_range){number, number}; break;
    case SWEEP_SIZE: options->message_bytes = (struct bench_range){number, number}; break;
    case SWEEP_PRODUCERS:
        options->streams = options->streams == options->producers ? number : options->streams;
        options->producers = number;
        break;
    case SWEEP_RATE:
        options->rate_limit_bytes =
            sweep->of_most ? u64_max(1, (u64)(most * (double)number / 100)) : number;
        break;
    case SWEEP_NONE:
    case SWEEP_KIND_COUNT: break;
    }
}

void bench_sweep_order(u32 *order, u32 values, u32 repetitions, u64 seed)
{
    struct prng prng;
    u32 runs = values * repetitions;
    prng_init(&prng, seed);
    for (u32 i = 0; i < runs; i++) {
        order[i] = i % values;
    }
    for (u32 i = runs; i > 1; i--) {
        u32 other = (u32)prng_below(&prng, i);
        u32 last = order[i - 1];
        order[i - 1] = order[other];
        order[other] = last;
    }
}

void bench_sweep_name(const struct bench_sweep *sweep, u32 value, char *name, u32 capacity)
{
    if (sweep->kind == SWEEP_NONE) {
        (void)str_format(name, capacity, "all");
        return;
    }
    (void)str_format(name, capacity, "%s %llu%s", kind_names[sweep->kind],
                     (unsigned long long)sweep->values[value], sweep->of_most ? " %" : "");
}

/* ---- Figures ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_sweep_spread bench_sweep_spread(const struct bench_sweep_run *runs, u32 count,
                                             u32 value, enum bench_sweep_figure figure)
{
    double values[REPETITIONS_MAX];
    u32 found = 0;
    for (u32 i = 0; i < count; i++) {
        if (runs[i].value == value) {
            check(found < REPETITIONS_MAX);
            values[found++] = runs[i].figures[figure];
        }
    }
    if (found == 0) {
        return (struct bench_sweep_spread){0};
    }
    qsort(values, found, sizeof(double), compare_doubles);
    return (struct bench_sweep_spread){.median = (values[(found - 1) / 2] + values[found / 2]) / 2,
                                       .min = values[0],
                                       .max = values[found - 1],
                                       .runs = found};
}
