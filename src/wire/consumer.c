#include "wire/consumer.h"

#include "wire/xxh3.h"

struct consumer decode_consumer(struct decoder *decoder)
{
    struct consumer consumer = {.kind = read_u8(&decoder->reader)};
    if (!decoder->reader.failed && consumer.kind != CONSUMER_SINGLE &&
        consumer.kind != CONSUMER_GROUP) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    consumer.identifier = decode_identifier(decoder);
    return consumer;
}

void write_consumer(struct writer *writer, const struct consumer *consumer)
{
    write_u8(writer, consumer->kind);
    write_identifier(writer, &consumer->identifier);
}

u32 consumer_key(const struct consumer *consumer)
{
    const struct identifier *identifier = &consumer->identifier;
    return identifier->kind == IDENTIFIER_NAME ? xxh32(identifier->name) : identifier->id;
}

struct partition_choice decode_partition_choice(struct decoder *decoder)
{
    struct partition_choice partition = {.present = decode_presence(decoder)};
    u32 partition_id = read_u32(&decoder->reader);
    partition.partition_id = partition.present ? partition_id : 0;
    return partition;
}

void write_partition_choice(struct writer *writer, const struct partition_choice *partition)
{
    write_u8(writer, partition->present ? 1 : 0);
    write_u32(writer, partition->present ? partition->partition_id : 0);
}

static struct offset_request decode_target(struct decoder *decoder)
{
    struct offset_request target;
    target.consumer = decode_consumer(decoder);
    target.stream = decode_identifier(decoder);
    target.topic = decode_identifier(decoder);
    target.partition = decode_partition_choice(decoder);
    return target;
}

enum wire_error get_offset_request_decode(struct span body, struct offset_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct offset_request found = decode_target(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void get_offset_request_encode(const struct offset_request *request, struct writer *writer)
{
    write_consumer(writer, &request->consumer);
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_partition_choice(writer, &request->partition);
}

enum wire_error store_offset_request_decode(struct span body, struct store_offset_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct store_offset_request found;
    found.target = decode_target(&decoder);
    found.offset = read_u64(&decoder.reader);
    found.wait_for_commit = read_u8(&decoder.reader) != 0;
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void store_offset_request_encode(const struct store_offset_request *request, struct writer *writer)
{
    get_offset_request_encode(&request->target, writer);
    write_u64(writer, request->offset);
    write_u8(writer, request->wait_for_commit ? 1 : 0);
}

enum wire_error delete_offset_request_decode(struct span body,
                                             struct delete_offset_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct delete_offset_request found;
    found.target = decode_target(&decoder);
    found.wait_for_commit = read_u8(&decoder.reader) != 0;
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void delete_offset_request_encode(const struct delete_offset_request *request,
                                  struct writer *writer)
{
    get_offset_request_encode(&request->target, writer);
    write_u8(writer, request->wait_for_commit ? 1 : 0);
}

enum wire_error store_offset_v1_decode(struct span body, struct store_offset_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct store_offset_request found = {.wait_for_commit = true};
    found.target = decode_target(&decoder);
    found.offset = read_u64(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void store_offset_v1_encode(const struct store_offset_request *request, struct writer *writer)
{
    get_offset_request_encode(&request->target, writer);
    write_u64(writer, request->offset);
}

enum wire_error delete_offset_v1_decode(struct span body, struct delete_offset_request *request)
{
    struct delete_offset_request found = {.wait_for_commit = true};
    enum wire_error error = get_offset_request_decode(body, &found.target);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void offset_reply_encode(const struct offset_reply *reply, struct writer *writer)
{
    write_u32(writer, reply->partition_id);
    write_u64(writer, reply->current_offset);
    write_u64(writer, reply->stored_offset);
}

enum status offset_reply_decode(struct span body, struct offset_reply *reply)
{
    if (body.size == 0) {
        return ERR_NOT_FOUND;
    }
    struct reader reader = reader_over(body.data, body.size);
    struct offset_reply found;
    found.partition_id = read_u32(&reader);
    found.current_offset = read_u64(&reader);
    found.stored_offset = read_u64(&reader);
    if (!reader_is_done(&reader)) {
        return ERR_INVALID;
    }
    *reply = found;
    return OK;
}
