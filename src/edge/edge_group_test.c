/* Groups as an edge answers for them. */
#include "edge/edge_fixture.h"
#include "wire/group_info.h"

/* Group 0 of topic 0 exists, and the session is a member: it reads partitions 0 and 1. */
static void join_group(void)
{
    apply(&(struct state_command){.kind = STATE_CREATE_GROUP, .name = span_of("g")});
    apply(&(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = SESSION}});
}

static struct frame group_frame(enum command command)
{
    u8 body[64];
    struct writer writer = writer_over(body, sizeof(body));
    group_request_encode(&(struct group_request){.stream = identifier_of_id(0),
                                                 .topic = identifier_of_id(0),
                                                 .group = identifier_of_name(span_of("g"))},
                         &writer);
    return frame_of(command, (struct span){body, writer.position}, 1);
}

static struct frame group_poll_frame(bool present, u32 partition_id)
{
    u8 body[128];
    struct writer writer = writer_over(body, sizeof(body));
    poll_request_encode(
        &(struct poll_request){
            .consumer = {.kind = CONSUMER_GROUP, .identifier = identifier_of_name(span_of("g"))},
            .stream = identifier_of_id(0),
            .topic = identifier_of_id(0),
            .partition = {.present = present, .partition_id = partition_id},
            .strategy = POLL_NEXT,
            .count = 10},
        &writer);
    return frame_of(COMMAND_POLL_MESSAGES, (struct span){body, writer.position}, 1);
}

static struct span received_body(void)
{
    return (struct span){rig.received + FRAME_HEADER_BYTES,
                         rig.received_bytes - FRAME_HEADER_BYTES};
}

TEST(groups_and_assignments_are_read_from_local_state)
{
    set_up();
    log_in();
    struct frame sync = group_frame(COMMAND_SYNC_GROUP);
    give(sync.bytes, sync.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(received_body().size, 0); /* no such group: not a member */
    EXPECT_EQ(take_reply().status, WIRE_OK);

    join_group();
    give(sync.bytes, sync.size);
    run_for(US_PER_SECOND);
    struct group_assignment assignment;
    EXPECT_EQ(group_assignment_decode(received_body(), &assignment), OK);
    EXPECT_EQ(assignment.generation, 1);
    EXPECT_EQ(assignment.partitions_count, 2);
    EXPECT_EQ(get_u32(assignment.partitions + 4), 1);
    (void)take_reply();

    struct frame get = group_frame(COMMAND_GET_GROUP);
    give(get.bytes, get.size);
    run_for(US_PER_SECOND);
    struct span body = received_body();
    struct reader reader = reader_over(body.data, body.size);
    struct group_info info = read_group_info(&reader);
    EXPECT_EQ(info.partitions_count, 2);
    EXPECT_EQ(info.members_count, 1);
    EXPECT(span_equal(info.name, span_of("g")));
    struct group_member member = read_group_member(&reader);
    EXPECT_EQ(member.id, 0);
    EXPECT_EQ(member.partitions_count, 2);
    EXPECT(reader_is_done(&reader));
    tear_down();
}

TEST(a_poll_of_a_group_says_who_asks_and_a_foreign_one_is_told_to_ask_anew)
{
    set_up();
    log_in();
    join_group();
    rig.withhold = true;
    struct frame own = group_poll_frame(true, 1);
    give(own.bytes, own.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.withheld_count, 1);
    const struct msg *asked = &rig.withheld[0];
    EXPECT_EQ(asked->kind, MSG_POLL);
    EXPECT_EQ(asked->member_session, SESSION);
    EXPECT_EQ(asked->poll.consumer, 0);
    EXPECT((asked->flags & MSG_GROUP_CONSUMER) != 0);
    struct msg refused = {.error = WIRE_GROUP_PARTITION_NOT_OWNED};
    mailbox_reply(&rig.core, asked, &refused);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    rig.withheld_count = 0;
    rig.withhold = false;
    run_for(US_PER_SECOND);
    EXPECT_EQ(get_u32(received_body().data), POLL_RESYNC_PARTITION);
    EXPECT_EQ(take_reply().status, WIRE_OK);

    struct frame foreign = group_poll_frame(true, 2);
    give(foreign.bytes, foreign.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(get_u32(received_body().data), POLL_RESYNC_PARTITION);
    EXPECT_EQ(take_reply().status, WIRE_OK);

    struct frame absent = group_poll_frame(false, 0);
    give(absent.bytes, absent.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(received_body().size, POLL_REPLY_PREFIX_BYTES);
    EXPECT_EQ(get_u32(received_body().data), 0);
    tear_down();
}
