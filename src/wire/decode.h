/* A reader that remembers which error a malformed body is to be answered with.
 *
 * Every request decoder of this folder has the same shape: it reads all fields without asking,
 * then asks once. The first fault decides: a truncated body or an unknown discriminant is
 * WIRE_INVALID_COMMAND, a broken layout rule WIRE_INVALID_FORMAT. Bytes after the last field are
 * ignored, as several official clients send some; options run to the end and have no such rest.
 *
 * Spans in decoded structs point into the body: they live as long as it does. */
#pragma once

#include "base/bytes.h"
#include "wire/error.h"

struct decoder {
    struct reader reader;
    enum wire_error error; /* the first fault that is not a truncation, or WIRE_OK */
};

static inline struct decoder decoder_over(struct span body)
{
    return (struct decoder){.reader = reader_over(body.data, body.size), .error = WIRE_OK};
}

/* Notes a fault; nothing further is read. A truncation before it counts as the first. */
static inline void decoder_refuse(struct decoder *decoder, enum wire_error error)
{
    if (decoder->error == WIRE_OK) {
        decoder->error = decoder->reader.failed ? WIRE_INVALID_COMMAND : error;
    }
    decoder->reader.failed = true;
}

/* What the body deserves so far. */
static inline enum wire_error decoder_result(const struct decoder *decoder)
{
    if (decoder->error != WIRE_OK) {
        return decoder->error;
    }
    return decoder->reader.failed ? WIRE_INVALID_COMMAND : WIRE_OK;
}

/* Everything that is left: an options block. */
static inline struct span decode_rest(struct decoder *decoder)
{
    return read_span(&decoder->reader, reader_left(&decoder->reader));
}

/* A flag that is set by exactly 1 (`has_permissions`, `has_username`, the partition flag); any
 * other value means absent. */
static inline bool decode_presence(struct decoder *decoder)
{
    return read_u8(&decoder->reader) == 1;
}

/* A length in four bytes, then that many bytes of text. */
static inline struct span read_text(struct reader *reader)
{
    u32 size = read_u32(reader);
    return read_span(reader, size);
}

static inline void write_text(struct writer *writer, struct span text)
{
    write_u32(writer, text.size);
    write_span(writer, text);
}
