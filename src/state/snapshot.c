/* The state as bytes: pieces, each a run of entries, none cut by the end of a piece. In this order,
 * integers little-endian:
 *
 *     1 HEAD        boot u32, life_max u64: once, first
 *     2 USER        user u32, created_at u64, active u8, password_index u64, name, hash
 *     3 STREAM      stream u32, life u64, created_at u64, name
 *     4 TOPIC       stream u32, topic u32, life u64, created_at u64, name, options
 *     5 PARTITIONS  life u64, created_at u64, count u32: the next ones of the TOPIC before
 *     14 RIGHTS     user u32, bits u16: of the whole server; root has none: its are fixed
 *     15 GRANT      user u32, stream u32, topic u32 (u32 max: the whole stream), bits u8
 *     20 TOKEN      user u32, expires_at u64 (u64 max: never), hash 32 bytes, name
 *     25 GROUPS     next id u32: of the TOPIC before, when it ever had a group
 *     26 GROUP      group u32, name: of the TOPIC before
 *
 *     every entry begins with its kind u8; name, hash and options as in state_command.c
 *
 * Users come in rising id, each with its RIGHTS, GRANTs in rising (stream, topic) and TOKENs in
 * order of creation behind it. Streams come in rising id, the topics of a stream behind it, the
 * partitions of a topic behind it and its groups, in rising id, behind these. Partitions that share
 * life and time make one entry, so that a topic costs one, not one a partition. Equal states give
 * equal bytes. */
#include "base/bug.h"
#include "base/check.h"
#include "state/state_tables.h"

enum snapshot_entry {
    ENTRY_HEAD = 1,
    ENTRY_USER = 2,
    ENTRY_STREAM = 3,
    ENTRY_TOPIC = 4,
    ENTRY_PARTITIONS = 5,
    ENTRY_RIGHTS = 14,
    ENTRY_GRANT = 15,
    ENTRY_TOKEN = 20,
    ENTRY_GROUPS = 25,
    ENTRY_GROUP = 26
};

/* No entry is larger: a topic with the longest name takes 1 + 24 + 256 + 44 bytes. */
#define ENTRY_BYTES_MAX 512u

enum cursor_section {
    CURSOR_HEAD,
    CURSOR_USERS,
    CURSOR_GRANTS,
    CURSOR_TOKENS,
    CURSOR_STREAMS,
    CURSOR_TOPICS
};

static void write_short(struct writer *writer, const void *bytes, u32 size)
{
    check(size <= UINT8_MAX);
    write_u8(writer, (u8)size);
    write_bytes(writer, bytes, size);
}

static void save_user(struct writer *writer, const struct state_user *user)
{
    write_u8(writer, ENTRY_USER);
    write_u32(writer, user->id);
    write_u64(writer, user->created_at_us);
    write_u8(writer, user->active);
    write_u64(writer, user->password_index);
    write_short(writer, user->name, user->name_size);
    write_short(writer, user->password_hash, (u32)strlen(user->password_hash));
    if (user->has_permissions && user->id != USER_ID_ROOT && !bug_is_on(BUG_LOSE_RIGHTS)) {
        write_u8(writer, ENTRY_RIGHTS);
        write_u32(writer, user->id);
        write_u16(writer, user->permissions);
    }
}

static void save_grant(struct writer *writer, const struct grant *grant)
{
    write_u8(writer, ENTRY_GRANT);
    write_u32(writer, grant->user_id);
    write_u32(writer, grant->stream_id);
    write_u32(writer, grant->topic_id);
    write_u8(writer, grant->bits);
}

static void save_token(struct writer *writer, const struct state_token *token)
{
    write_u8(writer, ENTRY_TOKEN);
    write_u32(writer, token->user_id);
    write_u64(writer, token->expires_at_us);
    write_bytes(writer, token->hash, TOKEN_HASH_BYTES);
    write_short(writer, token->name, token->name_size);
}

static void save_stream(struct writer *writer, const struct state_stream *stream)
{
    write_u8(writer, ENTRY_STREAM);
    write_u32(writer, stream->id);
    write_u64(writer, stream->life);
    write_u64(writer, stream->created_at_us);
    write_short(writer, stream->name, stream->name_size);
}

static void save_topic(struct writer *writer, const struct state_topic *topic)
{
    write_u8(writer, ENTRY_TOPIC);
    write_u32(writer, topic->stream_id);
    write_u32(writer, topic->id);
    write_u64(writer, topic->life);
    write_u64(writer, topic->created_at_us);
    write_short(writer, topic->name, topic->name_size);
    state_options_write(writer, &topic->options);
}

