/* Changes to streams and topics that exist, their partitions and segments. */
#include "client/client_wire.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"

static bool place_fits(const char *stream, const char *topic, struct client_error *error)
{
    return client_name_fits("stream", stream, error) && client_name_fits("topic", topic, error);
}

bool client_stream_rename(struct client *client, const char *stream, const char *name,
                          struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", stream, error) || !client_name_fits("name", name, error)) {
        return false;
    }
    update_stream_request_encode(
        &(struct update_stream_request){.stream = client_identifier(stream), .name = span_of(name)},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_UPDATE_STREAM, &reply, error);
}

bool client_stream_purge(struct client *client, const char *stream, struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", stream, error)) {
        return false;
    }
    stream_request_encode(&(struct stream_request){.stream = client_identifier(stream)},
                          client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_PURGE_STREAM, &reply, error);
}

bool client_topic_create_as(struct client *client, const struct client_topic_change *topic, u32 *id,
                            struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", topic->stream, error) ||
        !client_name_fits("name", topic->name, error)) {
        return false;
    }
    create_topic_request_encode(
        &(struct create_topic_request){.stream = client_identifier(topic->stream),
                                       .partitions_count = topic->partitions_count,
                                       .name = span_of(topic->name),
                                       .options = topic->options},
        client_body(client, CLIENT_NAMES_BYTES_MAX + topic->options.size));
    if (!client_ask(client, COMMAND_CREATE_TOPIC, &reply, error)) {
        return false;
    }
    struct reader reader = client_reader_of(reply);
    *id = read_topic_view(&reader).info.id;
    return !reader.failed || client_fail(error, "unreadable topic");
}

bool client_topic_update(struct client *client, const struct client_topic_change *topic,
                         struct client_error *error)
{
    struct span reply;
    if (!place_fits(topic->stream, topic->topic, error) ||
        !client_name_fits("name", topic->name, error)) {
        return false;
    }
    update_topic_request_encode(
        &(struct update_topic_request){.stream = client_identifier(topic->stream),
                                       .topic = client_identifier(topic->topic),
                                       .name = span_of(topic->name),
                                       .options = topic->options},
        client_body(client, CLIENT_NAMES_BYTES_MAX + topic->options.size));
    return client_ask(client, COMMAND_UPDATE_TOPIC, &reply, error);
}

bool client_topic_purge(struct client *client, const char *stream, const char *topic,
                        struct client_error *error)
{
    struct span reply;
    if (!place_fits(stream, topic, error)) {
        return false;
    }
    topic_request_encode(&(struct topic_request){.stream = client_identifier(stream),
                                                 .topic = client_identifier(topic)},
                         client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_PURGE_TOPIC, &reply, error);
}

static bool change_partitions(struct client *client, enum command command,
                              const struct client_partitions *partitions,
                              struct client_error *error)
{
    struct span reply;
    if (!place_fits(partitions->stream, partitions->topic, error)) {
        return false;
    }
    partitions_request_encode(
        &(struct partitions_request){.stream = client_identifier(partitions->stream),
                                     .topic = client_identifier(partitions->topic),
                                     .count = partitions->count},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, command, &reply, error);
}

bool client_partitions_create(struct client *client, const struct client_partitions *partitions,
                              struct client_error *error)
{
    return change_partitions(client, COMMAND_CREATE_PARTITIONS, partitions, error);
}

bool client_partitions_delete(struct client *client, const struct client_partitions *partitions,
                              struct client_error *error)
{
    return change_partitions(client, COMMAND_DELETE_PARTITIONS, partitions, error);
}

bool client_segments_delete(struct client *client, const struct client_partitions *partitions,
                            struct client_error *error)
{
    struct span reply;
    if (!place_fits(partitions->stream, partitions->topic, error)) {
        return false;
    }
    delete_segments_request_encode(
        &(struct delete_segments_request){.stream = client_identifier(partitions->stream),
                                          .topic = client_identifier(partitions->topic),
                                          .partition_id = partitions->partition_id,
                                          .count = partitions->count},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_DELETE_SEGMENTS, &reply, error);
}
