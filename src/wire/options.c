/* The layout of a block stands in options.h. One description in the reply to DescribeOptions:
 *
 *     key, as a name | kind u8 | default length u32 | default | text length u32 | text */
#include "wire/options.h"

#include "wire/name.h"

static struct span decode_option_field(struct decoder *decoder)
{
    u32 size = read_u32(&decoder->reader);
    if (!decoder->reader.failed && (size == 0 || size > OPTION_FIELD_BYTES_MAX)) {
        decoder_refuse(decoder, WIRE_INVALID_FORMAT);
    }
    return read_span(&decoder->reader, size);
}

bool decode_option(struct decoder *decoder, struct option *option)
{
    if (decoder->reader.failed || reader_left(&decoder->reader) == 0) {
        return false;
    }
    if (read_u8(&decoder->reader) != OPTION_STRING) {
        decoder_refuse(decoder, WIRE_INVALID_FORMAT);
        return false;
    }
    struct option found = {.key = decode_option_field(decoder)};
    found.kind = read_u8(&decoder->reader);
    found.value = decode_option_field(decoder);
    if (decoder->reader.failed) {
        return false;
    }
    if (!span_is_utf8(found.key)) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
        return false;
    }
    *option = found;
    return true;
}

enum wire_error options_validate(struct span block)
{
    if (block.size > OPTIONS_BYTES_MAX) {
        return WIRE_OPTIONS_BLOCK_TOO_LARGE;
    }
    struct decoder decoder = decoder_over(block);
    struct option option;
    u32 count = 0;
    while (decode_option(&decoder, &option)) {
        count++;
    }
    enum wire_error error = decoder_result(&decoder);
    if (error != WIRE_OK) {
        return error;
    }
    return count > OPTIONS_ENTRIES_MAX ? WIRE_OPTIONS_BLOCK_TOO_LARGE : WIRE_OK;
}

enum wire_error options_validate_empty(struct span block)
{
    enum wire_error error = options_validate(block);
    if (error != WIRE_OK) {
        return error;
    }
    return block.size > 0 ? WIRE_UNSUPPORTED_OPTION_KEY : WIRE_OK;
}

enum wire_error decode_no_options(struct decoder *decoder)
{
    struct span options = decode_rest(decoder);
    enum wire_error error = decoder_result(decoder);
    return error != WIRE_OK ? error : options_validate_empty(options);
}

static void write_option_field(struct writer *writer, u8 kind, struct span bytes)
{
    write_u8(writer, kind);
    write_text(writer, bytes);
}

void write_option(struct writer *writer, const struct option *option)
{
    write_option_field(writer, OPTION_STRING, option->key);
    write_option_field(writer, option->kind, option->value);
}

void write_option_string(struct writer *writer, const char *key, struct span value)
{
    write_option(writer,
                 &(struct option){.key = span_of(key), .kind = OPTION_STRING, .value = value});
}

void write_option_bool(struct writer *writer, const char *key, bool value)
{
    u8 byte = value ? 1 : 0;
    write_option(
        writer,
        &(struct option){.key = span_of(key), .kind = OPTION_BOOL, .value = {&byte, sizeof(byte)}});
}

void write_option_u32(struct writer *writer, const char *key, u32 value)
{
    u8 bytes[4];
    put_u32(bytes, value);
    write_option(
        writer,
        &(struct option){.key = span_of(key), .kind = OPTION_U32, .value = {bytes, sizeof(bytes)}});
}

void write_option_u64(struct writer *writer, const char *key, u64 value)
{
    u8 bytes[8];
    put_u64(bytes, value);
    write_option(
        writer,
        &(struct option){.key = span_of(key), .kind = OPTION_U64, .value = {bytes, sizeof(bytes)}});
}

enum wire_error describe_options_request_decode(struct span body, enum options_scope *scope)
{
    struct decoder decoder = decoder_over(body);
    u8 number = read_u8(&decoder.reader);
    if (decoder.reader.failed || number < OPTIONS_OF_TOPIC || number > OPTIONS_OF_USER) {
        return WIRE_INVALID_COMMAND;
    }
    *scope = (enum options_scope)number;
    return WIRE_OK;
}

void describe_options_request_encode(enum options_scope scope, struct writer *writer)
{
    write_u8(writer, (u8)scope);
}

void write_option_description(struct writer *writer, const struct option_description *description)
{
    write_name(writer, description->option.key);
    write_u8(writer, description->option.kind);
    write_text(writer, description->option.value);
    write_text(writer, description->text);
}

struct option_description read_option_description(struct reader *reader)
{
    struct option_description description = {0};
    description.option.key = read_name(reader);
    description.option.kind = read_u8(reader);
    description.option.value = read_text(reader);
    description.text = read_text(reader);
    return description;
}
