/* Users, as edges ask for them: what is refused, what is hashed first, what becomes of sessions. */
#include "control/control_fixture.h"
#include "control/control_parts.h"

static void begin(u64 seed)
{
    node_init(seed, 2);
    node_start_well();
    node_run_ms(1000);
}

static u32 error_of(u32 slot)
{
    return node_wait(slot)->error;
}

/* Who asks next. */
static struct {
    u32 user_id;
    u64 session;
} asker;

static u32 ask(u32 command, struct buf *body, const struct writer *writer)
{
    EXPECT(!writer->failed);
    body->size = writer->position;
    return node_ask(1, (struct msg){.kind = MSG_COMMAND,
                                    .bufs = {body, NULL},
                                    .command = {.command = command,
                                                .user_id = asker.user_id,
                                                .session = asker.session}});
}

static u32 ask_create(const char *name, const char *password)
{
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    create_user_request_encode(&(struct create_user_request){.username = span_of(name),
                                                             .password = span_of(password),
                                                             .status = USER_ACTIVE},
                               &writer);
    return ask(COMMAND_CREATE_USER, body, &writer);
}

static u32 ask_change(const char *name, const char *current, const char *new)
{
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    change_password_request_encode(
        &(struct change_password_request){.user = identifier_of_name(span_of(name)),
                                          .current = span_of(current),
                                          .new = span_of(new)},
        &writer);
    return ask(COMMAND_CHANGE_PASSWORD, body, &writer);
}

static u32 ask_delete(u32 id)
{
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    user_request_encode(&(struct user_request){.user = identifier_of_id(id)}, &writer);
    return ask(COMMAND_DELETE_USER, body, &writer);
}

static u32 ask_update(u32 id, const char *name, u8 status)
{
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    update_user_request_encode(
        &(struct update_user_request){.user = identifier_of_id(id),
                                      .has_username = name != NULL,
                                      .username = name == NULL ? (struct span){0} : span_of(name),
                                      .has_status = status != 0,
                                      .status = status},
        &writer);
    return ask(COMMAND_UPDATE_USER, body, &writer);
}

static u32 ask_permissions(u32 id, u16 bits)
{
    u8 block[16];
    struct writer permissions = writer_over(block, sizeof(block));
    struct permission_writer writing = permissions_begin(&permissions, bits);
    permissions_end(&writing);
    struct writer writer;
    struct buf *body = node_body(1, &writer);
    update_permissions_request_encode(
        &(struct update_permissions_request){.user = identifier_of_id(id),
                                             .has_permissions = true,
                                             .permissions = {block, permissions.position}},
        &writer);
    return ask(COMMAND_UPDATE_PERMISSIONS, body, &writer);
}

static u32 create(const char *name)
{
    const struct msg *reply = node_wait(ask_create(name, "secret"));
    EXPECT_EQ(reply->error, WIRE_OK);
    return reply->commanded.id;
}

/* A session of this user over a new connection; 0: refused. */
static u64 log_in(const char *name, const char *password, u64 client)
{
    u32 home = 0;
    struct sim_conn *conn;
    u32 number = node_connect(&home, &conn);
    const struct msg *reply = node_wait(node_login_frame(
        home, number, node_register_frame(home, client, PROTOCOL_VERSION, name, password)));
    EXPECT_EQ(reply->error, WIRE_OK);
    return reply->logged_in.session;
}

TEST(a_user_is_made_with_a_hash_and_logs_in)
{
    begin(1);
    u32 id = create("alice");
    EXPECT_EQ(id, 1);
    const struct state_user *user = state_user_get(node.cores[1].core.state, id);
    EXPECT(strstr(user->password_hash, "argon2id") != NULL);
    EXPECT_EQ(error_of(ask_create("alice", "secret")), WIRE_USER_ALREADY_EXISTS);
    EXPECT(log_in("alice", "secret", 7) != 0);
    EXPECT_EQ(log_in("alice", "Secret", 8), 0);
    node_deinit();
}

