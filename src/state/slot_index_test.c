#include "state/slot_index.h"

#include "test.h"

static struct arena arena;

static struct slot_index index_for(u32 slots_max)
{
    struct slot_index index;
    EXPECT(arena_create(&arena, slot_index_bytes(slots_max) + 4096));
    slot_index_init(&index, &arena, slots_max);
    return index;
}

static bool index_has(const struct slot_index *index, u64 hash, u32 wanted)
{
    for (u32 slot = slot_index_first(index, hash); slot != SLOT_NONE;
         slot = slot_index_next(index, slot)) {
        if (slot == wanted) {
            return true;
        }
    }
    return false;
}

TEST(an_empty_index_has_no_candidates)
{
    struct slot_index index = index_for(100);
    for (u64 hash = 0; hash < 300; hash++) {
        EXPECT_EQ(slot_index_first(&index, hash), SLOT_NONE);
    }
    arena_destroy(&arena);
}

TEST(slots_of_one_hash_are_all_found_and_leave_one_by_one)
{
    struct slot_index index = index_for(8);
    for (u32 slot = 0; slot < 8; slot++) {
        slot_index_add(&index, 77, slot);
    }
    slot_index_remove(&index, 77, 0);
    slot_index_remove(&index, 77, 7);
    slot_index_remove(&index, 77, 4);
    EXPECT(!index_has(&index, 77, 0));
    EXPECT(!index_has(&index, 77, 4));
    EXPECT(!index_has(&index, 77, 7));
    EXPECT(index_has(&index, 77, 1));
    EXPECT(index_has(&index, 77, 6));
    slot_index_add(&index, 77, 4);
    EXPECT(index_has(&index, 77, 4));
    arena_destroy(&arena);
}

TEST(removing_what_is_not_there_is_a_failed_check)
{
    struct slot_index index = index_for(8);
    slot_index_add(&index, 1, 3);
    EXPECT_CHECK_FAILS(slot_index_remove(&index, 1, 2));
    EXPECT_CHECK_FAILS(slot_index_add(&index, 1, 8));
    arena_destroy(&arena);
}
