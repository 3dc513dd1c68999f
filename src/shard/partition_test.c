#include "base/str.h"
#include "shard/shard_fixture.h"
#include "sim/sim_disk.h"

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

static u64 file_bytes(const struct bed *bed, const char *name)
{
    char path[IO_PATH_BYTES];
    (void)str_format(path, sizeof(path), "streams/0/topics/0/partitions/0/%s", name);
    const struct sim_inode *inode = sim_disk_find(sim_disk(bed->sim, 0), path);
    return inode == NULL ? 0 : inode->size;
}

TEST(a_topic_that_preallocates_has_the_space_of_its_segments_at_once)
{
    for (u32 level = DURABILITY_SYNC; level <= DURABILITY_MEMORY; level++) {
        struct bed bed;
        bed_open(&bed, &(struct sim_options){.seed = 3 + level});
        bed.settings.durability = (enum durability)level;
        bed_command(&bed,
                    &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
        struct topic_options options = topic_options_default();
        options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
        options.preallocate_segments = true;
        bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                                  .name = span_of("t"),
                                                  .partitions_count = 1,
                                                  .options = options});
        bed_start(&bed);
        EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->state, BED_ACKNOWLEDGED);
        EXPECT(file_bytes(&bed, "00000000000000000000.log") >= MIB);
        for (u32 i = 0; i < 30; i++) {
            (void)bed_append_one(&bed, 0, 1, 100000);
        }
        bed_run(&bed, 5 * US_PER_SECOND); /* the weaker levels have synced */
        u64 end = bed_check_all(&bed, 0, 5);
        EXPECT_EQ(end, 31);
        bool rolls = level != DURABILITY_MEMORY; /* there all of it may be one write */
        EXPECT(!rolls || bed_gauges(&bed, 0)->segments_count.value >= 2);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        EXPECT_EQ(bed_check_all(&bed, 0, 5), end);
        EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->base_offset, end);
        bed_close(&bed);
    }
}