TEST(words_of_the_wrong_length_are_refused_before_anything_is_hashed)
{
    begin(2);
    u64 begun_us = sim_now_us(node.sim);
    EXPECT_EQ(error_of(ask_create("al", "secret")), WIRE_INVALID_USERNAME);
    EXPECT_EQ(error_of(ask_create("alice", "no")), WIRE_INVALID_PASSWORD);
    EXPECT_EQ(error_of(ask_create("iggy", "secret")), WIRE_USER_ALREADY_EXISTS);
    EXPECT_EQ(error_of(ask_change("nobody", "no", "secret")), WIRE_INVALID_PASSWORD);
    EXPECT_EQ(error_of(ask_change("nobody", "secret", "changed")), WIRE_RESOURCE_NOT_FOUND);
    EXPECT(sim_now_us(node.sim) - begun_us < 500);
    node_deinit();
}

TEST(who_has_no_right_is_refused_before_its_words_are_judged)
{
    begin(3);
    u32 alice = create("alice");
    u32 bob = create("bob");
    asker.user_id = alice;
    EXPECT_EQ(error_of(ask_create("al", "secret")), WIRE_UNAUTHORIZED);
    EXPECT_EQ(error_of(ask_delete(77)), WIRE_UNAUTHORIZED);
    EXPECT_EQ(error_of(ask_update(bob, "x", 0)), WIRE_UNAUTHORIZED);
    EXPECT_EQ(error_of(ask_permissions(alice, 1023)), WIRE_UNAUTHORIZED);
    EXPECT_EQ(error_of(ask_change("bob", "secret", "changed")), WIRE_UNAUTHORIZED);
    EXPECT_EQ(error_of(ask_change("alice", "secret", "changed")), WIRE_OK);
    EXPECT_EQ(error_of(node_create_stream(1, "of root")), WIRE_OK);
    asker.user_id = USER_ID_ROOT;
    EXPECT_EQ(error_of(ask_permissions(alice, GLOBAL_MANAGE_USERS)), WIRE_OK);
    asker.user_id = alice;
    EXPECT_EQ(error_of(ask_update(bob, "robert", 0)), WIRE_OK);
    EXPECT_EQ(error_of(ask_delete(77)), WIRE_RESOURCE_NOT_FOUND);
    EXPECT_EQ(error_of(ask_delete(USER_ID_ROOT)), WIRE_CANNOT_DELETE_USER);
    asker.user_id = USER_ID_ROOT;
    node_deinit();
}

TEST(a_command_of_a_user_or_session_that_is_over_is_not_carried_out)
{
    begin(4);
    u32 alice = create("alice");
    EXPECT_EQ(error_of(ask_permissions(alice, 1023)), WIRE_OK);
    u64 session = log_in("alice", "secret", 7);
    /* The edge let it pass; what ends the session was ordered before it. */
    u32 off = ask_update(alice, NULL, USER_INACTIVE);
    asker.user_id = alice;
    asker.session = session;
    u32 late = ask_create("bob", "secret");
    EXPECT_EQ(error_of(off), WIRE_OK);
    EXPECT_EQ(error_of(late), WIRE_UNAUTHORIZED);
    asker.user_id = USER_ID_ROOT;
    asker.session = 0;
    EXPECT_EQ(error_of(ask_update(alice, NULL, USER_ACTIVE)), WIRE_OK);
    asker.user_id = alice;
    asker.session = session;
    EXPECT_EQ(error_of(ask_update(alice, "eve", 0)), WIRE_UNAUTHENTICATED);
    asker.session = 0;
    asker.user_id = 55;
    EXPECT_EQ(error_of(ask_update(alice, "eve", 0)), WIRE_UNAUTHENTICATED);
    asker.user_id = USER_ID_ROOT;
    node_deinit();
}

TEST(who_is_deleted_while_its_password_is_verified_does_not_get_another)
{
    begin(5);
    u32 alice = create("alice");
    u32 change = ask_change("alice", "secret", "changed");
    u32 gone = ask_delete(alice);
    EXPECT_EQ(error_of(gone), WIRE_OK);
    EXPECT_EQ(error_of(change), WIRE_INVALID_CREDENTIALS);
    u32 heir = create("heir");
    EXPECT_EQ(heir, alice);
    EXPECT(log_in("heir", "secret", 7) != 0);
    node_deinit();
}

