/* Who may do what: every right at every level, and what becomes of it when things change. */
#include "state/state_fixture.h"
#include "wire/permissions.h"

static struct fixture fixture;
static u8 memory[STATE_COMMAND_BYTES_MAX];

static const struct state_options options = {
    .cores_count = 1,
    .streams_max = 6,
    .topics_max = 10,
    .partitions_max = 24,
    .users_max = 4,
    .grants_max = 600,
    .tokens_max = 4,
    .sessions_max = 5,
};

struct rights {
    u16 global;
    struct permission_entry entries[4];
    u32 count;
};

static struct span block_of(const struct rights *rights)
{
    struct writer writer = writer_over(memory, sizeof(memory));
    struct permission_writer permissions = permissions_begin(&writer, rights->global);
    for (u32 i = 0; i < rights->count; i++) {
        permissions_add(&permissions, &rights->entries[i]);
    }
    permissions_end(&permissions);
    EXPECT(!writer.failed);
    return (struct span){memory, writer.position};
}

static struct state_command set(const struct rights *rights)
{
    return (struct state_command){
        .kind = STATE_SET_PERMISSIONS,
        .user_id = 1,
        .has_permissions = true,
        .permissions = block_of(rights),
    };
}

static void allow(const struct rights *rights)
{
    struct state_command command = set(rights);
    fixture_apply(&fixture, &command);
}

static struct permission_entry stream_bits(u32 stream_id, u16 bits)
{
    return (struct permission_entry){
        .scope = PERMISSION_STREAM, .stream_id = stream_id, .bits = bits};
}

static struct permission_entry topic_bits(u32 stream_id, u32 topic_id, u16 bits)
{
    return (struct permission_entry){
        .scope = PERMISSION_TOPIC, .stream_id = stream_id, .topic_id = topic_id, .bits = bits};
}

static void begin(void)
{
    fixture_init(&fixture, &options);
    struct state_command root = {
        .kind = STATE_CREATE_USER, .active = true, .name = span_of("iggy")};
    fixture_apply(&fixture, &root);
    struct state_command user = {
        .kind = STATE_ADD_USER, .user_id = 1, .active = true, .name = span_of("alice")};
    fixture_apply(&fixture, &user);
}

static bool may(enum right right, u32 stream_id, u32 topic_id)
{
    return state_allows(fixture.state, 1, right, (struct state_target){stream_id, topic_id});
}

TEST(each_bit_grants_the_rights_that_name_it_and_no_other)
{
    begin();
    for (u32 right = RIGHT_SERVER_READ; right < RIGHT_COUNT; right++) {
        const struct right_row *row = right_row((enum right)right);
        for (u32 bit = 0; bit < GLOBAL_PERMISSIONS_COUNT; bit++) {
            allow(&(struct rights){.global = (u16)(1u << bit)});
            EXPECT_EQ(may((enum right)right, 3, 4), (row->global >> bit & 1) == 1);
        }
        for (u32 bit = 0; bit < STREAM_PERMISSIONS_COUNT; bit++) {
            allow(&(struct rights){.entries = {stream_bits(3, (u16)(1u << bit))}, .count = 1});
            EXPECT_EQ(may((enum right)right, 3, 4), (row->stream >> bit & 1) == 1);
            EXPECT(!may((enum right)right, 2, 4));
        }
        for (u32 bit = 0; bit < TOPIC_PERMISSIONS_COUNT; bit++) {
            allow(&(struct rights){
                .entries = {stream_bits(3, 0), topic_bits(3, 4, (u16)(1u << bit))}, .count = 2});
            EXPECT_EQ(may((enum right)right, 3, 4), (row->topic >> bit & 1) == 1);
            EXPECT(!may((enum right)right, 3, 5));
            EXPECT(!may((enum right)right, 2, 4));
        }
    }
    fixture_deinit(&fixture);
}

TEST(the_table_of_rights_says_what_the_specification_says)
{
    begin();
    allow(&(struct rights){.global = GLOBAL_READ_STREAMS});
    EXPECT(may(RIGHT_POLL, 0, 0)); /* reads messages of every stream */
    EXPECT(!may(RIGHT_SEND, 0, 0));
    allow(&(struct rights){.global = GLOBAL_MANAGE_TOPICS});
    EXPECT(!may(RIGHT_STREAM_READ, 0, STATE_TOPIC_NONE));
    EXPECT(may(RIGHT_SEND, 0, 0));
    allow(&(struct rights){.global = GLOBAL_POLL_MESSAGES});
    EXPECT(!may(RIGHT_TOPIC_READ, 0, 0)); /* no groups by polling alone */
    allow(&(struct rights){.entries = {stream_bits(3, 63)}, .count = 1});
    EXPECT(!may(RIGHT_STREAMS_LIST, 3, 0));
    EXPECT(!may(RIGHT_STREAM_CREATE, 3, 0));
    fixture_deinit(&fixture);
}

