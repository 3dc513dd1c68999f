/* For the tests of this folder: a small state in memory of its own, and commands in one line. */
#pragma once

#include "base/mem.h"
#include "state/state.h"
#include "state/state_command.h"
#include "test.h"

struct fixture {
    struct arena arena;
    struct state *state;
    u32 opened_count;
    u32 closed_count;
    struct state_effect effects[64]; /* the last ones, from the start of the last apply */
    u32 effects_count;
};

static const struct state_options small_options = {
    .cores_count = 3,
    .streams_max = 6,
    .topics_max = 10,
    .partitions_max = 24,
    .users_max = 4,
    .grants_max = 8,
    .tokens_max = 4,
    .sessions_max = 5,
};

static inline void fixture_init(struct fixture *fixture, const struct state_options *options)
{
    *fixture = (struct fixture){0};
    EXPECT(arena_create(&fixture->arena, state_bytes(options)));
    fixture->state = state_create(&fixture->arena, options);
}

static inline void fixture_deinit(struct fixture *fixture)
{
    arena_destroy(&fixture->arena);
}

static inline void fixture_on_effect(void *context, const struct state_effect *effect)
{
    struct fixture *fixture = context;
    fixture->opened_count += effect->kind == STATE_PARTITION_OPENED;
    fixture->closed_count += effect->kind == STATE_PARTITION_CLOSED;
    if (fixture->effects_count < array_count(fixture->effects)) {
        fixture->effects[fixture->effects_count++] = *effect;
    }
}

static inline enum wire_error fixture_check(const struct fixture *fixture,
                                            const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    EXPECT(!writer.failed);
    return state_check(fixture->state, (struct span){bytes, writer.position});
}

static inline void fixture_apply_at(struct fixture *fixture, u64 index,
                                    const struct state_command *command)
{
    u8 bytes[STATE_COMMAND_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    state_command_encode(command, &writer);
    EXPECT(!writer.failed);
    fixture->effects_count = 0;
    state_apply(fixture->state, index, (struct span){bytes, writer.position}, fixture_on_effect,
                fixture);
}

/* The next command, which must be allowed; gives its index. */
static inline u64 fixture_apply(struct fixture *fixture, const struct state_command *command)
{
    u64 index = state_index(fixture->state) + 1;
    EXPECT_EQ(fixture_check(fixture, command), WIRE_OK);
    fixture_apply_at(fixture, index, command);
    return index;
}

static inline struct topic_options plain_options(void)
{
    return (struct topic_options){
        .compression = TOPIC_COMPRESSION_NONE,
        .durability = TOPIC_DURABILITY_REPLICATED,
        .consumer_offset_durability = TOPIC_DURABILITY_REPLICATED,
        .messages_required_to_save = 1024,
        .size_of_messages_required_to_save = 1u << 20,
        .max_topic_size_bytes = UINT64_MAX,
        .message_expiry_us = UINT64_MAX,
        .segment_size_bytes = 1u << 30,
    };
}

static inline struct state_command create_stream(const struct fixture *fixture, const char *name)
{
    return (struct state_command){
        .kind = STATE_CREATE_STREAM,
        .time_us = 1000,
        .stream_id = state_stream_lowest_free(fixture->state),
        .name = span_of(name),
    };
}

static inline struct state_command create_topic(const struct fixture *fixture, u32 stream_id,
                                                const char *name, u32 partitions_count)
{
    return (struct state_command){
        .kind = STATE_CREATE_TOPIC,
        .time_us = 2000,
        .stream_id = stream_id,
        .topic_id = state_topic_lowest_free(fixture->state, stream_id),
        .partitions_count = partitions_count,
        .name = span_of(name),
        .options = plain_options(),
    };
}

static inline u64 add_stream(struct fixture *fixture, const char *name)
{
    struct state_command command = create_stream(fixture, name);
    return fixture_apply(fixture, &command);
}

static inline u64 add_topic(struct fixture *fixture, u32 stream_id, const char *name,
                            u32 partitions_count)
{
    struct state_command command = create_topic(fixture, stream_id, name, partitions_count);
    return fixture_apply(fixture, &command);
}

/* Delete or purge, of a stream or a topic; or `count` partitions more or less. */
static inline struct state_command on_topic(enum state_command_kind kind, u32 stream_id,
                                            u32 topic_id, u32 count)
{
    return (struct state_command){
        .kind = kind,
        .time_us = 3000,
        .stream_id = stream_id,
        .topic_id = topic_id,
        .partitions_count = count,
    };
}

static inline u64 do_on_topic(struct fixture *fixture, enum state_command_kind kind, u32 stream_id,
                              u32 topic_id, u32 count)
{
    struct state_command command = on_topic(kind, stream_id, topic_id, count);
    return fixture_apply(fixture, &command);
}

/* ---- Groups of topic 0 in stream 0 ---- */

static inline struct state_command on_group(enum state_command_kind kind, u32 group_id, u64 session)
{
    return (struct state_command){
        .kind = kind,
        .time_us = 4000,
        .group_id = group_id,
        .session = {.session = session},
    };
}

static inline u64 do_on_group(struct fixture *fixture, enum state_command_kind kind, u32 group_id,
                              u64 session)
{
    struct state_command command = on_group(kind, group_id, session);
    return fixture_apply(fixture, &command);
}

static inline u64 add_group(struct fixture *fixture, u32 group_id, const char *name)
{
    struct state_command command = on_group(STATE_CREATE_GROUP, group_id, 0);
    command.name = span_of(name);
    return fixture_apply(fixture, &command);
}

/* Of user 0; the client id is the session's number. */
static inline u64 login(struct fixture *fixture, u64 session)
{
    struct state_command command = {
        .kind = STATE_OPEN_SESSION,
        .session = {.session = session, .client = {session, 1}},
    };
    return fixture_apply(fixture, &command);
}

static inline void add_root(struct fixture *fixture)
{
    struct state_command command = {
        .kind = STATE_CREATE_USER,
        .active = true,
        .name = span_of("iggy"),
    };
    fixture_apply(fixture, &command);
}
