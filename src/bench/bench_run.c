#include "bench/bench_run.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "bench/bench_setup.h"

#define ACTOR_STACK_BYTES (256 * KIB)
#define TICK_MS 100u
#define NS_PER_US 1000ull
#define NS_PER_SECOND 1000000000ull
#define PAUSES_MAX 5u
#define SAMPLES_OF_ALL_MAX 16000000ull
#define SAMPLES_MIN 10000ull

u64 bench_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * NS_PER_SECOND + (u64)now.tv_nsec;
}

static u64 wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / NS_PER_US;
}

/* ---- Who does what ---- */

static void give_measures(struct actor *actor, const struct bench_kind_row *row)
{
    bool follows = actor->reads && row->writes;
    bool wanted[MEASURE_COUNT] = {
        [MEASURE_PUBLISH_BATCH] = actor->writes,
        [MEASURE_PUBLISH_MESSAGE] = actor->writes,
        [MEASURE_SERVICE] = actor->writes || !follows,
        [MEASURE_POLL_BATCH] = actor->reads && (!follows || row->in_turns),
        [MEASURE_POLL_MESSAGE] = actor->reads && (!follows || row->in_turns),
        [MEASURE_END_BATCH] = follows,
        [MEASURE_END_MESSAGE] = follows,
    };
    for (u32 i = 0; i < MEASURE_COUNT; i++) {
        actor->measures[i] = wanted[i] ? histogram_create() : NULL;
    }
}

/* The share of the limit, as the reference divides it. */
static u64 rate_of(const struct bench_options *options, const struct actor *actor)
{
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    double limit = (double)options->rate_limit_bytes;
    if (options->kind == BENCH_END_TO_END_PRODUCING_CONSUMER_GROUP) {
        return actor->writes ? (u64)(limit / (double)options->producers) : 0;
    }
    double share = limit / bench_options_actors(options);
    bool follows = actor->reads && row->writes && !row->in_turns;
    return (u64)(follows ? share * options->read_amplification : share);
}

static double message_interval_ns(const struct bench_run *run, u32 producers)
{
    const struct bench_options *options = run->options;
    if (options->rate_limit_bytes == 0 || options->closed_loop) {
        return 0;
    }
    for (u32 i = 0; i < run->actors_count; i++) {
        if (run->actors[i].writes && producers > 0) {
            double bytes = (double)(options->message_bytes.min + options->message_bytes.max) / 2;
            return pace_interval_ns(bytes, (double)run->actors[i].rate_bytes);
        }
    }
    return 0;
}

static void make_flows(struct bench_run *run)
{
    const struct bench_options *options = run->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    bool has_flows = row->reads && row->writes && (row->by_groups || !row->in_turns);
    run->flows_count = !has_flows ? 0 : (u32)(row->by_groups ? options->groups : options->streams);
    run->flows = mem_take((run->flows_count + 1) * sizeof(struct flow));
}

/* Flow f carries what goes to stream f, or to group f, which reads stream f % streams. */
static void connect_flows(struct bench_run *run, struct actor *actor, u32 stream, u32 group)
{
    u32 streams = (u32)run->options->streams;
    for (u32 f = 0; f < run->flows_count && actor->writes; f++) {
        if (f % streams == stream && actor->flows_out_count < array_count(actor->flows_out)) {
            actor->flows_out[actor->flows_out_count++] = &run->flows[f];
            run->flows[f].producers_left++;
        }
    }
    if (actor->reads && run->flows_count > 0) {
        actor->flow_in = &run->flows[actor->by_group ? group : stream];
    }
}

static void make_actor(struct bench_run *run, struct actor *actor, u32 number, bool writes,
                       bool reads)
{
    const struct bench_options *options = run->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    u32 group = (number - 1) % (u32)options->groups;
    bool by_group = row->by_groups && reads;
    u32 stream = (by_group && !writes ? group : number - 1) % (u32)options->streams;
    if (by_group && writes) {
        group = stream; /* it reads what goes where it writes */
    }
    *actor = (struct actor){
        .run = run, .number = number, .writes = writes, .reads = reads, .by_group = row->by_groups};
    bench_stream_name(actor->stream, sizeof(actor->stream), stream);
    bench_group_name(actor->group, sizeof(actor->group), group);
    actor->rate_bytes = rate_of(options, actor);
    connect_flows(run, actor, stream, group);
    give_measures(actor, row);
}

