/* What the world does to a log: rot, a full disk, failed writes and syncs. */
#include "shard/shard_fixture.h"

static const char segment_path_0[] = "streams/0/topics/0/partitions/0/00000000000000000000.log";

static void open_with_batches(struct bed *bed, u64 seed, u32 partitions_count)
{
    bed_open(bed, &(struct sim_options){.seed = seed, .sector_bytes = 512});
    bed_topic(bed, partitions_count);
    bed_start(bed);
    for (u32 i = 0; i < 20; i++) {
        (void)bed_append_one(bed, 0, 5, 100);
    }
}

static void rot(struct bed *bed, u64 position, bool unreadable)
{
    struct sim_inode *inode = sim_disk_find(sim_disk(bed->sim, 0), segment_path_0);
    EXPECT(inode != NULL);
    sim_disk_rot_at(sim_disk(bed->sim, 0), inode, position, unreadable);
}

static u32 error_at(struct bed *bed, u64 offset)
{
    struct bed_polled polled =
        bed_poll(bed, 0, &(struct bed_poll){.strategy = POLL_OFFSET, .value = offset, .count = 5});
    if (polled.body != NULL) {
        mem_return(polled.body);
    }
    return polled.error;
}

/* Units of 5 messages, each of three sectors: number `unit` begins here. */
static u64 unit_position(u32 unit)
{
    return SEGMENT_HEADER_BYTES + 1536ull * unit;
}

TEST(rot_below_the_recovery_point_is_an_error_for_its_offsets_and_for_no_others)
{
    for (u32 unreadable = 0; unreadable < 2; unreadable++) {
        struct bed bed;
        open_with_batches(&bed, 1 + unreadable, 1);
        bed_stop(&bed);
        rot(&bed, unit_position(7), unreadable != 0);
        bed_start(&bed);
        for (u32 unit = 0; unit < 20; unit++) {
            bool is_rotten = unit == 7;
            EXPECT_EQ(error_at(&bed, unit * 5), is_rotten ? WIRE_CANNOT_READ_MESSAGE : WIRE_OK);
        }
        /* The end is sound: it takes more. */
        EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_ACKNOWLEDGED);
        bed_close(&bed);
    }
}

TEST(rot_above_the_recovery_point_opens_the_partition_for_reading_only)
{
    for (u32 unreadable = 0; unreadable < 2; unreadable++) {
        struct bed bed;
        open_with_batches(&bed, 3 + unreadable, 1);
        bed_kill(&bed); /* before a recovery point is noted */
        rot(&bed, unit_position(7), unreadable != 0);
        bed_start(&bed);
        EXPECT_EQ(error_at(&bed, 0), WIRE_OK);
        EXPECT_EQ(error_at(&bed, 34), WIRE_OK);
        EXPECT_EQ(error_at(&bed, 35), WIRE_CANNOT_READ_MESSAGE);
        EXPECT_EQ(error_at(&bed, 39), WIRE_CANNOT_READ_MESSAGE);
        EXPECT_EQ(error_at(&bed, 40), WIRE_OK);
        EXPECT_EQ(error_at(&bed, 99), WIRE_OK);
        EXPECT_EQ(bed.errors_logged, 1);
        EXPECT(strstr(bed.last_error, "partition.damaged") != NULL);
        EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_REFUSED);
        /* Nothing was deleted: another start finds the same. */
        bed_stop(&bed);
        bed_start(&bed);
        EXPECT_EQ(error_at(&bed, 35), WIRE_CANNOT_READ_MESSAGE);
        EXPECT_EQ(error_at(&bed, 95), WIRE_OK);
        bed_close(&bed);
    }
}

TEST(rot_in_a_header_is_rot_and_never_trash)
{
    struct bed bed;
    open_with_batches(&bed, 5, 2);
    (void)bed_append_one(&bed, 1, 5, 100);
    bed_stop(&bed);
    rot(&bed, 0, false);
    bed_start(&bed);
    EXPECT_EQ(error_at(&bed, 0), WIRE_CANNOT_READ_MESSAGE);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_REFUSED);
    EXPECT_EQ(bed_append_one(&bed, 1, 5, 100)->state, BED_ACKNOWLEDGED);
    EXPECT(sim_disk_find(sim_disk(bed.sim, 0), segment_path_0) != NULL);
    bed_close(&bed);
}

TEST(rot_in_the_last_write_is_cut_and_saved)
{
    struct bed bed;
    open_with_batches(&bed, 6, 1);
    bed_kill(&bed);
    rot(&bed, unit_position(19), false);
    bed_start(&bed);
    bed_run(&bed, US_PER_SECOND);
    EXPECT_EQ(counter_get(bed.counters, COUNTER_tails_cut), 1);
    EXPECT(sim_disk_find(sim_disk(bed.sim, 0),
                         "streams/0/topics/0/partitions/0/00000000000000000095-2.cut") != NULL);
    bed.batches[19].state = BED_UNKNOWN;
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 95);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->base_offset, 95);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 100);
    bed_close(&bed);
}

