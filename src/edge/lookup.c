#include "edge/lookup.h"

#include "base/check.h"
#include "edge/diagnostics.h"
#include "edge/lookup_group.h"
#include "edge/lookup_user.h"
#include "edge/reply.h"
#include "edge/route.h"
#include "wire/cluster.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/stats.h"
#include "wire/stream_info.h"
#include "wire/topic_info.h"
#include "wire/topic_v1.h"

/* ---- Sums over what partitions publish ---- */

struct sums {
    u64 bytes;
    u64 messages;
    u64 segments;
};

/* Generation 1 counts 64 bytes beside the content of each message, and no batches. */
static u64 size_v1(u64 bytes, u64 messages_count, u64 batches_count)
{
    u64 headers_bytes = batches_count * BATCH_HEADER_BYTES;
    u64 more_bytes = messages_count * (MESSAGE_V1_HEADER_BYTES - MESSAGE_FRAME_HEADER_BYTES);
    return bytes - u64_min(headers_bytes, bytes) + more_bytes;
}

static struct partition_info partition_info(const struct edge *edge, const struct request *request,
                                            const struct state_partition *partition)
{
    const struct partition_gauges *gauges = &edge->core->gauges[partition->slot];
    /* Until its owner publishes this life, it is what every new partition is. */
    struct partition_info info = {
        .id = partition->id, .created_at_us = partition->created_at_us, .segments_count = 1};
    if (gauge_get(&gauges->life) == partition->life) {
        info.segments_count = (u32)gauge_get(&gauges->segments_count);
        info.current_offset = gauge_get(&gauges->current_offset);
        info.size_bytes = gauge_get(&gauges->bytes);
        info.messages_count = gauge_get(&gauges->messages_count);
    }
    if (request_is_v1(request)) {
        info.size_bytes =
            size_v1(info.size_bytes, info.messages_count, gauge_get(&gauges->batches_count));
    }
    return info;
}

static void add_topic(const struct edge *edge, const struct request *request,
                      const struct state_topic *topic, struct sums *sums)
{
    for (u32 id = 0; id < topic->partitions_count; id++) {
        const struct state_partition *partition =
            state_partition_find(edge->core->state, topic->stream_id, topic->id, id);
        check(partition != NULL);
        struct partition_info info = partition_info(edge, request, partition);
        sums->bytes += info.size_bytes;
        sums->messages += info.messages_count;
        sums->segments += info.segments_count;
    }
}

static void add_stream(const struct edge *edge, const struct request *request,
                       const struct state_stream *stream, struct sums *sums)
{
    const struct state *state = edge->core->state;
    const struct state_topic *topic = state_topic_next(state, stream->id, UINT32_MAX);
    for (; topic != NULL; topic = state_topic_next(state, stream->id, topic->id)) {
        add_topic(edge, request, topic, sums);
    }
}

/* ---- Streams and topics ---- */

static void write_stream(const struct edge *edge, const struct request *request,
                         const struct state_stream *stream, struct writer *writer)
{
    struct sums sums = {0};
    add_stream(edge, request, stream, &sums);
    struct stream_info info = {.id = stream->id,
                               .created_at_us = stream->created_at_us,
                               .topics_count = stream->topics_count,
                               .size_bytes = sums.bytes,
                               .messages_count = sums.messages,
                               .name = {stream->name, stream->name_size}};
    if (request_is_v1(request)) {
        write_stream_record_v1(writer, &info);
    } else {
        write_stream_info(writer, &info);
    }
}

static void write_topic_v1(const struct topic_info *info, const struct topic_options *options,
                           struct writer *writer)
{
    write_topic_record_v1(writer,
                          &(struct topic_record_v1){
                              .info = *info,
                              .settings = {.compression = options->compression,
                                           .message_expiry_us = options->message_expiry_us,
                                           .max_topic_size_bytes = options->max_topic_size_bytes,
                                           .replication_factor = 1}});
}

