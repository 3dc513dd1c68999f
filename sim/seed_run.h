/* One seed, from an empty disk to the verdict.
 *
 *     draw ─▶ [ boot ─▶ audit ─▶ work, with faults ─▶ crash, kill or stop ] … ─▶ heal ─▶ last audit
 *
 * Owner: the caller of seed_run. */
#pragma once

#include "sim/checkers.h"
#include "sim/sim.h"

/* What a run may arm. A seed arms about half of them; the shrinker takes away. */
#define ARMED_LIST(X)                                                                              \
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

#define ARMED_ENUM(name) ARMED_##name,
enum armed { ARMED_LIST(ARMED_ENUM) ARMED_COUNT };
#undef ARMED_ENUM

#define SEED_OPERATIONS_MIN 2000u
#define SEED_VIRTUAL_US_MIN (60 * US_PER_SECOND)
#define SEED_CRASHES_MIN 2u

/* Ids that a partition remembers: so few that those of all partitions fit the table of a core, and
 * so many that what others send while a repeat is under way does not push its first out. */
#define SEED_DEDUP_ENTRIES 400u

struct seed_options {
    u64 seed;
    u32 actors_max;     /* 0: as drawn */
    u64 operations_max; /* 0: as many as come; otherwise the run need not be full */
    u32 crashes_max;    /* 0: as drawn */
    u32 disarmed;       /* bits 1 << enum armed: never armed */
    bool traces;
    bool prints;    /* what the server logs, and what happens to it */
    char story[96]; /* with `prints`: files whose disk content is told before each crash */
};

struct seed_result {
    struct verdict verdict;
    struct sim_counts counts;
    u32 armed; /* bits 1 << enum armed */
    u32 cores;
    u32 actors;
    u32 level;
    u64 operations;
    u64 operations_lost;
    u64 operations_failed;
    u64 messages;
    u64 virtual_us;
    u64 trace_hash;
};

void seed_run(const struct seed_options *options, struct seed_result *result);

/* "rots" and the like. */
const char *armed_name(enum armed armed);
u64 armed_happened(const struct sim_counts *counts, enum armed armed);
