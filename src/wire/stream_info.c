#include "wire/stream_info.h"

#include "wire/name.h"
#include "wire/options.h"

enum wire_error stream_request_decode(struct span body, struct stream_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct stream_request found = {.stream = decode_identifier(&decoder)};
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void stream_request_encode(const struct stream_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
}

enum wire_error create_stream_request_decode(struct span body,
                                             struct create_stream_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_stream_request found = {.name = decode_name(&decoder)};
    enum wire_error error = decode_no_options(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_stream_request_encode(const struct create_stream_request *request,
                                  struct writer *writer)
{
    write_name(writer, request->name);
}

enum wire_error update_stream_request_decode(struct span body,
                                             struct update_stream_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_stream_request found;
    found.stream = decode_identifier(&decoder);
    found.name = decode_name(&decoder);
    enum wire_error error = decode_no_options(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void update_stream_request_encode(const struct update_stream_request *request,
                                  struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_name(writer, request->name);
}

void write_stream_info(struct writer *writer, const struct stream_info *info)
{
    write_u32(writer, info->id);
    write_u64(writer, info->created_at_us);
    write_u32(writer, info->topics_count);
    write_u64(writer, info->size_bytes);
    write_u64(writer, info->messages_count);
    write_name(writer, info->name);
    write_u32(writer, 0); /* options: streams have none */
}

struct stream_info read_stream_info(struct reader *reader)
{
    struct stream_info info;
    info.id = read_u32(reader);
    info.created_at_us = read_u64(reader);
    info.topics_count = read_u32(reader);
    info.size_bytes = read_u64(reader);
    info.messages_count = read_u64(reader);
    info.name = read_name(reader);
    (void)read_text(reader);
    return info;
}
