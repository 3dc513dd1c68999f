/* What an actor asks next: drawn, written, noted in the model, issued. */
#include "base/check.h"
#include "base/mem.h"
#include "sim/operation.h"
#include "wire/batch.h"
#include "wire/client_info.h"
#include "wire/consumer.h"
#include "wire/login.h"
#include "wire/name.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/send.h"
#include "wire/stream_info.h"
#include "wire/topic_options.h"
#include "wire/topic_v1.h"
#include "wire/user_headers.h"

static u64 draw(struct actor *actor, u64 bound)
{
    return prng_below(&actor->prng, bound);
}

struct operation *operation_create(struct actor *actor, enum operation_kind kind)
{
    struct operation *operation = mem_take(sizeof(*operation));
    operation->actor = actor;
    operation->kind = kind;
    return operation;
}

void operation_issue(struct actor *actor, struct operation *operation, enum command command,
                     const struct writer *body)
{
    check(!body->failed);
    sim_trace(actor->workload->sim,
              SIM_STEP_ACTOR | (u64)operation->kind << 8 | (u64)actor->index << 16,
              (u64)command << 32 | body->position);
    actor->workload->operations_asked++;
    sim_client_call(&actor->client, &operation->call, command,
                    (struct span){body->data, body->position});
}

static struct writer body_of(struct actor *actor)
{
    return writer_over(actor->body, OPERATION_BODY_BYTES);
}

/* ---- Login ---- */

void operation_register(struct actor *actor)
{
    struct operation *operation = operation_create(actor, OPERATION_REGISTER);
    const char *password = WORKLOAD_PASSWORD;
    if (draw(actor, 60) == 0) {
        operation->kind = OPERATION_WRONG_PASSWORD;
        password = "wrong-horse";
    }
    operation->session_max_at_issue = actor->workload->session_max;
    struct writer body = body_of(actor);
    if (actor->client.is_v1) {
        operation_write_login_v1(password, &body);
        operation_issue(actor, operation, COMMAND_LOGIN_USER, &body);
        return;
    }
    login_prefix_encode(&(struct login_prefix){.version = PROTOCOL_VERSION,
                                               .sdk_name = span_of("simulator"),
                                               .sdk_version = span_of("1")},
                        &body);
    login_password_encode(
        &(struct login_password){.username = span_of("root"), .password = span_of(password)},
        &body);
    operation_issue(actor, operation, COMMAND_REGISTER, &body);
}

/* ---- Who and where ---- */

static bool owns(const struct actor *actor, const struct model_stream *stream)
{
    return stream->index % actor->workload->actors_count == actor->index;
}

/* By name, or by number where nobody else can give the number away meanwhile. A request that
 * stores something is always by name: when its answer is lost, it may still arrive, and by then
 * the number may be another's. */
static struct identifier stream_identifier(struct actor *actor, const struct model_stream *stream)
{
    return owns(actor, stream) && draw(actor, 2) == 0 ? identifier_of_id(stream->id)
                                                      : identifier_of_name(span_of(stream->name));
}

static struct identifier topic_identifier(struct actor *actor, const struct model_topic *topic)
{
    return owns(actor, topic->stream) && draw(actor, 2) == 0
               ? identifier_of_id(topic->id)
               : identifier_of_name(span_of(topic->name));
}

static struct model_topic *draw_topic(struct actor *actor)
{
    struct model *model = actor->workload->model;
    for (u32 tries = 0; tries < 12; tries++) {
        struct model_stream *stream = &model->streams[draw(actor, model->streams_count)];
        struct model_topic *topic = &stream->topics[draw(actor, MODEL_TOPICS_MAX)];
        if (model_topic_is_there(topic) && topic->partitions_count > 0) {
            return topic;
        }
    }
    return NULL;
}

/* A partition of a topic that is there; the operation remembers what it looked at. */
static bool aim(struct actor *actor, struct operation *operation)
{
    struct model_topic *topic = draw_topic(actor);
    if (topic == NULL) {
        return false;
    }
    operation->topic = topic;
    operation->stream = topic->stream;
    operation->partition = &topic->partitions[draw(actor, topic->partitions_count)];
    operation->glimpse = model_glimpse(topic);
    operation->end_at_issue = model_end(operation->partition);
    operation->first_at_issue = operation->partition->first;
    return true;
}