/* Saves the run of partitions that begins at `first`; gives the id after it. */
static u32 save_partitions(const struct state *state, struct writer *writer,
                           const struct state_topic *topic, u32 first)
{
    const struct state_partition *begin =
        state_partition_find(state, topic->stream_id, topic->id, first);
    check(begin != NULL);
    u32 id = first + 1;
    for (; id < topic->partitions_count; id++) {
        const struct state_partition *next =
            state_partition_find(state, topic->stream_id, topic->id, id);
        check(next != NULL);
        if (next->life != begin->life || next->created_at_us != begin->created_at_us) {
            break;
        }
    }
    write_u8(writer, ENTRY_PARTITIONS);
    write_u64(writer, begin->life);
    write_u64(writer, begin->created_at_us);
    write_u32(writer, id - first);
    return id;
}

/* Writes the topic's next id for groups, then its groups, one a call; false when all are saved. */
static bool save_next_group(const struct state *state, struct state_cursor *cursor,
                            struct writer *writer, const struct state_topic *topic)
{
    if (topic->group_next_id == 0) {
        return false;
    }
    if (cursor->group == 0) {
        write_u8(writer, ENTRY_GROUPS);
        write_u32(writer, topic->group_next_id);
        cursor->group = 1;
        return true;
    }
    u32 after = cursor->group == 1 ? UINT32_MAX : (u32)(cursor->group - 2);
    const struct state_group *group = state_group_next(state, topic->stream_id, topic->id, after);
    if (group == NULL || bug_is_on(BUG_LOSE_GROUPS)) {
        return false;
    }
    write_u8(writer, ENTRY_GROUP);
    write_u32(writer, group->id);
    write_short(writer, group->name, group->name_size);
    cursor->group = (u64)group->id + 2;
    return true;
}

/* Users: the cursor's stream_id is the user id looked at last. */
static void save_next_user(const struct state *state, struct state_cursor *cursor,
                           struct writer *writer)
{
    const struct state_user *user = state_user_next(state, cursor->stream_id);
    if (user == NULL) {
        *cursor = (struct state_cursor){.section = CURSOR_STREAMS, .stream_id = UINT32_MAX};
        return;
    }
    save_user(writer, user);
    *cursor = (struct state_cursor){.section = CURSOR_GRANTS, .stream_id = user->id};
}

/* Of the cursor's user: topic_id is the link of the grant looked at last. */
static void save_next_grant(const struct state *state, struct state_cursor *cursor,
                            struct writer *writer)
{
    u32 link = state_grant_next(state, cursor->stream_id, cursor->topic_id);
    cursor->topic_id = link;
    if (link == 0 || bug_is_on(BUG_LOSE_RIGHTS)) {
        cursor->section = CURSOR_TOKENS;
        return;
    }
    save_grant(writer, &state->grants[link - 1]);
}

/* Of the cursor's user: topic_id is the slot of the token looked at last, plus one. */
static void save_next_token(const struct state *state, struct state_cursor *cursor,
                            struct writer *writer)
{
    const struct state_token *last =
        cursor->topic_id == 0 ? NULL : &state->tokens[cursor->topic_id - 1];
    const struct state_token *token = state_token_next(state, cursor->stream_id, last);
    if (token == NULL || bug_is_on(BUG_LOSE_TOKENS)) {
        cursor->section = CURSOR_USERS;
        return;
    }
    save_token(writer, token);
    cursor->topic_id = (u32)(token - state->tokens) + 1;
}

/* False when there is no stream left. */
static bool save_next_stream(const struct state *state, struct state_cursor *cursor,
                             struct writer *writer)
{
    const struct state_stream *stream = state_stream_next(state, cursor->stream_id);
    if (stream == NULL) {
        return false;
    }
    save_stream(writer, stream);
    *cursor = (struct state_cursor){
        .section = CURSOR_TOPICS,
        .stream_id = stream->id,
        .topic_id = UINT32_MAX,
    };
    return true;
}

/* The next run of partitions of the topic looked at, else its next group, else the next topic of
 * the stream. */
static void save_next_topic(const struct state *state, struct state_cursor *cursor,
                            struct writer *writer)
{
    const struct state_topic *topic =
        cursor->topic_id == UINT32_MAX
            ? NULL
            : state_topic_get(state, cursor->stream_id, cursor->topic_id);
    if (topic != NULL && cursor->partition_id < topic->partitions_count) {
        cursor->partition_id = save_partitions(state, writer, topic, cursor->partition_id);
        return;
    }
    if (topic != NULL && save_next_group(state, cursor, writer, topic)) {
        return;
    }
    topic = state_topic_next(state, cursor->stream_id, cursor->topic_id);
    if (topic == NULL) {
        cursor->section = CURSOR_STREAMS;
        return;
    }
    save_topic(writer, topic);
    cursor->topic_id = topic->id;
    cursor->partition_id = 0;
    cursor->group = 0;
}

