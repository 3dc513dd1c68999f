/* The shard as its own modules see it. Nothing outside src/shard includes this.
 *
 *     shard ┬─ partitions[slot] ─ log ─ segments
 *           ├─ requests, units, segments, recoveries     pools, taken at start
 *           ├─ cache                                      runs of units in memory, oldest use first
 *           ├─ offsets, ends                              one open file each
 *           └─ lists: ready (to do this turn), opening, waiters, open_files */
#pragma once

#include "core/core.h"
#include "core/plan.h"
#include "core/settings.h"
#include "shard/cache.h"
#include "shard/disk.h"
#include "shard/ends.h"
#include "shard/notice.h"
#include "shard/offsets.h"
#include "shard/partition.h"
#include "shard/partition_group.h"
#include "shard/pool.h"
#include "shard/retention.h"
#include "shard/sent.h"
#include "shard/shard.h"
#include "shard/sweep.h"
#include "shard/trash.h"
#include "shard/unit_secret.h"

#define SHARD_MAGIC 0x64726168736c6576ull

/* Partitions being recovered at once: each may need a buffer as large as its largest unit. */
#define SHARD_RECOVERIES_MAX 8u

/* Segment files open at once, on one core. */
#define SHARD_FILES_MAX 2048u

/* Zeros to be written ahead of tails, shared by all. */
#define SHARD_ZEROS_BYTES (1024u * 1024u)

/* A partition that was polled this lately keeps what is appended in the cache. */
#define SHARD_POLLED_LATELY_US (5 * US_PER_SECOND)

/* Lives that are being closed are counted by a hash of their ids: until their directory is gone,
 * the next life of these ids waits. One that only shares the count waits with it, which harms
 * nobody. */
#define SHARD_LEAVING_COUNTS 4096u

struct shard {
    u64 magic;
    struct core *core;
    const struct plan *plan;
    const struct settings *settings;
    struct partition *partitions; /* by slot */
    u32 slots_used;               /* no partition was ever in a slot from here on */
    struct pool requests;
    u32 internal_count; /* of them, our own */
    struct pool units;
    struct pool segments;
    struct pool recoveries;
    const u8 *zeros;
    struct cache cache;
    struct disk disk;
    struct offsets offsets;
    struct group_holds group_holds;
    struct ends ends;
    struct trash trash;
    struct sweep sweep;
    struct retention retention;
    struct sent sent;
    struct dedup dedup;
    struct list ready;      /* partitions */
    struct list opening;    /* partitions that wait for a recovery, most wanted first */
    struct list recovering; /* struct recovery */
    struct list later;      /* partitions that wait for memory: ready again in a millisecond */
    struct list waiters;    /* polls that wait for a turn or a buffer */
    struct list notices;    /* partitions that have something to say to polls that wait */
    struct list indexes;    /* sealed segments with an index in memory, least recent first */
    u32 indexes_count;
    struct list open_files; /* segments, least recently used first */
    u32 open_files_count;
    struct pool closings;
    struct timer retry_timer; /* what waits for memory tries again */
    u32 leaving_counts[SHARD_LEAVING_COUNTS];
    u64 boot_index; /* state index when the recovery began */
    struct event_pace not_made_pace;
    struct event_pace full_pace;
    bool draining;
    bool may_open;          /* stored offsets and recovery points are merged */
    u32 encrypt_bytes_left; /* of this turn */
    u32 decrypt_bytes_left;
    bool memory_short; /* a buffer was refused in this turn */
    u32 phase_parts_left;
    u32 phase_error;
    bool has_phase;       /* a phase is under way */
    struct msg phase;     /* answered when it is done */
    u32 partitions_count; /* that are not PARTITION_NONE */
};

/* The partition has something to do this turn. */
void shard_wake(struct shard *shard, struct partition *partition);

/* The same, in about a millisecond: memory may be there then. */
void shard_wake_later(struct shard *shard, struct partition *partition);

/* A buffer; the cache gives way. NULL: not now. */
must_check struct buf *shard_take_buf(struct shard *shard, u32 size);

/* The same for what a poll reads or lends: it leaves to others what they need. */
must_check struct buf *shard_take_poll_buf(struct shard *shard, u32 size);

/* The largest that can ever be taken. */
u32 shard_buf_bytes_max(const struct shard *shard);

/* The poll goes on in the next turn, which comes at once, or in a millisecond when it is memory
 * that is short. */
void shard_wait(struct shard *shard, struct shard_request *request);

/* A turn is wanted soon: something waits. */
void shard_wait_for_turn(struct shard *shard);

/* A request of our own; NULL: not now. */
#define SHARD_INTERNAL_REQUESTS 8u
must_check struct shard_request *shard_request_take(struct shard *shard);
void shard_request_return(struct shard *shard, struct shard_request *request);

/* ---- Answers: the request is given back, save a poll that lends ---- */

void shard_answer(struct shard_request *request, u32 error);
void shard_reply(struct shard_request *request, struct msg *reply);

/* The mutation may be on disk all the same, so no answer is true. */
void shard_answer_by_closing(struct shard_request *request);

/* Closes a file whose closing nobody waits for. */
void shard_close_file(struct shard *shard, struct io_file file);

/* ---- Phases ---- */

/* A step of the phase under way is done. */
void shard_on_phase_done(struct shard *shard, u32 error);

/* A partition is open, closed or stopped: the next may be recovered, the drain may be over. */
void shard_on_partition_settled(struct shard *shard);
