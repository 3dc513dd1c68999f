#include "state/state.h"

#include "state/state_fixture.h"
#include "test.h"

static struct fixture fixture;

TEST(ids_are_the_lowest_free_number)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "a");
    add_stream(&fixture, "b");
    add_stream(&fixture, "c");
    do_on_topic(&fixture, STATE_DELETE_STREAM, 1, 0, 0);
    EXPECT_EQ(state_stream_lowest_free(fixture.state), 1);
    EXPECT(state_stream_get(fixture.state, 1) == NULL);
    add_stream(&fixture, "d");
    add_stream(&fixture, "e");
    EXPECT_BYTES(state_stream_get(fixture.state, 1)->name, "d", 1);
    EXPECT_BYTES(state_stream_get(fixture.state, 3)->name, "e", 1);
    do_on_topic(&fixture, STATE_DELETE_STREAM, 3, 0, 0);
    do_on_topic(&fixture, STATE_DELETE_STREAM, 2, 0, 0);
    EXPECT_EQ(state_stream_lowest_free(fixture.state), 2);
    fixture_deinit(&fixture);
}

TEST(topics_of_a_stream_are_listed_in_rising_id_whatever_the_order_of_creation)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "a");
    add_stream(&fixture, "other");
    for (u32 i = 0; i < 4; i++) {
        char name[] = {(char)('t' + i), 0};
        add_topic(&fixture, 0, name, 0);
    }
    do_on_topic(&fixture, STATE_DELETE_TOPIC, 0, 1, 0);
    do_on_topic(&fixture, STATE_DELETE_TOPIC, 0, 0, 0);
    EXPECT_EQ(state_topic_lowest_free(fixture.state, 0), 0);
    add_topic(&fixture, 0, "again", 0);
    EXPECT_EQ(state_topic_lowest_free(fixture.state, 0), 1);
    EXPECT_EQ(state_topic_next(fixture.state, 0, UINT32_MAX)->id, 0);
    EXPECT_EQ(state_topic_next(fixture.state, 0, 0)->id, 2);
    EXPECT_EQ(state_topic_next(fixture.state, 0, 1)->id, 2);
    EXPECT_EQ(state_topic_next(fixture.state, 0, 2)->id, 3);
    EXPECT(state_topic_next(fixture.state, 0, 3) == NULL);
    EXPECT(state_topic_next(fixture.state, 1, UINT32_MAX) == NULL);
    EXPECT(state_topic_next(fixture.state, 5, UINT32_MAX) == NULL);
    fixture_deinit(&fixture);
}

TEST(objects_are_found_by_number_and_by_name_and_a_name_of_digits_is_a_name)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "7");
    add_topic(&fixture, 0, "0", 1);
    struct identifier seven = identifier_of_name(span_of("7"));
    struct identifier zero = identifier_of_name(span_of("0"));
    struct identifier number = identifier_of_id(0);
    struct identifier wrong = identifier_of_id(7);
    EXPECT_EQ(state_stream_find(fixture.state, &seven)->id, 0);
    EXPECT_EQ(state_stream_find(fixture.state, &number)->id, 0);
    EXPECT(state_stream_find(fixture.state, &wrong) == NULL);
    EXPECT(state_stream_find(fixture.state, &zero) == NULL);
    EXPECT_EQ(state_topic_find(fixture.state, 0, &zero)->id, 0);
    EXPECT(state_topic_find(fixture.state, 1, &zero) == NULL);
    EXPECT(state_partition_find(fixture.state, 0, 0, 0) != NULL);
    EXPECT(state_partition_find(fixture.state, 0, 0, 1) == NULL);
    fixture_deinit(&fixture);
}

TEST(a_renamed_stream_is_found_by_its_new_name_only)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "old");
    struct state_command rename = {
        .kind = STATE_UPDATE_STREAM, .stream_id = 0, .name = span_of("new")};
    fixture_apply(&fixture, &rename);
    struct identifier old = identifier_of_name(span_of("old"));
    struct identifier new = identifier_of_name(span_of("new"));
    EXPECT(state_stream_find(fixture.state, &old) == NULL);
    EXPECT_EQ(state_stream_find(fixture.state, &new)->id, 0);
    EXPECT_EQ(fixture_check(&fixture, &rename), WIRE_OK);
    fixture_apply(&fixture, &rename);
    add_stream(&fixture, "old");
    struct state_command taken = {
        .kind = STATE_UPDATE_STREAM, .stream_id = 1, .name = span_of("new")};
    EXPECT_EQ(fixture_check(&fixture, &taken), WIRE_STREAM_NAME_ALREADY_EXISTS);
    fixture_deinit(&fixture);
}

