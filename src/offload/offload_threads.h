/* What only the process asks of the real offload: starting and ending its threads. */
#pragma once

#include "base/bytes.h"
#include "base/str.h"
#include "io/io.h"
#include "offload/offload.h"

struct offload_options {
    u32 threads_count; /* 1 to 4 */
    u32 cores_count;
    u32 jobs_max;          /* per core */
    u32 argon2_memory_kib; /* of one hash: 19,456 by default */
    u32 argon2_passes;     /* 2 by default */
    struct io **ios;       /* to ring the submitting core: io_ring_bell from a worker thread */
    const char *data_path; /* whose file system the process facts tell of */
};

/* NULL with the cause. The address space of the hashes is taken here, once, and is part of the
 * plan: argon2_memory_kib per thread. Its pages are given back to the system when a thread has
 * nothing to do. A stored hash that was made with more memory than that still verifies: for as
 * long as that one takes, its memory is taken from the system besides. */
struct offload *offload_create(const struct offload_options *options, struct err *err);

/* One more line of the log, for the archive. Main thread. */
void offload_note_line(struct offload *offload, struct span line);

/* Waits for the jobs in hand; what is queued is dropped: no core is left to hear of it. */
void offload_destroy(struct offload *offload);
