#include "wire/partition_info.h"

enum wire_error partitions_request_decode(struct span body, struct partitions_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct partitions_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.count = read_u32(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error != WIRE_OK) {
        return error;
    }
    if (found.count == 0 || found.count > PARTITIONS_PER_REQUEST_MAX) {
        return WIRE_TOO_MANY_PARTITIONS;
    }
    *request = found;
    return WIRE_OK;
}

void partitions_request_encode(const struct partitions_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_u32(writer, request->count);
}

enum wire_error delete_segments_request_decode(struct span body,
                                               struct delete_segments_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct delete_segments_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.partition_id = read_u32(&decoder.reader);
    found.count = read_u32(&decoder.reader);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void delete_segments_request_encode(const struct delete_segments_request *request,
                                    struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_u32(writer, request->partition_id);
    write_u32(writer, request->count);
}

enum wire_error flush_request_decode(struct span body, struct flush_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct flush_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.partition_id = read_u32(&decoder.reader);
    found.fsync = read_u8(&decoder.reader) != 0;
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void flush_request_encode(const struct flush_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_u32(writer, request->partition_id);
    write_u8(writer, request->fsync ? 1 : 0);
}

void write_partition_info(struct writer *writer, const struct partition_info *info)
{
    write_u32(writer, info->id);
    write_u64(writer, info->created_at_us);
    write_u32(writer, info->segments_count);
    write_u64(writer, info->current_offset);
    write_u64(writer, info->size_bytes);
    write_u64(writer, info->messages_count);
}

struct partition_info read_partition_info(struct reader *reader)
{
    struct partition_info info;
    info.id = read_u32(reader);
    info.created_at_us = read_u64(reader);
    info.segments_count = read_u32(reader);
    info.current_offset = read_u64(reader);
    info.size_bytes = read_u64(reader);
    info.messages_count = read_u64(reader);
    return info;
}
