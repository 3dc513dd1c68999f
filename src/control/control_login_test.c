/* Logins, sessions and connections, as edges ask for them. */
#include "control/control_fixture.h"
#include "control/control_parts.h"

/* A simulated hash takes at least this long; what is answered without one is faster. */
#define HASH_US_MIN 500u

static struct sim_conn *conns[PUMP_CONNECTIONS];

static void begin(u64 seed, u32 cores_count)
{
    node_init(seed, cores_count);
    node_start_well();
    node_run_ms(1000);
}

static u32 connect_one(u32 *home)
{
    struct sim_conn *conn;
    u32 number = node_connect(home, &conn);
    EXPECT(number != 0);
    return number;
}

static u32 eviction_of(u32 slot)
{
    const struct msg *reply = node_wait(slot);
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT_EQ(reply->logged_in.session, 0);
    return reply->logged_in.eviction;
}

static u64 session_of(u32 slot)
{
    const struct msg *reply = node_wait(slot);
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT_EQ(reply->logged_in.eviction, 0);
    EXPECT(reply->logged_in.session != 0);
    return reply->logged_in.session;
}

TEST(the_right_password_opens_a_session_that_every_core_knows)
{
    begin(1, 2);
    u32 home = 0;
    u32 number = connect_one(&home);
    u64 session = session_of(node_login(home, number, 5, "iggy"));
    EXPECT_EQ(session, 1ull << 32 | 1);
    for (u32 i = 0; i < 2; i++) {
        const struct state_session *found = state_session_get(node.cores[i].core.state, session);
        EXPECT(found != NULL);
        EXPECT_EQ(found->client_number, number);
        EXPECT_EQ(found->home, home);
        EXPECT_EQ(found->user_id, 0);
        EXPECT_EQ(found->client.low, 5);
    }
    node_deinit();
}

TEST(wrong_passwords_unknown_names_and_bad_lengths_are_all_one_refusal)
{
    begin(2, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    EXPECT_EQ(eviction_of(node_login(home, number, 5, "wrong")), EVICTION_INVALID_CREDENTIALS);
    EXPECT_EQ(eviction_of(node_login(home, number, 5, "")), EVICTION_INVALID_CREDENTIALS);
    struct buf *frame = node_register_frame(home, 5, PROTOCOL_VERSION, "nobody", "iggy");
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_INVALID_CREDENTIALS);
    frame = node_register_frame(home, 5, PROTOCOL_VERSION, "x", "iggy");
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_INVALID_CREDENTIALS);
    EXPECT_EQ(state_sessions_count(node.cores[0].core.state), 0);
    node_deinit();
}

TEST(the_version_is_judged_before_the_checksum_and_the_checksum_before_the_password)
{
    begin(3, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    u32 newer = PROTOCOL_VERSION_PACK(0u, 12u, 2u);
    struct buf *frame = node_register_frame(home, 5, newer, "iggy", "iggy");
    frame->data[144] ^= 1; /* the request checksum: of another rule in newer versions */
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_INCOMPATIBLE_PROTOCOL);
    frame = node_register_frame(home, 5, PROTOCOL_VERSION, "iggy", "iggy");
    frame->data[144] ^= 1;
    EXPECT_EQ(node_wait(node_login_frame(home, number, frame))->error, WIRE_INVALID_FORMAT);
    u32 patch = PROTOCOL_VERSION_PACK(0u, 11u, 9u);
    frame = node_register_frame(home, 5, patch, "iggy", "iggy");
    (void)session_of(node_login_frame(home, number, frame));
    node_deinit();
}

TEST(bodies_that_are_no_login_are_malformed_and_unknown_tokens_invalid)
{
    begin(4, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    struct buf *frame = node_register_frame(home, 5, PROTOCOL_VERSION, "iggy", "iggy");
    memset(frame->data + 144, 0, 16);
    frame->size = FRAME_HEADER_BYTES + 6;
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_MALFORMED_LOGIN);
    frame = node_register_frame(home, 5, PROTOCOL_VERSION, "iggy", "iggy");
    memset(frame->data + 144, 0, 16);
    frame->size -= 5;
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_MALFORMED_LOGIN);

    frame = node_register_frame(home, 5, PROTOCOL_VERSION, "iggy", "iggy");
    memset(frame->data + 144, 0, 16);
    struct login_prefix prefix = {.version = PROTOCOL_VERSION,
                                  .sdk_name = span_of("go-sdk"),
                                  .sdk_version = span_of("0.9.0")};
    struct login_token token = {.token = span_of("tok123")};
    struct writer writer = writer_over(frame->data + FRAME_HEADER_BYTES, 512);
    login_prefix_encode(&prefix, &writer);
    login_token_encode(&token, &writer);
    frame->size = FRAME_HEADER_BYTES + writer.position;
    EXPECT_EQ(eviction_of(node_login_frame(home, number, frame)), EVICTION_INVALID_TOKEN);
    node_deinit();
}

