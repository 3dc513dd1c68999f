#include "wire/topic_v1.h"

#include "wire/name.h"
#include "wire/topic_options.h"

static struct topic_settings_v1 decode_settings(struct decoder *decoder)
{
    struct topic_settings_v1 settings;
    settings.compression = read_u8(&decoder->reader);
    settings.message_expiry_us = read_u64(&decoder->reader);
    settings.max_topic_size_bytes = read_u64(&decoder->reader);
    settings.replication_factor = read_u8(&decoder->reader);
    if (settings.compression != TOPIC_COMPRESSION_NONE &&
        settings.compression != TOPIC_COMPRESSION_GZIP) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    return settings;
}

static void write_settings(struct writer *writer, const struct topic_settings_v1 *settings)
{
    write_u8(writer, settings->compression);
    write_u64(writer, settings->message_expiry_us);
    write_u64(writer, settings->max_topic_size_bytes);
    write_u8(writer, settings->replication_factor);
}

enum wire_error create_topic_v1_decode(struct span body, struct create_topic_v1 *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_topic_v1 found;
    found.stream = decode_identifier(&decoder);
    found.partitions_count = read_u32(&decoder.reader);
    found.settings = decode_settings(&decoder);
    found.name = decode_name(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_topic_v1_encode(const struct create_topic_v1 *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_u32(writer, request->partitions_count);
    write_settings(writer, &request->settings);
    write_name(writer, request->name);
}

enum wire_error update_topic_v1_decode(struct span body, struct update_topic_v1 *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_topic_v1 found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.settings = decode_settings(&decoder);
    found.name = decode_name(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void update_topic_v1_encode(const struct update_topic_v1 *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_settings(writer, &request->settings);
    write_name(writer, request->name);
}

static void write_options_of(struct writer *writer, const struct topic_settings_v1 *settings)
{
    struct topic_options options = topic_options_default();
    options.explicit_set = 1u << TOPIC_OPTION_COMPRESSION_ALGORITHM |
                           1u << TOPIC_OPTION_MAX_TOPIC_SIZE | 1u << TOPIC_OPTION_MESSAGE_EXPIRY;
    options.compression = settings->compression;
    options.message_expiry_us = settings->message_expiry_us;
    options.max_topic_size_bytes = settings->max_topic_size_bytes;
    topic_options_write_request(&options, writer);
}

void create_topic_v1_translate(const struct create_topic_v1 *request, struct writer *writer)
{
    struct create_topic_request translated = {.stream = request->stream,
                                              .partitions_count = request->partitions_count,
                                              .name = request->name};
    create_topic_request_encode(&translated, writer);
    write_options_of(writer, &request->settings);
}

void update_topic_v1_translate(const struct update_topic_v1 *request, struct writer *writer)
{
    struct update_topic_request translated = {
        .stream = request->stream, .topic = request->topic, .name = request->name};
    update_topic_request_encode(&translated, writer);
    write_options_of(writer, &request->settings);
}

enum wire_error create_stream_v1_decode(struct span body, struct create_stream_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_stream_request found = {.name = decode_name(&decoder)};
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

enum wire_error update_stream_v1_decode(struct span body, struct update_stream_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_stream_request found;
    found.stream = decode_identifier(&decoder);
    found.name = decode_name(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void write_topic_record_v1(struct writer *writer, const struct topic_record_v1 *record)
{
    write_u32(writer, record->info.id);
    write_u64(writer, record->info.created_at_us);
    write_u32(writer, record->info.partitions_count);
    write_u64(writer, record->settings.message_expiry_us);
    write_u8(writer, record->settings.compression);
    write_u64(writer, record->settings.max_topic_size_bytes);
    write_u8(writer, record->settings.replication_factor);
    write_u64(writer, record->info.size_bytes);
    write_u64(writer, record->info.messages_count);
    write_name(writer, record->info.name);
}

struct topic_record_v1 read_topic_record_v1(struct reader *reader)
{
    struct topic_record_v1 record;
    record.info.id = read_u32(reader);
    record.info.created_at_us = read_u64(reader);
    record.info.partitions_count = read_u32(reader);
    record.settings.message_expiry_us = read_u64(reader);
    record.settings.compression = read_u8(reader);
    record.settings.max_topic_size_bytes = read_u64(reader);
    record.settings.replication_factor = read_u8(reader);
    record.info.size_bytes = read_u64(reader);
    record.info.messages_count = read_u64(reader);
    record.info.name = read_name(reader);
    return record;
}

void write_stream_record_v1(struct writer *writer, const struct stream_info *info)
{
    write_u32(writer, info->id);
    write_u64(writer, info->created_at_us);
    write_u32(writer, info->topics_count);
    write_u64(writer, info->size_bytes);
    write_u64(writer, info->messages_count);
    write_name(writer, info->name);
}

struct stream_info read_stream_record_v1(struct reader *reader)
{
    struct stream_info info;
    info.id = read_u32(reader);
    info.created_at_us = read_u64(reader);
    info.topics_count = read_u32(reader);
    info.size_bytes = read_u64(reader);
    info.messages_count = read_u64(reader);
    info.name = read_name(reader);
    return info;
}
