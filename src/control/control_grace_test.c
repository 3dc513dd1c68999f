/* Members whose connection is lost: who is held, who comes back, and what becomes of the rest. */
#include "control/control_fixture.h"
#include "control/control_parts.h"
#include "wire/group_info.h"
#include "wire/user_info.h"

#define GRACE_MS 5000u

/* A client over one connection. */
struct member {
    u64 client;
    u32 home;
    u32 number;
    u64 session;
};

static u32 ask_as(u32 command, u64 session, struct buf *body, const struct writer *writer)
{
    EXPECT(!writer->failed);
    body->size = writer->position;
    return node_ask(1, (struct msg){.kind = MSG_COMMAND,
                                    .bufs = {body, NULL},
                                    .command = {.command = command, .session = session}});
}

static u32 ask_about_group(u32 command, u64 session)
{
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    group_request_encode(&(struct group_request){.stream = identifier_of_id(0),
                                                 .topic = identifier_of_id(0),
                                                 .group = identifier_of_id(0)},
                         &writer);
    return ask_as(command, session, body, &writer);
}

/* One topic of four partitions, with one group. */
static void begin(u64 seed, u32 connections_max)
{
    node_init(seed, 2);
    node.settings.group_grace_us = GRACE_MS * US_PER_MS;
    if (connections_max > 0) {
        node.plan.connections_max = connections_max;
    }
    node_start_well();
    node_run_ms(1000);
    EXPECT_EQ(node_wait(node_create_stream(0, "s"))->error, WIRE_OK);
    EXPECT_EQ(node_wait(node_create_topic(0, 0, "t", 4))->error, WIRE_OK);
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    create_group_request_encode(&(struct create_group_request){.stream = identifier_of_id(0),
                                                               .topic = identifier_of_id(0),
                                                               .name = span_of("g")},
                                &writer);
    EXPECT_EQ(node_wait(ask_as(COMMAND_CREATE_GROUP, 0, body, &writer))->error, WIRE_OK);
}

static struct buf *register_frame(const struct member *member, const char *user, bool keeps_id)
{
    struct buf *frame =
        node_register_frame(member->home, member->client, PROTOCOL_VERSION, user, "iggy");
    frame->data[62] = keeps_id ? FRAME_KEEPS_CLIENT : 0;
    return frame;
}

static u32 ask_to_log_in(const struct member *member, const char *user, bool keeps_id)
{
    return node_login_frame(member->home, member->number, register_frame(member, user, keeps_id));
}

static struct member connect_as(u64 client)
{
    struct member member = {.client = client};
    struct sim_conn *conn;
    member.number = node_connect(&member.home, &conn);
    EXPECT(member.number != 0);
    return member;
}

static struct member log_in(u64 client, bool keeps_id)
{
    struct member member = connect_as(client);
    const struct msg *reply = node_wait(ask_to_log_in(&member, "iggy", keeps_id));
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT_EQ(reply->logged_in.eviction, 0);
    member.session = reply->logged_in.session;
    EXPECT(member.session != 0);
    return member;
}

static struct member join(u64 client, bool keeps_id)
{
    struct member member = log_in(client, keeps_id);
    EXPECT_EQ(node_wait(ask_about_group(COMMAND_JOIN_GROUP, member.session))->error, WIRE_OK);
    return member;
}

static void lose(const struct member *member)
{
    EXPECT_EQ(node_wait(node_ask_about(member->home, MSG_CONNECTION_CLOSED, member->number))->error,
              WIRE_OK);
}

static const struct state_group *group(void)
{
    return state_group_get(node.cores[1].core.state, 0, 0, 0);
}

/* The partitions of a session as bits, as core 1 has them. */
static u32 partitions_of(u64 session)
{
    const struct state *state = node.cores[1].core.state;
    const struct state_member *member = state_member_of(state, group(), session);
    u32 bits = 0;
    for (u32 id = 0; member != NULL && id < 4; id++) {
        bits |= state_group_owner(state, group(), id) == member ? 1u << id : 0;
    }
    return bits;
}

static u64 count_of(enum counter counter)
{
    return counter_get(&node.counters[0], counter);
}

/* Everybody left, and nothing is kept for anybody. */
static void expect_nobody(void)
{
    EXPECT_EQ(group()->members_count, 0);
    EXPECT_EQ(state_sessions_count(node.cores[1].core.state), 0);
    EXPECT(registry_held_longest(&node.control->registry) == NULL);
}

