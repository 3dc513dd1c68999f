/* What levriero.h says of producers: messages into batches, fates out of them. The rest is
 * producer_lane.c. */
#include "client/producer.h"

#include <string.h>

#include <sys/random.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/topic_info.h"
#include "wire/user_headers.h"

#define BATCH_BYTES_FIRST 4096u
#define BATCH_BYTES_MAX (32u << 20)
#define TAGS_FIRST 16u
#define TOPIC_AGE_US (60 * US_PER_SECOND) /* partitions may have been added since */

/* ---- The topic ---- */

static void write_topic_request(struct lv_producer *producer, struct writer *body)
{
    topic_request_encode(
        &(struct topic_request){.stream = producer->stream, .topic = producer->topic}, body);
}

/* Partitions that went away stay as lanes: what is sent there is refused by the server. */
static void grow_lanes(struct lv_producer *producer, u32 count)
{
    if (count <= producer->lanes_count) {
        return;
    }
    producer->lanes = mem_resize(producer->lanes, count * sizeof(struct lane *));
    for (u32 i = producer->lanes_count; i < count; i++) {
        producer->lanes[i] = lane_create(producer, i);
    }
    producer->lanes_count = count;
}

static int read_topic(struct lv_producer *producer, struct span reply)
{
    struct reader reader = reader_over(reply.data, reply.size);
    if (reply.size == 0) {
        return LV_ERROR_TOPIC_NOT_FOUND;
    }
    u32 count = read_topic_view(&reader).info.partitions_count;
    if (reader.failed || count > 1000000u) {
        return LV_ERROR_UNREADABLE;
    }
    grow_lanes(producer, count);
    return LV_OK;
}

static void topic_on_answer(struct ask *ask, int error, struct span body)
{
    struct lv_producer *producer = ask->owner;
    if (error == LV_OK) {
        (void)read_topic(producer, body);
    }
}

static void ask_topic_again(struct lv_producer *producer, u64 now_us)
{
    bool is_asked = list_node_is_linked(&producer->topic_ask.node);
    bool reached = producer->client->protocol.state == PROTOCOL_READY;
    if (is_asked || !reached || now_us < producer->asked_at_us + TOPIC_AGE_US) {
        return;
    }
    struct writer body = writer_over(producer->topic_frame, FRAME_HEADER_BYTES + CLIENT_NAMES_MAX);
    body.position = FRAME_HEADER_BYTES;
    write_topic_request(producer, &body);
    check(!body.failed);
    producer->asked_at_us = now_us;
    producer->topic_ask = (struct ask){.node = producer->topic_ask.node,
                                       .command = COMMAND_GET_TOPIC,
                                       .frame = producer->topic_frame,
                                       .frame_bytes = body.position,
                                       .on_answer = topic_on_answer,
                                       .owner = producer};
    protocol_ask(&producer->client->protocol, &producer->topic_ask, now_us);
}

/* ---- Turns ---- */

static void on_turn(struct client_part *part, u64 now_us)
{
    struct lv_producer *producer = container_of(part, struct lv_producer, part);
    list_for_each(node, next, &producer->busy) {
        struct lane *lane = container_of(node, struct lane, node);
        lane_step(lane, now_us);
        if (list_is_empty(&lane->batches)) {
            list_remove(node);
        }
    }
    if (!list_is_empty(&producer->busy)) {
        ask_topic_again(producer, now_us);
    }
}

static u64 deadline_us(struct client_part *part)
{
    const struct lv_producer *producer = container_of(part, struct lv_producer, part);
    u64 deadline = UINT64_MAX;
    list_for_each(node, next, &producer->busy) {
        deadline = u64_min(deadline, lane_deadline_us(container_of(node, struct lane, node)));
    }
    return deadline;
}

/* ---- Messages ---- */

static struct outgoing *open_batch(struct lane *lane)
{
    struct lv_producer *producer = lane->producer;
    struct outgoing *batch = mem_take(sizeof(*batch));
    u64 now_us = clock_now_us();
    batch->lane = lane;
    batch->opened_at_us = now_us;
    batch->deadline_us =
        producer->message_timeout_us == 0 ? UINT64_MAX : now_us + producer->message_timeout_us;
    batch->ask.command = COMMAND_SEND_MESSAGES;
    list_node_init(&batch->ask.node);
    list_add_last(&lane->batches, &batch->node);
    if (!list_node_is_linked(&lane->node)) {
        list_add_last(&producer->busy, &lane->node);
    }
    return batch;
}

static struct outgoing *filling_batch(struct lane *lane)
{
    struct list_node *node = list_last(&lane->batches);
    struct outgoing *last = node == NULL ? NULL : container_of(node, struct outgoing, node);
    return last != NULL && last->state == BATCH_FILLING ? last : NULL;
}

