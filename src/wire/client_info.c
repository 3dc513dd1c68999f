#include "wire/client_info.h"

#include "wire/decode.h"

enum wire_error get_client_request_decode(struct span body, u32 *client_id)
{
    struct decoder decoder = decoder_over(body);
    u32 found = read_u32(&decoder.reader);
    if (decoder.reader.failed) {
        return WIRE_INVALID_COMMAND;
    }
    *client_id = found;
    return WIRE_OK;
}

void get_client_request_encode(u32 client_id, struct writer *writer)
{
    write_u32(writer, client_id);
}

void write_client_info(struct writer *writer, const struct client_info *info)
{
    write_u32(writer, info->client_id);
    write_u32(writer, info->user_id);
    write_u8(writer, info->transport);
    write_text(writer, info->address);
    write_u32(writer, info->groups_count);
}

void write_client_group(struct writer *writer, const struct client_group *group)
{
    write_u32(writer, group->stream_id);
    write_u32(writer, group->topic_id);
    write_u32(writer, group->group_id);
}

struct client_info read_client_info(struct reader *reader)
{
    struct client_info info;
    info.client_id = read_u32(reader);
    info.user_id = read_u32(reader);
    info.transport = read_u8(reader);
    info.address = read_text(reader);
    info.groups_count = read_u32(reader);
    return info;
}

struct client_group read_client_group(struct reader *reader)
{
    struct client_group group;
    group.stream_id = read_u32(reader);
    group.topic_id = read_u32(reader);
    group.group_id = read_u32(reader);
    return group;
}
