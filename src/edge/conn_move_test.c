#include "edge/conn_move.h"

#include "edge/edge_fixture.h"
#include "edge/heartbeat.h"

/* The edge of two cores, of which the test plays the second; `requests` appends to a partition that
 * lives there have been answered, and the connection may move after three. */
static void set_up_to_move(u32 requests)
{
    rig.cores_count = 2;
    set_up();
    rig.cores_count = 1; /* of the next test */
    rig.settings.move_after_requests = 3;
    rig.send_partition = 1;
    log_in();
    for (u32 i = 1; i <= requests; i++) {
        struct frame send = send_frame(i, 10, true);
        give(send.bytes, send.size);
        run_for(10 * US_PER_MS);
        EXPECT_EQ(take_reply().status, 0);
    }
}

/* What the other core's edge would do, done by this one: it has slots enough. */
static void let_it_arrive(void)
{
    struct msg msg = {.kind = MSG_CONNECTION,
                      .conn = rig.left.conn,
                      .connection = {.client_number = rig.left.leaves.client_number}};
    mailbox_send(&rig.core, &msg);
    mailbox_flush(&rig.core);
    sim_wake(rig.sim, 0, 0);
    run_for(10 * US_PER_MS);
}

TEST(a_connection_moves_to_the_core_where_its_requests_go_and_nothing_is_lost)
{
    set_up_to_move(2);
    EXPECT_EQ(rig.leaves, 0);
    struct frame send = send_frame(3, 10, true);
    give(send.bytes, send.size);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(rig.leaves, 1);
    EXPECT_EQ(rig.left.leaves.core, 1);
    send = send_frame(4, 10, true);
    give(send.bytes, send.size); /* while it is on its way: nobody reads */
    run_for(US_PER_SECOND);
    EXPECT_EQ(rig.received_bytes, 0);
    EXPECT(list_is_empty(&rig.core.edge->conns_open));
    let_it_arrive();
    EXPECT_EQ(take_reply().request, 4);
    EXPECT(rig.core.edge->moving == NULL);
    EXPECT_EQ(counter_get(&rig.counters, COUNTER_connections_moved), 1);
    EXPECT_EQ(rig.core.edge->conns[1].session, SESSION);
    tear_down();
}

TEST(a_connection_that_may_not_move_stays_and_does_not_ask_at_once_again)
{
    set_up_to_move(2);
    rig.leaves_error = WIRE_FEATURE_UNAVAILABLE;
    for (u32 i = 3; i < 20; i++) {
        struct frame send = send_frame(i, 10, true);
        give(send.bytes, send.size);
        run_for(10 * US_PER_MS);
        EXPECT_EQ(take_reply().status, 0);
    }
    EXPECT_EQ(rig.leaves, 1);
    EXPECT(rig.core.edge->moving == NULL);
    tear_down();
}

TEST(a_session_that_ended_while_its_connection_moved_is_over_where_it_arrives)
{
    set_up_to_move(3);
    EXPECT_EQ(rig.leaves, 1);
    apply(&(struct state_command){.kind = STATE_CLOSE_SESSION, .session = {.session = SESSION}});
    let_it_arrive();
    struct frame streams = frame_of(COMMAND_GET_STREAMS, (struct span){0}, 5);
    give(streams.bytes, streams.size);
    run_for(US_PER_SECOND);
    EXPECT_EQ(take_reply().status, WIRE_UNAUTHENTICATED);
    tear_down();
}

/* Its deadline is watched from the moment it arrives: by one timer, of the core it came to. */
TEST(a_connection_that_pings_is_watched_where_it_arrives)
{
    set_up_to_move(2);
    rig.settings.heartbeat_us = 36 * US_PER_SECOND;
    for (u32 i = 0; i < HEARTBEAT_PINGS_MIN; i++) {
        struct frame ping = frame_of(COMMAND_PING, (struct span){0}, 3 + i);
        give(ping.bytes, ping.size);
        run_for(10 * US_PER_MS);
        EXPECT_EQ(take_reply().status, 0);
    }
    struct frame send = send_frame(20, 10, true);
    give(send.bytes, send.size);
    run_for(10 * US_PER_MS);
    EXPECT_EQ(take_reply().status, 0);
    EXPECT_EQ(rig.leaves, 1);
    let_it_arrive();
    run_for(37 * US_PER_SECOND);
    EXPECT(rig.over);
    EXPECT_EQ(counter_get(&rig.counters, COUNTER_heartbeats_missed), 1);
    tear_down();
}