bool state_save(const struct state *state, struct state_cursor *cursor, struct writer *writer)
{
    check(writer->capacity - writer->position >= 4 * KIB);

    while (writer->capacity - writer->position >= ENTRY_BYTES_MAX) {
        switch ((enum cursor_section)cursor->section) {
        case CURSOR_HEAD:
            write_u8(writer, ENTRY_HEAD);
            write_u32(writer, state->boot);
            write_u64(writer, state->life_max);
            *cursor = (struct state_cursor){.section = CURSOR_USERS, .stream_id = UINT32_MAX};
            break;
        case CURSOR_USERS: save_next_user(state, cursor, writer); break;
        case CURSOR_GRANTS: save_next_grant(state, cursor, writer); break;
        case CURSOR_TOKENS: save_next_token(state, cursor, writer); break;
        case CURSOR_STREAMS:
            if (!save_next_stream(state, cursor, writer)) {
                return false;
            }
            break;
        case CURSOR_TOPICS: save_next_topic(state, cursor, writer); break;
        }
    }
    return true;
}

static struct span read_short(struct reader *reader)
{
    return read_span(reader, read_u8(reader));
}

static enum status load_head(struct state *state, struct reader *reader)
{
    u32 boot = read_u32(reader);
    u64 life_max = read_u64(reader);
    if (reader->failed) {
        return ERR_CORRUPT;
    }
    state->boot = boot;
    state->life_max = life_max;
    return OK;
}