TEST(a_lost_member_that_keeps_its_id_comes_back_to_its_partitions_and_nobody_notices)
{
    begin(1, 0);
    struct member stays = join(5, false);
    struct member lost = join(6, true);
    u64 generation = group()->generation;
    u32 partitions = partitions_of(lost.session);
    EXPECT_EQ(partitions | partitions_of(stays.session), 15);
    lose(&lost);
    EXPECT_EQ(partitions_of(lost.session), partitions);
    node_sleep_ms(GRACE_MS - 1000);

    struct member back = log_in(6, true);
    EXPECT(back.session > lost.session);
    EXPECT_EQ(partitions_of(back.session), partitions);
    EXPECT_EQ(partitions_of(lost.session), 0);
    EXPECT_EQ(group()->generation, generation);
    EXPECT_EQ(state_session_get(node.cores[1].core.state, back.session)->client_number,
              back.number);
    node_sleep_ms(2 * GRACE_MS);
    EXPECT_EQ(partitions_of(back.session), partitions);
    EXPECT_EQ(count_of(COUNTER_sessions_held), 1);
    EXPECT_EQ(count_of(COUNTER_sessions_taken_back), 1);

    lose(&back); /* and once more */
    back = log_in(6, true);
    EXPECT_EQ(partitions_of(back.session), partitions);
    EXPECT_EQ(group()->generation, generation);
    node_deinit();
}

TEST(a_member_that_is_not_back_in_time_is_removed_and_the_reason_is_said)
{
    begin(2, 0);
    struct member stays = join(5, true);
    struct member lost = join(6, true);
    struct member later = join(7, true);
    lose(&lost);
    node_sleep_ms(2000);
    lose(&later);
    node_sleep_ms(GRACE_MS - 2100);
    EXPECT_EQ(group()->members_count, 3);
    node_sleep_ms(200);
    EXPECT_EQ(group()->members_count, 2);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_NOT_BACK);
    node_sleep_ms(2000);
    EXPECT_EQ(partitions_of(stays.session), 15);
    struct member again = log_in(6, true);
    EXPECT_EQ(partitions_of(again.session), 0);
    EXPECT_EQ(count_of(COUNTER_sessions_taken_back), 0);
    lose(&again);
    lose(&stays);
    node_sleep_ms(GRACE_MS + 100);
    expect_nobody();
    node_deinit();
}

TEST(who_did_not_say_so_or_is_in_no_group_is_removed_at_once)
{
    begin(3, 0);
    struct member silent_about_it = join(5, false);
    lose(&silent_about_it);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_DISCONNECTED);
    expect_nobody();
    struct member no_member = log_in(6, true);
    lose(&no_member);
    expect_nobody();
    struct member left = join(7, true);
    EXPECT_EQ(node_wait(ask_about_group(COMMAND_LEAVE_GROUP, left.session))->error, WIRE_OK);
    lose(&left);
    expect_nobody();
    node.settings.group_grace_us = 0;
    struct member off = join(8, true);
    lose(&off);
    expect_nobody();
    EXPECT_EQ(count_of(COUNTER_sessions_held), 0);
    node_deinit();
}

TEST(who_logs_out_or_falls_silent_is_removed_at_once)
{
    begin(4, 0);
    struct member out = join(5, true);
    EXPECT_EQ(node_wait(node_ask_about(out.home, MSG_LOGOUT, out.number))->error, WIRE_OK);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_LOGGED_OUT);
    lose(&out);
    expect_nobody();
    struct member silent = join(6, true);
    struct msg closed = {.kind = MSG_CONNECTION_CLOSED,
                         .closed = {.client_number = silent.number, .was_silent = 1}};
    EXPECT_EQ(node_wait(node_ask(silent.home, closed))->error, WIRE_OK);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_SILENT);
    expect_nobody();
    node_deinit();
}

TEST(only_the_same_user_with_its_password_comes_back)
{
    begin(5, 0);
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    create_user_request_encode(&(struct create_user_request){.username = span_of("other"),
                                                             .password = span_of("iggy"),
                                                             .status = USER_ACTIVE},
                               &writer);
    EXPECT_EQ(node_wait(ask_as(COMMAND_CREATE_USER, 0, body, &writer))->error, WIRE_OK);
    struct member lost = join(6, true);
    lose(&lost);
    struct member thief = connect_as(6);
    const struct msg *reply = node_wait(ask_to_log_in(&thief, "other", true));
    EXPECT_EQ(reply->logged_in.eviction, EVICTION_SESSION_ERROR);
    reply = node_wait(node_login(thief.home, thief.number, 6, "guess"));
    EXPECT_EQ(reply->logged_in.eviction, EVICTION_INVALID_CREDENTIALS);
    EXPECT_EQ(partitions_of(lost.session), 15);
    struct member back = log_in(6, true);
    EXPECT_EQ(partitions_of(back.session), 15);
    node_deinit();
}

TEST(a_client_that_no_longer_keeps_its_id_begins_anew)
{
    begin(6, 0);
    struct member lost = join(6, true);
    lose(&lost);
    struct member anew = log_in(6, false);
    EXPECT_EQ(partitions_of(anew.session), 0);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_REPLACED);
    lose(&anew);
    expect_nobody();
    node_deinit();
}

