#include "shard/shard_fixture.h"

struct topic {
    u64 expiry_us;
    u64 bytes_max;
};

/* Segments of 1 MiB, each filled by 11 batches of 100 KB: `segments_count` and a little more. */
static void open_with_segments(struct bed *bed, u64 seed, const struct topic *topic,
                               u32 segments_count)
{
    bed_open(bed, &(struct sim_options){.seed = seed});
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    options.message_expiry_us = topic->expiry_us;
    options.max_topic_size_bytes = topic->bytes_max;
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                             .name = span_of("t"),
                                             .partitions_count = 1,
                                             .options = options});
    bed_start(bed);
    for (u32 i = 0; i < segments_count * 11; i++) {
        (void)bed_append_one(bed, 0, 1, 100000);
    }
}

static const struct topic keeps_all = {.expiry_us = UINT64_MAX, .bytes_max = UINT64_MAX};

static u64 first_offset(struct bed *bed)
{
    struct bed_polled polled =
        bed_poll(bed, 0, &(struct bed_poll){.strategy = POLL_FIRST, .count = 1});
    EXPECT_EQ(polled.error, WIRE_OK);
    u64 offset = polled.count == 0 ? UINT64_MAX : get_u64(polled.body + 8);
    mem_return(polled.body);
    return offset;
}

static u32 delete_segments_as(struct bed *bed, u64 client, u64 number, u32 count)
{
    struct msg msg = {.kind = MSG_SEGMENTS_DELETE,
                      .partition = bed_handle(bed, 0),
                      .client = {.low = client, .high = 9},
                      .segments = {.count = count, .number = number}};
    u32 slot = bed_send(bed, &msg);
    bed_wait(bed);
    u32 error = bed->replies[slot].msg.error;
    bed_take_reply(bed, slot);
    bed_run(bed, US_PER_SECOND);
    return error;
}

static u32 delete_segments(struct bed *bed, u32 count)
{
    return delete_segments_as(bed, 0, 0, count);
}

static u32 files_count(struct bed *bed)
{
    struct sim_inode *inode =
        sim_disk_find(sim_disk(bed->sim, 0), "streams/0/topics/0/partitions/0");
    u32 count = 0;
    list_for_each(node, next, &inode->children) {
        struct sim_inode *child = container_of(node, struct sim_inode, sibling);
        count += strstr(child->place.name, ".log") != NULL ? 1 : 0;
    }
    return count;
}

TEST(segments_roll_and_everything_is_read_across_them)
{
    struct bed bed;
    open_with_segments(&bed, 1, &keeps_all, 4);
    EXPECT_EQ(files_count(&bed), 4);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->segments_count), 4);
    EXPECT_EQ(bed_check_all(&bed, 0, 5), 44);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 5), 44);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->segments_count), 4);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->messages_count), 44);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->bytes), 44 * (256 + 48 + 100000));
    bed_close(&bed);
}

TEST(a_deletion_that_comes_again_is_answered_and_deletes_no_more)
{
    struct bed bed;
    open_with_segments(&bed, 12, &keeps_all, 6);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(delete_segments_as(&bed, 1, 70, 1), WIRE_OK);
        EXPECT_EQ(first_offset(&bed), 11);
    }
    /* Another number, another client, another count: each is one of its own. */
    EXPECT_EQ(delete_segments_as(&bed, 1, 71, 1), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 22);
    EXPECT_EQ(delete_segments_as(&bed, 2, 70, 1), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 33);
    EXPECT_EQ(delete_segments_as(&bed, 1, 70, 2), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 55);
    EXPECT_EQ(counter_get(bed.counters, COUNTER_deletions_repeated), 2);
    bed_close(&bed);
}

TEST(a_deletion_without_a_number_is_done_each_time)
{
    struct bed bed;
    open_with_segments(&bed, 13, &keeps_all, 4);
    EXPECT_EQ(delete_segments_as(&bed, 1, 0, 1), WIRE_OK);
    EXPECT_EQ(delete_segments_as(&bed, 1, 0, 1), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 22);
    bed_close(&bed);
}

TEST(segments_are_deleted_on_request_oldest_first_and_never_the_newest)
{
    struct bed bed;
    open_with_segments(&bed, 2, &keeps_all, 4);
    EXPECT_EQ(delete_segments(&bed, 0), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 0);
    EXPECT_EQ(delete_segments(&bed, 1), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 11);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->messages_count), 33);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->bytes), 33 * (256 + 48 + 100000));
    EXPECT_EQ(files_count(&bed), 3);
    EXPECT_EQ(delete_segments(&bed, 100), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 33);
    EXPECT_EQ(files_count(&bed), 1);
    EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->base_offset, 44);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(first_offset(&bed), 33);
    EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->base_offset, 45);
    bed_close(&bed);
}