static enum status load_user(struct state *state, struct reader *reader)
{
    u32 id = read_u32(reader);
    u64 created_at_us = read_u64(reader);
    u8 active = read_u8(reader);
    u64 password_index = read_u64(reader);
    struct span name = read_short(reader);
    struct span hash = read_short(reader);
    if (reader->failed || active > 1 || name.size == 0 || name.size > USERNAME_BYTES_MAX ||
        hash.size >= PASSWORD_HASH_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    if (id >= state->options.users_max) {
        return ERR_LIMIT;
    }
    struct identifier named = identifier_of_name(name);
    if (state_user_get(state, id) != NULL || state_user_find(state, &named) != NULL) {
        return ERR_CORRUPT;
    }
    struct state_user *user = state_user_add(state, id, name);
    user->created_at_us = created_at_us;
    user->active = active == 1;
    state_user_set_hash(user, hash, password_index);
    return OK;
}

/* The user that a RIGHTS, GRANT or TOKEN belongs to; NULL when there is none. */
static struct state_user *load_owner(struct state *state, struct reader *reader)
{
    u32 id = read_u32(reader);
    bool exists = !reader->failed && state_user_get(state, id) != NULL;
    return exists ? &state->users[id] : NULL;
}

static enum status load_rights(struct state *state, struct reader *reader)
{
    struct state_user *user = load_owner(state, reader);
    u16 bits = read_u16(reader);
    if (reader->failed || user == NULL || user->id == USER_ID_ROOT ||
        bits >= 1u << GLOBAL_PERMISSIONS_COUNT) {
        return ERR_CORRUPT;
    }
    user->has_permissions = true;
    user->permissions = bits;
    return OK;
}

static enum status load_grant(struct state *state, struct reader *reader)
{
    const struct state_user *user = load_owner(state, reader);
    struct grant grant = {.stream_id = read_u32(reader)};
    grant.topic_id = read_u32(reader);
    grant.bits = read_u8(reader);
    u32 bits_count =
        grant.topic_id == STATE_TOPIC_NONE ? STREAM_PERMISSIONS_COUNT : TOPIC_PERMISSIONS_COUNT;
    if (reader->failed || user == NULL || user->id == USER_ID_ROOT || !user->has_permissions ||
        grant.bits >= 1u << bits_count) {
        return ERR_CORRUPT;
    }
    if (slot_pool_free_count(&state->grant_pool) == 0) {
        return ERR_LIMIT;
    }
    grant.user_id = user->id;
    state_grant_put(state, &grant);
    return OK;
}

static enum status load_token(struct state *state, struct reader *reader)
{
    const struct state_user *user = load_owner(state, reader);
    struct state_token token = {.expires_at_us = read_u64(reader)};
    struct span hash = read_span(reader, TOKEN_HASH_BYTES);
    struct span name = read_short(reader);
    if (reader->failed || user == NULL || name.size == 0 || name.size > TOKEN_NAME_BYTES_MAX ||
        state_token_named(state, user->id, name) != NULL ||
        state_token_find(state, hash.data) != NULL) {
        return ERR_CORRUPT;
    }
    if (slot_pool_free_count(&state->token_pool) == 0) {
        return ERR_LIMIT;
    }
    token.user_id = user->id;
    token.name_size = (u8)name.size;
    memcpy(token.name, name.data, name.size);
    memcpy(token.hash, hash.data, TOKEN_HASH_BYTES);
    state_token_put(state, &token);
    return OK;
}

static enum status load_stream(struct state *state, struct reader *reader)
{
    u32 id = read_u32(reader);
    struct origin origin = {.life = read_u64(reader)};
    origin.created_at_us = read_u64(reader);
    struct span name = read_short(reader);
    if (reader->failed || name.size == 0 || origin.life == 0 || origin.life > state->life_max) {
        return ERR_CORRUPT;
    }
    if (id >= state->options.streams_max) {
        return ERR_LIMIT;
    }
    struct identifier named = identifier_of_name(name);
    if (state_stream_get(state, id) != NULL || state_stream_find(state, &named) != NULL) {
        return ERR_CORRUPT;
    }
    state_stream_add(state, id, name, &origin);
    return OK;
}

static enum status load_topic(struct state *state, struct state_topic **topic,
                              struct reader *reader)
{
    u32 stream_id = read_u32(reader);
    u32 id = read_u32(reader);
    struct origin origin = {.life = read_u64(reader)};
    origin.created_at_us = read_u64(reader);
    struct span name = read_short(reader);
    struct topic_options options;
    /* The number that stands for none would be the one before the first, too. */
    if (!state_options_read(reader, &options) || id == STATE_TOPIC_NONE || name.size == 0 ||
        origin.life == 0 || origin.life > state->life_max ||
        state_stream_get(state, stream_id) == NULL) {
        return ERR_CORRUPT;
    }
    if (slot_pool_free_count(&state->topic_pool) == 0) {
        return ERR_LIMIT;
    }
    struct identifier named = identifier_of_name(name);
    if (state_topic_get(state, stream_id, id) != NULL ||
        state_topic_find(state, stream_id, &named) != NULL) {
        return ERR_CORRUPT;
    }
    *topic = state_topic_add(state, stream_id, id, name, &origin);
    (*topic)->options = options;
    return OK;
}

static enum status load_partitions(struct state *state, struct state_topic *topic,
                                   struct reader *reader)
{
    struct origin origin = {.life = read_u64(reader)};
    origin.created_at_us = read_u64(reader);
    u32 count = read_u32(reader);
    if (reader->failed || topic == NULL || origin.life == 0 || origin.life > state->life_max ||
        count == 0 || count > PARTITIONS_PER_TOPIC_MAX - topic->partitions_count) {
        return ERR_CORRUPT;
    }
    if (count > slot_pool_free_count(&state->partition_pool)) {
        return ERR_LIMIT;
    }
    for (u32 i = 0; i < count; i++) {
        state_partition_add(state, topic, &origin);
    }
    return OK;
}

static enum status load_groups(struct state_topic *topic, struct reader *reader)
{
    u32 next_id = read_u32(reader);
    if (reader->failed || topic == NULL || next_id == 0 || topic->group_next_id != 0) {
        return ERR_CORRUPT;
    }
    topic->group_next_id = next_id;
    return OK;
}

static enum status load_group(struct state *state, struct state_topic *topic, struct reader *reader)
{
    u32 id = read_u32(reader);
    struct span name = read_short(reader);
    if (reader->failed || topic == NULL || name.size == 0 || id >= topic->group_next_id) {
        return ERR_CORRUPT;
    }
    if (slot_pool_free_count(&state->group_pool) == 0) {
        return ERR_LIMIT;
    }
    struct identifier named = identifier_of_name(name);
    if (!state_group_is_last(state, topic, id) ||
        state_group_find(state, topic->stream_id, topic->id, &named) != NULL) {
        return ERR_CORRUPT;
    }
    state_group_add(state, topic, id, name);
    return OK;
}

static enum status load_entry(struct state *state, struct reader *reader)
{
    switch (read_u8(reader)) {
    case ENTRY_HEAD: return load_head(state, reader);
    case ENTRY_USER: return load_user(state, reader);
    case ENTRY_STREAM: return load_stream(state, reader);
    case ENTRY_TOPIC: return load_topic(state, &state->topic_loading, reader);
    case ENTRY_PARTITIONS: return load_partitions(state, state->topic_loading, reader);
    case ENTRY_RIGHTS: return load_rights(state, reader);
    case ENTRY_GRANT: return load_grant(state, reader);
    case ENTRY_TOKEN: return load_token(state, reader);
    case ENTRY_GROUPS: return load_groups(state->topic_loading, reader);
    case ENTRY_GROUP: return load_group(state, state->topic_loading, reader);
    default: return ERR_CORRUPT;
    }
}

enum status state_load(struct state *state, struct span piece)
{
    check(state->index == 0);

    struct reader reader = reader_over(piece.data, piece.size);
    while (reader_left(&reader) > 0) {
        enum status status = load_entry(state, &reader);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

void state_load_done(struct state *state, u64 index)
{
    check(state->index == 0);
    check(index >= state->life_max);
    state->index = index;
    state->topic_loading = NULL;
}