TEST(partitions_spread_over_the_cores_and_know_their_life)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 life = add_topic(&fixture, 0, "t", 6);
    u32 counts[3] = {0};
    for (u32 id = 0; id < 6; id++) {
        const struct state_partition *partition = state_partition_find(fixture.state, 0, 0, id);
        EXPECT_EQ(partition->id, id);
        EXPECT_EQ(partition->life, life);
        EXPECT_EQ(partition->created_at_us, 2000);
        EXPECT(state_partition_at(fixture.state, partition->slot) == partition);
        counts[partition->home]++;
    }
    EXPECT_EQ(counts[0], 2);
    EXPECT_EQ(counts[1], 2);
    EXPECT_EQ(counts[2], 2);
    EXPECT_EQ(fixture.opened_count, 6);
    EXPECT_EQ(state_partitions_count(fixture.state), 6);
    const struct state_topic *topic = state_topic_get(fixture.state, 0, 0);
    EXPECT_EQ(topic->first_partition, state_partition_find(fixture.state, 0, 0, 0)->slot);
    fixture_deinit(&fixture);
}

TEST(a_purge_gives_every_partition_a_new_life_in_its_place)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 old_life = add_topic(&fixture, 0, "t", 2);
    struct state_partition before = *state_partition_find(fixture.state, 0, 0, 1);
    u64 new_life = do_on_topic(&fixture, STATE_PURGE_TOPIC, 0, 0, 0);
    const struct state_partition *after = state_partition_find(fixture.state, 0, 0, 1);
    EXPECT_EQ(after->life, new_life);
    EXPECT_EQ(after->slot, before.slot);
    EXPECT_EQ(after->home, before.home);
    EXPECT_EQ(after->created_at_us, before.created_at_us);
    EXPECT(after->generation != before.generation);
    EXPECT_EQ(fixture.effects_count, 4);
    EXPECT_EQ(fixture.effects[0].kind, STATE_PARTITION_CLOSED);
    EXPECT_EQ(fixture.effects[0].partition.life, old_life);
    EXPECT_EQ(fixture.effects[1].kind, STATE_PARTITION_OPENED);
    EXPECT_EQ(fixture.effects[1].partition.life, new_life);
    EXPECT_EQ(fixture.effects[3].partition.id, 1);
    u64 newest = do_on_topic(&fixture, STATE_PURGE_STREAM, 0, 0, 0);
    EXPECT_EQ(state_partition_find(fixture.state, 0, 0, 0)->life, newest);
    fixture_deinit(&fixture);
}

TEST(a_life_is_over_once_it_was_given_and_is_not_the_present_one)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 first = add_topic(&fixture, 0, "t", 1);
    EXPECT(!state_life_is_over(fixture.state, first, 0, 0, 0));
    u64 second = do_on_topic(&fixture, STATE_PURGE_TOPIC, 0, 0, 0);
    EXPECT(state_life_is_over(fixture.state, first, 0, 0, 0));
    EXPECT(!state_life_is_over(fixture.state, second, 0, 0, 0));
    EXPECT(state_life_is_over(fixture.state, second, 0, 0, 1));
    do_on_topic(&fixture, STATE_DELETE_STREAM, 0, 0, 0);
    EXPECT(state_life_is_over(fixture.state, second, 0, 0, 0));
    EXPECT_EQ(state_life_max(fixture.state), second);
    fixture_deinit(&fixture);
}

TEST(starts_and_logins_give_no_life_so_a_lost_one_is_never_taken_for_trash)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 known = add_topic(&fixture, 0, "t", 1);
    struct state_command boot = {.kind = STATE_BOOT, .boot = 1};
    fixture_apply(&fixture, &boot);
    boot.boot = 2;
    fixture_apply(&fixture, &boot);
    EXPECT_EQ(state_boot(fixture.state), 2);
    EXPECT_EQ(state_life_max(fixture.state), known);
    EXPECT(state_index(fixture.state) > known);
    EXPECT(!state_life_is_over(fixture.state, known + 1, 0, 0, 0));
    EXPECT(!state_life_is_over(fixture.state, known + 1, 0, 0, 9));
    fixture_deinit(&fixture);
}

