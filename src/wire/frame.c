/* Request, client to server. What is not listed is sent as zero and ignored.
 *
 *     48   4  size u32: header and body
 *     60   1  command u8: 5
 *     62   1  Register alone, u8: 1 when the client keeps its id over connections. Our own: clients
 *             of others send 0, and nothing but 1 in a Register means anything
 *    128  16  client u128
 *    144  16  request_checksum u128: 0, or XXH3-64 of the body
 *    160   8  timestamp u64
 *    168   8  request u64
 *    176   1  operation u8
 *    184   8  session u64
 *    196   4  code u32, when operation is 2
 *
 * Reply, server to client. What is not listed is zero.
 *
 *     48   4  size u32: header and body
 *     60   1  command u8: 8
 *    128  16  request_checksum u128: echo
 *    160  16  client u128: echo
 *    176   8  op u64
 *    184   8  commit u64
 *    192   8  timestamp u64
 *    200   8  request u64: echo
 *    208   1  operation u8: echo
 *    216   4  status u32
 *
 * Eviction, server to client, without a body.
 *
 *     48   4  size u32: 256
 *     60   1  command u8: 13
 *    128  16  client u128
 *    144   4  highest accepted protocol version u32, reason 14 only
 *    148   4  lowest accepted protocol version u32, reason 14 only
 *    255   1  reason u8 */
#include "wire/frame.h"

#include "base/check.h"
#include "wire/command.h"
#include "wire/login.h"
#include "wire/xxh3.h"

enum frame_generation frame_generation(const u8 first[FRAME_DETECT_BYTES])
{
    return get_u32(first) == 0 ? FRAME_GENERATION_2 : FRAME_GENERATION_1;
}

void request_header_decode(const u8 bytes[FRAME_HEADER_BYTES], struct request_header *header)
{
    *header = (struct request_header){
        .size = get_u32(bytes + 48),
        .command = bytes[60],
        .client = get_u128(bytes + 128),
        .request_checksum = get_u128(bytes + 144),
        .timestamp = get_u64(bytes + 160),
        .request = get_u64(bytes + 168),
        .operation = bytes[176],
        .session = get_u64(bytes + 184),
        .code = get_u32(bytes + 196),
        .keeps_client = bytes[176] == OP_REGISTER && bytes[62] == FRAME_KEEPS_CLIENT,
    };
}

void request_header_encode(const struct request_header *header, u8 bytes[FRAME_HEADER_BYTES])
{
    memset(bytes, 0, FRAME_HEADER_BYTES);
    put_u32(bytes + 48, header->size);
    bytes[60] = FRAME_COMMAND_REQUEST;
    bytes[62] = header->keeps_client ? FRAME_KEEPS_CLIENT : 0;
    put_u128(bytes + 128, header->client);
    put_u128(bytes + 144, header->request_checksum);
    put_u64(bytes + 160, header->timestamp);
    put_u64(bytes + 168, header->request);
    bytes[176] = header->operation;
    put_u64(bytes + 184, header->session);
    put_u32(bytes + 196, header->code);
}

enum status request_header_validate(const struct request_header *header, u32 frame_bytes_max)
{
    check(frame_bytes_max >= FRAME_HEADER_BYTES);
    check(frame_bytes_max <= FRAME_BYTES_MAX);

    if (header->command != FRAME_COMMAND_REQUEST) {
        return ERR_INVALID;
    }
    if (header->size < FRAME_HEADER_BYTES || header->size > FRAME_BYTES_MAX) {
        return ERR_INVALID;
    }
    return header->size > frame_bytes_max ? ERR_TOO_LARGE : OK;
}

enum wire_error request_header_rules(const struct request_header *header)
{
    if (u128_is_zero(header->client)) {
        return WIRE_INVALID_COMMAND;
    }
    if (header->operation == OP_REGISTER && (header->session != 0 || header->request != 0)) {
        return WIRE_INVALID_COMMAND;
    }
    if (header->operation >= OP_METADATA_MIN && header->request == 0) {
        return WIRE_INVALID_COMMAND;
    }
    return WIRE_OK;
}

struct u128 request_checksum_of(struct span body)
{
    return (struct u128){.low = xxh3(body.data, body.size)};
}

bool request_checksum_holds(const struct request_header *header, struct span body)
{
    return u128_is_zero(header->request_checksum) ||
           u128_equal(header->request_checksum, request_checksum_of(body));
}

struct reply_header reply_header_for(const struct request_header *request, enum wire_error status,
                                     u32 body_bytes)
{
    check(status == WIRE_OK || body_bytes == 0);
    check(body_bytes <= FRAME_BYTES_MAX - FRAME_HEADER_BYTES);

    return (struct reply_header){
        .request_checksum = request->request_checksum,
        .client = request->client,
        .request = request->request,
        .size = FRAME_HEADER_BYTES + body_bytes,
        .status = (u32)status,
        .operation = request->operation,
        .command = FRAME_COMMAND_REPLY,
    };
}

