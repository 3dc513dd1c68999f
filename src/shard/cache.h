/* Runs of whole, verified units in memory: what was written lately to partitions that are being
 * polled, and what was read lately.
 *
 *     partition ─▶ tree of runs by base offset     |120..134|135..180|   |900..950|
 *     cache     ─▶ list of all runs, least recently used first
 *
 * It answers: "is the message with this offset of this partition in memory?" Bounded in bytes:
 * the least recently used run goes first. A poll that lends from a run holds its buffer, so a
 * run may go while it is being sent.
 *
 * Owner:   one shard. The trees' roots lie in the partitions.
 * Memory:  the runs' structs from the arena; their buffers from the core's pool, one reference
 *          each.
 * Chance:  a tree is a treap whose priorities come from the run's own numbers: nothing random. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "shard/pool.h"

struct cache_run {
    u64 magic;
    struct list_node node;   /* in cache->recent, least recent first */
    struct cache_run **root; /* of the tree that it is in */
    struct cache_run *left;  /* runs with lower offsets */
    struct cache_run *right;
    u64 priority;
    u64 base_offset;
    u64 end_offset; /* next after its last message */
    struct buf *buf;
    const u8 *units; /* in the buffer: control batch of the first unit */
    u32 bytes;       /* of the units, whole sectors */
    u32 sector_bytes;
};

struct cache {
    struct pool runs;
    struct list recent;
    u64 bytes; /* of all buffers held */
    u64 bytes_max;
};

#define CACHE_RUNS_MAX 65536u

u64 cache_arena_bytes(void);
void cache_init(struct cache *cache, struct arena *arena, u64 bytes_max);

struct cache_range {
    u64 base_offset;
    u64 end_offset;
    const u8 *units;
    u32 bytes;
    u32 sector_bytes;
};

/* Adds a run over `buf`, of which it holds a reference of its own. Refused quietly when it
 * overlaps a run that is there, is larger than the whole cache, or no struct is free after
 * others went. */
void cache_add(struct cache *cache, struct cache_run **root, struct buf *buf,
               const struct cache_range *range);

/* The run that holds `offset`, which becomes the most recent; NULL: not in memory. */
const struct cache_run *cache_find(struct cache *cache, struct cache_run **root, u64 offset);

/* Drops the least recently used run. False when there is none. */
bool cache_drop_oldest(struct cache *cache);

/* Drops all of a partition's runs: at most `budget` a call; true when none is left. */
bool cache_drop_all(struct cache *cache, struct cache_run **root, u32 budget);
