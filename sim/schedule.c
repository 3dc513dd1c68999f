#include "sim/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "state/state.h"

#define EVENTS_MAX 256u
#define CACHE_BYTES (2 * MIB)

/* Buffers so small that requests wait for them: the largest frame just fits. */
static void shorten_memory(struct plan *plan, u64 core_bytes)
{
    plan->buffer_bytes_per_core = core_bytes;
    plan_share_buffers(plan);
    plan->frame_bytes_max = 512 * 1024;
    plan->poll_reply_bytes_max = 256 * 1024;
}

/* Small tables: a run needs few objects, and starts the server often. */
static void shrink_tables(struct plan *plan)
{
    plan->cache_bytes_per_core = u64_min(plan->cache_bytes_per_core, CACHE_BYTES);
    plan->connections_max = 64;
    plan->connections_per_core_max = 64;
    plan->requests_per_core_max = 256;
    plan->streams_max = 32;
    plan->topics_max = 64;
    plan->partitions_max = 1024;
    plan->segments_per_core_max = 1024;
    plan->users_max = 8;
    plan->grants_max = 32;
    plan->tokens_max = 32;
    plan->sessions_max = 64;
    plan->consumer_offsets_per_core_max = 1024;
}

void schedule_init(struct schedule *schedule, const struct schedule_options *options)
{
    struct err err = {0};
    *schedule = (struct schedule){
        .sim = options->sim,
        .node = options->node,
        .settings = *options->settings,
        .seed = options->seed,
    };
    while (sim_has_core(options->sim, schedule->cores_count)) {
        schedule->cores_count++;
    }
    check(schedule->cores_count <= SCHEDULE_CORES_MAX);
    check(plan_make(&schedule->plan, options->memory_bytes, schedule->cores_count, &err));
    shrink_tables(&schedule->plan);
    if (options->core_bytes > 0) {
        shorten_memory(&schedule->plan, options->core_bytes);
    }
}

void schedule_deinit(struct schedule *schedule)
{
    if (schedule->is_up) {
        schedule_kill(schedule);
    }
}

static void note_event(struct schedule *schedule, const struct event *event)
{
    char *line = schedule->lines[schedule->lines_count++ % SCHEDULE_LINES_KEPT];
    (void)snprintf(line, sizeof(schedule->lines[0]), "%" PRIu64 " us core %u %s %.140s",
                   sim_now_us(schedule->sim), event->core,
                   event_level_name((enum event_level)event->level), event->text);
    schedule->errors_logged += event->level == EVENT_ERROR ? 1 : 0;
    schedule->offset_cuts_logged += strstr(event->text, "offset.cut") != NULL ? 1 : 0;
    sim_trace(schedule->sim, SIM_STEP_EVENT, hash_bytes(event->text, strlen(event->text)));
    if (schedule->prints) {
        fprintf(stderr, "%s\n", line);
    }
}

static void drain_events(struct schedule *schedule)
{
    for (u32 i = 0; i < schedule->cores_count; i++) {
        struct event event;
        while (event_next(&schedule->events[i], &event)) {
            note_event(schedule, &event);
        }
    }
}

static struct sim_turn server_turn(void *context, struct turn_time time)
{
    struct server_core *core = context;
    struct schedule *schedule = core->schedule;
    struct mailbox *mailbox = &thread_core(schedule->threads[core->index])->mailbox;
    mailbox_sleep_end(mailbox);
    struct turn_result result = thread_turn(schedule->threads[core->index], time);
    io_submit(thread_core(schedule->threads[core->index])->io);
    /* As the real driver does: the flag first, then one more look. */
    bool busy = result.busy || !mailbox_sleep_begin(mailbox);
    drain_events(schedule);
    return (struct sim_turn){.deadline_us = result.deadline_us, .busy = busy};
}

static u64 server_clock_us(void *context)
{
    const struct schedule *schedule = context;
    return sim_time(schedule->sim, schedule->node).monotonic_us;
}

static void take_shared(struct schedule *schedule, struct thread_options *options)
{
    u32 cores = schedule->cores_count;
    struct arena *shared = &schedule->shared;
    check(arena_create(shared, 64 * MIB));
    options->board = mailbox_board_create(shared, cores);
    options->gauges = arena_array(shared, struct partition_gauges, schedule->plan.partitions_max);
    options->all_counters = arena_array(shared, struct counters, cores);
    schedule->events = arena_array(shared, struct event_log, cores);
    for (u32 i = 0; i < cores; i++) {
        event_log_init(&schedule->events[i], arena_array(shared, struct event, EVENTS_MAX),
                       EVENTS_MAX, (u8)i, EVENT_INFO);
    }
    arena_seal(shared);
}

