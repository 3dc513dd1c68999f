/* Users, what they have, and what goes with them. */
#include "state/state_fixture.h"

static struct fixture fixture;

static struct state_command add_user(const char *name)
{
    return (struct state_command){
        .kind = STATE_ADD_USER,
        .time_us = 5,
        .user_id = state_user_lowest_free(fixture.state),
        .active = true,
        .name = span_of(name),
        .password_hash = span_of("$hash"),
    };
}

static void begin(void)
{
    fixture_init(&fixture, &small_options);
    struct state_command root = {
        .kind = STATE_CREATE_USER, .time_us = 1, .active = true, .name = span_of("iggy")};
    fixture_apply(&fixture, &root);
}

static u32 add(const char *name)
{
    struct state_command command = add_user(name);
    fixture_apply(&fixture, &command);
    return command.user_id;
}

static void open_session(u64 session, u32 user_id)
{
    struct state_command open = {
        .kind = STATE_OPEN_SESSION,
        .session = {.session = session, .client = {session, 1}, .user_id = user_id},
    };
    fixture_apply(&fixture, &open);
}

static struct state_command token_of(u32 user_id, const char *name, u8 first)
{
    static u8 hash[TOKEN_HASH_BYTES];
    hash[0] = first;
    return (struct state_command){
        .kind = STATE_CREATE_TOKEN,
        .user_id = user_id,
        .name = span_of(name),
        .token_hash = {hash, sizeof(hash)},
        .expires_at_us = UINT64_MAX,
    };
}

static struct state_command delete_user(u32 user_id)
{
    return (struct state_command){.kind = STATE_DELETE_USER, .user_id = user_id};
}

TEST(users_take_the_lowest_free_number_and_names_are_taken_once)
{
    begin();
    EXPECT_EQ(add("alice"), 1);
    EXPECT_EQ(add("bob"), 2);
    struct state_command again = add_user("alice");
    EXPECT_EQ(fixture_check(&fixture, &again), WIRE_USER_ALREADY_EXISTS);
    struct state_command gone = delete_user(1);
    fixture_apply(&fixture, &gone);
    EXPECT_EQ(fixture_check(&fixture, &gone), WIRE_RESOURCE_NOT_FOUND);
    EXPECT_EQ(state_users_count(fixture.state), 2);
    EXPECT_EQ(add("alice"), 1);
    EXPECT_EQ(add("carol"), 3);
    struct state_command fifth = add_user("dave");
    EXPECT_EQ(fixture_check(&fixture, &fifth), WIRE_USERS_LIMIT_REACHED);
    fixture_deinit(&fixture);
}

TEST(a_renamed_user_is_found_by_its_new_name_and_keeps_all_else)
{
    begin();
    u32 id = add("alice");
    add("bob");
    struct state_command rename = {
        .kind = STATE_UPDATE_USER, .user_id = id, .active = true, .name = span_of("bob")};
    EXPECT_EQ(fixture_check(&fixture, &rename), WIRE_USER_ALREADY_EXISTS);
    rename.name = span_of("alice");
    fixture_apply(&fixture, &rename);
    rename.name = span_of("eve");
    fixture_apply(&fixture, &rename);
    struct identifier old = identifier_of_name(span_of("alice"));
    struct identifier new = identifier_of_name(span_of("eve"));
    EXPECT(state_user_find(fixture.state, &old) == NULL);
    EXPECT_EQ(state_user_find(fixture.state, &new)->id, id);
    EXPECT_STR(state_user_find(fixture.state, &new)->password_hash, "$hash");
    fixture_deinit(&fixture);
}

TEST(root_is_neither_deleted_nor_deactivated_nor_limited_but_may_be_renamed)
{
    begin();
    struct state_command command = delete_user(USER_ID_ROOT);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_CANNOT_DELETE_USER);
    command = (struct state_command){
        .kind = STATE_UPDATE_USER, .user_id = USER_ID_ROOT, .name = span_of("iggy")};
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_CANNOT_DELETE_USER);
    command.active = true;
    command.name = span_of("admin");
    fixture_apply(&fixture, &command);
    command = (struct state_command){.kind = STATE_SET_PERMISSIONS, .user_id = USER_ID_ROOT};
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_CANNOT_CHANGE_PERMISSIONS);
    fixture_deinit(&fixture);
}

