/* Snapshots, and the properties that all of `state` must have under random commands. */
#include "base/prng.h"
#include "state/state_fixture.h"
#include "wire/permissions.h"

#define PIECES_MAX 64u
#define PIECE_BYTES 4096u

static struct fixture one;
static struct fixture two;
static u8 pieces[PIECES_MAX][PIECE_BYTES];
static u32 piece_sizes[PIECES_MAX];

static const struct state_options roomy_options = {
    .cores_count = 4,
    .streams_max = 40,
    .topics_max = 120,
    .partitions_max = 400,
    .users_max = 30,
    .grants_max = 60,
    .tokens_max = 40,
    .sessions_max = 8,
};

static u32 save(const struct state *state)
{
    struct state_cursor cursor = {0};
    u32 count = 0;
    bool more = true;
    while (more) {
        EXPECT(count < PIECES_MAX);
        struct writer writer = writer_over(pieces[count], PIECE_BYTES);
        more = state_save(state, &cursor, &writer);
        EXPECT(!writer.failed);
        piece_sizes[count++] = writer.position;
    }
    return count;
}

static enum status load(struct fixture *fixture, u32 count, u64 index)
{
    for (u32 i = 0; i < count; i++) {
        enum status status = state_load(fixture->state, (struct span){pieces[i], piece_sizes[i]});
        if (status != OK) {
            return status;
        }
    }
    state_load_done(fixture->state, index);
    return OK;
}

static void name_at_random(struct prng *prng, char *name, u32 capacity)
{
    u32 size = 1 + (u32)prng_below(prng, 6);
    EXPECT(size < capacity);
    for (u32 i = 0; i < size; i++) {
        name[i] = (char)('a' + prng_below(prng, 3));
    }
    name[size] = 0;
}

/* Up to three streams, each with up to two topics, in any order. */
static struct span permissions_at_random(struct prng *prng)
{
    static u8 block[256];
    struct writer writer = writer_over(block, sizeof(block));
    struct permission_writer permissions = permissions_begin(&writer, (u16)prng_below(prng, 1024));
    for (u64 streams = prng_below(prng, 4); streams > 0; streams--) {
        struct permission_entry entry = {.scope = PERMISSION_STREAM,
                                         .stream_id = (u32)prng_below(prng, 6),
                                         .bits = (u16)prng_below(prng, 64)};
        permissions_add(&permissions, &entry);
        entry.scope = PERMISSION_TOPIC;
        for (u64 topics = prng_below(prng, 3); topics > 0; topics--) {
            entry.topic_id = (u32)prng_below(prng, 5);
            entry.bits = (u16)prng_below(prng, 16);
            permissions_add(&permissions, &entry);
        }
    }
    permissions_end(&permissions);
    EXPECT(!writer.failed);
    return (struct span){block, writer.position};
}

static struct span token_hash_at_random(struct prng *prng)
{
    static u8 hash[TOKEN_HASH_BYTES];
    put_u64(hash, prng_below(prng, 200));
    return (struct span){hash, sizeof(hash)};
}

