#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "sim/sim_world.h"

const struct sim_crash_odds sim_crash_default = {
    .name_kept = 50,
    .size_kept = 50,
    .sector_old = 40,
    .sector_new = 40,
    .torn_unreadable = 20,
};

/* ---- Chance and trace ---- */

u64 sim_between(struct sim *sim, u64 from, u64 to)
{
    check(to >= from);
    return from + prng_below(&sim->prng, to - from + 1);
}

bool sim_happens(struct sim *sim, u32 per_million, u64 *count)
{
    if (per_million == 0 || prng_below(&sim->prng, 1000000) >= per_million) {
        return false;
    }
    (*count)++;
    return true;
}

void sim_trace(struct sim *sim, u64 a, u64 b)
{
    sim->trace_hash = hash_u64_pair(sim->trace_hash ^ sim->clock.now_us, hash_u64_pair(a, b));
    sim->trace_steps++;
    if (sim->trace_prints) {
        fprintf(stderr,
                "trace %" PRIu64 " at %" PRIu64 " us: %" PRIx64 " %" PRIx64 " = %016" PRIx64 "\n",
                sim->trace_steps, sim->clock.now_us, a, b, sim->trace_hash);
    }
}

u64 sim_trace_hash(const struct sim *sim)
{
    return sim->trace_hash;
}

void sim_trace_print(struct sim *sim, bool on)
{
    sim->trace_prints = on;
}

/* ---- Clocks ---- */

static u64 node_monotonic_us(const struct sim_node *node)
{
    s64 now = (s64)node->sim->clock.now_us;
    return (u64)(now + now * node->clock_drift_ppm / 1000000 + node->monotonic_offset_us);
}

/* The virtual time at which the node's clock shows at least `monotonic_us`. */
static u64 when_node_shows(const struct sim_node *node, u64 monotonic_us)
{
    s64 shown = (s64)u64_min(monotonic_us, INT64_MAX / 2000000) - node->monotonic_offset_us;
    s64 at = shown <= 0 ? 0 : shown * 1000000 / (1000000 + node->clock_drift_ppm) + 2;
    return (u64)at;
}

struct turn_time sim_time(const struct sim *sim, u32 node)
{
    const struct sim_node *machine = &sim->nodes[node];
    u64 monotonic_us = node_monotonic_us(machine);
    return (struct turn_time){
        .monotonic_us = monotonic_us,
        .wall_us = (u64)((s64)(SIM_WALL_START_US + sim->clock.now_us) + machine->wall_offset_us),
    };
}

u64 sim_now_us(const struct sim *sim)
{
    return sim->clock.now_us;
}

void sim_wall_jump(struct sim *sim, u32 node, s64 by_us)
{
    sim->nodes[node].wall_offset_us += by_us;
    sim->counts.wall_jumps++;
    sim_trace(sim, SIM_STEP_FAULT, (u64)by_us);
}

/* ---- Turning ---- */

static void core_turn(void *context, u64 word);

static void plan_turn(struct io *io, u64 at_us)
{
    struct sim *sim = io->sim;
    at_us = u64_max(at_us, u64_max(io->rests_until_us, sim->clock.now_us + 1));
    if (io->turn_at_us > at_us) {
        io->turn_at_us = at_us;
        sim_clock_at(&sim->clock, at_us, core_turn, io, at_us);
    }
}

void sim_core_wake(struct io *io)
{
    plan_turn(io, io->sim->clock.now_us + sim_between(io->sim, 1, 60));
}

static struct sim_turn turn_plainly(struct io *io)
{
    (void)io_reap(io, 64);
    (void)offload_reap(&io->node->offload, io->core_index, io->core);
    io_submit(io);
    return (struct sim_turn){.deadline_us = UINT64_MAX};
}

static void wall_drifts(struct io *io)
{
    struct sim *sim = io->sim;
    u64 unused = 0;
    if (sim_happens(sim, sim->options.faults.wall_jump, &unused)) {
        s64 by_us = (s64)sim_between(sim, 0, 600 * US_PER_SECOND) - (s64)(300 * US_PER_SECOND);
        sim_wall_jump(sim, io->node->index, by_us);
    }
}

static void core_turn(void *context, u64 word)
{
    struct io *io = context;
    struct sim *sim = io->sim;
    if (io->turn_at_us != word) {
        return; /* another plan took its place */
    }
    io->turn_at_us = UINT64_MAX;
    wall_drifts(io);
    sim->counts.turns++;
    sim_trace(sim, SIM_STEP_TURN | (u64)io->node->index << 8 | (u64)io->core_index << 16, 0);
    struct sim_turn turn =
        io->turn == NULL ? turn_plainly(io) : io->turn(io->context, sim_time(sim, io->node->index));
    u64 takes_us = sim_between(sim, 1, 30);
    if (sim_happens(sim, sim->options.faults.core_starved, &sim->counts.starvations)) {
        takes_us = sim_between(sim, 1000, US_PER_SECOND);
    }
    io->rests_until_us = sim->clock.now_us + takes_us;
    if (turn.busy || !list_is_empty(&io->completed)) {
        plan_turn(io, io->rests_until_us);
    } else if (turn.deadline_us != UINT64_MAX) {
        plan_turn(io, when_node_shows(io->node, turn.deadline_us));
    }
    /* What was planned before the turn for later than the rest is still planned by its event; what
     * was planned during it too. */
}

