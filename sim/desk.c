#include "sim/desk.h"

#include "base/check.h"

struct desk_stream *desk_stream(struct desk *desk, u32 name)
{
    for (u32 i = 0; i < DESK_STREAMS; i++) {
        if (desk->streams[i].exists && desk->streams[i].name == name) {
            return &desk->streams[i];
        }
    }
    return NULL;
}

static struct desk_topic *topic_of(struct desk_stream *stream, u32 name)
{
    for (u32 i = 0; i < DESK_TOPICS; i++) {
        if (stream->topics[i].exists && stream->topics[i].name == name) {
            return &stream->topics[i];
        }
    }
    return NULL;
}

struct desk_topic *desk_topic(struct desk *desk, u32 stream, u32 name)
{
    struct desk_stream *found = desk_stream(desk, stream);
    return found == NULL ? NULL : topic_of(found, name);
}

u32 desk_topics_count(const struct desk_stream *stream)
{
    u32 count = 0;
    for (u32 i = 0; i < DESK_TOPICS; i++) {
        count += stream->topics[i].exists ? 1 : 0;
    }
    return count;
}

/* ---- Streams ---- */

static u32 create_stream(struct desk *desk, const struct desk_change *change)
{
    if (desk_stream(desk, change->name) != NULL) {
        return WIRE_STREAM_NAME_ALREADY_EXISTS;
    }
    for (u32 i = 0; i < DESK_STREAMS; i++) {
        if (!desk->streams[i].exists) {
            desk->streams[i] = (struct desk_stream){.exists = true, .name = change->name};
            return WIRE_OK;
        }
    }
    unreachable(); /* the clerk makes no more than there is room for */
}

