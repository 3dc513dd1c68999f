/* The server, streams and topics: each call writes its body and asks. */
#include "client/lv_calls.h"

#include "wire/client_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/snapshot_request.h"
#include "wire/topic_info.h"

int call_with_body(struct lv_client *client, enum command command, struct lv_result *result)
{
    struct span reply;
    int error = connection_call(client, command, &reply);
    if (error == LV_OK) {
        result_fill(result, command, reply);
    }
    return error;
}

int call_to_find(struct lv_client *client, enum command command, struct lv_result *result)
{
    struct span reply;
    int error = connection_call(client, command, &reply);
    if (error == LV_OK && reply.size == 0) {
        return connection_refused(client, LV_ERROR_NOT_FOUND, command_row(command)->name);
    }
    if (error == LV_OK) {
        result_fill(result, command, reply);
    }
    return error;
}

bool call_topic_fits(struct lv_client *client, const char *stream, const char *topic)
{
    return connection_name_fits(client, "stream", stream) &&
           connection_name_fits(client, "topic", topic);
}

static int call_alone(struct lv_client *client, enum command command, struct lv_result *result)
{
    (void)connection_body(client, 0);
    return call_with_body(client, command, result);
}

int lv_ping(struct lv_client *client)
{
    return call_alone(client, COMMAND_PING, NULL);
}

int lv_call(struct lv_client *client, uint32_t code, const void *body, size_t size,
            struct lv_result *result)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        enum command command = (enum command)i;
        bool logs_in = command_row(command)->op == OP_REGISTER || command == COMMAND_LOGOUT;
        if (command_row(command)->code != code || logs_in) {
            continue;
        }
        if (size > FRAME_BYTES_MAX - FRAME_HEADER_BYTES || (body == NULL && size > 0)) {
            return connection_fail(client, LV_ERROR_INVALID, "a body of %zu bytes does not fit",
                                   size);
        }
        write_bytes(connection_body(client, (u32)size), body, (u32)size);
        int error = call_with_body(client, command, result);
        if (result != NULL) {
            result->is_raw = true;
        }
        return error;
    }
    return connection_fail(client, LV_ERROR_INVALID, "%u is no command to call", code);
}

int lv_stats(struct lv_client *client, struct lv_result *result)
{
    return call_alone(client, COMMAND_GET_STATS, result);
}

int lv_cluster(struct lv_client *client, struct lv_result *result)
{
    return call_alone(client, COMMAND_GET_CLUSTER_METADATA, result);
}

int lv_me(struct lv_client *client, struct lv_result *result)
{
    return call_alone(client, COMMAND_GET_ME, result);
}

int lv_connections(struct lv_client *client, struct lv_result *result)
{
    return call_alone(client, COMMAND_GET_CLIENTS, result);
}

int lv_connection(struct lv_client *client, uint32_t number, struct lv_result *result)
{
    get_client_request_encode(number, connection_body(client, 8));
    return call_to_find(client, COMMAND_GET_CLIENT, result);
}

int lv_options(struct lv_client *client, int scope, struct lv_result *result)
{
    describe_options_request_encode((enum options_scope)scope, connection_body(client, 8));
    return call_with_body(client, COMMAND_DESCRIBE_OPTIONS, result);
}

int lv_snapshot(struct lv_client *client, struct lv_result *result)
{
    static const u8 all[] = {SNAPSHOT_ALL};
    struct snapshot_request request = {.compression = SNAPSHOT_DEFLATE, .types = {all, 1}};
    snapshot_request_encode(&request, connection_body(client, 8));
    return call_with_body(client, COMMAND_GET_SNAPSHOT, result);
}

/* ---- Streams ---- */

int lv_streams(struct lv_client *client, struct lv_result *result)
{
    return call_alone(client, COMMAND_GET_STREAMS, result);
}

static void write_stream(struct lv_client *client, const char *stream)
{
    stream_request_encode(&(struct stream_request){.stream = identifier_of_text(stream)},
                          connection_body(client, CLIENT_NAMES_MAX));
}

