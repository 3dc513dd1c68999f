/* SendMessages (101): where a batch goes, and where it went.
 *
 *     | metadata_length u32 | stream | topic | partitioning | messages_count u32 | batch ...
 *     partitioning = | kind u8 | length u8 | value |
 *
 * The first part is decoded as soon as it is there; the batch behind it is verified while it
 * arrives (batch_check). The reply has no result section and is never empty. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "wire/error.h"
#include "wire/identifier.h"

#define SEND_METADATA_BYTES_MAX (2u * IDENTIFIER_BYTES_MAX + 257u + 4u)
#define SEND_PREFIX_BYTES_MAX (4u + SEND_METADATA_BYTES_MAX)

enum partitioning_kind {
    PARTITIONING_BALANCED = 1,  /* the server chooses in turn */
    PARTITIONING_PARTITION = 2, /* that one */
    PARTITIONING_KEY = 3,       /* by hash of the key */
};

struct partitioning {
    u8 kind; /* enum partitioning_kind */
    u32 partition_id;
    struct span key; /* 1 to 255 bytes */
};

struct send_request {
    struct identifier stream;
    struct identifier topic;
    struct partitioning partitioning;
    u32 messages_count;
    u32 batch_position; /* from the start of the body */
    u32 batch_bytes;    /* the rest of the body */
};

/* How many bytes of the body `send_request_decode` needs, judging from what is there: never more
 * than SEND_PREFIX_BYTES_MAX. */
u32 send_prefix_bytes(struct span available);

/* `available` is the beginning of a body of `body_bytes`: at least send_prefix_bytes of it, or all
 * of it. WIRE_INVALID_COMMAND when anything does not fit. */
must_check enum wire_error send_request_decode(struct span available, u32 body_bytes,
                                               struct send_request *request);

/* Writes everything before the batch; batch_position and batch_bytes are not looked at. */
void send_request_encode(const struct send_request *request, struct writer *writer);

/* The partition of a key. `partitions_count` is at least 1. All clients compute the same. */
u32 partition_of_key(struct span key, u32 partitions_count);

struct send_confirmation {
    u32 stream_id; /* numbers, also when the request used names */
    u32 topic_id;
    u32 partition_id;
    u64 base_offset;
};

#define SEND_REPLY_BYTES 24u /* count 4, ids 12, offset 8 */

/* A count of one and the confirmation. */
void send_reply_encode(const struct send_confirmation *confirmation, struct writer *writer);

/* ERR_INVALID when the body is not exactly one confirmation. */
must_check enum status send_reply_decode(struct span body, struct send_confirmation *confirmation);
