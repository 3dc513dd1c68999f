#include "edge/group_turns.h"

#include "state/state_command.h"
#include "test.h"

#define SESSION 4242u

static struct arena arena;
static struct core core;
static struct edge edge;
static const struct plan plan = {.sessions_max = 2};

static const struct state_options options = {
    .cores_count = 1,
    .streams_max = 1,
    .topics_max = 1,
    .partitions_max = 4,
    .users_max = 1,
    .grants_max = 1,
    .tokens_max = 1,
    .sessions_max = 2,
};

static void apply(const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    state_apply(core.state, state_index(core.state) + 1, (struct span){bytes, writer.position},
                NULL, NULL);
}

/* A topic with three partitions, and one member of its group. */
static const struct state_member *begin(void)
{
    struct span name = span_of("n");
    EXPECT(arena_create(&arena, state_bytes(&options) + group_turns_bytes(&plan)));
    core = (struct core){.state = state_create(&arena, &options)};
    edge = (struct edge){.core = &core};
    group_turns_init(&edge, &arena, &plan);
    apply(&(struct state_command){.kind = STATE_CREATE_USER, .active = true, .name = name});
    apply(&(struct state_command){.kind = STATE_CREATE_STREAM, .name = name});
    apply(&(struct state_command){.kind = STATE_CREATE_TOPIC,
                                  .partitions_count = 3,
                                  .name = name,
                                  .options = topic_options_default()});
    apply(&(struct state_command){.kind = STATE_CREATE_GROUP, .name = name});
    apply(&(struct state_command){.kind = STATE_OPEN_SESSION, .session = {.session = SESSION}});
    apply(&(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = SESSION}});
    return state_member_of(core.state, state_group_get(core.state, 0, 0, 0), SESSION);
}

TEST(a_member_that_names_no_partition_reads_its_own_in_turn)
{
    const struct state_member *member = begin();
    u32 partition_id = 9;
    for (u32 i = 0; i < 7; i++) {
        EXPECT(group_turn_look(&edge, member, &partition_id));
        EXPECT_EQ(partition_id, i % 3);
        EXPECT(group_turn_look(&edge, member, &partition_id));
        EXPECT_EQ(partition_id, i % 3);
        EXPECT(group_turn_take(&edge, member, &partition_id));
        EXPECT_EQ(partition_id, i % 3);
    }
    arena_destroy(&arena);
}

TEST(who_joins_anew_begins_anew_and_who_owns_nothing_has_no_turn)
{
    const struct state_member *member = begin();
    const struct state_group *group = state_group_of_member(core.state, member);
    u32 partition_id = 9;
    EXPECT(group_turn_take(&edge, member, &partition_id));
    apply(&(struct state_command){.kind = STATE_LEAVE_GROUP, .session = {.session = SESSION}});
    apply(&(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = SESSION}});
    member = state_member_of(core.state, group, SESSION);
    EXPECT(group_turn_take(&edge, member, &partition_id));
    EXPECT_EQ(partition_id, 0);
    EXPECT(group_turn_take(&edge, member, &partition_id));
    EXPECT_EQ(partition_id, 1);
    apply(&(struct state_command){.kind = STATE_DELETE_PARTITIONS, .partitions_count = 3});
    EXPECT(!group_turn_take(&edge, member, &partition_id));
    arena_destroy(&arena);
}
