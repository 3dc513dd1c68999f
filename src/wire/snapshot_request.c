#include "wire/snapshot_request.h"

#include "wire/decode.h"

static bool type_is_known(u8 type)
{
    return (type >= SNAPSHOT_FILESYSTEM_OVERVIEW && type <= SNAPSHOT_SERVER_CONFIG) ||
           type == SNAPSHOT_ALL;
}

static bool types_are_valid(struct span types)
{
    for (u32 i = 0; i < types.size; i++) {
        if (!type_is_known(types.data[i]) || (types.data[i] == SNAPSHOT_ALL && types.size > 1)) {
            return false;
        }
    }
    return true;
}

enum wire_error snapshot_request_decode(struct span body, struct snapshot_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct snapshot_request found = {.compression = read_u8(&decoder.reader)};
    u32 count = read_u8(&decoder.reader);
    found.types = read_span(&decoder.reader, count);
    if (decoder.reader.failed || found.compression < SNAPSHOT_STORED ||
        found.compression > SNAPSHOT_XZ || !types_are_valid(found.types)) {
        return WIRE_INVALID_COMMAND;
    }
    *request = found;
    return WIRE_OK;
}

void snapshot_request_encode(const struct snapshot_request *request, struct writer *writer)
{
    if (request->types.size > UINT8_MAX) {
        writer->failed = true;
        return;
    }
    write_u8(writer, request->compression);
    write_u8(writer, (u8)request->types.size);
    write_span(writer, request->types);
}
