/* Virtual nodes and cores behind the doors io.h and offload.h, in one thread, from one seed.
 *
 *     test or schedule ── sim_run_until ──▶ clock ──▶ core turns ──▶ io_reap ──▶ done
 *                                             └─────▶ disk, network, offload finish
 *
 * A unit test drives one core like this; no thread and no shard is needed:
 *
 *     struct sim *sim = sim_create(&(struct sim_options){.seed = 1});
 *     struct io *io = sim_io(sim, 0, 0);
 *     io_file_open(io, &op, "a", IO_OPEN_READ | IO_OPEN_WRITE | IO_OPEN_CREATE);
 *     sim_run_until(sim, NULL, NULL, US_PER_SECOND);      (all is done; op.status, op.file)
 *     sim_crash(sim, 0, &sim_crash_default);              (unsynced things are decided)
 *     ... forget what was in memory, open again, look
 *     sim_destroy(sim);
 *
 * Whoever has more than completions to attend to gives sim_attach a turn of its own.
 *
 * Owner: the one thread. Memory: the simulator's own; nothing of it is sealed. */
#pragma once

#include "core/core.h"
#include "io/io.h"
#include "offload/offload.h"
#include "sim/sim_disk.h"

struct sim;

/* How often things fail, in a million operations of the kind; 0: never. */
struct sim_faults {
    u32 write_error;     /* ERR_IO; any part may have been written */
    u32 sync_error;      /* ERR_IO; what was unsynced is unknown for ever */
    u32 read_error;      /* ERR_IO once; the next read works */
    u32 space_error;     /* ERR_SPACE for a while, although there is room */
    u32 disk_slow;       /* a disk becomes slow for a while */
    u32 offload_late;    /* a job takes seconds */
    u32 core_starved;    /* a core does not turn for up to a second */
    u32 network_late;    /* bytes take up to a second */
    u32 network_cut;     /* a connection stands still, one way or both */
    u32 network_reset;   /* a connection ends */
    u32 wall_jump;       /* per turn: the wall clock jumps, also back */
    u32 clock_drift_ppm; /* bound of how fast or slow a node's clocks run */
};

struct sim_options {
    u64 seed;
    u32 nodes_count;     /* 0: one */
    u32 cores_count;     /* per node; 0: one */
    u32 sector_bytes;    /* 512 or 4096; 0: 4096 */
    u64 disk_bytes;      /* capacity; 0: 1 GiB */
    u32 write_bytes_max; /* io_facts; 0: 1 MiB */
    u32 socket_bytes;    /* bound of each socket buffer; 0: 64 KiB */
    u32 descriptors_max; /* per node; 0: 4096 */
    bool direct_refused; /* the file system refuses O_DIRECT */
    struct sim_faults faults;
};

/* Half of the unsynced things survive a crash; some sectors tear. */
extern const struct sim_crash_odds sim_crash_default;

struct sim *sim_create(const struct sim_options *options);
void sim_destroy(struct sim *sim);

/* Is there a core of this number on each node? */
bool sim_has_core(const struct sim *sim, u32 core);
struct io *sim_io(struct sim *sim, u32 node, u32 core);
struct offload *sim_offload(struct sim *sim, u32 node);
struct sim_disk *sim_disk(struct sim *sim, u32 node);

/* The listening socket of a node: for control on core 0. */
struct io_socket sim_listener(struct sim *sim, u32 node);

/* ---- Turning ---- */

struct sim_turn {
    u64 deadline_us; /* monotonic time of the node; UINT64_MAX: only when woken */
    bool busy;       /* again at once */
};

/* What runs when a core turns, and the `core` that completions get. Without it a core's turn is
 * io_reap, offload_reap, io_submit, and completions get NULL. `turn` NULL detaches. */
void sim_attach(struct sim *sim, u32 node, u32 core_index, struct core *core,
                struct sim_turn (*turn)(void *context, struct turn_time time), void *context);

/* Lets this core turn soon: for whoever changed something from outside. */
void sim_wake(struct sim *sim, u32 node, u32 core_index);