TEST(deleted_partitions_are_the_highest_and_new_ones_follow_on)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 created = add_topic(&fixture, 0, "t", 4);
    do_on_topic(&fixture, STATE_DELETE_PARTITIONS, 0, 0, 3);
    EXPECT_EQ(fixture.closed_count, 3);
    EXPECT(state_partition_find(fixture.state, 0, 0, 1) == NULL);
    EXPECT_EQ(state_topic_get(fixture.state, 0, 0)->partitions_count, 1);
    u64 added = do_on_topic(&fixture, STATE_CREATE_PARTITIONS, 0, 0, 2);
    EXPECT_EQ(state_partition_find(fixture.state, 0, 0, 0)->life, created);
    EXPECT_EQ(state_partition_find(fixture.state, 0, 0, 1)->life, added);
    EXPECT_EQ(state_partition_find(fixture.state, 0, 0, 2)->created_at_us, 3000);
    do_on_topic(&fixture, STATE_DELETE_PARTITIONS, 0, 0, 3);
    EXPECT_EQ(state_topic_get(fixture.state, 0, 0)->first_partition, STATE_PARTITION_NONE);
    EXPECT_EQ(state_partitions_count(fixture.state), 0);
    fixture_deinit(&fixture);
}

TEST(a_handle_of_a_slot_that_was_reused_has_an_old_generation)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    add_topic(&fixture, 0, "t", 1);
    struct state_partition before = *state_partition_find(fixture.state, 0, 0, 0);
    do_on_topic(&fixture, STATE_DELETE_TOPIC, 0, 0, 0);
    EXPECT(state_partition_at(fixture.state, before.slot) == NULL);
    add_topic(&fixture, 0, "t", 1);
    const struct state_partition *after = state_partition_find(fixture.state, 0, 0, 0);
    EXPECT_EQ(after->slot, before.slot);
    EXPECT(after->generation != before.generation);
    fixture_deinit(&fixture);
}

TEST(deleting_a_stream_closes_all_it_had_and_frees_the_room)
{
    fixture_init(&fixture, &small_options);
    for (u32 round = 0; round < 5; round++) {
        add_stream(&fixture, "s");
        for (u32 i = 0; i < 10; i++) {
            char name[] = {(char)('a' + i), 0};
            add_topic(&fixture, 0, name, 2);
        }
        do_on_topic(&fixture, STATE_DELETE_STREAM, 0, 0, 0);
        EXPECT_EQ(state_topics_count(fixture.state), 0);
        EXPECT_EQ(state_partitions_count(fixture.state), 0);
        EXPECT_EQ(state_streams_count(fixture.state), 0);
    }
    EXPECT_EQ(fixture.opened_count, 100);
    EXPECT_EQ(fixture.closed_count, 100);
    fixture_deinit(&fixture);
}

TEST(an_update_of_a_topic_is_told_to_the_owners_of_its_partitions)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    add_topic(&fixture, 0, "t", 2);
    struct state_command update = {
        .kind = STATE_UPDATE_TOPIC,
        .name = span_of("t2"),
        .options = plain_options(),
    };
    update.options.message_expiry_us = 5;
    update.options.explicit_set = 1u << TOPIC_OPTION_MESSAGE_EXPIRY;
    fixture_apply(&fixture, &update);
    const struct state_topic *topic = state_topic_get(fixture.state, 0, 0);
    EXPECT_EQ(topic->options.message_expiry_us, 5);
    EXPECT_EQ(topic->options.explicit_set, 1u << TOPIC_OPTION_MESSAGE_EXPIRY);
    EXPECT_EQ(fixture.effects_count, 1);
    EXPECT_EQ(fixture.effects[0].kind, STATE_TOPIC_UPDATED);
    EXPECT_EQ(fixture.effects[0].partition.topic_id, 0);
    fixture_deinit(&fixture);
}