int lv_stream(struct lv_client *client, const char *stream, struct lv_result *result)
{
    if (!connection_name_fits(client, "stream", stream)) {
        return LV_ERROR_INVALID;
    }
    write_stream(client, stream);
    return call_to_find(client, COMMAND_GET_STREAM, result);
}

int lv_stream_create(struct lv_client *client, const char *name, struct lv_result *result)
{
    if (!connection_name_fits(client, "stream", name)) {
        return LV_ERROR_INVALID;
    }
    create_stream_request_encode(&(struct create_stream_request){.name = span_of(name)},
                                 connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_CREATE_STREAM, result);
}

int lv_stream_rename(struct lv_client *client, const char *stream, const char *name)
{
    if (!connection_name_fits(client, "stream", stream) ||
        !connection_name_fits(client, "stream", name)) {
        return LV_ERROR_INVALID;
    }
    update_stream_request_encode(
        &(struct update_stream_request){.stream = identifier_of_text(stream),
                                        .name = span_of(name)},
        connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_UPDATE_STREAM, NULL);
}

static int call_on_stream(struct lv_client *client, enum command command, const char *stream)
{
    if (!connection_name_fits(client, "stream", stream)) {
        return LV_ERROR_INVALID;
    }
    write_stream(client, stream);
    return call_with_body(client, command, NULL);
}

int lv_stream_purge(struct lv_client *client, const char *stream)
{
    return call_on_stream(client, COMMAND_PURGE_STREAM, stream);
}

int lv_stream_delete(struct lv_client *client, const char *stream)
{
    return call_on_stream(client, COMMAND_DELETE_STREAM, stream);
}

/* ---- Topics ---- */

int lv_topics(struct lv_client *client, const char *stream, struct lv_result *result)
{
    if (!connection_name_fits(client, "stream", stream)) {
        return LV_ERROR_INVALID;
    }
    write_stream(client, stream);
    return call_with_body(client, COMMAND_GET_TOPICS, result);
}

static void write_topic(struct lv_client *client, const char *stream, const char *topic)
{
    topic_request_encode(&(struct topic_request){.stream = identifier_of_text(stream),
                                                 .topic = identifier_of_text(topic)},
                         connection_body(client, CLIENT_NAMES_MAX));
}

int lv_topic(struct lv_client *client, const char *stream, const char *topic,
             struct lv_result *result)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    write_topic(client, stream, topic);
    return call_to_find(client, COMMAND_GET_TOPIC, result);
}

static void choose(struct topic_options *options, enum topic_option option, bool is_chosen)
{
    options->explicit_set |= is_chosen ? 1u << option : 0u;
}

/* Of an update only the first three may be chosen. */
static struct topic_options chosen_options(const struct lv_topic_options *given, bool is_new)
{
    struct topic_options options = topic_options_default();
    if (given->compression != 0) {
        options.compression = (u8)given->compression;
    }
    options.message_expiry_us = given->message_expiry_us;
    options.max_topic_size_bytes = given->max_size_bytes;
    options.segment_size_bytes = given->segment_bytes;
    options.durability = TOPIC_DURABILITY_PERSISTED;
    options.consumer_offset_durability = TOPIC_DURABILITY_PERSISTED;
    options.preallocate_segments = true;
    choose(&options, TOPIC_OPTION_COMPRESSION_ALGORITHM, given->compression != 0);
    choose(&options, TOPIC_OPTION_MESSAGE_EXPIRY, given->message_expiry_us != 0);
    choose(&options, TOPIC_OPTION_MAX_TOPIC_SIZE, given->max_size_bytes != 0);
    choose(&options, TOPIC_OPTION_SEGMENT_SIZE, is_new && given->segment_bytes != 0);
    choose(&options, TOPIC_OPTION_DURABILITY, is_new && given->persisted != 0);
    choose(&options, TOPIC_OPTION_CONSUMER_OFFSET_DURABILITY,
           is_new && given->offsets_persisted != 0);
    choose(&options, TOPIC_OPTION_PREALLOCATE_SEGMENTS, is_new && given->preallocate != 0);
    return options;
}