TEST(a_crash_while_segments_go_leaves_no_gap)
{
    for (u64 seed = 10; seed < 25; seed++) {
        struct bed bed;
        open_with_segments(&bed, seed, &keeps_all, 4);
        struct msg msg = {.kind = MSG_SEGMENTS_DELETE,
                          .partition = bed_handle(&bed, 0),
                          .segments = {.count = 2}};
        (void)bed_send(&bed, &msg);
        bed_run(&bed, prng_below(&bed.prng, 4 * US_PER_MS));
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        u8 *met = mem_take(BED_BATCHES_MAX);
        u64 first = first_offset(&bed);
        EXPECT(first == 0 || first == 11 || first == 22);
        EXPECT_EQ(bed_read_all(&bed, 0, first, 100, met), 44);
        mem_return(met);
        EXPECT_EQ(bed.errors_logged, 0);
        bed_close(&bed);
    }
}

/* From the first retained message on everything is there: batches are of one message. */
static void check_no_gap(struct bed *bed, u64 end)
{
    u8 *met = mem_take(BED_BATCHES_MAX);
    u64 first = first_offset(bed);
    EXPECT(first < end && first % 11 == 0);
    EXPECT_EQ(bed_read_all(bed, 0, first, 100, met), end);
    mem_return(met);
}

TEST(what_goes_while_the_directory_cannot_be_synced_leaves_no_gap)
{
    for (u64 seed = 30; seed < 50; seed++) {
        struct bed bed;
        open_with_segments(&bed, seed, &keeps_all, 6);
        u32 failures = 1 + (u32)(seed % 4);
        for (u32 i = 0; i < failures; i++) {
            sim_fail_next(bed.sim, 0, SIM_SYNC, "partitions/0", ERR_IO);
        }
        EXPECT_EQ(delete_segments(&bed, 2), WIRE_OK);
        EXPECT_EQ(delete_segments(&bed, 2), WIRE_OK);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        check_no_gap(&bed, 66);
        bed_close(&bed);
    }
}

TEST(a_segment_that_cannot_be_unlinked_keeps_those_behind_it_until_the_next_start)
{
    struct bed bed;
    open_with_segments(&bed, 50, &keeps_all, 6);
    EXPECT_EQ(delete_segments(&bed, 1), WIRE_OK); /* it becomes the spare */
    sim_fail_next(bed.sim, 0, SIM_UNLINK, "00011.log", ERR_IO);
    EXPECT_EQ(delete_segments(&bed, 3), WIRE_OK);
    EXPECT_EQ(delete_segments(&bed, 3), WIRE_OK);
    EXPECT_EQ(files_count(&bed), 5);
    bed_stop(&bed);
    bed_start(&bed);
    EXPECT_EQ(first_offset(&bed), 11);
    check_no_gap(&bed, 66);
    EXPECT_EQ(delete_segments(&bed, 100), WIRE_OK);
    EXPECT_EQ(files_count(&bed), 1);
    bed_close(&bed);
}

TEST(what_went_unsynced_before_a_kill_is_synced_before_more_goes)
{
    for (u64 seed = 60; seed < 80; seed++) {
        struct bed bed;
        open_with_segments(&bed, seed, &keeps_all, 6);
        bed_stop(&bed);
        bed_start(&bed); /* with a recovery point in the newest: no start syncs the directory */
        EXPECT_EQ(delete_segments(&bed, 1), WIRE_OK);
        sim_fail_next(bed.sim, 0, SIM_SYNC, "partitions/0", ERR_IO);
        EXPECT_EQ(delete_segments(&bed, 1), WIRE_OK);
        bed_kill(&bed);
        bed_start(&bed);
        EXPECT_EQ(first_offset(&bed), 22);
        sim_fail_next(bed.sim, 0, SIM_SYNC, "partitions/0", ERR_IO);
        EXPECT_EQ(delete_segments(&bed, 1), WIRE_OK);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        check_no_gap(&bed, 66);
        bed_close(&bed);
    }
}

