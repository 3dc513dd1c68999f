/* Sends, polls and stored offsets of the server in memory. Batches are kept as they came, stamped,
 * and cut for a poll as the real one cuts them. */
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "client/client_mock.h"
#include "wire/batch.h"
#include "wire/poll.h"
#include "wire/xxh3.h"

#define REPLY_BYTES_ENOUGH (4u << 20)

static u64 now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (u64)now.tv_sec * US_PER_SECOND + (u64)now.tv_nsec / 1000;
}

/* ---- Sends ---- */

static const struct mock_send *find_send(const struct mock_request *request, u64 hash)
{
    const struct lv_mock *mock = request->mock;
    u64 count = u64_min(mock->sends_count, MOCK_SENDS_MAX);
    for (u64 i = 0; i < count; i++) {
        const struct mock_send *send = &mock->sends[i];
        if (send->request == request->header.request && send->hash == hash &&
            u128_equal(send->client, request->header.client)) {
            return send;
        }
    }
    return NULL;
}

static enum wire_error check_batch(struct span batch, u32 messages_count)
{
    struct batch_check check;
    struct batch_budget budget = {UINT32_MAX, UINT32_MAX};
    if (batch.size < BATCH_HEADER_BYTES) {
        return WIRE_INVALID_COMMAND;
    }
    batch_check_init(&check, batch.data, batch.size, messages_count);
    return batch_check_step(&check, batch.size, &budget) == BATCH_CHECK_GOOD ? WIRE_OK
                                                                             : check.error;
}

static u64 append(struct mock_partition *partition, u32 partition_id, struct span batch,
                  u32 messages_count)
{
    u32 count = partition->batches_count++;
    partition->batches =
        mem_resize(partition->batches, (count + 1) * sizeof(partition->batches[0]));
    struct mock_batch *stored = &partition->batches[count];
    *stored = (struct mock_batch){.base_offset = partition->next_offset,
                                  .messages_count = messages_count,
                                  .bytes_count = batch.size,
                                  .bytes = mem_take(batch.size)};
    memcpy(stored->bytes, batch.data, batch.size);
    struct batch_stamp stamp;
    struct batch_stamp_values values = {partition_id, stored->base_offset, now_us()};
    batch_stamp_init(&stamp, stored->bytes, batch.size, &values);
    check(batch_stamp_step(&stamp, UINT32_MAX));
    partition->next_offset += messages_count;
    return stored->base_offset;
}

static u32 choose_partition(const struct send_request *send, const struct mock_topic *topic)
{
    if (send->partitioning.kind == PARTITIONING_PARTITION) {
        return send->partitioning.partition_id;
    }
    bool has_key = send->partitioning.kind == PARTITIONING_KEY && topic->partitions_count > 0;
    return has_key ? partition_of_key(send->partitioning.key, topic->partitions_count) : 0;
}

static enum wire_error send(struct mock_request *request)
{
    struct send_request send;
    struct lv_mock *mock = request->mock;
    u64 hash = xxh3(request->body.data, request->body.size);
    const struct mock_send *known = find_send(request, hash);
    if (known != NULL) {
        send_reply_encode(&known->confirmation, request->reply);
        return WIRE_OK;
    }
    enum wire_error error = send_request_decode(request->body, request->body.size, &send);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_stream *stream = mock_find_stream(mock, &send.stream);
    struct mock_topic *topic = mock_find_topic(mock, &send.stream, &send.topic);
    u32 partition_id = topic == NULL ? 0 : choose_partition(&send, topic);
    if (topic == NULL || partition_id >= topic->partitions_count) {
        return WIRE_RESOURCE_NOT_FOUND;
    }
    struct span batch = {request->body.data + send.batch_position, send.batch_bytes};
    error = check_batch(batch, send.messages_count);
    if (error != WIRE_OK) {
        return error;
    }
    u64 base_offset =
        append(&topic->partitions[partition_id], partition_id, batch, send.messages_count);
    struct mock_send *kept = &mock->sends[mock->sends_count++ % MOCK_SENDS_MAX];
    *kept = (struct mock_send){request->header.client,
                               request->header.request,
                               hash,
                               {stream->id, topic->id, partition_id, base_offset}};
    send_reply_encode(&kept->confirmation, request->reply);
    return WIRE_OK;
}

/* ---- Stored offsets ---- */

