/* One core as an object with one entry: the real driver waits for I/O and calls it; the simulator
 * holds many of them in one thread and decides who turns next.
 *
 *     thread_turn:  lanes ─▶ completions ─▶ offload ─▶ timers ─▶ sends, bells
 *
 * Every part has a budget a turn, so that no source of work starves another. */
#pragma once

#include "base/mem.h"
#include "base/str.h"
#include "core/core.h"
#include "core/plan.h"
#include "core/settings.h"
#include "state/state.h"

struct thread; /* core + edge + shard + state (+ control on core 0) */

struct thread_options {
    u32 index;
    u32 cores_count;
    const struct plan *plan; /* how memory is divided; outlives the thread */
    struct io *io;
    struct offload *offload;
    struct mailbox_board *board;     /* shared by the cores of one node */
    struct partition_gauges *gauges; /* likewise */
    struct counters *all_counters;   /* likewise */
    struct event_log *events;
    u64 seed;              /* of this core's prng */
    struct turn_time time; /* now */
    const struct settings *settings;
    struct io_socket listener;      /* core 0; IO_SOCKET_NONE on the others */
    u64 (*clock_us)(void *context); /* for stall.h */
    void *clock_context;
};

struct turn_result {
    u64 deadline_us; /* turn again at or before this monotonic time; UINT64_MAX: only when woken */
    bool busy;       /* more is waiting: turn again at once */
    bool lanes_busy; /* lanes were used lately: worth spinning before a sleep */
};

/* Bytes of arena that thread_create takes. */
u64 thread_arena_bytes(const struct plan *plan);
struct state_options thread_state_options(const struct plan *plan);

/* Takes all memory of the core from `arena` and seals it. NULL with the sentence. */
struct thread *thread_create(const struct thread_options *options, struct arena *arena,
                             struct err *err);

/* Core 0: begins recovery. The others wait for what control sends. */
void thread_start(struct thread *thread);
/* What it asked of the door is submitted by the driver, which may gather a few turns. */
struct turn_result thread_turn(struct thread *thread, struct turn_time time);

/* Core 0, from its own thread: begin to drain; `thread_is_drained` turns true on every core when
 * all is answered, written and synced. */
void thread_stop(struct thread *thread);
bool thread_is_drained(const struct thread *thread);

/* Core 0: control has recovered and the listener accepts. */
bool thread_is_ready(const struct thread *thread);

/* Core 0: control_has_set_root. */
bool thread_has_set_root(const struct thread *thread);

/* Core 0: why the start failed, once thread_has_failed (a data directory that must not be
 * opened). */
bool thread_has_failed(const struct thread *thread, struct err *err);
struct core *thread_core(struct thread *thread);
void thread_destroy(struct thread *thread);
