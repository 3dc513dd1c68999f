#include "edge/heartbeat.h"

#include "edge/edge_fixture.h"

#define SILENCE_US (36 * US_PER_SECOND)

static void begin(void)
{
    set_up();
    rig.settings.heartbeat_us = SILENCE_US;
    log_in();
}

static void ask(enum command command)
{
    struct frame frame = frame_of(command, (struct span){0}, 1);
    give(frame.bytes, frame.size);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(take_reply().status, 0);
}

/* One that is logged in and has pinged often enough, every five seconds. */
static void ping_a_few_times(u32 count)
{
    for (u32 i = 0; i < count; i++) {
        ask(COMMAND_PING);
        run_for(5 * US_PER_SECOND);
    }
}

TEST(who_pings_and_then_is_silent_is_evicted_and_closed)
{
    begin();
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    run_for(SILENCE_US - 6 * US_PER_SECOND);
    EXPECT(!rig.over);
    EXPECT_EQ(rig.received_bytes, 0);
    run_for(2 * US_PER_SECOND);
    struct eviction eviction;
    EXPECT_EQ(rig.received_bytes, FRAME_HEADER_BYTES);
    EXPECT_EQ(eviction_decode(rig.received, &eviction), OK);
    EXPECT_EQ(eviction.reason, EVICTION_STALE_CLIENT);
    EXPECT_EQ(eviction.client.low, 1);
    EXPECT(rig.over);
    EXPECT_EQ(rig.closed, 1);
    EXPECT_EQ(rig.closed_silent, 1);
    EXPECT_EQ(counter_get(&rig.counters, COUNTER_heartbeats_missed), 1);
    tear_down();
}

TEST(who_goes_by_itself_was_not_silent)
{
    begin();
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    sim_conn_close(rig.conn);
    rig.over = true;
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.closed, 1);
    EXPECT_EQ(rig.closed_silent, 0);
    tear_down();
}

TEST(who_pings_once_in_a_while_may_be_silent)
{
    begin();
    ping_a_few_times(HEARTBEAT_PINGS_MIN - 1);
    run_for(3600 * US_PER_SECOND);
    EXPECT(!rig.over);
    tear_down();
}

TEST(any_request_is_a_sign_of_life)
{
    begin();
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    for (u32 i = 0; i < 5; i++) {
        run_for(SILENCE_US - 10 * US_PER_SECOND);
        ask(COMMAND_GET_CLUSTER_METADATA);
    }
    EXPECT(!rig.over);
    run_for(SILENCE_US + US_PER_SECOND);
    EXPECT(rig.over);
    tear_down();
}

TEST(while_an_answer_is_awaited_and_a_while_after_it_no_sign_is_expected)
{
    begin();
    rig.settings.request_deadline_us = 3600 * US_PER_SECOND;
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    rig.withhold = true;
    struct frame send = send_frame(9, 10, true);
    give(send.bytes, send.size);
    run_for(3 * SILENCE_US);
    EXPECT(!rig.over);
    EXPECT_EQ(rig.withheld_count, 1);
    rig.withhold = false;
    rig.withheld_count = 0;
    answer(&rig.core, &rig.withheld[0]);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(SILENCE_US - US_PER_SECOND);
    EXPECT(!rig.over);
    EXPECT_EQ(take_reply().status, 0);
    run_for(2 * US_PER_SECOND);
    EXPECT(rig.over);
    tear_down();
}

TEST(a_stranger_that_pings_may_be_silent)
{
    set_up();
    rig.settings.heartbeat_us = SILENCE_US;
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    run_for(3600 * US_PER_SECOND);
    EXPECT(!rig.over);
    tear_down();
}

TEST(with_no_limit_set_silence_is_never_too_long)
{
    begin();
    rig.settings.heartbeat_us = 0;
    ping_a_few_times(HEARTBEAT_PINGS_MIN);
    run_for(3600 * US_PER_SECOND);
    EXPECT(!rig.over);
    tear_down();
}
