#include "state/slot_index.h"

#include <string.h>

#include "base/check.h"

static u32 heads_for(u32 slots_max)
{
    u32 heads_count = 16;
    while (heads_count < slots_max) {
        heads_count *= 2;
    }
    return heads_count;
}

u64 slot_index_bytes(u32 slots_max)
{
    return ((u64)heads_for(slots_max) + slots_max) * sizeof(u32) + 2 * _Alignof(u64);
}

void slot_index_init(struct slot_index *index, struct arena *arena, u32 slots_max)
{
    check(slots_max > 0);
    check(slots_max < SLOT_NONE / 2);

    *index = (struct slot_index){
        .heads_count = heads_for(slots_max),
        .slots_max = slots_max,
    };
    index->heads = arena_array(arena, u32, index->heads_count);
    index->nexts = arena_array(arena, u32, slots_max);
}

void slot_index_copy(struct slot_index *to, const struct slot_index *from, u32 slots)
{
    check(to->slots_max == from->slots_max);
    check(slots <= from->slots_max);
    memcpy(to->heads, from->heads, from->heads_count * sizeof(u32));
    memcpy(to->nexts, from->nexts, slots * sizeof(u32));
}

/* Links are kept one higher, so that the zeroed memory of an arena is an empty index and pages
 * are touched on use only. */
static u32 *head_of(const struct slot_index *index, u64 hash)
{
    return &index->heads[hash & (index->heads_count - 1)];
}

void slot_index_add(struct slot_index *index, u64 hash, u32 slot)
{
    check(slot < index->slots_max);
    u32 *head = head_of(index, hash);
    check(*head != slot + 1);

    index->nexts[slot] = *head;
    *head = slot + 1;
}

void slot_index_remove(struct slot_index *index, u64 hash, u32 slot)
{
    check(slot < index->slots_max);

    u32 *link = head_of(index, hash);
    while (*link != slot + 1) {
        check(*link != 0);
        link = &index->nexts[*link - 1];
    }
    *link = index->nexts[slot];
    index->nexts[slot] = 0;
}

u32 slot_index_first(const struct slot_index *index, u64 hash)
{
    return *head_of(index, hash) - 1;
}

u32 slot_index_next(const struct slot_index *index, u32 slot)
{
    check(slot < index->slots_max);
    return index->nexts[slot] - 1;
}