/* Runs until `condition` holds (it is asked after every event), nothing more will happen, or
 * `limit_us` of virtual time have passed. True when the condition holds at the end; without a
 * condition, when nothing more will happen. Calls that were not yet submitted are. */
bool sim_run_until(struct sim *sim, bool (*condition)(void *context), void *context, u64 limit_us);

/* Calls `run` after `after_us` of virtual time; `context` must be there until then. */
void sim_after(struct sim *sim, u64 after_us, void (*run)(void *context, u64 word), void *context,
               u64 word);

/* Virtual time since the simulator began, and a node's own clocks. */
u64 sim_now_us(const struct sim *sim);
struct turn_time sim_time(const struct sim *sim, u32 node);
void sim_wall_jump(struct sim *sim, u32 node, s64 by_us);

/* ---- Failing ---- */

/* Power loss of a node: operations in flight are undecided, connections break, jobs are forgotten,
 * cores are detached. No `done` of before is called any more, so the caller may drop its memory.
 * The disk then holds what the odds left; the node can be used again at once. */
void sim_crash(struct sim *sim, u32 node, const struct sim_crash_odds *odds);

/* The process ends but the machine does not: all that was written stays readable, as after
 * SIGKILL. */
void sim_kill(struct sim *sim, u32 node);

/* Rates from now on: to heal, or to arm one fault for a while. */
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

/* The next file operation of this kind on a path that contains `part` fails with `status`. */
enum sim_operation {
    SIM_OPEN = 1,
    SIM_READ,
    SIM_WRITE,
    SIM_SYNC,
    SIM_ALLOCATE,
    SIM_RENAME,
    SIM_UNLINK
};
void sim_fail_next(struct sim *sim, u32 node, enum sim_operation operation, const char *part,
                   enum status status);

/* How much is free from now on is this capacity less what is used. */
void sim_disk_resize(struct sim *sim, u32 node, u64 capacity_bytes);

/* ---- Looking ---- */

/* What happened so far. */
#define SIM_COUNTS(X)                                                                              \
    X(turns)                                                                                       \
    X(completions)                                                                                 \
    X(crashes)                                                                                     \
    X(kills)                                                                                       \
    X(write_errors)                                                                                \
    X(sync_errors)                                                                                 \
    X(read_errors)                                                                                 \
    X(space_errors)                                                                                \
    X(disk_full_times)                                                                             \
    X(disk_slow_times)                                                                             \
    X(offload_lates)                                                                               \
    X(starvations)                                                                                 \
    X(network_lates)                                                                               \
    X(network_cuts)                                                                                \
    X(network_resets)                                                                              \
    X(wall_jumps)                                                                                  \
    X(rots)

#define SIM_COUNT_FIELD(name) u64 name;
struct sim_counts {
    SIM_COUNTS(SIM_COUNT_FIELD)
    u64 commands_answered; /* bits 1 << enum command: a client was answered */
};
#undef SIM_COUNT_FIELD

struct sim_counts *sim_counts(struct sim *sim);

/* Rots one durable sector below `prefix`; see sim_disk_rot, which it counts and traces. */
bool sim_rot(struct sim *sim, u32 node, const char *prefix);

/* What a step of the trace is about: the low byte of `a`. */
enum sim_step {
    SIM_STEP_TURN = 1,
    SIM_STEP_COMPLETE,
    SIM_STEP_CRASH,
    SIM_STEP_KILL,
    SIM_STEP_ROT,
    SIM_STEP_FAULT,
    SIM_STEP_CONNECT,
    SIM_STEP_ARRIVE,
    SIM_STEP_END,
    SIM_STEP_JOB,
    SIM_STEP_CLIENT,
    SIM_STEP_EVENT,
    SIM_STEP_ACTOR
};

/* The running hash of all that happened: equal seeds, equal hashes. Tests may feed it too. */
u64 sim_trace_hash(const struct sim *sim);
void sim_trace(struct sim *sim, u64 a, u64 b);

/* Prints every traced step to standard error from now on. */
void sim_trace_print(struct sim *sim, bool on);
