/* Which slot of a table holds the object with this key? A hash index over slot numbers: buckets of
 * chains that run through one array, so adding and removing cost a few stores and nothing grows.
 *
 *     hash ─▶ heads[hash & mask] ─▶ slot ─nexts[slot]─▶ slot ─▶ SLOT_NONE
 *
 * The caller walks the candidates and compares the keys itself. Two objects may share a hash.
 *
 * Owner: the state it belongs to. Memory: from the arena, at init. */
#pragma once

#include "base/mem.h"
#include "base/types.h"

#define SLOT_NONE UINT32_MAX

struct slot_index {
    u32 *heads;
    u32 *nexts;
    u32 heads_count; /* a power of two */
    u32 slots_max;
};

u64 slot_index_bytes(u32 slots_max);
void slot_index_init(struct slot_index *index, struct arena *arena, u32 slots_max);

/* `to` becomes what `from` is; both have the same size, and hold nothing from slot `slots` on. */
void slot_index_copy(struct slot_index *to, const struct slot_index *from, u32 slots);

/* The slot is in no chain before, and in one afterwards. */
void slot_index_add(struct slot_index *index, u64 hash, u32 slot);

/* The slot was added under this hash. */
void slot_index_remove(struct slot_index *index, u64 hash, u32 slot);

/* The first candidate, then the next ones; SLOT_NONE at the end. */
u32 slot_index_first(const struct slot_index *index, u64 hash);
u32 slot_index_next(const struct slot_index *index, u32 slot);
