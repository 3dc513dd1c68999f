/* All of a run by the reference's arithmetic: each actor, and the groups its report knows. */
#pragma once

#include "bench/bench_run.h"
#include "bench/reference.h"

#define REFERENCE_GROUPS_MAX 3u

struct reference_run {
    struct reference_actor *actors; /* as many as the run has, in its order */
    u32 actors_count;
    struct reference_group groups[REFERENCE_GROUPS_MAX];
    const char *kinds[REFERENCE_GROUPS_MAX]; /* "producers", ... */
    u32 groups_count;
};

void reference_run_init(struct reference_run *reference, const struct bench_run *run);
void reference_run_deinit(struct reference_run *reference);

/* "producer", "consumer" or "producing_consumer". */
const char *reference_actor_kind(const struct actor *actor);
