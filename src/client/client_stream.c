#include "client/client_wire.h"
#include "wire/partition_info.h"
#include "wire/stream_info.h"

bool client_stream_create(struct client *client, const char *name, u32 *id,
                          struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("name", name, error)) {
        return false;
    }
    create_stream_request_encode(&(struct create_stream_request){.name = span_of(name)},
                                 client_body(client, CLIENT_NAMES_BYTES_MAX));
    if (!client_ask(client, COMMAND_CREATE_STREAM, &reply, error)) {
        return false;
    }
    struct reader reader = client_reader_of(reply);
    *id = read_stream_info(&reader).id;
    return !reader.failed || client_fail(error, "unreadable stream");
}

static void write_stream_request(struct client *client, const char *stream)
{
    stream_request_encode(&(struct stream_request){.stream = client_identifier(stream)},
                          client_body(client, CLIENT_NAMES_BYTES_MAX));
}

bool client_stream_delete(struct client *client, const char *stream, struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", stream, error)) {
        return false;
    }
    write_stream_request(client, stream);
    return client_ask(client, COMMAND_DELETE_STREAM, &reply, error);
}

bool client_stream_get(struct client *client, const char *name, struct client_stream *stream,
                       struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", name, error)) {
        return false;
    }
    write_stream_request(client, name);
    if (!client_ask(client, COMMAND_GET_STREAM, &reply, error)) {
        return false;
    }
    *stream = (struct client_stream){.found = reply.size > 0, .topics = client_reader_of(reply)};
    if (stream->found) {
        stream->info = read_stream_info(&stream->topics);
    }
    return !stream->topics.failed || client_fail(error, "unreadable stream");
}

bool client_streams(struct client *client, struct reader *streams, struct client_error *error)
{
    struct span reply;
    client_body(client, 0);
    if (!client_ask(client, COMMAND_GET_STREAMS, &reply, error)) {
        return false;
    }
    *streams = client_reader_of(reply);
    return true;
}

bool client_topic_create(struct client *client, const char *stream, const char *name,
                         const struct client_topic_options *options, struct client_error *error)
{
    u8 block[TOPIC_OPTIONS_BYTES_MAX];
    struct writer writer = writer_over(block, sizeof(block));
    struct span reply;
    if (!client_name_fits("stream", stream, error) || !client_name_fits("name", name, error)) {
        return false;
    }
    topic_options_write_request(&options->options, &writer);
    create_topic_request_encode(
        &(struct create_topic_request){.stream = client_identifier(stream),
                                       .partitions_count = options->partitions_count,
                                       .name = span_of(name),
                                       .options = {block, writer.position}},
        client_body(client, CLIENT_NAMES_BYTES_MAX));
    return client_ask(client, COMMAND_CREATE_TOPIC, &reply, error);
}

static bool write_topic_request(struct client *client, const char *stream, const char *topic,
                                struct client_error *error)
{
    if (!client_name_fits("stream", stream, error) || !client_name_fits("topic", topic, error)) {
        return false;
    }
    topic_request_encode(&(struct topic_request){.stream = client_identifier(stream),
                                                 .topic = client_identifier(topic)},
                         client_body(client, CLIENT_NAMES_BYTES_MAX));
    return true;
}

bool client_topic_delete(struct client *client, const char *stream, const char *topic,
                         struct client_error *error)
{
    struct span reply;
    return write_topic_request(client, stream, topic, error) &&
           client_ask(client, COMMAND_DELETE_TOPIC, &reply, error);
}

bool client_topic_get(struct client *client, const struct client_place *place,
                      struct client_topic *topic, struct client_error *error)
{
    struct span reply;
    if (!write_topic_request(client, place->stream, place->topic, error) ||
        !client_ask(client, COMMAND_GET_TOPIC, &reply, error)) {
        return false;
    }
    *topic = (struct client_topic){.found = reply.size > 0, .partitions = client_reader_of(reply)};
    if (topic->found) {
        topic->view = read_topic_view(&topic->partitions);
    }
    return !topic->partitions.failed || client_fail(error, "unreadable topic");
}

bool client_topics(struct client *client, const char *stream, struct reader *topics,
                   struct client_error *error)
{
    struct span reply;
    if (!client_name_fits("stream", stream, error)) {
        return false;
    }
    write_stream_request(client, stream);
    if (!client_ask(client, COMMAND_GET_TOPICS, &reply, error)) {
        return false;
    }
    *topics = client_reader_of(reply);
    (void)read_u32(topics); /* the count: the list runs to the end of the body */
    return !topics->failed || client_fail(error, "unreadable topics");
}
