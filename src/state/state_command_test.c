#include "state/state_command.h"

#include "state/state_fixture.h"
#include "test.h"

static const u8 all_global[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
static const u8 token_hash[TOKEN_HASH_BYTES] = {1, 2, 3};

static const struct state_command examples[] = {
    {.kind = STATE_BOOT, .time_us = 1, .boot = 7},
    {.kind = STATE_CREATE_STREAM, .time_us = 2, .stream_id = 3, .name = {(const u8 *)"orders", 6}},
    {.kind = STATE_UPDATE_STREAM, .time_us = 3, .stream_id = 3, .name = {(const u8 *)"o", 1}},
    {.kind = STATE_DELETE_STREAM, .time_us = 4, .stream_id = 3},
    {.kind = STATE_PURGE_STREAM, .time_us = 5, .stream_id = 3},
    {.kind = STATE_DELETE_TOPIC, .time_us = 6, .stream_id = 3, .topic_id = 4},
    {.kind = STATE_PURGE_TOPIC, .time_us = 7, .stream_id = 3, .topic_id = 4},
    {.kind = STATE_CREATE_PARTITIONS,
     .time_us = 8,
     .stream_id = 1,
     .topic_id = 2,
     .partitions_count = 9},
    {.kind = STATE_DELETE_PARTITIONS,
     .time_us = 8,
     .stream_id = 1,
     .topic_id = 2,
     .partitions_count = 9},
    {.kind = STATE_CREATE_USER,
     .time_us = 1,
     .user_id = 0,
     .active = true,
     .name = {(const u8 *)"iggy", 4},
     .password_hash = {(const u8 *)"$argon2id$", 10}},
    {.kind = STATE_SET_PASSWORD, .time_us = 9, .user_id = 5},
    {.kind = STATE_ADD_USER,
     .time_us = 1,
     .user_id = 2,
     .active = true,
     .name = {(const u8 *)"bob", 3},
     .password_hash = {(const u8 *)"$argon2id$", 10},
     .has_permissions = true,
     .permissions = {all_global, sizeof(all_global)}},
    {.kind = STATE_ADD_USER, .user_id = 2, .name = {(const u8 *)"bob", 3}},
    {.kind = STATE_UPDATE_USER,
     .time_us = 1,
     .user_id = 2,
     .active = true,
     .name = {(const u8 *)"bob", 3}},
    {.kind = STATE_DELETE_USER, .time_us = 1, .user_id = 2},
    {.kind = STATE_SET_PERMISSIONS,
     .user_id = 2,
     .has_permissions = true,
     .permissions = {all_global, sizeof(all_global)}},
    {.kind = STATE_SET_PERMISSIONS, .user_id = 2},
    {.kind = STATE_CHANGE_PASSWORD,
     .time_us = 9,
     .user_id = 5,
     .session = {.session = 77},
     .password_hash = {(const u8 *)"$argon2id$", 10}},
    {.kind = STATE_CREATE_TOKEN,
     .time_us = 9,
     .user_id = 5,
     .expires_at_us = 123,
     .token_hash = {token_hash, sizeof(token_hash)},
     .name = {(const u8 *)"tok", 3}},
    {.kind = STATE_DELETE_TOKEN, .time_us = 9, .user_id = 5, .name = {(const u8 *)"tok", 3}},
    {.kind = STATE_OPEN_SESSION,
     .time_us = 9,
     .session = {.session = 1ull << 32 | 4,
                 .client = {11, 12},
                 .user_id = 1,
                 .client_number = 2,
                 .home = 3}},
    {.kind = STATE_CLOSE_SESSION, .time_us = 9, .session = {.session = 1ull << 32 | 4}},
    {.kind = STATE_CREATE_GROUP,
     .time_us = 9,
     .stream_id = 1,
     .topic_id = 2,
     .group_id = 3,
     .name = {(const u8 *)"readers", 7}},
    {.kind = STATE_DELETE_GROUP, .time_us = 9, .stream_id = 1, .topic_id = 2, .group_id = 3},
    {.kind = STATE_JOIN_GROUP,
     .time_us = 9,
     .stream_id = 1,
     .topic_id = 2,
     .group_id = 3,
     .session = {.session = 4}},
    {.kind = STATE_LEAVE_GROUP,
     .time_us = 9,
     .stream_id = 1,
     .topic_id = 2,
     .group_id = 3,
     .session = {.session = 4}},
    {.kind = STATE_END_SESSION,
     .time_us = 9,
     .session = {.session = 4},
     .reason = GROUP_MEMBER_LOGGED_OUT},
    {.kind = STATE_REPLACE_SESSION,
     .time_us = 9,
     .old_session = 4,
     .session = {.session = 5, .client = {11, 12}, .user_id = 1, .client_number = 2, .home = 3}},
};

static struct span encode(const struct state_command *command, u8 *bytes, u32 capacity)
{
    struct writer writer = writer_over(bytes, capacity);
    state_command_encode(command, &writer);
    EXPECT(!writer.failed);
    return (struct span){bytes, writer.position};
}

static void expect_round_trip(const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    u8 again[STATE_COMMAND_BYTES_MAX];
    struct span encoded = encode(command, bytes, sizeof(bytes));
    struct state_command decoded;
    EXPECT_EQ(state_command_decode(encoded, &decoded), OK);
    EXPECT_EQ(decoded.kind, command->kind);
    EXPECT(span_equal(encode(&decoded, again, sizeof(again)), encoded));

    struct span cut = {bytes, encoded.size - 1};
    EXPECT_EQ(state_command_decode(cut, &decoded), ERR_CORRUPT);
    struct span longer = {bytes, encoded.size + 1};
    EXPECT_EQ(state_command_decode(longer, &decoded), ERR_CORRUPT);
}

TEST(every_kind_is_decoded_to_what_was_encoded_and_nothing_shorter_or_longer)
{
    for (u32 i = 0; i < array_count(examples); i++) {
        expect_round_trip(&examples[i]);
    }
    struct state_command topic = {
        .kind = STATE_CREATE_TOPIC,
        .stream_id = 1,
        .name = span_of("clicks"),
        .partitions_count = 1000,
        .options = plain_options(),
    };
    topic.options.explicit_set = 1u << TOPIC_OPTION_SEGMENT_SIZE;
    topic.options.preallocate_segments = true;
    expect_round_trip(&topic);
    topic.kind = STATE_UPDATE_TOPIC;
    expect_round_trip(&topic);
}

TEST(the_bytes_of_a_command_never_change)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    static const u8 stream[] = {2, 2, 0, 0, 0,   0,   0,   0,   0,   3,
                                0, 0, 0, 6, 'o', 'r', 'd', 'e', 'r', 's'};
    struct span encoded = encode(&examples[1], bytes, sizeof(bytes));
    EXPECT_EQ(encoded.size, sizeof(stream));
    EXPECT_BYTES(encoded.data, stream, sizeof(stream));
    static const u8 boot[] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0};
    encoded = encode(&examples[0], bytes, sizeof(bytes));
    EXPECT_EQ(encoded.size, sizeof(boot));
    EXPECT_BYTES(encoded.data, boot, sizeof(boot));
}