/* Mostly sensible, often refused: half of the ids name nothing. */
static struct state_command command_at_random(const struct fixture *fixture, struct prng *prng,
                                              u64 step, const char *name)
{
    static const enum state_command_kind kinds[] = {
        STATE_CREATE_STREAM,     STATE_CREATE_STREAM,     STATE_UPDATE_STREAM,
        STATE_DELETE_STREAM,     STATE_PURGE_STREAM,      STATE_CREATE_TOPIC,
        STATE_CREATE_TOPIC,      STATE_CREATE_TOPIC,      STATE_CREATE_TOPIC,
        STATE_UPDATE_TOPIC,      STATE_DELETE_TOPIC,      STATE_PURGE_TOPIC,
        STATE_CREATE_PARTITIONS, STATE_CREATE_PARTITIONS, STATE_DELETE_PARTITIONS,
        STATE_CREATE_USER,       STATE_SET_PASSWORD,      STATE_BOOT,
        STATE_ADD_USER,          STATE_ADD_USER,          STATE_UPDATE_USER,
        STATE_DELETE_USER,       STATE_SET_PERMISSIONS,   STATE_SET_PERMISSIONS,
        STATE_CHANGE_PASSWORD,   STATE_CREATE_TOKEN,      STATE_CREATE_TOKEN,
        STATE_DELETE_TOKEN,      STATE_CREATE_GROUP,      STATE_CREATE_GROUP,
        STATE_DELETE_GROUP,
    };
    struct state_command command = {
        .kind = kinds[prng_below(prng, array_count(kinds))],
        .time_us = step,
        .boot = state_boot(fixture->state) + (u32)prng_below(prng, 3),
        .stream_id = (u32)prng_below(prng, 12),
        .topic_id = (u32)prng_below(prng, 6),
        .partitions_count = (u32)prng_below(prng, 12),
        .group_id = (u32)prng_below(prng, 4),
        .user_id = (u32)prng_below(prng, 10),
        .name = span_of(name),
        .password_hash = span_of(name),
        .has_permissions = prng_below(prng, 2) == 1,
        .permissions = permissions_at_random(prng),
        .token_hash = token_hash_at_random(prng),
        .active = prng_below(prng, 4) != 0,
        .expires_at_us = step,
        .options = plain_options(),
    };
    command.options.message_expiry_us = prng_next(prng);
    command.options.explicit_set = (u32)prng_below(prng, 1u << TOPIC_OPTION_COUNT);
    if (command.kind == STATE_CREATE_STREAM) {
        command.stream_id = state_stream_lowest_free(fixture->state);
    }
    if (command.kind == STATE_CREATE_TOPIC &&
        state_stream_get(fixture->state, command.stream_id) != NULL) {
        command.topic_id = state_topic_lowest_free(fixture->state, command.stream_id);
    }
    const struct state_topic *topic =
        state_topic_get(fixture->state, command.stream_id, command.topic_id);
    if (command.kind == STATE_CREATE_GROUP && topic != NULL) {
        command.group_id = topic->group_next_id;
    }
    if (command.kind == STATE_CREATE_USER || command.kind == STATE_ADD_USER) {
        command.user_id = state_user_lowest_free(fixture->state);
    }
    return command;
}

/* Applies it to both, if it is allowed: applying checks that it succeeds. */
static bool step_both(struct prng *prng, u64 step)
{
    char name[8];
    name_at_random(prng, name, sizeof(name));
    struct state_command command = command_at_random(&one, prng, step, name);
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(&command, &writer);
    enum wire_error error = state_check(one.state, (struct span){bytes, writer.position});
    EXPECT_EQ(state_check(two.state, (struct span){bytes, writer.position}), error);
    if (error != WIRE_OK) {
        return false;
    }
    u64 index = state_index(one.state) + 1 + prng_below(prng, 3);
    fixture_apply_at(&one, index, &command);
    fixture_apply_at(&two, index, &command);
    return true;
}

static void expect_users_sound(const struct state *state)
{
    u32 users_count = 0;
    u32 tokens_count = 0;
    for (const struct state_user *user = state_user_next(state, UINT32_MAX); user != NULL;
         user = state_user_next(state, user->id)) {
        users_count++;
        EXPECT(user->has_permissions || user->permissions == 0);
        u32 before = tokens_count;
        for (const struct state_token *token = state_token_next(state, user->id, NULL);
             token != NULL; token = state_token_next(state, user->id, token)) {
            tokens_count++;
            EXPECT(state_token_find(state, token->hash) == token);
            EXPECT(state_token_named(state, user->id,
                                     (struct span){token->name, token->name_size}) == token);
        }
        EXPECT_EQ(user->tokens_count, tokens_count - before);
    }
    EXPECT_EQ(state_users_count(state), users_count);
    EXPECT_EQ(state_tokens_count(state), tokens_count);
}

