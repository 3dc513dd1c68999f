/* Groups and their members: what is durable, what a change of members does, that copies agree. */
#include "base/prng.h"
#include "state/state_fixture.h"

static struct fixture fixture;

/* Stream 0, topic 0 with so many partitions, group 0, and root. */
static void begin(u32 partitions_count)
{
    fixture_init(&fixture, &small_options);
    struct state_command boot = {.kind = STATE_BOOT, .boot = 3};
    fixture_apply(&fixture, &boot);
    add_root(&fixture);
    add_stream(&fixture, "s");
    add_topic(&fixture, 0, "t", partitions_count);
    add_group(&fixture, 0, "g");
}

static const struct state_group *group_at(u32 id)
{
    return state_group_get(fixture.state, 0, 0, id);
}

static const struct state_member *member_of(u64 session)
{
    return state_member_of(fixture.state, group_at(0), session);
}

/* Its partitions as bits. */
static u64 partitions_of(u64 session)
{
    u64 bits = 0;
    u32 id = UINT32_MAX;
    const struct state_member *member = member_of(session);
    while ((id = state_member_partition_next(fixture.state, member, id)) != UINT32_MAX) {
        EXPECT(state_group_owner(fixture.state, group_at(0), id) == member);
        bits |= 1ull << id;
    }
    return bits;
}

static void join(u64 session)
{
    if (state_session_get(fixture.state, session) == NULL) {
        login(&fixture, session);
    }
    do_on_group(&fixture, STATE_JOIN_GROUP, 0, session);
}

static const struct state_group_change *change_at(u32 index)
{
    EXPECT(index < fixture.effects_count);
    EXPECT_EQ(fixture.effects[index].kind, STATE_GROUP_CHANGED);
    return &fixture.effects[index].group;
}

TEST(ids_of_groups_count_up_and_are_not_reused_while_the_topic_lives)
{
    begin(1);
    add_group(&fixture, 1, "h");
    do_on_group(&fixture, STATE_DELETE_GROUP, 1, 0);
    EXPECT(group_at(1) == NULL);
    add_group(&fixture, 2, "h");
    struct identifier name = identifier_of_name(span_of("h"));
    EXPECT_EQ(state_group_find(fixture.state, 0, 0, &name)->id, 2);
    EXPECT_EQ(state_group_next(fixture.state, 0, 0, UINT32_MAX)->id, 0);
    EXPECT_EQ(state_group_next(fixture.state, 0, 0, 0)->id, 2);
    EXPECT_EQ(state_group_next(fixture.state, 0, 0, 1)->id, 2);
    EXPECT(state_group_next(fixture.state, 0, 0, 2) == NULL);
    EXPECT_EQ(state_groups_count(fixture.state), 2);

    do_on_topic(&fixture, STATE_DELETE_TOPIC, 0, 0, 0);
    EXPECT_EQ(state_groups_count(fixture.state), 0);
    add_topic(&fixture, 0, "t", 1);
    EXPECT(group_at(0) == NULL);
    add_group(&fixture, 0, "h");
    fixture_deinit(&fixture);
}

TEST(what_cannot_be_done_with_a_group_is_refused_with_its_number)
{
    begin(1);
    login(&fixture, 7);
    struct state_command command = on_group(STATE_JOIN_GROUP, 9, 7);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_GROUP_ID_NOT_FOUND);
    command = on_group(STATE_JOIN_GROUP, 0, 8);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_UNAUTHENTICATED);
    command = on_group(STATE_LEAVE_GROUP, 0, 7);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_GROUP_MEMBER_NOT_FOUND);
    command = on_group(STATE_DELETE_GROUP, 9, 0);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_GROUP_ID_NOT_FOUND);
    command.topic_id = 5;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_TOPIC_ID_NOT_FOUND);
    command.stream_id = 5;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_STREAM_ID_NOT_FOUND);
    command = on_group(STATE_CREATE_GROUP, 1, 0);
    command.name = span_of("g");
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_GROUP_NAME_ALREADY_EXISTS);
    command.name = span_of("other");
    command.group_id = 0;
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_INVALID_COMMAND);
    fixture_deinit(&fixture);
}

TEST(too_many_groups_are_refused)
{
    begin(1);
    for (u32 id = 1; id < state_groups_max(&small_options); id++) {
        char name[] = {(char)('A' + id), 0};
        add_group(&fixture, id, name);
    }
    struct state_command command = on_group(STATE_CREATE_GROUP, 10, 0);
    command.name = span_of("more");
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_TOO_MANY_CONSUMER_OFFSETS);
    fixture_deinit(&fixture);
}