static struct consumer consumer_of(const struct actor *actor)
{
    return (struct consumer){.kind = CONSUMER_SINGLE,
                             .identifier = identifier_of_id(actor->index + 1)};
}

static struct offset_request offset_target(struct actor *actor, const struct operation *operation)
{
    return (struct offset_request){
        .consumer = consumer_of(actor),
        .stream = identifier_of_name(span_of(operation->stream->name)),
        .topic = identifier_of_name(span_of(operation->topic->name)),
        .partition = {true, operation->partition->id},
    };
}

/* ---- Sending ---- */

static u32 draw_size_class(struct actor *actor)
{
    if (draw(actor, 100) < actor->workload->large_percent) {
        return 3;
    }
    u64 roll = draw(actor, 100);
    return roll < 62 ? 0 : roll < 90 ? 1 : 2;
}

static u32 build_batch(const struct model_send *send, u8 *room, u32 capacity)
{
    static u8 payload[90000];
    u8 headers[64];
    struct batch_builder builder;
    batch_builder_init(&builder, room, capacity, send->origin_us);
    for (u32 i = 0; i < send->count; i++) {
        struct writer header_writer = writer_over(headers, sizeof(headers));
        if (send->number % 5 == 0) {
            write_user_header(&header_writer,
                              &(struct user_header){.key_kind = USER_HEADER_STRING,
                                                    .key = span_of("k"),
                                                    .value_kind = USER_HEADER_STRING,
                                                    .value = span_of("value")});
        }
        u32 size = model_message_size(send, i);
        model_message_fill(send, i, payload);
        enum status status =
            batch_builder_add(&builder, &(struct batch_message){
                                            .id = model_message_id(send, i),
                                            .origin_timestamp_us = send->origin_us + i,
                                            .payload = {payload, size},
                                            .user_headers = {headers, header_writer.position},
                                        });
        check(status == OK);
    }
    return batch_builder_finish(&builder);
}

struct send_request operation_send_request(const struct model_send *send)
{
    const struct model_partition *partition = send->partition;
    return (struct send_request){
        .stream = identifier_of_name(span_of(partition->topic->stream->name)),
        .topic = identifier_of_name(span_of(partition->topic->name)),
        .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = partition->id},
        .messages_count = send->count,
    };
}

u32 operation_write_send(const struct model_send *send, struct writer *body)
{
    struct send_request request = operation_send_request(send);
    send_request_encode(&request, body);
    u32 batch_position = body->position;
    body->position +=
        build_batch(send, body->data + batch_position, body->capacity - batch_position);
    return batch_position;
}

static bool begin_send(struct actor *actor, bool damaged)
{
    bool is_v1 = actor->client.is_v1;
    damaged = damaged && !is_v1; /* its checksums are not looked at */
    struct operation *operation =
        operation_create(actor, damaged ? OPERATION_SEND_DAMAGED : OPERATION_SEND);
    if (!aim(actor, operation)) {
        mem_return(operation);
        return false;
    }
    struct workload *workload = actor->workload;
    u32 size_class = damaged ? 1 : draw_size_class(actor);
    u32 count = 1 + (u32)draw(actor, size_class == 3 ? 3 : 20);
    struct model_send *send = model_send_begin(workload->model, operation->partition, count,
                                               size_class, sim_time(workload->sim, 0).wall_us);
    send->actor = actor->index;
    operation->send = send;
    operation->expected = damaged ? WIRE_INVALID_MESSAGE_CHECKSUM : WIRE_OK;
    struct writer body = body_of(actor);
    u32 batch_position = 0;
    if (is_v1) {
        operation_write_send_v1(send, &body);
    } else {
        batch_position = operation_write_send(send, &body);
    }
    if (damaged) {
        body.data[batch_position + BATCH_HEADER_BYTES + 10] ^= 4; /* in the first message's id */
    }
    /* Some clients repeat numbers: only the same bytes are the same send. */
    operation->call.request_again = draw(actor, 40) == 0 ? actor->repeat.request : 0;
    operation_issue(actor, operation, COMMAND_SEND_MESSAGES, &body);
    if (!damaged) {
        operation_keep_send(operation, &body);
    }
    return true;
}

/* ---- Polling ---- */