/* Room for `bytes` more of frames and one more tag, doubling. */
static void make_room(struct outgoing *batch, u32 bytes)
{
    u32 start = FRAME_HEADER_BYTES + batch->lane->producer->prefix_bytes;
    u32 used = batch->messages_count == 0 ? BATCH_HEADER_BYTES : batch->builder.position;
    u32 wanted = start + used + bytes;
    if (wanted > batch->frame_capacity) {
        u32 most = start + batch->lane->producer->batch_bytes_max;
        batch->frame_capacity =
            u32_max(wanted, u32_min(most, u32_max(batch->frame_capacity * 2, BATCH_BYTES_FIRST)));
        batch->ask.frame = mem_resize(batch->ask.frame, batch->frame_capacity);
        batch->builder.batch = batch->ask.frame + start;
        batch->builder.capacity = batch->frame_capacity - start;
    }
    if (batch->messages_count == batch->tags_capacity) {
        batch->tags_capacity = u32_max(batch->tags_capacity * 2, TAGS_FIRST);
        batch->tags = mem_resize(batch->tags, batch->tags_capacity * sizeof(batch->tags[0]));
    }
}

static u32 frame_bytes_of(const struct lv_record *record)
{
    return (u32)(MESSAGE_FRAME_HEADER_BYTES + record->payload_size + record->headers_size);
}

static void add_message(struct outgoing *batch, const struct lv_record *record)
{
    struct lv_producer *producer = batch->lane->producer;
    u32 start = FRAME_HEADER_BYTES + producer->prefix_bytes;
    u64 wall_us = clock_wall_us();
    u32 bytes = frame_bytes_of(record);
    make_room(batch, bytes);
    if (batch->messages_count == 0) {
        batch_builder_init(&batch->builder, batch->ask.frame + start, batch->frame_capacity - start,
                           wall_us);
    }
    struct batch_message message = {
        .id = {record->id_low, record->id_high},
        .origin_timestamp_us = u64_max(wall_us, batch->builder.origin_timestamp_us),
        .payload = {record->payload, (u32)record->payload_size},
        .user_headers = {record->headers, (u32)record->headers_size},
    };
    if (u128_is_zero(message.id)) {
        message.id = (struct u128){prng_next(&producer->ids), prng_next(&producer->ids) | 1};
    }
    if (batch->messages_count == 0) {
        batch->first_id = message.id;
    }
    enum status added = batch_builder_add(&batch->builder, &message);
    check(added == OK); /* room was made, and the time is not before the batch's */
    batch->tags[batch->messages_count++] = record->tag;
    batch->held_bytes += bytes + sizeof(batch->tags[0]);
    producer->buffer_bytes += bytes + sizeof(batch->tags[0]);
    producer->waiting_count++;
}

/* Into the batch that fills, or a new one behind it. */
static void enqueue(struct lane *lane, const struct lv_record *record, bool *sealed)
{
    struct lv_producer *producer = lane->producer;
    struct outgoing *batch = filling_batch(lane);
    u32 bytes = frame_bytes_of(record);
    bool is_late = batch != NULL && clock_wall_us() - batch->builder.origin_timestamp_us >
                                        UINT32_MAX / 2; /* times in a batch lie close together */
    if (batch != NULL && (is_late || bytes > producer->batch_bytes_max - batch->builder.position)) {
        outgoing_seal(batch);
        *sealed = true;
        batch = NULL;
    }
    if (batch == NULL) {
        batch = open_batch(lane);
    }
    add_message(batch, record);
    if (batch->messages_count >= producer->batch_messages_max) {
        outgoing_seal(batch);
        *sealed = true;
    }
}

static int find_lane(struct lv_producer *producer, const struct lv_record *record,
                     struct lane **lane)
{
    u32 partition = record->partition;
    if (producer->lanes_count == 0) {
        return LV_ERROR_PARTITION_NOT_FOUND;
    }
    if (partition == LV_PARTITION_ANY && record->key_size > 0) {
        struct span key = {record->key, (u32)record->key_size};
        partition = partition_of_key(key, producer->lanes_count);
    } else if (partition == LV_PARTITION_ANY) {
        partition = producer->turn % producer->lanes_count;
    }
    if (partition >= producer->lanes_count) {
        return LV_ERROR_PARTITION_NOT_FOUND;
    }
    *lane = producer->lanes[partition];
    return LV_OK;
}