TEST(a_password_that_was_verified_is_not_hashed_again)
{
    begin(5, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    u64 begun_us = sim_now_us(node.sim);
    (void)session_of(node_login(home, number, 5, "iggy"));
    u64 first_us = sim_now_us(node.sim) - begun_us;
    begun_us = sim_now_us(node.sim);
    (void)session_of(node_login(home, number, 6, "iggy"));
    u64 second_us = sim_now_us(node.sim) - begun_us;
    EXPECT(first_us > HASH_US_MIN);
    EXPECT(second_us < HASH_US_MIN);
    EXPECT_EQ(eviction_of(node_login(home, number, 7, "iggz")), EVICTION_INVALID_CREDENTIALS);
    node_deinit();
}

TEST(failures_of_a_name_are_limited_but_who_is_known_still_gets_in)
{
    begin(6, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    (void)session_of(node_login(home, number, 5, "iggy"));
    for (u32 i = 0; i < 5; i++) {
        EXPECT_EQ(eviction_of(node_login(home, number, 5, "guess")), EVICTION_INVALID_CREDENTIALS);
    }
    u64 begun_us = sim_now_us(node.sim);
    EXPECT_EQ(eviction_of(node_login(home, number, 5, "guess")), EVICTION_INVALID_CREDENTIALS);
    EXPECT(sim_now_us(node.sim) - begun_us < HASH_US_MIN); /* no hash was made */
    (void)session_of(node_login(home, number, 8, "iggy"));
    node_sleep_ms(61000);
    begun_us = sim_now_us(node.sim);
    EXPECT_EQ(eviction_of(node_login(home, number, 5, "guess")), EVICTION_INVALID_CREDENTIALS);
    EXPECT(sim_now_us(node.sim) - begun_us > HASH_US_MIN);
    node_deinit();
}

TEST(logins_beyond_the_queue_are_asked_to_come_again)
{
    begin(7, 2);
    node.settings.login_failures_per_minute_max = 0;
    u32 home = 0;
    u32 number = connect_one(&home);
    u32 slots[40];
    for (u32 i = 0; i < 40; i++) {
        slots[i] = node_login(home, number, 5, "guess");
    }
    u32 again = 0;
    for (u32 i = 0; i < 40; i++) {
        const struct msg *reply = node_wait(slots[i]);
        if (reply->error == WIRE_TRANSIENT_NOT_ACCEPTED) {
            again++;
        } else {
            EXPECT_EQ(reply->logged_in.eviction, EVICTION_INVALID_CREDENTIALS);
        }
    }
    EXPECT_EQ(again, 40 - LOGIN_ATTEMPTS_PER_CORE);
    node_deinit();
}

TEST(a_storm_of_logins_is_served_from_one_hash)
{
    begin(8, 2);
    u32 homes[60];
    u32 numbers[60];
    for (u32 i = 0; i < 60; i++) {
        numbers[i] = connect_one(&homes[i]);
    }
    (void)session_of(node_login(homes[0], numbers[0], 1000, "iggy"));
    u64 begun_us = sim_now_us(node.sim);
    u32 slots[60];
    for (u32 i = 1; i < 60; i++) {
        slots[i] = node_login(homes[i], numbers[i], 1000 + i, "iggy");
    }
    for (u32 i = 1; i < 60; i++) {
        (void)session_of(slots[i]);
    }
    EXPECT(sim_now_us(node.sim) - begun_us < 20 * US_PER_MS);
    EXPECT_EQ(state_sessions_count(node.cores[1].core.state), 60);
    node_deinit();
}

TEST(logins_wait_for_the_root_user_of_a_first_start)
{
    node_init(9, 1);
    node_start_well();
    struct sim_conn *conn = sim_connect(node.sim, 0, NULL, NULL);
    EXPECT(conn != NULL);
    while (node.cores[0].connections_count == 0) {
        (void)sim_run_until(node.sim, NULL, NULL, 100);
    }
    (void)session_of(node_login(0, node.cores[0].connections[0], 5, "iggy"));
    node_deinit();
}

TEST(a_second_register_of_the_same_client_keeps_its_session_and_of_another_replaces_it)
{
    begin(10, 2);
    u32 home = 0;
    u32 number = connect_one(&home);
    u64 first = session_of(node_login(home, number, 5, "iggy"));
    EXPECT_EQ(session_of(node_login(home, number, 5, "iggy")), first);
    u64 second = session_of(node_login(home, number, 6, "iggy"));
    EXPECT(second > first);
    node_run_ms(10);
    EXPECT(state_session_get(node.cores[0].core.state, first) == NULL);
    EXPECT_EQ(node.cores[0].sessions_closed, 1);
    EXPECT_EQ(node.cores[1].sessions_closed, 1);
    EXPECT_EQ(state_sessions_count(node.cores[1].core.state), 1);
    node_deinit();
}

TEST(a_client_that_logs_in_over_another_connection_ends_its_older_session)
{
    begin(11, 2);
    u32 home_a = 0;
    u32 home_b = 0;
    u32 a = connect_one(&home_a);
    u32 b = connect_one(&home_b);
    u64 older = session_of(node_login(home_a, a, 5, "iggy"));
    u64 newer = session_of(node_login(home_b, b, 5, "iggy"));
    EXPECT(newer > older);
    node_run_ms(10);
    EXPECT(state_session_get(node.cores[0].core.state, older) == NULL);
    EXPECT_EQ(state_session_of_client(node.cores[0].core.state, (struct u128){5, 9})->client_number,
              b);
    node_deinit();
}

TEST(session_numbers_rise_over_starts)
{
    begin(12, 1);
    u32 home = 0;
    u64 first = session_of(node_login(home, connect_one(&home), 5, "iggy"));
    node_crash(&(struct sim_crash_odds){.sector_old = 100});
    node_start_well();
    u64 second = session_of(node_login(home, connect_one(&home), 5, "iggy"));
    EXPECT(second > first);
    EXPECT_EQ(second >> 32, 2);
    node_deinit();
}

TEST(logout_and_the_end_of_a_connection_end_the_session)
{
    begin(13, 2);
    u32 home = 0;
    u32 number = connect_one(&home);
    (void)session_of(node_login(home, number, 5, "iggy"));
    EXPECT_EQ(node_wait(node_ask_about(home, MSG_LOGOUT, number))->error, WIRE_OK);
    EXPECT_EQ(state_sessions_count(node.cores[1].core.state), 0);
    EXPECT_EQ(node_wait(node_ask_about(home, MSG_LOGOUT, number))->error, WIRE_OK);
    (void)session_of(node_login(home, number, 6, "iggy"));
    EXPECT_EQ(node_wait(node_ask_about(home, MSG_CONNECTION_CLOSED, number))->error, WIRE_OK);
    EXPECT_EQ(state_sessions_count(node.cores[0].core.state), 0);
    EXPECT_EQ(node_wait(node_ask_about(home, MSG_LOGOUT, number))->error, WIRE_OK);
    node_deinit();
}

TEST(a_connection_that_ends_during_its_login_leaves_no_session)
{
    begin(14, 1);
    u32 home = 0;
    u32 number = connect_one(&home);
    u32 login = node_login(home, number, 5, "iggy");
    u32 closed = node_ask_about(home, MSG_CONNECTION_CLOSED, number);
    EXPECT_EQ(node_wait(closed)->error, WIRE_OK);
    EXPECT_EQ(node_wait(login)->error, WIRE_DISCONNECTED);
    EXPECT_EQ(state_sessions_count(node.cores[0].core.state), 0);
    node_deinit();
}

/* ---- Connections ---- */

TEST(connections_are_spread_over_the_cores_and_numbered_in_order)
{
    begin(15, 3);
    for (u32 i = 0; i < 9; i++) {
        u32 home = 0;
        EXPECT_EQ(connect_one(&home), i + 1);
    }
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(node.cores[i].connections_count, 3);
    }
    node_deinit();
}

static enum wire_error ask_to_move(u32 from, u32 to, u32 number)
{
    static u8 struct_of_the_edge; /* control passes it on and never looks inside */
    struct msg msg = {.kind = MSG_CONNECTION_LEAVES,
                      .conn = (struct conn *)(void *)&struct_of_the_edge,
                      .leaves = {.client_number = number, .core = to}};
    return (enum wire_error)node_wait(node_ask(from, msg))->error;
}

TEST(a_connection_moves_to_a_core_that_has_no_more_of_them)
{
    begin(18, 2);
    u32 home = 0;
    u32 first = connect_one(&home);
    EXPECT_EQ(home, 0);
    (void)connect_one(&home);
    u32 third = connect_one(&home);
    EXPECT_EQ(home, 0);
    EXPECT_EQ(ask_to_move(0, 1, first), WIRE_OK);
    EXPECT_EQ(node.cores[1].connections_count, 2);
    EXPECT_EQ(node.cores[1].connections[1], first);
    EXPECT_EQ(node.cores[1].left[1], 0);
    EXPECT_EQ(ask_to_move(0, 1, third), WIRE_FEATURE_UNAVAILABLE);
    EXPECT_EQ(node.cores[1].connections_count, 2);

    /* The next goes where there are fewer now, and what moved ends on the core it moved to. */
    (void)connect_one(&home);
    EXPECT_EQ(home, 0);
    EXPECT_EQ(node_wait(node_ask_about(1, MSG_CONNECTION_CLOSED, first))->error, WIRE_OK);
    node_deinit();
}

TEST(connections_beyond_the_limit_are_closed_and_counted)
{
    node_init(16, 2);
    node.plan.connections_max = 4;
    node_start_well();
    node_run_ms(100);
    for (u32 i = 0; i < 7; i++) {
        conns[i] = sim_connect(node.sim, 0, NULL, NULL);
    }
    node_run_ms(1000);
    EXPECT_EQ(node.cores[0].connections_count + node.cores[1].connections_count, 4);
    EXPECT_EQ(counter_get(&node.counters[0], COUNTER_connections_refused), 3);
    u32 over = 0;
    for (u32 i = 0; i < 7; i++) {
        over += sim_conn_is_over(conns[i]);
    }
    EXPECT_EQ(over, 3);
    u32 home = node.cores[1].connections_count > 0 ? 1 : 0;
    u32 number = node.cores[home].connections[0];
    EXPECT_EQ(node_wait(node_ask_about(home, MSG_CONNECTION_CLOSED, number))->error, WIRE_OK);
    u32 next_home = 0;
    EXPECT(connect_one(&next_home) > 4);
    node_deinit();
}

TEST(a_core_that_does_not_turn_gets_no_more_than_its_lane_holds)
{
    begin(17, 2);
    node.cores[1].apply_delay_us = 50 * US_PER_MS;
    for (u32 i = 0; i < PUMP_CONNECTIONS; i++) {
        conns[i] = sim_connect(node.sim, 0, NULL, NULL);
        node_run_ms(1);
    }
    node_run_ms(60000);
    EXPECT_EQ(node.cores[0].connections_count + node.cores[1].connections_count, PUMP_CONNECTIONS);
    node_deinit();
}

TEST(clients_are_told_as_they_go_over_the_wire)
{
    begin(18, 2);
    u32 home = 0;
    u32 first = connect_one(&home);
    (void)session_of(node_login(home, first, 5, "iggy"));
    u32 second_home = 0;
    u32 second = connect_one(&second_home);

    struct buf *buf = buf_take(node.cores[0].core.bufs, 4096);
    const struct msg *reply = node_wait(node_ask(
        0, (struct msg){.kind = MSG_CLIENTS, .bufs = {buf}, .clients = {UINT32_MAX, 0, 0}}));
    EXPECT_EQ(reply->error, WIRE_OK);
    EXPECT(reply->bufs[0] == buf);
    struct reader reader = reader_over(buf->data, buf->size);
    struct client_info info = read_client_info(&reader);
    EXPECT_EQ(info.client_id, first);
    EXPECT_EQ(info.user_id, 0);
    info = read_client_info(&reader);
    EXPECT_EQ(info.client_id, second);
    EXPECT_EQ(info.user_id, CLIENT_USER_NONE);
    EXPECT(reader_is_done(&reader));

    (void)node_wait(
        node_ask(0, (struct msg){.kind = MSG_CLIENTS, .bufs = {buf}, .clients = {99, 1, 0}}));
    EXPECT_EQ(buf->size, 0);
    buf_return(buf);
    node_deinit();
}
