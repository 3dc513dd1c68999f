/* One run of a bench: its actors, their common clock and the pauses in which the machine's bare
 * limits are measured.
 *
 *     prepare streams ─▶ actors connect ─▶ gate ─▶ warm-up ─▶ gate ─▶ measured ─▶ all have ended
 *                                                            pauses ┘└ 1 to 5 of them
 *
 * The run's clock stands still while it pauses, so nothing in the figures knows of pauses.
 *
 * Thread: the main thread's; actors read `options` and the clock, and share flows and budgets. */
#pragma once

#include "bench/actor.h"
#include "bench/key_draw.h"

#define RUN_PARTITIONS_MAX 1000u

struct bench_run {
    const struct bench_options *options;
    struct actor *actors;
    u32 actors_count;
    struct flow *flows; /* one a stream, or one a group */
    u32 flows_count;
    struct budget *budgets; /* one an actor; when shared, the first of each side */
    struct gate gate;
    u64 zero_ns;      /* monotonic time at which the run's clock shows 0 */
    u64 wall_zero_us; /* wall time at which it did */
    u64 until_ns;     /* of the run's clock: nothing begins after it; UINT64_MAX: no such time */
    u64 warm_until_ns;
    bool waits_at_server; /* it knows the waiting poll */
    bool stops;           /* atomic: an actor failed, or the user had enough */
    bool interrupted;     /* the user had enough */
    u64 ended_ns;         /* of the run's clock */
    struct key_draw keys; /* none: keys_count is 0 */
};

/* What the caller does while no actor runs, and in between. */
struct run_watch {
    void *context;
    void (*on_pause)(void *context);                       /* or NULL: the run does not pause */
    void (*on_tick)(void *context, struct bench_run *run); /* ten times a second */
};

/* Prepares streams over `client` and runs; false with the sentence of the first actor that failed.
 */
must_check bool bench_run(struct bench_run *run, const struct bench_options *options,
                          struct client *client, const struct run_watch *watch,
                          struct client_error *error);
void bench_run_deinit(struct bench_run *run);

u64 bench_monotonic_ns(void);

/* Nanoseconds since the run began, without its pauses. */
static inline u64 bench_run_ns(const struct bench_run *run)
{
    return bench_monotonic_ns() - run->zero_ns;
}

static inline bool bench_run_stops(const struct bench_run *run)
{
    return __atomic_load_n(&run->stops, __ATOMIC_RELAXED);
}

/* The histogram of all actors together; the caller's. */
struct histogram *bench_run_merge(const struct bench_run *run, enum measure measure);
struct actor_totals bench_run_totals(const struct bench_run *run);