static int record_fits(const struct lv_producer *producer, const struct lv_record *record)
{
    u64 room = producer->batch_bytes_max - BATCH_HEADER_BYTES - MESSAGE_FRAME_HEADER_BYTES;
    bool whole = (record->payload != NULL || record->payload_size == 0) &&
                 (record->headers != NULL || record->headers_size == 0) &&
                 (record->key != NULL || record->key_size == 0) && record->key_size <= 255 &&
                 record->headers_size <= USER_HEADERS_BYTES_MAX;
    if (!whole) {
        return connection_fail(producer->client, LV_ERROR_INVALID,
                               "a key has at most 255 bytes, headers 100000, and NULL has none");
    }
    if (record->payload_size > room || record->headers_size > room - record->payload_size) {
        return connection_fail(producer->client, LV_ERROR_TOO_LARGE,
                               "a message of %zu bytes fits into no batch of %u",
                               record->payload_size, producer->batch_bytes_max);
    }
    return LV_OK;
}

static int wait_for_room(struct lv_producer *producer, u32 bytes)
{
    struct lv_client *client = producer->client;
    u64 until_us = clock_now_us() + producer->full_wait_ms * US_PER_MS;
    while (producer->buffer_bytes > 0 &&
           producer->buffer_bytes + bytes > producer->buffer_bytes_max) {
        bool must_take = producer->waiting_count == 0; /* only the caller makes room */
        if (client->in_turn || must_take || clock_now_us() >= until_us) {
            return connection_fail(client, LV_ERROR_FULL, "%llu bytes are held already",
                                   (unsigned long long)producer->buffer_bytes);
        }
        (void)connection_turn(client, until_us);
    }
    return LV_OK;
}

int lv_producer_send(struct lv_producer *producer, const struct lv_record *given)
{
    struct lv_record record = LV_RECORD_INIT;
    struct lane *lane = NULL;
    bool sealed = false;
    if (given == NULL) {
        return connection_fail(producer->client, LV_ERROR_INVALID, "there is no record");
    }
    memcpy(&record, given, given->size < sizeof(record) ? given->size : sizeof(record));
    int error = record_fits(producer, &record);
    if (error == LV_OK) {
        error = wait_for_room(producer, frame_bytes_of(&record));
    }
    if (error == LV_OK) {
        error = find_lane(producer, &record, &lane);
    }
    if (error != LV_OK) {
        return error;
    }
    enqueue(lane, &record, &sealed);
    if (sealed && record.partition == LV_PARTITION_ANY && record.key_size == 0) {
        producer->turn = (producer->turn + 1) % producer->lanes_count;
    }
    if (sealed && !producer->client->in_turn) {
        producer->client->is_wanted |= producer->client->refusal == LV_OK;
        (void)connection_turn(producer->client, 0);
    }
    return LV_OK;
}

int lv_producer_flush(struct lv_producer *producer, uint32_t timeout_ms)
{
    struct lv_client *client = producer->client;
    u64 until_us = clock_now_us() + timeout_ms * US_PER_MS;
    int error = LV_OK;
    client->is_wanted |= client->refusal == LV_OK;
    producer->is_flushing = true;
    while (error == LV_OK && producer->waiting_count > 0) {
        error = connection_turn(client, until_us);
        if (error == LV_OK && producer->waiting_count > 0 && clock_now_us() >= until_us) {
            error = connection_fail(client, LV_ERROR_TIMEOUT, "%llu messages wait for their fate",
                                    (unsigned long long)producer->waiting_count);
        }
    }
    producer->is_flushing = false;
    return error;
}

int lv_producer_take(struct lv_producer *producer, uint64_t *tag, int *error, uint32_t *partition,
                     uint64_t *offset)
{
    struct list_node *node = list_first(&producer->done);
    if (node == NULL) {
        return 0;
    }
    struct outgoing *batch = container_of(node, struct outgoing, node);
    u32 index = batch->taken_count++;
    if (tag != NULL) {
        *tag = batch->tags[index];
    }
    if (error != NULL) {
        *error = batch->error;
    }
    if (partition != NULL) {
        *partition = batch->lane->partition_id;
    }
    if (offset != NULL) {
        *offset = batch->base_offset + (batch->error == LV_OK ? index : 0);
    }
    if (batch->taken_count == batch->messages_count) {
        producer->buffer_bytes -= batch->held_bytes;
        list_remove(node);
        outgoing_destroy(batch);
    }
    return 1;
}

uint64_t lv_producer_waiting_count(const struct lv_producer *producer)
{
    return producer->waiting_count;
}

uint64_t lv_producer_buffer_bytes(const struct lv_producer *producer)
{
    return producer->buffer_bytes;
}

uint32_t lv_producer_partitions_count(const struct lv_producer *producer)
{
    return producer->lanes_count;
}

uint64_t lv_producer_repeats_count(const struct lv_producer *producer)
{
    return producer->repeats_count;
}

