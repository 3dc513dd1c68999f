/* The second door: work too slow for the loop that is not the kernel's. A few helper threads
 * compute; they keep no state. The simulator implements the same calls with late answers and cheap
 * hashes.
 *
 * As with io_op, the caller owns the job and everything it points to until `done`, which runs on
 * the submitting core, from inside offload_reap.
 *
 * Owner:  one offload per process; each core has its own queue to and from it (bounded: jobs_max;
 *         offload_has_room says whether one more may be given). */
#pragma once

#include "base/list.h"
#include "base/status.h"
#include "base/types.h"
#include "offload/archive.h"

struct core;
struct offload;

#define OFFLOAD_PASSWORD_BYTES_MAX 255u
#define OFFLOAD_HASH_BYTES 128u /* PHC text of Argon2id with a zero byte: "$argon2id$v=19$m=…" */

enum offload_kind {
    OFFLOAD_PASSWORD_HASH,   /* password -> hash, fresh random salt */
    OFFLOAD_PASSWORD_VERIFY, /* password against hash: OK, or ERR_INVALID when it does not match.
                                An empty hash costs the same and never matches. */
    OFFLOAD_RANDOM,          /* all of `hash` filled with random bytes of the system */
    OFFLOAD_PROCESS_FACTS,   /* what the system says of this process and machine: GetStats */
    OFFLOAD_ARCHIVE          /* a ZIP file of diagnostics: GetSnapshot */
};

/* Sizes in bytes, times in microseconds, CPU in hundredths of a percent of one core. */
struct process_facts {
    u32 process_id;
    u32 cpu_usage_centipercent;
    u32 total_cpu_usage_centipercent;
    u32 threads_count;
    u64 memory_usage_bytes;
    u64 total_memory_bytes;
    u64 available_memory_bytes;
    u64 disk_free_bytes;
    u64 disk_total_bytes;
    u64 start_time_us;
    u64 run_time_us;
    u64 read_bytes;
    u64 written_bytes;
    char hostname[64];
    char os_name[64];
    char os_version[64];
    char kernel_version[64];
};

struct offload_job {
    void (*done)(struct core *core, struct offload_job *job);
    enum offload_kind kind;
    enum status status;
    u32 password_size;
    u8 password[OFFLOAD_PASSWORD_BYTES_MAX + 1];
    char hash[OFFLOAD_HASH_BYTES];
    struct process_facts *facts; /* OFFLOAD_PROCESS_FACTS: filled in */
    struct archive *archive;     /* OFFLOAD_ARCHIVE: made in its memory */

    /* The door's, while in flight. */
    struct list_node node;
    u32 core_index;
    u64 door[2];
};

/* True while core `core_index` may give one more job. */
bool offload_has_room(const struct offload *offload, u32 core_index);

/* Takes the job; offload_has_room must hold. The password is wiped before `done`. */
void offload_submit(struct offload *offload, u32 core_index, struct offload_job *job);

/* Calls `done` of finished jobs of this core; returns how many. Rung through io_wake. */
u32 offload_reap(struct offload *offload, u32 core_index, struct core *core);
