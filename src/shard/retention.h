/* What may go: sealed segments whose newest message has expired, and the oldest ones when a
 * topic is too large.
 *
 *     every interval ─▶ partition by partition, a few a turn ─▶ out of the chain ─▶ unlinked
 *
 * Held back: segments in which somebody has not passed everything (a stored offset below their
 * end), until that offset is older than a limit. The newest segment stays; when all of it has
 * expired it is sealed, and an empty one follows.
 *
 * Removal. The oldest goes first, and its directory is synced before the next one goes: so after
 * a crash the chain may begin earlier than it did, but has no gap. Where that sync failed, or a
 * kill may have come before it, it is done before the next one. A segment that cannot go so stops
 * the removals of its partition: the files behind it stay until the next start, which finds them
 * again.
 *
 * Recycling. At `sync` a segment that goes is kept as the partition's one spare, when nobody reads
 * it: writing into its space costs the device's flush only. The spare counts in the partition's
 * size, and is unlinked when the partition is idle or the disk is short.
 *
 * Owner: one shard. */
#pragma once

#include "core/timer.h"
#include "io/io.h"

struct partition;
struct shard;
struct shard_request;

#define RETENTION_REMOVALS_MAX 256u

enum removal_kind {
    REMOVAL_OF_SEGMENT,
    REMOVAL_INTO_SPARE, /* renamed, to be the next segment under a new salt */
    REMOVAL_OF_SPARE
};

enum removal_step {
    REMOVAL_IDLE,
    REMOVAL_OPEN_DIRECTORY,
    REMOVAL_SYNC_EARLIER, /* what went before it */
    REMOVAL_RENAME,
    REMOVAL_UNLINK,
    REMOVAL_UNLINK_INDEX,
    REMOVAL_SYNC_DIRECTORY,
    REMOVAL_CLOSE_DIRECTORY
};

/* A segment that is out of the chain, its files still there. */
struct removal {
    struct partition *partition;
    u64 base_offset;
    enum removal_kind kind;
};

struct retention {
    struct shard *shard;
    struct timer timer;
    u32 slot;                                        /* where the round stands */
    struct removal removals[RETENTION_REMOVALS_MAX]; /* a ring, oldest first */
    u32 removals_first;
    u32 removals_count;
    enum removal_step step;
    bool renamed; /* the one under way became a spare */
    struct io_op op;
    struct io_file directory;
};

void retention_init(struct retention *retention, struct shard *shard);

/* Begins its rounds. */
void retention_start(struct retention *retention);

/* Removes up to `count` of the oldest sealed segments that nobody holds back. Returns how many
 * went. */
u32 retention_remove_oldest(struct partition *partition, u32 count);

/* SEGMENTS_DELETE: the same on request; always OK. What comes again, because the answer was lost,
 * is answered and not done again. */
void partition_segments_delete(struct partition *partition, struct shard_request *request);