TEST(the_bytes_of_commands_about_users_never_change)
{
    static const u8 add[] = {14,  0, 0,   0, 0,  0, 0, 0, 0, 2, 0, 0, 0, 1, 3, 'b', 'o',
                             'b', 1, '$', 1, 11, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,   0};
    static const u8 update[] = {15, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 3, 'b', 'o', 'b'};
    static const u8 permissions[] = {17, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0};
    static const u8 password[] = {18, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0,  0,
                                  0,  7, 0, 0, 0, 0, 0, 0, 0, 1, '$'};
    static const u8 token[] = {20, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0,   0,   0,
                               0,  0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,   0,
                               0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 't', 'o', 'k'};
    static const u8 no_token[] = {21, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 't', 'o', 'k'};
    const struct {
        enum state_command_kind kind;
        const u8 *bytes;
        u32 size;
    } golden[] = {{STATE_ADD_USER, add, sizeof(add)},
                  {STATE_UPDATE_USER, update, sizeof(update)},
                  {STATE_SET_PERMISSIONS, permissions, sizeof(permissions)},
                  {STATE_CHANGE_PASSWORD, password, sizeof(password)},
                  {STATE_CREATE_TOKEN, token, sizeof(token)},
                  {STATE_DELETE_TOKEN, no_token, sizeof(no_token)}};
    for (u32 i = 0; i < array_count(golden); i++) {
        u8 bytes[STATE_COMMAND_BYTES_MAX];
        bool is_token = golden[i].kind >= STATE_CREATE_TOKEN;
        struct state_command command = {
            .kind = golden[i].kind,
            .user_id = 2,
            .active = true,
            .name = span_of(is_token ? "tok" : "bob"),
            .password_hash = span_of("$"),
            .has_permissions = golden[i].kind == STATE_ADD_USER,
            .permissions = {all_global, sizeof(all_global)},
            .token_hash = {token_hash, sizeof(token_hash)},
            .expires_at_us = 5,
            .session = {.session = 7},
        };
        struct span encoded = encode(&command, bytes, sizeof(bytes));
        EXPECT_EQ(encoded.size, golden[i].size);
        EXPECT_BYTES(encoded.data, golden[i].bytes, golden[i].size);
    }
}

