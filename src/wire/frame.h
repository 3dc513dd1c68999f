/* The 256-byte headers of generation 2: requests, replies, evictions.
 *
 * A frame is a header and a body, without an outer length prefix:
 *
 *     | header 256, size at byte 48 | body: size - 256 bytes |
 *
 * The layouts stand, byte by byte, at the head of frame.c. All functions are pure; headers are
 * decoded from and encoded into 256 bytes that the caller lends. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"
#include "wire/decode.h"
#include "wire/error.h"

#define FRAME_HEADER_BYTES 256u
#define FRAME_BYTES_MAX (64u * 1024u * 1024u) /* of the protocol, header included, both ways */
#define FRAME_DETECT_BYTES 4u

#define FRAME_COMMAND_REQUEST 5u
#define FRAME_KEEPS_CLIENT 1u
#define FRAME_COMMAND_REPLY 8u
#define FRAME_COMMAND_EVICTION 13u

/* Which generation a connection speaks shows in its first four bytes: they are zero in generation
 * 2 and a length of at least 4 in generation 1. Never wait for more before deciding: the smallest
 * frame of generation 1 has eight bytes, after which that client waits. */
enum frame_generation { FRAME_GENERATION_1 = 1, FRAME_GENERATION_2 = 2 };

enum frame_generation frame_generation(const u8 first[FRAME_DETECT_BYTES]);

/* --- requests --- */

struct request_header {
    struct u128 client;           /* chosen by the client, anew for each Register */
    struct u128 request_checksum; /* 0, or XXH3-64 of the body */
    u64 timestamp;
    u64 request; /* number of the request: echo it exactly */
    u64 session; /* 0 before a login */
    u32 size;    /* header and body */
    u32 code;    /* command code when operation is OP_NON_REPLICATED */
    u8 operation;
    u8 command;        /* FRAME_COMMAND_REQUEST in a real request */
    bool keeps_client; /* of Register: `client` stays the same over connections */
};

/* Reads whatever stands there; `request_header_validate` judges it. */
void request_header_decode(const u8 bytes[FRAME_HEADER_BYTES], struct request_header *header);

/* All other bytes are zero, `command` is set. For our client and tests. */
void request_header_encode(const struct request_header *header, u8 bytes[FRAME_HEADER_BYTES]);

/* Second line of the detection. ERR_INVALID: byte 60 or the size is not that of a request: close.
 * ERR_TOO_LARGE: a request, but larger than `frame_bytes_max` (this server's own limit, at most
 * FRAME_BYTES_MAX): discard `size` bytes and answer WIRE_TOO_BIG_MESSAGE_PAYLOAD. */
must_check enum status request_header_validate(const struct request_header *header,
                                               u32 frame_bytes_max);

/* The rules between the fields, for a frame that is answered either way: the client id is not zero;
 * Register carries session 0 and request 0; ops from 128 up carry a request number. WIRE_OK or
 * WIRE_INVALID_COMMAND. The session number is the session's business: before a login a mutation is
 * answered with an eviction, not with this. */
enum wire_error request_header_rules(const struct request_header *header);

static inline u32 request_body_bytes(const struct request_header *header)
{
    return header->size - FRAME_HEADER_BYTES;
}

/* XXH3-64 of a whole body, zero-extended: what Register, Logout and metadata requests may carry. */
struct u128 request_checksum_of(struct span body);

/* True when the header carries no checksum, or the right one. In Register ask only after the
 * version gate. For bodies up to a few hundred KiB: batches have their own checksums (batch.h). */
bool request_checksum_holds(const struct request_header *header, struct span body);

/* --- replies --- */

struct reply_header {
    struct u128 request_checksum; /* echo */
    struct u128 client;           /* echo */
    u64 op;                       /* log position, or 0 */
    u64 commit;                   /* 0, or a metadata position that never falls */
    u64 timestamp;                /* 0, or server time of the operation, microseconds */
    u64 request;                  /* echo */
    u32 size;                     /* header and body */
    u32 status;                   /* 0 or an error number; the body is empty when it is not 0 */
    u8 operation;                 /* echo */
    u8 command;                   /* FRAME_COMMAND_REPLY; set by encode */
};

/* The echo rules: a reply to `request` with `body_bytes` of body; op, commit and timestamp 0. With
 * a status other than WIRE_OK `body_bytes` is 0. */
struct reply_header reply_header_for(const struct request_header *request, enum wire_error status,
                                     u32 body_bytes);

void reply_header_encode(const struct reply_header *header, u8 bytes[FRAME_HEADER_BYTES]);

/* For the client. ERR_INVALID when it is no reply or the size is out of range: the connection is of
 * no further use. */
must_check enum status reply_header_decode(const u8 bytes[FRAME_HEADER_BYTES],
                                           struct reply_header *header);

/* --- the result section of framed replies: count u32, then (index u32, result u32) each --- */

#define RESULT_OK_BYTES 4u
#define RESULT_REJECTION_BYTES 12u

/* Count zero: a success; the payload follows. */
void write_result_ok(struct writer *writer);

/* Count one, index 0, the error: nothing follows. We refuse by status; this is for tests. */
void write_result_rejection(struct writer *writer, enum wire_error error);

/* Client: takes the section off and gives the first error number in it (0: success). A missing or
 * short section fails the reader. */
u32 read_result(struct reader *reader);

/* --- evictions: they take the place of a reply and carry no request number --- */

enum eviction_reason {
    EVICTION_NO_SESSION = 1,
    EVICTION_INVALID_OPERATION = 4,
    EVICTION_SESSION_TOO_LOW = 7,
    EVICTION_INVALID_CREDENTIALS = 9,
    EVICTION_INVALID_TOKEN = 10,
    EVICTION_USER_INACTIVE = 11,
    EVICTION_SESSION_ERROR = 12,
    EVICTION_STALE_CLIENT = 13,
    EVICTION_INCOMPATIBLE_PROTOCOL = 14,
    EVICTION_MALFORMED_LOGIN = 15,
};

struct eviction {
    struct u128 client;
    u32 version;     /* highest accepted; with EVICTION_INCOMPATIBLE_PROTOCOL, else 0 */
    u32 version_min; /* lowest accepted; likewise */
    u8 reason;       /* enum eviction_reason */
};

/* An eviction of `client`; fills in the version window where the reason asks for it. */
struct eviction eviction_for(struct u128 client, enum eviction_reason reason);

void eviction_encode(const struct eviction *eviction, u8 bytes[FRAME_HEADER_BYTES]);

/* For the client. ERR_INVALID when it is no eviction. */
must_check enum status eviction_decode(const u8 bytes[FRAME_HEADER_BYTES],
                                       struct eviction *eviction);

/* What a client reports for it. Unknown reasons: WIRE_UNAUTHENTICATED. */
enum wire_error eviction_error(const struct eviction *eviction);
