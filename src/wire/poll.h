/* PollMessages (100, 104): which messages a consumer wants, and how they come back.
 *
 *     request   | consumer | stream | topic | partition | strategy u8 | value u64 | count u32 |
 *               | auto_commit u8 |
 *     reply     | partition u32 | current_offset u64 | count u32 | batch | batch | ...
 *
 * The reply has always at least 16 bytes. Its count is exactly the number of frames in all batches.
 * An official client computes offset = base_offset + offset_delta. */
#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "wire/batch.h"
#include "wire/consumer.h"
#include "wire/error.h"
#include "wire/identifier.h"

enum poll_strategy {
    POLL_OFFSET = 1,    /* from that offset */
    POLL_TIMESTAMP = 2, /* from the first message appended at or after that time */
    POLL_FIRST = 3,
    POLL_LAST = 4, /* the last `count`, ascending */
    POLL_NEXT = 5, /* after the stored offset */
};

struct poll_request {
    struct consumer consumer;
    struct identifier stream;
    struct identifier topic;
    struct partition_choice partition;
    u8 strategy; /* enum poll_strategy */
    u64 value;   /* offset or microseconds; ignored by the others */
    u32 count;   /* at most so many messages */
    bool auto_commit;
};

/* An unknown strategy is WIRE_INVALID_COMMAND. */
must_check enum wire_error poll_request_decode(struct span body, struct poll_request *request);
void poll_request_encode(const struct poll_request *request, struct writer *writer);

/* POLL_MESSAGES_WAITING (10100), a command of our own: with nothing at or after the start, the
 * reply waits until there is, at most so long.
 *
 *     request   | wait_ms u32 | a PollMessages request |     the reply is that of PollMessages */
#define POLL_WAIT_MS_MAX 600000u

/* What `poll_request_decode` finds behind the first four bytes; more than the largest wait is the
 * largest. */
must_check enum wire_error poll_waiting_request_decode(struct span body, u32 *wait_ms,
                                                       struct poll_request *request);
void poll_waiting_request_encode(u32 wait_ms, const struct poll_request *request,
                                 struct writer *writer);

#define POLL_REPLY_PREFIX_BYTES 16u

/* Partition number in a reply that tells a group member to ask for its assignment anew. */
#define POLL_RESYNC_PARTITION UINT32_MAX

struct poll_reply_prefix {
    u32 partition_id;
    u64 current_offset; /* newest of the partition; 0 when empty */
    u32 messages_count; /* frames in all batches that follow */
};

void poll_reply_prefix_encode(const struct poll_reply_prefix *prefix, struct writer *writer);

/* The whole body of "you do not own this partition (any more)": resync partition, 0, 0. */
void poll_reply_resync(struct writer *writer);

/* --- for the client --- */

struct polled_message {
    u64 offset;
    u64 timestamp_us;        /* of the append */
    u64 origin_timestamp_us; /* of the client that sent it */
    struct u128 id;
    u64 checksum;
    struct span payload; /* point into the reply */
    struct span user_headers;
};

struct poll_reply {
    struct poll_reply_prefix prefix;
    struct span batches;
};

/* ERR_INVALID when the prefix is not there. */
must_check enum status poll_reply_decode(struct span body, struct poll_reply *reply);

struct poll_iterator {
    struct span batches;
    u32 position;    /* of the next batch */
    u32 frames_left; /* in the batch under way */
    struct batch_header header;
    struct batch_iterator frames;
    bool failed; /* the bytes were no batches; the messages before it are sound */
};

struct poll_iterator poll_iterate(const struct poll_reply *reply);

/* The next message; false at the end or when `failed`. Checksums are not verified: who wants that
 * runs a batch_check_init_stored over each batch. */
bool poll_next(struct poll_iterator *iterator, struct polled_message *message);