static void write_topic(const struct edge *edge, const struct request *request,
                        const struct state_topic *topic, struct writer *writer)
{
    struct sums sums = {0};
    add_topic(edge, request, topic, &sums);
    struct topic_info info = {.id = topic->id,
                              .created_at_us = topic->created_at_us,
                              .partitions_count = topic->partitions_count,
                              .size_bytes = sums.bytes,
                              .messages_count = sums.messages,
                              .name = {topic->name, topic->name_size}};
    if (request_is_v1(request)) {
        write_topic_v1(&info, &topic->options, writer);
    } else {
        write_topic_info(writer, &info, &topic->options);
    }
}

static void write_stream_details(struct edge *edge, const struct request *request,
                                 struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_stream *stream = state_stream_get(state, request->stream_id);
    check(stream != NULL);
    write_stream(edge, request, stream, writer);
    const struct state_topic *topic = state_topic_next(state, stream->id, UINT32_MAX);
    for (; topic != NULL; topic = state_topic_next(state, stream->id, topic->id)) {
        write_topic(edge, request, topic, writer);
    }
}

static void write_topic_details(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_topic *topic = state_topic_get(state, request->stream_id, request->topic_id);
    check(topic != NULL);
    write_topic(edge, request, topic, writer);
    for (u32 id = 0; id < topic->partitions_count; id++) {
        const struct state_partition *partition =
            state_partition_find(state, topic->stream_id, topic->id, id);
        check(partition != NULL);
        struct partition_info info = partition_info(edge, request, partition);
        if (request_is_v1(request) && request->command == COMMAND_CREATE_TOPIC) {
            info.segments_count = 0; /* as 0.8 says it of what was just created */
        }
        write_partition_info(writer, &info);
    }
}

static void write_streams(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_stream *stream = state_stream_next(state, UINT32_MAX);
    for (; stream != NULL; stream = state_stream_next(state, stream->id)) {
        write_stream(edge, request, stream, writer);
    }
}

static void write_topics(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct state_stream *stream = state_stream_get(state, request->stream_id);
    if (!request_is_v1(request)) {
        write_u32(writer, stream == NULL ? 0 : stream->topics_count);
    }
    if (stream == NULL) {
        return;
    }
    const struct state_topic *topic = state_topic_next(state, stream->id, UINT32_MAX);
    for (; topic != NULL; topic = state_topic_next(state, stream->id, topic->id)) {
        write_topic(edge, request, topic, writer);
    }
}

static void write_created_stream(struct edge *edge, const struct request *request,
                                 struct writer *writer)
{
    reply_write_section(request, writer);
    write_stream_details(edge, request, writer);
}

static void write_created_topic(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    reply_write_section(request, writer);
    write_topic_details(edge, request, writer);
}

static void get_stream(struct edge *edge, struct request *request, struct span body)
{
    struct stream_request get;
    enum wire_error error = stream_request_decode(body, &get);
    const struct state_stream *stream =
        error == WIRE_OK ? state_stream_find(edge->core->state, &get.stream) : NULL;
    if (stream == NULL) {
        reply_status(edge, request, error); /* 0: empty, no such stream */
        return;
    }
    request->stream_id = stream->id;
    reply_written(edge, request, write_stream_details);
}

static void get_topic(struct edge *edge, struct request *request, struct span body)
{
    struct topic_request get;
    enum wire_error error = topic_request_decode(body, &get);
    const struct state *state = edge->core->state;
    const struct state_stream *stream =
        error == WIRE_OK ? state_stream_find(state, &get.stream) : NULL;
    const struct state_topic *topic =
        stream != NULL ? state_topic_find(state, stream->id, &get.topic) : NULL;
    if (topic == NULL) {
        reply_status(edge, request, error);
        return;
    }
    request->stream_id = stream->id;
    request->topic_id = topic->id;
    reply_written(edge, request, write_topic_details);
}