TEST(what_does_not_exist_is_refused_with_its_number)
{
    fixture_init(&fixture, &small_options);
    struct state_command command = on_topic(STATE_DELETE_STREAM, 0, 0, 1);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_STREAM_ID_NOT_FOUND);
    command.kind = STATE_PURGE_TOPIC;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_STREAM_ID_NOT_FOUND);
    command.kind = STATE_CREATE_PARTITIONS;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_STREAM_ID_NOT_FOUND);
    add_stream(&fixture, "s");
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_TOPIC_ID_NOT_FOUND);
    command.kind = STATE_DELETE_TOPIC;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_TOPIC_ID_NOT_FOUND);
    struct state_command password = {.kind = STATE_SET_PASSWORD, .user_id = 3};
    EXPECT_EQ(fixture_check(&fixture, &password), WIRE_RESOURCE_NOT_FOUND);
    struct state_command topic = create_topic(&fixture, 0, "t", 1);
    topic.stream_id = 5;
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_STREAM_ID_NOT_FOUND);
    fixture_deinit(&fixture);
}

TEST(taken_names_are_refused_within_their_scope)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    add_stream(&fixture, "r");
    add_topic(&fixture, 0, "t", 0);
    struct state_command stream = create_stream(&fixture, "s");
    EXPECT_EQ(fixture_check(&fixture, &stream), WIRE_STREAM_NAME_ALREADY_EXISTS);
    struct state_command topic = create_topic(&fixture, 0, "t", 0);
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_TOPIC_NAME_ALREADY_EXISTS);
    add_topic(&fixture, 1, "t", 0);
    add_topic(&fixture, 0, "u", 0);
    struct state_command update = {.kind = STATE_UPDATE_TOPIC,
                                   .topic_id = 1,
                                   .name = span_of("t"),
                                   .options = plain_options()};
    EXPECT_EQ(fixture_check(&fixture, &update), WIRE_TOPIC_NAME_ALREADY_EXISTS);
    update.name = span_of("u");
    EXPECT_EQ(fixture_check(&fixture, &update), WIRE_OK);
    fixture_deinit(&fixture);
}

TEST(limits_are_refused_with_their_numbers)
{
    fixture_init(&fixture, &small_options);
    const char *names[] = {"a", "b", "c", "d", "e", "f"};
    for (u32 i = 0; i < 6; i++) {
        add_stream(&fixture, names[i]);
    }
    struct state_command stream = create_stream(&fixture, "g");
    EXPECT_EQ(fixture_check(&fixture, &stream), WIRE_TOO_MANY_STREAMS);

    struct state_command topic = create_topic(&fixture, 0, "t", 1001);
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_TOO_MANY_PARTITIONS);
    topic.partitions_count = 25;
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_PARTITION_ID_SPACE_EXHAUSTED);
    add_topic(&fixture, 0, "t", 20);
    struct state_command more = on_topic(STATE_CREATE_PARTITIONS, 0, 0, 5);
    EXPECT_EQ(fixture_check(&fixture, &more), WIRE_PARTITION_ID_SPACE_EXHAUSTED);
    more.partitions_count = 1001;
    EXPECT_EQ(fixture_check(&fixture, &more), WIRE_TOO_MANY_PARTITIONS);
    more.partitions_count = 4;
    EXPECT_EQ(fixture_check(&fixture, &more), WIRE_OK);
    more.kind = STATE_DELETE_PARTITIONS;
    more.partitions_count = 21;
    EXPECT_EQ(fixture_check(&fixture, &more), WIRE_INVALID_PARTITIONS_COUNT);
    for (u32 i = 0; i < 9; i++) {
        char name[] = {(char)('A' + i), 0};
        add_topic(&fixture, 1, name, 0);
    }
    topic = create_topic(&fixture, 1, "last", 0);
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_TOO_MANY_TOPICS);
    fixture_deinit(&fixture);
}

TEST(reserving_more_space_than_a_topic_may_is_refused)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    struct state_command topic = create_topic(&fixture, 0, "t", 65);
    topic.options.preallocate_segments = true;
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_INVALID_OPTION_VALUE);
    topic.partitions_count = 24;
    EXPECT_EQ(fixture_check(&fixture, &topic), WIRE_OK);
    fixture_deinit(&fixture);
}