static void draw_strategy(struct actor *actor, struct operation *operation)
{
    u64 end = operation->end_at_issue;
    operation->strategy = (u8)(1 + draw(actor, 5));
    operation->count = 1 + (u32)draw(actor, draw(actor, 4) == 0 ? 300 : 30);
    operation->auto_commit = draw(actor, 4) == 0;
    if (operation->strategy == POLL_OFFSET) {
        operation->value = draw(actor, end + 2);
    } else if (operation->strategy == POLL_TIMESTAMP) {
        const struct model_run *run = model_run_at(operation->partition, draw(actor, end + 1));
        u64 stamp_us = run == NULL ? 0 : actor->workload->model->sends[run->send - 1]->stamp_us;
        u64 now_us = sim_time(actor->workload->sim, 0).wall_us;
        operation->value =
            stamp_us != 0 ? stamp_us + draw(actor, 3) - 1 : now_us - draw(actor, 5 * US_PER_SECOND);
    }
}

static void issue_poll(struct actor *actor, struct operation *operation,
                       const struct poll_request *request)
{
    struct writer body = body_of(actor);
    if (operation->wait_ms == 0) {
        bool on_primary = !actor->client.is_v1 && draw(actor, 8) == 0;
        poll_request_encode(request, &body);
        operation_issue(actor, operation,
                        on_primary ? COMMAND_POLL_MESSAGES_ON_PRIMARY : COMMAND_POLL_MESSAGES,
                        &body);
    } else {
        poll_waiting_request_encode(operation->wait_ms, request, &body);
        operation_issue(actor, operation, COMMAND_POLL_MESSAGES_WAITING, &body);
    }
}

/* Mostly none; some so long that whatever comes has to end it. */
static u32 draw_wait_ms(struct actor *actor)
{
    if (draw(actor, 50) != 0 || actor->client.is_v1) {
        return 0;
    }
    return 1 + (u32)draw(actor, draw(actor, 2) == 0 ? 2000 : 12000);
}

static bool begin_poll(struct actor *actor)
{
    struct operation *operation = operation_create(actor, OPERATION_POLL);
    if (!aim(actor, operation)) {
        mem_return(operation);
        return false;
    }
    draw_strategy(actor, operation);
    bool is_alone = operation->auto_commit || operation->strategy == POLL_NEXT;
    if (is_alone && actor->client.calls_count > 0) {
        mem_return(operation);
        return false;
    }
    operation->wait_ms = draw_wait_ms(actor);
    if (operation->wait_ms > 0 && draw(actor, 4) != 0) {
        operation->strategy = POLL_OFFSET; /* there is nothing, most likely */
        operation->value = operation->end_at_issue;
    }
    /* Another request ends the wait: some are left alone with theirs. */
    actor->busy_alone = is_alone || (operation->wait_ms > 0 && draw(actor, 2) == 0);
    operation->stored = &operation->partition->stored[actor->index];
    struct offset_request target = offset_target(actor, operation);
    if (!operation->auto_commit) {
        target.stream = stream_identifier(actor, operation->stream);
        target.topic = topic_identifier(actor, operation->topic);
    }
    issue_poll(actor, operation,
               &(struct poll_request){
                   .consumer = target.consumer,
                   .stream = target.stream,
                   .topic = target.topic,
                   .partition = {true, operation->partition->id},
                   .strategy = operation->strategy,
                   .value = operation->value,
                   .count = operation->count,
                   .auto_commit = operation->auto_commit,
               });
    return true;
}

/* ---- Stored offsets and segments ---- */