TEST(a_user_deleted_while_it_logs_in_gets_no_session_and_neither_does_its_heir)
{
    begin(6);
    u32 alice = create("alice");
    u32 home = 0;
    struct sim_conn *conn;
    u32 number = node_connect(&home, &conn);
    u32 login = node_login_frame(home, number,
                                 node_register_frame(home, 7, PROTOCOL_VERSION, "alice", "secret"));
    u32 gone = ask_delete(alice);
    EXPECT_EQ(error_of(gone), WIRE_OK);
    EXPECT_EQ(node_wait(login)->logged_in.eviction, EVICTION_INVALID_CREDENTIALS);
    EXPECT_EQ(state_sessions_count(node.cores[0].core.state), 0);
    node_deinit();
}

TEST(the_list_of_connections_forgets_who_is_deleted)
{
    begin(7);
    u32 alice = create("alice");
    u64 session = log_in("alice", "secret", 7);
    const struct state_session *open = state_session_get(node.cores[0].core.state, session);
    u32 number = open->client_number;
    EXPECT_EQ(registry_get(&node.control->registry, number)->user_id, alice);
    EXPECT_EQ(error_of(ask_delete(alice)), WIRE_OK);
    EXPECT_EQ(registry_get(&node.control->registry, number)->user_id, CLIENT_USER_NONE);
    EXPECT_EQ(node.cores[0].sessions_closed, 1);
    EXPECT_EQ(node.cores[1].sessions_closed, 1);
    node_deinit();
}

TEST(commands_beyond_the_queue_for_a_hash_are_asked_to_come_again)
{
    begin(8);
    u32 slots[20];
    for (u32 i = 0; i < array_count(slots); i++) {
        char name[16];
        str_format(name, sizeof(name), "user-%u", i);
        slots[i] = ask_create(name, "secret");
    }
    u32 again = 0;
    for (u32 i = 0; i < array_count(slots); i++) {
        u32 error = error_of(slots[i]);
        EXPECT(error == WIRE_OK || error == WIRE_TRANSIENT_NOT_ACCEPTED);
        again += error != WIRE_OK;
    }
    EXPECT_EQ(again, array_count(slots) - PREPARATIONS_PER_CORE);
    EXPECT_EQ(state_users_count(node.cores[1].core.state), 1 + PREPARATIONS_PER_CORE);
    node_deinit();
}

TEST(after_a_failed_write_users_are_what_the_cores_have_and_change_no_more)
{
    begin(11);
    create("alice");
    sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
    EXPECT_EQ(error_of(ask_change("alice", "secret", "changed")), WIRE_IO_ERROR);
    EXPECT(log_in("alice", "secret", 7) != 0);
    EXPECT_EQ(log_in("alice", "changed", 8), 0);
    EXPECT_EQ(error_of(ask_create("alice", "secret")), WIRE_IO_ERROR);
    node_deinit();
}

TEST(a_user_whose_deletion_could_not_be_written_is_not_locked_out)
{
    begin(12);
    u32 alice = create("alice");
    u32 id = create("bob");
    sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
    EXPECT_EQ(error_of(ask_delete(alice)), WIRE_IO_ERROR);
    EXPECT(state_user_get(node.cores[1].core.state, alice) != NULL);
    u64 session = log_in("alice", "secret", 7);
    EXPECT(session != 0);
    EXPECT(state_session_get(node.cores[1].core.state, session) != NULL);
    EXPECT(log_in("bob", "secret", 8) != 0);
    EXPECT_EQ(log_in("alice", "wrong", 9), 0);

    asker.user_id = alice; /* what she may is what the cores have, too */
    asker.session = session;
    EXPECT_EQ(error_of(ask_delete(id)), WIRE_IO_ERROR);
    asker.user_id = USER_ID_ROOT;
    asker.session = 0;
    node_deinit();
}

/* The number of the client whose session it is, as core 1 has it; 0: it is over. */
static u32 client_number_of(u64 session)
{
    const struct state_session *found = state_session_get(node.cores[1].core.state, session);
    return found == NULL ? 0 : found->client_number;
}

static u32 ask_closed(u32 number)
{
    u32 home = registry_get(&node.control->registry, number)->home;
    return node_ask_about(home, MSG_CONNECTION_CLOSED, number);
}