/* The oldest segments go `after_us` into a poll that begins with them. */
static void poll_while_segments_go(u64 seed, u64 after_us)
{
    struct bed bed;
    open_with_segments(&bed, seed, &keeps_all, 4);
    bed_kill(&bed); /* nothing is in memory, no file is open */
    bed_start(&bed);
    struct msg poll = {.kind = MSG_POLL,
                       .partition = bed_handle(&bed, 0),
                       .poll = {.count_strategy = 1 | (u32)POLL_FIRST << 24}};
    struct msg removal = {
        .kind = MSG_SEGMENTS_DELETE, .partition = bed_handle(&bed, 0), .segments = {.count = 3}};
    u32 slot = bed_send(&bed, &poll);
    bed_run(&bed, after_us);
    (void)bed_send(&bed, &removal);
    bed_wait(&bed);
    EXPECT_EQ(bed.replies[slot].msg.error, WIRE_OK);
    struct poll_loan *loan = bed.replies[slot].msg.loan;
    EXPECT_EQ(loan->messages_count, 1);
    u64 offset = get_u64(loan->pieces[0].data + 8);
    EXPECT(offset == 0 || offset == 33);
    bed_return_loan(&bed, loan);
    bed_close(&bed);
}

TEST(a_poll_whose_segment_goes_meanwhile_begins_with_what_is_left)
{
    for (u64 after_us = 0; after_us < 2000; after_us += 50) {
        poll_while_segments_go(100 + after_us, after_us);
    }
}

TEST(what_somebody_has_not_passed_is_held_back_until_his_offset_is_too_old)
{
    struct bed bed;
    open_with_segments(&bed, 3, &keeps_all, 3);
    struct bed_polled polled = bed_poll(
        &bed, 0, &(struct bed_poll){.strategy = POLL_NEXT, .count = 15, .auto_commit = true});
    EXPECT_EQ(polled.count, 15);
    mem_return(polled.body);
    EXPECT_EQ(delete_segments(&bed, 100), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 11);
    bed.settings.offset_hold_us_max = US_PER_SECOND;
    bed_run(&bed, 3 * US_PER_SECOND);
    EXPECT_EQ(delete_segments(&bed, 100), WIRE_OK);
    EXPECT_EQ(first_offset(&bed), 22);
    bed_close(&bed);
}

TEST(expired_messages_go_and_then_even_the_newest_segment_is_followed_by_an_empty_one)
{
    struct bed bed;
    struct topic topic = {.expiry_us = 20 * US_PER_SECOND, .bytes_max = UINT64_MAX};
    open_with_segments(&bed, 4, &topic, 3);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(first_offset(&bed), 0);
    bed_run(&bed, 20 * US_PER_SECOND);
    EXPECT_EQ(first_offset(&bed), UINT64_MAX);
    EXPECT_EQ(files_count(&bed), 1);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->messages_count), 0);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->bytes), 0);
    EXPECT_EQ(gauge_get(&bed_gauges(&bed, 0)->current_offset), 32);
    /* Offsets go on where they were, also after a restart. */
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(first_offset(&bed), UINT64_MAX);
    EXPECT_EQ(bed_append_one(&bed, 0, 1, 100)->base_offset, 33);
    bed_close(&bed);
}

TEST(a_topic_that_grows_too_large_loses_its_oldest_segments)
{
    struct bed bed;
    struct topic topic = {.expiry_us = UINT64_MAX, .bytes_max = 4 * MIB};
    open_with_segments(&bed, 5, &topic, 8);
    bed_run(&bed, 3 * US_PER_SECOND);
    EXPECT(gauge_get(&bed_gauges(&bed, 0)->bytes) < 4 * MIB);
    EXPECT(gauge_get(&bed_gauges(&bed, 0)->bytes) > 2 * MIB);
    u8 *met = mem_take(BED_BATCHES_MAX);
    EXPECT_EQ(bed_read_all(&bed, 0, first_offset(&bed), 100, met), 88);
    mem_return(met);
    bed_close(&bed);
}

TEST(a_topic_of_small_sends_is_as_large_as_its_files)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 6});
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    options.max_topic_size_bytes = 5 * MIB;
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                              .name = span_of("t"),
                                              .partitions_count = 1,
                                              .options = options});
    bed_start(&bed);
    for (u32 i = 0; i < 2500; i++) { /* one a unit of 4 KiB: 10 MB of 1 MB of batches */
        (void)bed_append_one(&bed, 0, 1, 100);
    }
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT(first_offset(&bed) > 1000);
    u64 files = gauge_get(&bed_gauges(&bed, 0)->disk_bytes);
    EXPECT(files + gauge_get(&bed_gauges(&bed, 0)->spare_bytes) < 5 * MIB);
    EXPECT(files > 2 * MIB);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    bed_run(&bed, 5 * US_PER_SECOND);
    /* The units of segments sealed before are all of one size here; the last one's may be cut. */
    EXPECT(gauge_get(&bed_gauges(&bed, 0)->disk_bytes) <= files);
    EXPECT(gauge_get(&bed_gauges(&bed, 0)->disk_bytes) >= files - 128 * KIB);
    bed_close(&bed);
}