TEST(members_share_evenly_and_keep_what_they_can)
{
    begin(6);
    join(1);
    EXPECT_EQ(partitions_of(1), 0x3f);
    join(2);
    EXPECT_EQ(partitions_of(1), 0x07);
    EXPECT_EQ(partitions_of(2), 0x38);
    EXPECT_EQ(change_at(0)->moved_count, 3);
    EXPECT_EQ(change_at(0)->members_count, 2);
    EXPECT_EQ(change_at(0)->reason, GROUP_MEMBER_JOINED);
    join(3);
    EXPECT_EQ(partitions_of(1) & 0x07, partitions_of(1));
    EXPECT_EQ(partitions_of(2) & 0x38, partitions_of(2));
    EXPECT_EQ(change_at(0)->moved_count, 2);
    u64 first = partitions_of(1);
    u64 second = partitions_of(2);
    do_on_group(&fixture, STATE_LEAVE_GROUP, 0, 3);
    EXPECT_EQ(change_at(0)->reason, GROUP_MEMBER_LEFT);
    EXPECT_EQ(change_at(0)->moved_count, 0);
    EXPECT_EQ(partitions_of(1) & first, first);
    EXPECT_EQ(partitions_of(2) & second, second);
    EXPECT_EQ(partitions_of(1) | partitions_of(2), 0x3f);
    fixture_deinit(&fixture);
}

TEST(a_generation_begins_with_the_boot_and_rises_with_every_change)
{
    begin(2);
    EXPECT_EQ(group_at(0)->generation, 0);
    join(1);
    EXPECT_EQ(group_at(0)->generation, 3ull << 32 | 1);
    join(1);
    EXPECT_EQ(fixture.effects_count, 0);
    EXPECT_EQ(group_at(0)->generation, 3ull << 32 | 1);
    EXPECT_EQ(group_at(0)->members_count, 1);
    join(2);
    do_on_topic(&fixture, STATE_CREATE_PARTITIONS, 0, 0, 1);
    EXPECT_EQ(change_at(1)->reason, GROUP_PARTITIONS_CHANGED);
    EXPECT_EQ(group_at(0)->generation, 3ull << 32 | 3);
    do_on_topic(&fixture, STATE_PURGE_TOPIC, 0, 0, 0);
    EXPECT_EQ(group_at(0)->generation, 3ull << 32 | 3);
    fixture_deinit(&fixture);
}

TEST(partitions_that_come_and_go_are_assigned_at_once)
{
    begin(0);
    join(1);
    EXPECT_EQ(partitions_of(1), 0);
    do_on_topic(&fixture, STATE_CREATE_PARTITIONS, 0, 0, 3);
    join(2);
    EXPECT_EQ(partitions_of(1) | partitions_of(2), 0x07);
    do_on_topic(&fixture, STATE_DELETE_PARTITIONS, 0, 0, 2);
    EXPECT_EQ(partitions_of(1) + partitions_of(2), 0x01);
    EXPECT(state_group_owner(fixture.state, group_at(0), 1) == NULL);
    do_on_topic(&fixture, STATE_DELETE_PARTITIONS, 0, 0, 1);
    EXPECT_EQ(partitions_of(1) + partitions_of(2), 0);
    EXPECT_EQ(member_of(1)->partitions_count, 0);
    fixture_deinit(&fixture);
}

TEST(a_session_that_ends_leaves_all_its_groups_and_says_why)
{
    begin(2);
    add_group(&fixture, 1, "h");
    join(1);
    join(2);
    do_on_group(&fixture, STATE_JOIN_GROUP, 1, 1);
    struct state_command end = {
        .kind = STATE_END_SESSION, .session = {.session = 1}, .reason = GROUP_MEMBER_DISCONNECTED};
    fixture_apply(&fixture, &end);
    EXPECT_EQ(fixture.effects_count, 3);
    EXPECT_EQ(change_at(0)->reason, GROUP_MEMBER_DISCONNECTED);
    EXPECT_EQ(change_at(1)->reason, GROUP_MEMBER_DISCONNECTED);
    EXPECT_EQ(fixture.effects[2].kind, STATE_SESSION_CLOSED);
    EXPECT_EQ(partitions_of(2), 0x03);
    EXPECT_EQ(group_at(1)->members_count, 0);
    EXPECT_EQ(state_members_count(fixture.state), 1);
    EXPECT(state_member_of_session_next(fixture.state, 1, NULL) == NULL);
    fixture_deinit(&fixture);
}