TEST(a_user_has_the_index_of_the_command_that_set_the_password)
{
    fixture_init(&fixture, &small_options);
    struct state_command root = {
        .kind = STATE_CREATE_USER,
        .time_us = 1,
        .active = true,
        .name = span_of("iggy"),
        .password_hash = span_of("$argon2id$one"),
    };
    u64 created = fixture_apply(&fixture, &root);
    struct identifier name = identifier_of_name(span_of("iggy"));
    const struct state_user *user = state_user_find(fixture.state, &name);
    EXPECT_EQ(user->id, USER_ID_ROOT);
    EXPECT_EQ(user->created_at_us, 1);
    EXPECT_EQ(user->password_index, created);
    EXPECT_STR(user->password_hash, "$argon2id$one");
    EXPECT_EQ(fixture_check(&fixture, &root), WIRE_USER_ALREADY_EXISTS);
    struct state_command password = {.kind = STATE_SET_PASSWORD, .password_hash = span_of("$two")};
    u64 changed = fixture_apply(&fixture, &password);
    EXPECT_EQ(user->password_index, changed);
    EXPECT_STR(user->password_hash, "$two");
    fixture_deinit(&fixture);
}

static struct state_command open_session(u64 session, u64 client, u32 user_id)
{
    return (struct state_command){
        .kind = STATE_OPEN_SESSION,
        .session = {.session = session,
                    .client = {client, 1},
                    .user_id = user_id,
                    .client_number = 9,
                    .home = 2},
    };
}

TEST(sessions_are_found_by_number_and_by_client_until_they_are_closed)
{
    fixture_init(&fixture, &small_options);
    struct state_command root = {.kind = STATE_CREATE_USER, .name = span_of("iggy")};
    fixture_apply(&fixture, &root);
    struct state_command open = open_session(1ull << 32 | 1, 77, 0);
    fixture_apply(&fixture, &open);
    EXPECT_EQ(state_sessions_count(fixture.state), 1);
    EXPECT_EQ(state_session_get(fixture.state, 1ull << 32 | 1)->client_number, 9);
    EXPECT_EQ(state_session_of_client(fixture.state, (struct u128){77, 1})->session,
              1ull << 32 | 1);
    EXPECT(state_session_of_client(fixture.state, (struct u128){77, 2}) == NULL);

    struct state_command same_client = open_session(1ull << 32 | 2, 77, 0);
    EXPECT_EQ(fixture_check(&fixture, &same_client), WIRE_ALREADY_AUTHENTICATED);
    struct state_command nobody = open_session(1ull << 32 | 2, 78, 5);
    EXPECT_EQ(fixture_check(&fixture, &nobody), WIRE_UNAUTHENTICATED);

    struct state_command close = {.kind = STATE_CLOSE_SESSION,
                                  .session = {.session = 1ull << 32 | 1}};
    fixture_apply(&fixture, &close);
    EXPECT_EQ(fixture.effects_count, 1);
    EXPECT_EQ(fixture.effects[0].kind, STATE_SESSION_CLOSED);
    EXPECT_EQ(fixture.effects[0].session.session, 1ull << 32 | 1);
    EXPECT(state_session_get(fixture.state, 1ull << 32 | 1) == NULL);
    EXPECT_EQ(fixture_check(&fixture, &close), WIRE_UNAUTHENTICATED);
    EXPECT_EQ(fixture_check(&fixture, &same_client), WIRE_OK);
    fixture_deinit(&fixture);
}

TEST(sessions_beyond_the_limit_are_asked_to_come_again)
{
    fixture_init(&fixture, &small_options);
    struct state_command root = {.kind = STATE_CREATE_USER, .name = span_of("iggy")};
    fixture_apply(&fixture, &root);
    for (u64 i = 1; i <= 5; i++) {
        struct state_command open = open_session(i, 100 + i, 0);
        fixture_apply(&fixture, &open);
    }
    struct state_command sixth = open_session(6, 106, 0);
    EXPECT_EQ(fixture_check(&fixture, &sixth), WIRE_TRANSIENT_NOT_ACCEPTED);
    fixture_deinit(&fixture);
}

TEST(applying_what_would_be_refused_is_a_failed_check)
{
    fixture_init(&fixture, &small_options);
    struct state_command command = on_topic(STATE_DELETE_STREAM, 0, 0, 0);
    EXPECT_CHECK_FAILS(fixture_apply_at(&fixture, 1, &command));
    add_stream(&fixture, "s");
    EXPECT_CHECK_FAILS(fixture_apply_at(&fixture, 1, &command));
    EXPECT_CHECK_FAILS(
        state_apply(fixture.state, 2, (struct span){(const u8 *)"?", 1}, NULL, NULL));
    struct state_command wrong_id = create_stream(&fixture, "t");
    wrong_id.stream_id = 4;
    EXPECT_EQ(fixture_check(&fixture, &wrong_id), WIRE_INVALID_COMMAND);
    fixture_deinit(&fixture);
}
