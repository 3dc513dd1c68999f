#include "control/registry.h"

#include "state/state_command.h"
#include "test.h"

static struct arena arena;
static struct registry registry;
static struct state *own_state;

static const struct state_options state_options = {
    .cores_count = 1,
    .streams_max = 2,
    .topics_max = 2,
    .partitions_max = 8,
    .users_max = 2,
    .grants_max = 1,
    .tokens_max = 1,
    .sessions_max = 4,
};

static void begin(u32 clients_max, u32 cores_count, u32 per_core_max)
{
    EXPECT(arena_create(&arena, registry_bytes(clients_max) + state_bytes(&state_options)));
    own_state = state_create(&arena, &state_options);
    registry_init(&registry, &arena,
                  &(struct registry_options){.clients_max = clients_max,
                                             .clients_per_core_max = per_core_max,
                                             .cores_count = cores_count});
}

static struct registry_client *add(void)
{
    u32 core = 0;
    EXPECT(registry_pick_core(&registry, UINT64_MAX, &core));
    return registry_add(&registry, core, 0x7f000001);
}

TEST(connections_go_to_the_core_with_the_fewest)
{
    begin(16, 3, 16);
    EXPECT_EQ(add()->home, 0);
    struct registry_client *second = add();
    EXPECT_EQ(second->home, 1);
    EXPECT_EQ(add()->home, 2);
    EXPECT_EQ(add()->home, 0);
    registry_remove(&registry, second);
    EXPECT_EQ(add()->home, 1);
    u32 core = 0;
    EXPECT(registry_pick_core(&registry, 1ull << 2, &core));
    EXPECT_EQ(core, 2);
    arena_destroy(&arena);
}

TEST(an_address_and_a_user_have_as_many_as_they_may)
{
    begin(16, 1, 16);
    registry.per_address_max = 2;
    registry.per_user_max = 1;
    struct registry_client *first = registry_add(&registry, 0, 1);
    struct registry_client *other = registry_add(&registry, 0, 2);
    EXPECT(!registry_address_is_full(&registry, 1));
    registry_add(&registry, 0, 1);
    EXPECT(registry_address_is_full(&registry, 1));
    EXPECT(!registry_address_is_full(&registry, 2));

    EXPECT(!registry_user_is_full(&registry, 0));
    registry_set_user(&registry, first, 0);
    EXPECT(registry_user_is_full(&registry, 0));
    EXPECT(!registry_user_is_full(&registry, 7));
    registry_set_user(&registry, other, 7);
    registry_set_user(&registry, other, 7);
    EXPECT(registry_user_is_full(&registry, 7));
    registry_remove(&registry, first);
    EXPECT(!registry_user_is_full(&registry, 0));
    EXPECT(!registry_address_is_full(&registry, 1));
    arena_destroy(&arena);
}

static struct registry_client *hold(u32 address)
{
    struct registry_client *client = registry_add(&registry, 0, address);
    client->session = client->number;
    registry_hold(&registry, client);
    return client;
}

TEST(who_is_held_has_a_place_and_is_no_connection)
{
    begin(4, 1, 4);
    registry.per_address_max = 1;
    registry.per_user_max = 1;
    struct registry_client *client = registry_add(&registry, 0, 1);
    registry_set_user(&registry, client, 0);
    client->session = 5;
    registry_hold(&registry, client);
    EXPECT(!registry_address_is_full(&registry, 1));
    EXPECT(!registry_user_is_full(&registry, 0));
    EXPECT_EQ(registry.per_core[0], 0);
    EXPECT(registry_get(&registry, client->number) == client);
    u8 bytes[128];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    registry_write_all(&registry, own_state, &writer);
    registry_write_one(&registry, own_state, client->number, &writer);
    EXPECT_EQ(writer.position, 0);
    for (u32 i = 0; i < 3; i++) {
        EXPECT(!registry_is_full(&registry));
        (void)add();
    }
    EXPECT(registry_is_full(&registry));
    registry_remove(&registry, client);
    EXPECT(!registry_is_full(&registry));
    EXPECT(registry_held_longest(&registry) == NULL);
    EXPECT(registry_get(&registry, 1) == NULL);
    arena_destroy(&arena);
}

TEST(an_address_pushes_out_its_own_held_ones_before_those_of_others)
{
    begin(8, 1, 8);
    struct registry_client *others = hold(9);
    struct registry_client *first = hold(1);
    (void)hold(1);
    EXPECT(!registry_held_are_full(&registry));
    (void)hold(2);
    EXPECT(registry_held_are_full(&registry));
    EXPECT(registry_held_to_give_way(&registry, 1) == first);
    EXPECT(registry_held_to_give_way(&registry, 9) == others);
    EXPECT(registry_held_to_give_way(&registry, 7) == others);
    EXPECT(registry_held_longest(&registry) == others);
    arena_destroy(&arena);
}

