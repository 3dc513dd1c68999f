/* Which slots of a table are free? Taken in the order they were returned last, then those never
 * used: a pure function of the takes and returns, so copies that see the same commands agree.
 *
 * Owner: the table it belongs to. Memory: one word a slot from the arena, touched on first
 *        return. */
#pragma once

#include "base/mem.h"
#include "base/types.h"

struct slot_pool {
    u32 *nexts;
    u32 slots_max;
    u32 taken_count;
    u32 fresh; /* slots from here on were never taken */
    u32 first_free;
};

u64 slot_pool_bytes(u32 slots_max);
void slot_pool_init(struct slot_pool *pool, struct arena *arena, u32 slots_max);

u32 slot_pool_free_count(const struct slot_pool *pool);

/* `to` becomes what `from` is; both have the same size. Returns the slots of which one of them knew
 * something: what belongs to others is nothing in both. */
u32 slot_pool_copy(struct slot_pool *to, const struct slot_pool *from);

/* One must be free. */
u32 slot_pool_take(struct slot_pool *pool);
void slot_pool_return(struct slot_pool *pool, u32 slot);
