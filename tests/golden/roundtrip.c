#include "tests/golden/roundtrip.h"

#include "base/status.h"
#include "wire/batch.h"
#include "wire/client_info.h"
#include "wire/cluster.h"
#include "wire/group_info.h"
#include "wire/login.h"
#include "wire/name.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/permissions.h"
#include "wire/poll.h"
#include "wire/routing.h"
#include "wire/send.h"
#include "wire/snapshot_request.h"
#include "wire/stats.h"
#include "wire/stream_info.h"
#include "wire/token_info.h"
#include "wire/topic_info.h"
#include "wire/user_info.h"

/* A request whose decoder and encoder follow the common shape. */
#define ROUNDTRIP(name)                                                                            \
    static bool name##_roundtrip(struct span body, struct writer *writer)                          \
    {                                                                                              \
        struct name request;                                                                       \
        if (name##_decode(body, &request) != WIRE_OK) {                                            \
            return false;                                                                          \
        }                                                                                          \
        name##_encode(&request, writer);                                                           \
        return true;                                                                               \
    }

ROUNDTRIP(stream_request)
ROUNDTRIP(create_stream_request)
ROUNDTRIP(update_stream_request)
ROUNDTRIP(topic_request)
ROUNDTRIP(partitions_request)
ROUNDTRIP(delete_segments_request)
ROUNDTRIP(poll_request)
ROUNDTRIP(store_offset_request)
ROUNDTRIP(delete_offset_request)
ROUNDTRIP(group_request)
ROUNDTRIP(create_group_request)
ROUNDTRIP(user_request)
ROUNDTRIP(create_user_request)
ROUNDTRIP(update_user_request)
ROUNDTRIP(update_permissions_request)
ROUNDTRIP(change_password_request)
ROUNDTRIP(create_token_request)
ROUNDTRIP(snapshot_request)

/* An options block entry by entry. */
static bool options_roundtrip(struct span block, struct writer *writer)
{
    struct decoder decoder = decoder_over(block);
    struct option option;
    while (decode_option(&decoder, &option)) {
        write_option(writer, &option);
    }
    return decoder_result(&decoder) == WIRE_OK && options_validate(block) == WIRE_OK;
}