TEST(a_client_may_know_before_the_server_that_its_connection_is_lost)
{
    begin(7, 0);
    struct member first = join(6, true);
    u64 generation = group()->generation;
    struct member second = log_in(6, true);
    EXPECT_EQ(partitions_of(first.session), 0);
    EXPECT_EQ(partitions_of(second.session), 15);
    EXPECT_EQ(node.cores[first.home].sessions_closed, 1);
    lose(&first);
    EXPECT_EQ(partitions_of(second.session), 15);
    EXPECT_EQ(group()->generation, generation);
    EXPECT_EQ(count_of(COUNTER_sessions_held), 0);
    node_deinit();
}

TEST(a_login_on_its_way_when_the_connection_is_lost_comes_to_nothing)
{
    begin(8, 0);
    struct member member = join(6, true);
    u32 login = node_login(member.home, member.number, 7, "not verified yet");
    u32 again = node_login(member.home, member.number, 8, "iggy");
    u32 closed = node_ask_about(member.home, MSG_CONNECTION_CLOSED, member.number);
    EXPECT_EQ(node_wait(closed)->error, WIRE_OK);
    (void)node_wait(login);
    (void)node_wait(again);
    node_sleep_ms(GRACE_MS + 100);
    expect_nobody();
    node_deinit();
}

TEST(who_is_held_goes_with_its_user)
{
    begin(9, 0);
    struct member lost = join(6, true);
    lose(&lost);
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    change_password_request_encode(
        &(struct change_password_request){.user = identifier_of_id(USER_ID_ROOT),
                                          .current = span_of("iggy"),
                                          .new = span_of("changed")},
        &writer);
    EXPECT_EQ(node_wait(ask_as(COMMAND_CHANGE_PASSWORD, 0, body, &writer))->error, WIRE_OK);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_SESSION_ENDED);
    expect_nobody();
    node_sleep_ms(GRACE_MS + 100); /* the timer finds nothing */
    expect_nobody();
    node_deinit();
}

TEST(half_of_all_places_are_held_and_then_the_longest_held_of_the_address_goes)
{
    begin(10, 6);
    struct member lost[4];
    for (u32 i = 0; i < 4; i++) {
        lost[i] = join(10 + i, true);
    }
    for (u32 i = 0; i < 4; i++) {
        lose(&lost[i]);
    }
    EXPECT_EQ(partitions_of(lost[0].session), 0);
    EXPECT_EQ(group()->members_count, 3);
    EXPECT_EQ(node.cores[1].group_reason, GROUP_MEMBER_NOT_BACK);
    EXPECT_EQ(count_of(COUNTER_sessions_given_up), 1);
    node_sleep_ms(GRACE_MS + 100);
    expect_nobody();
    node_deinit();
}

TEST(who_comes_while_all_places_are_taken_gets_that_of_the_longest_held)
{
    begin(11, 4);
    struct member lost[2];
    for (u32 i = 0; i < 2; i++) {
        lost[i] = join(10 + i, true);
        lose(&lost[i]);
    }
    struct member here[2] = {connect_as(20), connect_as(21)};
    EXPECT_EQ(group()->members_count, 2);
    struct member third = connect_as(22);
    EXPECT_EQ(group()->members_count, 1);
    EXPECT_EQ(partitions_of(lost[1].session), 15);
    struct member fourth = connect_as(23);
    expect_nobody();
    struct sim_conn *conn;
    u32 home = 0;
    EXPECT_EQ(node_connect(&home, &conn), 0); /* these are no places to give */
    EXPECT(here[0].number < here[1].number && here[1].number < third.number &&
           third.number < fourth.number);
    EXPECT_EQ(count_of(COUNTER_sessions_given_up), 2);
    node_deinit();
}

TEST(many_whose_time_is_over_at_once_end_a_few_at_a_time)
{
    begin(12, 0);
    struct member lost[3 * GRACE_ENDING_MAX];
    for (u32 i = 0; i < array_count(lost); i++) {
        lost[i] = join(10 + i, true);
    }
    for (u32 i = 0; i < array_count(lost); i++) {
        lose(&lost[i]);
    }
    EXPECT_EQ(group()->members_count, array_count(lost));
    node_sleep_ms(GRACE_MS + 1000);
    expect_nobody();
    node_deinit();
}

TEST(a_stop_waits_for_nobody)
{
    begin(13, 0);
    struct member lost = join(6, true);
    struct member here = join(7, true);
    lose(&lost);
    control_stop(node.control);
    sim_wake(node.sim, 0, 0);
    lose(&here);
    node_sleep_ms(1000);
    EXPECT(control_is_drained(node.control));
    node_deinit();
}
