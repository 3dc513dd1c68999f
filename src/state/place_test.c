#include "state/place.h"

#include "test.h"

TEST(the_partitions_of_a_topic_go_round_the_cores)
{
    u32 counts[7] = {0};
    for (u32 id = 0; id < 1000; id++) {
        counts[place_core((struct place){.stream_id = 3, .topic_id = 5, .partition_id = id}, 7)]++;
    }
    for (u32 core = 0; core < 7; core++) {
        EXPECT(counts[core] >= 1000 / 7);
        EXPECT(counts[core] <= 1000 / 7 + 1);
    }
}

TEST(topics_and_streams_with_one_partition_go_round_the_cores_too)
{
    u32 topics[4] = {0};
    u32 streams[4] = {0};
    for (u32 i = 0; i < 100; i++) {
        topics[place_core((struct place){.topic_id = i}, 4)]++;
        streams[place_core((struct place){.stream_id = i}, 4)]++;
    }
    for (u32 core = 0; core < 4; core++) {
        EXPECT_EQ(topics[core], 25);
        EXPECT_EQ(streams[core], 25);
    }
}

TEST(large_ids_have_a_core_as_well)
{
    struct place place = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    EXPECT_EQ(place_core(place, 32), 29);
    EXPECT_EQ(place_core(place, 1), 0);
    EXPECT_CHECK_FAILS(place_core(place, 0));
}