static bool topic_options_fit(struct lv_client *client, const struct lv_topic_options *given,
                              struct lv_topic_options *options)
{
    if (given != NULL) {
        memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
    }
    bool fits = options->compression >= 0 && options->compression <= 2;
    if (!fits) {
        (void)connection_fail(client, LV_ERROR_INVALID, "compression is 1, 2 or 0, not %d",
                              options->compression);
    }
    return fits;
}

/* The block, in memory of the caller. */
static struct span options_block(const struct topic_options *options, u8 *memory)
{
    struct writer writer = writer_over(memory, TOPIC_OPTIONS_BYTES_MAX);
    topic_options_write_request(options, &writer);
    return (struct span){memory, writer.position};
}

int lv_topic_create(struct lv_client *client, const char *stream, const char *name,
                    const struct lv_topic_options *given, struct lv_result *result)
{
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    u8 block[TOPIC_OPTIONS_BYTES_MAX];
    if (!call_topic_fits(client, stream, name) || !topic_options_fit(client, given, &options)) {
        return LV_ERROR_INVALID;
    }
    struct topic_options chosen = chosen_options(&options, true);
    struct create_topic_request request = {.stream = identifier_of_text(stream),
                                           .partitions_count = options.partitions,
                                           .name = span_of(name),
                                           .options = options_block(&chosen, block)};
    create_topic_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_CREATE_TOPIC, result);
}

int lv_topic_update(struct lv_client *client, const char *stream, const char *topic,
                    const char *name, const struct lv_topic_options *given)
{
    struct lv_topic_options options = LV_TOPIC_OPTIONS_INIT;
    u8 block[TOPIC_OPTIONS_BYTES_MAX];
    if (!call_topic_fits(client, stream, topic) ||
        (name != NULL && !connection_name_fits(client, "topic", name)) ||
        !topic_options_fit(client, given, &options)) {
        return LV_ERROR_INVALID;
    }
    struct topic_options chosen = chosen_options(&options, false);
    struct update_topic_request request = {.stream = identifier_of_text(stream),
                                           .topic = identifier_of_text(topic),
                                           .name = span_of(name == NULL ? topic : name),
                                           .options = options_block(&chosen, block)};
    update_topic_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_UPDATE_TOPIC, NULL);
}

static int call_on_topic(struct lv_client *client, enum command command, const char *stream,
                         const char *topic)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    write_topic(client, stream, topic);
    return call_with_body(client, command, NULL);
}

int lv_topic_purge(struct lv_client *client, const char *stream, const char *topic)
{
    return call_on_topic(client, COMMAND_PURGE_TOPIC, stream, topic);
}

int lv_topic_delete(struct lv_client *client, const char *stream, const char *topic)
{
    return call_on_topic(client, COMMAND_DELETE_TOPIC, stream, topic);
}

static int call_on_partitions(struct lv_client *client, enum command command,
                              const struct partitions_request *request)
{
    partitions_request_encode(request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, command, NULL);
}

int lv_partitions_add(struct lv_client *client, const char *stream, const char *topic,
                      uint32_t count)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    struct partitions_request request = {identifier_of_text(stream), identifier_of_text(topic),
                                         count};
    return call_on_partitions(client, COMMAND_CREATE_PARTITIONS, &request);
}

int lv_partitions_remove(struct lv_client *client, const char *stream, const char *topic,
                         uint32_t count)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    struct partitions_request request = {identifier_of_text(stream), identifier_of_text(topic),
                                         count};
    return call_on_partitions(client, COMMAND_DELETE_PARTITIONS, &request);
}

int lv_segments_delete(struct lv_client *client, const char *stream, const char *topic,
                       uint32_t partition, uint32_t count)
{
    if (!call_topic_fits(client, stream, topic)) {
        return LV_ERROR_INVALID;
    }
    struct delete_segments_request request = {identifier_of_text(stream), identifier_of_text(topic),
                                              partition, count};
    delete_segments_request_encode(&request, connection_body(client, CLIENT_NAMES_MAX));
    return call_with_body(client, COMMAND_DELETE_SEGMENTS, NULL);
}
