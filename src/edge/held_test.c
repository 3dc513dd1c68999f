#include "edge/held.h"

#include "edge/edge_fixture.h"

#define EMPTY_BYTES (FRAME_HEADER_BYTES + POLL_REPLY_PREFIX_BYTES)

/* A poll of partition 1 that waits; the test answers for the partition. */
static void ask_and_wait(u32 wait_ms)
{
    u8 body[256];
    struct writer writer = writer_over(body, sizeof(body));
    struct poll_request poll = {.consumer = {CONSUMER_SINGLE, identifier_of_id(1)},
                                .stream = identifier_of_name(span_of("s")),
                                .topic = identifier_of_id(0),
                                .partition = {true, 1},
                                .strategy = POLL_NEXT,
                                .count = 10};
    poll_waiting_request_encode(wait_ms, &poll, &writer);
    struct frame frame =
        frame_of(COMMAND_POLL_MESSAGES_WAITING, (struct span){body, writer.position}, 1);
    rig.withhold = true;
    give(frame.bytes, frame.size);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(rig.withheld_count, 1);
    EXPECT_EQ(rig.withheld[0].kind, MSG_POLL);
    EXPECT((rig.withheld[0].flags & MSG_MAY_WAIT) != 0);
}

static void say(struct msg *msg)
{
    mailbox_send(&rig.core, msg);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(10 * US_PER_MS);
}

/* There is nothing: it is held. */
static void answer_waiting(void)
{
    struct msg reply = {.flags = MSG_WAITING, .waiting = {.current_offset = 41}};
    rig.withheld_count = 0;
    mailbox_reply(&rig.core, &rig.withheld[0], &reply);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(10 * US_PER_MS);
}

static void give_notice(u32 slots_on, bool closes)
{
    struct partition_handle partition = rig.withheld[0].partition;
    partition.slot += slots_on;
    say(&(struct msg){
        .kind = MSG_NOTICE, .partition = partition, .notice = {.closes = closes ? 1 : 0}});
}

static void begin(u32 wait_ms)
{
    set_up();
    log_in();
    ask_and_wait(wait_ms);
}

/* An empty poll reply came, and nothing of the wait is left. */
static void expect_empty(void)
{
    EXPECT_EQ(rig.received_bytes, EMPTY_BYTES);
    EXPECT_EQ(get_u32(rig.received + FRAME_HEADER_BYTES), 1);
    EXPECT_EQ(get_u64(rig.received + FRAME_HEADER_BYTES + 4), 41);
    EXPECT_EQ(get_u32(rig.received + FRAME_HEADER_BYTES + 12), 0);
    EXPECT_EQ(rig.core.edge->held_count, 0);
    rig.received_bytes = 0;
    rig.withhold = false;
    tear_down();
}

TEST(a_held_poll_is_asked_again_when_its_partition_has_news)
{
    begin(60000);
    answer_waiting();
    EXPECT_EQ(rig.received_bytes, 0);
    EXPECT_EQ(rig.core.edge->held_count, 1);
    give_notice(0, false);
    EXPECT_EQ(rig.withheld_count, 1);
    EXPECT_EQ(rig.core.edge->held_count, 0);
    answer_waiting(); /* others were faster */
    EXPECT_EQ(rig.core.edge->held_count, 1);
    give_notice(0, true);
    expect_empty();
}

TEST(news_of_another_partition_wake_nobody)
{
    begin(60000);
    answer_waiting();
    give_notice(EDGE_HELD_LISTS, false); /* in the same list */
    give_notice(1, true);
    EXPECT_EQ(rig.withheld_count, 0);
    EXPECT_EQ(rig.received_bytes, 0);
    give_notice(0, true);
    expect_empty();
}

TEST(a_wait_ends_with_its_time)
{
    begin(3000);
    answer_waiting();
    run_for(2900 * US_PER_MS);
    EXPECT_EQ(rig.received_bytes, 0);
    run_for(200 * US_PER_MS);
    expect_empty();
}

TEST(half_of_the_slots_are_never_held)
{
    begin(60000);
    rig.core.edge->held_max = 0;
    answer_waiting();
    expect_empty();
}

TEST(a_connection_that_ends_takes_its_wait_along)
{
    begin(60000);
    answer_waiting();
    sim_conn_reset(rig.conn);
    rig.over = true;
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.core.edge->held_count, 0);
    EXPECT_EQ(rig.core.edge->requests_used, 0);
    rig.withhold = false;
    tear_down();
}

TEST(each_wait_has_its_own_time)
{
    begin(3000);
    answer_waiting();
    ask_and_wait(60000);
    answer_waiting();
    EXPECT_EQ(rig.core.edge->held_count, 2);
    run_for(3200 * US_PER_MS);
    EXPECT_EQ(rig.core.edge->held_count, 1);
    EXPECT_EQ(rig.received_bytes, EMPTY_BYTES);
    tear_down();
}