static void expect_sound_groups(const struct state *state, const struct state_topic *topic)
{
    u32 count = 0;
    u32 last_id = UINT32_MAX;
    const struct state_group *group = NULL;
    while ((group = state_group_next(state, topic->stream_id, topic->id, last_id)) != NULL) {
        EXPECT(last_id == UINT32_MAX || group->id > last_id);
        EXPECT(group->id < topic->group_next_id);
        struct identifier name = identifier_of_name((struct span){group->name, group->name_size});
        EXPECT(state_group_find(state, topic->stream_id, topic->id, &name) == group);
        last_id = group->id;
        count++;
    }
    EXPECT_EQ(topic->groups_count, count);
}

/* What the tables say of each other. */
static void expect_sound(const struct state *state)
{
    u32 topics_count = 0;
    u32 partitions_count = 0;
    u32 last_id = UINT32_MAX;
    for (const struct state_stream *stream = state_stream_next(state, UINT32_MAX); stream != NULL;
         stream = state_stream_next(state, stream->id)) {
        EXPECT(last_id == UINT32_MAX || stream->id > last_id);
        last_id = stream->id;
        struct identifier name = identifier_of_name((struct span){stream->name, stream->name_size});
        EXPECT(state_stream_find(state, &name) == stream);
        u32 before = topics_count;
        for (const struct state_topic *topic = state_topic_next(state, stream->id, UINT32_MAX);
             topic != NULL; topic = state_topic_next(state, stream->id, topic->id)) {
            topics_count++;
            name = identifier_of_name((struct span){topic->name, topic->name_size});
            EXPECT(state_topic_find(state, stream->id, &name) == topic);
            for (u32 id = 0; id < topic->partitions_count; id++) {
                const struct state_partition *partition =
                    state_partition_find(state, stream->id, topic->id, id);
                EXPECT(partition != NULL);
                EXPECT(partition->life <= state_life_max(state));
                partitions_count++;
            }
            expect_sound_groups(state, topic);
        }
        EXPECT_EQ(stream->topics_count, topics_count - before);
    }
    EXPECT_EQ(state_topics_count(state), topics_count);
    EXPECT_EQ(state_partitions_count(state), partitions_count);
    expect_users_sound(state);
}

TEST(two_copies_that_see_the_same_commands_have_equal_hashes)
{
    for (u64 seed = 1; seed <= 20; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        fixture_init(&one, &roomy_options);
        fixture_init(&two, &roomy_options);
        u32 applied_count = 0;
        for (u64 step = 1; step <= 400; step++) {
            u64 before = state_hash(one.state);
            bool applied = step_both(&prng, step);
            applied_count += applied;
            EXPECT_EQ(state_hash(one.state), state_hash(two.state));
            EXPECT_EQ(state_hash(one.state) == before, !applied);
        }
        EXPECT(applied_count > 100);
        expect_sound(one.state);
        fixture_deinit(&one);
        fixture_deinit(&two);
    }
}

TEST(a_snapshot_and_the_rest_of_the_log_give_what_a_replay_gives)
{
    struct state_options other_cores = roomy_options;
    other_cores.cores_count = 7;
    for (u64 seed = 100; seed < 120; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        fixture_init(&one, &roomy_options);
        fixture_init(&two, &roomy_options);
        for (u64 step = 1; step <= 200; step++) {
            (void)step_both(&prng, step);
        }
        u32 count = save(one.state);
        fixture_deinit(&two);
        fixture_init(&two, &other_cores);
        EXPECT_EQ(load(&two, count, state_index(one.state)), OK);
        EXPECT_EQ(state_content_hash(two.state), state_content_hash(one.state));
        EXPECT_EQ(state_life_max(two.state), state_life_max(one.state));
        for (u64 step = 201; step <= 400; step++) {
            (void)step_both(&prng, step);
            EXPECT_EQ(state_content_hash(two.state), state_content_hash(one.state));
        }
        expect_sound(two.state);
        fixture_deinit(&one);
        fixture_deinit(&two);
    }
}