/* In batches or bytes for those that write, in messages or bytes for those that only read. */
static s64 volume_of(const struct bench_run *run, const struct actor *actor)
{
    const struct bench_options *options = run->options;
    u64 average = (options->batch_messages.min + options->batch_messages.max) / 2;
    if (options->duration_us > 0) {
        return INT64_MAX / 2;
    }
    u64 volume = options->total_bytes > 0 ? options->total_bytes / run->actors_count
                                          : options->message_batches;
    if (bench_kind_row(options->kind)->in_turns) {
        volume = (volume + 1) / 2; /* what is sent is also received */
    }
    bool in_messages = !actor->writes && options->total_bytes == 0;
    return (s64)(in_messages ? volume * average : volume);
}

/* One's own, or for partitions and groups one counter for all of a side. */
static void make_budgets(struct bench_run *run)
{
    const struct bench_options *options = run->options;
    bool is_shared = options->partitions > 1 || bench_kind_row(options->kind)->by_groups;
    run->budgets = mem_take(run->actors_count * sizeof(struct budget));
    for (u32 i = 0; i < run->actors_count; i++) {
        struct actor *actor = &run->actors[i];
        u32 place = i;
        for (u32 j = 0; is_shared && j < i && place == i; j++) {
            place = run->actors[j].writes == actor->writes ? j : i;
        }
        actor->budget = &run->budgets[place];
        s64 volume = volume_of(run, actor);
        s64 *left = &run->budgets[place].left;
        *left = *left > INT64_MAX / 2 - volume ? INT64_MAX / 2 : *left + volume;
    }
}

/* Room for every request where that is known; else a share of what all may take. */
static void make_samples(struct bench_run *run, struct actor *actor)
{
    const struct bench_options *options = run->options;
    bool is_shared = options->partitions > 1 || bench_kind_row(options->kind)->by_groups;
    u64 share = u64_max(SAMPLES_MIN, SAMPLES_OF_ALL_MAX / run->actors_count);
    u64 wanted = options->message_batches * (is_shared ? run->actors_count : 1);
    actor->samples_capacity =
        u64_min(options->message_batches > 0 ? wanted : share, ACTOR_SAMPLES_MAX);
    actor->samples = mem_take(actor->samples_capacity * sizeof(struct sample));
}

static void make_actors(struct bench_run *run)
{
    const struct bench_options *options = run->options;
    const struct bench_kind_row *row = bench_kind_row(options->kind);
    u32 producers = row->writes ? (u32)options->producers : 0;
    u32 consumers = row->reads ? (u32)options->consumers : 0;
    run->actors_count = bench_options_actors(options);
    run->actors = mem_take(run->actors_count * sizeof(struct actor));
    make_flows(run);
    for (u32 i = 0; i < run->actors_count; i++) {
        if (row->in_turns) {
            make_actor(run, &run->actors[i], i + 1, i < producers, i < consumers);
        } else {
            bool writes = i < producers;
            make_actor(run, &run->actors[i], (writes ? i : i - producers) + 1, writes, !writes);
        }
    }
    make_budgets(run);
    double interval_ns = message_interval_ns(run, producers);
    for (u32 i = 0; i < run->actors_count; i++) {
        run->actors[i].message_interval_ns = interval_ns;
        make_samples(run, &run->actors[i]);
    }
}

/* ---- An end before the end ---- */

/* From now on Ctrl-C waits to be asked for (`mask` SIG_BLOCK), or ends the process again. */
static sigset_t mask_interrupt(int mask)
{
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    check(pthread_sigmask(mask, &interrupt, NULL) == 0);
    return interrupt;
}

/* The first Ctrl-C ends the run, a second one the process. */
static void heed_interrupt(struct bench_run *run, const sigset_t *interrupt)
{
    struct timespec now = {0};
    if (!run->interrupted && sigtimedwait(interrupt, NULL, &now) == SIGINT) {
        run->interrupted = true;
        __atomic_store_n(&run->stops, true, __ATOMIC_RELAXED);
        (void)mask_interrupt(SIG_UNBLOCK);
    }
}

/* ---- The run ---- */

static void set_clock(struct bench_run *run)
{
    run->zero_ns = bench_monotonic_ns();
    run->wall_zero_us = wall_us();
}

static void start_threads(struct bench_run *run)
{
    pthread_attr_t attributes;
    check(pthread_attr_init(&attributes) == 0);
    check(pthread_attr_setstacksize(&attributes, ACTOR_STACK_BYTES) == 0);
    for (u32 i = 0; i < run->actors_count; i++) {
        struct actor *actor = &run->actors[i];
        check(pthread_create(&actor->thread, &attributes, actor_main, actor) == 0);
    }
    pthread_attr_destroy(&attributes);
}

