/* Recovery points: up to where each partition's log was known to be synced.
 *
 *     write ─▶ dirty ─▶ (tick) ─▶ synced? ─▶ record       record ─▶ at start: partition->point
 *
 * A record is written only after the log up to it is synced, at every level: within a second of
 * the last write at `sync`, every flush interval otherwise, at each roll and at a clean stop;
 * never for a partition that stopped on an error. What lies below a point is verified when it is
 * read; damage there is rot.
 *
 * A point also carries a life: one that control does not know shows that control lost its tail.
 *
 * Owner: one shard. Losing the newest record is no harm: recovery begins further back. */
#pragma once

#include "core/timer.h"
#include "shard/log.h"
#include "shard/record_file.h"

struct partition;

#define ENDS_RECORD_BYTES 128u
#define ENDS_MAGIC 0x31444e45u /* "END1" */

/* As it lies in a file. Units only rise, so of two records of one life the further is the newer. */
struct ends_record {
    u32 unit_bytes_max;
    u64 life;
    u32 stream_id;
    u32 topic_id;
    u32 partition_id;
    struct log_point point;
};

struct ends_record ends_record_decode(const u8 *record);

struct ends {
    struct shard *shard;
    struct record_file file;
    struct list dirty; /* partitions written to since their last record */
    struct timer timer;
    u64 sequence;
    u64 life_unknown;    /* a record of a life that control does not know, 0: none */
    bool unit_too_large; /* a partition holds a unit that this memory cannot read */
};

u64 ends_arena_bytes(void);
void ends_init(struct ends *ends, struct shard *shard, struct arena *arena);

/* Reads and merges all files into the partitions in their slots. Ends in shard_on_phase_done. */
void ends_start(struct ends *ends);

/* The partition was written to: a record follows within the interval. */
void ends_on_written(struct ends *ends, struct partition *partition);

/* Its log is synced up to log->synced: the record is gathered now, or at the next tick when
 * there is no room. */
void ends_note(struct ends *ends, struct partition *partition);

/* Its life is over, or its log stopped: no record any more. */
void ends_drop(struct ends *ends, struct partition *partition);

void ends_flush(struct ends *ends);
bool ends_is_idle(const struct ends *ends);