TEST(a_tail_whose_copy_cannot_be_written_stays_where_it_is)
{
    struct bed bed;
    open_with_batches(&bed, 7, 1);
    bed_kill(&bed);
    rot(&bed, unit_position(19), false);
    sim_fail_next(bed.sim, 0, SIM_WRITE, ".cut", ERR_SPACE);
    bed_start(&bed);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_REFUSED);
    EXPECT_EQ(error_at(&bed, 90), WIRE_OK);
    EXPECT(strstr(bed.last_error, "could not be copied") != NULL);
    bed_close(&bed);
}

TEST(a_failed_sync_stops_its_partition_and_no_other)
{
    struct bed bed;
    open_with_batches(&bed, 8, 2);
    sim_fail_next(bed.sim, 0, SIM_WRITE, "partitions/0/", ERR_IO);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_UNKNOWN);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_REFUSED);
    EXPECT_EQ(bed_append_one(&bed, 1, 5, 100)->state, BED_ACKNOWLEDGED);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 100);
    EXPECT_EQ(counter_get(bed.counters, COUNTER_partitions_stopped), 1);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    u64 end = bed_check_all(&bed, 0, 100);
    EXPECT(end == 100 || end == 105);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_ACKNOWLEDGED);
    bed_close(&bed);
}

TEST(a_write_that_finds_no_space_is_cut_away_and_appends_go_on_by_themselves)
{
    struct bed bed;
    open_with_batches(&bed, 9, 1);
    sim_fail_next(bed.sim, 0, SIM_WRITE, "partitions/0/", ERR_SPACE);
    (void)bed_append(&bed, 0, 5, 100);
    bed_run(&bed, 50);
    for (u32 i = 0; i < 5; i++) {
        (void)bed_append(&bed, 0, 5, 100);
    }
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[20].state, BED_UNKNOWN);
    bed_run(&bed, US_PER_SECOND);
    (void)bed_append_one(&bed, 0, 5, 100); /* finds out that there is space */
    bed_run(&bed, US_PER_SECOND);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_ACKNOWLEDGED);
    (void)bed_check_all(&bed, 0, 100);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    (void)bed_check_all(&bed, 0, 100);
    EXPECT_EQ(bed.errors_logged, 0);
    bed_close(&bed);
}

TEST(at_memory_a_segment_that_cannot_be_made_loses_nothing_that_was_acknowledged)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 12});
    bed.settings.durability = DURABILITY_MEMORY;
    bed_topic(&bed, 1);
    bed_start(&bed);
    for (u32 i = 0; i < 8; i++) {
        sim_fail_next(bed.sim, 0, SIM_OPEN, ".new", ERR_SPACE);
        EXPECT_EQ(bed_append_one(&bed, 0, 5, 250000)->state, BED_ACKNOWLEDGED);
        bed_run(&bed, 5 * US_PER_SECOND);
        (void)bed_append_one(&bed, 0, 1, 100); /* may find out that there is space */
        bed_run(&bed, 5 * US_PER_SECOND);
    }
    EXPECT(counter_get(bed.counters, COUNTER_segments_rolled) > 0);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), bed_gauges(&bed, 0)->messages_count.value);
    bed_stop(&bed);
    bed_start(&bed);
    (void)bed_check_all(&bed, 0, 100);
    bed_close(&bed);
}

TEST(at_memory_a_large_encrypted_batch_that_found_no_space_is_written_later)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 15});
    bed.encrypts = true;
    bed.settings.durability = DURABILITY_MEMORY;
    bed.settings.flush_bytes = 1000;
    bed_topic(&bed, 1);
    bed_start(&bed);
    (void)bed_append_one(&bed, 0, 1, 100);
    bed_run(&bed, US_PER_SECOND);
    sim_fail_next(bed.sim, 0, SIM_WRITE, "partitions/0/", ERR_SPACE);
    EXPECT_EQ(bed_append_one(&bed, 0, 2, 900000)->state, BED_ACKNOWLEDGED);
    bed_run(&bed, 20 * US_PER_MS);
    (void)bed_append_one(&bed, 0, 3, 100);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT(bed.core->shard->full_pace.has_said);
    u64 end = bed_check_all(&bed, 0, 100);
    EXPECT(end >= 3);
    bed_stop(&bed);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), end);
    bed_close(&bed);
}

