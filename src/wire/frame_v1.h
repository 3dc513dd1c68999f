/* The frames of generation 1 (clients of Apache Iggy 0.8): no version, no number, no checksum.
 *
 *     request  | length u32: 4 + payload | code u32   | payload |
 *     reply    | status u32              | length u32 | payload |
 *
 * The n-th reply of a connection answers its n-th request. A reply with a status other than 0 has
 * length 0. A payload of exactly one byte is never sent: several clients leave it unread. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"
#include "wire/command.h"
#include "wire/error.h"

#define FRAME_V1_HEADER_BYTES 8u
#define FRAME_V1_LENGTH_BYTES 4u /* of the length, which does not count itself */

/* The payload of any request but SendMessages; a longer one is refused unread. */
#define FRAME_V1_PAYLOAD_BYTES_MAX (10u * 1024u * 1024u)

struct request_v1 {
    u32 length; /* 4 and the payload; whatever the client wrote */
    u32 code;
};

void request_v1_decode(const u8 bytes[FRAME_V1_HEADER_BYTES], struct request_v1 *request);
void request_v1_encode(const struct request_v1 *request, u8 bytes[FRAME_V1_HEADER_BYTES]);

/* False: shorter than its own code, so that nobody knows where the next frame begins. */
bool request_v1_is_framed(const struct request_v1 *request);

/* Only of a framed request. */
static inline u32 request_v1_payload_bytes(const struct request_v1 *request)
{
    return request->length - FRAME_V1_LENGTH_BYTES;
}

struct reply_v1 {
    u32 status;
    u32 payload_bytes;
};

void reply_v1_encode(const struct reply_v1 *reply, u8 bytes[FRAME_V1_HEADER_BYTES]);
void reply_v1_decode(const u8 bytes[FRAME_V1_HEADER_BYTES], struct reply_v1 *reply);

/* The command of a code: all of generation 1, and none that came later. LOGIN_USER and
 * LOGIN_WITH_TOKEN are commands here. False: WIRE_INVALID_COMMAND. */
must_check bool command_find_v1(u32 code, enum command *command);

/* All but Ping and the two logins. */
bool command_v1_needs_login(enum command command);

/* Errors after which the connection is over: it is closed behind the reply. */
static inline bool wire_error_ends_v1(enum wire_error error)
{
    return error == WIRE_STALE_CLIENT || error == WIRE_CLIENT_NOT_FOUND;
}

/* The number by which generation 1 knows an error. What came with generation 2 becomes what is
 * nearest to it, or WIRE_UNSPECIFIED. */
enum wire_error wire_error_v1(enum wire_error error);
