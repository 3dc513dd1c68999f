#include "wire/user_headers.h"

#include "wire/decode.h"

void write_user_header(struct writer *writer, const struct user_header *header)
{
    write_u8(writer, header->key_kind);
    write_text(writer, header->key);
    write_u8(writer, header->value_kind);
    write_text(writer, header->value);
}

static struct span read_field(struct reader *reader)
{
    struct span field = read_text(reader);
    if (field.size == 0 || field.size > USER_HEADER_FIELD_BYTES_MAX) {
        reader->failed = true;
    }
    return field;
}

bool read_user_header(struct reader *reader, struct user_header *header)
{
    if (reader->failed || reader_left(reader) == 0) {
        return false;
    }
    struct user_header found;
    found.key_kind = read_u8(reader);
    found.key = read_field(reader);
    found.value_kind = read_u8(reader);
    found.value = read_field(reader);
    if (reader->failed) {
        return false;
    }
    *header = found;
    return true;
}