static struct state_command session_at_random(struct prng *prng)
{
    static const enum state_command_kind kinds[] = {
        STATE_OPEN_SESSION, STATE_OPEN_SESSION, STATE_END_SESSION,
        STATE_JOIN_GROUP,   STATE_JOIN_GROUP,   STATE_LEAVE_GROUP,
    };
    u64 session = 1 + prng_below(prng, 12);
    return (struct state_command){
        .kind = kinds[prng_below(prng, array_count(kinds))],
        .stream_id = (u32)prng_below(prng, 4),
        .topic_id = (u32)prng_below(prng, 3),
        .group_id = (u32)prng_below(prng, 2),
        .reason = GROUP_MEMBER_LEFT,
        .session = {.session = session,
                    .client = {session, 1},
                    .user_id = (u32)prng_below(prng, 6),
                    .client_number = (u32)session},
    };
}

/* One goes its own way. */
static void step_alone(struct fixture *fixture, struct prng *prng, u64 step)
{
    char name[8];
    name_at_random(prng, name, sizeof(name));
    struct state_command command = prng_below(prng, 2) == 0
                                       ? session_at_random(prng)
                                       : command_at_random(fixture, prng, step, name);
    if (fixture_check(fixture, &command) == WIRE_OK) {
        fixture_apply_at(fixture, state_index(fixture->state) + 1, &command);
    }
}

TEST(a_copy_over_what_went_another_way_is_equal_and_stays_so)
{
    u32 sessions_count = 0;
    u32 differed_count = 0;
    for (u64 seed = 200; seed < 230; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        fixture_init(&one, &roomy_options);
        fixture_init(&two, &roomy_options);
        for (u64 step = 1; step <= 200; step++) {
            (void)step_both(&prng, step);
        }
        for (u64 step = 201; step <= 300; step++) {
            step_alone(&one, &prng, step);
            step_alone(&two, &prng, step);
        }
        differed_count += state_hash(one.state) != state_hash(two.state);
        sessions_count += state_sessions_count(one.state);
        state_copy(two.state, one.state);
        EXPECT_EQ(state_hash(two.state), state_hash(one.state));
        EXPECT_EQ(state_index(two.state), state_index(one.state));
        EXPECT_EQ(state_sessions_count(two.state), state_sessions_count(one.state));
        for (u64 step = 301; step <= 500; step++) {
            (void)step_both(&prng, step);
            EXPECT_EQ(state_hash(two.state), state_hash(one.state));
        }
        expect_sound(two.state);
        fixture_deinit(&one);
        fixture_deinit(&two);
    }
    EXPECT(sessions_count > 30);
    EXPECT_EQ(differed_count, 30);
}

TEST(copies_loaded_from_the_same_pieces_agree_on_where_partitions_live)
{
    struct prng prng;
    prng_init(&prng, 7);
    fixture_init(&one, &roomy_options);
    fixture_init(&two, &roomy_options);
    for (u64 step = 1; step <= 300; step++) {
        (void)step_both(&prng, step);
    }
    u32 count = save(one.state);
    u64 index = state_index(one.state);
    fixture_deinit(&one);
    fixture_deinit(&two);
    fixture_init(&one, &roomy_options);
    fixture_init(&two, &roomy_options);
    EXPECT_EQ(load(&one, count, index), OK);
    EXPECT_EQ(load(&two, count, index), OK);
    EXPECT_EQ(state_hash(one.state), state_hash(two.state));
    for (u64 step = 301; step <= 400; step++) {
        (void)step_both(&prng, step);
    }
    EXPECT_EQ(state_hash(one.state), state_hash(two.state));
    fixture_deinit(&one);
    fixture_deinit(&two);
}

TEST(sessions_are_not_in_a_snapshot)
{
    fixture_init(&one, &small_options);
    struct state_command root = {.kind = STATE_CREATE_USER, .name = span_of("iggy")};
    fixture_apply(&one, &root);
    u64 before = state_content_hash(one.state);
    struct state_command open = {
        .kind = STATE_OPEN_SESSION,
        .session = {.session = 5, .client = {1, 1}},
    };
    fixture_apply(&one, &open);
    EXPECT_EQ(state_content_hash(one.state), before);
    fixture_deinit(&one);
}