static void get_topics(struct edge *edge, struct request *request, struct span body)
{
    struct stream_request get;
    enum wire_error error = stream_request_decode(body, &get);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
        return;
    }
    const struct state_stream *stream = state_stream_find(edge->core->state, &get.stream);
    request->stream_id = stream == NULL ? UINT32_MAX : stream->id;
    reply_written(edge, request, write_topics);
}

void lookup_created(struct edge *edge, struct request *request, u32 parent_id, u32 id)
{
    const struct state *state = edge->core->state;
    if (request->command == COMMAND_CREATE_STREAM) {
        request->stream_id = id;
        if (state_stream_get(state, id) == NULL) {
            reply_status(edge, request, WIRE_STREAM_ID_NOT_FOUND); /* deleted again meanwhile */
            return;
        }
        reply_written(edge, request, write_created_stream);
        return;
    }
    check(request->command == COMMAND_CREATE_TOPIC);
    request->stream_id = parent_id;
    request->topic_id = id;
    if (state_topic_get(state, parent_id, id) == NULL) {
        reply_status(edge, request, WIRE_TOPIC_ID_NOT_FOUND);
        return;
    }
    reply_written(edge, request, write_created_topic);
}

/* ---- The server itself ---- */

static void write_stats(struct edge *edge, const struct request *request, struct writer *writer)
{
    const struct state *state = edge->core->state;
    const struct process_facts *facts = &edge->facts;
    bool is_v1 = request_is_v1(request);
    struct sums sums = {0};
    const struct state_stream *stream = state_stream_next(state, UINT32_MAX);
    for (; stream != NULL; stream = state_stream_next(state, stream->id)) {
        add_stream(edge, request, stream, &sums);
    }
    stats_encode(
        &(struct stats){
            .process_id = facts->process_id,
            .process_cpu_percent = (float)facts->cpu_usage_centipercent / 100.0f,
            .total_cpu_percent = (float)facts->total_cpu_usage_centipercent / 100.0f,
            .memory_bytes = facts->memory_usage_bytes,
            .total_memory_bytes = facts->total_memory_bytes,
            .available_memory_bytes = facts->available_memory_bytes,
            .run_time_us = facts->run_time_us / US_PER_SECOND * US_PER_SECOND,
            .start_time_us = facts->start_time_us / US_PER_SECOND * US_PER_SECOND,
            .read_bytes = facts->read_bytes,
            .written_bytes = facts->written_bytes,
            .messages_size_bytes = sums.bytes,
            .streams_count = state_streams_count(state),
            .topics_count = state_topics_count(state),
            .partitions_count = state_partitions_count(state),
            .groups_count = state_groups_count(state),
            .segments_count = (u32)sums.segments,
            .messages_count = sums.messages,
            .clients_count = route_connections_open(edge->core),
            .hostname = span_of(facts->hostname),
            .os_name = span_of(facts->os_name),
            .os_version = span_of(facts->os_version),
            .kernel_version = span_of(facts->kernel_version),
            .server_version = span_of(is_v1 ? SERVER_VERSION_V1 : SERVER_VERSION),
            .server_version_number = stats_version_number(0, is_v1 ? 8 : 9, 0),
            .threads_count = facts->threads_count,
            .free_disk_bytes = facts->disk_free_bytes,
            .total_disk_bytes = facts->disk_total_bytes,
        },
        writer);
}

static void on_facts(struct core *core, struct offload_job *job)
{
    struct edge *edge = container_of(job, struct edge, facts_job);
    check(edge->magic == EDGE_MAGIC);
    (void)core;
    edge->facts_busy = false;
    struct list waiting;
    list_init(&waiting);
    for (struct list_node *node; (node = list_pop(&edge->facts_waiting)) != NULL;) {
        list_add_last(&waiting, node);
    }
    for (struct list_node *node; (node = list_pop(&waiting)) != NULL;) {
        struct request *request = container_of(node, struct request, work);
        check(request->magic == REQUEST_MAGIC);
        if (job->status != OK) {
            reply_status(edge, request, WIRE_UNSPECIFIED);
        } else {
            reply_written(edge, request, write_stats);
        }
    }
}