uint64_t lv_producer_found_count(const struct lv_producer *producer)
{
    return producer->found_count;
}

/* ---- Opening and closing ---- */

static bool options_fit(struct lv_client *client, const struct lv_producer_options *options)
{
    if (!connection_name_fits(client, "stream", options->stream) ||
        !connection_name_fits(client, "topic", options->topic)) {
        return false;
    }
    bool fits = options->batch_messages_max >= 1 && options->batch_bytes_max >= 1024 &&
                options->batch_bytes_max <= BATCH_BYTES_MAX && options->in_flight_max >= 1 &&
                options->buffer_bytes_max >= 1024 && options->repeat >= LV_REPEAT_LOOK &&
                options->repeat <= LV_REPEAT_NEVER;
    if (!fits) {
        (void)connection_fail(client, LV_ERROR_INVALID,
                              "an option of the producer is out of range");
    }
    return fits;
}

static u32 measure_prefix(const struct lv_producer *producer)
{
    u8 bytes[SEND_PREFIX_BYTES_MAX];
    struct writer writer = writer_over(bytes, sizeof(bytes));
    struct send_request request = {.stream = producer->stream,
                                   .topic = producer->topic,
                                   .partitioning = {.kind = PARTITIONING_PARTITION}};
    send_request_encode(&request, &writer);
    check(!writer.failed);
    return writer.position;
}

static struct lv_producer *producer_of(struct lv_client *client,
                                       const struct lv_producer_options *options)
{
    struct lv_producer *producer = mem_take(sizeof(*producer));
    u64 seed = 0;
    *producer = (struct lv_producer){
        .client = client,
        .part = {.on_turn = on_turn, .deadline_us = deadline_us},
        .stream_text = mem_copy_text(options->stream),
        .topic_text = mem_copy_text(options->topic),
        .batch_messages_max = options->batch_messages_max,
        .batch_bytes_max = options->batch_bytes_max,
        .linger_us = options->linger_us,
        .in_flight_max = options->in_flight_max,
        .buffer_bytes_max = options->buffer_bytes_max,
        .message_timeout_us = options->message_timeout_ms * US_PER_MS,
        .full_wait_ms = options->full_wait_ms,
        .repeat = (enum lv_repeat)options->repeat,
        .on_fate = options->on_fate,
        .context = options->context,
        .topic_frame = mem_take(FRAME_HEADER_BYTES + CLIENT_NAMES_MAX),
    };
    producer->stream = identifier_of_text(producer->stream_text);
    producer->topic = identifier_of_text(producer->topic_text);
    producer->prefix_bytes = measure_prefix(producer);
    check(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
    prng_init(&producer->ids, seed);
    list_init(&producer->busy);
    list_init(&producer->done);
    list_node_init(&producer->topic_ask.node);
    list_add_last(&client->parts, &producer->part.node);
    return producer;
}

int lv_producer_open(struct lv_client *client, const struct lv_producer_options *given,
                     struct lv_producer **producer_out)
{
    struct lv_producer_options options = LV_PRODUCER_OPTIONS_INIT;
    struct span reply;
    *producer_out = NULL;
    if (given != NULL) {
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    }
    if (client->in_turn) {
        return LV_ERROR_BUSY;
    }
    if (!options_fit(client, &options)) {
        return LV_ERROR_INVALID;
    }
    struct lv_producer *producer = producer_of(client, &options);
    write_topic_request(producer, connection_body(client, CLIENT_NAMES_MAX));
    int error = connection_call(client, COMMAND_GET_TOPIC, &reply);
    if (error == LV_OK) {
        error = read_topic(producer, reply);
        if (error != LV_OK) {
            (void)connection_refused(client, error, options.topic);
        }
    }
    producer->asked_at_us = clock_now_us();
    if (error != LV_OK) {
        lv_producer_close(producer);
        return error;
    }
    *producer_out = producer;
    return LV_OK;
}

void lv_producer_close(struct lv_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    check(!producer->client->in_turn); /* not from a callback */
    if (list_node_is_linked(&producer->topic_ask.node)) {
        protocol_cancel(&producer->client->protocol, &producer->topic_ask);
    }
    for (u32 i = 0; i < producer->lanes_count; i++) {
        lane_destroy(producer->lanes[i]);
    }
    list_for_each(node, next, &producer->done) {
        list_remove(node);
        outgoing_destroy(container_of(node, struct outgoing, node));
    }
    list_remove(&producer->part.node);
    mem_return(producer->lanes);
    mem_return(producer->topic_frame);
    mem_return(producer->stream_text);
    mem_return(producer->topic_text);
    mem_return(producer);
}
