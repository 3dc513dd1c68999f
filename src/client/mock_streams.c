/* Streams, topics and logins of the server in memory. */
#include "base/mem.h"
#include "client/client_mock.h"
#include "wire/login.h"
#include "wire/partition_info.h"
#include "wire/topic_info.h"

static char *copy_name(struct span name)
{
    char *copy = mem_take(name.size + 1u);
    if (name.size > 0) {
        memcpy(copy, name.data, name.size);
    }
    return copy;
}

static bool is_named(const struct identifier *identifier, const char *name, u32 id)
{
    if (identifier->kind == IDENTIFIER_NUMERIC) {
        return identifier->id == id;
    }
    return span_equal(identifier->name, span_of(name));
}

struct mock_stream *mock_find_stream(struct lv_mock *mock, const struct identifier *stream)
{
    for (u32 i = 0; i < mock->streams_count; i++) {
        if (is_named(stream, mock->streams[i].name, mock->streams[i].id)) {
            return &mock->streams[i];
        }
    }
    return NULL;
}

static struct mock_topic *find_topic_in(struct mock_stream *stream, const struct identifier *topic)
{
    for (u32 i = 0; stream != NULL && i < stream->topics_count; i++) {
        if (is_named(topic, stream->topics[i].name, stream->topics[i].id)) {
            return &stream->topics[i];
        }
    }
    return NULL;
}

struct mock_topic *mock_find_topic(struct lv_mock *mock, const struct identifier *stream,
                                   const struct identifier *topic)
{
    return find_topic_in(mock_find_stream(mock, stream), topic);
}

struct mock_group *mock_find_group(struct mock_topic *topic, const struct identifier *group)
{
    for (u32 i = 0; i < topic->groups_count; i++) {
        if (is_named(group, topic->groups[i].name, topic->groups[i].id)) {
            return &topic->groups[i];
        }
    }
    return NULL;
}

struct mock_stream *mock_add_stream(struct lv_mock *mock, struct span name)
{
    u32 count = mock->streams_count++;
    mock->streams = mem_resize(mock->streams, (count + 1) * sizeof(mock->streams[0]));
    u32 id = count == 0 ? 0 : mock->streams[count - 1].id + 1;
    mock->streams[count] = (struct mock_stream){.name = copy_name(name), .id = id};
    return &mock->streams[count];
}

struct mock_topic *mock_add_topic(struct mock_stream *stream, struct span name, u32 partitions)
{
    u32 count = stream->topics_count++;
    stream->topics = mem_resize(stream->topics, (count + 1) * sizeof(stream->topics[0]));
    u32 id = count == 0 ? 0 : stream->topics[count - 1].id + 1;
    stream->topics[count] = (struct mock_topic){
        .name = copy_name(name),
        .id = id,
        .partitions_count = partitions,
        .partitions = mem_take((partitions + 1) * sizeof(struct mock_partition)),
    };
    return &stream->topics[count];
}

void mock_destroy_topic(struct mock_topic *topic)
{
    for (u32 i = 0; i < topic->partitions_count; i++) {
        struct mock_partition *partition = &topic->partitions[i];
        for (u32 j = 0; j < partition->batches_count; j++) {
            mem_return(partition->batches[j].bytes);
        }
        mem_return(partition->batches);
        mem_return(partition->offsets);
    }
    for (u32 i = 0; i < topic->groups_count; i++) {
        mem_return(topic->groups[i].name);
        mem_return(topic->groups[i].members);
    }
    mem_return(topic->partitions);
    mem_return(topic->groups);
    mem_return(topic->name);
}

static void destroy_stream(struct mock_stream *stream)
{
    for (u32 i = 0; i < stream->topics_count; i++) {
        mock_destroy_topic(&stream->topics[i]);
    }
    mem_return(stream->topics);
    mem_return(stream->name);
}

void mock_destroy_streams(struct lv_mock *mock)
{
    for (u32 i = 0; i < mock->streams_count; i++) {
        destroy_stream(&mock->streams[i]);
    }
    mem_return(mock->streams);
}

/* ---- What is told of them ---- */

static u64 topic_messages(const struct mock_topic *topic)
{
    u64 count = 0;
    for (u32 i = 0; i < topic->partitions_count; i++) {
        count += topic->partitions[i].next_offset;
    }
    return count;
}

static void write_stream(struct writer *writer, const struct mock_stream *stream)
{
    struct stream_info info = {.id = stream->id,
                               .created_at_us = 1,
                               .topics_count = stream->topics_count,
                               .name = span_of(stream->name)};
    for (u32 i = 0; i < stream->topics_count; i++) {
        info.messages_count += topic_messages(&stream->topics[i]);
    }
    write_stream_info(writer, &info);
}

static void write_topic(struct writer *writer, const struct mock_topic *topic)
{
    struct topic_options options = topic_options_default();
    struct topic_info info = {.id = topic->id,
                              .created_at_us = 1,
                              .partitions_count = topic->partitions_count,
                              .messages_count = topic_messages(topic),
                              .name = span_of(topic->name)};
    write_topic_info(writer, &info, &options);
}

static void write_partitions(struct writer *writer, const struct mock_topic *topic)
{
    for (u32 i = 0; i < topic->partitions_count; i++) {
        u64 next = topic->partitions[i].next_offset;
        struct partition_info info = {.id = i,
                                      .created_at_us = 1,
                                      .segments_count = 1,
                                      .current_offset = next == 0 ? 0 : next - 1,
                                      .messages_count = next};
        write_partition_info(writer, &info);
    }
}

