#include "shard/shard_fixture.h"

TEST(what_was_appended_is_polled_by_every_strategy)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 1});
    bed_topic(&bed, 1);
    bed_start(&bed);
    for (u32 i = 0; i < 20; i++) {
        struct bed_batch *batch = bed_append_one(&bed, 0, 10, 100);
        EXPECT_EQ(batch->state, BED_ACKNOWLEDGED);
        EXPECT_EQ(batch->base_offset, i * 10);
    }
    EXPECT_EQ(bed_check_all(&bed, 0, 1000), 200);
    EXPECT_EQ(bed_check_all(&bed, 0, 7), 200);
    bed_close(&bed);
}

TEST(what_was_acknowledged_is_there_after_a_restart)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 2});
    bed_topic(&bed, 2);
    bed_start(&bed);
    for (u32 i = 0; i < 30; i++) {
        (void)bed_append_one(&bed, i % 2, 5, 1000);
    }
    bed_stop(&bed);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 75);
    EXPECT_EQ(bed_check_all(&bed, 1, 3), 75);
    (void)bed_append_one(&bed, 0, 5, 1000);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 80);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 80);
    EXPECT_EQ(bed_check_all(&bed, 1, 100), 75);
    bed_close(&bed);
}
