#include "shard/shard_fixture.h"

static void on_topic(struct bed *bed, enum state_command_kind kind)
{
    bed_command(bed, &(struct state_command){.kind = kind});
}

static void create_topic(struct bed *bed, u32 id, struct span name)
{
    struct topic_options options = topic_options_default();
    options.segment_size_bytes = TOPIC_SEGMENT_BYTES_MIN;
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_TOPIC,
                                             .topic_id = id,
                                             .name = name,
                                             .partitions_count = 1,
                                             .options = options});
}

static void create_topic_again(struct bed *bed)
{
    create_topic(bed, 0, span_of("t"));
}

static u32 slot_of_first(struct bed *bed)
{
    return state_partition_find(bed->core->state, 0, 0, 0)->slot;
}

static void open_with_messages(struct bed *bed, u64 seed)
{
    bed_open(bed, &(struct sim_options){.seed = seed});
    bed_topic(bed, 1);
    bed_start(bed);
    for (u32 i = 0; i < 5; i++) {
        (void)bed_append_one(bed, 0, 10, 100);
    }
}

static u32 trash_count(struct bed *bed)
{
    struct sim_inode *trash = sim_disk_find(sim_disk(bed->sim, 0), "trash");
    u32 count = 0;
    if (trash != NULL) {
        list_for_each(node, next, &trash->children) {
            count++;
        }
    }
    return count;
}

TEST(a_purged_partition_begins_again_at_zero_and_its_trash_is_emptied)
{
    struct bed bed;
    open_with_messages(&bed, 1);
    on_topic(&bed, STATE_PURGE_TOPIC);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 0);
    EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, 0);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 3);
    bed_run(&bed, US_PER_SECOND);
    EXPECT_EQ(trash_count(&bed), 0);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 3);
    bed_close(&bed);
}

TEST(a_topic_that_comes_back_under_the_same_number_is_empty)
{
    struct bed bed;
    open_with_messages(&bed, 2);
    on_topic(&bed, STATE_DELETE_TOPIC);
    create_topic_again(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 0);
    EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, 0);
    bed_crash(&bed, &sim_crash_default);
    bed_start(&bed);
    EXPECT_EQ(bed_check_all(&bed, 0, 100), 3);
    EXPECT_EQ(bed.errors_logged, 0);
    bed_close(&bed);
}

/* The directory is named by ids, and the next life has it in another slot: it may neither find what
 * the last one has not moved away yet, nor have its own moved away. */
TEST(the_next_life_of_the_same_ids_in_another_slot_waits_until_the_last_is_gone)
{
    for (u64 seed = 300; seed < 340; seed++) {
        struct bed bed;
        open_with_messages(&bed, seed);
        create_topic(&bed, 1, span_of("u"));
        u32 slot = slot_of_first(&bed);
        bool writes = prng_chance(&bed.prng, 1, 2);
        if (writes) {
            (void)bed_append(&bed, 0, 4, 100);
        }
        bed_run(&bed, prng_below(&bed.prng, 2 * US_PER_MS));
        bed_command(&bed, &(struct state_command){.kind = STATE_DELETE_TOPIC, .topic_id = 0});
        bed_command(&bed, &(struct state_command){.kind = STATE_DELETE_TOPIC, .topic_id = 1});
        create_topic_again(&bed);
        EXPECT(slot_of_first(&bed) != slot);
        bed_wait(&bed);
        bed_take_appends(&bed);
        EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, 0);
        EXPECT_EQ(bed_check_all(&bed, 0, 100), 3);
        bed_kill(&bed);
        bed_start(&bed);
        EXPECT_EQ(bed_check_all(&bed, 0, 100), 3);
        EXPECT_EQ(bed.errors_logged, 0);
        bed_close(&bed);
    }
}

TEST(a_life_that_ended_just_before_a_crash_is_never_served_again)
{
    for (u64 seed = 10; seed < 60; seed++) {
        struct bed bed;
        open_with_messages(&bed, seed);
        bool deletes = prng_chance(&bed.prng, 1, 2);
        on_topic(&bed, deletes ? STATE_DELETE_TOPIC : STATE_PURGE_TOPIC);
        if (deletes) {
            create_topic_again(&bed);
        }
        (void)bed_append(&bed, 0, 4, 100);
        bed_run(&bed, prng_below(&bed.prng, 20 * US_PER_MS));
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        u64 end = bed_check_all(&bed, 0, 100);
        EXPECT(end == 0 || end == 4);
        (void)bed_append_one(&bed, 0, 2, 100);
        EXPECT_EQ(bed_check_all(&bed, 0, 100), end + 2);
        EXPECT_EQ(bed.errors_logged, 0);
        bed_close(&bed);
    }
}

