/* Messages of generation 1: the same content in another order of fields, without a batch around it.
 *
 *     | checksum u64 | id u128 | offset u64 | timestamp u64 | origin_timestamp u64 |
 *     | user_headers_length u32 | payload_length u32 | reserved u64 |      header, 64 bytes
 *     | payload | user headers |
 *
 * The checksum is XXH3-64 of all that follows it, with what the server assigns in place. It is
 * computed when a message is handed out: requests are not judged by theirs.
 *
 *     a send     | metadata | index entry, 16 bytes, for each message | messages |
 *     an entry   | offset u32 = 0 | position u32: END of the message | timestamp u64 = 0 |
 *
 * Two directions, each cut into steps that a turn of the loop can bear:
 *
 *     messages_v1_check    is a send sound? while it arrives
 *     batch_v1_rewrite     messages of generation 1 ─▶ a batch, over the very memory they lie in
 *     messages_v1_emit     a batch ─▶ messages of generation 1, into memory of any size */
#pragma once

#include "base/bytes.h"
#include "base/prng.h"
#include "wire/batch.h"
#include "wire/error.h"
#include "wire/send.h"

#define MESSAGE_V1_HEADER_BYTES 64u
#define MESSAGE_V1_INDEX_BYTES 16u
#define MESSAGE_V1_PAYLOAD_BYTES_MAX 64000000u
#define MESSAGE_V1_USER_HEADERS_BYTES_MAX 100000u

struct message_v1 {
    u64 checksum;
    struct u128 id; /* 0 in a request: the server draws one */
    u64 offset;
    u64 timestamp_us;
    u64 origin_timestamp_us;
    u32 user_headers_bytes;
    u32 payload_bytes;
    u64 reserved;
};

void message_v1_decode(const u8 bytes[MESSAGE_V1_HEADER_BYTES], struct message_v1 *message);
void message_v1_encode(const struct message_v1 *message, u8 bytes[MESSAGE_V1_HEADER_BYTES]);

/* A random (version 4) UUID in canonical byte order: what 0.8 gives to a message without an id. */
struct u128 message_id_random(struct prng *prng);

/* ---- What stands before the messages ---- */

struct send_v1 {
    struct send_request to; /* its batch_position and batch_bytes are those of the rest: */
    u32 index_position;     /* from the start of the payload */
    u32 messages_position;
    u32 messages_bytes;
};

/* How many bytes of the payload `send_v1_decode` needs, judging from what is there. */
u32 send_v1_prefix_bytes(struct span available);

/* `available` is the beginning of a payload of `payload_bytes`: at least send_v1_prefix_bytes of
 * it, or all of it.
 *
 *     WIRE_INVALID_COMMAND         metadata or index do not fit, or the partitioning is malformed
 *     WIRE_INVALID_IDENTIFIER      stream or topic
 *     WIRE_INVALID_MESSAGES_COUNT  none */
must_check enum wire_error send_v1_decode(struct span available, u32 payload_bytes,
                                          struct send_v1 *send);

/* For tests: metadata alone. */
void send_v1_encode(const struct send_request *to, struct writer *writer);

/* ---- Is it sound? ---- */

/* Looks at every index entry and message header, in order: the first fault decides.
 *
 *     WIRE_NON_ZERO_OFFSET, WIRE_NON_ZERO_TIMESTAMP   in an index entry
 *     WIRE_MISSING_INDEX                              bounds of a message
 *     WIRE_TOO_BIG_MESSAGE_PAYLOAD, WIRE_TOO_BIG_USER_HEADERS
 *     WIRE_INVALID_OFFSET                             offsets of headers fall
 *     WIRE_CANNOT_READ_INDEX_POSITION                 positions of entries fall
 *     WIRE_INVALID_MESSAGES_SIZE                      the messages do not fill the rest
 *
 * Memory: refers to index and messages, which must not move or change until the verdict. */
struct messages_v1_check {
    const u8 *index;
    const u8 *messages;
    u32 messages_bytes;
    u32 messages_count;
    u32 done;
    u32 position;       /* where the next message begins, by the index */
    u32 index_position; /* of the last entry */
    u64 offset_last;
    u64 sum_bytes;
    u64 origin_min_us; /* valid after the first */
    u64 origin_max_us;
    enum wire_error error;
};

void messages_v1_check_init(struct messages_v1_check *check, const u8 *payload,
                            const struct send_v1 *send);

/* `messages_available`: bytes of the messages that are there. As batch_check_step; GOOD comes when
 * all headers were seen, which may be before the last payload is there. */
enum batch_check_result messages_v1_check_step(struct messages_v1_check *check,
                                               u32 messages_available, struct batch_budget *budget);

/* ---- In: a batch ---- */

/* A run of messages whose origin times lie within 2^32 - 1 microseconds: what one batch holds. */
struct messages_v1_run {
    u32 messages_count;
    u32 messages_bytes;
    u64 origin_min_us;
    u64 origin_max_us;
};

/* All messages that were checked, if they fit one batch. */
must_check bool messages_v1_whole_run(const struct messages_v1_check *check,
                                      struct messages_v1_run *run);

/* The longest run from the start of `messages`, where at least one message is, of at most
 * `messages_max` messages. */
void messages_v1_first_run(const u8 *messages, u32 messages_bytes, u32 messages_max,
                           struct messages_v1_run *run);

/* Bytes of the batch that a run becomes. */
u32 messages_v1_batch_bytes(const struct messages_v1_run *run);

/* Writes the batch of a run. `batch` may lie in the same memory, at least BATCH_HEADER_BYTES before
 * `messages`: what is written never overtakes what is read. The batch checksum is left for the
 * stamp, which computes it anyway. */
struct batch_v1_rewrite {
    u8 *batch;
    const u8 *messages;
    struct messages_v1_run run;
    u32 written_bytes;
    u32 read_bytes;
    u32 done;
    u32 body_bytes; /* of the message under way: payload and user headers */
    u32 body_moved_bytes;
    bool is_moving; /* a body that is larger than a step */
    struct xxh3_stream hash;
};

void batch_v1_rewrite_init(struct batch_v1_rewrite *rewrite, u8 *batch, const u8 *messages,
                           const struct messages_v1_run *run);

/* True when the batch is written; false: the budget is spent, call again. */
bool batch_v1_rewrite_step(struct batch_v1_rewrite *rewrite, struct prng *prng,
                           struct batch_budget *budget);

/* ---- Out: messages ---- */

/* Writes the frames of one batch, or of a slice of it, as messages of generation 1. */
struct messages_v1_emit {
    struct batch_header header;
    const u8 *frames;
    u32 frames_bytes;
    u32 position;      /* of the frame under way */
    u32 body_bytes;    /* of its payload and user headers */
    u32 body_position; /* how much of that is hashed, then written */
    u8 step;           /* private to message_v1.c */
    u8 message[MESSAGE_V1_HEADER_BYTES];
    struct xxh3_stream hash;
};

/* `header` is that of the batch, `frames` follow it: they were checked. */
void messages_v1_emit_init(struct messages_v1_emit *emit, const struct batch_header *header,
                           const u8 *frames);

/* Writes what fits and what the budget allows; true when the batch is done. False without anything
 * written means more room or another turn is wanted. */
bool messages_v1_emit_step(struct messages_v1_emit *emit, struct writer *writer,
                           struct batch_budget *budget);