struct place {
    struct mock_topic *topic;
    struct mock_group *group; /* NULL: a single consumer */
    struct mock_partition *partition;
    u32 partition_id;
    u8 kind;
    u32 key;
};

static enum wire_error find_place(struct mock_request *request, const struct offset_request *target,
                                  struct place *place)
{
    *place =
        (struct place){.topic = mock_find_topic(request->mock, &target->stream, &target->topic),
                       .kind = target->consumer.kind,
                       .partition_id = target->partition.partition_id};
    if (place->topic == NULL) {
        return WIRE_TOPIC_ID_NOT_FOUND;
    }
    if (place->partition_id >= place->topic->partitions_count) {
        return WIRE_PARTITION_NOT_FOUND;
    }
    place->partition = &place->topic->partitions[place->partition_id];
    if (place->kind == CONSUMER_SINGLE) {
        place->key = consumer_key(&target->consumer);
        return WIRE_OK;
    }
    place->group = mock_find_group(place->topic, &target->consumer.identifier);
    place->key = place->group == NULL ? 0 : place->group->id;
    return place->group == NULL ? WIRE_GROUP_ID_NOT_FOUND : WIRE_OK;
}

static struct mock_offset *find_offset(const struct place *place)
{
    for (u32 i = 0; i < place->partition->offsets_count; i++) {
        struct mock_offset *offset = &place->partition->offsets[i];
        if (offset->kind == place->kind && offset->key == place->key) {
            return offset;
        }
    }
    return NULL;
}

static void store_offset(const struct place *place, u64 value)
{
    struct mock_partition *partition = place->partition;
    struct mock_offset *offset = find_offset(place);
    if (offset == NULL) {
        u32 count = partition->offsets_count++;
        partition->offsets =
            mem_resize(partition->offsets, (count + 1) * sizeof(partition->offsets[0]));
        offset = &partition->offsets[count];
    }
    *offset = (struct mock_offset){place->kind, place->key, value};
}

static bool may_touch(const struct mock_request *request, const struct place *place)
{
    return place->group == NULL ||
           mock_owns(place->topic, place->group, request->header.client, place->partition_id);
}

static enum wire_error store(struct mock_request *request)
{
    struct store_offset_request wanted;
    struct place place;
    enum wire_error error = store_offset_request_decode(request->body, &wanted);
    if (error == WIRE_OK) {
        error = find_place(request, &wanted.target, &place);
    }
    if (error != WIRE_OK) {
        return error;
    }
    if (!may_touch(request, &place)) {
        return WIRE_GROUP_PARTITION_NOT_OWNED;
    }
    if (wanted.offset >= place.partition->next_offset) {
        return WIRE_INVALID_OFFSET;
    }
    store_offset(&place, wanted.offset);
    return WIRE_OK;
}

static enum wire_error delete_stored(struct mock_request *request)
{
    struct delete_offset_request wanted;
    struct place place;
    enum wire_error error = delete_offset_request_decode(request->body, &wanted);
    if (error == WIRE_OK) {
        error = find_place(request, &wanted.target, &place);
    }
    struct mock_offset *offset = error == WIRE_OK ? find_offset(&place) : NULL;
    if (offset == NULL) {
        return error != WIRE_OK ? error : WIRE_CONSUMER_OFFSET_NOT_FOUND;
    }
    *offset = place.partition->offsets[--place.partition->offsets_count];
    return WIRE_OK;
}

static enum wire_error get_stored(struct mock_request *request)
{
    struct offset_request wanted;
    struct place place;
    enum wire_error error = get_offset_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    if (find_place(request, &wanted, &place) != WIRE_OK) {
        return WIRE_OK; /* empty: none */
    }
    const struct mock_offset *offset = find_offset(&place);
    if (offset != NULL) {
        u64 next = place.partition->next_offset;
        struct offset_reply reply = {place.partition_id, next == 0 ? 0 : next - 1, offset->offset};
        offset_reply_encode(&reply, request->reply);
    }
    return WIRE_OK;
}

/* ---- Polls ---- */

static u64 offset_at_time(const struct mock_partition *partition, u64 time_us)
{
    for (u32 i = 0; i < partition->batches_count; i++) {
        struct batch_header header;
        batch_header_decode(partition->batches[i].bytes, &header);
        if (header.base_timestamp_us >= time_us) {
            return partition->batches[i].base_offset;
        }
    }
    return partition->next_offset;
}

