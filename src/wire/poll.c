#include "wire/poll.h"

enum wire_error poll_request_decode(struct span body, struct poll_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct poll_request found;
    found.consumer = decode_consumer(&decoder);
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.partition = decode_partition_choice(&decoder);
    found.strategy = read_u8(&decoder.reader);
    found.value = read_u64(&decoder.reader);
    found.count = read_u32(&decoder.reader);
    found.auto_commit = read_u8(&decoder.reader) != 0;
    enum wire_error error = decoder_result(&decoder);
    if (error != WIRE_OK) {
        return error;
    }
    if (found.strategy < POLL_OFFSET || found.strategy > POLL_NEXT) {
        return WIRE_INVALID_COMMAND;
    }
    *request = found;
    return WIRE_OK;
}

void poll_request_encode(const struct poll_request *request, struct writer *writer)
{
    write_consumer(writer, &request->consumer);
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_partition_choice(writer, &request->partition);
    write_u8(writer, request->strategy);
    write_u64(writer, request->value);
    write_u32(writer, request->count);
    write_u8(writer, request->auto_commit ? 1 : 0);
}

enum wire_error poll_waiting_request_decode(struct span body, u32 *wait_ms,
                                            struct poll_request *request)
{
    if (body.size < sizeof(u32)) {
        return WIRE_INVALID_COMMAND;
    }
    struct span poll = {body.data + sizeof(u32), body.size - (u32)sizeof(u32)};
    enum wire_error error = poll_request_decode(poll, request);
    if (error == WIRE_OK) {
        *wait_ms = u32_min(get_u32(body.data), POLL_WAIT_MS_MAX);
    }
    return error;
}

void poll_waiting_request_encode(u32 wait_ms, const struct poll_request *request,
                                 struct writer *writer)
{
    write_u32(writer, wait_ms);
    poll_request_encode(request, writer);
}

void poll_reply_prefix_encode(const struct poll_reply_prefix *prefix, struct writer *writer)
{
    write_u32(writer, prefix->partition_id);
    write_u64(writer, prefix->current_offset);
    write_u32(writer, prefix->messages_count);
}

void poll_reply_resync(struct writer *writer)
{
    poll_reply_prefix_encode(&(struct poll_reply_prefix){.partition_id = POLL_RESYNC_PARTITION},
                             writer);
}

enum status poll_reply_decode(struct span body, struct poll_reply *reply)
{
    struct reader reader = reader_over(body.data, body.size);
    struct poll_reply found;
    found.prefix.partition_id = read_u32(&reader);
    found.prefix.current_offset = read_u64(&reader);
    found.prefix.messages_count = read_u32(&reader);
    if (reader.failed) {
        return ERR_INVALID;
    }
    found.batches = read_span(&reader, reader_left(&reader));
    *reply = found;
    return OK;
}

struct poll_iterator poll_iterate(const struct poll_reply *reply)
{
    return (struct poll_iterator){.batches = reply->batches};
}

/* Opens the batch at `position`. False at the end; `failed` when what is there is no batch. */
static bool open_batch(struct poll_iterator *iterator)
{
    u32 left = iterator->batches.size - iterator->position;
    if (left == 0) {
        return false;
    }
    const u8 *batch = iterator->batches.data + iterator->position;
    if (left < BATCH_HEADER_BYTES) {
        iterator->failed = true;
        return false;
    }
    batch_header_decode(batch, &iterator->header);
    if (iterator->header.batch_length < BATCH_HEADER_BYTES ||
        iterator->header.batch_length > left || iterator->header.message_count == 0) {
        iterator->failed = true;
        return false;
    }
    u32 batch_bytes = (u32)iterator->header.batch_length;
    iterator->frames = batch_iterate(batch, batch_bytes);
    iterator->frames_left = iterator->header.message_count;
    iterator->position += batch_bytes;
    return true;
}

bool poll_next(struct poll_iterator *iterator, struct polled_message *message)
{
    if (iterator->failed || (iterator->frames_left == 0 && !open_batch(iterator))) {
        return false;
    }
    struct message_frame frame;
    if (!batch_next(&iterator->frames, &frame)) {
        iterator->failed = true;
        return false;
    }
    iterator->frames_left--;
    if (iterator->frames_left == 0 && iterator->frames.position != iterator->frames.batch_bytes) {
        iterator->failed = true; /* bytes that belong to no message */
        return false;
    }
    *message = (struct polled_message){
        .offset = iterator->header.base_offset + frame.offset_delta,
        .timestamp_us = iterator->header.base_timestamp_us,
        .origin_timestamp_us = iterator->header.origin_timestamp_us + frame.timestamp_delta_us,
        .id = frame.id,
        .checksum = frame.checksum,
        .payload = frame.payload,
        .user_headers = frame.user_headers,
    };
    return true;
}