TEST(a_block_of_permissions_that_is_no_block_is_no_command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct state_command decoded;
    struct state_command set = {.kind = STATE_SET_PERMISSIONS,
                                .has_permissions = true,
                                .permissions = {all_global, sizeof(all_global) - 1}};
    EXPECT_EQ(state_command_decode(encode(&set, bytes, sizeof(bytes)), &decoded), ERR_CORRUPT);
    static const u8 too_long[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    set.permissions = (struct span){too_long, sizeof(too_long)};
    EXPECT_EQ(state_command_decode(encode(&set, bytes, sizeof(bytes)), &decoded), ERR_CORRUPT);
}

TEST(the_bytes_of_a_group_never_change)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    static const u8 created[] = {25, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0,  0,
                                 0,  2, 0, 0, 0, 3, 0, 0, 0, 1, 'g'};
    struct state_command create = {.kind = STATE_CREATE_GROUP,
                                   .time_us = 7,
                                   .stream_id = 1,
                                   .topic_id = 2,
                                   .group_id = 3,
                                   .name = span_of("g")};
    struct span encoded = encode(&create, bytes, sizeof(bytes));
    EXPECT_EQ(encoded.size, sizeof(created));
    EXPECT_BYTES(encoded.data, created, sizeof(created));
    create.kind = STATE_DELETE_GROUP;
    encoded = encode(&create, bytes, sizeof(bytes));
    EXPECT_EQ(encoded.size, sizeof(created) - 2);
    EXPECT_EQ(encoded.data[0], 26);
    EXPECT_BYTES(encoded.data + 1, created + 1, sizeof(created) - 3);
}

TEST(unknown_kinds_and_values_out_of_range_do_not_decode)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct state_command decoded;
    struct span encoded = encode(&examples[3], bytes, sizeof(bytes));
    bytes[0] = 99;
    EXPECT_EQ(state_command_decode(encoded, &decoded), ERR_CORRUPT);
    bytes[0] = 0;
    EXPECT_EQ(state_command_decode(encoded, &decoded), ERR_CORRUPT);

    struct state_command boot_zero = {.kind = STATE_BOOT};
    EXPECT_EQ(state_command_decode(encode(&boot_zero, bytes, sizeof(bytes)), &decoded),
              ERR_CORRUPT);
    struct state_command nameless = {.kind = STATE_CREATE_STREAM};
    EXPECT_EQ(state_command_decode(encode(&nameless, bytes, sizeof(bytes)), &decoded), ERR_CORRUPT);
    struct state_command no_options = {.kind = STATE_CREATE_TOPIC, .name = span_of("t")};
    EXPECT_EQ(state_command_decode(encode(&no_options, bytes, sizeof(bytes)), &decoded),
              ERR_CORRUPT);
    EXPECT_EQ(state_command_decode((struct span){bytes, 0}, &decoded), ERR_CORRUPT);
}

TEST(the_largest_command_fits)
{
    static u8 name[NAME_BYTES_MAX];
    memset(name, 'n', sizeof(name));
    struct state_command topic = {
        .kind = STATE_CREATE_TOPIC,
        .name = {name, sizeof(name)},
        .options = plain_options(),
    };
    expect_round_trip(&topic);
}

TEST(sessions_and_members_are_volatile_and_all_else_is_durable)
{
    for (u32 i = 0; i < array_count(examples); i++) {
        enum state_command_kind kind = examples[i].kind;
        bool is_session = kind == STATE_OPEN_SESSION || kind == STATE_CLOSE_SESSION ||
                          kind == STATE_END_SESSION || kind == STATE_REPLACE_SESSION;
        bool is_member = kind == STATE_JOIN_GROUP || kind == STATE_LEAVE_GROUP;
        EXPECT_EQ(state_command_is_durable(kind), !is_session && !is_member);
    }
}
