/* What only the process asks of the real offload: starting and ending its threads. */
#pragma once

#include "base/str.h"
#include "io/io.h"
#include "offload/offload.h"

struct offload_options {
    u32 threads_count; /* 1 to 4 */
    u32 cores_count;
    u32 jobs_max;          /* per core */
    u32 argon2_memory_kib; /* of one hash: 19,456 by default */
    u32 argon2_passes;     /* 2 by default */
    struct io **ios;       /* to ring the submitting core: io_wake from a worker thread */
};

/* NULL with the cause. The memory of the hashes is taken here, once, and is part of the plan. */
struct offload *offload_create(const struct offload_options *options, struct err *err);
void offload_destroy(struct offload *offload);