TEST(users_whose_deletions_could_not_be_written_are_not_locked_out)
{
    begin(13);
    u32 alice = create("alice");
    u32 bob = create("bob");
    u64 before = log_in("alice", "secret", 7);
    u32 number = client_number_of(before);
    sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
    u32 first = ask_delete(alice);
    u32 second = ask_delete(bob);
    EXPECT_EQ(error_of(first), WIRE_IO_ERROR);
    EXPECT_EQ(error_of(second), WIRE_IO_ERROR);
    EXPECT(log_in("bob", "secret", 8) != 0);
    EXPECT(log_in("alice", "secret", 9) != 0);
    EXPECT_EQ(state_hash(node.control->decided), state_hash(node.cores[0].core.state));

    /* The session that the deletion would have ended goes on, and ends with its connection. */
    EXPECT_EQ(client_number_of(before), number);
    EXPECT_EQ(registry_get(&node.control->registry, number)->user_id, alice);
    EXPECT_EQ(error_of(ask_closed(number)), WIRE_OK);
    EXPECT_EQ(client_number_of(before), 0);
    node_deinit();
}

TEST(a_session_whose_connection_went_while_a_deletion_was_lost_ends)
{
    begin(14);
    u32 alice = create("alice");
    u64 session = log_in("alice", "secret", 7);
    u32 number = client_number_of(session);
    sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
    u32 lost = ask_delete(alice);
    u32 closed = ask_closed(number);
    EXPECT_EQ(error_of(lost), WIRE_IO_ERROR);
    EXPECT_EQ(error_of(closed), WIRE_OK);
    node_run_ms(100);
    EXPECT(state_user_get(node.cores[1].core.state, alice) != NULL);
    EXPECT_EQ(client_number_of(session), 0);
    EXPECT_EQ(state_hash(node.control->decided), state_hash(node.cores[1].core.state));
    node_deinit();
}

/* Both were decided on one another's account before the write was known to have failed. */
TEST(what_followed_from_a_lost_change_is_refused_and_the_rest_goes_on)
{
    for (u64 seed = 20; seed < 60; seed++) {
        begin(seed);
        u32 alice = create("alice");
        u64 session = log_in("alice", "secret", 7);
        (void)log_in("iggy", "iggy", 8); /* from now on that is known at once */
        u32 home = 0;
        struct sim_conn *conn;
        u32 number = node_connect(&home, &conn);
        sim_fail_next(node.sim, 0, SIM_WRITE, "control/a", ERR_IO);
        u32 lost = ask_delete(alice);
        node_run_ms(0);
        /* The same client as somebody else: its session is over, as far as that is decided. */
        u32 login = node_login(home, number, 7, "iggy");
        u32 closed = ask_closed(number);
        EXPECT_EQ(error_of(lost), WIRE_IO_ERROR);
        (void)node_wait(login);
        (void)node_wait(closed);
        node_run_ms(200);
        EXPECT(client_number_of(session) != 0);
        EXPECT_EQ(state_hash(node.control->decided), state_hash(node.cores[0].core.state));
        EXPECT_EQ(state_hash(node.control->decided), state_hash(node.cores[1].core.state));
        node_deinit();
    }
}

TEST(guesses_at_a_current_password_are_limited_by_name)
{
    begin(9);
    create("alice");
    for (u32 i = 0; i < node.settings.login_failures_per_minute_max; i++) {
        EXPECT_EQ(error_of(ask_change("alice", "wrong", "changed")), WIRE_INVALID_CREDENTIALS);
    }
    u64 begun_us = sim_now_us(node.sim);
    EXPECT_EQ(error_of(ask_change("alice", "secret", "changed")), WIRE_INVALID_CREDENTIALS);
    EXPECT(sim_now_us(node.sim) - begun_us < 500);
    node_deinit();
}

TEST(a_stop_answers_commands_whose_password_is_being_hashed)
{
    begin(10);
    u32 slot = ask_create("alice", "secret");
    node_run_ms(0);
    control_stop(node.control);
    sim_wake(node.sim, 0, 0);
    u32 error = error_of(slot);
    EXPECT(error == WIRE_OK || error == WIRE_DISCONNECTED);
    node_sleep_ms(5000);
    EXPECT(control_is_drained(node.control));
    node_deinit();
}
