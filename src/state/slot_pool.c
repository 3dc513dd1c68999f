#include "state/slot_pool.h"

#include <string.h>

#include "base/check.h"
#include "state/slot_index.h"

u64 slot_pool_bytes(u32 slots_max)
{
    return (u64)slots_max * sizeof(u32) + _Alignof(u64);
}

void slot_pool_init(struct slot_pool *pool, struct arena *arena, u32 slots_max)
{
    check(slots_max > 0);
    *pool = (struct slot_pool){
        .nexts = arena_array(arena, u32, slots_max),
        .slots_max = slots_max,
        .first_free = SLOT_NONE,
    };
}

u32 slot_pool_free_count(const struct slot_pool *pool)
{
    return pool->slots_max - pool->taken_count;
}

u32 slot_pool_copy(struct slot_pool *to, const struct slot_pool *from)
{
    check(to->slots_max == from->slots_max);
    u32 slots = u32_max(to->fresh, from->fresh);
    memcpy(to->nexts, from->nexts, slots * sizeof(u32));
    to->taken_count = from->taken_count;
    to->fresh = from->fresh;
    to->first_free = from->first_free;
    return slots;
}

u32 slot_pool_take(struct slot_pool *pool)
{
    check(pool->taken_count < pool->slots_max);

    pool->taken_count++;
    u32 slot = pool->first_free;
    if (slot == SLOT_NONE) {
        check(pool->fresh < pool->slots_max);
        return pool->fresh++;
    }
    pool->first_free = pool->nexts[slot];
    return slot;
}

void slot_pool_return(struct slot_pool *pool, u32 slot)
{
    check(slot < pool->fresh);
    check(pool->taken_count > 0);

    pool->taken_count--;
    pool->nexts[slot] = pool->first_free;
    pool->first_free = slot;
}
