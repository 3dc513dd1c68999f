/* Which message ids did a partition take lately? The window of deduplication.
 *
 *     partition ─▶ oldest ─▶ ... ─▶ newest      each entry: id, offset, append time
 *     (partition, id) ─▶ entry                  a hash table over all partitions of the core
 *
 * It answers: "is there a message with this id among the last `max_entries` of this partition that
 * are not older than `expiry`, and at which offset?" Entries leave in the order in which they came:
 * beyond the count, past the age, or, when the core's table is full, the oldest of any partition.
 *
 * Guaranteed: a message whose id is in the window is not stored again, and its sender is answered
 * only when the first is as durable as the level says. The window is rebuilt from the log before
 * the first append after an open (partition_dedup.c), so an acknowledged id is remembered over a
 * restart or a crash, and what a recovery cut off is not. Id 0 is no id.
 *
 * Owner:  the shard. Memory: tables from the arena, touched on use. */
#pragma once

#include "base/mem.h"
#include "base/types.h"
#include "core/plan.h"
#include "core/settings.h"

#define DEDUP_NONE UINT32_MAX

struct dedup_entry;
struct partition;

struct dedup {
    const struct settings *settings;
    struct dedup_entry *entries;
    u32 *buckets; /* index + 1 of the newest entry; 0: none */
    u32 buckets_count;
    u32 entries_max;
    u32 entries_used; /* ever */
    u32 free;
    u32 oldest; /* of all */
    u32 newest;
};

/* Of one partition: all zero is empty. */
struct dedup_window {
    u32 oldest; /* valid while count > 0 */
    u32 newest;
    u32 count;
};

u64 dedup_arena_bytes(const struct plan *plan);
void dedup_init(struct dedup *dedup, struct arena *arena, const struct plan *plan,
                const struct settings *settings);

/* How many ids a window holds at most. */
u32 dedup_window_max(const struct dedup *dedup);

/* Older than this is forgotten. */
u64 dedup_horizon_us(const struct dedup *dedup, u64 now_us);

bool dedup_find(const struct dedup *dedup, const struct partition *partition, struct u128 id,
                u64 now_us, u64 *offset);

/* Offsets rise. What is beyond the window's limits goes. */
void dedup_add(struct dedup *dedup, struct partition *partition, struct u128 id, u64 offset,
               u64 time_us);

/* Forgets ids at or after `end`: those messages were never stored. */
void dedup_cut(struct dedup *dedup, struct partition *partition, u64 end);

/* Forgets at most `budget` entries; true when none is left. */
bool dedup_drop(struct dedup *dedup, struct partition *partition, u32 budget);