/* ---- Commands ---- */

static enum wire_error create_stream(struct mock_request *request)
{
    struct create_stream_request wanted;
    enum wire_error error = create_stream_request_decode(request->body, &wanted);
    struct identifier name = identifier_of_name(wanted.name);
    if (error != WIRE_OK || mock_find_stream(request->mock, &name) != NULL) {
        return error != WIRE_OK ? error : WIRE_STREAM_NAME_ALREADY_EXISTS;
    }
    write_stream(request->reply, mock_add_stream(request->mock, wanted.name));
    return WIRE_OK;
}

static enum wire_error delete_stream(struct mock_request *request)
{
    struct stream_request wanted;
    enum wire_error error = stream_request_decode(request->body, &wanted);
    struct lv_mock *mock = request->mock;
    struct mock_stream *stream = error == WIRE_OK ? mock_find_stream(mock, &wanted.stream) : NULL;
    if (stream == NULL) {
        return error != WIRE_OK ? error : WIRE_STREAM_ID_NOT_FOUND;
    }
    u32 index = (u32)(stream - mock->streams);
    destroy_stream(stream);
    memmove(stream, stream + 1, (mock->streams_count - index - 1) * sizeof(*stream));
    mock->streams_count--;
    return WIRE_OK;
}

static enum wire_error get_stream(struct mock_request *request)
{
    struct stream_request wanted;
    enum wire_error error = stream_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_stream *stream = mock_find_stream(request->mock, &wanted.stream);
    if (stream != NULL) {
        write_stream(request->reply, stream);
        for (u32 i = 0; i < stream->topics_count; i++) {
            write_topic(request->reply, &stream->topics[i]);
        }
    }
    return WIRE_OK;
}

static enum wire_error create_topic(struct mock_request *request)
{
    struct create_topic_request wanted;
    enum wire_error error = create_topic_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_stream *stream = mock_find_stream(request->mock, &wanted.stream);
    struct identifier name = identifier_of_name(wanted.name);
    if (stream == NULL || wanted.partitions_count > 1000) {
        return stream == NULL ? WIRE_STREAM_ID_NOT_FOUND : WIRE_TOO_MANY_PARTITIONS;
    }
    if (find_topic_in(stream, &name) != NULL) {
        return WIRE_TOPIC_NAME_ALREADY_EXISTS;
    }
    struct mock_topic *topic = mock_add_topic(stream, wanted.name, wanted.partitions_count);
    write_topic(request->reply, topic);
    write_partitions(request->reply, topic);
    return WIRE_OK;
}

static enum wire_error topic_do(struct mock_request *request)
{
    struct topic_request wanted;
    enum wire_error error = topic_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_stream *stream = mock_find_stream(request->mock, &wanted.stream);
    struct mock_topic *topic = find_topic_in(stream, &wanted.topic);
    if (request->command == COMMAND_GET_TOPIC) {
        if (topic != NULL) {
            write_topic(request->reply, topic);
            write_partitions(request->reply, topic);
        }
        return WIRE_OK;
    }
    if (topic == NULL) {
        return stream == NULL ? WIRE_STREAM_ID_NOT_FOUND : WIRE_TOPIC_ID_NOT_FOUND;
    }
    u32 index = (u32)(topic - stream->topics);
    mock_destroy_topic(topic);
    memmove(topic, topic + 1, (stream->topics_count - index - 1) * sizeof(*topic));
    stream->topics_count--;
    return WIRE_OK;
}

/* The reply of a login has its result section already, so it is written whole here. */
static enum wire_error login(struct mock_request *request)
{
    struct login_prefix prefix;
    struct login_password password;
    struct login_token token;
    if (!login_prefix_decode(request->body, &prefix) ||
        !login_version_is_accepted(prefix.version)) {
        return WIRE_INCOMPATIBLE_PROTOCOL_VERSION;
    }
    bool known = false;
    if (login_password_decode(request->body, &prefix, &password)) {
        known = span_equal(password.username, span_of("iggy")) &&
                span_equal(password.password, span_of("iggy"));
    } else if (login_token_decode(request->body, &prefix, &token)) {
        known = span_equal(token.token, span_of("token"));
    }
    if (!known) {
        return WIRE_INVALID_CREDENTIALS;
    }
    struct login_reply reply = {.session = ++request->mock->session,
                                .version = PROTOCOL_VERSION,
                                .server_version = span_of("mock")};
    request->connection->is_known = true;
    request->connection->client = request->header.client;
    login_reply_encode(&reply, request->reply);
    return WIRE_OK;
}

static enum wire_error list_streams(struct mock_request *request)
{
    for (u32 i = 0; i < request->mock->streams_count; i++) {
        write_stream(request->reply, &request->mock->streams[i]);
    }
    return WIRE_OK;
}

static enum wire_error logout(struct mock_request *request)
{
    mock_leave_all(request->mock, request->connection->client);
    request->connection->is_known = false;
    return WIRE_OK;
}

enum wire_error mock_streams_do(struct mock_request *request)
{
    u32 code = command_row(request->command)->code;
    switch (code) {
    case 1: return WIRE_OK;
    case 39: return logout(request);
    case 40: return login(request);
    case 200: return get_stream(request);
    case 201: return list_streams(request);
    case 202: return create_stream(request);
    case 203: return delete_stream(request);
    case 300:
    case 303: return topic_do(request);
    case 302: return create_topic(request);
    default: return WIRE_FEATURE_UNAVAILABLE;
    }
}