TEST(who_is_deleted_or_deactivated_has_no_session_left_and_others_keep_theirs)
{
    begin();
    u32 alice = add("alice");
    open_session(11, alice);
    open_session(12, USER_ID_ROOT);
    open_session(13, alice);
    struct state_command off = {
        .kind = STATE_UPDATE_USER, .user_id = alice, .name = span_of("alice")};
    fixture_apply(&fixture, &off);
    EXPECT_EQ(fixture.effects_count, 2);
    EXPECT_EQ(fixture.effects[0].kind, STATE_SESSION_CLOSED);
    EXPECT_EQ(fixture.effects[0].session.session + fixture.effects[1].session.session, 24);
    EXPECT(state_session_get(fixture.state, 11) == NULL);
    EXPECT(state_session_get(fixture.state, 13) == NULL);
    EXPECT(state_session_get(fixture.state, 12) != NULL);
    off.active = true;
    fixture_apply(&fixture, &off);
    EXPECT_EQ(fixture.effects_count, 0);
    open_session(14, alice);
    struct state_command gone = delete_user(alice);
    fixture_apply(&fixture, &gone);
    EXPECT_EQ(fixture.effects_count, 1);
    EXPECT_EQ(state_sessions_count(fixture.state), 1);
    fixture_deinit(&fixture);
}

TEST(another_password_ends_all_sessions_but_the_one_that_set_it)
{
    begin();
    u32 alice = add("alice");
    open_session(11, alice);
    open_session(12, alice);
    open_session(13, alice);
    struct state_command change = {.kind = STATE_CHANGE_PASSWORD,
                                   .user_id = alice,
                                   .session = {.session = 12},
                                   .password_hash = span_of("$new")};
    u64 index = fixture_apply(&fixture, &change);
    EXPECT_EQ(fixture.effects_count, 2);
    EXPECT(state_session_get(fixture.state, 12) != NULL);
    EXPECT_STR(state_user_get(fixture.state, alice)->password_hash, "$new");
    EXPECT_EQ(state_user_get(fixture.state, alice)->password_index, index);
    change.session.session = 0;
    fixture_apply(&fixture, &change);
    EXPECT_EQ(state_sessions_count(fixture.state), 0);
    fixture_deinit(&fixture);
}

TEST(tokens_are_found_by_hash_and_by_name_and_go_with_their_user)
{
    begin();
    u32 alice = add("alice");
    struct state_command first = token_of(alice, "one", 1);
    fixture_apply(&fixture, &first);
    EXPECT_EQ(fixture_check(&fixture, &first), WIRE_TOKEN_ALREADY_EXISTS);
    struct state_command second = token_of(alice, "two", 2);
    fixture_apply(&fixture, &second);
    struct state_command same_name = token_of(USER_ID_ROOT, "one", 3);
    fixture_apply(&fixture, &same_name);
    EXPECT_EQ(state_user_get(fixture.state, alice)->tokens_count, 2);
    u8 hash[TOKEN_HASH_BYTES] = {2};
    EXPECT(state_token_find(fixture.state, hash) ==
           state_token_named(fixture.state, alice, span_of("two")));
    const struct state_token *token = state_token_next(fixture.state, alice, NULL);
    EXPECT_EQ(token->hash[0], 1);
    EXPECT_EQ(state_token_next(fixture.state, alice, token)->hash[0], 2);

    struct state_command drop = {
        .kind = STATE_DELETE_TOKEN, .user_id = alice, .name = span_of("one")};
    fixture_apply(&fixture, &drop);
    EXPECT_EQ(fixture_check(&fixture, &drop), WIRE_RESOURCE_NOT_FOUND);
    struct state_command gone = delete_user(alice);
    fixture_apply(&fixture, &gone);
    EXPECT_EQ(state_tokens_count(fixture.state), 1);
    EXPECT(state_token_find(fixture.state, hash) == NULL);
    EXPECT_EQ(add("bob"), alice);
    EXPECT(state_token_next(fixture.state, alice, NULL) == NULL);
    fixture_deinit(&fixture);
}

TEST(tokens_beyond_the_room_for_all_are_refused)
{
    begin();
    for (u8 i = 0; i < 4; i++) {
        char name[] = "tok0";
        name[3] = (char)('0' + i);
        struct state_command token = token_of(USER_ID_ROOT, name, (u8)(i + 1));
        fixture_apply(&fixture, &token);
    }
    struct state_command fifth = token_of(USER_ID_ROOT, "more", 9);
    EXPECT_EQ(fixture_check(&fixture, &fifth), WIRE_TOKENS_LIMIT_REACHED);
    fixture_deinit(&fixture);
}