TEST(without_limits_nobody_is_too_many)
{
    begin(16, 1, 16);
    for (u32 i = 0; i < 16; i++) {
        registry_set_user(&registry, add(), 3);
    }
    EXPECT(!registry_address_is_full(&registry, 0x7f000001));
    EXPECT(!registry_user_is_full(&registry, 3));
    arena_destroy(&arena);
}

TEST(numbers_rise_and_are_not_reused)
{
    begin(4, 1, 4);
    EXPECT_EQ(add()->number, 1);
    EXPECT_EQ(add()->number, 2);
    registry_remove(&registry, registry_get(&registry, 2));
    EXPECT(registry_get(&registry, 2) == NULL);
    EXPECT_EQ(add()->number, 3);
    EXPECT_EQ(registry_get(&registry, 3)->number, 3);
    arena_destroy(&arena);
}

TEST(at_the_limit_no_core_is_found)
{
    begin(3, 2, 1);
    u32 core = 0;
    (void)add();
    (void)add();
    EXPECT(!registry_pick_core(&registry, UINT64_MAX, &core));
    registry_remove(&registry, registry_get(&registry, 1));
    EXPECT(registry_pick_core(&registry, UINT64_MAX, &core));
    EXPECT(!registry_pick_core(&registry, 2, &core));
    arena_destroy(&arena);
    begin(1, 2, 9);
    (void)add();
    EXPECT(!registry_pick_core(&registry, UINT64_MAX, &core));
    arena_destroy(&arena);
}

TEST(clients_are_written_in_rising_number_as_far_as_they_fit)
{
    begin(4, 1, 4);
    for (u32 i = 0; i < 3; i++) {
        struct registry_client *client = add();
        client->peer_address = 127u << 24 | (i + 1);
        client->peer_port = (u16)(5000 + i);
    }
    registry_get(&registry, 2)->user_id = 0;
    u8 bytes[256];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    registry_write_all(&registry, own_state, &writer);
    struct reader reader = reader_over(bytes, writer.position);
    for (u32 i = 0; i < 3; i++) {
        struct client_info info = read_client_info(&reader);
        EXPECT_EQ(info.client_id, i + 1);
        EXPECT_EQ(info.user_id, i == 1 ? 0 : CLIENT_USER_NONE);
        EXPECT_EQ(info.transport, TRANSPORT_TCP);
        EXPECT_EQ(info.groups_count, 0);
        EXPECT(!reader.failed);
    }
    EXPECT(reader_is_done(&reader));
    struct reader first = reader_over(bytes, writer.position);
    EXPECT(span_equal(read_client_info(&first).address, span_of("127.0.0.1:5000")));

    struct writer tight = writer_over(bytes, writer.position - 1);
    registry_write_all(&registry, own_state, &tight);
    EXPECT(!tight.failed);
    EXPECT_EQ(tight.position, writer.position / 3 * 2);
    arena_destroy(&arena);
}

TEST(one_client_is_written_alone_and_a_gone_one_not_at_all)
{
    begin(4, 1, 4);
    (void)add();
    (void)add();
    u8 bytes[64];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    registry_write_one(&registry, own_state, 2, &writer);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_client_info(&reader).client_id, 2);
    EXPECT(reader_is_done(&reader));
    writer = writer_over(bytes, sizeof(bytes));
    registry_write_one(&registry, own_state, 9, &writer);
    EXPECT_EQ(writer.position, 0);
    arena_destroy(&arena);
}

static void apply(u64 index, const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    state_apply(own_state, index, (struct span){bytes, writer.position}, NULL, NULL);
}

TEST(a_client_is_written_with_the_groups_of_its_session)
{
    begin(4, 1, 4);
    struct registry_client *client = add();
    client->session = 77;
    struct span name = span_of("g");
    apply(1, &(struct state_command){.kind = STATE_CREATE_USER, .name = name});
    apply(2, &(struct state_command){.kind = STATE_CREATE_STREAM, .name = name});
    apply(3, &(struct state_command){
                 .kind = STATE_CREATE_TOPIC, .name = name, .options = topic_options_default()});
    apply(4, &(struct state_command){.kind = STATE_CREATE_GROUP, .name = name});
    apply(5, &(struct state_command){.kind = STATE_OPEN_SESSION, .session = {.session = 77}});
    apply(6, &(struct state_command){.kind = STATE_JOIN_GROUP, .session = {.session = 77}});

    u8 bytes[128];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    registry_write_one(&registry, own_state, 1, &writer);
    struct reader reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_client_info(&reader).groups_count, 1);
    struct client_group group = read_client_group(&reader);
    EXPECT_EQ(group.stream_id + group.topic_id + group.group_id, 0);
    EXPECT(reader_is_done(&reader));

    writer = writer_over(bytes, sizeof(bytes));
    registry_write_all(&registry, own_state, &writer);
    reader = reader_over(bytes, writer.position);
    EXPECT_EQ(read_client_info(&reader).groups_count, 1);
    EXPECT(reader_is_done(&reader));
    arena_destroy(&arena);
}