static bool begin_offset(struct actor *actor, enum operation_kind kind)
{
    struct operation *operation = operation_create(actor, kind);
    if (!aim(actor, operation)) {
        mem_return(operation);
        return false;
    }
    actor->busy_alone = true;
    operation->stored = &operation->partition->stored[actor->index];
    bool is_v1 = actor->client.is_v1;
    operation->wait_for_commit = draw(actor, 3) != 0 || is_v1;
    struct writer body = body_of(actor);
    struct offset_request target = offset_target(actor, operation);
    if (kind == OPERATION_OFFSET_GET) {
        get_offset_request_encode(&target, &body);
        operation_issue(actor, operation, COMMAND_GET_CONSUMER_OFFSET, &body);
        return true;
    }
    if (kind == OPERATION_OFFSET_DELETE) {
        operation->offset = MODEL_NONE;
        model_store_begin(operation->stored, MODEL_NONE);
        struct delete_offset_request request = {target, operation->wait_for_commit};
        if (is_v1) {
            get_offset_request_encode(&target, &body);
        } else {
            delete_offset_request_encode(&request, &body);
        }
        operation_issue(actor, operation, COMMAND_DELETE_CONSUMER_OFFSET, &body);
        return true;
    }
    bool beyond = operation->end_at_issue == 0 || draw(actor, 10) == 0;
    operation->offset =
        beyond ? operation->end_at_issue + 1000000 : draw(actor, operation->end_at_issue);
    operation->expected = beyond ? WIRE_INVALID_OFFSET : WIRE_OK;
    if (!beyond) {
        model_store_begin(operation->stored, operation->offset);
    }
    struct store_offset_request request = {target, operation->offset, operation->wait_for_commit};
    if (is_v1) {
        store_offset_v1_encode(&request, &body);
    } else {
        store_offset_request_encode(&request, &body);
    }
    operation_issue(actor, operation, COMMAND_STORE_CONSUMER_OFFSET, &body);
    return true;
}

static bool begin_segments_delete(struct actor *actor)
{
    struct operation *operation = operation_create(actor, OPERATION_SEGMENTS_DELETE);
    /* Only some partitions, so that in the others everything stays. */
    if (!aim(actor, operation) || operation->partition->id % 3 != 0) {
        mem_return(operation);
        return false;
    }
    model_segments_delete_begin(operation->partition);
    struct writer body = body_of(actor);
    delete_segments_request_encode(
        &(struct delete_segments_request){
            .stream = stream_identifier(actor, operation->stream),
            .topic = topic_identifier(actor, operation->topic),
            .partition_id = operation->partition->id,
            .count = 1 + (u32)draw(actor, 8),
        },
        &body);
    operation_issue(actor, operation, COMMAND_DELETE_SEGMENTS, &body);
    return true;
}

/* ---- Plain reads ---- */

static bool begin_plain(struct actor *actor)
{
    static const enum command commands[] = {
        COMMAND_PING,        COMMAND_GET_ME,    COMMAND_GET_CLUSTER_METADATA,
        COMMAND_GET_STREAMS, COMMAND_GET_STATS, COMMAND_GET_CLIENTS,
        COMMAND_GET_TOPIC,   COMMAND_GET_TOPIC, COMMAND_GET_STREAM,
    };
    struct operation *operation = operation_create(actor, OPERATION_PLAIN);
    enum command command = commands[draw(actor, array_count(commands))];
    struct writer body = body_of(actor);
    if (command == COMMAND_GET_TOPIC || command == COMMAND_GET_STREAM) {
        if (!aim(actor, operation)) {
            mem_return(operation);
            return false;
        }
        struct identifier stream = stream_identifier(actor, operation->stream);
        write_identifier(&body, &stream);
        if (command == COMMAND_GET_TOPIC) {
            struct identifier topic = topic_identifier(actor, operation->topic);
            write_identifier(&body, &topic);
        }
    }
    operation_issue(actor, operation, command, &body);
    return true;
}

/* ---- Changes by the owner ---- */

static void issue_change(struct actor *actor, struct operation *operation, enum command command,
                         const struct writer *body)
{
    actor->busy_alone = true;
    if (operation->topic != NULL) {
        operation->topic->is_changing = true;
    } else {
        operation->stream->is_changing = true;
    }
    operation_issue(actor, operation, command, body);
    operation_keep_change(operation, body);
}

static void change_stream(struct actor *actor, struct operation *operation)
{
    struct model_stream *stream = operation->stream;
    struct writer body = body_of(actor);
    if (operation->change == CHANGE_CREATE_STREAM) {
        if (actor->client.is_v1) {
            write_name(&body, span_of(stream->name));
        } else {
            create_stream_request_encode(
                &(struct create_stream_request){.name = span_of(stream->name)}, &body);
        }
        operation->expected =
            stream->existence == MODEL_PRESENT ? WIRE_STREAM_NAME_ALREADY_EXISTS : WIRE_OK;
        issue_change(actor, operation, COMMAND_CREATE_STREAM, &body);
        return;
    }
    stream_request_encode(&(struct stream_request){stream_identifier(actor, stream)}, &body);
    issue_change(actor, operation,
                 operation->change == CHANGE_DELETE_STREAM ? COMMAND_DELETE_STREAM
                                                           : COMMAND_PURGE_STREAM,
                 &body);
}

