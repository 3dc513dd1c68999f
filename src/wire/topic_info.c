#include "wire/topic_info.h"

#include "wire/name.h"

enum wire_error topic_request_decode(struct span body, struct topic_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct topic_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void topic_request_encode(const struct topic_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
}

enum wire_error create_topic_request_decode(struct span body, struct create_topic_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_topic_request found;
    found.stream = decode_identifier(&decoder);
    found.partitions_count = read_u32(&decoder.reader);
    found.name = decode_name(&decoder);
    found.options = decode_rest(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_topic_request_encode(const struct create_topic_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_u32(writer, request->partitions_count);
    write_name(writer, request->name);
    write_span(writer, request->options);
}

enum wire_error update_topic_request_decode(struct span body, struct update_topic_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_topic_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.name = decode_name(&decoder);
    found.options = decode_rest(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void update_topic_request_encode(const struct update_topic_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_name(writer, request->name);
    write_span(writer, request->options);
}

/* The fields before the two options blocks. */
static void write_fields(struct writer *writer, const struct topic_view *view)
{
    write_u32(writer, view->info.id);
    write_u64(writer, view->info.created_at_us);
    write_u32(writer, view->info.partitions_count);
    write_u64(writer, view->message_expiry_us);
    write_u8(writer, view->compression);
    write_u64(writer, view->max_topic_size_bytes);
    write_u64(writer, view->info.size_bytes);
    write_u64(writer, view->info.messages_count);
    write_name(writer, view->info.name);
}

void write_topic_info(struct writer *writer, const struct topic_info *info,
                      const struct topic_options *options)
{
    struct topic_view view = {
        .info = *info,
        .message_expiry_us = options->message_expiry_us,
        .compression = options->compression,
        .max_topic_size_bytes = options->max_topic_size_bytes,
    };
    write_fields(writer, &view);
    topic_options_write_explicit(options, writer);
    topic_options_write_derived(options, writer);
}

struct topic_view read_topic_view(struct reader *reader)
{
    struct topic_view view;
    view.info.id = read_u32(reader);
    view.info.created_at_us = read_u64(reader);
    view.info.partitions_count = read_u32(reader);
    view.message_expiry_us = read_u64(reader);
    view.compression = read_u8(reader);
    view.max_topic_size_bytes = read_u64(reader);
    view.info.size_bytes = read_u64(reader);
    view.info.messages_count = read_u64(reader);
    view.info.name = read_name(reader);
    view.explicit_options = read_text(reader);
    view.derived_options = read_text(reader);
    return view;
}

void write_topic_view(struct writer *writer, const struct topic_view *view)
{
    write_fields(writer, view);
    write_text(writer, view->explicit_options);
    write_text(writer, view->derived_options);
}
