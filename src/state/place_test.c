#include "state/place.h"

#include "base/prng.h"
#include "test.h"

TEST(partitions_go_round_the_cores)
{
    struct place place;
    place_init(&place, 3);
    EXPECT_EQ(place_take(&place), 0);
    EXPECT_EQ(place_take(&place), 1);
    EXPECT_EQ(place_take(&place), 2);
    EXPECT_EQ(place_take(&place), 0);
}

TEST(what_a_deletion_freed_is_filled_first)
{
    struct place place;
    place_init(&place, 4);
    for (u32 i = 0; i < 8; i++) {
        (void)place_take(&place);
    }
    place_return(&place, 2);
    place_return(&place, 2);
    place_return(&place, 1);
    EXPECT_EQ(place_take(&place), 2);
    EXPECT_EQ(place_take(&place), 1);
    EXPECT_EQ(place_take(&place), 2);
    EXPECT_EQ(place_take(&place), 0);
}

TEST(cores_differ_by_at_most_one_while_only_creating)
{
    struct place place;
    place_init(&place, 7);
    for (u32 i = 0; i < 1000; i++) {
        (void)place_take(&place);
        u32 least = UINT32_MAX;
        u32 most = 0;
        for (u32 core = 0; core < 7; core++) {
            least = u32_min(least, place.partitions_count[core]);
            most = u32_max(most, place.partitions_count[core]);
        }
        EXPECT(most - least <= 1);
    }
}

TEST(returning_more_than_was_taken_is_a_failed_check)
{
    struct place place;
    place_init(&place, 2);
    EXPECT_CHECK_FAILS(place_return(&place, 0));
    EXPECT_CHECK_FAILS(place_return(&place, 2));
}