static u32 change_stream(struct desk *desk, const struct desk_change *change)
{
    struct desk_stream *stream = desk_stream(desk, change->stream);
    if (stream == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    if (change->kind == DESK_DELETE_STREAM) {
        *stream = (struct desk_stream){0};
    } else if (change->kind == DESK_UPDATE_STREAM) {
        const struct desk_stream *named = desk_stream(desk, change->name);
        if (named != NULL && named != stream) {
            return WIRE_STREAM_NAME_ALREADY_EXISTS;
        }
        stream->name = change->name;
    }
    return WIRE_OK;
}

/* ---- Topics ---- */

static u32 retention_error(const struct desk *desk, const struct desk_change *change)
{
    bool is_small = change->bytes_max != 0 && change->bytes_max < desk->segment_bytes;
    return is_small && !change->keeps_old ? WIRE_INVALID_TOPIC_SIZE : WIRE_OK;
}

static void retain(struct desk_topic *topic, const struct desk_change *change)
{
    if (!change->keeps_old) {
        topic->expiry_us = change->expiry_us == 0 ? UINT64_MAX : change->expiry_us;
        topic->bytes_max = change->bytes_max == 0 ? UINT64_MAX : change->bytes_max;
    }
}

static u32 create_topic(struct desk *desk, const struct desk_change *change)
{
    struct desk_stream *stream = desk_stream(desk, change->stream);
    u32 error = stream == NULL ? WIRE_STREAM_ID_NOT_FOUND : retention_error(desk, change);
    if (error != WIRE_OK) {
        return error;
    }
    if (topic_of(stream, change->name) != NULL) {
        return WIRE_TOPIC_NAME_ALREADY_EXISTS;
    }
    for (u32 i = 0; i < DESK_TOPICS; i++) {
        struct desk_topic *topic = &stream->topics[i];
        if (!topic->exists) {
            *topic = (struct desk_topic){
                .exists = true, .name = change->name, .partitions_count = change->count};
            retain(topic, change);
            return WIRE_OK;
        }
    }
    unreachable();
}

static u32 update_topic(struct desk *desk, struct desk_topic *topic,
                        const struct desk_change *change)
{
    u32 error = retention_error(desk, change);
    const struct desk_topic *named = desk_topic(desk, change->stream, change->name);
    if (error != WIRE_OK) {
        return error;
    }
    if (named != NULL && named != topic) {
        return WIRE_TOPIC_NAME_ALREADY_EXISTS;
    }
    topic->name = change->name;
    retain(topic, change);
    return WIRE_OK;
}

/* ---- Groups ---- */

static u32 change_group(struct desk_topic *topic, const struct desk_change *change)
{
    u32 bit = 1u << change->name;
    bool exists = (topic->groups & bit) != 0;
    if (change->kind == DESK_CREATE_GROUP) {
        topic->groups |= bit;
        return exists ? WIRE_GROUP_NAME_ALREADY_EXISTS : WIRE_OK;
    }
    if (!exists) {
        return WIRE_GROUP_ID_NOT_FOUND;
    }
    if (change->kind == DESK_JOIN_GROUP) {
        topic->members |= bit;
        return WIRE_OK;
    }
    bool was_member = (topic->members & bit) != 0;
    topic->members &= ~bit;
    if (change->kind == DESK_LEAVE_GROUP) {
        return was_member ? WIRE_OK : WIRE_GROUP_MEMBER_NOT_FOUND;
    }
    check(change->kind == DESK_DELETE_GROUP);
    topic->groups &= ~bit;
    topic->ghosts &= ~bit;
    return WIRE_OK;
}

static u32 change_topic(struct desk *desk, const struct desk_change *change)
{
    if (desk_stream(desk, change->stream) == NULL) {
        return WIRE_STREAM_ID_NOT_FOUND;
    }
    struct desk_topic *topic = desk_topic(desk, change->stream, change->topic);
    if (topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    switch ((u32)change->kind) {
    case DESK_UPDATE_TOPIC: return update_topic(desk, topic, change);
    case DESK_DELETE_TOPIC: *topic = (struct desk_topic){0}; return WIRE_OK;
    case DESK_PURGE_TOPIC: return WIRE_OK; /* it has no messages, and keeps all else */
    case DESK_CREATE_PARTITIONS: topic->partitions_count += change->count; return WIRE_OK;
    case DESK_DELETE_PARTITIONS:
        if (change->count > topic->partitions_count) {
            return WIRE_INVALID_PARTITIONS_COUNT;
        }
        topic->partitions_count -= change->count;
        return WIRE_OK;
    default: return change_group(topic, change);
    }
}

/* ---- Tokens ---- */

static u32 change_token(struct desk *desk, const struct desk_change *change)
{
    u32 bit = 1u << change->name;
    if (change->kind == DESK_DELETE_TOKEN) {
        bool exists = (desk->tokens & bit) != 0;
        desk->tokens &= ~bit;
        return exists ? WIRE_OK : WIRE_RESOURCE_NOT_FOUND;
    }
    if ((u32)__builtin_popcount(desk->tokens) >= DESK_TOKENS_MAX) {
        return WIRE_TOKENS_LIMIT_REACHED;
    }
    if ((desk->tokens & bit) != 0) {
        return WIRE_TOKEN_ALREADY_EXISTS;
    }
    desk->tokens |= bit;
    return WIRE_OK;
}

u32 desk_apply(struct desk *desk, const struct desk_change *change)
{
    switch (change->kind) {
    case DESK_CREATE_STREAM: return create_stream(desk, change);
    case DESK_UPDATE_STREAM:
    case DESK_DELETE_STREAM:
    case DESK_PURGE_STREAM: return change_stream(desk, change);
    case DESK_CREATE_TOPIC: return create_topic(desk, change);
    case DESK_UPDATE_TOPIC:
    case DESK_DELETE_TOPIC:
    case DESK_PURGE_TOPIC:
    case DESK_CREATE_PARTITIONS:
    case DESK_DELETE_PARTITIONS:
    case DESK_CREATE_GROUP:
    case DESK_DELETE_GROUP:
    case DESK_JOIN_GROUP:
    case DESK_LEAVE_GROUP: return change_topic(desk, change);
    case DESK_CREATE_TOKEN:
    case DESK_DELETE_TOKEN: return change_token(desk, change);
    case DESK_CHANGES_COUNT: break;
    }
    unreachable();
}

/* ---- Sessions ---- */

void desk_session_ends(struct desk *desk, bool leaves_ghosts)
{
    for (u32 i = 0; i < DESK_STREAMS * DESK_TOPICS; i++) {
        struct desk_topic *topic = &desk->streams[i / DESK_TOPICS].topics[i % DESK_TOPICS];
        topic->ghosts |= leaves_ghosts ? topic->members : 0;
        topic->members = 0;
    }
}

void desk_server_starts(struct desk *desk)
{
    for (u32 i = 0; i < DESK_STREAMS * DESK_TOPICS; i++) {
        struct desk_topic *topic = &desk->streams[i / DESK_TOPICS].topics[i % DESK_TOPICS];
        topic->members = 0;
        topic->ghosts = 0;
    }
}