TEST(pieces_that_are_damaged_or_do_not_fit_together_are_refused)
{
    fixture_init(&one, &small_options);
    add_stream(&one, "s");
    add_topic(&one, 0, "t", 3);
    u32 count = save(one.state);
    EXPECT_EQ(count, 1);
    u64 index = state_index(one.state);
    for (u32 cut = 1; cut < piece_sizes[0]; cut++) {
        fixture_init(&two, &small_options);
        /* Whole entries are a sound piece: such a cut loads, and gives less. */
        if (state_load(two.state, (struct span){pieces[0], cut}) == OK) {
            expect_sound(two.state);
            EXPECT(state_partitions_count(two.state) == 0);
        }
        fixture_deinit(&two);
    }
    fixture_init(&two, &small_options);
    EXPECT_EQ(state_load(two.state, (struct span){pieces[0], piece_sizes[0] - 1}), ERR_CORRUPT);
    fixture_deinit(&two);

    struct state_options tight = small_options;
    tight.partitions_max = 2;
    fixture_init(&two, &tight);
    EXPECT_EQ(load(&two, count, index), ERR_LIMIT);
    fixture_deinit(&two);

    fixture_init(&two, &small_options);
    EXPECT_EQ(state_load(two.state, (struct span){pieces[0], piece_sizes[0]}), OK);
    EXPECT_EQ(state_load(two.state, (struct span){pieces[0], piece_sizes[0]}), ERR_CORRUPT);
    fixture_deinit(&two);
    fixture_deinit(&one);
}

TEST(every_flipped_bit_of_a_piece_is_refused_or_loads_soundly)
{
    fixture_init(&one, &small_options);
    add_stream(&one, "orders");
    add_topic(&one, 0, "clicks", 3);
    u32 count = save(one.state);
    EXPECT_EQ(count, 1);
    for (u32 bit = 0; bit < piece_sizes[0] * 8; bit++) {
        pieces[0][bit / 8] ^= (u8)(1u << bit % 8);
        fixture_init(&two, &small_options);
        if (state_load(two.state, (struct span){pieces[0], piece_sizes[0]}) == OK) {
            expect_sound(two.state);
        }
        fixture_deinit(&two);
        pieces[0][bit / 8] ^= (u8)(1u << bit % 8);
    }
    fixture_deinit(&one);
}

TEST(the_bytes_of_a_snapshot_never_change)
{
    static const u8 bytes[] = {
        1,   7,   0,   0,   0,   4,   0,   0,   0,   0,   0,   0,   0, /* head: boot, life */
        2,   0,   0,   0,   0,   1,   0,   0,   0,   0,   0,   0,   0,   1,   2,   0,
        0,   0,   0,   0,   0,   0, /* user */
        4,   'i', 'g', 'g', 'y', 2,   '$', 'h', 3,   0,   0,   0,   0,   3,   0,   0,
        0,   0,   0,   0,   0,   232, 3,   0,   0,   0,   0,   0,   0,   1,   's', /* stream */
        4,   0,   0,   0,   0,   0,   0,   0,   0,   4,   0,   0,   0,   0,   0,   0,
        0,   208, 7,   0,   0,   0,   0,   0,   0,   1,   't', 0,   0,   0,   0,   1,
        1,   1,   0,   0,   4,   0,   0,   0,   0,   16,  0,   0,   0,   0,   0, /* options */
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0,   0,   0,   64,  0,   0,   0,   0,   5,   4,   0,   0,   0,   0,   0,   0,
        0,   208, 7,   0,   0,   0,   0,   0,   0,   2,   0,   0,   0, /* partitions */
    };
    fixture_init(&one, &small_options);
    struct state_command boot = {.kind = STATE_BOOT, .boot = 7};
    fixture_apply(&one, &boot);
    struct state_command root = {.kind = STATE_CREATE_USER,
                                 .time_us = 1,
                                 .active = true,
                                 .name = span_of("iggy"),
                                 .password_hash = span_of("$h")};
    fixture_apply(&one, &root);
    struct state_command stream = create_stream(&one, "s");
    fixture_apply_at(&one, 3, &stream);
    struct state_command topic = create_topic(&one, 0, "t", 2);
    fixture_apply_at(&one, 4, &topic);
    EXPECT_EQ(save(one.state), 1);
    EXPECT_EQ(piece_sizes[0], sizeof(bytes));
    EXPECT_BYTES(pieces[0], bytes, sizeof(bytes));

    static const u8 groups[] = {25, 2, 0, 0, 0, 26, 1, 0, 0, 0, 1, 'h'};
    add_group(&one, 0, "g");
    add_group(&one, 1, "h");
    do_on_group(&one, STATE_DELETE_GROUP, 0, 0);
    EXPECT_EQ(save(one.state), 1);
    EXPECT_EQ(piece_sizes[0], sizeof(bytes) + sizeof(groups));
    EXPECT_BYTES(pieces[0] + sizeof(bytes), groups, sizeof(groups));
    fixture_deinit(&one);
}

