/* Groups at one partition: one member reads at a time, and it changes hands when what was handed
 * out is committed. */
#include "shard/shard_fixture.h"

#define HANDOVER_US (10 * US_PER_SECOND)

/* Two members, sessions 1 and 2, of group 0 over partitions 0 and 1; each partition has 100
 * messages. Partition 0 is the first member's, and becomes the second's when that is alone. */
static void open_group(struct bed *bed, u64 seed)
{
    bed_open(bed, &(struct sim_options){.seed = seed});
    bed->settings.group_handover_us = HANDOVER_US;
    bed_topic(bed, 2);
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_USER, .name = span_of("iggy")});
    bed_command(bed, &(struct state_command){.kind = STATE_CREATE_GROUP, .name = span_of("g")});
    bed_start(bed);
    for (u32 id = 0; id < 2; id++) {
        (void)bed_append_one(bed, id, 100, 50);
    }
}

static void join(struct bed *bed, u64 session)
{
    bed_command(bed,
                &(struct state_command){.kind = STATE_OPEN_SESSION,
                                        .session = {.session = session, .client = {session, 1}}});
    bed_command(bed,
                &(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = session}});
}

static void leave(struct bed *bed, u64 session)
{
    bed_command(
        bed, &(struct state_command){.kind = STATE_LEAVE_GROUP, .session = {.session = session}});
}

struct polled {
    u32 error;
    u32 count;
    u64 first;
};

static struct polled poll_as(struct bed *bed, u64 session, u32 partition_id, bool auto_commit)
{
    struct msg msg = {
        .kind = MSG_POLL,
        .flags = (u8)(MSG_GROUP_CONSUMER | (auto_commit ? MSG_AUTO_COMMIT : 0)),
        .partition = bed_handle(bed, partition_id),
        .member_session = session,
        .poll = {.count_strategy = 10 | (u32)POLL_NEXT << 24},
    };
    u32 slot = bed_send(bed, &msg);
    bed_wait(bed);
    struct msg reply = bed->replies[slot].msg;
    bed_take_reply(bed, slot);
    struct polled polled = {.error = reply.error};
    if (reply.error != WIRE_OK) {
        return polled;
    }
    polled.count = reply.loan->messages_count;
    if (polled.count > 0) {
        u8 header_bytes[BATCH_HEADER_BYTES];
        memcpy(header_bytes, reply.loan->pieces[0].data, sizeof(header_bytes));
        struct batch_header header;
        batch_header_decode(header_bytes, &header);
        /* A slice keeps its base: the first frame says how far it is from that. */
        const u8 *frame = reply.loan->pieces[0].size > BATCH_HEADER_BYTES
                              ? reply.loan->pieces[0].data + BATCH_HEADER_BYTES
                              : reply.loan->pieces[1].data;
        polled.first = header.base_offset + get_u32(frame + 24);
    }
    bed_return_loan(bed, reply.loan);
    return polled;
}

static u32 write_as(struct bed *bed, u64 session, enum msg_kind kind, u32 partition, u64 offset)
{
    struct msg msg = {.kind = (u8)kind,
                      .flags = MSG_GROUP_CONSUMER | MSG_AFTER_COMMIT,
                      .partition = bed_handle(bed, partition),
                      .member_session = session,
                      .offset = {.offset = offset}};
    u32 slot = bed_send(bed, &msg);
    bed_wait(bed);
    u32 error = bed->replies[slot].msg.error;
    bed_take_reply(bed, slot);
    return error;
}

static u32 store_as(struct bed *bed, u64 session, u64 offset)
{
    return write_as(bed, session, MSG_OFFSET_STORE, 0, offset);
}

/* The first member has read ten messages of partition 0 and not committed them; then the second
 * comes, and the first member gives up partition 0 for 1 by leaving and coming back. */
