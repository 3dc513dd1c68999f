#include "wire/name.h"

/* Bytes of the well-formed UTF-8 sequence at the start of `text`, or 0. The first byte decides the
 * length; the range of the second one shuts out overlong forms, surrogates and what is above
 * U+10FFFF. */
static u32 sequence_bytes(struct span text)
{
    u8 first = text.data[0];
    u8 second_min = 0x80;
    u8 second_max = 0xBF;
    u32 size;
    if (first < 0x80) {
        return 1;
    } else if (first >= 0xC2 && first <= 0xDF) {
        size = 2;
    } else if ((first & 0xF0) == 0xE0) {
        size = 3;
        second_min = first == 0xE0 ? 0xA0 : 0x80;
        second_max = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4;
        second_min = first == 0xF0 ? 0x90 : 0x80;
        second_max = first == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (text.size < size || text.data[1] < second_min || text.data[1] > second_max) {
        return 0;
    }
    for (u32 i = 2; i < size; i++) {
        if ((text.data[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return size;
}

bool span_is_utf8(struct span text)
{
    while (text.size > 0) {
        u32 size = sequence_bytes(text);
        if (size == 0) {
            return false;
        }
        text.data += size;
        text.size -= size;
    }
    return true;
}

struct span decode_name(struct decoder *decoder)
{
    u32 size = read_u8(&decoder->reader);
    struct span name = read_span(&decoder->reader, size);
    if (decoder->reader.failed) {
        return (struct span){0};
    }
    if (size == 0) {
        decoder_refuse(decoder, WIRE_INVALID_FORMAT);
        return (struct span){0};
    }
    if (!span_is_utf8(name)) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
        return (struct span){0};
    }
    return name;
}

struct span decode_password(struct decoder *decoder)
{
    return read_name(&decoder->reader);
}

void write_name(struct writer *writer, struct span name)
{
    if (name.size > NAME_BYTES_MAX) {
        writer->failed = true;
        return;
    }
    write_u8(writer, (u8)name.size);
    write_span(writer, name);
}

bool username_is_valid(struct span username)
{
    return username.size >= 3 && username.size <= 50;
}

bool password_is_valid(struct span password)
{
    return password.size >= 3 && password.size <= 100;
}

bool token_name_is_valid(struct span name)
{
    return name.size >= 3 && name.size <= 30;
}