/* The catalog takes them, and as many bytes come out again: clients differ in the order of keys. */
static bool topic_options_hold(struct span block, u32 partitions_count)
{
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    enum wire_error error = topic_options_decode(block, partitions_count, &defaults, &options);
    if (error != WIRE_OK) {
        return false;
    }
    u8 bytes[TOPIC_OPTIONS_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    topic_options_write_request(&options, &writer);
    return writer.position == block.size;
}

static bool create_topic_roundtrip(struct span body, struct writer *writer)
{
    struct create_topic_request request;
    if (create_topic_request_decode(body, &request) != WIRE_OK ||
        !topic_options_hold(request.options, request.partitions_count)) {
        return false;
    }
    struct span options = request.options;
    request.options = (struct span){0};
    create_topic_request_encode(&request, writer);
    return options_roundtrip(options, writer);
}

static bool update_topic_roundtrip(struct span body, struct writer *writer)
{
    struct update_topic_request request;
    struct topic_options defaults = topic_options_default();
    struct topic_options options;
    if (update_topic_request_decode(body, &request) != WIRE_OK ||
        topic_options_decode_update(request.options, &defaults, &defaults, &options) != WIRE_OK) {
        return false;
    }
    struct span block = request.options;
    request.options = (struct span){0};
    update_topic_request_encode(&request, writer);
    return options_roundtrip(block, writer);
}

static bool register_roundtrip(struct span body, struct writer *writer)
{
    struct login_prefix prefix;
    struct login_password password;
    struct login_token token;
    if (!login_prefix_decode(body, &prefix)) {
        return false;
    }
    login_prefix_encode(&prefix, writer);
    if (!login_version_is_accepted(prefix.version)) {
        /* Only the prefix kept its place in versions that came later. */
        write_span(writer, (struct span){body.data + prefix.credentials_position,
                                         body.size - prefix.credentials_position});
        return true;
    }
    if (login_password_decode(body, &prefix, &password)) {
        login_password_encode(&password, writer);
        return true;
    }
    if (login_token_decode(body, &prefix, &token)) {
        login_token_encode(&token, writer);
        return true;
    }
    return false;
}

/* Builds the batch anew from its messages. */
static bool batch_roundtrip(const u8 *batch, u32 batch_bytes, struct writer *writer)
{
    struct batch_header header;
    batch_header_decode(batch, &header);
    struct batch_builder builder;
    u8 *room = write_room(writer, batch_bytes);
    if (room == NULL) {
        return false;
    }
    batch_builder_init(&builder, room, batch_bytes, header.origin_timestamp_us);
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame frame;
    while (batch_next(&iterator, &frame)) {
        struct batch_message message = {
            .id = frame.id,
            .origin_timestamp_us = header.origin_timestamp_us + frame.timestamp_delta_us,
            .payload = frame.payload,
            .user_headers = frame.user_headers,
        };
        if (batch_builder_add(&builder, &message) != OK) {
            return false;
        }
    }
    return batch_builder_finish(&builder) == batch_bytes;
}

static bool send_roundtrip(struct span body, struct writer *writer)
{
    struct send_request request;
    if (send_prefix_bytes(body) > body.size ||
        send_request_decode((struct span){body.data, send_prefix_bytes(body)}, body.size,
                            &request) != WIRE_OK) {
        return false;
    }
    send_request_encode(&request, writer);
    const u8 *batch = body.data + request.batch_position;
    struct batch_check check;
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    batch_check_init(&check, batch, request.batch_bytes, request.messages_count);
    return batch_check_step(&check, request.batch_bytes, &budget) == BATCH_CHECK_GOOD &&
           batch_roundtrip(batch, request.batch_bytes, writer);
}

static bool get_offset_roundtrip(struct span body, struct writer *writer)
{
    struct offset_request request;
    if (get_offset_request_decode(body, &request) != WIRE_OK) {
        return false;
    }
    get_offset_request_encode(&request, writer);
    return true;
}

static bool get_client_roundtrip(struct span body, struct writer *writer)
{
    u32 client_id;
    if (get_client_request_decode(body, &client_id) != WIRE_OK) {
        return false;
    }
    get_client_request_encode(client_id, writer);
    return true;
}

static bool delete_token_roundtrip(struct span body, struct writer *writer)
{
    struct span name;
    if (delete_token_request_decode(body, &name) != WIRE_OK) {
        return false;
    }
    delete_token_request_encode(name, writer);
    return true;
}

static bool describe_roundtrip(struct span body, struct writer *writer)
{
    enum options_scope scope;
    if (describe_options_request_decode(body, &scope) != WIRE_OK) {
        return false;
    }
    describe_options_request_encode(scope, writer);
    return true;
}

static bool attach_roundtrip(struct span body, struct writer *writer)
{
    struct session_reference reference;
    if (attach_session_request_decode(body, &reference) != WIRE_OK) {
        return false;
    }
    attach_session_request_encode(&reference, writer);
    return true;
}

static bool waiting_poll_roundtrip(struct span body, struct writer *writer)
{
    u32 wait_ms = 0;
    struct poll_request request;
    if (poll_waiting_request_decode(body, &wait_ms, &request) != WIRE_OK) {
        return false;
    }
    poll_waiting_request_encode(wait_ms, &request, writer);
    return true;
}

bool roundtrip_request(enum command command, struct span body, struct writer *writer)
{
    switch (command) {
    case COMMAND_PING:
    case COMMAND_GET_STATS:
    case COMMAND_GET_CLUSTER_METADATA:
    case COMMAND_GET_ME:
    case COMMAND_GET_CLIENTS:
    case COMMAND_GET_USERS:
    case COMMAND_LOGOUT:
    case COMMAND_GET_TOKENS:
    case COMMAND_GET_STREAMS: return body.size == 0;
    case COMMAND_POLL_MESSAGES_WAITING: return waiting_poll_roundtrip(body, writer);
    case COMMAND_GET_SNAPSHOT: return snapshot_request_roundtrip(body, writer);
    case COMMAND_DESCRIBE_OPTIONS: return describe_roundtrip(body, writer);
    case COMMAND_ATTACH_CONSUMER_SESSION: return attach_roundtrip(body, writer);
    case COMMAND_GET_CLIENT: return get_client_roundtrip(body, writer);
    case COMMAND_GET_USER:
    case COMMAND_DELETE_USER: return user_request_roundtrip(body, writer);
    case COMMAND_CREATE_USER: return create_user_request_roundtrip(body, writer);
    case COMMAND_UPDATE_USER: return update_user_request_roundtrip(body, writer);
    case COMMAND_UPDATE_PERMISSIONS: return update_permissions_request_roundtrip(body, writer);
    case COMMAND_CHANGE_PASSWORD: return change_password_request_roundtrip(body, writer);
    case COMMAND_REGISTER:
    case COMMAND_REGISTER_WITH_TOKEN: return register_roundtrip(body, writer);
    case COMMAND_CREATE_TOKEN: return create_token_request_roundtrip(body, writer);
    case COMMAND_DELETE_TOKEN: return delete_token_roundtrip(body, writer);
    case COMMAND_POLL_MESSAGES:
    case COMMAND_GET_POLL_ROUTING:
    case COMMAND_POLL_MESSAGES_ON_PRIMARY: return poll_request_roundtrip(body, writer);
    case COMMAND_SEND_MESSAGES: return send_roundtrip(body, writer);
    case COMMAND_GET_CONSUMER_OFFSET:
    case COMMAND_GET_CONSUMER_OFFSET_ROUTING: return get_offset_roundtrip(body, writer);
    case COMMAND_STORE_CONSUMER_OFFSET: return store_offset_request_roundtrip(body, writer);
    case COMMAND_DELETE_CONSUMER_OFFSET: return delete_offset_request_roundtrip(body, writer);
    case COMMAND_GET_STREAM:
    case COMMAND_DELETE_STREAM:
    case COMMAND_PURGE_STREAM:
    case COMMAND_GET_TOPICS: return stream_request_roundtrip(body, writer);
    case COMMAND_CREATE_STREAM: return create_stream_request_roundtrip(body, writer);
    case COMMAND_UPDATE_STREAM: return update_stream_request_roundtrip(body, writer);
    case COMMAND_GET_TOPIC:
    case COMMAND_DELETE_TOPIC:
    case COMMAND_PURGE_TOPIC:
    case COMMAND_GET_GROUPS: return topic_request_roundtrip(body, writer);
    case COMMAND_CREATE_TOPIC: return create_topic_roundtrip(body, writer);
    case COMMAND_UPDATE_TOPIC: return update_topic_roundtrip(body, writer);
    case COMMAND_CREATE_PARTITIONS:
    case COMMAND_DELETE_PARTITIONS: return partitions_request_roundtrip(body, writer);
    case COMMAND_DELETE_SEGMENTS: return delete_segments_request_roundtrip(body, writer);
    case COMMAND_GET_GROUP:
    case COMMAND_DELETE_GROUP:
    case COMMAND_JOIN_GROUP:
    case COMMAND_LEAVE_GROUP:
    case COMMAND_SYNC_GROUP: return group_request_roundtrip(body, writer);
    case COMMAND_CREATE_GROUP: return create_group_request_roundtrip(body, writer);
    case COMMAND_FLUSH_UNSAVED_BUFFER: /* never served: its body is not read */
    case COMMAND_LOGIN_USER:
    case COMMAND_LOGIN_WITH_TOKEN: write_span(writer, body); return true;
    case COMMAND_COUNT: break;
    }
    return false;
}

/* --- replies --- */

static bool permissions_roundtrip(struct span block, struct writer *writer)
{
    struct permission_iterator iterator = permissions_iterate(block);
    struct permission_entry entry;
    if (!permissions_next(&iterator, &entry) || entry.scope != PERMISSION_GLOBAL) {
        return false;
    }
    struct permission_writer permissions = permissions_begin(writer, entry.bits);
    while (permissions_next(&iterator, &entry)) {
        permissions_add(&permissions, &entry);
    }
    permissions_end(&permissions);
    return !iterator.reader.failed;
}

static bool user_reply(struct reader *reader, struct writer *writer)
{
    struct user_info info = read_user_info(reader);
    bool has_permissions;
    struct span permissions = read_user_permissions(reader, &has_permissions);
    write_user_info(writer, &info);
    if (!has_permissions) {
        write_user_permissions(writer, false, permissions);
        return true;
    }
    u8 bytes[1024];
    struct writer block = writer_over(bytes, sizeof(bytes));
    bool holds =
        permissions_validate(permissions) == WIRE_OK && permissions_roundtrip(permissions, &block);
    write_user_permissions(writer, true, (struct span){bytes, block.position});
    return holds && !block.failed;
}

static void topic_reply(struct reader *reader, struct writer *writer)
{
    struct topic_view view = read_topic_view(reader);
    write_topic_view(writer, &view);
}

static void topic_and_partitions_reply(struct reader *reader, struct writer *writer)
{
    struct topic_view view = read_topic_view(reader);
    write_topic_view(writer, &view);
    for (u32 i = 0; i < view.info.partitions_count && !reader->failed; i++) {
        struct partition_info info = read_partition_info(reader);
        write_partition_info(writer, &info);
    }
}

static void stream_and_topics_reply(struct reader *reader, struct writer *writer)
{
    struct stream_info info = read_stream_info(reader);
    write_stream_info(writer, &info);
    for (u32 i = 0; i < info.topics_count && !reader->failed; i++) {
        topic_reply(reader, writer);
    }
}

static void client_reply(struct reader *reader, struct writer *writer, bool with_groups)
{
    struct client_info info = read_client_info(reader);
    write_client_info(writer, &info);
    for (u32 i = 0; with_groups && i < info.groups_count && !reader->failed; i++) {
        struct client_group group = read_client_group(reader);
        write_client_group(writer, &group);
    }
}

static void group_reply(struct reader *reader, struct writer *writer, bool with_members)
{
    struct group_info info = read_group_info(reader);
    write_group_info(writer, &info);
    for (u32 i = 0; with_members && i < info.members_count && !reader->failed; i++) {
        struct group_member member = read_group_member(reader);
        write_group_member(writer, &member);
    }
}

static void cluster_reply(struct reader *reader, struct writer *writer)
{
    u32 nodes_count;
    struct span name = read_cluster_header(reader, &nodes_count);
    write_cluster_header(writer, name, nodes_count);
    for (u32 i = 0; i < nodes_count && !reader->failed; i++) {
        struct cluster_node node = read_cluster_node(reader);
        write_cluster_node(writer, &node);
    }
}

static void describe_reply(struct reader *reader, struct writer *writer)
{
    u32 count = read_u32(reader);
    write_u32(writer, count);
    for (u32 i = 0; i < count && !reader->failed; i++) {
        struct option_description description = read_option_description(reader);
        write_option_description(writer, &description);
    }
}

bool batch_is_sound(const u8 *batch, u32 batch_bytes)
{
    struct batch_header header;
    batch_header_decode(batch, &header);
    struct batch_digest digest;
    batch_digest_init(&digest, &header);
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame frame;
    u32 count = 0;
    while (batch_next(&iterator, &frame)) {
        const u8 *bytes = batch + frame.position;
        if (xxh3(bytes + 8, frame.size - 8) != frame.checksum) {
            return false;
        }
        batch_digest_add(&digest, bytes);
        count++;
    }
    return iterator.position == batch_bytes && count == header.message_count &&
           batch_digest_finish(&digest) == header.batch_checksum;
}

static bool poll_reply_roundtrip(struct span body, struct writer *writer)
{
    struct poll_reply reply;
    if (poll_reply_decode(body, &reply) != OK) {
        return false;
    }
    poll_reply_prefix_encode(&reply.prefix, writer);
    u32 count = 0;
    struct poll_iterator iterator = poll_iterate(&reply);
    struct polled_message message;
    u32 before = 0;
    while (poll_next(&iterator, &message)) {
        count++;
        if (iterator.position == before) {
            continue;
        }
        const u8 *batch = reply.batches.data + before;
        u32 batch_bytes = iterator.position - before;
        u8 header[BATCH_HEADER_BYTES];
        batch_header_encode(&iterator.header, header);
        write_bytes(writer, header, BATCH_HEADER_BYTES);
        write_bytes(writer, batch + BATCH_HEADER_BYTES, batch_bytes - BATCH_HEADER_BYTES);
        if (!batch_is_sound(batch, batch_bytes)) {
            return false;
        }
        before = iterator.position;
    }
    return !iterator.failed && count == reply.prefix.messages_count;
}

static bool stats_roundtrip(struct span body, struct writer *writer)
{
    struct stats stats;
    if (stats_decode(body, &stats) != OK) {
        return false;
    }
    stats_encode(&stats, writer);
    return true;
}

static bool routing_roundtrip(struct span body, struct writer *writer)
{
    struct routing_reply reply;
    if (routing_reply_decode(body, &reply) != OK) {
        return false;
    }
    routing_reply_encode(&reply, writer);
    return true;
}

static bool send_reply_roundtrip(struct span body, struct writer *writer)
{
    struct send_confirmation confirmation;
    if (send_reply_decode(body, &confirmation) != OK) {
        return false;
    }
    send_reply_encode(&confirmation, writer);
    return true;
}

static bool offset_reply_roundtrip(struct span body, struct writer *writer)
{
    struct offset_reply reply;
    if (offset_reply_decode(body, &reply) != OK) {
        return false;
    }
    offset_reply_encode(&reply, writer);
    return true;
}

static bool assignment_roundtrip(struct span body, struct writer *writer)
{
    struct group_assignment assignment;
    if (group_assignment_decode(body, &assignment) != OK) {
        return false;
    }
    group_assignment_encode(&assignment, writer);
    return true;
}

/* One record of a list, or the one object of a reply. */
static bool record_reply(enum command command, struct reader *reader, struct writer *writer)
{
    if (command == COMMAND_GET_STREAM || command == COMMAND_CREATE_STREAM) {
        stream_and_topics_reply(reader, writer);
    } else if (command == COMMAND_GET_TOPIC || command == COMMAND_CREATE_TOPIC) {
        topic_and_partitions_reply(reader, writer);
    } else if (command == COMMAND_GET_USER || command == COMMAND_CREATE_USER) {
        return user_reply(reader, writer);
    } else if (command == COMMAND_GET_ME || command == COMMAND_GET_CLIENT) {
        client_reply(reader, writer, true);
    } else if (command == COMMAND_GET_CLIENTS) {
        client_reply(reader, writer, false);
    } else if (command == COMMAND_GET_GROUP || command == COMMAND_CREATE_GROUP) {
        group_reply(reader, writer, true);
    } else if (command == COMMAND_GET_GROUPS) {
        group_reply(reader, writer, false);
    } else if (command == COMMAND_GET_CLUSTER_METADATA) {
        cluster_reply(reader, writer);
    } else if (command == COMMAND_DESCRIBE_OPTIONS) {
        describe_reply(reader, writer);
    } else if (command == COMMAND_GET_STREAMS) {
        struct stream_info info = read_stream_info(reader);
        write_stream_info(writer, &info);
    } else if (command == COMMAND_GET_USERS) {
        struct user_info info = read_user_info(reader);
        write_user_info(writer, &info);
    } else if (command == COMMAND_GET_TOKENS) {
        struct token_info info = read_token_info(reader);
        write_token_info(writer, &info);
    } else if (command == COMMAND_CREATE_TOKEN) {
        write_name(writer, read_name(reader));
    } else {
        return false;
    }
    return !reader->failed;
}

bool roundtrip_reply(enum command command, struct span body, struct writer *writer)
{
    if (command == COMMAND_GET_STATS) {
        return stats_roundtrip(body, writer);
    }
    if (command == COMMAND_POLL_MESSAGES || command == COMMAND_POLL_MESSAGES_ON_PRIMARY) {
        return poll_reply_roundtrip(body, writer);
    }
    if (command == COMMAND_SEND_MESSAGES) {
        return send_reply_roundtrip(body, writer);
    }
    if (command == COMMAND_GET_CONSUMER_OFFSET) {
        return offset_reply_roundtrip(body, writer);
    }
    if (command == COMMAND_SYNC_GROUP) {
        return assignment_roundtrip(body, writer);
    }
    if (command == COMMAND_GET_POLL_ROUTING || command == COMMAND_GET_CONSUMER_OFFSET_ROUTING) {
        return routing_roundtrip(body, writer);
    }
    if (command == COMMAND_GET_SNAPSHOT) {
        write_span(writer, body);
        return true;
    }
    struct reader reader = reader_over(body.data, body.size);
    if (command == COMMAND_GET_TOPICS) {
        u32 count = read_u32(&reader);
        write_u32(writer, count);
        for (u32 i = 0; i < count && !reader.failed; i++) {
            topic_reply(&reader, writer);
        }
        return reader_is_done(&reader);
    }
    while (reader_left(&reader) > 0) {
        if (!record_reply(command, &reader, writer)) {
            return false;
        }
    }
    return true;
}
