#include "bench/library_link.h"

#include "base/mem.h"
#include "client/client_wire.h"

#define TIMEOUT_MS 60000u
#define WAIT_MS 50u        /* so that an actor sees the gate close */
#define WAIT_GROUP_MS 250u /* partitions come to a member a moment later */
#define SYNC_MS 200u
#define BATCH_EXTRA_BYTES 8192u
#define MESSAGE_EXTRA_BYTES 64u

static bool fail_as(struct library_link *link, int error, struct client_error *told)
{
    const char *sentence = lv_client_failure(link->client);
    bool has_sentence = sentence != NULL && sentence[0] != 0;
    return client_fail(told, "%s", has_sentence ? sentence : lv_error_text(error));
}

static void on_fate(void *context, uint64_t tag, int error, uint32_t partition, uint64_t offset)
{
    struct library_link *link = context;
    (void)tag;
    (void)partition;
    (void)offset;
    if (link->fate_error == LV_OK) {
        link->fate_error = error;
    }
}

static int open_producer(struct library_link *link, const struct library_link_options *options)
{
    struct lv_producer_options producer = LV_PRODUCER_OPTIONS_INIT;
    u64 batch_bytes =
        (u64)options->batch_messages * (options->message_bytes_max + MESSAGE_EXTRA_BYTES);
    producer.stream = options->stream;
    producer.topic = options->topic;
    producer.batch_messages_max = options->batch_messages;
    producer.batch_bytes_max = (u32)batch_bytes + BATCH_EXTRA_BYTES;
    producer.buffer_bytes_max =
        u64_max(producer.buffer_bytes_max, 4 * (u64)producer.batch_bytes_max);
    producer.on_fate = on_fate;
    producer.context = link;
    return lv_producer_open(link->client, &producer, &link->producer);
}

static int open_consumer(struct library_link *link, const struct library_link_options *options)
{
    char name[16];
    struct lv_consumer_options consumer = LV_CONSUMER_OPTIONS_INIT;
    (void)str_format(name, sizeof(name), "%u", options->number);
    consumer.stream = options->stream;
    consumer.topic = options->topic;
    consumer.name = name;
    consumer.group = options->group;
    consumer.partition = 0;
    consumer.poll_messages_max = options->batch_messages;
    consumer.ignore_stored = options->group == NULL;
    consumer.commit = options->group == NULL ? LV_COMMIT_NEVER : LV_COMMIT_BATCH;
    consumer.wait_ms = options->waits ? consumer.wait_ms : 0;
    consumer.idle_ms = options->waits ? consumer.idle_ms : 1;
    consumer.sync_ms = SYNC_MS;
    return lv_consumer_open(link->client, &consumer, &link->consumer);
}

bool library_link_open(struct library_link *link, const struct library_link_options *options,
                       struct client_error *error)
{
    struct lv_client_options client = LV_CLIENT_OPTIONS_INIT;
    client.addresses = options->address;
    client.username = options->username;
    client.password = options->password;
    *link =
        (struct library_link){.partition = options->partitions > 1 ? LV_PARTITION_ANY : 0,
                              .has_keys = options->has_keys,
                              .gather_max = options->batch_messages,
                              .gather_wait_ms = options->group == NULL ? WAIT_MS : WAIT_GROUP_MS};
    int result = lv_client_create(&client, &link->client);
    if (result != LV_OK) {
        return client_fail(error, "%s: %s", options->address, lv_error_text(result));
    }
    link->origins_us = mem_take(options->batch_messages * sizeof(u64));
    result = lv_client_connect(link->client);
    if (result == LV_OK) {
        result = options->writes ? open_producer(link, options) : open_consumer(link, options);
    }
    return result == LV_OK || fail_as(link, result, error);
}

void library_link_close(struct library_link *link)
{
    lv_producer_close(link->producer);
    lv_consumer_close(link->consumer);
    lv_client_destroy(link->client);
    mem_return(link->origins_us);
    *link = (struct library_link){0};
}

bool library_link_send(struct library_link *link, const struct prepared_batch *batch, u64 key,
                       struct client_error *error)
{
    struct lv_record record = LV_RECORD_INIT;
    struct message_frame message;
    struct batch_iterator messages =
        batch_iterate(batch->frame + batch->batch_position, (u32)batch->header.batch_length);
    record.partition = link->partition;
    record.key = link->has_keys ? &key : NULL;
    record.key_size = link->has_keys ? sizeof(key) : 0;
    int result = LV_OK;
    while (result == LV_OK && batch_next(&messages, &message)) {
        record.payload = message.payload.data;
        record.payload_size = message.payload.size;
        result = lv_producer_send(link->producer, &record);
    }
    if (result == LV_OK) {
        result = lv_producer_flush(link->producer, TIMEOUT_MS);
    }
    result = result == LV_OK ? link->fate_error : result;
    return result == LV_OK || fail_as(link, result, error);
}

bool library_link_gather(struct library_link *link, u32 *messages, u64 *payload_bytes,
                         struct client_error *error)
{
    const struct lv_message *message = NULL;
    int result = LV_OK;
    *messages = 0;
    *payload_bytes = 0;
    while (*messages < link->gather_max) {
        result = lv_consumer_next(link->consumer, link->gather_wait_ms, &message);
        if (result != LV_OK) {
            break;
        }
        size_t size = 0;
        (void)lv_message_payload(message, &size);
        *payload_bytes += size;
        link->origins_us[(*messages)++] = lv_message_origin_us(message);
    }
    return result == LV_OK || result == LV_ERROR_TIMEOUT || fail_as(link, result, error);
}

void library_link_rewind(struct library_link *link)
{
    (void)lv_consumer_seek(link->consumer, 0, 0);
}