static void hand_over_with_messages_out(struct bed *bed)
{
    join(bed, 1);
    EXPECT_EQ(poll_as(bed, 1, 0, false).count, 10);
    bed_command(bed,
                &(struct state_command){.kind = STATE_DELETE_PARTITIONS, .partitions_count = 1});
    join(bed, 2);
    /* One partition, two members: it stays. With a third partition it still is the first's. */
    EXPECT_EQ(poll_as(bed, 2, 0, false).error, WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(poll_as(bed, 1, 0, false).count, 10);
}

TEST(only_the_owner_reads_and_commits)
{
    struct bed bed;
    open_group(&bed, 1);
    hand_over_with_messages_out(&bed);
    EXPECT_EQ(store_as(&bed, 2, 5), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(store_as(&bed, 9, 5), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(write_as(&bed, 2, MSG_OFFSET_DELETE, 0, 0), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(store_as(&bed, 1, 9), WIRE_OK);
    EXPECT_EQ(poll_as(&bed, 1, 0, false).first, 10);
    bed_close(&bed);
}

TEST(what_a_member_that_left_was_handed_is_handed_out_again_at_once)
{
    struct bed bed;
    open_group(&bed, 2);
    hand_over_with_messages_out(&bed);
    leave(&bed, 1);
    struct polled polled = poll_as(&bed, 2, 0, false);
    EXPECT_EQ(polled.count, 10);
    EXPECT_EQ(polled.first, 0);
    EXPECT_EQ(store_as(&bed, 1, 9), WIRE_GROUP_PARTITION_NOT_OWNED);
    bed_close(&bed);
}

/* Partition 1 moves from the first member, that is there still, to the second. */
static void move_a_partition(struct bed *bed)
{
    join(bed, 1);
    EXPECT_EQ(poll_as(bed, 1, 1, false).count, 10);
    join(bed, 2);
}

static u32 store_one_as(struct bed *bed, u64 session, u64 offset)
{
    return write_as(bed, session, MSG_OFFSET_STORE, 1, offset);
}

TEST(a_partition_changes_hands_when_what_was_handed_out_is_committed)
{
    struct bed bed;
    open_group(&bed, 3);
    move_a_partition(&bed);
    EXPECT_EQ(poll_as(&bed, 1, 1, false).error, WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(poll_as(&bed, 2, 1, false).count, 0);
    EXPECT_EQ(store_one_as(&bed, 2, 9), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(store_one_as(&bed, 1, 4), WIRE_OK);
    EXPECT_EQ(poll_as(&bed, 2, 1, false).count, 0);
    EXPECT_EQ(store_one_as(&bed, 1, 9), WIRE_OK);
    struct polled polled = poll_as(&bed, 2, 1, false);
    EXPECT_EQ(polled.count, 10);
    EXPECT_EQ(polled.first, 10);
    EXPECT_EQ(store_one_as(&bed, 1, 9), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(store_one_as(&bed, 2, 19), WIRE_OK);
    EXPECT_EQ(counter_get(bed.counters, COUNTER_group_handovers_forced), 0);
    bed_close(&bed);
}

TEST(a_partition_is_taken_from_a_member_that_does_not_commit_in_time)
{
    struct bed bed;
    open_group(&bed, 4);
    move_a_partition(&bed);
    bed_run(&bed, HANDOVER_US - US_PER_SECOND);
    EXPECT_EQ(poll_as(&bed, 2, 1, false).count, 0);
    bed_run(&bed, 2 * US_PER_SECOND);
    struct polled polled = poll_as(&bed, 2, 1, false);
    EXPECT_EQ(polled.count, 10);
    EXPECT_EQ(polled.first, 0);
    EXPECT_EQ(store_one_as(&bed, 1, 9), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(counter_get(bed.counters, COUNTER_group_handovers_forced), 1);
    bed_close(&bed);
}

TEST(what_is_committed_with_the_poll_holds_nothing_up)
{
    struct bed bed;
    open_group(&bed, 5);
    join(&bed, 1);
    EXPECT_EQ(poll_as(&bed, 1, 1, true).count, 10);
    join(&bed, 2);
    struct polled polled = poll_as(&bed, 2, 1, true);
    EXPECT_EQ(polled.count, 10);
    EXPECT_EQ(polled.first, 10);
    bed_close(&bed);
}

TEST(a_member_that_gets_its_partition_back_goes_on)
{
    struct bed bed;
    open_group(&bed, 6);
    move_a_partition(&bed);
    leave(&bed, 2);
    EXPECT_EQ(poll_as(&bed, 1, 1, false).count, 10);
    bed_run(&bed, 2 * HANDOVER_US);
    EXPECT_EQ(store_one_as(&bed, 1, 9), WIRE_OK);
    EXPECT_EQ(poll_as(&bed, 1, 1, false).first, 10);
    bed_close(&bed);
}

TEST(a_client_that_comes_back_is_the_same_member)
{
    struct bed bed;
    open_group(&bed, 7);
    move_a_partition(&bed);
    bed_command(&bed, &(struct state_command){.kind = STATE_REPLACE_SESSION,
                                              .old_session = 1,
                                              .session = {.session = 3, .client = {1, 1}}});
    EXPECT_EQ(store_one_as(&bed, 1, 9), WIRE_GROUP_PARTITION_NOT_OWNED);
    EXPECT_EQ(poll_as(&bed, 2, 1, false).count, 0);
    EXPECT_EQ(store_one_as(&bed, 3, 9), WIRE_OK);
    EXPECT_EQ(poll_as(&bed, 2, 1, false).first, 10);
    bed_close(&bed);
}

TEST(a_purge_ends_what_was_held)
{
    struct bed bed;
    open_group(&bed, 8);
    move_a_partition(&bed);
    bed_command(&bed, &(struct state_command){.kind = STATE_PURGE_TOPIC});
    bed_run(&bed, US_PER_SECOND);
    (void)bed_append_one(&bed, 1, 100, 50);
    struct polled polled = poll_as(&bed, 2, 1, false);
    EXPECT_EQ(polled.count, 10);
    EXPECT_EQ(polled.first, 0);
    bed_close(&bed);
}

/* The records in the file outlive the group: nobody believes them. */
TEST(a_deleted_group_has_stored_nothing_also_after_a_restart)
{
    struct bed bed;
    open_group(&bed, 9);
    join(&bed, 1);
    EXPECT_EQ(poll_as(&bed, 1, 0, true).count, 10);
    EXPECT_EQ(bed.core->shard->offsets.count, 1);
    bed_command(&bed, &(struct state_command){.kind = STATE_DELETE_GROUP});
    EXPECT_EQ(bed.core->shard->offsets.count, 0);
    bed_stop(&bed);
    bed_start(&bed);
    EXPECT_EQ(bed.core->shard->offsets.count, 0);
    bed_close(&bed);
}
