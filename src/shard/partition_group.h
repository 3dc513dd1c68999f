/* Which member of a consumer group may read and commit here? State says whose the partition is;
 * this core decides when that begins, so that no two members ever read one partition at once.
 *
 *     nobody reads ─▶ HELD by a member: polls under way, or messages handed out and not committed
 *          ▲               │
 *          │               ├─ it commits what it was handed, or leaves ──▶ nobody reads
 *          └───────────────┴─ it is another's by now, and is not committed in time: taken away
 *
 * While a former owner holds it, its polls are refused (it asks for its partitions anew) and its
 * commits are taken; the new owner's polls find nothing, and its commits are refused.
 *
 * Owner:   the partition's core. Memory: holds from the arena, one for each partition of each group
 *          with members that there may be. */
#pragma once

#include "base/mem.h"
#include "state/state.h"

struct partition;
struct plan;
struct shard;
struct shard_request;

#define GROUP_HOLD_NONE 0u

struct group_hold {
    u32 next; /* of the partition, or free; GROUP_HOLD_NONE at the end */
    u32 group_id;
    u32 member_slot;
    u64 member;      /* its number */
    u64 serial;      /* of this hold */
    u32 polls_count; /* under way */
    bool handed_out; /* messages up to `offset` */
    u64 offset;
    u64 wanted_at_us; /* monotonic: since then it is another member's; 0: it is the holder's */
};

struct group_holds {
    struct group_hold *holds; /* [0] is not used */
    u32 holds_max;
    u32 used_count;
    u32 free_first;
    u64 serial_last;
};

u64 group_holds_bytes(const struct plan *plan);
void group_holds_init(struct group_holds *holds, struct arena *arena, const struct plan *plan);

/* ---- Polls of a group ---- */

enum group_verdict {
    GROUP_MAY_READ,
    GROUP_READS_LATER,  /* its partition, but the last reader has not let go */
    GROUP_READS_NOTHING /* not its partition */
};

/* A poll begins; when it may read, it holds the partition until partition_group_poll_end. */
enum group_verdict partition_group_poll_begin(struct partition *partition,
                                              struct shard_request *request);

/* Does the poll that began still hold it? What it gathered may be committed and handed out. */
bool partition_group_poll_holds(const struct partition *partition,
                                const struct shard_request *request);

/* It ends; with messages up to `last_offset` handed out, or none. May be called again. */
void partition_group_poll_end(struct partition *partition, struct shard_request *request,
                              bool handed_out, u64 last_offset);

/* ---- Commits of a group ---- */

/* May the member that asks store or delete the group's offset? */
bool partition_group_may_write(const struct partition *partition,
                               const struct shard_request *request);

/* An offset was stored: what was handed out may be committed now. */
void partition_group_on_stored(struct partition *partition, u32 group_id);

/* ---- What state says ---- */

void group_holds_on_changed(struct shard *shard, const struct state_group_change *change);
void group_holds_on_deleted(struct shard *shard, const struct state_group_change *change);

/* The partition's life is over. */
void partition_group_drop_all(struct partition *partition);