TEST(a_client_that_comes_back_has_its_memberships_in_its_new_session)
{
    begin(2);
    add_group(&fixture, 1, "h");
    join(1);
    join(2);
    do_on_group(&fixture, STATE_JOIN_GROUP, 1, 1);
    u64 number = member_of(1)->number;
    u64 generation = group_at(0)->generation;
    u64 partitions = partitions_of(1);
    struct state_command replace = {.kind = STATE_REPLACE_SESSION,
                                    .old_session = 1,
                                    .session = {.session = 5, .client = {1, 1}}};
    fixture_apply(&fixture, &replace);
    EXPECT_EQ(fixture.effects_count, 1);
    EXPECT_EQ(fixture.effects[0].kind, STATE_SESSION_CLOSED);
    EXPECT_EQ(fixture.effects[0].session.session, 1);
    EXPECT(member_of(1) == NULL);
    EXPECT_EQ(member_of(5)->number, number);
    EXPECT_EQ(partitions_of(5), partitions);
    EXPECT_EQ(group_at(0)->generation, generation);
    EXPECT(state_member_of(fixture.state, group_at(1), 5) != NULL);
    EXPECT(state_session_get(fixture.state, 1) == NULL);

    replace.old_session = 2;
    replace.session.session = 6;
    EXPECT_EQ(fixture_check(&fixture, &replace), WIRE_UNAUTHENTICATED); /* another client's */
    fixture_deinit(&fixture);
}

TEST(member_ids_are_above_all_present_ones)
{
    begin(1);
    join(1);
    join(2);
    join(3);
    EXPECT_EQ(member_of(1)->id, 0);
    EXPECT_EQ(member_of(3)->id, 2);
    do_on_group(&fixture, STATE_LEAVE_GROUP, 0, 2);
    join(2);
    EXPECT_EQ(member_of(2)->id, 3);
    const struct state_member *member = state_member_next(fixture.state, group_at(0), NULL);
    EXPECT_EQ(member->id, 0);
    member = state_member_next(fixture.state, group_at(0), member);
    EXPECT_EQ(member->id, 2);
    member = state_member_next(fixture.state, group_at(0), member);
    EXPECT_EQ(member->id, 3);
    EXPECT(state_member_next(fixture.state, group_at(0), member) == NULL);
    fixture_deinit(&fixture);
}

TEST(a_group_that_is_deleted_has_no_members_any_more)
{
    begin(2);
    join(1);
    do_on_group(&fixture, STATE_DELETE_GROUP, 0, 0);
    EXPECT_EQ(fixture.effects_count, 1);
    EXPECT_EQ(fixture.effects[0].kind, STATE_GROUP_DELETED);
    EXPECT_EQ(fixture.effects[0].group.group_id, 0);
    EXPECT_EQ(state_members_count(fixture.state), 0);
    EXPECT(state_member_of_session_next(fixture.state, 1, NULL) == NULL);
    fixture_deinit(&fixture);
}

/* More than one block of owners, which come back when they are not needed. */
TEST(room_for_owners_is_refused_at_its_end_and_given_back)
{
    static const struct state_options options = {
        .cores_count = 1,
        .streams_max = 1,
        .topics_max = 2,
        .partitions_max = 80,
        .users_max = 1,
        .grants_max = 1,
        .tokens_max = 1,
        .sessions_max = 2,
    };
    fixture_init(&fixture, &options);
    add_root(&fixture);
    add_stream(&fixture, "s");
    add_topic(&fixture, 0, "t", 80);
    add_group(&fixture, 0, "g");
    add_group(&fixture, 1, "h");
    login(&fixture, 1);
    for (u32 i = 0; i < 3; i++) {
        for (u32 id = 0; id < 2; id++) {
            do_on_group(&fixture, STATE_JOIN_GROUP, id, 1);
            EXPECT_EQ(state_member_of(fixture.state, group_at(id), 1)->partitions_count, 80);
        }
        login(&fixture, 2 + i);
        do_on_group(&fixture, STATE_JOIN_GROUP, 0, 2 + i);
        EXPECT_EQ(state_member_of(fixture.state, group_at(0), 2 + i)->partitions_count, 40);
        EXPECT_EQ(state_member_partition_at(fixture.state, member_of(2 + i), 39), 79);
        EXPECT_EQ(state_member_partition_at(fixture.state, member_of(2 + i), 40), UINT32_MAX);
        struct state_command end = {.kind = STATE_CLOSE_SESSION, .session = {.session = 2 + i}};
        fixture_apply(&fixture, &end);
        do_on_group(&fixture, STATE_LEAVE_GROUP, 0, 1);
        do_on_group(&fixture, STATE_LEAVE_GROUP, 1, 1);
    }
    fixture_deinit(&fixture);
}