void schedule_start(struct schedule *schedule)
{
    check(!schedule->is_up);
    struct thread_options options = {
        .cores_count = schedule->cores_count,
        .plan = &schedule->plan,
        .offload = sim_offload(schedule->sim, schedule->node),
        .time = sim_time(schedule->sim, schedule->node),
        .settings = &schedule->settings,
        .clock_us = server_clock_us,
        .clock_context = schedule,
    };
    take_shared(schedule, &options);
    schedule->is_up = true;
    schedule->starts_count++;
    for (u32 i = 0; i < schedule->cores_count; i++) {
        struct err err = {0};
        options.index = i;
        options.io = sim_io(schedule->sim, schedule->node, i);
        options.events = &schedule->events[i];
        options.seed = hash_u64_pair(schedule->seed, (u64)schedule->starts_count << 8 | i);
        options.listener = i == 0 ? sim_listener(schedule->sim, schedule->node) : IO_SOCKET_NONE;
        check(arena_create(&schedule->arenas[i], thread_arena_bytes(&schedule->plan)));
        schedule->threads[i] = thread_create(&options, &schedule->arenas[i], &err);
        check(schedule->threads[i] != NULL);
        schedule->cores[i] = (struct server_core){schedule, i};
    }
    for (u32 i = 0; i < schedule->cores_count; i++) {
        sim_attach(schedule->sim, schedule->node, i, thread_core(schedule->threads[i]), server_turn,
                   &schedule->cores[i]);
    }
    thread_start(schedule->threads[0]);
}

void schedule_stop(struct schedule *schedule)
{
    check(schedule->is_up);
    thread_stop(schedule->threads[0]);
    sim_wake(schedule->sim, schedule->node, 0);
}

static void forget_memory(struct schedule *schedule)
{
    drain_events(schedule);
    for (u32 i = 0; i < schedule->cores_count; i++) {
        for (u32 j = 0; j < COUNTER_COUNT; j++) {
            schedule->counted[j] +=
                counter_get(thread_core(schedule->threads[i])->counters, (enum counter)j);
        }
        thread_destroy(schedule->threads[i]);
        schedule->threads[i] = NULL;
        arena_destroy(&schedule->arenas[i]);
    }
    schedule->events = NULL;
    arena_destroy(&schedule->shared);
    schedule->is_up = false;
}

void schedule_end(struct schedule *schedule)
{
    check(schedule_is_drained(schedule));
    schedule_kill(schedule);
}

void schedule_crash(struct schedule *schedule, const struct sim_crash_odds *odds)
{
    check(schedule->is_up);
    sim_crash(schedule->sim, schedule->node, odds);
    forget_memory(schedule);
}

void schedule_kill(struct schedule *schedule)
{
    check(schedule->is_up);
    sim_kill(schedule->sim, schedule->node);
    forget_memory(schedule);
}

bool schedule_is_ready(const struct schedule *schedule)
{
    return schedule->is_up && thread_is_ready(schedule->threads[0]);
}

bool schedule_is_drained(const struct schedule *schedule)
{
    for (u32 i = 0; i < schedule->cores_count; i++) {
        if (!schedule->is_up || !thread_is_drained(schedule->threads[i])) {
            return false;
        }
    }
    return true;
}

bool schedule_has_failed(const struct schedule *schedule, struct err *err)
{
    struct err ignored;
    return schedule->is_up && thread_has_failed(schedule->threads[0], err == NULL ? &ignored : err);
}

bool schedule_cores_agree(const struct schedule *schedule, char *story, u32 story_bytes)
{
    if (!schedule->is_up) {
        return true;
    }
    const struct state *first = thread_core(schedule->threads[0])->state;
    for (u32 i = 1; i < schedule->cores_count; i++) {
        const struct state *state = thread_core(schedule->threads[i])->state;
        if (state_index(state) == state_index(first) && state_hash(state) != state_hash(first)) {
            (void)snprintf(story, story_bytes, "at index %" PRIu64 " cores 0 and %u differ",
                           state_index(first), i);
            return false;
        }
    }
    return true;
}

u64 schedule_taken_bytes(const struct schedule *schedule)
{
    u64 taken = 0;
    for (u32 i = 0; schedule->is_up && i < schedule->cores_count; i++) {
        taken += buf_pool_taken_bytes(thread_core(schedule->threads[i])->bufs);
    }
    return taken;
}

void schedule_print_counted(const struct schedule *schedule)
{
    for (u32 i = 0; i < COUNTER_COUNT; i++) {
        fprintf(stderr, "  counted %s %" PRIu64 "\n", counter_name((enum counter)i),
                schedule->counted[i]);
    }
}

void schedule_print_lines(const struct schedule *schedule)
{
    u32 count = u32_min(schedule->lines_count, SCHEDULE_LINES_KEPT);
    for (u32 i = schedule->lines_count - count; i < schedule->lines_count; i++) {
        fprintf(stderr, "  %s\n", schedule->lines[i % SCHEDULE_LINES_KEPT]);
    }
}