void reply_header_encode(const struct reply_header *header, u8 bytes[FRAME_HEADER_BYTES])
{
    memset(bytes, 0, FRAME_HEADER_BYTES);
    put_u32(bytes + 48, header->size);
    bytes[60] = FRAME_COMMAND_REPLY;
    put_u128(bytes + 128, header->request_checksum);
    put_u128(bytes + 160, header->client);
    put_u64(bytes + 176, header->op);
    put_u64(bytes + 184, header->commit);
    put_u64(bytes + 192, header->timestamp);
    put_u64(bytes + 200, header->request);
    bytes[208] = header->operation;
    put_u32(bytes + 216, header->status);
}

enum status reply_header_decode(const u8 bytes[FRAME_HEADER_BYTES], struct reply_header *header)
{
    u32 size = get_u32(bytes + 48);
    if (bytes[60] != FRAME_COMMAND_REPLY || size < FRAME_HEADER_BYTES || size > FRAME_BYTES_MAX) {
        return ERR_INVALID;
    }
    *header = (struct reply_header){
        .size = size,
        .command = bytes[60],
        .request_checksum = get_u128(bytes + 128),
        .client = get_u128(bytes + 160),
        .op = get_u64(bytes + 176),
        .commit = get_u64(bytes + 184),
        .timestamp = get_u64(bytes + 192),
        .request = get_u64(bytes + 200),
        .operation = bytes[208],
        .status = get_u32(bytes + 216),
    };
    return OK;
}

void write_result_ok(struct writer *writer)
{
    write_u32(writer, 0);
}

void write_result_rejection(struct writer *writer, enum wire_error error)
{
    check(error != WIRE_OK);
    write_u32(writer, 1);
    write_u32(writer, 0);
    write_u32(writer, (u32)error);
}

u32 read_result(struct reader *reader)
{
    u32 count = read_u32(reader);
    u32 first = 0;
    for (u32 i = 0; i < count && !reader->failed; i++) {
        (void)read_u32(reader);
        u32 result = read_u32(reader);
        first = i == 0 ? result : first;
    }
    return first;
}

struct eviction eviction_for(struct u128 client, enum eviction_reason reason)
{
    struct eviction eviction = {.client = client, .reason = (u8)reason};
    if (reason == EVICTION_INCOMPATIBLE_PROTOCOL) {
        eviction.version = PROTOCOL_VERSION;
        eviction.version_min = PROTOCOL_VERSION;
    }
    return eviction;
}

void eviction_encode(const struct eviction *eviction, u8 bytes[FRAME_HEADER_BYTES])
{
    memset(bytes, 0, FRAME_HEADER_BYTES);
    put_u32(bytes + 48, FRAME_HEADER_BYTES);
    bytes[60] = FRAME_COMMAND_EVICTION;
    put_u128(bytes + 128, eviction->client);
    put_u32(bytes + 144, eviction->version);
    put_u32(bytes + 148, eviction->version_min);
    bytes[255] = eviction->reason;
}

enum status eviction_decode(const u8 bytes[FRAME_HEADER_BYTES], struct eviction *eviction)
{
    if (bytes[60] != FRAME_COMMAND_EVICTION || get_u32(bytes + 48) != FRAME_HEADER_BYTES) {
        return ERR_INVALID;
    }
    *eviction = (struct eviction){
        .client = get_u128(bytes + 128),
        .version = get_u32(bytes + 144),
        .version_min = get_u32(bytes + 148),
        .reason = bytes[255],
    };
    return OK;
}

enum wire_error eviction_error(const struct eviction *eviction)
{
    switch ((enum eviction_reason)eviction->reason) {
    case EVICTION_INVALID_OPERATION: return WIRE_INVALID_COMMAND;
    case EVICTION_INVALID_CREDENTIALS: return WIRE_INVALID_CREDENTIALS;
    case EVICTION_INVALID_TOKEN: return WIRE_INVALID_TOKEN;
    case EVICTION_STALE_CLIENT: return WIRE_STALE_CLIENT;
    case EVICTION_INCOMPATIBLE_PROTOCOL:
        /* Without a usable window the reason says nothing. */
        return eviction->version_min == 0 || eviction->version < eviction->version_min
                   ? WIRE_UNAUTHENTICATED
                   : WIRE_INCOMPATIBLE_PROTOCOL_VERSION;
    case EVICTION_MALFORMED_LOGIN: return WIRE_INVALID_FORMAT;
    case EVICTION_NO_SESSION:
    case EVICTION_SESSION_TOO_LOW:
    case EVICTION_USER_INACTIVE:
    case EVICTION_SESSION_ERROR: return WIRE_UNAUTHENTICATED;
    }
    return WIRE_UNAUTHENTICATED; /* a reason that is not in our list */
}
