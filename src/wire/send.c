#include "wire/send.h"

#include "base/check.h"
#include "wire/xxh3.h"

u32 send_prefix_bytes(struct span available)
{
    if (available.size < 4) {
        return 4;
    }
    u32 metadata_bytes = get_u32(available.data);
    /* Too long to be true: the length alone is enough to refuse it. */
    return metadata_bytes > SEND_METADATA_BYTES_MAX ? 4 : 4 + metadata_bytes;
}

static struct partitioning decode_partitioning(struct decoder *decoder)
{
    struct partitioning partitioning = {.kind = read_u8(&decoder->reader)};
    u32 size = read_u8(&decoder->reader);
    struct span value = read_span(&decoder->reader, size);
    if (decoder->reader.failed) {
        return partitioning;
    }
    if (partitioning.kind == PARTITIONING_PARTITION && size == 4) {
        partitioning.partition_id = get_u32(value.data);
    } else if (partitioning.kind == PARTITIONING_KEY && size > 0) {
        partitioning.key = value;
    } else if (partitioning.kind != PARTITIONING_BALANCED || size != 0) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    return partitioning;
}

static void write_partitioning(struct writer *writer, const struct partitioning *partitioning)
{
    write_u8(writer, partitioning->kind);
    switch ((enum partitioning_kind)partitioning->kind) {
    case PARTITIONING_BALANCED: write_u8(writer, 0); return;
    case PARTITIONING_PARTITION:
        write_u8(writer, 4);
        write_u32(writer, partitioning->partition_id);
        return;
    case PARTITIONING_KEY:
        check(partitioning->key.size >= 1);
        check(partitioning->key.size <= 255);
        write_u8(writer, (u8)partitioning->key.size);
        write_span(writer, partitioning->key);
        return;
    }
    unreachable();
}

enum wire_error send_request_decode(struct span available, u32 body_bytes,
                                    struct send_request *request)
{
    check(available.size <= body_bytes);

    struct decoder decoder = decoder_over(available);
    u32 metadata_bytes = read_u32(&decoder.reader);
    struct span metadata = read_span(&decoder.reader, metadata_bytes);
    if (decoder.reader.failed) {
        return WIRE_INVALID_COMMAND;
    }
    struct decoder fields = decoder_over(metadata);
    struct send_request found = {0};
    found.stream = decode_identifier(&fields);
    found.topic = decode_identifier(&fields);
    found.partitioning = decode_partitioning(&fields);
    found.messages_count = read_u32(&fields.reader);
    /* Whatever is wrong with this part of a send, clients know it by one number. */
    if (decoder_result(&fields) != WIRE_OK || !reader_is_done(&fields.reader)) {
        return WIRE_INVALID_COMMAND;
    }
    found.batch_position = decoder.reader.position;
    found.batch_bytes = body_bytes - decoder.reader.position;
    *request = found;
    return WIRE_OK;
}

void send_request_encode(const struct send_request *request, struct writer *writer)
{
    u8 *length = write_room(writer, 4);
    u32 start = writer->position;
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_partitioning(writer, &request->partitioning);
    write_u32(writer, request->messages_count);
    if (length != NULL) {
        put_u32(length, writer->position - start);
    }
}

u32 partition_of_key(struct span key, u32 partitions_count)
{
    check(partitions_count > 0);
    return xxh32(key) % partitions_count;
}

void send_reply_encode(const struct send_confirmation *confirmation, struct writer *writer)
{
    write_u32(writer, 1);
    write_u32(writer, confirmation->stream_id);
    write_u32(writer, confirmation->topic_id);
    write_u32(writer, confirmation->partition_id);
    write_u64(writer, confirmation->base_offset);
}

enum status send_reply_decode(struct span body, struct send_confirmation *confirmation)
{
    struct reader reader = reader_over(body.data, body.size);
    u32 count = read_u32(&reader);
    struct send_confirmation found;
    found.stream_id = read_u32(&reader);
    found.topic_id = read_u32(&reader);
    found.partition_id = read_u32(&reader);
    found.base_offset = read_u64(&reader);
    if (count != 1 || !reader_is_done(&reader)) {
        return ERR_INVALID;
    }
    *confirmation = found;
    return OK;
}