static void get_stats(struct edge *edge, struct request *request)
{
    struct core *core = edge->core;
    if (!edge->facts_busy) {
        if (!offload_has_room(core->offload, core->index)) {
            reply_status(edge, request, WIRE_TASK_TIMEOUT);
            return;
        }
        edge->facts_busy = true;
        edge->facts_job = (struct offload_job){
            .done = on_facts, .kind = OFFLOAD_PROCESS_FACTS, .facts = &edge->facts};
        list_node_init(&edge->facts_job.node);
        offload_submit(core->offload, core->index, &edge->facts_job);
    }
    list_add_last(&edge->facts_waiting, &request->work);
    request_offload(edge, request);
}

struct cluster_node lookup_own_node(const struct edge *edge)
{
    return (struct cluster_node){.name = span_of("iggy-node"),
                                 .ip = span_of(edge->settings->tcp_address),
                                 .tcp_port = edge->settings->tcp_port,
                                 .role = CLUSTER_LEADER,
                                 .status = CLUSTER_HEALTHY};
}

static void write_cluster(struct edge *edge, const struct request *request, struct writer *writer)
{
    (void)request;
    struct cluster_node node = lookup_own_node(edge);
    write_cluster_header(writer, span_of("single-node"), 1);
    write_cluster_node(writer, &node);
}

static void write_topic_catalog(struct edge *edge, const struct request *request,
                                struct writer *writer)
{
    (void)edge;
    (void)request;
    struct topic_options defaults = topic_options_default();
    topic_options_describe(&defaults, writer);
}

static void describe_options(struct edge *edge, struct request *request, struct span body)
{
    static const u8 empty_catalog[4] = {0};
    enum options_scope scope = OPTIONS_OF_TOPIC;
    enum wire_error error = describe_options_request_decode(body, &scope);
    if (error != WIRE_OK) {
        reply_status(edge, request, error);
    } else if (scope == OPTIONS_OF_TOPIC) {
        reply_written(edge, request, write_topic_catalog);
    } else {
        reply_small(edge, request, empty_catalog, sizeof(empty_catalog));
    }
}

void lookup_run(struct edge *edge, struct request *request, struct span body)
{
    switch ((u32)request->command) {
    case COMMAND_PING: reply_status(edge, request, WIRE_OK); return;
    case COMMAND_GET_STATS: get_stats(edge, request); return;
    case COMMAND_GET_SNAPSHOT: diagnostics_run(edge, request, body); return;
    case COMMAND_GET_CLUSTER_METADATA: reply_written(edge, request, write_cluster); return;
    case COMMAND_DESCRIBE_OPTIONS: describe_options(edge, request, body); return;
    case COMMAND_GET_ME: route_request(edge, request, body); return;
    case COMMAND_GET_USER: lookup_get_user(edge, request, body); return;
    case COMMAND_GET_USERS: lookup_get_users(edge, request); return;
    case COMMAND_GET_TOKENS: lookup_get_tokens(edge, request); return;
    case COMMAND_GET_STREAM: get_stream(edge, request, body); return;
    case COMMAND_GET_STREAMS: reply_written(edge, request, write_streams); return;
    case COMMAND_GET_TOPIC: get_topic(edge, request, body); return;
    case COMMAND_GET_TOPICS: get_topics(edge, request, body); return;
    case COMMAND_FLUSH_UNSAVED_BUFFER: route_flush(edge, request, body); return;
    case COMMAND_GET_GROUP:
    case COMMAND_GET_GROUPS:
    case COMMAND_SYNC_GROUP:
    case COMMAND_GET_POLL_ROUTING:
    case COMMAND_GET_CONSUMER_OFFSET_ROUTING: lookup_group_run(edge, request, body); return;
    default: reply_status(edge, request, WIRE_FEATURE_UNAVAILABLE); return;
    }
}