TEST(the_bytes_of_users_with_all_they_may_have_never_change)
{
    static const u8 bytes[] = {
        1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0, /* head */
        2,   0,   0,   0,   0,   1,   0,   0,   0,   0,   0,   0,   0,   1,   1,   0,   0,   0,
        0,   0,   0,   0, /* root */
        4,   'i', 'g', 'g', 'y', 0,   2,   1,   0,   0,   0,   9,   0,   0,   0,   0,   0,   0,
        0,   1,   2,   0,   0,   0,   0,   0,   0,   0,                     /* user 1 */
        3,   'b', 'o', 'b', 2,   '$', 'h', 14,  1,   0,   0,   0,   1,   2, /* rights: 0x201 */
        15,  1,   0,   0,   0,   7,   0,   0,   0,   255, 255, 255, 255, 2, /* stream 7 */
        15,  1,   0,   0,   0,   7,   0,   0,   0,   3,   0,   0,   0,   4, /* topic 3 of it */
        20,  1,   0,   0,   0,   5,   0,   0,   0,   0,   0,   0,   0,      /* token */
        170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170,
        170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 170, 3,   't', 'o', 'k',
    };
    static const u8 block[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 7, 0, 0, 0, 0,
                               1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    u8 hash[TOKEN_HASH_BYTES];
    memset(hash, 170, sizeof(hash));
    fixture_init(&one, &small_options);
    struct state_command root = {
        .kind = STATE_CREATE_USER, .time_us = 1, .active = true, .name = span_of("iggy")};
    fixture_apply(&one, &root);
    struct state_command user = {.kind = STATE_ADD_USER,
                                 .time_us = 9,
                                 .user_id = 1,
                                 .active = true,
                                 .name = span_of("bob"),
                                 .password_hash = span_of("$h"),
                                 .has_permissions = true,
                                 .permissions = {block, sizeof(block)}};
    fixture_apply(&one, &user);
    struct state_command token = {.kind = STATE_CREATE_TOKEN,
                                  .user_id = 1,
                                  .name = span_of("tok"),
                                  .token_hash = {hash, sizeof(hash)},
                                  .expires_at_us = 5};
    fixture_apply(&one, &token);
    EXPECT_EQ(save(one.state), 1);
    EXPECT_EQ(piece_sizes[0], sizeof(bytes));
    EXPECT_BYTES(pieces[0], bytes, sizeof(bytes));
    for (u32 bit = 0; bit < piece_sizes[0] * 8; bit++) {
        pieces[0][bit / 8] ^= (u8)(1u << bit % 8);
        fixture_init(&two, &small_options);
        if (state_load(two.state, (struct span){pieces[0], piece_sizes[0]}) == OK) {
            expect_sound(two.state);
        }
        fixture_deinit(&two);
        pieces[0][bit / 8] ^= (u8)(1u << bit % 8);
    }
    fixture_deinit(&one);
}
