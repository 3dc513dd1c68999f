#include "wire/user_info.h"

#include "wire/name.h"
#include "wire/options.h"
#include "wire/permissions.h"

enum wire_error user_request_decode(struct span body, struct user_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct user_request found = {.user = decode_identifier(&decoder)};
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void user_request_encode(const struct user_request *request, struct writer *writer)
{
    write_identifier(writer, &request->user);
}

static u8 decode_user_status(struct decoder *decoder)
{
    u8 status = read_u8(&decoder->reader);
    if (status != USER_ACTIVE && status != USER_INACTIVE) {
        decoder_refuse(decoder, WIRE_INVALID_COMMAND);
    }
    return status;
}

/* An empty span when there are none. */
static struct span decode_permissions(struct decoder *decoder, bool *present)
{
    *present = decode_presence(decoder);
    if (!*present) {
        return (struct span){0};
    }
    struct span block = read_text(&decoder->reader);
    enum wire_error error = permissions_validate(block);
    if (!decoder->reader.failed && error != WIRE_OK) {
        decoder_refuse(decoder, WIRE_INVALID_FORMAT);
    }
    return block;
}

static void write_permissions(struct writer *writer, bool present, struct span block)
{
    write_u8(writer, present ? 1 : 0);
    if (present) {
        write_text(writer, block);
    }
}

static struct create_user_request decode_create(struct decoder *decoder)
{
    struct create_user_request found;
    found.username = decode_name(decoder);
    found.password = decode_password(decoder);
    found.status = decode_user_status(decoder);
    found.permissions = decode_permissions(decoder, &found.has_permissions);
    return found;
}

enum wire_error create_user_request_decode(struct span body, struct create_user_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_user_request found = decode_create(&decoder);
    enum wire_error error = decode_no_options(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

enum wire_error create_user_v1_decode(struct span body, struct create_user_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct create_user_request found = decode_create(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void create_user_request_encode(const struct create_user_request *request, struct writer *writer)
{
    write_name(writer, request->username);
    write_name(writer, request->password);
    write_u8(writer, request->status);
    write_permissions(writer, request->has_permissions, request->permissions);
}

static struct update_user_request decode_update(struct decoder *decoder)
{
    struct update_user_request found = {.user = decode_identifier(decoder)};
    found.has_username = decode_presence(decoder);
    if (found.has_username) {
        found.username = decode_name(decoder);
    }
    found.has_status = decode_presence(decoder);
    if (found.has_status) {
        found.status = decode_user_status(decoder);
    }
    return found;
}

enum wire_error update_user_request_decode(struct span body, struct update_user_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_user_request found = decode_update(&decoder);
    enum wire_error error = decode_no_options(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

enum wire_error update_user_v1_decode(struct span body, struct update_user_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_user_request found = decode_update(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void update_user_request_encode(const struct update_user_request *request, struct writer *writer)
{
    write_identifier(writer, &request->user);
    write_u8(writer, request->has_username ? 1 : 0);
    if (request->has_username) {
        write_name(writer, request->username);
    }
    write_u8(writer, request->has_status ? 1 : 0);
    if (request->has_status) {
        write_u8(writer, request->status);
    }
}

enum wire_error update_permissions_request_decode(struct span body,
                                                  struct update_permissions_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct update_permissions_request found = {.user = decode_identifier(&decoder)};
    found.permissions = decode_permissions(&decoder, &found.has_permissions);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void update_permissions_request_encode(const struct update_permissions_request *request,
                                       struct writer *writer)
{
    write_identifier(writer, &request->user);
    write_permissions(writer, request->has_permissions, request->permissions);
}

enum wire_error change_password_request_decode(struct span body,
                                               struct change_password_request *request)
{
    struct decoder decoder = decoder_over(body);
    struct change_password_request found;
    found.user = decode_identifier(&decoder);
    found.current = decode_password(&decoder);
    found.new = decode_password(&decoder);
    enum wire_error error = decoder_result(&decoder);
    if (error == WIRE_OK) {
        *request = found;
    }
    return error;
}

void change_password_request_encode(const struct change_password_request *request,
                                    struct writer *writer)
{
    write_identifier(writer, &request->user);
    write_name(writer, request->current);
    write_name(writer, request->new);
}

void write_user_info(struct writer *writer, const struct user_info *info)
{
    write_u32(writer, info->id);
    write_u64(writer, info->created_at_us);
    write_u8(writer, info->status);
    write_name(writer, info->username);
    write_u32(writer, 0); /* options: users have none */
}

struct user_info read_user_info(struct reader *reader)
{
    struct user_info info;
    info.id = read_u32(reader);
    info.created_at_us = read_u64(reader);
    info.status = read_u8(reader);
    info.username = read_name(reader);
    (void)read_text(reader);
    return info;
}

void write_user_record_v1(struct writer *writer, const struct user_info *info)
{
    write_u32(writer, info->id);
    write_u64(writer, info->created_at_us);
    write_u8(writer, info->status);
    write_name(writer, info->username);
}

struct user_info read_user_record_v1(struct reader *reader)
{
    struct user_info info;
    info.id = read_u32(reader);
    info.created_at_us = read_u64(reader);
    info.status = read_u8(reader);
    info.username = read_name(reader);
    return info;
}

void write_user_permissions(struct writer *writer, bool has_permissions, struct span permissions)
{
    if (has_permissions) {
        write_permissions(writer, true, permissions);
    } else {
        write_u32(writer, 0); /* four bytes, not one: official clients read them all */
    }
}

struct span read_user_permissions(struct reader *reader, bool *has_permissions)
{
    *has_permissions = read_u8(reader) == 1;
    if (*has_permissions) {
        return read_text(reader);
    }
    (void)read_bytes(reader, 3);
    return (struct span){0};
}
