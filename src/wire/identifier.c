#include "wire/identifier.h"

#include "wire/name.h"

struct identifier decode_identifier(struct decoder *decoder)
{
    u8 kind = read_u8(&decoder->reader);
    if (!decoder->reader.failed && kind != IDENTIFIER_NUMERIC && kind != IDENTIFIER_NAME) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    if (kind == IDENTIFIER_NAME) {
        struct span name = decode_name(decoder);
        return identifier_of_name(name);
    }
    u8 size = read_u8(&decoder->reader);
    if (!decoder->reader.failed && size != 4) {
        decoder_refuse(decoder, WIRE_INVALID_FORMAT);
    }
    return identifier_of_id(read_u32(&decoder->reader));
}

void write_identifier(struct writer *writer, const struct identifier *identifier)
{
    write_u8(writer, identifier->kind);
    if (identifier->kind == IDENTIFIER_NAME) {
        write_name(writer, identifier->name);
        return;
    }
    write_u8(writer, 4);
    write_u32(writer, identifier->id);
}

bool identifier_equal(const struct identifier *a, const struct identifier *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == IDENTIFIER_NAME ? span_equal(a->name, b->name) : a->id == b->id;
}
