/* The servers of a run: nodes x cores of `struct thread`, started, turned, crashed and started
 * again.
 *
 *     schedule_start ─▶ thread_create for each core ─▶ sim_attach ─▶ turns as the simulator decides
 *     schedule_crash ─▶ the disk decides, all memory goes ─▶ schedule_start: a new boot
 *
 * Owner: the run. Memory: an arena a core, as in the real process. */
#pragma once

#include "base/mem.h"
#include "core/plan.h"
#include "core/settings.h"
#include "node/thread.h"
#include "sim/sim.h"

#define SCHEDULE_LINES_KEPT 48u
#define SCHEDULE_CORES_MAX 16u

struct schedule {
    struct sim *sim;
    u32 node;
    u32 cores_count;
    struct plan plan;
    struct settings settings;
    u64 seed;
    bool prints; /* events of the server go to standard error */

    bool is_up;
    u32 starts_count;
    struct arena shared;
    struct arena arenas[SCHEDULE_CORES_MAX];
    struct thread *threads[SCHEDULE_CORES_MAX];
    struct event_log *events; /* one a core */
    struct server_core {
        struct schedule *schedule;
        u32 index;
    } cores[SCHEDULE_CORES_MAX];

    /* The last lines that the server logged, over all boots. */
    char lines[SCHEDULE_LINES_KEPT][192];
    u32 lines_count;
    u32 errors_logged;
    u32 offset_cuts_logged;     /* stored offsets that lay beyond the end of a log */
    u64 counted[COUNTER_COUNT]; /* over all boots and cores: what the run made the server do */
};

struct schedule_options {
    struct sim *sim;
    u32 node;
    const struct settings *settings; /* as a configuration would give them */
    u64 memory_bytes;
    u64 core_bytes; /* of buffers a core, to make memory short; 0: as planned */
    u64 seed;
};

void schedule_init(struct schedule *schedule, const struct schedule_options *options);
void schedule_deinit(struct schedule *schedule);

void schedule_start(struct schedule *schedule);

/* Begins a clean stop: done when schedule_is_drained. */
void schedule_stop(struct schedule *schedule);

/* After a clean stop: the process ends, nothing is lost. */
void schedule_end(struct schedule *schedule);
void schedule_crash(struct schedule *schedule, const struct sim_crash_odds *odds);
void schedule_kill(struct schedule *schedule);

bool schedule_is_ready(const struct schedule *schedule);
bool schedule_is_drained(const struct schedule *schedule);
bool schedule_has_failed(const struct schedule *schedule, struct err *err);

/* Every core that has applied the same commands has the same state. */
bool schedule_cores_agree(const struct schedule *schedule, char *story, u32 story_bytes);

/* Bytes in buffers that are taken, over all cores. */
u64 schedule_taken_bytes(const struct schedule *schedule);

/* What the server counted before it last went, to standard error. */
void schedule_print_counted(const struct schedule *schedule);

/* What the server logged last, to standard error. */
void schedule_print_lines(const struct schedule *schedule);
