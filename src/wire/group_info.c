#include "wire/group_info.h"

#include "wire/name.h"

enum wire_error group_request_decode(struct span body, struct group_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct group_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.group = decode_identifier(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void group_request_encode(const struct group_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_identifier(writer, &request->group);
}

enum wire_error create_group_request_decode(struct span body, struct create_group_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_group_request found;
    found.stream = decode_identifier(&decoder);
    found.topic = decode_identifier(&decoder);
    found.name = decode_name(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_group_request_encode(const struct create_group_request *request, struct writer *writer)
{
    write_identifier(writer, &request->stream);
    write_identifier(writer, &request->topic);
    write_name(writer, request->name);
}

void write_group_info(struct writer *writer, const struct group_info *info)
{
    write_u32(writer, info->id);
    write_u32(writer, info->partitions_count);
    write_u32(writer, info->members_count);
    write_name(writer, info->name);
}

struct group_info read_group_info(struct reader *reader)
{
    struct group_info info;
    info.id = read_u32(reader);
    info.partitions_count = read_u32(reader);
    info.members_count = read_u32(reader);
    info.name = read_name(reader);
    return info;
}

static void write_partitions(struct writer *writer, const u8 *partitions, u32 count)
{
    write_u32(writer, count);
    if (count > writer->capacity / 4) {
        writer->failed = true;
        return;
    }
    write_bytes(writer, partitions, count * 4);
}

/* The run in place; a count that the bytes do not bear out fails the reader. */
static const u8 *read_partitions(struct reader *reader, u32 *count)
{
    *count = read_u32(reader);
    if (*count > reader_left(reader) / 4) {
        reader->failed = true;
        *count = 0;
    }
    return read_bytes(reader, *count * 4);
}

void write_group_member(struct writer *writer, const struct group_member *member)
{
    write_u32(writer, member->id);
    write_partitions(writer, member->partitions, member->partitions_count);
}

void write_group_member_start(struct writer *writer, u32 id, u32 partitions_count)
{
    write_u32(writer, id);
    write_u32(writer, partitions_count);
}

struct group_member read_group_member(struct reader *reader)
{
    struct group_member member;
    member.id = read_u32(reader);
    member.partitions = read_partitions(reader, &member.partitions_count);
    return member;
}

void write_group_assignment_start(struct writer *writer, u64 generation, u32 partitions_count)
{
    write_u64(writer, generation);
    write_u32(writer, partitions_count);
}

void group_assignment_encode(const struct group_assignment *assignment, struct writer *writer)
{
    write_u64(writer, assignment->generation);
    write_partitions(writer, assignment->partitions, assignment->partitions_count);
}

enum status group_assignment_decode(struct span body, struct group_assignment *assignment)
{
    if (body.size == 0) {
        return ERR_NOT_FOUND;
    }
    struct reader reader = reader_over(body.data, body.size);
    struct group_assignment found;
    found.generation = read_u64(&reader);
    found.partitions = read_partitions(&reader, &found.partitions_count);
    if (!reader_is_done(&reader)) {
        return ERR_INVALID;
    }
    *assignment = found;
    return OK;
}