/* Everything from the first retained message on is there, and what was acknowledged last. */
static void check_retained(struct bed *bed)
{
    u8 *met = mem_take(BED_BATCHES_MAX);
    u64 first = first_offset(bed);
    u64 end = first == UINT64_MAX ? 0 : bed_read_all(bed, 0, first, 100, met);
    for (u32 i = 0; i < bed->batches_count; i++) {
        const struct bed_batch *batch = &bed->batches[i];
        if (batch->state == BED_ACKNOWLEDGED && batch->base_offset >= first) {
            EXPECT(met[i] == 1);
            EXPECT(batch->base_offset < end);
        }
    }
    mem_return(met);
}

/* Batches of very different sizes, a few in flight, over some time. */
static void append_mixed(struct bed *bed, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        bed_take_appends(bed);
        while (bed->in_flight >= 4) {
            bed_run(bed, US_PER_MS);
            bed_take_appends(bed);
        }
        u32 payload = prng_chance(&bed->prng, 1, 4) ? 300000 : 30000;
        (void)bed_append(bed, 0, 1 + (u32)prng_below(&bed->prng, 4), payload);
        bed_run(bed, prng_below(&bed->prng, 4 * US_PER_MS));
    }
}

static void start_with_interval(struct bed *bed, u64 interval_us)
{
    bed->settings.retention_interval_us = interval_us;
    bed_start(bed);
}

struct seen {
    u64 recycled;
    u64 cut;
};

static void recycle_and_crash(u64 seed, struct seen *seen)
{
    struct bed bed;
    struct topic topic = {.expiry_us = UINT64_MAX, .bytes_max = 2 * MIB};
    open_with_segments(&bed, seed, &topic, 1);
    for (u32 round = 0; round < 3; round++) {
        bed_kill(&bed);
        start_with_interval(&bed, 20 * US_PER_MS);
        append_mixed(&bed, 60);
        seen->recycled += counter_get(bed.counters, COUNTER_segments_recycled);
        bed_crash(&bed, &sim_crash_default);
        start_with_interval(&bed, 0); /* nothing goes while we look */
        check_retained(&bed);
        seen->cut += counter_get(bed.counters, COUNTER_tails_cut);
    }
    EXPECT_EQ(bed.errors_logged, 0);
    bed_close(&bed);
}

TEST(a_recycled_segment_never_shows_what_it_held_before_whatever_crashes)
{
    struct seen seen = {0};
    for (u64 seed = 40; seed < 60; seed++) {
        recycle_and_crash(seed, &seen);
    }
    EXPECT(seen.recycled >= 20);
    EXPECT(seen.cut >= 1);
}

TEST(an_idle_partition_gives_its_spare_back)
{
    struct bed bed;
    open_with_segments(&bed, 7, &keeps_all, 3);
    EXPECT_EQ(delete_segments(&bed, 100), WIRE_OK);
    const char *spare = "streams/0/topics/0/partitions/0/spare";
    EXPECT(sim_disk_find(sim_disk(bed.sim, 0), spare) != NULL);
    bed_run(&bed, 90 * US_PER_SECOND);
    EXPECT(sim_disk_find(sim_disk(bed.sim, 0), spare) == NULL);
    bed_close(&bed);
}

TEST(a_size_that_is_guessed_after_a_start_takes_nothing)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 6});
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    options.max_topic_size_bytes = 8 * MIB;
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                              .name = span_of("t"),
                                              .partitions_count = 1,
                                              .options = options});
    bed_start(&bed);
    for (u32 i = 0; i < 1300; i++) {
        (void)bed_append_one(&bed, 0, 1, i % 10 == 0 ? 3600 : 3536);
    }
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(first_offset(&bed), 0);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(first_offset(&bed), 0);
    bed_close(&bed);
}

TEST(what_expired_is_not_counted_in_the_size_again)
{
    struct bed bed;
    bed_open(&bed, &(struct sim_options){.seed = 7});
    bed.settings.retention_interval_us = 30 * US_PER_SECOND;
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = span_of("s")});
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    options.max_topic_size_bytes = 7 * MIB;
    options.message_expiry_us = 12 * US_PER_SECOND;
    bed_command(&bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                              .name = span_of("t"),
                                              .partitions_count = 1,
                                              .options = options});
    bed_start(&bed);
    for (u32 i = 0; i < 44; i++) {
        (void)bed_append_one(&bed, 0, 1, 100000);
    }
    bed_run(&bed, 20 * US_PER_SECOND);
    for (u32 i = 0; i < 33; i++) {
        (void)bed_append_one(&bed, 0, 1, 100000);
    }
    EXPECT_EQ(first_offset(&bed), 0);
    bed_run(&bed, 11 * US_PER_SECOND);
    EXPECT_EQ(first_offset(&bed), 44);
    bed_close(&bed);
}