static u64 start_of(const struct poll_request *poll, const struct place *place)
{
    u64 next = place->partition->next_offset;
    const struct mock_offset *stored = find_offset(place);
    switch ((enum poll_strategy)poll->strategy) {
    case POLL_OFFSET: return poll->value;
    case POLL_TIMESTAMP: return offset_at_time(place->partition, poll->value);
    case POLL_FIRST: return 0;
    case POLL_LAST: return next - u64_min(next, poll->count);
    case POLL_NEXT: return stored == NULL ? 0 : stored->offset + 1;
    }
    return 0;
}

/* Messages first to last (exclusive) of a batch, as a record of a reply. */
static void write_slice(struct writer *reply, const struct mock_batch *batch, u64 first, u64 last)
{
    struct batch_slice slice;
    batch_slice_init(&slice, batch->bytes, batch->bytes_count, (u32)(first - batch->base_offset),
                     (u32)(last - 1 - batch->base_offset));
    check(batch_slice_step(&slice, UINT32_MAX));
    write_bytes(reply, slice.header, BATCH_HEADER_BYTES);
    write_bytes(reply, batch->bytes + slice.frames_start, slice.frames_bytes);
}

/* Where a reply that begins at `start` ends: at a whole batch, when it has enough bytes. */
static u64 end_within_reply(const struct mock_partition *partition, u64 start, u64 end)
{
    u64 bytes = 0;
    for (u32 i = 0; i < partition->batches_count; i++) {
        const struct mock_batch *batch = &partition->batches[i];
        u64 batch_end = batch->base_offset + batch->messages_count;
        bytes += batch_end > start ? batch->bytes_count : 0;
        if (bytes > REPLY_BYTES_ENOUGH && batch_end < end) {
            return batch_end;
        }
    }
    return end;
}

static void write_messages(struct mock_request *request, const struct place *place, u64 start,
                           u64 count)
{
    const struct mock_partition *partition = place->partition;
    u64 next = partition->next_offset;
    u64 end = start >= next ? start : u64_min(next, start + count);
    end = end_within_reply(partition, start, end);
    struct poll_reply_prefix prefix = {.partition_id = place->partition_id,
                                       .current_offset = next == 0 ? 0 : next - 1,
                                       .messages_count = (u32)(end - start)};
    poll_reply_prefix_encode(&prefix, request->reply);
    for (u32 i = 0; i < partition->batches_count; i++) {
        const struct mock_batch *batch = &partition->batches[i];
        u64 first = u64_max(start, batch->base_offset);
        u64 last = u64_min(end, batch->base_offset + batch->messages_count);
        if (first < last) {
            write_slice(request->reply, batch, first, last);
        }
    }
}

static enum wire_error poll(struct mock_request *request)
{
    struct poll_request poll;
    struct place place;
    u32 wait_ms = 0;
    enum wire_error error = request->command == COMMAND_POLL_MESSAGES_WAITING
                                ? poll_waiting_request_decode(request->body, &wait_ms, &poll)
                                : poll_request_decode(request->body, &poll);
    if (error != WIRE_OK) {
        return error;
    }
    struct offset_request target = {poll.consumer, poll.stream, poll.topic, poll.partition};
    error = find_place(request, &target, &place);
    if (error != WIRE_OK && error != WIRE_GROUP_ID_NOT_FOUND) {
        return error;
    }
    if (error == WIRE_GROUP_ID_NOT_FOUND || !may_touch(request, &place)) {
        poll_reply_resync(request->reply);
        return WIRE_OK;
    }
    u64 start = start_of(&poll, &place);
    u64 next = place.partition->next_offset;
    if (start >= next && wait_ms > 0 && poll.count > 0 && request->hold_until_us != 0) {
        request->holds = true;
        request->hold_ms = wait_ms;
        return WIRE_OK;
    }
    write_messages(request, &place, start, poll.count);
    if (poll.auto_commit && start < next && poll.count > 0) {
        store_offset(&place, u64_min(next, start + poll.count) - 1);
    }
    return WIRE_OK;
}

enum wire_error mock_messages_do(struct mock_request *request)
{
    u32 code = command_row(request->command)->code;
    switch (code) {
    case 100:
    case 10100: return poll(request);
    case 101: return send(request);
    case 120: return get_stored(request);
    case 121: return store(request);
    case 122: return delete_stored(request);
    default: return WIRE_FEATURE_UNAVAILABLE;
    }
}
