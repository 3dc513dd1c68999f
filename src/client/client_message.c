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
    return client_batch_add_message(batch, &(struct client_message){.payload = payload});
}

static struct u128 id_or_drawn(struct client_batch *batch, struct u128 id)
{
    if (id.low != 0 || id.high != 0) {
        return id;
    }
    return (struct u128){prng_next(&batch->ids), prng_next(&batch->ids) | 1};
}

bool client_batch_add_message(struct client_batch *batch, const struct client_message *wanted)
{
    u64 now_us = wall_us();
    if (batch->count == 0) {
        batch_builder_init(&batch->builder, batch->memory, batch->bytes_max, now_us);
    }
    /* The clock may step back within a batch; origin times never lie before the batch's. */
    struct batch_message message = {
        .id = id_or_drawn(batch, wanted->id),
        .origin_timestamp_us = u64_max(now_us, batch->builder.origin_timestamp_us),
        .payload = wanted->payload,
        .user_headers = wanted->user_headers,
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

static bool place_fits(const char *stream, const char *topic, struct client_error *error)
{
    return client_name_fits("stream", stream, error) && client_name_fits("topic", topic, error);
}

bool client_send_by(struct client *client, const struct client_destination *to,
                    struct client_batch *batch, struct send_confirmation *went,
                    struct client_error *error)
{
    check(batch->count > 0);
    if (!place_fits(to->stream, to->topic, error)) {
        return false;
    }
    struct span bytes = {batch->memory, batch_builder_finish(&batch->builder)};
    struct send_request request = {
        .stream = client_identifier(to->stream),
        .topic = client_identifier(to->topic),
        .partitioning = to->partitioning,
        .messages_count = batch->count,
    };
    struct span reply;
    send_request_encode(&request, client_body(client, PLACE_BYTES_MAX));
    if (!client_call(client, COMMAND_SEND_MESSAGES, bytes, &reply, error)) {
        return false;
    }
    if (send_reply_decode(reply, went) != OK) {
        return client_fail(error, "the server confirmed something unreadable");
    }
    batch->count = 0;
    return true;
}

bool client_send(struct client *client, const struct client_place *place,
                 struct client_batch *batch, u64 *base_offset, struct client_error *error)
{
    struct client_destination to = {
        .stream = place->stream,
        .topic = place->topic,
        .partitioning = {.kind = PARTITIONING_PARTITION, .partition_id = place->partition_id},
    };
    struct send_confirmation went;
    if (!client_send_by(client, &to, batch, &went, error)) {
        return false;
    }
    *base_offset = went.base_offset;
    return true;
}

bool client_poll(struct client *client, const struct client_place *place,
                 const struct client_poll *poll, struct poll_reply *reply,
                 struct client_error *error)
{
    struct span body;
    if (!place_fits(place->stream, place->topic, error) ||
        !client_name_fits("consumer", poll->consumer, error)) {
        return false;
    }
    struct poll_request request = {
        .consumer = {poll->is_group ? CONSUMER_GROUP : CONSUMER_SINGLE,
                     client_identifier(poll->consumer)},
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
