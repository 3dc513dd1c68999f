#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/prng.h"
#include "client/client_wire.h"
#include "wire/batch.h"
#include "wire/consumer.h"

#define PLACE_BYTES_MAX 4096u

struct client_batch {
    u8 *memory;
    u32 bytes_max;
    u32 count;
    struct batch_builder builder;
    struct prng ids;
};

static u64 wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

struct client_batch *client_batch_create(u32 bytes_max)
{
    struct client_batch *batch = mem_take(sizeof(*batch));
    u64 seed = 0;
    check(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
    prng_init(&batch->ids, seed);
    batch->bytes_max = u32_max(bytes_max, 2 * BATCH_HEADER_BYTES);
    batch->memory = mem_take(batch->bytes_max);
    return batch;
}

void client_batch_destroy(struct client_batch *batch)
{
    mem_return(batch->memory);
    mem_return(batch);
}

bool client_batch_add(struct client_batch *batch, struct span payload)
{
    u64 now_us = wall_us();
    if (batch->count == 0) {
        batch_builder_init(&batch->builder, batch->memory, batch->bytes_max, now_us);
    }
    /* The clock may step back within a batch; origin times never lie before the batch's. */
    struct batch_message message = {
        .id = {prng_next(&batch->ids), prng_next(&batch->ids) | 1},
        .origin_timestamp_us = u64_max(now_us, batch->builder.origin_timestamp_us),
        .payload = payload,
    };
    if (batch_builder_add(&batch->builder, &message) != OK) {
        check(batch->count > 0);
        return false;
    }
    batch->count++;
    return true;
}

u32 client_batch_count(const struct client_batch *batch)
{
    return batch->count;
}

static bool place_fits(const struct client_place *place, struct client_error *error)
{
    return client_name_fits("stream", place->stream, error) &&
           client_name_fits("topic", place->topic, error);
}

bool client_send(struct client *client, const struct client_place *place,
                 struct client_batch *batch, u64 *base_offset, struct client_error *error)
{
    check(batch->count > 0);
    if (!place_fits(place, error)) {
        return false;
    }
    struct span bytes = {batch->memory, batch_builder_finish(&batch->builder)};
    struct send_request request = {
        .stream = client_identifier(place->stream),
        .topic = client_identifier(place->topic),
        .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = place->partition_id},
        .messages_count = batch->count,
    };
    struct span reply;
    struct send_confirmation confirmation;
    send_request_encode(&request, client_body(client, PLACE_BYTES_MAX));
    if (!client_call(client, COMMAND_SEND_MESSAGES, bytes, &reply, error)) {
        return false;
    }
    if (send_reply_decode(reply, &confirmation) != OK) {
        return client_fail(error, "the server confirmed something unreadable");
    }
    batch->count = 0;
    *base_offset = confirmation.base_offset;
    return true;
}

bool client_poll(struct client *client, const struct client_place *place,
                 const struct client_poll *poll, struct poll_reply *reply,
                 struct client_error *error)
{
    struct span body;
    if (!place_fits(place, error) || !client_name_fits("consumer", poll->consumer, error)) {
        return false;
    }
    struct poll_request request = {
        .consumer = {CONSUMER_SINGLE, client_identifier(poll->consumer)},
        .stream = client_identifier(place->stream),
        .topic = client_identifier(place->topic),
        .partition = {.present = true, .partition_id = place->partition_id},
        .strategy = (u8)poll->strategy,
        .value = poll->value,
        .count = poll->count,
        .auto_commit = poll->auto_commit,
    };
    struct writer *writer = client_body(client, PLACE_BYTES_MAX);
    enum command command = COMMAND_POLL_MESSAGES;
    if (poll->wait_ms == 0) {
        poll_request_encode(&request, writer);
    } else {
        command = COMMAND_POLL_MESSAGES_WAITING;
        poll_waiting_request_encode(poll->wait_ms, &request, writer);
    }
    client_wait_longer(client, poll->wait_ms);
    bool answered = client_ask(client, command, &body, error);
    client_wait_longer(client, 0);
    if (!answered) {
        return false;
    }
    return poll_reply_decode(body, reply) == OK || client_fail(error, "unreadable messages");
}