/* Messages of some topics expire; others, or the same, have a largest size. */
static void draw_retention(struct actor *actor, struct operation *operation, struct writer *options)
{
    u64 segment_bytes = actor->workload->schedule->settings.segment_bytes_default;
    /* Where segments are small it is reached. */
    if (draw(actor, segment_bytes <= 256 * KIB ? 3 : 8) == 0) {
        operation->bytes_max = segment_bytes * (1 + draw(actor, 2));
        write_option_u64(options, "max_topic_size", operation->bytes_max);
    }
    if (draw(actor, 8) == 0) {
        operation->expiry_us = (3 + draw(actor, 20)) * US_PER_SECOND;
        write_option_u64(options, "message_expiry", operation->expiry_us);
    }
}

static void create_topic_v1(struct actor *actor, struct operation *operation, struct writer *body)
{
    operation->persisted = false;
    create_topic_v1_encode(
        &(struct create_topic_v1){
            .stream = stream_identifier(actor, operation->stream),
            .partitions_count = operation->partitions_count,
            .settings = {.compression = TOPIC_COMPRESSION_NONE,
                         .message_expiry_us = operation->expiry_us,
                         .max_topic_size_bytes = operation->bytes_max,
                         .replication_factor = 1},
            .name = span_of(operation->topic->name),
        },
        body);
}

static void create_topic(struct actor *actor, struct operation *operation)
{
    struct model_topic *topic = operation->topic;
    u8 options[256];
    struct writer option_writer = writer_over(options, sizeof(options));
    operation->partitions_count = 1 + (u32)draw(actor, 3);
    operation->persisted = draw(actor, 4) == 0;
    write_option_string(&option_writer, "consumer_offset_durability", span_of("replicated"));
    write_option_string(&option_writer, "durability",
                        span_of(operation->persisted ? "persisted" : "replicated"));
    draw_retention(actor, operation, &option_writer);
    struct writer body = body_of(actor);
    if (actor->client.is_v1) {
        create_topic_v1(actor, operation, &body);
    } else {
        create_topic_request_encode(
            &(struct create_topic_request){
                .stream = stream_identifier(actor, operation->stream),
                .partitions_count = operation->partitions_count,
                .name = span_of(topic->name),
                .options = {options, option_writer.position},
            },
            &body);
    }
    operation->expected =
        topic->existence == MODEL_PRESENT ? WIRE_TOPIC_NAME_ALREADY_EXISTS : WIRE_OK;
    issue_change(actor, operation, COMMAND_CREATE_TOPIC, &body);
}

static void change_partitions(struct actor *actor, struct operation *operation)
{
    struct model_topic *topic = operation->topic;
    bool creates = operation->change == CHANGE_CREATE_PARTITIONS;
    operation->partitions_count = 1 + (u32)draw(actor, 2);
    if (!creates && operation->partitions_count > topic->partitions_count) {
        operation->expected = WIRE_INVALID_PARTITIONS_COUNT;
    }
    struct writer body = body_of(actor);
    partitions_request_encode(
        &(struct partitions_request){
            .stream = stream_identifier(actor, operation->stream),
            .topic = topic_identifier(actor, topic),
            .count = operation->partitions_count,
        },
        &body);
    issue_change(actor, operation, creates ? COMMAND_CREATE_PARTITIONS : COMMAND_DELETE_PARTITIONS,
                 &body);
}

static void change_topic(struct actor *actor, struct operation *operation)
{
    struct model_topic *topic = operation->topic;
    if (operation->change == CHANGE_CREATE_TOPIC) {
        create_topic(actor, operation);
        return;
    }
    if (operation->change == CHANGE_CREATE_PARTITIONS ||
        operation->change == CHANGE_DELETE_PARTITIONS) {
        change_partitions(actor, operation);
        return;
    }
    struct writer body = body_of(actor);
    topic_request_encode(&(struct topic_request){stream_identifier(actor, operation->stream),
                                                 topic_identifier(actor, topic)},
                         &body);
    issue_change(actor, operation,
                 operation->change == CHANGE_DELETE_TOPIC ? COMMAND_DELETE_TOPIC
                                                          : COMMAND_PURGE_TOPIC,
                 &body);
}