TEST(at_memory_a_disk_that_stays_full_is_a_line_every_ten_seconds_and_not_every_try)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 14});
    bed.settings.durability = DURABILITY_MEMORY;
    bed.settings.disk_reserve_bytes = 0;
    bed_topic(&bed, 4);
    bed_start(&bed);
    bed_run(&bed, US_PER_SECOND);
    struct sim_disk *disk = sim_disk(bed.sim, 0);
    sim_disk_resize(bed.sim, 0, disk->capacity_bytes - sim_disk_free_bytes(disk));
    for (u32 i = 0; i < 4; i++) {
        (void)bed_append(&bed, i, 5, 100);
    }
    bed_wait(&bed);
    bed_take_appends(&bed);
    u32 before = bed.warnings_logged;
    bed_run(&bed, 40 * US_PER_SECOND);
    EXPECT(bed.warnings_logged - before >= 3);
    EXPECT(bed.warnings_logged - before <= 10); /* two kinds of them */
    sim_disk_resize(bed.sim, 0, 1 * GIB);
    bed_run(&bed, 5 * US_PER_SECOND);
    for (u32 i = 0; i < 4; i++) {
        EXPECT_EQ(bed.batches[i].state, BED_ACKNOWLEDGED);
        EXPECT_EQ(bed_check_all(&bed, i, 100), 5);
    }
    bed_stop(&bed);
    bed_close(&bed);
}

TEST(below_the_reserve_appends_are_refused_and_everything_else_goes_on)
{
    struct bed bed;
    open_with_batches(&bed, 10, 1);
    bed_run(&bed, 2 * US_PER_SECOND);
    struct sim_disk *disk = sim_disk(bed.sim, 0);
    sim_disk_resize(bed.sim, 0, disk->capacity_bytes - sim_disk_free_bytes(disk) + 2 * MIB);
    (void)bed_append_one(&bed, 0, 5, 100); /* asks how much is left */
    bed_run(&bed, US_PER_SECOND);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_REFUSED);
    }
    EXPECT_EQ(bed.errors_logged, 1);
    EXPECT(strstr(bed.last_error, "disk.below_reserve free_bytes=") != NULL);
    (void)bed_check_all(&bed, 0, 100);
    struct msg msg = {.kind = MSG_OFFSET_STORE,
                      .flags = MSG_AFTER_COMMIT,
                      .partition = bed_handle(&bed, 0),
                      .offset = {.offset = 3, .consumer = 1}};
    u32 slot = bed_send(&bed, &msg);
    bed_wait(&bed);
    EXPECT_EQ(bed.replies[slot].msg.error, WIRE_OK);
    bed_take_reply(&bed, slot);
    /* It starts there, too; and when space returns, no restart is needed. */
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    (void)bed_check_all(&bed, 0, 100);
    sim_disk_resize(bed.sim, 0, 1 * GIB);
    (void)bed_append_one(&bed, 0, 5, 100);
    bed_run(&bed, US_PER_SECOND);
    EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_ACKNOWLEDGED);
    EXPECT_EQ(bed.errors_logged, 1);
    bed_close(&bed);
}

TEST(a_disk_that_fills_up_under_load_loses_nothing_that_was_acknowledged)
{
    for (u64 seed = 100; seed < 120; seed++) {
        struct bed bed;
        bed_open(&bed, &(struct sim_options){.seed = seed, .disk_bytes = 24 * MIB});
        bed.encrypts = seed % 2 == 1;
        bed.settings.disk_reserve_bytes = prng_below(&bed.prng, 2) * MIB;
        bed_topic(&bed, 2);
        bed_start(&bed);
        for (u32 i = 0; i < 150; i++) {
            bed_take_appends(&bed);
            while (bed.in_flight >= 6) {
                bed_run(&bed, US_PER_MS);
                bed_take_appends(&bed);
            }
            (void)bed_append(&bed, i % 2, 10, 20000);
            bed_run(&bed, prng_below(&bed.prng, 2 * US_PER_MS));
        }
        bed_wait(&bed);
        bed_take_appends(&bed);
        EXPECT(bed.batches[149].state != BED_ACKNOWLEDGED);
        (void)bed_check_all(&bed, 0, 100);
        sim_disk_resize(bed.sim, 0, 1 * GIB);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        (void)bed_check_all(&bed, 0, 100);
        (void)bed_check_all(&bed, 1, 100);
        EXPECT_EQ(bed_append_one(&bed, 0, 5, 100)->state, BED_ACKNOWLEDGED);
        EXPECT(bed.errors_logged == 0 || strstr(bed.last_error, "disk.below_reserve") != NULL);
        bed_close(&bed);
    }
}

TEST(small_writes_go_into_zeros_written_before_and_large_ones_do_not_ask_for_them)
{
    struct bed bed;
    open_with_batches(&bed, 11, 2);
    EXPECT(counter_get(bed.counters, COUNTER_zero_bytes) >= 64 * KIB);
    u64 before = counter_get(bed.counters, COUNTER_zero_bytes);
    for (u32 i = 0; i < 4; i++) {
        (void)bed_append_one(&bed, 1, 5, 100000);
    }
    EXPECT_EQ(counter_get(bed.counters, COUNTER_zero_bytes), before);
    bed_close(&bed);
}
