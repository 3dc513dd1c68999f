#include "state/slot_pool.h"

#include "test.h"

static struct arena arena;

static struct slot_pool pool_of(u32 slots_max)
{
    struct slot_pool pool;
    EXPECT(arena_create(&arena, slot_pool_bytes(slots_max) + 4096));
    slot_pool_init(&pool, &arena, slots_max);
    return pool;
}

TEST(slots_come_in_order_until_some_were_returned)
{
    struct slot_pool pool = pool_of(4);
    EXPECT_EQ(slot_pool_take(&pool), 0);
    EXPECT_EQ(slot_pool_take(&pool), 1);
    EXPECT_EQ(slot_pool_take(&pool), 2);
    slot_pool_return(&pool, 0);
    slot_pool_return(&pool, 2);
    EXPECT_EQ(slot_pool_free_count(&pool), 3);
    EXPECT_EQ(slot_pool_take(&pool), 2);
    EXPECT_EQ(slot_pool_take(&pool), 0);
    EXPECT_EQ(slot_pool_take(&pool), 3);
    EXPECT_EQ(slot_pool_free_count(&pool), 0);
    arena_destroy(&arena);
}

TEST(taking_from_an_empty_pool_is_a_failed_check)
{
    struct slot_pool pool = pool_of(1);
    EXPECT_EQ(slot_pool_take(&pool), 0);
    EXPECT_CHECK_FAILS(slot_pool_take(&pool));
    EXPECT_CHECK_FAILS(slot_pool_return(&pool, 1));
    arena_destroy(&arena);
}
