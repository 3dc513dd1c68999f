#include "wire/frame_v1.h"

#include "base/check.h"

void request_v1_decode(const u8 bytes[FRAME_V1_HEADER_BYTES], struct request_v1 *request)
{
    *request = (struct request_v1){.length = get_u32(bytes), .code = get_u32(bytes + 4)};
}

void request_v1_encode(const struct request_v1 *request, u8 bytes[FRAME_V1_HEADER_BYTES])
{
    put_u32(bytes, request->length);
    put_u32(bytes + 4, request->code);
}

bool request_v1_is_framed(const struct request_v1 *request)
{
    return request->length >= FRAME_V1_LENGTH_BYTES;
}

void reply_v1_encode(const struct reply_v1 *reply, u8 bytes[FRAME_V1_HEADER_BYTES])
{
    check(reply->status == 0 || reply->payload_bytes == 0);
    check(reply->payload_bytes != 1);

    put_u32(bytes, reply->status);
    put_u32(bytes + 4, reply->payload_bytes);
}

void reply_v1_decode(const u8 bytes[FRAME_V1_HEADER_BYTES], struct reply_v1 *reply)
{
    *reply = (struct reply_v1){.status = get_u32(bytes), .payload_bytes = get_u32(bytes + 4)};
}

/* What generation 2 brought. */
static bool is_later(enum command command)
{
    switch ((u32)command) {
    case COMMAND_DESCRIBE_OPTIONS:
    case COMMAND_ATTACH_CONSUMER_SESSION:
    case COMMAND_REGISTER:
    case COMMAND_REGISTER_WITH_TOKEN:
    case COMMAND_GET_POLL_ROUTING:
    case COMMAND_POLL_MESSAGES_ON_PRIMARY:
    case COMMAND_GET_CONSUMER_OFFSET_ROUTING:
    case COMMAND_SYNC_GROUP: return true;
    default: return false;
    }
}

bool command_find_v1(u32 code, enum command *command)
{
    for (u32 i = 0; i < COMMAND_COUNT; i++) {
        if (command_row((enum command)i)->code == code && !is_later((enum command)i)) {
            *command = (enum command)i;
            return true;
        }
    }
    return false;
}

bool command_v1_needs_login(enum command command)
{
    return command != COMMAND_PING && command != COMMAND_LOGIN_USER &&
           command != COMMAND_LOGIN_WITH_TOKEN;
}

enum wire_error wire_error_v1(enum wire_error error)
{
    switch ((u32)error) {
    case WIRE_INVALID_TOKEN: return WIRE_RESOURCE_NOT_FOUND;
    case WIRE_PARTITION_ID_SPACE_EXHAUSTED: return WIRE_TOO_MANY_PARTITIONS;
    case WIRE_GROUP_NAME_NOT_FOUND: return WIRE_GROUP_ID_NOT_FOUND;
    case WIRE_GROUP_PARTITION_NOT_OWNED: return WIRE_NOT_RESOLVED_CONSUMER;
    case WIRE_UNSUPPORTED_OPTION_KEY:
    case WIRE_INVALID_OPTION_VALUE:
    case WIRE_OPTIONS_BLOCK_TOO_LARGE: return WIRE_INVALID_FORMAT;
    case WIRE_INVALID_TOKEN_EXPIRY:
    case WIRE_TRANSIENT_NOT_COMMITTED:
    case WIRE_TRANSIENT_NOT_ACCEPTED:
    case WIRE_REQUEST_ALREADY_APPLIED:
    case WIRE_TOO_MANY_STREAMS:
    case WIRE_TOO_MANY_TOPICS:
    case WIRE_TOO_MANY_CONSUMER_OFFSETS:
    case WIRE_ALREADY_AUTHENTICATED:
    case WIRE_INVALID_SESSION:
    case WIRE_INCOMPATIBLE_PROTOCOL_VERSION: return WIRE_UNSPECIFIED;
    default: return error;
    }
}