/* ---- Random ---- */

static struct fixture copy;

static void step(struct prng *prng, struct fixture *both[2])
{
    static const enum state_command_kind kinds[] = {
        STATE_JOIN_GROUP,   STATE_JOIN_GROUP,   STATE_JOIN_GROUP,        STATE_LEAVE_GROUP,
        STATE_END_SESSION,  STATE_OPEN_SESSION, STATE_OPEN_SESSION,      STATE_REPLACE_SESSION,
        STATE_CREATE_GROUP, STATE_DELETE_GROUP, STATE_CREATE_PARTITIONS, STATE_DELETE_PARTITIONS,
    };
    struct state_command command = on_group(kinds[prng_below(prng, array_count(kinds))],
                                            (u32)prng_below(prng, 4), 1 + prng_below(prng, 9));
    char name[] = {(char)('a' + prng_below(prng, 4)), 0};
    command.name = span_of(name);
    command.session.client = (struct u128){1 + prng_below(prng, 6), 1};
    command.old_session = 1 + prng_below(prng, 9);
    command.reason = GROUP_MEMBER_SILENT;
    command.partitions_count = 1 + (u32)prng_below(prng, 3);
    const struct state_topic *topic = state_topic_get(fixture.state, 0, 0);
    command.group_id = command.kind == STATE_CREATE_GROUP ? topic->group_next_id : command.group_id;
    if (fixture_check(both[0], &command) == WIRE_OK) {
        u64 index = state_index(both[0]->state) + 1;
        EXPECT_EQ(fixture_check(both[1], &command), WIRE_OK);
        fixture_apply_at(both[0], index, &command);
        fixture_apply_at(both[1], index, &command);
    }
}

/* Shares differ by at most one, and every partition has exactly one owner. */
static u32 expect_even(const struct state_group *group)
{
    const struct state *state = fixture.state;
    u32 partitions_count = state_topic_get(state, 0, 0)->partitions_count;
    u32 members_count = 0;
    u32 owned_count = 0;
    const struct state_member *member = NULL;
    while ((member = state_member_next(state, group, member)) != NULL) {
        u32 fair = partitions_count / group->members_count;
        EXPECT(member->partitions_count == fair || member->partitions_count == fair + 1);
        EXPECT(state_session_get(state, member->session) != NULL);
        for (u32 id = UINT32_MAX;
             (id = state_member_partition_next(state, member, id)) != UINT32_MAX;) {
            EXPECT(state_group_owner(state, group, id) == member);
            owned_count++;
        }
        members_count++;
    }
    EXPECT_EQ(members_count, group->members_count);
    EXPECT_EQ(owned_count, members_count == 0 ? 0 : partitions_count);
    return members_count;
}

TEST(whatever_happens_every_partition_has_one_owner_and_copies_agree)
{
    struct fixture *both[2] = {&fixture, &copy};
    for (u64 seed = 1; seed <= 20; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        for (u32 i = 0; i < 2; i++) {
            fixture_init(both[i], &small_options);
            add_root(both[i]);
            add_stream(both[i], "s");
            add_topic(both[i], 0, "t", 4);
        }
        for (u32 i = 0; i < 400; i++) {
            step(&prng, both);
            u32 members_count = 0;
            u32 last_id = UINT32_MAX;
            const struct state_group *group = NULL;
            while ((group = state_group_next(fixture.state, 0, 0, last_id)) != NULL) {
                members_count += expect_even(group);
                last_id = group->id;
            }
            EXPECT_EQ(state_members_count(fixture.state), members_count);
        }
        EXPECT_EQ(state_hash(fixture.state), state_hash(copy.state));
        do_on_topic(&fixture, STATE_DELETE_STREAM, 0, 0, 0);
        EXPECT_EQ(state_members_count(fixture.state), 0);
        fixture_deinit(&fixture);
        fixture_deinit(&copy);
    }
}