void sim_attach(struct sim *sim, u32 node, u32 core_index, struct core *core,
                struct sim_turn (*turn)(void *context, struct turn_time time), void *context)
{
    struct io *io = &sim->nodes[node].ios[core_index];
    io->core = core;
    io->turn = turn;
    io->context = context;
    if (turn != NULL) {
        sim_core_wake(io);
    }
}

void sim_wake(struct sim *sim, u32 node, u32 core_index)
{
    sim_core_wake(&sim->nodes[node].ios[core_index]);
}

static void wake_askers(struct sim *sim)
{
    for (u32 i = 0; i < sim->nodes_count; i++) {
        for (u32 j = 0; j < sim->cores_count; j++) {
            struct io *io = &sim->nodes[i].ios[j];
            if (!list_is_empty(&io->asked) || !list_is_empty(&io->completed)) {
                sim_core_wake(io);
            }
        }
    }
}

bool sim_run_until(struct sim *sim, bool (*condition)(void *context), void *context, u64 limit_us)
{
    wake_askers(sim);
    u64 end_us =
        limit_us > UINT64_MAX - sim->clock.now_us ? UINT64_MAX : sim->clock.now_us + limit_us;
    for (;;) {
        if (condition != NULL && condition(context)) {
            return true;
        }
        if (!sim_clock_step(&sim->clock, end_us)) {
            return condition == NULL && sim->clock.events_count == 0;
        }
    }
}

/* ---- Making and ending ---- */

static void io_init(struct io *io, struct sim_node *node, u32 core_index)
{
    *io = (struct io){
        .sim = node->sim, .node = node, .core_index = core_index, .turn_at_us = UINT64_MAX};
    list_init(&io->asked);
    list_init(&io->running);
    list_init(&io->completed);
}

static void node_set_clocks(struct sim_node *node)
{
    struct sim *sim = node->sim;
    u32 bound = sim->options.faults.clock_drift_ppm;
    node->clock_drift_ppm = (s64)prng_below(&sim->prng, 2 * (u64)bound + 1) - (s64)bound;
    /* A machine's monotonic clock starts anew with it: nothing may remember it. */
    node->monotonic_offset_us = (s64)sim_between(sim, 0, 3600 * US_PER_SECOND) + 1000000;
}

static void node_init(struct sim *sim, u32 index)
{
    struct sim_node *node = &sim->nodes[index];
    node->sim = sim;
    node->index = index;
    sim_disk_init(&node->disk, prng_next(&sim->prng), sim->options.sector_bytes,
                  sim->options.disk_bytes);
    for (u32 i = 0; i < SIM_CORES_MAX; i++) {
        io_init(&node->ios[i], node, i);
    }
    list_init(&node->backlog);
    node->offload.sim = sim;
    node->offload.node = node;
    sim_offload_forget(node);
    node_set_clocks(node);
}

static u32 default_u32(u32 value, u32 otherwise)
{
    return value != 0 ? value : otherwise;
}

struct sim *sim_create(const struct sim_options *options)
{
    struct sim *sim = mem_take(sizeof(*sim));
    sim->options = *options;
    sim->options.sector_bytes = default_u32(options->sector_bytes, 4096);
    sim->options.write_bytes_max = default_u32(options->write_bytes_max, (u32)MIB);
    sim->options.socket_bytes = default_u32(options->socket_bytes, 64 * 1024);
    sim->options.descriptors_max = default_u32(options->descriptors_max, 4096);
    sim->options.disk_bytes = options->disk_bytes != 0 ? options->disk_bytes : GIB;
    sim->nodes_count = default_u32(options->nodes_count, 1);
    sim->cores_count = default_u32(options->cores_count, 1);
    check(sim->nodes_count <= SIM_NODES_MAX);
    check(sim->cores_count <= SIM_CORES_MAX);
    prng_init(&sim->prng, options->seed);
    sim_clock_init(&sim->clock);
    list_init(&sim->conns);
    list_init(&sim->job_timers);
    list_init(&sim->orphans);
    for (u32 i = 0; i < sim->nodes_count; i++) {
        node_init(sim, i);
    }
    return sim;
}

static void drop_requests(struct list *list)
{
    list_for_each(node, next, list) {
        sim_request_drop(container_of(node, struct sim_request, node));
    }
}

static void node_drop_requests(struct sim_node *node)
{
    for (u32 i = 0; i < SIM_CORES_MAX; i++) {
        drop_requests(&node->ios[i].asked);
        drop_requests(&node->ios[i].running);
        drop_requests(&node->ios[i].completed);
    }
}