TEST(stored_offsets_end_with_their_life)
{
    struct bed bed;
    open_with_messages(&bed, 3);
    struct bed_poll poll = {.strategy = POLL_NEXT, .count = 7, .auto_commit = true};
    struct bed_polled polled = bed_poll(&bed, 0, &poll);
    EXPECT_EQ(polled.count, 7);
    mem_return(polled.body);
    on_topic(&bed, STATE_PURGE_TOPIC);
    (void)bed_append_one(&bed, 0, 20, 100);
    for (u32 round = 0; round < 2; round++) {
        poll.auto_commit = false;
        polled = bed_poll(&bed, 0, &poll);
        EXPECT_EQ(polled.count, 7);
        EXPECT_EQ(get_u64(polled.body + 8), 0);
        mem_return(polled.body);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
    }
    bed_close(&bed);
}

TEST(purges_in_a_row_while_requests_are_under_way_end_in_one_sound_life)
{
    for (u64 seed = 100; seed < 120; seed++) {
        struct bed bed;
        open_with_messages(&bed, seed);
        for (u32 i = 0; i < 6; i++) {
            (void)bed_append(&bed, 0, 4, 100);
            bed_run(&bed, prng_below(&bed.prng, 2 * US_PER_MS));
            on_topic(&bed, STATE_PURGE_TOPIC);
        }
        bed_wait(&bed);
        bed_take_appends(&bed);
        u64 next = bed_append_one(&bed, 0, 3, 100)->base_offset;
        EXPECT_EQ(bed_check_all(&bed, 0, 100), next + 3);
        bed_close(&bed);
    }
}

/* Those that are being written at the purge go with it, the others do not; none is refused. */
TEST(appends_that_wait_while_their_topic_is_purged_go_into_the_next_life)
{
    u32 kept = 0;
    for (u64 seed = 400; seed < 440; seed++) {
        struct bed bed;
        open_with_messages(&bed, seed);
        bed_run(&bed, 2 * US_PER_SECOND);
        u32 purges = 1 + (u32)(seed % 3);
        for (u32 i = 0; i < 12; i++) {
            (void)bed_append(&bed, 0, 4, i % 4 == 0 ? 30000 : 100);
            bed_run(&bed, 1 + prng_below(&bed.prng, 200));
            if (i >= 6 && i < 6 + purges) {
                on_topic(&bed, STATE_PURGE_TOPIC);
            }
        }
        bed_wait(&bed);
        bed_take_appends(&bed);
        for (u32 i = 5; i < bed.batches_count; i++) {
            EXPECT_EQ(bed.batches[i].state, BED_ACKNOWLEDGED);
            kept += bed.batches[i].crossed && bed.batches[i].base_offset < 40;
        }
        u64 end = bed_check_all(&bed, 0, 100);
        EXPECT(end >= 4 * (6 - purges));
        EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, end);
        bed_crash(&bed, &sim_crash_default);
        bed_start(&bed);
        EXPECT_EQ(bed_check_all(&bed, 0, 100), end + 3);
        EXPECT_EQ(bed.errors_logged, 0);
        bed_close(&bed);
    }
    EXPECT(kept > 40); /* the purges did meet some that waited */
}

/* An edge on another core may not have heard of the purge. */
TEST(an_append_sent_to_a_life_before_a_purge_is_not_lost_but_one_to_a_deleted_topic_is_refused)
{
    struct bed bed;
    open_with_messages(&bed, 8);
    struct partition_handle old = bed_handle(&bed, 0);
    on_topic(&bed, STATE_PURGE_TOPIC);
    on_topic(&bed, STATE_PURGE_TOPIC);
    u32 late = bed_append_to(&bed, old, 4, 100);
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[late - 1].state, BED_ACKNOWLEDGED);
    EXPECT_EQ(bed.batches[late - 1].base_offset, 0);
    late = bed_append_to(&bed, old, 4, 100);
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[late - 1].base_offset, 4);

    u32 waits = bed_append(&bed, 0, 4, 100);
    on_topic(&bed, STATE_DELETE_TOPIC);
    create_topic_again(&bed);
    late = bed_append_to(&bed, old, 4, 100);
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[waits - 1].state, BED_REFUSED);
    EXPECT_EQ(bed.batches[late - 1].state, BED_REFUSED);
    EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, 0);
    bed_close(&bed);
}