/* Everything up to the moment from which it counts. */
static void begin(struct bench_run *run)
{
    (void)gate_gather(&run->gate);
    set_clock(run);
    if (run->options->warmup_us == 0) {
        (void)mask_interrupt(SIG_BLOCK);
        gate_release(&run->gate);
        return;
    }
    gate_release(&run->gate);
    (void)gate_gather(&run->gate); /* nobody sends any more */
    gate_release(&run->gate);
    (void)gate_gather(&run->gate); /* nothing is left to be read */
    for (u32 i = 0; i < run->flows_count; i++) {
        run->flows[i].sent_messages = 0;
        run->flows[i].received_messages = 0;
    }
    set_clock(run);
    (void)mask_interrupt(SIG_BLOCK);
    gate_release(&run->gate);
}

/* The clock stands still meanwhile. */
static void pause_run(struct bench_run *run, const struct run_watch *watch)
{
    gate_close(&run->gate);
    if (gate_gather(&run->gate) > 0) {
        u64 began_ns = bench_monotonic_ns();
        watch->on_pause(watch->context);
        run->zero_ns += bench_monotonic_ns() - began_ns;
    }
    gate_release(&run->gate);
}

static void watch_actors(struct bench_run *run, const struct run_watch *watch)
{
    u64 next_pause_ns = NS_PER_SECOND / 2;
    u32 pauses = 0;
    sigset_t interrupt = mask_interrupt(SIG_BLOCK);
    while (!gate_is_empty(&run->gate, TICK_MS)) {
        heed_interrupt(run, &interrupt);
        watch->on_tick(watch->context, run);
        u64 now_ns = bench_run_ns(run);
        if (watch->on_pause != NULL && pauses < PAUSES_MAX && now_ns >= next_pause_ns &&
            !bench_run_stops(run)) {
            pauses++;
            pause_run(run, watch);
            next_pause_ns = bench_run_ns(run) + (NS_PER_SECOND << pauses);
        }
    }
    (void)mask_interrupt(SIG_UNBLOCK);
}

static bool collect(struct bench_run *run, struct client_error *error)
{
    bool good = true;
    for (u32 i = 0; i < run->actors_count; i++) {
        struct actor *actor = &run->actors[i];
        pthread_join(actor->thread, NULL);
        run->ended_ns = u64_max(run->ended_ns, actor->ended_ns);
        if (actor->failed && good) {
            *error = actor->error;
            good = false;
        }
    }
    return good;
}

bool bench_run(struct bench_run *run, const struct bench_options *options, struct client *client,
               const struct run_watch *watch, struct client_error *error)
{
    *run = (struct bench_run){.options = options};
    run->until_ns = options->duration_us > 0 ? options->duration_us * NS_PER_US : UINT64_MAX;
    run->warm_until_ns = options->warmup_us * NS_PER_US;
    if (!bench_setup(options, client, &run->waits_at_server, error)) {
        return false;
    }
    if (options->keys > 0) {
        key_draw_init(&run->keys, (u32)options->keys,
                      strcmp(options->key_distribution, "zipf") == 0);
    }
    make_actors(run);
    gate_init(&run->gate, run->actors_count);
    (void)mask_interrupt(SIG_BLOCK); /* of all threads */
    start_threads(run);
    (void)mask_interrupt(SIG_UNBLOCK);
    begin(run);
    watch_actors(run, watch);
    bool good = collect(run, error);
    gate_deinit(&run->gate);
    return good;
}

void bench_run_deinit(struct bench_run *run)
{
    for (u32 i = 0; i < run->actors_count; i++) {
        for (u32 j = 0; j < MEASURE_COUNT; j++) {
            mem_return(run->actors[i].measures[j]);
        }
        mem_return(run->actors[i].samples);
    }
    mem_return(run->actors);
    mem_return(run->flows);
    mem_return(run->budgets);
    key_draw_deinit(&run->keys);
    *run = (struct bench_run){0};
}

struct histogram *bench_run_merge(const struct bench_run *run, enum measure measure)
{
    struct histogram *all = histogram_create();
    for (u32 i = 0; i < run->actors_count; i++) {
        if (run->actors[i].measures[measure] != NULL) {
            histogram_merge(all, run->actors[i].measures[measure]);
        }
    }
    return all;
}

struct actor_totals bench_run_totals(const struct bench_run *run)
{
    struct actor_totals all = {0};
    for (u32 i = 0; i < run->actors_count; i++) {
        const struct actor_totals *one = &run->actors[i].totals;
        all.sent_batches += one->sent_batches;
        all.sent_messages += one->sent_messages;
        all.sent_bytes += one->sent_bytes;
        all.received_batches += one->received_batches;
        all.received_messages += one->received_messages;
        all.received_bytes += one->received_bytes;
        all.reply_bytes += one->reply_bytes;
        all.empty_polls += one->empty_polls;
        all.early += one->early;
    }
    return all;
}