static void node_close_numbers(struct sim_node *node)
{
    for (u32 i = 0; i < node->numbers_count; i++) {
        if (node->numbers[i].kind == SIM_NUMBER_FILE) {
            sim_inode_release(&node->disk, node->numbers[i].inode);
        }
        node->numbers[i] = (struct sim_number){.kind = SIM_NUMBER_FREE};
    }
}

void sim_destroy(struct sim *sim)
{
    for (u32 i = 0; i < sim->nodes_count; i++) {
        node_drop_requests(&sim->nodes[i]);
        node_close_numbers(&sim->nodes[i]);
    }
    sim_orphans_destroy(sim);
    for (u32 i = 0; i < sim->nodes_count; i++) {
        mem_return(sim->nodes[i].numbers);
        sim_disk_deinit(&sim->nodes[i].disk);
    }
    sim_conns_destroy(sim);
    sim_job_timers_destroy(sim);
    sim_clock_deinit(&sim->clock);
    mem_return(sim);
}

bool sim_has_core(const struct sim *sim, u32 core)
{
    return core < sim->cores_count;
}

void sim_after(struct sim *sim, u64 after_us, void (*run)(void *context, u64 word), void *context,
               u64 word)
{
    sim_clock_at(&sim->clock, sim->clock.now_us + after_us, run, context, word);
}

struct io *sim_io(struct sim *sim, u32 node, u32 core)
{
    check(node < sim->nodes_count);
    check(core < sim->cores_count);
    return &sim->nodes[node].ios[core];
}

struct offload *sim_offload(struct sim *sim, u32 node)
{
    return &sim->nodes[node].offload;
}

struct sim_disk *sim_disk(struct sim *sim, u32 node)
{
    return &sim->nodes[node].disk;
}

struct io_socket sim_listener(struct sim *sim, u32 node)
{
    struct sim_node *machine = &sim->nodes[node];
    for (u32 i = 0; i < machine->numbers_count; i++) {
        if (machine->numbers[i].kind == SIM_NUMBER_LISTENER) {
            return (struct io_socket){(s32)i};
        }
    }
    s32 id = sim_number_take(machine, SIM_NUMBER_LISTENER);
    check(id >= 0);
    return (struct io_socket){id};
}

/* ---- Failing ---- */

/* What a crash and a kill have in common: all memory of the process is gone. */
static void node_forget(struct sim_node *node)
{
    node->incarnation++;
    node_drop_requests(node);
    node_close_numbers(node);
    sim_conn_node_lost(node);
    sim_offload_forget(node);
    for (u32 i = 0; i < SIM_CORES_MAX; i++) {
        struct io *io = &node->ios[i];
        io->core = NULL;
        io->turn = NULL;
        io->context = NULL;
        io->reaping = false;
        io->turn_at_us = UINT64_MAX;
        io->rests_until_us = 0;
    }
}

static void leave_traces(struct sim_node *node)
{
    for (u32 i = 0; i < SIM_CORES_MAX; i++) {
        list_for_each(at, next, &node->ios[i].running) {
            sim_request_leave_traces(container_of(at, struct sim_request, node));
        }
    }
}

void sim_crash(struct sim *sim, u32 node, const struct sim_crash_odds *odds)
{
    struct sim_node *machine = &sim->nodes[node];
    check(odds->sector_old + odds->sector_new <= 100);
    leave_traces(machine);
    node_forget(machine);
    sim_disk_lose_power(&machine->disk, odds);
    node_set_clocks(machine);
    sim->counts.crashes++;
    sim_trace(sim, SIM_STEP_CRASH | (u64)node << 8, sim_disk_hash(&machine->disk));
}

void sim_kill(struct sim *sim, u32 node)
{
    struct sim_node *machine = &sim->nodes[node];
    leave_traces(machine);
    node_forget(machine);
    sim_disk_forget_writers(&machine->disk);
    sim->counts.kills++;
    sim_trace(sim, SIM_STEP_KILL | (u64)node << 8, 0);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
    sim->options.faults = *faults;
}

void sim_fail_next(struct sim *sim, u32 node, enum sim_operation operation, const char *part,
                   enum status status)
{
    struct sim_node *machine = &sim->nodes[node];
    check(machine->fails_count < SIM_FAIL_MAX);
    struct sim_fail *fail = &machine->fails[machine->fails_count++];
    fail->operation = operation;
    fail->status = status;
    (void)snprintf(fail->part, sizeof(fail->part), "%s", part);
}

void sim_disk_resize(struct sim *sim, u32 node, u64 capacity_bytes)
{
    sim->nodes[node].disk.capacity_bytes = capacity_bytes;
}

struct sim_counts *sim_counts(struct sim *sim)
{
    return &sim->counts;
}

bool sim_rot(struct sim *sim, u32 node, const char *prefix)
{
    struct sim_disk *disk = &sim->nodes[node].disk;
    if (!sim_disk_rot(disk, prefix)) {
        return false;
    }
    sim->counts.rots++;
    sim_trace(sim, SIM_STEP_ROT | (u64)node << 8, disk->rots[disk->rots_count - 1].position);
    return true;
}