/* What the owner does to a topic of a stream that is there. */
static bool draw_topic_change(struct actor *actor, struct operation *operation)
{
    struct model_topic *topic = operation->topic;
    if (topic->existence == MODEL_ABSENT) {
        operation->change = CHANGE_CREATE_TOPIC;
        return true;
    }
    static const enum change_kind kinds[] = {
        CHANGE_CREATE_TOPIC,      CHANGE_DELETE_TOPIC,      CHANGE_PURGE_TOPIC,
        CHANGE_CREATE_PARTITIONS, CHANGE_DELETE_PARTITIONS, CHANGE_PURGE_TOPIC,
    };
    operation->change = kinds[draw(actor, array_count(kinds))];
    return operation->change != CHANGE_CREATE_PARTITIONS ||
           topic->partitions_count + 2 <= MODEL_PARTITIONS_MAX;
}

static bool draw_change(struct actor *actor, struct operation *operation)
{
    struct model *model = actor->workload->model;
    struct model_stream *stream = &model->streams[draw(actor, model->streams_count)];
    struct model_topic *topic = &stream->topics[draw(actor, MODEL_TOPICS_MAX)];
    operation->stream = stream;
    if (!owns(actor, stream) || stream->existence == MODEL_UNKNOWN || stream->is_changing) {
        return false;
    }
    if (stream->existence == MODEL_ABSENT) {
        operation->change = CHANGE_CREATE_STREAM;
        return true;
    }
    u64 roll = draw(actor, 40);
    if (roll < 3) {
        operation->change = (enum change_kind)(CHANGE_CREATE_STREAM + roll);
        return true;
    }
    struct model_glimpse glimpse = model_glimpse(topic);
    operation->topic = topic;
    operation->glimpse = glimpse;
    return !glimpse.was_changing && draw_topic_change(actor, operation);
}

static bool begin_change(struct actor *actor)
{
    struct operation *operation = operation_create(actor, OPERATION_CHANGE);
    if (!draw_change(actor, operation)) {
        mem_return(operation);
        return false;
    }
    if (operation->topic == NULL) {
        change_stream(actor, operation);
    } else {
        change_topic(actor, operation);
    }
    return true;
}

/* Something of mine is missing: most likely I make it. */
static bool is_something_missing(struct actor *actor)
{
    const struct model *model = actor->workload->model;
    for (u32 i = 0; i < model->streams_count; i++) {
        const struct model_stream *stream = &model->streams[i];
        if (owns(actor, stream) &&
            (stream->existence == MODEL_ABSENT || stream->topics[0].existence == MODEL_ABSENT)) {
            return true;
        }
    }
    return false;
}

bool operation_begin(struct actor *actor)
{
    if (actor->busy_alone) {
        return false;
    }
    bool is_idle = actor->client.calls_count == 0;
    if (is_idle && is_something_missing(actor) && draw(actor, 2) == 0) {
        return begin_change(actor);
    }
    if (is_idle && operation_has_lost_change(actor) && draw(actor, 2) == 0) {
        return operation_repeat_change(actor);
    }
    u64 roll = draw(actor, 1000);
    if (roll < 480) {
        return begin_send(actor, false);
    }
    if (roll < 500) {
        return operation_repeat_send(actor);
    }
    if (roll < 720) {
        return begin_poll(actor);
    }
    if (roll < 730) {
        return begin_send(actor, true);
    }
    if (!is_idle) {
        return false;
    }
    if (roll < 870) {
        static const enum operation_kind kinds[] = {
            OPERATION_OFFSET_STORE, OPERATION_OFFSET_STORE,  OPERATION_OFFSET_GET,
            OPERATION_OFFSET_GET,   OPERATION_OFFSET_DELETE,
        };
        return begin_offset(actor, kinds[draw(actor, array_count(kinds))]);
    }
    if (roll < 890) {
        return begin_segments_delete(actor);
    }
    if (roll < 895) {
        return operation_repeat_change(actor);
    }
    return roll < 930 ? begin_change(actor) : begin_plain(actor);
}