TEST(without_permissions_nothing_that_needs_a_right_is_allowed)
{
    begin();
    EXPECT(may(RIGHT_NONE, 0, 0));
    for (u32 right = RIGHT_SERVER_READ; right < RIGHT_COUNT; right++) {
        EXPECT(!may((enum right)right, 0, 0));
        EXPECT(state_allows(fixture.state, USER_ID_ROOT, (enum right)right,
                            (struct state_target){0, 0}));
        EXPECT(!state_allows(fixture.state, 3, (enum right)right, (struct state_target){0, 0}));
    }
    allow(&(struct rights){.global = 1023});
    EXPECT(may(RIGHT_SEND, 0, 0));
    struct state_command off = {.kind = STATE_UPDATE_USER, .user_id = 1, .name = span_of("alice")};
    fixture_apply(&fixture, &off);
    EXPECT(!may(RIGHT_SEND, 0, 0));
    fixture_deinit(&fixture);
}

TEST(new_permissions_replace_all_of_the_old_ones)
{
    begin();
    allow(&(struct rights){.global = GLOBAL_READ_USERS,
                           .entries = {stream_bits(3, STREAM_SEND_MESSAGES)},
                           .count = 1});
    EXPECT(may(RIGHT_SEND, 3, 0));
    allow(&(struct rights){.entries = {stream_bits(4, STREAM_SEND_MESSAGES)}, .count = 1});
    EXPECT(!may(RIGHT_SEND, 3, 0));
    EXPECT(!may(RIGHT_USERS_LIST, 0, 0));
    EXPECT(may(RIGHT_SEND, 4, 0));
    struct state_command none = {.kind = STATE_SET_PERMISSIONS, .user_id = 1};
    fixture_apply(&fixture, &none);
    EXPECT(!state_user_get(fixture.state, 1)->has_permissions);
    EXPECT_EQ(state_grants_count(fixture.state), 0);
    fixture_deinit(&fixture);
}

TEST(rights_are_not_inherited_with_an_id_that_is_used_again)
{
    begin();
    add_stream(&fixture, "s");
    add_topic(&fixture, 0, "t", 1);
    allow(&(struct rights){.entries = {stream_bits(0, STREAM_READ_STREAM),
                                       topic_bits(0, 0, TOPIC_SEND_MESSAGES),
                                       topic_bits(0, 1, TOPIC_SEND_MESSAGES)},
                           .count = 3});
    EXPECT(may(RIGHT_SEND, 0, 0));
    do_on_topic(&fixture, STATE_DELETE_TOPIC, 0, 0, 0);
    add_topic(&fixture, 0, "other", 1);
    EXPECT(!may(RIGHT_SEND, 0, 0));
    EXPECT(may(RIGHT_SEND, 0, 1)); /* of a topic that is still to come */
    EXPECT(may(RIGHT_STREAM_READ, 0, STATE_TOPIC_NONE));
    do_on_topic(&fixture, STATE_DELETE_STREAM, 0, 0, 0);
    add_stream(&fixture, "other");
    EXPECT(!may(RIGHT_STREAM_READ, 0, STATE_TOPIC_NONE));
    EXPECT_EQ(state_grants_count(fixture.state), 0);
    fixture_deinit(&fixture);
}

TEST(permissions_are_written_in_rising_order_and_the_last_of_two_counts)
{
    begin();
    allow(&(struct rights){
        .global = 5,
        .entries = {stream_bits(7, 1), topic_bits(7, 2, 8), stream_bits(3, 2), stream_bits(7, 4)},
        .count = 4});
    u8 bytes[256];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_permissions_write(fixture.state, 1, &writer);
    EXPECT(!writer.failed);
    struct span expected = block_of(
        &(struct rights){.global = 5,
                         .entries = {stream_bits(3, 2), stream_bits(7, 4), topic_bits(7, 2, 8)},
                         .count = 3});
    EXPECT_EQ(writer.position, expected.size);
    EXPECT_BYTES(bytes, expected.data, expected.size);
    fixture_deinit(&fixture);
}

/* `streams` streams, in falling order. */
static struct span long_block(u32 streams)
{
    struct writer writer = writer_over(memory, sizeof(memory));
    struct permission_writer permissions = permissions_begin(&writer, 0);
    for (u32 id = streams; id > 0; id--) {
        struct permission_entry entry = stream_bits(id, 1);
        permissions_add(&permissions, &entry);
    }
    permissions_end(&permissions);
    EXPECT(!writer.failed);
    return (struct span){memory, writer.position};
}

TEST(a_block_that_finds_no_room_is_refused_and_one_that_replaces_its_like_is_not)
{
    begin();
    struct state_command command = {
        .kind = STATE_SET_PERMISSIONS, .user_id = 1, .has_permissions = true};
    command.permissions = long_block(601);
    EXPECT_EQ(fixture_check(&fixture, &command), WIRE_TOO_BIG_MESSAGE_PAYLOAD);
    command.permissions = long_block(600);
    fixture_apply(&fixture, &command);
    fixture_apply(&fixture, &command);
    EXPECT_EQ(state_grants_count(fixture.state), 600);
    EXPECT(may(RIGHT_STREAM_MANAGE, 600, 0));
    struct state_command gone = {.kind = STATE_DELETE_USER, .user_id = 1};
    fixture_apply(&fixture, &gone);
    EXPECT_EQ(state_grants_count(fixture.state), 0);
    fixture_deinit(&fixture);
}
