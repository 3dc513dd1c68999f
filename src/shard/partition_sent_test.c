/* Sends that come again: stored once, answered as the first time. */
#include "shard/shard_fixture.h"

static struct bed bed;

/* A send of two messages, as an edge signs it. */
static u32 send_again(u64 client, u64 request, u32 body)
{
    u32 bytes = BATCH_HEADER_BYTES + 2 * (MESSAGE_FRAME_HEADER_BYTES + 64);
    struct buf *buf = shard_take_buf(bed.core->shard, UNIT_CONTROL_BYTES + bytes);
    EXPECT(buf != NULL);
    u8 *batch = buf->data + UNIT_CONTROL_BYTES;
    u32 size = bed_build(batch, bytes, body, 2, 64);
    append_sender_put(
        batch, &(struct append_sender){.client = {.low = client, .high = 9}, .request = request});
    struct msg msg = {.kind = MSG_APPEND,
                      .flags = MSG_BATCH_ALIGNED,
                      .partition = bed_handle(&bed, 0),
                      .bufs = {buf, NULL},
                      .append = {.batch_position = UNIT_CONTROL_BYTES,
                                 .batch_size = size,
                                 .request_hash = body + 1}};
    u32 slot = bed_send(&bed, &msg);
    bed.replies[slot].batch = ++bed.batches_count;
    bed.replies[slot].buf = buf;
    return bed.batches_count - 1;
}

static struct bed_batch *sent_now(u64 client, u64 request, u32 body)
{
    u32 index = send_again(client, request, body);
    bed_wait(&bed);
    bed_take_appends(&bed);
    return &bed.batches[index];
}

static void set_up(enum durability durability, u64 seed)
{
    bed_open(&bed, &(struct sim_options){.seed = seed});
    bed.settings.durability = durability;
    bed_start(&bed);
    bed_topic(&bed, 1);
}

TEST(a_send_that_comes_again_gets_the_first_answer_and_is_stored_once)
{
    for (u32 level = DURABILITY_SYNC; level <= DURABILITY_MEMORY; level++) {
        set_up((enum durability)level, 3);
        EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
        EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 2);
        EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
        EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 2);
        EXPECT_EQ(bed_gauges(&bed, 0)->messages_count.value, 4);
        bed_close(&bed);
    }
}

TEST(the_same_number_with_another_body_is_another_send)
{
    set_up(DURABILITY_SYNC, 4);
    EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
    EXPECT_EQ(sent_now(1, 1, 51)->base_offset, 2);
    EXPECT_EQ(sent_now(2, 1, 50)->base_offset, 4);
    EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
    bed_close(&bed);
}

TEST(a_send_that_comes_again_while_the_first_is_written_waits_for_it)
{
    set_up(DURABILITY_SYNC, 5);
    (void)sent_now(1, 1, 50); /* the segment is there */
    u32 slots[5];
    for (u32 i = 0; i < 5; i++) {
        slots[i] = send_again(1, 2, 51);
    }
    bed_wait(&bed);
    bed_take_appends(&bed);
    for (u32 i = 0; i < 5; i++) {
        EXPECT_EQ(bed.batches[slots[i]].state, BED_ACKNOWLEDGED);
        EXPECT_EQ(bed.batches[slots[i]].base_offset, 2);
    }
    EXPECT_EQ(bed_gauges(&bed, 0)->messages_count.value, 4);
    bed_close(&bed);
}

TEST(nobody_is_told_what_became_of_a_send_whose_write_failed)
{
    set_up(DURABILITY_SYNC, 6);
    (void)sent_now(1, 1, 50);
    sim_fail_next(bed.sim, 0, SIM_WRITE, "partitions/0/", ERR_IO);
    u32 first = send_again(1, 2, 51);
    u32 again = send_again(1, 2, 51);
    bed_wait(&bed);
    bed_take_appends(&bed);
    EXPECT_EQ(bed.batches[first].state, BED_UNKNOWN);
    EXPECT_EQ(bed.batches[again].state, BED_UNKNOWN);
    EXPECT_EQ(sent_now(1, 2, 51)->state, BED_UNKNOWN); /* it may be on disk */
    EXPECT_EQ(sent_now(1, 3, 52)->state, BED_REFUSED);
    EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
    bed_close(&bed);
}

TEST(a_send_acknowledged_at_memory_keeps_its_offset_when_the_disk_is_short_of_space)
{
    set_up(DURABILITY_SYNC, 8);
    EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
    bed.settings.durability = DURABILITY_MEMORY; /* so a new segment comes before the next write */
    sim_fail_next(bed.sim, 0, SIM_OPEN, ".new", ERR_SPACE);
    EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 2);
    bed_run(&bed, 10 * US_PER_MS);
    EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 2);
    bed_run(&bed, 5 * US_PER_SECOND);
    EXPECT_EQ(bed_gauges(&bed, 0)->messages_count.value, 4);
    bed_stop(&bed);
    bed_close(&bed);
}

TEST(a_purged_partition_remembers_nothing)
{
    set_up(DURABILITY_SYNC, 7);
    EXPECT_EQ(sent_now(1, 1, 50)->base_offset, 0);
    EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 2);
    bed_command(&bed, &(struct state_command){.kind = STATE_PURGE_TOPIC});
    EXPECT_EQ(sent_now(1, 2, 51)->base_offset, 0);
    EXPECT_EQ(bed_gauges(&bed, 0)->messages_count.value, 2);
    bed_close(&bed);
}