TEST(a_write_under_way_at_a_purge_leaves_nothing_of_its_life_in_the_next)
{
    for (u64 seed = 200; seed < 220; seed++) {
        struct bed bed;
        open_with_messages(&bed, seed);
        bed_run(&bed, 2 * US_PER_SECOND); /* the ends so far are noted */
        (void)bed_append(&bed, 0, 4, 100);
        bed_run(&bed, 1 + prng_below(&bed.prng, 300));
        on_topic(&bed, STATE_PURGE_TOPIC);
        bed_wait(&bed);
        bed_take_appends(&bed);
        bed_run(&bed, 3 * US_PER_SECOND);
        EXPECT(list_is_empty(&bed.core->shard->ends.dirty));
        bed_close(&bed);
    }
}

TEST(a_life_that_control_does_not_know_keeps_the_shard_from_starting)
{
    struct bed bed;
    open_with_messages(&bed, 4);
    bed_run(&bed, 2 * US_PER_SECOND); /* a recovery point is noted */
    on_topic(&bed, STATE_PURGE_TOPIC);
    (void)bed_append_one(&bed, 0, 3, 100);
    bed_run(&bed, 2 * US_PER_SECOND);
    bed_kill(&bed);
    bed.commands_count -= 1; /* the purge is lost */
    EXPECT(bed_try_start(&bed) != WIRE_OK);
    EXPECT(strstr(bed.last_error, "control lost its tail") != NULL);
    bed_close(&bed);
}

/* No recovery point and no stored offset tells of the life: the names of the files do. */
TEST(a_start_that_control_does_not_know_keeps_the_shard_from_starting)
{
    for (u32 known = 1; known <= 2; known++) {
        struct bed bed;
        open_with_messages(&bed, 8);
        while (bed.boot < 3) {
            bed_kill(&bed);
            bed_start(&bed);
        }
        on_topic(&bed, STATE_PURGE_TOPIC);
        (void)bed_append_one(&bed, 0, 3, 100);
        bed_kill(&bed);
        bed.commands_count -= 1 + bed.boot - known; /* the purge is lost, and one start or two */
        bed.boot = known;
        EXPECT(bed_try_start(&bed) != WIRE_OK);
        EXPECT(strstr(bed.last_error, "control lost its tail") != NULL);
        bed_close(&bed);
    }
}

static bool is_there(struct bed *bed, const char *path)
{
    return sim_disk_find(sim_disk(bed->sim, 0), path) != NULL;
}

TEST(what_was_deleted_just_before_a_crash_is_swept_away_at_the_next_start)
{
    struct bed bed;
    open_with_messages(&bed, 6);
    bed_kill(&bed);
    /* Control logged the deletion; nobody moved the directory. */
    on_topic(&bed, STATE_DELETE_TOPIC);
    EXPECT(is_there(&bed, "streams/0/topics/0/partitions/0"));
    bed_start(&bed);
    bed_run(&bed, US_PER_SECOND);
    EXPECT(!is_there(&bed, "streams/0/topics/0/partitions/0"));
    EXPECT_EQ(trash_count(&bed), 0);
    create_topic_again(&bed);
    EXPECT_EQ(bed_append_one(&bed, 0, 3, 100)->base_offset, 0);
    EXPECT_EQ(bed.errors_logged, 0);
    bed_close(&bed);
}

TEST(a_directory_that_control_never_heard_of_keeps_the_shard_from_starting)
{
    struct bed bed;
    open_with_messages(&bed, 7);
    bed_kill(&bed);
    bed.commands_count = 1; /* only the stream is left */
    EXPECT_EQ(sim_disk_remove_tree(sim_disk(bed.sim, 0), "ends"), OK);
    EXPECT(bed_try_start(&bed) != WIRE_OK);
    EXPECT(strstr(bed.last_error, "control lost its tail") != NULL);
    bed_close(&bed);
}
